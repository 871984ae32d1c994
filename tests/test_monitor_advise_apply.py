"""Advice is carried out only on request, each statement whole or not at all, and with the way back written before."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from broken import started, wait_for
from command import Ran, litelift
from hooking import at_terminal
from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.advise import advise
from litelift.monitor.advise.apply import apply
from litelift.monitor.session import NAME
from litelift.postgres.programs import programs
from monitored import database_at
from system_server import SystemServer

HOSTILE = '"x""; drop table parent; --\nselect"'
SHORT = {"litelift.monitor.advise.apply:LOCK_SECONDS": 1, "litelift.monitor.advise.apply:AGAIN_SECONDS": 0.0}
"""How long is waited for a lock, and for a server that went away."""


@pytest.fixture
def children(database: str) -> str:
    """Two tables whose foreign keys want an index."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table parent (id bigint primary key)")
        connection.execute("insert into parent select n from generate_series(1, 2000) n")
        for name in ("child", HOSTILE):
            connection.execute(f"create table {name} ({HOSTILE} bigint references parent)")
            connection.execute(f"insert into {name} select n from generate_series(1, 2000) n")
        connection.execute("analyze")
    return database


def _advise(url: str, folder: Path, *words: str | Path, **more: object) -> Ran:
    return litelift("monitor", "advise", url, "--folder", folder, *words, **more)  # type: ignore[arg-type]


def _indexes(url: str) -> set[tuple[str, bool]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select pg_get_indexdef(indexrelid), indisvalid from pg_index where indrelid in "
            "(select oid from pg_class where relnamespace = 'public'::regnamespace)"
        ).fetchall()
    return {(str(row[0]), bool(row[1])) for row in rows}


def _psql(url: str, script: Path) -> None:
    psql = programs(16).folder / "psql"
    subprocess.run([psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", script], check=True, timeout=300)


def test_nothing_is_written_without_being_asked_for(children: str, tmp_path: Path) -> None:
    before = _indexes(children)
    ran = _advise(children, tmp_path / "watch", "--json")
    assert ran.status == 3 and ran.json["exit_code"] == 3
    assert {one["kind"] for one in ran.json["advice"]} >= {"foreign-key-index", "setting"}
    ran = _advise(children, tmp_path / "watch", "--apply")
    assert ran.status == 2 and "no terminal" in ran.err
    assert _indexes(children) == before
    assert not (tmp_path / "watch").exists()


def test_a_person_is_shown_what_will_be_run_and_chooses_from_it(children: str, tmp_path: Path) -> None:
    words = ("monitor", "advise", children, "--folder", tmp_path, "--only", "foreign-key-index", "--apply")
    before = _indexes(children)
    ran = at_terminal("\n", *words)
    assert ran.status == 1 and "nothing was done" in ran.err
    assert _indexes(children) == before
    ran = at_terminal("9\n1\n", *words)
    assert ran.status == 3, ran
    assert ran.err.count("Which of these?") == 2
    assert "CREATE INDEX CONCURRENTLY" in ran.err and "ALTER SYSTEM" not in ran.err
    assert len(_indexes(children) - before) == 1


def test_all_of_a_kind_is_carried_out_and_taken_back_by_the_file_that_was_written_before(
    children: str, tmp_path: Path
) -> None:
    before = _indexes(children)
    ran = _advise(children, tmp_path / "watch", "--only", "foreign-key-index", "--apply", "--yes", "--json")
    assert ran.status == 0, ran
    assert [one["error"] for one in ran.json["applied"]["done"]] == [None, None]
    assert len(_indexes(children) - before) == 2
    assert _advise(children, tmp_path / "watch", "--only", "foreign-key-index").status == 0
    undo = Path(ran.json["applied"]["undo"])
    assert undo.parent == tmp_path / "watch" and undo.stat().st_mode & 0o777 == 0o600
    _psql(children, undo)
    assert _indexes(children) == before


def test_the_script_does_the_same_and_hostile_names_stay_names_in_it(children: str, tmp_path: Path) -> None:
    script = tmp_path / "advice.sql"
    ran = _advise(children, tmp_path, "--only", "foreign-key-index", "--sql", script)
    assert ran.status == 3 and script.stat().st_mode & 0o777 == 0o600
    _psql(children, script)
    assert _advise(children, tmp_path, "--only", "foreign-key-index").status == 0
    with psycopg.connect(children) as connection:
        assert connection.execute("select count(*) from parent").fetchone() == (2000,)


def test_an_index_that_is_dropped_can_be_made_again(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t (id bigint primary key, a int)")
        connection.execute("create index one on t (a) where a > 5; create index other on t (a) where a > 5")
    before = _indexes(database)
    ran = _advise(database, tmp_path, "--only", "repeated-index:public.other", "--apply", "--yes")
    assert ran.status == 0, ran
    assert len(_indexes(database)) == len(before) - 1
    _psql(database, next(tmp_path.glob("advice-undo-*.sql")))
    assert _indexes(database) == before


def test_an_index_that_cannot_be_finished_is_dropped_again_and_the_others_are_made(
    children: str, tmp_path: Path
) -> None:
    with psycopg.connect(children, autocommit=True) as connection:
        connection.execute("create unlogged table busy (parent bigint references parent)")
        connection.execute("insert into busy select n from generate_series(1, 2000) n")
        connection.execute("analyze")
    before = _indexes(children)
    with psycopg.connect(children) as old:
        # What began before has to end before the index is used: it may see rows that the index has not.
        old.execute("set transaction isolation level repeatable read")
        old.execute("select 1")
        ran = _advise(children, tmp_path, "--only", "foreign-key-index", "--apply", "--yes", settings=SHORT)
        assert ran.status == 1, ran
        assert ran.err.count("the unfinished index was dropped again") == 3, ran.err
        assert _indexes(children) == before
    assert _advise(children, tmp_path, "--only", "foreign-key-index", "--apply", "--yes").status == 0


def test_what_cannot_even_be_dropped_again_is_told_with_the_statement_and_named_by_the_next_advice(
    children: str, tmp_path: Path
) -> None:
    with psycopg.connect(children) as writer:
        writer.execute("insert into child values (1)")
        ran = _advise(children, tmp_path, "--only", "foreign-key-index", "--apply", "--yes", settings=SHORT)
        assert ran.status == 1, ran
        assert "an unfinished index may be left" in ran.err and "DROP INDEX CONCURRENTLY" in ran.err
    ran = _advise(children, tmp_path, "--only", "invalid-index", "--apply", "--yes")
    assert ran.status == 0, ran
    assert all(valid for _, valid in _indexes(children))


def _in_the_middle(url: str) -> int:
    """The process of the session that waits while it makes an index; 0 where there is none."""
    return _waits(url, "CREATE INDEX CONCURRENTLY")


def _waits(url: str, statement: str) -> int:
    """The process of the session that waits for a lock in a statement; 0 where there is none."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select pid from pg_stat_activity where starts_with(query, %s) and wait_event_type = 'Lock' "
            "and datname = current_database() and pid <> pg_backend_pid()",
            (statement,),
        ).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_nothing_is_left_half_done_and_it_is_told(
    children: str, tmp_path: Path, number: signal.Signals
) -> None:
    before = _indexes(children)
    words = ("monitor", "advise", children, "--folder", tmp_path, "--only", "foreign-key-index", "--apply", "--yes")
    with psycopg.connect(children) as old:
        old.execute("set transaction isolation level repeatable read")
        old.execute("select 1")
        with started(*words) as running:
            wait_for(lambda: _in_the_middle(children) > 0)
            running.send(number)
            ran = running.end()
    assert ran.status == 128 + number, ran
    assert "stopped in the middle of" in ran.err and "the unfinished index was dropped again" in ran.err
    assert "done: nothing" in ran.err
    assert _indexes(children) == before


def test_after_a_lost_connection_nothing_is_left_half_done_and_it_is_told(children: str, tmp_path: Path) -> None:
    before = _indexes(children)
    words = ("monitor", "advise", children, "--folder", tmp_path, "--only", "foreign-key-index", "--apply", "--yes")
    with psycopg.connect(children, autocommit=True) as old:
        old.execute("begin isolation level repeatable read")
        old.execute("select 1")
        with started(*words) as running:
            wait_for(lambda: _in_the_middle(children) > 0)
            with psycopg.connect(children, autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s)", (_in_the_middle(children),))
            ran = running.end()
    assert ran.status == 1, ran
    assert "the unfinished index was dropped again" in ran.err and "not tried: the connection was lost" in ran.err
    assert _indexes(children) == before


def test_a_library_that_is_not_there_is_never_set(children: str, tmp_path: Path) -> None:
    advice = Advice(
        "setting", "shared_preload_libraries", "", "", "not_there", "", 1.0,
        ("ALTER SYSTEM SET \"shared_preload_libraries\" = 'not_there'",),
    )  # fmt: skip
    applied = apply(database_at(children, tmp_path), [advice], lambda name: None)
    assert "could not access file" in (applied.failed[0].error or "")
    with psycopg.connect(children) as connection:
        row = connection.execute(
            "select count(*) from pg_file_settings where name = 'shared_preload_libraries' and setting ~ 'not_there'"
        ).fetchone()
    assert row == (0,)


@pytest.fixture
def own_server() -> Iterator[SystemServer]:
    """A server whose settings are poor."""
    with tempfile.TemporaryDirectory(prefix="litelift-advise-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = SystemServer(Path(folder) / "server")
        server.make()
        with (server.folder / "data" / "postgresql.conf").open("a") as file:
            file.write(
                "shared_buffers = 40MB\nwal_buffers = 64kB\ncheckpoint_completion_target = 0.5\n"
                "effective_cache_size = 8MB\nshared_preload_libraries = 'auto_explain'\npassword_encryption = md5\n"
            )
        server.run()
        yield server
        server.stop()


def test_all_settings_that_are_advised_are_taken_by_a_server_that_then_starts_with_them(
    own_server: SystemServer, tmp_path: Path
) -> None:
    url = own_server.url("postgres")
    ran = _advise(url, tmp_path, "--apply", "--yes", "--json")
    assert ran.status == 3, ran
    done = {one["name"]: one for one in ran.json["applied"]["done"]}
    assert [one for one in done.values() if one["error"]] == []
    assert {"setting:shared_buffers", "setting:shared_preload_libraries", "setting:effective_cache_size"} <= set(done)
    wanted = {one["object"]: one["proposed"] for one in ran.json["advice"] if one["name"] in done}
    # Before the restart that is what is left to do, and none of it is advised once more.
    again = _advise(url, tmp_path, "--json").json
    waiting = next(one for one in again["advice"] if one["object"] == "restart")
    assert "shared_buffers" in waiting["why"] and not set(wanted) & {one["object"] for one in again["advice"]}

    own_server.stop()
    own_server.run()
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in wanted.items():
            row = connection.execute("select current_setting(%s)", (name,)).fetchone()
            if value == "-1":
                assert row == ("1280kB",) or re.fullmatch(r"\d+MB", str(row[0] if row else ""))
            else:
                assert row == (value,), name
    left = {one["object"] for one in _advise(url, tmp_path, "--json").json["advice"] if not one["blocked"]}
    assert left == {"pg_stat_statements"}
    # And back.
    first = min(tmp_path.glob("advice-undo-*.sql"))
    _psql(url, first)
    own_server.stop()
    own_server.run()
    with psycopg.connect(url) as connection:
        assert connection.execute("show shared_buffers").fetchone() == ("40MB",)
        assert connection.execute("show shared_preload_libraries").fetchone() == ("auto_explain",)


def test_a_kill_leaves_an_index_that_is_finished_or_that_the_next_advice_names(children: str, tmp_path: Path) -> None:
    words = ("monitor", "advise", children, "--folder", tmp_path, "--only", "foreign-key-index", "--apply", "--yes")
    with psycopg.connect(children) as old:
        old.execute("set transaction isolation level repeatable read")
        old.execute("select 1")
        with started(*words) as running:
            wait_for(lambda: _in_the_middle(children) > 0)
            running.send(signal.SIGKILL)
            assert running.end().status == -signal.SIGKILL
        assert len(list(tmp_path.glob("advice-undo-*.sql"))) == 1
    wait_for(lambda: not _sessions(children))
    unfinished = [definition for definition, valid in _indexes(children) if not valid]
    found = _advise(children, tmp_path, "--only", "invalid-index", "--json").json["advice"]
    assert len(found) == len(unfinished)


def _sessions(url: str) -> bool:
    with psycopg.connect(url) as connection:
        query = "select 1 from pg_stat_activity where application_name = %s and datname = current_database()"
        return connection.execute(query, (NAME,)).fetchone() is not None


def test_an_index_that_somebody_else_has_made_meanwhile_is_left_alone(children: str, tmp_path: Path) -> None:
    watched = database_at(children, tmp_path)
    advice = next(one for one in advise(watched).advice if one.object.startswith("public.child "))
    assert advice.makes is not None
    with psycopg.connect(children, autocommit=True) as connection:
        connection.execute("insert into child values (null), (null)")
        name = sql.Identifier(advice.makes[1])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(sql.SQL("create unique index concurrently {} on child ((1))").format(name))
    before = _indexes(children)
    (failed,) = apply(watched, [advice], lambda name: None).failed
    assert "already exists" in (failed.error or "")
    assert _indexes(children) == before


def test_an_index_that_could_be_dropped_only_half_is_told_with_both_ways_out(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t (a int); create index one on t (a); create index other on t (a)")
    with psycopg.connect(database) as reader:
        reader.execute("select * from t")
        ran = _advise(database, tmp_path, "--only", "repeated-index", "--apply", "--yes", settings=SHORT)
        assert ran.status == 1, ran
        assert "REINDEX INDEX CONCURRENTLY" in ran.err and "DROP INDEX CONCURRENTLY" in ran.err
    assert len({valid for _, valid in _indexes(database)}) == 2
    assert _advise(database, tmp_path, "--only", "invalid-index", "--apply", "--yes").status == 0
    assert len(_indexes(database)) == 1


def test_a_drop_that_was_interrupted_is_finished_and_told(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t (a int); create index one on t (a); create index other on t (a)")
    words = ("monitor", "advise", database, "--folder", tmp_path, "--only", "repeated-index", "--apply", "--yes")
    with psycopg.connect(database) as reader:
        reader.execute("select * from t")
        with started(*words) as running:
            wait_for(lambda: _waits(database, "DROP INDEX CONCURRENTLY") > 0)
            running.send(signal.SIGINT)
            # It tries once more, which waits for the reader too.
            wait_for(lambda: _waits(database, "DROP INDEX CONCURRENTLY") > 0 or running.process.poll() is not None)
            reader.rollback()
            ran = running.end()
    assert ran.status == 130, ran
    assert "it was dropped" in ran.err, ran.err
    assert len(_indexes(database)) == 1
