"""What Prometheus gets, looked at by its own tools."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from command import litelift
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.prometheus.export import exported
from litelift.monitor.prometheus.exposition import exposition, name_of
from litelift.monitor.run import look_at
from litelift.monitor.samples import Standing
from litelift.monitor.settings import Serve
from monitored import database_at
from stored_backup import stored

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool (prometheus)")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
Make = Callable[..., Path]


def standing(*findings: Finding) -> list[Standing]:
    return [Standing(finding, NOW, NOW) for finding in findings]


@needs_promtool
def test_promtool_finds_nothing_to_say_of_what_all_checks_measure(
    database: str, tmp_path: Path, make_sqlite: Make
) -> None:
    source = make_sqlite("create table pupils (id integer primary key, born date); insert into pupils values (1, 'x')")
    assert litelift("migrate", source, database).status == 3
    looked = look_at(database_at(database, tmp_path))
    text = exposition(standing(*looked.findings), project="school")
    said = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b""), said.stderr.decode()


def test_every_check_has_its_state_and_every_measure_its_value(database: str, tmp_path: Path) -> None:
    looked = look_at(database_at(database, tmp_path))
    families = {
        one.name: one for one in text_string_to_metric_families(exposition(standing(*looked.findings)).decode())
    }
    states = {
        (s.labels["check"], s.labels["object"], s.labels["state"]): s.value
        for s in families["litelift_check_state"].samples
    }
    for finding in looked.findings:
        assert states[finding.check, finding.about, finding.state] == 1
        assert sum(value for key, value in states.items() if key[:2] == (finding.check, finding.about)) == 1
        for measure in finding.measures:
            name = name_of(finding.check, measure)
            samples = families[name.removesuffix("_total") if measure.counter else name].samples
            (value,) = [one.value for one in samples if one.labels["object"] == finding.about]
            assert value == pytest.approx(measure.value / 100 if measure.unit == "percent" else measure.value)
    assert families["litelift_up"].samples[0].value == 1


@given(st.text(), st.text(), st.floats(allow_nan=False))
def test_hostile_names_stay_values_of_labels(about: str, project: str, value: float) -> None:
    about, project = (text.encode("utf-8", "replace").decode() for text in (about, project))
    found = Finding("connections", "ok", "used", about=about, measures=[Measure("used", value)])
    text = exposition(standing(found), project=project).decode()
    (sample,) = next(f for f in text_string_to_metric_families(text) if f.name == "litelift_connections_used").samples
    assert (sample.labels["object"], sample.value) == (about, value)


@pytest.mark.parametrize(
    ("check", "measure", "name"),
    [
        ("connections", Measure("used_percent", 3, "percent"), "litelift_connections_used_ratio"),
        ("database-size", Measure("bytes", 3, "bytes"), "litelift_database_size_bytes"),
        ("blocked", Measure("longest", 3, "seconds"), "litelift_blocked_longest_seconds"),
        ("transactions", Measure("commits", 3, counter=True), "litelift_transactions_commits_total"),
    ],
)
def test_names_are_in_base_units(check: str, measure: Measure, name: str) -> None:
    assert name_of(check, measure) == name
    assert re.fullmatch("[a-z_]+", name)


@needs_promtool
def test_promtool_takes_the_alert_rules_and_they_fire_when_they_shall(tmp_path: Path) -> None:
    assert litelift("monitor", "export", "alerts", "-o", tmp_path / "alerts.yml").status == 0
    shutil.copy(Path(__file__).with_name("monitor_alerts_test.yml"), tmp_path)
    for words in (["check", "rules", "alerts.yml"], ["test", "rules", "monitor_alerts_test.yml"]):
        said = subprocess.run(["promtool", *words], cwd=tmp_path, capture_output=True, text=True)
        assert said.returncode == 0, said.stdout + said.stderr


def test_the_scrape_job_asks_where_the_dashboard_listens_unless_told_otherwise() -> None:
    assert f'targets: ["127.0.0.1:{Serve().port}"]' in litelift("monitor", "export", "scrape").out


@needs_promtool
def test_promtool_takes_the_scrape_job_with_any_path(tmp_path: Path) -> None:
    token = tmp_path / 'a token\'s "file": {x}'
    token.write_text("secret")
    job = litelift("monitor", "export", "scrape", "--token-file", token, "--address", "[::1]:9").out
    (tmp_path / "prometheus.yml").write_text("scrape_configs:\n" + job)
    said = subprocess.run(["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


def test_what_the_dashboard_and_the_rules_ask_for_is_there(database: str, tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        check = f'[[health]]\nname = "home"\nkind = "http"\nurl = "{address}"\nstatus = 501\n'
        of = database_at(database, tmp_path, f'[project]\nname = "school"\n{check}')
        stored(of.backups.store, 0)
        looked = look_at(of)
        server.shutdown()
    text = exposition(standing(*looked.findings)).decode()
    asked = set(re.findall(r"litelift_\w+", exported("grafana") + exported("alerts")))
    assert asked <= set(re.findall(r"(?m)^(litelift_\w+)", text))
