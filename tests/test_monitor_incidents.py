"""What becomes an incident, what is told of it and when; and that what cannot be told is kept."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broken import wait_for
from litelift.monitor import outbox as outboxes
from litelift.monitor.finding import Finding, State
from litelift.monitor.incidents import Incidents
from litelift.monitor.news import is_gentle, line_of, message_of
from litelift.monitor.outbox import Outbox
from litelift.monitor.samples import Samples, opened
from litelift.monitor.words import LANGUAGES
from litelift.tell.message import Message
from litelift.tell.settings import Tell
from litelift.tell.ways import Ways

T = datetime(2026, 11, 24, 2, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def disk(state: State, about: str = "/data") -> Finding:
    return Finding("connections", state, "used", {"used": 9, "most": 10, "share": 90.0}, "close", about)


def told(incidents: Incidents, seconds: float, *findings: Finding) -> list[tuple[str, str]]:
    """What is told after a look that found these: kind and state of each."""
    incidents.look(after(seconds), findings)
    events = incidents.to_tell(after(seconds))
    incidents.told(after(seconds), events)
    return [(kind, incident.worst) for kind, incident in events]


def test_what_lasts_for_two_looks_is_told_once_and_its_end_too() -> None:
    incidents = Incidents()
    assert told(incidents, 0, disk("warning")) == []
    assert told(incidents, 15, disk("warning")) == [("began", "warning")]
    assert all(told(incidents, 15 * n, disk("warning")) == [] for n in range(2, 100))
    assert told(incidents, 1500, disk("ok")) == []
    assert told(incidents, 1515, disk("ok")) == [("ended", "warning")]
    assert incidents.live == []
    assert told(incidents, 1530, disk("ok")) == []


def test_an_incident_begins_with_its_first_bad_look_and_ends_with_its_first_good_one() -> None:
    incidents = Incidents()
    for seconds, state in ((0, "warning"), (15, "critical"), (30, "ok"), (45, "ok")):
        changed = incidents.look(after(seconds), [disk(state)])  # type: ignore[arg-type]
    (ended,) = changed
    assert (ended.opened, ended.closed, ended.worst, ended.state) == (T, after(30), "critical", "ok")
    assert ended.seconds(after(100)) == 30


@pytest.mark.parametrize("state", ["warning", "critical", "unknown"])
def test_what_comes_and_goes_with_each_look_is_not_told(state: State) -> None:
    incidents = Incidents()
    for n in range(50):
        assert told(incidents, 15 * n, disk("ok" if n % 2 else state)) == []
        # Whether it lasts is worth a look soon.
        assert incidents.unsure == (set() if n % 2 else {"connections"})


def test_an_incident_that_is_well_for_one_look_only_goes_on() -> None:
    incidents = Incidents()
    found = [told(incidents, 15 * n, disk("ok" if n % 3 == 2 else "warning")) for n in range(50)]
    assert [events for events in found if events] == [[("began", "warning")]]
    assert len(incidents.open) == 1


def test_patience_is_in_seconds_too() -> None:
    incidents = Incidents(patience=60)
    found = [told(incidents, seconds, disk("warning")) for seconds in (0, 15, 30, 45, 60)]
    assert found == [[], [], [], [], [("began", "warning")]]


def test_what_grows_worse_is_told_at_once_and_what_grows_better_is_not() -> None:
    incidents = Incidents(patience=15)
    told(incidents, 0, disk("warning"))
    assert told(incidents, 15, disk("warning")) == [("began", "warning")]
    assert told(incidents, 20, disk("critical")) == [("grew", "critical")]
    assert told(incidents, 35, disk("warning")) == []
    assert told(incidents, 95, disk("critical")) == []
    told(incidents, 110, disk("ok"))
    assert told(incidents, 200, disk("ok")) == [("ended", "critical")]


def test_what_is_found_at_once_is_told_in_one_message_and_what_follows_in_the_next() -> None:
    incidents = Incidents()
    forty = [disk("critical", f"/d{n}") for n in range(40)]
    told(incidents, 0, *forty[:30])
    assert len(told(incidents, 15, *forty)) == 30
    # The consequences that were found by the next look.
    assert told(incidents, 30, *forty) == told(incidents, 60, *forty) == []
    assert told(incidents, 75, *forty) == [("began", "critical")] * 10


def test_what_becomes_critical_waits_for_no_message_about_less() -> None:
    incidents = Incidents()
    told(incidents, 0, disk("warning", "a"))
    assert told(incidents, 15, disk("warning", "a"), disk("warning", "b")) == [("began", "warning")]
    found = told(incidents, 30, disk("critical", "a"), disk("warning", "b"))
    assert found == [("grew", "critical"), ("began", "warning")]


def test_what_still_lasts_after_a_day_is_told_again_all_of_it_in_one_message() -> None:
    incidents = Incidents(again=86400)
    for seconds in (0, 15, 3600, 3615):
        findings = [disk("warning", "a"), *([disk("critical", "b")] if seconds >= 3600 else [])]
        told(incidents, seconds, *findings)
    assert told(incidents, 86400, *findings) == []
    assert told(incidents, 86415, *findings) == [("again", "warning"), ("again", "critical")]
    assert told(incidents, 86430 + 3600, *findings) == []
    assert told(incidents, 2 * 86415, *findings) == [("again", "warning"), ("again", "critical")]
    never = Incidents(again=0)
    assert [told(never, n * 86400, disk("warning")) for n in range(4)] == [[], [("began", "warning")], [], []]


def test_what_cannot_be_known_is_told_gently_and_late() -> None:
    incidents = Incidents(again=3600)
    found = {seconds: told(incidents, seconds, disk("unknown")) for seconds in range(0, 9000, 15)}
    assert {seconds: events for seconds, events in found.items() if events} == {600: [("began", "unknown")]}
    incidents = Incidents()
    incidents.look(T, [disk("unknown", "a"), disk("warning", "b")])
    incidents.look(after(600), [disk("unknown", "a"), disk("warning", "b")])
    events = incidents.to_tell(after(600))
    assert not is_gentle(events) and is_gentle([event for event in events if event.incident.worst == "unknown"])
    message = message_of("school", events, after(600))
    assert message.subject == "school: WARNING: Connections b, and 1 more" and message.level == "warning"


def test_an_incident_that_can_be_seen_no_more_has_not_ended() -> None:
    incidents = Incidents()
    told(incidents, 0, disk("critical"))
    assert told(incidents, 15, disk("critical")) == [("began", "critical")]
    for seconds in (30, 45, 6000):
        assert told(incidents, seconds, disk("unknown")) == []
        # As while the server does not answer: the check is not made at all.
        assert told(incidents, seconds + 1) == []
    assert [incident.worst for incident in incidents.open] == ["critical"]


def test_what_a_check_finds_no_more_is_amiss_no_more() -> None:
    incidents = Incidents()
    told(incidents, 0, disk("warning", "a"), disk("ok", "b"))
    told(incidents, 15, disk("warning", "a"), disk("ok", "b"))
    assert told(incidents, 30, disk("ok", "b")) == []
    assert told(incidents, 80, disk("ok", "b")) == [("ended", "warning")]


def test_a_check_that_came_to_nothing_has_found_nothing_well() -> None:
    incidents = Incidents()
    told(incidents, 0, disk("warning", "a"))
    told(incidents, 15, disk("warning", "a"))
    assert [told(incidents, seconds, disk("unknown", "")) for seconds in (100, 200, 300)] == [[], [], []]
    assert [incident.key for incident in incidents.open] == ["connections[a]"]


def test_a_clock_that_goes_back_delays_nothing() -> None:
    incidents = Incidents(patience=30)
    told(incidents, 7200, disk("warning"))
    assert told(incidents, 0, disk("warning")) == []
    assert told(incidents, 30, disk("warning")) == [("began", "warning")]


def test_a_watch_that_is_started_again_goes_on_where_it_was(tmp_path: Path) -> None:
    first = Incidents()
    told(first, 0, disk("warning", "a"), disk("critical", "b"))
    told(first, 15, disk("warning", "a"), disk("critical", "b"))
    first.look(after(30), [disk("warning", "a"), disk("ok", "b")])
    first.look(after(45), [disk("warning", "a"), disk("ok", "b")])
    with opened(tmp_path, write=True) as samples:
        samples.add(after(45), [], incidents=first.live)
        again = Incidents(samples.unsettled(), last=samples.last_numbers()[0])
    # What was told is not told again, and the end that was not told is.
    assert told(again, 80, disk("warning", "a"), disk("ok", "b")) == [("ended", "critical")]
    told(again, 160, disk("warning", "a"), disk("warning", "c"))
    told(again, 175, disk("warning", "a"), disk("warning", "c"))
    assert [incident.id for incident in again.open] == [1, 3]


def test_an_incident_of_a_check_that_is_not_made_any_more_ends_untold() -> None:
    incidents = Incidents()
    told(incidents, 0, disk("warning"))
    told(incidents, 15, disk("warning"))
    (ended,) = incidents.forget(after(20), {"server"})
    assert (ended.closed, ended.settled_at) == (after(20), after(20))
    assert incidents.live == [] and told(incidents, 100) == []


# --------------------------------------------------------------------- the words


def test_a_message_says_what_it_is_since_when_and_what_to_do_in_each_language() -> None:
    incidents = Incidents()
    for seconds in (0, 15):
        incidents.look(after(seconds), [disk("critical", "a"), disk("warning", "b")])
    events = incidents.to_tell(after(15))
    message = message_of("school", events, after(15))
    assert message.subject == "school: CRITICAL: Connections a, and 1 more" and message.level == "error"
    assert message.lines[0] == "CRITICAL Connections a: 9 connections of 10 (90 %)"
    assert message.lines[1] == "    since 24 November 2026, 02:00 UTC"
    assert message.lines[2].startswith("    See who holds them: ")
    change = message.document["changes"][0]
    assert (change["kind"], change["key"], change["state"]) == ("began", "connections[a]", "critical")
    assert json.dumps(message.document)
    for language in LANGUAGES:
        assert all(message_of("school", events, after(15), language).lines[:3])
        for event in events:
            for kind in ("began", "grew", "again", "ended"):
                assert line_of(event._replace(kind=kind), after(15), language)


def test_a_message_of_many_names_the_gravest_and_how_many_there_are() -> None:
    incidents = Incidents()
    findings = [disk("warning", f"/d{n}") for n in range(39)] + [disk("critical", "/last")]
    for seconds in (0, 15):
        incidents.look(after(seconds), findings)
    message = message_of("school", incidents.to_tell(after(15)), after(15))
    assert message.subject == "school: CRITICAL: Connections /last, and 39 more"
    assert "... and 28 more" in message.lines and len(message.document["changes"]) == 40


def test_the_end_of_all_is_good_news() -> None:
    incidents = Incidents()
    for seconds, state in ((0, "critical"), (15, "critical"), (30, "ok")):
        told(incidents, seconds, disk(state))  # type: ignore[arg-type]
    incidents.look(after(90), [disk("ok")])
    message = message_of("school", incidents.to_tell(after(90)), after(90))
    assert message.subject == "school: well again: Connections /data" and message.level == "info"
    assert message.lines[0] == "WELL AGAIN Connections /data, after 30 s"


# --------------------------------------------------------------------- what cannot be told


NEWS = Message("school: CRITICAL: Server", ("it is down",), "error", {"event": "incidents"})


@pytest.fixture
def samples(tmp_path: Path) -> Iterator[Samples]:
    with opened(tmp_path, write=True) as made:
        yield made


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "PAUSES", (0.01, 0.02))


def ways(folder: Path, command: str) -> Ways:
    return Ways(Tell(syslog=False, command=command), folder, "litelift-test")


def until(box: Outbox, met: Callable[[], bool], now: datetime = T) -> None:
    end = time.monotonic() + 60
    while not met():
        assert time.monotonic() < end
        box.wait(lambda: now, 0.05)


def test_what_cannot_be_told_is_tried_again_until_it_is_and_in_its_order(tmp_path: Path) -> None:
    box = Outbox(ways(tmp_path, "test -e open && cat >> got.json && echo >> got.json"))
    for n in range(3):
        box.post(T, Message(f"news {n}", ()))
    until(box, lambda: bool(box.failing))
    way, letter = box.failing[0]
    assert (way, letter.message.subject) == ("command", "news 0")
    assert letter.deliveries["command"].wrong == "the command: it ended with 1"
    assert [letter.message.subject for _, letter in box.waiting] == ["news 0", "news 1", "news 2"]
    (tmp_path / "open").touch()
    until(box, lambda: not box.waiting)
    said = [json.loads(line)["subject"] for line in (tmp_path / "got.json").read_text().splitlines() if line]
    assert said == ["news 0", "news 1", "news 2"] and not box.failing


def test_what_waits_survives_the_watch_and_what_was_told_is_not_told_again(tmp_path: Path, samples: Samples) -> None:
    box = Outbox(ways(tmp_path, "test -e open && cat > got.json"))
    box.post(T, NEWS)
    until(box, lambda: bool(box.failing))
    samples.keep([], list(box.unsaved.values()))
    (waiting,) = samples.waiting()
    assert (waiting.id, waiting.at, waiting.message) == (1, T, NEWS)
    (tmp_path / "open").touch()
    again = Outbox(ways(tmp_path, "test -e open && cat > got.json"), samples.waiting(), last=samples.last_numbers()[1])
    until(again, lambda: not again.waiting)
    assert json.loads((tmp_path / "got.json").read_text())["subject"] == NEWS.subject
    samples.keep([], list(again.unsaved.values()))
    assert samples.waiting() == []
    assert again.post(T, NEWS).id == 2


def test_a_way_that_hangs_keeps_neither_the_watch_nor_the_others_waiting(tmp_path: Path) -> None:
    box = Outbox(
        Ways(Tell(syslog=False, command="echo > begun; cat fifo", webhook="http://127.0.0.1:9/"), tmp_path, "t")
    )
    os.mkfifo(tmp_path / "fifo")
    box.post(T, NEWS)
    until(box, lambda: [way for way, _ in box.failing] == ["webhook"])
    wait_for((tmp_path / "begun").exists)
    assert box.busy
    (tmp_path / "fifo").write_text("")
    until(box, lambda: not any(way == "command" for way, _ in box.waiting))


def test_news_that_is_a_week_old_is_none(tmp_path: Path) -> None:
    box = Outbox(ways(tmp_path, "false"))
    letter = box.post(T, NEWS)
    until(box, lambda: bool(box.failing))
    until(box, lambda: not box.waiting, now=T + timedelta(days=8))
    assert letter.deliveries["command"].state == "given up"


def test_so_many_messages_wait_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "WAITING", 5)
    box = Outbox(ways(tmp_path, "false"))
    for n in range(9):
        box.post(T, Message(f"news {n}", ()))
    assert [letter.message.subject for _, letter in box.waiting] == [f"news {n}" for n in (0, 5, 6, 7, 8)]


def test_what_is_told_gently_is_for_the_log_alone(tmp_path: Path) -> None:
    box = Outbox(ways(tmp_path, "cat > got.json"))
    assert box.post(T, NEWS, gently=True).deliveries == {}
    assert box.waiting == []
