"""The generated columns of a whole move: how the server computes each, or why it becomes an ordinary column."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from litelift.errors import DdlError, Untranslatable
from litelift.plan import tell
from litelift.plan.plan import ColumnPlan, GeneratedPlan, MovePlan, TablePlan, with_column
from litelift.result import Untranslated
from litelift.sqlite.census import TableCensus
from litelift.sqlite.lexer import fold, tokenize, unquote_identifier
from litelift.sqlite.schema import Column, Schema, Table
from litelift.translate.generated import TranslatedColumn, named_columns, translate_generated
from litelift.translate.stored import NOT_OF_TYPE
from litelift.translate.value import ColumnContext

VIRTUAL_VERSION = 180000
"""Virtual generated columns came with PostgreSQL 18."""

_TEXTS = frozenset({"text", "varchar", "bpchar", "citext"})


def plan_generated(plan: MovePlan, schema: Schema, table: Table, census: TableCensus, server_version: int) -> None:
    """Plan one table's generated columns, when all keys, indexes and foreign keys are planned.

    What is not carried is told, and stays an ordinary column with the values.
    """
    planned = plan.table(table.name)
    if planned is None or not any(column.generated for column in table.columns):
        return
    _Generated(plan, schema, table, planned, census, server_version).carry()


def keep_ordinary(plan: MovePlan, table: TablePlan, column: ColumnPlan, source: Column, reason: str) -> TablePlan:
    """Make a generated column an ordinary one, and tell why."""
    words = f"GENERATED ALWAYS AS ({source.generated_sql}) {(source.generated or 'virtual').upper()}"
    told = f"{reason}; it is an ordinary column, with the values that it has"
    plan.untranslated.append(
        Untranslated(kind="generated column", name=f"{table.target}.{column.target}", sql=words, reason=told)
    )
    table = with_column(table, replace(column, generated=None))
    plan.put(table)
    return table


def tell_stored(plan: MovePlan, table: TablePlan, column: ColumnPlan, why: str) -> None:
    """Tell that a VIRTUAL column is STORED."""
    message = f"{table.target}.{column.target} is VIRTUAL in SQLite, and STORED here: {why}"
    tell.add(plan, "info", "generated", message, table.target, column.target)


class _Generated:
    def __init__(
        self, plan: MovePlan, schema: Schema, table: Table, planned: TablePlan, census: TableCensus, version: int
    ) -> None:
        self.plan = plan
        self.schema = schema
        self.table = table
        self.planned = planned
        self.census = census
        self.version = version
        self.columns = {column.source: column for column in planned.columns}
        self.contexts = {column.source: self._context(column) for column in planned.columns}
        self.done: set[str] = set()

    def _context(self, column: ColumnPlan) -> ColumnContext:
        source = self.table.column(column.source)
        # In functions and comparisons of expressions SQLite's collation is BINARY, whatever the column's is.
        deterministic = column.collation != "nocase"
        words = None if deterministic else '("{}" COLLATE "C")'.format(column.target.replace('"', '""'))
        return ColumnContext(
            column.target, column.type, column.values, source.affinity, source.declared, source.collation, sql=words
        )

    def carry(self) -> None:
        for column in self.planned.columns:
            self._carry(column)

    def _carry(self, column: ColumnPlan) -> None:
        source = self.table.column(column.source)
        if source.generated is None or column.source in self.done:
            return
        self.done.add(column.source)
        sql = source.generated_sql or ""
        named = named_columns(sql, [other.name for other in self.table.columns])
        for name in named:
            # Those that it refers to come first: their expressions stand in its own.
            if name in self.columns and name != column.source:
                self._carry(self.columns[name])
        try:
            self._refuse(column, named)
            found = translate_generated(sql, self.contexts, self.contexts[column.source], self.version)
        except Untranslatable as error:
            self.planned = keep_ordinary(self.plan, self.planned, column, source, str(error.facts["reason"]))
            return
        self.plan.functions |= found.needs
        kind = self._kind(column, source, found)
        self.planned = with_column(
            self.planned, replace(column, generated=GeneratedPlan(kind, found.sql, sql), default=None, identity=False)
        )
        self.plan.put(self.planned)
        self.contexts[column.source] = replace(self.contexts[column.source], sql=found.inlined)
        for remark in dict.fromkeys(found.remarks):
            message = f"the generated column {self.planned.target}.{column.target} {remark}"
            tell.add(self.plan, "info", "generated", message, self.planned.target, column.target)

    def _refuse(self, column: ColumnPlan, named: list[str]) -> None:
        sql = self.table.column(column.source).generated_sql or ""
        gone = next((name for name in named if name not in self.columns), None)
        if gone is not None:
            raise Untranslatable(reason=f"the plan leaves out the column {gone}, which it refers to", sql=sql)
        counted = self.census.columns[column.source]
        failures = counted.probes.get(column.type.display)
        if failures is not None and failures.count:
            reason = f"it holds {failures.count} values that are not {column.type.display}"
            raise Untranslatable(reason=reason, sql=sql)
        if column.type.base in _TEXTS and (counted.unholdable.count or counted.unreadable.count):
            raise Untranslatable(reason="it holds text that PostgreSQL cannot hold", sql=sql)

    # ----------------------------------------------------------------- stored or virtual

    def _kind(self, column: ColumnPlan, source: Column, found: TranslatedColumn) -> Literal["stored", "virtual"]:
        if source.generated == "stored":
            return "stored"
        why = self._stored_because(column, found)
        if why is None:
            return "virtual"
        tell_stored(self.plan, self.planned, column, why)
        return "stored"

    def _stored_because(self, column: ColumnPlan, found: TranslatedColumn) -> str | None:
        """Why a virtual column cannot be one ("Generated Columns", section 5.4 of the PostgreSQL 18 manual)."""
        if self.version < VIRTUAL_VERSION:
            return f"PostgreSQL {self.version // 10000} has no virtual columns"
        if self._indexed(column):
            return "PostgreSQL has no index, key or foreign key on a virtual column"
        if found.needs or column.collation == "nocase":
            return "PostgreSQL's virtual columns use no functions but its own"
        if column.type.kind != "base" or column.type.domain or column.type.written:
            return "PostgreSQL's virtual columns have none but its own types"
        if _refuses(column, found):
            return "its type refuses some values, and a table with a virtual column that fails cannot be read"
        if self._in_trigger(column):
            return "a trigger reads it, and would find no value in a virtual column"
        return None

    def _indexed(self, column: ColumnPlan) -> bool:
        target = self.planned.target
        if any(index.table == target and column.target in index.columns for index in self.plan.indexes):
            return True
        for key in self.plan.foreign_keys:
            if (key.table == target and column.target in key.columns) or (
                key.parent == target and column.target in key.parent_columns
            ):
                return True
        for index in self.table.indexes:
            expressions = [part.expression for part in index.parts if part.expression]
            if any(part.column and fold(part.column) == fold(column.source) for part in index.parts):
                return True
            for words in [*expressions, *([index.where] if index.where else [])]:
                if named_columns(words, [column.source]):
                    return True
        return False

    def _in_trigger(self, column: ColumnPlan) -> bool:
        for other in self.schema.others:
            if other.kind != "trigger":
                continue
            try:
                words = {fold(unquote_identifier(token.text)) for token in tokenize(other.sql)}
            except DdlError:
                return True
            if fold(column.source) in words and fold(self.table.name) in words:
                return True
        return False


def _refuses(column: ColumnPlan, found: TranslatedColumn) -> bool:
    """Whether a new row's value may not fit the column; a stored one then refuses the row itself."""
    narrow = column.type.base in ("int2", "int4") or column.type.precision is not None
    return narrow or column.type.length is not None or NOT_OF_TYPE in found.sql
