"""Names of WAL segments, and the gaps between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litelift.backup.wal.segments import Segment, Segments, gaps, name_of, named, parse

MEGABYTE = 1 << 20
SIZES = [MEGABYTE, 16 * MEGABYTE, 64 * MEGABYTE, 1024 * MEGABYTE]
DEFAULT = 16 * MEGABYTE

NAMES = [
    ("0000000100000000000000FF", ("segment", Segment(1, 255))),
    ("000000010000000100000000", ("segment", Segment(1, 256))),
    ("0000000A0000000100000001.gz", ("segment", Segment(10, 257))),
    ("000000010000000000000001-250ce6db2f2836784d43a81b9fb3022ceed8ff94.gz", ("segment", Segment(1, 1))),
    ("000000010000000000000001.zst.age", ("segment", Segment(1, 1))),
    ("000000010000000000000002.partial", ("partial", Segment(1, 2))),
    ("000000010000000000000002.00000028.backup", ("backup", Segment(1, 2))),
    ("000000010000000000000002.00000028.backup.gz", ("backup", Segment(1, 2))),
    ("00000002.history", ("history", Segment(2, 0))),
    ("000000010000000000000100", None),
    ("000000000000000000000001", None),
    ("00000001000000000000000g", None),
    ("000000010000000000000001.tmp", None),
    ("archive.log", None),
]


@pytest.mark.parametrize(("name", "what"), NAMES, ids=[name for name, _ in NAMES])
def test_a_file_of_an_archive_is_known_by_its_name(name: str, what: object) -> None:
    assert parse(name, DEFAULT) == what


@given(
    size=st.sampled_from(SIZES),
    timeline=st.integers(1, 0xFFFF_FFFF),
    high=st.integers(0, 0xFFFF_FFFE),
    low=st.integers(0, 3),
)
def test_a_name_is_that_of_its_segment(size: int, timeline: int, high: int, low: int) -> None:
    name = f"{timeline:08X}{high:08X}{low:08X}"
    segment = named(name, size)
    assert segment is not None
    assert name_of(segment, size) == name
    # The one behind the last of a high part is the first of the next.
    last = named(f"{timeline:08X}{high:08X}{0x1_0000_0000 // size - 1:08X}", size)
    assert last is not None
    assert name_of(Segment(timeline, last.number + 1), size) == f"{timeline:08X}{high + 1:08X}00000000"


numbers = st.builds(Segment, st.integers(1, 3), st.integers(250, 262))


@given(held=st.sets(numbers), ends=st.lists(numbers, max_size=2))
def test_the_gaps_are_all_that_is_missing_between_the_first_and_the_last(
    held: set[Segment], ends: list[Segment]
) -> None:
    found = gaps(Segments(DEFAULT, set(held)), *ends)
    missing = set()
    for timeline in {segment.timeline for segment in [*held, *ends]}:
        known = [segment.number for segment in [*held, *ends] if segment.timeline == timeline]
        between = {Segment(timeline, number) for number in range(min(known), max(known) + 1)}
        missing |= between - held
    told = set()
    for gap in found:
        first, last = named(gap.first, DEFAULT), named(gap.last, DEFAULT)
        assert first is not None
        assert last is not None
        assert gap.segments == last.number - first.number + 1
        # As long as it can be: what stands on either side is there, or is beyond the ends.
        assert not {Segment(gap.timeline, first.number - 1), Segment(gap.timeline, last.number + 1)} & missing
        told |= {Segment(gap.timeline, number) for number in range(first.number, last.number + 1)}
    assert told == missing
