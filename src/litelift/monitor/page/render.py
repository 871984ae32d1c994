"""The page, and what of it changes, as HTML."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from litelift.monitor.page.assets import address
from litelift.monitor.page.entries import Entries
from litelift.monitor.page.view import View
from litelift.monitor.words import LANGUAGES, Language, catalogue, said, title, to_do
from litelift.report.render import environment as reports

FRAGMENTS = ("state", "checks")
"""The ids of what changes while the page is open; the template of each has its name."""


def document(view: View, language: Language, *, user_may_log_out: bool = False) -> str:
    """The whole page. ``user_may_log_out``: whether somebody is logged in, who may want to leave."""
    parts = {name: Markup(html) for name, html in fragments(view, language).items()}
    return _filled("page", language, view=view, fragments=parts, user_may_log_out=user_may_log_out)


def fragments(view: View, language: Language) -> dict[str, str]:
    """What changes, by the id of the element that it is the content of."""
    return {name: _filled(f"part_{name}", language, view=view) for name in FRAGMENTS}


def login(language: Language, failed: bool = False) -> str:
    """The page that asks for the password: a form that posts the field "password" to "login"."""
    return _filled("login", language, failed=failed)


def quarantine(entries: Entries, language: Language, *, user_may_log_out: bool = False) -> str:
    """A page of the quarantine."""
    return _filled("quarantine", language, entries=entries, user_may_log_out=user_may_log_out)


def _filled(template: str, language: Language, **values: object) -> str:
    words = catalogue(language)
    return (
        _environment()
        .get_template(f"{template}.html.j2")
        .render(language=language, languages=LANGUAGES, words=words, page=words["page"], **values)
    )


@cache
def _environment() -> Environment:
    made = reports("html").overlay(loader=PackageLoader("litelift.monitor.page"))
    made.globals = made.globals | {"address": address, "said": said, "title": title, "to_do": to_do}
    return made
