"""Sources of one column, for the cases of the contract that are about values; and the second proof after the move."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import litelift
from contract import Case, Check, filled, hold

ROWS = 500
VALUES: str = "select a from t order by id"
KEPT = "select row_key, original, storage_class from litelift.quarantine order by table_name, row_key::text"


def column(declared: str, *values: object) -> Callable[[Path], None]:
    """A table t(id, a) with these values, the ids from 1."""
    return filled(
        f"create table t(id integer primary key, a {declared});",
        ("insert into t values(?,?)", list(enumerate(values, 1))),
    )


def many(declared: str, spoil: str = "", value: str = "i", constraints: str = "") -> str:
    """A table t(id, a) of 500 rows; ``value`` is SQL over the row number i; ``spoil`` is a script at the end."""
    return (
        f"create table t(id integer primary key, a {declared}{constraints});"
        f"with recursive n(i) as (values(1) union all select i+1 from n where i < {ROWS}) "
        f"insert into t select i, {value} from n;{spoil}"
    )


def arrive(*values: object) -> Check:
    """That the column holds these values, in this order."""
    return (VALUES, [(value,) for value in values])


def kept(*entries: tuple[object, ...]) -> Check:
    """That quarantine holds these: (row key, original bytes, storage class), in the keys' order; nothing else."""
    return (KEPT, list(entries))


def encoded(encoding: str, statements: str, *inserts: tuple[str, list[tuple[object, ...]]]) -> Callable[[Path], None]:
    """A source in another encoding."""

    def make(path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.execute(f"pragma encoding = '{encoding}'")
        connection.executescript(statements)
        for statement, rows in inserts:
            connection.executemany(statement, rows)
        connection.commit()
        connection.close()

    return make


def proved(case: Case, database: str, folder: Path) -> None:
    """Hold the case, and prove it once more as `litelift verify` does."""
    hold(case, database, folder)
    # Some cases write to the target in their checks; what those add is no difference of the move.
    if 1 not in case.exits and not any(check[0].startswith("insert") for check in case.checks):
        proof = litelift.verify(folder / "app.sqlite", database)
        assert proof.ok, proof
