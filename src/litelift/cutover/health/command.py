"""The check ``command``: a command of the project that ends as it should."""

from __future__ import annotations

import time

from litelift.cutover.commands import finish
from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.result import Failing
from litelift.cutover.health.settings import CommandCheck
from litelift.cutover.health.wording import LETTERS, excerpt, place
from litelift.errors import CommandFailed
from litelift.redact import text as redact


def attempt(check: CommandCheck, attempt: Attempt) -> str:
    """What was found. Raises Failing."""
    around = attempt.surroundings
    began = time.perf_counter()
    try:
        ended = finish(check.command, around.folder, around.output, check.timeout)
    except CommandFailed as error:
        raise Failing(f"exit status {check.status}", f"a command that {error.facts['how']}") from None
    attempt.milliseconds.append((time.perf_counter() - began) * 1000)
    last = redact((ended.output.rstrip().splitlines() or [""])[-1])
    last = last if len(last) <= 2 * LETTERS else "..." + last[-2 * LETTERS :]
    said = f"; it said: {last}" if last else "; it said nothing"
    if ended.status != check.status:
        raise Failing(f"exit status {check.status}", ended.how + said)
    for words in check.present:
        if words not in ended.output:
            raise Failing(f"{words!r} in its output", f"an output without it{said}")
    for words in check.absent:
        if words in ended.output:
            at = ended.output.index(words)
            line, column = place(ended.output, at)
            raise Failing(
                f"no {words!r} in its output", f"it at {line}:{column}: {excerpt(ended.output, at, len(words))}"
            )
    return f"exit status {ended.status}"
