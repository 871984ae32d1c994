"""The server of a drill takes what it has to take, harms nobody else's, and is gone afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from backup_case import backup, fill, made
from litelift.backup.scratch import NOTE, _refused, clear_left

Url = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def tablespace(database: str) -> Iterator[str]:
    """The name of a tablespace of the server's own."""
    with psycopg.connect(database, autocommit=True) as connection:
        name = f"fast {connection.info.dbname}"
        with connection.transaction():
            connection.execute("set local allow_in_place_tablespaces = on")
        connection.execute("set allow_in_place_tablespaces = on")
        connection.execute(sql.SQL("create tablespace {} location ''").format(sql.Identifier(name)))
        yield name
        connection.execute("drop table if exists quick")
        connection.execute(sql.SQL("drop tablespace {}").format(sql.Identifier(name)))


@pytest.mark.superuser
def test_a_tablespace_that_is_not_here_is_no_fault_of_the_backup(database: str, folder: Path, tablespace: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        words = sql.SQL("create table quick tablespace {} as select g from generate_series(1, 3) g")
        connection.execute(words.format(sql.Identifier(tablespace)))
    manifest = made(database, folder)
    assert manifest["server"]["tablespaces"] == [tablespace]
    ran = backup("drill", "--scratch", "--json", folder=folder)
    assert (ran.status, ran.json["ok"]) == (0, True), ran.err


def test_a_drill_works_in_a_long_folder_with_spaces(database: str, folder: Path, tmp_path: Path) -> None:
    fill(database)
    made(database, folder)
    own = tmp_path / f"with 'spaces', \"quotes\" and {'x' * 80}"
    own.mkdir(mode=0o755)
    ran = backup("drill", "--scratch", "--json", folder=folder, temporary=own)
    assert (ran.status, ran.json["ok"]) == (0, True), ran.err
    assert list(own.iterdir()) == []


def test_a_note_of_a_drill_that_names_somebody_elses_removes_nothing(tmp_path: Path) -> None:
    store, theirs = tmp_path / "backups", tmp_path / "theirs"
    store.mkdir()
    theirs.mkdir()
    (theirs / "data").mkdir()
    (theirs / "data" / "precious").write_text("x")
    linked = tmp_path / "litelift-drill-linked"
    linked.symlink_to(theirs)
    for named in (str(theirs), str(linked), f"{theirs}/../litelift-drill-x", "", "\0", 7, None, [str(theirs)]):
        (store / NOTE).write_text(json.dumps({"folder": named, "programs": str(tmp_path)}))
        clear_left(store)
        assert not (store / NOTE).exists()
        assert (theirs / "data" / "precious").exists() and linked.is_symlink()


def test_a_process_that_has_a_gone_servers_number_is_left_alone(tmp_path: Path) -> None:
    """After the machine was started anew any program can have it, another PostgreSQL above all."""
    import os
    import shutil

    from litelift.postgres.programs import system_user

    store, place = tmp_path / "backups", tmp_path / "litelift-drill-old"
    store.mkdir()
    (place / "data").mkdir(parents=True)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        (place / "data" / "postmaster.pid").write_text(f"{process.pid}\n{place}/data\n")
        if os.geteuid() == 0:
            shutil.chown(place, system_user().pw_uid)
        (store / NOTE).write_text(json.dumps({"folder": str(place)}))
        clear_left(store)
        assert not place.exists()
        assert process.poll() is None
    finally:
        process.communicate(b"\n")
    assert process.returncode == 0


def test_an_extension_that_cannot_be_made_here_says_nothing_about_the_backup(database: str) -> None:
    """pg_cron's library, say, has to be loaded when a server starts: that such a server has its files is not enough."""
    with psycopg.connect(database, autocommit=True) as connection:
        told = list(_refused(connection, ["plpgsql", "no such", "vector"]))
        assert [one.partition(" (")[0] for one in told] == ["the extension no such"]
        assert connection.execute("select count(*) from pg_extension").fetchone() == (1,)
