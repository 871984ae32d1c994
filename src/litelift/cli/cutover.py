"""litelift cutover FILE, and what belongs to it: init, check, status, rollback."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer
from rich.text import Text
from typer.core import TyperGroup

from litelift.cli.cutover_init import init
from litelift.cli.cutover_view import CutoverView
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.cutover import run as runs
from litelift.cutover.describe import Described, describe, phase_number
from litelift.cutover.overview import Overview
from litelift.cutover.runs import Run, holder
from litelift.cutover.settings import Runbook
from litelift.errors import NotConfirmed
from litelift.report.format import duration, moment
from litelift.report.text import visible


class _Commands(TyperGroup):
    """``litelift cutover FILE`` is ``litelift cutover run FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in where only a file is named."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            words = [word for word in args[:2] if not word.startswith("-")]
            near = [] if Path(args[0]).suffix else get_close_matches(args[0], self.commands, 1)
            if near and (len(words) == 2 or not Path(args[0]).exists()):
                ctx.fail(f"no such command: {args[0]} (did you mean {near[0]}?)")
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Commands,
    help="The evening of the move: one runbook, every step checked, timed, and reversible. "
    "`litelift cutover FILE` is `litelift cutover run FILE`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The runbook, as `litelift cutover init` makes it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

app.command("init")(init)


@app.command()
def run(
    file: File = Path("litelift.toml"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print all of it with estimated times; do nothing.")
    ] = False,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="PHASE", help="The last phase to do: its number (0 to 6), or its name."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that was interrupted, or paused by --until.")
    ] = False,
    rehearse: Annotated[
        bool,
        typer.Option(
            "--rehearse", help="Do it beside the serving application, with a database of its own, and take it back."
        ),
    ] = False,
    yes: Yes = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Carry out the runbook: phases 0 to 6, each step checked, done, and confirmed.

    A failure before the application is switched to PostgreSQL undoes itself; after it, the runbook's word holds. Exits
    0 where the application was moved, 3 where something also needs a person, and 1 where a step failed.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        last = phase_number(until) if until is not None else None
        if dry_run:
            _show(output, describe(file, rehearse=rehearse))
            return
        asks = not yes

        def confirm(runbook: Runbook) -> bool:
            if asks and not sys.stdin.isatty():
                raise NotConfirmed(command="litelift cutover")
            return not asks or _asked(output, _question(runbook, rehearse=rehearse, resume=resume))

        with CutoverView(output.err, quiet or json) as view:
            done = runs.cutover(
                file,
                until=last,
                resume=resume,
                rehearse=rehearse,
                confirm=confirm,
                on_sign=view,
                on_progress=view.on_progress,
            )
        _end(output, file, done)


@app.command()
def check(
    file: File = Path("litelift.toml"), json: JsonFlag = False, quiet: QuietFlag = False, verbose: VerboseFlag = False
) -> None:
    """Do the pre-migration checks alone, and look whether each later step could begin. Changes nothing."""
    output = Output(json, quiet, verbose)
    with told(output), CutoverView(output.err, quiet or json) as view:
        found = runs.check(file, on_sign=view, on_progress=view.on_progress)
        if json:
            output.document({"issues": found.issues, "exit_code": found.exit_code})
        else:
            output.say(
                f"Ready: {found.steps} steps looked at" + (f", {len(found.issues)} to look at" if found.issues else "")
            )
            for issue in found.issues:
                output.say(f"  {visible(issue)}")
        raise typer.Exit(found.exit_code)


@app.command()
def status(
    file: File = Path("litelift.toml"), json: JsonFlag = False, quiet: QuietFlag = False, verbose: VerboseFlag = False
) -> None:
    """Say how far the last run has come: phases, steps, times, what was met, and what can be done next."""
    output = Output(json, quiet, verbose)
    with told(output):
        runbook, found = runs.status(file)
        who = holder(runbook.state)
        if json:
            output.document({"run": found.model_dump(mode="json") if found else None, "at_work": who, "exit_code": 0})
        elif found is None:
            output.say(f"no run of {file} yet; begin with: litelift cutover {quote(str(file))} --dry-run")
        else:
            _tell(output, found, who)
            output.say(*_ways(found, file, who, quiet=output.quiet))


@app.command()
def rollback(
    file: File = Path("litelift.toml"),
    yes: Yes = False,
    without_export: Annotated[
        bool,
        typer.Option(
            "--without-export", help="Do not put the rows written to PostgreSQL since the switch into a file."
        ),
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Take the last run back, from whatever point it has come to, also after it has ended well.

    Closes and stops the application, puts the rows written to PostgreSQL since the switch into a file, brings the
    SQLite file (only if it was changed), the configuration and the code back, starts the application and looks whether
    it serves; at last removes what was made in PostgreSQL.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        asks = not yes

        def confirm(runbook: Runbook, run: Run) -> bool:
            if asks and not sys.stdin.isatty():
                raise NotConfirmed(command="litelift cutover rollback")
            question = f"Take run {run.number} ({run.state}) of {visible(runbook.project.name)} back to SQLite? [y/N] "
            return not asks or _asked(output, question)

        with CutoverView(output.err, quiet or json) as view:
            done = runs.roll_back(file, export=not without_export, confirm=confirm, on_sign=view)
        _end(output, file, done)


def _question(runbook: Runbook, *, rehearse: bool, resume: bool) -> str:
    what = "Go on with the move" if resume else "Rehearse the move" if rehearse else "Move"
    return f"{what} of {visible(runbook.project.name)} ({visible(str(runbook.source_path))})? [y/N] "


def _asked(output: Output, question: str) -> bool:
    output.err.print(Text(question), end="")
    # Not input(): it writes to stdout, which is the document's.
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _end(output: Output, file: Path, done: Overview | None) -> None:
    if done is None:
        output.say("nothing was done")
        if output.json:
            output.document({"run": None, "exit_code": 1})
        raise typer.Exit(1)
    if output.json:
        output.document({**done.model_dump(mode="json"), "exit_code": done.exit_code})
    else:
        _tell(output, done, None)
        output.say(*_ways(done, file, None, quiet=output.quiet))
    raise typer.Exit(done.exit_code)


def _tell(output: Output, found: Overview, who: str | None) -> None:
    head = f"Run {found.run}: {found.state}" + (f" ({who} is at work)" if who else "")
    output.say(Text(head + (", a rehearsal" if found.mode == "rehearsal" else ""), style="bold"))
    if not output.quiet:
        _tell_phases(output, found, who)
    if found.closed_since is not None and who is None:
        output.say(Text(f"  The application is CLOSED, since {moment(found.closed_since)}", style="bold"))
    if output.quiet:
        return
    for title, seconds in (
        ("The application was down for", found.down_seconds),
        ("The way back took", found.rollback_seconds),
        ("and the application was down for", found.rollback_down_seconds),
    ):
        if seconds is not None:
            output.say(f"  {title} {duration(seconds)}")
    for issue in found.issues:
        output.say(f"  note: {visible(issue.message)}" + (f" ({visible(issue.resolved)})" if issue.resolved else ""))
    output.say(f"  {'began':<8}{moment(found.began)}", f"  {'folder':<8}{visible(str(found.folder))}")
    if found.report is not None:
        output.say(f"  {'report':<8}{visible(str(found.report))}")


def _tell_phases(output: Output, found: Overview, who: str | None) -> None:
    for phase in found.phases:
        begun = any(step.state != "to do" for step in phase.steps)
        output.say(f"  {phase.number}  {phase.title:<32} {duration(phase.seconds) if begun else '-':>9}")
        for step in phase.steps:
            if output.verbose or step.state not in ("done", "to do", "undone") or who:
                output.say(
                    f"       {step.name:<18} {step.state}" + (f": {visible(step.message)}" if step.message else "")
                )


def _ways(found: Overview, file: Path, who: str | None, *, quiet: bool) -> list[str]:
    """What can be done from here."""
    name = quote(str(file))
    on = f"Go on:    litelift cutover {name} --resume"
    back = f"Go back:  litelift cutover rollback {name}"
    if who is not None or quiet:
        return []
    if found.state in ("unfinished", "paused", "stopped"):
        return [on, back]
    if found.state == "finished" and found.mode == "cutover":
        return [f"Watch it: litelift monitor watch {name}", back]
    if found.state in ("finished", "rolling back"):
        return [back]
    return [f"Again:    litelift cutover {name}"]


def _show(output: Output, found: Described) -> None:
    if output.json:
        output.document({**found.model_dump(mode="json"), "exit_code": 0})
        return
    output.say(Text(f"{visible(found.name)}: what would be done (nothing is, now)", style="bold"))
    for phase in found.phases:
        output.say(f"Phase {phase.number}: {phase.title:<53} {_about(phase.seconds):>10}")
        for step in phase.steps:
            output.say(f"  {step.title:<61} {_about(step.seconds):>10}")
            output.say(*(f"      {visible(line)}" for line in step.lines))
    output.say(
        f"{'In all':<63} {_about(found.seconds):>10}",
        f"{'of it closed for users':<63} {_about(found.down_seconds):>10}",
    )
    output.say("The way back, should it be needed:")
    output.say(*(f"  {visible(line)}" for line in found.way_back))


def _about(seconds: float | None) -> str:
    return "?" if seconds is None else f"~{duration(seconds)}"
