"""Full-text tables: a tsvector that the server keeps, under an index, in the place of SQLite's own index.

Sources: "SQLite FTS5 Extension", "SQLite FTS3 and FTS4 Extensions"; chapter 12 of the PostgreSQL manual.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

from litelift.plan import tell
from litelift.plan.match import ColumnMatch
from litelift.plan.names import SYSTEM_COLUMNS, Namer
from litelift.plan.plan import DerivedColumn, IndexPlan, MovePlan
from litelift.plan.vectors import overlong
from litelift.postgres.types import PgType
from litelift.result import Untranslated
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import Table
from litelift.sqlite.virtual import FullTextOptions, VirtualTableDefinition, full_text_options
from litelift.translate.value import identifier

KIND = "full-text search"
_WEIGHTS = "ABCD"
_TEXT = frozenset({"text", "varchar"})
# Types whose text does not depend on the session, so that a generated column may use it (section 5.4).
_SHOWN = frozenset({"bpchar", "citext", "int2", "int4", "int8", "numeric", "float4", "float8", "uuid", "json", "jsonb"})


def configuration(options: FullTextOptions) -> str:
    """The text search configuration that stands for a tokenizer: with the Porter stemmer, or without any."""
    return "litelift.porter" if options.tokenizer[:1] == ("porter",) else "pg_catalog.simple"


def short_configuration(options: FullTextOptions) -> str:
    """The same as an application writes it."""
    return configuration(options).removeprefix("pg_catalog.")


def plain_name(name: str) -> str:
    """A name as a person writes it: in quotes only where it needs them."""
    return name if re.fullmatch("[a-z_][a-z0-9_]*", name) else identifier(name)


def searched(columns: Iterable[ColumnMatch], options: FullTextOptions) -> list[ColumnMatch]:
    """The columns that SQLite searches in."""
    return [column for column in columns if fold(column.source) not in options.not_indexed]


def unsearchable(columns: Iterable[ColumnMatch]) -> list[ColumnMatch]:
    """Those of ``columns`` whose type has no text of its own that a tsvector could be made of."""
    return [column for column in columns if _words(column) is None]


def vector(columns: Sequence[ColumnMatch], options: FullTextOptions) -> str:
    """The tsvector of these columns in PostgreSQL's SQL; up to four of them have a weight each, A to D."""
    words = [found for column in columns if (found := _words(column)) is not None]
    name = f"'{configuration(options)}'::regconfig"
    if len(words) > len(_WEIGHTS):
        joined = " || ' ' || ".join(words)
        return f"to_tsvector({name}, {joined})"
    parts = [
        f"setweight(to_tsvector({name}, {text}), '{weight}')" for text, weight in zip(words, _WEIGHTS, strict=False)
    ]
    return " || ".join(parts)


def _words(column: ColumnMatch) -> str | None:
    return None if _is_opaque(column.type) else f"coalesce({_text(column)}, '')"


def _is_opaque(type_: PgType) -> bool:
    return type_.kind != "base" or type_.base not in _TEXT | _SHOWN


def _text(column: ColumnMatch) -> str:
    name = identifier(column.target)
    return name if column.type.base in _TEXT else f"{name}::text"


def plan_full_text(plan: MovePlan, table: Table, relations: Namer, connection: sqlite3.Connection) -> None:
    """Give the planned table of a full-text table its tsvector and the index on it, and tell what changes for queries.

    ``relations`` is the namespace of the schema's relations; ``connection`` is the source.
    """
    planned = plan.table(table.name)
    definition = table.virtual
    assert planned is not None and definition is not None
    options = full_text_options(definition)
    own = [column for column in planned.match().columns if column.source not in table.hidden]
    chosen = searched(own, options)
    name = Namer(taken=SYSTEM_COLUMNS | {column.target for column in planned.columns}).name("tsv")
    if not index_vector(plan, table.name, planned.target, table.sql, chosen, own, planned.where, connection):
        return
    planned = replace(planned, derived=(*planned.derived, DerivedColumn(name, "tsvector", vector(chosen, options))))
    plan.put(planned)
    add_index(plan, relations, planned.target, f"{planned.target}_{name}_idx", identifier(name), table.sql)
    support(plan, options)
    tell_search(plan, definition, options, planned.target, name, chosen)


def index_vector(
    plan: MovePlan,
    source: str,
    target: str,
    sql: str,
    chosen: Sequence[ColumnMatch],
    own: Sequence[ColumnMatch],
    where: str | None,
    connection: sqlite3.Connection,
) -> bool:
    """Whether ``chosen`` columns of the source table can be searched in by a tsvector; what speaks against it is told.

    ``own`` are all columns of text, ``where`` the plan's filter.
    """
    lost = unsearchable(chosen)
    if lost and len(lost) < len(chosen):
        names = ", ".join(column.source for column in lost)
        reason = f"its index leaves out {names}, whose type is no text in PostgreSQL"
        plan.untranslated.append(Untranslated(kind=KIND, name=target, sql=sql, reason=reason))
    if len(lost) == len(chosen):
        if own:
            reason = "no column of text is left to search in; the rows are there"
            plan.untranslated.append(Untranslated(kind=KIND, name=target, sql=sql, reason=reason))
        return False
    found = overlong(connection, source, [column.source for column in chosen], where)
    if found is None:
        return True
    reason = (
        f"a row's text of {found:,} bytes may be more than a tsvector holds (1 MB of different words and their places; "
        "section 12.11 of the PostgreSQL manual), so it has no tsvector and no index; the text itself is all there"
    )
    plan.untranslated.append(Untranslated(kind=KIND, name=target, sql=sql, reason=reason))
    return False


def add_index(plan: MovePlan, relations: Namer, table: str, wanted: str, part: str, sql: str) -> None:
    """Plan a GIN index on ``part``."""
    name = relations.made_up(wanted)
    plan.indexes += (IndexPlan("index", name, table, (part,), source_sql=sql, method="gin"),)


def support(plan: MovePlan, options: FullTextOptions) -> None:
    """Note which configuration of our own is needed."""
    if configuration(options) == "litelift.porter":
        plan.support |= {"porter"}


def tell_search(
    plan: MovePlan,
    definition: VirtualTableDefinition,
    options: FullTextOptions,
    target: str,
    name: str,
    chosen: Sequence[ColumnMatch],
) -> None:
    """Say how a search is written now, and what it finds otherwise than in SQLite."""
    table, name = plain_name(definition.name), plain_name(name)
    found = f"{name} @@ websearch_to_tsquery('{short_configuration(options)}', 'fox')"
    message = (
        f"the virtual table {definition.name} ({definition.module}): {table} MATCH 'fox' is here "
        f"{found}; a text of more than about 1 MB of different words is refused"
    )
    words = [column for column in chosen if _words(column) is not None]
    if 1 < len(words) <= len(_WEIGHTS):
        message += f"; in {words[0].source} alone, {name} @@ to_tsquery("
        message += f"'{short_configuration(options)}', 'fox:A')"
    tell.add(plan, "info", KIND, "; ".join([message, *_differences(definition, options)]), target)


def _differences(definition: VirtualTableDefinition, options: FullTextOptions) -> list[str]:
    fts5 = fold(definition.module) == "fts5"
    words = options.tokenizer or (("unicode61",) if fts5 else ("simple",))
    if words[0] == "porter":
        words = words[1:] or (("unicode61",) if fts5 else ("simple",))
    said = []
    match words[0]:
        case "unicode61":
            if not _keeps_marks(words[1:]):
                said.append("SQLite finds café by cafe too, which is not so here")
            if len(words) > 1 and any(word.startswith(("tokenchars", "separators", "categories")) for word in words):
                said.append("what is a letter of a word is PostgreSQL's to say, not the tokenizer's options'")
        case "simple" | "ascii":
            said.append("SQLite ignores the case of ASCII letters only, PostgreSQL that of all")
        case "trigram":
            said.append(
                "SQLite finds any part of a word, a tsvector only whole ones: for the rest, LIKE '%ox%' with an index "
                "of the extension pg_trgm"
            )
        case other:
            said.append(f"the tokenizer {other} is not PostgreSQL's: its own rules say what a word is")
    if options.language is not None:
        said.append(f"{options.language} is a column like another, which a search does not look at")
    return said


def _keeps_marks(options: Sequence[str]) -> bool:
    joined = " ".join(options).replace("=", " ")
    return "remove_diacritics 0" in joined
