"""The plan: every type, rule and name settled. Plain values, which any process can take up and carry out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from litelift.plan.match import ColumnMatch, Numbers, TableMatch
from litelift.plan.valuemap import ValueMap
from litelift.postgres.types import PgType
from litelift.result import Notice, Untranslated
from litelift.sqlite.scan import Scan
from litelift.sqlite.schema import OtherObject

if TYPE_CHECKING:
    # The translation reads plans itself.
    from litelift.translate.relation import Relation
    from litelift.translate.trigger import TranslatedTrigger

OnMisfit = Literal["null", "default", "row", "fail"]
"""What a value that does not fit does: NULL in its place, the column's default, its row kept aside, or an error."""


Collation = Literal["C", "nocase"]
"""A text column's collation: the server's "C", or ``litelift.nocase``, for which a and A are equal."""


@dataclass(frozen=True, slots=True)
class GeneratedPlan:
    """How the server computes a column: ``sql`` is PostgreSQL's expression, ``source_sql`` SQLite's."""

    kind: Literal["stored", "virtual"]
    sql: str
    source_sql: str


@dataclass(frozen=True, slots=True)
class DerivedColumn:
    """A stored generated column that only the target has (a tsvector, a box): its type and expression as SQL."""

    name: str
    type: str
    expression: str


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """One column that is moved.

    ``stand_in`` is the text of the default that takes a misfit's place where ``on_misfit`` is "default"; ``lenient``
    says that the type is the target's own; ``default`` is the SQL of the DEFAULT to set; ``sequence`` names the
    sequence behind an identity that litelift makes. A ``generated`` column is not loaded, but proved.
    """

    source: str
    target: str
    type: PgType
    on_misfit: OnMisfit = "null"
    not_null: bool = False
    identity: bool = False
    default: str | None = None
    stand_in: str | None = None
    values: ValueMap | None = None
    numbers: Numbers = "epoch"
    lenient: bool = False
    null_violated: bool = False
    sequence: str | None = None
    generated: GeneratedPlan | None = None
    collation: Collation | None = None


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table that is moved. ``rows`` and ``bytes`` are the census's; ``create`` says that litelift makes it.

    ``empty`` are columns of the target alone, filled with empty text; ``derived`` those that the server computes;
    ``aside`` says why every row is kept aside.
    """

    source: str
    schema: str
    target: str
    columns: tuple[ColumnPlan, ...]
    key: tuple[str, ...] = ()
    rowid: str | None = None
    where: str | None = None
    rows: int = 0
    file_rows: int = 0
    bytes: int = 0
    create: bool = True
    empty: tuple[str, ...] = ()
    aside: str | None = None
    derived: tuple[DerivedColumn, ...] = ()

    def loading(self) -> TablePlan:
        """The plan without the columns that the server computes."""
        if not any(column.generated for column in self.columns):
            return self
        return replace(self, columns=tuple(column for column in self.columns if not column.generated))

    def scan(self) -> Scan:
        """How its rows are read: the key's columns must be among the moved ones, else the rowid names a row."""
        return Scan(
            self.source, tuple(column.source for column in self.columns), self.rowid, self.keyed_by_rowid, self.where
        )

    @property
    def keyed_by_rowid(self) -> bool:
        """Whether only the rowid names a row."""
        return not self.key and self.rowid is not None

    def match(self) -> TableMatch:
        """What the proof compares."""
        return TableMatch(
            self.source,
            self.schema,
            self.target,
            tuple(ColumnMatch(c.source, c.target, c.type, c.values, c.numbers) for c in self.columns),
            self.key,
            self.where,
        )


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """An index or a UNIQUE or PRIMARY KEY constraint to build. ``parts`` and ``where`` are PostgreSQL's SQL.

    ``columns`` are the target's, in order, where every part is a plain column.
    """

    kind: Literal["primary key", "unique", "index"]
    name: str
    table: str
    parts: tuple[str, ...]
    unique: bool = False
    where: str | None = None
    source_sql: str = ""
    columns: tuple[str, ...] = ()
    method: Literal["btree", "gin", "gist"] = "btree"


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """A CHECK constraint to add; ``violations`` are the rows that break it in the source already."""

    name: str
    table: str
    condition: str
    source_sql: str
    violations: int = 0


@dataclass(frozen=True, slots=True)
class ForeignKeyPlan:
    """A foreign key to add, in target names.

    ``orphans`` counts the rows that break it already; ``note`` says what is other about it than in SQLite.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    on_delete: str
    on_update: str
    deferrable: bool
    initially_deferred: bool
    orphans: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """A view to make: its SELECT in PostgreSQL's SQL, and what it reads, by source names.

    The numbers of ``inexact`` columns may differ in their last digits; a ``volatile`` view reads the clock or chance.
    ``relation`` is the view as other translations read it; None where they do not.
    """

    match: TableMatch
    sql: str
    source_sql: str
    reads: frozenset[str]
    inexact: frozenset[str]
    volatile: bool
    relation: Relation | None = None


@dataclass(frozen=True, slots=True)
class SequencePlan:
    """An identity column and the value that SQLite would have given next."""

    table: str
    column: str
    next_value: int


@dataclass(slots=True)
class MovePlan:
    """Everything that a move does.

    ``enums`` are the types to make; ``functions`` and ``support`` (collations, text search configurations) are those of
    our own schema that it needs.
    """

    mode: Literal["whole", "data-only"]
    schema: str
    tables: list[TablePlan] = field(default_factory=list)
    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    functions: frozenset[str] = frozenset()
    support: frozenset[str] = frozenset()
    indexes: list[IndexPlan] = field(default_factory=list)
    checks: list[CheckPlan] = field(default_factory=list)
    foreign_keys: list[ForeignKeyPlan] = field(default_factory=list)
    sequences: list[SequencePlan] = field(default_factory=list)
    views: tuple[ViewPlan, ...] = ()
    triggers: tuple[tuple[OtherObject, TranslatedTrigger], ...] = ()
    notices: list[Notice] = field(default_factory=list)
    untranslated: list[Untranslated] = field(default_factory=list)
    _places: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def table(self, source: str) -> TablePlan | None:
        """The plan of a source table, None where it stays behind."""
        place = self._place(source)
        return None if place is None else self.tables[place]

    def put(self, table: TablePlan) -> None:
        """Replace the plan of a table."""
        place = self._place(table.source)
        if place is not None:
            self.tables[place] = table

    def _place(self, source: str) -> int | None:
        for place in range(len(self._places), len(self.tables)):
            self._places[self.tables[place].source] = place
        return self._places.get(source)


def with_column(table: TablePlan, column: ColumnPlan) -> TablePlan:
    """``table`` with one column's plan replaced."""
    return replace(table, columns=tuple(column if old.source == column.source else old for old in table.columns))
