"""A primary with slots and a standby, each of which is brought into trouble."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from broken import wait_for
from litelift.monitor.baseline import FILE, Baseline
from litelift.monitor.page.commands import commands
from litelift.monitor.samples import opened
from litelift.monitor.words import said, to_do
from monitored import database_at, found_by, only
from plain_role import plain_url
from system_server import SystemServer

LIMITS = """[monitor.limits]
"replication-slots.held" = { warning = 5e7, critical = 5e8 }
"replication-lag.bytes" = { warning = 1e6 }
"wal.used_percent" = { warning = 300 }
"""


class Primary:
    """A server whose WAL a test can move on."""

    def __init__(self, server: SystemServer) -> None:
        self.server = server
        self.url = server.url("postgres")
        self.connection = psycopg.connect(self.url, autocommit=True)

    def write(self, segments: int = 1) -> None:
        """Write WAL, and end so many segments of 16 MB."""
        for _ in range(segments):
            self.connection.execute("select txid_current(), pg_switch_wal()")

    def set(self, name: str, value: str) -> None:
        """Change a setting, and wait until it holds."""
        self.connection.execute(f"alter system set {name} = '{value}'")
        self.connection.execute("select pg_reload_conf()")
        shows = "select setting from pg_settings where name = %s"
        wait_for(lambda: (self.connection.execute(shows, (name,)).fetchone() or ("",))[0] == value)


@pytest.fixture(scope="module")
def primary() -> Iterator[Primary]:
    with tempfile.TemporaryDirectory(prefix="litelift-primary-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        server = SystemServer(Path(place) / "primary")
        server.make()
        server.run("archive_mode=on", "archive_timeout=0")
        found = Primary(server)
        found.set("archive_command", "/bin/true")
        yield found
        found.connection.close()
        server.stop()


def test_a_slot_that_nobody_uses_is_found_for_the_wal_that_it_keeps_and_once_that_is_gone(
    primary: Primary, tmp_path: Path
) -> None:
    of = database_at(primary.url, tmp_path, LIMITS)
    assert only(found_by("replication-slots", of)).found == "none"
    primary.connection.execute("select pg_create_physical_replication_slot('left_over', true)")
    # A consumer that is away for a moment is no trouble.
    assert only(found_by("replication-slots", of)).state == "ok"
    primary.write(5)
    finding = only(found_by("replication-slots", of))
    assert (finding.state, finding.found, finding.facts["slot"]) == ("warning", "inactive", "left_over")
    primary.set("max_slot_wal_keep_size", "1")
    primary.connection.execute("checkpoint")
    finding = only(found_by("replication-slots", of))
    assert (finding.state, finding.found) == ("critical", "lost")
    drop = "select pg_drop_replication_slot('left_over');"
    assert drop in (to_do(finding) or "")
    primary.connection.execute(drop)
    assert only(found_by("replication-slots", of)).state == "ok"
    primary.set("max_slot_wal_keep_size", "-1")


@pytest.mark.postgres(18)
@pytest.mark.superuser
def test_a_slot_that_nobody_has_used_for_long_is_found_even_where_it_keeps_little(
    database: str, tmp_path: Path
) -> None:
    of = database_at(database, tmp_path, '[monitor.limits]\n"replication-slots.inactive" = { warning = 0.001 }\n')
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("select pg_create_physical_replication_slot('idle', true)")
        try:
            assert only(found_by("replication-slots", of)).found == "inactive"
        finally:
            connection.execute("select pg_drop_replication_slot('idle')")
    assert only(found_by("replication-slots", of)).state == "ok"


def test_wal_that_is_kept_beyond_what_is_meant_is_found(primary: Primary, tmp_path: Path) -> None:
    of = database_at(primary.url, tmp_path, LIMITS)
    assert only(found_by("wal", of)).state == "ok"
    for name, value in (("min_wal_size", "32"), ("max_wal_size", "32")):
        primary.set(name, value)
    primary.connection.execute("select pg_create_physical_replication_slot('keeps', true)")
    primary.write(8)
    finding = only(found_by("wal", of))
    assert (finding.state, finding.found) == ("warning", "kept")
    primary.connection.execute("select pg_drop_replication_slot('keeps')")
    primary.write()

    def removed() -> bool:
        # What waits to be archived, no checkpoint removes.
        primary.connection.execute("checkpoint")
        return only(found_by("wal", of)).state == "ok"

    wait_for(removed)
    primary.set("max_wal_size", "1024")


def test_how_fast_wal_is_written_is_known_without_rights_too(primary: Primary, tmp_path: Path) -> None:
    of = database_at(plain_url(primary.url, "bare"), tmp_path, LIMITS)
    first = only(found_by("wal", of))
    assert (first.state, first.found) == ("ok", "unseen")
    with opened(of.folder, write=True) as samples:
        samples.add(datetime.fromtimestamp(datetime.now(UTC).timestamp() - 60, UTC), [first])
        primary.write()
        samples.add(datetime.now(UTC), found_by("wal", of, past=samples))
        assert only(found_by("wal", of, past=samples)).found == "rate"


def test_archiving_that_fails_is_critical_until_it_succeeds(primary: Primary, tmp_path: Path) -> None:
    of = database_at(primary.url, tmp_path, LIMITS)
    assert only(found_by("archiving", of)).found == "discarded"
    archive = primary.server.folder / "archive"
    primary.set("archive_command", f"cp %p {archive}/%f")
    primary.write()
    wait_for(lambda: only(found_by("archiving", of)).state == "critical")
    # Whatever was archived before, the archiver has forgotten.
    primary.connection.execute("select pg_stat_reset_shared('archiver')")
    primary.write()
    wait_for(lambda: only(found_by("archiving", of)).found == "never")
    assert "nothing was archived yet" in said(only(found_by("archiving", of)))
    archive.mkdir()
    archive.chmod(0o777)
    primary.write()
    wait_for(lambda: only(found_by("archiving", of)).state == "ok")
    archive.rename(archive.with_name("away"))
    primary.write()
    wait_for(lambda: only(found_by("archiving", of)).found == "failing")
    primary.set("archive_command", "/bin/true")


def test_a_server_that_archives_nothing_is_well(database: str, tmp_path: Path) -> None:
    assert only(found_by("archiving", database_at(database, tmp_path))).found == "off"


def test_a_standby_that_is_behind_cut_off_or_gone_is_found_on_both_sides(primary: Primary, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    of = database_at(primary.url, here, LIMITS)
    assert only(found_by("replication-lag", of)).found == "none"
    primary.connection.execute("create table if not exists t (a text)")
    standby = SystemServer(primary.server.folder.with_name("standby"))
    standby.follow(primary.server)
    try:
        second = database_at(standby.url("postgres"), there, LIMITS)
        wait_for(lambda: only(found_by("replication-lag", of)).found == "near")
        wait_for(lambda: only(found_by("replication-lag", second)).state == "ok")
        for name in ("replication-slots", "wal", "archiving", "database-size", "dead-rows", "wraparound", "bloat"):
            assert only(found_by(name, second)).state == "ok", name
        blind = database_at(plain_url(primary.url, "bare"), tmp_path)
        assert only(found_by("replication-lag", blind)).found == "needs-rights"
        # How far a standby is itself, everybody may see there.
        plain = database_at(standby.url("postgres").replace("postgres@", "plain_bare@"), tmp_path)
        wait_for(lambda: only(found_by("replication-lag", plain)).found == "own")
        with psycopg.connect(standby.url("postgres"), autocommit=True) as replay:
            replay.execute("select pg_wal_replay_pause()")
            primary.connection.execute("insert into t select repeat('x', 1000) from generate_series(1, 3000)")
            wait_for(lambda: only(found_by("replication-lag", of)).state == "warning")
            finding = only(found_by("replication-lag", of))
            assert (finding.found, finding.facts["standby"]) == ("behind", "walreceiver")
            finding = only(found_by("replication-lag", second))
            assert (finding.state, finding.found) == ("warning", "paused")
            replay.execute(*commands(to_do(finding) or ""))
        wait_for(lambda: only(found_by("replication-lag", of)).state == "ok")
        baseline = Baseline(at=datetime.now(UTC), measures={"replication-lag.standbys": 1.0})
        of.folder.mkdir()
        (of.folder / FILE).write_text(baseline.model_dump_json())
        assert only(found_by("replication-lag", of)).state == "ok"
        primary.set("synchronous_standby_names", "other")
        wait_for(lambda: only(found_by("replication-lag", of)).found == "commits-wait")
        primary.set("synchronous_standby_names", "")
        standby._run("pg_ctl", "-D", "data", "-m", "immediate", "stop")
        wait_for(lambda: only(found_by("replication-lag", of)).found == "gone")
        assert said(only(found_by("replication-lag", of))) == "0 standbys are connected; 1 were"
        standby.run("primary_conninfo='host=/nowhere'")
        wait_for(lambda: only(found_by("replication-lag", second)).found == "cut")
    finally:
        standby.stop()
