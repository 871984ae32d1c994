"""python -m benchmarks.switch: put a restored database in the place of one that pgbench works on, and print how long
that one was away."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from benchmarks.switch.load import Load
from litelift.backup.beside import beside, marked, remove
from litelift.backup.switch import revert, switch
from litelift.postgres import embedded
from litelift.postgres.programs import shipped


def main() -> None:
    """Measure, and print one table for each version and way of connecting."""
    words = argparse.ArgumentParser(prog="python -m benchmarks.switch", description=__doc__)
    words.add_argument("--versions", nargs="+", type=int, default=[16, 18], help="of the embedded PostgreSQL")
    words.add_argument("--runs", type=int, default=5, help="switches, each taken back")
    words.add_argument("--clients", type=int, default=8, help="of pgbench")
    words.add_argument("--pause", type=float, default=1.0, help="seconds of work between them")
    asked = words.parse_args()
    for version in asked.versions:
        with tempfile.TemporaryDirectory(prefix="litelift-switch-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            folder.chmod(0o755)
            server = embedded.start(folder / "pg", version)
            assert server.url is not None
            try:
                for reconnect in (True, False):
                    measure(server.url, version, folder, reconnect, asked.runs, asked.clients, asked.pause)
            finally:
                embedded.stop(server.folder)


def measure(admin: str, version: int, folder: Path, reconnect: bool, runs: int, clients: int, pause: float) -> None:
    """One database, one way of connecting."""
    live = f"bench_{'c' if reconnect else 'k'}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {live}")
        connection.execute("alter system set log_min_messages = 'panic'")
        connection.execute("select pg_reload_conf()")
    logs = folder / live
    logs.mkdir()
    load = Load(make_conninfo(admin, dbname=live), shipped(version), logs, clients, reconnect)
    load.prepare()
    dump = folder / f"{live}.dump"
    tools = shipped(version)
    subprocess.run([tools / "pg_dump", "-Fc", "-f", dump, load.dsn], check=True)
    broken = folder / f"{live}.broken"
    broken.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])
    print(f"PostgreSQL {version}, pgbench -c {clients}{' -C' if reconnect else ''}, and a client of our own")
    spans = []
    with load.running():
        time.sleep(pause)
        began = time.time()
        with suppress(subprocess.CalledProcessError), beside(admin, live) as place:
            restore(tools, place.dsn, broken)
        time.sleep(pause)
        failed = (began, time.time(), [one.name for one in marked(admin)], load.starts, dict(load.refused))
        for _ in range(runs):
            with beside(admin, live) as place:
                restore(tools, place.dsn, dump)
                began = time.time()
                switched = switch(admin, live, place.name)
            time.sleep(pause)
            spans.append((began, time.time(), "switch", switched))
            began = time.time()
            back = revert(admin, live, switched.kept_name)
            time.sleep(pause)
            spans.append((began, time.time(), "back", back))
            remove(admin, back.kept_name)
    began, ended, left, starts, refused = failed
    away = load.away(began, ended)
    print(
        f"  a restore that fails (a dump cut in half): databases left: {left or 'none'}; pgbench began {starts} time;"
        f" refused: {refused or 'nobody'}; longest pause {1000 * away[0]:.0f} ms / {1000 * away[1]:.0f} ms"
    )
    print("           own measure   pgbench (restarted)   own client   sessions ended   attempts")
    for began, ended, what, done in spans:
        bench, probe = load.away(began, ended)
        print(
            f"  {what:6}  {1000 * done.downtime_seconds:8.0f} ms  {1000 * bench:15.0f} ms  {1000 * probe:9.0f} ms"
            f"  {done.ended_sessions:13}  {done.attempts:9}"
        )
    for column, values in (
        ("own measure", [done.downtime_seconds for _, _, _, done in spans]),
        ("own client", [load.away(began, ended)[1] for began, ended, _, _ in spans]),
        ("pgbench", [load.away(began, ended)[0] for began, ended, _, _ in spans]),
    ):
        print(f"  median {column}: {1000 * statistics.median(values):.0f} ms, longest {1000 * max(values):.0f} ms")
    per_second = len(load.commits()) / (ended - spans[0][0])
    print(f"  pgbench: {len(load.commits()):,} commits, about {per_second:,.0f} a second")
    print(f"  what the own client was told: {dict(Counter(load.refused))}\n", flush=True)


def restore(tools: Path, dsn: str, dump: Path) -> None:
    """pg_restore, which ends with an error at the first."""
    subprocess.run([tools / "pg_restore", "--exit-on-error", "-d", dsn, dump], check=True, capture_output=True)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("analyze")


if __name__ == "__main__":
    main()
