"""The daily run as lines of the user's crontab, each known by its end; every other line stays as it is."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from litelift.backup.schedule.daily import Daily
from litelift.backup.schedule.hours import local_times, machine_zone
from litelift.backup.schedule.quoting import for_cron
from litelift.backup.schedule.scheduler import Kind, Piece, call, said
from litelift.errors import ScheduleFailed, ScheduleRefused, SchedulerMissing
from litelift.report.text import visible

CRONTAB = "crontab"
"""The program: crontab(1)."""
COMMAND_BYTES = 998
"""Of a command, at most: Debian's cron leaves no room for more, and refuses the whole table (MAX_COMMAND)."""
DAEMONS = ("cron", "crond", "fcron", "cronie")


class Cron:
    """The crontab of the user who runs this."""

    kind: Kind = "cron"

    def there(self) -> bool:
        """Whether there is a crontab(1)."""
        return shutil.which(CRONTAB) is not None

    def proposed(self, daily: Daily) -> list[Piece]:
        """Its lines. Raises ScheduleRefused and OSError."""
        return [Piece("crontab", "".join(f"{line}\n" for line in lines(daily, datetime.now(UTC))))]

    def installed(self, daily: Daily) -> list[Piece]:
        """Its lines as they are there. Raises ScheduleFailed."""
        if not self.there():
            return []
        ours = [line for line in _lines(_read()) if _is_ours(line, daily)]
        return [Piece("crontab", b"".join(ours).decode("utf-8", "replace"))] if ours else []

    def install(self, daily: Daily) -> list[str]:
        """Put them there. Raises ScheduleRefused, ScheduleFailed, SchedulerMissing and OSError."""
        if not self.there():
            raise SchedulerMissing(what="crontab program")
        new = [f"{line}\n".encode() for line in lines(daily, datetime.now(UTC))]
        _write(replaced(_read(), daily, new), "installed")
        return [] if _runs() else ["no cron is seen to run here: start it, and see that it starts with the machine"]

    def remove(self, daily: Daily) -> None:
        """Take them out. Raises ScheduleFailed."""
        table = _read()
        left = replaced(table, daily, [])
        if left != table:
            _write(left, "removed")


def lines(daily: Daily, now: datetime) -> list[str]:
    """The lines of a crontab(5). Raises ScheduleRefused and OSError."""
    times = local_times(daily.at, machine_zone(), now)
    command = f"{for_cron(daily.command(*(() if times.certain else ('--at', daily.at))))} >/dev/null {_end(daily)}"
    if len(command.encode()) > COMMAND_BYTES:
        message = f"the command has {len(command.encode())} bytes, and a crontab has room for {COMMAND_BYTES}"
        raise ScheduleRefused(message=message, hint="Use a shorter PATH (it is part of it), or --systemd.")
    about = f"# Backup of {visible(daily.project)[:80]}, every day at {daily.at} UTC. {_end(daily)}"
    return [about, *(f"{fields} * * * {command}" for fields in times.fields)]


def replaced(table: bytes, daily: Daily, new: list[bytes]) -> bytes:
    """The table with ``new`` in the place of the lines that are ours, or at its end."""
    before: list[bytes] = []
    after: list[bytes] = []
    met = False
    for line in _lines(table):
        if _is_ours(line, daily):
            met = True
        else:
            (after if met else before).append(line)
    return b"".join([*before, *new, *after])


def _lines(table: bytes) -> list[bytes]:
    """With their ends; a carriage return ends none (crontab(5))."""
    return [line for line in re.split(rb"(?<=\n)", table) if line]


def _end(daily: Daily) -> str:
    return f"# litelift-backup-{daily.mark}"


def _is_ours(line: bytes, daily: Daily) -> bool:
    return line.rstrip().endswith(_end(daily).encode())


def _read() -> bytes:
    done = call([CRONTAB, "-l"], "read")
    # The second is busybox's.
    none = any(words in done.stderr.lower() for words in (b"no crontab", b"can't open")) and not done.stdout
    if done.returncode and not none:
        raise ScheduleFailed(done="read", message=said(done))
    return done.stdout


def _write(table: bytes, what: str) -> None:
    done = call([CRONTAB, "-"], what, given=table) if table else call([CRONTAB, "-r"], what)
    if done.returncode:
        raise ScheduleFailed(done=what, message=said(done))
    if _read() != table:
        message = "the crontab is not what was written: somebody else may have changed it"
        raise ScheduleFailed(done=what, message=message)


def _runs() -> bool:
    """Whether a cron is seen to run; True where nobody can tell."""
    found = False
    for name in Path("/proc").glob("[0-9]*/comm"):
        found = True
        try:
            if name.read_text().strip() in DAEMONS:
                return True
        except OSError:
            continue
    return not found
