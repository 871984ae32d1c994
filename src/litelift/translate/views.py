"""Views: SQLite's CREATE VIEW as a SELECT of PostgreSQL, and the order to make them in.

What cannot be said with the same meaning raises Untranslatable with the reason.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from litelift.errors import DdlError, Untranslatable
from litelift.sqlite.lexer import fold, quote_identifier, tokenize
from litelift.translate.relation import Relation
from litelift.translate.select import SelectLowering
from litelift.translate.select_parse import SelectParser
from litelift.translate.select_scope import Bound
from litelift.translate.select_tree import Query, tables_of
from litelift.translate.value import ColumnContext, Refused


@dataclass(frozen=True, slots=True)
class TranslatedView:
    """A view for PostgreSQL: ``CREATE VIEW target (the columns' targets) AS sql``.

    ``columns`` are in their order, by the names that SQLite gives them. ``needs`` names our own functions that must
    exist, ``depends_on`` the relations that it reads, as the source's schema writes them. ``computed`` columns are made
    by an expression, so that they have no affinity. ``inexact`` ones are made by floating-point or numeric arithmetic:
    their last digits depend on the order of rows and on the engine, so that a comparison must leave them room.
    ``volatile`` says that the clock or chance is read, so that both sides cannot be compared.
    """

    name: str
    sql: str
    columns: Mapping[str, ColumnContext]
    needs: frozenset[str] = frozenset()
    depends_on: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    inexact: frozenset[str] = frozenset()
    volatile: bool = False

    def relation(self, schema: str, name: str) -> Relation:
        """The view as other views read it, once it is there under that name."""
        return Relation(schema, name, self.columns, view=True, computed=self.computed, inexact=self.inexact)


@dataclass(frozen=True, slots=True)
class ViewOrder:
    """The views in an order in which each comes after those it reads; and those that cannot come, with the reason."""

    views: tuple[str, ...]
    refused: Mapping[str, str]


def translate_view(
    sql: str,
    relations: Mapping[str, Relation],
    server_version: int,
    name_of: Callable[[str], str] = lambda name: name,
) -> TranslatedView:
    """Translate a CREATE VIEW, as sqlite_schema has it.

    ``relations`` are the tables and views that there are, by their SQLite names; ``server_version`` is PostgreSQL's
    server_version_num (160014); ``name_of`` turns a result column's name in SQLite into the wanted one. Raises
    Untranslatable.
    """
    try:
        name, columns, query = _parsed(sql)
        by_fold = {fold(known): (known, relation) for known, relation in relations.items()}
        read = {fold(table): table for table in tables_of(query)}
        missing = sorted(table for folded, table in read.items() if folded not in by_fold)
        if missing:
            raise Refused(f"it reads {', '.join(missing)}, which is not there")
        names = _names(sql, name, {known: relation for f, (known, relation) in by_fold.items() if f in read})
        if columns and len(columns) != len(names):
            raise Refused("the view names more columns than it has, or fewer")
        lowering = SelectLowering(sql, server_version, lambda table: _bound(by_fold.get(fold(table))), name_of)
        lowered = lowering.whole_query(query, names)
    except (Refused, RecursionError) as error:
        reason = str(error) if isinstance(error, Refused) else "the SELECT is nested too deeply"
        raise Untranslatable(reason=reason, sql=sql) from None
    return TranslatedView(
        name=name,
        sql=lowered.sql,
        columns={column.name: column.context for column in lowered.columns},
        needs=frozenset(lowering.needs),
        depends_on=frozenset(by_fold[folded][0] for folded in read),
        computed=frozenset(column.name for column in lowered.columns if column.computed),
        inexact=frozenset(column.name for column in lowered.columns if column.inexact),
        volatile=any(words in lowered.sql for words in ("now()", "gen_random_uuid()", "random()", "randomblob(")),
    )


def order_views(views: Mapping[str, str], tables: frozenset[str]) -> ViewOrder:
    """The order in which views can be made: ``views`` are the CREATE VIEWs by name, ``tables`` all that else there is.

    Views in a circle, views on what is not there, views that cannot be read, and views on any of these are refused.
    """
    reads: dict[str, set[str]] = {}
    spelled = {fold(name): name for name in views}
    known = {fold(name) for name in tables}
    refused: dict[str, str] = {}
    for name, sql in views.items():
        try:
            reads[name] = {fold(table) for table in tables_of(_parsed(sql)[2])}
        except (Refused, RecursionError) as error:
            refused[name] = str(error) if isinstance(error, Refused) else "the SELECT is nested too deeply"
            continue
        missing = sorted(table for table in reads[name] if table not in known and table not in spelled)
        if missing:
            refused[name] = f"it reads {', '.join(missing)}, which is not there"
    ordered: list[str] = []
    waiting = [name for name in views if name not in refused]
    while waiting:
        done = {fold(name) for name in ordered}
        ready = [name for name in waiting if all(t in done or t not in spelled for t in reads[name])]
        if not ready:
            break
        # One at a time, so that the order of the source stays where nothing speaks against it.
        ordered.append(ready[0])
        waiting.remove(ready[0])
    for name in waiting:
        refused[name] = _why(name, reads, spelled, refused)
    return ViewOrder(tuple(ordered), refused)


def _why(name: str, reads: dict[str, set[str]], spelled: dict[str, str], refused: Mapping[str, str]) -> str:
    for table in sorted(reads[name]):
        if table in spelled and spelled[table] in refused and not refused[spelled[table]].startswith("it reads itself"):
            return f"it reads {spelled[table]}, which is not carried"
    reached: set[str] = set()
    front = {t for t in reads[name] if t in spelled}
    while front - reached:
        reached |= front
        front = {t for known in front for t in reads.get(spelled[known], set()) if t in spelled}
    if fold(name) in reached:
        return "it reads itself, by way of " + ", ".join(sorted(spelled[t] for t in reached))
    return "it reads " + ", ".join(sorted(spelled[t] for t in reads[name] if t in spelled)) + ", which is not carried"


def _parsed(sql: str) -> tuple[str, list[str], Query]:
    try:
        tokens = tokenize(sql)
    except DdlError as error:
        raise Refused(str(error.facts.get("message", error))) from None
    return SelectParser(tokens).view()


def _bound(found: tuple[str, Relation] | None) -> tuple[str, Bound] | None:
    if found is None:
        return None
    name, relation = found
    return relation.sql, Bound.of(name, relation)


def _names(sql: str, name: str, relations: Mapping[str, Relation]) -> list[str]:
    """The names that SQLite gives the view's columns, from SQLite itself, over empty tables of the same columns."""
    connection = sqlite3.connect(":memory:")
    try:
        for table, relation in relations.items():
            columns = []
            for column in relation.columns:
                if column in relation.hidden:
                    continue
                primary = " INTEGER PRIMARY KEY" if column == relation.rowid_column else ""
                columns.append(quote_identifier(column) + primary)
            connection.execute(f"CREATE TABLE {quote_identifier(table)} ({', '.join(columns)})")
        connection.execute(sql)
        # Its rows are not asked for: over empty tables a computed LIMIT may be NULL, which is an error.
        rows = connection.execute("SELECT name FROM pragma_table_info(?)", (name,)).fetchall()
        if not rows:
            # The pragma tells no error; the view does.
            connection.execute(f"EXPLAIN SELECT * FROM {quote_identifier(name)}")  # noqa: S608
        return [str(row[0]) for row in rows]
    except (sqlite3.Error, sqlite3.Warning, UnicodeError) as error:
        raise Refused(f"SQLite itself cannot read it: {error}") from None
    finally:
        connection.close()


__all__ = ["TranslatedView", "ViewOrder", "order_views", "translate_view"]
