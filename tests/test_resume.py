"""A move that was interrupted is gone on with: no row twice, none missing, and only where nothing has changed."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from broken import one_clear_error, seen
from command import litelift
from hooking import killed, no_session
from litelift import errors
from litelift.move.journal import RunLine, begin_run, make_schema
from litelift.move.load import load_unit
from litelift.move.unit import Unit, loaded_units
from litelift.plan.plan import ColumnPlan, MovePlan, TablePlan
from litelift.postgres.connect import Connection, connect
from litelift.postgres.sessions import Sessions, end_marked
from litelift.postgres.types import BIGINT, TEXT
from litelift.sqlite.identity import identity
from litelift.sqlite.open import open_source

ROWS = 60_000
# Ends a move as kill -9 would, when a unit's rows and line are about to be committed and two others' stand.
KILLED = """
import os, signal, sys
import psycopg
from litelift.move import tasks, unit
tasks.UNIT_BYTES, tasks.MIN_UNIT_ROWS = 1 << 18, 2000
import litelift.move.load as load
noted = load.note_unit
def note(*words):
    noted(*words)
    with psycopg.connect(sys.argv[2]) as other:
        stand = other.execute("select count(*) from litelift.unit where table_name = 'readings'").fetchone()[0]
    if stand >= 2 and words[3].between:
        os.killpg(0, signal.SIGKILL)
load.note_unit = note
import litelift
litelift.migrate(sys.argv[1], sys.argv[2], jobs=3)
"""


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Path:
    return make_sqlite(
        """
        create table readings(id integer primary key, at text, value real);
        create index by_at on readings(at);
        create table codes(code text primary key, n int) without rowid;
        create table pairs(a int, b int, unique (a, b));
        create table notes(id integer primary key, reading int references readings(id), n integer);
        create view late as select id, at from readings where id > 59990;
        create trigger no_notes before delete on notes begin select raise(abort, 'kept'); end;
        """,
        [
            ("insert into readings values (?, ?, ?)", [(n, f"reading {n}" * 4, n / 7) for n in range(1, ROWS + 1)]),
            ("insert into codes values (?, ?)", [(f"c{n}", n) for n in range(500)]),
            ("insert into pairs values (?, ?)", [(n, n % 7) for n in range(500)]),
            ("insert into notes values (?, ?, ?)", [(n, n, "odd" if n % 400 == 0 else n) for n in range(1, 2001)]),
        ],
    )


def killed_while_loading(source: Path, url: str) -> None:
    """Move, and end it in the middle of loading."""
    words = [sys.executable, "-c", KILLED, str(source), url]
    done = subprocess.run(words, start_new_session=True, capture_output=True, text=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done
    # A COMMIT that was on its way arrives.
    no_session(url)


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


@pytest.mark.parametrize("jobs", ["1", "2", "5"])
def test_what_is_loaded_is_not_loaded_again_whatever_the_jobs(source: Path, database: str, jobs: str) -> None:
    before = seen(source).files
    killed_while_loading(source, database)
    assert seen(source).files == before
    done = value(database, "select sum(rows) from litelift.unit")
    assert done
    stamps = value(database, "select json_agg(at order by table_name, first_row) from litelift.unit")
    again = litelift("migrate", source, database, "--resume", "--jobs", jobs, "--json")
    assert again.status == 3, again.err
    result = again.json
    assert {table["source"]: table["loaded"] for table in result["tables"]}["readings"] == ROWS
    assert value(database, "select count(*) = count(distinct id) from readings") is True
    kept = value(database, "select json_agg(at order by table_name, first_row) from litelift.unit")
    assert isinstance(stamps, list)
    assert isinstance(kept, list)
    assert set(stamps) <= set(kept)
    assert value(database, "select sum(rows) from litelift.unit where table_name = 'readings'") == ROWS
    assert value(database, "select count(*) from litelift.quarantine") == 5
    assert {notice["kind"] for notice in result["notices"]} >= {"resumed"}
    assert value(database, "select count(*) from late") == 10
    assert litelift("verify", source, database).status == 3
    assert seen(source).files == before


def test_resume_needs_no_target_and_no_plan_again(source: Path, database: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[defaults]\nschema = "school"\n[tables.codes]\nname = "words"\n')
    killed(database, "build", "migrate", source, database, "--plan", plan)
    note = Path(f"{source}.litelift/unfinished.json")
    assert note.stat().st_mode & 0o777 == 0o600
    plan.unlink()
    again = litelift("migrate", source, "--resume")
    assert again.status == 3, again.err
    assert value(database, "select count(*) from school.words") == 500
    assert not note.exists()


def test_resume_where_nothing_is_unfinished_begins_a_move(source: Path, database: str) -> None:
    ran = litelift("migrate", source, database, "--resume")
    assert ran.status == 3, ran.err
    assert "begins anew" in ran.err
    finished = litelift("migrate", source, database, "--resume")
    one_clear_error(finished, 1, "the schema public is not empty", "litelift undo")


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_source_that_was_written_to_is_refused_with_the_way_out(
    source: Path, database: str, tmp_path: Path, mode: str
) -> None:
    writer = sqlite3.connect(source)
    writer.execute(f"pragma journal_mode = {mode}")
    writer.execute("update codes set n = 0 where code = 'c1'")
    writer.commit()
    killed_while_loading(source, database)
    held = value(database, "select json_agg(u order by at) from litelift.unit u")
    writer.execute("update readings set value = 0 where id = 1")
    writer.commit()
    ran = litelift("migrate", source, database, "--resume")
    one_clear_error(ran, 1, "is not as it was when the move began", "litelift undo")
    assert value(database, "select json_agg(u order by at) from litelift.unit u") == held
    writer.close()
    assert litelift("undo", database, "--yes").status == 0
    assert litelift("migrate", source, database).status == 3


def test_another_file_in_the_place_of_the_source_is_refused(source: Path, database: str, tmp_path: Path) -> None:
    killed_while_loading(source, database)
    content = source.read_bytes()
    source.rename(source.with_suffix(".old"))
    source.write_bytes(content)
    one_clear_error(litelift("migrate", source, database, "--resume"), 1, "another file stands in its place")


def test_another_plan_is_refused_and_says_what_is_other(source: Path, database: str, tmp_path: Path) -> None:
    killed_while_loading(source, database)
    plan = tmp_path / "plan.toml"
    plan.write_text("[tables.codes.columns.n]\ntype = 'numeric'\n")
    ran = litelift("migrate", source, database, "--resume", "--plan", plan)
    one_clear_error(ran, 1, "was decided otherwise: codes was decided otherwise", "plan file")
    assert litelift("migrate", source, database, "--resume").status == 3


def test_the_move_of_another_source_is_not_gone_on_with(
    source: Path, database: str, tmp_path: Path, make_sqlite: Callable[..., Path]
) -> None:
    killed_while_loading(source, database)
    other = make_sqlite("create table t(a)", name="other.sqlite")
    again = f"litelift migrate {source} "
    one_clear_error(litelift("migrate", other, database, "--resume"), 1, "is another", again)
    one_clear_error(litelift("migrate", other, database), 1, "did not end", again)


def test_a_removal_that_began_is_brought_to_its_end_and_not_gone_on_with(
    source: Path, database: str, tmp_path: Path
) -> None:
    killed_while_loading(source, database)
    with psycopg.connect(database) as connection:
        connection.execute("update litelift.run set state = 'undoing'")
    for words in (["--resume"], []):
        one_clear_error(litelift("migrate", source, database, *words), 1, "its removal has begun", "litelift undo")
    assert litelift("undo", database, "--yes").status == 0


def test_what_was_built_is_not_built_again(source: Path, database: str) -> None:
    killed(database, "prove", "migrate", source, database)
    query = "select json_object_agg(indexrelid::regclass, indexrelid::bigint) from pg_index join pg_class c on c.oid ="
    query += " indrelid where relnamespace = 'public'::regnamespace"
    built = value(database, query)
    assert isinstance(built, dict)
    assert {"by_at", "readings_pkey"} <= set(built)
    assert litelift("migrate", source, database, "--resume").status == 3
    assert value(database, query) == built


def test_resume_is_told_as_a_document_too(source: Path, database: str, tmp_path: Path) -> None:
    killed_while_loading(source, database)
    refused = litelift("migrate", source, database, "--json")
    assert refused.status == 1
    assert json.loads(refused.out)["error"]["kind"] == "Unfinished"


# --------------------------------------------------------------------- one unit


@pytest.fixture
def unit(database: str, make_sqlite: Callable[..., Path]) -> Iterator[tuple[Connection, str, Unit, Path]]:
    """A run that has begun, and a unit of it."""
    path = make_sqlite(
        "create table t(id integer primary key, a text)", [("insert into t values (?, 'x')", [(n,) for n in range(9)])]
    )
    columns = (ColumnPlan("id", "id", BIGINT), ColumnPlan("a", "a", TEXT))
    table = TablePlan("t", "public", "t", columns, ("id",), "rowid", rows=9)
    plan = MovePlan("whole", "public", [table])
    connection = connect(database)
    with connection:
        make_schema(connection)
        line = RunLine({"path": str(path)})
        begin_run(connection, plan, line)
        connection.execute("create table public.t(id bigint, a text)")
        yield connection, line.run, Unit(table, (0, 8)), path


def rows(connection: Connection) -> int:
    row = connection.execute("select count(*) from public.t").fetchone()
    return int(row[0]) if row else 0


def test_a_unit_whose_commit_nobody_heard_of_is_not_loaded_twice(unit: tuple[Connection, str, Unit, Path]) -> None:
    connection, run, work, path = unit
    source = open_source(path)
    first = load_unit(source.connection, connection, run, work)
    second = load_unit(source.connection, connection, run, work)
    assert (first.loaded, second.loaded) == (9, 9)
    assert rows(connection) == 9
    assert len(loaded_units(connection, run)["t"]) == 1
    source.close()


def test_a_litelift_whose_move_was_taken_over_loads_nothing_more(unit: tuple[Connection, str, Unit, Path]) -> None:
    connection, run, work, path = unit
    source = open_source(path)
    connection.execute("update litelift.run set attempt = 2")
    with pytest.raises(errors.Superseded):
        load_unit(source.connection, connection, run, work, attempt=1)
    assert rows(connection) == 0
    assert load_unit(source.connection, connection, run, work, attempt=2).loaded == 9
    with pytest.raises(errors.Superseded):
        load_unit(source.connection, connection, run, replace(work, between=(9, 12)), attempt=1)
    source.close()


def test_whoever_takes_over_waits_for_a_unit_that_is_about_to_commit(
    unit: tuple[Connection, str, Unit, Path], database: str
) -> None:
    connection, run, work, path = unit
    source = open_source(path)
    with connect(database) as other:
        other.execute("set lock_timeout = '200ms'")
        with connection.transaction():
            load_unit(source.connection, connection, run, work)
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute("update litelift.run set attempt = attempt + 1")
        other.execute("update litelift.run set attempt = attempt + 1")
    source.close()


# --------------------------------------------------------------------- sessions


def test_sessions_that_were_lost_are_found_by_their_mark_and_ended(database: str) -> None:
    mine, others = Sessions(database), Sessions(database)
    lost, kept = mine.open(), others.open()
    with connect(database) as connection:
        end_marked(connection, mine.mark)
    with pytest.raises(psycopg.OperationalError):
        lost.execute("select 1")
    assert kept.execute("select 1").fetchone() == (1,)
    kept.close()
    again = mine.open()
    assert again.execute("select 1").fetchone() == (1,)
    again.close()


# --------------------------------------------------------------------- the source's identity


def test_reading_a_source_leaves_its_identity(source: Path) -> None:
    before = identity(source)
    opened = open_source(source)
    opened.close()
    assert before.differs(identity(source)) is None


def test_pages_of_an_unchanged_log_in_the_file_are_no_change(make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite("create table t(a)")
    writer = sqlite3.connect(path)
    writer.execute("pragma journal_mode = wal")
    writer.execute("insert into t values (1)")
    writer.commit()
    before = identity(path)
    writer.execute("pragma wal_checkpoint(passive)")
    assert before.differs(identity(path)) is None
    writer.execute("insert into t values (2)")
    writer.commit()
    assert before.differs(identity(path)) == "its write-ahead log is another"
    writer.close()
