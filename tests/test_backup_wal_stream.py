"""A real server whose WAL a real pg_receivewal takes: what the server knows of it, and when nobody takes it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from litelift.backup.wal import wal_archiving, wal_lines
from litelift.postgres.programs import shipped
from wal_tools import PATIENCE, one, until

VERSION = 16


def test_a_receiver_is_found_by_its_slot_and_missed_when_it_has_gone(
    servers: Callable[[int], Callable[[str], str]], tmp_path: Path
) -> None:
    url = servers(VERSION)("postgres")
    slot = f"receive_wal_{os.getpid()}"
    active = f"select count(*) from pg_replication_slots where slot_name = '{slot}' and active"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_create_physical_replication_slot(%s)", (slot,))
        try:
            program = shipped(VERSION) / "pg_receivewal"
            words = [str(program), "-d", url, "-D", str(tmp_path), "-S", slot, "--no-loop", "--no-sync"]
            receiver = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                until(active, lambda: one(connection, active))
                found = wal_archiving(connection, local=True)
                assert (found.state, found.tool, found.mode) == ("ok", "pg_receivewal", "off")
                assert [(stream.slot, stream.program, stream.active) for stream in found.streams] == [
                    (slot, "pg_receivewal", True)
                ]
            finally:
                receiver.terminate()
                receiver.wait(PATIENCE)
            until(active, lambda: not one(connection, active))
            found = wal_archiving(connection, local=True)
            assert [(problem.code, problem.level) for problem in found.problems] == [("slot", "failed")]
            assert any(f"nobody receives the WAL of the slot {slot}" in line for line in wal_lines(found))
        finally:
            connection.execute(sql.SQL("select pg_drop_replication_slot({})").format(sql.Literal(slot)))
    assert any(tmp_path.iterdir())
