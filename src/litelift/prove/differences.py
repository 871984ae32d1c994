"""Which rows differ, and where: a second pass over the rows in question, and a third for the values of those shown."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from litelift.plan.match import ColumnMatch, TableMatch
from litelift.prove import values as reading
from litelift.prove.cells import unescape
from litelift.prove.quarantine import key_item
from litelift.prove.source import SourceScan
from litelift.prove.sums import BUCKETS, short_digest
from litelift.prove.target import TargetScan
from litelift.result import Difference
from litelift.sqlite.schema import Value

LONGEST_SHOWN = 1000
"""Characters of a value in a difference; longer ones are cut around the place where the two sides part."""

MOST_PAIRED = 500
"""Rows of each side of a table without a key among which the nearest are paired; each is compared with each."""

_SCHEMA = """
pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -32768;
create table s (n integer primary key, k blob, r blob, c blob);
create table t (n integer primary key, k blob, r blob, c blob);
"""

# Equal rows cancel out, one for one; what is left over on either side differs.
_UNMATCHED = """
create index s_r on s (r); create index t_r on t (r);
create table us as
  select n, k, c from (select *, row_number() over (partition by r order by n) as i from s) as a
  where i > (select count(*) from t where t.r = a.r);
create table ut as
  select n, k, c from (select *, row_number() over (partition by r order by n) as i from t) as a
  where i > (select count(*) from s where s.r = a.r);
create table pair (sn integer primary key, tn integer unique, sc blob, tc blob);
"""

_BY_KEY = """
insert into pair
  select a.n, b.n, a.c, b.c
  from (select *, row_number() over (partition by k order by n) as i from us) as a
  join (select *, row_number() over (partition by k order by n) as i from ut) as b on a.k = b.k and a.i = b.i;
"""


@dataclass(slots=True)
class _Found:
    """A difference by the ordinals of its rows; ``column`` is a position."""

    kind: Literal["changed", "missing", "extra"]
    source: int | None
    target: int | None
    column: int | None = None


def find_differences(
    source: SourceScan, target: TargetScan, unlike: frozenset[int], limit: int | None
) -> tuple[int, list[Difference]]:
    """All differences counted (a changed value, a missing row, an extra row are one each), and the first ``limit``.

    ``unlike`` names the buckets of digests in which the sides differ.
    """
    with tempfile.TemporaryDirectory(prefix="litelift-proof-") as folder:
        scratch = sqlite3.connect(Path(folder) / "rows.sqlite", isolation_level=None)
        try:
            scratch.executescript(_SCHEMA)
            _store(scratch, "s", (batch.encoded() for batch in source.batches()), source.key, unlike)
            with contextlib.closing(target.blocks_of_rows()) as blocks:
                _store(scratch, "t", map(target.lines, blocks), source.key, unlike)
            scratch.executescript(_UNMATCHED)
            if source.key:
                scratch.executescript(_BY_KEY)
            else:
                _pair_nearest(scratch, len(source.match.columns))
            total, found = _collect(scratch, limit)
        finally:
            scratch.close()
    return total, _describe(source, target, found)


def _store(
    scratch: sqlite3.Connection,
    table: str,
    batches: Iterable[list[bytes]],
    key: Sequence[int],
    unlike: frozenset[int],
) -> None:
    def rows() -> Iterator[tuple[int, bytes | None, bytes, bytes]]:
        number = 0
        for lines in batches:
            for line in lines:
                number += 1
                code = short_digest(line)
                if int.from_bytes(code[:2], "little") % BUCKETS not in unlike:
                    continue
                cells = line.split(b"\t")
                parts = b"".join(zlib.crc32(cell).to_bytes(4, "little") for cell in cells)
                yield number, short_digest(b"\t".join(cells[i] for i in key)) if key else None, code, parts

    scratch.execute("begin")
    scratch.executemany(f"insert into {table} values (?, ?, ?, ?)", rows())  # noqa: S608
    scratch.execute("commit")


def _parts(codes: bytes) -> list[bytes]:
    return [codes[i : i + 4] for i in range(0, len(codes), 4)]


def _pair_nearest(scratch: sqlite3.Connection, width: int) -> None:
    left = [(n, _parts(c), c) for n, c in scratch.execute("select n, c from us order by n limit ?", (MOST_PAIRED,))]
    right = [(n, _parts(c), c) for n, c in scratch.execute("select n, c from ut order by n limit ?", (MOST_PAIRED,))]
    candidates = []
    alone = width == 1 and len(left) == len(right) == 1
    for i, (_, left_parts, _) in enumerate(left):
        for j, (_, right_parts, _) in enumerate(right):
            same = sum(map(bytes.__eq__, left_parts, right_parts))
            if 2 * same >= width or alone:
                candidates.append((-same, i, j))
    candidates.sort()
    used_left: set[int] = set()
    used_right: set[int] = set()
    for _, i, j in candidates:
        if i in used_left or j in used_right:
            continue
        used_left.add(i)
        used_right.add(j)
        scratch.execute("insert into pair values (?, ?, ?, ?)", (left[i][0], right[j][0], left[i][2], right[j][2]))


def _collect(scratch: sqlite3.Connection, limit: int | None) -> tuple[int, list[_Found]]:
    total = 0
    kinds: list[list[_Found]] = [[], [], []]
    for sn, tn, sc, tc in scratch.execute("select sn, tn, sc, tc from pair order by sn"):
        changed: list[int | None] = [i for i, (a, b) in enumerate(zip(_parts(sc), _parts(tc), strict=True)) if a != b]
        total += max(1, len(changed))
        for column in changed or [None]:
            if limit is None or len(kinds[0]) < limit:
                kinds[0].append(_Found("changed", sn, tn, column))
    for table, key, side in (("us", "sn", 1), ("ut", "tn", 2)):
        query = f"select n from {table} where n not in (select {key} from pair) order by n"  # noqa: S608
        for (n,) in scratch.execute(query):
            total += 1
            if limit is None or len(kinds[side]) < limit:
                kinds[side].append(_Found("missing", n, None) if side == 1 else _Found("extra", None, n))
    if limit is None:
        return total, [found for kind in kinds for found in kind]
    # Each kind has its share, so that a thousand changed values do not hide one lost row.
    shares = [0, 0, 0]
    while sum(shares) < limit and any(share < len(kind) for share, kind in zip(shares, kinds, strict=True)):
        for side, kind in enumerate(kinds):
            if shares[side] < len(kind) and sum(shares) < limit:
                shares[side] += 1
    return total, [found for share, kind in zip(shares, kinds, strict=True) for found in kind[:share]]


# ------------------------------------------------------------------------------------------- values


def _describe(source: SourceScan, target: TargetScan, found: list[_Found]) -> list[Difference]:
    source_rows = _source_rows(source, {item.source for item in found if item.source is not None})
    target_rows = _target_rows(target, {item.target for item in found if item.target is not None})
    return [
        _difference(
            source,
            item,
            None if item.source is None else source_rows[item.source],
            None if item.target is None else target_rows[item.target],
        )
        for item in found
    ]


def _source_rows(scan: SourceScan, wanted: set[int]) -> dict[int, tuple[Value, ...]]:
    rows: dict[int, tuple[Value, ...]] = {}
    number = 0
    with contextlib.closing(scan.batches()) as batches:
        for batch in batches:
            if len(rows) == len(wanted):
                break
            for offset, row in enumerate(batch.rows, number + 1):
                if offset in wanted:
                    rows[offset] = row
            number += len(batch.rows)
    return rows


def _target_rows(scan: TargetScan, wanted: set[int]) -> dict[int, list[str | None]]:
    rows: dict[int, list[str | None]] = {}
    number = 0
    if not wanted:
        return rows
    with contextlib.closing(scan.blocks_of_rows()) as blocks:
        for block in blocks:
            lines = str(block, "utf-8")[:-1].split("\n")
            for offset, line in enumerate(lines, number + 1):
                if offset in wanted:
                    rows[offset] = [unescape(field) for field in line.split("\t")]
            number += len(lines)
            if len(rows) == len(wanted):
                break
    return rows


def _difference(
    scan: SourceScan, item: _Found, row: tuple[Value, ...] | None, fields: list[str | None] | None
) -> Difference:
    match = scan.match
    if row is not None:
        key = _source_key(scan, row)
    else:
        positions = scan.key or range(len(match.columns))
        key = {match.columns[i].target: _field_item(fields[i] if fields else None, match.columns[i]) for i in positions}
    column = None if item.column is None else match.columns[item.column]
    if column is not None and item.column is not None and row is not None and fields is not None:
        left, right = shown(row[item.column]), fields[item.column]
    else:
        left = None if row is None else _whole(match, [shown(value) for value in row])
        right = None if fields is None else _whole(match, fields)
    left, right = _cut(left, right)
    return Difference(
        table=match.target,
        kind=item.kind,
        key=key,
        column=None if column is None else column.target,
        source=left,
        target=right,
    )


def _source_key(scan: SourceScan, row: tuple[Value, ...]) -> dict[str, Any]:
    match = scan.match
    if scan.key:
        return {match.columns[i].target: _finite(key_item(row[i])) for i in scan.key}
    if scan.rowid:
        return {"rowid": row[-1]}
    return {c.target: _finite(key_item(value)) for c, value in zip(match.columns, row, strict=False)}


def _finite(item: Any) -> Any:
    return repr(item) if isinstance(item, float) and not math.isfinite(item) else item


def _field_item(field: str | None, column: ColumnMatch) -> Any:
    if field is not None and column.type.base in ("int2", "int4", "int8"):
        return int(field)
    if field is not None and column.type.base == "bytea":
        return f"x'{field[2:]}'"
    return field


def shown(value: Value) -> str | None:
    """A stored value as a person reads it: bytes in hex, a NUL character and bad bytes visible."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    text = reading.text_of(value)
    if reading.is_damaged(text):
        return "".join(c if not reading.is_damaged(c) else f"\\x{ord(c) & 0xFF:02x}" for c in text)
    return text


def _whole(match: TableMatch, fields: Sequence[str | None]) -> str:
    names = (column.target for column in match.columns)
    return json.dumps(dict(zip(names, fields, strict=False)), ensure_ascii=False)


def _cut(left: str | None, right: str | None) -> tuple[str | None, str | None]:
    if max(len(left or ""), len(right or "")) <= LONGEST_SHOWN:
        return left, right
    parting = 0
    if left is not None and right is not None:
        shorter = min(len(left), len(right))
        parting = next((i for i in range(shorter) if left[i] != right[i]), shorter)
    start = max(0, parting - LONGEST_SHOWN // 2)

    def part(text: str | None) -> str | None:
        if text is None or len(text) <= LONGEST_SHOWN:
            return text
        head = "…" if start else ""
        tail = "…" if start + LONGEST_SHOWN < len(text) else ""
        return f"{head}{text[start : start + LONGEST_SHOWN]}{tail} ({len(text):,} characters)"

    return part(left), part(right)
