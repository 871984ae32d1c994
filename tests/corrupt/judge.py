"""What became of one damaged file: refused, or moved and the same by a second path; anything else is a fault."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from forked import fork
from generated_databases import quoted
from litelift import MigrationResult
from litelift import errors as known
from second_path import Both, Comparison, Table, open_target, source_columns, target_columns, text

SECONDS = 300
"""Beyond which a move hangs, also where the machine is busy."""
MOST_MEMORY = 1536 << 20
ADDRESS_SPACE = 6 << 30
"""For the machine's sake; what counts is the peak that was measured (MOST_MEMORY)."""

# What PRAGMA integrity_check tells of rows, not of damage ("Pragma statements").
_OF_ROWS = ("NULL value in ", "CHECK constraint failed in ", "non-")


@dataclass(frozen=True)
class Verdict:
    """``outcome`` is proved, quarantine or refused; ``error`` the refusal's kind; ``faults`` what must not be."""

    outcome: str
    error: str = ""
    faults: tuple[str, ...] = ()
    seconds: float = 0.0
    memory: int = 0


@dataclass(frozen=True)
class Command:
    """What the command did: its status (a signal's below 0, None after SECONDS), and the most memory of a process."""

    status: int | None
    out: str
    err: str
    seconds: float
    memory: int


def run(*words: str | Path, settings: Mapping[str, Any] | None = None, **environment: str) -> Command:
    """Run litelift; the memory is the largest of it and of each process that it waited for."""
    started = time.monotonic()
    process = fork(
        words,
        environment={**os.environ, "COLUMNS": "200", "PYTHONFAULTHANDLER": "1", **environment},
        session=True,
        address_space=ADDRESS_SPACE,
        settings=settings,
    )
    told: list[tuple[str, str]] = []
    reader = threading.Thread(target=lambda: told.append(process.communicate(2 * SECONDS)))
    reader.start()
    status, memory = None, 0
    while status is None and time.monotonic() - started < SECONDS:
        memory = max(memory, *map(_peak, [process.pid, *_children(process.pid)]))
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(0.02)
    if status is None:
        # Says where each of its threads is.
        process.send_signal(signal.SIGABRT)
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGKILL)
    reader.join()
    return Command(status, *told[0], time.monotonic() - started, memory)


def _peak(process: int) -> int:
    """The most memory that a process had so far, in bytes. Only the system knows; without /proc, nobody."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _children(process: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


def judge(path: Path, url: str, *options: str, settings: Mapping[str, Any] | None = None) -> Verdict:
    """Move a file that may be damaged into an empty database, and judge. ``settings`` are `fork`'s."""
    before = _seen(path)
    ran = run("migrate", path, url, "--json", "--quiet", *options, settings=settings)
    outcome, error, faults = _outcome(ran)
    # A killed one cannot remove what reading made.
    if outcome != "hung" and _seen(path) != before:
        faults.append("the source changed")
    if outcome in ("proved", "quarantine") and not faults:
        faults += damage(path)
        faults += compared(path, url, MigrationResult.model_validate(json.loads(ran.out)))
    return Verdict(outcome, error, tuple(faults), ran.seconds, ran.memory)


def _seen(path: Path) -> tuple[Any, ...]:
    found = path.stat()
    names = sorted(one.name for one in path.parent.iterdir() if not one.name.endswith(".litelift"))
    # A file of gigabytes is a sparse one.
    content = path.read_bytes() if found.st_size < 100 << 20 else found.st_size
    return content, found.st_mtime_ns, found.st_ino, found.st_mode, names


def _outcome(ran: Command) -> tuple[str, str, list[str]]:
    faults = []
    if "Traceback" in ran.err:
        faults.append(f"a traceback: {ran.err[-300:]}")
    if ran.memory > MOST_MEMORY:
        faults.append(f"{ran.memory >> 20} MB of memory")
    if ran.status is None:
        return "hung", "", [f"not done in {SECONDS} s: {ran.err}"]
    if ran.status not in (0, 1, 3):
        return "crashed", "", [*faults, f"status {ran.status}: {ran.err[-300:]}"]
    try:
        document = json.loads(ran.out)
    except ValueError as error:
        return "refused", "", [*faults, f"its document is no JSON: {error}"]
    if ran.status != 1:
        moved = MigrationResult.model_validate(json.loads(ran.out))
        return "quarantine" if moved.quarantined_total else "proved", "", faults
    if "error" not in document:
        return "differs", "", [*faults, f"moved, and the proof differs: {document['proof']}"[:500]]
    kind, message = document["error"]["kind"], document["error"]["message"]
    class_ = getattr(known, kind, known.Unexpected)
    if not issubclass(class_, known.SourceError | known.DdlError | known.TooManyColumns):
        faults.append(f"{kind}: {message}"[:500])
    return "refused", kind, faults


def damage(path: Path) -> list[str]:
    """What SQLite's own check finds, as a fault: what it finds should not have been moved."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as plain:
            for (name,) in plain.execute("select name from pragma_collation_list").fetchall():
                if name not in ("BINARY", "NOCASE", "RTRIM"):
                    plain.create_collation(name, lambda a, b: (a > b) - (a < b))
            lines = [line for (line,) in plain.execute("pragma integrity_check(1000)")]
    except sqlite3.DatabaseError as error:
        return [f"moved, and SQLite says: {error}"]
    real = [line for line in lines if line != "ok" and not line.startswith(_OF_ROWS)]
    return [f"moved, and integrity_check says: {'; '.join(real[:3])}"] if real else []


def compared(path: Path, url: str, result: MigrationResult) -> list[str]:
    """Every row that sqlite3 reads is in PostgreSQL, by `second_path`."""
    with closing(open_target(url)) as target:
        comparison = InOrder(path, target, result.target.schema_name, result)
        try:
            comparison.rows()
        except sqlite3.DatabaseError as error:
            return [f"moved, and SQLite cannot read it: {error}"]
        finally:
            comparison.source.close()
        return [words[:500] for words in comparison.wrong]


class InOrder(Comparison):
    """The second path for larger tables, whose rows arrive in their order, and for virtual tables."""

    def __init__(self, path: Path, target: psycopg.Connection[Any], schema: str, result: MigrationResult) -> None:
        super().__init__(path, target, schema, result)
        self.source.execute("pragma query_only = on")

    def rows(self) -> None:
        """Every row of every table; what SQLite lists and the result does not must be told."""
        listed = [
            (text(name), text(kind))
            for name, kind in self.source.execute(
                "select name, type from pragma_table_list where schema = 'main' and type <> 'view'"
            )
            if not text(name).lower().startswith("sqlite_")
        ]
        targets = {table.source: table.target for table in self.result.tables}
        left = {one.name for one in self.result.untranslated}
        notices = [one.message for one in self.result.notices]
        for name, kind in listed:
            if name not in targets:
                if kind != "shadow" and name not in left and not any(name in words for words in notices):
                    self.wrong.append(f"{name} ({kind}) was neither moved nor told")
            elif kind == "virtual":
                self._virtual(name, targets[name])
            else:
                columns = source_columns(self.source, name)
                into = target_columns(self.target, self.schema, targets[name])
                if len(columns) == len(into):
                    self._table(Table(name, targets[name], columns, into, [], []))
                else:
                    self.wrong.append(f"{name}: {len(columns)} columns became {len(into)}")

    def _virtual(self, name: str, target: str) -> None:
        """A virtual table's rows are counted: its columns may be others there."""
        (rows,) = self.source.execute(f"select count(*) from {quoted(name)}").fetchone()
        query = f"select count(*) from {quoted(self.schema)}.{quoted(target)}"
        (found,) = self.target.execute(query.encode()).fetchone() or (0,)
        told = next(table for table in self.result.tables if table.source == name)
        if rows != found + told.quarantined_rows:
            self.wrong.append(f"{name}: {rows} rows became {found}")

    def _pair(self, table: Table, both: Both) -> list[int] | None:
        others = ((at, why) for at in range(len(both.left)) if (why := self._unlike(table, both, at, at)) is not None)
        first = next(others, None)
        if first is None:
            return list(range(len(both.left)))
        if len(both.left) <= 300:
            return super()._pair(table, both)
        at, why = first
        self.wrong.append(f"{table.source}: row {both.left[at]!r} is not at its place in the target; {why}")
        return None
