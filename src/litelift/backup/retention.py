"""Which backups stay and which go, and why: of what is known of them alone, wherever they lie.

A backup stays if any rule keeps it. The rules look at one set of backups at a time: those of one project's database on
one cluster. Their corner cases, as they are decided here:

- Days are counted back from the newest good backup, not from the clock, as restic's --keep-within does: where backups
  stop being made, none goes because time passes. A newest one that lies more than `ALONE` after the one before counts
  for nothing here: a clock that jumped ahead for one night, or a first backup after a long pause, ages no other. A
  server that was replaced (another cluster) goes on being aged by its successor's.
- Only good backups that were made by hand or by the schedule take a place of last, daily, weekly, monthly and yearly.
  Periods are UTC's, weeks are ISO 8601's, and a period without a good backup takes no place.
- The newest good one of a set stays, and so does the newest that a drill has restored. A safety dump is that only
  where there is no other: it holds what somebody was about to overwrite.
- A safety dump and a damaged one go by their age alone, by the clock, and never before `AT_LEAST`: somebody has to have
  the time to look at them.
- In a set without a good one everything stays: a table may be saved from the one, and another from the next.
- One from the future stays, and takes no place: the clock was wrong when it was made, or it is now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from litelift.backup.manifest import Kind
from litelift.backup.settings import Keep
from litelift.report.format import count, duration

ALONE = timedelta(days=2)
"""Between the newest good backup and the one before it: a night that was missed is no more."""

AT_LEAST = timedelta(days=7)
"""How long a damaged one and a safety dump stay, where ``days`` is less."""

SKEW = timedelta(minutes=5)
"""By which the clocks of two machines that share a folder may differ."""

Rule = Literal[
    "future", "days", "last", "daily", "weekly", "monthly", "yearly", "newest", "proved", "only", "no good one", "none"
]

_PERIODS: tuple[tuple[Rule, str, str], ...] = (
    ("daily", "day", "%Y-%m-%d"),
    ("weekly", "week", "%G-W%V"),
    ("monthly", "month", "%Y-%m"),
    ("yearly", "year", "%Y"),
)


@dataclass(frozen=True, slots=True)
class Member:
    """A backup, as far as its staying depends on it. No two have one name."""

    name: str
    moment: datetime
    """Of its snapshot; aware."""
    project: str
    database: str
    cluster: str | None
    kind: Kind
    good: bool
    proved: bool
    """Whether a drill has restored it, and it is good."""


class Reason(NamedTuple):
    """Why one stays or goes."""

    rule: Rule
    """The key of ``[backup.keep]`` that keeps it, or what it is; "none" where it goes."""
    words: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a backup."""

    member: Member
    keep: bool
    reasons: tuple[Reason, ...]

    @property
    def why(self) -> str:
        """The reasons in a line."""
        return "; ".join(reason.words for reason in self.reasons)


class Concern(NamedTuple):
    """What a person should look at."""

    kind: Literal["future", "stalled", "alone"]
    message: str


def decide(members: Iterable[Member], keep: Keep, now: datetime) -> list[Decision]:
    """What stays and what goes, the oldest first, whatever the order of ``members``.

    Args:
        members: all backups of the place: the rules count over those of a set.
        keep: the policy. Where it names nothing at all, only what is protected stays.
        now: the clock, aware.
    """
    ordered = sorted(members, key=_order)
    since = {line: _counted_from(found) for line, found in _lines(ordered, now).items()}
    sets = defaultdict(list)
    for member in ordered:
        sets[_set(member)].append(member)
    reasons: dict[str, list[Reason]] = {member.name: [] for member in ordered}
    for together in sets.values():
        _judge(together, keep, now, since.get(_line(together[0]), now), reasons)
    return [_decision(member, keep, tuple(reasons[member.name])) for member in ordered]


def concerns(decisions: Iterable[Decision], keep: Keep, now: datetime) -> list[Concern]:
    """What a person should look at: backups from the future, and good ones that stay because no newer one was made."""
    found = list(decisions)
    told = [
        Concern("future", f"{one.member.name} is from the future: the clock was wrong when it was made, or it is now")
        for one in found
        if _is_future(one.member, now)
    ]
    days = timedelta(days=keep.days)
    held = {
        _line(one.member)
        for one in found
        if _counts(one.member)
        and now - one.member.moment > days
        and {reason.rule for reason in one.reasons} == {"days"}
    }
    for line, members in _lines(sorted((one.member for one in found), key=_order), now).items():
        if line not in held:
            continue
        newest, before = members[-1], members[-2]
        if now - newest.moment > days:
            age = _days(now - newest.moment)
            words = f"the newest good backup of {newest.database} is {age} old: older ones stay meanwhile"
            told.append(Concern("stalled", words))
        elif newest.moment - before.moment > days:
            gap = _days(newest.moment - before.moment)
            words = f"{newest.name} was made {gap} after the good one before it: older ones stay until there is another"
            told.append(Concern("alone", words))
    return told


def _judge(
    together: list[Member], keep: Keep, now: datetime, since: datetime, reasons: dict[str, list[Reason]]
) -> None:
    """Add the reasons for which those of one set stay."""
    present = [member for member in together if not _is_future(member, now)]
    counted = [member for member in present if _counts(member)]
    good = counted or [member for member in present if member.good]
    for member in together:
        if _is_future(member, now):
            reasons[member.name].append(Reason("future", f"from the future: {_days(member.moment - now)} ahead"))
    _by_days(present, keep, now, since, reasons)
    for member in counted[::-1][: keep.last]:
        reasons[member.name].append(
            Reason("last", f"one of the newest {keep.last:,}" if keep.last > 1 else "the newest")
        )
    for rule, period, form in _PERIODS:
        # Of two of one period the later one is taken: it is the newest of the period.
        newest = {member.moment.astimezone(UTC).strftime(form): member for member in counted}
        for called in sorted(newest, reverse=True)[: getattr(keep, rule)]:
            reasons[newest[called].name].append(Reason(rule, f"newest of {period} {called}"))
    proved = [member for member in counted if member.proved] or [member for member in present if member.proved]
    if len(good) == 1 and not proved:
        reasons[good[0].name].append(Reason("only", "the only good one, and no drill has restored one"))
    elif good:
        reasons[good[-1].name].append(Reason("newest", "newest good one"))
    if proved:
        reasons[proved[-1].name].append(Reason("proved", "newest that a drill restored"))
    if not any(member.good for member in together):
        for member in present:
            reasons[member.name].append(Reason("no good one", "damaged, but there is no good one"))


def _by_days(
    present: list[Member], keep: Keep, now: datetime, since: datetime, reasons: dict[str, list[Reason]]
) -> None:
    days = timedelta(days=keep.days)
    newest = next((member for member in reversed(present) if _counts(member)), None)
    for member in present:
        if not _counts(member):
            stays = max(days, AT_LEAST)
            if now - member.moment <= stays:
                what = "safety dump" if member.good else "damaged, but"
                reasons[member.name].append(Reason("days", f"{what} within {_days(stays)}"))
        elif keep.days and now - member.moment <= days:
            reasons[member.name].append(Reason("days", f"within {_days(days)}"))
        elif keep.days and member.moment == since:
            if member != newest:
                reasons[member.name].append(Reason("days", "the good one before the newest"))
        elif keep.days and timedelta() < since - member.moment <= days:
            reasons[member.name].append(Reason("days", f"within {_days(days)} before {_day(since)}"))


def _counted_from(counted: list[Member]) -> datetime:
    """From where days are counted back, of all that count of a line, the oldest first."""
    if len(counted) > 1 and counted[-1].moment - counted[-2].moment > ALONE:
        return counted[-2].moment
    return counted[-1].moment


def _decision(member: Member, keep: Keep, reasons: tuple[Reason, ...]) -> Decision:
    if reasons:
        return Decision(member, True, reasons)
    if not _counts(member):
        what = "safety dump" if member.good else "damaged, and"
        words = f"{what} older than {_days(max(timedelta(days=keep.days), AT_LEAST))}"
    else:
        words = f"older than {_days(timedelta(days=keep.days))}" if keep.days else "no rule keeps it"
    return Decision(member, False, (Reason("none", words),))


def _lines(ordered: list[Member], now: datetime) -> dict[tuple[str, str], list[Member]]:
    """Those that count, the oldest first, by their line."""
    lines = defaultdict(list)
    for member in ordered:
        if _counts(member) and not _is_future(member, now):
            lines[_line(member)].append(member)
    return lines


def _order(member: Member) -> tuple[datetime, str]:
    return (member.moment, member.name)


def _set(member: Member) -> tuple[str, str, str | None]:
    return (member.project, member.database, member.cluster)


def _line(member: Member) -> tuple[str, str]:
    """A set, and those of the servers before and after it."""
    return (member.project, member.database)


def _counts(member: Member) -> bool:
    return member.good and member.kind != "safety"


def _is_future(member: Member, now: datetime) -> bool:
    return member.moment > now + SKEW


def _days(span: timedelta) -> str:
    seconds = span.total_seconds()
    return count(round(seconds / 86400), "day") if seconds >= 86400 else duration(seconds)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
