"""Whether the application serves: before the move, while it is still closed, and open; and again after a way back."""

from __future__ import annotations

from collections.abc import Sequence

from litelift.cutover.context import Context
from litelift.cutover.credentials import kept_login
from litelift.cutover.health.kinds import how_to_make
from litelift.cutover.health.result import HealthResult, result_of
from litelift.cutover.health.run import chosen, run_checks
from litelift.cutover.health.secret import read_secrets
from litelift.cutover.health.settings import HealthCheck, When
from litelift.cutover.step import Facts, Step, Undo
from litelift.errors import HealthChecksFailed
from litelift.redact import text as redact

SECONDS = 1.0
"""Of a check that finds what it expects, as an estimate."""


class HealthBefore(Step):
    """The baseline, on SQLite. Its undoing makes the same checks when the application is back there."""

    name = "health-before"
    title = "See that the application serves, and how fast"
    back = "See that the application serves on SQLite again"
    phase = 0
    undo_stage = Undo.HEALTH
    early = True

    def wanted(self, context: Context) -> bool:
        """Whether the runbook has health checks."""
        return bool(context.runbook.health)

    def plan(self, context: Context) -> list[str]:
        """What is asked for."""
        return _asked(chosen(context.runbook.health, "before"))

    def estimate(self, context: Context) -> float:
        """A second for each."""
        return SECONDS * len(chosen(context.runbook.health, "before"))

    def check(self, context: Context) -> Facts:
        """Whether every check, also of those after the move, can be made. Raises HealthCheckUnusable, MissingPart."""
        read_secrets(context.runbook.health, context.runbook.folder)
        for check in context.runbook.health:
            how_to_make(check)
        return {}

    def do(self, context: Context, facts: Facts) -> Facts:
        """Raises HealthChecksFailed: what does not serve before the move is not moved."""
        results = _results(context, "before")
        for result in results:
            if result.slow:
                context.issue(f"{result.name} is slow before the move already: {result.got}", "no reason to stop")
        hint = "The application does not serve on SQLite as the checks expect. Mend it or them; nothing was changed."
        _refuse_failed(results, hint)
        return {"serves": True}

    def undo(self, context: Context, facts: Facts) -> Facts | None:
        """Make them again, if the application served and was touched. Raises HealthChecksFailed."""
        touched = any(line.values.get("phase", 0) > 0 for line in context.journal.events("started"))
        if context.rehearsal or not facts.get("serves") or not touched:
            return None
        results = serves_again(context)
        _refuse_failed(results, "The application is back on SQLite, and does not serve as it did before the move.")
        return {"results_again": [result.document for result in results]}


class Health(Step):
    """On PostgreSQL, while the application is still closed for its users."""

    name = "health"
    title = "See that the application serves on PostgreSQL"
    phase = 5

    def wanted(self, context: Context) -> bool:
        """Whether there is a check that can be made behind the maintenance. A rehearsal starts no application."""
        return bool(_behind(context)) and not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """What is asked for, and what has to wait."""
        made = _behind(context)
        waiting = [check.name for check in chosen(context.runbook.health, "after") if check not in made]
        return [*_asked(made), *([f"when it is open: {', '.join(waiting)}"] if waiting else [])]

    def estimate(self, context: Context) -> float:
        """A second for each."""
        return SECONDS * len(_behind(context))

    def do(self, context: Context, facts: Facts) -> None:
        """With the headers that the maintenance lets through. Raises HealthChecksFailed."""
        maintenance = context.runbook.maintenance
        headers = maintenance.headers if maintenance.on else {}
        _refuse_failed(_results(context, "after", headers, _let_through(context)))


class HealthOpen(Step):
    """On PostgreSQL, open, as its users find it."""

    name = "health-open"
    title = "See that the open application serves on PostgreSQL"
    phase = 5

    def wanted(self, context: Context) -> bool:
        """Whether it was closed, and there are checks."""
        asked = chosen(context.runbook.health, "after")
        return bool(asked and context.runbook.maintenance.on) and not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """What is asked for."""
        return _asked(chosen(context.runbook.health, "after"))

    def estimate(self, context: Context) -> float:
        """A second for each."""
        return SECONDS * len(chosen(context.runbook.health, "after"))

    def do(self, context: Context, facts: Facts) -> None:
        """All checks, without those headers. Raises HealthChecksFailed."""
        _refuse_failed(_results(context, "after"))


def serves_again(context: Context) -> list[HealthResult]:
    """The results of the checks before the move, made again on SQLite: for the end of a way back."""
    return _results(context, "before", note="results_again")


def _behind(context: Context) -> list[HealthCheck]:
    """The checks that can be made while the application is closed."""
    return chosen(context.runbook.health, "after", _let_through(context))


def _let_through(context: Context) -> bool:
    """Whether HTTP reaches the application: it is not closed, or headers open it."""
    maintenance = context.runbook.maintenance
    return not maintenance.on or bool(maintenance.headers)


def _asked(checks: Sequence[HealthCheck]) -> list[str]:
    return [f"{check.kind} {check.name}: {redact(check.asks)}" for check in checks]


def _results(
    context: Context,
    when: When,
    headers: dict[str, str] | None = None,
    through_http: bool = True,
    note: str = "results",
) -> list[HealthResult]:
    """Make the checks; what they found is on disk before anything is concluded from it."""
    results = run_checks(
        context.runbook.health,
        when,
        folder=context.runbook.folder,
        output=context.folder / "output" / f"{context.step}.log",
        login=kept_login(context.login_path),
        headers=headers,
        through_http=through_http,
        tell=context.tell,
    )
    context.note(**{note: [result.document for result in results]})
    for result in results:
        for one in result.left:
            context.issue(f"the health check {result.name} could not clean up after itself", f"left behind: {one}")
    if when == "after":
        _beside_baseline(context, results)
    return results


def _beside_baseline(context: Context, results: Sequence[HealthResult]) -> None:
    before = {one["name"]: result_of(one) for one in context.facts("health-before").get("results", [])}
    for result in results:
        known = before.get(result.name)
        if result.latency is not None and known is not None and known.latency is not None:
            context.tell(f"{result.name}: {result.latency.words}; before the move {known.latency.words}")


def _refuse_failed(results: Sequence[HealthResult], hint: str | None = None) -> None:
    failed = [result for result in results if not result.ok]
    if failed:
        said = "; ".join(f"{result.name}: {result.reason}" for result in failed)
        raise HealthChecksFailed(failed=len(failed), number=len(results), message=said, hint=hint)
