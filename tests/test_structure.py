"""The part of SQLite's own check that is about pages."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from litelift.sqlite.structure import BYTECODE_ALONE, STEPS, pages_are_whole

ROWS = 4 * STEPS
bytecode_alone = pytest.mark.skipif(
    sqlite3.sqlite_version_info >= BYTECODE_ALONE, reason=f"SQLite {sqlite3.sqlite_version} makes its whole check"
)


def quick_check(connection: sqlite3.Connection) -> list[str]:
    try:
        return [line for (line,) in connection.execute("pragma quick_check(1)") if line != "ok"]
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        return [f"*** {error}"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("structure") / "sound.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"""
            create table t (a integer primary key, b text not null, c blob);
            create index i on t (b);
            create table w (a text primary key, b int not null) without rowid;
            create table gone (a);
            with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS})
            insert into t select i, 'row ' || i, case when i % 1000 = 0 then zeroblob(9000) end from n;
            insert into w select b, a from t;
            insert into gone select c from t;
            drop table gone;
            """
        )
    return path.read_bytes()


def test_what_is_wrong_with_the_pages_is_found_as_by_the_whole_check(sound: bytes, tmp_path: Path) -> None:
    path, chance = tmp_path / "damaged.sqlite", random.Random(7)
    found = set()
    for _ in range(150):
        damaged = bytearray(sound)
        # The first 16 bytes of a page are its header and first pointers, where damage means most.
        at = chance.randrange(1, len(sound) // 4096) * 4096 + chance.choice(
            [chance.randrange(16), chance.randrange(4096)]
        )
        damaged[at] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with closing(sqlite3.connect(path)) as connection:
            lines = quick_check(connection)
            of_pages = any(line.startswith("***") for line in lines)
            assert pages_are_whole(connection, lambda c=connection: not quick_check(c)) == (not of_pages), lines  # type: ignore[misc]
            found.add(of_pages)
    assert found == {True, False}


@bytecode_alone
def test_rows_that_break_a_rule_are_left_to_the_census(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "nulls.sqlite"
    path.write_bytes(sound)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            "pragma writable_schema = on; update sqlite_schema set sql = replace(sql, 'c blob', 'c blob not null')"
        )
    with closing(sqlite3.connect(path)) as connection:
        assert quick_check(connection) == ["NULL value in t.c"]
        assert pages_are_whole(connection, lambda: not quick_check(connection))
        # Nothing of it stays: the next statement may take as many steps as it wants.
        assert connection.execute("select count(b) from t").fetchone() == (ROWS,)


def test_somebody_else_s_interruption_is_none_of_its_own(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sound.sqlite"
    path.write_bytes(sound)
    with closing(sqlite3.connect(path)) as connection:

        def interrupted() -> bool:
            raise sqlite3.OperationalError("interrupted")

        with pytest.raises(sqlite3.OperationalError):
            pages_are_whole(connection, interrupted)
