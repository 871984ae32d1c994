"""The names of WAL segments, and what is missing among them.

A name has 24 hexadecimal digits: eight of the timeline, eight of the segment's high part and eight of its low part, of
which there are 4 GB / wal_segment_size ("Write-Ahead Log Internals", section 30.6 of the PostgreSQL 16 manual).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from litelift.backup.wal.found import Gap

PACKED = r"(?:\.(?:gz|gzip|zst|zstd|lz4|lzo|lzma|xz|bz2|br|snappy|Z|gpg|age|enc))*"
# pgBackRest puts the file's SHA-1 behind the name.
_NAME = re.compile(
    r"(?P<timeline>[0-9A-F]{8})(?:(?P<high>[0-9A-F]{8})(?P<low>[0-9A-F]{8})"
    r"(?P<kind>\.partial|\.[0-9A-F]{8}\.backup)?(?:-[0-9a-f]{40})?|(?P<history>\.history))" + PACKED
)

Kind = Literal["segment", "partial", "backup", "history"]


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A segment: one after another on each timeline."""

    timeline: int
    number: int


@dataclass(slots=True)
class Segments:
    """What an archive holds."""

    size: int
    """wal_segment_size, in bytes."""
    whole: set[Segment] = field(default_factory=set)
    histories: set[int] = field(default_factory=set)
    """The timelines whose history file is there."""
    newest_at: datetime | None = None

    def add(self, name: str) -> Kind | None:
        """Add what a file is, by its name; None where it is nothing of WAL."""
        parsed = parse(name, self.size)
        if parsed is None:
            return None
        kind, segment = parsed
        if kind == "segment":
            self.whole.add(segment)
        elif kind == "history":
            self.histories.add(segment.timeline)
        return kind

    @property
    def oldest(self) -> Segment | None:
        """The first, of the lowest timeline."""
        return min(self.whole, default=None)

    @property
    def newest(self) -> Segment | None:
        """The last, of the highest timeline."""
        return max(self.whole, default=None)


def parse(name: str, size: int) -> tuple[Kind, Segment] | None:
    """What a file of an archive is, by its name, whatever it is packed with; of a history file, its timeline alone."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    timeline = int(found["timeline"], 16)
    if found["history"]:
        return "history", Segment(timeline, 0)
    each, low = 0x1_0000_0000 // size, int(found["low"], 16)
    if low >= each or not timeline:
        return None
    kind = found["kind"] or ""
    what: Kind = "partial" if kind == ".partial" else "backup" if kind else "segment"
    return what, Segment(timeline, int(found["high"], 16) * each + low)


def named(name: object, size: int) -> Segment | None:
    """The whole segment of that name; None for anything else."""
    parsed = parse(name, size) if isinstance(name, str) else None
    return parsed[1] if parsed is not None and parsed[0] == "segment" else None


def name_of(segment: Segment, size: int) -> str:
    """Its name."""
    high, low = divmod(segment.number, 0x1_0000_0000 // size)
    return f"{segment.timeline:08X}{high:08X}{low:08X}"


def gaps(segments: Segments, *ends: Segment | None) -> list[Gap]:
    """What is missing on each timeline between its first and its last segment.

    ``ends`` are segments that have to be there as well: the first that a base backup needs, and the last that the
    server has archived.
    """
    held: dict[int, set[int]] = defaultdict(set)
    asked: dict[int, set[int]] = defaultdict(set)
    for segment in segments.whole:
        held[segment.timeline].add(segment.number)
    for end in ends:
        if end is not None and end not in segments.whole:
            asked[end.timeline].add(end.number)
    found: list[Gap] = []
    for timeline in sorted(held.keys() | asked.keys()):
        expected: int | None = None
        missing: list[tuple[int, int]] = []
        for number in sorted(held[timeline] | asked[timeline]):
            if expected is not None and number > expected:
                missing.append((expected, number - 1))
            if number in asked[timeline]:
                missing.append((number, number))
            expected = number + 1
        found += [_gap(timeline, first, last, segments.size) for first, last in _joined(missing)]
    return found


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and joined[-1][1] + 1 == first:
            first = joined.pop()[0]
        joined.append((first, last))
    return joined


def _gap(timeline: int, first: int, last: int, size: int) -> Gap:
    ends = (name_of(Segment(timeline, number), size) for number in (first, last))
    return Gap(timeline=timeline, first=next(ends), last=next(ends), segments=last - first + 1)
