"""What the watch finds of disks that are full for real, of the machine's memory, and of disks that it cannot see."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from broken import NOBODY, free_port, nobodys_python
from litelift.monitor.checks.disks_folders import data_of
from litelift.monitor.checks.disks_room import mount_of, room_of
from litelift.monitor.checks.machine import read_memory
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.samples import Samples, opened
from litelift.monitor.watched import Watched
from litelift.monitor.words import said, to_do
from litelift.postgres import embedded
from monitored import database_at, found_by
from plain_role import plain_url
from small_disk import small_disk

ROOMY = '[monitor.limits]\n"disk.used_percent" = { warning = 101, critical = 102 }\n'
"""Whatever the tests' own disk is like."""


def away(folder: Path, settings: str = "") -> Watched:
    """A database whose server is away."""
    return database_at(f"postgresql://u@127.0.0.1:{free_port()}/school", folder, settings)


def disks(of: Watched, samples: Samples | None = None) -> dict[str, Finding]:
    """What is found of each disk."""
    return {finding.about: finding for finding in found_by("disk", of, past=samples)}


def fill(folder: Path) -> Path:
    """Write to a disk until nothing more goes in."""
    file = folder / "filling"
    with pytest.raises(OSError, match="No space"), file.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(1 << 16))
    return file


def test_a_full_disk_of_the_backups_is_told_with_how_to_see_what_fills_it(tmp_path: Path) -> None:
    with small_disk(4) as disk:
        of = away(tmp_path, f'folder = "{disk}/backups"\n')
        assert disks(of)["backups"].state == "ok"
        filling = fill(disk)
        found = disks(of)["backups"]
        assert (found.state, found.found, found.facts["free"]) == ("critical", "room", 0)
        assert f"du -xh --max-depth=3 {disk}" in str(to_do(found))
        os.truncate(filling, int(4e6 * 0.9))
        assert disks(of)["backups"].state == "warning"
        filling.unlink()
        assert disks(of)["backups"].state == "ok"


def test_a_disk_without_inodes_and_one_that_is_read_only_are_told(tmp_path: Path) -> None:
    with small_disk(4) as disk:
        of = dataclasses.replace(away(tmp_path), folder=disk)
        assert disks(of)["monitor"].state == "ok"
        subprocess.run(["mount", "-o", "remount,nr_inodes=10", str(disk)], check=True)
        for number in range(8):
            (disk / str(number)).touch()
        found = disks(of)["monitor"]
        assert (found.state, found.found) == ("warning", "inodes")
        subprocess.run(["mount", "-o", "remount,ro,nr_inodes=100", str(disk)], check=True)
        found = disks(of)["monitor"]
        assert (found.state, found.found) == ("critical", "read-only")


def test_a_full_tablespace_is_told_by_its_name(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, ROOMY)
    name = f"small_{os.getpid()}"
    with small_disk(16) as disk, psycopg.connect(database, autocommit=True) as admin:
        owner = Path(str(admin.execute("show data_directory").fetchone()[0])).stat()  # type: ignore[index]
        os.chown(disk, owner.st_uid, owner.st_gid)
        admin.execute(sql.SQL("create tablespace {} location {}").format(sql.Identifier(name), str(disk)))
        try:
            of = dataclasses.replace(of, settings=of.settings.model_copy(update={"limits": {}}))
            assert disks(of)[f"tablespace {name}"].state == "ok"
            admin.execute(sql.SQL("create table t (a text) tablespace {}").format(sql.Identifier(name)))
            with pytest.raises(psycopg.errors.DiskFull):
                admin.execute("insert into t select repeat('x', 1000) from generate_series(1, 100000)")
                admin.execute("insert into t select repeat('x', 1000) from generate_series(1, 100000)")
            found = disks(of)[f"tablespace {name}"]
            assert (found.state, found.facts["folder"]) == ("critical", str(disk))
        finally:
            admin.execute("drop table if exists t")
            admin.execute(sql.SQL("drop tablespace {}").format(sql.Identifier(name)))
        # The table's first file goes with the next checkpoint.
        admin.execute("checkpoint")


def test_the_data_folders_disk_is_known_and_stays_known_when_the_server_is_away(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, ROOMY)
    found = disks(of)["data"]
    with psycopg.connect(database) as connection:
        folder = str(connection.execute("show data_directory").fetchone()[0])  # type: ignore[index]
    assert (found.state, found.items[0]) == ("ok", {"folder": folder, "holds": "data"})
    here = os.statvfs(folder)
    assert found.facts["all"] == pytest.approx((here.f_blocks - here.f_bfree + here.f_bavail) * here.f_frsize, rel=0.05)
    gone = dataclasses.replace(of, logins=(f"host=127.0.0.1 port={free_port()} dbname=x user=y",))
    assert disks(gone)["data"].facts["folder"] == folder


def test_a_role_that_may_not_know_the_data_folder_is_told_so(database: str, tmp_path: Path) -> None:
    """Where the lock beside the server's socket does not say it either."""
    plain = conninfo_to_dict(plain_url(database, "owner"))
    socket = f".s.PGSQL.{plain.get('port', 5432)}"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, socket).symlink_to(Path(str(plain["host"]), socket))
        of = database_at(make_conninfo("", **{**plain, "host": folder}), tmp_path, ROOMY)
        found = disks(of)["data"]
    assert (found.state, found.found) == ("unknown", "needs-rights")
    assert "GRANT pg_monitor" in str(to_do(found))


def test_a_plain_roles_data_folder_is_known_by_the_lock_beside_its_servers_socket(
    database: str, tmp_path: Path
) -> None:
    of = database_at(plain_url(database, "owner"), tmp_path, ROOMY)
    with psycopg.connect(database) as connection:
        assert disks(of)["data"].facts["folder"] == connection.execute("show data_directory").fetchone()[0]  # type: ignore[index]


def test_the_disk_of_an_embedded_server_is_known_while_it_is_stopped(tmp_path: Path) -> None:
    source = tmp_path / "app.sqlite"
    source.touch()
    folder = embedded.folder_for(source)
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("16")
    of = dataclasses.replace(away(tmp_path, ROOMY), embedded=source)
    assert disks(of)["data"].items[0] == {"folder": str(folder), "holds": "data"}


def test_a_server_that_is_away_and_was_never_asked_is_no_matter_of_its_disk(tmp_path: Path) -> None:
    of = away(tmp_path, ROOMY)
    assert data_of(of) is None
    found = disks(of)
    assert [finding.state for finding in found.values()] == ["ok"]


def test_the_time_until_a_disk_is_full_is_told_from_what_it_has_grown(tmp_path: Path) -> None:
    with small_disk(8) as disk:
        of = dataclasses.replace(away(tmp_path), folder=disk)
        (disk / "kept").write_bytes(bytes(2 << 20))
        now = datetime.now(UTC)
        room = room_of(disk)
        assert room is not None
        with opened(tmp_path / "samples", write=True) as samples:
            for hours, used in ((24 * 7, 0.0), (7, room.used / 2)):
                measure = Measure("used", used, "bytes")
                samples.add(
                    now - timedelta(hours=hours),
                    [Finding("disk", "ok", "room", {}, about="monitor", measures=[measure])],
                )
            found = disks(of, samples)["monitor"]
            # Within a week it has grown by all that is there, of 8 MB 2.
            assert found.state == "ok"
            assert found.facts["full_in"] == pytest.approx(3 * 7 * 86400, rel=0.1)
            (disk / "more").write_bytes(bytes(int(2.2 * (1 << 20))))
            found = disks(of, samples)["monitor"]
            assert found.facts["full_in"] == pytest.approx(3.8 / 4.2 * 7 * 86400, rel=0.1)
            assert (found.state, found.found) == ("warning", "filling")
            assert "full in 6 days" in said(found)


def test_where_a_folder_lies_is_known_without_the_right_to_look_into_it(tmp_path: Path) -> None:
    with small_disk(4) as disk:
        (disk / "a b").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk / "a b")], check=True)
        try:
            assert mount_of(disk / "a b" / "deep" / "folder") == str(disk / "a b")
            assert mount_of(disk / "a bc") == str(disk)
        finally:
            subprocess.run(["umount", str(disk / "a b")], check=True)
        python = nobodys_python()
        if python is None:
            pytest.skip("an ordinary user finds no Python here")
        (disk / "locked" / "data").mkdir(parents=True)
        (disk / "locked").chmod(0o700)
        done = subprocess.run(
            [*python, "-c", _LOOKS, str(disk / "locked" / "data")], user=NOBODY, group=NOBODY, capture_output=True
        )
        assert done.stdout.decode().strip() == f"{disk} {4 << 20}", done.stderr.decode()


_LOOKS = """
import sys
from pathlib import Path
from litelift.monitor.checks.disks_room import room_of
room = room_of(Path(sys.argv[1]))
print(room.mount, room.used + room.free)
"""


def test_the_machines_memory_is_told_only_when_it_is_short(tmp_path: Path) -> None:
    calm = '"machine.load" = { warning = 1e9 }\n"machine.swap_percent" = { warning = 101 }\n'
    of = away(tmp_path, f'[monitor.limits]\n{calm}"machine.memory_percent" = {{ warning = 101, critical = 102 }}\n')
    finding = found_by("machine", of)[0]
    assert finding.state == "ok"
    measures = {measure.name: measure.value for measure in finding.measures}
    assert 0 < measures["memory_percent"] < 100
    assert measures["load"] >= 0
    short = away(tmp_path, f'[monitor.limits]\n{calm}"machine.memory_percent" = {{ warning = 0, critical = 102 }}\n')
    assert (found_by("machine", short)[0].state, found_by("machine", short)[0].found) == ("warning", "memory")


def test_a_process_that_was_ended_for_want_of_memory_is_told_for_an_hour(tmp_path: Path) -> None:
    calm = '"machine.load" = { warning = 1e9 }\n"machine.memory_percent" = { warning = 101, critical = 102 }\n'
    of = away(tmp_path, f"[monitor.limits]\n{calm}")
    _, _, kills = read_memory(Path("/proc"))
    now = datetime.now(UTC)
    with opened(of.folder, write=True) as samples:
        for hours, counted in ((3, kills - 2), (0.9, kills)):
            measures = [Measure("oom_kills", counted)]
            samples.add(now - timedelta(hours=hours), [Finding("machine", "ok", "fine", measures=measures)])
        found = found_by("machine", of, past=samples, now=now)[0]
        assert (found.state, found.found, found.facts["killed"]) == ("warning", "killed", 2)
        assert found_by("machine", of, past=samples, now=now + timedelta(hours=1))[0].state == "ok"
