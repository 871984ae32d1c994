"""A whole evening in a run's folder, as large and as imperfect as a real one: a container, health checks, issues."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from litelift.report.render import render_json
from litelift.result import MigrationResult
from test_report_example import example

BEGAN = datetime(2025, 11, 21, 18, 0, 0, tzinfo=UTC)
PASSWORD = "zQ3-hidden_Word_9xK"
RUNBOOK = """
[project]
name = "ATİS <school> | *system*"

[source]
path = "database/database.sqlite"

[target]
kind = "container"
image = "docker.io/library/postgres:16"
name = "atis-postgres"
volume = "atis-data-16"
memory = "2g"
cpus = 2.0
engine = "unix:///run/podman/podman.sock"
compose = "docker-compose.yml"

[maintenance]
on = ["php artisan down --secret=let-me-in"]
off = ["php artisan up"]

[services]
stop = ["systemctl stop atis"]
start = ["systemctl start atis"]

[code]
update = ["git pull --ff-only"]

[[environment]]
file = ".env"
set = { DATABASE_URL = "{url}" }

[[health]]
name = "API"
kind = "http"
url = "http://localhost/api/health"

[archive]
files = ["backups/*.sqlite"]

[backup]
commands = ["litelift-backup --now"]
"""
SMALLEST = """
[source]
path = "app.sqlite"

[target]
kind = "embedded"
"""


class Evening:
    """Writes a journal as the runner does, at times of its own."""

    def __init__(self, project: Path, runbook: str = RUNBOOK, number: int = 1, mode: str = "cutover") -> None:
        """``project`` is where the runbook is; the run's folder is below it."""
        self.file = project / "litelift.toml"
        self.folder = project / "litelift-cutover" / str(number)
        self.folder.mkdir(parents=True)
        self.file.write_text(runbook)
        (self.folder / "litelift.toml").write_text(runbook)
        self.at = BEGAN
        self.write("begun", mode=mode, version="0.1.0", pid=7, host="db1", runbook=str(self.file), ends="x")

    def write(self, event: str, after: float = 0.0, /, **values: Any) -> None:
        """A line, so many seconds ``after`` the one before."""
        self.at += timedelta(seconds=after)
        line = {"at": self.at.isoformat(), "event": event, **values}
        with (self.folder / "journal.jsonl").open("a") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def step(self, name: str, phase: int, seconds: float, **facts: Any) -> None:
        """A step that is done."""
        self.write("started", step=name, phase=phase, facts={})
        self.write("done", seconds, step=name, phase=phase, facts=facts, seconds=seconds)

    def undone(self, name: str, seconds: float, **facts: Any) -> None:
        """A step that is undone."""
        self.write("undoing", step=name)
        self.write("undone", seconds, step=name, facts=facts, seconds=seconds)

    def issue(self, step: str, message: str, resolved: str = "") -> None:
        """An issue that was met."""
        self.write("issue", step=step, message=message, resolved=resolved)

    def move(self, result: MigrationResult) -> None:
        """What the move made."""
        (self.folder / "move.json").write_text(render_json(result))

    def login(self) -> None:
        """The application's login."""
        login = {"host": "127.0.0.1", "port": 5433, "database": "atis", "user": "atis", "password": PASSWORD}
        (self.folder / "credentials.json").write_text(json.dumps(login))

    def to_the_switch(self) -> None:
        """Phases 0 to 4, and the mark."""
        self.step("project-checks", 0, 0.4, folder=str(self.file.parent))
        self.step(
            "source-checks",
            0,
            31,
            findings=[
                {"level": "fine", "about": "source", "message": "SQLite's own check finds it whole"},
                {"level": "attention", "about": "plan", "message": "212 orphans in attendance"},
            ],
        )
        self.issue("source-checks", "212 orphans in attendance", "the constraint goes in as NOT VALID")
        self.step("health-before", 0, 2, results=[health("API", 212.0), health("login", 480.0, kind="login")])
        self.step("code", 1, 44, before="a" * 40, after="b" * 40, branch="main")
        self.issue(
            "server", "port 5432 of 127.0.0.1 is taken by postgres (process 812)", "the next free one is used: 5433"
        )
        self.step(
            "server",
            2,
            9,
            kind="container",
            makes=True,
            engine="unix:///run/podman/podman.sock",
            engine_version="Podman Engine 4.3.1",
            container="atis-postgres",
            image="docker.io/library/postgres:16",
            image_facts={"id": "sha256:0123", "major": 16, "data": "/d", "mount": "/m"},
            volume="atis-data-16-2",
            older_volumes=[{"volume": "atis-data", "holds": "data of PostgreSQL 14"}],
            host="127.0.0.1",
            port=5433,
            database="atis",
            role="atis",
            version="16.4",
            settings={"max_connections": "100"},
            credentials=str(self.folder / "credentials.json"),
            superuser_credentials=str(self.folder / "superuser.json"),
        )
        self.login()
        self.step(
            "compose",
            2,
            0.1,
            file=str(self.file.with_name("docker-compose.yml")),
            kept=str(self.folder / "kept" / "docker-compose.yml"),
            diff="--- docker-compose.yml (before)\n+++ docker-compose.yml\n@@ -9,0 +10,1 @@\n+  postgres:",
        )
        self.step("ready", 3, 3, version="16.4")
        self.step("target-checks", 3, 33)
        self.step("maintenance-on", 4, 1)
        self.step("services-stop", 4, 4)
        self.step("source-keep", 4, 2, source="database.sqlite", copy="/kept/source.sqlite", sha256="5" * 64, bytes=7)
        self.move(example())
        self.step("move", 4, 90, run_id="r", exit_code=3)
        self.step("source-unchanged", 4, 0.1)
        self.step("mark", 5, 1, mark="mark.json", rows=3_043_222)

    def to_the_end(self) -> None:
        """The switch, and all that comes after."""
        self.step(
            "switch",
            5,
            0.1,
            files=[
                {
                    "file": ".env",
                    "path": str(self.file.with_name(".env")),
                    "kept": "kept/configuration/1/.env",
                    "diff": [
                        "@@ line 3 @@",
                        "-DB_CONNECTION=sqlite",
                        f"+DATABASE_URL=postgresql://atis:{PASSWORD}@db/a",
                    ],
                    "notes": [],
                }
            ],
        )
        self.step("services-start", 5, 6)
        self.step("health", 5, 2, results=[health("API", 30.0)])
        self.step("maintenance-off", 5, 1)
        self.step("health-open", 5, 3, results=[health("API", 38.0), health("login", 97.0, kind="login", attempts=2)])
        self.step(
            "archive",
            6,
            20,
            path="/srv/archive/atis.tar.gz",
            sha256="c" * 64,
            bytes=40_000_000,
            source_bytes=250_000_000,
            keep_until="2026-02-19",
            read_back=True,
            files=[{"file": "source/database.sqlite", "bytes": 214_000_000, "sha256": "d" * 64}],
        )
        self.step("after-care", 6, 12)
        self.step(
            "baseline", 6, 0.3, metrics={"version": "16.4", "database_bytes": 310_000_000, "cache_hit_percent": 99.4}
        )
        self.step(
            "report",
            6,
            0.1,
            machine={"litelift": "0.1.0", "python": "CPython 3.12", "system": "Debian", "machine": "x"},
        )
        self.write("finished")

    def back(self) -> None:
        """The way back, a day later."""
        self.write("rolling-back", 86_400, reason="asked for")
        self.undone("maintenance-off", 1)
        self.undone("services-start", 5)
        self.undone(
            "mark",
            2,
            path=str(self.folder / "written-since-cutover.jsonl"),
            sha256="e" * 64,
            inserted=41,
            updated=7,
            deleted=2,
            tables=[
                {
                    "schema_name": "public",
                    "table": "grades",
                    "inserted": 41,
                    "updated": 7,
                    "deleted": 2,
                    "notes": ["told"],
                }
            ],
        )
        for name, seconds in (
            ("source-keep", 0.4),
            ("switch", 0.1),
            ("compose", 0.1),
            ("code", 3),
            ("services-stop", 6),
        ):
            self.undone(name, seconds)
        self.undone("maintenance-on", 1)
        self.undone("health-before", 2, results_again=[health("API", 215.0), health("login", 500.0, kind="login")])
        self.undone("move", 0.1)
        self.undone("server", 3, dropped=["atis"])
        self.write("rolled-back", seconds=23.7)


def health(name: str, average: float, ok: bool = True, kind: str = "http", attempts: int = 1) -> dict[str, Any]:
    """The result of a health check."""
    return {
        "name": name,
        "kind": kind,
        "asked": f"GET http://localhost/{name}",
        "ok": ok,
        "attempts": attempts,
        "seconds": 1.0,
        "found": "status 200" if ok else "expected status 200; got 502",
        "latency": {"least": average - 5, "average": average, "longest": average + 9, "samples": 5},
        "limit_ms": 500.0,
        "slow": False,
        "left": [],
    }
