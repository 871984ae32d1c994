"""R*Trees: boxes that the server keeps of the coordinates, under one GiST index.

Sources: "The SQLite R*Tree Module"; sections 8.8 (geometric types) and 11.2 (GiST) of the PostgreSQL manual.
"""

from __future__ import annotations

from dataclasses import replace

from litelift.plan import tell
from litelift.plan.fulltext import plain_name
from litelift.plan.names import SYSTEM_COLUMNS, Namer
from litelift.plan.plan import ColumnPlan, DerivedColumn, IndexPlan, MovePlan
from litelift.result import Untranslated
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import Table
from litelift.sqlite.virtual import auxiliary_types
from litelift.translate.value import identifier

KIND = "R*Tree"
_NUMBERS = frozenset({"int2", "int4", "int8", "float4", "float8", "numeric"})


def plan_rtree(plan: MovePlan, table: Table, relations: Namer) -> None:
    """Give the planned table of an R*Tree its boxes, one for each two dimensions, and the index on them.

    ``relations`` is the namespace of the schema's relations.
    """
    planned = plan.table(table.name)
    assert planned is not None and table.virtual is not None
    auxiliary = auxiliary_types(table.virtual)
    edges = [column.name for column in table.columns[1:] if fold(column.name) not in auxiliary]
    places = {column.source: column for column in planned.columns}
    missing = [name for name in edges if name not in places or not _is_number(places[name])]
    if missing:
        reason = f"its box and its index need {', '.join(missing)}, which the plan leaves out or makes no number"
        plan.untranslated.append(Untranslated(kind=KIND, name=planned.target, sql=table.sql, reason=reason))
        return
    sides = [_number(places[name]) for name in edges]
    names = Namer(taken=SYSTEM_COLUMNS | {column.target for column in planned.columns})
    boxes = []
    for first in range(0, len(sides), 4):
        least_x, most_x, least_y, most_y = (*sides[first : first + 4], "0", "0")[:4]
        words = f"box(point({most_x}, {most_y}), point({least_x}, {least_y}))"
        name = names.name(f"box{first // 4 + 1}" if first else "box")
        boxes.append(DerivedColumn(name, "box", words))
    plan.put(replace(planned, derived=(*planned.derived, *boxes)))
    index = relations.made_up(f"{planned.target}_{boxes[0].name}_idx")
    parts = tuple(identifier(box.name) for box in boxes)
    plan.indexes += (IndexPlan("index", index, planned.target, parts, source_sql=table.sql, method="gist"),)
    within = " AND ".join(f"{plain_name(box.name)} && box(point(..,..), point(..,..))" for box in boxes)
    message = (
        f"the virtual table {table.name} ({table.virtual.module}): what overlaps a range is here {within}, by its "
        "index (boxes 0.000001 apart touch to PostgreSQL); conditions on the coordinates are exact, and without it"
    )
    if fold(table.virtual.module) == "rtree":
        message += "; SQLite rounds a new coordinate outward to 32 bits, and PostgreSQL keeps it as it is"
    tell.add(plan, "info", KIND, message, planned.target)


def _is_number(column: ColumnPlan) -> bool:
    return column.type.kind == "base" and column.type.base in _NUMBERS


def _number(column: ColumnPlan) -> str:
    name = identifier(column.target)
    return name if column.type.base == "float8" else f"{name}::double precision"
