"""What a kind of target is for the step that sets PostgreSQL up."""

from __future__ import annotations

from typing import Protocol

from litelift.cutover.context import Context
from litelift.cutover.step import Facts


class Variant(Protocol):
    """The step's work for one kind of target; see `litelift.cutover.step.Step` for what each may and must."""

    def plan(self, context: Context) -> list[str]: ...  # noqa: D102

    def estimate(self, context: Context) -> float | None: ...  # noqa: D102

    def check(self, context: Context) -> Facts: ...  # noqa: D102

    def do(self, context: Context, facts: Facts) -> Facts: ...  # noqa: D102

    def confirm(self, context: Context, facts: Facts) -> Facts: ...  # noqa: D102

    def undo(self, context: Context, facts: Facts) -> Facts: ...  # noqa: D102

    def wake(self, context: Context, facts: Facts) -> bool:
        """Start again what was made and does not run: after a restart of the machine. Whether it was needed."""
        ...
