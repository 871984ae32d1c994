"""A command imports what it needs, and no more: what is imported late is still all there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import litelift

LOADED = """
import json, sys
sys.argv = ["litelift", *sys.argv[1:]]
from litelift.cli.main import main
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)))
"""


def loaded(*words: str) -> set[str]:
    """The modules that a command has imported at its end."""
    done = subprocess.run([sys.executable, "-c", LOADED, *words], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_version_is_told_without_importing_what_moves_and_proves() -> None:
    found = loaded("--version")
    assert "litelift.cli.main" in found
    assert not found & {"litelift.move.run", "psycopg", "pydantic", "sqlglot", "jinja2", "rich"}


def test_a_command_does_not_import_the_others() -> None:
    found = loaded("migrate", "--help")
    assert "litelift.move.run" in found
    assert not found & {"litelift.demo", "litelift.cli.inspect", "litelift.cli.report", "litelift.plan.inspection"}


def test_a_watch_stays_without_what_it_has_no_use_for(database: str, tmp_path: Path) -> None:
    found = loaded("monitor", "watch", database, "--folder", str(tmp_path), "--rounds", "2", "--every", "1", "--quiet")
    assert {"litelift.monitor.watch", "litelift.monitor.checks.health", "litelift.backup.wal.archiving"} <= found
    # What paints, what moves and proves, what the dashboard and the other commands need.
    unused = {"rich", "jinja2", "sqlglot", "starlette", "uvicorn", "prometheus_client", "litelift.compiled"}
    unused |= {"litelift.move", "litelift.prove", "litelift.plan", "litelift.monitor.web", "litelift.monitor.advise"}
    unused |= {"litelift.cli.monitor_advise", "litelift.cli.monitor_check", "litelift.cli.monitor_serve"}
    # What asks an application, an engine of containers, a tool of backups: none is named here.
    unused |= {"httpx", "http.cookiejar", "html.parser", "litelift.cutover.health.run", "litelift.monitor.engine"}
    unused |= {"litelift.backup.wal.barman", "litelift.backup.wal.pgbackrest", "litelift.backup.wal.walg"}
    # What tells: nothing has happened.
    unused |= {"smtplib", "email.mime", "urllib.request"}
    assert not found & unused


def test_everything_that_the_library_offers_is_there() -> None:
    for name in litelift.__all__:
        assert getattr(litelift, name) is not None
        assert name in dir(litelift)
    from litelift import MigrationResult, PlanFile, migrate, verify

    assert callable(migrate) and callable(verify)
    assert MigrationResult.__name__ == "MigrationResult"
    assert PlanFile().tables == {}


def test_the_library_offers_nothing_else() -> None:
    with pytest.raises(AttributeError, match="migrat"):
        _ = litelift.migrat
