"""Tables that VACUUM and ANALYZE do not get to, made for real, and each reason for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from broken import wait_for
from litelift.monitor.finding import Finding
from litelift.monitor.page.commands import commands
from litelift.monitor.samples import opened
from litelift.monitor.watched import Watched
from litelift.monitor.words import said, to_do
from monitored import database_at, found_by, only

HOSTILE = 'grades "2" %s {x}'
NAME = 'public."grades ""2"" %s {x}"'
ROWS = 20_000


def make(connection: psycopg.Connection, *, upkeep: LiteralString = "vacuum analyze") -> sql.Identifier:
    """A table with so many rows, vacuumed and analyzed, which autovacuum leaves to the test."""
    there = sql.Identifier(HOSTILE)
    connection.execute(sql.SQL("create table {} (id int, a text) with (autovacuum_enabled = off)").format(there))
    fill = sql.SQL("insert into {} select n, 'x' from generate_series(1, {}) n")
    connection.execute(fill.format(there, sql.Literal(ROWS)))
    count(connection)
    connection.execute(sql.SQL(upkeep + " {}").format(there))
    return there


def count(connection: psycopg.Connection) -> None:
    """Have the server count what this session did, which it does once in a second at most."""
    connection.execute("select pg_stat_force_next_flush()")


def update(connection: psycopg.Connection, name: sql.Identifier, times: int = 1) -> None:
    for _ in range(times):
        connection.execute(sql.SQL("update {} set a = a || 'y'").format(name))
    count(connection)


def do(connection: psycopg.Connection, finding: Finding) -> None:
    """Carry out the SQL that is said to be done."""
    for statement in commands(to_do(finding) or ""):
        if statement.startswith(("VACUUM", "ALTER", "ANALYZE")):
            connection.execute(statement)
    count(connection)


def dead(of: Watched) -> Finding:
    return only(found_by("dead-rows", of))


def test_dead_rows_are_found_where_autovacuum_is_switched_off_and_what_is_said_to_do_helps(
    database: str, tmp_path: Path
) -> None:
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as connection:
        name = make(connection)
        assert dead(of).state == "ok"
        assert "1 table has it switched off" in said(only(found_by("autovacuum", of)))
        update(connection, name)
        finding = dead(of)
        # Autovacuum would begin at 50 and a fifth of the rows.
        assert (finding.state, finding.found, finding.do) == ("warning", "much", "table-off")
        assert (finding.facts["table"], finding.facts["dead"], finding.facts["live"]) == (NAME, ROWS, ROWS)
        assert finding.items[0]["threshold"] == ROWS / 5 + 50
        update(connection, name, 2)
        assert dead(of).state == "critical"
        do(connection, finding)
    assert dead(of).state == "ok"


def test_a_tables_own_settings_of_autovacuum_are_those_that_count(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as connection:
        name = make(connection)
        update(connection, name)
        assert dead(of).state == "warning"
        connection.execute(
            sql.SQL("alter table {} set (autovacuum_vacuum_scale_factor = 1, autovacuum_vacuum_threshold = 5)").format(
                name
            )
        )
        assert dead(of).state == "ok"
        connection.execute(sql.SQL("alter table {} set (autovacuum_vacuum_scale_factor = 0)").format(name))
        assert dead(of).items[0]["threshold"] == 5


def test_who_keeps_dead_rows_from_being_removed_is_named(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as connection, psycopg.connect(database) as reader:
        name = make(connection)
        connection.execute(sql.SQL("alter table {} reset (autovacuum_enabled)").format(name))
        reader.execute("set transaction isolation level repeatable read")
        reader.execute("select count(*) from pg_class")
        update(connection, name)
        connection.execute(sql.SQL("vacuum {}").format(name))
        count(connection)
        finding = dead(of)
        assert (finding.state, finding.do) == ("warning", "held-session")
        assert f"select pg_terminate_backend({reader.info.backend_pid});" in (to_do(finding) or "")
        reader.rollback()
        # What comes after a VACUUM that nobody is in the way of, the next one removes.
        assert (dead(of).state, dead(of).facts) == ("ok", {})
        do(connection, finding)
        assert dead(of).measures[0].value == 0
    assert dead(of).state == "ok"


def test_long_values_that_are_dead_are_found_by_their_tables_name(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, '[monitor.limits]\n"dead-rows.rows" = { warning = 100 }\n')
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table docs (a bytea) with (autovacuum_enabled = off)")
        connection.execute("alter table docs alter a set storage external")
        connection.execute("insert into docs select decode(repeat('00', 20000), 'hex') from generate_series(1, 20)")
        connection.execute("update docs set a = a || '\\x01'")
        count(connection)
        finding = dead(of)
        assert (finding.do, finding.items[0]["table"], finding.items[0]["toast"]) == ("table-off", "public.docs", True)
        do(connection, finding)
    assert dead(of).state == "ok"


def test_the_watch_gives_autovacuum_its_time(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    now = datetime.now(UTC)
    with psycopg.connect(database, autocommit=True) as connection, opened(tmp_path / "kept", write=True) as samples:
        name = make(connection, upkeep="analyze")
        samples.add(now - timedelta(minutes=11), found_by("dead-rows", of))
        connection.execute(sql.SQL("alter table {} reset (autovacuum_enabled)").format(name))
        with psycopg.connect(database) as reader:
            # So that autovacuum does not get to it before the test does.
            reader.execute("set transaction isolation level repeatable read")
            reader.execute("select 1")
            update(connection, name)
            first = only(found_by("dead-rows", of, past=samples, now=now))
            assert (first.state, first.found) == ("ok", "soon")
            samples.add(now, [first])
            assert only(found_by("dead-rows", of, past=samples, now=now + timedelta(minutes=11))).state == "warning"


@pytest.mark.superuser
def test_a_server_without_autovacuum_is_told(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as connection:
        for setting in ("autovacuum", "track_counts"):
            assert only(found_by("autovacuum", of)).state == "ok"
            change = sql.SQL("alter system {} {}")
            for verb, value, state in (("set", " = off", "warning"), ("reset", "", "ok")):
                connection.execute(change.format(sql.SQL(verb), sql.SQL(setting + value)))
                connection.execute("select pg_reload_conf()")
                wait_for(lambda: only(found_by("autovacuum", of)).state == state)  # noqa: B023


@pytest.mark.superuser
def test_a_table_with_rows_that_was_never_analyzed_is_found(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t (a int) with (autovacuum_enabled = off)")
        connection.execute(f"insert into t select generate_series(1, {ROWS})")
        count(connection)
        finding = only(found_by("planner-statistics", of))
        assert (finding.state, finding.found) == ("warning", "never")
        assert said(finding) == "public.t was never analyzed, and has 20,000 rows"
        connection.execute("create table u (a int) with (autovacuum_enabled = off)")
        connection.execute(f"insert into u select generate_series(1, {ROWS})")
        count(connection)
        assert only(found_by("planner-statistics", of)).found == "never-many"
        # What the counters forget, as after a crash, the planner still knows.
        connection.execute("analyze")
        connection.execute("select pg_stat_reset()")
        connection.execute("update t set a = 1")
        connection.execute("update u set a = 1")
        count(connection)
    assert only(found_by("planner-statistics", of)).state == "ok"


def test_a_table_that_is_another_one_since_its_analyze_is_found_once_autoanalyze_had_its_time(
    database: str, tmp_path: Path
) -> None:
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as connection:
        name = make(connection)
        update(connection, name)
        assert only(found_by("planner-statistics", of)).state == "ok"
        late = database_at(database, tmp_path, '[monitor.limits]\n"planner-statistics.seconds" = { warning = 0 }\n')
        finding = only(found_by("planner-statistics", late))
        assert (finding.state, finding.found, finding.facts["changed"]) == ("warning", "old", ROWS)
        do(connection, finding)
    assert only(found_by("planner-statistics", late)).state == "ok"
