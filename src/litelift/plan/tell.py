"""The notices of a plan: what the census found that a person should know, in words, with the rows' keys."""

from __future__ import annotations

import json
from typing import Any, Literal

from litelift.plan.plan import MovePlan
from litelift.plan.types import Decision
from litelift.postgres.types import BOOLEAN
from litelift.result import Notice
from litelift.shorten import shortened
from litelift.sqlite.census import ColumnCensus, Extreme, Failures, Offender, shown
from litelift.sqlite.schema import Column, Value

NAMED = 20


def key_words(key: dict[str, Any] | None) -> str:
    """A row's key for a person: id=7."""
    if not key:
        return "unknown"
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in key.items())


def quoted_value(value: Value) -> str:
    """A value for a person, text in quotes."""
    return f"'{shown(value)}'" if isinstance(value, str) else shown(value)


def add(
    plan: MovePlan,
    level: Literal["info", "attention"],
    kind: str,
    message: str,
    table: str | None = None,
    column: str | None = None,
    key: dict[str, Any] | None = None,
) -> None:
    """Add one notice."""
    plan.notices.append(Notice(level=level, kind=kind, message=message, table=table, column=column, key=key))


def renamed(plan: MovePlan, what: str, table: str, name: str, given: str) -> None:
    """A name that PostgreSQL cannot keep."""
    place = f"{table}.{name}" if what == "column" else name
    add(plan, "info", "renamed", f"the {what} {place} is called {given} in PostgreSQL", table)


def offenders(failures: Failures) -> str:
    """The first rows of a failure, in words."""
    words = [f"{key_words(o.key)}: {quoted_value(o.value)}" for o in failures.samples[:NAMED]]
    return shortened(words, NAMED, separator="; ", total=failures.count)


def misfits(name: str, type_words: str, failures: Failures, what: str) -> str:
    """That values go to quarantine, which ones, and ``what`` happens to their rows."""
    return f"{name}: not {type_words}, and kept in quarantine ({failures.count}; {what}): {offenders(failures)}"


def column(plan: MovePlan, table: str, name: str, census: ColumnCensus, decision: Decision, declared: Column) -> None:
    """Everything about one column."""
    failures = decision.failures
    if decision.why:
        message = (
            f"{table}.{name} is declared {declared.declared or 'without a type'}, and becomes {decision.type.display}"
        )
        message += f": it {decision.why}"
        level: Literal["info", "attention"] = "attention" if decision.serious else "info"
        add(plan, level, "type", message, table, name)
        against = decision.against or (failures if decision.serious else None)
        if against and BOOLEAN.display not in census.probes:
            for offender in against.samples[:NAMED]:
                _one(plan, "info", "misfit", table, name, offender)
    if failures and failures.count and not decision.serious and decision.on_misfit in ("null", "row"):
        what = "the row is kept aside whole" if decision.on_misfit == "row" else "NULL stands in its place"
        add(
            plan,
            "attention",
            "quarantine",
            misfits(f"{table}.{name}", decision.type.display, failures, what),
            table,
            name,
        )
    if decision.mixed:
        add(plan, "info", "mixed times", f"{table}.{name} {decision.mixed}", table, name)
    _mixed(plan, table, name, census, decision)
    _not_boolean(plan, table, name, census, decision)
    common(plan, table, name, census, failures, text=decision.type.base in ("text", "varchar", "bpchar", "citext"))


def common(
    plan: MovePlan, table: str, name: str, census: ColumnCensus, failures: Failures | None, *, text: bool
) -> None:
    """What is told of a column in any mode: text that PostgreSQL cannot hold, declared changes, values that stand out.

    ``text`` says that the column's type holds text: bytea takes any bytes.
    """
    unholdable = Failures()
    unholdable.merge(census.unholdable)
    unholdable.merge(census.unreadable)
    if unholdable.count and text:
        add(
            plan,
            "attention",
            "text",
            f"{table}.{name}: text that PostgreSQL cannot hold ({unholdable.count}; a NUL, or bytes that are "
            f"not UTF-8); U+FFFD stands there, the original bytes are in quarantine: {offenders(unholdable)}",
            table,
            name,
        )
    for reason, count in (failures.tally if failures else {}).items():
        if reason.startswith(("rounded", "a number", "a comma")):
            kind = "rounded" if reason.startswith("rounded") else "written"
            add(plan, "info", kind, f"{table}.{name}: {reason} ({count})", table, name)
    told = {json.dumps(o.key, sort_keys=True) for o in failures.samples} if failures else set()
    for offender in _odd(census):
        if json.dumps(offender.key, sort_keys=True) not in told:
            _one(plan, "info", "stands out", table, name, offender)


def _not_boolean(plan: MovePlan, table: str, name: str, census: ColumnCensus, decision: Decision) -> None:
    """A few values that keep a column from being boolean are worth their names; many mean that it never was one."""
    failures = census.probes.get(BOOLEAN.display)
    if failures is None or decision.type == BOOLEAN or failures.count > max(2, census.values * 0.02):
        return
    for offender in failures.samples[:NAMED]:
        _one(plan, "info", "misfit", table, name, offender)


def _mixed(plan: MovePlan, table: str, name: str, census: ColumnCensus, decision: Decision) -> None:
    if decision.mixed:
        # The numbers are few beside the texts; the size extreme of the column is one of them.
        extreme = census.size
        if extreme.key is not None:
            offender = Offender(
                extreme.key, extreme.value, f"is a number among times written as text ({decision.mixed})"
            )
            _one(plan, "info", "mixed times", table, name, offender)


def _one(
    plan: MovePlan, level: Literal["info", "attention"], kind: str, table: str, name: str, offender: Offender
) -> None:
    message = f"{table}.{name}, key {key_words(offender.key)}: {quoted_value(offender.value)} {offender.reason}"
    add(plan, level, kind, message, table, name, offender.key)


def _odd(census: ColumnCensus) -> list[Offender]:
    """Values unlike all the others of a column: one form's exceptions, a length or size far beyond the next."""
    odd = []
    for failures in census.forms.values():
        if failures.count and census.texts >= 10 and failures.count <= max(2, census.texts * 0.02):
            odd += failures.samples[:5]
    # Thresholds: an ordinary maximum is within a small factor of the next one; these are not.
    if census.texts >= 20 and _beyond(census.length, 3, 40):
        odd.append(
            _offender(
                census.length,
                f"is {int(census.length.first)} characters long; the next longest is {int(census.length.second)}",
            )
        )
    if census.integers + census.reals >= 20 and _beyond(census.size, 100, 10_000):
        odd.append(_offender(census.size, f"is far beyond the next largest value, {census.size.second:g}"))
    return odd


def _beyond(extreme: Extreme, factor: float, least: float) -> bool:
    return extreme.key is not None and extreme.first >= least and extreme.first > factor * max(extreme.second, 1)


def _offender(extreme: Extreme, reason: str) -> Offender:
    return Offender(extreme.key or {}, extreme.value, reason)
