"""How the evening goes, in words, and what of it was done."""

from __future__ import annotations

from collections.abc import Sequence

from litelift.cutover.context import Context
from litelift.cutover.overview import Overview
from litelift.cutover.settings import ContainerTarget, EmbeddedTarget
from litelift.cutover.step import Step
from litelift.report.format import count
from litelift.report.view import Report

_UNCHANGED = " After the move the file was looked at again: nobody had written to it meanwhile."


def method(context: Context, overview: Overview, steps: Sequence[Step], move: Report | None) -> list[tuple[str, str]]:
    """Headed paragraphs."""
    done = {line.values["step"] for line in context.journal.events("done")}
    whole = [
        (
            "One runbook, step by step",
            f"{count(len(steps), 'step')} in {count(len(overview.phases), 'phase')}. Each is checked before it is "
            "done, and confirmed by another look than its own word; what it will make is on the disk before it is "
            "made, so that it can be gone on with, or taken back, after a kill or a power cut.",
        )
    ]
    if overview.mode == "rehearsal":
        whole.append(
            (
                "A rehearsal",
                "The steps were done beside the serving application, with a database of its own: nothing of the "
                "application was stopped, changed or switched. Then all of it was taken back.",
            )
        )
    if "server" in done:
        whole.append(("Set PostgreSQL up", _target(context)))
    closed = [
        word
        for word, step in (("closed for its users", "maintenance-on"), ("stopped", "services-stop"))
        if step in done
    ]
    if "source-keep" in done:
        whole.append(
            (
                "Kept the source",
                (f"With the application {' and '.join(closed)}, " if closed else "")
                + "the SQLite file was copied at one snapshot, and its checksum noted."
                + (_UNCHANGED if "source-unchanged" in done else ""),
            )
        )
    if move is not None:
        whole += move.method
    if "switch" in done:
        whole.append(
            (
                "Switched the configuration",
                "Only the lines of the runbook's keys were changed, each file whole or not at all; as it was before, "
                "it is kept.",
            )
        )
    if "health" in done or "health-open" in done:
        whole.append(
            (
                "Looked at the application",
                "The health checks of the runbook were made on SQLite first, and on PostgreSQL after the switch: as "
                "the application's users find it.",
            )
        )
    return whole


def _target(context: Context) -> str:
    target = context.runbook.target
    rights = "The application's role has a generated password, owns its database, and may do nothing else."
    if isinstance(target, ContainerTarget):
        return f"In a container of its own, with a volume, a health check and limits. {rights}"
    if isinstance(target, EmbeddedTarget):
        return f"The PostgreSQL that comes with litelift, in a folder beside the source. {rights}"
    if target.url is not None:
        return "A database that was there already; its settings were checked, and nothing was made but the tables."
    return f"On a server that was there already. {rights}"
