"""Makes each form of a cutover's report, and writes the three files into the run's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from litelift.atomic import PRIVATE, write_whole
from litelift.cutover.read import read_runbook
from litelift.cutover.rehearsal import rehearsed
from litelift.cutover.report.build import cutover_report
from litelift.cutover.report.content import CutoverReport
from litelift.cutover.run import steps_of
from litelift.cutover.runs import KEPT_RUNBOOK, Run, read_run
from litelift.cutover.settings import Runbook
from litelift.cutover.step import Step
from litelift.errors import RunNotFound
from litelift.report.render import environment, plain

FORMAT = 1
"""The version of a cutover's report.json: raised when a field changes its meaning."""

_SECTIONS = (
    ("summary", "Executive summary"),
    ("timeline", "Timeline"),
    ("written", "Written after the switch"),
    ("sizes", "Statistics and sizes"),
    ("technical", "Technical details"),
    ("method", "Method"),
    ("verification", "Verification before and after"),
    ("counts", "Entity counts"),
    ("proof", "Proof results"),
    ("quarantine", "What was quarantined"),
    ("notices", "What was told"),
    ("untranslated", "What was not carried"),
    ("health", "Health checks"),
    ("backups", "Backups and archive"),
    ("files", "Files modified"),
    ("credentials", "Where credentials are"),
    ("made", "What was made"),
    ("issues", "Issues met"),
    ("back", "The way back"),
    ("baseline", "Metrics baseline"),
    ("firstday", "The first 24 hours"),
    ("next", "Next steps"),
    ("commands", "Useful commands"),
    ("signatures", "Signatures"),
)
_OF_THE_MOVE = frozenset({"counts", "proof", "quarantine", "notices", "untranslated"})


def write_report(runbook: Runbook, run: Run, steps: Sequence[Step]) -> list[Path]:
    """Write ``report.md``, ``report.html`` and ``report.json`` into the run's folder, for its owner alone (0600).

    All three are made before the first is written. Raises OSError.
    """
    return _write(run.folder, cutover_report(runbook, run, steps))


def write_report_again(folder: Path) -> list[Path]:
    """The same for a run that has ended, of what its folder holds now. Raises RunNotFound, UsageError and OSError."""
    return _write(folder, report_of_folder(folder))


def _write(folder: Path, report: CutoverReport) -> list[Path]:
    contents = {
        "report.md": render_markdown(report),
        "report.html": render_html(report),
        "report.json": render_json(report),
    }
    for name, content in contents.items():
        write_whole(folder / name, content.encode("utf-8", "replace"), mode=PRIVATE)
    return [folder / name for name in contents]


def report_of_folder(folder: Path) -> CutoverReport:
    """The report of the run in ``folder``, made again of its journal and of the runbook that it keeps.

    Raises RunNotFound where there is no run, and UsageError where its runbook cannot be read.
    """
    run = read_run(folder)
    kept = folder / KEPT_RUNBOOK
    if run is None or not kept.is_file():
        raise RunNotFound(where=folder)
    runbook = read_runbook(kept)
    begun = next(run.journal.events("begun")).values.get("runbook")
    if begun:
        # Its paths are relative to where it was.
        runbook = runbook.at(Path(begun))
    if run.mode == "rehearsal":
        runbook = rehearsed(runbook)
    return cutover_report(runbook, run, steps_of(runbook, run))


def render_html(report: CutoverReport) -> str:
    """The report as one HTML file that loads nothing."""
    return environment("html").get_template("cutover.html.j2").render(_context(report))


def render_markdown(report: CutoverReport) -> str:
    """The report as GitHub's Markdown."""
    return environment("md").get_template("cutover.md.j2").render(_context(report))


def render_json(report: CutoverReport, *, indent: int | None = 2) -> str:
    """The whole content as JSON, in ASCII; ``move`` is the move's result, as a migration's report.json has it."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "kind": report.overview.mode,
        "exit_code": report.exit_code,
        "status": report.verdict.status,
        "verdict": report.verdict.sentence,
        "pointers": [words for words, _ in report.pointers],
        "move": report.move.result.model_dump() if report.move is not None else None,
    }
    document["first_day"] = report.first_day.day.model_dump() if report.first_day is not None else None
    for part in fields(report):
        document.setdefault(part.name, _value(getattr(report, part.name)))
    return json.dumps(plain(document), indent=indent, allow_nan=False) + "\n"


def _value(content: Any) -> Any:
    if isinstance(content, (list, tuple)):
        return [_value(part) for part in content]
    if isinstance(content, BaseModel):
        return content.model_dump()
    return asdict(content) if is_dataclass(content) and not isinstance(content, type) else content


def _context(report: CutoverReport) -> dict[str, Any]:
    shown = [
        section
        for section in _SECTIONS
        if (report.move is not None or section[0] not in _OF_THE_MOVE)
        and (report.written is not None or section[0] != "written")
        and (report.first_day is not None or section[0] != "firstday")
    ]
    return {
        "c": report,
        "c_sections": shown,
        "r": report.move,
        "result": report.move.result if report.move is not None else None,
    }
