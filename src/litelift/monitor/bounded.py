"""What may never answer, asked for a while: a network's folder whose server is gone holds whoever looks for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")
_HANGING: dict[str, threading.Thread] = {}
"""By what they look at: none is asked again before it has answered."""


def bounded(what: str, seconds: float, ask: Callable[[], _Found]) -> _Found:
    """What ``ask`` returns or raises. Raises TimeoutError where it has not ended in time; it goes on by itself then.

    Args:
        what: names what is asked.
        seconds: until it is given up.
        ask: looks.
    """
    before = _HANGING.get(what)
    if before is not None and before.is_alive():
        raise TimeoutError(what)
    found: list[_Found] = []
    raised: list[BaseException] = []

    def look() -> None:
        try:
            found.append(ask())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=look, name=what, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        _HANGING[what] = thread
        raise TimeoutError(what)
    if raised:
        raise raised[0]
    return found[0]
