"""A day of a school system, made up: what its checks found from one evening to the next, in a samples file.

The findings are such as the checks make, with their words' facts; only the clock and the numbers are given.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from litelift.monitor.finding import Finding, Item, Limit, Measure, State
from litelift.monitor.incident import Incident
from litelift.monitor.samples import Samples, opened

NOW = datetime(2026, 11, 24, 10, 26, 41, tzinfo=UTC)
WHO = "process 4711 on atis-db"
USED, PERCENT = Limit(), Limit(80, 95)
MOST = 97


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
    at = day.now - timedelta(hours=day.hours)
    while at <= day.now:
        if not (day.gap and _asleep(at, day)):
            samples.add(at, found(at, day, chance), every=day.every, who=WHO)
        at += timedelta(seconds=day.every)
    samples.add(day.now, found(day.now, day, chance), incidents=incidents(day), every=day.every, who=WHO)


def found(at: datetime, day: Day, chance: random.Random) -> list[Finding]:
    """What one round of checks finds."""
    return list(_made(at, day, chance))


def _made(at: datetime, day: Day, chance: random.Random) -> Iterator[Finding]:
    busy = _busy(at) * (0.85 + 0.3 * chance.random())
    wrong = day.incident and at > day.now - timedelta(minutes=24)
    since = (at - datetime(2026, 11, 21, 18, 31, tzinfo=UTC)).total_seconds()
    yield Finding(
        "server", "ok", "up", {"version": "16.14", "up": since}, measures=[Measure("uptime", since, "seconds")]
    )
    used = 94 + chance.randrange(3) if wrong else round(4 + 34 * busy)
    yield connections(used)
    waiting = 3 if wrong else int(chance.random() < 0.02)
    yield blocked(waiting, 212.0 if wrong else 2.4 * waiting)
    lasted = (at - (day.now - timedelta(hours=day.hours))).total_seconds()
    # What has come together by then, so that its growth is the rate: 6 a second in the night, 90 at noon.
    done = sum(6 + 84 * _busy(at - timedelta(seconds=ago)) for ago in range(0, int(lasted), day.every)) * day.every
    yield Finding("transactions", "ok", "rate", {}, measures=[Measure("total", done, counter=True)])
    hits = _percent("percent", 99.9 - 1.6 * chance.random() * busy)
    yield Finding("cache-hit-ratio", "ok", "ratio", {}, measures=[hits])
    size = 611e6 + 3.1e6 * max(0.0, lasted) / 86400
    yield Finding("database-size", "ok", "size", {"bytes": size}, measures=[Measure("bytes", size, "bytes")])
    disk = Measure("used_percent", 61.2 + 0.4 * lasted / 86400, "percent", most=100, limit=Limit(85, 95))
    yield Finding("disk", "ok", "room", {}, about="data", measures=[disk])
    for address, usual in (("API", 0.061), ("login page", 0.142)):
        seconds = usual * (1 + 1.3 * busy + 0.5 * chance.random() ** 4) * (6.5 if wrong else 1)
        latency = Measure("latency", seconds, "seconds", limit=Limit(0.5, 2))
        yield Finding("health", "ok", "fine", {"seconds": seconds}, about=address, measures=[latency])


def connections(used: int) -> Finding:
    """So many are open."""
    share = 100 * used / MOST
    state = PERCENT.state(share)
    facts = {"used": used, "most": MOST, "share": share, "normal": 9}
    measures = [Measure("used", used, most=MOST), Measure("used_percent", share, "percent", limit=PERCENT)]
    return Finding("connections", state, "used", facts, None if state == "ok" else "close", measures=measures)


def blocked(waiting: int, longest: float) -> Finding:
    """So many sessions wait."""
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
        {"n": waiting, "longest": longest, "by": "21711"},
        None if state == "ok" else "end",
        measures=[Measure("sessions", waiting), Measure("longest", longest, "seconds", limit=Limit(5, 300))],
        items=items,
    )


def incidents(day: Day) -> list[Incident]:
    """Those of the day, and one of the day before yesterday."""
    before = day.now - timedelta(days=2, hours=3)
    morning = day.now - timedelta(hours=4, minutes=12)
    told = [
        Incident(1, blocked(1, 8.2), before, before + timedelta(minutes=2), "warning", "ok"),
        Incident(2, connections(81), morning, morning + timedelta(minutes=26), "warning", "ok"),
    ]
    if day.incident:
        began = day.now - timedelta(minutes=23, seconds=11)
        told.append(Incident(3, connections(95), began, None, "critical", "critical"))
        told.append(replace(told[-1], id=4, finding=blocked(3, 212.0), worst="warning", state="warning"))
    return told


def _percent(name: str, value: float) -> Measure:
    return Measure(name, value, "percent", most=100, limit=Limit(95, 85, below=True))


def _busy(at: datetime) -> float:
    """From 0 to 1: lessons from 4 to 11 o'clock in UTC, homework in the evening."""
    hour = at.hour + at.minute / 60
    lessons, homework = (math.exp(-(((hour - peak) / width) ** 2)) for peak, width in ((7.5, 2.6), (15.5, 1.6)))
    return min(1.0, 0.08 + 0.85 * lessons + 0.4 * homework)


def _asleep(at: datetime, day: Day) -> bool:
    return timedelta(hours=10, minutes=5) < day.now - at < timedelta(hours=11, minutes=20)
