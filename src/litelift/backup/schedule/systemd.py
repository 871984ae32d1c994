"""The daily run as a systemd timer: of the system for root, else of the user."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
from pathlib import Path

from litelift.atomic import write_whole
from litelift.backup.schedule.daily import Daily
from litelift.backup.schedule.quoting import for_description, for_systemd
from litelift.backup.schedule.scheduler import Kind, Piece, call, said
from litelift.errors import ScheduleFailed, SchedulerMissing

RUNNING = "/run/systemd/system"
"""Is there where systemd runs (sd_booted(3))."""
ROOT = "/"
"""Another one is a system that does not run (systemctl(1), --root)."""
LINGER = "/var/lib/systemd/linger"
"""A file here for each user whose services run without a login (loginctl(1), enable-linger)."""

_SERVICE = """\
# Made by: litelift backup schedule
[Unit]
Description=Backup of {project} by litelift
{after}
[Service]
Type=oneshot
ExecStart={command}
{home}UMask=0077
# 3: the backup is made, and something needs a person; its status file says what.
SuccessExitStatus=3
StandardOutput=null
SyslogIdentifier=litelift-backup
"""
_AFTER = "Wants=network-online.target\nAfter=network-online.target postgresql.service\n"
_TIMER = """\
# Made by: litelift backup schedule
[Unit]
Description=Backup of {project} by litelift, every day at {at} UTC

[Timer]
OnCalendar=*-*-* {at}:00 UTC
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""


class Systemd:
    """The manager of the system or of the user."""

    kind: Kind = "systemd"

    def there(self) -> bool:
        """Whether systemd runs."""
        return Path(RUNNING).is_dir() and shutil.which("systemctl") is not None

    def proposed(self, daily: Daily) -> list[Piece]:
        """Its two units. Raises ScheduleRefused."""
        project = for_description(daily.project)
        system = os.geteuid() == 0
        # Services of the system have none (systemd.exec(5)), and ~/.pgpass is looked for there.
        home = f"Environment={_quoted('HOME=' + pwd.getpwuid(0).pw_dir)}\n" if system else ""
        service = _SERVICE.format(
            project=project, command=for_systemd(daily.command()), home=home, after=_AFTER if system else ""
        )
        timer = _TIMER.format(project=project, at=daily.at)
        texts = {"service": service, "timer": timer}
        return [Piece(str(_folder() / f"{daily.name}.{kind}"), text) for kind, text in texts.items()]

    def installed(self, daily: Daily) -> list[Piece]:
        """Its units as they are there, under whatever name of the project. Raises OSError."""
        found = sorted(path for kind in ("service", "timer") for path in _folder().glob(f"*-{daily.mark}.{kind}"))
        ours = [path for path in found if path.name.startswith("litelift-backup-")]
        return [Piece(str(path), path.read_text("utf-8", "replace")) for path in ours]

    def install(self, daily: Daily) -> list[str]:
        """Put them there, and start the timer. Raises ScheduleRefused, ScheduleFailed, SchedulerMissing, OSError."""
        if shutil.which("systemctl") is None:
            raise SchedulerMissing(what="systemctl program")
        new, old = self.proposed(daily), self.installed(daily)
        kept = {piece.where for piece in new}
        self._take_out([piece for piece in old if piece.where not in kept])
        _folder().mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            _put(new)
            _reload("installed")
            _systemctl("installed", "enable", f"{daily.name}.timer")
            if _is_live():
                # Not only started: one that waits already goes by its old time.
                _systemctl("installed", "restart", f"{daily.name}.timer")
        except BaseException:
            for piece in new:
                Path(piece.where).unlink(missing_ok=True)
            with contextlib.suppress(ScheduleFailed, OSError):
                _put(old)
                _reload("installed")
            raise
        return _lingering()

    def remove(self, daily: Daily) -> None:
        """Stop the timer, and take the units out. Raises ScheduleFailed and OSError."""
        self._take_out(self.installed(daily))

    def _take_out(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            path = Path(piece.where)
            if path.suffix == ".timer":
                _systemctl("removed", "disable", *(["--now"] if _is_live() else []), path.name)
            path.unlink()
        if pieces:
            _reload("removed")


def _folder() -> Path:
    if os.geteuid() == 0:
        return Path(ROOT) / "etc/systemd/system"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user"


def _is_live() -> bool:
    return ROOT == "/"


def _put(pieces: list[Piece]) -> None:
    for piece in pieces:
        write_whole(Path(piece.where), piece.text, mode=0o644)


def _reload(what: str) -> None:
    if _is_live():
        _systemctl(what, "daemon-reload")


def _systemctl(what: str, *words: str) -> None:
    manager = [] if os.geteuid() == 0 else ["--user"]
    root = [] if _is_live() else [f"--root={ROOT}"]
    done = call(["systemctl", "--no-ask-password", *manager, *root, *words], what)
    if done.returncode:
        raise ScheduleFailed(done=what, message=f"systemctl {words[0]}: {said(done)}")


def _lingering() -> list[str]:
    if os.geteuid() == 0:
        return []
    user = pwd.getpwuid(os.geteuid()).pw_name
    if (Path(LINGER) / user).exists():
        return []
    return [f"it runs only while {user} is logged in, until: loginctl enable-linger {user}"]


def _quoted(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
