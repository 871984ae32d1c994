"""Shows a run of the runbook while it works: phases and steps as they come, a spinner on a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from litelift.cli.progress import ProgressView
from litelift.cutover.signs import Sign
from litelift.cutover.step import PHASES
from litelift.move.progress import Progress
from litelift.report.format import duration
from litelift.report.text import visible

COLUMNS = 77
"""Of a step's line: the longest title, and its time behind it."""


class CutoverView:
    """Takes the signs of a run. ``console`` is standard error."""

    def __init__(self, console: Console, quiet: bool) -> None:
        """``quiet``: shows nothing."""
        self.console = console
        self.quiet = quiet
        self.phase: int | None = None
        self.step = ""
        self.back = False
        self.spinner: Status | None = None
        self.rows = ProgressView(console, quiet, indent=4)

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take away what moves."""
        self._still()

    def __call__(self, sign: Sign) -> None:
        """Show what happened to a step."""
        if self.quiet:
            return
        if sign.step is None:
            self._print("  ", "default", visible(sign.said))
            return
        self._head(sign)
        title = (sign.step.back if self.back else "") or sign.step.title
        seconds = duration(sign.seconds)
        if sign.event in ("begun", "undoing"):
            self.step = sign.step.name
            self._spin(title)
        elif sign.event == "done":
            self._end("✓", "green", self._timed(title, seconds))
        elif sign.event == "undone":
            self._end("↩", "yellow", self._timed(title, seconds))
        else:
            self._end("✗", "bold red", self._timed(title, seconds))
            self._print("  ", "default", visible(sign.said))

    def on_progress(self, sign: Progress) -> None:
        """Show what the move itself tells."""
        # A preflight reads every value too, and has its own line when it is done.
        if self.quiet or self.step != "move":
            return
        self._still()
        self.rows(sign)

    def _head(self, sign: Sign) -> None:
        back = sign.event in ("undoing", "undone", "not undone")
        if back:
            if not self.back:
                self.console.print(Text("The way back", style="bold"))
            self.back, self.phase = True, None
        elif sign.step is not None and sign.step.phase != self.phase:
            self.back, self.phase = False, sign.step.phase
            self.console.print(Text(f"Phase {self.phase}: {PHASES[self.phase]}", style="bold"))

    def _spin(self, title: str) -> None:
        if self.console.is_terminal:
            self._still()
            self.spinner = self.console.status(Text(title))
            self.spinner.start()

    def _still(self) -> None:
        self.rows.__exit__(None, None, None)
        if self.spinner is not None:
            self.spinner.stop()
            self.spinner = None

    def _timed(self, title: str, seconds: str) -> str:
        columns = min(COLUMNS, self.console.width) if self.console.is_terminal else COLUMNS
        return f"{title} {seconds:>{max(columns - 5 - len(title), 1)}}"

    def _end(self, mark: str, style: str, said: str) -> None:
        self._still()
        self._print(f"{mark} ", style, said)

    def _print(self, mark: str, style: str, said: str) -> None:
        self.console.print(Text("  ") + Text(mark, style=style) + Text(said, style="default"))
