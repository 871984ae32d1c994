"""The archive holds what it says, byte for byte; a byte that is another is found; a full disk leaves nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from litelift.archive.extract import restore_source
from litelift.archive.manifest import Item, beside
from litelift.archive.read import read_archive
from litelift.archive.write import part_of, write_archive
from litelift.cutover.context import Context
from litelift.cutover.journal import Journal, read_journal
from litelift.cutover.settings import Archive, EmbeddedTarget, Project, Runbook, Source
from litelift.cutover.steps.archive import MakeArchive
from litelift.errors import ArchiveDamaged, ArchiveFailed
from small_disk import small_disk

UNTIL = date(2026, 2, 19)


def some(path: Path, size: int, seed: int = 1) -> Path:
    """Bytes that a compressor finds nothing in."""
    path.write_bytes(Random(seed).randbytes(size))
    return path


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    backups = tmp_path / "backups"
    backups.mkdir()
    (tmp_path / "app.sqlite").write_bytes(b"SQLite format 3\0" + b"row " * 100_000)
    return [
        Item(tmp_path / "app.sqlite", "source/app.sqlite"),
        Item(some(backups / "z last", 300_000), "files/z last"),
        Item(some(backups / "ə\udcff.sqlite", 0), "files/ə\udcff.sqlite"),
        Item(some(backups / ("a" * 200), 1000), "files/" + "a" * 200),
    ]


def made(folder: Path, items: Sequence[Item]) -> Path:
    write_archive(folder / "a.tar.gz", items, "school", UNTIL)
    return folder / "a.tar.gz"


def test_every_file_is_in_it_with_its_sum_its_time_and_how_long_to_keep_it(tmp_path: Path, items: list[Item]) -> None:
    path = made(tmp_path / "archive", items)
    manifest = read_archive(path)
    assert [file.name for file in manifest.files] == [
        "source/app.sqlite",
        "files/" + "a" * 200,
        "files/z last",
        "files/ə\udcff.sqlite",
    ]
    for file in manifest.files:
        item = next(item for item in items if item.name == file.name)
        assert (file.bytes, file.sha256) == (
            item.path.stat().st_size,
            hashlib.sha256(item.path.read_bytes()).hexdigest(),
        )
        assert file.modified == datetime.fromtimestamp(item.path.stat().st_mtime, UTC)
    aside = json.loads(beside(path).read_text())
    assert aside["keep_until"] == "2026-02-19"
    assert aside["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert aside["ratio"] == round(manifest.ratio, 3)
    assert 1.5 < manifest.ratio < 3
    assert sorted(one.name for one in path.parent.iterdir()) == ["a.tar.gz", "a.tar.gz.json"]


def test_tar_itself_reads_it_and_finds_the_manifest_at_its_end(tmp_path: Path, items: list[Item]) -> None:
    path = made(tmp_path, items)
    names = subprocess.run(["tar", "-tzf", path], capture_output=True, check=True, text=True, errors="replace").stdout
    assert names.split("\n")[0] == "source/app.sqlite"
    with tarfile.open(path) as tar:
        assert tar.getnames()[-1] == "MANIFEST.json"
        content = tar.extractfile("MANIFEST.json")
        assert content is not None
        assert json.load(content)["source"] == "source/app.sqlite"


def test_the_same_files_are_put_in_the_same_order(tmp_path: Path, items: list[Item]) -> None:
    first = read_archive(made(tmp_path / "1", items))
    second = read_archive(made(tmp_path / "2", [items[0], *reversed(items[1:])]))
    assert first.files == second.files


def test_it_is_no_more_readable_than_the_least_readable_of_its_files(tmp_path: Path, items: list[Item]) -> None:
    for item in items:
        item.path.chmod(0o644)
    before = os.umask(0o022)
    try:
        assert stat.S_IMODE(made(tmp_path / "1", items).stat().st_mode) == 0o644
        items[1].path.chmod(0o640)
        assert stat.S_IMODE(made(tmp_path / "2", items).stat().st_mode) == 0o640
        items[2].path.chmod(0o600)
        path = made(tmp_path / "3", items)
        assert [stat.S_IMODE(one.stat().st_mode) for one in (path, beside(path))] == [0o600, 0o600]
    finally:
        os.umask(before)


def test_any_byte_that_is_another_is_found(tmp_path: Path, items: list[Item]) -> None:
    path = made(tmp_path, items)
    whole = path.read_bytes()
    chance = Random(6)
    for place in [0, 4, 9, *(chance.randrange(len(whole)) for _ in range(25)), len(whole) - 6, len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(ArchiveDamaged):
            read_archive(path)
    for end in (0, 10, 1000, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(ArchiveDamaged):
            read_archive(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ArchiveDamaged):
        read_archive(path)
    path.write_bytes(whole)
    read_archive(path)


def test_a_file_that_was_changed_within_is_found_without_the_manifest_beside_it(
    tmp_path: Path, items: list[Item]
) -> None:
    path = made(tmp_path, items)
    beside(path).unlink()
    content = gzip.decompress(path.read_bytes())
    at = content.index(b"row row row") + 4
    path.write_bytes(gzip.compress(content[:at] + b"ROW" + content[at + 3 :]))
    with pytest.raises(ArchiveDamaged, match=r"source/app\.sqlite is another"):
        read_archive(path)


def test_a_missing_archive_and_one_without_a_manifest_are_damaged_ones(tmp_path: Path, items: list[Item]) -> None:
    with pytest.raises(ArchiveDamaged, match="not there"):
        read_archive(tmp_path / "none.tar.gz")
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        tar.add(items[0].path, "source/app.sqlite")
    with pytest.raises(ArchiveDamaged, match="no manifest"):
        read_archive(tmp_path / "other.tar.gz")


def test_the_source_comes_back_as_it_was(tmp_path: Path, items: list[Item]) -> None:
    path = made(tmp_path, items)
    before = items[0].path.read_bytes()
    items[0].path.write_bytes(b"what it became")
    items[0].path.chmod(0o664)
    assert restore_source(path, items[0].path) == hashlib.sha256(before).hexdigest()
    assert items[0].path.read_bytes() == before
    assert stat.S_IMODE(items[0].path.stat().st_mode) == 0o664
    restore_source(path, tmp_path / "new.sqlite")
    assert stat.S_IMODE((tmp_path / "new.sqlite").stat().st_mode) == 0o600


def test_a_damaged_archive_leaves_the_file_in_its_place(tmp_path: Path, items: list[Item]) -> None:
    path = made(tmp_path, items)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    items[0].path.write_bytes(b"what it became")
    with pytest.raises(ArchiveDamaged):
        restore_source(path, items[0].path)
    assert items[0].path.read_bytes() == b"what it became"
    assert not list(items[0].path.parent.glob(".*"))


def test_a_full_disk_leaves_no_part_and_says_so(tmp_path: Path) -> None:
    big = some(tmp_path / "app.sqlite", 3_000_000)
    with small_disk(1) as folder:
        with pytest.raises(ArchiveFailed, match="No space left"):
            write_archive(folder / "a.tar.gz", [Item(big, "source/app.sqlite")], "school", UNTIL)
        assert list(folder.iterdir()) == []


def test_a_limit_of_the_files_size_leaves_no_part_and_says_so(tmp_path: Path) -> None:
    big = some(tmp_path / "app.sqlite", 3_000_000)
    script = (
        "import sys; from pathlib import Path; from datetime import date\n"
        "from litelift.archive.manifest import Item\n"
        "from litelift.archive.write import write_archive\n"
        "write_archive(Path(sys.argv[1]), [Item(Path(sys.argv[2]), 'source/a')], 'school', date(2026, 2, 19))\n"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    words = [sys.executable, "-c", script, str(tmp_path / "out" / "a.tar.gz"), str(big)]
    done = subprocess.run(words, preexec_fn=limit, capture_output=True, text=True)
    assert "ArchiveFailed" in done.stderr
    assert "File too large" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_grows_meanwhile_is_not_taken_for_whole(tmp_path: Path, items: list[Item]) -> None:
    def grow(_: int) -> None:
        with items[1].path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(ArchiveFailed, match="was written to meanwhile"):
        write_archive(tmp_path / "a.tar.gz", items, "school", UNTIL, grow)
    assert not (tmp_path / "a.tar.gz").exists()
    assert not part_of(tmp_path / "a.tar.gz").exists()


# --------------------------------------------------------------------- the step

StepAt = Callable[..., Context]


@pytest.fixture
def at(tmp_path: Path) -> StepAt:
    def make(**archive: Any) -> Context:
        run = tmp_path / "litelift-cutover" / "1"
        (run / "kept").mkdir(parents=True, exist_ok=True)
        (tmp_path / "app.sqlite").write_bytes(b"as it became")
        (run / "kept" / "source.sqlite").write_bytes(b"as it was kept")
        runbook = Runbook(
            project=Project(name="ATİS / school"),
            source=Source(path="app.sqlite"),
            target=EmbeddedTarget(kind="embedded"),
            archive=Archive(**archive),
        ).at(tmp_path / "litelift.toml")
        journal = Journal(run)
        copy = run / "kept" / "source.sqlite"
        sha256 = hashlib.sha256(copy.read_bytes()).hexdigest()
        journal.write("done", step="source-keep", facts={"copy": str(copy), "sha256": sha256})
        return Context(runbook, journal, step="archive")

    return make


def carry_out(context: Context) -> dict[str, Any]:
    step = MakeArchive()
    facts = step.check(context)
    facts |= step.do(context, facts)
    return facts | (step.confirm(context, facts) or {})


def test_the_step_archives_the_kept_copy_and_what_the_patterns_match(tmp_path: Path, at: StepAt) -> None:
    (tmp_path / "backups" / "deep").mkdir(parents=True)
    for name in ("backups/1.sqlite", "backups/deep/2.sqlite.gz", "notes.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "backups" / "same").symlink_to(tmp_path / "app.sqlite")
    elsewhere = tmp_path.with_name(tmp_path.name + "-elsewhere")
    elsewhere.mkdir()
    (elsewhere / "3.sqlite").write_text("3")
    patterns = ["backups/**", "app.sqlite*", str(elsewhere / "*.sqlite"), "none/*.sqlite"]
    facts = carry_out(at(files=patterns, keep_days=30))
    manifest = read_archive(Path(facts["path"]))
    assert [file.name for file in manifest.files] == [
        "source/app.sqlite",
        "files/backups/1.sqlite",
        "files/backups/deep/2.sqlite.gz",
        "files" + str(elsewhere.resolve() / "3.sqlite"),
    ]
    assert Path(facts["path"]).parent == tmp_path / "litelift-archive"
    assert Path(facts["path"]).name.startswith("ATIS---school-")
    days = date.fromisoformat(facts["keep_until"]) - datetime.now(UTC).date()
    assert timedelta(days=29) <= days <= timedelta(days=30)
    restore_source(Path(facts["path"]), tmp_path / "back.sqlite")
    assert (tmp_path / "back.sqlite").read_bytes() == b"as it was kept"
    issues = [line.values["message"] for line in read_journal(tmp_path / "litelift-cutover" / "1").events("issue")]
    assert issues == ["nothing matches none/*.sqlite of [archive] files"]
    again = [name for _, name in MakeArchive().check(at(files=["**"]))["items"]]
    assert again == [
        "source/app.sqlite",
        "files/back.sqlite",
        "files/backups/1.sqlite",
        "files/backups/deep/2.sqlite.gz",
        "files/notes.txt",
    ]


def test_a_step_that_was_killed_begins_anew_or_keeps_what_was_whole(tmp_path: Path, at: StepAt) -> None:
    context, step = at(), MakeArchive()
    facts = step.check(context)
    path = Path(facts["path"])
    path.parent.mkdir()
    part_of(path).write_bytes(b"half")
    facts |= step.do(context, facts)
    assert not part_of(path).exists()
    inode = path.stat().st_ino
    assert step.do(context, facts)["sha256"] == facts["sha256"]
    assert path.stat().st_ino == inode
    step.undo(context, facts)
    assert path.exists()
    part_of(path).write_bytes(b"half")
    step.undo(context, facts)
    assert not part_of(path).exists()


def test_an_archive_that_is_not_what_was_moved_is_refused(tmp_path: Path, at: StepAt) -> None:
    context, step = at(), MakeArchive()
    (tmp_path / "litelift-cutover" / "1" / "kept" / "source.sqlite").write_bytes(b"touched")
    facts = step.check(context)
    facts |= step.do(context, facts)
    with pytest.raises(ArchiveDamaged, match="not the file that was moved"):
        step.confirm(context, facts)


def test_the_plan_names_the_files_and_what_nothing_matches(at: StepAt) -> None:
    lines = MakeArchive().plan(at(files=["none/*"]))
    assert "for 90 days" in lines[0]
    assert "kept/source.sqlite" in lines[1]
    assert lines[2] == "  nothing matches none/*"
