"""A real server that archives its WAL by a real pgBackRest: what litelift finds, by asking it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from litelift.backup.wal import wal_archiving, wal_lines
from litelift.backup.wal.found import WalArchiving
from litelift.backup.wal.pgbackrest import read_info
from litelift.postgres.connect import Connection
from wal_tools import ArchivingServer, archive, need

CONFIGURATION = """\
[global]
repo1-path={folder}/repository
repo1-retention-full=2
lock-path={folder}/repository
spool-path={folder}/repository
log-level-file=off
start-fast=y
[school]
pg1-path={folder}/data
pg1-socket-path={folder}
pg1-user=postgres
[empty]
pg1-path={folder}/data
pg1-socket-path={folder}
pg1-user=postgres
"""


@dataclass
class PgBackRest:
    """The server, and what its pgBackRest is called with."""

    server: ArchivingServer
    connection: Connection
    words: tuple[str, ...]
    repository: Path

    def command(self, stanza: str = "school") -> str:
        return " ".join([*self.words, f"--stanza={stanza}", "archive-push", "%p"])

    def run(self, *words: str, stanza: str = "school") -> None:
        self.server.as_server(*self.words, f"--stanza={stanza}", "--log-level-console=off", *words)

    def look(self, **how: float) -> WalArchiving:
        return wal_archiving(self.connection, local=True, **how)


@pytest.fixture(scope="module")
def pgbackrest() -> Iterator[PgBackRest]:
    """A server with a stanza that has a full backup, and one that has none."""
    program = need("pgbackrest")
    with tempfile.TemporaryDirectory(prefix="litelift-pgbackrest-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        server = ArchivingServer(Path(place) / "server")
        repository = server.begin("repository", "archive_mode=on")
        configuration = server.folder / "pgbackrest.conf"
        configuration.write_text(CONFIGURATION.format(folder=server.folder))
        with server.connect() as connection:
            found = PgBackRest(server, connection, (program, f"--config={configuration}"), repository)
            found.run("stanza-create", stanza="empty")
            found.run("stanza-create")
            server.archive_by(connection, found.command())
            found.run("--type=full", "backup")
            yield found
        server.stop()


def codes(found: WalArchiving) -> list[tuple[str, str]]:
    return [(problem.code, problem.level) for problem in found.problems]


@pytest.mark.parametrize(
    ("stanza", "problem", "says"),
    [
        ("nobodys", ("tool", "failed"), "missing stanza path"),
        ("empty", ("no-base", "failed"), "pgbackrest --stanza=empty backup"),
    ],
)
def test_a_stanza_that_nobody_made_and_one_without_a_backup_are_told(
    pgbackrest: PgBackRest, stanza: str, problem: tuple[str, str], says: str
) -> None:
    pgbackrest.server.archive_by(pgbackrest.connection, pgbackrest.command(stanza))
    try:
        found = pgbackrest.look()
    finally:
        pgbackrest.server.archive_by(pgbackrest.connection, pgbackrest.command())
    assert (found.state, found.tool, found.where) == ("failed", "pgbackrest", f"stanza {stanza}")
    assert problem in codes(found)
    assert any(says in told.message + told.hint for told in found.problems)


def test_a_full_backup_and_the_wal_behind_it_are_found(pgbackrest: PgBackRest) -> None:
    newest = archive(pgbackrest.connection)
    found = pgbackrest.look()
    assert (found.state, found.tool, found.where) == ("ok", "pgbackrest", "stanza school")
    assert found.unseen == []
    [backup] = found.backups
    assert (backup.kind, backup.good, backup.error) == ("full", True, "")
    assert backup.bytes is not None
    assert backup.stored_bytes is not None
    assert backup.bytes > backup.stored_bytes > 1_000_000
    assert backup.started is not None
    assert backup.stopped is not None
    assert backup.started <= backup.stopped
    assert (found.newest_wal, found.gaps) == (newest, [])
    assert found.newest_wal_at is not None
    assert wal_lines(found)[0] == "Point in time: pgBackRest, stanza school: ok"
    assert codes(pgbackrest.look(days=0)) == [("old-base", "attention")]


def test_a_segment_that_is_missing_in_the_repository_is_named(pgbackrest: PgBackRest) -> None:
    lost, newest = archive(pgbackrest.connection), archive(pgbackrest.connection)
    [file] = pgbackrest.repository.glob(f"archive/school/*/*/{lost}-*")
    aside = file.rename(pgbackrest.repository / file.name)
    found = pgbackrest.look()
    assert codes(found) == [("gap", "failed")]
    assert [(gap.first, gap.last) for gap in found.gaps] == [(lost, lost)]
    assert found.newest_wal == newest
    aside.rename(file)
    assert pgbackrest.look().state == "ok"


def test_a_repository_that_may_not_be_read_is_no_failure_but_not_seen(pgbackrest: PgBackRest) -> None:
    if os.geteuid() != 0:
        pytest.skip("the server's user and the tests' are one: another would take root")
    os.chown(pgbackrest.repository / "backup", 0, 0)
    (pgbackrest.repository / "backup").chmod(0o700)
    try:
        found = pgbackrest.look()
    finally:
        (pgbackrest.repository / "backup").chmod(0o755)
    assert (found.looked_into, [problem.code for problem in found.problems]) == (False, [])
    assert any("Permission denied" in what for what in found.unseen)


def test_without_the_program_the_servers_word_is_all(pgbackrest: PgBackRest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = pgbackrest.look()
    assert (found.tool, found.where, found.looked_into) == ("pgbackrest", "stanza school", False)
    assert any("pgbackrest is not installed here" in what for what in found.unseen)


def test_a_stanza_of_another_cluster_is_told_and_one_without_a_name_is_found_by_its_server() -> None:
    stanza = {
        "name": "school",
        "status": {"code": 0, "message": "ok"},
        "repo": [{"key": 1, "status": {"code": 0, "message": "ok"}}],
        "db": [{"id": 1, "repo-key": 1, "system-id": 11}, {"id": 2, "repo-key": 1, "system-id": 22}],
        "archive": [
            {"database": {"id": 1, "repo-key": 1}, "id": "14-1"},
            {"database": {"id": 2, "repo-key": 1}, "id": "15-2"},
        ],
        "backup": [
            {
                "label": "a",
                "type": "full",
                "error": False,
                "database": {"id": 1, "repo-key": 1},
                "timestamp": {"stop": 1},
            },
            {
                "label": "b",
                "type": "full",
                "error": True,
                "database": {"id": 2, "repo-key": 1},
                "timestamp": {"stop": 2},
            },
        ],
    }
    found = read_info([stanza], None, "22")
    assert found is not None
    name, archive_, folders = found
    # What was of the version before an upgrade is none of this server's.
    assert (name, folders, [backup.name for backup in archive_.backups or []]) == ("school", [(1, "15-2")], ["b"])
    assert archive_.problems == []
    assert "checksum" in (archive_.backups or [])[0].error
    other = read_info([stanza], "school", "33")
    assert other is not None
    assert [problem.code for problem in other[1].problems] == ["other-cluster"]
    assert read_info([stanza], None, "33") is None
    assert read_info({"unexpected": 1}, "school", "33") is None
