"""The collations of a whole move: which columns PostgreSQL compares as SQLite does, and what the others need.

Text columns are made with the collation "C", which orders as SQLite's BINARY. For NOCASE the server needs ICU; without
it, and for RTRIM, a unique index on the folded values keeps unique what is unique in SQLite ("Datatypes In SQLite",
section 7).
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from litelift.plan.collation_folds import level_fold, rules_fold
from litelift.plan.collation_notices import Facts, is_text, tell_columns
from litelift.plan.file import PlanFile
from litelift.plan.plan import ColumnPlan, MovePlan, TablePlan
from litelift.sqlite.lexer import fold, quote_identifier
from litelift.sqlite.schema import ForeignKey, IndexPart, Schema, Table
from litelift.translate.compare import BUILT_IN, folded
from litelift.translate.value import identifier

RULES_VERSION = 160000
"""Collations with rules of their own, which fold A to Z alone, came with PostgreSQL 16 (CREATE COLLATION)."""

_DECIDED = frozenset({"NOCASE", "RTRIM"})
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class KeyShape:
    """How a unique key is built: ``parts`` as a constraint or an index, and beside it an index on ``folded`` ones."""

    parts: tuple[str, ...]
    constraint: bool
    folded: tuple[str, ...]
    suffix: str


class Collations:
    """The collation of each column, settled when this is made, and the words of keys and indexes on them."""

    def __init__(
        self,
        plan: MovePlan,
        schema: Schema,
        tables: Iterable[Table],
        file: PlanFile,
        connection: sqlite3.Connection,
        server_version: int,
        icu: bool,
    ) -> None:
        """Set ``collation`` in the plan of ``tables``, those that litelift makes, and tell what an application notices.

        Raises PlanFileError where the plan file wants a collation that the server cannot have.
        """
        self.plan = plan
        self.schema = schema
        self.tables = {table.name: table for table in tables}
        self.connection = connection
        self.exact = server_version >= RULES_VERSION
        if file.defaults.nocase == "collation" and not icu:
            raise file.error(
                ("defaults", "nocase"), 'nocase = "collation": the server has no ICU, which such a collation needs'
            )
        self.wanted = icu and file.defaults.nocase != "index"
        self.columns = self._texts()
        self.referred = self._referred()
        self._settle()
        for table in self.tables.values():
            tell_columns(plan, table, self._facts(table))

    # ----------------------------------------------------------------- the columns

    def _texts(self) -> dict[Place, str]:
        """The text columns that litelift makes, and the collation of each in SQLite."""
        found = {}
        for name, table in self.tables.items():
            for column in self._planned(name).columns:
                if is_text(column):
                    found[name, column.source] = table.column(column.source).collation
        return found

    def _planned(self, name: str) -> TablePlan:
        planned = self.plan.table(name)
        assert planned is not None
        return planned

    def _pairs(self, table: Table) -> Iterable[tuple[Place, Place]]:
        """The text columns of a table's foreign keys and those that they refer to."""
        for key in table.foreign_keys:
            for child, parent in zip(key.columns, key.parent_columns, strict=False):
                yield self._spelled(table.name, child), self._spelled(key.parent, parent)

    def _spelled(self, table: str, column: str) -> Place:
        try:
            found = self.schema.table(table)
            return found.name, found.column(column).name
        except KeyError:
            return table, column

    def _referred(self) -> defaultdict[str, set[frozenset[str]]]:
        """The keys of each table, by its fold, to which foreign keys refer.

        Of PostgreSQL's, they must be under the columns' own collation.
        """
        found: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
        for table in self.tables.values():
            for key in table.foreign_keys:
                found[fold(key.parent)].add(frozenset(map(fold, key.parent_columns)))
        return found

    def _settle(self) -> None:
        chosen = self._chosen() if self.wanted else set()
        for name in self.tables:
            planned = self._planned(name)
            columns = tuple(
                replace(column, collation="nocase" if (name, column.source) in chosen else "C")
                if (name, column.source) in self.columns and column.type.domain is None
                else column
                for column in planned.columns
            )
            self.plan.put(replace(planned, columns=columns))
        if chosen:
            self.plan.support |= {"nocase"}

    def _chosen(self) -> set[Place]:
        """The columns that get the collation ``litelift.nocase``.

        A foreign key and what it refers to share it or neither has it (PostgreSQL 18 demands so), and SQLite compares
        them by the collation of the parent ("SQLite Foreign Key Support", section 3).
        """
        groups = {place: {place} for place in self.columns}
        parents: set[Place] = set()
        bound: set[Place] = set()
        for table in self.tables.values():
            for child, parent in self._pairs(table):
                parents.add(parent)
                if child in groups and parent in groups:
                    merged = groups[child] | groups[parent]
                    for place in merged:
                        groups[place] = merged
                elif child in groups:
                    bound.add(child)
        keys = {
            (name, column): collation
            for name, table in self.tables.items()
            for column, collation in self.primary_key(table).items()
        }
        chosen: set[Place] = set()
        for place, group in groups.items():
            deciding = {p for p in group if p in parents or p in keys} or group
            asked = {self.columns[p] for p in deciding} | {keys[p] for p in group if p in keys}
            if not group & bound and asked == {"NOCASE"} and all(map(self._has_type_of_its_own, group)):
                chosen.add(place)
        for name, table in self.tables.items():
            for names in {frozenset(table.primary_key)} | self.referred[fold(name)]:
                try:
                    places = {self._place(table, column) for column in names}
                except KeyError:
                    continue
                if places & chosen and self._collides(table, sorted(column for _, column in places), chosen):
                    for place in places & chosen:
                        chosen -= groups[place]
        return chosen

    def _place(self, table: Table, column: str) -> Place:
        return table.name, table.column(column).name

    def _has_type_of_its_own(self, place: Place) -> bool:
        column = next(c for c in self._planned(place[0]).columns if c.source == place[1])
        return column.type.domain is None

    def _collides(self, table: Table, names: Sequence[str], chosen: set[Place]) -> bool:
        """Whether rows that SQLite keeps apart may be one under the collation."""
        self.connection.create_function(
            "litelift_nocase", 1, rules_fold if self.exact else level_fold, deterministic=True
        )
        words = []
        for name in names:
            column = table.column(name).name
            quoted = quote_identifier(column)
            words.append(f"litelift_nocase({quoted})" if (table.name, column) in chosen else f"{quoted} COLLATE BINARY")
        where = [f"{quote_identifier(table.column(name).name)} IS NOT NULL" for name in names]
        planned = self._planned(table.name)
        if planned.where:
            where.append(f"({planned.where}\n)")
        query = (
            f"SELECT 1 FROM {quote_identifier(table.name)} WHERE {' AND '.join(where)} "  # noqa: S608
            f"GROUP BY {', '.join(words)} HAVING count(*) > 1 LIMIT 1"
        )
        try:
            return self.connection.execute(query).fetchone() is not None
        except sqlite3.Error:
            # Text that is not UTF-8 cannot be asked about; the key itself tells when it is built.
            return False

    # ----------------------------------------------------------------- keys and indexes

    def primary_key(self, table: Table) -> dict[str, str]:
        """The collation of each column of the primary key, which may be another than the column's own."""
        query = (
            "SELECT x.name, x.coll FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x "
            "WHERE l.origin = 'pk' AND x.key AND x.name IS NOT NULL"
        )
        rows = self.connection.execute(query, (table.name,)).fetchall()
        found = {
            table.column(name).name: collation.upper() if collation.upper() in BUILT_IN else collation
            for name, collation in rows
        }
        return {name: found.get(name, table.column(name).collation) for name in table.primary_key}

    def key(self, table: Table, names: Mapping[str, str], *, primary: bool = False) -> KeyShape:
        """How the unique key of these columns, each with the collation that SQLite compares it by, is built."""
        columns = {name: self._column(table, name) for name in names}
        referred = frozenset(map(fold, names)) in self.referred[fold(table.name)]
        carried = {name for name, column in columns.items() if column.collation == "nocase"}
        under = all(names[name] == "NOCASE" for name in carried)
        if carried and not (primary or referred):
            chosen = {(table.name, column.source) for column in columns.values() if column.collation == "nocase"}
            under = under and self.exact and not self._collides(table, list(names), chosen)
        kept = {name for name in carried if under}
        parts = tuple(
            identifier(column.target) + (' COLLATE "C"' if name in carried - kept else "")
            for name, column in columns.items()
        )
        marked = {names[name] for name in names if is_text(columns[name]) and name not in kept} & _DECIDED
        words = tuple(
            self._words(column, names[name]) if name not in kept else identifier(column.target)
            for name, column in columns.items()
        )
        suffix = "rtrim" if marked == {"RTRIM"} else "nocase"
        return KeyShape(parts, not carried - kept, words if marked else (), suffix)

    def are_own(self, table: Table, names: Mapping[str, str]) -> bool:
        """Whether each column is compared by its own collation."""
        return all(fold(table.column(name).collation) == fold(collation) for name, collation in names.items())

    def part(self, table: Table, part: IndexPart) -> str:
        """A part of an index that is no key; ``part`` is a column."""
        column = self._column(table, part.column or "")
        if part.collation == "NOCASE" and column.collation == "nocase":
            return identifier(column.target)
        return self._words(column, part.collation)

    def _words(self, column: ColumnPlan, collation: str) -> str:
        """The column as an index compares it by SQLite's ``collation``, exactly."""
        name = identifier(column.target)
        if not is_text(column):
            return name
        if collation in _DECIDED:
            return folded(name, collation)
        return f'{name} COLLATE "C"' if column.collation == "nocase" else name

    def _column(self, table: Table, name: str) -> ColumnPlan:
        return next(c for c in self._planned(table.name).columns if fold(c.source) == fold(name))

    # ----------------------------------------------------------------- what is told

    def _facts(self, table: Table) -> Facts:
        referred = {name for names in self.referred[fold(table.name)] for name in names}
        places = [(table.name, column.name) for column in table.columns]
        return Facts(
            {source: self.columns[name, source] for name, source in places if (name, source) in self.columns},
            frozenset(referred | set(map(fold, table.primary_key))),
            exact=self.exact,
            wanted=self.wanted,
        )

    def foreign_key(self, key: ForeignKey, table: Table) -> str:
        """What is other about a foreign key than in SQLite; '' for nothing."""
        for child, parent in zip(key.columns, key.parent_columns, strict=False):
            place = self._spelled(key.parent, parent)
            collation = self.columns.get(place, "BINARY")
            if collation in _DECIDED and self._column(table, child).collation != "nocase":
                return f"SQLite compares with the parent's collation {collation}, PostgreSQL letter by letter"
        return ""
