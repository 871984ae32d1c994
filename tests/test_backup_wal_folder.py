"""A real server that archives its WAL into a folder by cp: what is found of it, and what is wrong with it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from command import litelift
from litelift.backup.wal import judging, wal_archiving, wal_lines
from litelift.backup.wal.asking import Unanswered
from litelift.backup.wal.folder import look
from litelift.backup.wal.found import WalArchiving
from litelift.errors import TargetError
from litelift.postgres import embedded
from litelift.postgres.connect import Connection
from litelift.postgres.programs import shipped
from wal_tools import PATIENCE, archive, end_segment, one, until

VERSION = 16


@dataclass
class Archiving:
    """A server that archives into ``folder``, as long as ``broken`` is not there."""

    connection: Connection
    url: str
    folder: Path
    broken: Path

    def until(self, condition: str) -> None:
        """Wait for a state of the archiver."""
        until(condition, lambda: one(self.connection, f"select {condition} from pg_stat_archiver"))

    def end_segment(self) -> str:
        """Have the server end a segment; its name."""
        return end_segment(self.connection)

    def archive(self) -> str:
        """Have a segment archived; its name."""
        return archive(self.connection)

    def base_backup(self, name: str) -> Path:
        """Make a base backup beside the archive, as an administrator does."""
        target = self.folder.parent / "base" / name
        target.parent.mkdir(exist_ok=True)
        words = ["-d", self.url, "-D", str(target), "-l", name, "-c", "fast", "-X", "fetch", "-N"]
        subprocess.run([shipped(VERSION) / "pg_basebackup", *words], check=True, capture_output=True, timeout=PATIENCE)
        return target

    def look(self, **how: float) -> WalArchiving:
        """What is found."""
        return wal_archiving(self.connection, local=True, **how)


@pytest.fixture(scope="module")
def archiving_server() -> Iterator[tuple[str, Path]]:
    """The URL of a server that archives, and the folder above its archive."""
    with tempfile.TemporaryDirectory(prefix="litelift-wal-", ignore_cleanup_errors=True) as place:
        above = Path(place)
        above.chmod(0o755)
        server = embedded.start(above / "pg", VERSION)
        command = sql.Literal(f"test ! -e '{above}/site/broken' && cp %p '{above}/site/wal archive/%f'")
        with psycopg.connect(server.url or "", autocommit=True) as admin:
            for setting, value in (("archive_mode", sql.Literal("on")), ("archive_command", command)):
                admin.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(setting), value))
            admin.execute("alter system set fsync = off")
        embedded.stop(server.folder)
        server = embedded.start(above / "pg", VERSION)
        yield server.url or "", above / "site"
        embedded.stop(server.folder)


@pytest.fixture
def archiving(archiving_server: tuple[str, Path]) -> Iterator[Archiving]:
    """The same server, with an archive that is empty."""
    url, site = archiving_server
    site.mkdir(mode=0o755)
    folder = site / "wal archive"
    folder.mkdir()
    folder.chmod(0o777)
    with psycopg.connect(url, autocommit=True) as connection:
        found = Archiving(connection, url, folder, site / "broken")
        # Whatever waits from before goes in, and out again.
        found.archive()
        for file in folder.iterdir():
            file.unlink()
        connection.execute("select pg_stat_reset_shared('archiver')")
        found.until("last_archived_wal is null")
        yield found
        found.broken.unlink(missing_ok=True)
    # At once, for the archiver may be writing to it.
    shutil.rmtree(site.rename(site.with_name(f"site-{time.monotonic_ns()}")))


def codes(found: WalArchiving) -> list[tuple[str, str]]:
    return [(problem.code, problem.level) for problem in found.problems]


def test_a_server_that_archives_nothing_has_no_point_in_time_which_is_no_fault(server: Callable[[str], str]) -> None:
    with psycopg.connect(server("postgres"), autocommit=True) as connection:
        found = wal_archiving(connection, local=True)
    assert (found.state, found.tool, found.mode, found.problems) == ("off", None, "off", [])
    assert wal_lines(found)[0].startswith("Point in time: none (archive_mode is off)")


def test_a_server_that_goes_away_is_an_error_of_litelifts_own(server: Callable[[str], str]) -> None:
    url = server("postgres")
    with psycopg.connect(url, autocommit=True) as admin, psycopg.connect(url, autocommit=True) as connection:
        admin.execute("select pg_terminate_backend(%s, 60000)", (connection.info.backend_pid,))
        with pytest.raises(TargetError):
            wal_archiving(connection, local=True)


def test_the_list_of_backups_shows_it(archiving: Archiving, tmp_path: Path) -> None:
    archiving.base_backup("mon\x1b[31mday")
    lost, newest = archiving.archive(), archiving.archive()
    words = ("backup", "list", archiving.url, "--folder", tmp_path)
    document = litelift(*words, "--json").json["point_in_time"]
    assert (document["state"], document["newest_wal"]) == ("ok", newest)
    (archiving.folder / lost).unlink()
    shown = litelift(*words)
    assert shown.status == 3
    assert f"WAL is missing: {lost}" in " ".join(shown.out.split())
    assert "mon?[31mday" in shown.out


def test_an_archive_with_a_base_backup_beside_it_is_whole(archiving: Archiving) -> None:
    before = archiving.archive()
    folder = archiving.base_backup("monday")
    newest = archiving.archive()
    found = archiving.look()
    assert (found.state, found.tool, found.where) == ("ok", "command", str(archiving.folder))
    assert (found.oldest_wal, found.newest_wal, found.gaps) == (before, newest, [])
    assert found.segments == len(list(archiving.folder.glob("?" * 24)))
    [backup] = found.backups
    assert (backup.name, backup.kind, backup.where, backup.good) == ("monday", "full", str(folder), True)
    assert f"(file {backup.start_wal})" in (folder / "backup_label").read_text()
    assert backup.started is not None
    assert backup.stopped is not None
    assert backup.started <= backup.stopped <= found.at
    assert found.newest_wal_age is not None
    lines = wal_lines(found)
    assert lines[0] == f"Point in time: archive_command, {archiving.folder}: ok"
    assert any("monday" in line for line in lines)
    assert WalArchiving.model_validate_json(found.model_dump_json()) == found


def test_a_base_backup_that_lies_elsewhere_is_known_by_what_the_server_archived_of_it(archiving: Archiving) -> None:
    folder = archiving.base_backup("monday")
    archiving.archive()
    shutil.rmtree(folder)
    found = archiving.look()
    [backup] = found.backups
    assert (found.state, backup.name, backup.where, backup.good) == ("ok", "monday", None, True)
    assert any("lies beside the archive" in what for what in found.unseen)


def test_a_command_that_fails_is_told_until_it_succeeds_again(archiving: Archiving) -> None:
    archiving.base_backup("monday")
    archiving.archive()
    archiving.broken.touch()
    name = archiving.end_segment()
    archiving.until(f"coalesce(last_failed_wal = '{name}', false)")
    found = archiving.look()
    assert found.state == "failed"
    assert ("failing", "failed") in codes(found)
    assert name in next(problem.message for problem in found.problems if problem.code == "failing")
    archiving.broken.unlink()
    archiving.archive()
    found = archiving.look()
    assert (found.state, codes(found)) == ("ok", [])
    assert found.archiver.failed > 0


def test_archiving_that_has_fallen_behind_is_told(archiving: Archiving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "BEHIND", 3)
    archiving.base_backup("monday")
    archiving.archive()
    archiving.broken.touch()
    for number in range(3):
        found = archiving.look()
        assert ("behind", "attention") not in codes(found)
        assert found.archiver.waiting == number
        archiving.end_segment()
    found = archiving.look()
    assert ("behind", "attention") in codes(found)
    assert found.archiver.waiting == 3


def test_a_command_that_never_ends_is_told(archiving: Archiving, monkeypatch: pytest.MonkeyPatch) -> None:
    # To the server, and to litelift, it looks as one that waits to be tried again: nothing goes out.
    monkeypatch.setattr(judging, "HANGS", timedelta(0))
    archiving.base_backup("monday")
    archiving.archive()
    assert codes(archiving.look()) == []
    archiving.broken.touch()
    archiving.end_segment()
    found = archiving.look()
    assert found.archiver.waiting == 1
    assert ("behind", "attention") in codes(found)


def test_a_gap_is_named_and_stops_every_recovery(archiving: Archiving) -> None:
    archiving.base_backup("monday")
    names = [archiving.archive() for _ in range(5)]
    for name in names[1:3]:
        (archiving.folder / name).unlink()
    found = archiving.look()
    assert codes(found) == [("gap", "failed")]
    assert [(gap.first, gap.last, gap.segments) for gap in found.gaps] == [(names[1], names[2], 2)]
    assert "make a base backup now" in found.problems[0].hint


def test_wal_that_a_base_backup_needs_and_that_is_still_on_its_way_is_no_gap(archiving: Archiving) -> None:
    archiving.archive()
    archiving.broken.touch()
    archiving.base_backup("monday")
    found = archiving.look()
    assert found.gaps == []
    archiving.broken.unlink()
    names = [archiving.archive() for _ in range(2)]
    [backup] = archiving.look().backups
    assert backup.start_wal is not None
    (archiving.folder / backup.start_wal).unlink()
    found = archiving.look()
    assert [(gap.first, gap.last) for gap in found.gaps] == [(backup.start_wal, backup.start_wal)]
    assert codes(found) == [("gap", "failed")]
    assert found.newest_wal == names[-1]


def test_a_gap_that_the_newest_base_backup_does_not_need_is_told_more_quietly(archiving: Archiving) -> None:
    archiving.base_backup("monday")
    names = [archiving.archive() for _ in range(3)]
    archiving.base_backup("tuesday")
    archiving.archive()
    (archiving.folder / names[1]).unlink()
    found = archiving.look()
    assert codes(found) == [("gap", "attention")]
    assert [backup.name for backup in found.backups] == ["monday", "tuesday"]


def test_the_segment_that_was_archived_last_is_missed(archiving: Archiving) -> None:
    archiving.base_backup("monday")
    archiving.archive()
    last = archiving.archive()
    (archiving.folder / last).unlink()
    found = archiving.look()
    assert [(gap.first, gap.last) for gap in found.gaps] == [(last, last)]
    assert found.state == "failed"


def test_an_archive_that_was_emptied_is_told_from_one_that_is_new(archiving: Archiving) -> None:
    assert codes(archiving.look()) == [("empty", "attention"), ("no-base", "failed")]
    archiving.archive()
    for file in archiving.folder.iterdir():
        file.unlink()
    assert codes(archiving.look()) == [("empty", "failed"), ("no-base", "failed")]


def test_a_folder_that_has_vanished_is_told(archiving: Archiving) -> None:
    archiving.archive()
    archiving.folder.rename(archiving.folder.with_name("gone"))
    found = archiving.look()
    assert (found.state, codes(found)) == ("failed", [("vanished", "failed")])
    assert str(archiving.folder) in found.problems[0].message
    assert not found.looked_into


def test_a_folder_that_only_a_container_may_have_is_not_called_vanished(tmp_path: Path) -> None:
    with pytest.raises(Unanswered, match="container"):
        look(tmp_path / "none", 16 << 20, "UTC", here=False)


def test_wal_without_a_base_backup_is_told_and_so_is_an_old_one(archiving: Archiving) -> None:
    archiving.archive()
    assert codes(archiving.look()) == [("no-base", "failed")]
    archiving.base_backup("monday")
    assert codes(archiving.look()) == []
    assert codes(archiving.look(days=0)) == [("old-base", "attention")]


def test_a_base_backup_that_was_cut_off_is_not_relied_on(archiving: Archiving) -> None:
    archiving.archive()
    folder = archiving.base_backup("monday")
    # Its history file is archived when it has ended.
    archiving.archive()
    (folder / "backup_manifest").unlink()
    for file in archiving.folder.glob("*.backup"):
        file.unlink()
    assert codes(archiving.look()) == [("no-base", "failed"), ("base-error", "failed")]


def test_wal_of_another_server_in_the_same_folder_is_told(archiving: Archiving) -> None:
    archiving.base_backup("monday")
    archiving.archive()
    (archiving.folder / "000000020000000000000009").touch()
    assert codes(archiving.look()) == [("history", "attention"), ("other-cluster", "attention")]


def test_a_plain_login_sees_the_archive_and_is_told_what_it_cannot_see(archiving: Archiving) -> None:
    archiving.base_backup("monday")
    newest = archiving.archive()
    archiving.connection.execute("drop role if exists wal_plain")
    archiving.connection.execute("create role wal_plain login")
    with psycopg.connect(archiving.url, user="wal_plain", autocommit=True) as plain:
        found = wal_archiving(plain, local=True)
    assert (found.state, found.newest_wal, found.archiver.waiting) == ("ok", newest, None)
    assert any("pg_monitor" in what for what in found.unseen)


def test_from_another_machine_the_servers_word_is_taken_and_called_that(archiving: Archiving) -> None:
    newest = archiving.archive()
    found = wal_archiving(archiving.connection, local=False)
    assert (found.state, found.looked_into, found.newest_wal, found.segments) == ("ok", False, newest, None)
    assert found.unseen == ["the archive itself: litelift does not run on the server's machine"]
    assert any("by the server's word alone" in line for line in wal_lines(found))
