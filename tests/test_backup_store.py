"""The folder of the backups is read whatever others do to it, and where nobody can write to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backup_case import backup, fill, made
from litelift.backup.store import Store
from stored_backup import stored


def test_a_backup_on_a_disk_that_is_read_only_is_verified_and_that_is_told(database: str, tmp_path: Path) -> None:
    fill(database)
    folder = tmp_path / "backups"
    manifest = made(database, folder)
    there = tmp_path / "there"
    there.mkdir()
    if os.geteuid() == 0:
        try:
            subprocess.run(["mount", "--bind", folder, there], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("mount: a folder cannot be mounted here")
    else:
        there.rmdir()
        shutil.copytree(folder, there)
        (there / "lock").unlink()
    try:
        if os.geteuid() == 0:
            subprocess.run(["mount", "-o", "remount,bind,ro", there], check=True, capture_output=True)
        else:
            there.chmod(0o500)
        ran = backup("verify", "--json", folder=there)
        assert (ran.status, ran.json["kept"], ran.json["backups"][0]["ok"]) == (0, False, True), ran.err
        assert "Not kept" in backup("verify", folder=there).out
        largest = max(manifest["files"], key=lambda file: file["bytes"])
        (Path(manifest["folder"] if os.geteuid() == 0 else there / manifest["name"]) / largest["name"]).write_text("x")
        assert backup("verify", folder=there).status == 1
        assert backup("list", folder=there).status == 0
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", there], check=True)
        else:
            there.chmod(0o700)


_GOES = """
import os, sys
while True:
    os.rename(sys.argv[1], sys.argv[2])
    os.rename(sys.argv[2], sys.argv[1])
"""


def test_a_list_made_while_others_remove_backups_has_those_that_stay(tmp_path: Path) -> None:
    store = Store(tmp_path / "backups")
    stays = stored(store, 1, {"database.dump": b"x"})
    goes = stored(store, 2, {"database.dump": b"x"})
    hidden = goes.folder.with_name(f".{goes.name}.gone")
    process = subprocess.Popen([sys.executable, "-c", _GOES, goes.folder, hidden])
    try:
        lengths = set()
        for _ in range(3000):
            found = store.backups()
            lengths.add(len(found))
            assert stays.name in {one.name for one in found}
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    # Both were seen, or the test has seen nothing.
    assert lengths == {1, 2}
