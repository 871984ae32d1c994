"""Servers near their limits, crashed, started anew, out of date: made for real, and found."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from broken import Tcp, tcp_server, wait_for
from litelift.monitor.checks import CHECKS, server_restarts
from litelift.monitor.releases import RELEASES, behind
from litelift.monitor.run import look_at
from litelift.postgres import embedded
from monitored import database_at, found_by, only
from plain_role import plain_url

RESTARTS = [check for check in server_restarts.CHECKS if check.name == "restarts"]


class Was:
    """What was measured at one moment."""

    def __init__(self, at: datetime, values: Mapping[str, float]) -> None:
        self.at, self.values = at, values

    def value(self, series: str, at: datetime) -> tuple[datetime, float] | None:
        return (self.at, self.values[series]) if series in self.values and self.at <= at else None


@pytest.fixture(scope="module")
def small() -> Iterator[Tcp]:
    """A server for few: 6 sessions of plain roles, and 3 of superusers."""
    with tcp_server("-c max_connections=9") as server:
        server.do("create role app login password 'app'", "create database app owner app")
        yield server


@contextmanager
def sessions(url: str, most: int = 20) -> Iterator[None]:
    """As many sessions as the server takes."""
    with ExitStack() as stack:
        for _ in range(most):
            try:
                stack.enter_context(psycopg.connect(url))
            except psycopg.OperationalError:
                break
        yield


def test_connections_near_the_limit_are_found_with_who_holds_them(small: Tcp, tmp_path: Path) -> None:
    of = database_at(small.url("app"), tmp_path)
    small.quiet()
    assert only(found_by("connections", of)).state == "ok"
    with sessions(small.url("app", "app", "app")):
        finding = only(found_by("connections", of))
        assert (finding.state, finding.facts["used"], finding.facts["most"]) == ("critical", 6, 6)
        assert finding.items[0]["user"] == "app"
        assert finding.items[0]["sessions"] == 6
    wait_for(lambda: only(found_by("connections", of)).state == "ok")


def test_where_no_connection_is_left_that_is_what_is_found(small: Tcp, tmp_path: Path) -> None:
    of = database_at(small.url("app", "app", "app"), tmp_path)
    small.quiet()
    with sessions(small.url("app", "app", "app")):
        server, connections = look_at(of, [check for check in CHECKS if check.name == "connections"]).findings
    assert (server.check, server.state, server.found) == ("server", "critical", "full")
    assert (connections.check, connections.state, connections.found) == ("connections", "critical", "none-left")


@pytest.mark.parametrize(
    ("statement", "found"),
    [("alter database app connection limit 2", "of-database"), ("alter role app connection limit 2", "of-role")],
)
def test_the_limit_of_the_database_and_of_the_role_count_too(
    small: Tcp, tmp_path: Path, statement: str, found: str
) -> None:
    of = database_at(small.url("app", "app", "app"), tmp_path, f'[monitor]\nurl = "{small.url("app")}"\n')
    small.quiet()
    small.do(statement)
    try:
        with sessions(small.url("app", "app", "app"), 2):
            finding = only(found_by("connections", of))
        assert (finding.state, finding.found, finding.facts["most"]) == ("critical", found, 2)
    finally:
        small.do(statement.replace("2", "-1"))


def test_three_times_the_sessions_of_the_baseline_are_told(small: Tcp, tmp_path: Path) -> None:
    limits = '[monitor.limits]\n"connections.times_normal" = { warning = 0.2 }\n'
    of = database_at(small.url("app"), tmp_path, limits)
    of.folder.mkdir()
    baseline = '{"at": "2026-01-01T00:00:00Z", "measures": {"connections.used": 4}}'
    (of.folder / "baseline.json").write_text(baseline)
    small.quiet()
    assert only(found_by("connections", of)).state == "ok"
    with sessions(small.url("app", "app", "app"), 3):
        finding = only(found_by("connections", of))
    assert (finding.state, finding.found, finding.facts["normal"]) == ("warning", "unusual", 4)


def test_a_crash_is_found_though_the_server_came_back_by_itself(
    small: Tcp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = database_at(small.url("app"), tmp_path)
    assert only(found_by("restarts", of)).found == "none"
    monkeypatch.setattr(server_restarts, "APART", timedelta(seconds=0.5))
    session = psycopg.connect(small.url("app"))
    started = session.execute("select pg_postmaster_start_time()").fetchone()
    assert started is not None
    wait_for(lambda: datetime.now(UTC) - started[0] > timedelta(seconds=1))
    os.kill(session.info.backend_pid, signal.SIGKILL)
    session.close()
    wait_for(lambda: [one.found for one in look_at(of, RESTARTS).findings[1:]] == ["crashed"])
    assert only(found_by("restarts", of)).state == "critical"
    plain = database_at(small.url("app", "app", "app"), tmp_path)
    assert only(found_by("restarts", plain)).found == "crashed"
    later = datetime.now(UTC) + timedelta(days=2)
    assert only(found_by("restarts", of, now=later)).state == "ok"


def test_a_server_that_was_started_anew_is_told_for_an_hour_and_after_a_crash_for_a_day(tmp_path: Path) -> None:
    folder = tmp_path / "app.sqlite.litelift" / "pg"
    tmp_path.chmod(0o755)
    of = database_at(embedded.start(folder).url or "", tmp_path)
    try:
        server = only(found_by("restarts", of)[:1])
        past = Was(datetime.now(UTC) - timedelta(hours=1), {"server.uptime": 1000.0})
        assert server.found == "none"
        embedded.stop(folder)
        embedded.start(folder)
        finding = only(found_by("restarts", of, past=past))
        assert (finding.state, finding.found) == ("warning", "restarted")
        assert only(found_by("restarts", of, past=past, now=datetime.now(UTC) + timedelta(hours=2))).state == "ok"
        os.kill(embedded.status(folder).pid or 0, signal.SIGQUIT)
        wait_for(lambda: embedded.status(folder).pid is None)
        embedded.start(folder)
        finding = only(found_by("restarts", of, past=past))
        assert (finding.state, finding.found) == ("critical", "crashed")
    finally:
        embedded.stop(folder)


@pytest.mark.postgres(16)
@pytest.mark.parametrize(
    ("now", "state", "found"),
    [("2027-01-01", "ok", "current"), ("2028-09-01", "warning", "ends"), ("2028-12-01", "warning", "ended")],
)
def test_a_major_version_is_told_of_before_its_end(
    database: str, tmp_path: Path, now: str, state: str, found: str
) -> None:
    of = database_at(database, tmp_path)
    finding = only(found_by("version", of, now=datetime.fromisoformat(f"{now}T00:00:00Z")))
    assert (finding.state, finding.found) == (state, found)


def test_missing_minor_releases_are_counted() -> None:
    newest = RELEASES[16].minor
    assert [behind(160000 + minor) for minor in (newest - 2, newest, newest + 3)] == [2, 0, 0]
    assert behind(990000) is None


def test_a_lock_table_that_fills_is_found(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, '[monitor.limits]\n"locks.used_percent" = { warning = 0.01, critical = 90 }\n')
    wait_for(lambda: only(found_by("locks", of)).state == "ok")
    with psycopg.connect(database) as session:
        for number in range(20):
            session.execute(f"create table t{number} (a int)")
        finding = only(found_by("locks", of))
        assert finding.state == "warning"
        assert int(finding.facts["used"] or 0) >= 20
        session.rollback()
    wait_for(lambda: only(found_by("locks", of)).state == "ok")


@pytest.mark.parametrize("version", [16, 18])
def test_checkpoints_that_the_wal_asks_for_are_found(
    servers: Callable[[int], Callable[[str], str]], version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_restarts, "_LEAST", 1)
    of = database_at(servers(version)("postgres"), tmp_path)
    first = only(found_by("checkpoints", of))
    assert first.state == "ok"
    now = datetime.now(UTC)
    past = Was(now, {f"checkpoints.{one.name}": one.value for one in first.measures})
    with psycopg.connect(servers(version)("postgres"), autocommit=True) as session:
        session.execute("create temp table t (a int)")
        session.execute("checkpoint")
        session.execute("checkpoint")
    later = now + timedelta(days=1.01)
    wait_for(lambda: only(found_by("checkpoints", of, past=past, now=later)).state == "warning")
    assert only(found_by("checkpoints", of, past=past, now=later)).facts["requested"] == 2


def test_a_plain_role_counts_the_sessions_of_others(database: str, tmp_path: Path) -> None:
    plain = plain_url(database, "owner")
    of = database_at(plain, tmp_path)
    before = only(found_by("connections", of)).facts["used"]
    with sessions(database, 3):
        assert only(found_by("connections", of)).facts["used"] == int(before or 0) + 3
