"""litelift cutover init: stands in until the real one is merged."""

from __future__ import annotations


def init() -> None:
    """Make a runbook."""
