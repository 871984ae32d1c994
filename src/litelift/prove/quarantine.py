"""What was kept aside, checked against the source: only a value whose original bytes are there is accounted for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg
import psycopg.rows

from litelift.plan.match import TableMatch
from litelift.prove import values as reading
from litelift.prove.cells import target_cell
from litelift.sqlite.schema import Value

_COMPUTED = """
    select a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = %s and a.attgenerated <> '' and not a.attisdropped
"""

KeyTuple = tuple[Any, ...]

_MARKS = re.compile("\ufffd+")


def key_item(value: Value) -> Any:
    """A key's value as a row_key holds it: numbers, mended text, and blobs as x'..'."""
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # JSON has no infinity
    return reading.mend(value) if isinstance(value, str) else value


def _lookup_item(item: Any) -> Any:
    if isinstance(item, str):
        return _MARKS.sub("\ufffd", item)
    # jsonb writes a large real as the whole number of its shortest digits, which is not the number that it is.
    if isinstance(item, float) and abs(item) < 2**63 and item.is_integer():
        return int(Decimal(repr(item)))
    return float(item) if isinstance(item, int) and not -(2**63) <= item < 2**63 else item


@dataclass(slots=True)
class Entry:
    """One line of litelift.quarantine."""

    original: bytes
    storage_class: str
    stands_in: str | None


def _stored_value(storage_class: str, value: Any) -> Value:
    name = storage_class.lower()
    if name == "null" or value is None:
        return None
    if name == "integer":
        return int(value)
    if name == "real":
        return float(value)
    if name == "blob":
        return bytes.fromhex(value)
    if name == "text-hex":
        return bytes.fromhex(value).decode("utf-8", "surrogateescape")
    return str(value)


def _same(left: Value, right: Value) -> bool:
    return type(left) is type(right) and left == right


@dataclass(slots=True)
class Quarantine:
    """One table's entries, by key: the values by target column, and the whole rows."""

    values: dict[KeyTuple, dict[str, list[Entry]]] = field(default_factory=dict)
    rows: dict[KeyTuple, list[dict[str, Value]]] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    """The target's generated columns: a row that was kept aside does not hold them, for they follow from the others."""

    @property
    def empty(self) -> bool:
        """Whether nothing of this table was kept aside."""
        return not (self.values or self.rows)

    def touches(self, key: Sequence[Sequence[Value]]) -> bool:
        """Whether it may hold anything of some rows, from the columns of their key."""
        keys = zip(*([_lookup_item(key_item(value)) for value in column] for column in key), strict=True)
        found = set(keys) if key else {()}
        return not (found.isdisjoint(self.values) and found.isdisjoint(self.rows))

    def holds_row(self, key: Sequence[Value], row: Sequence[Value], match: TableMatch) -> bool:
        """Whether this very row was kept aside as a whole."""
        kept = self.rows.get(tuple(_lookup_item(key_item(value)) for value in key))
        if not kept:
            return False
        wanted = [
            (column.source, value)
            for column, value in zip(match.columns, row, strict=False)
            if column.target not in self.computed
        ]
        return any(all(name in entry and _same(entry[name], value) for name, value in wanted) for entry in kept)

    def stand_ins(self, key: Sequence[Value], row: Sequence[Value], match: TableMatch) -> dict[int, str]:
        """The cells that the target must hold instead, by position, for the values that were kept aside."""
        kept = self.values.get(tuple(_lookup_item(key_item(value)) for value in key))
        if not kept:
            return {}
        found: dict[int, str] = {}
        for position, column in enumerate(match.columns):
            value = row[position]
            for entry in kept.get(column.target, ()):
                if entry.storage_class == "null" if value is None else entry.original in _originals(value):
                    found[position] = target_cell(entry.stands_in, column)
                    break
        return found


def _originals(value: Value) -> tuple[bytes, ...]:
    if value is None:
        return ()
    if isinstance(value, float):
        return reading.bytes_of(value), repr(value).encode()
    return (reading.bytes_of(value),)


def tables_kept_aside(target: psycopg.Connection[Any], tables: Sequence[str]) -> frozenset[str]:
    """Those of the target's ``tables`` of which any run kept something aside."""
    with target.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        if cursor.execute("select to_regclass('litelift.quarantine')").fetchone() == (None,):
            return frozenset()
        cursor.execute(
            "select name from unnest(%s::text[]) as name"
            " where exists (select from litelift.quarantine where table_name = name)",
            (list(tables),),
        )
        return frozenset(name for (name,) in cursor)


def load_quarantine(target: psycopg.Connection[Any], match: TableMatch, run: str | None) -> Quarantine:
    """The entries of one table from ``litelift.quarantine``: of one run, or of the newest that touched this table."""
    found = Quarantine()
    with target.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        if run is None:
            newest = cursor.execute(
                "select run_id::text from litelift.quarantine where table_name = %s order by at desc limit 1",
                (match.target,),
            ).fetchone()
            if newest is None:
                return found
            run = newest[0]
        cursor.execute(
            "select column_name, row_key::text, original, storage_class, stands_in from litelift.quarantine"
            " where table_name = %s and run_id::text = %s",
            (match.target, run),
        )
        targets = {column.source: column.target for column in match.columns}
        names = [targets.get(name, name) for name in match.key] or ["rowid"]
        for column, row_key, original, storage_class, stands_in in cursor:
            items = json.loads(row_key)
            # Where neither a key nor the rowid names a row, its entries are told apart by their original bytes alone.
            key = tuple(_lookup_item(items.get(name)) for name in names) if items else ()
            if column is None:
                found.rows.setdefault(key, []).append(_row_of(bytes(original)))
            else:
                entry = Entry(bytes(original), storage_class, stands_in)
                found.values.setdefault(key, {}).setdefault(column, []).append(entry)
        if found.rows:
            cursor.execute(_COMPUTED, (match.schema, match.target))
            found.computed = frozenset(name for (name,) in cursor)
    return found


def _row_of(original: bytes) -> dict[str, Value]:
    try:
        document = json.loads(original)
        return {name: _stored_value(*pair) for name, pair in document.items()}
    except (ValueError, TypeError, AttributeError):
        return {}  # an original that cannot be read accounts for no row
