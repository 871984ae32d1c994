"""What is to be told: kept until it is taken, and tried again meanwhile, each way for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from time import monotonic

from litelift.monitor.letter import Delivery, DeliveryState, Letter
from litelift.tell.message import Message, Untold, Way
from litelift.tell.ways import Ways

PAUSES = (15.0, 30.0, 60.0, 120.0, 300.0, 900.0)
"""Seconds before it is tried again; the last again and again."""
KEPT = timedelta(days=7)
"""For which it is tried: what is older is no news."""
WAITING = 200
"""Messages that wait for one way at most; the oldest is given up."""


@dataclass(slots=True)
class _Line:
    """The messages that wait for one way: the first is tried, the others wait behind it."""

    waiting: list[Letter] = field(default_factory=list)
    under_way: bool = False
    failures: int = 0
    due: float = 0.0


class Outbox:
    """Tells by threads of its own, so that no look waits for a mail server; one message at a time by each way."""

    def __init__(self, ways: Ways, known: Iterable[Letter] = (), *, last: int = 0) -> None:
        """Go on with what is ``known`` to wait. ``last`` is the greatest number that a message ever had."""
        self.ways = ways
        self.unsaved: dict[int, Letter] = {}
        """What is others than it was kept."""
        self._last = last
        self._lines: dict[Way, _Line] = {}
        self._results: SimpleQueue[tuple[Way, Letter, Untold | None] | None] = SimpleQueue()
        self.awake = False
        """Whether nothing is waited for any more."""
        for letter in known:
            for way, delivery in letter.deliveries.items():
                if delivery.state == "waits":
                    self._line(way).waiting.append(letter)

    @property
    def waiting(self) -> list[tuple[Way, Letter]]:
        """What waits, the oldest first."""
        pairs = [(way, letter) for way, line in self._lines.items() for letter in line.waiting]
        return sorted(pairs, key=lambda pair: pair[1].id)

    @property
    def failing(self) -> list[tuple[Way, Letter]]:
        """Of each way that could not be told at the last try, the message that it is at."""
        return [(way, line.waiting[0]) for way, line in self._lines.items() if line.waiting and line.failures]

    def post(self, at: datetime, message: Message, *, gently: bool = False) -> Letter:
        """Tell ``message``: to the system's log now, by the ways as soon as they take it.

        ``gently``: to the log alone.
        """
        for line in [message.subject, *(one for one in message.lines if one.strip())]:
            self.ways.log(message.level, line)
        self._last += 1
        ways = [] if gently else self.ways.names
        letter = Letter(self._last, at, message, {way: Delivery() for way in ways})
        self.unsaved[letter.id] = letter
        for way in ways:
            line_ = self._line(way)
            line_.waiting.append(letter)
            if len(line_.waiting) > WAITING:
                self._leave(way, line_.waiting[1], "given up")
        return letter

    def turn(self, now: datetime) -> None:
        """Start what is due."""
        for way, line in self._lines.items():
            while line.waiting and now - line.waiting[0].at > KEPT and not line.under_way:
                self._leave(way, line.waiting[0], "given up")
            if way not in self.ways.names and not line.under_way:
                # The settings name it no more.
                for letter in list(line.waiting):
                    self._leave(way, letter, "given up")
            if line.waiting and not line.under_way and monotonic() >= line.due:
                line.under_way = True
                threading.Thread(target=self._send, args=[way, line.waiting[0]], daemon=True).start()

    def wait(self, now: Callable[[], datetime], seconds: float) -> None:
        """Wait, and note meanwhile what becomes of that which is under way."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0 and not self.awake:
            self.turn(now())
            due = [line.due - monotonic() for line in self._lines.values() if line.waiting and not line.under_way]
            self._note(min([left, *(max(one, 0.01) for one in due)]))

    def finish(self, seconds: float) -> None:
        """Wait until nothing is under way, so long at most; what is then still tried is tried again later."""
        end = monotonic() + seconds
        while self.busy and (left := end - monotonic()) > 0:
            self._note(left)

    def wake(self) -> None:
        """Have `wait` end, now and from now on."""
        self.awake = True
        self._results.put(None)

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return any(line.under_way for line in self._lines.values())

    def _send(self, way: Way, letter: Letter) -> None:
        try:
            untold = self.ways.send(way, letter.message)
        except Exception as error:
            # A thread that ends in silence would keep this way closed for ever.
            untold = Untold(self.ways.clean(f"the {way}: {type(error).__name__}: {error}"))
        self._results.put((way, letter, untold))

    def _note(self, seconds: float) -> None:
        try:
            result = self._results.get(timeout=seconds)
        except Empty:
            return
        if result is None:
            return
        way, letter, untold = result
        line, delivery = self._line(way), letter.deliveries[way]
        line.under_way = False
        delivery.tries += 1
        delivery.wrong = untold.wrong if untold is not None else None
        self.unsaved[letter.id] = letter
        if untold is not None and untold.again:
            line.failures += 1
            line.due = monotonic() + PAUSES[min(line.failures, len(PAUSES)) - 1]
            if line.failures == 1:
                self.ways.log("error", f"could not be told: {letter.message.subject}: {untold.wrong}")
            return
        line.failures, line.due = 0, 0.0
        self._leave(way, letter, "told")

    def _leave(self, way: Way, letter: Letter, state: DeliveryState) -> None:
        letter.deliveries[way].state = state
        self._line(way).waiting.remove(letter)
        self.unsaved[letter.id] = letter

    def _line(self, way: Way) -> _Line:
        return self._lines.setdefault(way, _Line())
