"""What became of the evening, in one sentence."""

from __future__ import annotations

from dataclasses import replace

from litelift.cutover.journal import Journal
from litelift.cutover.overview import Overview
from litelift.cutover.report.content import HealthRow, Timeline, Written
from litelift.cutover.report.timeline import said
from litelift.report.format import count, duration, listed, number
from litelift.report.verdict import Verdict
from litelift.report.view import Report


def verdict(
    name: str,
    journal: Journal,
    overview: Overview,
    move: Report | None,
    health: list[HealthRow],
    forward: Timeline,
    back: Timeline | None,
    written: Written | None,
) -> Verdict:
    """The verdict on a run."""
    judged = _verdict(name, journal, overview, move, health, forward, back, written)
    if judged.sentence.startswith(name):
        return judged
    return replace(judged, sentence=judged.sentence[:1].upper() + judged.sentence[1:])


def _verdict(
    name: str,
    journal: Journal,
    overview: Overview,
    move: Report | None,
    health: list[HealthRow],
    forward: Timeline,
    back: Timeline | None,
    written: Written | None,
) -> Verdict:
    if overview.state == "finished":
        return _finished(name, overview, move, health, forward)
    if overview.state == "rolled back":
        return _rolled_back(name, journal, overview, move, back, written)
    where = _where(overview)
    if overview.state == "paused":
        return Verdict(
            "attention",
            "Paused",
            f"The cutover of {name} was paused as asked for, {where}. Go on with it, or take it back.",
        )
    if overview.state == "stopped":
        return Verdict(
            "failed",
            "Stopped after the switch",
            f"The cutover of {name} has stopped {where}, as the runbook says: {_failure(journal)} "
            "The application is configured for PostgreSQL. Go on with it, or take it back.",
        )
    if overview.state == "rolling back":
        return Verdict(
            "failed",
            "Not taken back wholly",
            f"{_failed_first(name, journal, overview)}The way back of {name} has not come to its end: "
            f"{_not_undone(journal)} Run it again.",
        )
    return Verdict(
        "attention",
        "Not finished",
        f"The cutover of {name} has not come to its end; it is {where}. Go on with it, or take it back.",
    )


def failure(journal: Journal) -> tuple[str, str, str] | None:
    """The step that failed last, why, and what to do about it; None where none did."""
    for line in reversed(journal.lines):
        if line.event == "failed":
            return line.values.get("step", ""), said(line), line.values.get("hint", "")
    return None


def _finished(
    name: str, overview: Overview, move: Report | None, health: list[HealthRow], forward: Timeline
) -> Verdict:
    parts = []
    if move is not None:
        rows = f"{number(move.sums.loaded)} rows of {count(move.sums.tables, 'table')}"
        parts.append(f"{rows} were moved and compared with the source by content")
    made = [row for row in health if row.after is not None]
    if made:
        passed = sum(row.after is not None and row.after.ok for row in made)
        all_ = "all " if passed == len(made) else f"{passed} of "
        parts.append(f"{all_}{count(len(made), 'health check')} passed on it")
    if forward.closed is not None:
        parts.append(f"the application was closed for {duration(forward.closed.seconds)}")
    version = f" {move.result.target.server_version}" if move is not None else ""
    told = f": {listed(parts)}" if parts else ""
    sentence = f"{name} runs on PostgreSQL{version}{told}."
    if overview.exit_code == 0 and (move is None or move.verdict.status == "good"):
        return Verdict("good", "Cut over and proved", sentence)
    open_ = move.verdict.sentence.rpartition("; ")[2] if move is not None and move.verdict.status != "good" else ""
    person = open_ or "a person has to look at the issues below."
    return Verdict("attention", "Cut over; needs a person", f"{sentence} {person[:1].upper()}{person[1:]}")


def _rolled_back(
    name: str, journal: Journal, overview: Overview, move: Report | None, back: Timeline | None, written: Written | None
) -> Verdict:
    took = f" in {duration(back.seconds)}" if back is not None else ""
    changes = written.inserted + written.updated + written.deleted if written is not None else 0
    kept = f" What was written to PostgreSQL meanwhile ({count(changes, 'change')}) is in a file." if changes else ""
    reached_end = any(line.event == "finished" for line in journal.lines)
    if overview.mode == "rehearsal" and reached_end:
        rows = f" {number(move.sums.loaded)} rows were moved and proved;" if move is not None else ""
        return Verdict(
            "good" if move is None or move.verdict.status == "good" else "attention",
            "Rehearsed",
            f"The cutover of {name} was rehearsed beside the serving application:{rows} what it made was taken back"
            f"{took}.",
        )
    failed = failure(journal)
    if failed is not None and not reached_end:
        return Verdict(
            "failed",
            "Failed, and taken back",
            f"{_failed_first(name, journal, overview)}What was done was undone{took}; the application is on SQLite, "
            "as before.",
        )
    return Verdict(
        "attention",
        "Rolled back",
        f"{name} was cut over to PostgreSQL and taken back{took}, as asked for: it is on SQLite again.{kept}",
    )


def _failed_first(name: str, journal: Journal, overview: Overview) -> str:
    failed = failure(journal)
    if failed is None or any(line.event == "finished" for line in journal.lines):
        return ""
    return f"The {overview.mode} of {name} failed in the phase “{_phase(overview, failed[0])}”: {_sentence(failed[1])} "


def _phase(overview: Overview, step: str) -> str:
    return next((phase.title for phase in overview.phases for one in phase.steps if one.name == step), "")


def _where(overview: Overview) -> str:
    reached = [phase.title for phase in overview.phases if any(step.state != "to do" for step in phase.steps)]
    return f"in the phase “{reached[-1]}”" if reached else "before its first step"


def _failure(journal: Journal) -> str:
    failed = failure(journal)
    return _sentence(failed[1]) if failed else ""


def _not_undone(journal: Journal) -> str:
    left = [line.values for line in journal.lines if line.event == "not-undone"]
    return _sentence(f"{left[-1].get('step')}: {left[-1].get('message')}") if left else "it was interrupted."


def _sentence(words: str) -> str:
    words = words.strip()
    return words if words.endswith((".", "!", "?")) else words + "."
