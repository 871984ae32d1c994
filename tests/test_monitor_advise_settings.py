"""What is advised of the server's settings: with their reasons, only what is worth it, and nothing that is guessed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from conftest import Url
from litelift.errors import UsageError
from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.advise import Advised, advise
from litelift.monitor.advise.control_group import memory_and_cores
from litelift.monitor.advise.machine import Machine, bytes_of, machine_of
from litelift.monitor.advise.rules_memory import connection_rules, core_rules, memory_rules
from litelift.monitor.advise.rules_speed import speed_rules
from litelift.monitor.advise.server_facts import Facts, read_facts
from litelift.monitor.advise.server_settings import elements, read_settings
from monitored import database_at
from plain_role import plain_url

GB = 2**30
QUIET = Facts(100 * GB, 0, 0, 99.5, 10**9, 5, 0, False, 10 * GB, 1000, 0, 30 * 86400.0)


def _settings(found: Advised) -> dict[str, Advice]:
    return {one.object: one for one in found.advice if one.kind in ("setting", "safety")}


def _of(url: str, machine: Machine, facts: Facts = QUIET) -> dict[str, Advice]:
    with psycopg.connect(url, autocommit=True) as connection:
        settings = read_settings(connection, superuser=True)
    rules = [
        *memory_rules(settings, machine, facts),
        *core_rules(settings, machine),
        *speed_rules(settings, machine, facts, local=False),
    ]
    return {one.object: one for one in rules}


def test_each_says_its_value_where_that_comes_from_its_reason_and_its_source(database: str, tmp_path: Path) -> None:
    found = _settings(advise(database_at(database, tmp_path)))
    advice = found["fsync"]
    assert advice.kind == "safety" and advice.proposed == "on" and "20.5.1" in advice.source
    assert advice.current.startswith("off (from /") and "postgresql.auto.conf" in advice.current
    assert advice.sql[0] == "ALTER SYSTEM SET \"fsync\" = 'on'"
    assert advice.undo[0] == "ALTER SYSTEM SET \"fsync\" = 'off'"


def test_memory_is_shared_out_as_the_manual_and_pgtune_say(database: str) -> None:
    found = _of(database, Machine(16 * GB, 4, measured=True))
    assert found["shared_buffers"].proposed == "4GB" and found["shared_buffers"].restart
    assert found["effective_cache_size"].proposed == "12GB"
    assert found["maintenance_work_mem"].proposed == "1GB"
    assert "work_mem" not in found, "nothing was sorted on the disk"
    assert not {"max_wal_size", "max_worker_processes", "random_page_cost"} & set(found)


def test_a_small_database_and_a_small_machine_are_left_as_they_are(database: str) -> None:
    small = Facts(50 * 2**20, 0, 0, 99.5, 10**9, 5, 0, False, 10 * 2**20, 1000, 0, 30 * 86400.0)
    assert "shared_buffers" not in _of(database, Machine(64 * GB, 8, measured=True), small)
    assert "maintenance_work_mem" not in _of(database, Machine(64 * GB, 8, measured=True), small)
    tiny = _of(database, Machine(GB // 2, 1, measured=True), small)
    assert {name: one.proposed for name, one in tiny.items()} == {
        "effective_cache_size": "384MB",
        "max_parallel_workers_per_gather": "0",
    }


def test_no_more_is_proposed_than_is_free(database: str) -> None:
    found = _of(database, Machine(16 * GB, 4, available=GB, measured=True))
    assert found["shared_buffers"].proposed == "640MB"
    assert "shared_buffers" not in _of(database, Machine(16 * GB, 4, available=0, measured=True))


def test_what_was_only_said_of_the_memory_is_no_reason_to_set_what_may_keep_the_server_from_starting(
    database: str,
) -> None:
    found = _of(database, Machine(16 * GB, 4))
    assert found["shared_buffers"].blocked is not None
    assert found["effective_cache_size"].blocked is None


def test_what_was_counted_decides_about_sorts_checkpoints_cores_and_disks(database: str) -> None:
    busy = Facts(100 * GB, 900, 50 * GB, 90.0, 10**9, 5, 0, False, GB, 10, 900, 3 * 86400.0)
    found = _of(database, Machine(16 * GB, 32, ssd=True, measured=True), busy)
    # (16 GB - 128 MB) / (3 x (max_connections + max_worker_processes))
    assert found["work_mem"].proposed == "50MB"
    assert found["max_wal_size"].proposed == "2GB"
    assert found["max_parallel_workers"].proposed == found["max_worker_processes"].proposed == "32"
    assert found["random_page_cost"].proposed == "1.1"
    just_moved = Facts(100 * GB, 0, 0, 90.0, 10**9, 5, 0, False, GB, 1, 90, 3600.0)
    assert "max_wal_size" not in _of(database, Machine(16 * GB, 4, measured=True), just_moved)


def test_facts_are_read_on_each_version(servers: Callable[[int], Url]) -> None:
    for version in (16, 18):
        with psycopg.connect(servers(version)("postgres"), autocommit=True) as connection:
            facts = read_facts(connection)
        assert facts.cluster_bytes > 10**6 and not facts.has_statements and facts.checkpoint_seconds >= 0


def test_the_machine_is_this_one_only_where_the_servers_process_is_here(database: str, tmp_path: Path) -> None:
    watched = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as connection:
        found = machine_of(connection, watched)
        assert found.measured and found.memory and found.cores and found.available
        told = machine_of(connection, watched, "256MB", 2, "hdd")
        assert (told.memory, told.cores, told.ssd) == (256 * 2**20, 2, False)
        with pytest.raises(UsageError, match="of memory"):
            machine_of(connection, watched, "900TB")
        for words in ("much", "16", "-1GB", "1e3GB"):
            with pytest.raises(UsageError):
                bytes_of(words)


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        (
            "0::/a/b\n",
            {"a/memory.max": "1073741824\n", "a/b/memory.max": "max\n", "a/b/cpu.max": "150000 100000\n"},
            1.5,
        ),
        (
            "5:memory:/a/b\n3:cpu,cpuacct:/a/b\n1:name=systemd:/x\n",
            {
                "memory/a/memory.limit_in_bytes": "1073741824\n",
                "memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
                "cpu,cpuacct/a/b/cpu.cfs_quota_us": "150000\n",
                "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
            },
            1.5,
        ),
        ("0::/elsewhere/in/the/host\n", {"memory.max": "1073741824\n", "cpu.max": "max 100000\n"}, None),
    ],
    ids=["version 2", "version 1", "in a container"],
)
def test_a_control_groups_limits_count_and_those_above_it(
    tmp_path: Path, groups: str, files: dict[str, str], expected: float | None
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert memory_and_cores(groups, tmp_path) == (GB, expected)


def test_a_login_that_may_not_change_the_server_is_told_who_may(database: str, tmp_path: Path) -> None:
    found = _settings(advise(database_at(plain_url(database, "owner"), tmp_path), memory="256MB", cores=1))
    assert found["fsync"].blocked is not None and "superuser" in found["fsync"].blocked
    # Its own time-outs it may set itself.
    advice = found["idle_in_transaction_session_timeout of plain_owner"]
    assert advice.blocked is None
    with psycopg.connect(plain_url(database, "owner"), autocommit=True) as connection:
        connection.execute(advice.sql[0].encode())
    again = _settings(advise(database_at(plain_url(database, "owner"), tmp_path)))
    assert "idle_in_transaction_session_timeout of plain_owner" not in again
    with psycopg.connect(plain_url(database, "owner")) as connection:
        assert connection.execute("show idle_in_transaction_session_timeout").fetchone() == ("10min",)


def test_on_a_managed_server_it_is_said_where_settings_are_changed(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create role rds_superuser")
        try:
            found = _settings(advise(database_at(plain_url(database, "owner"), tmp_path)))
        finally:
            connection.execute("drop role rds_superuser")
    assert "parameter group" in (found["fsync"].blocked or "")
    assert found["fsync"].sql == ()


def test_a_list_of_libraries_is_taken_apart_as_the_server_does() -> None:
    assert elements('pg_cron, "a ""b"", c" ,auto_explain') == ["pg_cron", 'a "b", c', "auto_explain"]
    assert elements("") == []


def test_connections_that_are_nearly_used_up_are_advised_more_of_and_by_hand_where_standbys_follow(
    database: str,
) -> None:
    full = Facts(GB, 0, 0, 99.5, 10**9, 90, 0, False, GB, 1000, 0, 86400.0)
    with psycopg.connect(database, autocommit=True) as connection:
        settings = read_settings(connection, superuser=True)
    machine = Machine(16 * GB, 32, measured=True)
    (advice,) = connection_rules(settings, machine, full)
    assert advice.proposed == "200" and advice.blocked is None
    assert list(connection_rules(settings, machine, QUIET)) == []
    assert list(connection_rules(settings, Machine(GB // 4, 1, measured=True), full)) == []
    (advice,) = connection_rules(settings, machine, replace(full, standbys=True))
    assert "standbys" in (advice.blocked or "")


def test_a_table_that_autovacuum_leaves_alone_is_told_and_mended(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t (a int) with (autovacuum_enabled = off)")
        advice = _settings(advise(database_at(database, tmp_path)))["autovacuum_enabled of public.t"]
        assert advice.kind == "safety"
        connection.execute(advice.sql[0].encode())
        assert "autovacuum_enabled of public.t" not in _settings(advise(database_at(database, tmp_path)))
        connection.execute(advice.undo[0].encode())
        row = connection.execute("select reloptions from pg_class where oid = 't'::regclass").fetchone()
    assert row == (["autovacuum_enabled=off"],)


def test_a_copy_of_the_wal_is_no_standby_and_a_slot_that_waits_for_one_is(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        assert not read_facts(connection).standbys
        connection.execute("select pg_create_physical_replication_slot('advised_standby')")
        try:
            assert read_facts(connection).standbys
        finally:
            connection.execute("select pg_drop_replication_slot('advised_standby')")
