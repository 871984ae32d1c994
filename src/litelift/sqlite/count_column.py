"""The census of one column: what is stored, and what the probes say of it.

The compiled path counts what is plain in a batch, and tells the rows that are not: those are looked at here, as every
row is without it.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any, Protocol, cast

from litelift.compiled import Native
from litelift.sqlite.census import (
    DISTINCT,
    DISTINCT_CHARS,
    SAMPLES,
    ColumnCensus,
    Extreme,
    Failures,
    Key,
    Offender,
    beginning,
)
from litelift.sqlite.forms import FORMS, has_form
from litelift.sqlite.scan import Batch, holdable
from litelift.sqlite.schema import Value

if TYPE_CHECKING:
    from litelift import _native

PATIENCE = 20
"""A form is given up where more than a tenth of so many rows lack it, or of as many as there were so far."""

NAMED = 5
"""Values without a form that are named; most columns lack most forms."""

LARGE_BYTES = 1 << 20
"""Of a blob that is looked at piece by piece."""

KeyOf = Callable[[int], Key]


class Probe(Protocol):
    """A test of a column's values. ``name`` tells it from the column's other probes."""

    name: str

    def check(self, values: Sequence[Value], kinds: set[type]) -> list[tuple[int, str]]:
        """The values (none NULL, of the Python types ``kinds``) that fail, by index, and why."""
        ...

    def native(self, module: Native) -> _native.Codec | None:
        """The same test for the compiled path; None where it has none."""
        ...

    def count_forms(self, naive: int, offset: int) -> None:
        """Add what the compiled path counted."""
        ...

    def tally(self) -> Mapping[str, int]:
        """Whatever else the probe counted."""
        ...


class ColumnCount:
    """Counts one column of a range: `add` every batch, then `finish`. The result depends on no batch's size."""

    def __init__(self, census: ColumnCensus, probes: Sequence[Probe], module: Native | None) -> None:
        """``census`` is what to fill; ``module`` the compiled path, if that reads the batches."""
        self.census = census
        self.probes = probes
        census.probes = {probe.name: Failures() for probe in probes}
        self.compiled: list[Probe] = []
        self.others: Sequence[Probe] = probes
        self.tally: _native.Tally | None = None
        self.mask = (1 << len(FORMS)) - 1
        if module is not None:
            found = [(probe, codec) for probe in probes if (codec := probe.native(module)) is not None]
            self.compiled = [probe for probe, _ in found]
            self.others = [probe for probe in probes if probe not in self.compiled]
            self.tally = module.Tally(tuple(codec for _, codec in found), DISTINCT, DISTINCT_CHARS, SAMPLES)

    def add(self, batch: Batch, number: int, before: int, key_of: KeyOf) -> None:
        """Count a batch's column ``number``, which has ``before`` rows before it."""
        if self.tally is None:
            self._count(batch.column(number), before, key_of)
            return
        told = self.tally.add(cast("_native.Batch", batch), number, self.mask, self.census.distinct is not None)
        if told is None:
            # What was counted before goes first, for some counts are in the order of the rows.
            self._take()
            self._count(batch.column(number), before, key_of)
            return
        if self.others:
            values, places, kinds = _present(batch.column(number))
            for probe in self.others:
                self._probe(probe, values, places, kinds, key_of)
        if not told:
            return
        lengths, sizes, unreadable, forms, probes = told
        for row in _rows(lengths):
            text = cast(str, batch.value(row, number))
            self.census.length.add(len(text), lambda row=row: key_of(row), text)  # type: ignore[misc]
        for row in _rows(sizes):
            value = cast(float, batch.value(row, number))
            self.census.size.add(abs(value), lambda row=row: key_of(row), value)  # type: ignore[misc]
        for row in unreadable:
            blob = cast("_native.Batch", batch).value(row, number, LARGE_BYTES)
            self._name_unreadable(cast("bytes | memoryview", blob), row, key_of)
        if not any(forms) and not any(probes):
            return
        column = batch.column(number)
        for name, rows in zip(FORMS, forms, strict=True):
            self._look_for(name, [cast(str, column[row]) for row in rows], rows, before, key_of)
        for probe, rows in zip(self.compiled, probes, strict=True):
            some = [column[row] for row in rows]
            self._probe(probe, some, rows, set(map(type, some)), key_of)

    def finish(self) -> None:
        """Complete the census."""
        self._take()
        for name, failures in list(self.census.forms.items()):
            if failures.count * 10 > max(self.census.texts, PATIENCE):
                del self.census.forms[name]
        for probe in self.probes:
            self.census.probes[probe.name].tally.update(probe.tally())

    def _take(self) -> None:
        """Take over what the compiled path has counted."""
        if self.tally is None:
            return
        census = self.census
        nulls, integers, reals, texts, blobs, *more, distinct, forms = self.tally.take()
        least, greatest, infinite, longest, size, unreadable, undecodable = more
        census.nulls += nulls
        census.integers += integers
        census.reals += reals
        census.texts += texts
        census.blobs += blobs
        census.least = min(census.least, least)
        census.greatest = max(census.greatest, greatest)
        census.infinite += infinite
        census.longest = max(census.longest, longest)
        census.bytes += size
        census.unreadable.count += unreadable
        census.undecodable += undecodable
        if distinct is None:
            census.distinct = None
        self._add_distinct(Counter(dict(distinct or ())))
        for probe, (naive, offset) in zip(self.compiled, forms, strict=True):
            probe.count_forms(naive, offset)

    def _count(self, column: Sequence[Value], before: int, key_of: KeyOf) -> None:
        values, places, kinds = _present(column)
        self.census.nulls += len(column) - len(values)
        if not values:
            return
        if str in kinds:
            self._count_texts(*_of({str}, values, places, kinds), before, key_of)
        if bytes in kinds:
            self._count_blobs(*_of({bytes}, values, places, kinds), key_of)
        if int in kinds or float in kinds:
            self._count_numbers(*_of({int, float}, values, places, kinds), kinds, key_of)
        self._add_distinct(values)
        for probe in self.probes:
            self._probe(probe, values, places, kinds, key_of)

    def _count_numbers(self, numbers: Sequence[Any], places: Sequence[int], kinds: set[type], key_of: KeyOf) -> None:
        census = self.census
        census.bytes += 8 * len(numbers)
        size: float = 0
        if int in kinds:
            integers = numbers if float not in kinds else [value for value in numbers if type(value) is int]
            least, greatest = min(integers), max(integers)
            census.integers += len(integers)
            census.least = min(census.least, least)
            census.greatest = max(census.greatest, greatest)
            size = max(greatest, -least)
        if float in kinds:
            reals = numbers if int not in kinds else [value for value in numbers if type(value) is float]
            census.reals += len(reals)
            largest = max(max(reals), -min(reals))
            if largest == float("inf"):
                census.infinite += reals.count(largest) + reals.count(-largest)
            size = max(size, largest)
        # Only what beats the second largest so far can change the two largest; a batch rarely does.
        if size > census.size.second:
            _add_largest(census.size, list(map(abs, numbers)), numbers, places, key_of)

    def _count_blobs(self, blobs: Sequence[Any], places: Sequence[int], key_of: KeyOf) -> None:
        census = self.census
        census.blobs += len(blobs)
        sizes = list(map(len, blobs))
        census.bytes += sum(sizes)
        census.longest = max(census.longest, *sizes)
        for index, blob in zip(places, blobs, strict=True):
            reason = _unreadable(blob)
            census.unreadable.count += bool(reason)
            census.undecodable += reason == UNDECODABLE
            if reason:
                self._name_unreadable(blob, index, key_of)

    def _name_unreadable(self, blob: bytes | memoryview, index: int, key_of: KeyOf) -> None:
        # In a column of pictures every blob is one of these: only the first are worth a key.
        if len(self.census.unreadable.samples) < SAMPLES:
            self.census.unreadable.samples.append(Offender(key_of(index), beginning(blob), _unreadable(blob)))

    def _count_texts(self, texts: Sequence[Any], places: Sequence[int], before: int, key_of: KeyOf) -> None:
        census = self.census
        census.texts += len(texts)
        sizes = list(map(len, texts))
        census.bytes += sum(sizes)
        longest = max(sizes)
        census.longest = max(census.longest, longest)
        if longest > census.length.second:
            _add_largest(census.length, sizes, texts, places, key_of)
        if not holdable("".join(texts)):
            for index, text in zip(places, texts, strict=True):
                if not holdable(text):
                    reason = "holds a NUL character" if "\x00" in text else "holds bytes that are not UTF-8"
                    census.unholdable.add(lambda at=index: key_of(at), text, reason)  # type: ignore[misc]
        if census.forms:
            joined = "\x1f".join(texts) + "\x1f"
            for name in list(census.forms):
                if name == "JSON" or not FORMS[name].fullmatch(joined):
                    self._look_for(name, texts, places, before, key_of)

    def _look_for(self, name: str, texts: Sequence[str], places: Sequence[int], before: int, key_of: KeyOf) -> None:
        failures = self.census.forms.get(name)
        if failures is None:
            return
        count = failures.count
        named = []
        for index, text in zip(places, texts, strict=True):
            if has_form(name, text):
                continue
            count += 1
            if count * 10 > max(before + index + 1, PATIENCE):
                del self.census.forms[name]
                self.mask = sum(1 << at for at, form in enumerate(FORMS) if form in self.census.forms)
                return
            if count <= NAMED:
                named.append((index, text))
        failures.count = count
        reason = f"does not look like the column's other values ({name})"
        failures.samples += [Offender(key_of(index), beginning(text), reason) for index, text in named]

    def _add_distinct(self, values: Counter[Value] | Sequence[Value]) -> None:
        census = self.census
        if census.distinct is None:
            return
        if census.longest > DISTINCT_CHARS or census.blobs or census.reals:
            census.distinct = None
            return
        census.distinct.update(values)
        if len(census.distinct) > DISTINCT:
            census.distinct = None

    def _probe(
        self, probe: Probe, values: Sequence[Value], places: Sequence[int], kinds: set[type], key_of: KeyOf
    ) -> None:
        failures = self.census.probes[probe.name]
        for index, reason in probe.check(values, kinds) if values else ():
            failures.add(lambda at=places[index]: key_of(at), values[index], reason)  # type: ignore[misc]


def _present(column: Sequence[Value]) -> tuple[Sequence[Value], Sequence[int], set[type]]:
    """The values that are not NULL, their rows, and their Python types."""
    kinds = set(map(type, column))
    if NoneType not in kinds:
        return column, range(len(column)), kinds
    kinds.discard(NoneType)
    places = [index for index, value in enumerate(column) if value is not None]
    return [column[index] for index in places], places, kinds


def _of(
    wanted: set[type], values: Sequence[Value], places: Sequence[int], kinds: set[type]
) -> tuple[Sequence[Value], Sequence[int]]:
    """The values of the wanted types, and their rows."""
    if kinds <= wanted:
        return values, places
    found = [index for index, value in enumerate(values) if type(value) in wanted]
    return [values[index] for index in found], [places[index] for index in found]


def _rows(told: Iterable[int]) -> list[int]:
    return sorted({row for row in told if row >= 0})


def _add_largest(
    extreme: Extreme, sizes: list[Any], values: Sequence[Value], places: Sequence[int], key_of: KeyOf
) -> None:
    """Take the two largest of a batch into account; no other can be one of the two largest of all."""
    first = sizes.index(max(sizes))
    found = {first: sizes[first]}
    sizes[first] = -1
    second = sizes.index(max(sizes))
    found.setdefault(second, sizes[second])
    for at in sorted(found):
        extreme.add(found[at], lambda index=places[at]: key_of(index), values[at])  # type: ignore[misc]


UNDECODABLE = "is a blob that is not UTF-8 text"


def _unreadable(blob: bytes | memoryview) -> str:
    """Why a blob is no text; nothing where it is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    nul = False
    try:
        # Piece by piece: the whole text may be four times as large.
        for at in range(0, len(blob), LARGE_BYTES):
            piece = bytes(blob[at : at + LARGE_BYTES])
            decoder.decode(piece)
            nul = nul or b"\x00" in piece
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return UNDECODABLE
    return "is a blob with a NUL" if nul else ""
