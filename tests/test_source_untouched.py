"""The source is never touched: whatever is done with it, every file of it is as it was, and nothing new lies beside it.

Allowed beside the source is what is documented: ``NAME.litelift`` (the report, the embedded server); and for a database
in write-ahead mode that nobody had open, an empty ``-wal`` and a ``-shm`` where litelift itself was killed.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from application import Application
from broken import as_nobody, nobodys_python, one_clear_error
from command import litelift
from hooking import killed, run_hooked
from litelift import errors, migrate, verify
from litelift.preflight.survey import inspect_source
from litelift.sqlite.beside import made_by_reading
from litelift.sqlite.identity import identity
from litelift.sqlite.open import open_source, writers_held

SCRIPT = """
    create table pupils(id integer primary key, name text not null, seen datetime);
    create index pupils_name on pupils(name);
    create table marks(id integer primary key, pupil integer references pupils(id), mark integer);
"""
needs_nobody = pytest.mark.skipif(nobodys_python() is None, reason="no Python here that an ordinary user may run")


@dataclass(frozen=True)
class File:
    """One file as it is on disk."""

    content: bytes
    modified: int
    inode: int
    mode: int
    owner: tuple[int, int]
    link: str | None


def file(path: Path) -> File:
    found = path.lstat()
    link = str(path.readlink()) if path.is_symlink() else None
    content = b"" if link is not None else path.read_bytes()
    return File(content, found.st_mtime_ns, found.st_ino, found.st_mode, (found.st_uid, found.st_gid), link)


def beside(path: Path) -> dict[str, File]:
    """Every file in the source's folder. Of a shared memory that is in use, only that it is there."""
    found = {}
    for one in path.parent.iterdir():
        if one.is_file() or one.is_symlink():
            found[one.name] = file(one) if not one.name.endswith("-shm") else File(b"", 0, 0, 0, (0, 0), None)
    return found


LOGGED = (
    "c.execute('pragma journal_mode = wal'); c.execute('pragma wal_autocheckpoint = 0');"
    "c.execute('insert into marks select value + 5000, 1, 1 from json_each(?)', (str(list(range(300))),))"
)
STATES = ("delete", "truncate", "persist", "wal", "log left", "log copied", "log in use", "log in a linked folder")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "app.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCRIPT)
        connection.executemany("insert into pupils values (?, ?, '2024-05-06')", [(n, f"p {n}") for n in range(2000)])
        connection.executemany("insert into marks values (?, ?, ?)", [(n, n, n % 5) for n in range(2000)])
        connection.commit()
    return path


@pytest.fixture
def source(request: pytest.FixtureRequest, good: Path, tmp_path: Path) -> Iterator[Path]:
    """The source in one of the STATES."""
    state = request.param
    running = None
    if state in ("delete", "truncate", "persist", "wal"):
        with closing(sqlite3.connect(good)) as connection:
            connection.execute(f"pragma journal_mode = {state}")
            connection.execute("update marks set mark = 9 where id = 1")
            connection.commit()
        assert good.with_name("app.sqlite-journal").exists() == (state in ("truncate", "persist"))
        assert not good.with_name("app.sqlite-wal").exists()
    else:
        running = Application(good, LOGGED)
        if state != "log in use":
            running.kill()
        if state == "log copied":
            good.with_name("app.sqlite-shm").unlink()
        assert good.with_name("app.sqlite-wal").stat().st_size > 4096
    path = good
    if state == "log in a linked folder":
        (tmp_path / "links").mkdir()
        path = tmp_path / "links" / "linked.sqlite"
        path.symlink_to(good)
    yield path
    if running is not None:
        running.kill()


def folders(path: Path) -> dict[Path, dict[str, File]]:
    """What lies beside the source, and beside the file that it may be a link to."""
    return {one.parent: beside(one) for one in (path, path.resolve())}


@pytest.mark.usefixtures("path_in_use")
@pytest.mark.parametrize("source", STATES, indirect=True)
def test_no_command_changes_a_byte_a_time_or_a_name(source: Path, database: str, tmp_path: Path) -> None:
    before = folders(source)
    rows = 2300 if any(name.endswith("-wal") for found in before.values() for name in found) else 2000
    assert inspect_source(source).inspection.rows == 2000 + rows
    assert folders(source) == before
    assert litelift("plan", source, "-o", tmp_path / "plan.toml").status == 0
    assert folders(source) == before
    for words in ([], [database]):
        assert litelift("check", source, *words).status in (0, 3)
        assert folders(source) == before
        assert not Path(f"{source}.litelift").exists()
    with psycopg.connect(database) as connection:
        connection.execute("create table pupils(id bigint primary key, name text, seen timestamp)")
        connection.execute("create table marks(id bigint primary key, pupil bigint references pupils, mark int)")
    result = migrate(source, database, data_only=True)
    assert [table.loaded for table in result.tables if table.source == "marks"] == [rows]
    assert folders(source) == before
    with pytest.raises(errors.TargetNotEmpty):
        migrate(source, database, jobs=2)
    assert folders(source) == before
    with psycopg.connect(database) as connection:
        connection.execute("drop table marks, pupils; drop schema litelift cascade")
    result = migrate(source, database, jobs=2)
    assert [table.loaded for table in result.tables if table.source == "marks"] == [rows]
    assert folders(source) == before
    for jobs in (1, 2):
        assert verify(source, database, jobs=jobs).ok
        assert folders(source) == before
    assert litelift("undo", database, "--yes").status == 0
    assert folders(source) == before
    assert litelift("migrate", source, database, "--jobs", "1").status == 0
    assert folders(source) == before


@pytest.mark.parametrize("source", ["delete", "wal", "log left", "log in use"], indirect=True)
@pytest.mark.parametrize(
    ("phase", "jobs"), [("open", "1"), ("census", "2"), ("load", "1"), ("load", "2"), ("prove", "2")]
)
def test_a_killed_move_leaves_the_source_as_it_was_and_so_does_every_way_on(
    source: Path, phase: str, jobs: str, database: str
) -> None:
    before = folders(source)
    killed(database, phase, "migrate", source, database, "--jobs", jobs, action="group")
    (was,), (after,) = before.values(), folders(source).values()
    if not any(name.endswith("-wal") for name in was):
        # Nobody was left to remove what reading made.
        made = after.pop(f"{source.name}-wal", None)
        assert made is None or made.content == b""
        after.pop(f"{source.name}-shm", None)
    assert after == was
    left = folders(source)
    assert inspect_source(source).inspection.rows > 0
    assert folders(source) == left
    if phase in ("load", "prove"):
        assert litelift("check", source, database).status == 1
        one_clear_error(litelift("migrate", source, database), 1, "did not end", "--resume")
        assert folders(source) == left
    for command, *more in (["migrate", "--resume"], ["verify"]):
        ran = litelift(command, source, database, *more)
        assert ran.status == 0, ran.err
        assert folders(source) == left
    assert litelift("undo", database, "--yes").status == 0
    assert folders(source) == left


@pytest.mark.parametrize("source", ["delete", "wal", "log left", "log in use"], indirect=True)
def test_a_move_that_fails_in_the_middle_leaves_the_source_as_it_was(source: Path, database: str) -> None:
    before = folders(source)
    for jobs in ("1", "2"):
        ran = run_hooked("load", "self", "SIGTERM", "migrate", source, database, "--jobs", jobs)
        assert ran.status == 128 + signal.SIGTERM, ran
        (was,), (after,) = before.values(), folders(source).values()
        assert after == was


@pytest.mark.parametrize("source", ["wal", "log left", "log copied"], indirect=True)
def test_who_holds_writers_out_and_goes_last_neither_checkpoints_nor_removes_a_log(source: Path) -> None:
    before = folders(source)
    opened = open_source(source)
    with writers_held(source) as held:
        assert held
        opened.close()
    # While the holder was connected, what reading had made could not go.
    opened.made.remove()
    assert folders(source) == before


def test_a_log_that_a_program_begins_meanwhile_is_its_own(good: Path) -> None:
    with closing(sqlite3.connect(good)) as connection:
        connection.execute("pragma journal_mode = wal")
    opened = open_source(good)
    application = Application(good, LOGGED)
    before = beside(good)
    opened.close()
    assert beside(good) == before
    # One that ended without closing leaves its rows in the log alone.
    opened = open_source(good)
    application.kill()
    opened.close()
    assert beside(good) == before
    with closing(sqlite3.connect(good)) as connection:
        assert connection.execute("select count(*) from marks").fetchone() == (2300,)


def test_an_empty_log_in_use_is_not_removed(good: Path) -> None:
    with closing(sqlite3.connect(good)) as connection:
        connection.execute("pragma journal_mode = wal")
    made = made_by_reading(good)
    application = Application(good, "c.execute('select count(*) from marks').fetchone()")
    before = beside(good)
    assert before.keys() >= {"app.sqlite-wal", "app.sqlite-shm"}
    made.remove()
    assert beside(good) == before
    application.kill()


def test_another_connection_of_the_same_process_keeps_its_locks(good: Path) -> None:
    """Closing any descriptor of a file gives up the process's locks on it ("How To Corrupt", section 2.2)."""
    with closing(sqlite3.connect(good, isolation_level=None)) as own:
        own.execute("begin")
        own.execute("select * from marks").fetchone()
        with suppress(sqlite3.OperationalError):
            inspect_source(good)
        script = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], timeout=0.1)\nc.execute('begin exclusive')"
        done = subprocess.run([sys.executable, "-c", script, good], capture_output=True, text=True)
        assert "database is locked" in done.stderr


HALF_WRITTEN = (
    "c.execute('pragma cache_size = 2'); c.execute('begin immediate');"
    "c.execute('update pupils set name = name || hex(randomblob(200))')"
)


@pytest.mark.usefixtures("path_in_use")
def test_a_journal_that_waits_for_its_rollback_is_left_to_its_program(good: Path, database: str) -> None:
    Application(good, HALF_WRITTEN).kill()
    before = beside(good)
    assert before["app.sqlite-journal"].content[:8] == bytes.fromhex("d9d505f920a163d7")
    for act in (
        lambda: inspect_source(good),
        lambda: migrate(good, database, jobs=2),
        lambda: migrate(good, database, data_only=True),
        lambda: verify(good, database),
    ):
        with pytest.raises(errors.SourceUnreadable, match="roll back first"):
            act()
        assert beside(good) == before


@pytest.fixture
def for_all(good: Path) -> Iterator[Path]:
    """The source in a folder that an ordinary user may reach, and not write to."""
    if os.geteuid() == 0:
        for folder in good.parents:
            if len(folder.parts) > 2:
                folder.chmod(folder.stat().st_mode | 0o011)
    good.parent.chmod(0o755)
    yield good
    good.parent.chmod(0o755)


@needs_nobody
def test_a_half_written_database_in_a_folder_that_we_may_not_write_to_is_refused(for_all: Path) -> None:
    Application(for_all, HALF_WRITTEN).kill()
    for_all.parent.chmod(0o555)
    before = beside(for_all)
    one_clear_error(as_nobody("inspect", for_all), 1, "app.sqlite-journal", "roll back first")
    assert beside(for_all) == before


@needs_nobody
def test_a_writer_is_seen_in_a_folder_that_we_may_not_write_to(for_all: Path) -> None:
    writer = Application(for_all, "c.execute('begin exclusive')")
    for_all.parent.chmod(0o555)
    one_clear_error(as_nobody("inspect", for_all), 1, "is locked by another program")
    writer.kill()


@needs_nobody
@pytest.mark.parametrize("source", ["delete", "persist", "wal", "log in use"], indirect=True)
def test_read_only_files_in_a_read_only_folder_stay_as_they_are(
    source: Path, for_all: Path, request: pytest.FixtureRequest
) -> None:
    for one in source.parent.iterdir():
        one.chmod(0o444 if not one.name.endswith("-shm") else 0o644)
    source.parent.chmod(0o555)
    before = beside(source)
    ran = as_nobody("inspect", source, "--json")
    assert beside(source) == before
    if "log in use" not in request.node.name:
        assert ran.status in (0, 3), ran.err


def test_a_look_at_the_file_keeps_the_locks_of_the_open_source(good: Path) -> None:
    opened = open_source(good)
    identity(good)
    script = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], timeout=0.1)\nc.execute('begin exclusive')"
    done = subprocess.run([sys.executable, "-c", script, good], capture_output=True, text=True)
    opened.close()
    assert "database is locked" in done.stderr


def test_what_an_error_still_holds_does_not_keep_what_reading_made(good: Path) -> None:
    """A traceback keeps a cursor, whose statement would keep the file's locks ("Closing A Database Connection")."""
    with closing(sqlite3.connect(good)) as connection:
        connection.execute("pragma journal_mode = wal")
    before = beside(good)
    opened = open_source(good)
    held = opened.connection.execute("select * from marks")
    assert held.fetchone() is not None
    other = opened.connection.cursor()
    assert other.execute("select * from pupils").fetchone() is not None
    opened.close()
    assert beside(good) == before
