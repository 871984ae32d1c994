"""A bad source: one clear error that names the file and a way out, nothing written, and the source as it was."""

from __future__ import annotations

import gzip
import os
import random
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from application import Application
from broken import as_nobody, failed_as_document, nobodys_python, objects, one_clear_error, seen
from command import litelift
from litelift import errors, migrate

MakeSqlite = Callable[..., Path]
Applications = Callable[..., Application]
SCRIPT = """
    create table pupils(id integer primary key, name text not null, seen datetime);
    create index pupils_name on pupils(name);
    create table marks(id integer primary key, pupil integer references pupils(id), mark integer);
"""
ROWS = [
    ("insert into pupils values (?, ?, ?)", [(n, f"pupil {n}", "2024-05-06 07:08:09") for n in range(2000)]),
    ("insert into marks values (?, ?, ?)", [(n, n % 2000, n % 5) for n in range(2000)]),
]
needs_nobody = pytest.mark.skipif(nobodys_python() is None, reason="no Python here that an ordinary user may run")


@pytest.fixture
def good(make_sqlite: MakeSqlite) -> Path:
    return make_sqlite(SCRIPT, ROWS)


def refused(
    path: Path,
    kind: type[errors.LiteliftError],
    *words: str,
    target: str | None = None,
    settings: dict[str, Any] | None = None,
) -> None:
    """The command and the library refuse the source, with the same words, and leave everything as it was."""
    before = seen(path)
    objects_before = objects(target) if target else []
    more = [target] if target else []
    ran = litelift("migrate", path, *more, settings=settings)
    one_clear_error(ran, kind.exit_code, str(path), *words)
    ran = litelift("migrate", path, *more, "--json", settings=settings)
    document = failed_as_document(ran, kind.exit_code, kind.__name__)
    with pytest.raises(kind) as caught:
        migrate(path, target)
    assert caught.value.message == document["message"]
    assert caught.value.hint == document["hint"]
    assert seen(path) == before
    if target:
        assert objects(target) == objects_before


# --------------------------------------------------------------------- not a file


def test_a_missing_file_is_named_with_the_nearest_name(good: Path) -> None:
    missing = good.with_name("ap.sqlite")
    ran = litelift("migrate", missing)
    one_clear_error(ran, 2, f"there is no file {missing}", f"Did you mean {good}?")
    failed_as_document(litelift("migrate", missing, "--json"), 2, "SourceNotFound")
    assert [path.name for path in good.parent.iterdir()] == [good.name]


def test_a_directory_is_not_taken_for_a_database(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    one_clear_error(litelift("migrate", tmp_path / "data"), 2, str(tmp_path / "data"), "is a directory", "inside")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    one_clear_error(litelift("migrate", tmp_path / "pipe"), 2, str(tmp_path / "pipe"), "a named pipe")


def test_a_socket_is_refused(tmp_path: Path) -> None:
    # A socket's path may be no longer than about a hundred bytes, and a test's folder is.
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(tmp_path)
        try:
            made.bind("sock")
        finally:
            os.chdir(here)
        one_clear_error(litelift("migrate", tmp_path / "sock"), 2, str(tmp_path / "sock"), "a socket")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused_at_once(path: str) -> None:
    one_clear_error(litelift("migrate", path), 2, path, "a device")
    assert not Path(f"{path}.litelift").exists()


def test_a_path_below_a_file_is_no_path(good: Path) -> None:
    one_clear_error(litelift("migrate", good / "deeper"), 2, f"there is no file {good / 'deeper'}")


def test_a_name_that_no_system_allows_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    one_clear_error(litelift("migrate", "x" * 300), 1, "name too long")
    one_clear_error(litelift("migrate", "~nosuchuser/app.sqlite"), 2, "there is no file ~nosuchuser/app.sqlite")


# --------------------------------------------------------------------- not a database


def test_an_empty_file_is_no_database(tmp_path: Path, database: str) -> None:
    (tmp_path / "app.sqlite").touch()
    refused(tmp_path / "app.sqlite", errors.NotADatabase, "the file is empty", target=database)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"id;name\n" * 1000, "not those of a SQLite file"),
        (gzip.compress(random.Random(1).randbytes(9000)), "gzip archive"),
        (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "sqlite3 new.sqlite <"),
        (bytes(16384), "begins with zeros"),
        (b"SQLite", "not those of a SQLite file"),
    ],
    ids=["csv", "gzip", "dump", "zeros", "six bytes"],
)
def test_a_file_of_another_kind_is_told_as_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "app.sqlite").write_bytes(content)
    refused(tmp_path / "app.sqlite", errors.NotADatabase, "is not a SQLite database", words)


@pytest.mark.parametrize(
    "scramble",
    [
        lambda raw: os.urandom(len(raw)),
        lambda raw: os.urandom(100) + raw[100:],
        lambda raw: os.urandom(16) + raw[16:24] + os.urandom(len(raw) - 24),
    ],
    ids=["SQLCipher", "header", "SEE"],
)
def test_an_encrypted_database_is_told_from_a_broken_one(good: Path, scramble: Callable[[bytes], bytes]) -> None:
    good.write_bytes(scramble(good.read_bytes()))
    refused(good, errors.SourceEncrypted, "looks encrypted", "sqlcipher_export")


def test_a_database_under_a_constant_key_is_refused(good: Path) -> None:
    good.write_bytes(bytes(byte ^ 0x5A for byte in good.read_bytes()))
    refused(good, errors.NotADatabase, "encrypted copy")


# --------------------------------------------------------------------- damaged


@pytest.mark.parametrize("keep", [0.0005, 0.25, 0.5, 0.9, -1])
def test_a_truncated_file_is_refused_with_both_sizes(good: Path, keep: float) -> None:
    raw = good.read_bytes()
    cut = raw[:-1] if keep < 0 else raw[: int(len(raw) * keep)]
    good.write_bytes(cut)
    words = ["cut short", f"the file has {len(cut)}"] + ([f"{len(raw)} bytes"] if len(cut) >= 100 else [])
    refused(good, errors.SourceTruncated, *words)


def test_a_file_that_lost_its_last_pages_but_not_its_count_is_refused(good: Path) -> None:
    raw = bytearray(good.read_bytes())
    # Without a valid "version valid for", the count of pages in the header is not to be believed.
    raw[92:96] = bytes(4)
    good.write_bytes(raw[: len(raw) // 2])
    refused(good, errors.SourceCorrupt)


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_page_is_told_with_its_table(good: Path, seed: int) -> None:
    raw, dice = bytearray(good.read_bytes()), random.Random(seed)
    with sqlite3.connect(good) as connection:
        page = connection.execute("select rootpage from sqlite_schema where name = 'pupils'").fetchone()[0]
    connection.close()
    raw[(page - 1) * 4096 : page * 4096] = dice.randbytes(4096)
    good.write_bytes(raw)
    refused(good, errors.SourceCorrupt, "is corrupt", "damaged table pupils", ".recover")


def test_flipped_bytes_are_refused_or_read_and_never_a_traceback(good: Path) -> None:
    raw, dice = good.read_bytes(), random.Random(7)
    for _ in range(40):
        flipped = bytearray(raw)
        for _ in range(20):
            flipped[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        good.write_bytes(flipped)
        # An address where nobody is: what comes through the checks of the source ends there.
        with pytest.raises(errors.LiteliftError) as caught:
            migrate(good, "postgresql://nobody@127.0.0.1:1/none")
        assert isinstance(caught.value, errors.SourceError | errors.TargetUnreachable | errors.DdlError)
        assert caught.value.hint
        assert good.read_bytes() == bytes(flipped)


def test_a_statement_in_the_schema_that_is_damaged_is_told(good: Path) -> None:
    good.write_bytes(good.read_bytes().replace(b"CREATE TABLE pupils", b"CREATE TUBLE pupils"))
    refused(good, errors.SourceCorrupt, "malformed database schema (pupils)")


def test_first_bytes_that_were_written_over_are_told_from_another_file(good: Path) -> None:
    good.write_bytes(bytes(16) + good.read_bytes()[16:])
    refused(good, errors.SourceCorrupt, "its first 16 bytes were written over")


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [(44, (5).to_bytes(4, "big"), "its schema format is 5"), (19, b"\x03", "its read version is 3")],
)
def test_a_newer_format_asks_for_a_newer_sqlite(good: Path, at: int, value: bytes, words: str) -> None:
    raw = bytearray(good.read_bytes())
    raw[at : at + len(value)] = value
    good.write_bytes(raw)
    refused(good, errors.SourceTooNew, words, sqlite3.sqlite_version, "newer SQLite")


def test_more_than_1600_columns_are_refused_before_anything_is_written(make_sqlite: MakeSqlite, database: str) -> None:
    columns = ", ".join(f"c{n} integer" for n in range(1, 1701))
    path = make_sqlite(f"create table wide({columns}); insert into wide(c1) values (7);")
    before = seen(path)
    one_clear_error(
        litelift("migrate", path, database), 1, "wide has 1700 columns", "1,600", "Exclude some in the plan"
    )
    assert objects(database) == []
    # Without a target neither a server nor a folder stays.
    one_clear_error(litelift("migrate", path), 1, "wide has 1700 columns")
    assert seen(path) == before


# --------------------------------------------------------------------- in use


def test_a_file_whose_name_is_not_utf_8_is_told_with_a_way_round(good: Path, database: str) -> None:
    name = good.with_name(os.fsdecode(b"caf\xe9.sqlite"))
    good.rename(name)
    ran = litelift("migrate", name, database)
    one_clear_error(ran, 1, "is not UTF-8", "ln -s")
    link = name.with_name("cafe.sqlite")
    link.symlink_to(name)
    assert litelift("migrate", link, database).status == 0


def test_a_database_that_another_program_has_locked_is_told(
    good: Path, applications: Applications, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    applications(good, "c.execute('begin exclusive')")
    # It never comes free: to wait as long as for one that may would show nothing more.
    monkeypatch.setattr("litelift.sqlite.open.BUSY_SECONDS", 0.2)
    settings = {"litelift.sqlite.open:BUSY_SECONDS": 0.2}
    words = "is locked by another program", "Stop the program"
    refused(good, errors.SourceLocked, *words, target=database, settings=settings)


def test_a_writer_in_a_write_ahead_log_does_not_stop_a_move(
    good: Path, applications: Applications, database: str
) -> None:
    with sqlite3.connect(good) as connection:
        connection.execute("pragma journal_mode = wal")
    connection.close()
    applications(
        good,
        "c.execute('pragma wal_autocheckpoint = 0'); c.execute('insert into marks values (5000, 1, 1)'); number = 5001",
        "while True: c.execute('insert into marks values (?, 1, 1)', (number,)); number += 1; time.sleep(0.002)",
    )
    before = good.read_bytes(), good.stat().st_mtime_ns
    ran = litelift("migrate", good, database)
    assert ran.status == 3, ran.err
    assert "the source was written to while it was moved" in " ".join(ran.out.split())
    assert (good.read_bytes(), good.stat().st_mtime_ns) == before


def test_a_move_leaves_the_source_and_its_log_byte_for_byte(
    good: Path, applications: Applications, database: str
) -> None:
    applications(
        good,
        "c.execute('pragma journal_mode = wal'); c.execute('pragma wal_autocheckpoint = 0');"
        "c.execute('insert into marks values (5000, 1, 1)')",
    )
    before = seen(good)
    assert len(before.files[f"{good}-wal"][0]) > 0
    assert litelift("migrate", good, database, "--jobs", "2").status == 0
    after = seen(good)
    assert after.files == before.files
    assert after.beside - before.beside == {f"{good.name}.litelift"}


def test_a_log_that_its_program_left_is_read_and_left_as_it_is(
    good: Path, applications: Applications, database: str
) -> None:
    killed = applications(
        good,
        "c.execute('pragma journal_mode = wal'); c.execute('pragma wal_autocheckpoint = 0');"
        "c.execute('insert into marks values (5000, 1, 1)')",
    )
    killed.kill()
    before = seen(good)
    assert len(before.files[f"{good}-wal"][0]) > 0
    result = migrate(good, database)
    assert result.exit_code == 0
    assert {table.source: table.loaded for table in result.tables}["marks"] == 2001
    assert seen(good) == before


def test_a_database_in_write_ahead_mode_without_its_log_gets_none(good: Path, database: str) -> None:
    with sqlite3.connect(good) as connection:
        connection.execute("pragma journal_mode = wal")
    connection.close()
    before = seen(good)
    assert migrate(good, database, jobs=2).exit_code == 0
    assert seen(good) == before


def test_a_journal_that_must_be_rolled_back_is_told_and_left_alone(good: Path, applications: Applications) -> None:
    killed = applications(
        good,
        "c.execute('pragma cache_size = 2'); c.execute('begin immediate');"
        "c.execute('update pupils set name = name || hex(randomblob(200))')",
    )
    killed.kill()
    assert Path(f"{good}-journal").exists()
    refused(good, errors.SourceUnreadable, f"{good.name}-journal", "roll back", "Start and stop the application")


# --------------------------------------------------------------------- without the rights


@contextmanager
def socket_for_all(url: str) -> Iterator[None]:
    """Let other users through to the server of a test, whose folder is its owner's alone."""
    folder = Path(str(conninfo_to_dict(url)["host"]))
    mode = folder.stat().st_mode
    folder.chmod(0o750 if os.geteuid() else 0o711)
    yield
    folder.chmod(mode)


@pytest.fixture
def open_folder(good: Path) -> Iterator[Path]:
    """The source in a folder that an ordinary user may reach, and not write to."""
    if os.geteuid() == 0:
        for folder in good.parents:
            if str(folder).startswith("/tmp/"):
                folder.chmod(folder.stat().st_mode | 0o011)
    yield good
    good.parent.chmod(0o755)


@needs_nobody
def test_a_file_without_the_right_to_read_it_is_told(open_folder: Path) -> None:
    open_folder.chmod(0o000 if os.geteuid() else 0o600)
    ran = as_nobody("migrate", open_folder)
    one_clear_error(ran, 1, f"{open_folder} cannot be read: permission denied", "permissions")


@needs_nobody
def test_a_folder_without_the_right_to_enter_it_is_told(open_folder: Path) -> None:
    open_folder.parent.chmod(0o600 if os.geteuid() else 0o700)
    if os.geteuid():
        open_folder.parent.chmod(0o000)
    ran = as_nobody("migrate", open_folder)
    open_folder.parent.chmod(0o755)
    one_clear_error(ran, 1, f"{open_folder} cannot be read: permission denied", "directory")


@needs_nobody
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_read_only_file_in_a_read_only_folder_is_moved(open_folder: Path, mode: str, database: str) -> None:
    with sqlite3.connect(open_folder) as connection:
        connection.execute(f"pragma journal_mode = {mode}")
    connection.close()
    open_folder.chmod(0o444)
    open_folder.parent.chmod(0o555)
    before = seen(open_folder)
    with socket_for_all(database):
        ran = as_nobody("migrate", open_folder, database, "--report", "/nonexistent/report")
    assert ran.status == 0, ran.err
    assert "Moved and proved" in ran.out
    assert "/nonexistent/report" in ran.err
    assert seen(open_folder) == before


@needs_nobody
def test_a_log_in_a_read_only_folder_is_told_with_the_way_out(open_folder: Path, applications: Applications) -> None:
    killed = applications(
        open_folder,
        "c.execute('pragma journal_mode = wal'); c.execute('pragma wal_autocheckpoint = 0');"
        "c.execute('insert into marks values (5000, 1, 1)')",
    )
    killed.kill()
    Path(f"{open_folder}-shm").unlink()
    open_folder.parent.chmod(0o555)
    before = seen(open_folder)
    ran = as_nobody("migrate", open_folder)
    open_folder.parent.chmod(0o755)
    one_clear_error(ran, 1, f"{open_folder} cannot be read", f"{open_folder.name}-shm", "Copy the file and its -wal")
    assert seen(open_folder) == before


@needs_nobody
def test_a_folder_that_may_not_be_written_to_holds_no_server_and_says_so(open_folder: Path) -> None:
    open_folder.parent.chmod(0o555)
    before = seen(open_folder)
    ran = as_nobody("migrate", open_folder)
    open_folder.parent.chmod(0o755)
    one_clear_error(ran, 1, "did not start: Permission denied", "name a target")
    assert seen(open_folder) == before
