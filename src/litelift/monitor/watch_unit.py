"""The watch as a service of systemd, which starts it with the machine, and again where it was killed."""

from __future__ import annotations

import os
import pwd
import sys

from litelift.backup.schedule.daily import ENV, Daily, search_path
from litelift.backup.schedule.quoting import check_words, for_description, for_systemd

_UNIT = """\
# Made by: litelift monitor watch --systemd
[Unit]
Description=Watch of {project} by litelift
{after}
[Service]
ExecStart={command}
{home}UMask=0077
Restart=always
RestartSec=15
# 2: the words of the command, or litelift.toml, are wrong; to start it again helps nobody.
RestartPreventExitStatus=2
StandardOutput=null
SyslogIdentifier=litelift-monitor

[Install]
WantedBy={target}
"""
_AFTER = "Wants=network-online.target\nAfter=network-online.target postgresql.service\n"


def unit(daily: Daily) -> tuple[str, str]:
    """Its file's name, and what is in it. ``daily`` is what is watched. Raises ScheduleRefused."""
    system = os.geteuid() == 0
    python = [sys.executable, "-P", "-m", "litelift"]
    words = [ENV, f"PATH={search_path(os.environ)}", *python, "monitor", "watch", *daily.words, "--quiet"]
    check_words([*words, daily.project])
    home = pwd.getpwuid(os.geteuid()).pw_dir.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    text = _UNIT.format(
        project=for_description(daily.project),
        command=for_systemd(words),
        # ~/.pgpass is looked for there; services of the system have none (systemd.exec(5)).
        home=f'Environment="HOME={home}"\n' if system else "",
        after=_AFTER if system else "",
        target="multi-user.target" if system else "default.target",
    )
    return f"{daily.name.replace('litelift-backup-', 'litelift-monitor-', 1)}.service", text
