"""The check ``http``: an address that answers as it should, and fast enough."""

from __future__ import annotations

from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.browser import Browser
from litelift.cutover.health.expectations import (
    document_of,
    expect_fields,
    expect_headers,
    expect_status,
    expect_texts,
)
from litelift.cutover.health.result import Slow
from litelift.cutover.health.session import session_of
from litelift.cutover.health.settings_http import HttpCheck


async def attempt(check: HttpCheck, attempt: Attempt) -> str:
    """What was found. Raises Failing."""
    browser = await attempt.stack.enter_async_context(Browser(check, attempt, session_of(check, attempt)))
    samples = 1 if check.method == "POST" else check.samples
    for _ in range(samples):
        answer = await browser.ask(check.method, check.url, follow=check.redirects, body=check.body)
        expect_status(answer, check.statuses, check.debug_pages)
        expect_headers(answer, check.response_headers)
        if check.json_fields:
            expect_fields(document_of(answer), check.json_fields)
        expect_texts(answer, check.present, check.absent)
        attempt.milliseconds.append(answer.milliseconds)
    average = sum(attempt.milliseconds) / samples
    if average > check.max_average_ms:
        took = f"{min(attempt.milliseconds):.0f} to {max(attempt.milliseconds):.0f}"
        raise Slow(f"at most {check.max_average_ms:g} ms on average", f"{average:.0f} ms ({took}, {samples} answers)")
    return f"status {answer.status}"
