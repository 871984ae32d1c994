"""What a watch says of each look: a line for each change, or a document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litelift.monitor.finding import Finding
from litelift.monitor.news import document_of, line_of, named
from litelift.monitor.samples import Gap
from litelift.monitor.watch import Round
from litelift.monitor.watched import Watched
from litelift.monitor.words.kept import said, to_do
from litelift.report.format import count

Line = list[tuple[str, str]]
"""Pieces of a line, each with its style. Not rich's own: a watch that nobody looks at does without all of that."""
STYLES = {"ok": "green", "warning": "yellow", "critical": "bold red", "unknown": "magenta"}


def lines(watched: Watched, look: Round, *, first: bool) -> list[Line]:
    """A line for each change; after the first look, for each that is not well."""
    at = clock(look.at)
    told: list[Line] = [[(f"{at}  {gap_words(look.gap)}", "yellow")]] if look.gap is not None else []
    told += [[(f"{at}  {note}", "yellow")] for note in look.notes]
    if first:
        wrong = [finding for finding in look.findings if finding.state != "ok"]
        words = f"{count(len(look.findings), 'check')}, " + (f"{len(wrong)} not well" if wrong else "all well")
        told.append([(f"{at}  {look.state.upper()}: {words}", STYLES[look.state])])
        told += [[(f"{at}    ", ""), *finding_words(finding)] for finding in wrong]
    for event in look.events:
        style = "green" if event.kind == "ended" else STYLES[event.incident.worst]
        told.append([(f"{at}  {line_of(event, look.at)}", style)])
        if event.kind != "ended" and (do := to_do(event.incident.finding)) is not None:
            told.append([(f"{at}    {do}", "")])
    return told


def document(watched: Watched, look: Round) -> dict[str, Any]:
    """A look for programs."""
    gap = None
    if look.gap is not None:
        began, ended, stopped = look.gap
        gap = {"began": began.isoformat(), "ended": ended.isoformat(), "stopped": stopped}
    return {
        "at": look.at.isoformat(),
        "seconds": round(look.seconds, 3),
        "project": watched.label,
        "state": look.state,
        "checks": [{**finding.document, "said": said(finding), "to_do": to_do(finding)} for finding in look.findings],
        "changes": [document_of(event, look.at) for event in look.events],
        "open": [incident.key for incident in look.open],
        "gap": gap,
        "notes": list(look.notes),
    }


def finding_words(finding: Finding) -> Line:
    """A finding in one line."""
    state = f"{finding.state.upper():<9}"
    return [(state, STYLES[finding.state]), (named(finding), "bold"), (f": {said(finding)}", "")]


def gap_words(gap: Gap) -> str:
    """A time in which nobody watched, in one line."""
    why = "the watch was ended" if gap.stopped else "the watch was killed, or the machine slept"
    return f"nobody watched from {day(gap.began)} to {day(gap.ended)}: {why}"


def day(at: datetime) -> str:
    """A moment with its day."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(at: datetime) -> str:
    """A moment at the beginning of a line."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
