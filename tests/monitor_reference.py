"""docs/reference/monitor-checks.md, made of the checks: ``PYTHONPATH=tests:src python tests/monitor_reference.py``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from litelift.monitor.check import Check
from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import Limit
from litelift.monitor.words import catalogue
from litelift.report.format import age, number

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "monitor-checks.md"
BEGINS = "## "


def page() -> str:
    """The whole page: what a person wrote of it, and a section for each group of checks."""
    written, _, _ = PAGE.read_text(encoding="utf-8").partition(BEGINS)
    return written + "\n".join(_sections())


def _sections() -> Iterator[str]:
    words = catalogue("en")
    yield from ["## Server", "", "### `server`", "", words["server"]["about"], ""]
    yield from ["Looks at every round, and cannot be ignored. It has no limits.", ""]
    for group, checks in groupby(CHECKS, key=lambda check: check.group):
        if group != "server":
            yield from [f"## {words['groups'][group]}", ""]
        for check in checks:
            yield from _section(check)


def _section(check: Check) -> Iterator[str]:
    words = catalogue("en")[check.name]
    yield from [f"### `{check.name}`", "", f"**{words['title']}.** {words['about']}", ""]
    needs = "" if check.needs == "database" else " It needs no session in the database."
    yield from [f"`litelift monitor watch` looks every {age(check.every)}.{needs}", ""]
    if check.limits:
        yield from ["| Limit | Warning | Critical | Why |", "|---|---|---|---|"]
        reasons = words.get("limits", {})
        for name, limit in check.limits.items():
            told = f"{_bound(limit, limit.warning)} | {_bound(limit, limit.critical)}"
            yield f"| `{check.name}.{name}` | {told} | {reasons.get(name, '')} |"
        yield ""


def _bound(limit: Limit, bound: float | None) -> str:
    if bound is None:
        return ""
    text = number(int(bound)) if bound == int(bound) else f"{bound:g}"
    return f"{text} or {'less' if limit.below else 'more'}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
