"""Virtual tables: their CREATE statement, their options, and the shadow tables that SQLite's own modules keep.

Sources: "SQLite FTS3 and FTS4 Extensions", "SQLite FTS5 Extension", "The SQLite R*Tree Module".
"""

from __future__ import annotations

from dataclasses import dataclass

from litelift.errors import DdlError
from litelift.sqlite.ddl import TokenReader
from litelift.sqlite.lexer import Kind, fold, tokenize, unquote_identifier

FULL_TEXT = frozenset({"fts3", "fts4", "fts5"})
RTREE = frozenset({"rtree", "rtree_i32"})


@dataclass(frozen=True, slots=True)
class VirtualTableDefinition:
    """A CREATE VIRTUAL TABLE statement: ``arguments`` are the SQL between the commas, as written."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()

    @property
    def is_full_text(self) -> bool:
        """Whether it is one of FTS3, FTS4 and FTS5."""
        return fold(self.module) in FULL_TEXT

    @property
    def is_rtree(self) -> bool:
        """Whether it is an R*Tree."""
        return fold(self.module) in RTREE


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


def content_name(table: VirtualTableDefinition) -> str | None:
    """The folded name of the shadow table that holds a full-text table's own text; None where there is none."""
    if not table.is_full_text or full_text_options(table).content is not None:
        return None
    return f"{fold(table.name)}_content"


def has_external_content(table: VirtualTableDefinition) -> bool:
    """Whether a full-text table (FTS4, FTS5) has the option ``content``, and so no ``_content`` table of its own.

    A table of that name is then the application's, though SQLite lists it as a shadow table.
    """
    return table.is_full_text and full_text_options(table).content is not None


@dataclass(frozen=True, slots=True)
class FullTextOptions:
    """What a full-text table's arguments say beside its columns.

    ``content`` is None where the table holds its text itself, '' where it holds none (contentless), else the name of
    the table or view that does; ``content_rowid`` is that one's column. ``tokenizer`` are the words of the tokenizer,
    () for the module's own. ``not_indexed`` are the folded names of the columns that are not searched in, ``language``
    the name of FTS4's hidden column of that purpose.
    """

    content: str | None = None
    content_rowid: str = "rowid"
    tokenizer: tuple[str, ...] = ()
    not_indexed: frozenset[str] = frozenset()
    language: str | None = None


_FTS4_OPTIONS = frozenset(
    {"matchinfo", "prefix", "compress", "uncompress", "order", "content", "languageid", "notindexed"}
)
# In the order in which they are looked for: each may be shortened (fts5ConfigParseSpecial in fts5_config.c).
_FTS5_OPTIONS = ("prefix", "tokenize", "content", "contentless_delete", "content_rowid", "columnsize", "detail")


def full_text_options(table: VirtualTableDefinition) -> FullTextOptions:
    """The options of a full-text table. FTS3 knows the tokenizer alone; to it, all else are columns."""
    module = fold(table.module)
    content: str | None = None
    content_rowid = "rowid"
    tokenizer: tuple[str, ...] = ()
    language: str | None = None
    not_indexed: set[str] = set()
    for argument in table.arguments:
        option, value = _option(argument, module)
        match option:
            case "":
                if module == "fts5" and (column := _unindexed(argument)) is not None:
                    not_indexed.add(fold(column))
            case "content":
                content = unquote_identifier(value)
            case "content_rowid":
                content_rowid = unquote_identifier(value) or "rowid"
            case "tokenize":
                tokenizer = _words(unquote_identifier(value) if module == "fts5" else value)
            case "languageid":
                language = unquote_identifier(value)
            case "notindexed":
                not_indexed.add(fold(unquote_identifier(value)))
    return FullTextOptions(content, content_rowid, tokenizer, frozenset(not_indexed), language)


def _option(argument: str, module: str) -> tuple[str, str]:
    """An option's folded name and its value; '' for the definition of a column."""
    name, equals, value = (part.strip() for part in argument.partition("="))
    if module in ("fts3", "fts4"):
        # Both "tokenize=porter" and "tokenize porter" are understood (fts3InitVtab in fts3.c).
        if fold(argument[:8]) == "tokenize" and not (argument[8:9].isalnum() or argument[8:9] == "_"):
            return "tokenize", argument[8:].strip().removeprefix("=").strip()
        return (fold(name), value) if module == "fts4" and equals and fold(name) in _FTS4_OPTIONS else ("", "")
    # A quoted first word is a column's name, in which there may be a sign of equality.
    if not equals or not name.isidentifier():
        return "", ""
    return next((option for option in _FTS5_OPTIONS if option.startswith(fold(name))), fold(name)), value


def _unindexed(argument: str) -> str | None:
    try:
        tokens = tokenize(argument)
    except DdlError:
        return None
    if len(tokens) > 1 and fold(tokens[-1].text) == "unindexed":
        return unquote_identifier(tokens[0].text)
    return None


def _words(text: str) -> tuple[str, ...]:
    """The words of a tokenizer's definition, each unquoted."""
    try:
        tokens = [token for token in tokenize(text) if token.kind is not Kind.OPERATOR]
    except DdlError:
        return (text,)
    return tuple(fold(unquote_identifier(token.text)) for token in tokens)


def auxiliary_types(table: VirtualTableDefinition) -> dict[str, str]:
    """The declared types of an R*Tree's auxiliary columns (``+name type``) by their folded names, '' for none."""
    found = {}
    for argument in table.arguments:
        if not argument.startswith("+"):
            continue
        try:
            tokens = tokenize(argument)
        except DdlError:
            continue
        if len(tokens) > 1:
            end = next((token.start for token in tokens[2:] if token.keyword in _AFTER_TYPE), len(argument))
            found[fold(unquote_identifier(tokens[1].text))] = argument[tokens[1].end : end].strip()
    return found


_AFTER_TYPE = frozenset({"COLLATE", "NOT", "DEFAULT", "CHECK", "UNIQUE", "PRIMARY", "REFERENCES", "CONSTRAINT"})
