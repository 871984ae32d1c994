"""The preflight's look at the target: rights, connections, what is there, and nothing written, on real servers."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import psycopg
import pytest

from broken import Tcp, objects, seen, tcp_server
from command import litelift
from conftest import fresh_database
from litelift import CheckResult, Finding, check, errors, migrate
from litelift.postgres.connect import connect, normalized, open_server
from litelift.preflight.findings import Findings
from litelift.preflight.server import END_OF_LIFE, read_state
from litelift.preflight.target import look_at_target, look_before, tell_clock

SCRIPT = """
    create table pupils(id integer primary key, name text not null);
    create table marks(id integer primary key, pupil integer references pupils(id));
    insert into pupils values (1, 'a'), (2, 'b');
    insert into marks values (1, 1), (2, 2);
"""
TABLES = """
    create table pupils(id bigint primary key, name text not null);
    create table marks(id bigint primary key, pupil bigint references pupils(id));
"""


@pytest.fixture(scope="module")
def started() -> Iterator[Tcp]:
    with tcp_server("-c max_connections=20 -c superuser_reserved_connections=3") as server:
        server.do(
            "create role app login password 'app-Word'",
            "create role reader login password 'app-Word'",
            "create role two login password 'app-Word' connection limit 2",
            "create role three login password 'app-Word' connection limit 3",
            "create role hasty login password 'app-Word'",
            "alter role hasty set statement_timeout = '1s'",
            "alter role hasty set idle_session_timeout = '2s'",
            "alter role hasty set timezone = 'Asia/Baku'",
            "create database app owner app",
            "create database others",
            "create database ascii encoding 'SQL_ASCII' template template0 owner app",
            "create database guarded owner app",
            "alter database guarded set default_transaction_read_only = on",
            "create database two owner two",
            "create database three owner three",
            "create database hasty owner hasty",
        )
        yield server


@pytest.fixture
def tcp(started: Tcp) -> Tcp:
    """The server, with no session left of the test before."""
    started.quiet()
    return started


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Path:
    return make_sqlite(SCRIPT)


def found(result: CheckResult, kind: str) -> Finding:
    """The one finding of a kind."""
    (finding,) = [finding for finding in result.findings if finding.kind == kind]
    return finding


def blocker(result: CheckResult, kind: str, *words: str) -> None:
    """It is not ready, for a reason that says these words and a way out, and the blockers come first."""
    assert result.exit_code == 1
    assert result.verdict == "not ready"
    assert result.findings[0].level == "blocker"
    finding = found(result, kind)
    assert finding.level == "blocker"
    assert finding.way_out
    said = f"{finding.message} {finding.way_out}"
    for word in words:
        assert word in said, said
    assert "app-Word" not in result.model_dump_json()


def catalogue(url: str) -> list[tuple[object, ...]]:
    """Every row of the catalogues that a write would change, and what was written to the log of each table."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select 'class', oid::bigint, relname::text, reltuples::text, relfilenode::bigint from pg_class"
            " union all select 'namespace', oid::bigint, nspname::text, '', 0 from pg_namespace"
            " union all select 'proc', oid::bigint, proname::text, '', 0 from pg_proc"
            " union all select 'type', oid::bigint, typname::text, '', 0 from pg_type"
            " union all select 'role', oid::bigint, rolname::text, '', 0 from pg_roles"
            " union all select 'setting', setdatabase::bigint, setconfig::text, '', 0 from pg_db_role_setting"
            " union all select 'database', oid::bigint, datname::text, datacl::text, 0 from pg_database order by 1, 2"
        ).fetchall()


# --------------------------------------------------------------------- ready


def test_a_target_that_is_ready_is_called_so_and_the_move_then_works(source: Path, tcp: Tcp) -> None:
    url = tcp.url("app", "app", "app-Word")
    result = check(source, url)
    assert (result.exit_code, result.verdict) == (0, "ready"), result.findings
    assert found(result, "rights").level == found(result, "empty").level == found(result, "connections").level == "ok"
    assert result.target is not None
    assert (result.target.database, result.target.user, result.target.superuser) == ("app", "app", False)
    assert result.source.rows == 4
    assert result.need is not None
    assert result.estimate_seconds is not None
    try:
        assert migrate(source, url).exit_code == 0
    finally:
        tcp.do("drop database app", "create database app owner app")


def test_nothing_is_written_by_a_check(source: Path, tcp: Tcp) -> None:
    url, admin = tcp.url("app", "app", "app-Word"), tcp.url("app")
    tables, files = catalogue(admin), seen(source)
    assert litelift("check", source, url).status == 0
    assert litelift("check", source, admin, "--jobs", "2").status == 0
    assert litelift("check", source, admin, "--data-only").status == 1
    assert litelift("check", source).status in (0, 3)
    assert catalogue(admin) == tables
    assert seen(source) == files
    assert [one.name for one in source.parent.iterdir()] == [source.name]


@pytest.mark.parametrize("version", [15, 16, 18])
def test_values_that_only_the_server_can_judge_are_judged_without_writing(
    version: int, request: pytest.FixtureRequest, make_sqlite: Callable[..., Path]
) -> None:
    url = request.getfixturevalue("icu_database") if version == 15 else None
    with fresh_database(request.getfixturevalue("servers")(version)) if url is None else nullcontext(url) as database:
        with psycopg.connect(database) as connection:
            connection.execute("create domain mark as int check (value between 1 and 5)")
            connection.execute("create table marks(id bigint primary key, mark mark)")
        path = make_sqlite(
            "create table marks(id integer primary key, mark int); insert into marks values (1, 5), (2, 9), (3, 77)"
        )
        before = catalogue(database)
        result = check(path, database, data_only=True)
        assert catalogue(database) == before
        assert result.exit_code == 3, result.findings
        (told,) = result.at("attention")
        assert "id=2" in told.message and "id=3" in told.message
        moved = migrate(path, database, data_only=True)
        assert moved.quarantined_total == 2


def test_whatever_a_check_asks_of_the_target_can_only_read(
    source: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from litelift.preflight import target

    def write(*_: object) -> None:
        with psycopg.connect(database) as other:
            other.execute("select 1")
        taken[0].execute("create table proof_of_writing()")

    taken: list[psycopg.Connection[object]] = []

    def read(connection: psycopg.Connection[object]) -> object:
        taken.append(connection)
        return read_state(connection)

    monkeypatch.setattr(target, "read_state", read)
    monkeypatch.setattr(target, "tell_settings", write)
    with pytest.raises(errors.TargetError, match="read-only"):
        check(source, database)
    assert objects(database) == []


# --------------------------------------------------------------------- rights and what it is


def test_a_role_without_rights_is_told_all_that_it_lacks(source: Path, tcp: Tcp) -> None:
    result = check(source, tcp.url("others", "reader", "app-Word"))
    blocker(
        result,
        "target-rights",
        "the role reader may not create the schema litelift",
        'CREATE SCHEMA litelift AUTHORIZATION "reader"',
    )
    # What else can be known is told too.
    assert result.source.rows == 4
    assert result.need is not None


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "grant select on all tables in schema public to reader",
            ["read and write the tables marks, pupils", "INSERT"],
        ),
        (
            "grant select, insert, delete on all tables in schema public to reader",
            ["silence the foreign keys and triggers of marks, pupils", "session_replication_role"],
        ),
    ],
)
def test_filling_needs_rights_on_the_tables(source: Path, tcp: Tcp, statement: str, words: list[str]) -> None:
    tcp.do("create database filled", "grant create on database filled to reader")
    try:
        tcp.do(TABLES, statement, database="filled")
        url = tcp.url("filled", "reader", "app-Word")
        blocker(check(source, url, data_only=True), "target-rights", *words)
        with connect(normalized(url)) as connection, pytest.raises(errors.TargetRights):
            look_before(connection, "public", tables=2, jobs=1, data_only=True)
        with pytest.raises(errors.LiteliftError):
            migrate(source, url, data_only=True)
        # What the owner may, and a role that has the named right.
        assert check(source, tcp.url("filled"), data_only=True).exit_code == 0
        tcp.do("grant select, insert, delete on all tables in schema public to reader", database="filled")
        tcp.do("grant set on parameter session_replication_role to reader")
        assert check(source, url, data_only=True).exit_code == 0
        assert migrate(source, url, data_only=True).exit_code == 0
    finally:
        tcp.do("revoke set on parameter session_replication_role from reader", "drop database filled with (force)")


def test_a_table_without_keys_and_triggers_is_filled_by_whoever_may_write_to_it(tcp: Tcp, tmp_path: Path) -> None:
    path = tmp_path / "plain.sqlite"
    with sqlite3.connect(path) as made:
        made.executescript("create table notes(id integer primary key, body text); insert into notes values (1, 'a')")
    tcp.do("create database plain", "grant create on database plain to reader")
    try:
        tcp.do("create table notes(id bigint, body text)", database="plain")
        tcp.do("grant select, insert, delete on notes to reader", database="plain")
        url = tcp.url("plain", "reader", "app-Word")
        assert check(path, url, data_only=True).exit_code == 0
        assert migrate(path, url, data_only=True).exit_code == 0
    finally:
        tcp.do("drop database plain with (force)")


def test_an_encoding_that_cannot_hold_every_text_is_a_blocker(source: Path, tcp: Tcp) -> None:
    result = check(source, tcp.url("ascii", "app", "app-Word"))
    blocker(result, "target-encoding", "SQL_ASCII", "CREATE DATABASE")
    # The source is looked at all the same.
    assert found(result, "integrity").level == "ok"


def test_a_read_only_database_is_a_blocker(source: Path, tcp: Tcp) -> None:
    result = check(source, tcp.url("guarded", "app", "app-Word"))
    blocker(result, "target-read-only", "the database guarded takes no writes", "default_transaction_read_only")


def test_a_target_that_cannot_be_reached_is_a_blocker_and_no_error(source: Path, tcp: Tcp) -> None:
    result = check(source, tcp.url("app", "app", "wr0ng-Word"))
    blocker(result, "target-auth-failed", "PGPASSWORD")
    assert "wr0ng-Word" not in result.model_dump_json()
    blocker(check(source, tcp.url("nosuch", "app", "app-Word")), "target-unreachable", "CREATE DATABASE")


# --------------------------------------------------------------------- connections and settings


def test_a_role_with_too_few_connections_is_a_blocker_as_the_move_finds(source: Path, tcp: Tcp) -> None:
    url = tcp.url("two", "two", "app-Word")
    result = check(source, url)
    blocker(result, "target-connections", "1 more connections", "CONNECTION LIMIT is 2", "ALTER ROLE")
    tcp.quiet()
    with connect(normalized(url)) as connection, pytest.raises(errors.TargetConnections):
        look_before(connection, "public", tables=2, jobs=1)
    tcp.quiet()
    with pytest.raises(errors.LiteliftError, match="connection"):
        migrate(source, url)
    assert objects(tcp.url("two")) == []


def test_as_many_connections_as_are_asked_for_are_enough(source: Path, tcp: Tcp) -> None:
    url = tcp.url("three", "three", "app-Word")
    assert check(source, url).exit_code == 0
    tcp.quiet()
    blocker(check(source, url, jobs=2), "target-connections", "needs 3", "--jobs 1")
    tcp.quiet()
    assert migrate(source, url).exit_code == 0


def test_a_database_with_a_connection_limit_is_a_blocker(source: Path, tcp: Tcp) -> None:
    tcp.do("create database narrow owner app connection limit 1")
    try:
        blocker(check(source, tcp.url("narrow", "app", "app-Word")), "target-connections", "the database's CONNECTION")
    finally:
        tcp.do("drop database narrow")


def test_a_server_whose_connections_are_in_use_is_a_blocker(source: Path, tcp: Tcp) -> None:
    held = [psycopg.connect(tcp.url("app")) for _ in range(16)]
    try:
        result = check(source, tcp.url("app", "app", "app-Word"))
        blocker(result, "target-connections", "max_connections is 20, 3 reserved", "in use")
    finally:
        for connection in held:
            connection.close()


def test_timeouts_and_the_time_zone_of_a_role_are_told_and_the_move_lifts_them(source: Path, tcp: Tcp) -> None:
    url = tcp.url("hasty", "hasty", "app-Word")
    result = check(source, url)
    assert result.exit_code == 0
    assert "statement_timeout (1,000 ms)" in found(result, "timeouts").message
    assert "idle_session_timeout (2,000 ms)" in found(result, "timeouts").message
    assert "Asia/Baku" in found(result, "time-zone").message
    with connect(normalized(url)) as connection:
        for name in ("statement_timeout", "idle_session_timeout"):
            assert connection.execute("select current_setting(%s)", (name,)).fetchone() == ("0",)


@pytest.mark.postgres(18)
def test_a_transaction_timeout_is_lifted_too(source: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as admin:
        name = admin.info.dbname
        admin.execute(f"alter database {name} set transaction_timeout = '5s'".encode())
    assert "transaction_timeout (5,000 ms)" in found(check(source, database), "timeouts").message
    with connect(normalized(database)) as connection:
        assert connection.execute("show transaction_timeout").fetchone() == ("0",)


def test_a_lock_table_that_may_be_too_small_for_a_filling_is_told(tcp: Tcp) -> None:
    with connect(normalized(tcp.url("app"))) as connection:
        kinds = [one.kind for one in look_before(connection, "public", tables=5000, jobs=1, data_only=True)]
        assert "lock-table" in kinds
        # A whole move takes many transactions, which fit.
        assert "lock-table" not in [one.kind for one in look_before(connection, "public", tables=5000, jobs=1)]


def test_settings_that_risk_the_data_are_told(source: Path, tcp: Tcp) -> None:
    # The test's server runs without fsync.
    assert "damage" in found(check(source, tcp.url("app", "app", "app-Word")), "fsync").message


def test_a_version_without_repairs_is_told_by_its_date(source: Path, database: str) -> None:
    server, connection = open_server(normalized(database))
    with connection:
        for today, expected in ((date(2020, 1, 1), False), (date(2099, 1, 1), True)):
            findings = Findings()
            look_at_target(findings, server, connection, "public", tables=1, jobs=1, data_only=False, today=today)
            assert findings.has("end-of-life") is expected
    assert server.version // 10000 in END_OF_LIFE


def test_clocks_that_differ_are_told(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    with connect(normalized(database)) as connection:
        for ahead, level in ((0.0, "ok"), (90.0, "note")):
            monkeypatch.setattr(time, "time", lambda ahead=ahead: real() - ahead)
            findings = Findings()
            tell_clock(findings, read_state(connection))
            (told,) = [finding for finding in findings.found if finding.kind == "clock"]
            assert told.level == level, told
    assert "s ahead of this machine's" in told.message


# --------------------------------------------------------------------- what is there


def test_a_schema_that_is_not_empty_is_a_blocker(source: Path, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table pupils(id int)")
    blocker(check(source, database), "target-not-empty", "pupils", "--data-only")


def test_a_finished_move_is_told_with_what_it_moved(source: Path, database: str) -> None:
    assert migrate(source, database).exit_code == 0
    blocker(check(source, database), "target-not-empty", f"litelift moved {source} here on")


def test_an_unfinished_move_is_told_with_both_ways(source: Path, database: str) -> None:
    assert migrate(source, database).exit_code == 0
    with psycopg.connect(database) as connection:
        connection.execute("update litelift.run set state = 'running', finished_at = null")
    result = check(source, database)
    blocker(result, "unfinished-run", str(source), "--resume", "litelift undo")
    assert "target-not-empty" not in [finding.kind for finding in result.findings]


def test_a_removal_that_did_not_end_is_told_with_the_one_way_out(source: Path, database: str) -> None:
    assert migrate(source, database).exit_code == 0
    with psycopg.connect(database) as connection:
        connection.execute("update litelift.run set state = 'undoing', finished_at = null")
    result = check(source, database)
    blocker(result, "unfinished-run", "its removal has begun", "Bring that to its end: litelift undo")
    assert "--resume" not in (found(result, "unfinished-run").way_out or "")


def test_another_litelift_at_work_is_a_blocker_and_is_not_disturbed(source: Path, database: str) -> None:
    from litelift.move import journal

    with connect(normalized(database)) as other:
        journal.lock(other)
        blocker(check(source, database), "target-busy", "another litelift is working")
        assert other.execute("select pg_advisory_unlock_all()").fetchone()
    assert check(source, database).exit_code == 0
    # The check itself keeps nobody out when it is over.
    assert migrate(source, database).exit_code == 0


def test_missing_tables_are_a_blocker_of_a_filling(source: Path, database: str) -> None:
    blocker(check(source, database, data_only=True), "missing-tables", "pupils", "migrations first")


def test_a_filling_without_a_target_is_wrong_words(source: Path) -> None:
    with pytest.raises(errors.UsageError, match="--data-only"):
        check(source, data_only=True)
