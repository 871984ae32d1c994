"""The objects of a whole move: keys, indexes, checks, foreign keys and defaults, in PostgreSQL's SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from psycopg import sql

from litelift.errors import Untranslatable
from litelift.plan import tell
from litelift.plan.file import PlanFile
from litelift.plan.names import Namer
from litelift.plan.plan import CheckPlan, ColumnPlan, ForeignKeyPlan, IndexPlan, MovePlan, TablePlan
from litelift.result import Untranslated
from litelift.sqlite.census import TableCensus
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import ForeignKey, Index, IndexPart, Schema, Table
from litelift.translate import (
    ColumnContext,
    literal_default,
    translate_default,
    translate_expression,
    translate_predicate,
)
from litelift.wire.choose import codec_for
from litelift.wire.codec import Misfit


def identifier(name: str) -> str:
    """A PostgreSQL identifier in double quotes."""
    return str(sql.Identifier(name).as_string(None))


def plan_table(
    plan: MovePlan,
    schema: Schema,
    table: Table,
    census: TableCensus,
    relations: Namer,
    connection: sqlite3.Connection,
    server_version: int,
) -> None:
    """Plan everything that belongs to one table, or tell why it is not carried.

    ``relations`` is the namespace that the schema's tables and indexes share.
    """
    planned = plan.table(table.name)
    assert planned is not None
    contexts = {
        column.source: ColumnContext(
            target=column.target, type=column.type, values=column.values, declared=table.column(column.source).declared
        )
        for column in planned.columns
    }
    maker = _Objects(plan, schema, table, planned, census, relations, connection, server_version, contexts)
    maker.defaults()
    maker.primary_key()
    for index in table.indexes:
        maker.index(index)
    maker.checks()
    for key in table.foreign_keys:
        maker.foreign_key(key)
    maker.generated()
    maker.collations()


class _Objects:
    def __init__(
        self,
        plan: MovePlan,
        schema: Schema,
        table: Table,
        planned: TablePlan,
        census: TableCensus,
        relations: Namer,
        connection: sqlite3.Connection,
        server_version: int,
        contexts: dict[str, ColumnContext],
    ) -> None:
        self.plan = plan
        self.schema = schema
        self.table = table
        self.planned = planned
        self.census = census
        self.relations = relations
        self.connection = connection
        self.version = server_version
        self.contexts = contexts
        self.names = Namer(relations.identifiers)
        self.places = {column.source.lower(): column for column in planned.columns}

    def left(self, kind: str, name: str, text: str, reason: str) -> None:
        self.plan.untranslated.append(Untranslated(kind=kind, name=name, sql=text, reason=reason))

    def place(self, name: str) -> ColumnPlan | None:
        return self.places.get(name.lower())

    def targets(self, names: Sequence[str]) -> tuple[str, ...] | None:
        found = [self.place(name) for name in names]
        return tuple(column.target for column in found if column) if all(found) else None

    # ----------------------------------------------------------------- defaults

    def defaults(self) -> None:
        columns = []
        for column in self.planned.columns:
            source = self.table.column(column.source)
            if source.default is not None and not column.identity:
                column = replace(column, default=self._default(column, source.default, source.declared))
            columns.append(column)
        self.planned = replace(self.planned, columns=tuple(columns))
        self.plan.put(self.planned)

    def _default(self, column: ColumnPlan, text: str, declared: str) -> str | None:
        name = f"{self.planned.target}.{column.target}"
        constant, value = literal_default(text, declared)
        if constant:
            if value is None:
                return None
            codec = codec_for(column.type, lenient=True, numbers=column.numbers, values=column.values)
            try:
                written = codec.text(value)
            except Misfit as misfit:
                if column.on_misfit == "null" and misfit.reason.startswith("is not in the plan"):
                    reason = f"its value {tell.quoted_value(value)} is not in the plan's map"
                else:
                    reason = f"its value {tell.quoted_value(value)} {misfit.reason}"
                self.left("default", name, text, reason)
                return None
            literal = sql.Literal(written).as_string(None).strip()
            return f"{literal}::{column.type.sql().as_string(None)}"
        try:
            translated = translate_default(text, self.contexts[column.source], self.version)
        except Untranslatable as error:
            self.left("default", name, text, str(error.facts["reason"]))
            return None
        self.plan.functions |= translated.needs
        return translated.sql

    # ----------------------------------------------------------------- keys and indexes

    def primary_key(self) -> None:
        names = self.table.primary_key
        if not names:
            return
        targets = self.targets(names)
        if targets is None:
            self.left("primary key", self.planned.target, ", ".join(names), "the plan leaves out one of its columns")
            return
        nulls = sum(self.census.columns[self.table.column(name).name].nulls for name in names)
        kind = "primary key"
        if nulls:
            kind = "unique"
            tell.add(
                self.plan,
                "attention",
                "primary key",
                f"the primary key of {self.planned.target} holds {nulls} NULLs, which PostgreSQL's may not; "
                "it becomes a UNIQUE constraint",
                self.planned.target,
            )
        self._key(kind, self.table.primary_key_name, f"{self.planned.target}_pkey", targets)

    def _key(self, kind: str, given: str | None, other: str, targets: tuple[str, ...]) -> None:
        """A key called ``given``, or ``other`` where the source gives it no name."""
        # It is an index of the schema and a constraint of the table.
        name = self.relations.name(given) if given else self.relations.made_up(other)
        self.names.taken.add(name)
        if given and name != given:
            tell.renamed(self.plan, "constraint", self.table.name, given, name)
        self.plan.indexes += (
            IndexPlan(
                "primary key" if kind == "primary key" else "unique",
                name,
                self.planned.target,
                tuple(map(identifier, targets)),
                unique=True,
                source_sql=f"{kind.upper()} ({', '.join(targets)})",
                columns=targets,
            ),
        )

    def index(self, index: Index) -> None:
        parts = [part.column for part in index.parts]
        if index.origin == "u" and all(parts):
            names = tuple(part for part in parts if part)
            targets = self.targets(names)
            if targets is None:
                self.left("unique", self.planned.target, ", ".join(names), "the plan leaves out one of its columns")
                return
            self._key("unique", index.name, f"{self.planned.target}_{'_'.join(targets)}_key", targets)
            return
        wanted = index.name or f"{self.planned.target}_idx"
        try:
            words = tuple(self._part(part) for part in index.parts)
            where = None
            if index.where is not None:
                condition = translate_predicate(index.where, self.contexts, self.version)
                self.plan.functions |= condition.needs
                where = condition.sql
        except Untranslatable as error:
            self.left("index", wanted, index.sql, str(error.facts["reason"]))
            return
        targets = self.targets([part for part in parts if part]) if all(parts) else ()
        name = self.relations.name(wanted)
        if name != wanted:
            tell.renamed(self.plan, "index", self.table.name, wanted, name)
        self.plan.indexes += (
            IndexPlan("index", name, self.planned.target, words, index.unique, where, index.sql, targets or ()),
        )

    def _part(self, part: IndexPart) -> str:
        if part.column is not None:
            place = self.place(part.column)
            if place is None:
                raise Untranslatable(reason=f"the plan leaves out its column {part.column}", sql=part.column)
            words = identifier(place.target)
        else:
            translated = translate_expression(part.expression or "", self.contexts, self.version)
            self.plan.functions |= translated.needs
            words = f"({translated.sql})"
        return f"{words} DESC" if part.descending else words

    # ----------------------------------------------------------------- checks and foreign keys

    def checks(self) -> None:
        for check in self.table.checks:
            name = check.name or f"{self.planned.target}_check"
            try:
                translated = translate_predicate(check.sql, self.contexts, self.version)
            except Untranslatable as error:
                self.left("check", f"{self.planned.target}.{name}", check.sql, str(error.facts["reason"]))
                continue
            self.plan.functions |= translated.needs
            self.plan.checks += (
                CheckPlan(
                    self.names.name(name), self.planned.target, translated.sql, check.sql, self._broken(check.sql)
                ),
            )

    def _broken(self, condition: str) -> int:
        where = f" AND ({self.planned.where}\n)" if self.planned.where else ""
        query = f"SELECT count(*) FROM {quote_identifier(self.table.name)} WHERE NOT ({condition}\n){where}"  # noqa: S608
        try:
            return int(self.connection.execute(query).fetchone()[0])
        except sqlite3.Error:
            # A CHECK that calls an application's own function cannot be asked; it will not translate either.
            return 0

    def foreign_key(self, key: ForeignKey) -> None:
        words = f"FOREIGN KEY ({', '.join(key.columns)}) REFERENCES {key.parent} ({', '.join(key.parent_columns)})"
        name = key.name or f"{self.planned.target}_{'_'.join(key.columns)}_fkey"
        reason = None
        targets = self.targets(key.columns)
        parent = parent_table = None
        try:
            parent_table = self.schema.table(key.parent)
            parent = self.plan.table(parent_table.name)
        except KeyError:
            reason = f"there is no table {key.parent}"
        if targets is None:
            reason = "the plan leaves out one of its columns"
        elif parent_table is not None and not _is_key(parent_table, key.parent_columns):
            reason = f"its parent columns are not a key of {key.parent}"
        elif parent_table is not None and parent is None:
            reason = f"the plan leaves out its parent {key.parent}"
        parent_targets: list[str] = []
        if reason is None and parent is not None:
            places = {column.source.lower(): column.target for column in parent.columns}
            parent_targets = [places[name.lower()] for name in key.parent_columns if name.lower() in places]
            if len(parent_targets) != len(key.parent_columns):
                reason = "the plan leaves out one of its parent's columns"
        if reason is not None or targets is None or parent is None:
            self.left("foreign key", f"{self.planned.target}.{name}", words, reason or "")
            return
        self.plan.foreign_keys += (
            ForeignKeyPlan(
                self.names.name(name),
                self.planned.target,
                targets,
                parent.target,
                tuple(parent_targets),
                key.on_delete,
                key.on_update,
                key.deferrable,
                key.initially_deferred,
            ),
        )

    # ----------------------------------------------------------------- what is not carried yet

    def generated(self) -> None:
        for column in self.planned.columns:
            source = self.table.column(column.source)
            if source.generated:
                self.left(
                    "generated column",
                    f"{self.planned.target}.{column.target}",
                    f"GENERATED ALWAYS AS ({source.generated_sql}) {source.generated.upper()}",
                    "generated columns are not carried yet; its values are, in an ordinary column",
                )

    def collations(self) -> None:
        for column in self.planned.columns:
            collation = self.table.column(column.source).collation
            if collation.upper() != "BINARY":
                self._collation(f"{self.planned.target}.{column.target}", collation)
        for index in self.table.indexes:
            for part in index.parts:
                own = self.table.column(part.column).collation if part.column else "BINARY"
                if part.collation.upper() not in ("BINARY", own.upper()):
                    self._collation(f"{index.name}", part.collation)

    def _collation(self, name: str, collation: str) -> None:
        self.left(
            "collation",
            name,
            f"COLLATE {collation}",
            "collations are not carried yet; PostgreSQL compares the text byte by byte here",
        )


def _is_key(table: Table, columns: Sequence[str]) -> bool:
    wanted = {name.lower() for name in columns}
    if not wanted:
        return False
    if wanted == {name.lower() for name in table.primary_key}:
        return True
    return any(
        index.unique and index.where is None and wanted == {(part.column or "").lower() for part in index.parts}
        for index in table.indexes
    )


def tell_others(plan: MovePlan, schema: Schema, file: PlanFile, connection: sqlite3.Connection) -> None:
    """Tell the virtual tables that stay behind."""
    for other in schema.others:
        if other.kind != "virtual table" or file.table(other.name).exclude:
            continue
        reason = "virtual tables are not carried yet"
        try:
            rows = connection.execute(f"SELECT count(*) FROM {quote_identifier(other.name)}").fetchone()[0]  # noqa: S608
            reason += f"; its {rows} rows stay in the source"
        except sqlite3.Error as error:
            reason += f"; its rows cannot be read here ({error})"
        plan.untranslated.append(Untranslated(kind=other.kind, name=other.name, sql=other.sql, reason=reason))
