"""The databases that the soak moves: made from a seed, each of a shape in which other things can be lost or doubled."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

Part = Callable[[sqlite3.Connection, random.Random, float], None]

LEDGER_ROWS = 400


def _words(rng: random.Random, size: int) -> Callable[[int], str]:
    """Cheap texts of random letters: pieces of a long one."""
    pool = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz äöüşğı€🙂0123456789\n\t\\'\"", k=size + 20_000))
    return lambda length: pool[(at := rng.randrange(20_000)) : at + length]


def ranges(connection: sqlite3.Connection, rng: random.Random, scale: float) -> None:
    """A large table of several ranges of keys, one that hangs on it, holes and negative keys, and bad values."""
    words = _words(rng, 600)
    count = int(50_000 * scale)
    connection.executescript(
        "create table big(id integer primary key autoincrement, code text not null unique, amount integer,"
        " share real, active boolean default 1, at datetime, price numeric(10,2), words text);"
        "create index big_amount on big(amount); create index big_active on big(at) where active = 1;"
        "create table small_part(id integer primary key, big integer not null references big(id) on delete cascade,"
        " note varchar(40) check (length(note) < 41), n integer);"
        "create index small_part_big on small_part(big);"
    )

    def rows() -> Iterator[tuple[object, ...]]:
        key = -count // 5
        for number in range(count):
            key += 1 if number % 100 else 1 + rng.randrange(50)
            amount: object = rng.randrange(-(10**12), 10**12)
            text = words(rng.randrange(200, 600))
            if number % 1000 == 7:
                amount = f"not a number {number}"
            if number % 1500 == 9:
                text = f"cut\0here {number}"
            at = f"{2000 + number % 30}-0{1 + number % 9}-1{number % 10} 0{number % 10}:5{number % 10}:00"
            yield (
                key,
                f"code {number}",
                amount,
                rng.random() * 10**6,
                number % 2,
                at,
                number * 7 % 100_000 / 100,
                text,
            )
            taken.append(key)

    taken: list[int] = []
    connection.executemany("insert into big values (?, ?, ?, ?, ?, ?, ?, ?)", rows())
    connection.executemany(
        "insert into small_part values (?, ?, ?, ?)",
        ((n, rng.choice(taken), f"part {n}", rng.choice([None, n])) for n in range(1, int(25_000 * scale))),
    )
    connection.execute("update sqlite_sequence set seq = seq + 1000 where name = 'big'")


def keys(connection: sqlite3.Connection, rng: random.Random, scale: float) -> None:
    """Tables without a key and with equal rows, WITHOUT ROWID, of composite and of text keys, sparse keys."""
    words = _words(rng, 400)
    connection.executescript(
        "create table keyless(a integer, b text, c real);"
        "create table words_key(word text not null, n integer not null, body text, primary key(word, n)) without rowid;"
        "create table composite(a integer, b text, v blob, primary key(a, b));"
        "create table sparse(id integer primary key, v text);"
        "create unique index sparse_v on sparse(v desc);"
        "create table child(a integer, b text, x integer, foreign key(a, b) references composite(a, b));"
    )
    # Each row thrice and more: one too many or too few is seen in the count alone.
    connection.executemany(
        "insert into keyless values (?, ?, ?)",
        ((n % 4000, words(3) if n % 3 else "same", n % 7 / 2) for n in range(int(45_000 * scale))),
    )
    connection.executemany(
        "insert into words_key values (?, ?, ?)",
        ((f"w{n % 900}", n, words(rng.randrange(300))) for n in range(int(30_000 * scale))),
    )
    connection.executemany(
        "insert into composite values (?, ?, ?)",
        (("bad" if n == 77 else n // 3, f"b{n}", rng.randbytes(n % 50)) for n in range(int(20_000 * scale))),
    )
    connection.executemany(
        "insert into sparse values (?, ?)",
        ((n * 9_000_000_000_000 - 4 * 10**17, f"v{n} {words(250)}") for n in range(int(45_000 * scale))),
    )
    connection.executemany(
        "insert into child values (?, ?, ?)",
        ((n // 3, f"b{n}", n) if n % 5000 else (10**9, "nobody", n) for n in range(1, int(15_000 * scale))),
    )


def many(connection: sqlite3.Connection, rng: random.Random, scale: float) -> None:
    """Many small tables that refer to one another, with views over them."""
    for number in range(int(110 * scale) or 8):
        other = f" references many_{rng.randrange(number)}(id)" if number > 2 and number % 3 else ""
        connection.execute(
            f"create table many_{number}(id integer primary key, name text not null default 'none',"
            f" other integer{other}, at datetime default current_timestamp)"
        )
        connection.execute(f"create index many_name_{number} on many_{number}(name)")
        connection.executemany(
            f"insert into many_{number} values (?, ?, ?, '2024-02-03 04:05:06')",
            ((n, f"row {n} {number}", rng.choice([None, 1, 2])) for n in range(1, 3 + rng.randrange(90))),
        )
    connection.execute("create view names as select id, name from many_0 where name <> '' union all select 0, 'x'")


def blobs(connection: sqlite3.Connection, rng: random.Random, scale: float) -> None:
    """Blobs from empty to several megabytes, and a table that is never touched by a bad value."""
    connection.executescript(
        "create table files(id integer primary key, name text unique, body blob, size integer);"
        "create table tags(file integer references files(id), tag text collate nocase);"
    )
    pool = rng.randbytes(9 << 20)
    large = {17, 801} if scale == 1 else {17}

    def body(number: int) -> bytes:
        size = rng.randrange(5 << 20, 8 << 20) if number in large else int(rng.paretovariate(0.9) * 200) % 60_000
        at = rng.randrange(len(pool) - size)
        return pool[at : at + size]

    files = ((n, f"file {n}", (made := body(n)), len(made)) for n in range(1, int(9_000 * scale)))
    connection.executemany("insert into files values (?, ?, ?, ?)", files)
    connection.executemany(
        "insert into tags values (?, ?)",
        ((rng.randrange(1, int(9_000 * scale)), f"tag {n % 50}") for n in range(int(30_000 * scale))),
    )


def ledger(connection: sqlite3.Connection, rng: random.Random, scale: float) -> None:
    """Tables of a bank: sums, pairs and a counter that hold only between transactions; a trigger, a view."""
    connection.executescript(
        "create table account_here(id integer primary key, amount integer not null);"
        "create table account_there(id integer primary key, amount integer not null);"
        "create table booked(id integer primary key, n integer not null, amount integer);"
        "create table mirrored(id integer primary key, n integer not null, amount integer);"
        "create table tick(id integer primary key check (id = 1), n integer not null);"
        "create table seen(id integer primary key, n integer);"
        "create view balance as select sum(amount) as total from"
        " (select amount from account_here union all select amount from account_there);"
        "create trigger booked_seen after insert on booked when new.n < 0"
        " begin insert into seen(n) values (new.n); end;"
    )
    for table in ("account_here", "account_there"):
        connection.executemany(
            f"insert into {table} values (?, ?)", ((n, 10_000 + n) for n in range(1, LEDGER_ROWS + 1))
        )
    connection.execute("insert into tick values (1, 0)")


SHAPES: dict[str, tuple[Part, ...]] = {
    "ranges": (ranges, ledger),
    "keys": (keys, ledger),
    "many": (many, ledger),
    "blobs": (blobs, ledger),
}
SMALL = 0.12


def make(path: Path, shape: str, seed: str, scale: float = 1.0) -> None:
    """Make one of SHAPES, or 'small': something of each."""
    rng = random.Random(f"{seed}/{shape}")
    parts = SHAPES.get(shape, (ranges, keys, many, blobs, ledger))
    connection = sqlite3.connect(path)
    connection.execute("pragma synchronous = off")
    for part in parts:
        part(connection, rng, SMALL if shape == "small" else scale)
    connection.commit()
    connection.close()


def book(connection: sqlite3.Connection, number: int) -> None:
    """The writer's transaction of this number: always the same one. Raises OperationalError where it is busy."""
    rng = random.Random(number)
    here, there, amount = rng.randrange(1, LEDGER_ROWS + 1), rng.randrange(1, LEDGER_ROWS + 1), rng.randrange(1, 90)
    connection.execute("begin immediate")
    try:
        connection.execute("update account_here set amount = amount - ? where id = ?", (amount, here))
        connection.execute("insert into booked values (?, ?, ?)", (number, number, amount))
        connection.execute("update account_there set amount = amount + ? where id = ?", (amount, there))
        connection.execute("insert into mirrored values (?, ?, ?)", (number, number, amount))
        connection.execute("update tick set n = ?", (number,))
        connection.execute("commit")
    except BaseException:
        connection.rollback()
        raise
