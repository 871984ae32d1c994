"""Virtual tables in a whole move: searchable tables, views over an index's content, and what stays behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from litelift.errors import DdlError
from litelift.plan import fulltext, tell
from litelift.plan.file import PlanFile
from litelift.plan.match import ColumnMatch, TableMatch
from litelift.plan.names import SYSTEM_COLUMNS, Namer
from litelift.plan.plan import MovePlan, ViewPlan
from litelift.plan.rtree import plan_rtree
from litelift.result import Untranslated
from litelift.sqlite.lexer import fold, quote_identifier
from litelift.sqlite.readable import why_unreadable
from litelift.sqlite.schema import ROWID_WORDS, OtherObject, Schema, Table
from litelift.sqlite.virtual import (
    FullTextOptions,
    VirtualTableDefinition,
    content_name,
    full_text_options,
    parse_virtual_table,
)
from litelift.translate.relation import Relation
from litelift.translate.value import ColumnContext, identifier

_STAYING: Mapping[str, str] = {
    "geopoly": "polygons are not carried: PostgreSQL's type polygon, or PostGIS, takes their place",
    "fts3aux": "it only shows the words of a full-text table, which here ts_stat() does",
    "fts4aux": "it only shows the words of a full-text table, which here ts_stat() does",
    "fts5vocab": "it only shows the words of a full-text table, which here ts_stat() does",
    "dbstat": "it only shows how SQLite's pages are filled, which here pg_class and pgstattuple do",
    "sqlite_stmt": "it only shows SQLite's own state",
}


def plan_virtual(plan: MovePlan, table: Table, relations: Namer, connection: sqlite3.Connection) -> None:
    """Plan what a table that was a virtual one has beyond its rows. ``connection`` is the source."""
    if table.virtual is None:
        return
    if table.virtual.is_full_text:
        fulltext.plan_full_text(plan, table, relations, connection)
    else:
        plan_rtree(plan, table, relations)


def plan_contents(
    plan: MovePlan, schema: Schema, file: PlanFile, relations: Namer, connection: sqlite3.Connection
) -> None:
    """Plan a view for each full-text table whose text is another table's, or a view's, that is planned by now.

    It shows the text as it is at the moment, so that nothing has to keep it like its content.
    """
    for other, definition in _others(schema, file):
        options = full_text_options(definition)
        if not definition.is_full_text or not options.content or _planned(plan, other.name):
            continue
        content = _content(plan, options.content)
        if content is None:
            continue
        maker = _ContentView(plan, schema, other, definition, options, content, relations, connection)
        reason = maker.plan_view()
        if reason is not None:
            plan.untranslated.append(Untranslated(kind=other.kind, name=other.name, sql=other.sql, reason=reason))


def view_relations(plan: MovePlan) -> dict[str, Relation]:
    """The views of full-text tables, as other views read them."""
    found = {}
    for view in plan.views:
        # Nothing may be written to them: a trigger that does would write their content.
        if view.relation is not None:
            continue
        columns = {c.source: ColumnContext(c.target, c.type, c.values) for c in view.match.columns}
        rowid = next((name for name in ("rowid", "docid") if name in columns), None)
        hidden = frozenset({rowid} if rowid else ())
        found[view.match.source] = Relation(
            view.match.schema, view.match.target, columns, view=True, rowid=rowid, hidden=hidden
        )
    return found


def staying(plan: MovePlan, schema: Schema) -> set[str]:
    """The names of the source's virtual tables that become no tables."""
    found = {other.name for other in schema.others if other.kind == "virtual table"}
    return found | {table.name for table in schema.tables if table.virtual is not None and not plan.table(table.name)}


def is_index_part(schema: Schema, table: Table) -> bool:
    """Whether a table is virtual, or holds the text of a full-text table that cannot be read."""
    others = [definition for _, definition in _others(schema)]
    return table.virtual is not None or fold(table.name) in {content_name(definition) for definition in others}


def tell_others(plan: MovePlan, schema: Schema, file: PlanFile, connection: sqlite3.Connection) -> None:
    """Tell the virtual tables that stay behind, each with the reason and with what a person can do."""
    told = {(item.kind, item.name) for item in plan.untranslated}
    for other, definition in _others(schema, file):
        if _planned(plan, other.name) or (other.kind, other.name) in told:
            continue
        reason = _reason(plan, connection, definition)
        plan.untranslated.append(Untranslated(kind=other.kind, name=other.name, sql=other.sql, reason=reason))


def _others(schema: Schema, file: PlanFile | None = None) -> list[tuple[OtherObject, VirtualTableDefinition]]:
    found = []
    for other in schema.others:
        if other.kind == "virtual table" and not (file is not None and file.table(other.name).exclude):
            try:
                found.append((other, parse_virtual_table(other.sql)))
            except DdlError:
                found.append((other, VirtualTableDefinition(other.name, "")))
    return found


def _planned(plan: MovePlan, name: str) -> bool:
    return any(view.match.source == name for view in plan.views)


def _content(plan: MovePlan, name: str) -> TableMatch | None:
    matches = [table.match() for table in plan.tables] + [view.match for view in plan.views]
    return next((match for match in matches if fold(match.source) == fold(name)), None)


def _reason(plan: MovePlan, connection: sqlite3.Connection, definition: VirtualTableDefinition) -> str:
    module = fold(definition.module)
    unreadable = why_unreadable(connection, definition)
    if definition.is_full_text:
        content = full_text_options(definition).content
        if content == "":
            return (
                "it is an index without text (content=''), of which nothing can be read back; give the table that has "
                "the text a tsvector column of it: tsv tsvector GENERATED ALWAYS AS (to_tsvector('simple', ...)) STORED"
            )
        if content is not None:
            return f"its text is that of {content}, which is not carried"
    if unreadable is not None and (definition.is_rtree or definition.is_full_text):
        reason = f"its rows cannot be read here ({unreadable})"
        carried = next((t.source for t in plan.tables if fold(t.source) == content_name(definition)), None)
        return reason + (f"; its text arrives in the table {carried}" if carried else "")
    reason = _STAYING.get(module, f"virtual tables of the module {definition.module} are not carried")
    if unreadable is not None:
        return f"{reason}; its rows cannot be read here ({unreadable})"
    query = f"SELECT count(*) FROM {quote_identifier(definition.name)}"  # noqa: S608
    try:
        rows = connection.execute(query).fetchone()[0]
    except sqlite3.Error as error:
        return f"{reason}; its rows cannot be read here ({error})"
    return f"{reason}; its {rows} rows stay in the source"


class _ContentView:
    """A view for one full-text table with external content."""

    def __init__(
        self,
        plan: MovePlan,
        schema: Schema,
        other: OtherObject,
        definition: VirtualTableDefinition,
        options: FullTextOptions,
        content: TableMatch,
        relations: Namer,
        connection: sqlite3.Connection,
    ) -> None:
        self.plan = plan
        self.schema = schema
        self.other = other
        self.definition = definition
        self.options = options
        self.content = content
        self.relations = relations
        self.connection = connection
        self.places = {fold(column.source): column for column in content.columns}

    def plan_view(self) -> str | None:
        """Plan the view and its index; gives the reason where there can be none."""
        query = "SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden = 0"
        try:
            names = [str(name) for (name,) in self.connection.execute(query, (self.other.name,))]
            unreadable = why_unreadable(self.connection, self.definition)
        except sqlite3.Error as error:
            names, unreadable = [], str(error)
        if unreadable is not None:
            return f"its rows cannot be read here ({unreadable})"
        missing = [name for name in names if fold(name) not in self.places]
        if missing:
            return f"its columns {', '.join(missing)} are not among the carried ones of {self.content.source}"
        found = [self.places[fold(name)] for name in names]
        columns = [replace(column, source=name) for name, column in zip(names, found, strict=True)]
        rowid = "docid" if any(fold(name) == "rowid" for name in names) else "rowid"
        number = self._number()
        taken = Namer(taken=SYSTEM_COLUMNS)
        shown = []
        if number is not None:
            shown.append((replace(number, source=rowid, target=taken.name(rowid)), number))
        for column in columns:
            shown.append((replace(column, target=taken.name(column.source)), column))
        target = self.relations.name(self.other.name)
        if target != self.other.name:
            tell.renamed(self.plan, "full-text table", self.content.source, self.other.name, target)
        parts = [f"{identifier(column.target)} AS {identifier(place.target)}" for place, column in shown]
        name = taken.name("tsv")
        vector = self._vector(target, columns, name)
        parts += [f"{vector} AS {identifier(name)}"] if vector else []
        place = f"{identifier(self.content.schema)}.{identifier(self.content.target)}"
        match = TableMatch(
            self.other.name, self.plan.schema, target, tuple(one for one, _ in shown), where=self._filter(rowid)
        )
        view = next((view for view in self.plan.views if view.match.source == self.content.source), None)
        self.plan.views += (
            ViewPlan(
                match,
                f"SELECT {', '.join(parts)} FROM {place}",  # noqa: S608
                self.other.sql,
                frozenset({self.content.source}),
                frozenset(one.source for one, c in shown if view and c.source in view.inexact),
                view.volatile if view else False,
            ),
        )
        self._tell(target, number is not None)
        return None

    def _number(self) -> ColumnMatch | None:
        """The content's column that is the rowid."""
        wanted = fold(self.options.content_rowid)
        if wanted in self.places:
            return self.places[wanted]
        if wanted not in (*ROWID_WORDS, "docid"):
            return None
        try:
            alias = self.schema.table(self.content.source).rowid_alias
        except KeyError:
            return None
        return self.places.get(fold(alias)) if alias is not None else None

    def _vector(self, target: str, columns: list[ColumnMatch], name: str) -> str | None:
        chosen = fulltext.searched(columns, self.options)
        content, where = self.content.source, self.content.where
        if not fulltext.index_vector(
            self.plan, content, target, self.other.sql, chosen, columns, where, self.connection
        ):
            return None
        vector = fulltext.vector(chosen, self.options)
        fulltext.support(self.plan, self.options)
        if any(table.source == content for table in self.plan.tables):
            wanted = f"{target}_{name}_idx"
            fulltext.add_index(self.plan, self.relations, self.content.target, wanted, f"({vector})", self.other.sql)
        else:
            message = f"{target} has no index of its own, for its text is that of the view {content}"
            tell.add(self.plan, "info", fulltext.KIND, message, target)
        fulltext.tell_search(self.plan, self.definition, self.options, target, name, chosen)
        return vector

    def _filter(self, rowid: str) -> str | None:
        if self.content.where is None:
            return None
        number = quote_identifier(self.options.content_rowid)
        kept = f"SELECT {number} FROM {quote_identifier(self.content.source)} WHERE ({self.content.where}\n)"  # noqa: S608
        return f"{quote_identifier(rowid)} IN ({kept})"

    def _tell(self, target: str, numbered: bool) -> None:
        message = (
            f"{target} is a view of {self.content.source}, whose text it indexes: it is always like it, and nothing is "
            "written to it"
        )
        if not numbered:
            message += f"; it has no rowid, for {self.content.source} has no column for it"
        tell.add(self.plan, "info", fulltext.KIND, message, target)
