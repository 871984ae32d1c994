"""What a schema that the application made holds, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from litelift.postgres.types import PgType

Firing = Literal["O", "D", "R", "A"]
"""When a trigger or rule fires: O in the sessions of users, R in replicas, A always, D never (pg_trigger.tgenabled)."""


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """One column.

    ``not_null`` is true for a NOT NULL of the column or of its domain; ``default`` is the SQL of the column's default,
    or of its domain's.
    """

    name: str
    type: PgType
    not_null: bool = False
    default: str | None = None
    generated: Literal["stored", "virtual"] | None = None
    identity: Literal["always", "by default"] | None = None

    @property
    def has_default(self) -> bool:
        """Whether the server can fill the column itself."""
        return self.default is not None or self.identity is not None or self.generated is not None


@dataclass(frozen=True, slots=True)
class TargetConstraint:
    """One constraint. ``kind`` is pg_constraint.contype: p, u, f, c, x, or n (NOT NULL, PostgreSQL 18).

    ``definition`` is what follows ADD CONSTRAINT name. An ``inherited`` one comes and goes with its parent table's.
    ``match_full``, ``operators`` (the schema and name of each pair's equality) and the ``foreign_`` fields belong to
    foreign keys; ``period`` says that the key is temporal.
    """

    oid: int
    schema: str
    table: str
    name: str
    kind: Literal["p", "u", "f", "c", "x", "n"]
    definition: str
    columns: tuple[str, ...] = ()
    foreign_schema: str | None = None
    foreign_table: str | None = None
    foreign_columns: tuple[str, ...] = ()
    operators: tuple[tuple[str, str], ...] = ()
    match_full: bool = False
    period: bool = False
    validated: bool = True
    enforced: bool = True
    deferrable: bool = False
    initially_deferred: bool = False
    comment: str | None = None
    parent_oid: int = 0
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class TargetIndex:
    """One index. ``columns`` are its key columns, () where any part is an expression; ``where`` its predicate."""

    name: str
    definition: str
    unique: bool
    columns: tuple[str, ...] = ()
    where: str | None = None
    valid: bool = True
    nulls_distinct: bool = True
    constraint: bool = False


@dataclass(frozen=True, slots=True)
class TargetTrigger:
    """One trigger of the application and when it fires."""

    name: str
    enabled: Firing


@dataclass(frozen=True, slots=True)
class TargetRule:
    """One rewrite rule and when it applies."""

    name: str
    enabled: Firing


@dataclass(frozen=True, slots=True)
class TargetTable:
    """One ordinary or partitioned table. ``estimate`` is the planner's row count, None where it was never counted."""

    oid: int
    name: str
    columns: tuple[TargetColumn, ...]
    constraints: tuple[TargetConstraint, ...] = ()
    indexes: tuple[TargetIndex, ...] = ()
    triggers: tuple[TargetTrigger, ...] = ()
    rules: tuple[TargetRule, ...] = ()
    partitioned: bool = False
    row_security: Literal["off", "on", "forced"] = "off"
    owner: str = ""
    estimate: int | None = None

    def column(self, name: str) -> TargetColumn:
        """The column of exactly that name. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The primary key's columns, () where there is none."""
        return next((c.columns for c in self.constraints if c.kind == "p"), ())


@dataclass(frozen=True, slots=True)
class ColumnName:
    """A column by its full name."""

    schema: str
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class TargetSequence:
    """One sequence.

    ``owner`` is the column it belongs to (serial, identity, OWNED BY); ``used_by`` are the columns whose default calls
    it. ``last_value`` and ``is_called`` are None where the role may not read them.
    """

    oid: int
    schema: str
    name: str
    data_type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cycle: bool = False
    last_value: int | None = None
    is_called: bool | None = None
    owner: ColumnName | None = None
    identity: bool = False
    used_by: tuple[ColumnName, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetSchema:
    """A whole schema. What belongs to an extension is not in it; partitions are part of their table."""

    name: str
    tables: tuple[TargetTable, ...]
    sequences: tuple[TargetSequence, ...] = ()
    views: int = 0
    server_version: int = 0

    def table(self, name: str) -> TargetTable:
        """The table of exactly that name. Raises KeyError."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)
