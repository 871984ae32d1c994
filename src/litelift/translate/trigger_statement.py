"""INSERT, UPDATE and DELETE of a trigger in PostgreSQL's SQL ("INSERT", "UPSERT", "The ON CONFLICT Clause")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.translate.expression import column_of
from litelift.translate.parse import Node
from litelift.translate.relation import Relation
from litelift.translate.select_scope import Bound
from litelift.translate.select_tree import Query
from litelift.translate.trigger_query import TriggerLowering, row_of
from litelift.translate.trigger_tree import Delete, Insert, Update, Upsert
from litelift.translate.value import Refused, Typed, identifier

BREAK = "\0"
"""Where a statement may go on in the next line. It is in no SQL, so that line breaks in texts are not taken for it."""


class Writer:
    """The statements that write, for one trigger."""

    def __init__(self, lowering: TriggerLowering, fired: Callable[[str], frozenset[str]]) -> None:
        """``fired`` gives the events that a table (source name) has triggers for."""
        self._lowering = lowering
        self._remark = lowering.remark
        self._fired = fired

    def _writable(self, relation: Relation, name: str) -> str:
        """A column's source name. Raises Refused for one that is not there or is generated."""
        relation.column(name)
        found = relation.find(name)
        assert found is not None
        if found in relation.generated:
            raise Refused(f"{relation.name}.{found} is a generated column")
        return found

    # ------------------------------------------------------------------ INSERT

    def insert(self, statement: Insert) -> str:
        """INSERT; SQLite counts a NULL in the rowid alias as one that is left out ("Autoincrement")."""
        relation, bound = self._lowering.written(statement.table)
        if statement.columns is None:
            names = [
                name for name in relation.columns if name not in relation.generated and name not in relation.hidden
            ]
        else:
            names = [self._writable(relation, name) for name in statement.columns]
        if len(set(names)) < len(names):
            raise Refused(f"INSERT names a column of {statement.table} twice")
        if statement.query is not None:
            source = self._query(statement.query, statement.table, relation, names)
        else:
            source, names = self._rows(statement, relation, names)
        targets = ", ".join(identifier(relation.column(name).target) for name in names)
        words = f"INSERT INTO {relation.sql} AS {identifier(bound.target)}" + (f" ({targets})" if names else "")
        return f"{words}{BREAK}{source}{self._conflict(statement, relation, names, bound)}"

    def _rows(self, statement: Insert, relation: Relation, names: list[str]) -> tuple[str, list[str]]:
        rows = []
        for row in statement.rows:
            if len(row) != len(names):
                raise _unlike(len(row), len(names), statement.table)
            rows.append(
                [
                    "DEFAULT" if words == "NULL" and name == relation.identity else words
                    for name, words in (
                        (n, self._lowering.stored(v, relation, n)) for n, v in zip(names, row, strict=True)
                    )
                ]
            )
        # The server numbers the row; the column is left out where no row gives it a number.
        left = {name for n, name in enumerate(names) if all(row[n] == "DEFAULT" for row in rows)}
        kept = [n for n, name in enumerate(names) if name not in left]
        if not kept:
            return "DEFAULT VALUES", []
        listed = ", ".join(f"({', '.join(row[n] for n in kept)})" for row in rows)
        return f"VALUES {listed}", [names[n] for n in kept]

    def _query(self, query: Query, table: str, relation: Relation, names: list[str]) -> str:
        """The query of an INSERT. The column that the server numbers leaves ``names`` where the query gives it NULL."""
        lowering = self._lowering

        def into(place: int, typed: Typed, text: str) -> str:
            if place >= len(names):
                raise _unlike(place + 1, len(names), table)
            words = lowering.into(typed, relation, names[place], text)
            if names[place] == relation.identity and words == "NULL":
                raise Refused("INSERT from a SELECT with NULL for the numbered column")
            # In a query a literal has a type of its own, which is not the column's.
            type_ = relation.column(names[place]).type.sql().as_string()
            return f"({words})::{type_}" if typed.constant or typed.kind == "null" else words

        query = _numbered(query, relation, names)
        if (
            all(operator == "UNION ALL" for operator in query.operators)
            and not (query.operators and any(core.distinct for core in query.cores))
            and not query.cores[0].distinct
        ):
            made = lowering.query(query, into)
            if len(made.columns) != len(names):
                raise _unlike(len(made.columns), len(names), table)
            return made.sql
        # Rows that are alike are found before they are converted.
        made = lowering.query(query)
        if len(made.columns) != len(names):
            raise _unlike(len(made.columns), len(names), table)
        shown = ", ".join(
            into(place, column_of(column.context, f'"q".{identifier(column.context.target)}'), "")
            for place, column in enumerate(made.columns)
        )
        return f'SELECT {shown} FROM ({made.sql}) AS "q"'  # noqa: S608

    # ------------------------------------------------------------------ ON CONFLICT

    def _conflict(self, statement: Insert, relation: Relation, names: list[str], bound: Bound) -> str:
        if statement.upsert is not None:
            if statement.conflict in ("IGNORE", "REPLACE"):
                raise Refused(f"INSERT OR {statement.conflict} with ON CONFLICT")
            return self._upsert(statement.upsert, statement, relation, names, bound)
        if statement.conflict == "IGNORE":
            self._remark(f"INSERT OR IGNORE into {relation.name} ignores duplicates; a NULL or CHECK violation fails")
            return f"{BREAK}ON CONFLICT DO NOTHING"
        if statement.conflict == "REPLACE":
            return self._replace(statement, relation, names)
        return ""

    def _possible(self, relation: Relation, names: Sequence[str]) -> list[tuple[str, ...]]:
        """The keys that the row may already be there by: not the number that the server gives it."""
        return [key for key in relation.unique() if relation.identity not in key or relation.identity in names]

    def _replace(self, statement: Insert, relation: Relation, names: list[str]) -> str:
        """REPLACE: the row that is there goes, its DELETE triggers do not fire, and every column is set anew."""
        keys = self._possible(relation, names)
        if relation.view or relation.other_keys or len(keys) > 1:
            raise Refused(f"REPLACE into {statement.table}, which has more than one unique key")
        if not keys:
            return ""
        if self._fired(statement.table) & {"INSERT", "UPDATE"}:
            raise Refused(f"REPLACE into {statement.table}, which has triggers of its own")
        key = self._key(relation, keys[0])
        sets = []
        for name, context in relation.columns.items():
            if name in keys[0] or name in relation.generated:
                continue
            target = identifier(context.target)
            sets.append(f"{target} = " + (f"excluded.{target}" if name in names else "DEFAULT"))
        if relation.cascades:
            self._remark(f"REPLACE into {relation.name} changes the row in its place: foreign keys to it do not act")
        return f"{BREAK}ON CONFLICT ({key}) DO " + (f"UPDATE SET {', '.join(sets)}" if sets else "NOTHING")

    def _key(self, relation: Relation, key: Sequence[str]) -> str:
        for name in key:
            if fold(relation.column(name).collation) != "binary":
                raise Refused(f"a conflict on {name}, which has the collation {relation.column(name).collation}")
        return ", ".join(identifier(relation.column(name).target) for name in key)

    def _upsert(self, upsert: Upsert, statement: Insert, relation: Relation, names: list[str], own: Bound) -> str:
        key: tuple[str, ...] = ()
        if upsert.target:
            wanted = {relation.find(name) for name in upsert.target}
            key = next((known for known in relation.unique() if set(known) == wanted), ())
            if not key:
                raise Refused(f"ON CONFLICT names no key of {statement.table}")
        elif upsert.assignments is not None:
            keys = self._possible(relation, names)
            if len(keys) != 1 or relation.other_keys:
                raise Refused(f"ON CONFLICT DO UPDATE does not say which key of {statement.table} it means")
            key = keys[0]
        target = f" ({self._key(relation, key)})" if key else ""
        if upsert.assignments is None:
            return f"{BREAK}ON CONFLICT{target} DO NOTHING"
        with self._lowering.scope(own, row_of("excluded", "excluded", relation, frozenset())):
            sets = self._assignments(relation, upsert.assignments)
            where = self._where(upsert.where)
        return f"{BREAK}ON CONFLICT{target} DO UPDATE SET {sets}{where}"

    # ------------------------------------------------------------------ UPDATE and DELETE

    def _where(self, node: Node | None) -> str:
        return f"{BREAK}WHERE {self._lowering.condition(node)}" if node is not None else ""

    def _assignments(self, relation: Relation, assignments: Sequence[tuple[str, Node]]) -> str:
        # Where a column is set twice, SQLite takes the last one ("UPDATE").
        found: dict[str, str] = {}
        for name, node in assignments:
            found[self._writable(relation, name)] = self._lowering.stored(node, relation, name)
        return ", ".join(f"{identifier(relation.column(name).target)} = {words}" for name, words in found.items())

    def update(self, statement: Update) -> str:
        """UPDATE."""
        if statement.conflict in ("IGNORE", "REPLACE"):
            raise Refused(f"UPDATE OR {statement.conflict}")
        with self._lowering.scope() as scope:
            # PostgreSQL's ON does not see the table that is updated, so that is added afterwards.
            joined = self._lowering.joined(statement.joins, scope) if statement.joins else ""
            others = f"{BREAK}FROM {joined}" if joined else ""
            relation, bound = self._lowering.written(statement.table)
            scope.sources.insert(0, bound)
            sets = self._assignments(relation, statement.assignments)
            where = self._where(statement.where)
        return f"UPDATE {relation.sql} AS {identifier(bound.target)} SET {sets}{others}{where}"  # noqa: S608

    def delete(self, statement: Delete) -> str:
        """DELETE."""
        relation, bound = self._lowering.written(statement.table)
        with self._lowering.scope(bound):
            where = self._where(statement.where)
        return f"DELETE FROM {relation.sql} AS {identifier(bound.target)}{where}"  # noqa: S608


def _numbered(query: Query, relation: Relation, names: list[str]) -> Query:
    """The query without the column of the rowid where every SELECT of it gives NULL, so that the server numbers it."""
    if relation.identity not in names or query.order:
        return query
    place = names.index(relation.identity)
    if not all(
        len(core.items) == len(names) and not any(item.star for item in core.items) and _is_null(core.items[place].node)
        for core in query.cores
    ):
        return query
    names.pop(place)
    cores = [replace(core, items=[item for n, item in enumerate(core.items) if n != place]) for core in query.cores]
    return replace(query, cores=cores)


def _is_null(node: Node | None) -> bool:
    return isinstance(node, exp.Null)


def _unlike(values: int, columns: int, table: str) -> Refused:
    return Refused(f"{table}: {values} values for {columns} columns")
