"""What a CREATE TRIGGER statement says: plain values that hold expressions as trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from litelift.translate.parse import Node
from litelift.translate.select_tree import Join, Query

Timing = Literal["BEFORE", "AFTER", "INSTEAD OF"]
Event = Literal["INSERT", "UPDATE", "DELETE"]

RAISE = "(raise)"
"""The name of the ``exp.Anonymous`` node that stands for RAISE; no function can have it."""


@dataclass(frozen=True, slots=True)
class Raise:
    """RAISE(IGNORE), or RAISE(action, message)."""

    action: str
    message: Node | None = None


@dataclass(frozen=True, slots=True)
class Upsert:
    """ON CONFLICT: ``target`` is empty where it names no columns; ``assignments`` is None for DO NOTHING."""

    target: tuple[str, ...]
    assignments: tuple[tuple[str, Node], ...] | None
    where: Node | None = None


@dataclass(frozen=True, slots=True)
class Insert:
    """INSERT; ``columns`` is None where it lists none. Either ``rows`` or ``query`` is given."""

    table: str
    columns: tuple[str, ...] | None
    rows: tuple[tuple[Node, ...], ...] = ()
    query: Query | None = None
    conflict: str = ""
    upsert: Upsert | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """UPDATE; ``joins`` is its FROM."""

    table: str
    assignments: tuple[tuple[str, Node], ...]
    where: Node | None = None
    conflict: str = ""
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE."""

    table: str
    where: Node | None = None


Statement = Insert | Update | Delete | Query


@dataclass(frozen=True, slots=True)
class Trigger:
    """A CREATE TRIGGER statement; ``columns`` are those of UPDATE OF. Nodes' spans are places in ``sql``."""

    sql: str
    name: str
    timing: Timing
    event: Event
    table: str
    columns: tuple[str, ...]
    when: Node | None
    statements: tuple[Statement, ...]
