"""The words that the commands of litelift backup have in common."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from litelift.cli.output import Output, answer, told
from litelift.errors import Declined, LiteliftError, NotConfirmed, TargetUnreachable, UsageError
from litelift.redact import text as redact

What = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE|SERVER]",
        help="A litelift.toml, a server's URL or keywords, or the SQLite file whose embedded PostgreSQL is meant. "
        "Left out: the litelift.toml in this folder.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="DIR", help="Where the backups lie. Left out: [backup] folder.", show_default=False
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--backup", "-b", metavar="NAME", help="Which backup; the beginning of its name will do.", show_default=False
    ),
]
Identity = Annotated[
    list[Path] | None,
    typer.Option(
        "--identity",
        "-i",
        metavar="FILE",
        help="A secret key of age's or SSH's. Several may be named.",
        show_default=False,
    ),
]

NAME_WIDTH = 44
_COMMAND = re.compile(r"litelift backup (?:create|list|verify|drill|restore|revert|prune|schedule|run|copy|runbook)\b")


@contextmanager
def told_of(output: Output, what: str | None, folder: Path | None) -> Iterator[None]:
    """Tell an error as `told` does; the commands that it proposes are about what this one was about."""
    with told(output):
        try:
            yield
        except LiteliftError as error:
            if isinstance(error, TargetUnreachable) and error.hint == TargetUnreachable.hint:
                error.hint = "Check host, port and database, and that the server runs."
            elif (
                isinstance(error, TargetUnreachable) and "database" in error.message and "CREATE DATABASE" in error.hint
            ):
                error.hint = "Check its name. One that is lost comes back by: litelift backup restore"
            error.hint = proposed(error.hint, what, folder)
            raise


def proposed(text: str, what: str | None, folder: Path | None) -> str:
    """The text, with the words of this command in each `litelift backup` command that it proposes."""
    return _COMMAND.sub(lambda found: found[0] + again(what, folder), text)


def again(what: str | None, folder: Path | None) -> str:
    """The words of this command that say what it is about, as a shell takes them, after a blank; no password."""
    words = [] if what is None else [redact(what)]
    words += [] if folder is None else ["--folder", str(folder)]
    return "".join(f" {quote(word)}" for word in words)


def require_terminal(command: str, live: str) -> None:
    """Raises NotConfirmed where nobody is there who could be asked for the live database's name."""
    if not sys.stdin.isatty():
        raise NotConfirmed(command=command, hint=f"Say --confirm {quote(live)}. Nothing was done.")


def check_name(output: Output, live: str, given: str | None) -> None:
    """Compare what was given with the live database's name; None: ask for it. Raises UsageError, Declined."""
    typed = answer(output, f"Type the database's name ({live}) to go on: ") if given is None else given
    if typed == live:
        return
    if given is None and not typed:
        raise Declined(message="no name was typed")
    message = f"expected the name of the live database, {live}; got {typed!r}"
    raise Declined(message=message) if given is None else UsageError(message=f"{message}. Nothing was done")


def short(names: Iterable[str]) -> bool:
    """Whether the backups' names, which somebody may want to copy, fit whole into a column of a table."""
    return max(map(len, names), default=0) <= NAME_WIDTH
