"""The local times at which it is a certain time in UTC: cron(8) knows no other clock than the machine's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALTIME = Path("/etc/localtime")
"""The machine's zone (localtime(5)); where there is none, it is UTC (tzset(3))."""
YEARS = 5
"""That are looked at: every rule of summer time comes round in one, and Morocco's follow the moon."""


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """When cron is to start what belongs to one time in UTC."""

    fields: list[str]
    """The first two fields of crontab(5), minute and hour: ["0 2"], or ["0 3", "0 4"]."""
    certain: bool
    """Whether it is that time in UTC whenever one of them comes."""


def machine_zone(localtime: Path = LOCALTIME) -> tzinfo:
    """The zone by which cron goes. Raises OSError."""
    try:
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file)
    except FileNotFoundError:
        return UTC


def local_times(at: str, zone: tzinfo, now: datetime) -> LocalTimes:
    """The local times in ``zone`` at which it is ``at`` ("02:00") in UTC within the coming years."""
    hour, minute = map(int, at.split(":"))
    first = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    found = [(first + timedelta(days=day)).astimezone(zone) for day in range(-1, 366 * YEARS)]
    times = sorted({(local.hour, local.minute) for local in found})
    minutes = sorted({minute for _, minute in times})
    # cron does not start what has a fixed hour a second time in the hour that comes twice (cron(8), "Notes"), and here
    # the second one is meant.
    if any(local.fold for local in found):
        return LocalTimes([f"{minute} *" for minute in minutes], certain=False)
    fields = [f"{minute} {','.join(str(hour) for hour, at in times if at == minute)}" for minute in minutes]
    return LocalTimes(fields, certain=len(times) == 1)
