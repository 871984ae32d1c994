"""Shows a move's progress: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from litelift.move.progress import TITLES
from litelift.move.progress import Progress as Sign
from litelift.report.format import duration

PLAIN_SECONDS = 5.0
SHOWN_TABLES = 6


class ProgressView:
    """Takes signs of life. ``console`` is standard error."""

    def __init__(self, console: Console, quiet: bool) -> None:
        """``quiet``: shows nothing."""
        self.console = console
        self.quiet = quiet
        self.started = self.told = time.monotonic()
        self.tasks: dict[str, TaskID] = {}
        self.counts: dict[str, tuple[int, float]] = {}
        self.bars: Progress | None = None
        if console.is_terminal and not quiet:
            self.bars = Progress(
                TextColumn("  {task.description:<28.28}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=console,
                transient=True,
            )

    def __enter__(self) -> Self:
        """Start the bars."""
        if self.bars:
            self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the bars."""
        if self.bars:
            self.bars.stop()

    def __call__(self, sign: Sign) -> None:
        """Show one sign of life."""
        if self.quiet:
            return
        if sign.finished:
            self._finish(sign)
        elif sign.message:
            self.console.print(Text(f"  {sign.message}"))
        elif sign.table is None and not sign.done:
            self.started = time.monotonic()
        elif self.bars:
            self._bar(self.bars, sign)
        elif time.monotonic() - self.told > PLAIN_SECONDS:
            self.told = time.monotonic()
            of = f" of {sign.total:,}" if sign.total else ""
            table = f" {sign.table}" if sign.table else ""
            self.console.print(Text(f"  {TITLES[sign.phase]}:{table} {sign.done:,}{of}"))

    def _bar(self, bars: Progress, sign: Sign) -> None:
        name = sign.table or TITLES[sign.phase]
        if name not in self.tasks:
            for old in list(self.tasks)[: max(0, len(self.tasks) - SHOWN_TABLES + 1)]:
                bars.remove_task(self.tasks.pop(old))
            self.tasks[name] = bars.add_task(name, total=sign.total or None, rate="")
            self.counts[name] = (0, time.monotonic())
        seconds = time.monotonic() - self.counts[name][1]
        rate = f"{sign.done / seconds:,.0f}/s" if seconds > 0.2 and sign.done else ""
        bars.update(self.tasks[name], completed=sign.done, total=sign.total or None, rate=rate)

    def _finish(self, sign: Sign) -> None:
        for task in self.tasks.values():
            if self.bars:
                self.bars.remove_task(task)
        self.tasks.clear()
        seconds = duration(time.monotonic() - self.started)
        line = Text("✓ ", style="green") + Text(f"{TITLES[sign.phase]:<38} {seconds:>9}  ", style="default")
        self.console.print(line + Text(sign.message, style="dim"))
