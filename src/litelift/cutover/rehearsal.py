"""A rehearsal: the same steps beside the serving application, with names of their own, and then the way back."""

from __future__ import annotations

from litelift.cutover.settings import (
    Code,
    ContainerTarget,
    EmbeddedTarget,
    ExistingTarget,
    Maintenance,
    Runbook,
    Services,
)
from litelift.errors import UsageError

_MARK = "rehearsal"


def rehearsed(runbook: Runbook) -> Runbook:
    """The runbook of its rehearsal: another database, role and container; nothing of the application is touched.

    The keys of ``environment`` stay: ``move.schema_commands`` have them in their environment, or they would work on the
    database that the application uses. Its files are not switched.

    Raises UsageError where the target is a database that is there already, and that would have to be emptied again.
    """
    target: ExistingTarget | EmbeddedTarget | ContainerTarget = runbook.target
    if isinstance(target, ExistingTarget) and target.url is not None:
        raise UsageError(
            message="a rehearsal needs a database of its own, and target.url names the real one",
            hint='Name target.admin instead, or rehearse with [target] kind = "embedded".',
        )
    names: dict[str, object] = {"database": f"{target.database}_{_MARK}", "role": f"{target.role}_{_MARK}"}
    if isinstance(target, ContainerTarget):
        names |= {"name": f"{target.name}-{_MARK}", "volume": f"{target.volume}-{_MARK}", "compose": None}
    changed = runbook.model_copy(
        update={
            "target": target.model_copy(update=names),
            "maintenance": Maintenance(),
            "services": Services(),
            "code": Code(),
        }
    )
    return changed.at(runbook.path)
