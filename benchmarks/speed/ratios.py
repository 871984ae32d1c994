"""The promises about speed, each with its bound and what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.speed import tool_floor, tool_litelift, tool_pgloader
from benchmarks.speed.results import Results
from benchmarks.speed.tool import TOO_LONG, Run

REFERENCE_ROWS = 2_600_000
LOAD_PROCESSOR = 2.0
MEMORY = 250_000_000

Value = Callable[[Run], float | None]


@dataclass(frozen=True)
class Ratio:
    """A promise: what is compared, the bound that the value may reach, the value (None: not measured), its unit."""

    number: str
    title: str
    value: float | None
    bound: float
    unit: str = ""
    how: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether it holds; None where it was not measured."""
        return None if self.value is None else self.value <= self.bound


def _wall(run: Run) -> float:
    return run.seconds


def _step(name: str) -> Value:
    def seconds(run: Run) -> float | None:
        step = run.step(name)
        return step.seconds if step else None

    return seconds


def _load_processor(run: Run) -> float | None:
    step = run.step("load")
    return step.processor if step else None


def ratios(results: Results) -> list[Ratio]:
    """All promises; the smallest scale of TPC-H is the one that they speak of, the largest the one to grow to."""
    scales = sorted(
        (each for each in results.datasets if each.name.startswith("tpch-")), key=lambda each: float(each.name[5:])
    )
    if not scales:
        return [each for each in _tiny(results) if each.value is not None]
    small, large = scales[0], scales[-1]
    fast = tool_litelift.COMPILED if tool_litelift.COMPILED in results.tools else tool_litelift.PURE
    name = results.tools.get(fast, fast)

    def median(tool: str, value: Value, dataset: str = small.name) -> float | None:
        return results.median(tool, dataset, value)

    whole = median(fast, _wall)
    # Beside what is built on loaded tables the load takes longer; so it is measured once more, alone.
    alone = tool_litelift.APART if tool_litelift.APART in results.tools else fast
    load = median(alone, _step("load"))
    floor_load = median(tool_floor.NAME, _step("load"))
    pgloader = _pgloader(results, small.name)
    grown = large.name if large.name != small.name else None
    return [
        Ratio(
            "1",
            f"{small.title}, everything: {name} / pgloader",
            _over(whole, pgloader),
            0.6,
            how=_seconds(whole, pgloader),
        ),
        Ratio(
            "1",
            f"{small.title}, everything: {name} / the floor",
            _over(whole, floor := median(tool_floor.NAME, _wall)),
            1.5,
            how=_seconds(whole, floor),
        ),
        Ratio(
            "2",
            f"{small.title}, the load step alone: {name} / the floor's COPY",
            _over(load, floor_load),
            1.5,
            how=_seconds(load, floor_load),
        ),
        Ratio(
            "2",
            f"{small.title}, the load step alone: client processor time for {small.rows / 1e6:.2f} million rows",
            median(alone, _load_processor),
            LOAD_PROCESSOR * small.rows / REFERENCE_ROWS,
            "s",
        ),
        Ratio(
            "3",
            f"{small.title}: proof / load step of {name}",
            _over(proof := median(fast, _step("prove")), load),
            0.5,
            how=_seconds(proof, load),
        ),
        Ratio(
            "4",
            f"{small.title}, everything: litelift, pure Python / pgloader",
            _over(pure := median(tool_litelift.PURE, _wall), pgloader),
            1.2,
            how=_seconds(pure, pgloader),
        ),
        *_growth(results, fast, small.name, grown, small.rows, large.rows),
        *_tiny(results),
    ]


def _growth(
    results: Results, fast: str, small: str, grown: str | None, small_rows: int, large_rows: int
) -> Iterator[Ratio]:
    def median(value: Value, dataset: str | None) -> float | None:
        return results.median(fast, dataset, value) if dataset else None

    memory, more = median(lambda run: run.memory, small), median(lambda run: run.memory, grown)
    sizes = f"{more / 1e6:.0f} MB / {memory / 1e6:.0f} MB" if memory and more else ""
    scales = f"scale {grown[5:] if grown else '?'} / scale {small[5:]}"
    yield Ratio("5", f"TPC-H, peak memory: {scales}", _over(more, memory), 1.10, how=sizes)
    yield Ratio("5", "TPC-H, the larger scale: peak memory", more / 1e6 if more else None, MEMORY / 1e6, "MB")
    first, second = median(_wall, small), median(_wall, grown)
    each = first / small_rows if first else None
    later = second / large_rows if second else None
    how = f"{later * 1e6:.2f} µs / {each * 1e6:.2f} µs" if each and later else ""
    yield Ratio("6", f"TPC-H, time per row: {scales}", _over(later, each), 1.15, how=how)


def _tiny(results: Results) -> Iterator[Ratio]:
    fast = tool_litelift.COMPILED if tool_litelift.COMPILED in results.tools else tool_litelift.PURE
    for each in results.datasets:
        if each.name.startswith("tiny-"):
            ours, theirs = results.median(fast, each.name, _wall), _pgloader(results, each.name)
            title = f"{each.title}, everything: {results.tools.get(fast, fast)} / pgloader"
            yield Ratio("6", title, _over(ours, theirs), 0.25, how=_seconds(ours, theirs))


def _pgloader(results: Results, dataset: str) -> float | None:
    """Its time; where it was stopped because it took too long, the time up to then, which is in our disfavour."""
    known = results.median(tool_pgloader.NAME, dataset, _wall)
    stopped = [run.seconds for run in results.of(tool_pgloader.NAME, dataset) if run.outcome == TOO_LONG]
    return known if known is not None else min(stopped, default=None)


def _over(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _seconds(part: float | None, whole: float | None) -> str:
    return f"{part:.2f} s / {whole:.2f} s" if part is not None and whole is not None else ""
