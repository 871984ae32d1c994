"""Stops what runs of the application, and starts it again, so that it reads its new configuration."""

from __future__ import annotations

from litelift.cutover.commands import shown
from litelift.cutover.context import Context
from litelift.cutover.step import Facts, Step, Undo
from litelift.errors import CommandFailed


class StopServices(Step):
    """Before the last snapshot. Its undoing starts them again, when the files and the code are back."""

    name = "services-stop"
    title = "Stop the application's services"
    back = "Start the application's services"
    phase = 4
    undo_stage = Undo.START

    def wanted(self, context: Context) -> bool:
        """Whether the runbook has commands for it."""
        services = context.runbook.services
        return bool(services.stop or services.start) and not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """Its commands."""
        return [shown(command) for command in context.runbook.services.stop]

    def estimate(self, context: Context) -> float:
        """Some seconds for each."""
        return 3.0 * len(context.runbook.services.stop)

    def do(self, context: Context, facts: Facts) -> None:
        """Run services.stop. Where it was done before the run was interrupted, it may say so."""
        try:
            context.run(context.runbook.services.stop)
        except CommandFailed as error:
            if not facts.get("again"):
                raise
            context.issue(error.message, "taken as stopped: it was before the run was interrupted")

    def undo(self, context: Context, facts: Facts) -> None:
        """Run services.start."""
        context.run(context.runbook.services.start)


class StartServices(Step):
    """After the switch. Its undoing stops them, before the way back."""

    name = "services-start"
    title = "Start the application's services"
    back = "Stop the application's services"
    phase = 5
    undo_stage = Undo.STOP

    def wanted(self, context: Context) -> bool:
        """Whether the runbook has commands for it."""
        return bool(context.runbook.services.start) and not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """Its commands."""
        return [shown(command) for command in context.runbook.services.start]

    def estimate(self, context: Context) -> float:
        """Some seconds for each."""
        return 5.0 * len(context.runbook.services.start)

    def do(self, context: Context, facts: Facts) -> None:
        """Run services.start."""
        context.run(context.runbook.services.start)

    def undo(self, context: Context, facts: Facts) -> None:
        """Run services.stop. A service that is down already, and whose command says so, does not end the way back."""
        try:
            context.run(context.runbook.services.stop)
        except CommandFailed as error:
            context.issue(error.message, "taken as stopped")
