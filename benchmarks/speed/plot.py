"""The picture: for each dataset a bar per tool, litelift's and the floor's cut into their steps. Plain SVG."""

from __future__ import annotations

from html import escape

from benchmarks.speed.results import Moved, Results
from benchmarks.speed.tool import TOO_LONG

WIDTH, LEFT, RIGHT = 860, 250, 90
BAR, GAP, HEAD = 18, 6, 34
COLOURS = {"census": "#8ecae6", "load": "#219ebc", "build": "#f4a261", "prove": "#2a9d8f", "rest": "#adb5bd"}
WORDS = {"census": "census", "load": "load", "build": "keys, indexes, statistics", "prove": "proof", "rest": "the rest"}


def draw(results: Results) -> str:
    """The picture's SVG."""
    parts: list[str] = []
    y = 30
    x = LEFT
    for name, colour in COLOURS.items():
        parts.append(f'<rect x="{x}" y="8" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 17}" y="18">{WORDS[name]}</text>')
        x += 35 + 7 * len(WORDS[name])
    for dataset in results.datasets:
        y = _dataset(results, dataset, y, parts)
    height = y + 10
    style = "text{font:13px system-ui,sans-serif;fill:#222}.t{font-weight:600}.n{text-anchor:end}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img"><title>Seconds for each tool and dataset; shorter is faster</title><style>{style}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _dataset(results: Results, dataset: Moved, y: int, parts: list[str]) -> int:
    bars = [
        (tool, title, time) for tool, title in results.tools.items() if (time := _time(results, tool, dataset.name))
    ]
    if not bars:
        return y
    y += HEAD
    parts.append(f'<text class="t" x="10" y="{y - 8}">{escape(dataset.title)}</text>')
    longest = max(time for _, _, time in bars)
    for tool, title, time in bars:
        scale = (WIDTH - LEFT - RIGHT) / longest
        parts.append(f'<text class="n" x="{LEFT - 8}" y="{y + 14}">{escape(title.replace("`", ""))}</text>')
        at = float(LEFT)
        for name, seconds in _cut(results, tool, dataset.name, time):
            parts.append(
                f'<rect x="{at:.1f}" y="{y}" width="{seconds * scale:.1f}" height="{BAR}" fill="{COLOURS[name]}"/>'
            )
            at += seconds * scale
        stopped = any(run.outcome == TOO_LONG for run in results.of(tool, dataset.name))
        parts.append(f'<text x="{at + 6:.1f}" y="{y + 14}">{"over " if stopped else ""}{time:.1f} s</text>')
        y += BAR + GAP
    return y


def _time(results: Results, tool: str, dataset: str) -> float | None:
    done = results.median(tool, dataset, lambda run: run.seconds)
    stopped = [run.seconds for run in results.of(tool, dataset) if run.outcome == TOO_LONG]
    return done if done is not None else min(stopped, default=None)


def _cut(results: Results, tool: str, dataset: str, time: float) -> list[tuple[str, float]]:
    steps = [(name, step.seconds) for name in COLOURS if (step := results.step(tool, dataset, name))]
    return [*steps, ("rest", max(0.0, time - sum(seconds for _, seconds in steps)))]
