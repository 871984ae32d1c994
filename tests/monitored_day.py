"""A day of a school system, made up: what its checks found from one evening to the next, in a samples file.

The findings are such as the checks make, with their words' facts; only the clock and the numbers are given.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from litelift.monitor.finding import Fact, Finding, Item, Limit, Measure, State
from litelift.monitor.incident import Incident
from litelift.monitor.samples import Samples, opened

NOW = datetime(2026, 11, 24, 10, 26, 41, tzinfo=UTC)
WHO = "process 4711 on atis-db"
STARTED = datetime(2026, 11, 21, 18, 31, tzinfo=UTC)
"""The server."""
PERCENT = Limit(80, 95)
MOST = 97
MORNING = timedelta(hours=4, minutes=12)
"""Before its end: when there were many connections for a while."""
Facts = dict[str, Fact]
ADDRESSES = (("API", 0.041), ("login page", 0.098))


@dataclass(frozen=True)
class Day:
    """What is made."""

    now: datetime = NOW
    hours: float = 24.0
    every: int = 300
    """Seconds between two looks."""
    incident: bool = False
    """Whether something is wrong at its end."""
    gap: bool = True
    """Whether nobody watched for a while in the night."""


def write(folder: Path, day: Day) -> None:
    """Write the day's samples into a monitor's folder."""
    with opened(folder, write=True) as samples:
        add(samples, day)


def add(samples: Samples, day: Day) -> None:
    """Add the day, round by round."""
    chance = random.Random(7)
    at = first = day.now - timedelta(hours=day.hours)
    while at <= day.now:
        if not (day.gap and _asleep(at, day)):
            seldom = steady(at) if at == first else []
            samples.add(at, [*moving(at, day, chance), *seldom], every=day.every, who=WHO)
        at += timedelta(seconds=day.every)
    last = [*moving(day.now, day, chance), *steady(day.now)]
    samples.add(day.now, last, incidents=incidents(day), every=day.every, who=WHO)


def moving(at: datetime, day: Day, chance: random.Random) -> list[Finding]:
    """What the checks find whose numbers are drawn."""
    busy = _busy(at) * (0.85 + 0.3 * chance.random())
    wrong = day.incident and at > day.now - timedelta(minutes=24)
    up = (at - STARTED).total_seconds()
    lasted = (at - (day.now - timedelta(hours=day.hours))).total_seconds()
    # What has come together by then, so that its growth is the rate: 6 a second in the night, 90 at noon.
    done = sum(6 + 84 * _busy(at - timedelta(seconds=ago)) for ago in range(0, int(lasted), day.every)) * day.every
    commits = Measure("commits", done, counter=True)
    hits = Measure("hit_percent", 99.9 - 1.6 * chance.random() * busy, "percent")
    bytes_ = Measure("bytes", 611e6 + 3.1e6 * max(0.0, lasted) / 86400, "bytes")
    used = Measure("used_percent", 61.2 + 0.4 * lasted / 86400, "percent", most=100, limit=Limit(85, 95))
    room: Facts = {"folder": "/var/lib/postgresql/16/main", "share": used.value, "free": 38.4e9}
    size: Facts = {"size": bytes_.value, "before": 611e6, "at": STARTED.timestamp()}
    counted: Facts = {"rate": 6 + 84 * busy, "share": 0.4, "since": at.timestamp() - 3600}
    read: Facts = {"share": hits.value, "read": 2.1e9, "since": at.timestamp() - 86400, "shared_buffers": "4GB"}
    return [
        Finding("server", "ok", "up", {"version": "16.14", "up": up}, measures=[Measure("uptime", up, "seconds")]),
        connections(94 + chance.randrange(3) if wrong else 81 if _morning(at, day) else round(4 + 34 * busy)),
        blocked(3, 212.0) if wrong else blocked(int(chance.random() < 0.02), 2.4),
        Finding("transactions", "ok", "counted", counted, measures=[commits]),
        Finding("cache", "ok", "from-memory", read, measures=[hits]),
        Finding("database-size", "ok", "moved", size, measures=[bytes_]),
        Finding("disk", "ok", "room", room, about="data", measures=[used]),
        *(_health(name, usual * (1 + 1.3 * busy + 0.5 * chance.random() ** 4), wrong) for name, usual in ADDRESSES),
    ]


def _health(name: str, seconds: float, wrong: bool) -> Finding:
    taken = 9.5 * seconds if wrong else seconds
    latency = Measure("latency", taken, "seconds", limit=Limit(0.5))
    state = latency.limit.state(taken) if latency.limit else "ok"
    facts: Facts = {"name": name, "message": "200 OK", "ms": 1000 * taken, "normal": 70.0}
    return Finding(
        "health", state, "up" if state == "ok" else "slow", facts, None if state == "ok" else "slow", name, [latency]
    )


def steady(at: datetime) -> list[Finding]:
    """What the checks find that seldom changes."""
    since = STARTED.timestamp()
    name = "atis-20261121T020004Z"
    return [
        Finding("version", "ok", "current", {"version": "16.14", "major": "16", "known": "November 2026"}),
        Finding("restarts", "ok", "none", {"since": since}),
        Finding("checkpoints", "ok", "counted", {"requested": 4, "timed": 287, "since": since}),
        Finding("locks", "ok", "used", {"used": 41, "most": 7040, "share": 0.6}),
        Finding("long-transactions", "ok", "none"),
        Finding("idle-in-transaction", "ok", "none"),
        Finding("slow-queries", "ok", "none"),
        Finding("deadlocks", "ok", "none", {"since": since}),
        Finding("temp-files", "ok", "some", {"n": 2, "bytes": 18.4e6, "since": since}),
        Finding("unvalidated-constraints", "ok", "none"),
        Finding("quarantine", "ok", "seen", {"total": 13}),
        Finding("untranslated", "ok", "none"),
        Finding("shrunken-tables", "ok", "none", {"tables": 158}),
        Finding("missing-foreign-key-indexes", "ok", "small", {"small": 4}),
        Finding("unused-indexes", "ok", "young", {"days": 2, "wanted": 30}),
        Finding("duplicate-indexes", "ok", "none"),
        Finding("invalid-indexes", "ok", "none"),
        Finding("backup", "ok", "fresh", {"age": 30397.0, "bytes": 94e6, "n": 9}),
        Finding("damaged-backups", "ok", "none", {"all": 9}),
        Finding("drill", "ok", "good", {"name": name, "seconds": 44.2, "age": 3.2 * 86400}),
        Finding("machine", "ok", "fine", {"memory": 47.0, "load": 0.3, "cores": 4}),
    ]


def connections(used: int) -> Finding:
    """So many are open."""
    share = 100 * used / MOST
    state = PERCENT.state(share)
    facts = {"used": used, "most": MOST, "share": share, "normal": 9}
    measures = [Measure("used", used, most=MOST), Measure("used_percent", share, "percent", limit=PERCENT)]
    return Finding("connections", state, "used", facts, None if state == "ok" else "close", measures=measures)


def blocked(waiting: int, longest: float) -> Finding:
    """So many sessions wait."""
    longest = longest if waiting else 0.0
    state: State = Limit(5, 300).state(longest)
    items: list[Item] = [
        {
            "pid": 21877 + number,
            "user": "atis",
            "query": "update grades set value = $1, changed_at = now() where id = $2",
            "by": "21711",
            "seconds": longest / (number + 1),
        }
        for number in range(waiting)
    ]
    return Finding(
        "blocked",
        state,
        "waiting" if waiting else "none",
        {"n": waiting, "longest": longest, "by": "21711", "holder": "atis, application"},
        None if state == "ok" else "end",
        measures=[Measure("sessions", waiting), Measure("longest", longest, "seconds", limit=Limit(5, 300))],
        items=items,
    )


def incidents(day: Day) -> list[Incident]:
    """Those of the day, and one of the day before yesterday."""
    before = day.now - timedelta(days=2, hours=3)
    morning = day.now - MORNING
    told = [
        Incident(1, blocked(1, 8.2), before, before + timedelta(minutes=2), "warning", "ok"),
        Incident(2, connections(81), morning, morning + timedelta(minutes=26), "warning", "ok"),
    ]
    if day.incident:
        began = day.now - timedelta(minutes=23, seconds=11)
        told.append(Incident(3, connections(95), began, None, "critical", "critical"))
        told.append(replace(told[-1], id=4, finding=blocked(3, 212.0), worst="warning", state="warning"))
    return told


def _busy(at: datetime) -> float:
    """From 0 to 1: lessons from 4 to 11 o'clock in UTC, homework in the evening."""
    hour = at.hour + at.minute / 60
    lessons, homework = (math.exp(-(((hour - peak) / width) ** 2)) for peak, width in ((7.5, 2.6), (15.5, 1.6)))
    return min(1.0, 0.08 + 0.85 * lessons + 0.4 * homework)


def _morning(at: datetime, day: Day) -> bool:
    return timedelta(0) <= at - (day.now - MORNING) < timedelta(minutes=26)


def _asleep(at: datetime, day: Day) -> bool:
    return timedelta(hours=10, minutes=5) < day.now - at < timedelta(hours=11, minutes=20)
