"""A backup that somebody or something has changed is told as such, is not restored, and nothing outside is touched."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from backup_case import backup, history, made
from backup_threats import fill, only_error, sums
from command import litelift
from conftest import Url, fresh_database
from litelift.backup.drill import drill
from litelift.backup.settings import Backup as Settings
from litelift.backup.signs import Sign
from litelift.backup.store import Store, note
from litelift.backup.verify import verify
from litelift.errors import BackupNotRecorded, BackupUnread
from small_disk import small_disk

pyrage = pytest.importorskip("pyrage", reason="pyrage: pip install 'litelift[backup]'")
KEY = pyrage.x25519.Identity.generate()


@dataclass(frozen=True)
class Case:
    """A database, and a folder with a backup of it of each kind."""

    url: str
    folder: Path
    names: dict[str, str]


@pytest.fixture(scope="module")
def made_once(server: Url, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    base = tmp_path_factory.mktemp("damage")
    with fresh_database(server) as url:
        fill(url)
        words = {
            "custom": ("--format", "custom"),
            "directory": ("--format", "directory"),
            "encrypted": ("--recipient", str(KEY.to_public())),
        }
        names = {form: str(made(url, base / "backups", *given)["name"]) for form, given in words.items()}
        yield Case(url, base / "backups", names)


@pytest.fixture
def case(made_once: Case, tmp_path: Path) -> Case:
    """A copy of its own; the key is beside it."""
    shutil.copytree(made_once.folder, tmp_path / "backups", symlinks=True)
    (tmp_path / "key.txt").write_text(f"{KEY}\n")
    (tmp_path / "other.txt").write_text(f"{pyrage.x25519.Identity.generate()}\n")
    return Case(made_once.url, tmp_path / "backups", made_once.names)


def edit(place: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a backup's manifest."""
    document = json.loads((place / "manifest.json").read_text())
    change(document)
    (place / "manifest.json").write_text(json.dumps(document))


def refused(case: Case, form: str, told: str) -> None:
    """No command takes it for good; the others stay so."""
    name = case.names[form]
    others = {other: sums(case.folder / other) for other in case.names.values() if other != name}
    key = ("-i", case.folder.parent / "key.txt") if form == "encrypted" else ()
    verified = backup("verify", "-b", name, "--json", *key, folder=case.folder)
    assert verified.status == 1, verified
    assert told in verified.json["backups"][0]["message"], verified.out
    with psycopg.connect(case.url) as looking:
        count = "select count(*) from pg_database"
        before = looking.execute(count).fetchone()
        restored = backup("restore", case.url, "-b", name, "--json", *key, folder=case.folder)
        only_error(restored, "BackupDamaged", told)
        assert looking.execute(count).fetchone() == before
    listed = backup("list", "--json", folder=case.folder)
    assert listed.status == 3
    assert {one["name"]: one["good"] for one in listed.json["backups"]} == {
        name: False,
        **dict.fromkeys(others, True),
    }
    assert {other: sums(case.folder / other) for other in others} == others
    last = history(case.folder)[-2:]
    assert [(event["what"], event["ok"], event["backup"]) for event in last] == [
        ("verify", False, name),
        ("restore", False, name),
    ]


@pytest.mark.parametrize("form", ["custom", "directory", "encrypted"])
def test_a_flipped_or_truncated_archive_is_found_also_where_the_manifest_was_changed_with_it(
    case: Case, form: str
) -> None:
    """The checksums fit then: pg_restore, and age, find it."""
    import hashlib

    place = case.folder / case.names[form]
    path = max((path for path in place.rglob("*") if path.suffix != ".json" and path.is_file()), key=_size)
    whole = path.read_bytes()
    middle = len(whole) // 2
    for data in (whole[:-9], whole[:middle] + bytes([whole[middle] ^ 8]) + whole[middle + 1 :]):
        path.write_bytes(data)
        refused(case, form, "expected")

        def fit(document: dict[str, Any], data: bytes = data) -> None:
            (entry,) = (file for file in document["files"] if place / file["name"] == path)
            entry["bytes"], entry["sha256"] = len(data), hashlib.sha256(data).hexdigest()

        kept = (place / "manifest.json").read_bytes()
        edit(place, fit)
        key = ("-i", case.folder.parent / "key.txt") if form == "encrypted" else ()
        if form == "encrypted":
            refused(case, form, "its encryption says")
        drilled = backup("drill", "-b", case.names[form], "--json", *key, folder=case.folder)
        assert (drilled.status, drilled.json["ok"]) == (1, False), drilled
        (place / "manifest.json").write_bytes(kept)


def _size(path: Path) -> int:
    return path.stat().st_size


@pytest.mark.parametrize("command", ["verify", "drill", "restore"])
def test_a_wrong_key_says_nothing_of_the_backup(case: Case, command: str) -> None:
    name = case.names["encrypted"]
    words = [case.url] if command == "restore" else []
    other = ("-i", case.folder.parent / "other.txt")
    ran = backup(command, *words, "-b", name, "--json", *other, folder=case.folder)
    only_error(ran, "BackupKey", name, hint="--identity")
    last = history(case.folder)[-1]
    assert (last["what"], last["ok"], last["backup"]) == (command, False, name)
    assert backup("list", "--json", folder=case.folder).status == 0
    if command != "verify":
        only_error(backup(command, *words, "-b", name, "--json", folder=case.folder), "BackupKey", hint="--identity")
    else:
        ran = backup("verify", "-b", name, "--json", folder=case.folder)
        assert (ran.status, ran.json["backups"][0]["facts"]["archive_read"]) == (0, False)
    both = (*other, "-i", case.folder.parent / "key.txt")
    assert backup("verify", "-b", name, *both, folder=case.folder).status == 0


def test_a_table_out_of_an_encrypted_backup(case: Case) -> None:
    key = ("-i", case.folder.parent / "key.txt")
    words = ("-b", case.names["encrypted"], "--table", "grade", "--json")
    ran = backup("restore", case.url, *words, *key, folder=case.folder)
    assert ran.status == 0, ran
    with psycopg.connect(case.url, autocommit=True) as looking:
        other = case.url.replace(f"/{looking.info.dbname}?", f"/{ran.json['database']}?")
        with psycopg.connect(other) as restored:
            assert restored.execute("select count(*) from grade").fetchone() == (300,)
        looking.execute(f'drop database "{ran.json["database"]}"')


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "database/../../x", "..", "", ".", "a\0b"])
def test_a_manifest_that_names_a_file_outside(case: Case, name: str) -> None:
    def lead_out(document: dict[str, Any]) -> None:
        document["files"][0]["name"] = name

    edit(case.folder / case.names["custom"], lead_out)
    refused(case, "custom", "names a file outside")


@pytest.mark.parametrize("path", ["../other/database.dump", "/etc/passwd", "--help", "manifest.json"])
def test_a_manifest_whose_archive_is_elsewhere(case: Case, path: str) -> None:
    edit(case.folder / case.names["custom"], lambda document: document["dump"].update(path=path))
    refused(case, "custom", "cannot be read as a manifest")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[" * 100_000, "cannot be read as a manifest"),
        (b"\xff\xfe", "cannot be read as a manifest"),
        (b'{"format": 99, "litelift": "\\u001b[31m9.9\\n"}', "newer litelift"),
        (b"{" + b'"a":1,' * 10 + b'"b":2', "cannot be read as a manifest"),
    ],
)
def test_a_manifest_that_is_none(case: Case, content: bytes, told: str) -> None:
    (case.folder / case.names["directory"] / "manifest.json").write_bytes(content)
    refused(case, "directory", told)
    shown = backup("list", folder=case.folder)
    assert "\x1b" not in shown.out, shown.out


@pytest.mark.parametrize("kind", ["link", "linked folder", "pipe", "device", "folder", "more"])
def test_what_is_no_file_is_not_read(case: Case, kind: str, tmp_path: Path) -> None:
    """A link to the very same bytes is somebody else's file; a pipe or a device has no end."""
    form = "directory" if kind == "linked folder" else "custom"
    place = case.folder / case.names[form]
    path = place / ("database" if form == "directory" else "database.dump")
    shutil.move(path, tmp_path / "moved")
    told = "it is no file"
    if kind in ("link", "linked folder"):
        path.symlink_to(tmp_path / "moved")
        told = "behind a link" if kind == "linked folder" else told
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        shutil.move(tmp_path / "moved", path)
        (place / "more").symlink_to("/etc")
        told = "more is not in its manifest"
    refused(case, form, told)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_manifest_that_is_no_file_is_not_read(case: Case, kind: str, tmp_path: Path) -> None:
    path = case.folder / case.names["custom"] / "manifest.json"
    shutil.move(path, tmp_path / "moved")
    path.symlink_to("/dev/zero") if kind == "link" else os.mkfifo(path)
    refused(case, "custom", "it is no file")


@pytest.mark.parametrize("content", ["", "{", '{"verified": 1}', "[" * 100_000, None])
def test_a_standing_that_cannot_be_read_is_forgotten_and_found_out_again(case: Case, content: str | None) -> None:
    name = case.names["custom"]
    assert backup("verify", "-b", name, folder=case.folder).status == 0
    path = case.folder / name / "standing.json"
    path.unlink()
    path.symlink_to("/dev/zero") if content is None else path.write_text(content)
    listed = backup("list", "--json", folder=case.folder)
    assert listed.status == 0
    assert next(one for one in listed.json["backups"] if one["name"] == name)["verified"] is None
    assert backup("verify", "-b", name, folder=case.folder).status == 0
    assert json.loads(path.read_text())["verified"]["ok"]


def test_a_history_that_is_torn_loses_that_line_alone(case: Case) -> None:
    from litelift.backup.history import events

    path = case.folder / "history.jsonl"
    before = len(events(case.folder))
    with path.open("ab") as file:
        file.write(b'\xff\n{"at": 1}\n' + b"[" * 100_000 + b'\n{"at": "2026-')
    assert backup("verify", folder=case.folder).status == 0
    found = events(case.folder)
    assert len(found) == before + 1 and found[-1].what == "verify"


@pytest.mark.parametrize("what", ["verify", "drill"])
def test_what_was_found_out_is_told_also_where_the_disk_is_full(case: Case, what: str) -> None:
    from test_backup_threats_create import fill_up

    with small_disk(4) as disk:
        shutil.copytree(case.folder, disk / "backups")
        store = Store(disk / "backups")
        # More than what the drill itself gives back to the disk.
        places = {f"place {number}": datetime.now(UTC) for number in range(400)}
        one = note(store.find(case.names["custom"]), copies=places)

        def on_sign(sign: Sign) -> None:
            if sign.finished and sign.phase == ("test" if what == "verify" else "compare"):
                fill_up(store.path)

        with pytest.raises(BackupNotRecorded, match="No space left") as caught:
            if what == "verify":
                verify(store, one, on_sign=on_sign)
            else:
                drill(store, one, Settings(), on_sign=on_sign)
        assert one.name in caught.value.message and caught.value.hint
        # Neither a half of it, nor of the old one, is left.
        (disk / "filler").unlink()
        assert all(found.good for found in store.backups())
        assert not [path for path in store.path.rglob("*") if path.name.endswith(".part")]


def test_a_pg_restore_that_is_killed_says_nothing_of_the_backup(case: Case, tmp_path: Path) -> None:
    from litelift.backup.tools import tools_for

    store = Store(case.folder)
    one = store.find(case.names["custom"])
    real = tools_for(one.read().server.version_number)
    assert real.folder is not None
    stand_in = tmp_path / "bin"
    stand_in.mkdir()
    for program in ("pg_dump", "pg_restore"):
        script = '#!/bin/sh\ncase "$1" in --version) exec "{0}" "$1";; esac\nkill -KILL $$\n'
        (stand_in / program).write_text(script.format(real.folder / program))
        (stand_in / program).chmod(0o755)
    with pytest.raises(BackupUnread, match="SIGKILL"):
        verify(store, one, tools=str(stand_in))
    (tmp_path / "litelift.toml").write_text(f'[backup]\nurl = "{case.url}"\ntools = "{stand_in}"\n')
    for command in ("drill", "restore"):
        ran = litelift(
            *("backup", command, tmp_path / "litelift.toml", "--folder", case.folder, "-b", one.name, "--json")
        )
        only_error(ran, "DrillImpossible" if command == "drill" else "RestoreImpossible", "SIGKILL")
    assert all(found.good for found in store.backups())


def test_another_user_may_not_read_it_and_that_is_no_damage(case: Case) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root is followed by another user")
    child = os.fork()
    if child == 0:
        try:
            for above in [case.folder, *case.folder.parents][:4]:
                above.chmod(0o755)
            os.setuid(65534)
            try:
                found = Store(case.folder).backups()
                os._exit(0 if not any(one.good for one in found) and len(found) == 3 else 2)
            except BaseException:
                os._exit(3)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert all(one.good for one in Store(case.folder).backups())


class Watch:
    """Looks at folders over and over, for what pg_dump writes in plain: its archive's first bytes, or a row."""

    def __init__(self, *folders: Path) -> None:
        self.folders, self.found, self.looks = folders, set[str](), 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def look(self) -> None:
        """Once."""
        for folder, _, names in (step for one in self.folders for step in os.walk(one)):
            for name in names:
                with contextlib.suppress(OSError):
                    data = Path(folder, name).read_bytes()
                    if b"PGDMP" in data or MARK.encode() in data:
                        self.found.add(f"{folder}/{name}")
        self.looks += 1

    def run(self) -> None:
        """Until it is stopped."""
        while not self.stop.is_set():
            self.look()

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()


MARK = "a row that nobody may see"


def test_what_is_encrypted_lies_on_no_disk_in_plain(database: str, tmp_path: Path) -> None:
    """Watched in each sign of life too; of a drill, the scratch server's own files are its database."""
    from litelift.backup.create import create
    from litelift.backup.restore import restore_new
    from litelift.backup.subject import changed, subject

    fill(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("insert into grade select g, %s || g from generate_series(1001, 9000) g", (MARK,))
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o755)
    (tmp_path / "backups").mkdir()
    of = changed(subject(database, tmp_path / "backups"), recipients=[str(KEY.to_public())], compress="none")
    before = tempfile.tempdir
    tempfile.tempdir = str(temporary)
    try:
        with Watch(tmp_path / "backups", temporary) as watch:

            def on_sign(sign: Sign) -> None:
                watch.look()

            made_ = create(of, on_sign=on_sign)
            assert verify(of.store, made_, identities=[KEY], on_sign=on_sign).ok
            names = [
                restore_new(of, made_, to=name, tables=tables, identities=[KEY], on_sign=on_sign).database
                for name, tables in ((f"{made_.name[:20]}_a", []), (f"{made_.name[:20]}_b", ["grade"]))
            ]
        with Watch(tmp_path / "backups") as second:
            assert drill(of.store, made_, Settings(), identities=[KEY]).look.ok
    finally:
        tempfile.tempdir = before
    with psycopg.connect(database, autocommit=True) as admin:
        for name in names:
            admin.execute(sql.SQL("drop database {}").format(sql.Identifier(name)))
    assert watch.looks > 10 and second.looks
    assert watch.found == set() and second.found == set()
    # It would have been seen.
    (temporary / "x").write_text(MARK)
    watch.look()
    assert watch.found
