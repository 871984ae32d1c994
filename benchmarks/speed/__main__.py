"""python -m benchmarks.speed: measure litelift and other tools, and make the page of it."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.speed import page, plot
from benchmarks.speed.bench import ROOT, Bench, BenchFailed, Settings, say
from benchmarks.speed.recipes import Recipe, recipes
from benchmarks.speed.results import Results
from benchmarks.speed.server import running

QUICK_SCALE = 0.01
ROOM = 4.0


def main() -> int:
    """Run the command; the exit status: 1 where it could not be measured, 2 where the words are wrong."""
    words = _words()
    if words.page_of:
        _write(Results.read(words.page_of), words.output or ROOT / "docs")
        return 0
    words.folder.mkdir(parents=True, exist_ok=True)
    folder = words.folder.absolute()
    scales = [QUICK_SCALE] if words.quick else words.scales
    settings = Settings(
        folder,
        1 if words.quick else words.runs,
        words.timeout,
        tuple(words.only),
        0.0 if words.quick else 1.0,
        perf=not words.quick and shutil.which("perf") is not None,
    )
    chosen = _chosen(recipes(scales, small=words.quick), settings.only)
    need = int(ROOM * max(recipe.room for recipe in chosen)) + sum(recipe.room for recipe in chosen)
    free = shutil.disk_usage(folder).free
    say(f"{free / 1e9:.0f} GB are free in {folder}; this needs about {need / 1e9:.1f} GB")
    if free < need:
        print(f"error: there is too little room in {folder}. Name another folder: --folder DIR", file=sys.stderr)
        return 1
    try:
        with running(folder / "pg") as server:
            bench = Bench(settings, server, say)
            if not settings.perf and not words.quick:
                bench.results.absent.append("the profile (perf is not installed)")
            bench.measure(chosen)
    except BenchFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    bench.results.write(folder / "results.json")
    whole = not (words.quick or settings.only)
    _write(bench.results, words.output or (ROOT / "docs" if whole else folder))
    for line in _shown(bench.results):
        print(line)
    return 0


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--scales", type=_scales, default=[0.3, 1.0], help="TPC-H's [default: 0.3,1]")
    parser.add_argument("--runs", type=int, default=3, help="of each tool on each file [default: 3]")
    parser.add_argument(
        "--only", nargs="+", default=[], help="tools and datasets to run, such as litelift floor tpch-0.3 demo tiny"
    )
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one run [default: 300]")
    parser.add_argument("--quick", action="store_true", help="small files, one run: seconds")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench", help="where the files are kept")
    parser.add_argument("-o", "--output", type=Path, help="the folder of the page [default: docs, if all is run]")
    parser.add_argument("--page-of", type=Path, metavar="RESULTS", help="make the page of a results.json again")
    words = parser.parse_args()
    if words.runs < 1:
        parser.error("--runs: at least 1")
    names = [recipe.name for recipe in recipes(words.scales, small=words.quick)]
    tools = ["litelift", "litelift-pure", "pgloader", "duckdb", "write_row", "floor"]
    for word in words.only:
        if word not in tools and not any(name.startswith(word) for name in names):
            parser.error(f"--only: {word} is neither a tool ({', '.join(tools)}) nor a dataset ({', '.join(names)})")
    return words


def _scales(text: str) -> list[float]:
    scales = sorted(float(each) for each in text.split(","))
    if not scales or scales[0] <= 0:
        raise argparse.ArgumentTypeError("a scale is a number above 0")
    return scales


def _chosen(known: list[Recipe], only: tuple[str, ...]) -> list[Recipe]:
    return [recipe for recipe in known if any(recipe.name.startswith(word) for word in only)] or known


def _write(results: Results, folder: Path) -> None:
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    (images / "benchmarks.svg").write_text(plot.draw(results), encoding="utf-8")
    (folder / "benchmarks.md").write_text(page.render(results, "images/benchmarks.svg"), encoding="utf-8")
    say(f"Wrote {folder / 'benchmarks.md'}")


def _shown(results: Results) -> list[str]:
    text = page.render(results, "images/benchmarks.svg").splitlines()
    return [line for line in text if not line.startswith(("![", "Made by"))]


if __name__ == "__main__":
    sys.exit(main())
