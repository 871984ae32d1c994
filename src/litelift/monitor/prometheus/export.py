"""What other programs need to read the metrics, as files: made here, so that they fit this version."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Literal

from litelift.monitor.prometheus.dashboard import dashboard

Kind = Literal["alerts", "grafana", "scrape"]


def exported(kind: Kind, *, address: str = "127.0.0.1:8765", token_file: str = "/etc/prometheus/litelift.token") -> str:
    """One of the files.

    Args:
        kind: "alerts", rules for Prometheus; "grafana", a dashboard; "scrape", a job for prometheus.yml.
        address: where `litelift monitor serve` answers, for "scrape".
        token_file: where Prometheus finds its token, for "scrape".
    """
    if kind == "grafana":
        return dashboard()
    text = (files(__package__) / f"{kind}.yml").read_text(encoding="utf-8")
    # As JSON, which is YAML too, so that no letter of a path is taken for YAML's own.
    return text.format(address=json.dumps(address), token_file=json.dumps(token_file)) if kind == "scrape" else text
