"""Everything that the report says, in the order in which it says it, before any markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Generic, TypeVar

from litelift.report import redact, text
from litelift.report.entities import Entity, Totals, entities, is_empty, totals
from litelift.report.format import aware, count, duration
from litelift.report.method import method
from litelift.report.nextsteps import NextStep, next_steps
from litelift.report.verdict import Verdict, attention_notices, quarantined_total, verdict
from litelift.result import (
    Difference,
    MigrationResult,
    Notice,
    ObjectProof,
    Quarantined,
    SequenceProof,
    TableProof,
    Untranslated,
)

LIMIT = 200
"""Entries of one list; beyond it nobody reads, and a browser slows down."""

TABLE_LIMIT = 2000
"""Tables in the entity counts: every table of any real application."""

T = TypeVar("T")


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A list that may be cut; ``rest`` says what is not shown and where it is."""

    items: Sequence[T]
    total: int
    rest: str = ""


def _cut(items: Sequence[T], total: int | None = None, limit: int = LIMIT, elsewhere: str = "") -> Listing[T]:
    total = max(total or 0, len(items))
    shown = items[:limit]
    if total == len(shown):
        return Listing(shown, total)
    where = "all in report.json"
    if total > len(items):
        where = f"{len(items):,} of the {total:,} in report.json; {elsewhere}"
    return Listing(shown, total, f"and {total - len(shown):,} more ({where})")


@dataclass(frozen=True)
class Bar:
    """One step of the timeline; ``left`` and ``width`` are percent of the whole run."""

    title: str
    detail: str
    at: str
    seconds: float
    share: float
    left: float
    width: float


@dataclass(frozen=True)
class NoticeGroup:
    """Notices of one level and kind."""

    level: str
    title: str
    notices: Listing[Notice]
    with_table: bool
    with_column: bool
    with_key: bool


@dataclass(frozen=True)
class Size:
    """One bar of the size comparison; ``width`` is percent of the larger."""

    title: str
    bytes: int
    width: float


@dataclass(frozen=True)
class Report:
    """The report's content."""

    result: MigrationResult
    file_name: str
    verdict: Verdict
    sums: Totals
    seconds: float
    tables: Listing[Entity]
    empty_tables: Listing[Entity]
    sizes: list[Size]
    method: list[tuple[str, str]]
    bars: list[Bar]
    differing: list[TableProof]
    differences: Listing[Difference]
    bad_sequences: Listing[SequenceProof]
    sequences: Listing[SequenceProof]
    objects: list[ObjectProof]
    missing: Listing[tuple[str, str]]
    quarantined_total: int
    quarantined: Listing[Quarantined]
    attention: list[NoticeGroup]
    info: list[NoticeGroup]
    attention_total: int
    info_total: int
    untranslated: Listing[Untranslated]
    configuration: Listing[tuple[str, str]]
    next_steps: list[NextStep]


def report(whole: MigrationResult) -> Report:
    """Make the report's content of a result; secrets are gone from it."""
    result = redact.result(whole)
    rows = entities(result)
    sums = totals(result, rows)
    judged = verdict(result, sums)
    proof = result.proof
    quarantined = quarantined_total(result)
    notices = [*result.notices, *proof.notices]
    attention = attention_notices(result)
    return Report(
        result=result,
        file_name=PurePath(result.source.path).name or result.source.path,
        verdict=judged,
        sums=sums,
        seconds=(aware(result.finished) - aware(result.started)).total_seconds(),
        tables=_cut([row for row in rows if not is_empty(row)], limit=TABLE_LIMIT),
        empty_tables=_cut([row for row in rows if is_empty(row)], limit=TABLE_LIMIT),
        sizes=_sizes(result),
        method=method(result, sums),
        bars=_bars(result),
        differing=[table for table in proof.tables if not table.equal],
        differences=_cut(
            [difference for table in proof.tables for difference in table.differences],
            total=sums.differences,
            elsewhere="“litelift verify” finds the others",
        ),
        bad_sequences=_cut([sequence for sequence in proof.sequences if not sequence.ok]),
        sequences=_cut(proof.sequences),
        objects=proof.objects,
        missing=_cut([(kind.kind, name) for kind in proof.objects for name in kind.missing]),
        quarantined_total=quarantined,
        quarantined=_cut(result.quarantined, total=quarantined, elsewhere="all in the table litelift.quarantine"),
        attention=_groups(attention),
        info=_groups([notice for notice in notices if notice.level == "info"]),
        attention_total=len(attention),
        info_total=len(notices) - len(attention),
        untranslated=_cut(result.untranslated),
        configuration=_cut(list(_flat(result.configuration))),
        next_steps=next_steps(result, sums, judged.status == "failed"),
    )


def _sizes(result: MigrationResult) -> list[Size]:
    largest = max(result.source.bytes, result.target.bytes, 1)
    return [
        Size(title, size, 100 * size / largest)
        for title, size in (("SQLite file", result.source.bytes), ("PostgreSQL database", result.target.bytes))
    ]


def _bars(result: MigrationResult) -> list[Bar]:
    if not result.steps:
        return []
    steps = sorted(result.steps, key=lambda step: aware(step.started))
    first = min(aware(result.started), aware(steps[0].started))
    offsets = [(aware(step.started) - first).total_seconds() for step in steps]
    whole = max(
        (aware(result.finished) - first).total_seconds(),
        *(offset + max(step.seconds, 0.0) for offset, step in zip(offsets, steps, strict=True)),
        1e-9,
    )
    return [
        Bar(
            title=step.title or step.name,
            detail=step.detail,
            at="+" + duration(offset),
            seconds=step.seconds,
            share=100 * max(step.seconds, 0.0) / whole,
            left=100 * offset / whole,
            width=100 * max(step.seconds, 0.0) / whole,
        )
        for offset, step in zip(offsets, steps, strict=True)
    ]


def _groups(notices: Iterable[Notice]) -> list[NoticeGroup]:
    kinds: dict[tuple[str, str], list[Notice]] = {}
    for notice in notices:
        kinds.setdefault((notice.level, notice.kind), []).append(notice)
    return [
        NoticeGroup(
            level=level,
            title=text.title(kind),
            notices=_cut(group),
            with_table=any(notice.table is not None for notice in group),
            with_column=any(notice.column is not None for notice in group),
            with_key=any(notice.key for notice in group),
        )
        for (level, kind), group in kinds.items()
    ]


def _flat(content: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, str]]:
    for name, part in content.items():
        path = f"{before}.{name}" if before else str(name)
        if isinstance(part, Mapping) and part:
            yield from _flat(part, path)
        else:
            yield path, text.value(part)


def person_items(view: Report) -> list[tuple[str, str]]:
    """What the summary points at: words, and the section's anchor."""
    items = []
    if view.verdict.status == "failed":
        items.append(("What differs, and what to do", "proof"))
    if view.quarantined_total:
        items.append((count(view.quarantined_total, "entry in quarantine", "entries in quarantine"), "quarantine"))
    if view.attention_total:
        items.append((count(view.attention_total, "notice asks", "notices ask") + " for attention", "notices"))
    if view.untranslated.total:
        items.append((count(view.untranslated.total, "object") + " not carried", "untranslated"))
    return items
