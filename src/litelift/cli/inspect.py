"""litelift inspect SRC: what is in there, what will be hard, what is proposed."""

from __future__ import annotations

import typer
from rich.table import Table
from rich.text import Text

from litelift.cli.migrate import PlanPath, SourceWords
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.cli.progress import ProgressView
from litelift.move.progress import Progress
from litelift.plan.file import read_plan
from litelift.plan.inspection import Inspection, Looked
from litelift.preflight.survey import inspect_source
from litelift.report.format import duration, size

SHOWN = 40


def inspect(
    src: SourceWords,
    plan: PlanPath = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Show what is in a SQLite database, what will be hard, and what is proposed.

    Reads every value and writes nothing. Exits 3 where something will need a person, else 0.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        inspection = look(output, src, plan).inspection
        if json:
            output.document(inspection)
        else:
            _show(output, inspection)
        raise typer.Exit(3 if inspection.needs_a_person else 0)


def look(output: Output, src: str, plan: PlanPath) -> Looked:
    """Inspect, showing the progress."""
    file = read_plan(plan) if plan else None
    with ProgressView(output.err, output.quiet) as view:

        def tell(sign: Progress) -> None:
            # Only the bars: what it finds is told at the end.
            if sign.done and not sign.finished:
                view(sign)

        return inspect_source(src, file, tell)


def _show(output: Output, inspection: Inspection) -> None:
    output.say(
        f"{inspection.path}: {size(inspection.bytes)}, {len(inspection.tables):,} tables, {inspection.rows:,} rows, "
        f"{inspection.encoding}, journal mode {inspection.journal_mode}",
        "",
    )
    if not output.quiet:
        _tables(output, inspection)
    most = 10_000 if output.verbose else SHOWN
    _list(
        output,
        "Types that differ from what is declared",
        [c.why for c in inspection.columns if c.why],
        most,
    )
    _list(
        output,
        "Will need a person",
        [n.message for n in inspection.notices if n.level == "attention" and n.kind != "type"],
        most,
    )
    _list(
        output,
        "Orphans (rows that refer to nothing)",
        [
            f"{o.table}.{', '.join(o.columns)} -> {o.parent}: {o.count:,}; {'; '.join(o.examples[:5])}"
            for o in inspection.orphans
        ],
        most,
    )
    _list(
        output,
        "Columns that look like enums",
        [
            f"{e.table}.{e.column}: " + ", ".join(f"{value} ({count:,})" for value, count in e.values.items())
            for e in inspection.enums
        ],
        most,
    )
    _list(
        output,
        "Forms that the types do not say",
        [f"{f.table}.{f.column}: {f.form}, for instance {f.example}" for f in inspection.forms],
        most,
    )
    _list(
        output,
        "Told",
        [n.message for n in inspection.notices if n.level == "info" and n.kind != "type"],
        most,
    )
    _list(output, "Not carried", [f"{u.kind} {u.name}: {u.reason}" for u in inspection.untranslated], most)
    least, longest = inspection.estimate_seconds
    output.say(
        f"Estimate: a move and its proof take {duration(least)} to {duration(longest)} on this machine "
        f"(reading every value took {duration(inspection.census_seconds)}).",
        "Next: litelift plan SRC -o plan.toml, or litelift migrate SRC",
    )


def _tables(output: Output, inspection: Inspection) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("table")
    for name in ("rows", "bytes"):
        table.add_column(name, justify="right")
    table.add_column("key")
    for name in ("columns", "indexes", "foreign keys"):
        table.add_column(name, justify="right")
    for item in inspection.tables:
        key = ", ".join(item.key) or "none"
        counts = [f"{item.columns}", f"{item.indexes or ''}", f"{item.foreign_keys or ''}"]
        table.add_row(Text(item.name), f"{item.rows:,}", size(item.bytes), Text(key), *counts)
    output.out.print(table)
    output.say("")


def _list(output: Output, heading: str, lines: list[str], most: int) -> None:
    if not lines:
        return
    output.say(Text(f"{heading} ({len(lines)})", style="bold"))
    for line in lines[:most]:
        output.say(f"  • {line}")
    if len(lines) > most:
        output.say(f"  and {len(lines) - most} more (--verbose)")
    output.say("")
