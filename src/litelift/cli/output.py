"""What every command shares: the console, --json, --quiet and --verbose, and how an error is told."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.text import Text

from litelift.errors import LiteliftError

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
        return Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    @property
    def err(self) -> Console:
        """Standard error."""
        return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())

    def document(self, document: str | BaseModel | dict[str, Any]) -> None:
        """Print the one JSON document."""
        if isinstance(document, BaseModel):
            document = document.model_dump(mode="json")
        text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=True, indent=2, default=str)
        sys.stdout.write(text.rstrip("\n") + "\n")

    def say(self, *lines: str | Text) -> None:
        """Print lines of a result, which rich markup does not touch."""
        if self.json:
            return
        for line in lines:
            self.out.print(line if isinstance(line, Text) else Text(line))


@contextmanager
def told(output: Output) -> Iterator[None]:
    """Tell an error in one clear line and a hint, and exit with its status."""
    try:
        yield
    except LiteliftError as error:
        if output.json:
            told_error = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
            output.document({"error": told_error, "exit_code": error.exit_code})
        if output.verbose:
            traceback.print_exc()
        message = Text("error: ", style="bold red") + Text(_printable(error.message), style="not bold default")
        output.err.print(message)
        if error.hint:
            output.err.print(Text("hint:  ", style="bold") + Text(_printable(error.hint), style="not bold default"))
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        output.err.print(Text("stopped; what was half done was taken back", style="bold red"))
        raise typer.Exit(130) from None


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)
