"""When the application serves again: the project's own after-care, and what is normal from now on."""

from __future__ import annotations

from typing import Any

from litelift.cutover.commands import shown
from litelift.cutover.context import Context
from litelift.cutover.step import Facts, Step
from litelift.cutover.steps.source import changed_since_kept
from litelift.postgres.connect import connect

_METRICS = """
    select current_setting('server_version') as version,
        pg_database_size(current_database()) as database_bytes,
        (select count(*) from pg_stat_activity where datname = current_database()) as connections,
        current_setting('max_connections')::int as max_connections,
        (select round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 2)::float8 from pg_stat_database
            where datname = current_database()) as cache_hit_percent,
        (select count(*) from pg_stat_user_tables) as tables,
        (select count(*) from pg_stat_user_indexes) as indexes
"""


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


class Baseline(Step):
    """What is normal at the cutover: the numbers that later ones are compared with."""

    name = "baseline"
    title = "Take the baseline"
    phase = 6

    def estimate(self, context: Context) -> float:
        """A query."""
        return 0.2

    def do(self, context: Context, facts: Facts) -> Facts:
        """Sizes, connections, the cache; and once more whether the source has rested."""
        with connect(context.login.url) as connection:
            cursor = connection.execute(_METRICS)
            row = cursor.fetchone()
            assert row is not None and cursor.description is not None
            metrics: dict[str, Any] = {
                column.name: value for column, value in zip(cursor.description, row, strict=True)
            }
        if not context.rehearsal and (how := changed_since_kept(context)) is not None:
            context.issue(
                f"the SQLite file was written to after the move ({how}): those rows are not in PostgreSQL",
                "stop what writes to it, and compare with: litelift verify",
            )
        return {"metrics": metrics}
