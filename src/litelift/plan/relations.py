"""The tables and views of a plan, as the translation of views and triggers sees them."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

from litelift.plan.plan import IndexPlan, MovePlan, TablePlan
from litelift.postgres import types
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import ForeignKey, Schema, Table
from litelift.sqlite.virtual import auxiliary_types
from litelift.translate.relation import Relation
from litelift.translate.value import ColumnContext

_ACTS = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})


def plan_relations(plan: MovePlan, schema: Schema) -> dict[str, Relation]:
    """Every table of the plan, and every view that is planned so far, by its source name."""
    known = _Known(plan, schema)
    found = {planned.source: _relation(known, planned, schema.table(planned.source)) for planned in plan.tables}
    return found | {view.match.source: view.relation for view in plan.views if view.relation is not None}


class _Known:
    """The indexes of each table of the target, and the foreign keys that refer to each of the source, by its fold."""

    def __init__(self, plan: MovePlan, schema: Schema) -> None:
        self.indexes: defaultdict[str, list[IndexPlan]] = defaultdict(list)
        for index in plan.indexes:
            self.indexes[index.table].append(index)
        self.children: defaultdict[str, list[tuple[Table, ForeignKey]]] = defaultdict(list)
        for table in schema.tables:
            for key in table.foreign_keys:
                self.children[fold(key.parent)].append((table, key))


def _relation(known: _Known, planned: TablePlan, table: Table) -> Relation:
    columns: dict[str, ColumnContext] = {}
    generated: dict[str, Literal["stored", "virtual"]] = {}
    for column in planned.columns:
        source = table.column(column.source)
        columns[column.source] = ColumnContext(
            column.target,
            column.type,
            column.values,
            source.affinity,
            source.declared,
            source.collation,
            nondeterministic=column.collation == "nocase",
        )
        if source.generated is not None:
            # One that is not carried has no value of its own in a new row, like a virtual one.
            generated[column.source] = column.generated.kind if column.generated else "virtual"
    sources = {column.target: column.source for column in planned.columns}
    keys: list[tuple[str, ...]] = []
    other_keys = keyed = False
    for index in known.indexes[planned.target]:
        if not (index.unique or index.kind == "primary key"):
            continue
        keyed = keyed or index.kind == "primary key"
        if index.where is None and index.columns:
            keys.append(tuple(sources[target] for target in index.columns))
        else:
            other_keys = True
    moved = all(name in columns for name in table.primary_key)
    children = known.children[fold(table.name)]
    return Relation(
        planned.schema,
        planned.target,
        columns,
        primary_key=table.primary_key if keyed and moved else (),
        identity=next((column.source for column in planned.columns if column.identity), None),
        keys=tuple(keys),
        other_keys=other_keys,
        generated=generated,
        cascades=tuple(dict.fromkeys(child.name for child, key in children if {key.on_delete, key.on_update} & _ACTS)),
        checked=_checked(children, table),
        rowid=table.rowid_alias if table.rowid_alias in columns else None,
        hidden=frozenset(table.hidden),
        also_rowid=("docid",) if _has_docid(table) else (),
        edges=_edges(planned, table),
    )


def _checked(children: list[tuple[Table, ForeignKey]], table: Table) -> frozenset[tuple[str, str]]:
    """What its foreign keys without an action look at after a change, on both of their sides."""
    found = {(event, fold(key.parent)) for key in table.foreign_keys for event in ("INSERT", "UPDATE")}
    for child, key in children:
        actions = (("DELETE", key.on_delete), ("UPDATE", key.on_update))
        found |= {(event, fold(child.name)) for event, action in actions if action == "NO ACTION"}
    return frozenset(found)


def _edges(planned: TablePlan, table: Table) -> dict[str, bool]:
    """The coordinates that SQLite keeps in 32 bits: the lower one of each two rounded down, the upper one up."""
    if table.virtual is None or fold(table.virtual.module) != "rtree":
        return {}
    auxiliary = auxiliary_types(table.virtual)
    names = [column.name for column in table.columns[1:] if fold(column.name) not in auxiliary]
    real = {column.source for column in planned.columns if column.type == types.DOUBLE}
    return {name: place % 2 == 1 for place, name in enumerate(names) if name in real}


def _has_docid(table: Table) -> bool:
    """Whether docid is another name for the rowid ("SQLite FTS3 and FTS4 Extensions", section 1.2)."""
    return table.virtual is not None and fold(table.virtual.module) in ("fts3", "fts4") and "docid" not in table.hidden
