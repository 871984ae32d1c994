"""Foreign keys: what PRAGMA foreign_key_list says of them, and the DDL beyond that ("SQLite Foreign Key Support")."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from litelift.sqlite.ddl_table import TableDefinition
from litelift.sqlite.lexer import fold, syntax_error
from litelift.sqlite.schema import ForeignKey, Table

FOREIGN_KEY_COLUMNS = 'p.id, p.seq, p."table", p."from", p."to", p.on_update, p.on_delete'
"""What `listed_foreign_keys` wants to know of the pragma, here called p."""


def listed_foreign_keys(
    rows: list[tuple[Any, ...]], definition: TableDefinition, what: str, sql: str
) -> tuple[ForeignKey, ...]:
    """A table's foreign keys in the order of its DDL.

    Args:
        rows: of the pragma, with FOREIGN_KEY_COLUMNS.
        definition: what was read of the DDL.
        what: names the table in an error.
        sql: the DDL.

    Raises:
        DdlError: the DDL was read to other foreign keys than SQLite has.
    """
    grouped: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        grouped.setdefault(row[0], []).append(row)
    keys: list[ForeignKey] = []
    # The pragma counts from the last one declared.
    for number in sorted(grouped, reverse=True):
        parts = sorted(grouped[number], key=lambda row: int(row[1]))
        keys.append(
            ForeignKey(
                columns=tuple(row[3] for row in parts),
                parent=parts[0][2],
                parent_columns=tuple(row[4] for row in parts if row[4] is not None),
                on_update=parts[0][5],
                on_delete=parts[0][6],
            )
        )
    written = definition.foreign_keys
    if [_folded(key) for key in keys] != [_folded(key) for key in written]:
        raise syntax_error(
            f"{what}: expected {len(keys)} foreign keys as SQLite lists them; got {len(written)}", sql, 0
        )
    return tuple(
        replace(key, name=own.name, deferrable=own.deferrable, initially_deferred=own.initially_deferred)
        for key, own in zip(keys, written, strict=True)
    )


def _folded(key: ForeignKey) -> tuple[object, ...]:
    columns, parents = (tuple(fold(name) for name in names) for names in (key.columns, key.parent_columns))
    return columns, fold(key.parent), parents, key.on_delete, key.on_update


def resolve_parents(tables: list[Table]) -> list[Table]:
    """Spell parents as they spell themselves, and fill in the parent columns that a foreign key leaves out."""
    by_name = {fold(table.name): table for table in tables}

    def resolve(key: ForeignKey) -> ForeignKey:
        parent = by_name.get(fold(key.parent))
        if parent is None:
            return key
        spelled = {fold(column.name): column.name for column in parent.columns}
        columns = tuple(spelled.get(fold(name), name) for name in key.parent_columns)
        if not columns and len(parent.primary_key) == len(key.columns):
            columns = parent.primary_key
        return replace(key, parent=parent.name, parent_columns=columns)

    return [
        replace(table, foreign_keys=tuple(resolve(key) for key in table.foreign_keys)) if table.foreign_keys else table
        for table in tables
    ]
