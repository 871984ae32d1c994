"""A bad target: one clear error that says where and what to do, no password, and nothing written."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from broken import Tcp, failed_as_document, free_port, objects, one_clear_error, seen, tcp_server, wait_for
from command import litelift
from litelift import errors, migrate
from litelift.move.state import remember
from litelift.postgres import connect
from litelift.postgres.programs import programs
from small_disk import small_disk as mounted

SCRIPT = """
    create table pupils(id integer primary key, name text not null);
    create table marks(id integer primary key, pupil integer references pupils(id));
    insert into pupils values (1, 'a'), (2, 'b');
    insert into marks values (1, 1), (2, 2);
"""


@pytest.fixture(scope="module")
def started() -> Iterator[Tcp]:
    with tcp_server("-c max_connections=14 -c superuser_reserved_connections=3") as server:
        server.do(
            "create role app login password 'app-Word'",
            "create role reader login password 'app-Word'",
            "create role closed nologin password 'app-Word'",
            "create role hasty login password 'app-Word'",
            "alter role hasty set statement_timeout = '1ms'",
            "create role one login password 'app-Word' connection limit 1",
            "create database app owner app",
            "create database others",
            "create database latin encoding 'LATIN1' template template0 owner app",
            "create database ascii encoding 'SQL_ASCII' template template0 owner app",
            "create database guarded owner app",
            "alter database guarded set default_transaction_read_only = on",
            "create database hasty owner hasty",
            "create database one owner one",
            "create database shut",
            "revoke connect on database shut from public",
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


def refused(
    source: Path,
    target: str,
    kind: type[errors.LiteliftError],
    *words: str,
    between: Callable[[], None] = lambda: None,
) -> None:
    """The command and the library refuse the target with the same words, and leave the source as it was.

    ``between`` is called before each asks again.
    """
    before = seen(source)
    ran = litelift("migrate", source, target)
    one_clear_error(ran, kind.exit_code, *words)
    between()
    document = failed_as_document(litelift("migrate", source, target, "--json"), kind.exit_code, kind.__name__)
    between()
    with pytest.raises(kind) as caught:
        migrate(source, target)
    assert caught.value.message == document["message"]
    between()
    verbose = litelift("migrate", source, target, "--verbose")
    for word in ("app-Word", "s3cret-Word", "wr0ng-Word"):
        assert word not in f"{ran.err}{ran.out}{verbose.err}{document}{caught.value.facts}"
    assert seen(source) == before


# --------------------------------------------------------------------- reaching it


def test_a_closed_port_is_told_with_host_and_port(source: Path) -> None:
    port = free_port()
    url = f"postgresql://app:app-Word@127.0.0.1:{port}/app"
    refused(source, url, errors.TargetUnreachable, f"cannot connect to PostgreSQL at 127.0.0.1:{port}/app", "refused")


def test_a_host_that_has_no_address_is_told(source: Path) -> None:
    url = "postgresql://app:app-Word@db.invalid/app"
    refused(source, url, errors.TargetUnreachable, "db.invalid/app", "Check the host's name")


def test_a_missing_socket_is_told(source: Path) -> None:
    url = "postgresql://app@/app?host=/nonexistent"
    refused(source, url, errors.TargetUnreachable, "/nonexistent", "embedded PostgreSQL")


def test_a_wrong_password_is_told_with_the_user_and_never_shown(source: Path, tcp: Tcp) -> None:
    refused(
        source,
        tcp.url("app", "app", "wr0ng-Word"),
        errors.TargetAuthFailed,
        'failed for user "app"',
        "PGPASSWORD",
        "/app",
    )


def test_an_unknown_user_is_refused_as_a_login(source: Path, tcp: Tcp) -> None:
    refused(source, tcp.url("app", "nobody", "wr0ng-Word"), errors.TargetAuthFailed, 'failed for user "nobody"')


def test_a_role_without_login_is_told(source: Path, tcp: Tcp) -> None:
    refused(source, tcp.url("app", "closed", "app-Word"), errors.TargetAuthFailed, "not permitted to log in", "LOGIN")


def test_a_role_that_may_not_enter_the_database_is_told_of_the_right(source: Path, tcp: Tcp) -> None:
    refused(source, tcp.url("shut", "app", "app-Word"), errors.TargetAuthFailed, "permission denied", "GRANT CONNECT")


def test_no_password_at_all_says_where_to_give_one(source: Path, tcp: Tcp) -> None:
    url = f"postgresql://app@127.0.0.1:{tcp.port}/app?passfile=/nonexistent"
    refused(source, url, errors.TargetAuthFailed, "no password supplied", "PGPASSWORD")


def test_a_password_from_the_environment_and_from_a_file_is_used(source: Path, tcp: Tcp, tmp_path: Path) -> None:
    url = f"postgresql://app@127.0.0.1:{tcp.port}/app"
    before = objects(tcp.url("app"))
    one_clear_error(litelift("migrate", source, url, PGPASSWORD="wr0ng-Word"), 1, "refused the login")
    passes = tmp_path / "pgpass"
    passes.write_text(f"127.0.0.1:{tcp.port}:*:app:app-Word\n")
    passes.chmod(stat.S_IRUSR)
    assert objects(tcp.url("app")) == before == []
    try:
        assert litelift("migrate", source, url, PGPASSFILE=str(passes)).status == 0
        assert litelift("verify", source, url, PGPASSWORD="app-Word").status == 0
    finally:
        tcp.do("drop database app", "create database app owner app")


def test_an_unknown_database_says_how_to_make_it(source: Path, tcp: Tcp) -> None:
    url = tcp.url("nosuch", "app", "app-Word")
    refused(source, url, errors.TargetUnreachable, 'database "nosuch" does not exist', "CREATE DATABASE")


def test_tls_that_the_server_does_not_have_is_told(source: Path, tcp: Tcp) -> None:
    url = tcp.url("app", "app", "app-Word", "?sslmode=require")
    refused(source, url, errors.TargetUnreachable, "server does not support SSL", "sslmode")


def lets_in(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_server_that_wants_tls_says_how_to_ask_for_it(source: Path, tcp: Tcp) -> None:
    rules = tcp.folder / "pg" / "pg_hba.conf"
    kept = rules.read_text()
    try:
        rules.write_text("hostssl others all 127.0.0.1/32 scram-sha-256\n" + kept.replace("all ", "app,postgres "))
        tcp.do("select pg_reload_conf()")
        url = tcp.url("others", "app", "app-Word")
        wait_for(lambda: not lets_in(url))
        refused(source, url, errors.TargetAuthFailed, "no pg_hba.conf entry", "sslmode=require")
    finally:
        rules.write_text(kept)
        tcp.do("select pg_reload_conf()")
        wait_for(lambda: lets_in(url))


def test_a_server_without_free_connections_is_told(source: Path, tcp: Tcp) -> None:
    held: list[psycopg.Connection[tuple[object, ...]]] = []
    try:
        with pytest.raises(psycopg.OperationalError):
            while len(held) < 50:
                held.append(psycopg.connect(tcp.url("app", "app", "app-Word")))
        refused(source, tcp.url("app", "app", "app-Word"), errors.TargetUnreachable, "connection", "max_connections")
    finally:
        for connection in held:
            connection.close()


def test_a_role_that_may_connect_only_once_is_told_and_leaves_nothing(source: Path, tcp: Tcp) -> None:
    url = tcp.url("one", "one", "app-Word")
    words = "0 more connections", "CONNECTION LIMIT"
    refused(source, url, errors.TargetConnections, *words, between=tcp.quiet)
    assert objects(tcp.url("one")) == []


def test_a_server_that_is_too_old_is_told_with_its_version(
    source: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "OLDEST", 990000)
    with pytest.raises(errors.TargetTooOld) as caught:
        migrate(source, database)
    assert "litelift needs 12 or newer" in caught.value.message
    with psycopg.connect(database) as connection:
        assert str(connection.info.parameter_status("server_version")) in caught.value.message
    assert "Upgrade the server" in caught.value.hint
    assert objects(database) == []


# --------------------------------------------------------------------- what it is


@pytest.mark.parametrize(("name", "encoding"), [("latin", "LATIN1"), ("ascii", "SQL_ASCII")])
def test_an_encoding_that_cannot_hold_every_text_is_refused(source: Path, tcp: Tcp, name: str, encoding: str) -> None:
    url = tcp.url(name, "app", "app-Word")
    refused(source, url, errors.TargetEncoding, f"the database {name} has encoding {encoding}", "CREATE DATABASE")
    assert objects(tcp.url(name)) == []


def test_a_database_that_is_read_only_by_default_is_not_written_to(source: Path, tcp: Tcp) -> None:
    url = tcp.url("guarded", "app", "app-Word")
    refused(source, url, errors.TargetReadOnly, "the database guarded takes no writes", "default_transaction_read_only")
    assert objects(tcp.url("guarded")) == []
    # Whoever says so may: as with psql.
    said = tcp.url("guarded", "app", "app-Word", "?options=-cdefault_transaction_read_only%3Doff")
    assert litelift("migrate", source, said).status == 0
    assert litelift("verify", source, url).status == 0


def test_a_standby_is_told(source: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with tcp_server() as primary:
        primary.do("create database app")
        primary.stop()
        signal_file = primary.folder / "pg" / "standby.signal"
        signal_file.touch()
        tools = programs(16)
        tools.own(signal_file)
        tools.run(
            "pg_ctl",
            *("start", "-w", "-t", "120", "-l", "log", "-o", f"-h 127.0.0.1 -p {primary.port} -k ''"),
            data=primary.folder / "pg",
            seconds=150,
        )
        refused(source, primary.url("app"), errors.TargetReadOnly, "the database app takes no writes", "primary")


# --------------------------------------------------------------------- rights


def test_a_role_that_may_not_make_a_schema_is_told_all_that_it_lacks(source: Path, tcp: Tcp) -> None:
    refused(
        source,
        tcp.url("others", "reader", "app-Word"),
        errors.TargetRights,
        "the role reader may not create the schema litelift in the database others,",
        "nor make tables in the schema public",
        'CREATE SCHEMA litelift AUTHORIZATION "reader"; GRANT CREATE ON SCHEMA "public" TO "reader"',
    )
    assert objects(tcp.url("others")) == []


def test_a_role_with_the_named_rights_is_let_in(source: Path, tcp: Tcp) -> None:
    tcp.do("create database granted", "create role granted login password 'app-Word'")
    url = tcp.url("granted", "granted", "app-Word")
    with pytest.raises(errors.TargetRights) as caught:
        migrate(source, url)
    tcp.do(*caught.value.hint.removeprefix("Ask the owner for: ").split("; "), database="granted")
    assert migrate(source, url).exit_code == 0


def test_a_new_schema_in_the_plan_needs_the_right_to_make_it(source: Path, tcp: Tcp, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[defaults]\nschema = "school"\n')
    ran = litelift("migrate", source, tcp.url("others", "reader", "app-Word"), "--plan", plan)
    one_clear_error(ran, 1, "nor create the schema school", 'CREATE SCHEMA "school" AUTHORIZATION "reader"')
    assert objects(tcp.url("others")) == []


def test_a_journal_that_belongs_to_another_role_is_told(source: Path, tcp: Tcp) -> None:
    tcp.do("create database shared", "grant create on database shared to reader")
    tcp.do("grant create on schema public to reader", database="shared")
    assert litelift("migrate", source, tcp.url("shared")).status == 0
    plan = source.with_name("plan.toml")
    plan.write_text('[defaults]\nschema = "school"\n')
    before = objects(tcp.url("shared"))
    ran = litelift("migrate", source, tcp.url("shared", "reader", "app-Word"), "--plan", plan)
    one_clear_error(ran, 1, "the role reader may not write to the schema litelift", "GRANT ALL ON ALL TABLES")
    assert objects(tcp.url("shared")) == before


def test_a_statement_timeout_of_the_role_does_not_stop_a_move(source: Path, tcp: Tcp) -> None:
    assert litelift("migrate", source, tcp.url("hasty", "hasty", "app-Word")).status == 0


# --------------------------------------------------------------------- not empty


def test_a_target_that_is_not_empty_is_told_with_its_tables(source: Path, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table pupils(id int); create view grown as select 1 as one; create sequence numbers")
    before = objects(database)
    refused(source, database, errors.TargetNotEmpty, "grown", "numbers", "pupils", "--data-only", "another schema")
    assert objects(database) == before


def test_a_second_run_says_what_the_first_has_done(source: Path, database: str) -> None:
    assert litelift("migrate", source, database).status == 0
    before = objects(database)
    ran = litelift("migrate", source, database)
    one_clear_error(ran, 1, "it holds marks, pupils", f"litelift moved {source} here on", "litelift verify")
    assert objects(database) == before
    assert litelift("verify", source, database).status == 0


def test_another_schema_is_the_way_out(source: Path, database: str, tmp_path: Path) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table pupils(id int)")
    plan = tmp_path / "plan.toml"
    plan.write_text('[defaults]\nschema = "school"\n')
    assert litelift("migrate", source, database, "--plan", plan).status == 0


# --------------------------------------------------------------------- no room


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], Path]]:
    """Mount a disk of some megabytes."""
    with contextlib.ExitStack() as stack:
        yield lambda megabytes: stack.enter_context(mounted(megabytes))


@pytest.fixture
def big(make_sqlite: Callable[..., Path]) -> Path:
    dice = random.Random(3)
    rows = [(n, dice.randbytes(450).hex()) for n in range(40_000)]
    script = "create table big(id integer primary key, content text); create index by_content on big(content)"
    return make_sqlite(script, [("insert into big values (?, ?)", rows)])


def on_small_disk(server: Tcp, space: Path) -> str:
    """The URL of a database on a small disk, for a role that may not see how small it is."""
    server.do(
        f"create tablespace small location '{space}/space'",
        "create role plain login password 'app-Word'",
        "create database app owner plain tablespace small",
    )
    server.do("grant create on schema public to plain", database="app")
    return server.url("app", "plain", "app-Word")


def test_a_full_disk_of_the_server_is_told_and_nothing_stays(
    big: Path, small_disk: Callable[[int], Path], tmp_path: Path
) -> None:
    before = seen(big)
    with tcp_server("-c min_wal_size=32MB -c max_wal_size=32MB -c wal_level=minimal -c max_wal_senders=0") as server:
        space = small_disk(24)
        (space / "space").mkdir()
        programs(16).own(space / "space")
        url = on_small_disk(server, space)
        ran = litelift("migrate", big, url)
        one_clear_error(ran, 1, "PostgreSQL has no room left", "No space left on device", "taken back", "Make room")
        assert objects(server.url("app")) == []
        server.do("alter database app set tablespace pg_default")
        assert litelift("migrate", big, url).status == 0
    assert seen(big).files == before.files


def test_a_full_disk_that_shows_in_the_indexes_keeps_what_is_loaded_until_there_is_room(
    big: Path, small_disk: Callable[[int], Path]
) -> None:
    with tcp_server("-c min_wal_size=32MB -c max_wal_size=32MB -c wal_level=minimal -c max_wal_senders=0") as server:
        space = small_disk(60)
        (space / "space").mkdir()
        programs(16).own(space / "space")
        url = on_small_disk(server, space)
        ran = litelift("migrate", big, url)
        one_clear_error(ran, 1, "PostgreSQL has no room left", "No space left on device", "--resume", "litelift undo")
        assert "Load the rows" in ran.err
        server.do("alter database app set tablespace pg_default")
        assert litelift("migrate", big, url, "--resume").status == 0
        assert litelift("verify", big, url).status == 0


def test_a_full_disk_for_the_report_leaves_the_move_done_and_says_so(
    source: Path, database: str, small_disk: Callable[[int], Path]
) -> None:
    folder = small_disk(1)
    (folder / "filler").write_bytes(bytes((1 << 20) - 8192))
    ran = litelift("migrate", source, database, "--report", folder / "report")
    assert ran.status == 0, ran
    assert "the report could not be written" in ran.err
    assert "No space left on device" in ran.err
    assert not list((folder / "report").glob("*.part"))
    assert litelift("verify", source, database).status == 0


def test_a_full_disk_for_temporary_files_is_told_with_the_folder(
    make_sqlite: Callable[..., Path], database: str, small_disk: Callable[[int], Path]
) -> None:
    # So much is kept aside that it is spooled to a file.
    rows = [(n, bytes(2000) if n % 2 else b"x") for n in range(12_000)]
    path = make_sqlite(
        "create table notes(id integer primary key, body text)",
        [("insert into notes values (?, cast(? as text))", rows)],
    )
    folder = small_disk(2)
    before = seen(path)
    ran = litelift("migrate", path, database, TMPDIR=str(folder), SQLITE_TMPDIR=str(folder))
    one_clear_error(ran, 1, f"no room left for temporary files in {folder}", "TMPDIR", "taken back")
    assert objects(database) == []
    assert seen(path) == before


def test_a_target_that_is_away_while_a_move_to_it_is_unfinished_is_told_with_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "app.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("create table t(a)")
    away = "postgresql://nobody@127.0.0.1:1/away"
    ran = litelift("migrate", path, away)
    assert ran.status == 1 and "--resume" not in ran.err
    remember(path, away, "run")
    ran = litelift("migrate", path, away, "--resume")
    assert ran.status == 1
    assert f"litelift migrate {path} {away} --resume" in " ".join(ran.err.split())
    assert f"litelift undo {away}" in " ".join(ran.err.split())
