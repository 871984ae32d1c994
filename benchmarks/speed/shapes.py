"""Files of one shape each: a wide table, a table of blobs, very many small tables. The same bytes every time."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

COLUMNS = 200
TINY_ROWS = 10
_WORDS = ("school", "pupil", "lesson", "region", "grade", "teacher", "qiymət", "məktəb", "şagird", "müəllim")
_KINDS: tuple[tuple[str, Callable[[random.Random], object]], ...] = (
    ("integer", lambda chance: chance.randrange(1 << 31)),
    ("text", lambda chance: " ".join(chance.choices(_WORDS, k=3))),
    ("real", lambda chance: chance.uniform(-1000, 1000)),
    ("decimal(12,2)", lambda chance: chance.randrange(10**8) / 100),
    ("boolean", lambda chance: chance.randrange(2)),
    ("date", lambda chance: f"20{chance.randrange(10, 26)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"),
    (
        "datetime",
        lambda chance: f"2024-{chance.randrange(1, 13):02}-01 {chance.randrange(24):02}:30:{chance.randrange(60):02}",
    ),
    ("varchar(40)", lambda chance: chance.choice(_WORDS)),
)


def wide(path: Path, rows: int) -> None:
    """A table of 200 columns of eight types; one value in ten is NULL."""
    chance = random.Random(200)
    kinds = [_KINDS[number % len(_KINDS)] for number in range(COLUMNS - 1)]
    columns = ", ".join(f"c{number:03} {kind}" for number, (kind, _) in enumerate(kinds, 1))
    with _file(path) as connection:
        connection.execute(f"create table wide(id integer primary key, {columns})")
        _fill(
            connection,
            "wide",
            COLUMNS,
            (
                (row, *(None if chance.random() < 0.1 else make(chance) for _, make in kinds))
                for row in range(1, rows + 1)
            ),
        )


def blobs(path: Path, rows: int) -> None:
    """A table of blobs of 1 kB to 128 kB that do not compress."""
    chance = random.Random(64)
    with _file(path) as connection:
        connection.execute("create table file(id integer primary key, name text not null, content blob not null)")
        _fill(
            connection,
            "file",
            3,
            (
                (row, f"file {row}.bin", chance.randbytes(chance.randrange(1 << 10, 128 << 10)))
                for row in range(1, rows + 1)
            ),
        )


def tiny(path: Path, number: int) -> None:
    """Many tables of ten rows, each with a primary key and an index."""
    with _file(path) as connection:
        for table in range(1, number + 1):
            name = f"t{table:05}"
            connection.execute(f"create table {name}(id integer primary key, name text not null, at datetime)")
            rows = ((row, f"{name} {row}", f"2024-03-{row:02} 08:15:00") for row in range(1, TINY_ROWS + 1))
            _fill(connection, name, 3, rows)
            connection.execute(f"create index {name}_name on {name}(name)")


@contextmanager
def _file(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    connection.executescript("pragma journal_mode=off; pragma synchronous=off; begin")
    yield connection
    connection.commit()
    connection.close()


def _fill(connection: sqlite3.Connection, table: str, columns: int, rows: Iterator[tuple[object, ...]]) -> None:
    connection.executemany(f"insert into {table} values({','.join('?' * columns)})", rows)
