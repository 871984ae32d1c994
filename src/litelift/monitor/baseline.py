"""What was normal at the move: the numbers that later ones are compared with."""

from __future__ import annotations

from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from litelift.atomic import PRIVATE, write_whole
from litelift.errors import BaselineThere
from litelift.monitor.folder import make_folder

FILE = "baseline.json"


class Baseline(BaseModel):
    """What was normal."""

    model_config = ConfigDict(frozen=True)

    format: int = 1
    at: AwareDatetime
    database: str = ""
    at_cutover: bool = False
    """Whether the cutover took it: of an application that was hardly used yet."""
    measures: dict[str, float] = Field(default_factory=dict)
    """By series: "connections.used". Of a counter, how much it grew in a second."""
    rows: dict[str, int] = Field(default_factory=dict)
    """Of each table, counted: "public.grades"."""


def read_baseline(folder: Path) -> Baseline | None:
    """The baseline in a monitor's folder; None where there is none that can be read. Raises OSError."""
    try:
        return Baseline.model_validate_json((folder / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def refuse_to_replace(folder: Path) -> None:
    """Raise BaselineThere where the folder has a baseline, also one that cannot be read."""
    path = folder / FILE
    if path.exists():
        found = read_baseline(folder)
        raise BaselineThere(path=path, at=f"{found.at:%Y-%m-%d %H:%M} UTC" if found else "an unknown day")


def write_baseline(folder: Path, baseline: Baseline) -> Path:
    """Write it, in the place of an older one, for its owner alone; the file. Raises OSError."""
    make_folder(folder)
    path = folder / FILE
    write_whole(path, baseline.model_dump_json(indent=2) + "\n", mode=PRIVATE)
    return path
