"""The page, and what of it changes, as HTML."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from litelift.monitor.finding import ITEMS
from litelift.monitor.page import writing
from litelift.monitor.page.assets import address
from litelift.monitor.page.charts import STEP
from litelift.monitor.page.drawing import HEIGHT, drawn
from litelift.monitor.page.entries import Entries
from litelift.monitor.page.view import View
from litelift.monitor.words import LANGUAGES, Language, about, catalogue
from litelift.report.render import environment as reports

SECTIONS = ("state", "charts", "checks", "incidents", "backups", "move", "itself")
"""The parts of the page, each the content of the element that has its id."""


def document(view: View, language: Language, *, user_may_log_out: bool = False) -> str:
    """The whole page. ``user_may_log_out``: whether somebody is logged in, who may want to leave."""
    parts = {name: Markup(html) for name, html in _parts(view, language).items()}
    return _filled(
        "page", language, view=view, parts=parts, sections=_sections(view, language, parts), leaves=user_may_log_out
    )


def fragments(view: View, language: Language) -> dict[str, str]:
    """What changes, by the id of the element that it is the content of.

    An element in a fragment that has an id of its own among these is empty there, and its content a fragment: of a page
    with many checks only what changed is to be sent.
    """
    return _sections(view, language, {}) | _parts(view, language)


def login(language: Language, failed: bool = False) -> str:
    """The page that asks for the password: a form that posts the field "password" to "login"."""
    return _filled("login", language, failed=failed)


def quarantine(entries: Entries, language: Language, *, user_may_log_out: bool = False) -> str:
    """A page of the quarantine."""
    return _filled("quarantine", language, entries=entries, leaves=user_may_log_out)


def _sections(view: View, language: Language, parts: dict[str, Markup]) -> dict[str, str]:
    return {name: _filled(f"section_{name}", language, view=view, parts=parts) for name in SECTIONS}


def _parts(view: View, language: Language) -> dict[str, str]:
    charts = {chart.id: _filled("chart", language, d=drawn(chart)) for chart in view.charts}
    return charts | {f"group-{group.name}": _filled("group", language, group=group) for group in view.groups}


def _filled(template: str, language: Language, **values: object) -> str:
    words = catalogue(language)

    def say(key: str, **facts: Any) -> Markup:
        found: Any = words["page"]
        for name in key.split("."):
            found = found[name]
        return writing.sentence(found, language, **facts)

    of_language = {
        name: partial(getattr(writing, name), language=language)
        for name in ("when", "done", "found", "named", "amount", "cell", "limits", "on_axis", "decimal")
    }
    return (
        environment()
        .get_template(f"{template}.html.j2")
        .render(
            **of_language,
            say=say,
            about=partial(about, language=language),
            language=language,
            states=words["states"],
            groups=words["groups"],
            page=words["page"],
            **values,
        )
    )


@cache
def environment() -> Environment:
    """Where the templates of the page are: the filters of the reports, and its own."""
    made = reports("html").overlay(loader=PackageLoader("litelift.monitor.page"))
    made.filters = made.filters | {"plain": writing.plain}
    made.globals = made.globals | {
        "address": address,
        "typed": writing.typed,
        "columns": writing.columns,
        "languages": {name: catalogue(name)["page"]["language"] for name in LANGUAGES},
        "HEIGHT": HEIGHT,
        "MOST_ITEMS": ITEMS,
        "STEP": STEP,
        "FIRST_COLUMN": ("server", "activity", "storage", "upkeep", "replication"),
    }
    return made
