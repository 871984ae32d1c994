"""What passes by itself, and how long it is waited for: lost connections, restarts, deadlocks."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

from litelift import errors
from litelift.postgres.connect import is_lost

_FULL = re.compile("too many (clients|connections)|remaining connection slots")
Result = TypeVar("Result")
Tell = Callable[[str], None]

PATIENCE_SECONDS = 60.0
"""How long a server that is away is waited for: a restart with its recovery, as a rule."""
ATTEMPTS = 6
"""How often one piece of work is tried: what ends it each time is not an accident."""
AGAIN = "trying again"
"""Said of each attempt but the first. By it they are counted: from other processes only the words come."""
FIRST_SECONDS = 0.25
LONGEST_SECONDS = 4.0
_ROLLED_BACK = "40"
"""Deadlocks and serialization failures ("PostgreSQL Error Codes", class 40): the same again may succeed."""


def attempts_for(patience: float) -> int:
    """How often one piece of work is tried by whom a server that is away is waited for so many seconds."""
    return ATTEMPTS if patience else 1


def passes(error: BaseException) -> bool:
    """Whether the same work may succeed a little later."""
    if isinstance(error, psycopg.Error):
        return is_lost(error) or (error.sqlstate or "").startswith(_ROLLED_BACK)
    return isinstance(error, errors.TargetUnreachable) and not _FULL.search(error.message)


def persist(work: Callable[[], Result], renew: Callable[[], None], tell: Tell, *, attempts: int = ATTEMPTS) -> Result:
    """Do ``work``, again where what ends it passes.

    Args:
        work: can be done again from its beginning, whatever became of it before.
        renew: called before each new attempt, to connect anew.
        tell: hears what happened, and that it is tried again.
        attempts: at most so many; 1 for none but the first.

    Raises:
        whatever ``work`` raises and does not pass, and the last of what does.
    """
    for attempt in range(1, attempts):
        try:
            return work()
        except (psycopg.Error, errors.TargetUnreachable) as error:
            if not passes(error):
                raise
            tell(f"{words(error)}; {AGAIN} ({attempt} of {attempts - 1})")
        time.sleep(_pause(attempt))
        renew()
    return work()


def reached(connect: Callable[[], Result], seconds: float, tell: Tell) -> Result:
    """Connect, and wait up to ``seconds`` for a server that is away. Raises TargetUnreachable, TargetAuthFailed."""
    deadline = time.monotonic() + seconds
    attempt = 0
    while True:
        try:
            return connect()
        except (errors.TargetUnreachable, psycopg.Error) as error:
            # Those that were lost may still take the place of the new one.
            away = isinstance(error, errors.TargetUnreachable) or passes(error)
            if not away or time.monotonic() > deadline:
                raise
            attempt += 1
            if attempt in (1, 10) or attempt % 50 == 0:
                tell(f"waiting for PostgreSQL ({words(error)})")
        time.sleep(_pause(attempt))


def words(error: BaseException) -> str:
    """What happened, in one line."""
    if isinstance(error, errors.LiteliftError):
        return error.message
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    text = " ".join((said or str(error)).split())
    lost = isinstance(error, psycopg.Error) and is_lost(error)
    return f"the connection to PostgreSQL was lost ({text})" if lost else f"PostgreSQL says: {text}"


def _pause(attempt: int) -> float:
    """Seconds before the next attempt; unlike for those who were in each other's way."""
    return min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)
