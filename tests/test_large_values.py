"""Values too large to travel: moved in pieces, compared where they are, in bounded memory."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from command import litelift
from litelift import migrate, verify
from litelift.prove import compiled, large

MakeSqlite = Callable[..., Path]
MB = 1 << 20
MOST = 3000
pytestmark = pytest.mark.usefixtures("path_in_use")


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (large, compiled):
        monkeypatch.setattr(module, "LARGE_BYTES", MOST)


def noise(size: int) -> bytes:
    return os.urandom(size)


def letters(size: int) -> str:
    return "ə" + os.urandom(size).hex()[: size - 2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "large.sqlite"
    some = letters(9000)
    rows = [
        (1, noise(MOST), letters(MOST)),
        (2, noise(MOST + 1), letters(MOST + 1)),
        (3, noise(20_000), some),
        (4, some, noise(20_000).hex().encode()),
        (5, None, None),
        (6, b"", ""),
        (7, noise(5), "short\tə"),
        (8, noise(9000), some[:5000] + "\0" + some[5000:]),
        (9, 12, 1.5),
    ]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table files(id integer primary key, body blob, words text)")
        connection.executemany("insert into files values (?, ?, ?)", rows)
        connection.commit()
    return path


@pytest.mark.usefixtures("small_is_large")
def test_large_values_are_proved_by_their_digests(source: Path, database: str) -> None:
    result = migrate(source, database)
    assert result.proof is not None
    (proof,) = result.proof.tables
    assert (proof.equal, proof.source_rows, proof.target_rows) == (True, 9, 9)
    assert verify(source, database).ok
    with psycopg.connect(database) as connection:
        columns = large.large_columns(connection, result_match(connection))
    assert columns == {1, 2}


def result_match(connection: psycopg.Connection[Any]) -> Any:
    from litelift.move.journal import last_matches

    found = last_matches(connection)
    assert found is not None
    return found[1][0]


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("update files set body = set_byte(body, 19999, get_byte(body, 19999) # 1) where id = 3", 3),
        ("update files set words = overlay(words placing 'z' from 8000 for 1) where id = 3", 3),
        ("update files set words = words || '!' where id = 2", 2),
        ("update files set body = substr(body, 1, 3000) where id = 2", 2),
        ("update files set body = null where id = 4", 4),
        ("update files set words = 'sha256:1:00' where id = 7", 7),
        ("update files set body = sha256(body) where id = 1", 1),
    ],
)
def test_a_change_in_a_large_value_is_found(source: Path, database: str, change: str, key: int) -> None:
    migrate(source, database)
    with psycopg.connect(database) as connection:
        connection.execute(change)
    proof = verify(source, database)
    (table,) = proof.tables
    assert [(found.kind, found.key) for found in table.differences] == [("changed", {"id": key})]


def test_an_ordinary_table_is_not_searched_for_large_values(make_sqlite: MakeSqlite, database: str) -> None:
    path = make_sqlite("create table t(id integer primary key, a text, b blob); insert into t values (1, 'a', x'00')")
    migrate(path, database)
    with psycopg.connect(database) as connection:
        connection.execute("select")
        assert large.large_columns(connection, result_match(connection)) == frozenset()


def test_a_large_blob_moves_in_less_memory_than_three_of_it(tmp_path: Path, database: str, path_in_use: None) -> None:
    size = 96 * MB
    path = tmp_path / "blob.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table files(id integer primary key, body blob)")
        connection.executemany("insert into files values (?, zeroblob(?))", [(1, size), (2, 3)])
        with connection.blobopen("files", "body", 1) as blob:
            piece = os.urandom(MB)
            for _ in range(size // MB):
                blob.write(piece)
        connection.commit()
    # In an interpreter of its own, which has imported no more than it needs.
    words = ("migrate", path, database, "--json", "-j", "1", "--report", tmp_path / "report")
    ran = litelift(*words, PYTHONUNBUFFERED="1")
    assert ran.status == 0, ran.err
    assert ran.json["tables"][0]["loaded"] == 2
    # The interpreter and what it has imported take about 70 MB.
    assert ran.json["peak_memory_bytes"] < 3 * size
