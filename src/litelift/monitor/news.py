"""Says what has begun, grown and ended, as one message."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litelift.monitor.finding import Fact, Finding, State, worst
from litelift.monitor.incidents import Event, Kind
from litelift.monitor.words import Language, catalogue, filled
from litelift.monitor.words.kept import said, title, to_do
from litelift.tell.message import Level, Message

LINES = 12
"""Incidents that a message says more of than their number."""
_ORDER: tuple[Kind, ...] = ("grew", "began", "again", "ended")
_LEVELS: dict[State, Level] = {"critical": "error", "warning": "warning", "unknown": "notice", "ok": "info"}


def message_of(project: str, events: Sequence[Event], now: datetime, language: Language = "en") -> Message:
    """The message that tells ``events``, the gravest first.

    Its level is "notice" or below where nothing is amiss but that something cannot be known: that is for the log alone.
    """
    told = sorted(events, key=lambda event: (event.kind == "ended", _rank(event.incident.worst), event.incident.opened))
    lasting = [event for event in told if event.kind != "ended"]
    state = worst([event.incident.worst for event in lasting]) if lasting else "ok"
    worst_ended = worst([event.incident.worst for event in told])
    level: Level = _LEVELS[state] if lasting or worst_ended == "unknown" else "info"
    key = ("one" if len(told) == 1 else "many") if lasting else ("ended_one" if len(told) == 1 else "ended_many")
    subject = _filled(
        key, language, project=project, state=_state(state, language), title=_title(told[0], language), n=len(told) - 1
    )
    lines = [line for event in told[:LINES] for line in _lines(event, now, language)]
    if len(told) > LINES:
        lines.append(_filled("more", language, n=len(told) - LINES))
    facts = {
        "event": "incidents",
        "project": project,
        "host": socket.gethostname(),
        "at": now.isoformat(),
        "state": state,
        "changes": [document_of(event, now, language) for event in told],
    }
    return Message(subject, (*lines, "", _filled("look", language)), level, facts)


def is_gentle(events: Sequence[Event]) -> bool:
    """Whether nothing is amiss but that something cannot be known."""
    return worst([event.incident.worst for event in events]) == "unknown"


def line_of(event: Event, now: datetime, language: Language = "en") -> str:
    """An event in one line."""
    incident = event.incident
    facts: dict[str, Fact] = {"state": _state(incident.worst if event.kind != "again" else incident.state, language)}
    facts |= {"title": _title(event, language), "said": said(incident.finding, language)}
    return _filled(event.kind, language, seconds=incident.seconds(now), **facts)


def test_message(project: str, now: datetime, language: Language = "en") -> Message:
    """One that says nothing but that it can be told."""
    facts = {"event": "test", "project": project, "host": socket.gethostname(), "at": now.isoformat()}
    return Message(_filled("test", language, project=project), (_filled("test_line", language),), "info", facts)


def document_of(event: Event, now: datetime, language: Language = "en") -> dict[str, Any]:
    """An event for programs."""
    incident = event.incident
    return {
        "kind": event.kind,
        "key": incident.key,
        "check": incident.finding.check,
        "about": incident.finding.about,
        "title": title(incident.finding.check, language),
        "state": incident.state,
        "worst": incident.worst,
        "opened": incident.opened.isoformat(),
        "closed": incident.closed.isoformat() if incident.closed else None,
        "seconds": round(incident.seconds(now), 1),
        "said": said(incident.finding, language),
        "to_do": to_do(incident.finding, language) if event.kind != "ended" else None,
    }


def named(finding: Finding, language: Language = "en") -> str:
    """The name of what a finding is of: its check's, and which one."""
    return title(finding.check, language) + (f" {finding.about}" if finding.about else "")


def _lines(event: Event, now: datetime, language: Language) -> list[str]:
    incident = event.incident
    lines = [line_of(event, now, language)]
    if event.kind == "ended":
        return lines
    lines.append(_filled("since", language, opened=incident.opened.timestamp()))
    do = to_do(incident.finding, language)
    return [*lines, f"    {do}"] if do else lines


def _title(event: Event, language: Language) -> str:
    return named(event.incident.finding, language)


def _state(state: State, language: Language) -> str:
    return str(catalogue(language)["states"][state])


def _rank(state: State) -> int:
    return ("critical", "warning", "unknown", "ok").index(state)


def _filled(key: str, language: Language, **facts: Any) -> str:
    return filled(str(catalogue(language)["tell"][key]), facts, language)
