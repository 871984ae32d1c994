"""The last step: the report of the run."""

from __future__ import annotations

from litelift.cutover.context import Context
from litelift.cutover.report.technical import machine
from litelift.cutover.step import Facts, Step


class WriteReport(Step):
    """Notes on what all this ran. The report itself is written at the end of every run, however it ends."""

    name = "report"
    title = "Write the report"
    phase = 6

    def plan(self, context: Context) -> list[str]:
        """Where it goes."""
        return [f"report.md, report.html and report.json in {context.runbook.state}/"]

    def estimate(self, context: Context) -> float:
        """Some tables to fill."""
        return 1.0

    def check(self, context: Context) -> Facts:
        """What litelift runs on."""
        return {"machine": machine()}

    def do(self, context: Context, facts: Facts) -> None:
        """The run's end is not known yet: see `litelift.cutover.run`."""
