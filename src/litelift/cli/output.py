"""What every command shares: the console, --json, --quiet and --verbose, and how an error is told."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from litelift.atomic import no_more_readable_than, write_whole
from litelift.ended import Ended
from litelift.errors import LiteliftError, Unexpected, UsageError
from litelift.redact import text as redact

# rich is imported where something is printed: a watch that stays for years has as a rule nothing to paint.
if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console
    from rich.text import Text

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; all else goes to stderr.")]
QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors and the last line.")]
VerboseFlag = Annotated[bool, typer.Option("--verbose", "-v", help="Say everything, tracebacks of errors too.")]


@dataclass(frozen=True, slots=True)
class Output:
    """How a command speaks. Results go to stdout, progress and errors to stderr."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def out(self) -> Console:
        """Standard output."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    @property
    def err(self) -> Console:
        """Standard error."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())

    def document(self, document: str | BaseModel | dict[str, Any]) -> None:
        """Print the one JSON document."""
        if not isinstance(document, str | dict):
            document = document.model_dump(mode="json")
        text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=True, indent=2, default=str)
        sys.stdout.write(text.rstrip("\n") + "\n")

    def plain(self, text: str) -> None:
        """Print text as it is, whatever the width and the colours of the terminal."""
        sys.stdout.write(text.rstrip("\n") + "\n")

    def say(self, *lines: str | Text) -> None:
        """Print lines of a result, which rich markup does not touch."""
        if self.json:
            return
        from rich.text import Text

        for line in lines:
            self.out.print(line if isinstance(line, Text) else Text(line))


def answer(output: Output, question: str) -> str:
    """Ask at the terminal, and return the line; empty where there is none. On stderr: stdout is for the result."""
    from rich.text import Text

    output.err.print(Text(question), end="")
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        output.err.print()
    return line.rstrip("\r\n")


def headed(title: str, rest: str) -> Text:
    """A line of a result whose beginning stands out; as plain text the two of them."""
    from rich.text import Text

    return Text.assemble((title, "bold"), rest)


@contextmanager
def told(output: Output, failed: int | None = None) -> Iterator[None]:
    """Tell an error in one clear line and a hint, and exit with its status; after a signal with 128 and its number.

    ``failed`` is the status of every error, for a command whose own statuses say something else.
    """
    try:
        yield
    except LiteliftError as error:
        _exit(output, error, failed)
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, Ended) else signal.SIGINT
        _tell_stopped(output, error, number)
        raise typer.Exit(128 + number) from None
    except OSError as error:
        if error.filename is None:
            raise
        place = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
        _exit(output, LiteliftError(message=f"{place}: {error.strerror}"), failed)
    except MemoryError:
        _exit(output, LiteliftError(message="out of memory", hint="Run it again with fewer --jobs."), failed)
    except Exception as error:
        if isinstance(error, typer.Exit) or hasattr(error, "format_message"):
            raise
        if Ended.asked is not None:
            # An exception that a signal raises inside the interpreter's own locks may come out as another (bpo-45274).
            _tell_stopped(output, error, Ended.asked)
            raise typer.Exit(128 + Ended.asked) from None
        unexpected = Unexpected(message=redact(f"{type(error).__name__}: {' '.join(str(error).split())}"))
        unexpected.__cause__ = error
        for note in _notes(error):
            unexpected.add_note(note)
        _exit(output, unexpected, failed)


def _exit(output: Output, error: LiteliftError, failed: int | None) -> NoReturn:
    if failed is not None:
        error.exit_code = failed
    tell_error(output, error)
    raise typer.Exit(error.exit_code) from None


def _tell_stopped(output: Output, error: BaseException, number: int) -> None:
    from rich.text import Text

    Ended.told = True
    notes = _notes(error)
    if output.json:
        output.document(
            {
                "error": {"kind": "Interrupted", "message": "stopped", "hint": "", "notes": notes},
                "exit_code": 128 + number,
            }
        )
    output.err.print(Text("stopped", style="bold red"))
    _print_notes(output, notes)


def tell_error(output: Output, error: LiteliftError) -> None:
    """Print an error and its hint on stderr, and with --json as a document on stdout.

    Without the password of a URL that was given in the wrong place: as a file's name, say.
    """
    from rich.text import Text

    notes = _notes(error)
    message, hint = redact(error.message), redact(error.hint)
    if output.json:
        told_error: dict[str, Any] = {"kind": type(error).__name__, "message": message, "hint": hint}
        if notes:
            told_error["notes"] = notes
        output.document({"error": told_error, "exit_code": error.exit_code})
    if output.verbose:
        trace = "".join(traceback.format_exception(error))
        output.err.print(Text(redact(trace)))
    output.err.print(Text("error: ", style="bold red") + Text(_printable(message), style="not bold default"))
    _print_notes(output, notes)
    if hint:
        output.err.print(Text("hint:  ", style="bold") + Text(_printable(hint), style="not bold default"))


def _notes(error: BaseException) -> list[str]:
    return [redact(note) for note in getattr(error, "__notes__", ())]


def _print_notes(output: Output, notes: list[str]) -> None:
    from rich.text import Text

    for note in notes:
        output.err.print(Text(f"       {_printable(note)}"))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def write_output(path: Path, text: str, source: Path) -> None:
    """Write the file that --output names, no more readable than ``source``, whose values it quotes. Raises UsageError.

    A pipe or a device, /dev/stdout say, is written to and not replaced.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="\n")
        else:
            write_whole(path, text, mode=no_more_readable_than(source))
    except OSError as error:
        raise UsageError(message=f"cannot write {path}: {error.strerror}") from error


def called() -> str:
    """The command as its user can call it again: by its path where the one of that name on PATH is another, or none."""
    command, found = sys.argv[0], shutil.which("litelift")
    if Path(command).name != "litelift" or (found is not None and os.path.realpath(found) == os.path.realpath(command)):
        return "litelift"
    return quote(command)
