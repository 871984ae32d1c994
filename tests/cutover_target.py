"""Steps of the runbook by themselves: done, confirmed and undone as the runner does it, with a journal on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litelift.cutover.context import Context
from litelift.cutover.journal import read_journal
from litelift.cutover.settings import Runbook
from litelift.cutover.step import Facts, Step


class Killed(BaseException):
    """Stands for a kill -9: nothing of the step comes after it."""


def context_of(folder: Path, target: dict[str, Any], **sections: Any) -> Context:
    """A run in ``folder``, whose project has a database app.sqlite."""
    (folder / "run").mkdir(parents=True, exist_ok=True)
    runbook = Runbook.model_validate({"source": {"path": "app.sqlite"}, "target": target, **sections})
    return Context(runbook.at(folder / "litelift.toml"), read_journal(folder / "run"))


def carry_out(step: Step, context: Context) -> Facts:
    """Check, do and confirm; where it was started already, with the facts of then."""
    context.step = step.name
    if context.journal.last(step.name) != "started":
        context.journal.write("started", step=step.name, facts=step.check(context))
    facts = context.facts(step.name)
    facts |= step.do(context, dict(facts)) or {}
    facts |= step.confirm(context, dict(facts)) or {}
    context.journal.write("done", step=step.name, facts=facts)
    return context.facts(step.name)


def undo(step: Step, context: Context) -> Facts:
    """Undo, with what the journal on disk knows."""
    context.step = step.name
    context.journal.lines = read_journal(context.journal.folder).lines
    return step.undo(context, context.facts(step.name)) or {}


def killed_when(context: Context, message: str) -> None:
    """Have the next note or issue whose line holds ``message`` be the last thing that the step does."""
    write = context.journal.write

    def killing(event: str, **facts: Any) -> Any:
        line = write(event, **facts)
        if message in str(facts):
            context.journal.write = write  # type: ignore[method-assign]
            raise Killed
        return line

    context.journal.write = killing  # type: ignore[method-assign]


def issues(context: Context) -> list[str]:
    """What was told."""
    return [f"{line.values['message']}: {line.values['resolved']}" for line in context.journal.events("issue")]


def everything_written(folder: Path) -> str:
    """All that a run wrote, but for the logins."""
    kept = [path for path in folder.rglob("*") if path.is_file() and path.name not in _SECRET]
    return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in kept)


_SECRET = ("credentials.json", "superuser.json", ".postgres-superuser-password")
