"""The folder of the backups is read whatever others do to it, and where nobody can write to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from backup_case import backup, fill, made
from litelift.backup.store import Store
from read_only import read_only
from stored_backup import stored


def test_a_backup_on_a_disk_that_is_read_only_is_verified_and_that_is_told(database: str, tmp_path: Path) -> None:
    fill(database)
    folder = tmp_path / "backups"
    manifest = made(database, folder)
    # One that comes from another machine has none.
    (folder / "lock").unlink()
    with read_only(folder):
        ran = backup("verify", "--json", folder=folder)
        assert (ran.status, ran.json["kept"], ran.json["backups"][0]["ok"]) == (0, False, True), ran.err
        assert "Not kept" in backup("verify", folder=folder).out
        largest = max(manifest["files"], key=lambda file: file["bytes"])
    (Path(manifest["folder"]) / largest["name"]).write_text("x")
    with read_only(folder):
        assert backup("verify", folder=folder).status == 1
        assert backup("list", folder=folder).status == 0


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
