"""Databases that grow, tables that waste room, and pages that a disk has damaged, made for real."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from broken import wait_for
from litelift.monitor.baseline import FILE, Baseline
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.samples import Samples, opened
from litelift.monitor.watched import Watched
from litelift.monitor.words import said, to_do
from litelift.postgres import embedded
from monitored import database_at, found_by, only

LOW = '[monitor.limits]\n"database-size.grown" = { warning = 1e6 }\n'
NOW = datetime.now(UTC)
HOSTILE = 'grades "2" %s {x}'
NAME = 'public."grades ""2"" %s {x}"'


def sampled(samples: Samples, age: timedelta, size: float) -> None:
    """A sample of so long ago."""
    samples.add(NOW - age, [Finding("database-size", "ok", "alone", measures=[Measure("bytes", size, "bytes")])])


def baseline(of: Watched, age: timedelta, size: float = 0.0, **rows: int) -> None:
    """What was normal at the move, so long ago."""
    of.folder.mkdir(exist_ok=True)
    measures = {"database-size.bytes": size} if size else {}
    made = Baseline(at=NOW - age, measures=measures, rows=rows)
    (of.folder / FILE).write_text(made.model_dump_json())


def size(of: Watched, past: Samples | None = None) -> Finding:
    return only(found_by("database-size", of, past=past, now=NOW))


def test_a_database_that_grows_more_in_a_day_than_it_should_is_told_with_its_biggest_tables(
    database: str, tmp_path: Path
) -> None:
    of = database_at(database, tmp_path, LOW)
    with psycopg.connect(database, autocommit=True) as connection, opened(of.folder, write=True) as samples:
        first = size(of, samples)
        before = first.measures[0].value
        assert (first.state, first.found) == ("ok", "alone")
        sampled(samples, timedelta(hours=25), before)
        assert size(of, samples).found == "known"
        connection.execute(sql.SQL("create table {} (a text)").format(sql.Identifier(HOSTILE)))
        fill = "insert into {} select repeat('x', 500) from generate_series(1, 8000)"
        connection.execute(sql.SQL(fill).format(sql.Identifier(HOSTILE)))
        finding = size(of, samples)
        assert (finding.state, finding.found, finding.items[0]["table"]) == ("warning", "sudden", NAME)
        now = finding.measures[0].value
        # It has grown like that each day of the week.
        sampled(samples, timedelta(days=8, hours=1), before - 7 * (now - before))
        assert size(of, samples).state == "ok"
    with opened(tmp_path / "quiet", write=True) as quiet:
        # A large one may double in a month and not be told, unless that is a day's work.
        sampled(quiet, timedelta(hours=25), now - 1.5e6)
        assert size(of, quiet).state == "ok"
        sampled(quiet, timedelta(days=8, hours=1), now - 1.6e6)
        assert size(of, quiet).found == "unusual"


def test_what_the_move_has_brought_is_no_growth(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, LOW)
    with opened(of.folder, write=True) as samples:
        sampled(samples, timedelta(hours=25), 1e5)
        assert size(of, samples).state == "critical"
        baseline(of, timedelta(hours=2), size(of).measures[0].value)
        assert size(of, samples).state == "ok"
        baseline(of, timedelta(hours=2), 1e5)
        assert size(of, samples).state == "critical"
    # Without samples, since the move is as far back as can be seen.
    baseline(of, timedelta(days=40), 1e5)
    assert (size(of).state, size(of).found) == ("ok", "moved")


def test_the_biggest_tables_are_listed_with_what_they_have_more_than_at_the_move(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    assert only(found_by("biggest-tables", of)).found == "none"
    with psycopg.connect(database, autocommit=True) as connection, psycopg.connect(database) as locker:
        connection.execute("create table small (a int); create table locked (a int primary key)")
        connection.execute(sql.SQL("create table {} (a int primary key)").format(sql.Identifier(HOSTILE)))
        connection.execute(sql.SQL("insert into {} select generate_series(1, 3000)").format(sql.Identifier(HOSTILE)))
        connection.execute("insert into locked select generate_series(1, 9000)")
        connection.execute("analyze")
        # Nobody waits for whoever has locked one: its size would.
        for lock in ("lock table locked", "reindex table locked"):
            locker.rollback()
            locker.execute(lock)
            assert only(found_by("biggest-tables", of)).facts["table"] == NAME
        baseline(of, timedelta(days=10), **{f"public.{HOSTILE}": 1000})
        finding = only(found_by("biggest-tables", of, now=NOW))
        assert [item["table"] for item in finding.items] == [NAME, "public.small"]
        first = finding.items[0]
        assert (first["rows"], first["rows_since_move"], first["rows_a_day"]) == (3000, 2000, 200)
        assert said(finding).endswith("3,000 rows; 2,000 rows more than at the move")


FILLED = """
    create table t (id bigint generated always as identity primary key, a text, b timestamptz, c numeric(10, 2),
                    d boolean, e text, f int);
    insert into t (a, b, c, d, e, f) select 'name ' || n, now(), n / 7.0, n % 2 = 0, nullif(repeat('y', n % 90), ''), n
    from generate_series(1, 20000) n;
    create index t_a on t (a, lower(e));
    create index t_f on t (f) where d;
    create table docs (id int, a bytea);
    alter table docs alter a set storage external;
    insert into docs select n, decode(repeat('00', 9000), 'hex') from generate_series(1, 300) n;
    create materialized view m as select * from t;
"""


VERSIONS = [pytest.param(version, marks=pytest.mark.postgres(version)) for version in (16, 18)]


@pytest.mark.parametrize("version", VERSIONS)
def test_wasted_room_is_found_where_it_is_much_and_what_is_said_to_do_gives_it_back(
    database: str, tmp_path: Path, version: int
) -> None:
    of = database_at(database, tmp_path, '[monitor.limits]\n"bloat.wasted" = { warning = 300000 }\n')
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(FILLED)
        connection.execute("vacuum analyze")
        # What was just loaded wastes nothing, and the estimate does not say so of any of it.
        fresh = only(found_by("bloat", of))
        assert fresh.state == "ok"
        total = connection.execute("select pg_total_relation_size('t') + pg_total_relation_size('docs')").fetchone()
        assert fresh.measures[0].value < 0.2 * (total or (0,))[0]
        connection.execute("delete from t where id % 10 <> 0 and id < 19990; delete from docs where id % 10 <> 0")
        connection.execute("vacuum analyze")
        finding = only(found_by("bloat", of))
        assert (finding.state, finding.found) == ("warning", "many")
        told = {item["object"]: item for item in finding.items}
        assert {"public.t", "public.t_a", "public.docs"} <= told.keys()
        shares = [told[name]["wasted_percent"] for name in ("public.t", "public.t_a", "public.docs")]
        assert all(isinstance(share, int) and 80 <= share <= 100 for share in shares)
        assert "public.m" not in told
        while finding.state != "ok":
            parts = (to_do(finding) or "").replace(": ", "; ").split("; ")
            statement = next(part for part in parts if part.startswith(("VACUUM", "REINDEX")))
            connection.execute(statement)
            following = only(found_by("bloat", of))
            assert len(following.items) < len(finding.items)
            finding = following


def test_what_is_small_may_waste_what_it_likes(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(FILLED)
        connection.execute("delete from t where id < 19990")
        connection.execute("vacuum analyze")
    assert only(found_by("bloat", of)).state == "ok"


def test_a_page_that_the_disk_has_damaged_is_critical_once_somebody_has_read_it(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="litelift-own-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        server = embedded.start(Path(place) / "pg", 18)
        try:
            of = database_at(server.url or "", tmp_path)
            with psycopg.connect(server.url or "", autocommit=True) as connection:
                connection.execute("create table t as select generate_series(1, 1000) a")
                (path,) = connection.execute("select pg_relation_filepath('t')").fetchone() or ("",)
                assert only(found_by("checksums", of)).found == "whole"
            embedded.stop(server.folder)
            with (server.folder / path).open("r+b") as file:
                file.seek(5000)
                file.write(b"damage")
            server = embedded.start(server.folder, 18)
            with psycopg.connect(server.url or "", autocommit=True) as connection:
                assert only(found_by("checksums", of)).state == "ok"
                with pytest.raises(psycopg.errors.DataCorrupted):
                    connection.execute("select * from t")
                connection.execute("select pg_stat_force_next_flush()")
                wait_for(lambda: only(found_by("checksums", of)).state == "critical")
                assert "in postgres, the last on" in said(only(found_by("checksums", of)))
        finally:
            embedded.stop(server.folder)
