"""Makes the views after the keys, and compares each with SQLite's row by row: one that differs does not stay."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from litelift.move.context import Context
from litelift.move.made import note_views
from litelift.plan.plan import MovePlan, ViewPlan
from litelift.prove.views import prove_view
from litelift.result import ObjectProof, TableProof, Untranslated


def make_views(context: Context, run: str, plan: MovePlan) -> ObjectProof | None:
    """Make and compare the plan's views. What cannot be made, or differs, is told as not carried.

    Returns how many there are, None where the source has none.
    """
    kept: list[ViewPlan] = []
    gone: dict[str, str] = {}
    for view in plan.views:
        reason = _after(view, gone) or _made(context, run, view)
        if reason is None:
            kept.append(view)
            reason = _compared(context, view)
        if reason is not None:
            gone[view.match.source] = reason
            plan.untranslated.append(
                Untranslated(kind="view", name=view.match.source, sql=view.source_sql, reason=reason)
            )
    for view in reversed([view for view in kept if view.match.source in gone]):
        context.connection.execute(sql.SQL("drop view {}").format(_name(view)))
    if not plan.views:
        return None
    present = len(plan.views) - len(gone)
    return ObjectProof(kind="views, each compared row by row", expected=present, present=present)


def _after(view: ViewPlan, gone: dict[str, str]) -> str | None:
    missing = sorted(name for name in view.reads if name in gone)
    return f"it reads {', '.join(missing)}, which is not carried" if missing else None


def _name(view: ViewPlan) -> sql.Identifier:
    return sql.Identifier(view.match.schema, view.match.target)


def _made(context: Context, run: str, view: ViewPlan) -> str | None:
    columns = sql.SQL(", ").join(sql.Identifier(column.target) for column in view.match.columns)
    head = sql.SQL("create view {} ({}) as ").format(_name(view), columns)
    try:
        with context.connection.transaction():
            # Our own translation, made of quoted identifiers and literals.
            context.connection.execute(head + sql.Composed([sql.SQL(view.sql)]))
            note_views(context.connection, run, view.match.schema, [view.match.target])
    except (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError) as error:
        return f"PostgreSQL refuses its translation: {error.diag.message_primary or error}"
    return None


def _compared(context: Context, view: ViewPlan) -> str | None:
    if view.volatile:
        return None
    try:
        with _functions_trusted(context.source.connection):
            proof = prove_view(context.source.connection, context.connection, view.match, view.inexact, limit=1)
    except sqlite3.Error as error:
        return f"SQLite itself cannot read it here: {error}"
    except (psycopg.ProgrammingError, psycopg.DataError) as error:
        return f"PostgreSQL cannot read its translation: {error.diag.message_primary or error}"
    return None if proof.equal else _example(proof)


@contextmanager
def _functions_trusted(connection: sqlite3.Connection) -> Iterator[None]:
    # Some builds count JSON's functions among those with side effects, which an untrusted schema may not call. The
    # connection is read-only and loads no extensions.
    (before,) = connection.execute("PRAGMA trusted_schema").fetchone()
    connection.execute("PRAGMA trusted_schema = ON")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA trusted_schema = {before}")


def _example(proof: TableProof) -> str:
    words = f"its rows differ: {proof.source_rows} in SQLite, {proof.target_rows} in PostgreSQL"
    for difference in proof.differences:
        words += (
            f"; for example {difference.source or 'no row'} in SQLite, {difference.target or 'no row'} in PostgreSQL"
        )
    return words
