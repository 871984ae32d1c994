"""The system's log."""

from __future__ import annotations

import syslog

from litelift.tell.message import Level

LINE_BYTES = 900
"""Of a line in it: a whole message is 1,024 bytes at most (RFC 3164, section 4.1)."""
_PRIORITIES = {
    "info": syslog.LOG_INFO,
    "notice": syslog.LOG_NOTICE,
    "warning": syslog.LOG_WARNING,
    "error": syslog.LOG_ERR,
}


def write(ident: str, level: Level, words: str) -> None:
    """Write a line by the name ``ident``; where the machine has no log, it is told to nobody (syslog(3))."""
    line = words.encode()[:LINE_BYTES].decode("utf-8", "ignore")
    syslog.openlog(ident, syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(_PRIORITIES[level], line)
    syslog.closelog()
