"""Makes the content of a cutover's report of the run's own files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from litelift.cutover.context import Context
from litelift.cutover.overview import Overview, overview
from litelift.cutover.report import first_day, health, made, timeline
from litelift.cutover.report.clean import clean_journal
from litelift.cutover.report.commands import commands
from litelift.cutover.report.content import CutoverReport, Finding, Rows, Tile
from litelift.cutover.report.method import method
from litelift.cutover.report.nextsteps import next_steps
from litelift.cutover.report.technical import baseline, technical
from litelift.cutover.report.verdict import verdict
from litelift.cutover.report.wayback import way_back
from litelift.cutover.runs import Run
from litelift.cutover.settings import Runbook
from litelift.cutover.step import Step
from litelift.cutover.steps.move import result_path
from litelift.errors import RunNotFound
from litelift.report.files import read_report
from litelift.report.format import count, duration, number
from litelift.report.view import Report, Size, report
from litelift.result import MigrationResult

_LARGE = 1 << 20
"""Bytes of a SQLite file beside which PostgreSQL's catalogue of some megabytes says nothing."""


def cutover_report(runbook: Runbook, run: Run, steps: Sequence[Step]) -> CutoverReport:
    """The report of a run as it stands. ``steps`` are those that its runbook asks for. Writes nothing."""
    told = Run(run.number, clean_journal(run.journal))
    context = Context(runbook, told.journal, rehearsal=run.mode == "rehearsal")
    journal = told.journal
    result = _move(run.folder)
    move = report(result) if result is not None else None
    seen = overview(told, steps)
    forward = timeline.forward(journal, seen)
    back = timeline.back(journal, steps)
    checks = health.health_rows(journal)
    archive = made.archive_view(context)
    written = made.written(context)
    name = runbook.project.name
    judged = verdict(name, journal, seen, move, checks, forward, back, written)
    sizes = _sizes(move, archive.bytes if archive else None, archive.source_bytes if archive else None)
    whole = CutoverReport(
        name=name,
        overview=seen,
        verdict=judged,
        exit_code=_exit_code(seen, judged.status),
        version=str(next(journal.events("begun")).values.get("version", "")),
        tiles=[],
        pointers=[],
        forward=forward,
        back=back,
        still_closed=timeline.still_closed(journal),
        sizes=sizes,
        size_words=_size_words(move, archive.ratio if archive else None),
        technical=technical(context, seen, move.result if move else None),
        method=method(context, seen, steps, move),
        findings=_findings(context),
        verified=_verified(context, move),
        move=move,
        health=checks,
        archive=archive,
        backups=made.backups(context),
        files=made.file_changes(context),
        credentials=made.credentials(context),
        made=made.made(context),
        issues=seen.issues,
        way_back=way_back(context, seen, steps),
        written=written,
        baseline=baseline(context),
        first_day=first_day.view(context),
        next_steps=next_steps(context, seen, move, archive, written),
        commands=commands(context, move.result if move else None),
    )
    return replace(whole, tiles=_tiles(whole), pointers=_pointers(whole))


def _move(folder: Path) -> MigrationResult | None:
    try:
        return read_report(result_path(folder))
    except RunNotFound:
        return None


def _exit_code(seen: Overview, status: str) -> int:
    return 1 if status == "failed" else seen.exit_code


def _sizes(move: Report | None, archive: int | None, source: int | None) -> list[Size]:
    found: list[tuple[str, int]] = []
    if move is not None:
        found += [(size.title, size.bytes) for size in move.sizes]
    elif source is not None:
        found.append(("SQLite file and its backups", source))
    if archive is not None:
        found.append(("Archive, compressed", archive))
    largest = max([1, *(bytes_ for _, bytes_ in found)])
    return [Size(title, bytes_, 100 * bytes_ / largest) for title, bytes_ in found]


def _size_words(move: Report | None, ratio: float | None) -> str:
    told = []
    if move is not None and move.result.source.bytes >= _LARGE:
        times = move.result.target.bytes / move.result.source.bytes
        told.append(
            f"PostgreSQL takes {times:.1f} times what the SQLite file takes; its size includes its system catalogue "
            "and every index."
        )
    if ratio:
        told.append(f"The archive is {ratio:.1f} times smaller than what is in it.")
    return " ".join(told)


def _findings(context: Context) -> list[Finding]:
    """What the checks before the move found, those of the target after those of the source, each once."""
    found: dict[tuple[str, str], Finding] = {}
    for step in ("source-checks", "target-checks"):
        for finding in context.facts(step).get("findings") or []:
            about, message = str(finding.get("about", "")), str(finding.get("message", ""))
            found[about, message] = Finding(str(finding.get("level", "")), about, message)
    return list(found.values())


def _verified(context: Context, move: Report | None) -> Rows:
    """Before and after, in a line each."""
    journal, rows = context.journal, []
    state = {True: "yes", False: "not looked at"}
    if move is not None:
        sums = move.sums
        rows += [
            ("Rows in SQLite before", number(sums.in_file)),
            ("Rows in PostgreSQL after", number(sums.proved)),
            ("Rows compared by content", f"{number(sums.compared_rows)}, {count(sums.differences, 'difference')}"),
        ]
    rows.append(("The source was whole before the move", state[journal.stands("source-checks")]))
    rows.append(
        ("Nobody wrote to the source while it was moved", state["done" in _events(context, "source-unchanged")])
    )
    if "mark" in context.facts("mark"):
        rows.append(("Rows in PostgreSQL at the switch", number(int(context.facts("mark").get("rows", 0)))))
    return rows


def _events(context: Context, step: str) -> set[str]:
    return {line.event for line in context.journal.lines if line.values.get("step") == step}


def _tiles(whole: CutoverReport) -> list[Tile]:
    closed = whole.forward.closed or (whole.back.closed if whole.back else None)
    never = Tile("closed for its users", "still" if whole.still_closed else "never", "failed" * whole.still_closed)
    tiles = [
        Tile("from the first check to the end", duration(whole.forward.seconds)),
        Tile("closed for its users", duration(closed.seconds)) if closed else never,
    ]
    if whole.back is not None:
        tiles.append(Tile("the way back took", duration(whole.back.seconds)))
    if whole.written is not None:
        total = whole.written.inserted + whole.written.updated + whole.written.deleted
        tiles.append(Tile("written after the switch", number(total), _loud(total)))
    if whole.move is not None:
        sums = whole.move.sums
        tiles += [
            Tile("tables moved", number(sums.tables)),
            Tile("rows moved", number(sums.loaded)),
            Tile("differences", number(sums.differences), "failed" if sums.differences else ""),
            Tile("in quarantine", number(whole.move.quarantined_total), _loud(whole.move.quarantined_total)),
        ]
    made_ = [row.after for row in whole.health if row.after is not None]
    if made_:
        passed = sum(cell.ok for cell in made_)
        tiles.append(Tile("health checks passed", f"{passed} of {len(made_)}", "failed" if passed < len(made_) else ""))
    open_ = sum(not issue.resolved for issue in whole.issues)
    tiles.append(Tile("issues met (not resolved)", f"{len(whole.issues)} ({open_})", _loud(open_)))
    every = [bar for phase in whole.forward.phases for bar in phase.steps]
    tiles.append(Tile("steps done", f"{sum(bar.state == 'done' for bar in every)} of {len(every)}"))
    # A row has four.
    return tiles[: 8 if len(tiles) >= 8 else 4]


def _loud(value: int) -> str:
    return "attention" if value else ""


def _pointers(whole: CutoverReport) -> list[tuple[str, str]]:
    found = []
    if whole.verdict.status == "failed":
        found.append(("What failed", "issues" if whole.issues else "timeline"))
    open_ = sum(not issue.resolved for issue in whole.issues)
    if open_:
        found.append((count(open_, "issue") + " not resolved", "issues"))
    if whole.written is not None and whole.written.tables:
        found.append(("What was written after the switch", "written"))
    if whole.move is not None:
        if whole.move.quarantined_total:
            found.append((count(whole.move.quarantined_total, "entry", "entries") + " in quarantine", "quarantine"))
        if whole.move.attention_total:
            found.append(
                (count(whole.move.attention_total, "notice asks", "notices ask") + " for attention", "notices")
            )
        if whole.move.untranslated.total:
            found.append((count(whole.move.untranslated.total, "object") + " not carried", "untranslated"))
    if whole.first_day is not None and whole.first_day.troubles:
        told = count(whole.first_day.day.troubles_total, "incident")
        found.append((f"{told} in the first hours on PostgreSQL", "firstday"))
    failing = [row for row in whole.health if row.after is not None and not row.after.ok]
    if failing:
        found.append((count(len(failing), "health check") + " failed", "health"))
    return found
