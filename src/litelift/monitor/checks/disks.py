"""The disks: of the data, the backups and what is kept; how full they are, and how soon they will be."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from functools import partial

from litelift.monitor.bounded import bounded
from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.checks.backups_kept import words_of
from litelift.monitor.checks.disks_folders import Data, Place, data_of, own_places
from litelift.monitor.checks.disks_room import Room, full_in, room_of
from litelift.monitor.finding import Finding, Limit, Measure, State, worst
from litelift.monitor.look import Look

SECONDS = 5.0
"""For one folder, which may be a network's."""
DAY = 86400.0


def _disk(look: Look) -> Iterator[Finding]:
    data = data_of(look.watched)
    disks: dict[int, tuple[Room, list[Place]]] = {}
    places = [*(data.places if data is not None else ()), *own_places(look.watched)]
    for place in filter(lambda place: look.shown(place.name), places):
        try:
            ask = partial(room_of, place.folder, climb=not place.made)
            room = bounded(f"the disk of {place.folder}", SECONDS, ask)
        except TimeoutError:
            folder = str(place.folder)
            yield look.finding("critical", "no-answer", "no-answer", about=place.name, folder=folder, seconds=SECONDS)
            continue
        except OSError as error:
            # Of a data folder that only its owner may look into, the WAL is with it as far as can be seen.
            if place.name != "wal":
                folder, said = str(place.folder), os.strerror(error.errno or 0)
                yield look.finding("unknown", "unreadable", "unreadable", about=place.name, folder=folder, message=said)
            continue
        if room is not None:
            disks.setdefault(room.device, (room, []))[1].append(place)
    if data is not None and not data.places and look.shown("data"):
        yield _unseen(look, data)
    for room, sharing in disks.values():
        yield _finding(look, room, sharing)


def _unseen(look: Look, data: Data) -> Finding:
    if data.refused:
        message = "data_directory"
        return look.finding("unknown", "needs-rights", "needs-rights", about="data", user=data.refused, message=message)
    return look.ok("elsewhere", about="data", host=data.elsewhere)


def _finding(look: Look, room: Room, sharing: list[Place]) -> Finding:
    first = sharing[0]
    ends = full_in(room, f"{look.check}[{first.name}].used", look.past, look.now)
    used = look.limit("used_percent").state(room.used_percent)
    inodes = look.limit("inodes_percent").state(room.inodes_percent or 0.0)
    soon: State = "ok" if ends is None else look.limit("full_in").state(ends)
    state, said, do = worst([used, inodes, soon]), "room", "free"
    if state != "ok":
        if inodes == state and used != state:
            said, do = "inodes", "files"
        elif soon != "ok":
            said = "filling"
    if room.read_only and first.name != "source":
        state, said, do = "critical", "read-only", "read-only"
    measures = [
        look.measure("used_percent", room.used_percent, "percent", most=100.0),
        look.measure("free", room.free, "bytes"),
        look.measure("used", room.used, "bytes", most=float(room.used + room.free)),
    ]
    measures += _known(look, "inodes_percent", room.inodes_percent, "percent") + _known(
        look, "full_in", ends, "seconds"
    )
    return look.finding(
        state,
        said,
        do,
        about=first.name,
        measures=measures,
        items=[{"folder": str(place.folder), "holds": place.name} for place in sharing],
        words=words_of(look),
        folder=str(first.folder),
        mount=room.mount,
        quoted=shlex.quote(room.mount),
        share=room.used_percent,
        free=room.free,
        all=room.used + room.free,
        inodes=room.inodes_percent,
        full_in=ends,
    )


def _known(look: Look, name: str, value: float | None, unit: str) -> list[Measure]:
    return [] if value is None else [look.measure(name, value, unit)]


CHECKS = (
    Check(
        "disk",
        "machine",
        _disk,
        "outside",
        SOMETIMES,
        {
            # At 85 % a large index, a VACUUM FULL or a restore may no longer fit; at 95 % a busy day's WAL may not.
            "used_percent": Limit(85, 95),
            "inodes_percent": Limit(85, 95),
            # A week to buy a disk; a day in which somebody must do something.
            "full_in": Limit(7 * DAY, DAY, below=True),
        },
    ),
)
