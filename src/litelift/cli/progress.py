"""Shows a move's progress: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from litelift.move.progress import TITLES
from litelift.move.progress import Progress as Sign
from litelift.report.format import duration, size

PLAIN_SECONDS = 5.0
SHOWN_TABLES = 6
OWN_BAR_ROWS = 5_000
"""A table with fewer rows is over before its bar could be read."""


class ProgressView:
    """Takes signs of life. ``console`` is standard error."""

    def __init__(self, console: Console, quiet: bool, indent: int = 0) -> None:
        """``quiet``: shows nothing. ``indent``: columns that every line is moved in by."""
        self.console = console
        self.indent = " " * indent
        self.quiet = quiet
        self.told = time.monotonic()
        self.started: dict[str, float] = {}
        self.tasks: dict[str, TaskID] = {}
        self.begun: dict[str, float] = {}
        self.bars: Progress | None = None

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bars away."""
        self._stop()

    def __call__(self, sign: Sign) -> None:
        """Show one sign of life."""
        if self.quiet:
            return
        if sign.finished:
            self._finish(sign)
        elif sign.message:
            self.console.print(Text(f"{self.indent}  {sign.message}"))
        elif sign.table is None and not sign.done:
            self.started[sign.phase] = self.told = time.monotonic()
        elif self.console.is_terminal:
            self._bar(sign)
        elif time.monotonic() - self.told > PLAIN_SECONDS:
            self.told = time.monotonic()
            of = f" of {sign.total:,} rows" if sign.total else ""
            table = f" {sign.table}" if sign.table else ""
            self.console.print(Text(f"{self.indent}  {TITLES[sign.phase]}:{table} {sign.done:,}{of}"))

    def _bar(self, sign: Sign) -> None:
        if sign.table is not None and sign.total < OWN_BAR_ROWS:
            return
        if self.bars is None:
            self.bars = Progress(
                TextColumn(f"{self.indent}  {{task.description:<26.26}}"),
                BarColumn(bar_width=20),
                TextColumn("{task.completed:>11,.0f} rows {task.fields[rate]}"),
                TimeRemainingColumn(compact=True),
                console=self.console,
                transient=True,
            )
            self.bars.start()
        name = sign.table or TITLES[sign.phase]
        if name not in self.tasks:
            for old in list(self.tasks)[: max(0, len(self.tasks) - SHOWN_TABLES + 1)]:
                self.bars.remove_task(self.tasks.pop(old))
            self.tasks[name] = self.bars.add_task(name, total=sign.total or None, rate="")
            self.begun[name] = time.monotonic()
        seconds = time.monotonic() - self.begun[name]
        rate = f"{sign.done / seconds:>9,.0f}/s" if seconds > 0.2 else ""
        if sign.bytes:
            rate += f" {size(sign.bytes):>8}"
        self.bars.update(self.tasks[name], completed=sign.done, total=sign.total or None, rate=rate)

    def _stop(self) -> None:
        if self.bars is not None:
            self.bars.stop()
        self.bars = None
        self.tasks.clear()

    def _finish(self, sign: Sign) -> None:
        self._stop()
        seconds = duration(time.monotonic() - self.started.get(sign.phase, time.monotonic()))
        line = (
            Text(self.indent)
            + Text("✓ ", style="green")
            + Text(f"{TITLES[sign.phase]:<36} {seconds:>8}  ", style="default")
        )
        self.console.print(line + Text(sign.message, style="dim"))
