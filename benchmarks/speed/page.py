"""The page: docs/benchmarks.md, and what the terminal shows."""

from __future__ import annotations

from textwrap import wrap

from benchmarks.speed import tool_litelift
from benchmarks.speed.method import method
from benchmarks.speed.ratios import Ratio, ratios
from benchmarks.speed.results import Moved, Results
from benchmarks.speed.tool import DONE, TOO_LONG, Step
from litelift.report.format import count, size

WHOLE = ("tpch-0.3", "tpch-1", "tiny-5000")
RUNS = 3
_STEPS = ("open", "census", "plan", "create", "load", "build", "prove")


def render(results: Results, picture: str) -> str:
    """The whole page, in Markdown; ``picture`` is where the plot is, as seen from the page."""
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Made by `make bench`; do not edit. One run, side by side: every tool, the same files, the same server.",
            "",
            *_machine(results),
            "",
            f"![Seconds for each tool and dataset]({picture})",
            "",
            "## The promises",
            "",
            *promises(results),
            "",
            *(line for dataset in results.datasets for line in _dataset(results, dataset)),
            "## Where the time goes",
            "",
            *_times(results),
            "## How it is measured",
            "",
            *method(),
            "",
        ]
    )


def promises(results: Results) -> list[str]:
    """The table of the promises."""
    return [
        *_partial(results),
        "| | | measured | at most | holds |",
        "|---|---|---:|---:|---|",
        *(_promise(ratio) for ratio in ratios(results)),
    ]


def _partial(results: Results) -> list[str]:
    """What keeps this run from speaking of the promises; nothing after a whole one."""
    found = {dataset.name for dataset in results.datasets}
    turns = [len(results.of(tool, WHOLE[0])) for tool in results.tools]
    if found.issuperset(WHOLE) and min(turns, default=0) >= RUNS:
        return []
    said = (
        "**A partial run**: the promises are about TPC-H at scale 0.3 and 1, 5,000 tiny tables, and medians of three "
        "runs. What follows was measured at what it names, and says little about them."
    )
    return [*wrap(said, 118), ""]


def _promise(ratio: Ratio) -> str:
    value = "not measured" if ratio.value is None else f"{ratio.value:.2f} {ratio.unit}".strip()
    how = f" ({ratio.how})" if ratio.how else ""
    holds = {True: "yes", False: "**no**", None: ""}[ratio.holds]
    return (
        f"| {ratio.number} | {ratio.title} | {value}{how} | {ratio.bound:.2f} {ratio.unit}".rstrip() + f" | {holds} |"
    )


def _machine(results: Results) -> list[str]:
    machine = results.machine
    settings = ", ".join(f"`{name}` {value}" for name, value in machine.settings.items())
    said = (
        f"Measured on {machine.cores} cores with {machine.memory / 1e9:.0f} GB of memory, {machine.system}; "
        f"{results.litelift}, Python {machine.python}, SQLite {machine.sqlite}; PostgreSQL {machine.postgres}, "
        f"the embedded one as it comes ({settings}), over a Unix socket."
    )
    lines = wrap(said, 118, break_on_hyphens=False)
    if results.absent:
        lines += ["", "Not taking part: " + "; ".join(results.absent) + "."]
    return lines


def _dataset(results: Results, dataset: Moved) -> list[str]:
    lines = [
        f"## {dataset.title}",
        "",
        f"{count(dataset.rows, 'row')} in {count(dataset.tables, 'table')}, {size(dataset.bytes)}.",
        "",
        "| | runs | seconds | load step | rows/s | MB/s | client CPU | peak memory | largest process | lost |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---|",
        *(line for tool in results.tools if (line := row(results, tool, dataset))),
        "",
    ]
    notes = [
        f"- {results.tools[tool]}: {'; '.join(told)}."
        for tool in results.tools
        if (told := list(dict.fromkeys(each for run in results.of(tool, dataset.name) for each in _short(run.trouble))))
    ]
    return [*lines, *([*notes, ""] if notes else [])]


def row(results: Results, tool: str, dataset: Moved) -> str | None:
    """A tool's line in the table of a dataset; None where it did not run."""
    runs = results.of(tool, dataset.name)
    if not runs:
        return None
    done = [run for run in runs if run.outcome == DONE]
    lost = next((run.lost for run in runs if run.lost), ())
    if not done:
        said = "stopped after" if runs[0].outcome == TOO_LONG else "failed after"
        cells = [str(len(runs)), f"{said} {runs[0].seconds:.0f}", "", "", "", f"{runs[0].processor:.2f} s"]
        cells += [size(runs[0].memory), size(runs[0].largest), "; ".join(lost) or "nothing found"]
        return f"| {results.tools[tool]} | " + " | ".join(cells) + " |"
    seconds = results.median(tool, dataset.name, lambda run: run.seconds) or 0.0
    step = results.step(tool, dataset.name, "load")
    cells = [
        str(len(done)),
        f"{seconds:.2f}",
        f"{step.seconds:.2f}" if step else "",
        f"{dataset.rows / seconds:,.0f}",
        f"{dataset.bytes / seconds / 1e6:.1f}",
        f"{results.median(tool, dataset.name, lambda run: run.processor):.2f} s",
        size(int(results.median(tool, dataset.name, lambda run: run.memory) or 0)),
        size(int(results.median(tool, dataset.name, lambda run: run.largest) or 0)),
        "; ".join(lost) or "nothing",
    ]
    return f"| {results.tools[tool]} | " + " | ".join(cells) + " |"


def _short(trouble: tuple[str, ...], most: int = 3) -> list[str]:
    cut = [each if len(each) <= 160 else each[:157] + "..." for each in map(_plain, trouble)]
    return cut if len(cut) <= most else [*cut[:most], f"and {len(cut) - most:,} more"]


def _rest(results: Results, tool: str, dataset: str, steps: list[Step]) -> str:
    """Starting, the workers' starting and ending, the report: what is in no step."""
    seconds = (results.median(tool, dataset, lambda run: run.seconds) or 0) - sum(step.seconds for step in steps)
    client = (results.median(tool, dataset, lambda run: run.processor) or 0) - sum(step.processor for step in steps)
    server = (results.median(tool, dataset, lambda run: run.server) or 0) - sum(step.server for step in steps)
    return f"| outside of these | {seconds:.2f} | {max(client, 0.0):.2f} s | {max(server, 0.0):.2f} s |"


def _plain(text: str) -> str:
    """What a tool said, without what Markdown would take for its own, or what no one can read."""
    return "".join(letter if letter.isprintable() and letter not in "|<>`*\ufffd" else " " for letter in text)


def _times(results: Results) -> list[str]:
    lines: list[str] = []
    for tool in (tool_litelift.COMPILED, tool_litelift.PURE):
        for dataset in results.datasets:
            steps = [step for name in _STEPS if (step := results.step(tool, dataset.name, name))]
            if not steps or not dataset.name.startswith(("tpch", "demo")):
                continue
            lines += [
                f"{results.tools[tool]}, {dataset.title}:",
                "",
                "| step | seconds | client CPU | server CPU |",
                "|---|---:|---:|---:|",
                *(
                    f"| {each.name} | {each.seconds:.2f} | {each.processor:.2f} s | {each.server:.2f} s |"
                    for each in steps
                ),
                _rest(results, tool, dataset.name, steps),
                "",
            ]
    for name, top in results.profile.items():
        lines += [f"perf, most of the {name}'s processor time:", "", *(f"- {each}" for each in top), ""]
    return lines
