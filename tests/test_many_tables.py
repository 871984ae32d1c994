"""Thousands of tables, and a server whose lock table holds few: nothing grows with the square or stays half done."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from broken import objects
from command import litelift
from conftest import Url, fresh_database
from litelift import errors
from litelift.move.schedule import Job, Schedule, run
from litelift.plan.file import PlanFile, TablePlan
from litelift.plan.names import Namer
from litelift.postgres import embedded
from litelift.postgres.connect import connect, stopped
from litelift.postgres.lanes import lanes_for, more
from litelift.postgres.locks import locks_at_once, packed
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.open import open_source

TABLES = 200

# Killed with the second sign that tables are there.
KILLED = """
import os, signal, sys
import litelift
# A shell starts what it leaves in the background with Ctrl-C ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signs = []
def tell(sign):
    if sign.phase == sys.argv[3] and sign.table is not None:
        signs.append(sign)
        if len(signs) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
litelift.migrate(sys.argv[1], sys.argv[2], jobs=int(sys.argv[4]), on_progress=tell)
"""


@pytest.fixture(scope="module")
def small_server() -> Iterator[Url]:
    """A server with the smallest lock table that there can be, set in its own file."""
    with tempfile.TemporaryDirectory(prefix="litelift-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "pg"
        embedded.start(folder)
        embedded.stop(folder)
        with (folder / "postgresql.conf").open("a") as file:
            file.write("max_locks_per_transaction = 10\nmax_connections = 12\n")
        started = embedded.start(folder)
        yield lambda database: embedded.database_url(started.url or "", database)
        embedded.stop(folder)


@pytest.fixture
def small_database(small_server: Url) -> Iterator[str]:
    """An empty database of it."""
    with fresh_database(small_server) as url:
        yield url


def many(path: Path, tables: int) -> Path:
    """A source of many tables: keys, indexes, defaults, checks, sequences, a foreign key of each to the one before."""
    source = sqlite3.connect(path)
    for number in range(tables):
        parent = f"references t{number - 1}" if number else ""
        source.execute(
            f"create table t{number}(id integer primary key autoincrement, name text not null default 'x' "
            f"check(name <> ''), before integer {parent}, at datetime default current_timestamp)"
        )
        source.execute(f"create unique index t{number}_name on t{number}(name)")
        source.executemany(f"insert into t{number}(id, name) values (?, ?)", [(1, "a"), (7, "b")])
    source.commit()
    source.close()
    return path


def count(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def fill_lock_table(url: str) -> psycopg.Error:
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.OutOfMemory) as caught:
        for number in itertools.count():
            connection.execute(f"create table held{number}(id bigint primary key, name text)")
    return caught.value


def test_a_full_lock_table_is_told_as_that_and_not_as_a_full_disk(small_database: str) -> None:
    told = stopped(fill_lock_table(small_database))
    assert isinstance(told, errors.TargetLocks)
    assert "max_locks_per_transaction" in str(told.hint)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_move_of_more_tables_than_the_lock_table_holds_is_whole(
    small_database: str, tmp_path: Path, jobs: int
) -> None:
    source = many(tmp_path / "app.sqlite", TABLES)
    done = litelift("migrate", source, small_database, "--json", "--jobs", str(jobs), "--report", tmp_path / "report")
    assert done.status == 0, done.err
    ours = "relnamespace = 'public'::regnamespace"
    assert count(small_database, f"select count(*) from pg_class where relkind = 'r' and {ours}") == TABLES
    assert count(small_database, f"select count(*) from pg_class where relkind = 'i' and {ours}") == 2 * TABLES
    valid = "select count(*) from pg_constraint where convalidated and connamespace = 'public'::regnamespace"
    assert count(small_database, f"{valid} and contype = 'f'") == TABLES - 1
    assert count(small_database, f"{valid} and contype = 'c'") == TABLES
    assert count(small_database, "insert into t5(name) values (default) returning id") == 8
    assert count(small_database, "select count(*) from pg_attrdef where adrelid = 't5'::regclass") == 2
    assert count(small_database, "select reltuples from pg_class where oid = 't6'::regclass") == 2


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("phase", ["create", "build"])
def test_a_killed_move_of_many_tables_is_gone_on_with_beside_what_others_made(
    small_database: str, tmp_path: Path, phase: str, jobs: int
) -> None:
    source = many(tmp_path / "app.sqlite", TABLES // 2)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(source), small_database, phase, str(jobs)], timeout=300)
    assert killed.returncode == -9
    left = count(small_database, "select count(*) from pg_class where relname like 't%' and relkind = 'r'")
    assert left
    with psycopg.connect(small_database, autocommit=True) as connection:
        connection.execute("create table tomorrow(id bigint)")
    again = litelift("migrate", source, small_database, "--resume")
    assert again.status == 0, again.err
    ours = "relnamespace = 'public'::regnamespace"
    assert count(small_database, f"select count(*) from pg_class where relkind = 'r' and {ours}") == TABLES // 2 + 1
    assert litelift("verify", source, small_database).status == 0


def test_what_ends_before_a_row_is_loaded_takes_all_tables_back(small_database: str, tmp_path: Path) -> None:
    source = many(tmp_path / "app.sqlite", TABLES // 2)
    interrupted = KILLED.replace("signal.SIGKILL", "signal.SIGINT")
    ended = subprocess.run([sys.executable, "-c", interrupted, str(source), small_database, "create", "1"], timeout=300)
    assert ended.returncode != 0
    assert objects(small_database) == []


def test_the_embedded_server_holds_thousands_of_tables_of_one_transaction(server: Url) -> None:
    assert count(server("postgres"), "select current_setting('max_locks_per_transaction')") == embedded.LOCKS


def test_what_a_person_sets_for_the_embedded_server_stays(small_server: Url) -> None:
    assert count(small_server("postgres"), "select current_setting('max_locks_per_transaction')") == 10


def test_groups_fit_the_room_that_the_server_has(small_server: Url) -> None:
    with psycopg.connect(small_server("postgres")) as connection:
        assert locks_at_once(connection) == 30
        assert locks_at_once(connection, 100) == 1
    assert list(packed([("a", 3), ("b", 3), ("c", 9), ("d", 1)], 6, 10)) == [["a", "b"], ["c"], ["d"]]
    assert list(packed([("a", 0), ("b", 0), ("c", 0)], 6, 2)) == [["a", "b"], ["c"]]


def test_a_server_that_lets_few_in_gets_fewer_connections_and_no_error(small_database: str) -> None:
    with ExitStack() as stack:
        opened = more(lambda: connect(small_database), stack, 30)
        assert 1 <= len(opened) <= 12
        assert all(connection.execute("select 1").fetchone() == (1,) for connection in opened)
    assert lanes_for(5000, 1) == 4
    assert lanes_for(5000, 8) == 8
    assert lanes_for(99, 8) == 1


def test_twice_as_many_jobs_take_about_twice_as_long() -> None:
    def seconds(tables: int) -> float:
        jobs: list[Job[int]] = []
        for number in range(tables):
            first: Job[int] = Job(f"{number}", lambda _: None, {f"{number}": "exclusive"}, number % 7)
            jobs += [first, Job(f"{number}", lambda _: None, {f"{number}": "share"}, 1, [first])]
        clock = time.process_time()
        run(Schedule(jobs), [1])
        return time.process_time() - clock

    seconds(100)
    assert min(seconds(20_000) for _ in range(3)) < 40 * min(seconds(2_000) for _ in range(3))


def test_twice_as_many_made_up_names_take_about_twice_as_long() -> None:
    def seconds(names: int) -> float:
        namer = Namer(taken=frozenset(f"t{number}" for number in range(names)))
        for number in range(names):
            namer.reserve(f"r{number}")
        clock = time.process_time()
        for number in range(names):
            namer.made_up(f"t{number}_pkey")
        return time.process_time() - clock

    assert min(seconds(20_000) for _ in range(3)) < 40 * min(seconds(2_000) for _ in range(3))


def test_a_made_up_name_leaves_those_that_the_source_gives() -> None:
    namer = Namer()
    namer.reserve("t_pkey")
    assert namer.made_up("t_pkey") != "t_pkey"
    assert namer.name("t_pkey") == "t_pkey"


def test_a_catalogue_of_thousands_of_tables_is_read_in_its_measure(tmp_path: Path) -> None:
    def seconds(path: Path, tables: int) -> float:
        source = open_source(path)
        clock = time.process_time()
        schema = read_catalogue(source.connection)
        found = time.process_time() - clock
        assert schema.table(f"T{tables - 1}").indexes[0].name == f"t{tables - 1}_name"
        source.close()
        return found

    few, much = (many(tmp_path / f"{tables}.sqlite", tables) for tables in (200, 1600))
    # With the square it would be 64 times.
    assert min(seconds(much, 1600) for _ in range(3)) < 24 * min(seconds(few, 200) for _ in range(3))


def test_a_plan_of_thousands_of_tables_is_asked_in_its_measure() -> None:
    def seconds(tables: int) -> float:
        plan = PlanFile(tables={f"T{number}": TablePlan(name=f"x{number}") for number in range(tables)})
        clock = time.process_time()
        assert all(plan.table(f"t{number}").name == f"x{number}" for number in range(tables))
        assert plan.table("t").name is None
        return time.process_time() - clock

    assert min(seconds(8_000) for _ in range(3)) < 40 * min(seconds(800) for _ in range(3))
