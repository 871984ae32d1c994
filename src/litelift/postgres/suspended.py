"""Takes a CHECK or a foreign key away and puts it back as it was; finds the rows that a foreign key does not allow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.rows import tuple_row

from litelift.errors import LoadFailed
from litelift.postgres.existing_types import TargetConstraint
from litelift.result import Notice

# For each pair of columns: the parent's collation where the child's is another (as the server's own check does it).
_COLLATIONS = """
select n.nspname, k.collname
from unnest(%s::text[], %s::text[]) with ordinality as pair(child, parent, place)
join pg_attribute c on c.attrelid = %s::regclass and c.attname = pair.child
join pg_attribute p on p.attrelid = %s::regclass and p.attname = pair.parent
left join pg_collation k on k.oid = p.attcollation and p.attcollation <> c.attcollation
left join pg_namespace n on n.oid = k.collnamespace
order by pair.place
"""

_PRIMARY_KEY = """
select a.attname from pg_index i cross join unnest(i.indkey) with ordinality k(attnum, place)
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
where i.indrelid = %s::regclass and i.indisprimary and k.place <= i.indnkeyatts order by k.place
"""


@dataclass(frozen=True, slots=True)
class Violation:
    """A row that a foreign key does not allow: its primary key ({} where there is none), and the dangling values."""

    key: dict[str, Any]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Violations:
    """``total`` counts all of them; ``rows`` may hold fewer."""

    total: int = 0
    rows: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class Restored:
    """A constraint that is back. ``validated`` says whether it holds for every row; else it is NOT VALID now.

    ``violations`` are the offending rows of a foreign key; ``message`` is what the server said of them.
    """

    constraint: TargetConstraint
    validated: bool
    violations: Violations = Violations()
    message: str = ""

    @property
    def weakened(self) -> bool:
        """Whether the constraint was valid before, and is not now."""
        return self.constraint.validated and not self.validated

    @property
    def notice(self) -> Notice | None:
        """What a person has to know of it, if anything."""
        c = self.constraint
        if not self.weakened and not self.violations.total:
            return None
        what = self.message
        if self.violations.total:
            examples = "; ".join(
                f"{_words(row.values)}{f' in row {_words(row.key)}' if row.key else ''}"
                for row in self.violations.rows[:3]
            )
            what = f"{self.violations.total} rows refer to nothing: {examples}"
        state = "it is as it was before"
        if self.weakened:
            state = "it is NOT VALID now, and holds for new rows"
        return Notice(
            level="attention",
            kind="constraint-not-valid",
            table=c.table,
            column=c.columns[0] if len(c.columns) == 1 else None,
            key=self.violations.rows[0].key or None if self.violations.rows else None,
            message=f"{c.name} on {c.table}: {what}; {state}",
        )


def suspend_constraint(conn: psycopg.Connection[Any], constraint: TargetConstraint) -> None:
    """Drop a CHECK or a foreign key; :func:`restore_constraint` brings it back. Both belong in one transaction."""
    drop = sql.SQL("alter table {} drop constraint {}")
    conn.execute(drop.format(_table(constraint), sql.Identifier(constraint.name)))


def restore_constraint(conn: psycopg.Connection[Any], constraint: TargetConstraint) -> Restored:
    """Create a constraint again with its name, definition, deferrability and comment.

    One that was valid is validated; where rows violate it, it comes back NOT VALID, and the result names them. Raises
    LoadFailed where the server has no NOT VALID for it (a foreign key of a partitioned table before PostgreSQL 18).
    """
    try:
        _add(conn, constraint, constraint.definition)
    except (errors.ForeignKeyViolation, errors.CheckViolation) as error:
        message = " ".join(filter(None, (error.diag.message_primary, error.diag.message_detail)))
    else:
        found = violations(conn, constraint) if _unchecked(constraint) else Violations()
        return Restored(constraint, constraint.validated, found)
    found = violations(conn, constraint) if constraint.kind == "f" and not constraint.period else Violations()
    try:
        _add(conn, constraint, f"{constraint.definition} NOT VALID")
    except (errors.WrongObjectType, errors.FeatureNotSupported) as error:
        raise LoadFailed(
            table=constraint.table,
            message=f"rows violate {constraint.name} ({message}), and the server cannot keep it NOT VALID: {error}",
            hint="Nothing was kept in the target. Mend these rows in the source, or exclude them with where = ...",
        ) from error
    return Restored(constraint, False, found, message)


def check_foreign_key(conn: psycopg.Connection[Any], fk: TargetConstraint) -> Restored:
    """Check a foreign key that was there but silent; where rows violate it, put a NOT VALID one in its place."""
    if not fk.enforced:
        return Restored(fk, fk.validated)
    if fk.period:
        # Whether periods cover one another is the server's to say: it does so when the key is added.
        suspend_constraint(conn, fk)
        return restore_constraint(conn, fk)
    found = violations(conn, fk)
    if not fk.validated or not found.total:
        return Restored(fk, fk.validated, found)
    suspend_constraint(conn, fk)
    return restore_constraint(conn, fk)


def violations(conn: psycopg.Connection[Any], fk: TargetConstraint, limit: int = 20) -> Violations:
    """The rows of ``fk``'s table that refer to nothing: at most ``limit`` of them, and the count of all.

    A NULL in any column satisfies MATCH SIMPLE; MATCH FULL wants all of them NULL or none (CREATE TABLE in the manual).
    Raises ProgrammingError where row-level security would hide rows from this role.
    """
    child, parent = _table(fk), sql.Identifier(fk.foreign_schema or "", fk.foreign_table or "")
    with plain_names(conn), conn.cursor(row_factory=tuple_row) as cursor:
        of = child.as_string(conn)
        pairs = [list(fk.columns), list(fk.foreign_columns), of, parent.as_string(conn)]
        collations = cursor.execute(_COLLATIONS, pairs).fetchall()
        keys = [name for (name,) in cursor.execute(_PRIMARY_KEY, [of])]
        columns = [sql.Identifier("c", name) for name in fk.columns]
        same = sql.SQL(" and ").join(
            sql.SQL("{}{} operator({}.{}) {}").format(
                sql.Identifier("p", theirs),
                sql.SQL(" collate {}").format(sql.Identifier(*collation)) if collation[1] else sql.SQL(""),
                sql.Identifier(operator[0]),
                # An operator's name has no quotes: it is made of operator characters alone (section 4.1.3).
                sql.SQL(operator[1]),
                ours,
            )
            for theirs, ours, operator, collation in zip(
                fk.foreign_columns, columns, fk.operators, collations, strict=True
            )
        )
        holds = sql.SQL("exists (select from {} p where {})").format(own_rows(conn, parent), same)
        nulls = [sql.SQL("{} is null").format(column) for column in columns]
        allowed = sql.SQL(" and " if fk.match_full else " or ").join(nulls)
        wrong = sql.SQL(" from {} c where not ({}) and not {}").format(own_rows(conn, child), allowed, holds)
        named = [*(sql.Identifier("c", name) for name in keys), *columns]
        order = sql.SQL(", ").join(named)
        query = sql.SQL("select {}{} order by {} limit {}").format(order, wrong, order, sql.Literal(limit))
        rows = cursor.execute(query).fetchall()
        total = len(rows)
        if total == limit:
            (total,) = cursor.execute(sql.SQL("select count(*){}").format(wrong)).fetchone() or (total,)
    found = tuple(
        Violation(
            {name: _plain(value) for name, value in zip(keys, row, strict=False)},
            {name: _plain(value) for name, value in zip(fk.columns, row[len(keys) :], strict=True)},
        )
        for row in rows
    )
    return Violations(total, found)


@contextmanager
def plain_names(conn: psycopg.Connection[Any]) -> Iterator[None]:
    """A savepoint in which unqualified names are the system's own, and hidden rows are an error (``row_security``)."""
    with conn.transaction(), conn.cursor(row_factory=tuple_row) as cursor:
        before = cursor.execute(
            "select current_setting('search_path'), current_setting('row_security')"
        ).fetchone() or ("", "on")
        cursor.execute("set local search_path = pg_catalog, pg_temp")
        cursor.execute("set local row_security = off")
        yield
        cursor.execute("select set_config('search_path', %s, true), set_config('row_security', %s, true)", before)


def _add(conn: psycopg.Connection[Any], constraint: TargetConstraint, definition: str) -> None:
    # The definition is what pg_get_constraintdef() wrote under the same search_path.
    words = sql.SQL(definition)
    name = sql.Identifier(constraint.name)
    with plain_names(conn):
        conn.execute(sql.SQL("alter table {} add constraint {} {}").format(_table(constraint), name, words))
        if constraint.comment is not None:
            comment = sql.SQL("comment on constraint {} on {} is {}")
            conn.execute(comment.format(name, _table(constraint), sql.Literal(constraint.comment)))


def _unchecked(constraint: TargetConstraint) -> bool:
    return constraint.kind == "f" and constraint.enforced and not constraint.validated and not constraint.period


def _table(constraint: TargetConstraint) -> sql.Identifier:
    return sql.Identifier(constraint.schema, constraint.table)


def own_rows(conn: psycopg.Connection[Any], table: sql.Identifier) -> sql.Composable:
    """The table without those that inherit from it, to which its foreign keys do not apply; partitions are its own."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        asked = "select relkind = 'p' from pg_class where oid = %s::regclass"
        (partitioned,) = cursor.execute(asked, [table.as_string(conn)]).fetchone() or (False,)
    return table if partitioned else sql.SQL("only {}").format(table)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())
