"""Sixty days of backups in a folder, pruned each day, and the table of what stays: ``python tests/sixty_days.py``.

The backups are real to the store and to prune: a folder with a manifest and a file. Only the clock is given.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from litelift.backup.manifest import DumpFacts, Kind, Look, Manifest, ServerFacts, StoredFile
from litelift.backup.prune import Judged, Pruned, prune
from litelift.backup.settings import Keep
from litelift.backup.store import Backup, Store, note, read_backup, write_manifest

PAGE = Path(__file__).parent.parent / "docs" / "howto" / "backup-prune.md"
BEGIN, END = "<!-- the table: python tests/sixty_days.py -->", "<!-- end of the table -->"
DAYS = 60
FIRST = datetime(2026, 10, 1, 2, tzinfo=UTC)
DRILLED = (7, 14, 21)
DAMAGED = {12: 11, 33: 31, 47: 46}
"""On which day a verify finds out which day's backup is damaged."""
OTHERS: dict[int, tuple[int, Kind]] = {20: (12, "manual"), 40: (15, "safety")}
"""On which day, at which hour, another one is made."""
POLICIES = {
    "days = 30": Keep(days=30),
    "days = 7, weekly = 4, monthly = 6": Keep(days=7, weekly=4, monthly=6),
    "last = 10": Keep(days=0, last=10),
}


def make(store: Store, moment: datetime, *, kind: Kind = "scheduled", size: int = 1000, **known: Any) -> Backup:
    """A backup of that moment, whose dump is some bytes."""
    store.make()
    name = store.new_name(known.get("project", "school"), moment)
    server = ServerFacts(version="16.14", version_number=160014, where="here", system_identifier="1")
    facts: dict[str, Any] = {
        "name": name,
        "project": "school",
        "kind": kind,
        "database": "school",
        "started": moment,
        "ended": moment + timedelta(minutes=3),
        "server": server,
        "dump": DumpFacts(
            program="16.14", source="embedded", format="custom", path="database.dump", compression="zstd", jobs=1
        ),
        "database_bytes": 4 * size,
        "bytes": size,
        "files": [StoredFile(name="database.dump", bytes=size, sha256="0" * 64)],
        "tables": [],
    }
    with store.being_made(name) as folder:
        (folder / "database.dump").write_bytes(b"x" * size)
        write_manifest(folder, Manifest(**{**facts, **known}))
    return read_backup(store.path / name)


def drilled(backup: Backup, at: datetime, *, ok: bool = True) -> Backup:
    """The same after a drill."""
    return note(backup, drilled=Look(at=at, ok=ok, seconds=1.0))


def damaged(backup: Backup, at: datetime) -> Backup:
    """The same after a verify that found it damaged."""
    return note(backup, verified=Look(at=at, ok=False, seconds=1.0, message="a byte is another"))


@dataclass
class Sixty:
    """What became of each backup, by its moment."""

    last: Pruned
    gone: dict[str, tuple[int, Judged]] = field(default_factory=dict)
    """By name: on which day it was removed, and as what."""


def day(number: int, hour: int = 2) -> datetime:
    """A moment of the day of that number, from 1 on."""
    return FIRST.replace(hour=hour) + timedelta(days=number - 1)


def simulate(folder: Path, keep: Keep, size: int = 1000) -> Sixty:
    """Make a backup each day at 02:00, and prune at 02:05; what happens in between happens as the tables above say."""
    store, by_day, gone = Store(folder), {}, {}
    for number in range(1, DAYS + 1):
        by_day[number] = make(store, day(number), size=size)
        if number in DRILLED:
            drilled(by_day[number], day(number))
        if number in DAMAGED and by_day[DAMAGED[number]].folder.exists():
            damaged(by_day[DAMAGED[number]], day(number))
        last = prune(store, keep, now=day(number) + timedelta(minutes=5))
        gone.update({one.name: (number, one) for one in last.removed})
        if number in OTHERS:
            hour, kind = OTHERS[number]
            make(store, day(number, hour), kind=kind, size=size)
    return Sixty(last, gone)


def table(sixties: dict[str, Sixty]) -> str:
    """What stays under each policy and why, and when the others went."""
    made: dict[str, Judged] = {}
    for sixty in sixties.values():
        made |= {name: one for name, (_, one) in sixty.gone.items()}
        made |= {one.name: one for one in sixty.last.backups}
    lines = [
        "| Day | Made | | " + " | ".join(f"`{policy}`" for policy in sixties) + " |",
        "|---:|---|---|" + "---|" * len(sixties),
    ]
    for one in sorted(made.values(), key=lambda one: one.name):
        assert one.started is not None
        number = (one.started - FIRST).days + 1
        what = [str(one.kind)] if one.kind != "scheduled" else []
        what += ["drilled"] * (one.started in map(day, DRILLED))
        what += ["damaged"] * (one.started in map(day, DAMAGED.values()))
        cells = [_cell(sixty, one.name) for sixty in sixties.values()]
        lines.append(f"| {number} | {one.started:%a %Y-%m-%d %H:%M} | {', '.join(what)} | {' | '.join(cells)} |")
    kept = [f"**{len(sixty.last.backups) - len(sixty.last.removed)} kept**" for sixty in sixties.values()]
    lines.append(f"| | | | {' | '.join(kept)} |")
    return "\n".join(lines) + "\n"


def _cell(sixty: Sixty, name: str) -> str:
    if name in sixty.gone:
        return f"day {sixty.gone[name][0]}"
    one = next(one for one in sixty.last.backups if one.name == name)
    return "**kept**: " + "; ".join(why.words for why in one.reasons)


def page(found: str) -> str:
    """The whole page with this table in it."""
    written = PAGE.read_text(encoding="utf-8")
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n\n{found}\n{END}", written, flags=re.DOTALL)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        found = {policy: simulate(Path(place) / str(n), keep) for n, (policy, keep) in enumerate(POLICIES.items())}
    PAGE.write_text(page(table(found)), encoding="utf-8")
