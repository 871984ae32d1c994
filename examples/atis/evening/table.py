"""The evening as a table: what was done, how long it took, how long ATİS was down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Row:
    """One line. ``seconds`` is None while it is not known, ``held`` while it goes on or where it failed."""

    title: str
    seconds: float | None = None
    held: bool | None = None
    note: str = ""
    inner: bool = False


@dataclass
class Table:
    """All lines, in the order in which they came."""

    rows: list[Row] = field(default_factory=list)

    @contextmanager
    def timed(self, title: str) -> Iterator[Row]:
        """A line for what is done within; what it raises goes on, and the line says that it failed."""
        row = Row(title)
        self.rows.append(row)
        began = time.monotonic()
        print(f"{title} ...", flush=True)
        try:
            yield row
            row.held = True
        except BaseException:
            row.held = False
            raise
        finally:
            row.seconds = time.monotonic() - began

    def add(self, title: str, seconds: float | None, note: str = "") -> None:
        """A line below the one before."""
        self.rows.append(Row(title, seconds, True, note, inner=True))

    def text(self) -> str:
        """All of it."""
        width = max((len(row.title) + 2 * row.inner for row in self.rows), default=0)
        lines = []
        for row in self.rows:
            mark = " " if row.inner else "✓" if row.held else "✗"
            title = f"  {row.title}" if row.inner else row.title
            seconds = "" if row.seconds is None else f"{row.seconds:.2f} s"
            lines.append(f"{mark} {title:<{width}}  {seconds:>9}  {row.note}".rstrip())
        return "\n".join(lines)
