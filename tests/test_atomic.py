"""A file is written whole or not at all, and is never more open than it was asked to be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from litelift.atomic import whole_file, write_whole


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_text_and_bytes_arrive_as_they_are(tmp_path: Path) -> None:
    write_whole(tmp_path / "text", "bağlı\r\n\n")
    write_whole(tmp_path / "bytes", b"\xff\x00\r\n")
    assert (tmp_path / "text").read_bytes() == "bağlı\r\n\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\xff\x00\r\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bytes", "text"]


def test_the_longest_name_that_a_folder_takes_can_be_written(tmp_path: Path) -> None:
    for name in ("a" * 255, "ə" * 127):
        write_whole(tmp_path / name, "content")
        assert (tmp_path / name).read_text() == "content"


def test_a_mode_is_less_the_umask_and_that_of_a_new_file_is_private(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "asked", "", mode=0o666)
        write_whole(tmp_path / "private", "")
    finally:
        os.umask(before)
    assert (_mode(tmp_path / "asked"), _mode(tmp_path / "private")) == (0o640, 0o600)


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o444])
def test_a_file_that_is_replaced_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("DB_CONNECTION=sqlite\n")
    path.chmod(mode)
    before = os.umask(0o077)
    try:
        write_whole(path, "DB_CONNECTION=pgsql\n")
    finally:
        os.umask(before)
    assert (path.read_text(), _mode(path)) == ("DB_CONNECTION=pgsql\n", mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_file_that_is_replaced_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("old")
    os.chown(path, 12345, 23456)
    write_whole(path, "new")
    assert (path.read_text(), path.stat().st_uid, path.stat().st_gid) == ("new", 12345, 23456)


def test_a_link_is_replaced_and_what_it_points_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("another's")
    (tmp_path / "report.md").symlink_to(tmp_path / "elsewhere")
    write_whole(tmp_path / "report.md", "ours")
    assert (tmp_path / "elsewhere").read_text() == "another's"
    assert (tmp_path / "report.md").read_text() == "ours"
    assert not (tmp_path / "report.md").is_symlink()


def test_the_content_and_then_the_name_are_synchronised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def watched_sync(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else f"{os.fstat(handle).st_size} bytes")
        sync(handle)

    def watched_replace(source: Path, target: Path) -> None:
        done.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "replace", watched_replace)
    write_whole(tmp_path / "file", "content")
    assert done == ["7 bytes", "name", "folder"]


def test_a_file_that_is_not_written_to_its_end_goes_and_so_does_what_a_kill_left(tmp_path: Path) -> None:
    path, part = tmp_path / "archive.tar", tmp_path / ".archive.tar.part"
    part.write_bytes(b"of a killed one")
    with pytest.raises(RuntimeError), whole_file(path, part=part) as file:
        file.write(b"half")
        assert part.exists()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    part.write_bytes(b"of a killed one")
    with whole_file(path, part=part) as file:
        file.write(b"whole")
        assert not path.exists()
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("archive.tar", b"whole")]


def test_what_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "folder", "content")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_error_names_the_file_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        write_whole(tmp_path / "no folder" / "file", "content")
    assert missing.value.filename == str(tmp_path / "no folder" / "file")
    with pytest.raises(OSError, match="No space left") as full, whole_file(tmp_path / "file"):
        os.write(os.open("/dev/full", os.O_WRONLY), b"x")
    assert full.value.filename == str(tmp_path / "file")
