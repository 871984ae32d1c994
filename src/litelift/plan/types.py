"""The type of each column: from the declared type and from what the census found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from litelift.plan.declared import Declared, read_declared
from litelift.plan.match import Numbers
from litelift.plan.plan import OnMisfit
from litelift.plan.probe import Candidate
from litelift.postgres import types as pg
from litelift.postgres.types import PgType
from litelift.sqlite.census import ColumnCensus, Failures
from litelift.sqlite.schema import Affinity, Column
from litelift.wire.times import UNITS, column_numbers

Rule = Literal["auto", "widen", "quarantine", "fail"]
Role = Literal["plain", "primary", "foreign"]
TOLERATED_ONE_IN = 100


@dataclass(frozen=True, slots=True)
class Decision:
    """A column's type, what its misfits do, and why the type is not the declared one (None where it is).

    ``serious`` says that an application may stumble over it; ``against`` are the values that the declared type refuses.
    """

    type: PgType
    on_misfit: OnMisfit = "null"
    failures: Failures | None = None
    why: str | None = None
    serious: bool = False
    numbers: Numbers = "epoch"
    mixed: str | None = None
    against: Failures | None = None


def candidates(column: Column) -> list[Candidate]:
    """The types that the census must try on a column's values."""
    return [Candidate(type_) for type_ in _tried(read_declared(column.declared))]


def _tried(declared: Declared) -> list[PgType]:
    match declared.family:
        case "boolean" | "flag":
            return [pg.BOOLEAN, pg.BIGINT]
        case "smallint" | "tinyint" | "mediumint" | "integer":
            return [pg.BIGINT]
        case "real":
            return [pg.DOUBLE]
        case "decimal":
            scaled = _scaled(declared)
            return [scaled, pg.NUMERIC] if scaled else [pg.NUMERIC]
        case "varchar":
            sized = PgType("varchar", length=declared.arguments[0]) if _length(declared) else None
            return [sized, pg.TEXT] if sized else [pg.TEXT]
        case "date":
            return [pg.DATE, pg.TIMESTAMP]
        case "timestamp":
            return [pg.TIMESTAMP]
        case "time":
            return [pg.TIME]
        case "json":
            return [pg.JSONB]
        case "uuid":
            return [pg.UUID]
        case "bytes":
            return [pg.BYTEA]
        case "text":
            return [pg.TEXT]
    return []


def _scaled(declared: Declared) -> PgType | None:
    # numeric(p,s): p up to 1,000, and s not above p before PostgreSQL 15 (manual, section 8.1.2).
    if not declared.arguments:
        return None
    precision, scale = declared.arguments[0], (*declared.arguments, 0)[1]
    if not 1 <= precision <= 1000 or not 0 <= scale <= precision:
        return None
    return PgType("numeric", precision=precision, scale=scale)


def _length(declared: Declared) -> bool:
    return bool(declared.arguments) and 1 <= declared.arguments[0] <= 10_485_760


def widest(census: ColumnCensus) -> PgType:
    """The type that holds every stored value."""
    if census.blobs:
        only_bytes = census.undecodable and not census.integers and not census.reals
        return pg.BYTEA if census.blobs == census.values or only_bytes else pg.TEXT
    if census.texts:
        return pg.TEXT
    if census.reals:
        if census.exact_in_double:
            return pg.DOUBLE
        return pg.TEXT if census.infinite else pg.NUMERIC
    return pg.BIGINT if census.integers else pg.TEXT


def decide(column: Column, census: ColumnCensus, role: Role, rule: Rule, not_null: bool) -> Decision:
    """The contract's type for a column.

    Args:
        column: as declared.
        census: what it holds; every candidate was tried.
        role: keys never widen.
        rule: what misfits do.
        not_null: whether the target column will be.
    """
    declared = read_declared(column.declared)
    if declared.family == "none":
        return _by_census(column, census)
    if declared.family in ("text", "varchar") and census.undecodable and census.blobs == census.values:
        return Decision(pg.BYTEA, why="holds only blobs, which are not UTF-8 text", serious=True)
    first, why, against = _declared_type(declared, census)
    # A narrower integer was chosen because every integer fits it; what does not fit was tried on the widest.
    tried = pg.BIGINT if first.base in ("int2", "int4") else first
    failures = census.probes[tried.display] if tried.display in census.probes else Failures()
    if first.base in ("timestamp", "date"):
        return _time(first, census, failures, role, rule, not_null)
    return _ruled(Decision(first, failures=failures, why=why, against=against), census, role, rule, not_null)


def _declared_type(declared: Declared, census: ColumnCensus) -> tuple[PgType, str | None, Failures | None]:
    """The declared type, or the one that stands in for it where it holds only under a condition.

    Also why, and the values that speak against it, where another stands in.
    """

    def failing(type_: PgType) -> int:
        return census.probes[type_.display].count

    def instead(type_: PgType, declared_type: PgType, why: str) -> tuple[PgType, str, Failures]:
        return type_, why, census.probes[declared_type.display]

    match declared.family:
        case "boolean" | "flag":
            numbers = failing(pg.BOOLEAN) > failing(pg.BIGINT)
            if failing(pg.BOOLEAN) and (
                numbers and (declared.family == "flag" or not _few(failing(pg.BOOLEAN), census))
            ):
                return _narrow(census, 1 << 15), "holds numbers other than 0 and 1", None
            return pg.BOOLEAN, None, None
        case "smallint" | "tinyint":
            return _narrow(census, 1 << 15), None, None
        case "mediumint":
            return _narrow(census, 1 << 31), None, None
        case "decimal":
            scaled = _scaled(declared)
            if scaled is None:
                return pg.NUMERIC, None, None
            if failing(scaled) > failing(pg.NUMERIC):
                return instead(pg.NUMERIC, scaled, f"holds numbers that {scaled.display} would round or refuse")
            return scaled, None, None
        case "varchar":
            if not _length(declared):
                return pg.TEXT, None, None
            sized = PgType("varchar", length=declared.arguments[0])
            if failing(sized):
                return instead(pg.TEXT, sized, f"holds text longer than {declared.arguments[0]} characters")
            return sized, None, None
        case "json":
            if failing(pg.JSONB):
                return instead(pg.TEXT, pg.JSONB, "holds values that are not JSON, or that jsonb would change")
            return pg.JSONB, None, None
        case "uuid":
            if failing(pg.UUID):
                return instead(widest(census), pg.UUID, "holds values that are not UUIDs")
            return pg.UUID, None, None
        case "time":
            return pg.TIME, None, None
        case "date":
            return pg.DATE, None, None
        case "timestamp":
            return pg.TIMESTAMP, None, None
        case "real":
            return pg.DOUBLE, None, None
        case "bytes":
            return pg.BYTEA, None, None
        case "text":
            return pg.TEXT, None, None
    return pg.BIGINT, None, None


def _narrow(census: ColumnCensus, limit: int) -> PgType:
    if census.least < -limit or census.greatest >= limit:
        return pg.BIGINT
    return pg.SMALLINT if limit == 1 << 15 else pg.INTEGER


def _few(count: int, census: ColumnCensus) -> bool:
    # In whole numbers: 0.01 times a count may fall just short of the true hundredth.
    return count * TOLERATED_ONE_IN <= census.values


def _by_census(column: Column, census: ColumnCensus) -> Decision:
    classes = sum(1 for count in (census.integers, census.reals, census.texts, census.blobs) if count)
    why = None
    if classes > 1:
        why = f"holds {census.integers} integers, {census.reals} reals, {census.texts} texts, {census.blobs} blobs"
    elif column.declared and column.declared.lower() != "any":
        why = "names no type that is known; its values decide"
    # Under NUMERIC affinity SQLite itself makes integers of whole reals; elsewhere the classes are the application's.
    numbers = column.affinity == Affinity.NUMERIC and not census.texts and not census.blobs
    return Decision(pg.TEXT if classes > 1 and not numbers else widest(census), why=why)


def _ruled(decision: Decision, census: ColumnCensus, role: Role, rule: Rule, not_null: bool) -> Decision:
    failures = decision.failures
    if failures is None or not failures.count:
        return decision
    if rule == "fail":
        return replace(decision, on_misfit="fail")
    aside: OnMisfit = "row" if not_null or role == "primary" else "null"
    asked_to_widen = rule == "widen" and role != "foreign"  # a foreign key follows its parent
    tolerated = rule == "auto" and not not_null and _few(failures.count, census)
    if (role != "plain" and not asked_to_widen) or rule == "quarantine" or tolerated:
        return replace(decision, on_misfit=aside)
    wide = widest(census)
    reason = failures.samples[0].reason if failures.samples else "does not fit"
    return Decision(
        wide,
        failures=failures,
        why=f"holds {failures.count} values of {census.values} that {decision.type.display} cannot hold ({reason})",
        serious=True,
    )


def _counts(forms: Mapping[str, int], numbers: str) -> str:
    """How many numbers of each kind: 3 in seconds, 1 Julian day."""
    words = [f"{forms[unit]} {unit}" for unit in UNITS.values() if forms[unit]]
    days = forms["julian"] + (forms["whole number"] if numbers == "julian" else 0)
    whole = forms["whole number"] if numbers != "julian" else 0
    words += [f"{days} Julian days"] if days else []
    words += [f"{whole} in seconds that could be Julian days"] if whole else []
    return ", ".join(words)


def _time(first: PgType, census: ColumnCensus, failures: Failures, role: Role, rule: Rule, not_null: bool) -> Decision:
    stamps = census.probes[pg.TIMESTAMP.display]
    forms = stamps.tally
    instants = forms["offset"]
    counted = forms["epoch"] + forms["julian"] + forms["whole number"]
    numbers = column_numbers(forms)
    only_numbers = counted > 0 and not forms["naive"] and not instants
    why: str | None = None
    if counted and forms["calendar"] == counted:
        # As seconds since 1970 each would be a moment of that year: silently wrong, so nothing is read into them.
        why = f"holds {counted} whole numbers that are years or dates written as yyyymmdd; they are kept as they are"
        return Decision(widest(census), why=why, serious=True)
    mixed = None
    if counted and not only_numbers:
        mixed = f"holds {counted} numbers among its texts, read as {numbers} times, UTC"
    if only_numbers:
        read = f"all read as {numbers}" if numbers in ("milliseconds", "microseconds") else "each read by its size"
        why = f"holds times as numbers ({_counts(forms, numbers)}), {read}"
        decision = Decision(pg.TIMESTAMPTZ, failures=stamps, why=why, numbers=numbers)
        return _ruled(decision, census, role, rule, not_null)
    why = None
    if first.base == "date":
        late = failures.count - stamps.count
        if not late or _ruled(Decision(first, failures=failures), census, role, rule, not_null).type == first:
            decision = Decision(first, failures=failures, numbers=numbers, mixed=mixed)
            return _ruled(decision, census, role, rule, not_null)
        why = "holds dates with a time of day"
    stamp = pg.TIMESTAMPTZ if instants else pg.TIMESTAMP
    if instants:
        why = f"holds {instants} times with an offset; the {forms['naive']} without are read as UTC"
    decision = Decision(stamp, failures=stamps, why=why, numbers=numbers, mixed=mixed)
    return _ruled(decision, census, role, rule, not_null)
