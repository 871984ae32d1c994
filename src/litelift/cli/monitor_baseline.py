"""litelift monitor baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from litelift.cli.monitor_words import Folder, What
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told

if TYPE_CHECKING:
    from litelift.monitor.baseline_take import Taken
    from litelift.monitor.finding import Measure

_DAYS = 48 * 3600.0
"""Seconds from which a time is told in days."""


def baseline(
    what: What = None,
    folder: Folder = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the baseline if one is there.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Record what is normal: every measure of the checks, looked at some times, and the rows of every table.

    Later looks are compared with it. The cutover takes one too, of an application that nobody uses yet: take it again
    on an ordinary day.
    """
    from litelift.monitor.baseline import refuse_to_replace, write_baseline
    from litelift.monitor.baseline_take import LOOKS, PAUSE, take
    from litelift.monitor.watched import watched
    from litelift.report.format import count

    output = Output(json, quiet, verbose)
    with told(output):
        of = watched(what, folder)
        if not force:
            refuse_to_replace(of.folder)
        if verbose and not quiet:
            output.err.print(Text(f"Counting rows, and looking {LOOKS} times, {PAUSE:g} s apart"))
        taken = take(of, looks=LOOKS, pause=PAUSE)
        path = write_baseline(of.folder, taken.baseline)
        if json:
            output.document({"file": str(path), **taken.baseline.model_dump(mode="json"), "exit_code": 0})
            return
        if not quiet:
            output.out.print(_table(taken))
        found = taken.baseline
        rows = f"{count(sum(found.rows.values()), 'row')} of {count(len(found.rows), 'table')}"
        output.say(f"{count(len(found.measures), 'measure')}, {rows}: {path}")


def _table(taken: Taken) -> Table:
    from litelift.monitor.baseline_take import series_of
    from litelift.monitor.words import title

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("normal", overflow="fold")
    table.add_column("measure", overflow="fold")
    table.add_column("is", justify="right")
    before = ""
    for finding in taken.findings:
        name = title(finding.check) + (f" {finding.about}" if finding.about else "")
        for series, measure in series_of([finding]):
            if series in taken.baseline.measures:
                shown = _shown(measure, taken.baseline.measures[series])
                table.add_row(Text(name if name != before else ""), Text(measure.name.replace("_", " ")), Text(shown))
                before = name
    return table


def _shown(measure: Measure, value: float) -> str:
    from litelift.monitor.words.format import formatted

    forms = {"bytes": "bytes", "seconds": "age" if value >= _DAYS else "duration", "percent": "percent"}
    said = formatted(value, forms[measure.unit], "en") if measure.unit in forms else f"{value:,.4g}"
    return f"{said} each second" if measure.counter else said
