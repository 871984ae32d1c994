"""A backup is believed once it has been restored, and what was found is kept with it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from backup_case import backup, fill, history, made
from broken import alive, wait_for

Url = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def databases(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("select datname from pg_database")}


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_a_drill_restores_to_a_server_of_its_own_and_compares_every_table(
    database: str, folder: Path, form: str, tmp_path: Path
) -> None:
    fill(database)
    manifest = made(database, folder, "--format", form)
    own = tmp_path / "own"
    own.mkdir(mode=0o755)
    ran = backup("drill", "--json", folder=folder, temporary=own)
    assert ran.status == 0, ran.err
    assert ran.json["ok"] and ran.json["facts"]["tables"] == len(manifest["tables"])
    assert "a scratch server" in ran.json["facts"]["server"]
    assert list(own.iterdir()) == []
    listed = backup("list", "--json", folder=folder).json["backups"][0]
    assert listed["proved"] and listed["drilled"]["seconds"] > 0
    assert [event["what"] for event in history(folder)] == ["create", "drill"]


def test_a_drill_beside_leaves_the_live_server_as_it_was(database: str, folder: Path) -> None:
    fill(database)
    made(database, folder)
    before = databases(database)
    ran = backup("drill", database, "--beside", "--json", folder=folder)
    assert ran.status == 0, ran.err
    assert "a database beside" in ran.json["facts"]["server"]
    assert databases(database) == before


def test_a_backup_that_is_not_what_it_says_fails_its_drill(database: str, folder: Path) -> None:
    """The archive is whole, and holds other rows than the manifest says: only a restore can tell."""
    fill(database)
    manifest = made(database, folder)
    path = Path(manifest["folder"]) / "manifest.json"
    document = json.loads(path.read_text())
    school = next(table for table in document["tables"] if table["table"] == "public.school")
    grade = next(table for table in document["tables"] if table["table"] == "public.grade")
    school["rows"] += 1
    grade["digest"] = "0" * 32
    document["sequences"][0]["before"] = document["sequences"][0]["after"] = 1_000_000
    path.write_text(json.dumps(document))
    assert backup("verify", folder=folder).status == 0
    ran = backup("drill", "--json", folder=folder)
    assert ran.status == 1
    for told in ("public.school: expected 501 rows; got 500", "public.grade: its 3,000 rows are others", "1000000"):
        assert told in ran.json["message"]
    listed = backup("list", "--json", folder=folder)
    assert (listed.status, listed.json["backups"][0]["good"]) == (3, False)
    # Nobody restores it by leaving the name out.
    assert backup("restore", database, folder=folder).status == 2


def test_what_is_missing_beside_the_rows_is_found(database: str, folder: Path) -> None:
    fill(database)
    manifest = made(database, folder)
    path = Path(manifest["folder"]) / "manifest.json"
    document = json.loads(path.read_text())
    kind = next(kind for kind in document["objects"] if kind.startswith("index"))
    document["objects"][kind].append("public.grade_by_name on public.grade")
    path.write_text(json.dumps(document))
    ran = backup("drill", "--json", folder=folder)
    assert ran.status == 1
    assert "grade_by_name" in ran.json["message"]


def test_a_drill_needs_no_server_that_is_lost(database: str, folder: Path) -> None:
    fill(database)
    made(database, folder)
    ran = backup("drill", "postgresql://nobody@/nowhere?host=/nonexistent", folder=folder)
    assert ran.status == 0, ran.err


def test_what_a_killed_drill_leaves_goes_with_the_next(database: str, folder: Path, tmp_path: Path) -> None:
    fill(database)
    made(database, folder)
    own = tmp_path / "own"
    own.mkdir(mode=0o755)
    words = [sys.executable, "-m", "litelift", "backup", "drill", "--folder", str(folder)]
    process = subprocess.Popen(words, env={**os.environ, "TMPDIR": str(own)}, stderr=subprocess.DEVNULL)
    found: list[int] = []

    def started() -> bool:
        for path in own.glob("*/data/postmaster.pid"):
            with contextlib.suppress(OSError, ValueError):
                found.append(int(path.read_text().split("\n")[0]))
        # While initdb makes the files its number is negative.
        return bool(found) and found[-1] > 0

    wait_for(started)
    # It has yet to wait for the server, restore and compare.
    process.kill()
    process.wait(60)
    server = found[-1]
    assert alive(server)
    ran = backup("drill", "--json", folder=folder, temporary=own)
    assert ran.status == 0, ran.err
    assert not alive(server)
    assert list(own.iterdir()) == []


def test_verify_names_the_file_that_was_changed(database: str, folder: Path) -> None:
    fill(database)
    manifest = made(database, folder)
    place = Path(manifest["folder"])
    largest = max(manifest["files"], key=lambda file: file["bytes"])
    path = place / largest["name"]
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    harms = {
        "expected SHA-256": bytes(flipped),
        f"got {len(whole) - 1:,} bytes": whole[:-1],
        "expected SHA-256 ": whole[:-1] + bytes([whole[-1] ^ 128]),
    }
    for told, data in harms.items():
        path.write_bytes(data)
        for command in ("verify", "drill"):
            ran = backup(command, "--json", folder=folder)
            assert ran.status == 1
            message = ran.json["message"] if command == "drill" else ran.json["backups"][0]["message"]
            assert largest["name"] in message and told in message
        restored = backup("restore", database, "-b", manifest["name"], "--json", folder=folder)
        assert (restored.status, restored.json["error"]["kind"]) == (1, "BackupDamaged")
    path.unlink()
    assert "is missing" in backup("verify", folder=folder).out
    path.write_bytes(whole)
    assert backup("verify", folder=folder).status == 0
    (place / "more").write_text("x")
    assert "more is not in its manifest" in backup("verify", folder=folder).out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "it has no manifest.json"),
        ("", "cannot be read as a manifest"),
        ("{}", "cannot be read as a manifest"),
        ("[1]", "cannot be read as a manifest"),
        ('{"format": 2, "litelift": "9.9"}', "newer litelift (9.9)"),
    ],
)
def test_a_backup_without_its_manifest_is_not_good(database: str, folder: Path, content: str | None, told: str) -> None:
    fill(database)
    good = made(database, folder)
    bad = made(database, folder)
    path = Path(bad["folder"]) / "manifest.json"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    listed = backup("list", "--json", folder=folder)
    assert listed.status == 3
    found = {one["name"]: one for one in listed.json["backups"]}
    assert found[good["name"]]["good"] and not found[bad["name"]]["good"]
    assert told in found[bad["name"]]["damage"]
    assert told in backup("verify", "-b", bad["name"], folder=folder).out
    ran = backup("restore", database, "-b", bad["name"], "--json", folder=folder)
    assert (ran.status, ran.json["error"]["kind"]) == (1, "BackupDamaged")


def test_a_backup_under_another_name_is_told(database: str, folder: Path) -> None:
    fill(database)
    place = Path(made(database, folder)["folder"])
    shutil.copytree(place, folder / "copied")
    listed = backup("list", "--json", folder=folder).json["backups"]
    assert "its manifest is that of" in next(one for one in listed if one["name"] == "copied")["damage"]
