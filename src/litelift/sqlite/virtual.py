"""Virtual tables: their CREATE statement, and the shadow tables that SQLite's own modules keep beside them."""

from __future__ import annotations

from dataclasses import dataclass

from litelift.sqlite.ddl import TokenReader
from litelift.sqlite.lexer import fold


@dataclass(frozen=True, slots=True)
class VirtualTableDefinition:
    """A CREATE VIRTUAL TABLE statement: ``arguments`` are the SQL between the commas, as written."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


def is_virtual_table(sql: str) -> bool:
    """Whether the statement begins with CREATE VIRTUAL TABLE. Raises DdlError for text that has no tokens."""
    return TokenReader(sql).at_words("CREATE", "VIRTUAL", "TABLE")


def parse_virtual_table(sql: str) -> VirtualTableDefinition:
    """Parse CREATE VIRTUAL TABLE. Raises DdlError."""
    reader = TokenReader(sql)
    reader.expect_words("CREATE", "VIRTUAL", "TABLE")
    reader.accept_words("IF", "NOT", "EXISTS")
    name = reader.qualified_name()
    reader.expect_words("USING")
    module = reader.name()
    arguments: list[str] = []
    if reader.accept_operator("("):
        closed = False
        while not closed:
            first, last = reader.until(",", ")")
            if last > first:
                arguments.append(reader.slice(first, last))
            closed = reader.take().text == ")"
    reader.finish()
    return VirtualTableDefinition(name, module, tuple(arguments))


_FTS4_SHADOWS = {"content": "docid", "segments": "blockid", "segdir": "level", "docsize": "docid", "stat": "id"}
_FTS5_SHADOWS = {"data": "id", "idx": "segid", "content": "id", "docsize": "id", "config": "k"}
_RTREE_SHADOWS = {"node": "nodeno", "rowid": "rowid", "parent": "nodeno"}
_SHADOWS = {
    "fts3": _FTS4_SHADOWS,
    "fts4": _FTS4_SHADOWS,
    "fts5": _FTS5_SHADOWS,
    "rtree": _RTREE_SHADOWS,
    "rtree_i32": _RTREE_SHADOWS,
    "geopoly": _RTREE_SHADOWS,
}


def shadow_names(table: VirtualTableDefinition) -> dict[str, str]:
    """The names (in ASCII lower case) of the shadow tables of a table of SQLite's own modules, with their first column.

    SQLite itself knows shadow tables only where the module is loaded. Sources: "SQLite FTS3 and FTS4 Extensions"
    (Shadow Tables), "SQLite FTS5 Extension" (External Data Structures), "The SQLite R*Tree Module" (Storage).
    """
    suffixes = _SHADOWS.get(fold(table.module), {})
    return {f"{fold(table.name)}_{suffix}": column for suffix, column in suffixes.items()}


def has_external_content(table: VirtualTableDefinition) -> bool:
    """Whether a full-text table (FTS4, FTS5) has the option ``content``, and so no ``_content`` table of its own.

    A table of that name is then the application's, though SQLite lists it as a shadow table.
    """
    if fold(table.module) not in ("fts4", "fts5"):
        return False
    options = (argument.partition("=") for argument in table.arguments)
    return any(equals and fold(name).strip() == "content" for name, equals, _ in options)
