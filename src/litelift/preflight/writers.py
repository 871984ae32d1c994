"""Who else has the source open, and whether it is being written to: without a word to the file itself.

The bytes that are locked are those of SQLite's "os.h" (PENDING_BYTE and what follows) and of "WAL-mode File Format",
section 2.3.1 (the locks in the -shm file). Linux tells open files in /proc/PID/fd and locks in /proc/locks (proc(5)).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from litelift.preflight.findings import Findings
from litelift.shorten import shortened
from litelift.sqlite.beside import companion

RESERVED_BYTE = 0x40000001
PENDING_BYTE = 0x40000000
WAL_WRITE_BYTE = 120
SUFFIXES = ("", "-wal", "-shm", "-journal")
HEADER_BYTES = 32
PROC = Path("/proc")

Place = tuple[int, int]
"""A file's device and inode."""


@dataclass(frozen=True, slots=True)
class Program:
    """A process that has the source open: its number and name, and whether it may write."""

    pid: int
    name: str
    writes: bool


@dataclass(frozen=True, slots=True)
class Openers:
    """Who has the source open. ``unseen`` is True where some processes could not be looked into."""

    programs: tuple[Program, ...]
    unseen: bool


@dataclass(frozen=True, slots=True)
class Pulse:
    """What changes with every commit: each file's size and time, the change counter, and the log's header."""

    files: tuple[tuple[str, int, int, bytes], ...]


def _files(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    for suffix in SUFFIXES:
        with suppress(OSError):
            yield suffix, companion(path, suffix).stat()


def pulse(path: Path) -> Pulse:
    """Take the source's pulse.

    Call it only while this process has the source not open: closing a file ends the process's locks on it ("How To
    Corrupt An SQLite Database File", section 2.2).
    """
    found = []
    for suffix, facts in _files(path):
        if suffix == "-shm" or (suffix != "" and not facts.st_size):
            continue
        with suppress(OSError), companion(path, suffix).open("rb") as file:
            head = file.read(HEADER_BYTES)
            # Bytes 24 to 27 of the database are its change counter.
            found.append((suffix, facts.st_size, facts.st_mtime_ns, head if suffix else head[24:28]))
    return Pulse(tuple(found))


def openers(path: Path) -> Openers | None:
    """The other processes that have the source open; None where the system does not tell."""
    places = {(facts.st_dev, facts.st_ino) for _, facts in _files(path)}
    found: list[Program] = []
    unseen = False
    if not (PROC / "self" / "fd").exists():
        return None
    for folder in PROC.glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        try:
            descriptors = list((folder / "fd").iterdir())
        except PermissionError:
            unseen = True
            continue
        except OSError:
            continue
        held = [one for one in descriptors if _place(one) in places]
        if held:
            writes = any(_may_write(folder / "fdinfo" / one.name) for one in held)
            found.append(Program(int(folder.name), _name(folder), writes))
    return Openers(tuple(sorted(found, key=lambda program: program.pid)), unseen)


def _place(descriptor: Path) -> Place | None:
    try:
        facts = descriptor.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _may_write(info: Path) -> bool:
    try:
        flags = next(line.split()[1] for line in info.read_text().splitlines() if line.startswith("flags:"))
    except (OSError, StopIteration, IndexError):
        return True
    return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY


def _name(folder: Path) -> str:
    try:
        return "".join(c if c.isprintable() else "?" for c in (folder / "comm").read_text().strip()) or "?"
    except OSError:
        return "?"


def writer(path: Path) -> int | None:
    """The process that holds SQLite's lock for writing: its number, 0 where that is not known; None for nobody."""
    inodes = {suffix: facts.st_ino for suffix, facts in _files(path)}
    try:
        lines = (PROC / "locks").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        # 1: POSIX ADVISORY WRITE 1817 fe:00:4071579 1073741825 1073741825; a waiting one has an arrow.
        words = line.split()
        if len(words) < 8 or words[1] not in ("POSIX", "OFDLCK") or words[3] != "WRITE":
            continue
        inode, first, last = int(words[5].split(":")[2]), int(words[6]), words[7]
        end = first if last == "EOF" else int(last)
        rollback = inode == inodes.get("") and first <= RESERVED_BYTE and end >= PENDING_BYTE
        if rollback or (inode == inodes.get("-shm") and first <= WAL_WRITE_BYTE <= end):
            return max(0, int(words[4]))
    return None


def tell_openers(findings: Findings, path: Path, found: Openers | None) -> None:
    """Tell who has the source open."""
    if found is None:
        findings.add("source", "note", "open-elsewhere", "who else has it open is not known on this system")
        return
    writing = [program for program in found.programs if program.writes]
    reading = [program for program in found.programs if not program.writes]
    if writing:
        findings.add(
            "source",
            "attention",
            "open-elsewhere",
            f"open for writing in {_listed(writing)}: what is written after the move's snapshot is not moved",
            "Stop the application for the move.",
        )
    if reading:
        findings.add("source", "note", "read-elsewhere", f"open for reading in {_listed(reading)}")
    if found.unseen:
        message = "who else has it open is not known in full: other users' processes cannot be looked into"
        findings.add("source", "note", "openers-unseen", message)
    elif not found.programs:
        findings.add("source", "ok", "open-elsewhere", "no other program on this machine has it open")


def _listed(programs: list[Program]) -> str:
    return shortened([f"{program.name} (process {program.pid})" for program in programs], 5)


def tell_writer(findings: Findings, held: int | None) -> None:
    """Tell of a transaction that is writing at this moment."""
    if held is None:
        return
    who = f"process {held}" if held else "a process"
    findings.add(
        "source",
        "attention",
        "write-lock",
        f"{who} holds the lock for writing: a transaction is open",
        "Let it end; a move would wait some seconds, and then read what was committed before.",
    )


def tell_growth(findings: Findings, before: Pulse, after: Pulse) -> None:
    """Tell whether the source changed while it was looked at."""
    if before == after:
        return
    findings.add(
        "source",
        "attention",
        "written-to",
        "it was written to while it was looked at",
        "Stop the application for the move: what is written after the move's snapshot is not moved.",
    )
