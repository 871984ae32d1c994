"""What the server counts of a moved table's rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from broken import wait_for
from litelift import migrate

ROWS = {"empty": 0, "t": 3000, "u": 40_000}
_COUNTED = "select relname, n_live_tup, n_mod_since_analyze from pg_stat_user_tables where schemaname = 'public'"
_OTHERS = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_server_counts_each_row_that_was_moved_once(
    database: str, make_sqlite: Callable[..., Path], jobs: int
) -> None:
    tables = "; ".join(f"create table {name} (id integer primary key, a text)" for name in ROWS)
    rows = [
        (f"insert into {name} values (?, ?)", [(number, "x" * 20) for number in range(n)]) for name, n in ROWS.items()
    ]
    migrate(str(make_sqlite(tables, rows)), database, jobs=jobs)
    with psycopg.connect(database, autocommit=True) as own:
        # What a session has not told of what it did, it tells when it ends.
        wait_for(lambda: own.execute(_OTHERS).fetchone() == (0,))
        assert own.execute(f"{_COUNTED} order by 1").fetchall() == [(name, n, 0) for name, n in ROWS.items()]
