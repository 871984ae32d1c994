"""A standby can be the source: what it holds is what its primary does."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg

from backup_case import SCRIPT, backup, made
from system_server import SystemServer


def test_a_backup_of_a_standby_is_proved_as_its_primarys_is(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="litelift-standby-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        primary = SystemServer(Path(place) / "primary")
        primary.start()
        try:
            with psycopg.connect(primary.url("postgres"), autocommit=True) as connection:
                connection.execute(SCRIPT)
                # Neither is on the standby, but for their names.
                connection.execute("create unlogged table fast (n int generated always as identity, t text)")
                connection.execute("insert into fast (t) values ('a'), ('b')")
            standby = SystemServer(Path(place) / "standby")
            standby.follow(primary)
            try:
                manifest = made(standby.url("postgres"), tmp_path / "backups")
            finally:
                standby.stop()
        finally:
            primary.stop()
    rows = {table["table"]: table["rows"] for table in manifest["tables"]}
    assert (rows["public.grade"], rows["public.fast"]) == (3000, 0)
    ran = backup("drill", "--scratch", "--json", folder=tmp_path / "backups")
    assert (ran.status, ran.json["ok"]) == (0, True), ran.err
