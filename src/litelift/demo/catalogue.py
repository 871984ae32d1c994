"""The demo's 158 tables, and how many rows they hold."""

from __future__ import annotations

from litelift.demo import tables_academic, tables_institutions, tables_office, tables_resources, tables_system
from litelift.demo.blueprint import TableSpec, parse

TABLES: tuple[TableSpec, ...] = tuple(
    table
    for module in (tables_system, tables_institutions, tables_academic, tables_office, tables_resources)
    for table in parse(module.TABLES)
)

COUNTS: dict[str, int] = {
    table.name: table.rows
    for table in TABLES
    if table.name in ("users", "institutions", "surveys", "students", "permissions", "roles", "grades", "link_shares")
}
"""How many there are of what the school system is about, whatever the size of the file."""

HISTORY: dict[str, dict[str, int]] = {
    "small": {"sessions": 200, "activity_log": 500, "audit_logs": 300},
    "full": {"sessions": 80_000, "activity_log": 100_000, "audit_logs": 124_500},
}
"""Rows of the tables that only ever grow, for each size of the file."""


def keys(table: TableSpec, rows: int) -> list[int]:
    """The ids of a table's rows. Of grades a few were deleted once."""
    if table.name == "grades":
        return [number for number in range(1, rows + 12) if number % 495]
    return list(range(1, rows + 1))
