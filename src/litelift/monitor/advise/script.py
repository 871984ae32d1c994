"""Statements as a script for psql, each with its reason; and the file that takes them back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from litelift.monitor.advise.advice import Advice
from litelift.report.text import visible

LOCK = "30s"
"""Longer than this no statement waits for a lock. Those who come later do not wait behind it: what CONCURRENTLY takes
is in nobody's way but that of other changes of the table's structure."""


def script(advice: Sequence[Advice], database: str, at: datetime) -> str:
    """The statements that do it."""
    lines = _head(f"What litelift advises for the database {database}, {at:%Y-%m-%d %H:%M} UTC.")
    for number, one in enumerate(advice, 1):
        lines += ["", f"-- {number}. {visible(one.object)}: {visible(one.why)}."]
        if not one.sure:
            lines.append("-- A guess: nothing has confirmed it.")
        if one.blocked:
            lines.append(f"-- By hand: {visible(one.blocked)}.")
        if one.restart:
            lines.append("-- It holds after a restart of the server.")
        lines += [f"{statement};" for statement in one.sql]
    return "\n".join(lines) + "\n"


def undo_script(advice: Sequence[Advice], database: str, at: datetime) -> str:
    """The statements that take it back, the last first."""
    lines = _head(
        f"Takes back what litelift monitor advise --apply did in the database {database}, {at:%Y-%m-%d %H:%M} UTC."
    )
    for one in reversed(advice):
        lines += ["", f"-- {visible(one.object)}; before: {visible(one.current)}"]
        lines += [f"{statement};" for statement in one.undo]
    return "\n".join(lines) + "\n"


def _head(what: str) -> list[str]:
    return [
        f"-- {visible(what)}",
        "-- psql -f FILE, not with --single-transaction: CONCURRENTLY takes no transaction around it.",
        "SET standard_conforming_strings = on;",
        f"SET lock_timeout = '{LOCK}';",
    ]
