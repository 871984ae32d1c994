"""Copies of backups at another place: what is there, what is missing, what is damaged, and the way back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_made import STARTED, content, make_backup, write_settings
from command import litelift
from litelift.backup.cold import link as links
from litelift.backup.cold.copies import copies, look_at, remove, verify
from litelift.backup.cold.copying import copy_missing, missing, prune_copies, verify_copy
from litelift.backup.cold.fetch import fetch
from litelift.backup.cold.index import Index, measured
from litelift.backup.cold.link import Link
from litelift.backup.cold.place import Place, place_at, place_of
from litelift.backup.cold.target import Objects, Paths
from litelift.backup.cold.trouble import judged
from litelift.backup.cold.upload import copy_backup
from litelift.backup.history import events
from litelift.backup.manifest import Look, StoredFile
from litelift.backup.settings import Copy, Keep
from litelift.backup.stages import OwnStages
from litelift.backup.store import Backup, Store, note, read_backup
from litelift.errors import (
    BackupDamaged,
    BackupDiskFull,
    BackupThere,
    ColdStorageFull,
    ColdStorageGone,
    ColdStorageRefused,
    ColdStorageUnusable,
    CopyDamaged,
    CopyNotFound,
    CopyTaken,
    LiteliftError,
    MissingPart,
)
from small_disk import small_disk

PART = 1 << 16
FILES = {"database/toc.dat": 10, "database/3401.dat.gz": 3 * PART + 5, "database/empty": 0}
PIECES = {
    "manifest.json",
    "database/toc.dat",
    *(f"database/3401.dat.gz.{number:04}" for number in range(1, 5)),
    "database/empty",
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "backups")


@pytest.fixture
def backup(store: Store) -> Backup:
    return make_backup(store, FILES)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


@pytest.fixture
def place(disk: Path) -> Place:
    return Place("away", str(disk), part_bytes=PART)


@contextmanager
def linked(place: Place) -> Iterator[Link]:
    with Link(place) as link:
        yield link


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def lacking(store: Store, place: Place, now: datetime | None = None) -> list[str]:
    with linked(place) as link:
        return [backup.name for backup in missing(store, link, now)]


def good(place: Place) -> dict[str, bool]:
    with linked(place) as link:
        return {copy.name: copy.good for copy in copies(link)}


def test_a_copy_on_a_path_holds_every_byte_in_pieces_that_only_its_owner_reads(
    backup: Backup, place: Place, disk: Path
) -> None:
    done = copy_backup(place, backup)
    folder = disk / backup.name
    assert names(folder) == PIECES | {"copy.json"}
    assert (done.sent, done.found, done.confirmed) == (7, 0, {"server": 0, "read": 7})
    joined = b"".join((folder / f"database/3401.dat.gz.{number:04}").read_bytes() for number in range(1, 5))
    assert joined == content(backup.folder)["database/3401.dat.gz"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o600}
    assert good(place) == {backup.name: True}
    assert set(read_backup(backup.folder).standing.copies) == {"away"}
    assert copy_backup(place, backup).already


@pytest.mark.parametrize("objects", [False, True])
def test_any_file_system_of_fsspec_takes_copies_and_gives_them_back(
    backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objects: bool
) -> None:
    if objects:
        monkeypatch.setattr(links, "OBJECT_STORES", ("memory",))
    root = f"/cold{os.getpid()}-{objects}"
    memory = fsspec.filesystem("memory")
    memory.mkdir(root)
    memory.pipe_file(f"{root}/other/file", b"of somebody else")
    place = Place("memory", f"memory:/{root}", part_bytes=PART)
    copy_backup(place, backup)
    assert good(place) == {backup.name: True}
    with linked(place) as link:
        assert isinstance(link.run(lambda target: target), Objects) == objects
        made = fetch(link, backup.name, Store(tmp_path / "back"))
        assert content(made.folder) == content(backup.folder)
        remove(link, backup.name)
        remove(link, "other")
    assert list(memory.find(root)) == [f"{root}/other/file"]


@given(size=st.integers(0, 40), part=st.integers(1, 12))
def test_pieces_of_any_size_make_the_file(size: int, part: int) -> None:
    data = bytes(range(size))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "dump").write_bytes(data)
        file = StoredFile(name="dump", bytes=size, sha256=hashlib.sha256(data).hexdigest())
        found = measured(Path(folder), file, part)
    cut = [data[each.offset : each.offset + each.piece.bytes] for each in found]
    assert b"".join(cut) == data
    assert all(len(piece) <= part for piece in cut)
    assert [each.piece.sha256 for each in found] == [hashlib.sha256(piece).hexdigest() for piece in cut]
    ordered = [each.piece.name for each in found]
    assert len(set(ordered)) == len(ordered) and ordered == sorted(ordered)


def test_a_copy_that_stops_anywhere_is_none_and_is_gone_on_with(
    backup: Backup, place: Place, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Paths.write
    done = 0
    written: list[str] = []

    class Stopped(BaseException):
        pass

    def stop(target: Paths, name: str, source: object) -> None:
        if len(written) == done:
            raise Stopped
        written.append(name)
        write(target, name, source)  # type: ignore[arg-type]

    monkeypatch.setattr(Paths, "write", stop)
    # Seven pieces and the index: each time it comes one further.
    for number in range(8):
        done, written = min(number, 1), []
        with pytest.raises(Stopped):
            copy_backup(place, backup)
        assert len(written) == done
        assert good(place) in ({}, {backup.name: False})
        assert read_backup(backup.folder).standing.copies == {}
    done, written = 1, []
    last = copy_backup(place, backup)
    assert (last.sent, last.found, written) == (0, 7, [f"{backup.name}/copy.json"])
    assert good(place) == {backup.name: True}


def test_a_piece_that_is_not_what_it_should_be_is_sent_again_and_what_belongs_to_none_goes(
    backup: Backup, place: Place, disk: Path
) -> None:
    other = Place("away", str(disk), part_bytes=2 * PART)
    copy_backup(other, backup)
    folder = disk / backup.name
    (folder / "copy.json").unlink()
    (folder / ".database.dump.part").write_bytes(b"left by a kill")
    (folder / "database/toc.dat").write_bytes(bytes(10))
    done = copy_backup(place, backup)
    assert names(folder) == PIECES | {"copy.json"}
    assert content(folder)["database/toc.dat"] == content(backup.folder)["database/toc.dat"]
    # manifest.json and the empty file stay; the pieces of the other size do not fit.
    assert done.found == 2
    with linked(place) as link:
        verify(link, backup.name)


@pytest.mark.parametrize("damage", ["gone", "shorter"])
def test_a_copy_that_lost_a_piece_is_not_listed_as_good_and_is_mended_by_copying(
    backup: Backup, place: Place, disk: Path, tmp_path: Path, damage: str
) -> None:
    copy_backup(place, backup)
    piece = disk / backup.name / "database/3401.dat.gz.0002"
    if damage == "gone":
        piece.unlink()
    else:
        piece.write_bytes(piece.read_bytes()[:-1])
    assert good(place) == {backup.name: False}
    with linked(place) as link, pytest.raises(CopyDamaged, match=r"0002"):
        fetch(link, backup.name, Store(tmp_path / "back"))
    assert copy_backup(place, backup).sent == 1
    assert good(place) == {backup.name: True}


def test_a_damaged_backup_is_not_copied_and_stops_no_other(store: Store, place: Place) -> None:
    damaged = make_backup(store, FILES)
    whole = make_backup(store, FILES, started=STARTED - timedelta(days=1))
    file = damaged.folder / "database/3401.dat.gz"
    data = bytearray(file.read_bytes())
    data[PART] ^= 1
    file.write_bytes(data)
    assert lacking(store, place, STARTED) == [damaged.name, whole.name]
    result = copy_missing(store, place, now=STARTED)
    assert [type(failure) for failure in result.failures] == [BackupDamaged]
    assert good(place) == {whole.name: True, damaged.name: False}
    assert not read_backup(damaged.folder).good
    assert lacking(store, place, STARTED) == []
    assert [(event.backup, event.ok) for event in events(store.path)] == [(damaged.name, False), (whole.name, True)]


def test_only_what_is_not_there_is_missing_and_what_a_drill_has_proved_since_is_told_there(
    store: Store, place: Place
) -> None:
    now = datetime.now(UTC)
    backup = make_backup(store, FILES, started=now)
    before = make_backup(store, FILES, started=now - timedelta(days=1))
    # What the policy there would not keep is not sent to be removed.
    make_backup(store, FILES, started=now - timedelta(days=40))
    assert lacking(store, place) == [backup.name, before.name]
    copy_missing(store, place)
    assert lacking(store, place) == []
    note(read_backup(backup.folder), drilled=Look(at=datetime.now(UTC), ok=True, seconds=1))
    with linked(place) as link:
        assert [copy.proved for copy in copies(link)] == [False, False]
    result = copy_missing(store, place)
    assert [(done.backup, done.already) for done in result.done] == [(backup.name, True)]
    assert lacking(store, place) == []
    with linked(place) as link:
        assert [copy.proved for copy in copies(link)] == [False, True]


def test_what_somebody_removed_or_damaged_there_is_copied_anew(store: Store, place: Place, disk: Path) -> None:
    made = [make_backup(store, FILES, started=datetime.now(UTC) - timedelta(days=days)) for days in (0, 1)]
    copy_missing(store, place)
    shutil.rmtree(disk / made[0].name)
    piece = disk / made[1].name / "database/3401.dat.gz.0001"
    piece.write_bytes(bytes(PART))
    with linked(place) as link, pytest.raises(CopyDamaged):
        verify_copy(link, store, made[1].name)
    assert set(read_backup(made[0].folder).standing.copies) == {"away"}
    assert read_backup(made[1].folder).standing.copies == {}
    result = copy_missing(store, place)
    assert [(done.backup, done.sent) for done in result.done] == [(made[0].name, 7), (made[1].name, 1)]
    assert good(place) == {made[0].name: True, made[1].name: True}


def test_another_backup_of_the_same_name_is_not_overwritten(tmp_path: Path, backup: Backup, place: Place) -> None:
    copy_backup(place, backup)
    other = make_backup(Store(tmp_path / "others"), FILES, seed=8)
    assert other.name == backup.name
    with pytest.raises(CopyTaken):
        copy_backup(place, other)
    (Path(place.url) / backup.name / "copy.json").unlink()
    with pytest.raises(CopyTaken):
        copy_backup(place, other)
    assert copy_backup(place, backup).found == 7


def test_a_removed_copy_is_none_from_the_first_moment_on(backup: Backup, place: Place, disk: Path) -> None:
    copy_backup(place, backup)
    gone: list[str] = []

    class Watched(Paths):
        def remove(self, name: str) -> None:
            super().remove(name)
            gone.append(name.partition("/")[2])

    with linked(place) as link:
        link.run(lambda target: None)
        link._target = Watched(fsspec.filesystem("file"), str(disk))
        remove(link, backup.name)
    assert (gone[0], gone[-1], set(gone)) == ("copy.json", "manifest.json", PIECES | {"copy.json"})
    assert not list(disk.iterdir())


def test_what_its_policy_does_not_keep_goes_there_as_well(store: Store, place: Place, disk: Path) -> None:
    made = [make_backup(store, FILES, started=STARTED - timedelta(days=days), seed=days) for days in (0, 1, 40, 50, 60)]
    foreign = make_backup(Store(store.path / "of_others"), FILES, started=STARTED - timedelta(days=90), project="other")
    for backup in [*made, foreign]:
        copy_backup(place, backup)
    note(read_backup(made[2].folder), drilled=Look(at=STARTED, ok=True, seconds=1))
    copy_backup(place, read_backup(made[2].folder))
    (disk / "not ours").mkdir()
    # Neither came to its end; of the one the backup is still here.
    for backup in (unfinished := made[0]), (lost := made[4]):
        (disk / backup.name / "copy.json").unlink()
    store.remove(lost)
    now = STARTED + timedelta(hours=1)
    newest = make_backup(store, FILES, started=now)
    copy_backup(place, newest)
    kept = Place("away", str(disk), part_bytes=PART, keep=Keep(days=30))
    with linked(kept) as link:
        would = prune_copies(link, store, project="school", now=now, dry_run=True)
        assert good(place)[made[3].name]
        done = prune_copies(link, store, project="school", now=now)
    assert would.removed == done.removed == [made[3].name, lost.name]
    assert [copy.name for copy in done.left_alone] == [unfinished.name]
    # The youngest, the newest that a drill has restored, the unfinished one, and what is another project's.
    assert set(good(place)) == {newest.name, unfinished.name, made[1].name, made[2].name, foreign.name}
    assert (disk / "not ours").is_dir()
    assert read_backup(made[3].folder).standing.copies == {}
    assert set(read_backup(made[2].folder).standing.copies) == {"away"}
    assert [(event.what, event.facts["removed"]) for event in events(store.path)] == [("prune", done.removed)]


# ------------------------------------------------------------------ the way back


def test_a_fetched_backup_is_whole_or_not_there_at_all(
    backup: Backup, place: Place, disk: Path, tmp_path: Path
) -> None:
    note(backup, drilled=Look(at=STARTED, ok=True, seconds=1))
    copy_backup(place, read_backup(backup.folder))
    back = Store(tmp_path / "back")
    piece = disk / backup.name / "database/3401.dat.gz.0003"
    data = piece.read_bytes()
    piece.write_bytes(bytes(len(data)))
    with linked(place) as link:
        with pytest.raises(CopyDamaged, match=r"0003"):
            fetch(link, backup.name, back)
        assert back.backups() == [] and not any(back.path.glob(".*.part"))
        piece.write_bytes(data)
        made = fetch(link, backup.name, back)
        assert content(made.folder) == content(backup.folder)
        assert made.standing.proved and made.standing.verified is not None
        with pytest.raises(BackupThere):
            fetch(link, backup.name, back)
        with pytest.raises(CopyNotFound):
            fetch(link, "none", back)


def test_a_full_disk_here_leaves_nothing_of_what_was_fetched(backup: Backup, place: Place, store: Store) -> None:
    large = make_backup(store, {"database.dump": 3 << 20}, started=STARTED + timedelta(days=1))
    copy_backup(place, large)
    with small_disk(1) as small, linked(place) as link:
        with pytest.raises(BackupDiskFull, match="not room enough"):
            fetch(link, large.name, Store(small / "back"))
        assert Store(small / "back").backups() == []


@pytest.mark.parametrize("name", ["../../owned", "/etc/owned", "a/../../owned", "database\\owned", ""])
def test_an_index_that_names_a_file_outside_of_its_folder_is_refused(
    backup: Backup, place: Place, disk: Path, tmp_path: Path, name: str
) -> None:
    copy_backup(place, backup)
    path = disk / backup.name / "copy.json"
    index = json.loads(path.read_bytes())
    for where in ("file", "piece"):
        hostile = json.loads(json.dumps(index))
        (hostile["files"][1] if where == "file" else hostile["files"][1]["pieces"][0])["name"] = name
        path.write_text(json.dumps(hostile))
        with linked(place) as link, pytest.raises(CopyDamaged, match="outside"):
            fetch(link, backup.name, Store(tmp_path / "back"))


def test_an_index_that_agrees_with_its_pieces_but_not_with_the_manifest_is_refused(
    backup: Backup, place: Place, disk: Path, tmp_path: Path
) -> None:
    copy_backup(place, backup)
    path = disk / backup.name / "copy.json"
    index = Index.model_validate_json(path.read_bytes())
    path.write_text(index.model_copy(update={"files": index.files[:-1]}).model_dump_json())
    with linked(place) as link, pytest.raises(CopyDamaged, match="not of the backup"):
        fetch(link, backup.name, Store(tmp_path / "back"))


# ------------------------------------------------------------------ places that cannot be used


def test_a_folder_that_has_vanished_is_not_made(backup: Backup, disk: Path) -> None:
    gone = disk / "mounted" / "backups"
    with pytest.raises(ColdStorageGone, match="no such folder"):
        copy_backup(Place("away", f"file://{gone}", part_bytes=PART), backup)
    assert not gone.parent.exists()
    file = disk / "file"
    file.write_text("")
    with pytest.raises(ColdStorageGone):
        copy_backup(Place("away", str(file), part_bytes=PART), backup)


def test_a_disk_that_cannot_be_written_to_or_is_full_is_one_clear_error(store: Store, backup: Backup) -> None:
    before = content(backup.folder)
    large = make_backup(store, {"database.dump": 3 << 20}, started=STARTED + timedelta(days=1))
    with small_disk(1) as disk:
        place = Place("away", str(disk), part_bytes=PART)
        copy_backup(place, backup)
        with pytest.raises(ColdStorageFull, match="No space left"):
            copy_backup(place, large)
        assert good(place) == {backup.name: True, large.name: False}
        with linked(place) as link:
            remove(link, large.name)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(ColdStorageRefused, match="Read-only"):
            copy_backup(place, large)
        assert good(place) == {backup.name: True}
    assert content(backup.folder) == before
    assert read_backup(large.folder).standing.copies == {}


def test_an_unknown_protocol_or_word_is_refused_with_what_is_known(backup: Backup) -> None:
    with pytest.raises(ColdStorageUnusable, match=r"no protocol sftpp \(did you mean sftp\?\)"):
        copy_backup(Place("away", "sftpp://host/folder"), backup)
    with pytest.raises(ColdStorageUnusable, match="nonsense"):
        copy_backup(Place("away", "sftp://127.0.0.1:1/folder", {"nonsense": "1"}), backup)


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [("s3://bucket", "s3fs", "s3"), ("sftp://host/folder", "paramiko", "sftp"), ("memory://x", "fsspec", "backup")],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(url: str, package: str, extra: str) -> None:
    script = f"""
import sys
sys.modules[{package!r}] = None
from litelift.backup.cold.link import Link
from litelift.backup.cold.place import Place
from litelift.errors import MissingPart
try:
    Link(Place("away", {url!r})).run(lambda target: None)
except MissingPart as error:
    print(error.message, error.hint)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert MissingPart.__doc__ is not None
    assert f"needs {package}, which is not installed" in said
    assert f"pip install 'litelift[{extra}]'" in said


def test_the_secret_of_a_variable_that_is_not_set_is_asked_for_by_its_name() -> None:
    copy = Copy(name="away", url="s3://bucket", options_env={"secret": "COLD_SECRET"})
    with pytest.raises(ColdStorageUnusable, match="COLD_SECRET"):
        place_of(copy, {})
    assert "hidden" not in repr(place_of(copy, {"COLD_SECRET": "hidden"}))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"url": "sftp://me:Qx7word@host/folder"}, "no password in it"),
        ({"url": "s3://bucket", "options": {"secret": "Qx7word"}}, "no secrets"),
        ({"url": "backups"}, "an absolute path"),
        ({"url": "simplecache::s3://bucket"}, "expected one URL"),
    ],
)
def test_a_secret_or_an_unclear_place_in_litelift_toml_is_refused_and_not_shown(
    tmp_path: Path, line: dict[str, object], said: str
) -> None:
    file = write_settings(tmp_path, {"name": "away", **line})
    ran = litelift("backup", "copy", file, "--list", cwd=tmp_path)
    assert ran.status == 2 and said in " ".join(ran.err.split())
    assert "Qx7word" not in ran.out + ran.err


def test_a_password_in_a_url_on_the_command_line_is_refused_and_not_shown(tmp_path: Path) -> None:
    ran = litelift("backup", "copy", "--from", "sftp://me:Qx7word@host/folder", "--list", "--json", cwd=tmp_path)
    assert (ran.status, ran.json["error"]["kind"]) == (2, "ColdStorageUnusable")
    assert "options_env" in ran.json["error"]["message"]
    assert "Qx7word" not in ran.out + ran.err


def test_what_an_exception_says_is_told_without_secrets() -> None:
    error = judged(Place("away", "s3://bucket"), ValueError("at https://me:Qx7word@host secret=Qx7word"))
    assert error is not None and "Qx7word" not in error.message
    assert judged(Place("away", "s3://bucket"), ConnectionResetError(104, "reset")) is None


# ------------------------------------------------------------------ the command


def test_the_command_copies_lists_verifies_and_fetches(tmp_path: Path, backup: Backup, disk: Path) -> None:
    file = write_settings(tmp_path, {"name": "away", "url": str(disk), "part_bytes": PART})
    ran = litelift("backup", "copy", file, cwd=tmp_path)
    # The backup is of another day, which the policy of the place does not ask about while it is the newest.
    assert ran.status == 0, ran.err
    assert f"Copied: {backup.name} to away" in ran.out and "7 read back" in ran.out
    assert "there already" in litelift("backup", "copy", file, cwd=tmp_path).out
    assert backup.name in litelift("backup", "copy", file, "--list", cwd=tmp_path).out
    assert f"Verified: {backup.name}" in litelift("backup", "copy", file, "--verify", cwd=tmp_path).out
    words = ["--from", str(disk), "--fetch", backup.name, "--folder", str(tmp_path / "back")]
    ran = litelift("backup", "copy", *words, cwd=disk)
    assert ran.status == 0 and content(tmp_path / "back" / backup.name) == content(backup.folder)
    (disk / backup.name / "copy.json").unlink()
    ran = litelift("backup", "copy", file, "--fetch", backup.name, "--folder", tmp_path / "again", cwd=tmp_path)
    assert (ran.status, f"there is no whole copy {backup.name}" in " ".join(ran.err.split())) == (2, True)


def test_the_scheduled_run_copies_what_is_missing_and_prunes_there(tmp_path: Path, store: Store, disk: Path) -> None:
    now = datetime.now(UTC)
    made = [make_backup(store, FILES, started=now - timedelta(days=days)) for days in (0, 1, 2)]
    file = write_settings(tmp_path, {"name": "away", "url": str(disk), "part_bytes": PART})
    stages = OwnStages(str(file), None)
    assert "3 backups" in stages.copy("away", made[0].name).message
    assert stages.copy("away", made[0].name).message == "all is there already"
    text = file.read_text()
    file.write_text(f"{text}\n[backup.copy.keep]\ndays = 1\n")
    ran = litelift("backup", "copy", file, "--prune", "--dry-run", "--json", cwd=tmp_path)
    assert ran.json["places"][0]["removed"] == [made[2].name]
    assert "1 copy removed" in stages.prune("away").message
    assert set(good(Place("away", str(disk)))) == {made[0].name, made[1].name}
    assert stages.copy("away", None).message == "all is there already"
    (disk / made[0].name / "copy.json").unlink()
    stages.copy("away", made[0].name)
    assert good(Place("away", str(disk)))[made[0].name]
    disk.rename(tmp_path / "unmounted")
    with pytest.raises(LiteliftError, match="is not there"):
        stages.copy("away", made[0].name)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no [[backup.copy]] says where copies go"),
        (["--list", "--verify"], "choose one"),
        (["--from", "/tmp"], "--from goes with"),
        (["--option", "a=b"], "go with --from"),
        (["--dry-run"], "goes with --prune"),
        (["--from", "/tmp", "--list", "--option", "a"], "KEY=VALUE"),
    ],
)
def test_words_that_do_not_fit_are_refused(tmp_path: Path, words: list[str], said: str) -> None:
    ran = litelift("backup", "copy", write_settings(tmp_path), *words, cwd=tmp_path)
    assert ran.status == 2 and said in " ".join(ran.err.split())


def test_a_place_that_is_not_known_is_refused_with_those_that_are(tmp_path: Path, disk: Path) -> None:
    file = write_settings(tmp_path, {"name": "away", "url": str(disk)})
    ran = litelift("backup", "copy", file, "--to", "abroad", cwd=tmp_path)
    assert ran.status == 2 and "there are: away" in " ".join(ran.err.split())


def test_a_path_on_the_command_line_may_be_relative(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(disk.parent)
    assert place_at("disk", {}, {}).url == str(disk)


def test_the_other_backup_commands_do_not_import_what_copies(tmp_path: Path) -> None:
    script = """
import sys
from litelift.cli.main import main
sys.argv = ["litelift", "backup", "list", "--folder", sys.argv[1]]
try:
    main()
except SystemExit:
    pass
assert "litelift.backup.store" in sys.modules
assert not {"fsspec", "s3fs", "paramiko", "aiohttp", "litelift.backup.cold"} & set(sys.modules), sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True, capture_output=True)


def test_a_look_at_a_name_that_is_none_finds_nothing(place: Place) -> None:
    with linked(place) as link:
        assert look_at(link, "none") is None
