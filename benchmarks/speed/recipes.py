"""The SQLite files that are moved: each is made once and kept."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed import shapes, tpch
from benchmarks.speed.datasets import Dataset, count, tables
from litelift.demo import make_demo


@dataclass(frozen=True)
class Recipe:
    """How to make a file. ``room`` is about how many bytes it will have; ``needs`` is the program that it needs."""

    name: str
    title: str
    room: int
    make: Callable[[Path], None]
    needs: str | None = None

    def missing(self) -> str | None:
        """The program that it needs and that is not there."""
        return self.needs if self.needs and program(self.needs) is None else None

    def dataset(self, folder: Path) -> Dataset:
        """The file in ``folder``, made where it is not there."""
        path = folder / f"{self.name}.sqlite"
        if not path.exists():
            part = folder / f"{self.name}.part"
            part.unlink(missing_ok=True)
            self.make(part)
            part.rename(path)
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            names = tables(connection)
            rows = sum(count(connection, name) for name in names)
        finally:
            connection.close()
        return Dataset(self.name, self.title, path.absolute(), len(names), rows)


def recipes(scales: list[float], *, small: bool) -> list[Recipe]:
    """All files: TPC-H at these scales, the demo, and the shapes. ``small``: some seconds in all."""
    size = "small" if small else "full"
    return [
        *(
            Recipe(
                f"tpch-{scale:g}",
                f"TPC-H, scale {scale:g}",
                int(scale * 1.4e9),
                lambda path, scale=scale: tpch.make(path, scale, program(tpch.PROGRAM) or tpch.PROGRAM),  # type: ignore[misc]
                tpch.PROGRAM,
            )
            for scale in scales
        ),
        Recipe(
            f"demo-{size}", f"The {size} ATİS demo", 5_000_000 if small else 702_000_000, lambda path: _demo(path, size)
        ),
        _shape("wide", shapes.wide, 300 if small else 30_000, "A table of 200 columns", 1_900),
        _shape("blobs", shapes.blobs, 60 if small else 4_000, "A table of blobs", 66_000),
        _shape("tiny", shapes.tiny, 60 if small else 5_000, "{:,} tiny tables", 9_000),
    ]


def _shape(name: str, make: Callable[[Path, int], None], number: int, title: str, each: int) -> Recipe:
    return Recipe(f"{name}-{number}", title.format(number), number * each, lambda path: make(path, number))


def _demo(path: Path, size: str) -> None:
    # A plan file comes with it, for litelift alone; all tools get the same here.
    made = make_demo(path.with_suffix(".making"), size="small" if size == "small" else "full")
    made.plan.unlink()
    made.path.rename(path)


def program(name: str) -> str | None:
    """A program of this Python's environment, or of the system."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
