"""A dashboard for Grafana, as the JSON that its import takes ("JSON model" of its manual)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

SCHEMA = 39
"""Of the JSON; Grafana carries older ones over."""
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_MATCH = 'job="$job",instance="$instance"'
COLUMNS = 24
"""Of Grafana's grid."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One panel of lines over time."""

    title: str
    unit: str
    """One of Grafana's."""
    lines: tuple[tuple[str, str], ...]
    """Each a legend and a query, in which MATCH stands for the instance that is chosen."""
    most: float | None = None
    """The axis' end."""


CHARTS = (
    Chart("Connections", "short", (("in use", "litelift_connections_used{MATCH}"),)),
    Chart(
        "Transactions",
        "ops",
        (
            ("commits", "rate(litelift_transactions_commits_total{MATCH}[5m])"),
            ("rollbacks", "rate(litelift_transactions_rollbacks_total{MATCH}[5m])"),
        ),
    ),
    Chart("The application's answers", "s", (("{{object}}", "litelift_health_latency_seconds{MATCH}"),)),
    Chart(
        "Waiting and held up",
        "s",
        (
            ("waits for a lock", "litelift_blocked_longest_seconds{MATCH}"),
            ("transaction open", "litelift_long_transactions_longest_seconds{MATCH}"),
            ("idle in transaction", "litelift_idle_in_transaction_longest_seconds{MATCH}"),
        ),
    ),
    Chart("Read from memory", "percentunit", (("cache", "litelift_cache_hit_ratio{MATCH}"),), 1.0),
    Chart("Size of the database", "bytes", (("database", "litelift_database_size_bytes{MATCH}"),)),
    Chart("Disks", "percentunit", (("{{object}}", "litelift_disk_used_ratio{MATCH}"),), 1.0),
    Chart("Age of the newest good backup", "s", (("backup", "litelift_backup_age_seconds{MATCH}"),)),
)


def dashboard() -> str:
    """The JSON."""
    panels = [*_summary(), *_charts(y=13)]
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    made = {
        "title": "litelift",
        "uid": "litelift",
        "description": "Whether the database that litelift moved is well.",
        "tags": ["litelift", "postgresql"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "links": [],
        "panels": panels,
    }
    return json.dumps(made, indent=2) + "\n"


def _variables() -> list[dict[str, Any]]:
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    chosen = [
        {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": _SOURCE,
            "query": {"query": query, "refId": name},
            "refresh": 2,
            "sort": 1,
        }
        for name, label, query in (
            ("job", "Job", "label_values(litelift_info, job)"),
            ("instance", "Instance", 'label_values(litelift_info{job="$job"}, instance)'),
        )
    ]
    return [source, *chosen]


def _summary() -> list[dict[str, Any]]:
    up = {"0": {"text": "down", "color": "red"}, "1": {"text": "up", "color": "green"}}
    state = {
        "ok": {"text": "ok", "color": "green"},
        "warning": {"text": "warning", "color": "orange"},
        "critical": {"text": "critical", "color": "red"},
        "unknown": {"text": "unknown", "color": "purple"},
    }
    wrong = 'sum(litelift_check_state{MATCH,state=~"%s"})'
    table = _panel(
        "table", "What is not well", [("", 'litelift_check_state{MATCH,state!="ok"} == 1')], 0, 4, COLUMNS, 9
    )
    table["targets"][0] |= {"format": "table", "instant": True}
    hidden = dict.fromkeys(("Time", "Value", "__name__", "job", "instance"), True)
    table["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    table["fieldConfig"]["defaults"]["mappings"] = [{"type": "value", "options": state}]
    return [
        _stat("PostgreSQL", "litelift_up{MATCH}", 0, mappings=[{"type": "value", "options": up}]),
        _stat("Critical", wrong % "critical", 6, bad="red"),
        _stat("Warnings", wrong % "warning", 12, bad="orange"),
        _stat("Incidents open", "litelift_incidents_open{MATCH}", 18, bad="orange"),
        table,
    ]


def _charts(y: int) -> list[dict[str, Any]]:
    made = []
    width, height = COLUMNS // 2, 8
    for number, chart in enumerate(CHARTS):
        panel = _panel(
            "timeseries", chart.title, chart.lines, width * (number % 2), y + height * (number // 2), width, height
        )
        panel["fieldConfig"]["defaults"] |= {"unit": chart.unit, "min": 0} | (
            {"max": chart.most} if chart.most is not None else {}
        )
        made.append(panel)
    return made


def _stat(title: str, query: str, x: int, *, bad: str = "red", mappings: Any = ()) -> dict[str, Any]:
    panel = _panel("stat", title, [("", query)], x, 0, COLUMNS // 4, 4)
    steps = [{"color": "green", "value": None}, {"color": bad, "value": 1}]
    panel["fieldConfig"]["defaults"] |= {
        "mappings": list(mappings),
        "thresholds": {"mode": "absolute", "steps": steps if not mappings else steps[:1]},
    }
    panel["options"] = {"colorMode": "background", "reduceOptions": {"calcs": ["lastNotNull"]}}
    return panel


def _panel(kind: str, title: str, lines: Any, x: int, y: int, width: int, height: int) -> dict[str, Any]:
    return {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "fieldConfig": {"defaults": {}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _SOURCE,
                "expr": query.replace("MATCH", _MATCH),
                "legendFormat": legend,
            }
            for number, (legend, query) in enumerate(lines)
        ],
    }
