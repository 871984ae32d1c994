"""What pg_stat_statements has counted of this database's statements, in all versions of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from litelift.postgres.connect import Connection

MOST = 50
MEAN_MS = 5.0
SHARE = 0.05
"""A statement is worth a look that takes so long on average, or such a part of the time of all."""
_LIBRARY = "pg_stat_statements"
# Up to 1.7 they were total_time, mean_time and max_time; jit came with 1.10 (appendix F of each version's manual).
_OLD = {"total_exec_time": "total_time", "mean_exec_time": "mean_time", "max_exec_time": "max_time"}
_KIND = r"^[\s(]*(/\*.*?\*/\s*)*[\s(]*(select|with|insert|update|delete)\y|^<insufficient"
_JIT = ("jit_generation_time", "jit_inlining_time", "jit_optimization_time", "jit_emission_time")


class Statement(NamedTuple):
    """One statement, its values being parameters."""

    query: str
    role: str
    calls: int
    total: float
    """Milliseconds, as the two that follow."""
    mean: float
    longest: float


@dataclass(frozen=True, slots=True)
class Statements:
    """What was counted."""

    slow: list[Statement]
    """The costliest of those that are worth a look, first."""
    hidden: int = 0
    """Of others, whose text the login may not read."""
    total: float = 0.0
    """Milliseconds of all."""
    jit: float = 0.0
    """Of these the part that went to compiling."""
    longest: Mapping[str, float] | None = None
    """Milliseconds of each role's longest; None where nothing was counted."""
    missing: str | None = None
    """Why nothing is known, and what to do about it."""
    make: str | None = None
    """The statement that has it counted in this database, where one is enough."""


def read_statements(connection: Connection, *, loaded: bool | None, installed: bool) -> Statements:
    """What was counted in this database. Raises psycopg.Error.

    Args:
        connection: to it.
        loaded: whether shared_preload_libraries names the library; None where the login may not know.
        installed: whether the server's machine has it.
    """
    row = connection.execute(
        "select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = %s",
        (_LIBRARY,),
    ).fetchone()
    if row is None and loaded is None:
        why = (
            f"this database does not show what {_LIBRARY} counts, if it does, and this login may not know "
            "whether it does"
        )
        return Statements([], missing=f"{why} (pg_read_all_settings)")
    if row is None or loaded is False:
        if loaded:
            why = f"{_LIBRARY} counts, but this database does not show it"
            return Statements([], missing=why, make=f"CREATE EXTENSION {_LIBRARY} SCHEMA public")
        where = (
            ""
            if installed
            else "; it is not installed: Debian has it in postgresql-VERSION, others in postgresql-contrib"
        )
        return Statements([], missing=f"{_LIBRARY} is not in shared_preload_libraries{where}")
    view = sql.Identifier(row[0], _LIBRARY)
    try:
        return _read(connection, view)
    except psycopg.errors.ObjectNotInPrerequisiteState:
        return Statements([], missing=f"{_LIBRARY} waits for a restart of the server")


def _read(connection: Connection, view: sql.Identifier) -> Statements:
    cursor = connection.execute(sql.SQL("select * from {} limit 0").format(view))
    there = {column.name for column in cursor.description or ()}
    total, mean, longest = (sql.Identifier(new if new in there else old) for new, old in _OLD.items())
    jit = sql.SQL(" + ").join(map(sql.Identifier, _JIT)) if _JIT[0] in there else sql.SQL("0::float8")
    query = sql.SQL("""
        with counted as (
            select s.query, r.rolname::text as role, s.calls, s.{total} as total, s.{mean} as mean,
                   s.{longest} as longest, sum(s.{total}) over () as everything
            from {view} s join pg_roles r on r.oid = s.userid
            where s.dbid = (select oid from pg_database where datname = current_database()))
        select query, role, calls, total, mean, longest from counted
        where calls >= 2 and query ~* {kind} and (mean >= {least} or total >= {share} * everything)
        order by total desc, query limit {most}
    """).format(
        total=total,
        mean=mean,
        longest=longest,
        jit=jit,
        view=view,
        least=sql.Literal(MEAN_MS),
        share=sql.Literal(SHARE),
        kind=sql.Literal(_KIND),
        most=sql.Literal(MOST),
    )
    with connection.cursor(row_factory=namedtuple_row) as rows:
        found = [Statement._make(row) for row in rows.execute(query).fetchall()]
    sums = connection.execute(
        sql.SQL("""
            select r.rolname, max(s.{longest}), sum(s.{total}), sum({jit})
            from {view} s join pg_roles r on r.oid = s.userid
            where s.dbid = (select oid from pg_database where datname = current_database()) group by r.rolname
        """).format(longest=longest, total=total, jit=jit, view=view)
    ).fetchall()
    hidden = [one for one in found if one.query is None or one.query == "<insufficient privilege>"]
    return Statements(
        [one for one in found if one not in hidden],
        len(hidden),
        sum(row[2] for row in sums),
        sum(row[3] for row in sums),
        {str(row[0]): float(row[1]) for row in sums},
    )
