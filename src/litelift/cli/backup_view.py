"""Shows the progress of work on backups: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from litelift.backup.signs import TITLES, Phase, Sign
from litelift.report.format import duration, size

PLAIN_SECONDS = 5.0


class BackupView:
    """Takes signs of life. ``console`` is standard error."""

    def __init__(self, console: Console, quiet: bool) -> None:
        """``quiet``: shows nothing."""
        self.console, self.quiet = console, quiet
        self.begun: dict[Phase, float] = {}
        self.tasks: dict[Phase, TaskID] = {}
        self.bars: Progress | None = None
        self.told = time.monotonic()

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bars away."""
        if self.bars is not None:
            self.bars.stop()
        self.bars = None

    def __call__(self, sign: Sign) -> None:
        """Show one sign of life."""
        if self.quiet:
            return
        began = self.begun.setdefault(sign.phase, time.monotonic())
        if sign.finished:
            self._finish(sign, time.monotonic() - began)
        elif sign.message:
            (self.bars.console if self.bars is not None else self.console).print(Text(f"  {sign.message}"))
        elif self.console.is_terminal:
            self._bar(sign)
        elif time.monotonic() - self.told > PLAIN_SECONDS:
            self.told = time.monotonic()
            self.console.print(Text(f"  {TITLES[sign.phase]}: {_amount(sign)}"))

    def _bar(self, sign: Sign) -> None:
        if self.bars is None:
            self.bars = Progress(
                TextColumn("  {task.description:<32.32}"),
                BarColumn(bar_width=20),
                TextColumn("{task.fields[amount]:>24}"),
                TimeRemainingColumn(compact=True),
                console=self.console,
                transient=True,
            )
            self.bars.start()
        if sign.phase not in self.tasks:
            self.tasks[sign.phase] = self.bars.add_task(TITLES[sign.phase], total=None, amount="")
        # What was guessed may be too little.
        total = max(sign.total, sign.done) if sign.total else None
        self.bars.update(self.tasks[sign.phase], completed=sign.done, total=total, amount=_amount(sign))

    def _finish(self, sign: Sign, seconds: float) -> None:
        if self.bars is not None and sign.phase in self.tasks:
            self.bars.remove_task(self.tasks.pop(sign.phase))
        self.begun.pop(sign.phase, None)
        line = Text("✓ ", style="green") + Text(f"{TITLES[sign.phase]:<36} {duration(seconds):>8}  ", style="default")
        (self.bars.console if self.bars is not None else self.console).print(line + Text(sign.message, style="dim"))


def _amount(sign: Sign) -> str:
    if sign.unit == "tables":
        return f"{sign.done:,} of {sign.total:,} tables"
    return f"{size(sign.done)} of {size(sign.total)}" if sign.total >= sign.done > 0 else size(sign.done)
