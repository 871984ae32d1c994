"""Makes each form of the report. Values are escaped where they are printed, so that no template can forget it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, time
from functools import cache
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import litelift.report.format as human
from litelift.report import markdown, redact, text
from litelift.report.entities import entities, totals
from litelift.report.nextsteps import KEEP_DAYS
from litelift.report.verdict import verdict
from litelift.report.view import person_items, report
from litelift.result import MigrationResult

MAX_NAME = 120
"""Characters of a name; PostgreSQL's own have 63 bytes at most, SQLite's any number."""

_JSON = frozenset({str, int, bool})
FORMAT = 1
"""The version of report.json: raised when a field changes its meaning."""


_SECTIONS = ("counts", "proof", "quarantine", "notices", "untranslated")
"""Sections of their own file: the report of a cutover has them too."""


def prepare() -> None:
    """Compile the templates, which takes longer than filling them."""
    for form in ("html", "md"):
        for name in ("report", *(f"section_{section}" for section in _SECTIONS)):
            environment(form).get_template(f"{name}.{form}.j2")


def render_html(result: MigrationResult) -> str:
    """The report as one HTML file that loads nothing."""
    return environment("html").get_template("report.html.j2").render(_context(result))


def render_markdown(result: MigrationResult) -> str:
    """The report as GitHub's Markdown."""
    return environment("md").get_template("report.md.j2").render(_context(result))


def render_json(result: MigrationResult, *, indent: int | None = 2) -> str:
    """The whole result as JSON, in ASCII (bytes that are not UTF-8 are lone surrogates, as Python reads them).

    ``exit_code`` and ``verdict`` are there for programs; reading the report back works them out again. Without
    ``indent`` it is one line, which takes a fraction of the time.
    """
    clean = redact.result(result)
    judged = verdict(clean, totals(clean, entities(clean)))
    head = {"format": FORMAT, "exit_code": clean.exit_code, "status": judged.status, "verdict": judged.sentence}
    return json.dumps(head | plain(clean.model_dump()), indent=indent, allow_nan=False) + "\n"


def plain(content: Any) -> Any:
    """What JSON can hold: bytes as PostgreSQL writes them (\\x and hex), infinities and decimals as text."""
    if content is None or type(content) in _JSON:
        return content
    if isinstance(content, dict):
        return {str(name): plain(part) for name, part in content.items()}
    if isinstance(content, (list, tuple, set, frozenset)):
        return [plain(part) for part in content]
    if isinstance(content, (bytes, bytearray, memoryview)):
        return "\\x" + bytes(content).hex()
    if isinstance(content, (datetime, date, time)):
        return content.isoformat()
    if isinstance(content, float):
        return content if math.isfinite(content) else str(content)
    return content if content is None or isinstance(content, (str, bool, int)) else str(content)


def _context(result: MigrationResult) -> dict[str, Any]:
    view = report(result)
    return {"r": view, "result": view.result, "person": person_items(view), "keep_days": KEEP_DAYS}


def _html_text(value: object) -> object:
    """Foreign text for HTML: escaped, invisible characters as marked escapes."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _html_pieces(value, "")


def _html_pieces(value: str, keep: str) -> Markup:
    return Markup("").join(
        Markup('<span class="esc">{}</span>').format(part) if escaped else Markup("{}").format(part)
        for escaped, part in text.pieces(value, keep)
    )


def _html_name(name: str) -> Markup:
    """A name that a narrow column may break after _ . or - and nowhere else, if it can."""
    parts = re.split(r"(?<=[_.\-])(?=[^_.\-])", text.shorten(name, MAX_NAME))
    return Markup("<wbr>").join(_html_pieces(part, "") for part in parts)


@cache
def environment(form: Literal["html", "md"]) -> Environment:
    """Where the templates of a form are: its filters, and what is done to every value that is printed."""
    finalize: Callable[[object], object] = _html_text if form == "html" else markdown.printed
    made = Environment(
        loader=PackageLoader("litelift.report"),
        autoescape=form == "html",
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        number=human.number,
        size=human.size,
        duration=human.duration,
        milliseconds=human.milliseconds,
        moment=human.moment,
        percent=human.percent,
        name=_html_name,
        title_of=text.title,
        count=human.count,
        value=text.value,
        key=text.key,
        shorten=text.shorten,
        sql=lambda words: text.shorten(words, text.MAX_SQL),
        code=lambda words: _html_pieces(words, "\n\t"),
        table=lambda rows, *headers: markdown.table(headers, rows),
        fence=markdown.fence,
        inline=markdown.inline,
        md=markdown.Markdown,
    )
    return made
