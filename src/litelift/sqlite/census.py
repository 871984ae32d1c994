"""The census: what a table's columns really hold, counted by `litelift.sqlite.count`.

Counts of two ranges of a table merge into the table's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from litelift.sqlite.forms import FORMS
from litelift.sqlite.schema import Value

SAMPLES = 100
DISTINCT = 40
DISTINCT_CHARS = 80
KEPT_CHARS = 1000
EXACT_IN_DOUBLE = 1 << 53

Key = dict[str, Any]


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

    def add(self, key: Callable[[], Key], value: Value, reason: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(Offender(key(), beginning(value), reason))
        if len(self.distinct) < 1000:
            self.distinct[shown(value)] += 1

    def merge(self, other: Failures) -> None:
        """Add another range's."""
        self.count += other.count
        self.samples = [*self.samples, *other.samples][:SAMPLES]
        self.distinct += other.distinct
        self.tally += other.tally


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
            self.first, self.second, self.key, self.value = size, self.first, key(), beginning(value)
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


def beginning(value: Value | memoryview) -> Value:
    """What is kept of a value."""
    if isinstance(value, memoryview):
        return bytes(value[:KEPT_CHARS])
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
