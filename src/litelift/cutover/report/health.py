"""The health checks before and after, side by side."""

from __future__ import annotations

from typing import Any

from litelift.cutover.journal import Journal
from litelift.cutover.report.content import HealthCell, HealthRow


def health_rows(journal: Journal) -> list[HealthRow]:
    """Every check that was made, in the order in which it was first made."""
    before = _named(journal.facts("health-before").get("results"))
    # As users find it; what was only made behind the maintenance, from there.
    after = _named(journal.facts("health").get("results")) | _named(journal.facts("health-open").get("results"))
    again = _named(journal.facts("health-before").get("results_again")) | _named(_undone(journal))
    rows = []
    for name in dict.fromkeys([*before, *after, *again]):
        known = after.get(name) or before.get(name) or again[name]
        rows.append(
            HealthRow(
                name=name,
                kind=str(known.get("kind", "")),
                asked=str(known.get("asked", "")),
                limit=known.get("limit_ms"),
                before=_cell(before.get(name)),
                after=_cell(after.get(name)),
                again=_cell(again.get(name)),
            )
        )
    return rows


def _undone(journal: Journal) -> Any:
    lines = list(journal.events("undone", "health-before"))
    return (lines[-1].values.get("facts") or {}).get("results_again") if lines else None


def _named(results: Any) -> dict[str, dict[str, Any]]:
    return {str(one.get("name")): one for one in results or []}


def _cell(result: dict[str, Any] | None) -> HealthCell | None:
    if result is None:
        return None
    latency = result.get("latency") or {}
    left = [f"left behind: {one}" for one in result.get("left") or []]
    return HealthCell(
        ok=bool(result.get("ok")),
        slow=bool(result.get("slow")),
        found="; ".join([str(result.get("found") or ""), *left]),
        milliseconds=latency.get("average"),
        samples=int(latency.get("samples") or 1),
        attempts=int(result.get("attempts") or 1),
    )
