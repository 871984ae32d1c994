"""What is compared with what: source and target tables and columns, and the declared rules between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from litelift.plan.valuemap import ValueMap
from litelift.postgres.types import PgType

Numbers = Literal["epoch", "milliseconds", "microseconds", "julian", "seconds", "days"]


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """A source column, its target column, the target's type, and the rules declared for it.

    ``numbers`` says how a number in a time column is read: "epoch" (seconds, milliseconds or microseconds since 1970,
    by magnitude, except that a REAL within the Julian days of the years 0 to 9999 is one), "milliseconds" or
    "microseconds" (the small ones too: they are near 1970), or "julian" (every number is a Julian day). Of a span of
    time it says the unit: "seconds", "days", or else microseconds.
    """

    source: str
    target: str
    type: PgType
    values: ValueMap | None = None
    numbers: Numbers = "epoch"


@dataclass(frozen=True, slots=True)
class TableMatch:
    """A source table and its target. ``key`` names source columns that identify a row; () means that none do.

    ``where`` is a row filter in SQLite's SQL.
    """

    source: str
    schema: str
    target: str
    columns: tuple[ColumnMatch, ...]
    key: tuple[str, ...] = ()
    where: str | None = None
