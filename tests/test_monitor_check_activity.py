"""Sessions that keep each other waiting, transactions that were forgotten, queries that are slow: made for real."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from broken import wait_for
from litelift.monitor.checks import activity_counters
from litelift.monitor.finding import Finding
from litelift.monitor.page.commands import commands
from litelift.monitor.session import NAME
from litelift.monitor.statement import shown
from litelift.monitor.watched import Watched
from litelift.monitor.words import to_do
from monitored import database_at, found_by, only
from plain_role import plain_url
from system_server import SystemServer

AT_ONCE = "{ warning = 0.01, critical = 3600 }"
"""From the first moment on."""


class Was:
    """What a check measured at one moment."""

    def __init__(self, at: datetime, finding: Finding) -> None:
        self.at = at
        self.values = {f"{finding.check}.{one.name}": one.value for one in finding.measures}

    def value(self, series: str, at: datetime) -> tuple[datetime, float] | None:
        return (self.at, self.values[series]) if series in self.values and self.at <= at else None


@contextlib.contextmanager
def under_way(url: str, statement: str) -> Iterator[psycopg.Connection]:
    """A session at work on a statement, which is cancelled at the end."""
    with psycopg.connect(url) as session:

        def work() -> None:
            with contextlib.suppress(psycopg.Error):
                session.execute(statement.encode())

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield session
        finally:
            session.cancel_safe()
            thread.join()
            with contextlib.suppress(psycopg.Error):
                session.rollback()


def state_of(name: str, of: Watched) -> Callable[[str], Callable[[], bool]]:
    return lambda state: lambda: only(found_by(name, of)).state == state


def test_a_blocked_query_is_found_with_who_blocks_it(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, f'[monitor.limits]\n"blocked.longest" = {AT_ONCE}\n')
    assert only(found_by("blocked", of)).state == "ok"
    with psycopg.connect(database, application_name="the holder") as holder:
        holder.execute("create table t (a int)")
        holder.commit()
        holder.execute("lock t")
        with under_way(database, "select * from t where 'secret' = 'x'"):
            wait_for(state_of("blocked", of)("warning"))
            # Behind the one that waits: to end that one would help nobody.
            with under_way(database, "drop table t"):
                wait_for(lambda: only(found_by("blocked", of)).facts["n"] == 2)
                finding = only(found_by("blocked", of))
        assert finding.facts["by"] == str(holder.info.backend_pid)
        assert finding.facts["holder"] == "the holder, idle in transaction"
        assert {one["query"] for one in finding.items} == {"select * from t where '…' = '…'", "drop table t"}
        holder.rollback()
    wait_for(state_of("blocked", of)("ok"))


def test_all_who_hold_a_lock_are_ended_by_what_is_said_to_do(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, f'[monitor.limits]\n"blocked.longest" = {AT_ONCE}\n')
    with psycopg.connect(database) as one, psycopg.connect(database) as other:
        one.execute("create table t (a int)")
        one.commit()
        for holder in (one, other):
            holder.execute("select * from t")
        with under_way(database, "lock t"):
            wait_for(state_of("blocked", of)("warning"))
            finding = only(found_by("blocked", of))
            see, end = commands(to_do(finding) or "")
            with psycopg.connect(database, autocommit=True) as session:
                assert len(session.execute(see.encode()).fetchall()) == 2
                assert session.execute(end.encode()).fetchall() == [(True,), (True,)]
            wait_for(state_of("blocked", of)("ok"))
        for holder in (one, other):
            with pytest.raises(psycopg.OperationalError):
                holder.execute("select 1")


def test_a_plain_role_sees_that_others_are_blocked_and_by_whom(database: str, tmp_path: Path) -> None:
    of = database_at(plain_url(database, "owner"), tmp_path, f'[monitor.limits]\n"blocked.longest" = {AT_ONCE}\n')
    with psycopg.connect(database) as holder:
        holder.execute("create table t (a int)")
        holder.commit()
        holder.execute("lock t")
        with under_way(database, "select * from t"):
            wait_for(state_of("blocked", of)("warning"))
            assert only(found_by("blocked", of)).facts["by"] == str(holder.info.backend_pid)


def test_a_long_transaction_is_found_with_who_has_it(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, f'[monitor.limits]\n"long-transactions.longest" = {AT_ONCE}\n')
    assert only(found_by("long-transactions", of)).found == "none"
    with psycopg.connect(database, application_name="report") as session:
        session.execute("select 1")
        wait_for(state_of("long-transactions", of)("warning"))
        finding = only(found_by("long-transactions", of))
        assert (finding.facts["who"], finding.facts["pid"]) == ("report", session.info.backend_pid)
        session.rollback()
        assert only(found_by("long-transactions", of)).found == "none"


def test_a_transaction_that_waits_for_its_application_is_found(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, f'[monitor.limits]\n"idle-in-transaction.longest" = {AT_ONCE}\n')
    with psycopg.connect(database, application_name="app") as session, under_way(database, "select pg_sleep(300)"):
        assert only(found_by("idle-in-transaction", of)).found == "none"
        session.execute("select 'a value'")
        wait_for(state_of("idle-in-transaction", of)("warning"))
        finding = only(found_by("idle-in-transaction", of))
        assert (finding.facts["n"], finding.facts["who"], finding.items[0]["query"]) == (1, "app", "select '…'")
        session.rollback()
        assert only(found_by("idle-in-transaction", of)).found == "none"


@pytest.mark.parametrize("name", ["long-transactions", "idle-in-transaction", "slow-queries"])
def test_what_a_plain_role_may_not_see_is_unknown_and_its_own_is_seen(database: str, tmp_path: Path, name: str) -> None:
    plain = plain_url(database, "owner")
    limit = "running" if name == "slow-queries" else "longest"
    of = database_at(plain, tmp_path, f'[monitor.limits]\n"{name}.{limit}" = {AT_ONCE}\n')
    wait_for(state_of(name, of)("ok"))
    with psycopg.connect(database) as other:
        other.execute("select 1")
        finding = only(found_by(name, of))
        assert (finding.state, finding.found, finding.do) == ("unknown", "hidden", "needs-rights")
        with psycopg.connect(plain) as own:
            own.execute("select 1")
            with under_way(plain, "select pg_sleep(300)"):
                wait_for(state_of(name, of)("warning"))


@pytest.mark.parametrize("name", ["long-transactions", "idle-in-transaction", "connections"])
def test_another_watch_is_not_counted_as_the_applications(database: str, tmp_path: Path, name: str) -> None:
    of = database_at(database, tmp_path)
    wait_for(lambda: not only(found_by("connections", of)).facts["used"])
    with psycopg.connect(database, application_name=NAME) as other:
        other.execute("select 1")
        finding = only(found_by(name, of))
        assert {one.name: one.value for one in finding.measures}.get("sessions", 0) == 0
        assert not finding.facts.get("used")


def test_without_pg_stat_statements_the_queries_that_run_are_looked_at(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, f'[monitor.limits]\n"slow-queries.running" = {AT_ONCE}\n')
    finding = only(found_by("slow-queries", of))
    assert (finding.state, finding.found) == ("ok", "none-not-there")
    with under_way(database, "select pg_sleep(300)") as session:
        wait_for(state_of("slow-queries", of)("warning"))
        assert only(found_by("slow-queries", of)).facts["pid"] == session.info.backend_pid


def test_pg_stat_statements_tells_which_queries_are_slow_on_average(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="litelift-statements-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = SystemServer(Path(folder) / "server")
        server.make()
        server.run("shared_preload_libraries=pg_stat_statements")
        try:
            url = server.url("postgres")
            of = database_at(url, tmp_path, f'[monitor.limits]\n"slow-queries.mean" = {AT_ONCE}\n')
            assert only(found_by("slow-queries", of)).found == "none-not-made"
            with psycopg.connect(url, autocommit=True) as session:
                session.execute("create schema more")
                # 1.7 is PostgreSQL 12's, with other names of the columns.
                for version in ("1.7", "1.10"):
                    session.execute(f"create extension pg_stat_statements schema more version '{version}'".encode())
                    assert only(found_by("slow-queries", of)).found == "none"
                    for number in range(10):
                        session.execute(sql.SQL("select pg_sleep(0.02), {}").format(sql.Literal(f"value {number}")))
                    # No query of the application's: a utility statement, and many that are fast.
                    session.execute("do $$ begin perform pg_sleep(0.05); end $$")
                    finding = only(found_by("slow-queries", of))
                    assert (finding.state, finding.found, finding.facts["n"]) == ("warning", "mean", 1)
                    assert finding.items[0]["calls"] == 10
                    assert finding.items[0]["query"] == "select pg_sleep($1), $2"
                    session.execute("select more.pg_stat_statements_reset()")
                    assert only(found_by("slow-queries", of)).found == "none"
                    session.execute("drop extension pg_stat_statements")
        finally:
            server.stop()


def test_a_deadlock_of_the_last_day_is_found_and_one_of_before_is_not(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    before = only(found_by("deadlocks", of))
    now = datetime.now(UTC)
    assert (before.state, before.found) == ("ok", "none")
    with psycopg.connect(database) as first, psycopg.connect(database) as second:
        first.execute("set deadlock_timeout = '10ms'")
        first.execute("create table a (a int); create table b (b int)")
        first.commit()
        second.execute("lock b")
        first.execute("lock a")
        thread = threading.Thread(target=_try, args=(second, "lock a"))
        thread.start()
        _try(first, "lock b")
        thread.join()
    # A session's counters reach the server's at its end.
    wait_for(state_of("deadlocks", of)("warning"))
    after = only(found_by("deadlocks", of))
    assert after.facts["n"] == 1
    tomorrow = now + timedelta(days=1.01)
    assert only(found_by("deadlocks", of, past=Was(now, before), now=tomorrow)).state == "warning"
    assert only(found_by("deadlocks", of, past=Was(now, after), now=tomorrow)).state == "ok"


def _try(session: psycopg.Connection, statement: str) -> None:
    with contextlib.suppress(psycopg.Error):
        session.execute(statement.encode())
    session.rollback()


def test_files_that_queries_sort_in_are_found(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, '[monitor.limits]\n"temp-files.a_day" = { warning = 1e5 }\n')
    before = only(found_by("temp-files", of))
    past = Was(datetime.now(UTC), before)
    assert before.state == "ok"
    with psycopg.connect(database) as session:
        session.execute("set work_mem = '64kB'")
        session.execute("select * from generate_series(1, 100000) order by random()")
    wait_for(lambda: only(found_by("temp-files", of, past=past, now=_soon())).state == "warning")


def test_many_rollbacks_are_found_unless_it_was_always_so(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_counters, "_LEAST_ROLLBACKS", 20)
    of = database_at(database, tmp_path)
    before = only(found_by("transactions", of))
    past = Was(datetime.now(UTC), before)
    with psycopg.connect(database, autocommit=True) as session:
        for _ in range(200):
            session.execute("begin; rollback")
    wait_for(lambda: only(found_by("transactions", of, past=past, now=_soon())).state == "warning")
    of.folder.mkdir()
    baseline = '{"at": "2026-01-01T00:00:00Z", "measures": {"transactions.rollback_percent": 90}}'
    (of.folder / "baseline.json").write_text(baseline)
    assert only(found_by("transactions", of, past=past, now=_soon())).state == "ok"


def test_reads_that_come_from_the_disk_are_found_by_what_was_read_of_late(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_counters, "_LEAST_READS", 1e5)
    of = database_at(database, tmp_path, '[monitor.limits]\n"cache.day_percent" = { warning = 99.99 }\n')
    # Since the counters began it is not told: what moved the data read all of it.
    before = only(found_by("cache", of))
    assert before.state == "ok"
    past = Was(datetime.now(UTC), before)
    # A new database has been copied, and none of its catalogue is in memory yet.
    with psycopg.connect(database) as session:
        session.execute("select sum(length(prosrc)) from pg_proc")
    wait_for(lambda: only(found_by("cache", of, past=past, now=_soon())).state == "warning")
    finding = only(found_by("cache", of, past=past, now=_soon()))
    assert {"hit_percent", "day_percent"} <= {one.name for one in finding.measures}
    assert finding.facts["read"]


def _soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=60)


def test_no_value_of_a_statement_is_shown() -> None:
    assert shown("alter role a password 'it''s secret'") == "alter role a password '…'"
    assert (
        shown("select E'a\\'b', $x$c$x$, 1\n  from  t where a = 'cut off") == "select '…', '…', 1 from t where a = '…'"
    )
    # A quote that begins no text does not turn the texts after it inside out.
    assert shown("select 1 -- don't\nwhere name = 'Aysel'") == "select 1 where name = '…'"
    assert shown("/* /* it's */ o'clock */ select 'Aysel'") == "select '…'"
    assert (
        shown("""select "it's" from "o'clock" where name = 'Aysel'""")
        == """select "it's" from "o'clock" where name = '…'"""
    )
    assert shown("select a$x$b, $1 from t where c = 'Aysel$x$'") == "select a$x$b, $1 from t where c = '…'"
    assert shown(r"select U&'\0041ysel', x'4179', e'Ay\\'") == "select U&'…', x'…', '…'"
    assert shown("where pin = 994501234567 and grade = 11") == "where pin = '…' and grade = 11"
    assert shown("select 1 -- name = 'Aysel'") == "select 1"
