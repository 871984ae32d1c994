"""A piece of advice, as a value: what to change, why, what it gains, and how to have it undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "safety", "query-index", "foreign-key-index", "setting", "invalid-index", "repeated-index", "unused-index"
]
KINDS: dict[Kind, str] = {
    "safety": "What data or sessions may be lost by",
    "query-index": "Indexes for slow queries",
    "foreign-key-index": "Indexes for foreign keys",
    "setting": "Settings",
    "invalid-index": "Indexes that were never finished",
    "repeated-index": "Indexes that repeat others",
    "unused-index": "Indexes that nobody uses",
}
"""In the order in which they are told: by what they are worth, as a rule."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One piece of advice."""

    kind: Kind
    object: str
    """What it is about: "shared_buffers", "public.grades (student_id)"."""
    why: str
    """With the numbers that it rests on."""
    current: str
    proposed: str
    gain: str
    """What it gains, in words."""
    weight: float
    """What it gains, as a number that ranks it among those of its kind."""
    sql: Sequence[str] = ()
    """The statements, each without its semicolon. None where it is not done in SQL."""
    undo: Sequence[str] = ()
    """The statements that take it back."""
    source: str = ""
    """The section of the manual that it follows."""
    bytes: int | None = None
    """What it will take on the disk, or free, about."""
    seconds: float | None = None
    """How long it will take, about."""
    restart: bool = False
    """Whether it holds only after a restart of the server."""
    blocked: str | None = None
    """Why --apply leaves it to a person, and what that is to do. None: --apply does it."""
    sure: bool = True
    """False: a guess, which nothing has confirmed."""
    makes: tuple[str, str] | None = None
    """The schema and the name of the index that it makes."""
    drops: tuple[str, str] | None = None
    """Of the index that it drops."""

    @property
    def name(self) -> str:
        """By which --only names it: "setting:shared_buffers"."""
        return f"{self.kind}:{self.object}"

    @property
    def document(self) -> dict[str, Any]:
        """As JSON."""
        document = asdict(self)
        del document["makes"], document["drops"]
        return {"name": self.name, **document}


def ranked(advice: Sequence[Advice]) -> list[Advice]:
    """By kind, and among those of a kind by what they gain."""
    order = list(KINDS)
    return sorted(advice, key=lambda one: (order.index(one.kind), -one.weight, one.object))
