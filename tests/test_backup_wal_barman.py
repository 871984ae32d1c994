"""A real server whose WAL a real Barman streams by a slot: what litelift finds, by asking it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from litelift.backup.wal import wal_archiving, wal_lines
from litelift.backup.wal.barman import read_backups, read_check
from litelift.backup.wal.found import WalArchiving
from litelift.postgres.connect import Connection
from wal_tools import PATIENCE, ArchivingServer, end_segment, me, need, one, until

CONFIGURATION = """\
[barman]
barman_user = {user}
barman_home = {home}
barman_lock_directory = {home}
log_file = {home}/log
configuration_files_directory = {home}/none
[other]
description = of another server
conninfo = host={home} dbname=postgres password=pearl
streaming_conninfo = host={home} dbname=postgres
backup_method = postgres
streaming_archiver = on
slot_name = barman_other
[school]
description = of the school
conninfo = host={socket} user=postgres dbname=postgres
streaming_conninfo = host={socket} user=postgres dbname=postgres
backup_method = postgres
streaming_archiver = on
slot_name = barman
path_prefix = {programs}
immediate_checkpoint = true
"""


@dataclass
class Barman:
    """The server, and its Barman, whose configuration is that of HOME."""

    connection: Connection
    home: Path

    @property
    def wals(self) -> Path:
        return self.home / "school" / "wals"

    def run(self, *words: str) -> None:
        done = subprocess.run(["barman", *words], check=False, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """While `barman receive-wal` runs, as Barman's cron would have it."""
        words = ["barman", "-q", "receive-wal", "school"]
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        active = "select exists (select from pg_replication_slots where slot_name = 'barman' and active)"
        try:
            until(active, lambda: one(self.connection, active))
            yield
        finally:
            # It, and the pg_receivewal that it started.
            os.killpg(process.pid, signal.SIGINT)
            process.wait(PATIENCE)
            until("gone", lambda: not one(self.connection, active))

    def archive(self, count: int = 1) -> list[str]:
        """Have segments come into Barman's archive; their names."""
        names = [end_segment(self.connection) for _ in range(count)]
        # Barman leaves a segment alone until the next one has begun to come.
        one(self.connection, "select pg_logical_emit_message(true, 'litelift', 'more')")

        def come() -> bool:
            self.run("archive-wal", "school")
            return all(any(self.wals.glob(f"*/{name}")) for name in names)

        until(", ".join(names), come)
        return names

    def look(self) -> WalArchiving:
        return wal_archiving(self.connection, local=True)


@pytest.fixture(scope="module")
def barman() -> Iterator[Barman]:
    """A server, and its Barman with a slot."""
    need("barman")
    with tempfile.TemporaryDirectory(prefix="litelift-barman-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        server = ArchivingServer(Path(place) / "server")
        server.begin("unused")
        home = Path(place) / "home"
        home.mkdir()
        with server.connect() as connection, pytest.MonkeyPatch.context() as patch:
            (home / ".barman.conf").write_text(
                CONFIGURATION.format(user=me(), home=home, socket=server.folder, programs=server.tools)
            )
            patch.setenv("HOME", str(home))
            found = Barman(connection, home)
            found.run("receive-wal", "--create-slot", "school")
            yield found
        server.stop()


def codes(found: WalArchiving) -> list[tuple[str, str]]:
    return [(problem.code, problem.level) for problem in found.problems]


def test_a_barman_that_streams_is_asked_for_the_server_that_is_this_one(barman: Barman) -> None:
    with barman.receiving():
        barman.archive()
        barman.run("backup", "school")
        names = barman.archive(3)
        # As Barman's cron does: only then is the WAL of the backup's end known to have come.
        barman.run("check-backup", "school", "latest")
        found = barman.look()
        assert (found.tool, found.where) == ("barman", "server school")
        assert [(stream.slot, stream.program, stream.active) for stream in found.streams] == [
            ("barman", "barman_receive_wal", True)
        ]
        assert (found.state, found.problems, found.unseen) == ("ok", [], [])
        [backup] = found.backups
        assert backup.good
        assert backup.started is not None
        assert backup.stopped is not None
        assert backup.started <= backup.stopped
        assert backup.bytes is not None
        assert backup.bytes > 1_000_000
        assert (found.newest_wal, found.gaps) == (names[-1], [])
        assert found.newest_wal_at is not None
        assert "pearl" not in found.model_dump_json()
        assert wal_lines(found)[0] == "Point in time: Barman, server school: ok"

    [lost] = barman.wals.glob(f"*/{names[1]}")
    lost.unlink()
    found = barman.look()
    assert {("gap", "failed"), ("slot", "failed")} <= set(codes(found))
    assert [(gap.first, gap.last) for gap in found.gaps] == [(names[1], names[1])]
    assert any("receive wal running" in problem.message for problem in found.problems)


def test_a_barman_that_refuses_to_answer_is_not_seen(barman: Barman, monkeypatch: pytest.MonkeyPatch) -> None:
    other = barman.home / "nobody"
    other.mkdir()
    (other / ".barman.conf").write_text("[barman]\nbarman_user = nobody-of-this-machine\n")
    monkeypatch.setenv("HOME", str(other))
    found = barman.look()
    assert (found.tool, found.looked_into) == ("barman", False)
    assert "barman show-servers ended with" in found.unseen[0]


def test_a_base_backup_that_failed_or_still_waits_is_no_good_one() -> None:
    listed = [
        {"backup_id": "20261123T1", "status": "FAILED"},
        {"backup_id": "20261122T1", "status": "DONE", "end_time_timestamp": "1795471870", "size_bytes": 39915669},
        {"backup_id": "20261124T1", "status": "WAITING_FOR_WALS", "end_time_timestamp": "1795571870"},
        {"backup_id": "20261125T1", "status": "STARTED"},
    ]
    found = read_backups({"school": listed}, "school")
    assert [(backup.name, backup.good, backup.error) for backup in found] == [
        ("20261122T1", True, ""),
        ("20261123T1", False, "failed"),
        ("20261124T1", False, "the WAL of its end has not come yet"),
    ]


def test_a_check_that_says_only_that_a_backup_is_due_is_less_than_one_that_says_that_archiving_fails() -> None:
    document = {
        "school": {
            "backup_maximum_age": {"hint": "interval provided: 1 day, latest backup age: 2 days", "status": "FAILED"},
            "ssh": {"hint": "", "status": "OK"},
            "archiver_errors": {"hint": "duplicates: 2", "status": "FAILED"},
        }
    }
    found = read_check(document, "school")
    assert [(problem.level, problem.message) for problem in found] == [
        ("failed", "Barman's check fails: archiver errors (duplicates: 2)"),
        (
            "attention",
            "Barman's check fails: backup maximum age (interval provided: 1 day, latest backup age: 2 days)",
        ),
    ]
