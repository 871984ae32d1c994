"""The room that a move takes: estimated from the census, and compared with the disk where it can be known."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from broken import seen, tcp_server
from litelift import check, errors, migrate
from litelift.demo import make_demo
from litelift.move.progress import Timeline
from litelift.plan.file import PlanFile
from litelift.postgres.connect import connect, normalized
from litelift.preflight.estimate import Need
from litelift.preflight.findings import DiskLook
from litelift.preflight.plan import plan_move
from litelift.preflight.room import compare_room, disk_of, look_after
from litelift.preflight.survey import gathered, opened
from small_disk import small_disk

QUIET = "-c min_wal_size=32MB -c max_wal_size=32MB -c wal_level=minimal -c max_wal_senders=0"


def _size(url: str) -> int:
    with psycopg.connect(url) as connection:
        return int((connection.execute("select pg_database_size(current_database())").fetchone() or (0,))[0])


def _numbers(connection: sqlite3.Connection) -> None:
    connection.execute("create table n(id integer primary key, a int, b real, c boolean, d date, e datetime)")
    row = "values (?, ?, 1.5, 1, '2001-02-03', '2001-02-03 04:05:06')"
    connection.executemany(f"insert into n {row}", [(n, n * 7) for n in range(60_000)])
    connection.execute("create index n_a on n(a)")
    connection.execute("create unique index n_ba on n(b, a)")


def _texts(connection: sqlite3.Connection) -> None:
    dice = random.Random(5)
    connection.execute("create table t(code text primary key, words text, kind text, gone text) without rowid")
    kinds = ["alpha", "beta", "gamma"]
    rows = [(dice.randbytes(8).hex(), "əşçöğüı " * dice.randrange(1, 12), dice.choice(kinds)) for _ in range(40_000)]
    connection.executemany("insert into t values (?, ?, ?, null)", rows)
    connection.execute("create index t_kind on t(kind)")
    connection.execute("create index t_words on t(words)")


def _large(connection: sqlite3.Connection) -> None:
    dice = random.Random(6)
    connection.execute("create table files(id integer primary key, content blob, page text)")
    words = [dice.randbytes(4).hex() for _ in range(3000)]
    rows = [(dice.randbytes(dice.randrange(9000)), " ".join(dice.choices(words, k=600))) for _ in range(2500)]
    connection.executemany("insert into files(content, page) values (?, ?)", rows)


def _many(connection: sqlite3.Connection) -> None:
    for n in range(120):
        connection.execute(f"create table m{n}(id integer primary key, name text unique, size int)")
        connection.execute(f"insert into m{n} values (1, 'a', 2)")


def _search(connection: sqlite3.Connection) -> None:
    dice = random.Random(7)
    words = [dice.randbytes(3).hex() for _ in range(4000)]
    connection.execute("create virtual table notes using fts5(title, body)")
    rows = [(" ".join(dice.choices(words, k=4)), " ".join(dice.choices(words, k=60))) for _ in range(8000)]
    connection.executemany("insert into notes values (?, ?)", rows)


@pytest.mark.parametrize("fill", [_numbers, _texts, _large, _many, _search], ids=lambda fill: fill.__name__)
def test_the_estimate_is_between_the_real_size_and_1_8_times_it(
    fill: Callable[[sqlite3.Connection], None], tmp_path: Path, database: str
) -> None:
    path = tmp_path / "app.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        fill(connection)
        connection.commit()
    result = check(path, database)
    assert result.need is not None
    before = _size(database)
    migrate(path, database)
    taken = _size(database) - before
    assert 1.0 <= result.need.stays / taken <= 1.8, (result.need, taken)


def test_the_estimate_of_the_demo_is_as_near(tmp_path: Path, database: str) -> None:
    made = make_demo(tmp_path / "demo.sqlite")
    result = check(made.path, database, plan=made.plan)
    assert result.need is not None
    before = _size(database)
    migrate(made.path, database, plan=made.plan)
    assert 1.0 <= result.need.stays / (_size(database) - before) <= 1.8


def test_the_estimate_of_a_filling_counts_the_targets_indexes(tmp_path: Path, database: str) -> None:
    path = tmp_path / "app.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table t(id integer primary key, code text)")
        connection.executemany("insert into t values (?, ?)", [(n, f"{n * 7919 % 1000003:040}") for n in range(30_000)])
        connection.commit()
    with psycopg.connect(database) as target:
        target.execute("create table t(id bigint primary key, code text unique)")
    result = check(path, database, data_only=True)
    assert result.need is not None
    before = _size(database)
    migrate(path, database, data_only=True)
    assert 1.0 <= result.need.stays / (_size(database) - before) <= 1.8


@pytest.fixture
def big(make_sqlite: Callable[..., Path]) -> Path:
    dice = random.Random(3)
    rows = [(n, dice.randbytes(450).hex()) for n in range(40_000)]
    script = "create table big(id integer primary key, content text); create index by_content on big(content)"
    return make_sqlite(script, [("insert into big values (?, ?)", rows)])


def test_a_disk_that_is_too_small_is_a_blocker_with_the_numbers(big: Path) -> None:
    with small_disk(96) as folder, tcp_server(QUIET, folder=folder) as server:
        server.do("create database app")
        before = seen(big)
        result = check(big, server.url("app"))
        assert result.disk is not None
        assert result.disk.folder == str(folder / "pg")
        (finding,) = [finding for finding in result.findings if finding.kind == "target-too-small"]
        assert (finding.level, result.exit_code) == ("blocker", 1)
        assert "MB are free" in finding.message
        assert "tables" in finding.message and "indexes" in finding.message
        assert seen(big) == before


def test_a_disk_with_room_is_ok_and_the_move_fits(big: Path) -> None:
    with small_disk(400) as folder, tcp_server(QUIET, folder=folder) as server:
        server.do("create database app")
        result = check(big, server.url("app"))
        assert "disk" in [finding.kind for finding in result.at("ok")]
        assert migrate(big, server.url("app")).exit_code == 0


def test_the_room_of_a_tablespace_is_that_of_its_own_disk(big: Path) -> None:
    with small_disk(24) as folder, tcp_server(QUIET) as server:
        from litelift.postgres.programs import programs

        (folder / "space").mkdir()
        programs(16).own(folder / "space")
        server.do(f"create tablespace small location '{folder}/space'", "create database app tablespace small")
        result = check(big, server.url("app"))
        assert "target-too-small" in [finding.kind for finding in result.at("blocker")]
        assert result.disk is not None
        assert result.disk.folder == str(folder / "space")
        # And truly: it does not fit.
        with pytest.raises((errors.TargetFull, errors.TargetTooSmall)):
            migrate(big, server.url("app"))


def test_what_cannot_be_known_of_the_disk_is_said(make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite("create table t(a); insert into t values (1)")
    with tcp_server() as server:
        server.do("create role app login password 'app-Word'", "create database app owner app")
        # An ordinary role may not know the server's folder.
        result = check(path, server.url("app", "app", "app-Word"))
        assert result.disk is None
        assert "disk-unknown" in [finding.kind for finding in result.at("note")]
        assert result.exit_code == 0


def test_another_servers_folder_is_not_taken_for_this_ones(database: str, tmp_path: Path) -> None:
    with connect(normalized(database)) as connection:
        found = disk_of(connection)
        assert found is not None
        # Behind the same path, another cluster: as where a container's port is forwarded.
        from litelift.preflight import room

        (tmp_path / "global").mkdir()
        (tmp_path / "global" / "pg_control").write_bytes(bytes(8192))
        assert room._is_folder_of(tmp_path, connection) is False
        assert room._is_folder_of(tmp_path / "none", connection) is False


def test_a_need_that_certainly_does_not_fit_is_refused_and_a_near_one_is_told() -> None:
    disk = DiskLook(folder="x", free=1 << 40)
    with pytest.raises(errors.TargetTooSmall, match=r"1\.1 TB are free in x, and the move takes about 1\.1 PB"):
        compare_room(Need(tables=1 << 50, indexes=1, catalogue=1), disk)
    assert compare_room(Need(tables=1 << 39, indexes=1, catalogue=1), disk) == []
    # What is certain of an estimate still fits.
    assert [told.kind for told in compare_room(Need(tables=5 << 38, indexes=0, catalogue=0), disk)] == ["disk-narrow"]
    (told,) = compare_room(Need(tables=1 << 39, indexes=1, catalogue=1, log=1 << 41), disk)
    assert (told.kind, told.level) == ("disk-narrow", "attention")


def test_a_move_asks_after_its_census(big: Path) -> None:
    # As `litelift migrate` does, before it writes anything.
    with (
        small_disk(96) as folder,
        tcp_server(QUIET, folder=folder) as server,
        gathered(big, 1) as crew,
        opened(big, PlanFile(), crew, Timeline()) as survey,
        connect(normalized(server.url())) as target,
    ):
        survey.join(None)
        planned = plan_move(survey, PlanFile(), None, None)
        with pytest.raises(errors.TargetTooSmall):
            look_after(target, survey.source.connection, planned.plan, planned.censuses)
