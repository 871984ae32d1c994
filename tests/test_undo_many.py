"""litelift undo of more tables than the server's lock table holds, with foreign keys in cycles among them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg

from command import litelift
from test_many_tables import many
from test_many_tables import small_database as small_database
from test_many_tables import small_server as small_server
from whole_catalogue import whole_catalogue

TABLES = 120


def ring(path: Path) -> Path:
    """A source whose tables refer to each other in one ring, and all to the first and the last."""
    many(path, TABLES)
    source = sqlite3.connect(path)
    for number in range(TABLES):
        source.execute(f"alter table t{number} add column first integer references t0(id)")
        source.execute(f"alter table t{number} add column last integer references t{TABLES - 1}(id)")
    source.commit()
    source.close()
    return path


def test_a_ring_of_more_tables_than_the_lock_table_holds_goes_whole(small_database: str, tmp_path: Path) -> None:
    before = whole_catalogue(small_database)
    assert litelift("migrate", ring(tmp_path / "app.sqlite"), small_database).status == 0
    ran = litelift("undo", small_database, "--yes", "--json")
    assert (ran.status, len(ran.json["tables"])) == (0, TABLES), ran.err
    assert whole_catalogue(small_database) == before


def test_one_dependant_of_many_tables_keeps_all_of_them(small_database: str, tmp_path: Path) -> None:
    assert litelift("migrate", ring(tmp_path / "app.sqlite"), small_database).status == 0
    with psycopg.connect(small_database, autocommit=True) as connection:
        connection.execute("create table theirs(id bigint references t5)")
    before = whole_catalogue(small_database)
    ran = litelift("undo", small_database, "--yes")
    assert (ran.status, "constraint theirs_id_fkey on table public.theirs" in ran.err) == (1, True)
    assert whole_catalogue(small_database) == before
