"""What may never answer, asked for a while: a network's folder whose server is gone holds whoever looks for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from litelift.monitor.hanging import begun, give_up

_Found = TypeVar("_Found")


def bounded(what: str, seconds: float, ask: Callable[[], _Found]) -> _Found:
    """What ``ask`` returns or raises. Raises TimeoutError where it has not ended in time; it goes on by itself then.

    Args:
        what: names what is asked.
        seconds: until it is given up.
        ask: looks.
    """
    found: list[_Found] = []
    raised: list[BaseException] = []

    def look() -> None:
        try:
            found.append(ask())
        except BaseException as error:
            raised.append(error)

    thread = begun(what, look, what)
    if thread is None:
        raise TimeoutError(what)
    thread.join(seconds)
    if thread.is_alive():
        give_up(what, thread)
        raise TimeoutError(what)
    if raised:
        raise raised[0]
    return found[0]
