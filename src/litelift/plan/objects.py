"""The objects of a whole move: keys, indexes, checks, foreign keys and defaults, in PostgreSQL's SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from psycopg import sql

from litelift.errors import Untranslatable
from litelift.plan import tell
from litelift.plan.collation_notices import tell_own
from litelift.plan.collations import Collations, KeyShape
from litelift.plan.names import Namer
from litelift.plan.plan import CheckPlan, ColumnPlan, ForeignKeyPlan, IndexPlan, MovePlan, TablePlan
from litelift.plan.samples import misfit_of_default
from litelift.result import Untranslated
from litelift.sqlite.census import TableCensus
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import Column, ForeignKey, Index, IndexPart, Schema, Table
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
    collations: Collations,
) -> None:
    """Plan everything that belongs to one table, or tell why it is not carried.

    ``relations`` is the namespace that the schema's tables and indexes share.
    """
    planned = plan.table(table.name)
    assert planned is not None
    contexts = {
        column.source: ColumnContext(
            target=column.target,
            type=column.type,
            values=column.values,
            declared=table.column(column.source).declared,
            collation=table.column(column.source).collation,
            nondeterministic=column.collation == "nocase",
        )
        for column in planned.columns
    }
    maker = _Objects(plan, schema, table, planned, census, relations, connection, server_version, contexts, collations)
    maker.defaults()
    maker.primary_key()
    for index in table.indexes:
        maker.index(index)
    maker.checks()
    for key in table.foreign_keys:
        maker.foreign_key(key)
    maker.conflicts()
    tell_own(plan, table)


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
        collations: Collations,
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
        self.collations = collations
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
                column = replace(column, default=self._default(column, source.default, self._affine(source)))
            columns.append(column)
        self.planned = replace(self.planned, columns=tuple(columns))
        self.plan.put(self.planned)

    def _affine(self, source: Column) -> str:
        """The declared type by whose affinity a DEFAULT is stored: ANY of a STRICT table has none."""
        return "" if self.table.strict and source.declared.lower() == "any" else source.declared

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
        refused = misfit_of_default(text, column)
        if refused is not None:
            self.left("default", name, text, refused)
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
        shape = self.collations.key(self.table, self.collations.primary_key(self.table), primary=True)
        self._key(kind, self.table.primary_key_name, f"{self.planned.target}_pkey", targets, shape)

    def _key(self, kind: str, given: str | None, other: str, targets: tuple[str, ...], shape: KeyShape) -> None:
        """A key called ``given``, or ``other`` where the source gives it no name."""
        # It is an index of the schema and a constraint of the table.
        name = self.relations.name(given) if given else self.relations.made_up(other)
        self.names.taken.add(name)
        if given and name != given:
            tell.renamed(self.plan, "constraint", self.table.name, given, name)
        self.plan.indexes += (
            IndexPlan(
                "index" if not shape.constraint else "primary key" if kind == "primary key" else "unique",
                name,
                self.planned.target,
                shape.parts,
                unique=True,
                source_sql=f"{kind.upper()} ({', '.join(targets)})",
                columns=targets,
            ),
        )
        self._beside(self.plan.indexes[-1], shape.folded, shape.suffix)

    def _beside(self, index: IndexPlan, words: tuple[str, ...], suffix: str) -> None:
        """A unique index beside a key, for the collation that the key itself cannot have."""
        if words:
            name = self.relations.made_up(f"{index.name}_{suffix}")
            self.plan.indexes += (replace(index, kind="index", name=name, parts=words, columns=()),)

    def index(self, index: Index) -> None:
        parts = [part.column for part in index.parts]
        collations = [part.collation for part in index.parts]
        if index.origin == "u" and all(parts):
            names = tuple(part for part in parts if part)
            targets = self.targets(names)
            if targets is None:
                self.left("unique", self.planned.target, ", ".join(names), "the plan leaves out one of its columns")
                return
            found = self.collations.key(self.table, dict(zip(names, collations, strict=True)))
            self._key("unique", index.name, f"{self.planned.target}_{'_'.join(targets)}_key", targets, found)
            return
        wanted = f"{self.planned.target}_idx" if index.name is None else index.name
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
        shape: KeyShape | None = None
        if index.unique and targets and len(set(targets)) == len(targets):
            places = dict(zip([part or "" for part in parts], collations, strict=True))
            shape = self.collations.key(self.table, places)
            if self.collations.are_own(self.table, places) or not shape.folded:
                words = tuple(map(_directed, shape.parts, index.parts))
            else:
                # It stands for nothing else: no ON CONFLICT and no foreign key means a column under another collation.
                words, targets, shape = tuple(map(_directed, shape.folded, index.parts)), (), None
        name = self.relations.name(wanted)
        if name != wanted:
            tell.renamed(self.plan, "index", self.table.name, wanted, name)
        self.plan.indexes += (
            IndexPlan("index", name, self.planned.target, words, index.unique, where, index.sql, targets or ()),
        )
        if shape is not None:
            folded = tuple(map(_directed, shape.folded, index.parts)) if shape.folded else ()
            self._beside(self.plan.indexes[-1], folded, shape.suffix)

    def _part(self, part: IndexPart) -> str:
        if part.column is not None:
            place = self.place(part.column)
            if place is None:
                raise Untranslatable(reason=f"the plan leaves out its column {part.column}", sql=part.column)
            words = self.collations.part(self.table, part)
        else:
            translated = translate_expression(part.expression or "", self.contexts, self.version, part.collation)
            self.plan.functions |= translated.needs
            words = f"({translated.sql})"
        return _directed(words, part)

    def conflicts(self) -> None:
        for clause in self.table.conflicts:
            # An error rolls PostgreSQL's transaction back, as ROLLBACK asks, and its statement, as ABORT does.
            if clause.algorithm in ("REPLACE", "IGNORE", "FAIL"):
                reason = (
                    "a constraint of PostgreSQL always refuses the statement; where the application counts on "
                    f"{clause.algorithm}, its INSERT must say ON CONFLICT"
                )
                self.left("conflict clause", self.planned.target, clause.sql, reason)

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
        note = self.collations.foreign_key(key, self.table)
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
                note=note,
            ),
        )
        if note:
            message = f"the foreign key {self.planned.target}.{name}: {note}"
            tell.add(self.plan, "info", "collation", message, self.planned.target)


def _directed(words: str, part: IndexPart) -> str:
    return f"{words} DESC" if part.descending else words


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
