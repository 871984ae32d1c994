"""What a drill or a restore meets that is not the backup's fault: it stays as good, and what serves as it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from backup_case import backup
from backup_threats import Older, fill, only_error
from conftest import Url, fresh_database
from hooking import run_hooked
from small_disk import small_disk


@pytest.fixture
def older(database: str, tmp_path: Path) -> Older:
    fill(database)
    return Older(database, tmp_path / "backups")


def databases(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("select datname from pg_database where datname !~ '^t[0-9]+_'")}


@pytest.mark.parametrize("megabytes", [1, 16, 70])
def test_a_drill_whose_disk_is_full_says_nothing_of_the_backup(database: str, tmp_path: Path, megabytes: int) -> None:
    """Before it begins; while the server is made; while the rows are restored."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "create table grade as select g, repeat(md5(g::text), 60) as note from generate_series(1, %s) g",
            (100 if megabytes < 70 else 16_000,),
        )
    older = Older(database, tmp_path / "backups")
    with small_disk(megabytes) as disk:
        ran = backup("drill", "--scratch", "--json", folder=older.folder, temporary=disk)
        only_error(ran, "DrillImpossible", hint="TMPDIR")
        assert list(disk.iterdir()) == []
    older.holds(event="drill")


def test_a_drill_in_a_folder_that_is_not_there_is_made_elsewhere_or_not_at_all(older: Older, tmp_path: Path) -> None:
    ran = backup("drill", "--scratch", "--json", folder=older.folder, temporary=tmp_path / "gone")
    assert ran.status == 0, ran


def as_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))


@pytest.mark.superuser
def test_a_login_that_may_not_says_nothing_of_the_backup(older: Older) -> None:
    with psycopg.connect(older.url, autocommit=True) as admin:
        role = f"threat_{admin.info.dbname}"
        admin.execute(f"create role {role} login")
        before = databases(older.url)
        try:
            url = as_role(older.url, role)
            for command, words in (("drill", ["--beside"]), ("restore", [])):
                ran = backup(command, url, *words, "--json", folder=older.folder)
                assert ran.status == 1 and "permission denied" in ran.json["error"]["message"], ran
                assert ran.json["error"]["hint"]
                older.holds("permission denied", event=command)
                assert databases(older.url) == before
            live = urlsplit(url).path.lstrip("/")
            ran = backup("restore", url, "--over", "--confirm", live, "--json", folder=older.folder)
            assert ran.status == 1, ran
            older.holds(event="restore")
        finally:
            admin.execute(f"drop owned by {role}; drop role {role}")


def test_a_server_that_lacks_an_extension_says_nothing_of_the_backup(
    icu_server: Url, server: Url, tmp_path: Path
) -> None:
    with fresh_database(icu_server) as url:
        fill(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create extension citext; create table tag (name citext); insert into tag values ('a')")
        older = Older(url, tmp_path / "backups")
    before = databases(server("postgres"))
    for command, words in (("drill", ["--beside"]), ("restore", [])):
        ran = backup(command, server("postgres"), *words, "--json", folder=older.folder)
        kind = "DrillImpossible" if command == "drill" else "RestoreImpossible"
        only_error(ran, kind, "citext", hint="Install")
        older.holds("citext", event=command)
    assert databases(server("postgres")) == before


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "own"
    folder.mkdir(mode=0o755)
    yield folder


@pytest.mark.parametrize(("number", "action"), [("SIGTERM", "self"), ("SIGINT", "group")])
@pytest.mark.parametrize(("command", "phase"), [("drill", "compare"), ("restore", "compare"), ("verify", "test")])
def test_a_signal_leaves_nothing_of_it(
    older: Older, own: Path, command: str, phase: str, number: str, action: str
) -> None:
    before = databases(older.url)
    words: list[str | Path] = ["backup", command, older.url, "--folder", older.folder, "--json"]
    ran = run_hooked(phase, action, number, *words, environment={**os.environ, "TMPDIR": str(own)})
    assert ran.status == 128 + signal.Signals[number], ran
    assert ran.json["error"]["message"] == "stopped"
    assert list(own.iterdir()) == []
    assert databases(older.url) == before
    older.holds(event=command)


def test_what_a_killed_restore_leaves_goes_with_the_next(older: Older, own: Path) -> None:
    before = databases(older.url)
    words: list[str | Path] = ["backup", "restore", older.url, "--folder", older.folder, "--json"]
    ran = run_hooked("compare", "self", "SIGKILL", *words)
    assert ran.status == -signal.SIGKILL
    left = databases(older.url) - before
    assert len(left) == 1
    older.listed()
    done = backup("restore", older.url, "--json", folder=older.folder)
    assert done.status == 0, done
    assert databases(older.url) == before
    with psycopg.connect(older.url, autocommit=True) as admin:
        admin.execute(f'drop database "{done.json["database"]}"')


@pytest.mark.parametrize("command", ["drill", "restore"])
def test_a_server_that_ends_the_sessions_says_nothing_of_the_backup(older: Older, command: str, tmp_path: Path) -> None:
    """In the database that is restored beside."""
    before = databases(older.url)
    statement = tmp_path / "statement.sql"
    statement.write_text(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname like 'litelift\\_restore\\_%'"
    )
    words: list[str | Path] = [
        "backup",
        command,
        older.url,
        *(["--beside"] if command == "drill" else []),
        "--folder",
        older.folder,
    ]
    environment = {**os.environ, "STATEMENT": str(statement)}
    ran = run_hooked("compare", "statement", older.url, *words, "--json", environment=environment)
    only_error(ran, "DrillImpossible" if command == "drill" else "RestoreImpossible", hint="server's log")
    assert databases(older.url) == before
    older.holds(event=command)
