"""The check ``crud``: a thing is created, read, changed, read and deleted, and whatever happens it is not left."""

from __future__ import annotations

import asyncio
import json
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from litelift.cutover.health.answer import Answer, shown
from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.browser import Browser
from litelift.cutover.health.debug_page import status_words
from litelift.cutover.health.expectations import document_of, expect_status, field_of, required, same
from litelift.cutover.health.result import Failing
from litelift.cutover.health.session import session_of
from litelift.cutover.health.settings_http import CrudCheck
from litelift.cutover.health.wording import short

_DELETED = [200, 202, 204]


class _Thing:
    """The thing that was made, as far as it is known."""

    def __init__(self, check: CrudCheck, browser: Browser) -> None:
        self.check = check
        self.browser = browser
        self.posted = False
        """Whether it may be there."""
        self.url: str | None = None

    async def remove(self, left: list[str]) -> None:
        """Remove it where it may be there still; where that fails, say so in ``left``."""
        if not self.posted:
            return
        if self.url is None:
            left.append(f"perhaps one thing at {shown(self.check.url)}, whose id is not known")
            return
        try:
            async with asyncio.timeout(self.check.timeout):
                answer = await self.browser.ask("DELETE", self.url)
                if answer.status in _DELETED or answer.status in self.check.gone:
                    self.posted = False
                    return
                why = status_words(answer)
        except Failing as failing:
            why = failing.got
        except TimeoutError:
            why = f"no answer within {self.check.timeout:g} s"
        left.append(f"{shown(self.url)} (DELETE: {why})")


async def attempt(check: CrudCheck, attempt: Attempt) -> str:
    """What was found. Raises Failing."""
    browser = await attempt.stack.enter_async_context(Browser(check, attempt, session_of(check, attempt), _item(check)))
    thing = _Thing(check, browser)
    attempt.stack.push_async_callback(thing.remove, attempt.left)
    sent = _unique(check.create, token_hex(6))
    url, document = await _create(check, attempt, thing, sent)
    _compare(check, sent, document, "the answer to POST", partly=True)
    await _read(check, attempt, browser, url, sent)
    if check.update:
        changes = _unique(check.update, token_hex(6))
        whole = {**sent, **changes}
        answer = await browser.ask(
            check.update_method, url, json=whole if check.update_method == "PUT" else changes, headers=_ACCEPT
        )
        attempt.milliseconds.append(answer.milliseconds)
        _expect(check, answer, [200, 201, 202, 204], check.update_method)
        await _read(check, attempt, browser, url, whole)
    answer = await browser.ask("DELETE", url, headers=_ACCEPT)
    attempt.milliseconds.append(answer.milliseconds)
    _expect(check, answer, _DELETED, "DELETE")
    answer = await browser.ask("GET", url, headers=_ACCEPT)
    if answer.status not in check.gone:
        gone = " or ".join(map(str, check.gone))
        raise Failing(f"status {gone} for what was deleted", status_words(answer))
    thing.posted = False
    return f"created, read, {'changed, read, ' if check.update else ''}deleted and gone"


_ACCEPT = {"Accept": "application/json"}


async def _create(check: CrudCheck, attempt: Attempt, thing: _Thing, sent: dict[str, Any]) -> tuple[str, Any]:
    thing.posted = True
    answer = await thing.browser.ask("POST", check.url, json=sent, headers=_ACCEPT)
    attempt.milliseconds.append(answer.milliseconds)
    if 400 <= answer.status < 500:
        # Refused: nothing was made.
        thing.posted = False
    _expect(check, answer, [200, 201], "POST")
    document = document_of(answer)
    key = required(document, check.id, "an id")
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise Failing(f"an id at {check.id}", short(key))
    thing.url = _address(check, str(key))
    return thing.url, document


async def _read(check: CrudCheck, attempt: Attempt, browser: Browser, url: str, wanted: dict[str, Any]) -> None:
    answer = await browser.ask("GET", url, headers=_ACCEPT)
    attempt.milliseconds.append(answer.milliseconds)
    _expect(check, answer, [200], "GET")
    _compare(check, wanted, document_of(answer), f"GET {shown(url)}")


def _expect(check: CrudCheck, answer: Answer, statuses: list[int], method: str) -> None:
    try:
        expect_status(answer, statuses, check.debug_pages)
    except Failing as failing:
        said = f", {short(_said(answer))}" if not answer.is_html and answer.body else ""
        raise Failing(f"{failing.expected} for {method}", f"{failing.got}{said}") from None


def _said(answer: Answer) -> object:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return answer.text


def _compare(check: CrudCheck, wanted: dict[str, Any], document: Any, where: str, partly: bool = False) -> None:
    """Raise Failing where a field that was sent has not come back; with ``partly`` it may be missing."""
    if partly:
        found = field_of(document, check.inside) if check.inside else document
        if not isinstance(found, dict):
            return
    else:
        found = required(document, check.inside, "the thing")
    if not isinstance(found, dict):
        raise Failing(f"an object from {where}", short(found))
    for name, value in wanted.items():
        if name in check.ignore or (partly and name not in found):
            continue
        if name not in found:
            raise Failing(
                f"{name} = {short(value)} from {where}", f"no such field; it has {', '.join(list(found)[:8])}"
            )
        if not same(value, found[name]):
            raise Failing(f"{name} = {short(value)} from {where}", short(found[name]))


def _unique(value: Any, word: str) -> Any:
    """``value`` with {unique} filled in."""
    if isinstance(value, str):
        return value.replace("{unique}", word)
    if isinstance(value, dict):
        return {name: _unique(one, word) for name, one in value.items()}
    return [_unique(one, word) for one in value] if isinstance(value, list) else value


def _item(check: CrudCheck) -> list[str]:
    return [check.item] if check.item else []


def _address(check: CrudCheck, key: str) -> str:
    """The address of the thing; whatever an id is, it leads to nothing else."""
    if key in (".", ".."):
        raise Failing(f"an id at {check.id}", repr(key))
    if check.item is not None:
        return check.item.replace("{id}", quote(key, safe=""))
    path, mark, query = check.url.partition("?")
    slash = "/" if path.endswith("/") else ""
    return f"{path.rstrip('/')}/{quote(key, safe='')}{slash}{mark}{query}"
