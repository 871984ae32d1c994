"""What an answer is held against: its status, texts, headers, and the fields of its JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

from litelift.cutover.health.answer import Answer, shown
from litelift.cutover.health.debug_page import refuse_debug_page, status_words
from litelift.cutover.health.result import Failing
from litelift.cutover.health.wording import excerpt, place, short

_MISSING = object()


def expect_status(answer: Answer, statuses: Sequence[int], debug_pages: str = "fail") -> None:
    """Raise Failing for another status, and for a page about an error of the program."""
    if answer.status not in statuses:
        raise Failing(f"status {' or '.join(map(str, statuses))}", status_words(answer))
    refuse_debug_page(answer, debug_pages == "allow")


def expect_texts(answer: Answer, present: Sequence[str], absent: Sequence[str]) -> None:
    """Raise Failing for a text that is missing, or there; in HTML as a browser shows it, too."""
    if not present and not absent:
        return
    text = answer.text
    shapes = (text, html.unescape(text)) if answer.is_html else (text,)
    for words in present:
        if not any(words in shape for shape in shapes):
            raise Failing(f"the text {words!r} in {shown(answer.url)}", f"{len(text):,} characters without it")
    for words in absent:
        for shape in shapes:
            if words in shape:
                line, column = place(shape, shape.index(words))
                got = f"it at {line}:{column}: {excerpt(shape, shape.index(words), len(words))}"
                raise Failing(f"no text {words!r} in {shown(answer.url)}", got)


def expect_headers(answer: Answer, wanted: dict[str, str]) -> None:
    """Raise Failing for a header that is missing, or does not hold its text."""
    for name, text in wanted.items():
        got = answer.headers.get(name)
        if got is None:
            raise Failing(f"a header {name}", "none")
        if text not in got:
            raise Failing(f"{text!r} in the header {name}", short(got))


def document_of(answer: Answer) -> Any:
    """The answer's JSON. Raises Failing where it is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        kind = answer.headers.get("content-type", "no content type")
        said = f"{kind}, which begins with {short(answer.text)}" if answer.body else "an empty answer"
        raise Failing(f"JSON from {shown(answer.url)}", said) from None


def expect_fields(document: Any, wanted: dict[str, Any]) -> None:
    """Raise Failing for a field that is missing or has another value. Tables in ``wanted`` are steps of a path."""
    for path, value in _flat(wanted):
        got = field_of(document, path)
        if got is _MISSING:
            raise Failing(f"{path} = {short(value)}", f"no such field; {_near(document, path)}")
        if not same(value, got):
            raise Failing(f"{path} = {short(value)}", short(got))


def required(document: Any, path: str, what: str) -> Any:
    """The value at ``path``. Raises Failing where there is none."""
    got = field_of(document, path) if path else document
    if got is _MISSING or got is None:
        raise Failing(f"{what} at {path}", f"no such field; {_near(document, path)}")
    return got


def field_of(document: Any, path: str) -> Any:
    """The value at a dotted path: keys of objects, and places in arrays from 0."""
    for step in path.split("."):
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return _MISSING
    return document


def same(wanted: Any, got: Any) -> bool:
    """Whether two values of JSON are the same: true is not 1, and 1 is 1.0."""
    if isinstance(wanted, bool) or isinstance(got, bool):
        return wanted is got
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(same(wanted[key], got[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(same, wanted, got))
    return bool(wanted == got)


def _flat(wanted: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in wanted.items():
        found += _flat(value, f"{before}{name}.") if isinstance(value, dict) else [(f"{before}{name}", value)]
    return found


def _near(document: Any, path: str) -> str:
    """What is there in place of a missing field."""
    steps = path.split(".")
    for end in range(len(steps) - 1, -1, -1):
        above = field_of(document, ".".join(steps[:end])) if end else document
        if above is _MISSING:
            continue
        where = ".".join(steps[:end]) or "the answer"
        if isinstance(above, dict):
            names = ", ".join(list(above)[:8]) + (", ..." if len(above) > 8 else "")
            return f"{where} has {names or 'no fields'}"
        if isinstance(above, list):
            return f"{where} is an array of {len(above)}"
        return f"{where} is {short(above)}"
    return "the answer has none"
