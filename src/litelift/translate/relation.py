"""What a translation knows of a table or view: where it is, its columns and its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import ROWID_WORDS
from litelift.translate.value import ColumnContext, Refused, identifier


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view, by its source's names; ``schema`` and ``name`` are the target's.

    ``columns`` are in the table's order, generated ones too; ``generated`` says of those what they are in the target.
    ``primary_key`` names the columns of the primary key that both have, () where PostgreSQL has none. ``rowid`` is the
    column that is the rowid (the INTEGER PRIMARY KEY), and ``identity`` the same where the server numbers it. ``keys``
    are the columns of the primary key and of each UNIQUE constraint or plain unique index; ``other_keys`` says that
    there are unique indexes which are partial, or over expressions. ``cascades`` are the tables that its foreign keys'
    actions write when a row of this one is deleted or updated. ``computed`` columns of a view are made by an
    expression, so that they have no affinity; ``inexact`` ones by floating-point or numeric arithmetic. ``hidden``
    columns of a virtual table are left out by SELECT * and by INSERT without columns; ``also_rowid`` are its names for
    the rowid beside SQLite's own. ``checked`` are the events and the tables (folded names) for which a foreign key
    without an action is checked when the statement ends: its parents, and the tables that refer to it. ``edges`` are
    the coordinates of an R*Tree that SQLite rounds to 32 bits, and whether it rounds each up.
    """

    schema: str
    name: str
    columns: Mapping[str, ColumnContext]
    primary_key: tuple[str, ...] = ()
    identity: str | None = None
    keys: tuple[tuple[str, ...], ...] = ()
    other_keys: bool = False
    generated: Mapping[str, Literal["stored", "virtual"]] = field(default_factory=dict)
    view: bool = False
    cascades: tuple[str, ...] = ()
    rowid: str | None = None
    computed: frozenset[str] = frozenset()
    inexact: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    also_rowid: tuple[str, ...] = ()
    checked: frozenset[tuple[str, str]] = frozenset()
    edges: Mapping[str, bool] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """Its name, with the schema."""
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    def find(self, name: str) -> str | None:
        """The source name of a column, found without ASCII case; the rowid's names reach the rowid alias."""
        for column in self.columns:
            if fold(column) == fold(name):
                return column
        return self.rowid_column if fold(name) in (*ROWID_WORDS, *self.also_rowid) else None

    @property
    def rowid_column(self) -> str | None:
        """The column that is the rowid."""
        return self.rowid or self.identity

    def column(self, name: str) -> ColumnContext:
        """The column of that name. Raises Refused."""
        found = self.find(name)
        if found is None:
            if fold(name) in ROWID_WORDS:
                raise Refused(f"the rowid of {self.name}, which has no column of its own")
            raise Refused(f"there is no column {name} in {self.name}")
        return self.columns[found]

    def unique(self) -> list[tuple[str, ...]]:
        """Every key once, as source names."""
        found: list[tuple[str, ...]] = []
        seen: set[frozenset[str]] = set()
        for key in ((self.primary_key,) if self.primary_key else ()) + self.keys:
            folded = frozenset(fold(name) for name in key)
            if folded not in seen:
                seen.add(folded)
                found.append(key)
        return found


class Relations:
    """The tables and views that a statement may name."""

    def __init__(self, relations: Mapping[str, Relation]) -> None:
        """``relations`` by their source names."""
        self._found = {fold(name): relation for name, relation in relations.items()}

    def get(self, name: str) -> Relation:
        """The relation of that source name. Raises Refused."""
        found = self._found.get(fold(name))
        if found is None:
            raise Refused(f"there is no table {name} in PostgreSQL")
        return found
