"""What names mean inside of a SELECT: the sources of its FROM, its aliases, the SELECT around it, and its groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from litelift.plan.names import Namer
from litelift.sqlite.lexer import fold
from litelift.translate.expression import column_of
from litelift.translate.parse import Node
from litelift.translate.relation import Relation
from litelift.translate.select_tree import Query, Window
from litelift.translate.value import ColumnContext, Refused, Typed, identifier


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a source has.

    ``computed`` says that an expression makes it, so that it has no affinity; ``inexact`` that floating-point or
    numeric arithmetic does, whose last digits depend on the order of rows and on the engine. ``member``
    says that it holds json, and stands for the value in it. ``hidden`` ones are left out by * and by NATURAL.
    """

    name: str
    context: ColumnContext
    computed: bool = False
    inexact: bool = False
    member: bool = False
    hidden: bool = False


@dataclass(slots=True)
class Bound:
    """A source of FROM under its alias. ``key`` holds the columns of its primary key, by their folded names.

    ``rowid`` is the name of the column that is the rowid. ``ordered`` says that its rows come in an order of their own.
    ``row`` is the SQL of what is no source but one row (a trigger's NEW): its columns are only reached by its name, and
    ``absent`` ones have no value yet.
    """

    alias: str
    target: str
    columns: list[Column]
    rowid: str | None = None
    key: tuple[str, ...] = ()
    ordered: bool = False
    hidden: set[str] = field(default_factory=set)
    row: str | None = None
    absent: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, relation: Relation) -> Bound:
        """A table or view under its own name."""
        columns = [
            Column(
                column,
                context,
                computed=column in relation.computed,
                inexact=column in relation.inexact,
                hidden=column in relation.hidden,
            )
            for column, context in relation.columns.items()
        ]
        rowid = relation.rowid_column
        if rowid is not None:
            columns += [Column(name, relation.columns[rowid], hidden=True) for name in relation.also_rowid]
        return cls(name, relation.name, columns, rowid, relation.primary_key or ((rowid,) if rowid is not None else ()))

    def column(self, name: str) -> Column | None:
        """The column of that name; rowid, oid and _rowid_ give the rowid. Raises Refused where that is not carried."""
        wanted = fold(name)
        for column in self.columns:
            if fold(column.name) == wanted:
                return column
        if wanted in ("rowid", "oid", "_rowid_"):
            if self.rowid is None:
                raise Refused(f"the rowid of {self.alias} is not carried")
            return next(column for column in self.columns if fold(column.name) == fold(self.rowid or ""))
        return None

    def reference(self, column: Column) -> str:
        """The column's SQL."""
        return f"{self.row or identifier(self.target)}.{identifier(column.context.target)}"

    def typed(self, column: Column) -> Typed:
        """The column as an operand. Raises Refused where it has no value."""
        if column.name in self.absent:
            raise Refused(f"{self.alias}.{column.name} is a generated column, which has no value yet")
        found = column_of(column.context, self.reference(column))
        if column.member:
            shown = f"litelift.json_shown({found.sql})"
            return Typed(f"{found.sql}::jsonb", "jsonvalue", atomic=True, shown=shown)
        if column.computed:
            return replace(found, affinity=None, column=False)
        return found


@dataclass(slots=True)
class CommonTable:
    """A common table expression, translated when it is first read from."""

    name: str
    names: list[str]
    query: Query
    scope: Scope
    target: str
    columns: list[Column] | None = None
    active: bool = False
    recursive: bool = False


@dataclass(slots=True)
class Groups:
    """The groups of an aggregate query.

    ``terms`` are the SQL of GROUP BY; ``direct`` and ``determined`` the references that PostgreSQL takes for dependent
    on them, and that are; ``extreme`` is the ORDER BY that puts the row of a lone min() or max() first.
    """

    terms: frozenset[str]
    direct: frozenset[str] = frozenset()
    determined: frozenset[str] = frozenset()
    extreme: str | None = None

    def bare(self, typed: Typed, name: str) -> Typed:
        """A column outside of an aggregate ("SELECT", section 2.5, "Bare columns in an aggregate query")."""
        if typed.sql in self.terms or typed.sql in self.direct:
            return typed
        if typed.sql in self.determined:
            return replace(typed, sql=f"(array_agg({typed.sql}))[1]", column=False)
        if self.extreme is not None:
            return replace(typed, sql=f"(array_agg({typed.sql} ORDER BY {self.extreme}))[1]", column=False)
        raise Refused(f"SQLite takes {name} from an arbitrary row of each group")


@dataclass(slots=True)
class Scope:
    """One SELECT's names. ``inside`` counts the aggregates whose arguments are being read."""

    parent: Scope | None = None
    sources: list[Bound] = field(default_factory=list)
    merged: dict[str, Typed] = field(default_factory=dict)
    aliases: dict[str, Node] = field(default_factory=dict)
    commons: dict[str, CommonTable] = field(default_factory=dict)
    made: list[tuple[CommonTable, str]] = field(default_factory=list)
    windows: dict[str, Window] = field(default_factory=dict)
    groups: Groups | None = None
    inside: int = 0

    def outward(self) -> Iterator[Scope]:
        """This scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def free_name(self, wanted: str) -> str:
        """A name for a source that hides none of the sources around it."""
        taken = {bound.target for scope in self.outward() for bound in scope.sources}
        return Namer(taken=frozenset(taken)).name(wanted or "q")

    def common(self, name: str) -> CommonTable | None:
        """The common table expression of that name."""
        for scope in self.outward():
            if fold(name) in scope.commons:
                return scope.commons[fold(name)]
        return None

    def here(self, name: str, table: str | None) -> tuple[Bound, Column] | None:
        """The column in this scope's own sources; an exact column before a rowid."""
        matching = [b for b in self.sources if (b.row is None if table is None else fold(b.alias) == fold(table))]
        for bound in matching:
            found = next((c for c in bound.columns if fold(c.name) == fold(name)), None)
            if found is not None and (table is not None or fold(name) not in bound.hidden):
                return bound, found
        for bound in matching:
            column = bound.column(name)
            if column is not None:
                return bound, column
        return None
