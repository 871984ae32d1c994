"""The verdict: one sentence that a technical lead can sign, with the numbers that matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from litelift.report.entities import Totals
from litelift.report.format import count, listed, number
from litelift.result import MigrationResult, Notice


@dataclass(frozen=True)
class Verdict:
    """``status`` is good (exit 0), attention (exit 3) or failed (exit 1)."""

    status: Literal["good", "attention", "failed"]
    label: str
    sentence: str


def attention_notices(result: MigrationResult) -> list[Notice]:
    """Those notices, of the move and of the proof, that need a person."""
    return [notice for notice in [*result.notices, *result.proof.notices] if notice.level == "attention"]


def quarantined_total(result: MigrationResult) -> int:
    """How many entries the quarantine has; the result may hold fewer of them."""
    return max(result.quarantined_total, len(result.quarantined))


def _for_a_person(result: MigrationResult) -> list[str]:
    parts = []
    if total := quarantined_total(result):
        parts.append(count(total, "entry in quarantine", "entries in quarantine"))
    if notices := len(attention_notices(result)):
        parts.append(count(notices, "notice that asks for attention", "notices that ask for attention"))
    if objects := len(result.untranslated):
        parts.append(count(objects, "object that was not carried", "objects that were not carried"))
    return parts


def _wrong(result: MigrationResult, sums: Totals) -> list[str]:
    parts = []
    if sums.differing:
        where = f"in {count(sums.differing, 'table')}"
        parts.append(
            f"{count(sums.differences, 'difference')} {where}"
            if sums.differences
            else f"numbers of rows that do not agree {where}"
        )
    if behind := sum(not sequence.ok for sequence in result.proof.sequences):
        parts.append(f"{count(behind, 'sequence')} behind the data")
    if missing := sum(len(kind.missing) for kind in result.proof.objects):
        parts.append(count(missing, "missing constraint or index", "missing constraints or indexes"))
    return parts


def verdict(result: MigrationResult, sums: Totals) -> Verdict:
    """The verdict of ``result``. Numbers of rows that contradict each other fail it, whatever the exit status was."""
    if result.exit_code == 1 or sums.differing:
        found = listed(_wrong(result, sums)) or "what was found does not agree with the source"
        return Verdict(
            "failed",
            "Not proved",
            f"The move is not proved: litelift found {found}. "
            "The application should stay on SQLite until this is explained.",
        )
    filtered = f" ({count(sums.filtered, 'row')} left out by the plan's filter)" if sums.filtered else ""
    due = sums.in_file - sums.filtered
    arrived = f"all {number(due)}" if sums.loaded == due else f"{number(sums.loaded)} of {number(due)}"
    rows = f"{arrived} rows of {count(sums.tables, 'table')} are in PostgreSQL {result.target.server_version}{filtered}"
    if sums.uncompared:
        scope = "none of them was" if not sums.compared_tables else f"{count(sums.uncompared, 'table')} of them not"
        return Verdict(
            "attention",
            "Moved, not wholly proved",
            f"The move is complete but not wholly proved: {rows}, but {scope} compared with the source by content.",
        )
    person = _for_a_person(result)
    if not person:
        return Verdict(
            "good",
            "Moved and proved",
            f"The move is complete and proved: {rows}; every one was compared with the source by content, "
            "and nothing differs.",
        )
    return Verdict(
        "attention",
        "Moved and proved; needs a person",
        f"The move is complete and proved: {rows}, every one compared with the source by content, and nothing else "
        f"differs; a person has to look at {listed(person)}.",
    )
