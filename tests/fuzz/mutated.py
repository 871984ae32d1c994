"""One target without atheris: the kept inputs, changed at random by hypothesis, for so many seconds.

python -m fuzz.mutated TARGET SECONDS CRASHES SEED
"""

from __future__ import annotations

import hashlib
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st

import fuzz

EXAMPLES = 400
"""In one go of hypothesis, which then starts from another seed."""
HANGS = 25.0
"""Seconds that no input takes."""

Change = tuple[int, int, bytes]


def inputs(seeds: list[bytes], words: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """A kept input with parts of it replaced by words, bytes or parts of another."""
    piece = st.binary(max_size=6)
    if words:
        piece |= st.sampled_from(words)
    if seeds:
        piece |= st.builds(lambda whole, at, size: whole[at : at + size], st.sampled_from(seeds), _places, _sizes)
    changes = st.lists(st.tuples(_places, _sizes, piece), max_size=6)
    return st.builds(changed, st.sampled_from(seeds or [b""]), changes)


_places = st.integers(0, 400)
_sizes = st.integers(0, 12)


def changed(whole: bytes, changes: list[Change]) -> bytes:
    """The input after each change: at a place, so many bytes become others."""
    for at, size, piece in changes:
        at %= len(whole) + 1
        whole = whole[:at] + piece + whole[at + size :]
    return whole


class _Failed(Exception):
    pass


def run(
    one: fuzz.One, words: tuple[bytes, ...], seeds: list[bytes], seconds: float, start: int, most: int = 0
) -> tuple[int, bytes]:
    """How many inputs were run; and the smallest that fails, with its traceback written to stderr. b'' for none."""
    until = time.monotonic() + seconds
    done = 0
    failed: list[bytes] = []

    def tried(data: bytes) -> None:
        nonlocal done
        if (time.monotonic() > until or 0 < most <= done) and not failed:
            return
        done += 1
        began = time.monotonic()
        try:
            one(data)
        except Exception as error:
            failed.append(data)
            raise _Failed from error
        if time.monotonic() - began > HANGS:
            failed.append(data)
            raise _Failed(f"took more than {HANGS} seconds")

    for data in seeds:
        try:
            tried(data)
        except _Failed:
            traceback.print_exc()
            return done, failed[-1]
    while time.monotonic() < until and not 0 < most <= done:
        start += 1
        try:
            _round(tried, inputs(seeds, words), start)
        except _Failed:
            # The last that hypothesis tried is the smallest that it knows.
            traceback.print_exc()
            return done, failed[-1]
    return done, b""


def _round(tried: Callable[[bytes], None], strategy: st.SearchStrategy[bytes], start: int) -> None:
    @seed(start)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
    )
    @given(strategy)
    def attempt(data: bytes) -> None:
        tried(data)

    attempt()


def main(name: str, seconds: float, crashes: Path, start: int, most: int = 0) -> int:
    """Run a target, and keep the input that it fails on."""
    one, words = fuzz.target(name)
    done, failed = run(one, words, [path.read_bytes() for path in fuzz.kept(name)], seconds, start, most)
    print(f"stat::number_of_executed_units: {done}", flush=True)
    if not failed and not sys.exc_info()[0]:
        return 0
    crashes.mkdir(parents=True, exist_ok=True)
    (crashes / f"crash-{hashlib.sha1(failed).hexdigest()}").write_bytes(failed)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:6])))
