"""A server of its own whose transactions are made old, and one that has forgotten a prepared transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from litelift.monitor.words import said, to_do
from litelift.postgres import embedded
from litelift.postgres.programs import programs
from monitored import database_at, found_by, only

VERSION = 16
TOGETHER = 2**20
"""Transactions in one file of pg_xact, of 256 kB ("Write Ahead Log", the transaction status log)."""


class Own:
    """A server that can be stopped, changed and started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = programs(VERSION)

    def start(self) -> None:
        self.url = embedded.start(self.folder, VERSION).url or ""

    def stop(self) -> None:
        embedded.stop(self.folder)

    def set(self, **settings: str) -> None:
        """Change settings, which takes a restart."""
        with psycopg.connect(self.url, autocommit=True) as admin:
            for name, value in settings.items():
                admin.execute(f"alter system set {name} = '{value}'")
        self.stop()
        self.start()

    def go_on_at(self, transaction: int) -> None:
        """Have the next transaction be that one, as if all those before had been there."""
        self.stop()
        file = self.folder / "pg_xact" / f"{transaction // TOGETHER:04X}"
        file.write_bytes(bytes(TOGETHER // 4))
        file.chmod(0o600)
        self.tools.own(file)
        self.tools.run("pg_resetwal", "-x", str(transaction), str(self.folder), data=self.folder, seconds=60)
        self.start()


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    with tempfile.TemporaryDirectory(prefix="litelift-own-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        server = Own(Path(place) / "pg")
        server.start()
        server.set(
            autovacuum="off",
            max_prepared_transactions="5",
            wal_level="logical",
            fsync="off",
        )
        yield server
        server.stop()


def test_a_prepared_transaction_that_is_forgotten_is_found(own: Own, tmp_path: Path) -> None:
    of = database_at(own.url, tmp_path, '[monitor.limits]\n"prepared-transactions.oldest" = { warning = 0.001 }\n')
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute("create table t (a int)")
        connection.execute("insert into t select generate_series(1, 20000)")
        assert only(found_by("prepared-transactions", of)).state == "ok"
        connection.execute("begin")
        connection.execute("insert into t values (1)")
        connection.execute("prepare transaction 'forgotten'")
        finding = only(found_by("prepared-transactions", of))
        assert (finding.state, finding.facts["name"], finding.facts["database"]) == ("warning", "forgotten", "postgres")
        # What it keeps is told of it.
        connection.execute("update t set a = 2")
        connection.execute("vacuum t")
        connection.execute("select pg_stat_force_next_flush()")
        kept = only(found_by("dead-rows", of))
        assert (kept.do, kept.facts["holder"]) == ("held-prepared", "forgotten")
        connection.execute("rollback prepared 'forgotten'")
        assert only(found_by("prepared-transactions", of)).state == "ok"


def test_transactions_that_come_to_their_end_are_found_with_what_is_in_the_way_of_freezing(
    own: Own, tmp_path: Path
) -> None:
    of = database_at(own.url, tmp_path)
    with psycopg.connect(own.url, autocommit=True) as connection:
        assert only(found_by("wraparound", of)).state == "ok"
        # Else autovacuum would freeze it all at once, even where it is switched off.
        connection.execute("select pg_create_logical_replication_slot('left_over', 'pgoutput')")
    own.go_on_at(230_000_000)
    assert only(found_by("wraparound", of)).state == "ok"
    own.go_on_at(1_000_000_000)
    finding = only(found_by("wraparound", of))
    assert (finding.state, finding.found, finding.do) == ("warning", "xid", "held-slot"), finding
    own.go_on_at(1_700_000_000)
    finding = only(found_by("wraparound", of))
    # The server may have frozen a little of one of them meanwhile: then another one is the oldest.
    oldest = finding.facts["database"]
    assert finding.state == "critical" and oldest in ("postgres", "template0", "template1")
    assert said(finding).startswith(f"79 % used in {oldest}: after 447,")
    assert finding.items[0]["xid"] in range(1_699_000_000, 1_700_001_000)
    drop = "select pg_drop_replication_slot('left_over');"
    assert drop in (to_do(finding) or "")
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute("update pg_database set datallowconn = true")
        for name in ("postgres", "template0", "template1"):
            with psycopg.connect(embedded.database_url(own.url, name), autocommit=True) as each:
                each.execute("vacuum (freeze)")
    assert only(found_by("wraparound", of)).state == "ok"
