"""What was normal at the move: the numbers that later ones are compared with."""

from __future__ import annotations

from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

FILE = "baseline.json"


class Baseline(BaseModel):
    """What was normal."""

    model_config = ConfigDict(frozen=True)

    format: int = 1
    at: AwareDatetime
    database: str = ""
    measures: dict[str, float] = Field(default_factory=dict)
    """By series: "connections.used"."""
    rows: dict[str, int] = Field(default_factory=dict)
    """Of each table, counted: "public.grades"."""


def read_baseline(folder: Path) -> Baseline | None:
    """The baseline in a monitor's folder; None where there is none that can be read. Raises OSError."""
    try:
        return Baseline.model_validate_json((folder / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
