"""The seed of the generated databases, one for all of pytest-xdist's workers, and the line that tells it."""

from __future__ import annotations

import os
import secrets

import pytest

EXAMPLES = "generated_databases"
"""The property of a test's report that counts its examples."""


SEED = 3601069138
"""The suite's own, so that it says the same of the same code each time; ``make property`` takes another each time."""


def choose_seed() -> None:
    """Choose a seed where none is given, before any worker starts: they inherit it. An empty one is a random one."""
    if not os.environ.setdefault("LITELIFT_SEED", str(SEED)):
        os.environ["LITELIFT_SEED"] = str(secrets.randbelow(1 << 32))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many generated databases were moved, how many differed, and how to make the same ones again."""
    reports = [
        (outcome, dict(report.user_properties))
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
    ]
    ran = [(outcome, int(str(told[EXAMPLES]))) for outcome, told in reports if EXAMPLES in told]
    if not ran:
        return
    failed = sum(1 for outcome, _ in ran if outcome == "failed")
    seed = os.environ["LITELIFT_SEED"]
    again = f"; LITELIFT_SEED={seed} LITELIFT_EXAMPLES={os.environ.get('LITELIFT_EXAMPLES') or 320} repeats it"
    total = sum(count for _, count in ran)
    terminalreporter.write_line(
        f"{total} generated databases: {failed} differences, seed {seed}{again if failed else ''}"
    )
