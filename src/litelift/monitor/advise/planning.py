"""What the planner would do with a statement: asked of it, never by running the statement.

A statement is prepared by the protocol's own message, which takes one statement and runs nothing, whatever is in its
words; then EXPLAIN EXECUTE shows its generic plan, in all versions of PostgreSQL (what EXPLAIN (GENERIC_PLAN) does from
16 on takes the words inside of another statement). All of it is in a transaction that may not write and is rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus

from litelift.monitor.advise.new_index import NewIndex
from litelift.postgres.connect import Connection, is_lost

_NAME = "litelift_advise"
# Where a value was, pg_stat_statements has $1, which is no value for a type that stands before it.
_TYPED = re.compile(r"\b(interval|date|timestamptz|timestamp|time|uuid)\s+(\$\d+)(?![\w.])", re.IGNORECASE)


class NotPlanned(Exception):
    """The server does not plan the statement: its words miss what their values said."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A table that is read from end to end in a plan."""

    schema: str
    table: str
    filter: str
    rows: float
    """That are left."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan."""

    cost: float
    scans: tuple[Scan, ...]
    indexes: frozenset[str]


class Planner:
    """Plans statements in one session, which it leaves as it was."""

    def __init__(self, connection: Connection) -> None:
        """``connection`` is in no transaction."""
        self._connection = connection
        row = connection.execute(
            "select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace "
            "where extname = 'hypopg'"
        ).fetchone()
        self.hypopg: str | None = row[0] if row else None
        """The schema of the extension that plans with indexes that are not there; None where it is not."""

    @contextmanager
    def as_seen_with(self, search_path: str) -> Iterator[None]:
        """A transaction in which names mean what they mean to the application. Raises psycopg.Error."""
        self._connection.execute("begin read only")
        try:
            self._connection.execute(
                "select set_config('search_path', %s, true), set_config('plan_cache_mode', 'force_generic_plan', true)",
                (search_path,),
            )
            yield
        finally:
            if not self._connection.closed:
                self._connection.execute("rollback")
                if self.hypopg is not None:
                    self._connection.execute(self._call("hypopg_reset()"))

    def plan(self, query: str) -> Plan:
        """The generic plan. Raises NotPlanned; psycopg.OperationalError where the session is lost."""
        try:
            self._connection.execute("savepoint litelift_plan")
            try:
                return self._plan(_TYPED.sub(r"\2::\1", query))
            finally:
                if not self._connection.closed:
                    self._connection.execute("rollback to savepoint litelift_plan")
                    self._forget()
        except psycopg.Error as error:
            if is_lost(error):
                raise
            raise NotPlanned(str(error)) from error

    def plan_with(self, query: str, index: NewIndex) -> tuple[Plan, bool, int]:
        """The plan as it would be with an index, whether that is used, and the bytes that it would have.

        Raises NotPlanned, and as `plan` does.
        """
        assert self.hypopg is not None
        try:
            self._connection.execute("savepoint litelift_index")
            try:
                made = self._connection.execute(
                    self._call("hypopg_create_index({})", sql.Literal(index.definition().as_string(None)))
                ).fetchone()
                assert made is not None
                oid, name = made
                size = self._connection.execute(self._call("hypopg_relation_size({})", sql.Literal(oid))).fetchone()
                plan = self.plan(query)
                return plan, name in plan.indexes, int(size[0]) if size else 0
            finally:
                if not self._connection.closed:
                    self._connection.execute("rollback to savepoint litelift_index")
                    self._connection.execute(self._call("hypopg_reset()"))
        except psycopg.Error as error:
            if is_lost(error):
                raise
            raise NotPlanned(str(error)) from error

    def _call(self, words: str, *values: sql.Composable) -> sql.Composed:
        function, _, arguments = words.partition("(")
        return sql.SQL("select * from {}({})").format(
            sql.Identifier(self.hypopg or "", function), values[0] if arguments != ")" else sql.SQL("")
        )

    def _plan(self, query: str) -> Plan:
        session = self._connection.pgconn
        encoded = query.encode()
        prepared = session.prepare(_NAME.encode(), encoded)
        if prepared.status != ExecStatus.COMMAND_OK:
            raise NotPlanned(prepared.error_message.decode(errors="replace"))
        number = session.describe_prepared(_NAME.encode()).nparams
        nothing = sql.SQL("({})").format(sql.SQL(", ").join([sql.SQL("null")] * number)) if number else sql.SQL("")
        row = self._connection.execute(
            sql.SQL("explain (format json, verbose) execute {}{}").format(sql.Identifier(_NAME), nothing)
        ).fetchone()
        assert row is not None
        return _plan_of(row[0][0]["Plan"])

    def _forget(self) -> None:
        # What was prepared outlives a rollback; to forget what is not there would be an error in the transaction.
        row = self._connection.execute("select 1 from pg_prepared_statements where name = %s", (_NAME,)).fetchone()
        if row is not None:
            self._connection.execute(sql.SQL("deallocate {}").format(sql.Identifier(_NAME)))


def _plan_of(root: dict[str, Any]) -> Plan:
    scans, indexes = [], set()
    nodes = [root]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Index Name" in node:
            indexes.add(str(node["Index Name"]))
        if node["Node Type"] == "Seq Scan" and "Filter" in node:
            scans.append(Scan(str(node.get("Schema")), str(node["Relation Name"]), node["Filter"], node["Plan Rows"]))
    return Plan(float(root["Total Cost"]), tuple(scans), frozenset(indexes))
