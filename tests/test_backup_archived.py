"""What comes out of an archive is what went in, whole or not at all, whatever somebody has made of the archive."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import resource
import signal
import stat
import tarfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from command import litelift
from litelift.archive.extract import extract_file, restore_source
from litelift.archive.manifest import beside
from litelift.backup.archive import make_archive
from litelift.backup.archive_items import Wanted
from litelift.backup.archived import archived, archives, extract_backup
from litelift.backup.store import Store
from litelift.errors import (
    ArchiveDamaged,
    ArchiveTooNew,
    BackupDamaged,
    BackupExists,
    BackupFolderUnusable,
    ExtractFailed,
    LiteliftError,
    NotInArchive,
    UsageError,
)
from small_disk import small_disk
from stored_backup import stored

ROWS = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(200))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "litelift-backups")


@pytest.fixture
def made(tmp_path: Path, store: Store) -> Path:
    """An archive of two backups and a file."""
    stored(store, 40, drilled=True)
    stored(store, 30, {"database.dump": ROWS})
    (tmp_path / "notes.sqlite").write_bytes(ROWS)
    wanted = Wanted(folder=tmp_path, files=[tmp_path / "notes.sqlite"], older_than=1)
    return make_archive(wanted, store, "school", tmp_path / "archive", output=None).path


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


OWN = {"lock", ".gitignore"}


def test_a_backup_comes_back_whole_and_is_then_like_any_other(tmp_path: Path, store: Store, made: Path) -> None:
    other = Store(tmp_path / "other")
    for backup in store.backups():
        found = extract_backup(made, backup.name, other)
        assert content(found.folder) == content(backup.folder)
        assert (found.manifest, found.standing) == (backup.manifest, backup.standing)
        modes = {stat.S_IMODE(path.stat().st_mode) for path in found.folder.rglob("*") if path.is_file()}
        assert modes == {0o600}
    assert [one.name for one in other.backups()] == [one.name for one in store.backups()]
    assert [one.good for one in other.backups()] == [True, True]
    with pytest.raises(BackupExists):
        extract_backup(made, store.backups()[0].name, store)


def test_a_backup_is_found_by_the_beginning_of_its_name(tmp_path: Path, store: Store, made: Path) -> None:
    with pytest.raises(NotInArchive) as error:
        extract_backup(made, "school", Store(tmp_path / "other"))
    assert store.backups()[0].name in error.value.hint
    name = store.backups()[0].name
    assert extract_backup(made, name[:-1], Store(tmp_path / "other")).name == name


def test_a_file_comes_back_whole_and_keeps_the_permissions_of_the_one_that_it_replaces(
    tmp_path: Path, made: Path
) -> None:
    to = tmp_path / "back.sqlite"
    assert extract_file(made, "notes.sqlite", to).sha256 == hashlib.sha256(ROWS).hexdigest()
    assert to.read_bytes() == ROWS
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    to.write_bytes(b"other")
    to.chmod(0o640)
    extract_file(made, "files/notes.sqlite", to)
    assert (to.read_bytes(), stat.S_IMODE(to.stat().st_mode)) == (ROWS, 0o640)
    with pytest.raises(NotInArchive):
        extract_file(made, "otes.sqlite", to)
    with pytest.raises(ArchiveDamaged, match="no SQLite file"):
        restore_source(made, to)


def test_a_log_of_another_database_is_not_taken_for_the_one_that_comes_back(tmp_path: Path, made: Path) -> None:
    (tmp_path / "back.sqlite-wal").write_bytes(b"frames")
    with pytest.raises(ExtractFailed, match="would take it for this file's"):
        extract_file(made, "notes.sqlite", tmp_path / "back.sqlite")
    assert not (tmp_path / "back.sqlite").exists()


# --------------------------------------------------------------------- bad input, by threat


def refused(tmp_path: Path, path: Path, kind: type[LiteliftError] = ArchiveDamaged, match: str = ".") -> None:
    """Nothing of it comes out, and what was there before stays."""
    to = tmp_path / "place.sqlite"
    to.write_bytes(b"before")
    with pytest.raises(kind, match=match):
        extract_file(path, "notes.sqlite", to)
    assert to.read_bytes() == b"before"
    with pytest.raises(kind, match=match):
        extract_backup(path, "school", Store(tmp_path / "other"))
    assert names(tmp_path / "other") <= OWN
    assert not list(tmp_path.glob(".*"))
    with pytest.raises(kind, match=match):
        archived(path)


def test_a_flipped_byte_anywhere_and_a_cut_anywhere_are_found(tmp_path: Path, store: Store, made: Path) -> None:
    whole = made.read_bytes()
    chance = Random(7)
    other = Store(tmp_path / "other")
    name = store.backups()[0].name
    for place in [*range(10), *(chance.randrange(len(whole)) for _ in range(15)), len(whole) - 1]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << chance.randrange(8)
        made.write_bytes(flipped)
        with pytest.raises(ArchiveDamaged):
            extract_backup(made, name, other)
    for end in [0, 5, len(whole) // 3, len(whole) - 9, len(whole) - 1]:
        made.write_bytes(whole[:end])
        with pytest.raises(ArchiveDamaged):
            extract_backup(made, name, other)
    assert names(other.path) <= OWN
    made.write_bytes(whole)
    extract_backup(made, name, other)


def entry(name: str, data: bytes = b"", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in more.items():
        setattr(member, key, value)
    return member, data


def listed(files: dict[str, bytes], **more: Any) -> bytes:
    """A manifest of these files."""
    document = {
        "format": 1,
        "litelift": "0.1.0",
        "project": "school",
        "made": "2026-01-01T00:00:00+00:00",
        "keep_until": "2026-04-01",
        "source": "",
        "files": [
            {
                "name": name,
                "path": "/srv/x",
                "bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "modified": "2026-01-01T00:00:00+00:00",
            }
            for name, data in files.items()
        ],
    }
    return json.dumps({**document, **more}).encode()


def packed(path: Path, *entries: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w:gz", format=format) as tar:
        for member, data in entries:
            tar.addfile(member, io.BytesIO(data))
    return path


FILES = {"files/notes.sqlite": ROWS, "backups/school/database.dump": ROWS, "backups/school/manifest.json": b"{}"}


def members(files: dict[str, bytes] = FILES) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [entry(name, data) for name, data in files.items()]


def test_a_missing_manifest_and_one_that_is_none_are_damage(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tar.gz", *members())
    refused(tmp_path, path, match="no manifest")
    for broken in (b"", b"{}", b"[" * 100_000, b'{"format": "x"}', b"\xff\xfe", b"null"):
        path = packed(tmp_path / "a.tar.gz", *members(), entry("MANIFEST.json", broken))
        refused(tmp_path, path, match="its manifest cannot be read")


def test_an_archive_of_a_later_litelift_is_told_as_such(tmp_path: Path) -> None:
    manifest = listed(FILES, format=2, litelift="9.1.0")
    path = packed(tmp_path / "a.tar.gz", *members(), entry("MANIFEST.json", manifest))
    refused(tmp_path, path, ArchiveTooNew, match="9.1.0")
    (one,) = archives(tmp_path, verify=True)
    assert "9.1.0" in one.damage


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ({**FILES, "files/notes.sqlite": ROWS[:-1] + b"x"}, "files/notes.sqlite is another"),
        ({**FILES, "files/notes.sqlite": ROWS[:-1]}, "files/notes.sqlite is another"),
        ({**FILES, "files/more": b"more"}, "files/more is missing"),
        ({"files/notes.sqlite": ROWS}, "is not in the manifest"),
    ],
)
def test_a_manifest_that_lies_about_a_file_is_damage(tmp_path: Path, lie: dict[str, bytes], told: str) -> None:
    refused(tmp_path, packed(tmp_path / "a.tar.gz", *members(), entry("MANIFEST.json", listed(lie))), match=told)


def test_what_comes_after_the_manifest_is_damage(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tar.gz", entry("MANIFEST.json", listed(FILES)), *members())
    refused(tmp_path, path, match="after its manifest")


@pytest.mark.parametrize(
    "name",
    ["/etc/x", "../x", "files/../../x", "backups/school/../../../x", "files//x", "./x", "backups/school/./x", "files/"],
)
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    files = {**FILES, name: b"evil"}
    path = packed(tmp_path / "a.tar.gz", *members(files), entry("MANIFEST.json", listed(files)))
    refused(tmp_path, path)
    # And where only the manifest names it.
    path = packed(tmp_path / "a.tar.gz", *members(), entry("MANIFEST.json", listed(files)))
    refused(tmp_path, path)


@pytest.mark.parametrize(
    "what",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "files/notes.sqlite"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5},
        {"type": tarfile.BLKTYPE},
        {"type": tarfile.FIFOTYPE},
        {"type": tarfile.DIRTYPE},
        {"pax_headers": {"GNU.sparse.major": "0", "GNU.sparse.map": "0,1", "GNU.sparse.size": "1000000000000"}},
    ],
    ids=["link", "hard link", "device", "block device", "pipe", "folder", "sparse"],
)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, what: dict[str, Any]) -> None:
    path = packed(tmp_path / "a.tar.gz", *members(), entry("files/evil", **what), entry("MANIFEST.json", listed(FILES)))
    refused(tmp_path, path, match="files/evil is no file")


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "a.tar.gz",
        entry("files/notes.sqlite", b"another"),
        *members(),
        entry("MANIFEST.json", listed(FILES)),
    )
    refused(tmp_path, path, match="twice")


@pytest.mark.parametrize("name", [".hidden", "history.jsonl", "a b", "lock\n"])
def test_a_backup_whose_name_no_backup_has_is_refused(tmp_path: Path, name: str) -> None:
    files = {f"backups/{name}/manifest.json": b"{}"}
    path = packed(tmp_path / "a.tar.gz", *members(files), entry("MANIFEST.json", listed(files)))
    with pytest.raises(ArchiveDamaged, match="no name of a backup"):
        extract_backup(path, name, Store(tmp_path / "other"))
    assert names(tmp_path / "other") <= OWN


def test_a_backup_that_is_none_by_its_own_manifest_does_not_come_out(tmp_path: Path, store: Store) -> None:
    backup = stored(store, 40)
    head = f"backups/{backup.name}/"
    good = {head + name: data for name, data in content(backup.folder).items()}
    dump = head + "database/toc.dat"
    for told, files in (
        ("no manifest", {name: data for name, data in good.items() if name != head + "manifest.json"}),
        ("toc.dat is missing", {name: data for name, data in good.items() if name != dump}),
        ("toc.dat is another", {**good, dump: b"other"}),
        ("is that of", {name.replace("school-", "other-"): data for name, data in good.items()}),
    ):
        path = packed(tmp_path / "a.tar.gz", *members(files), entry("MANIFEST.json", listed(files)))
        name = archived(path).backups[0]
        with pytest.raises(BackupDamaged, match=told):
            extract_backup(path, name, Store(tmp_path / "other"))
        assert names(tmp_path / "other") <= OWN


@pytest.mark.parametrize("bomb", ["header", "manifest", "content"])
def test_a_bomb_takes_no_memory(tmp_path: Path, bomb: str) -> None:
    zeros = 200
    member = tarfile.TarInfo("MANIFEST.json" if bomb == "manifest" else "files/zeros")
    member.size = zeros << 20
    if bomb == "header":
        member.type = tarfile.XHDTYPE
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf()) + gzip.compress(bytes(1 << 20)) * zeros + gzip.compress(bytes(1024)))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
            archived(path)
        except ArchiveDamaged:
            status = 7
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_full_disk_leaves_nothing_of_what_was_to_come_out(tmp_path: Path, store: Store) -> None:
    big = stored(store, 40, {"database.dump": Random(1).randbytes(3_000_000)})
    (tmp_path / "big.sqlite").write_bytes(Random(2).randbytes(3_000_000))
    wanted = Wanted(folder=tmp_path, files=[tmp_path / "big.sqlite"], older_than=1)
    path = make_archive(wanted, store, "school", tmp_path / "archive").path
    with small_disk(1) as folder:
        with pytest.raises(ExtractFailed, match="No space left"):
            extract_backup(path, big.name, Store(folder / "store"))
        assert names(folder / "store") <= OWN
        (folder / "back.sqlite").write_bytes(b"before")
        with pytest.raises(ExtractFailed, match="No space left"):
            extract_file(path, "big.sqlite", folder / "back.sqlite")
        assert (folder / "back.sqlite").read_bytes() == b"before"
        assert names(folder) == {"store", "back.sqlite"}


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path, store: Store, made: Path) -> None:
    with pytest.raises(BackupFolderUnusable, match="Not a directory"):
        extract_backup(made, store.backups()[0].name, Store(tmp_path / "notes.sqlite" / "x"))
    for to in (tmp_path / "notes.sqlite" / "x", tmp_path / "gone" / "x", tmp_path / "archive"):
        with pytest.raises(ExtractFailed):
            extract_file(made, "notes.sqlite", to)


def test_what_a_kill_leaves_is_no_backup_and_goes_with_the_next(tmp_path: Path, store: Store, made: Path) -> None:
    other, name = Store(tmp_path / "other"), store.backups()[0].name

    def kill_in(read: Callable[[], None]) -> None:
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                read()
            os._exit(1)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL

    def when(there: Path) -> Callable[[int], None]:
        return lambda _: os.kill(os.getpid(), signal.SIGKILL) if there.exists() else None

    part = other.path / f".{name}.part"
    kill_in(lambda: void(extract_backup(made, name, other, when(part))))
    assert part.exists()
    assert other.backups() == []
    assert extract_backup(made, name, other).good
    assert not part.exists()
    part = tmp_path / ".back.sqlite.litelift.part"
    kill_in(lambda: void(extract_file(made, "notes.sqlite", tmp_path / "back.sqlite", when(part))))
    assert part.exists() and not (tmp_path / "back.sqlite").exists()
    extract_file(made, "notes.sqlite", tmp_path / "back.sqlite")
    assert not part.exists()


def void(_: object) -> None:
    """Drop a result."""


# --------------------------------------------------------------------- the list


def test_each_archive_is_listed_with_its_days_and_whether_it_is_whole(tmp_path: Path, made: Path) -> None:
    folder = made.parent
    (folder / "notes.txt").write_text("no archive")
    (folder / ".half.tar.gz").write_bytes(b"half")
    (one,) = archives(folder)
    assert (one.path, one.bytes, one.verified, one.damage) == (made, made.stat().st_size, False, "")
    today = datetime.now(UTC).date()
    assert not one.expired(today)
    assert one.expired(today + timedelta(days=92))
    assert archives(folder, verify=True)[0].verified
    beside(made).rename(folder / "aside")
    assert archives(folder)[0].manifest is None
    assert archives(folder, verify=True)[0].verified
    (folder / "aside").rename(beside(made))
    os.truncate(made, made.stat().st_size - 1)
    assert "bytes, and had" in archives(folder)[0].damage
    beside(made).write_text("{")
    assert "cannot be read" in archives(folder)[0].damage
    with pytest.raises(UsageError):
        archives(tmp_path / "none")


# --------------------------------------------------------------------- the command

RUNBOOK = """
[project]
name = "school"
[source]
path = "app.sqlite"
[target]
kind = "embedded"
[archive]
keep_days = 7
files = ["copies/*.sqlite"]
[backup]
folder = "kept"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "litelift.toml").write_text(RUNBOOK)
    (tmp_path / "app.sqlite").write_bytes(ROWS)
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "1.sqlite").write_bytes(ROWS * 2)
    return tmp_path


def test_the_command_archives_lists_and_takes_out(project: Path) -> None:
    kept = Store(project / "kept")
    old, young = stored(kept, 40), stored(kept, 1)
    none = litelift("backup", "archive", "--list", cwd=project)
    assert (none.status, "There are no archives in" in none.out) == (0, True)
    plain = litelift("backup", "archive", "--older-than", "30", "--remove", "app.sqlite", cwd=project)
    assert plain.status == 0, plain.err
    assert f"Removed: the backup {old.name}" in plain.out
    assert "source/app.sqlite" in plain.out
    assert "Compress them" in plain.err
    assert [one.name for one in kept.backups()] == [young.name]
    done = litelift("backup", "archive", "--json", cwd=project)
    assert done.status == 0
    assert [file["name"] for file in done.json["files"]] == ["source/app.sqlite", "files/copies/1.sqlite"]
    listed = litelift("backup", "archive", "--list", "--verify", "--json", cwd=project)
    assert listed.status == 0
    first, second = listed.json["archives"]
    assert (first["backups"], second["backups"]) == ([old.name], [])
    assert first["verified"] and not first["expired"]
    assert second["path"] == done.json["path"]
    assert "keep until" in litelift("backup", "archive", "--list", "litelift-archive", cwd=project).out
    back = litelift("backup", "archive", "--extract", old.name, first["path"], cwd=project)
    assert back.status == 0, back.err
    assert [one.name for one in kept.backups()] == [old.name, young.name]
    out = litelift("backup", "archive", "--extract", "1.sqlite", "--to", "o.sqlite", second["path"], cwd=project)
    assert out.status == 0, out.err
    assert (project / "o.sqlite").read_bytes() == ROWS * 2
    again = litelift("backup", "archive", "--extract", "1.sqlite", "--to", "o.sqlite", second["path"], cwd=project)
    assert (again.status, "there is already" in again.err) == (2, True)


def test_the_exit_status_says_whether_a_person_is_needed(project: Path) -> None:
    (project / "copies" / "1.sqlite").unlink()
    done = litelift("backup", "archive", "--json", cwd=project)
    assert (done.status, done.json["exit_code"]) == (3, 3)
    assert done.json["issues"] == ["nothing matches copies/*.sqlite of [archive] files"]
    path = Path(done.json["path"])
    aside = json.loads(beside(path).read_text())
    beside(path).write_text(json.dumps({**aside, "keep_until": "2020-01-01"}))
    expired = litelift("backup", "archive", "--list", cwd=project)
    assert expired.status == 3
    assert "EXPIRED on 2020-01-01" in expired.out
    os.truncate(path, 100)
    damaged = litelift("backup", "archive", "--list", cwd=project)
    assert damaged.status == 1
    assert "DAMAGED" in damaged.out
    failed = litelift("backup", "archive", "--extract", "app.sqlite", "--to", "b", str(path), "--json", cwd=project)
    assert (failed.status, failed.json["error"]["kind"]) == (1, "ArchiveDamaged")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--list --extract x", "got both"),
        ("--list --remove", "--remove is for making an archive"),
        ("--verify", "--verify belongs to --list"),
        ("--to x", "--to belongs to --extract"),
        ("--extract x", "expected one archive; got 0"),
        ("--extract x none.tar.gz", "there is no archive none.tar.gz"),
        ("--extract x a b", "expected one archive; got 2"),
        ("--list none", "there is no folder none"),
        ("--list a b", "expected one folder; got 2"),
        ("--remove", "nothing that --remove could remove"),
        ("none.sqlite", "there is no file none.sqlite"),
        ("none.toml", "none.toml"),
        ("--backup none", "there is no none among the backups"),
        ("--older-than 3", "no backup is older than 3 days"),
        ("--keep-days 0", "--keep-days"),
        ("--older-than=-1", "--older-than"),
    ],
)
def test_wrong_words_are_told_and_change_nothing(project: Path, words: str, told: str) -> None:
    before = sorted(project.rglob("*"))
    done = litelift("backup", "archive", *words.split(), cwd=project)
    assert done.status == 2, done.err
    assert told in done.err
    assert sorted(project.rglob("*")) == before
