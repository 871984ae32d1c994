"""Old backups and SQLite files go into one archive, whole or not at all; nothing is removed before it was read back."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from litelift.archive.extract import extract_file
from litelift.archive.manifest import beside
from litelift.archive.read import read_archive
from litelift.backup.archive import LOCK, Made, make_archive
from litelift.backup.archive_items import Wanted
from litelift.backup.archived import archives
from litelift.backup.history import events
from litelift.backup.signs import OnSign, Sign, silent
from litelift.backup.store import Store
from litelift.ended import Ended
from litelift.errors import (
    ArchiveDamaged,
    ArchiveFailed,
    BackupBusy,
    BackupDamaged,
    BackupNotFound,
    LiteliftError,
    SourceNotFound,
    SourceUnreadable,
    UsageError,
)
from small_disk import small_disk
from stored_backup import stored


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "litelift-backups")


def database(path: Path, rows: int = 300, *, mode: str = "delete") -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE one (text)")
        connection.execute("CREATE TABLE two (text)")
        chance = Random(1)
        for _ in range(rows):
            text = chance.randbytes(500).hex()
            connection.execute("INSERT INTO one VALUES (?)", (text,))
            connection.execute("INSERT INTO two VALUES (?)", (text,))
        connection.commit()
    return path


def make(tmp_path: Path, store: Store | None = None, on_sign: OnSign = silent, **more: Any) -> Made:
    names = ("files", "backups", "older_than", "source", "patterns", "own")
    wanted = Wanted(folder=tmp_path, **{name: more.pop(name) for name in names if name in more})
    folder = more.pop("folder", tmp_path / "litelift-archive")
    return make_archive(wanted, store, "ATİS school", folder, on_sign=on_sign, **more)


def at(phase: str, do: Callable[[], object]) -> OnSign:
    """Do something once, in the middle of a phase."""
    left = [do]

    def on_sign(sign: Sign) -> None:
        if sign.phase == phase and sign.done and left:
            left.pop()()

    return on_sign


def rows(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        one, two = (connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("one", "two"))
        return one, two


def test_backups_and_files_are_in_it_and_it_is_its_owners_alone(tmp_path: Path, store: Store) -> None:
    old, young = stored(store, 40), stored(store, 3)
    app = database(tmp_path / "app.sqlite")
    app.chmod(0o644)
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "old.sql.gz").write_bytes(b"a dump")
    files = [app, tmp_path / "dumps" / "old.sql.gz", tmp_path / "dumps" / ".." / "app.sqlite"]
    made = make(tmp_path, store, files=files, older_than=30, source=app, keep_days=10)
    assert made.path.parent == tmp_path / "litelift-archive"
    assert made.path.name.startswith("ATIS-school-")
    manifest = read_archive(made.path)
    assert manifest == made.manifest
    assert [file.name for file in manifest.files] == [
        "source/app.sqlite",
        f"backups/{old.name}/database/1.dat.gz",
        f"backups/{old.name}/database/toc.dat",
        f"backups/{old.name}/manifest.json",
        "files/dumps/old.sql.gz",
    ]
    assert manifest.backups == [old.name]
    assert manifest.files[0].path == str(app)
    until = datetime.now(UTC).date() + timedelta(days=10)
    assert until - timedelta(days=1) <= manifest.keep_until <= until
    for path in (made.path, beside(made.path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in store.backups()] == [old.name, young.name]
    assert not made.issues
    event = events(store.path)[-1]
    assert (event.what, event.ok, event.facts["backups"]) == ("archive", True, [old.name])


def test_what_is_in_the_write_ahead_log_is_in_the_copy_and_the_application_writes_on(tmp_path: Path) -> None:
    app = database(tmp_path / "app.sqlite", mode="wal")
    with closing(sqlite3.connect(app)) as writer:

        def write() -> None:
            writer.execute("INSERT INTO one VALUES ('new')")
            writer.execute("INSERT INTO two VALUES ('new')")
            writer.commit()

        write()
        assert (tmp_path / "app.sqlite-wal").stat().st_size
        written = app.read_bytes()
        made = make(tmp_path, files=[app], on_sign=at("take", write))
        extract_file(made.path, "app.sqlite", tmp_path / "back.sqlite")
        assert rows(tmp_path / "back.sqlite") == (301, 301)
        assert app.read_bytes() == written
        assert writer.execute("SELECT count(*) FROM one").fetchone() == (302,)


def test_a_database_that_is_damaged_is_archived_and_told(tmp_path: Path) -> None:
    app = database(tmp_path / "app.sqlite")
    content = bytearray(app.read_bytes())
    content[4096 * 5 : 4096 * 6] = b"\xff" * 4096
    app.write_bytes(content)
    made = make(tmp_path, files=[app])
    assert [issue for issue in made.issues if "damaged" in issue]
    extract_file(made.path, "app.sqlite", tmp_path / "back.sqlite")
    assert (tmp_path / "back.sqlite").read_bytes()[4096:] == content[4096:]


def test_with_nothing_named_the_moved_file_and_the_patterns_are_taken(tmp_path: Path) -> None:
    app = database(tmp_path / "app.sqlite", 1)
    (tmp_path / "copies").mkdir()
    database(tmp_path / "copies" / "1.sqlite", 1, mode="wal")
    (tmp_path / "litelift-archive").mkdir()
    (tmp_path / "litelift-archive" / "other.sqlite").write_bytes(b"")
    with closing(sqlite3.connect(tmp_path / "copies" / "1.sqlite")) as writer:
        writer.execute("INSERT INTO one VALUES (1)")
        writer.commit()
        made = make(tmp_path, source=app, patterns=["**/*.sqlite*", "none/*"], own=[tmp_path / "litelift-archive"])
    assert [file.name for file in made.manifest.files] == ["source/app.sqlite", "files/copies/1.sqlite"]
    assert made.issues == ["nothing matches none/* of [archive] files"]
    app.unlink()
    again = make(tmp_path, source=app, patterns=["copies/*.sqlite"])
    assert again.path != made.path
    assert again.manifest.source == ""
    assert "no file" in again.issues[0]


# --------------------------------------------------------------------- removing


def test_what_is_in_it_is_removed_but_never_the_newest_good_nor_the_newest_proved(tmp_path: Path, store: Store) -> None:
    backups = [stored(store, days, drilled=days == 20 or None) for days in (40, 30, 20, 10)]
    (backups[3].folder / "manifest.json").write_text("{}")
    middle = stored(store, 15)
    made = make(tmp_path, store, older_than=1, remove=True)
    assert made.manifest.backups == [backup.name for backup in [*backups[:3], middle]]
    assert made.removed == [backups[0].name, backups[1].name]
    assert made.stay == {
        backups[2].name: "it is the newest that a drill has restored",
        middle.name: "it is the newest good one",
    }
    assert [one.name for one in store.backups()] == sorted([backups[2].name, middle.name, backups[3].name])
    # What was left out is told; what is protected is nobody's task, unless it was named.
    assert len(made.issues) == 1 and backups[3].name in made.issues[0]
    named = make(tmp_path, store, backups=[middle.name], remove=True)
    assert named.issues == [f"the backup {middle.name} stays: it is the newest good one"]


def test_each_database_keeps_its_own_and_a_safety_dump_is_no_ones_only_one(tmp_path: Path, store: Store) -> None:
    kept = {
        stored(store, 40, database="other").name: "it is the newest good one",
        stored(store, 30).name: "it is the newest good one",
        stored(store, 25, database="third", drilled=False).name: "there is no good one of its database",
    }
    safety = stored(store, 20, kind="safety")
    made = make(tmp_path, store, older_than=1, remove=True)
    assert made.removed == [safety.name]
    assert made.stay == kept


def test_nothing_is_removed_unless_it_is_asked_for(tmp_path: Path, store: Store) -> None:
    before = [stored(store, days).name for days in (40, 30)]
    make(tmp_path, store, older_than=1)
    assert [one.name for one in store.backups()] == before


def test_a_backup_that_was_changed_after_it_was_read_stays(tmp_path: Path, store: Store) -> None:
    old = stored(store, 40)
    stored(store, 1)
    made = make(
        tmp_path,
        store,
        older_than=1,
        remove=True,
        on_sign=at("back", lambda: (old.folder / "standing.json").write_text("{}")),
    )
    assert made.removed == []
    assert made.issues == [f"the backup {old.name} stays: it was changed meanwhile"]
    assert old.folder.is_dir()


def test_what_cannot_be_read_back_is_no_archive_and_removes_nothing(tmp_path: Path, store: Store) -> None:
    old = stored(store, 40)
    stored(store, 1)

    def flip() -> None:
        (path,) = (tmp_path / "litelift-archive").glob("*.tar.gz")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    def on_sign(sign: Sign) -> None:
        if sign.phase == "back" and not sign.done:
            flip()

    with pytest.raises(ArchiveDamaged):
        make(tmp_path, store, older_than=1, remove=True, on_sign=on_sign)
    assert old.folder.is_dir()
    assert archives(tmp_path / "litelift-archive") == []
    assert_nothing_left(tmp_path / "litelift-archive")
    assert events(store.path)[-1].ok is False


def assert_nothing_left(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} <= {LOCK, ".gitignore"}


# --------------------------------------------------------------------- bad input, by threat


def damaged(store: Store, days: float, how: str) -> str:
    backup = stored(store, days)
    file = backup.folder / "database" / "1.dat.gz"
    if how == "flipped":
        content = bytearray(file.read_bytes())
        content[100] ^= 1
        file.write_bytes(content)
    elif how == "cut":
        os.truncate(file, 1000)
    elif how == "missing":
        file.unlink()
    elif how == "link":
        file.rename(store.path.parent / "elsewhere")
        file.symlink_to(store.path.parent / "elsewhere")
    elif how == "without a manifest":
        (backup.folder / "manifest.json").unlink()
    return backup.name


HOW = ("flipped", "cut", "missing", "link", "without a manifest")


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_backup_that_was_named_is_an_error_and_one_of_that_age_is_left_out(
    tmp_path: Path, store: Store, how: str
) -> None:
    bad, good = damaged(store, 40, how), stored(store, 30)
    with pytest.raises(BackupDamaged, match=bad):
        make(tmp_path, store, backups=[bad], remove=True)
    assert list(tmp_path.glob("litelift-archive/*.tar.gz*")) == []
    made = make(tmp_path, store, older_than=1, remove=True)
    assert made.manifest.backups == [good.name]
    assert bad in made.issues[0]
    assert (store.path / bad).is_dir()


@pytest.mark.parametrize("phase", ["take", "pack"])
def test_a_full_disk_leaves_nothing_and_removes_nothing(tmp_path: Path, store: Store, phase: str) -> None:
    old = stored(store, 40, {"database.dump": Random(1).randbytes(3_000_000)})
    stored(store, 1)
    files = [database(tmp_path / "app.sqlite", 3000)] if phase == "take" else []
    reached = []
    with small_disk(1) as folder:
        with pytest.raises(ArchiveFailed, match="No space left"):
            make(
                tmp_path,
                store,
                files=files,
                older_than=1,
                output=folder / "a.tar.gz",
                remove=True,
                on_sign=lambda sign: reached.append(sign.phase),
            )
        assert_nothing_left(folder)
    assert reached[-1] == phase
    assert old.folder.is_dir()
    assert "No space left" in events(store.path)[-1].message


@pytest.mark.parametrize("phase", ["take", "pack", "back"])
def test_what_a_kill_leaves_is_no_archive_and_goes_with_the_next(tmp_path: Path, store: Store, phase: str) -> None:
    old = stored(store, 40)
    stored(store, 1)
    app = database(tmp_path / "app.sqlite")
    child = os.fork()
    if child == 0:
        kill = at(phase, lambda: os.kill(os.getpid(), signal.SIGKILL))
        try:
            make(tmp_path, store, files=[app], older_than=1, remove=True, on_sign=kill)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    folder = tmp_path / "litelift-archive"
    assert old.folder.is_dir()
    assert list(folder.glob(".*.making"))
    # Only what is whole and on the disk has its name; the kill while it was read back came after that.
    whole = archives(folder, verify=True)
    assert [one.damage for one in whole] == ([""] if phase == "back" else [])
    made = make(tmp_path, store, files=[app], older_than=1, remove=True)
    assert list(folder.glob(".*.making")) == []
    assert made.removed == [old.name]


@pytest.mark.parametrize("phase", ["sum", "take", "pack", "back"])
def test_a_signal_leaves_nothing_and_removes_nothing(tmp_path: Path, store: Store, phase: str) -> None:
    old = stored(store, 40)
    stored(store, 1)
    app = database(tmp_path / "app.sqlite")

    def end() -> None:
        raise Ended(signal.SIGTERM)

    asked = Ended.asked
    try:
        with pytest.raises(Ended):
            make(tmp_path, store, files=[app], older_than=1, remove=True, on_sign=at(phase, end))
    finally:
        Ended.asked = asked
    assert_nothing_left(tmp_path / "litelift-archive")
    assert old.folder.is_dir()
    assert store.holder() is None
    assert events(store.path)[-1].message == "stopped"


def test_a_file_that_changes_while_it_is_read_is_not_taken_for_whole(tmp_path: Path) -> None:
    file = tmp_path / "old.sql"
    file.write_bytes(b"row " * 500_000)

    def grow() -> None:
        with file.open("ab") as more:
            more.write(b"more")

    with pytest.raises(ArchiveFailed, match="was written to meanwhile"):
        make(tmp_path, files=[file], on_sign=at("pack", grow))
    assert_nothing_left(tmp_path / "litelift-archive")


def test_a_backup_that_changes_while_it_is_read_is_not_taken_for_whole(tmp_path: Path, store: Store) -> None:
    old = stored(store, 40)
    file = old.folder / "database" / "toc.dat"

    def other() -> None:
        facts = file.stat()
        file.write_bytes(b"cot")
        os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    with pytest.raises(ArchiveFailed, match="is not what it was"):
        make(tmp_path, store, backups=[old.name], on_sign=at("pack", other))
    assert_nothing_left(tmp_path / "litelift-archive")


def test_a_file_that_only_the_application_can_read_is_refused_where_its_log_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "app.sqlite").write_bytes(Random(1).randbytes(4096))
    make(tmp_path, files=[tmp_path / "app.sqlite"])
    (tmp_path / "app.sqlite-wal").write_bytes(b"log")
    with pytest.raises(SourceUnreadable, match="-wal beside it belongs to it"):
        make(tmp_path, files=[tmp_path / "app.sqlite"])


def test_a_locked_database_is_told_and_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litelift.sqlite.open.BUSY_SECONDS", 0.1)
    app = database(tmp_path / "app.sqlite", 1)
    with closing(sqlite3.connect(app, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LiteliftError, match="is locked by another program"):
            make(tmp_path, files=[app])
    assert_nothing_left(tmp_path / "litelift-archive")


@pytest.mark.parametrize("where", ["in a file", "in /proc", "nowhere"])
def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path, store: Store, where: str) -> None:
    old = stored(store, 40)
    (tmp_path / "file").write_bytes(b"")
    if where == "nowhere":
        with pytest.raises(UsageError, match="there is no folder"):
            make(tmp_path, store, backups=[old.name], remove=True, output=tmp_path / "gone" / "a.tar.gz")
    elif where == "in a file":
        with pytest.raises(ArchiveFailed, match="Not a directory"):
            make(tmp_path, store, backups=[old.name], remove=True, folder=tmp_path / "file" / "archive")
    else:
        with pytest.raises(ArchiveFailed, match="/proc/self"):
            make(tmp_path, store, backups=[old.name], remove=True, output=Path("/proc/self/a.tar.gz"))
    assert old.folder.is_dir()


def test_an_archive_is_never_replaced(tmp_path: Path) -> None:
    app = database(tmp_path / "app.sqlite", 1)
    (tmp_path / "a.tar.gz").write_bytes(b"another")
    with pytest.raises(UsageError, match="there is already"):
        make(tmp_path, files=[app], output=tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == b"another"


def test_two_at_once_do_not_disturb_each_other(tmp_path: Path, store: Store) -> None:
    stored(store, 40)
    app = database(tmp_path / "app.sqlite", 1)

    def second(**words: Any) -> None:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                make(tmp_path, **words)
            except BackupBusy:
                status = 7
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7

    make(tmp_path, files=[app], on_sign=at("pack", lambda: second(files=[app])))
    make(tmp_path, store, older_than=1, on_sign=at("sum", lambda: second(store=store, older_than=1)))


def test_words_that_lead_to_nothing_are_wrong_words(tmp_path: Path, store: Store) -> None:
    stored(store, 3)
    with pytest.raises(UsageError, match="no backup is older than 30 days"):
        make(tmp_path, store, older_than=30)
    with pytest.raises(BackupNotFound):
        make(tmp_path, store, backups=["other"])
    with pytest.raises(SourceNotFound):
        make(tmp_path, files=[tmp_path / "none.sqlite"])
    with pytest.raises(UsageError, match="nothing to archive"):
        make(tmp_path)
    assert not list(tmp_path.glob("litelift-archive/*"))
