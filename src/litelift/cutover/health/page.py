"""The check ``page``: what a page, and the scripts that it loads, hold and do not hold."""

from __future__ import annotations

import html
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from litelift.cutover.health.answer import Answer, origin, shown
from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.browser import Browser
from litelift.cutover.health.expectations import expect_status
from litelift.cutover.health.markup import Page, read_page
from litelift.cutover.health.result import Failing
from litelift.cutover.health.scripts import address, loaded_by, resolved, without_map
from litelift.cutover.health.session import session_of
from litelift.cutover.health.settings_http import PageCheck
from litelift.cutover.health.wording import excerpt, place
from litelift.report.format import count
from litelift.shorten import shortened

TOLD = 5
"""Places that are told of those found."""


@dataclass
class _Site:
    """What has been looked at."""

    files: list[tuple[str, str]] = field(default_factory=list)
    """Address and text of the page and its scripts."""
    others: set[str] = field(default_factory=set)
    """Origins whose scripts were not looked into."""
    unread: list[str] = field(default_factory=list)
    """Imports of scripts that did not answer with a script."""


async def attempt(check: PageCheck, attempt: Attempt) -> str:
    """What was found. Raises Failing."""
    session = session_of(check, attempt)
    browser = await attempt.stack.enter_async_context(Browser(check, attempt, session))
    answer = await browser.ask("GET", check.url)
    expect_status(answer, [check.status], check.debug_pages)
    attempt.milliseconds.append(answer.milliseconds)
    site = _Site([(answer.url, answer.text)])
    if check.scripts and answer.is_html:
        await _read_scripts(check, browser, answer, site)
    _expect(check, answer, site)
    return _summary(answer, site)


async def _read_scripts(check: PageCheck, browser: Browser, answer: Answer, site: _Site) -> None:
    page = read_page(answer.text)
    base = address(answer.url, page.base or "") or answer.url
    own = {origin(url) for url in (check.url, answer.url, *check.origins)}
    # An address, and whether the page itself names it: a browser that does not get it shows a broken page.
    waiting = deque((url, True) for url in _of_page(page, base))
    waiting.extend((url, False) for text in page.inline for url in _imports(text, base, page, base))
    seen: set[str] = {answer.url}
    while waiting:
        url, by_page = waiting.popleft()
        if url in seen:
            continue
        seen.add(url)
        if origin(url) not in own:
            site.others.add(origin(url)[1])
            continue
        if len(site.files) > check.max_scripts:
            raise Failing(f"at most {check.max_scripts} scripts (max_scripts)", "more: the rest would go unseen")
        script = await browser.ask("GET", url)
        if script.status != 200 or script.is_html:
            got = f"status {script.status}" if script.status != 200 else "a page of HTML"
            if by_page:
                raise Failing(f"the script {shown(url)} of the page", got)
            site.unread.append(f"{shown(url)} ({got})")
            continue
        text = without_map(script.text)
        site.files.append((script.url, text))
        waiting.extend((found, False) for found in _imports(text, script.url, page, base))


def _of_page(page: Page, base: str) -> Iterator[str]:
    for word in page.scripts:
        url = address(base, word)
        if url is not None:
            yield url


def _imports(text: str, where: str, page: Page, base: str) -> Iterator[str]:
    for word in loaded_by(text):
        url = resolved(word, where, page.imports, base)
        if url is not None:
            yield url


def _expect(check: PageCheck, answer: Answer, site: _Site) -> None:
    for words in check.present:
        if not any(words in text for _, text in site.files) and words not in html.unescape(answer.text):
            raise Failing(f"the text {words!r}", f"{_summary(answer, site)}: none has it")
    allowed = {f"{host}:{port}" for _, host, port in (origin(check.url), origin(answer.url))}
    found = [
        (url, text, words, at)
        for url, text in site.files
        for words in check.absent
        for at in _found(words, text, allowed)
    ]
    if found:
        places = [_place(*one) for one in found[:TOLD]]
        told = shortened(places, TOLD, separator="; ", total=len(found))
        raise Failing(f"no {' and no '.join(map(repr, check.absent))}", told)


def _place(url: str, text: str, words: str, at: int) -> str:
    line, column = place(text, at)
    return f"{shown(url)} {line}:{column}: {excerpt(text, at, len(words))}"


def _found(words: str, text: str, allowed: set[str]) -> Iterator[int]:
    """Where ``words`` stand and are no part of an address that is allowed: "localhost:8080" is none of
    "localhost:80801"."""
    own = [(len(one), re.compile(rf"{re.escape(one)}(?!\d)", re.IGNORECASE)) for one in allowed]
    for found in re.finditer(re.escape(words), text):
        around = (pattern.search(text, max(0, found.start() - length + 1)) for length, pattern in own)
        if not any(one is not None and one.start() < found.end() for one in around):
            yield found.start()


def _summary(answer: Answer, site: _Site) -> str:
    words = [f"status {answer.status}", count(len(site.files) - 1, "script") + " looked into"]
    if site.others:
        words.append(f"not those of {', '.join(sorted(site.others))}")
    if site.unread:
        words.append(f"{count(len(site.unread), 'import')} without an answer: {', '.join(site.unread[:TOLD])}")
    return ", ".join(words)
