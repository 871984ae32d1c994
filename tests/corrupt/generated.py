"""A small database with something of everything that its file can hold."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

_SCRIPT = """
    pragma page_size = 1024;
    create table people(id integer primary key autoincrement, name text not null, born date, score real, photo blob);
    create unique index people_name on people(name);
    create index people_born on people(born desc, score);
    create table lent(book text, person integer references people(id), at datetime, primary key (book, person))
        without rowid;
    create table notes(body, length as (length(body)), check (body <> ''));
    create virtual table words using fts5(title, body);
    create virtual table places using rtree(id, x0, x1, y0, y1);
    create table gone(n);
    create view grown as select name, score * 2 as twice from people where score > 1;
"""


def make_small(path: Path) -> Path:
    """Make it: b-trees of some levels, overflow pages, a freelist, virtual tables; about 150 kB."""
    dice = random.Random(5)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_SCRIPT)
        connection.executemany(
            "insert into people values (?, ?, ?, ?, ?)",
            [
                (n, f"person {n}", f"20{n % 90 + 10}-01-02", dice.random() * 10, dice.randbytes(n % 50 * 60))
                for n in range(1, 301)
            ],
        )
        connection.executemany(
            "insert into lent values (?, ?, '2024-05-06 07:08:09')", [(f"b{n}", n) for n in range(1, 200)]
        )
        connection.executemany("insert into notes(body) values (?)", [("x" * n * 40,) for n in range(1, 60)])
        connection.executemany(
            "insert into words values (?, ?)", [(f"title {n}", "some words " * n) for n in range(40)]
        )
        connection.executemany(
            "insert into places values (?, ?, ?, ?, ?)", [(n, n, n + 1, n, n + 2) for n in range(80)]
        )
        connection.executemany("insert into gone values (?)", [(f"{n:0200}",) for n in range(200)])
        connection.commit()
        connection.execute("delete from gone where rowid % 3")
        connection.execute("delete from people where id between 100 and 140")
        connection.execute("drop table gone")
        connection.commit()
    return path
