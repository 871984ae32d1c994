"""What was done and how it was proved, in words, from what the result says."""

from __future__ import annotations

from litelift.report.entities import Totals
from litelift.report.format import count, number
from litelift.report.verdict import quarantined_total
from litelift.result import MigrationResult


def method(result: MigrationResult, sums: Totals) -> list[tuple[str, str]]:
    """Headed paragraphs, in the order of the work."""
    return [
        ("Read", _READ),
        ("Looked at every value", _CENSUS),
        *([("Filled the application's own schema", _fill(sums))] if result.mode == "data-only" else _BUILD_WHOLE),
        ("Loaded", _LOAD),
        ("Accounted", _accounting(result, sums)),
        ("Proved", _prove(result, sums)),
    ]


_READ = (
    "litelift checked the SQLite file's integrity and opened it read-only, at one consistent snapshot. Nothing was "
    "written to it: it is the way back."
)
_CENSUS = (
    "Before anything was written, one pass over every value of every table noted storage classes, ranges, lengths, "
    "formats, orphans and text that PostgreSQL cannot hold. PostgreSQL's types were decided from the declared type "
    "and from what is really stored."
)
_BUILD_WHOLE = [
    (
        "Made the schema",
        "litelift made tables, keys, constraints, defaults, indexes, sequences, views and triggers from the SQLite "
        "catalogue. Constraints and indexes went in after the load; a constraint that old rows already violate is "
        "there as NOT VALID, and told. What could not be translated is listed under “What was not carried”.",
    )
]
_LOAD = (
    "Rows went in with COPY, each range of rows in one transaction with its line in litelift's journal, so that no "
    "row can be loaded twice or left out, even after an interruption. A value that does not fit is never dropped, "
    "cut or rounded without a word: it is kept with its key and its original bytes in the table litelift.quarantine."
)


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _fill(sums: Totals) -> str:
    replaced = (
        f"{count(sums.replaced, 'row')} that the migrations had seeded {_were(sums.replaced)} replaced. "
        if sums.replaced
        else ""
    )
    return (
        "The application's own migrations made the PostgreSQL schema; litelift filled it. Tables and columns were "
        f"matched by name, and values converted to the target's types and checked to fit. {replaced}Tables in which "
        "migration tools keep their books were left as the target has them. Triggers were silent during the load. "
        "Constraints are counted after it, and every sequence goes on where SQLite would."
    )


def _accounting(result: MigrationResult, sums: Totals) -> str:
    filtered = f", and {count(sums.filtered, 'row')} left out by the plan's filter" if sums.filtered else ""
    return (
        "For every table, rows in SQLite = rows loaded + rows quarantined. Together: "
        f"{number(sums.in_file - sums.filtered)} = {number(sums.loaded)} + "
        f"{number(sums.quarantined_rows)}{filtered}. The quarantine has "
        f"{count(quarantined_total(result), 'entry', 'entries')}."
    )


def _prove(result: MigrationResult, sums: Totals) -> str:
    if not result.proof.tables:
        return "The tables were not compared in this run; “Next steps” says how to do it."
    objects = sum(kind.expected for kind in result.proof.objects)
    sequences = len(result.proof.sequences)
    return (
        f"Independently of the load, {count(sums.compared_tables, 'table')} {_were(sums.compared_tables)} read back "
        "from PostgreSQL and from SQLite and compared row by row, by content, tables without a key too: what the "
        f"loader believed about a value is not evidence. {count(sequences, 'sequence')} {_were(sequences)} checked "
        f"for the next value that they give, and {count(objects, 'constraint or index', 'constraints and indexes')} "
        "for being there."
    )
