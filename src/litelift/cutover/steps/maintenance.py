"""Closes the application for its users, and opens it again: by its own commands."""

from __future__ import annotations

from litelift.cutover.commands import shown
from litelift.cutover.context import Context
from litelift.cutover.step import Facts, Step, Undo
from litelift.errors import CommandFailed


class MaintenanceOn(Step):
    """Before the last snapshot. Its undoing opens the application again."""

    name = "maintenance-on"
    title = "Close the application (maintenance)"
    back = "Open the application (maintenance off)"
    phase = 4
    undo_stage = Undo.OPEN

    def wanted(self, context: Context) -> bool:
        """Whether the runbook has commands for it."""
        return bool(context.runbook.maintenance.on) and not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """Its commands."""
        return [shown(command) for command in context.runbook.maintenance.on]

    def estimate(self, context: Context) -> float:
        """A command or two."""
        return 2.0 * len(context.runbook.maintenance.on)

    def do(self, context: Context, facts: Facts) -> None:
        """Run maintenance.on. Where it was done before the run was interrupted, it may say so."""
        try:
            context.run(context.runbook.maintenance.on)
        except CommandFailed as error:
            if not facts.get("again"):
                raise
            context.issue(error.message, "taken as closed: it was before the run was interrupted")

    def undo(self, context: Context, facts: Facts) -> None:
        """Run maintenance.off."""
        context.run(context.runbook.maintenance.off)


class MaintenanceOff(Step):
    """After the checks. Its undoing closes the application again, for the way back."""

    name = "maintenance-off"
    title = "Open the application (maintenance off)"
    back = "Close the application (maintenance)"
    phase = 5
    undo_stage = Undo.CLOSE

    def wanted(self, context: Context) -> bool:
        """Whether the runbook has commands for it."""
        return bool(context.runbook.maintenance.on) and not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """Its commands."""
        return [shown(command) for command in context.runbook.maintenance.off]

    def estimate(self, context: Context) -> float:
        """A command or two."""
        return 2.0 * len(context.runbook.maintenance.off)

    def do(self, context: Context, facts: Facts) -> None:
        """Run maintenance.off."""
        context.run(context.runbook.maintenance.off)

    def undo(self, context: Context, facts: Facts) -> None:
        """Run maintenance.on."""
        context.run(context.runbook.maintenance.on)
