"""python -m chaos: the long soak."""

from __future__ import annotations

import argparse
import math
import secrets
import sys
import time
from pathlib import Path

from chaos.outcome import table
from chaos.soak import KINDS, SHAPE_NAMES, Plan, possible, soak


def main() -> int:
    """Run it; 1 if anything was lost, doubled, hung, or ended otherwise than allowed."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=200, help="how many trials")
    parser.add_argument("--seed", default="", help="as an earlier run printed it")
    parser.add_argument("--jobs", type=int, default=3, help="how many at once")
    parser.add_argument("--kinds", nargs="*", default=[], choices=[*KINDS, []], help="only these kinds of faults")
    parser.add_argument("--shapes", nargs="*", default=[], help="only these databases")
    parser.add_argument("--only", type=int, nargs="*", default=[], help="only the trials of these numbers")
    parser.add_argument("--sample", type=Path, help="a SQLite file to move too")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no trial after so many")
    words = parser.parse_args()
    began = time.monotonic()
    seed = words.seed or str(secrets.randbelow(1 << 32))
    kinds, left_out = possible(words.kinds or list(KINDS))
    shapes = tuple(words.shapes or SHAPE_NAMES) + ((words.sample.name,) if words.sample else ())
    sys.stdout.write(f"seed {seed}\n")
    numbers = words.only or range(words.faults)
    plan = Plan(seed, kinds, shapes)
    outcomes = soak(plan, numbers, min(words.jobs, len(numbers)), words.sample, words.seconds)
    sys.stdout.write("\n" + table(outcomes, left_out, seed, time.monotonic() - began) + "\n")
    return int(any(outcome.bad for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
