"""What a tool said: which of the objects that did not arrive a person would know of."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import psycopg

from benchmarks.fidelity.source import Item


class Told(Protocol):
    """Everything that a tool told of one move."""

    def tells(self, item: Item) -> str | None:
        """The reason that it gives for an object, or None where it says nothing of it."""

    def rows(self, table: str, missing: int) -> int:
        """How many of a table's missing rows it tells."""


# The kinds under which litelift tells of an object.
_KINDS: dict[str, tuple[str, ...]] = {
    "table": ("virtual table",),
    "index": ("index", "unique", "primary key", "virtual table", "full-text search", "R*Tree"),
    "foreign key": ("foreign key", "orphans"),
    "check": ("check",),
    "not null": ("not null",),
    "default": ("default",),
    "generated column": ("generated column",),
    "collation": ("collation",),
    "view": ("view",),
    "trigger": ("trigger",),
}


@dataclass(frozen=True)
class Line:
    """A row of litelift.untranslated, or of litelift.notice (without SQL)."""

    kind: str
    name: str
    words: str
    reason: str
    left: bool


@dataclass
class LiteliftTold:
    """What litelift wrote into litelift.untranslated, litelift.notice and litelift.quarantine.

    ``failed`` is its error, where it moved nothing: then it has told everything.
    """

    failed: str = ""
    lines: list[Line] = field(default_factory=list)
    aside: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, connection: psycopg.Connection[tuple[object, ...]]) -> LiteliftTold:
        """Read the tables of a move that ended well."""
        told = cls()
        for kind, name, words, reason in connection.execute(
            "select kind, name, sql, reason from litelift.untranslated"
        ):
            told.lines.append(Line(str(kind), str(name), str(words), str(reason), True))
        for kind, table, column, message in connection.execute(
            "select kind, coalesce(table_name, ''), coalesce(column_name, ''), message from litelift.notice"
        ):
            told.lines.append(Line(str(kind), str(table), f"{column} {message}", str(message), False))
        for table, column in connection.execute("select table_name, column_name from litelift.quarantine"):
            (told.aside if column is None else told.values)[str(table).lower()] += 1
        return told

    def tells(self, item: Item) -> str | None:
        """See :class:`Told`: the kind must be right, and the object named, or else its table and all its columns."""
        if self.failed:
            return self.failed
        return next((line.reason for line in self.lines if line.kind in _KINDS[item.kind] and _meant(line, item)), None)

    def rows(self, table: str, missing: int) -> int:
        """See :class:`Told`: those in quarantine, and all of a table that is told to have stayed behind."""
        if self.failed or self.tells(Item("table", table, given=table)) is not None:
            return missing
        return min(missing, self.aside[table.lower()])


def _meant(line: Line, item: Item) -> bool:
    name, table = line.name.lower(), item.table.lower()
    if item.method != "plain":
        # Its notices say how to search; only this one, that there is nothing to search by.
        return name == table and (line.left or "has no index" in line.words)
    if item.kind == "trigger" and not line.left and "needs none" not in line.words:
        return False
    if item.given:
        own = item.given.lower()
        if line.left:
            return name in (own, f"{table}.{own}")
        return _says(line.words, own)
    if name != table and not name.startswith((f"{table}.", f"{table}_")):
        return False
    if item.primary and line.kind == "primary key":
        # A table has but one.
        return True
    if item.kind == "check":
        return bool(item.sql) and _plain(item.sql) in _plain(line.words)
    return all(_says(f"{line.name} {line.words}", column) for column in item.columns if column)


def _says(words: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words, re.IGNORECASE) is not None


def _plain(words: str) -> str:
    return re.sub(r"\s+", "", words).lower()


_MESSAGE = re.compile(r"^\d{4}-\d\d-\d\dT\S+ (\w+) ", re.MULTILINE)
_SUMMARY = re.compile(r'^ *("(?:[^"]|"")*"|\S.*?) +(\d+) +(\d+) .*s$', re.MULTILINE)


@dataclass
class PgloaderTold:
    """What pgloader printed. ``failed`` is its last word, where it gave up: then it has told everything."""

    failed: str = ""
    messages: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, output: str, status: int | None) -> PgloaderTold:
        """Read its output: errors and warnings with the lines that follow each, and the summary's count of errors."""
        told = cls()
        # It puts a table's OID before the names of indexes.
        output = re.sub(r"\bidx_\d+_", "", output)
        found = list(_MESSAGE.finditer(output))
        ends = [*(match.start() for match in found[1:]), len(output)]
        summary = re.search(r"^ +table name +errors +rows", output, re.MULTILINE)
        for match, end in zip(found, ends, strict=False):
            words = output[
                match.end() : min(end, summary.start() if summary and summary.start() > match.end() else end)
            ]
            if match[1] in ("WARNING", "ERROR", "CRITICAL", "FATAL"):
                told.messages.append(words.strip())
            if match[1] == "FATAL":
                told.failed = _first(told.messages)
        for name, errors, _ in _SUMMARY.findall(output[summary.end() :] if summary else ""):
            told.errors[name.strip('"').lower()] += int(errors)
        if status != 0 and not told.failed:
            said = re.sub(r"^.*?FATAL:?", "", output, flags=re.DOTALL) if "FATAL" in output else output
            said = re.sub(r"^\d{4}-\d\d-\d\dT\S+ (LOG .*|\w+ )", "", said, flags=re.MULTILINE)
            told.failed = "it took too long" if status is None else " ".join(said.split()) or f"exit status {status}"
        return told

    def tells(self, item: Item) -> str | None:
        """See :class:`Told`: a message that names the object, or else its table and all its columns."""
        if self.failed:
            return self.failed
        for message in self.messages:
            if item.given and _says(message, item.given):
                return message
            if item.kind == "default" and f'"{item.sql}"' in message:
                return message
            about = item.kind in message.lower() or (item.primary and "primary" in message.lower())
            named = _says(message, item.table) and all(_says(message, column) for column in item.columns if column)
            if not item.given and about and named:
                return message
        return None

    def rows(self, table: str, missing: int) -> int:
        """See :class:`Told`: all of them, where the summary counts an error for the table."""
        return missing if self.failed or self.errors[table.lower()] else 0


def _first(messages: list[str]) -> str:
    """The first error is the cause; the last only says that there was one."""
    return messages[0].split("\n")[0]
