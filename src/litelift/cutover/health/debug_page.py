"""Frameworks' pages about an error of the program, which some send with status 200."""

from __future__ import annotations

import re

from litelift.cutover.health.answer import Answer, shown
from litelift.cutover.health.markup import read_page
from litelift.cutover.health.result import Failing
from litelift.cutover.health.wording import cut

_KNOWN = (
    ("Django's debug page", r"You(?:'|’|&#x27;|&#39;)re seeing this error because you have <code>DEBUG = True</code>"),
    ("Werkzeug's debugger (Flask)", r"<title>[^<]*// Werkzeug Debugger</title>"),
    ("Laravel's debug page (Ignition)", r"_ignition\\?/|flareapp\.io/docs|window\.ignite\("),
    ("Laravel's debug page", r"Whoops, looks like something went wrong|<title>Whoops! There was an error"),
    (
        "Symfony's debug page",
        r"<!-- .{0,300}\(\d{3} [^)]*\) -->\s*<!DOCTYPE html>|exception-summary.{0,600}exception-message-wrapper",
    ),
    ("Rails' debug page", r"<title>Action Controller: Exception caught</title>"),
    ("an error of PHP", r"<b>(?:Fatal|Parse) error</b>:|^(?:PHP )?(?:Fatal|Parse) error: "),
    ("a Python traceback", r"^[ \t]*(?:<pre>)?Traceback \(most recent call last\):"),
    ("a Node stack trace", r"<pre>\w*Error: [^<]*<br> *&nbsp; *&nbsp;at "),
)
_PATTERNS = [(name, re.compile(pattern, re.MULTILINE | re.DOTALL)) for name, pattern in _KNOWN]


def debug_page(answer: Answer) -> str | None:
    """Which page about an error it is, with its title; None where it is none that is known."""
    text = answer.text
    for name, pattern in _PATTERNS:
        if pattern.search(text):
            title = read_page(text).title[:120] if answer.is_html else ""
            return f"{name}{f' ({title})' if title and 'Whoops' not in title else ''}"
    return None


def refuse_debug_page(answer: Answer, allowed: bool) -> None:
    """Raise Failing where the answer is such a page."""
    found = None if allowed else debug_page(answer)
    if found is not None:
        raise Failing(f"an answer of the application from {shown(answer.url)}", f"{found}, status {answer.status}")


def status_words(answer: Answer) -> str:
    """An unexpected status, and what came with it, as far as that tells something."""
    found = debug_page(answer)
    if found is None and answer.is_html:
        found = cut(read_page(answer.text).title)
        found = f'the page "{found}"' if found else None
    away = f" from {shown(answer.url)}"
    return f"{answer.status}{away}{f', {found}' if found else ''}"
