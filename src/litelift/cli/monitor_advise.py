"""litelift monitor advise."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from litelift.cli.monitor_words import Folder, What
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, answer, called, told
from litelift.errors import Declined, NotConfirmed, UsageError

if TYPE_CHECKING:
    from litelift.monitor.advise.advice import Advice
    from litelift.monitor.advise.advise import Advised
    from litelift.monitor.advise.apply import Applied
    from litelift.monitor.watched import Watched

THREE = 3
"""The exit status where something needs a person."""


def advise(
    what: What = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="KIND|NAME",
            help="Only this kind of advice, or this piece (by the name that --json shows); may be given again.",
            show_default=False,
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option("--memory", metavar="16GB", help="The memory of the server's machine, where it is another one."),
    ] = None,
    cores: Annotated[float | None, typer.Option("--cores", metavar="N", help="Its cores.", show_default=False)] = None,
    disk: Annotated[
        str | None,
        typer.Option("--disk", metavar="ssd|hdd", help="What its data lie on.", show_default=False),
    ] = None,
    sql: Annotated[
        Path | None,
        typer.Option("--sql", metavar="FILE", help="Write the statements to a script for psql.", show_default=False),
    ] = None,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Carry it out, after a question. What takes a restart waits for one."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    folder: Folder = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Say what would make the database faster or safer, and why: indexes, and settings for the machine's memory.

    Writes nothing without --apply; never runs one of the application's queries, only asks the planner about them.
    Exits 0 where there is nothing to advise, 3 where there is.
    """
    from litelift.monitor.advise.advise import advise as look
    from litelift.monitor.advise.chosen import only as chosen
    from litelift.monitor.watched import watched

    output = Output(json, quiet, verbose)
    with told(output):
        if yes and not apply:
            raise UsageError(message="--yes is for --apply: nothing else asks")
        if apply and not yes and not sys.stdin.isatty():
            raise NotConfirmed(command="litelift monitor advise --apply")
        subject = watched(what, folder)
        found = look(subject, memory=memory, cores=cores, disk=disk)
        advice = chosen(found.advice, only or ())
        if sql is not None:
            _write(sql, advice, found)
        if not apply or json or not quiet:
            _say(output if not apply else Output(quiet=quiet), found, advice, on_stderr=apply)
        applied = _apply(output, subject, advice, yes=yes) if apply else None
        code = _code(advice, applied)
        if json:
            output.document(_document(found, advice, applied, code))
        elif applied is None and sql is not None:
            output.say(f"Written: {sql}")
    if code:
        raise typer.Exit(code)


def _write(path: Path, advice: Sequence[Advice], found: Advised) -> None:
    from litelift.atomic import write_whole
    from litelift.monitor.advise.script import script

    text = script(advice, found.database, found.at)
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
        else:
            write_whole(path, text, mode=0o600)
    except OSError as error:
        raise UsageError(message=f"cannot write {path}: {error.strerror}") from error


def _say(output: Output, found: Advised, advice: Sequence[Advice], *, on_stderr: bool) -> None:
    from litelift.report.format import count
    from litelift.report.text import visible

    lines: list[str | Text] = [Text(_headline(found, advice), style="bold")]
    if not output.quiet:
        from litelift.monitor.advise.advice import KINDS

        kind = None
        for number, one in enumerate(advice, 1):
            if one.kind != kind:
                kind = one.kind
                lines += ["", Text(KINDS[kind], style="bold")]
            lines += _lines(number, one, verbose=output.verbose)
        lines += ["", *(f"{visible(note)}." for note in found.notes)] if found.notes else []
        if advice and not on_stderr:
            lines += [
                "",
                f"{count(len([one for one in advice if one.blocked is None]), 'piece')} can be "
                f"carried out by: {called()} monitor advise --apply",
            ]
    if on_stderr:
        for line in lines:
            output.err.print(line if isinstance(line, Text) else Text(line))
    else:
        output.say(*lines)


def _headline(found: Advised, advice: Sequence[Advice]) -> str:
    from litelift.report.format import count
    from litelift.report.text import visible

    where = f"{visible(found.database)}, PostgreSQL {found.server}"
    return f"{count(len(advice), 'piece')} of advice for {where}" if advice else f"Nothing to advise for {where}"


def _lines(number: int, one: Advice, *, verbose: bool) -> list[str | Text]:
    from litelift.report.format import duration, size
    from litelift.report.text import visible

    name = visible(one.object) + ("" if one.sure else " (a guess)")
    lines: list[str | Text] = [Text.assemble((f"{number:>3}. ", ""), (name, "bold")), f"     {visible(one.why)}."]
    if one.kind in ("setting", "safety"):
        lines.append(f"     now {visible(one.current)}; better {visible(one.proposed)}: {visible(one.gain)}")
    else:
        cost = []
        if one.bytes is not None and one.bytes > 0:
            cost.append(f"takes about {size(one.bytes)}")
        if one.seconds is not None:
            cost.append(f"about {duration(one.seconds)} to make")
        lines.append(f"     gains: {'; '.join([visible(one.gain), *cost])}")
    lines += [f"     {visible(statement)};" for statement in one.sql if not statement.startswith("SELECT pg_reload")]
    if one.restart and one.object != "restart":
        lines.append("     It holds after a restart of the server.")
    if one.blocked is not None:
        lines.append(f"     By hand: {visible(one.blocked)}.")
    if verbose:
        lines.append(f"     {one.source}; --only {visible(one.name)!r}")
    return lines


def _apply(output: Output, subject: Watched, advice: Sequence[Advice], *, yes: bool) -> Applied | None:
    from litelift.monitor.advise.apply import apply as carry_out
    from litelift.monitor.advise.chosen import numbered
    from litelift.report.text import visible

    able = [one for one in advice if one.blocked is None and one.sql]
    if not able:
        output.err.print(Text("There is nothing that can be carried out here."))
        return None
    output.err.print(Text("This will be run, and nothing else:", style="bold"))
    for number, one in enumerate(able, 1):
        output.err.print(Text(f"{number:>3}. {'; '.join(visible(statement) for statement in one.sql)}"))
    chosen = list(able)
    if not yes:
        typed = None
        while typed is None:
            typed = numbered(able, answer(output, "Which of these? [numbers as 1 3-5, all, or nothing] "))
        if not typed:
            raise Declined(message="none was chosen")
        chosen = typed
    applied = carry_out(
        subject, chosen, lambda name: output.err.print(Text(f"{visible(name)} ...")) if not output.quiet else None
    )
    for failed in applied.failed:
        said = f"not done: {visible(failed.advice.object)}: {visible(failed.error or '')}"
        output.err.print(Text(said, style="red"))
    number = len(applied.done) - len(applied.failed)
    output.say(f"Done: {number} of {len(applied.done)}. How to take it back: {applied.undo}")
    waiting = [one.advice.object for one in applied.done if one.restart and one.error is None]
    if waiting:
        output.say(f"Restart the server, when nobody works with it, for: {', '.join(waiting)}")
    return applied


def _code(advice: Sequence[Advice], applied: Applied | None) -> int:
    if applied is None:
        return THREE if advice else 0
    if applied.failed:
        return 1
    return THREE if len(applied.done) < len(advice) or any(one.restart for one in applied.done) else 0


def _document(found: Advised, advice: Sequence[Advice], applied: Applied | None, code: int) -> dict[str, Any]:
    machine = found.machine
    document: dict[str, Any] = {
        "at": found.at.isoformat(),
        "database": found.database,
        "server": found.server,
        "machine": {
            "memory": machine.memory,
            "cores": machine.cores,
            "ssd": machine.ssd,
            "known_from": machine.known_from,
        },
        "advice": [one.document for one in advice],
        "notes": list(found.notes),
    }
    if applied is not None:
        document["applied"] = {
            "undo": str(applied.undo),
            "done": [{"name": one.advice.name, "error": one.error, "restart": one.restart} for one in applied.done],
        }
    return {**document, "exit_code": code}
