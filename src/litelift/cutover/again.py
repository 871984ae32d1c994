"""What a run that is gone on with does again: the application, or the machine, may have gone on without it."""

from __future__ import annotations

from collections.abc import Collection

from litelift.cutover.context import Context
from litelift.cutover.step import Step
from litelift.cutover.steps.source import changed_since_kept
from litelift.cutover.switched import replaced

_CLOSING = ("maintenance-on", "services-stop")
_MOVING = ("source-keep", "move", "source-unchanged", "mark")


class Again:
    """Says which of the steps that stand have to be done once more, for as long as the switch is not made.

    A run may be gone on with after a restart, which brought the services up again; so the application is closed anew.
    What was written to the source since it was kept is kept and moved anew.
    """

    def __init__(self, context: Context, steps: Collection[Step]) -> None:
        """Of the ``steps`` as they stand now."""
        journal = context.journal
        begun = any(journal.last(step.name) in ("started", "done") for step in steps if _serves(step))
        self.context = context
        self.stood = set() if begun or replaced(context) else {s.name for s in steps if journal.stands(s.name)}
        self.how: str | None = None

    def __call__(self, step: Step) -> bool:
        """Whether this one that stands is to be done again; it is then begun, with the facts that it had."""
        journal = self.context.journal
        if step.name not in self.stood:
            return False
        if step.name == "source-keep":
            try:
                self.how = changed_since_kept(self.context)
            except OSError as error:
                # The step itself says the rest.
                self.how = f"it cannot be read: {error.strerror}"
            if self.how is not None:
                self.context.step = step.name
                self.context.issue(
                    f"the SQLite file was written to since it was kept ({self.how})", "it is kept and moved again"
                )
        if step.name in _CLOSING or (step.name in _MOVING and self.how is not None):
            facts = {**journal.facts(step.name), "again": True}
            journal.write("started", step=step.name, phase=step.phase, facts=facts)
            return True
        return False


def _serves(step: Step) -> bool:
    """Whether the application may write to PostgreSQL once the step has begun; of the switch its files say it."""
    return step.phase >= 5 and step.name not in ("mark", "switch")
