"""What became of a database: of each object and row, whether it arrived, was told, or was lost silently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.fidelity.source import Database, Item, Kind
from benchmarks.fidelity.target import Arrived
from benchmarks.fidelity.told import Told


@dataclass
class Tally:
    """The objects of one kind, or the rows: how many there were, arrived, were told, and were lost without a word.

    What arrived and was told too (a constraint that is NOT VALID) counts in both.
    """

    were: int = 0
    arrived: int = 0
    told: int = 0
    lost: int = 0

    def __add__(self, other: Tally) -> Tally:
        """The sum of two."""
        return Tally(
            self.were + other.were, self.arrived + other.arrived, self.told + other.told, self.lost + other.lost
        )


@dataclass
class Outcome:
    """One database, moved by one tool. ``left`` are the objects that did not arrive, with the reason given, if any."""

    tool: str
    status: int | None
    seconds: float
    database: Database
    arrived: Arrived
    told: Told
    failed: str = ""
    values_aside: int = 0
    left: list[tuple[Item, str | None]] = field(init=False)

    def __post_init__(self) -> None:
        """Ask the tool for everything that is not there."""
        self.left = [(item, self.told.tells(item)) for item in self.database.items if item not in self.arrived.items]

    def tally(self, kind: Kind) -> Tally:
        """The objects of one kind."""
        were = [item for item in self.database.items if item.kind == kind]
        reasons = [reason for item, reason in self.left if item.kind == kind]
        also = sum(item.kind == kind and self.told.tells(item) is not None for item in self.arrived.not_valid)
        told = sum(reason is not None for reason in reasons)
        return Tally(len(were), len(were) - len(reasons), told + also, len(reasons) - told)

    def rows(self) -> Tally:
        """The rows of all tables. A table of the target with too many rows has no more arrived than there were."""
        tally = Tally()
        for table, were in self.database.rows.items():
            arrived = min(were, self.arrived.rows.get(table, 0))
            told = self.told.rows(table, were - arrived)
            tally += Tally(were, arrived, told, were - arrived - told)
        return tally

    def lost(self) -> dict[str, list[str]]:
        """What was lost without a word: names by kind; rows by their table."""
        names: dict[str, list[str]] = {}
        for item, reason in self.left:
            if reason is None:
                names.setdefault(item.kind, []).append(item.name)
        for item in self.arrived.not_valid:
            if self.told.tells(item) is None:
                names.setdefault("not valid", []).append(item.name)
        for table, were in self.database.rows.items():
            missing = were - self.arrived.rows.get(table, 0)
            silent = missing - self.told.rows(table, missing) if missing > 0 else 0
            if silent:
                names.setdefault("rows", []).append(f"{silent:,} of {table}")
            elif missing < 0:
                names.setdefault("rows too many", []).append(f"{-missing:,} in {table}")
        return names

    def missing_rows(self) -> list[str]:
        """The rows that did not arrive and were told, by their table."""
        told = {
            table: self.told.rows(table, were - self.arrived.rows.get(table, 0))
            for table, were in self.database.rows.items()
            if were > self.arrived.rows.get(table, 0)
        }
        return [f"{count:,} of {table}" for table, count in told.items() if count]


def total(outcomes: Iterable[Outcome], kind: Kind | None) -> Tally:
    """The sum over databases, of a kind or (None) of the rows."""
    tally = Tally()
    for outcome in outcomes:
        tally += outcome.rows() if kind is None else outcome.tally(kind)
    return tally
