"""The census: one streaming pass over every value, before anything is written.

It counts what is really stored, and tests every value against the probes that the caller hands it; it knows nothing of
PostgreSQL. Counts of two ranges of a table merge into the table's.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Protocol

from litelift.sqlite.scan import Row, Scan, holdable, key_json
from litelift.sqlite.schema import Value

SAMPLES = 100
DISTINCT = 40
DISTINCT_CHARS = 80
JSON_CHARS = 4096
KEPT_CHARS = 1000
EXACT_IN_DOUBLE = 1 << 53

Key = dict[str, Any]


class Probe(Protocol):
    """A test of a column's values. ``name`` tells it from the column's other probes."""

    name: str

    def check(self, values: Sequence[Value], kinds: set[type]) -> list[tuple[int, str]]:
        """The values (none NULL, of the Python types ``kinds``) that fail, by index, and why."""
        ...

    def tally(self) -> Mapping[str, int]:
        """Whatever else the probe counted."""
        ...


@dataclass(slots=True)
class Offender:
    """A value that failed a probe: its row's key, itself (a long one's beginning), and why."""

    key: Key
    value: Value
    reason: str


@dataclass(slots=True)
class Failures:
    """How many values failed a probe, the first of them, and how often each distinct one did."""

    count: int = 0
    samples: list[Offender] = field(default_factory=list)
    distinct: Counter[str] = field(default_factory=Counter)
    tally: Counter[str] = field(default_factory=Counter)

    def add(self, key: Key, value: Value, reason: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(Offender(key, _beginning(value), reason))
        if len(self.distinct) < 1000:
            self.distinct[shown(value)] += 1

    def merge(self, other: Failures) -> None:
        """Add another range's."""
        self.count += other.count
        self.samples = [*self.samples, *other.samples][:SAMPLES]
        self.distinct += other.distinct
        self.tally += other.tally


FORMS: dict[str, re.Pattern[str]] = {
    "uuid": re.compile(r"(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\x1f)*"),
    "date and time": re.compile(r"(?:\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\x1f)*"),
    "JSON": re.compile(r"(?:\s*(?:\{[^\x1f]*\}|\[[^\x1f]*\])\s*\x1f)*"),
    "number": re.compile(r"(?:-?\d+(?:\.\d+)?\x1f)*"),
}


@dataclass(slots=True)
class Extreme:
    """The largest two of a measure, and where the largest is."""

    first: float = 0.0
    second: float = 0.0
    key: Key | None = None
    value: Value = None

    def add(self, size: float, key: Callable[[], Key], value: Value) -> None:
        """Take one more into account."""
        if size > self.first:
            self.first, self.second, self.key, self.value = size, self.first, key(), _beginning(value)
        elif size > self.second:
            self.second = size

    def merge(self, other: Extreme) -> None:
        """Add another range's."""
        if other.first > self.first:
            self.second = max(self.first, other.second)
            self.first, self.key, self.value = other.first, other.key, other.value
        else:
            self.second = max(self.second, other.first)


@dataclass(slots=True)
class ColumnCensus:
    """What one column really holds. Lengths are in characters for text and bytes for blobs.

    ``unholdable`` are texts with a NUL or bad UTF-8; ``unreadable`` are the blobs that, read as text, would be such
    (of which ``undecodable`` are not UTF-8), all counted, the first of them named.
    """

    nulls: int = 0
    integers: int = 0
    reals: int = 0
    texts: int = 0
    blobs: int = 0
    least: int = 0
    greatest: int = 0
    infinite: int = 0
    longest: int = 0
    bytes: int = 0
    unholdable: Failures = field(default_factory=Failures)
    unreadable: Failures = field(default_factory=Failures)
    undecodable: int = 0
    distinct: Counter[Value] | None = field(default_factory=Counter)
    forms: dict[str, Failures] = field(default_factory=lambda: {name: Failures() for name in FORMS})
    length: Extreme = field(default_factory=Extreme)
    size: Extreme = field(default_factory=Extreme)
    probes: dict[str, Failures] = field(default_factory=dict)

    @property
    def values(self) -> int:
        """How many are not NULL."""
        return self.integers + self.reals + self.texts + self.blobs

    @property
    def exact_in_double(self) -> bool:
        """Whether every integer is exact as a double."""
        return self.least >= -EXACT_IN_DOUBLE and self.greatest <= EXACT_IN_DOUBLE

    def merge(self, other: ColumnCensus) -> None:
        """Add another range's."""
        for name in ("nulls", "integers", "reals", "texts", "blobs", "infinite", "bytes", "undecodable"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)
        self.longest = max(self.longest, other.longest)
        self.unholdable.merge(other.unholdable)
        self.unreadable.merge(other.unreadable)
        self.length.merge(other.length)
        self.size.merge(other.size)
        if self.distinct is not None and other.distinct is not None:
            self.distinct += other.distinct
            if len(self.distinct) > DISTINCT:
                self.distinct = None
        else:
            self.distinct = None
        self.forms = {name: self.forms[name] for name in self.forms if name in other.forms}
        for name, form in self.forms.items():
            form.merge(other.forms[name])
        for name, probe in other.probes.items():
            self.probes.setdefault(name, Failures()).merge(probe)


@dataclass(slots=True)
class TableCensus:
    """What one table (or one range of it) really holds."""

    table: str
    rows: int = 0
    columns: dict[str, ColumnCensus] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """The size of the values, in bytes (text in characters)."""
        return sum(column.bytes for column in self.columns.values())

    def merge(self, other: TableCensus) -> None:
        """Add another range's."""
        self.rows += other.rows
        for name, column in other.columns.items():
            if name in self.columns:
                self.columns[name].merge(column)
            else:
                self.columns[name] = column


def take_census(
    connection: sqlite3.Connection,
    scan: Scan,
    key: Sequence[str],
    probes: Mapping[str, Sequence[Probe]],
    *,
    between: tuple[int, int] | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> TableCensus:
    """Count a table, or a range of its rowids.

    Args:
        connection: the source, inside its snapshot.
        scan: what to read; with the rowid where ``key`` is empty.
        key: the columns that name a row.
        probes: the tests of each column.
        between: the first and the last rowid.
        on_rows: told the number of rows of each batch.
    """
    census = TableCensus(scan.table, columns={name: ColumnCensus() for name in scan.columns})
    positions = [scan.columns.index(name) for name in key]
    offset = 1 if scan.with_rowid else 0
    for name, column in census.columns.items():
        column.probes = {probe.name: Failures() for probe in probes.get(name, ())}
    for batch in scan.batches(connection, between):
        census.rows += len(batch)

        def key_of(index: int, batch: list[Row] = batch) -> Key:
            row = batch[index]
            if positions:
                return key_json(key, [row[offset + at] for at in positions])
            return {"rowid": row[0]} if offset else {"row": repr(row)[:200]}

        columns = list(zip(*batch, strict=True))[offset:]
        for (name, column), values in zip(census.columns.items(), columns, strict=True):
            _count(column, values, key_of, probes.get(name, ()))
        if on_rows:
            on_rows(len(batch))
    for name, column in census.columns.items():
        for probe in probes.get(name, ()):
            column.probes[probe.name].tally.update(probe.tally())
    return census


def _count(
    column: ColumnCensus, values: Sequence[Value], key_of: Callable[[int], Key], probes: Sequence[Probe]
) -> None:
    kinds = set(map(type, values))
    where: Sequence[int] = range(len(values))
    if NoneType in kinds:
        kinds.discard(NoneType)
        where = [index for index, value in enumerate(values) if value is not None]
        column.nulls += len(values) - len(where)
        values = [values[index] for index in where]
    if not values:
        return
    for kind in kinds:
        some = values if len(kinds) == 1 else [value for value in values if type(value) is kind]
        places = where if len(kinds) == 1 else [at for at, v in zip(where, values, strict=True) if type(v) is kind]
        _count_kind(column, kind, some, places, key_of)
    _count_distinct(column, values)
    for probe in probes:
        failures = column.probes[probe.name]
        for index, reason in probe.check(values, kinds):
            failures.add(key_of(where[index]), values[index], reason)


def _count_kind(
    column: ColumnCensus, kind: type, values: Sequence[Any], where: Sequence[int], key_of: Callable[[int], Key]
) -> None:
    if kind is str:
        _count_text(column, values, where, key_of)
    elif kind is int:
        least, greatest = min(values), max(values)
        column.integers += len(values)
        column.bytes += 8 * len(values)
        column.least = min(column.least, least)
        column.greatest = max(column.greatest, greatest)
        _count_size(column, values, where, key_of)
    elif kind is float:
        column.reals += len(values)
        column.bytes += 8 * len(values)
        column.infinite += sum(1 for value in values if value in (float("inf"), float("-inf")))
        _count_size(column, values, where, key_of)
    else:
        column.blobs += len(values)
        sizes = list(map(len, values))
        column.bytes += sum(sizes)
        column.longest = max(column.longest, max(sizes))
        for index, value in zip(where, values, strict=True):
            reason = "is a blob with a NUL" if b"\x00" in value else ""
            try:
                value.decode()
            except UnicodeDecodeError:
                column.undecodable += 1
                reason = "is a blob that is not UTF-8 text"
            if not reason:
                continue
            column.unreadable.count += 1
            # In a column of pictures every blob is one of these: only the first are worth a key.
            if len(column.unreadable.samples) < SAMPLES:
                column.unreadable.samples.append(Offender(key_of(index), _beginning(value), reason))


def _count_size(
    column: ColumnCensus, values: Sequence[Any], where: Sequence[int], key_of: Callable[[int], Key]
) -> None:
    # Only what beats the second largest so far can change the two largest; a batch rarely does.
    if max(max(values), -min(values)) > column.size.second:
        for index, value in zip(where, values, strict=True):
            size = abs(value)
            if size > column.size.second:
                column.size.add(size, lambda at=index: key_of(at), value)  # type: ignore[misc]


def _count_text(
    column: ColumnCensus, values: Sequence[str], where: Sequence[int], key_of: Callable[[int], Key]
) -> None:
    column.texts += len(values)
    sizes = list(map(len, values))
    column.bytes += sum(sizes)
    longest = max(sizes)
    column.longest = max(column.longest, longest)
    if longest > column.length.second:
        for index, value, size in zip(where, values, sizes, strict=True):
            if size > column.length.second:
                column.length.add(size, lambda at=index: key_of(at), value)  # type: ignore[misc]
    if not holdable("".join(values)):
        for index, value in zip(where, values, strict=True):
            if not holdable(value):
                reason = "holds a NUL character" if "\x00" in value else "holds bytes that are not UTF-8"
                column.unholdable.add(key_of(index), value, reason)
    if column.forms:
        _count_forms(column, values, where, key_of)


def _count_forms(
    column: ColumnCensus, values: Sequence[str], where: Sequence[int], key_of: Callable[[int], Key]
) -> None:
    joined = "\x1f".join(values) + "\x1f"
    for name in list(column.forms):
        pattern, failures = FORMS[name], column.forms[name]
        if pattern.fullmatch(joined) and name != "JSON":
            continue
        for index, value in zip(where, values, strict=True):
            if not pattern.fullmatch(value + "\x1f") or (name == "JSON" and not _is_json(value)):
                failures.add(key_of(index), value, f"does not look like the column's other values ({name})")
                if failures.count * 10 > max(column.texts, 20):
                    del column.forms[name]
                    break


def _is_json(text: str) -> bool:
    # A long document is taken at its brackets' word: the forms are hints, and parsing is slow.
    if len(text) > JSON_CHARS:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _count_distinct(column: ColumnCensus, values: Sequence[Value]) -> None:
    if column.distinct is None:
        return
    if column.longest > DISTINCT_CHARS or column.blobs or column.reals:
        column.distinct = None
        return
    column.distinct.update(values)
    if len(column.distinct) > DISTINCT:
        column.distinct = None


def _beginning(value: Value) -> Value:
    # Offenders outlive their batch: a hundred values of 60 MB would not do.
    return value[:KEPT_CHARS] if isinstance(value, str | bytes) else value


def shown(value: Value, most: int = 120) -> str:
    """A value for a person: text with control characters escaped, bytes as x'..', cut at ``most`` characters."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        text = f"x'{value[:most].hex()}'"
    elif isinstance(value, str):
        head = value[: most + 1].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in head)
    else:
        text = str(value)
    return text if len(text) <= most else text[: most - 1] + "…"
