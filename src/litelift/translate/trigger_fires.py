"""Which triggers fire which: whether the statements of one may, at once or through others, fire it again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from litelift.sqlite.lexer import fold
from litelift.translate.relation import Relations
from litelift.translate.trigger_parse import outline, parse_trigger
from litelift.translate.trigger_tree import Delete, Insert, Statement, Trigger, Update
from litelift.translate.value import Refused

_EVENTS = ("INSERT", "UPDATE", "DELETE")
_Change = tuple[str, str, frozenset[str] | None]
"""A table's folded name, the event, and the columns that an UPDATE sets (None: any)."""


@dataclass(frozen=True, slots=True)
class _Other:
    """A trigger of the source, and what it may change."""

    trigger: Trigger
    changes: tuple[_Change, ...]


def _other(sql: str) -> _Other | None:
    try:
        trigger = parse_trigger(sql)
        return _Other(trigger, tuple(change for statement in trigger.statements for change in _changes(statement)))
    except (Refused, RecursionError):
        found = outline(sql)
    if found is None:
        return None
    return _Other(found[0], tuple((fold(t), event, None) for t in found[1] for event in _EVENTS))


class Firing:
    """One trigger among all of its source; None where those are not known."""

    def __init__(self, trigger: Trigger, relations: Relations, triggers: Iterable[str] | None) -> None:
        """``triggers`` are CREATE TRIGGER statements."""
        self.trigger = trigger
        self.relations = relations
        self.others = None if triggers is None else [found for other in triggers if (found := _other(other))]

    def events(self, table: str) -> frozenset[str]:
        """The events that a table has triggers for; all of them where that is not known."""
        if self.others is None:
            return frozenset(_EVENTS)
        return frozenset(o.trigger.event for o in self.others if fold(o.trigger.table) == fold(table))

    def again(self) -> bool:
        """Whether its statements may change its own table by its own event, at once or through others."""
        waiting = [change for statement in self.trigger.statements for change in _changes(statement)]
        if self.others is None:
            return bool(waiting)
        seen: set[_Change] = set()
        while waiting:
            change = waiting.pop()
            if change in seen:
                continue
            seen.add(change)
            if _fires(self.trigger, change):
                return True
            for other in self.others:
                if _fires(other.trigger, change):
                    waiting += other.changes
            waiting += self._cascaded(change)
        return False

    def _cascaded(self, change: _Change) -> list[_Change]:
        table, event, _ = change
        if event == "INSERT":
            return []
        try:
            children = self.relations.get(table).cascades
        except Refused:
            return []
        return [(fold(child), other, None) for child in children for other in ("UPDATE", "DELETE")]


def _changes(statement: Statement) -> list[_Change]:
    if isinstance(statement, Insert):
        found: list[_Change] = [(fold(statement.table), "INSERT", None)]
        if statement.conflict == "REPLACE":
            found.append((fold(statement.table), "UPDATE", None))
        if statement.upsert and statement.upsert.assignments:
            sets = frozenset(fold(name) for name, _ in statement.upsert.assignments)
            found.append((fold(statement.table), "UPDATE", sets))
        return found
    if isinstance(statement, Update):
        return [(fold(statement.table), "UPDATE", frozenset(fold(name) for name, _ in statement.assignments))]
    if isinstance(statement, Delete):
        return [(fold(statement.table), "DELETE", None)]
    return []


def _fires(trigger: Trigger, change: _Change) -> bool:
    table, event, columns = change
    if fold(trigger.table) != table or trigger.event != event:
        return False
    return columns is None or not trigger.columns or bool(columns & {fold(name) for name in trigger.columns})
