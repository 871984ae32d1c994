"""What came of a trial, and the table of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.client import PHASES

HOW = ("survived", "resumed", "undone", "again")


@dataclass
class Outcome:
    """One trial. ``how`` it came through: one of HOW, or 'missed' where no fault struck before the move was over."""

    number: int
    kind: str
    shape: str
    how: str = "missed"
    words: list[str] = field(default_factory=list)
    strikes: list[tuple[str, str, str]] = field(default_factory=list)
    refused: int = 0
    lost: int = 0
    doubled: int = 0
    hangs: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def bad(self) -> bool:
        """Whether anything was lost, doubled, hung, or not as allowed."""
        return bool(self.wrong or self.lost or self.doubled or self.hangs)

    def line(self) -> str:
        """One line for the log."""
        told = f"{self.number:>4} {self.kind:<8} {self.shape:<7} {self.how:<9} {self.seconds:>5.1f} s  "
        return told + "; ".join(self.words) + ("  WRONG" if self.bad else "")


def table(outcomes: Sequence[Outcome], left_out: Sequence[str], seed: str, seconds: float) -> str:
    """The table by kind of fault, and how often each phase was hit."""
    heads = ("fault", "tried", "struck", *HOW, "refused", "lost", "doubled", "hangs", "wrong", "seconds")
    rows: list[tuple[object, ...]] = []
    kinds = sorted({outcome.kind for outcome in outcomes})
    for kind in [*kinds, ""]:
        mine = [outcome for outcome in outcomes if kind in ("", outcome.kind)]
        hows = Counter(outcome.how for outcome in mine)
        struck = sum(len([one for one in o.strikes if kind in ("", one[0])]) for o in outcomes)
        rows.append(
            (
                kind or "all",
                sum(outcome.how != "missed" for outcome in mine),
                struck,
                *(hows[how] for how in HOW),
                sum(outcome.refused for outcome in mine),
                sum(outcome.lost for outcome in mine),
                sum(outcome.doubled for outcome in mine),
                sum(outcome.hangs for outcome in mine),
                sum(bool(outcome.wrong) for outcome in mine),
                f"{sum(outcome.seconds for outcome in mine):.0f}",
            )
        )
    phases = Counter(phase for outcome in outcomes for _, _, phase in outcome.strikes)
    lines = [_row(heads), *map(_row, rows), ""]
    lines += [f"{kind}: left out, for this user may not mount" for kind in left_out]
    lines.append("phases hit: " + ", ".join(f"{phase} {phases[phase]}" for phase in PHASES))
    lines += [f"phase never hit: {phase}" for phase in PHASES if not phases[phase]]
    missed = sum(outcome.how == "missed" for outcome in outcomes)
    lines.append(f"{len(outcomes)} trials ({missed} ended before their fault), seed {seed}, {seconds:.0f} s")
    return "\n".join(lines)


def _row(cells: Sequence[object]) -> str:
    return f"{cells[0]!s:<9}" + "".join(f"{cell!s:>9}" for cell in cells[1:])
