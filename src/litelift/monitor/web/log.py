"""What is written of refused requests, into the system's log and on stderr, in a measure that fills no disk."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from queue import SimpleQueue

from litelift.monitor.web.limits import Bucket
from litelift.redact import text as redact
from litelift.report.text import shorten, visible
from litelift.tell.system_log import write

IDENT = "litelift-monitor"
AT_ONCE = 20.0
A_SECOND = 0.2
"""Lines: 17,280 a day, some 3 MB."""
SUMMED = 60.0
"""Seconds after which it is told how many were left out."""
FOREIGN = 120
"""Characters of what somebody else has said."""
UNWRITTEN = 100
"""Lines that may wait."""


def foreign(words: str) -> str:
    """What somebody else has said, without a secret, made visible and short."""
    return visible(shorten(redact(words), FOREIGN))


class Log:
    """The log. What is beyond its measure is counted, and the count is told. Any thread may use it."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """``say`` prints a line."""
        self._say, self._clock = say, clock
        self._bucket = Bucket(AT_ONCE, A_SECOND, AT_ONCE, clock())
        self._left_out: Counter[str] = Counter()
        self._since = 0.0
        self._one = threading.Lock()
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        # A terminal that is stopped, or a log that is full, keeps whoever writes waiting, and nobody else.
        self._writer = threading.Thread(target=self._write, name="log", daemon=True)
        self._writer.start()

    def refused(self, address: str, why: str, what: str) -> None:
        """A request that was not answered as its sender wanted: from where, why, and what it was, in foreign words."""
        self._line(why, f"refused: {foreign(address)}: {why}" + (f": {foreign(what)}" if what else ""))

    def failed(self, what: str, why: str) -> None:
        """Something of ours that did not work."""
        self._line("an error", f"failed: {foreign(what)}: {visible(shorten(redact(why), 400))}")

    def sum_up(self, *, now: bool = False) -> None:
        """Tell how many were left out, if it is time."""
        with self._one:
            self._sum_up(now)

    def close(self) -> None:
        """Tell the rest, where it can be told in a second."""
        self.sum_up(now=True)
        self._lines.put(None)
        self._writer.join(1.0)

    def _sum_up(self, now: bool) -> None:
        if self._left_out and (now or self._clock() - self._since >= SUMMED):
            total = sum(self._left_out.values())
            reasons = ", ".join(f"{n:,} {why}" for why, n in self._left_out.most_common())
            self._left_out.clear()
            self._lines.put(f"{total:,} more not told one by one: {reasons}")

    def _line(self, why: str, line: str) -> None:
        with self._one:
            self._sum_up(False)
            if self._bucket.wait(self._clock()) > 0 or self._lines.qsize() > UNWRITTEN:
                if not self._left_out:
                    self._since = self._clock()
                self._left_out[why] += 1
            else:
                self._lines.put(line)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            # A stream that is closed: the other log has it.
            with contextlib.suppress(OSError, ValueError):
                self._say(line)
            write(IDENT, "warning", line)


class Handler(logging.Handler):
    """What uvicorn and asyncio log, in the same measure."""

    def __init__(self, log: Log) -> None:
        """Into ``log``."""
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it in one line."""
        error = record.exc_info[1] if record.exc_info else None
        words = " ".join(record.getMessage().split())
        self._log.failed("the server", words if error is None else f"{words}: {type(error).__name__}: {error}")
