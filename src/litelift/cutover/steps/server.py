"""The step that sets PostgreSQL up."""

from __future__ import annotations

from typing import ClassVar

from litelift.cutover.context import Context
from litelift.cutover.server.container import Container
from litelift.cutover.server.embedded import Embedded
from litelift.cutover.server.existing import Existing
from litelift.cutover.server.variant import Variant
from litelift.cutover.settings import ContainerTarget, EmbeddedTarget
from litelift.cutover.step import Facts, Step, Undo


class ServerStep(Step):
    """PostgreSQL for the application: on an existing server, embedded, or in a container."""

    name: ClassVar[str] = "server"
    title: ClassVar[str] = "Set up PostgreSQL: the application's role and its database"
    back: ClassVar[str] = "Remove what was made of PostgreSQL"
    phase: ClassVar[int] = 2
    undo_stage: ClassVar[Undo] = Undo.TARGET
    early: ClassVar[bool] = True

    def plan(self, context: Context) -> list[str]:
        """What it would do."""
        return _variant(context).plan(context)

    def estimate(self, context: Context) -> float | None:
        """Seconds."""
        return _variant(context).estimate(context)

    def check(self, context: Context) -> Facts:
        """Look at the server, the engine, the names and the port."""
        return _variant(context).check(context)

    def do(self, context: Context, facts: Facts) -> Facts | None:
        """Make the role and the database, and what they are in."""
        return _variant(context).do(context, facts)

    def confirm(self, context: Context, facts: Facts) -> Facts | None:
        """Log in as the application, and look at its rights."""
        return _variant(context).confirm(context, facts)

    def undo(self, context: Context, facts: Facts) -> Facts | None:
        """Take away what was made, and nothing else."""
        return _variant(context).undo(context, facts) if facts else None


def wake(context: Context) -> bool:
    """Start what this run made of PostgreSQL again, where it does not run: the machine may have been restarted.

    Whether that was needed. Raises EmbeddedServerError, EngineUnreachable, ContainerFailed.
    """
    if not context.journal.stands(ServerStep.name):
        return False
    return _variant(context).wake(context, context.facts(ServerStep.name))


def _variant(context: Context) -> Variant:
    target = context.runbook.target
    if isinstance(target, ContainerTarget):
        return Container(target)
    return Embedded(target) if isinstance(target, EmbeddedTarget) else Existing(target)
