"""The COPY reader: any bytes that come for a table's rows are cells, or one clear error, and both paths agree."""

from __future__ import annotations

import re
from typing import Any

from fuzz import words
from fuzz.drawn import Drawn
from litelift.compiled import native
from litelift.plan.match import ColumnMatch, TableMatch
from litelift.postgres.types import PgType
from litelift.prove.cells import escape, unescape
from litelift.prove.compiled import native_column, native_lines, sums_of
from litelift.prove.target import Relation, TargetScan
from test_native_proof import COLUMNS, KEY, settle

WORDS = (
    *words(r"\N \\ \n \t \b \v \x00ff 1e+15 1.50 -0 0.00 NaN Infinity -Infinity 5e-324 PT1S P1DT2H {a,NULL} [1.0]"),
    *words('{"a":1} 2024-02-29 10:00:00 +00 ::1/128 10.0.0.0/8 08:00:2b:01:02:03 t f'),
    b"\t",
    b"\n",
)
_nobody: Any = None
_TEXT = ColumnMatch("v", "v", PgType("text"))


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as one to three columns and a block of COPY's text format.

    The block is lines, or a ValueError (its bytes are not UTF-8, or a field is no value of its type). Where Python
    reads it and every line has its columns, lines that are unlike to Python are unlike to the compiled path; and it
    comes to the sum of Python's lines where numbers are in PostgreSQL's form. A field reads back as it was written.
    """
    drawn = Drawn(data)
    columns = tuple(COLUMNS[drawn.below(len(COLUMNS))] for _ in range(1 + drawn.below(3)))
    block = drawn.rest()
    if not block.endswith(b"\n"):
        block += b"\n"
    text = block.decode("utf-8", "replace")
    for field in text.replace("\n", "\t").split("\t"):
        inner = unescape(field)
        assert inner is None or unescape(escape(inner)) == inner
    rows = [line.count(b"\t") + 1 for line in block[:-1].split(b"\n")]
    module = native()
    scan = TargetScan(_nobody, TableMatch("t", "s", "t", columns), Relation())
    try:
        lines = scan.lines(block)
    except ValueError:
        # OverflowError is none: the server prints no double that is no double.
        lines = None
    whole = set(rows) == {len(columns)}
    if lines is not None and whole:
        assert len(lines) == len(rows)
        assert all(line.count(b"\t") + 1 == len(columns) for line in lines)
    if module is None:
        return
    ours = native_lines(module, KEY, columns)
    ours.put(block)
    try:
        settle(ours, columns)
    except ValueError:
        assert lines is None or not whole
        return
    assert sums_of(ours).count == len(rows)
    if lines is None or not whole:
        return
    _unlike(columns, block, lines)
    if all(_printed(c, f) for line in text[:-1].split("\n") for c, f in zip(columns, line.split("\t"), strict=True)):
        # What Python brings into its form is not brought into it twice.
        form = [_TEXT if native_column(column)[1] == "python" else column for column in columns]
        again = native_lines(module, KEY, form)
        again.put(b"\n".join(lines) + b"\n")
        assert sums_of(ours) == sums_of(again), lines


_DOUBLE = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]\d\d+)?|NaN|-?Infinity|\\N", re.ASCII)
# Of zeros, numeric has none that is negative.
_DECIMAL = re.compile(r"(?!-0(\.0*)?\Z)-?(0|[1-9]\d*)(\.\d+)?|NaN|-?Infinity|\\N", re.ASCII)
_NUMBERS = {"float4": _DOUBLE, "float8": _DOUBLE, "numeric": _DECIMAL, "money": _DECIMAL}


def _printed(column: ColumnMatch, field: str) -> bool:
    """Whether the server could have sent the field, as far as it matters."""
    form = _NUMBERS.get(column.type.base)
    return form is None or column.type.element is not None or form.fullmatch(field) is not None


def _unlike(columns: tuple[ColumnMatch, ...], block: bytes, lines: list[bytes]) -> None:
    """Whether two lines that Python tells apart are told apart."""
    module = native()
    assert module is not None
    sums = []
    for line in block[:-1].split(b"\n")[:2]:
        alone = native_lines(module, KEY, columns)
        alone.put(line + b"\n")
        settle(alone, columns)
        sums.append(sums_of(alone))
    if len(sums) == 2 and lines[0] != lines[1]:
        assert sums[0] != sums[1], lines[:2]
