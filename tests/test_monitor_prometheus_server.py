"""A real Prometheus, set up with what litelift exports for it."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from broken import wait_for
from command import litelift
from dashboard import TOKEN, litelift_toml, secret, serving

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="there is no prometheus")


@contextmanager
def prometheus(folder: Path, targets: str, token: Path) -> Iterator[str]:
    """Prometheus with litelift's job and rules, every second; its address."""
    folder.mkdir()
    job = litelift("monitor", "export", "scrape", "--address", targets, "--token-file", token).out
    rules = litelift("monitor", "export", "alerts").out
    # Nobody waits in a test until a state has held for a minute.
    (folder / "alerts.yml").write_text("\n".join(line for line in rules.splitlines() if " for: " not in line))
    head = "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\nrule_files: [alerts.yml]\n"
    (folder / "prometheus.yml").write_text(f"{head}scrape_configs:\n{job}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listens = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address={listens}",
            ],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://{listens}"
    finally:
        process.terminate()
        process.wait(60)


def asked(address: str, path: str, **parameters: str) -> Any:
    """What Prometheus answers; None while it starts."""
    try:
        answer = httpx.get(f"{address}/api/v1/{path}", params=parameters, timeout=30)
    except httpx.TransportError:
        return None
    return answer.json()["data"] if answer.status_code == 200 else None


def value(address: str, query: str) -> float | None:
    """The one value of a query now."""
    found = asked(address, "query", query=query)
    return float(found["result"][0]["value"][1]) if found and found["result"] else None


def fires(address: str, check: str) -> bool:
    """Whether the alert of a check that is critical does."""
    alerts = (asked(address, "alerts") or {"alerts": []})["alerts"]
    wanted = {"alertname": "LiteliftCheckCritical", "check": check}
    return any(one["state"] == "firing" and wanted.items() <= one["labels"].items() for one in alerts)


def test_prometheus_has_what_the_watch_finds_and_its_alert_fires_when_something_is_wrong(
    database: str, tmp_path: Path
) -> None:
    settings = '[monitor]\nevery = 1\n[monitor.limits]\n"idle-in-transaction.longest" = { critical = 0.1 }\n'
    token = secret(tmp_path, "token", TOKEN)
    critical = 'litelift_check_state{check="idle-in-transaction",state="critical"}'
    with (
        serving(litelift_toml(tmp_path, database, settings), "--token-file", token) as running,
        prometheus(tmp_path / "prometheus", f"127.0.0.1:{running.port}", token) as address,
        psycopg.connect(database) as forgotten,
    ):
        wait_for(lambda: value(address, critical) == 0)
        assert (value(address, "litelift_up"), value(address, 'up{job="litelift"}')) == (1, 1)
        assert not fires(address, "idle-in-transaction")
        forgotten.execute("select 1")
        wait_for(lambda: value(address, critical) == 1)
        wait_for(lambda: fires(address, "idle-in-transaction"))
        (rules,) = asked(address, "rules")["groups"]
        assert {rule["health"] for rule in rules["rules"]} == {"ok"}
        forgotten.rollback()
        wait_for(lambda: not fires(address, "idle-in-transaction"))


def test_prometheus_without_the_token_is_refused_and_says_so(tmp_path: Path) -> None:
    token, wrong = secret(tmp_path, "token", TOKEN), secret(tmp_path, "wrong", "a" * 32)
    with (
        serving(litelift_toml(tmp_path), "--token-file", token) as running,
        prometheus(tmp_path / "prometheus", f"127.0.0.1:{running.port}", wrong) as address,
    ):
        wait_for(lambda: running.told("refused: 127.0.0.1: a wrong token: GET /metrics"))

        def refused() -> bool:
            targets = (asked(address, "targets") or {"activeTargets": []})["activeTargets"]
            return any("401" in one["lastError"] or "429" in one["lastError"] for one in targets)

        wait_for(refused)
