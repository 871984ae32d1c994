"""The proof's reading of the source: any value of any type is a cell, the same by both paths and in any batch."""

from __future__ import annotations

from fuzz.drawn import Drawn
from fuzz.stored import store
from fuzz.targets.value import WORDS
from litelift.prove.cells import source_cells
from litelift.prove.compiled import native_column, native_lines, sums_of
from test_native_proof import COLUMNS, KEY, joined, of_cells, of_rows

__all__ = ["WORDS", "one"]


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as a column's type and up to eight values.

    Nothing is raised; a batch's cells are those of its values one by one; and the compiled path's sums are those of
    the cells that Python makes.
    """
    drawn = Drawn(data)
    column = COLUMNS[drawn.below(len(COLUMNS))]
    values = drawn.values(8)
    stored = store()
    if stored is not None:
        stored.keep(values)
        values = [row[0] for row in stored.rows()]
    cells = list(source_cells(column)(values))
    assert cells == [source_cells(column)([value])[0] for value in values]
    assert not any("\t" in cell for cell in cells)
    if stored is None or not values:
        return
    sums, _ = of_rows(stored, [column])
    if native_column(column)[1] == "python":
        lines = native_lines(stored.module, KEY, [column])
        lines.put(b"x\n" * len(cells))
        lines.settle((joined(cells),))
        assert sums == sums_of(lines)
    elif not any("\n" in cell for cell in cells):
        assert sums == of_cells([column], [cells])
