"""A backup is of one moment whatever others do to the tables meanwhile, and takes no more sessions than there are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from backup_case import backup, made
from broken import wait_for
from litelift.backup.digest import contents, tables
from litelift.backup.snapshot import snapshot
from litelift.errors import BackupFailed

Url = Callable[[str], str]


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ("alter table grade alter n type bigint", 100),
        ("truncate grade", 0),
        ("alter table grade rename to mark", 100),
        ("drop table grade", None),
    ],
)
def test_a_table_that_is_rewritten_as_the_backup_begins_is_not_empty_in_it(
    database: str, tmp_path: Path, change: str, rows: int | None
) -> None:
    folder = tmp_path / "backups"
    with psycopg.connect(database) as other, psycopg.connect(database, autocommit=True) as looking:
        looking.execute("create table grade as select g as n from generate_series(1, 100) g")
        other.execute(change)
        found: list[dict[str, object]] = []
        thread = threading.Thread(target=lambda: found.append(made(database, folder)))
        thread.start()
        try:
            # Its moment is from before the change.
            waits = "select count(*) from pg_locks where not granted and relation is not null"
            wait_for(lambda: looking.execute(waits).fetchone() != (0,))
        finally:
            other.commit()
            thread.join()
    tables = found[0]["tables"]
    assert isinstance(tables, list)
    assert [table["rows"] for table in tables] == ([] if rows is None else [rows])
    ran = backup("drill", database, "--beside", "--json", folder=folder)
    assert (ran.status, ran.json["ok"]) == (0, True), ran.err


@pytest.mark.superuser
@pytest.mark.parametrize(("form", "limit"), [("directory", 3), ("custom", 4)])
def test_a_role_of_few_sessions_is_enough(database: str, tmp_path: Path, form: str, limit: int) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        name = f"few_{connection.info.dbname}"
        connection.execute(f"create role {name} login connection limit {limit}")
        try:
            for number in range(6):
                connection.execute(f"create table t{number} as select 1 as n")
                connection.execute(f"alter table t{number} owner to {name}")
            words = psycopg.conninfo.make_conninfo(connection.info.dsn, user=name)
            manifest = made(words, tmp_path / "backups", "--format", form, "--jobs", "4")
            assert len(manifest["tables"]) == 6
        finally:
            connection.execute(f"drop owned by {name}")
            connection.execute(f"drop role {name}")


@pytest.mark.parametrize("change", ["truncate grade", "alter table grade alter n type bigint"])
def test_a_table_that_is_emptied_before_it_is_read_is_not_taken_for_empty(database: str, change: str) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("create table grade as select g as n from generate_series(1, 100) g")
        with snapshot(database) as (holding, name):
            found = tables(holding)
            other.execute(change)
            with pytest.raises(BackupFailed, match=r"public\.grade was rewritten"):
                contents(database, name, found, 2)
