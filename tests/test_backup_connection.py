"""What leads litelift to a server leads pg_dump and pg_restore there too, whatever is set on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from backup_case import backup, fill, made
from command import litelift
from litelift.backup.program import Failed
from litelift.backup.tools import tools_for
from litelift.backup.unpack import _grave
from litelift.errors import UsageError

Url = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.mark.parametrize("way", ["words", "variable"])
def test_what_is_asked_for_goes_before_what_the_service_says(
    database: str, folder: Path, tmp_path: Path, way: str
) -> None:
    fill(database)
    with psycopg.connect(database) as connection:
        info = connection.info
        service = f"[school]\nhost={info.host}\nport={info.port}\nuser={info.user}\ndbname=postgres\n"
        name = info.dbname
    path = tmp_path / "services"
    path.write_text(service)
    words = f"service=school dbname={name}" if way == "words" else f"dbname={name}"
    environment = {"PGSERVICEFILE": str(path), **({"PGSERVICE": "school"} if way == "variable" else {})}
    ran = litelift(
        "backup", "create", words, "--json", "--folder", folder, cwd=None, settings=None, only=None, **environment
    )
    assert ran.status == 0, ran.err
    assert ran.json["database"] == name
    drilled = litelift(
        "backup",
        "drill",
        words,
        "--beside",
        "--json",
        "--folder",
        folder,
        cwd=None,
        settings=None,
        only=None,
        **environment,
    )
    assert (drilled.status, drilled.json["ok"]) == (0, True), drilled.err


def test_a_secret_that_would_stand_in_a_programs_words_is_refused() -> None:
    tools = tools_for(160000)
    with pytest.raises(UsageError) as refused:
        tools.start("pg_dump", ["--version"], "host=/nonexistent sslkey=/x sslpassword=geheim")
    assert "sslpassword" in refused.value.message and "geheim" not in str(refused.value)


@pytest.mark.superuser
def test_a_database_that_was_made_read_only_is_backed_up_and_restored(database: str, folder: Path) -> None:
    """So it is frozen before a restore; the login may lead into it."""
    fill(database)
    with psycopg.connect(database, autocommit=True) as connection:
        name = connection.info.dbname
        change = sql.SQL("alter database {} set default_transaction_read_only = on")
        connection.execute(change.format(sql.Identifier(name)))
    made(database, folder)
    drilled = backup("drill", database, "--beside", "--json", folder=folder)
    assert (drilled.status, drilled.json["ok"]) == (0, True), drilled.err
    ran = backup("restore", database, "--over", "--confirm", name, "--json", folder=folder)
    assert ran.status == 0, ran.err
    kept = ran.json["switched"]["kept_name"]
    with psycopg.connect(database, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(kept)))
        left = connection.execute("select count(*) from pg_database where datname like 'litelift%'").fetchone()
    assert left == (0,)


def test_a_database_with_a_name_like_a_connection_string_is_backed_up_and_drilled(server: Url, folder: Path) -> None:
    name = "host=nowhere 'x' dbname=postgres"
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        dsn = admin.info.dsn
    try:
        words = psycopg.conninfo.make_conninfo(dsn, dbname=name)
        with psycopg.connect(words, autocommit=True) as connection:
            connection.execute("create table t as select 1 as n")
        for form in ("custom", "directory"):
            assert made(words, folder, "--format", form)["database"] == name
            for where in ("--beside", "--scratch"):
                ran = backup("drill", words, where, "--json", folder=folder)
                assert (ran.status, ran.json["ok"]) == (0, True), ran.err
    finally:
        with psycopg.connect(server("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_a_name_that_postgresql_would_cut_is_refused(database: str, folder: Path) -> None:
    made(database, folder)
    ran = backup("restore", database, "--to", "ə" * 32, "--json", folder=folder)
    assert ran.status == 2, ran.err
    assert "64" in json.dumps(ran.json["error"])


@pytest.mark.parametrize(
    ("said", "grave"),
    [
        ('pg_restore: error: could not execute query: ERROR:  unrecognized parameter "transaction_timeout"', False),
        ("pg_restore: error: could not execute query: FEHLER:  Parameter »transaction_timeout« unbekannt", False),
        ("pg_restore: error: could not execute query: ERROR:  relation does not exist", True),
    ],
)
def test_what_an_older_server_does_not_know_is_no_failure_in_any_language(said: str, grave: bool) -> None:
    assert _grave(Failed("pg_restore", 1, [said, "pg_restore: warning: errors ignored on restore: 1"])) is grave
