"""When the application serves again: the project's own after-care."""

from __future__ import annotations

from litelift.cutover.commands import shown
from litelift.cutover.context import Context
from litelift.cutover.step import Facts, Step


class AfterCare(Step):
    """The project's commands for its first backup and its monitoring."""

    name = "after-care"
    title = "Set up backup and monitoring"
    phase = 6

    def wanted(self, context: Context) -> bool:
        """Whether the runbook has commands for it."""
        runbook = context.runbook
        return bool(runbook.backup.commands or runbook.monitor.commands) and not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """Their commands."""
        runbook = context.runbook
        return [shown(command) for command in [*runbook.backup.commands, *runbook.monitor.commands]]

    def estimate(self, context: Context) -> float:
        """Some seconds for each."""
        runbook = context.runbook
        return 5.0 * len([*runbook.backup.commands, *runbook.monitor.commands])

    def do(self, context: Context, facts: Facts) -> None:
        """Run them, with the application's login in their environment."""
        runbook = context.runbook
        context.run([*runbook.backup.commands, *runbook.monitor.commands], context.login.environment())
