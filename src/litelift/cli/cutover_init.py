"""litelift cutover init: makes a project's runbook."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, get_args

import typer
from rich.text import Text

from litelift.atomic import write_whole
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.cutover.init.databases import is_database
from litelift.cutover.init.make import Found, Made, TargetKind, Wanted, look, make
from litelift.cutover.init.proposal import Framework
from litelift.errors import UsageError
from litelift.report.format import size
from litelift.report.text import visible
from litelift.tomlfile.problems import did_you_mean, either


def init(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="The project's folder.")] = Path(),
    source: Annotated[
        Path | None, typer.Option("--source", metavar="FILE", help="The SQLite file [default: the one that is used].")
    ] = None,
    framework: Annotated[
        str | None, typer.Option("--framework", metavar="NAME", help="laravel, django, rails, node or plain.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="KIND", help="existing (a server), embedded or container.")
    ] = None,
    admin: Annotated[
        str | None,
        typer.Option("--admin", metavar="DSN", help="The server, as a role that may make roles and databases."),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="DSN", help="The application's role and database, which are there.")
    ] = None,
    compose: Annotated[
        Path | None, typer.Option("--compose", metavar="FILE", help="A compose file that gets the container too.")
    ] = None,
    health: Annotated[
        list[str] | None, typer.Option("--health", metavar="URL", help="Where it answers. May be given again.")
    ] = None,
    stop: Annotated[
        list[str] | None, typer.Option("--stop", metavar="COMMAND", help="Stops a service. May be given again.")
    ] = None,
    start: Annotated[
        list[str] | None, typer.Option("--start", metavar="COMMAND", help="Starts a service. May be given again.")
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="[default: FOLDER/litelift.toml]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; take what is proposed.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Make a project's runbook, litelift.toml, with a word on every key.

    Finds the SQLite file, .env, the framework, the compose file and the address; asks on a terminal, and takes options.
    Nothing of the project is run. Exit status 3: something in the file is still to be filled in.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        place = output_file or folder / "litelift.toml"
        if place.exists() and not force:
            raise UsageError(message=f"{place} is there already", hint="Name another file with -o, or use --force.")
        if not folder.is_dir():
            raise UsageError(message=f"there is no folder {folder}", hint="Name the project's folder.")
        found = look(folder, _one_of(get_args(Framework), framework, "--framework"))
        ask = _Ask(output, not yes and not json and sys.stdin.isatty())
        wanted = Wanted(
            _source(ask, found, source),
            found.framework,
            **_where(ask, found, target, admin, url, compose),
            health=health if health is not None else ask.some("Where does it answer (URL)", found.health),
            stop=stop if stop is not None else ask.some("The command that stops it", []),
            start=start if start is not None else ask.some("The command that starts it", []),
        )
        made = make(found, wanted, place)
        try:
            write_whole(place, made.text)
        except OSError as error:
            raise UsageError(message=f"cannot write {place}: {error.strerror}") from error
        _tell(output, place, wanted, made)
        raise typer.Exit(3 if made.todo else 0)


@dataclass(frozen=True)
class _Ask:
    """Asks on a terminal, each with a proposal that Enter takes; elsewhere the proposal is taken."""

    output: Output
    really: bool

    def one(self, question: str, proposed: str, allowed: tuple[str, ...] = ()) -> str:
        """An answer; where ``allowed`` names some, one of these."""
        while self.really:
            words = f"{question} ({', '.join(allowed)})" if allowed else question
            self.output.err.print(Text(f"{words} [{visible(proposed) or 'none'}]: "), end="")
            # Not input(): it writes to stdout, which is the document's.
            line = sys.stdin.readline()
            answer = line.strip() or proposed
            if not line or not allowed or answer in allowed:
                return answer
        return proposed

    def some(self, question: str, proposed: list[str]) -> list[str]:
        """An answer, or none."""
        answer = self.one(question, " ".join(proposed))
        return proposed if answer == " ".join(proposed) else [answer]


def _source(ask: _Ask, found: Found, given: Path | None) -> Path:
    if given is not None:
        if not is_database(given):
            raise UsageError(message=f"--source: {given} is no SQLite database")
        return given
    if not found.sources:
        hint = "Name it with --source."
        raise UsageError(message=f"there is no SQLite database in {found.folder}", hint=hint)
    if len(found.sources) > 1 and not ask.really and not found.used:
        hint = "Name the one that the application uses with --source."
        raise UsageError(message=f"there are several SQLite databases: {_listed(found)}", hint=hint)
    if len(found.sources) > 1 and ask.really:
        ask.output.err.print(Text(f"SQLite databases: {_listed(found)}"))
    while True:
        answer = Path(ask.one("The SQLite database", str(found.sources[0])))
        for path in (answer, found.folder / answer):
            if is_database(path):
                return path
        ask.output.err.print(Text(f"{visible(str(answer))} is no SQLite database"))


def _listed(found: Found) -> str:
    return ", ".join(f"{visible(str(path))} ({size(path.stat().st_size)})" for path in found.sources[:20])


def _where(
    ask: _Ask, found: Found, target: str | None, admin: str | None, url: str | None, compose: Path | None
) -> dict[str, Any]:
    """The target's part of what is wanted."""
    if admin is not None and url is not None:
        raise UsageError(
            message="--admin makes the role and the database, and --url says that they are there: choose one"
        )
    implied: TargetKind | None = "existing" if admin or url else "container" if compose else None
    kind = _one_of(get_args(TargetKind), target, "--target") or implied
    if kind is not None and implied is not None and kind != implied:
        option = "--compose" if compose else "--admin" if admin else "--url"
        raise UsageError(message=f"{option} goes with --target {implied}; got --target {kind}")
    if kind is None:
        kind = _one_of(get_args(TargetKind), ask.one("Where PostgreSQL is", found.target, get_args(TargetKind)), "")
    if kind == "existing" and admin is None and url is None:
        admin = ask.one("The server, as a role that may make roles and databases", "dbname=postgres")
    file = str(compose) if compose else None
    if kind == "container" and compose is None:
        file = ask.one("The compose file that gets it too", found.compose or "") or None
    return {"target": kind, "admin": admin, "url": url, "compose": file}


def _one_of(allowed: tuple[Any, ...], given: str | None, option: str) -> Any:
    """What was given, checked. Raises UsageError."""
    if given is not None and given not in allowed:
        near = did_you_mean(given, allowed)
        raise UsageError(message=f"{option} {given}: expected {either(list(allowed))}{near}")
    return given


def _tell(output: Output, place: Path, wanted: Wanted, made: Made) -> None:
    if output.json:
        output.document(
            {
                "file": str(place),
                "framework": wanted.framework,
                "source": str(wanted.source),
                "target": wanted.target,
                "runbook": made.text,
                "todo": made.todo,
                "exit_code": 3 if made.todo else 0,
            }
        )
        return
    if not output.quiet:
        output.say(f"{visible(str(wanted.source))}, {wanted.framework}, to PostgreSQL ({wanted.target})")
        output.say(*(f"  to do: {visible(item)}" for item in made.todo))
    output.say(f"The runbook is in {place}; look at every line, then: litelift cutover check {quote(str(place))}")
