"""What retention keeps: its invariants over any backups, any policy and any clock, and its corner cases one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from litelift.backup.manifest import Kind
from litelift.backup.retention import ALONE, AT_LEAST, Decision, Member, concerns, decide
from litelift.backup.settings import Keep

NOW = datetime(2026, 11, 29, 2, 5, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = tuple(Keep.model_fields)


def backup(age: float, name: str = "", **known: Any) -> Member:
    """A good one, of so many days before NOW."""
    moment = NOW - age * DAY
    facts: dict[str, Any] = {
        "name": name or f"{moment:%m%dT%H%M%S}",
        "moment": moment,
        "project": "school",
        "database": "school",
        "cluster": "1",
        "kind": "scheduled",
        "good": True,
        "proved": False,
    }
    return Member(**{**facts, **known})


def keep(**rules: int) -> Keep:
    return Keep(**{"days": 0, **rules})


def kept(members: Sequence[Member], policy: Keep, now: datetime = NOW) -> set[str]:
    return {one.member.name for one in decide(members, policy, now) if one.keep}


def survivors(members: Sequence[Member], policy: Keep, now: datetime = NOW) -> list[Member]:
    return [one.member for one in decide(members, policy, now) if one.keep]


def of(members: Sequence[Member], policy: Keep, name: str) -> Decision:
    return next(one for one in decide(members, policy, NOW) if one.member.name == name)


def counts(member: Member, now: datetime = NOW) -> bool:
    return member.good and member.kind != "safety" and member.moment <= now + timedelta(minutes=5)


def sets(members: Sequence[Member]) -> list[list[Member]]:
    keys = sorted({(one.database, one.cluster or "") for one in members})
    return [[one for one in members if (one.database, one.cluster or "") == key] for key in keys]


# Close together as well as far apart: on one day, in one week, around the turn of a month and of a year, in the future.
AGES = st.one_of(
    st.integers(-3, 45).map(lambda days: days * 24 * 60),
    st.integers(-2 * 24 * 60, 12 * 24 * 60),
    st.integers(0, 800).map(lambda days: days * 24 * 60),
)
SETS = [("school", "1"), ("school", "1"), ("school", "1"), ("school", "2"), ("school", None), ("other", "1")]
STATES: list[tuple[Kind, bool, bool]] = [
    ("scheduled", True, False),
    ("scheduled", True, False),
    ("scheduled", True, True),
    ("scheduled", False, False),
    ("manual", True, False),
    ("safety", True, False),
    ("safety", True, True),
    ("safety", False, False),
]
MEMBERS = st.lists(st.tuples(AGES, st.sampled_from(SETS), st.sampled_from(STATES)), max_size=16).map(
    lambda drawn: [
        backup(age / 1440, f"{place:03}", database=of[0], cluster=of[1], kind=is_[0], good=is_[1], proved=is_[2])
        for place, (age, of, is_) in enumerate(drawn)
    ]
)
POLICIES = st.builds(
    Keep,
    days=st.sampled_from([0, 1, 2, 7, 30, 400]),
    last=st.sampled_from([0, 0, 1, 3, 10]),
    daily=st.sampled_from([0, 0, 1, 7]),
    weekly=st.sampled_from([0, 0, 1, 4]),
    monthly=st.sampled_from([0, 0, 1, 6]),
    yearly=st.sampled_from([0, 0, 1, 3]),
)


# --------------------------------------------------------------------- invariants


def test_every_kind_of_backup_is_drawn() -> None:
    assert {kind for kind, _, _ in STATES} == set(get_args(Kind))


@given(MEMBERS, POLICIES)
def test_a_set_keeps_its_newest_good_one_and_its_newest_that_a_drill_restored(
    members: list[Member], policy: Keep
) -> None:
    stays = kept(members, policy)
    for together in sets(members):
        ordered = sorted(together, key=lambda one: (one.moment, one.name))
        for some in (
            [one for one in ordered if one.good],
            [one for one in ordered if one.proved],
        ):
            # Where there is none but safety dumps, the newest of those.
            newest = [one for one in some if counts(one)] or [one for one in some if one.moment <= NOW]
            assert not newest or newest[-1].name in stays
            assert not some or stays & {one.name for one in some}


@given(MEMBERS, POLICIES)
def test_where_no_backup_of_a_set_is_good_none_of_it_goes(members: list[Member], policy: Keep) -> None:
    bad = [replace(member, good=False, proved=False) for member in members]
    assert kept(bad, policy) == {member.name for member in bad}


@given(MEMBERS, POLICIES, st.sampled_from(RULES), st.integers(1, 500))
def test_a_more_generous_policy_keeps_all_that_the_other_one_keeps(
    members: list[Member], policy: Keep, rule: str, more: int
) -> None:
    generous = policy.model_copy(update={rule: getattr(policy, rule) + more})
    assert kept(members, policy) <= kept(members, generous)


@given(MEMBERS, POLICIES)
def test_the_same_moment_s_second_prune_removes_nothing_more(members: list[Member], policy: Keep) -> None:
    left = survivors(members, policy)
    assert survivors(left, policy) == left


@given(MEMBERS, POLICIES, st.data())
def test_a_prune_that_was_cut_off_is_ended_by_the_next(
    members: list[Member], policy: Keep, data: st.DataObject
) -> None:
    goes = [one.member for one in decide(members, policy, NOW) if not one.keep]
    removed = data.draw(st.sets(st.sampled_from(goes), max_size=len(goes))) if goes else set()
    assert kept([one for one in members if one not in removed], policy) >= kept(members, policy)


@given(MEMBERS, POLICIES, st.randoms(use_true_random=False))
def test_the_order_in_which_they_are_listed_is_nothing_to_it(members: list[Member], policy: Keep, random: Any) -> None:
    mixed = list(members)
    random.shuffle(mixed)
    assert decide(mixed, policy, NOW) == decide(members, policy, NOW)


@given(MEMBERS, POLICIES, st.integers(0, 24 * 900))
def test_a_clock_that_is_moved_back_removes_nothing_more(members: list[Member], policy: Keep, hours: int) -> None:
    assert kept(members, policy) <= kept(members, policy, NOW - timedelta(hours=hours))


@given(MEMBERS, POLICIES, st.integers(0, 24 * 900))
def test_time_alone_removes_no_good_backup(members: list[Member], policy: Keep, hours: int) -> None:
    made = [one for one in members if one.moment <= NOW]
    regular = {one.name for one in made if counts(one)}
    assert kept(made, policy) & regular == kept(made, policy, NOW + timedelta(hours=hours)) & regular


@given(MEMBERS, POLICIES, st.integers(3, 4000))
def test_one_night_with_a_clock_ahead_costs_nothing_that_days_keep(
    members: list[Member], policy: Keep, ahead: int
) -> None:
    made = [one for one in members if one.moment <= NOW]
    # Backups are being made: the newest does not stand alone already.
    made += [
        backup(0, f"now {name}", database=name, cluster=number)
        for name in ("school", "other")
        for number in ("1", None)
    ]
    made += [replace(one, name=f"before {one.name}", moment=one.moment - DAY) for one in made if "now" in one.name]
    wrong = backup(-ahead, "wrong")
    only_days = keep(days=policy.days or 30)
    regular = {one.name for one in made if counts(one)}
    assert kept(made, only_days) & regular <= kept([*made, wrong], only_days, NOW + ahead * DAY)


@given(MEMBERS, POLICIES)
def test_damaged_ones_and_safety_dumps_change_nothing_for_the_others(members: list[Member], policy: Keep) -> None:
    regular = [one for one in members if one.good and one.kind != "safety"]
    names = {one.name for one in regular}
    # A drill of a safety dump is all the proof that there is where no other was drilled; it keeps itself alone.
    assert kept(members, policy) & names == kept(regular, policy)


@given(MEMBERS, POLICIES)
def test_damaged_ones_take_no_place_of_a_rule(members: list[Member], policy: Keep) -> None:
    for one in decide(members, policy, NOW):
        rules = {reason.rule for reason in one.reasons}
        if not one.member.good:
            assert rules <= {"days", "future", "no good one", "none"}
        if one.member.kind == "safety":
            assert rules <= {"days", "future", "newest", "proved", "only", "no good one", "none"}


@given(MEMBERS, POLICIES)
def test_databases_and_clusters_have_their_places_each(members: list[Member], policy: Keep) -> None:
    places = policy.model_copy(update={"days": 0})
    apart = [name for together in sets(members) for name in kept(together, places)]
    assert kept(members, places) == set(apart)


@given(MEMBERS, POLICIES)
def test_what_is_from_the_future_stays_is_told_and_takes_no_place(members: list[Member], policy: Keep) -> None:
    future = [one for one in members if one.moment > NOW + timedelta(minutes=5)]
    present = [one for one in members if one not in future]
    decisions = decide(members, policy, NOW)
    stays = {one.member.name for one in decisions if one.keep}
    assert stays >= {one.name for one in future}
    good = {one.name for one in present if one.good}
    assert stays & good == kept(present, policy) & good
    told = [concern for concern in concerns(decisions, policy, NOW) if concern.kind == "future"]
    assert len(told) == len(future)


@given(
    st.lists(st.integers(1, 72), min_size=1, max_size=40),
    st.builds(
        Keep,
        days=st.sampled_from([0, 2, 7, 30]),
        last=st.sampled_from([0, 1, 5]),
        daily=st.sampled_from([0, 3]),
        weekly=st.sampled_from([0, 2]),
        monthly=st.sampled_from([0, 2]),
        yearly=st.sampled_from([0, 1]),
    ),
    st.sets(st.integers(0, 39)),
    st.sets(st.integers(0, 39)),
)
def test_pruning_after_each_backup_keeps_what_pruning_once_at_the_end_does(
    gaps: list[int], policy: Keep, damaged: set[int], drilled: set[int]
) -> None:
    moment = NOW - timedelta(days=200)
    all_: list[Member] = []
    left: list[Member] = []
    for place, hours in enumerate(gaps):
        moment += timedelta(hours=hours)
        good = place not in damaged
        made = backup(0, f"{place:03}", moment=moment, good=good, proved=good and place in drilled)
        all_.append(made)
        left = survivors([*left, made], policy, moment)
    regular = {one.name for one in all_ if one.good}
    assert {one.name for one in left} & regular == kept(all_, policy, moment) & regular


@given(MEMBERS, POLICIES)
@example([backup(1)], keep())
def test_every_one_has_a_reason(members: list[Member], policy: Keep) -> None:
    for one in decide(members, policy, NOW):
        assert one.why
        assert one.keep == (not any(reason.rule == "none" for reason in one.reasons))


# --------------------------------------------------------------------- corner cases

DAILY = [backup(age, f"day {age:02}") for age in range(60)]


def test_days_count_back_from_the_newest_and_the_last_of_them_is_in() -> None:
    assert kept(DAILY, keep(days=30)) == {f"day {age:02}" for age in range(31)}


def test_a_policy_that_names_nothing_leaves_what_is_protected() -> None:
    drilled = [replace(one, proved=one.name == "day 40") for one in DAILY]
    assert kept(drilled, keep()) == {"day 00", "day 40"}


@pytest.mark.parametrize(
    ("rule", "number", "other"),
    [
        ("last", 2, "early"),
        ("daily", 2, "before"),
        ("weekly", 2, "week before"),
        ("monthly", 2, "month before"),
        ("yearly", 2, "year before"),
        ("yearly", 9, "year before"),
    ],
)
def test_each_period_has_its_newest(rule: str, number: int, other: str) -> None:
    at = {
        "late": "2026-11-26T02:00",
        "early": "2026-11-26T01:00",
        "before": "2026-11-25T23:59",
        "week before": "2026-11-22T23:59",
        "month before": "2026-10-31T23:59",
        "year before": "2025-12-31T23:59",
    }
    members = [backup(0, name, moment=datetime.fromisoformat(text + "+00:00")) for name, text in at.items()]
    assert kept(members, keep(**{rule: number})) == {"late", other}


def test_days_weeks_and_months_are_of_utc_and_weeks_go_over_the_turn_of_the_year() -> None:
    baku = timezone(timedelta(hours=4))
    members = [
        backup(0, "evening", moment=datetime(2026, 11, 1, 3, 59, tzinfo=baku)),
        backup(0, "night", moment=datetime(2026, 11, 1, 4, 0, tzinfo=baku)),
        backup(0, "old year", moment=datetime(2024, 12, 30, tzinfo=UTC)),
        backup(0, "new year", moment=datetime(2025, 1, 5, tzinfo=UTC)),
    ]
    assert of(members, keep(monthly=9), "evening").why == "newest of month 2026-10"
    assert "newest of month 2026-11" in of(members, keep(monthly=9), "night").why
    assert "newest of week 2025-W01" in of(members, keep(weekly=9), "new year").why
    assert not of(members, keep(weekly=9), "old year").keep


def test_the_place_of_a_damaged_one_goes_to_the_newest_good_one_of_its_period() -> None:
    members = [replace(one, good=one.name != "day 29") for one in DAILY]
    assert "newest of month 2026-10" in of(DAILY, keep(monthly=2), "day 29").why
    assert "newest of month 2026-10" in of(members, keep(monthly=2), "day 30").why
    assert of(members, keep(monthly=2), "day 29").why == "damaged, and older than 7 days"


@pytest.mark.parametrize(("days", "expected"), [(0, {6}), (3, {6}), (7, {6}), (8, {6, 8}), (30, {6, 8, 20})])
def test_a_damaged_one_and_a_safety_dump_stay_a_week_at_least(days: int, expected: set[int]) -> None:
    for known in ({"good": False}, {"kind": "safety"}):
        members = [backup(0, "good"), *(backup(age, str(age), **known) for age in (6, 8, 20, 40))]
        assert kept(members, keep(days=days, last=1)) == {"good", *map(str, expected)}


def test_a_safety_dump_goes_by_its_age_and_is_never_the_newest() -> None:
    members = [backup(0.1, "safety", kind="safety"), backup(6, "young", kind="safety"), backup(9, "good")]
    assert kept(members, keep(last=1)) == {"safety", "young", "good"}
    assert of(members, keep(last=1), "safety").why == "safety dump within 7 days"
    assert "newest good one" in of([*members, backup(12)], keep(last=1), "good").why
    old = [backup(8, "safety", kind="safety"), backup(9, "good")]
    assert kept(old, keep(last=5)) == {"good"}


def test_a_safety_dump_is_kept_where_there_is_no_other_good_one() -> None:
    members = [backup(50, "safety", kind="safety"), backup(40, "damaged", good=False)]
    assert kept(members, keep(last=5)) == {"safety"}
    assert of(members, keep(last=5), "safety").why == "the only good one, and no drill has restored one"


def test_an_undrilled_set_keeps_its_only_good_one() -> None:
    members = [backup(90, "good"), *(backup(age, good=False) for age in range(60))]
    assert of(members, keep(days=30), "good").why == "the only good one, and no drill has restored one"


def test_the_newest_that_a_drill_restored_stays_beside_newer_ones_that_none_did() -> None:
    members = [backup(95, proved=True), backup(90, "proved", proved=True), backup(80, good=False), *DAILY]
    assert kept(members, keep(days=30)) == {"proved", *(f"day {age:02}" for age in range(31))}
    assert of(members, keep(days=30), "proved").why == "newest that a drill restored"


def test_where_backups_have_stopped_the_older_ones_stay_and_it_is_told() -> None:
    stopped = DAILY[40:]
    decisions = decide(stopped, keep(days=10), NOW)
    assert [one.member.name for one in decisions if one.keep] == [f"day {age}" for age in range(50, 39, -1)]
    assert decisions[-2].why == "within 10 days before 2026-10-20"
    (concern,) = concerns(decisions, keep(days=10), NOW)
    assert concern.kind == "stalled"
    assert concern.message.startswith("the newest good backup of school is 40 days old")


def test_a_pause_that_is_shorter_than_the_days_is_nothing_to_tell() -> None:
    assert concerns(decide(DAILY[3:], keep(days=10), NOW), keep(days=10), NOW) == []


def test_a_first_backup_after_a_pause_ages_no_other_and_the_second_one_does() -> None:
    resumed = [backup(0, "first"), *DAILY[40:]]
    decisions = decide(resumed, keep(days=10), NOW)
    assert sum(one.keep for one in decisions) == 12
    (concern,) = concerns(decisions, keep(days=10), NOW)
    assert concern.kind == "alone"
    assert concern.message.startswith("first was made 40 days after the good one before it")
    assert kept([*resumed, backup(-1, "second")], keep(days=10), NOW + DAY) == {"first", "second"}


def test_a_missed_night_changes_nothing() -> None:
    assert timedelta(days=2) <= ALONE < AT_LEAST
    assert kept([DAILY[0], *DAILY[2:]], keep(days=10)) == kept(DAILY, keep(days=10)) - {"day 01"}


def test_the_backups_of_a_server_that_was_replaced_are_aged_by_those_of_its_successor() -> None:
    members = [replace(one, cluster="2") if one.moment > NOW - 20 * DAY else one for one in DAILY]
    assert kept(members, keep(days=10)) == {f"day {age:02}" for age in (*range(11), 20)}


def test_a_few_minutes_between_two_machines_clocks_are_no_future() -> None:
    members = [backup(-2 / 1440, "ahead"), backup(1)]
    decisions = decide(members, keep(last=1), NOW)
    assert [one.member.name for one in decisions if one.keep] == ["ahead"]
    assert concerns(decisions, keep(last=1), NOW) == []
