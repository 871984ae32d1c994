"""What became of the move, of the runbook's or of a plain `litelift migrate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import ValidationError

from litelift.cutover.overview import overview
from litelift.cutover.run import steps_of
from litelift.cutover.runs import Run, runs
from litelift.cutover.settings import Runbook
from litelift.cutover.steps.move import result_path
from litelift.move.journal import last_result
from litelift.postgres.connect import Connection
from litelift.report.entities import Totals, entities, totals
from litelift.report.files import read_report
from litelift.report.verdict import attention_notices, verdict
from litelift.result import MigrationResult

LISTED = 8
"""Runs that are listed: the newest."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the move: ``left`` and ``width`` are percent of the whole."""

    key: str
    """The phase's number, or the step's name: of its words."""
    title: str
    """In English."""
    state: str
    seconds: float
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Proof:
    """What the move carried, and what the comparison of it found."""

    status: Literal["good", "attention", "failed"]
    sums: Totals
    quarantined: int
    notices: int
    """Those that ask for attention."""
    untranslated: int
    version: str
    """litelift's."""


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run of the runbook, or of `litelift migrate`."""

    name: str
    mode: str
    state: str
    began: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of the move."""

    began: datetime
    ended: datetime
    mode: str
    """ "cutover", "rehearsal" or "migration"."""
    state: str
    """As the run's journal has it."""
    down_seconds: float | None
    """How long the application was closed for its users; None where that is not known."""
    phases: tuple[Phase, ...]
    proof: Proof | None
    runs: tuple[RunLine, ...]

    @property
    def stands(self) -> str:
        """How it stands, as the words have it: [page.move.stands]."""
        if self.mode == "rehearsal":
            return "rehearsed"
        if self.state != "finished":
            return "back" if self.state in ("rolling back", "rolled back") else "unfinished"
        return self.proof.status if self.proof is not None else "unproved"


def of_cutover(runbook: Runbook) -> Moved | None:
    """The last cutover, or where there was none the last rehearsal. Raises OSError, RunNotFound."""
    found = runs(runbook.state)
    of = [run for run in found if run.mode == "cutover"] or found
    if not of:
        return None
    run = of[-1]
    seen = overview(run, steps_of(runbook, run))
    result = _result(run)
    shown = [
        (str(one.number), one.title, one.seconds, _state([step.state for step in one.steps])) for one in seen.phases
    ]
    return Moved(
        seen.began,
        seen.ended,
        run.mode,
        seen.state,
        seen.down_seconds,
        _phases(shown),
        _proof(result) if result is not None else None,
        tuple(
            RunLine(
                str(one.number),
                one.mode,
                one.state,
                one.journal.lines[0].at,
                (one.journal.lines[-1].at - one.journal.lines[0].at).total_seconds(),
            )
            for one in reversed(found[-LISTED:])
        ),
    )


def _result(run: Run) -> MigrationResult | None:
    path = result_path(run.folder)
    return read_report(path) if path.is_file() else None


def _state(states: Sequence[str]) -> str:
    for state in ("failed", "begun", "being undone"):
        if state in states:
            return state
    return "done" if "done" in states else "undone" if "undone" in states else "to do"


def of_migration(connection: Connection) -> Moved | None:
    """The last run of litelift.run that has a result. Raises psycopg.Error."""
    document = last_result(connection)
    if document is None:
        return None
    try:
        result = MigrationResult.model_validate(document)
    except ValidationError:
        return None
    lines = connection.execute(
        "select run_id::text, mode, state, started_at,"
        " coalesce(extract(epoch from finished_at - started_at), 0)::float8"
        " from litelift.run order by started_at desc limit %s",
        (LISTED,),
    ).fetchall()
    return Moved(
        result.started,
        result.finished,
        "migration",
        "finished",
        None,
        _phases([(step.name, step.title or step.name, step.seconds, "done") for step in result.steps]),
        _proof(result),
        tuple(RunLine(*line) for line in lines),
    )


def _phases(parts: Sequence[tuple[str, str, float, str]]) -> tuple[Phase, ...]:
    whole = sum(seconds for _, _, seconds, _ in parts) or 1.0
    found = []
    left = 0.0
    for key, title, seconds, state in parts:
        width = 100 * seconds / whole
        found.append(Phase(key, title, state, seconds, round(left, 2), round(width, 2)))
        left += width
    return tuple(found)


def _proof(result: MigrationResult) -> Proof:
    sums = totals(result, entities(result))
    return Proof(
        verdict(result, sums).status,
        sums,
        max(result.quarantined_total, len(result.quarantined)),
        len(attention_notices(result)),
        len(result.untranslated),
        result.litelift_version,
    )
