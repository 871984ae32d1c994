"""The page: what was counted and how, the table, and what is missing by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill

from benchmarks.fidelity.outcome import Outcome, Tally, total
from benchmarks.fidelity.samples import Origin
from benchmarks.fidelity.source import Kind

NAMED = 3
TOLD = 5
WIDTH = 220
KINDS: tuple[tuple[str, Kind | None], ...] = (
    ("tables", "table"),
    ("rows", None),
    ("indexes", "index"),
    ("foreign keys", "foreign key"),
    ("checks", "check"),
    ("views", "view"),
    ("triggers", "trigger"),
    ("NOT NULL", "not null"),
    ("defaults", "default"),
    ("generated columns", "generated column"),
    ("collations", "collation"),
)

INTRODUCTION = """\
# What arrives

Every object of {files} SQLite databases that others made, counted before the move and looked for after it: with
litelift, and with pgloader beside it, both with their defaults, into an empty database.

Made by `make fidelity SAMPLES=folder` with {versions}. The databases are listed
[below](#the-databases); any folder of SQLite files can take their place.
"""

NOTES = """\
## How it is counted

Neither tool takes part in the counting. The source is read by Python's `sqlite3`, the target's catalogue by psycopg. A
cell says `arrived/were`, and how many were *told*: what did not arrive, but a person who reads what the tool says knows
of it. For litelift that is a row of `litelift.untranslated` or `litelift.notice` that names the object, for pgloader an
error or a warning that names it. A tool that stops with an error has told everything that it left out. What neither
arrived nor was told is **lost silently**: it has a column of its own, and the cells that it is missing from are bold.
Names are compared without regard to case, since pgloader folds them. Each object of the target stands for one of the
source at most.

- **Tables**: ordinary and virtual ones, by name; not SQLite's own (`sqlite_...`), nor the shadow tables of virtual
  ones. A view may stand for a virtual table.
- **Rows**: counted on both sides, their values not compared (`litelift verify` does that). Told: whole rows in
  `litelift.quarantine`; all of a table for which pgloader's summary counts an error.
- **Indexes**: CREATE INDEX, UNIQUE constraints and primary keys. One arrived when a valid index of the table has the
  same columns in the same order (an expression in the place of an expression), and is unique, partial, and the primary
  key where the source's is. A full-text table counts as an index too, which is there when the target's table (or the
  one that its view reads) has a GIN or GiST index on a `tsvector`; an R*Tree likewise, with any GiST or SP-GiST index.
- **Foreign keys**: the same columns of both tables, and the same actions. **Checks**: of the same name, or on the same
  columns. One that is NOT VALID arrived, and must be told all the same.
- **Views**: of the same name, with as many rows as in SQLite. **Triggers**: of the same name on the same table or view,
  enabled; triggers on shadow tables are not counted.
- **NOT NULL**: the column is NOT NULL, or has a check that says so. **Defaults**: the column has a default (or an
  identity); the words of SQLite's date functions as a text in quotes are none. **Generated columns**: the server
  computes the column. **Collations**: a column with NOCASE or RTRIM has a collation for which different texts can be
  equal.
"""


@dataclass(frozen=True)
class Sample:
    """One database and what the tools made of it."""

    name: str
    origin: Origin | None
    outcomes: tuple[Outcome, ...]


def render(samples: Sequence[Sample], versions: str, missing: str | None = None) -> str:
    """The whole page. ``missing`` says which tool was not there to be tried."""
    tools = list(dict.fromkeys(outcome.tool for sample in samples for outcome in sample.outcomes))
    parts = [_wrapped(INTRODUCTION.format(files=len(samples), versions=versions))]
    if missing:
        parts.append(f"{missing}\n")
    parts.append("## In all\n\n" + "\n".join(_totals(samples, tools)) + "\n")
    parts.append("## Views and triggers\n\n" + "\n".join(_carried(samples, tools)) + "\n")
    parts.append("## Database by database\n\n" + "\n".join(_table(samples)) + "\n")
    for tool in tools:
        parts.append(f"## What {tool} lost silently\n\n" + "\n".join(_lost(samples, tool)) + "\n")
        parts.append(f"## What {tool} told\n\n" + "\n".join(_told(samples, tool)) + "\n")
    parts.append(NOTES)
    parts.append("## The databases\n\n" + "\n".join(_origins(samples)) + "\n")
    return "\n".join(parts)


def _wrapped(words: str) -> str:
    paragraphs = words.split("\n\n")
    return "\n\n".join(fill(p, 120, break_on_hyphens=False) for p in paragraphs) + "\n"


def _of(samples: Sequence[Sample], tool: str) -> list[Outcome]:
    return [outcome for sample in samples for outcome in sample.outcomes if outcome.tool == tool]


def cell(tally: Tally) -> str:
    """One tally: arrived/were, what was told, and bold where something was lost."""
    if not tally.were:
        return "-"
    words = f"{tally.arrived:,}/{tally.were:,}"
    if tally.lost:
        words = f"**{words}**"
    return f"{words} ({tally.told:,} told)" if tally.told else words


def _lost_cell(outcomes: Sequence[Outcome]) -> str:
    objects = sum(total(outcomes, kind).lost for _, kind in KINDS if kind)
    rows = total(outcomes, None).lost
    words = [
        f"**{count:,} {what}**"
        for count, what in ((objects, _many(objects, "object")), (rows, _many(rows, "row")))
        if count
    ]
    return ", ".join(words) or "none"


def _totals(samples: Sequence[Sample], tools: Sequence[str]) -> Iterator[str]:
    yield f"| | {' | '.join(tools)} |"
    yield "|---|" + "---|" * len(tools)
    for title, kind in KINDS:
        yield f"| {title} | {' | '.join(cell(total(_of(samples, tool), kind)) for tool in tools)} |"
    yield f"| **lost silently** | {' | '.join(_lost_cell(_of(samples, tool)) for tool in tools)} |"
    yield f"| databases moved | {' | '.join(_moved(_of(samples, tool)) for tool in tools)} |"


def _moved(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(not outcome.failed for outcome in outcomes)}/{len(outcomes)}"


def _carried(samples: Sequence[Sample], tools: Sequence[str]) -> Iterator[str]:
    with_them = [s for s in samples if any(s.outcomes[0].tally(kind).were for kind in ("view", "trigger"))]
    if not with_them:
        yield "No database has any."
        return
    for tool in tools:
        of_tool = _of(with_them, tool)
        views, triggers = total(of_tool, "view"), total(of_tool, "trigger")
        both = views + triggers
        yield (
            f"- {tool} carries {both.arrived} of {both.were} ({_percent(both)}): "
            f"{views.arrived} of {views.were} views, {triggers.arrived} of {triggers.were} triggers."
        )
    yield ""
    yield "| database | views and triggers | " + " | ".join(tools) + " |"
    yield "|---|---|" + "---|" * len(tools)
    for sample in with_them:
        tallies = [outcome.tally("view") + outcome.tally("trigger") for outcome in sample.outcomes]
        yield f"| {sample.name} | {tallies[0].were} | {' | '.join(map(_percent, tallies))} |"


def _percent(tally: Tally) -> str:
    # Rounded down: 100 % are all.
    return f"{tally.arrived * 100 // tally.were} %"


def _table(samples: Sequence[Sample]) -> Iterator[str]:
    yield "| database | tool | exit | " + " | ".join(title for title, _ in KINDS) + " | lost silently |"
    yield "|---|---|---|" + "---|" * (len(KINDS) + 1)
    for sample in samples:
        for place, outcome in enumerate(sample.outcomes):
            cells = [cell(outcome.rows() if kind is None else outcome.tally(kind)) for _, kind in KINDS]
            status = "stopped" if outcome.status is None else str(outcome.status)
            if outcome.values_aside:
                cells[1] += f", {outcome.values_aside} {_many(outcome.values_aside, 'value')} aside"
            first = sample.name if place == 0 else ""
            yield f"| {first} | {outcome.tool} | {status} | {' | '.join(cells)} | {_lost_cell([outcome])} |"


def _lost(samples: Sequence[Sample], tool: str) -> Iterator[str]:
    none = True
    for sample, outcome in _each(samples, tool):
        words = [f"{_title(kind)} {_names(names)}" for kind, names in outcome.lost().items()]
        if outcome.arrived.extra:
            words.append(f"tables that are not the application's are there too: {_names(outcome.arrived.extra)}")
        if words:
            none = False
            yield f"- {sample.name}: {'; '.join(words)}"
    if none:
        yield "Nothing."


def _title(kind: str) -> str:
    return next((title for title, known in KINDS if known == kind), kind)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(_code(name) for name in names[:NAMED]) + more


def _told(samples: Sequence[Sample], tool: str) -> Iterator[str]:
    none = True
    for sample, outcome in _each(samples, tool):
        told = [one for one in outcome.left if one[1] is not None]
        told += [
            (item, outcome.told.tells(item)) for item in outcome.database.items if item in outcome.arrived.not_valid
        ]
        words = [f"{_code(f'{item.kind} {item.name}')}: {_code(reason or 'nothing')}" for item, reason in told]
        if outcome.failed:
            words = [f"the move failed: {_code(outcome.failed)}"]
        elif rows := outcome.missing_rows():
            words = [*words[:TOLD], f"rows {_names(rows)}", *words[TOLD:]]
        for line in words[: TOLD + 1]:
            none = False
            yield f"- {sample.name}: {line}"
        if len(words) > TOLD + 1:
            yield f"- {sample.name}: and {len(words) - TOLD - 1} more"
    if none:
        yield "Nothing."


def _each(samples: Sequence[Sample], tool: str) -> Iterator[tuple[Sample, Outcome]]:
    return ((sample, outcome) for sample in samples for outcome in sample.outcomes if outcome.tool == tool)


def _origins(samples: Sequence[Sample]) -> Iterator[str]:
    yield "| database | origin | licence |"
    yield "|---|---|---|"
    for sample in samples:
        origin = sample.origin or Origin("", "")
        yield f"| {sample.name} | {origin.words} | {origin.licence} |"


def _many(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _code(words: str) -> str:
    line = " ".join(words.split())
    if len(line) > WIDTH:
        line = f"{line[:WIDTH]}..."
    # A code span in Markdown ends at as many backticks as it began with.
    fence = "``" if "`" in line else "`"
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"
