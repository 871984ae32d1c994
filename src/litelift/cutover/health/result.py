"""What a health check found, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds that answers took, of the last attempt."""

    least: float
    average: float
    longest: float
    samples: int

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> Latency | None:
        """Of the single times; None where there are none."""
        if not milliseconds:
            return None
        average = sum(milliseconds) / len(milliseconds)
        return cls(round(min(milliseconds), 1), round(average, 1), round(max(milliseconds), 1), len(milliseconds))

    @property
    def words(self) -> str:
        """As a person reads it."""
        if self.samples == 1:
            return f"{self.average:.0f} ms"
        return f"{self.average:.0f} ms on average ({self.least:.0f} to {self.longest:.0f}, {self.samples} answers)"


@dataclass(frozen=True, slots=True)
class HealthResult:
    """The result of one check. Nothing in it is secret."""

    name: str
    kind: str
    asked: str
    """What it asks for, in words."""
    ok: bool
    attempts: int
    seconds: float
    """All attempts and the pauses between them."""
    found: str
    """What was found; of a check that failed: "expected X; got Y"."""
    expected: str | None = None
    """Of a check that failed."""
    got: str | None = None
    """Of a check that failed."""
    latency: Latency | None = None
    limit_ms: float | None = None
    """Milliseconds that the average may be, where there is such a limit."""
    slow: bool = False
    """Whether all was as expected but the average. Before the move that is told, and no failure."""
    left: list[str] = field(default_factory=list)
    """What the check made and could not remove again."""

    @property
    def words(self) -> str:
        """One line: whether it holds, and what was found."""
        sign = "slow" if self.ok and self.slow else "ok" if self.ok else "FAILED"
        took = f"; {self.latency.words}" if self.latency and not self.slow else ""
        tries = f" (at attempt {self.attempts})" if self.attempts > 1 else ""
        return f"{sign}: {self.kind} {self.name}: {self.reason}{took}{tries}"

    @property
    def reason(self) -> str:
        """Why it failed; a check can find all that it expects, and not be able to clean up."""
        return "; ".join([self.found, *(f"left behind: {one}" for one in self.left)])

    @property
    def document(self) -> dict[str, Any]:
        """As JSON, for the journal."""
        return asdict(self)


def result_of(document: dict[str, Any]) -> HealthResult:
    """The result that ``document`` was made of."""
    latency = document.get("latency")
    return HealthResult(**{**document, "latency": Latency(**latency) if latency else None})


class Failing(Exception):
    """An attempt did not find what it expected. Never leaves this package: it becomes a HealthResult."""

    def __init__(self, expected: str, got: str) -> None:
        """What was expected, and what was there instead."""
        super().__init__(f"expected {expected}; got {got}")
        self.expected = expected
        self.got = got


class Slow(Failing):
    """All was as expected, but the average was above its limit."""
