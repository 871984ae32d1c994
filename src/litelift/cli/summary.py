"""A result in a screenful: the verdict, what needs a person, and what to do next."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from shlex import quote

from rich.table import Table
from rich.text import Text

from litelift.cli.output import Output, called
from litelift.report.format import duration, size
from litelift.result import Difference, MigrationResult, Notice, Proof

SHOWN = 12
LISTED_ASIDE = frozenset({"quarantine", "text"})
"""Notices of what is listed value by value as kept aside."""
TABLES = 15


def summary(output: Output, result: MigrationResult, written: list[Path], first: Collection[str] = ()) -> None:
    """Print the end of a move; the tables ``first`` come before the biggest ones."""
    code = result.exit_code
    seconds = (result.finished - result.started).total_seconds()
    rows = sum(table.loaded for table in result.tables)
    if output.quiet:
        output.say(_verdict(code, result, rows, seconds))
        return
    output.say("")
    _tables(output, result, first)
    proof_lines(output, result.proof, SHOWN)
    _aside(output, result)
    _notices(output, result.notices)
    _untranslated(output, result)
    output.say("", _proved(result.proof), _verdict(code, result, rows, seconds))
    for path in written:
        if path.suffix == ".html":
            output.say(f"Report: {path}")
    if result.target.embedded:
        target = result.target
        output.say(
            f"Connect: psql '{target.display}'",
            f"Stop it: {called()} server stop {quote(result.source.path)}",
        )


def _verdict(code: int, result: MigrationResult, rows: int, seconds: float) -> Text:
    counted = f"{rows:,} rows in {len(result.tables):,} tables, {duration(seconds)}"
    if code == 0:
        return Text("Moved and proved: ", style="bold green") + Text(
            f"{counted}; every row was compared.", style="default"
        )
    if code == 3:
        waiting = sum(1 for notice in result.notices if notice.level == "attention" and notice.kind not in LISTED_ASIDE)
        words = (
            f"{counted}; every row was compared. For a person: {result.quarantined_total:,} kept aside, "
            f"{waiting} notices, {len(result.untranslated)} not carried."
        )
        return Text("Moved and proved, and something needs a person: ", style="bold yellow") + Text(
            words, style="default"
        )
    differ = sum(proof.total_differences for proof in result.proof.tables)
    kept = "the target is as it was" if result.mode == "data-only" else "do not use the target"
    return Text("Failed: ", style="bold red") + Text(
        f"the proof found {differ:,} differences; {kept}. The report names them.", style="default"
    )


def _proved(proof: Proof) -> str:
    rows = sum(table.source_rows for table in proof.tables)
    objects = ", ".join(f"{item.present:,} of {item.expected:,} {item.kind}" for item in proof.objects)
    ahead = sum(sequence.ok for sequence in proof.sequences)
    return (
        f"Proof: {rows:,} rows compared by content; {ahead:,} of {len(proof.sequences):,} sequences ahead of the data; "
        f"{objects or 'no keys or constraints'} in place"
    )


def _tables(output: Output, result: MigrationResult, first: Collection[str]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (
        ("table", "left"),
        ("in SQLite", "right"),
        ("in PostgreSQL", "right"),
        ("kept aside", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("")
    if output.verbose:
        table.add_column("COPY")
    proofs = {proof.source: proof for proof in result.proof.tables}
    filled = sorted((t for t in result.tables if t.source_rows), key=lambda t: (t.source not in first, -t.source_rows))
    shown = len(filled) if output.verbose else TABLES
    for item in filled[:shown]:
        proof = proofs.get(item.source)
        aside = item.quarantined_rows + item.quarantined_values
        mark = Text("✓", style="green") if proof and proof.equal else Text("✗", style="bold red")
        found = f"{proof.target_rows:,}" if proof else "?"
        form = [item.form] if output.verbose else []
        table.add_row(Text(item.target), f"{item.source_rows:,}", found, f"{aside:,}" if aside else "", mark, *form)
    output.out.print(table)
    rest = filled[shown:]
    empty = len(result.tables) - len(filled)
    if rest:
        bad = [item for item in rest if not (proofs.get(item.source) and proofs[item.source].equal)]
        state = f"{len(bad)} of them differ" if bad else "all equal"
        output.say(f"and {len(rest)} more tables with {sum(t.source_rows for t in rest):,} rows, {state}")
    if empty:
        output.say(f"and {empty} empty tables")
    output.say(
        f"{size(result.source.bytes)} in SQLite, {size(result.target.bytes)} in PostgreSQL; "
        f"peak memory of a process {size(result.peak_memory_bytes)}"
    )


def proof_lines(output: Output, proof: Proof, most: int) -> None:
    """Print what the proof found: every difference (at most ``most`` a table), sequences behind, objects missing."""
    for table in proof.tables:
        if table.equal:
            continue
        output.say("")
        output.say(
            Text("✗ ", style="bold red")
            + Text(
                f"{table.target}: {table.source_rows:,} rows in SQLite, {table.target_rows:,} in PostgreSQL, "
                f"{table.total_differences:,} differences",
                style="default",
            )
        )
        for difference in table.differences[:most]:
            output.say(f"    {_difference(difference)}")
        if table.total_differences > min(most, len(table.differences)):
            output.say("    ... (all of them with --json)")
    for sequence in proof.sequences:
        if not sequence.ok:
            output.say(
                f"✗ sequence {sequence.name} of {sequence.table}.{sequence.column} gives {sequence.next_value} next; "
                f"the data needs {sequence.expected}"
            )
    for item in proof.objects:
        for name in item.missing:
            output.say(f"✗ missing among the {item.kind}: {name}")


def _difference(difference: Difference) -> str:
    key = ", ".join(f"{name}={value}" for name, value in difference.key.items())
    place = (
        f"{difference.table}" + (f".{difference.column}" if difference.column else "") + (f", key {key}" if key else "")
    )
    if difference.kind == "missing":
        return f"{place}: the row is not in PostgreSQL: {difference.source}"
    if difference.kind == "extra":
        return f"{place}: the row is not in SQLite: {difference.target}"
    return f"{place}: {_shown(difference.source)} in SQLite, {_shown(difference.target)} in PostgreSQL"


def _shown(text: str | None) -> str:
    return "NULL" if text is None else repr(text)


def _aside(output: Output, result: MigrationResult) -> None:
    if not result.quarantined_total:
        return
    output.say("", f"Kept aside in litelift.quarantine: {result.quarantined_total:,}")
    most = len(result.quarantined) if output.verbose else SHOWN * 2
    for item in result.quarantined[:most]:
        key = ", ".join(f"{name}={value}" for name, value in item.key.items())
        place = item.table + (f".{item.column}" if item.column else " (the whole row)")
        original = item.original if len(item.original) <= 60 else item.original[:59] + "…"
        output.say(f"  {place}, key {key}: '{original}' {item.reason}")
    if result.quarantined_total > most:
        output.say(f"  and {result.quarantined_total - most:,} more")


def _notices(output: Output, notices: list[Notice]) -> None:
    # An orphan is named with its foreign key.
    hidden = frozenset() if output.verbose else LISTED_ASIDE | {"orphan"}
    for level, heading, style in (("attention", "For a person:", "yellow"), ("info", "Told:", "dim")):
        found = [notice for notice in notices if notice.level == level and notice.kind not in hidden]
        if not found:
            continue
        output.say("", heading)
        most = len(found) if output.verbose or level == "attention" else SHOWN * 4
        for notice in found[:most]:
            output.say(Text("  • ", style=style) + Text(notice.message, style="default"))
        if len(found) > most:
            output.say(f"  and {len(found) - most} more (--verbose, or the report)")


def _untranslated(output: Output, result: MigrationResult) -> None:
    if not result.untranslated:
        return
    output.say("", f"Not carried ({len(result.untranslated)}, with their SQL in litelift.untranslated):")
    most = len(result.untranslated) if output.verbose else SHOWN * 2
    for item in result.untranslated[:most]:
        output.say(f"  • {item.kind} {item.name}: {item.reason}")
    if len(result.untranslated) > most:
        output.say(f"  and {len(result.untranslated) - most} more")
