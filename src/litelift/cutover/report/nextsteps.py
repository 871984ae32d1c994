"""What to do after the evening, by what became of it."""

from __future__ import annotations

import shlex

from litelift.cutover.context import Context
from litelift.cutover.overview import Overview
from litelift.cutover.report.commands import place_of
from litelift.cutover.report.content import ArchiveView, Written
from litelift.cutover.report.verdict import failure
from litelift.cutover.settings import EmbeddedTarget
from litelift.report.format import duration, number
from litelift.report.nextsteps import Code, NextStep, open_points
from litelift.report.view import Report


def next_steps(
    context: Context, overview: Overview, move: Report | None, archive: ArchiveView | None, written: Written | None
) -> list[NextStep]:
    """The steps, in order."""
    if overview.state == "finished":
        return _after_success(context, overview, move, archive)
    if overview.state == "rolled back":
        return _after_way_back(context, overview, written)
    file = shlex.quote(str(context.runbook.path))
    again = [Code("sh", f"litelift cutover {file} --resume\nlitelift cutover rollback {file}")]
    back = [Code("sh", f"litelift cutover rollback {file}")]
    if overview.state == "rolling back":
        return [NextStep("Finish the way back", "What is undone already is not undone twice.", back)]
    return [
        *_mend(context),
        NextStep(
            "Go on, or go back",
            "--resume goes on with the step that was begun last; rollback takes back whatever was done.",
            again,
        ),
    ]


def _mend(context: Context) -> list[NextStep]:
    failed = failure(context.journal)
    if failed is None:
        return []
    step, message, hint = failed
    log = context.folder / "output" / f"{step}.log"
    code = [Code("sh", f"tail -n 100 {shlex.quote(str(log))}")] if log.exists() else []
    return [NextStep(f"Mend what stopped the step “{step}”", " ".join(filter(None, [message + ".", hint])), code)]


def _after_success(
    context: Context, overview: Overview, move: Report | None, archive: ArchiveView | None
) -> list[NextStep]:
    runbook, steps = context.runbook, []
    told = [issue for issue in overview.issues if not issue.resolved]
    if told:
        steps.append(
            NextStep(
                "Look at the issues that nobody has resolved",
                "; ".join(issue.message for issue in told[:10]) + ".",
            )
        )
    if move is not None:
        steps += open_points(move.result)
    place = place_of(context, move.result if move else None)
    if not runbook.backup.commands and place is not None:
        file = shlex.quote(str(runbook.path))
        steps.append(
            NextStep(
                "Set up backups of PostgreSQL, and restore one somewhere",
                "The runbook has none under [backup]. The backups of the SQLite file do not hold what is written from "
                "now on. A backup that has not been restored yet is a hope.",
                [
                    Code(
                        "sh",
                        f"litelift backup create {file}\nlitelift backup drill {file}\nlitelift backup schedule {file}",
                    )
                ],
            )
        )
    elif runbook.backup.commands:
        steps.append(
            NextStep(
                "Restore the first backup somewhere",
                "A backup that has not been restored yet is a hope. Then take the backups of the SQLite file out of "
                "their schedule: they do not hold what is written from now on.",
            )
        )
    if not runbook.monitor.commands:
        watched = shlex.quote(str(runbook.path))
        steps.append(
            NextStep(
                "Watch PostgreSQL",
                "The runbook has nothing under [monitor]. The watch tells what changes; what it has seen of the first "
                "24 hours joins this report by itself. The baseline is of an application that nobody used yet: take it "
                "again on an ordinary day.",
                [
                    Code(
                        "sh",
                        f"litelift monitor check {watched}\nlitelift monitor watch {watched}\n"
                        f"litelift monitor baseline {watched} --force",
                    )
                ],
            )
        )
    if not runbook.health:
        steps.append(
            NextStep(
                "Try the application by hand",
                "The runbook has no health checks: nobody has logged in yet, or written anything, on PostgreSQL.",
            )
        )
    if isinstance(runbook.target, EmbeddedTarget):
        steps.append(
            NextStep(
                "Have the embedded PostgreSQL started with the machine, or move into a server of its own",
                "litelift started it, and nothing starts it again after a restart of the machine.",
                [Code("sh", f"litelift server start {shlex.quote(str(runbook.source_path))}")],
            )
        )
    steps.append(
        NextStep(
            "Decide until when you would go back",
            "The way back stays open: it puts what was written to PostgreSQL since into a file first, which somebody "
            "then has to bring into SQLite. So the sooner the better; after some days it is only for an emergency.",
        )
    )
    if archive is not None:
        steps.append(
            NextStep(
                f"Keep the archive until {archive.keep_until}",
                "Copy it to another machine. Before it goes, make sure that nobody needs the SQLite database, and that "
                "the run's folder, which has a copy of it too, goes with it.",
                [Code("sh", f"cp -p {shlex.quote(archive.path)} {shlex.quote(archive.path + '.json')} /ANOTHER/DISK/")],
            )
        )
    return steps


def _after_way_back(context: Context, overview: Overview, written: Written | None) -> list[NextStep]:
    file = shlex.quote(str(context.runbook.path))
    steps = _mend(context) if not any(line.event == "finished" for line in context.journal.lines) else []
    if written is not None and written.inserted + written.updated + written.deleted:
        total = number(written.inserted + written.updated + written.deleted)
        steps.append(
            NextStep(
                "Decide what becomes of the rows that were written to PostgreSQL",
                f"{total} changes are in {written.path}, and not in SQLite: each line names its table, its key and "
                "the whole row. Enter what is needed again, by hand or by a script of the application's.",
                [Code("sh", f"less {shlex.quote(written.path)}")],
            )
        )
    if overview.mode == "rehearsal":
        if not steps:
            down = overview.phases and sum(phase.seconds for phase in overview.phases if phase.number >= 4)
            steps.append(
                NextStep(
                    "Choose the evening",
                    f"The phases in which the application will be closed took {duration(down or 0.0)} here; the times "
                    "of the commands that close and open it come on top.",
                    [Code("sh", f"litelift cutover check {file}\nlitelift cutover {file}")],
                )
            )
        return steps
    steps.append(
        NextStep(
            "Rehearse before the next evening",
            "A rehearsal does the move beside the serving application, with a database of its own, and takes it back.",
            [Code("sh", f"litelift cutover {file} --rehearse\nlitelift cutover {file}")],
        )
    )
    return steps
