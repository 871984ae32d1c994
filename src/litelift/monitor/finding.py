"""What a check found, as a value: in no language yet, so that each reader gets it in their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["ok", "warning", "critical", "unknown"]
Unit = Literal["", "bytes", "seconds", "percent"]
Fact = str | int | float | bool | None
"""A moment is the seconds since 1970."""
Item = Mapping[str, Fact]

EXIT: dict[State, int] = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
"""As the plugins of Nagios end ("Monitoring Plugins Development Guidelines", "Plugin Return Codes")."""
_GRAVEST: tuple[State, ...] = ("critical", "warning", "unknown", "ok")
ITEMS = 50
"""Of a finding, at most: a database may have thousands of tables that want something."""


@dataclass(frozen=True, slots=True)
class Limit:
    """From which value on something is to be told."""

    warning: float | None = None
    critical: float | None = None
    below: bool = False
    """Whether it is too little that is told."""

    def state(self, value: float | None) -> State:
        """What a value means; nothing is known of None."""
        if value is None:
            return "unknown"
        for state, bound in (("critical", self.critical), ("warning", self.warning)):
            if bound is not None and (value <= bound if self.below else value >= bound):
                return state  # type: ignore[return-value]
        return "ok"


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that is worth keeping."""

    name: str
    """In snake_case, without its check's: "used"."""
    value: float
    unit: Unit = ""
    counter: bool = False
    """Whether it only grows, until somebody sets it to 0: what is of interest is how fast."""
    most: float | None = None
    """What it cannot exceed."""
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    check: str
    """Its name."""
    state: State
    found: str
    """Which of the check's words say it: the key below [NAME.found]."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What the words' {fields} stand for."""
    do: str | None = None
    """Which of its words say what to do: the key below [NAME.do]. None where there is nothing to do."""
    about: str = ""
    """Which one, where a check looks at several things, each of which may fail by itself: a container, an address."""
    measures: Sequence[Measure] = ()
    items: Sequence[Item] = ()
    """The single objects that it speaks of, the gravest first, at most ITEMS; all have the same keys."""

    @property
    def key(self) -> str:
        """By which it is known again: "container[application-postgres]"."""
        return f"{self.check}[{self.about}]" if self.about else self.check

    @property
    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def finding_of(document: Mapping[str, Any]) -> Finding:
    """The finding that ``document`` was made of. Raises LookupError, TypeError, ValueError: it was made of none."""
    if document["state"] not in EXIT:
        raise ValueError(document["state"])
    measures = tuple(
        Measure(**{**one, "limit": Limit(**one["limit"]) if one["limit"] else None}) for one in document["measures"]
    )
    return Finding(**{**document, "measures": measures, "items": tuple(document["items"])})


def worst(states: Sequence[State]) -> State:
    """The gravest of them; of nothing it is not known."""
    return min(states, key=_GRAVEST.index, default="unknown")
