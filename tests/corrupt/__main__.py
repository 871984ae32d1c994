"""python -m corrupt [FOLDER] --mutations N --seed N: damage real databases, move each, judge; exit 1 on any fault."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from corrupt.generated import make_small
from corrupt.judge import Verdict, judge
from corrupt.mutations import KINDS, mutate
from litelift.compiled import path_words
from litelift.demo.make import make_demo
from litelift.postgres import embedded

PREFERRED = ("actual_budget", "datasette_fixtures", "pocketbase_data", "sqlite_utils_made", "text2sql_geography")
OUTCOMES = ("proved", "quarantine", "refused")
_TITLES = ("proved", "with quarantine", "refused", "faults")


def originals(samples: Path | None, folder: Path) -> list[Path]:
    """Five databases of the folder of samples; without one, those that are made here."""
    if samples is None or samples == Path() or not samples.is_dir():
        demo = folder / "demo.sqlite"
        make_demo(demo)
        return [make_small(folder / "generated.sqlite"), demo]
    from benchmarks.fidelity.samples import find, name, unpack

    found = sorted(find(samples), key=lambda path: (name(path) not in PREFERRED, path.stat().st_size))[:5]
    unpacked = []
    for path in found:
        unpacked.append(folder / f"{name(path)}.sqlite")
        unpack(path, unpacked[-1])
    return unpacked


@contextmanager
def fresh(url: Callable[[str], str], name: str) -> Iterator[str]:
    """An empty database."""
    with psycopg.connect(url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        yield url(name)
    finally:
        with psycopg.connect(url("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def attempt(
    files: Sequence[Path], number: int, seed: int, url: Callable[[str], str], folder: Path
) -> tuple[str, str, Verdict]:
    """One mutation, which its seed and number alone decide: its kind, what it was made of, and the verdict."""
    dice = random.Random(f"{seed}/{number}")
    kind = list(KINDS)[number % len(KINDS)]
    original = files[number // len(KINDS) % len(files)]
    own = folder / f"m{number}"
    own.mkdir()
    path = own / original.name
    path.write_bytes(mutate(original.read_bytes(), kind, dice))
    with fresh(url, f"m{seed}_{number}") as target:
        jobs = "2" if number % 4 == 3 else "1"
        try:
            verdict = judge(path, target, "--jobs", jobs)
        except Exception as error:
            # The judge itself: whatever it cannot judge must be looked at.
            verdict = Verdict("unknown", faults=(f"it cannot be judged: {type(error).__name__}: {error}",))
    if not verdict.faults:
        shutil.rmtree(own)
    return kind, original.name, verdict


def table(found: Sequence[tuple[str, str, Verdict]]) -> list[str]:
    """The table by kind of mutation."""
    rows: list[tuple[str, ...]] = [("mutation", "files", *_TITLES)]
    for kind in (*KINDS, "all"):
        verdicts = [verdict for one, _, verdict in found if kind in (one, "all")]
        counts = [sum(one.outcome == outcome for one in verdicts) for outcome in OUTCOMES]
        rows.append((kind, *map(str, (len(verdicts), *counts, sum(bool(one.faults) for one in verdicts)))))
    return [f"{row[0]:18}" + "".join(f"{cell:>17}" for cell in row[1:]) for row in rows]


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m corrupt", description=__doc__)
    parser.add_argument("samples", type=Path, nargs="?")
    parser.add_argument("--mutations", type=int, default=300)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", type=int, help="one mutation, by its number")
    parser.add_argument("--parallel", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="where the files with faults go")
    words = parser.parse_args()
    seed = random.randrange(1 << 31) if words.seed is None else words.seed
    with tempfile.TemporaryDirectory(prefix="litelift-corrupt-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        # The server runs as another user where this is root.
        folder.chmod(0o755)
        files = originals(words.samples, folder)
        numbers = range(words.mutations) if words.only is None else [words.only]
        print(f"{len(numbers)} mutations of {', '.join(path.name for path in files)}; seed {seed}; {path_words()}")
        server = embedded.start(folder / "pg")
        try:

            def url(database: str) -> str:
                return embedded.database_url(server.url or "", database)

            with ThreadPoolExecutor(words.parallel) as pool:
                found = list(pool.map(lambda number: attempt(files, number, seed, url, folder), numbers))
        finally:
            embedded.stop(server.folder)
        for number, (kind, name, verdict) in zip(numbers, found, strict=True):
            for fault in verdict.faults:
                print(f"fault: {name}, {kind}, --seed {seed} --only {number}: {fault}")
            if verdict.faults and words.keep:
                words.keep.mkdir(exist_ok=True)
                shutil.copy(folder / f"m{number}" / name, words.keep / f"{seed}-{number}-{name}")
    print("\n".join(table(found)))
    refusals = Counter(verdict.error for _, _, verdict in found if verdict.error)
    print("refused as: " + ", ".join(f"{kind} {count}" for kind, count in refusals.most_common()))
    faults = sum(bool(verdict.faults) for _, _, verdict in found)
    print(
        f"longest {max(one.seconds for _, _, one in found):.1f} s,"
        f" most memory {max(one.memory for _, _, one in found) >> 20} MB; {faults} faults"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
