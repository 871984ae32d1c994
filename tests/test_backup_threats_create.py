"""What a backup meets while it is made: whatever it is, the older ones stay, and nothing half-made is listed."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from backup_case import backup, made, names
from backup_threats import Older, fill, lets, no_session, none_left, only_error, waiting_dump
from command import Ran, litelift
from cut_connection import through_a_cut
from litelift.backup.create import create
from litelift.backup.signs import Sign
from litelift.backup.store import Store
from litelift.backup.subject import subject
from litelift.errors import BackupDiskFull, BackupNotRecorded
from small_disk import small_disk

FORMS = pytest.mark.parametrize("form", ["custom", "directory", "encrypted"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def words_of(form: str) -> list[str]:
    """The words that make it so."""
    if form != "encrypted":
        return ["--format", form]
    pyrage = pytest.importorskip("pyrage", reason="pyrage: pip install 'litelift[backup]'")
    return ["--recipient", str(pyrage.x25519.Identity.generate().to_public())]


@FORMS
def test_a_disk_that_is_full_in_the_middle_of_the_dump(database: str, form: str) -> None:
    fill(database)
    with small_disk(4) as disk:
        older = Older(database, disk / "backups")
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "insert into grade select g, repeat(md5(g::text), 20) from generate_series(1001, 11000) g"
            )
        ran = litelift(
            *("backup", "create", database, "--folder", older.folder, "--json", "--compress", "none"),
            *words_of(form),
            settings={"litelift.backup.create:SPARE": 0},
        )
        only_error(ran, "BackupDiskFull", str(older.folder), hint="Make room")
        older.holds("room enough")


def test_a_disk_that_would_be_full_is_told_before_the_server_is_troubled(database: str) -> None:
    fill(database)
    with small_disk(4) as disk:
        older = Older(database, disk / "backups")
        ran = backup("create", database, "--json", folder=older.folder)
        only_error(ran, "BackupDiskFull", hint="Make room")
        older.holds("room enough")


def fill_up(folder: Path) -> None:
    """Leave no byte on the disk."""
    with (folder.parent / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def test_a_disk_that_is_full_when_the_manifest_is_written(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(database)
    monkeypatch.setattr("litelift.backup.create.SPARE", 0)
    with small_disk(4) as disk:
        older = Older(database, disk / "backups")

        def on_sign(sign: Sign) -> None:
            if sign.phase == "read" and sign.finished:
                fill_up(older.folder)

        with pytest.raises(BackupDiskFull) as caught:
            create(subject(database, older.folder), on_sign=on_sign)
        # What was written of the backup is gone, and the disk has room for the line in the history.
        assert "room enough" in caught.value.message
        older.holds("room enough")


def test_a_history_that_cannot_be_written_hides_no_backup(database: str, folder: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full: there is no such device")
    fill(database)
    older = Older(database, folder)
    (folder / "history.jsonl").unlink()
    (folder / "history.jsonl").symlink_to("/dev/full")
    ran = backup("create", database, "--json", folder=folder)
    error = only_error(ran, "BackupNotRecorded", "No space left on device", "was made")
    new = next(name for name in names(folder) if name != older.name)
    assert new in error["message"]
    listed = backup("list", "--json", folder=folder)
    assert {one["name"]: one["good"] for one in listed.json["backups"]} == {older.name: True, new: True}
    with pytest.raises(BackupNotRecorded):
        create(subject(database, folder))


@FORMS
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_pg_dump_that_is_killed(database: str, folder: Path, form: str, number: signal.Signals) -> None:
    fill(database)
    older = Older(database, folder)
    with waiting_dump(database, "--folder", folder, "--json", *words_of(form)) as (process, programs):
        os.kill(programs[0], number)
        out, err = process.communicate()
        ran = Ran(process.wait(), out, err)
        none_left(programs)
    only_error(ran, "BackupFailed", "pg_dump", hint="older backups")
    older.holds("pg_dump")


@FORMS
@pytest.mark.parametrize(("number", "group"), [(signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGINT, True)])
def test_a_litelift_that_is_ended_leaves_no_pg_dump_and_the_next_tidies_up(
    database: str, folder: Path, form: str, number: signal.Signals, group: bool
) -> None:
    fill(database)
    older = Older(database, folder)
    with waiting_dump(database, "--folder", folder, "--json", *words_of(form)) as (process, programs):
        os.killpg(process.pid, number) if group else os.kill(process.pid, number)
        _, err = process.communicate()
        status = process.wait()
        none_left(programs)
    no_session(database)
    if number == signal.SIGKILL:
        assert status == -signal.SIGKILL
        assert [name for name in names(folder) if name.endswith(".part")]
        older.listed()
    else:
        assert (status, "stopped" in err) == (128 + number, True), err
        older.holds()
    new = made(database, folder)["name"]
    assert names(folder) == sorted([older.name, new])


@pytest.mark.parametrize("second", ["create", "verify", "restore", "drill", "prune"])
def test_two_at_once_are_told_who_is_the_other(database: str, folder: Path, second: str) -> None:
    fill(database)
    older = Older(database, folder)
    with waiting_dump(database, "--folder", folder) as (process, _):
        ran = backup(second, database, "--json", folder=folder)
        only_error(ran, "BackupBusy", f"process {process.pid} on ", hint="litelift backup list")
        # Of what is being made nothing is shown.
        older.listed()


@pytest.mark.parametrize("tools", ["/usr/lib/postgresql/15/bin", "nowhere", "empty"])
def test_client_programs_that_are_older_than_the_server_or_not_there(
    database: str, folder: Path, tmp_path: Path, tools: str
) -> None:
    if tools.startswith("/") and not Path(tools, "pg_dump").exists():
        pytest.skip("pg_dump: no PostgreSQL 15 of the machine's own (apt-get install postgresql-client-15)")
    fill(database)
    older = Older(database, folder)
    (tmp_path / "empty").mkdir()
    place = tools if tools.startswith("/") else str(tmp_path / tools)
    (tmp_path / "litelift.toml").write_text(f'[backup]\nurl = "{database}"\ntools = "{place}"\n')
    ran = backup("create", tmp_path / "litelift.toml", "--json", folder=folder)
    told = "which cannot read a newer server" if tools.startswith("/") else f"none in {place}"
    only_error(ran, "BackupToolMissing", told, hint="[backup] tools")
    older.holds(told)


@pytest.mark.postgres(18)
def test_the_next_server_needs_the_next_programs(database: str, folder: Path, tmp_path: Path) -> None:
    from litelift.postgres.programs import shipped

    fill(database)
    older = Older(database, folder)
    (tmp_path / "litelift.toml").write_text(f'[backup]\nurl = "{database}"\ntools = "{shipped(16)}"\n')
    ran = backup("create", tmp_path / "litelift.toml", "--json", folder=folder)
    only_error(ran, "BackupToolMissing", "pg_dump for PostgreSQL 18", "found 16")
    older.holds("found 16")


def break_sessions(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and application_name = 'litelift'"
        )


@FORMS
def test_a_server_that_ends_the_sessions(database: str, folder: Path, form: str) -> None:
    fill(database)
    older = Older(database, folder)
    with waiting_dump(database, "--folder", folder, "--json", *words_of(form)) as (process, programs):
        break_sessions(database)
        out, err = process.communicate()
        none_left(programs)
    only_error(Ran(process.wait(), out, err), "BackupFailed", hint="server's log")
    older.holds()


@FORMS
def test_a_connection_that_is_cut(database: str, folder: Path, form: str, tmp_path: Path) -> None:
    fill(database)
    older = Older(database, folder)
    sockets = tmp_path / "s"
    sockets.mkdir()
    with through_a_cut(database, sockets) as (between, url):
        between.cut_before(b"zebra")
        ran = backup("create", url, "--json", *words_of(form), folder=folder)
    only_error(ran, "BackupFailed", hint="server's log")
    older.holds()


def test_a_server_that_is_not_there_any_more(database: str, folder: Path, tmp_path: Path) -> None:
    fill(database)
    older = Older(database, folder)
    ran = backup("create", f"postgresql://nobody@/x?host={tmp_path}", "--json", folder=folder)
    only_error(ran, "TargetUnreachable")
    older.holds("cannot connect")


def test_a_table_that_somebody_has_locked_for_too_long(database: str, folder: Path) -> None:
    fill(database)
    older = Older(database, folder)
    waits: dict[str, dict[str, object]] = {
        "zebra": {"litelift.backup.dump:LOCK_MILLISECONDS": 300},
        "grade": {"litelift.backup.snapshot:LOCK_WAIT": "300ms"},
    }
    with psycopg.connect(database) as locking:
        for table, settings in waits.items():
            locking.execute(sql.SQL("lock table {} in access exclusive mode").format(sql.Identifier(table)))
            ran = litelift("backup", "create", database, "--folder", folder, "--json", settings=settings)
            only_error(ran, "BackupFailed", "timeout", hint="pg_locks")
            older.holds("timeout")


def test_a_table_that_is_dropped_meanwhile(database: str, folder: Path) -> None:
    fill(database)
    older = Older(database, folder)
    with psycopg.connect(database) as dropping:
        dropping.execute("drop table zebra")
        ran = lets(dropping, database, "--folder", folder, "--json")
    only_error(ran, "BackupFailed", "zebra", hint="Do it again")
    older.holds("zebra")
    assert backup("create", database, folder=folder).status == 0


@pytest.mark.superuser
def test_a_role_that_may_not_read_a_table_or_not_all_of_its_rows(database: str, folder: Path, tmp_path: Path) -> None:
    fill(database)
    older = Older(database, folder)
    with psycopg.connect(database, autocommit=True) as admin:
        role = f"threat_{admin.info.dbname}"
        admin.execute(f"create role {role} login")
        parts = urlsplit(database)
        url = urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))
        try:
            ran = backup("create", url, "--json", folder=folder)
            only_error(ran, "BackupFailed", "permission denied", hint="pg_read_all_data")
            older.holds("permission denied")
            # What the hint says is true.
            admin.execute(f"grant pg_read_all_data to {role}")
            assert backup("create", url, folder=tmp_path / "other").status == 0
            admin.execute("alter table grade enable row level security")
            ran = backup("create", url, "--json", folder=folder)
            only_error(ran, "BackupFailed", "row-level security", "grade", hint="BYPASSRLS")
            older.holds("row-level security")
            admin.execute(f"alter role {role} bypassrls")
            assert backup("create", url, folder=tmp_path / "other").status == 0
        finally:
            admin.execute(f"drop owned by {role}; drop role {role}")


@pytest.mark.superuser
def test_a_database_that_is_not_in_utf8(database: str, server: Callable[[str], str], folder: Path) -> None:
    fill(database)
    older = Older(database, folder)
    with psycopg.connect(database, autocommit=True) as admin:
        name = f"{admin.info.dbname}_latin"
        admin.execute(f"create database {name} encoding 'LATIN1' locale 'C' template template0")
        try:
            ran = backup("create", server(name), "--json", folder=folder)
        finally:
            admin.execute(f"drop database {name}")
    only_error(ran, "TargetEncoding", "LATIN1")
    older.holds("LATIN1")


def test_a_folder_whose_disk_is_not_mounted_or_that_is_something_else(database: str, tmp_path: Path) -> None:
    fill(database)
    (tmp_path / "file").write_text("mine")
    for place, kind in (
        (tmp_path / "mnt" / "disk" / "backups", "BackupFolderMissing"),
        (tmp_path / "file", "BackupFolderUnusable"),
        (tmp_path / "file" / "backups", "BackupFolderUnusable"),
    ):
        only_error(backup("create", database, "--json", folder=place), kind, hint="ount")
    only_error(backup("list", "--json", folder=tmp_path / "file"), "BackupFolderUnusable", "Not a directory")
    assert (tmp_path / "file").read_text() == "mine"
    assert not (tmp_path / "mnt").exists()


def test_a_folder_that_vanishes_in_the_middle(database: str, folder: Path) -> None:
    fill(database)
    Older(database, folder)
    with waiting_dump(database, "--folder", folder, "--json") as (process, programs):
        shutil.rmtree(folder)
        os.kill(programs[0], signal.SIGTERM)
        out, err = process.communicate()
    only_error(Ran(process.wait(), out, err), "BackupFailed", "pg_dump")
    assert not folder.exists()


@pytest.mark.parametrize("label", ["../../out", "--help", "a\nb\x1b[31m", "", "." * 300, "ə/ß"])
def test_no_name_of_a_project_leads_out_of_the_folder(database: str, folder: Path, label: str) -> None:
    from datetime import UTC, datetime

    name = Store(folder).new_name(label, datetime.now(UTC))
    assert (folder / name).resolve().parent == folder.resolve()
    assert name.isprintable() and name.isascii() and not name.startswith((".", "-")) and len(name) < 100
