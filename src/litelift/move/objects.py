"""Makes single keys, indexes, checks, foreign keys and sequences on tables that have their rows.

What old rows already violate is added NOT VALID and told; what cannot be made at all is kept as untranslated and told.
"""

from __future__ import annotations

from dataclasses import replace

import psycopg
from psycopg import sql

from litelift.move import statements
from litelift.move.orphans import orphans
from litelift.plan.names import Namer
from litelift.plan.plan import CheckPlan, ForeignKeyPlan, IndexPlan, MovePlan, SequencePlan, TablePlan
from litelift.postgres.connect import Connection, is_trouble
from litelift.postgres.standing import Standing
from litelift.result import Notice, Untranslated


class Objects:
    """Makes the objects of a plan. ``notices`` and ``untranslated`` grow as it goes.

    What is in ``standing`` was made before, and stays as it is.
    """

    def __init__(self, plan: MovePlan, standing: Standing) -> None:
        """See the class."""
        self.plan = plan
        self.schema = plan.schema
        self.standing = standing
        self.notices: list[Notice] = []
        self.untranslated: list[Untranslated] = []
        self._tables = {table.target: table for table in plan.tables}
        self._no_key: set[str] = set()

    # ----------------------------------------------------------------- keys and indexes

    def index_of_key(self, index: IndexPlan, connection: Connection) -> None:
        """Build the index of a key, which is to be its constraint by `attach`."""
        self.index(replace(index, kind="index"), connection, key=index)

    def attach(self, index: IndexPlan, connection: Connection) -> None:
        """Make the index the constraint that it stands for ("ALTER TABLE", ADD table_constraint_using_index)."""
        if index.name in self._no_key or (index.table, index.name) in self.standing.keys:
            return
        connection.execute(statements.attach(self.schema, index))

    def index(self, index: IndexPlan, connection: Connection, key: IndexPlan | None = None) -> None:
        """Build an index, or a key's constraint; ``key`` is the constraint that an index will be."""
        if self._stands(index, connection):
            return
        try:
            with connection.transaction():
                connection.execute(statements.index(self.schema, index, unique=index.unique, kind=index.kind))
        except psycopg.errors.UniqueViolation as error:
            detail = error.diag.message_detail or error.diag.message_primary
            reason = f"values that were different in SQLite are the same here: {detail}"
            self._left(key or index, f"{reason}; a plain index stands in its place")
            with connection.transaction():
                connection.execute(statements.index(self.schema, index, unique=False, kind="index"))
        except (psycopg.errors.NotNullViolation, psycopg.DataError, psycopg.OperationalError) as error:
            if is_trouble(error):
                raise
            self._left(key or index, f"PostgreSQL refuses it: {error.diag.message_primary or error}")
        except psycopg.ProgrammingError as error:
            self._left(key or index, f"PostgreSQL refuses its translation: {error.diag.message_primary or error}")

    def _stands(self, index: IndexPlan, connection: Connection) -> bool:
        """Whether it is there already. An index of its name that is not it, a part of it or a stand-in, is dropped."""
        place = (index.table, index.name)
        if place in self.standing.keys:
            return True
        unique = self.standing.indexes.get(place)
        if unique is None:
            return False
        if index.kind == "index" and unique == index.unique:
            return True
        connection.execute(sql.SQL("drop index if exists {}").format(sql.Identifier(self.schema, index.name)))
        return False

    def _left(self, index: IndexPlan, reason: str) -> None:
        self._no_key.add(index.name)
        self.untranslated.append(Untranslated(kind=index.kind, name=index.name, sql=index.source_sql, reason=reason))

    # ----------------------------------------------------------------- checks

    def check(self, check: CheckPlan, connection: Connection) -> None:
        """Add a check and validate it; where old rows break it, it stays NOT VALID."""
        valid = self.standing.constraints.get((check.table, check.name))
        if valid:
            return
        try:
            with connection.transaction():
                if valid is None:
                    connection.execute(statements.check(self.schema, check))
        except psycopg.Error as error:
            if is_trouble(error):
                raise
            reason = f"PostgreSQL refuses its translation: {error.diag.message_primary or error}"
            self._untranslated_check(check, reason)
            return
        try:
            with connection.transaction():
                connection.execute(statements.validate(self.schema, check.table, check.name))
        except psycopg.Error as error:
            if is_trouble(error):
                raise
            self._broken_check(connection, check, error)

    def _broken_check(self, connection: Connection, check: CheckPlan, error: psycopg.Error) -> None:
        if check.violations and isinstance(error, psycopg.errors.CheckViolation):
            message = (
                f"{check.table}: {check.violations} rows break the check {check.name} ({check.source_sql.strip()}) "
            )
            message += "already; it is NOT VALID: it holds for new rows"
            self.notices.append(Notice(level="attention", kind="check", message=message, table=check.table))
            return
        with connection.transaction():
            connection.execute(statements.drop_constraint(self.schema, check.table, check.name))
        self._untranslated_check(check, f"its translation does not hold for rows for which it holds in SQLite: {error}")

    def _untranslated_check(self, check: CheckPlan, reason: str) -> None:
        self.untranslated.append(
            Untranslated(kind="check", name=f"{check.table}.{check.name}", sql=check.source_sql, reason=reason)
        )

    def not_nulls(self, table: TablePlan, connection: Connection) -> None:
        """A NOT NULL that old rows violate already, as a check that is not valid."""
        others = [(index.table, index.name) for index in self.plan.indexes]
        others += [(check.table, check.name) for check in self.plan.checks]
        others += [(key.table, key.name) for key in self.plan.foreign_keys]
        names = Namer(taken=frozenset(name for place, name in others if place == table.target))
        for column in table.columns:
            if not column.null_violated:
                continue
            name = names.name(f"{column.target}_not_null")
            if (table.target, name) not in self.standing.constraints:
                connection.execute(statements.not_null(self.schema, table.target, column.target, name))
            message = (
                f"{table.target}.{column.target} is NOT NULL, and holds NULLs already; it is a check that is NOT VALID"
            )
            self.notices.append(
                Notice(level="attention", kind="not null", message=message, table=table.target, column=column.target)
            )

    # ----------------------------------------------------------------- foreign keys

    def add_foreign_key(self, key: ForeignKeyPlan, connection: Connection) -> None:
        """Add a foreign key, for new rows."""
        if (key.table, key.name) in self.standing.constraints:
            return
        try:
            with connection.transaction():
                connection.execute(statements.foreign_key(self.schema, key))
        except psycopg.Error as error:
            if is_trouble(error):
                raise
            words = f"FOREIGN KEY ({', '.join(key.columns)}) REFERENCES {key.parent} ({', '.join(key.parent_columns)})"
            reason = f"PostgreSQL refuses it: {error.diag.message_primary or error}"
            self.untranslated.append(
                Untranslated(kind="foreign key", name=f"{key.table}.{key.name}", sql=words, reason=reason)
            )
            self._no_key.add(f"{key.table}.{key.name}")

    def validate(self, key: ForeignKeyPlan, connection: Connection) -> None:
        """Validate a foreign key; where old rows have no parent, it stays NOT VALID and they are told."""
        if f"{key.table}.{key.name}" in self._no_key or self.standing.constraints.get((key.table, key.name)):
            return
        try:
            with connection.transaction():
                connection.execute(statements.validate(self.schema, key.table, key.name))
        except psycopg.errors.ForeignKeyViolation:
            self.notices += orphans(connection, self.schema, key, self._tables[key.table])

    # ----------------------------------------------------------------- sequences

    def sequences(self, connection: Connection, planned: list[SequencePlan]) -> None:
        """Set sequences to where SQLite would go on."""
        connection.execute(statements.sequences(self.schema, planned))
        for sequence in planned:
            if sequence.next_value > statements.GREATEST:
                message = f"{sequence.table}.{sequence.column} has used the last value that a bigint holds"
                self.notices.append(Notice(level="attention", kind="sequence", message=message, table=sequence.table))
