"""What a health check reads out of HTML: the title, forms, and the scripts that a page loads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser

_JAVASCRIPT = ("", "module", "text/javascript", "application/javascript", "text/ecmascript", "application/ecmascript")


@dataclass(frozen=True, slots=True)
class Control:
    """A field of a form."""

    name: str
    kind: str
    """Its type: text, password, hidden, checkbox, submit, ..."""
    value: str
    sent: bool
    """Whether a browser sends it as it stands: a checked box, a field that is not disabled."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a page."""

    id: str
    name: str
    action: str
    method: str
    controls: list[Control] = field(default_factory=list)

    def control(self, kind: str) -> Control | None:
        """The first of a kind."""
        return next((one for one in self.controls if one.kind == kind), None)


@dataclass
class Page:
    """A page of HTML, as far as health checks look."""

    title: str = ""
    base: str | None = None
    """Of <base href>: what addresses are relative to."""
    forms: list[Form] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    """Addresses of scripts as the page writes them: src, modulepreload and preload."""
    inline: list[str] = field(default_factory=list)
    """The scripts in the page itself."""
    imports: dict[str, str] = field(default_factory=dict)
    """The import map: names, and what they stand for."""


def read_page(text: str) -> Page:
    """The page in ``text``; of broken HTML, what comes before the break."""
    reader = _Reader()
    # What Python's parser does not let pass, it meets with this.
    with suppress(AssertionError):
        reader.feed(text)
        reader.close()
    reader.page.title = " ".join(reader.page.title.split())
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._form: Form | None = None
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []
        self._area: tuple[str, list[str]] | None = None
        self._script: tuple[str, list[str]] | None = None
        self._title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in reversed(attrs)}
        if tag == "script":
            self._start_script(given)
        elif tag == "link":
            rel = given.get("rel", "").lower().split()
            if "modulepreload" in rel or ("preload" in rel and given.get("as", "").lower() == "script"):
                self._add(given.get("href", ""))
        elif tag == "base" and self.page.base is None and given.get("href"):
            self.page.base = given["href"]
        elif tag == "title":
            self._title = not self.page.title
        elif tag == "form":
            method = given.get("method", "get").lower()
            self._form = Form(given.get("id", ""), given.get("name", ""), given.get("action", ""), method)
            self.page.forms.append(self._form)
        elif self._form is not None:
            self._start_control(tag, given)

    def _start_script(self, given: dict[str, str]) -> None:
        kind = given.get("type", "").lower().strip()
        if kind in _JAVASCRIPT and "src" in given:
            self._add(given["src"])
        if "src" not in given:
            self._script = (kind, [])

    def _add(self, address: str) -> None:
        if address.strip() and address.strip() not in self.page.scripts:
            self.page.scripts.append(address.strip())

    def _start_control(self, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "input":
            kind = given.get("type", "text").lower()
            on = "checked" in given if kind in ("checkbox", "radio") else kind not in ("reset", "button", "image")
            self._control(name, kind, given.get("value", "on" if kind == "checkbox" else ""), on, given)
        elif tag == "button":
            kind = given.get("type", "submit").lower()
            self._control(name, kind, given.get("value", ""), kind == "submit", given)
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option" and self._select is not None:
            self._options.append((given.get("value", ""), "selected" in given))
        elif tag == "textarea":
            self._area = (name, [])

    def _control(self, name: str, kind: str, value: str, sent: bool, given: dict[str, str]) -> None:
        if self._form is not None and name:
            self._form.controls.append(Control(name, kind, value, sent and "disabled" not in given))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # In HTML the / means nothing: <script src=... /> is open.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._script is not None:
            kind, pieces = self._script
            self._script = None
            if kind in _JAVASCRIPT:
                self.page.inline.append("".join(pieces))
            elif kind == "importmap":
                self.page.imports.update(_import_map("".join(pieces)))
        elif tag == "title":
            self._title = False
        elif tag == "form":
            self._form = None
        elif tag == "select" and self._select is not None:
            if self._options:
                value = next((value for value, selected in self._options if selected), self._options[0][0])
                self._control(self._select, "select", value, True, {})
            self._select = None
        elif tag == "textarea" and self._area is not None:
            self._control(self._area[0], "textarea", "".join(self._area[1]), True, {})
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self._script[1].append(data)
        elif self._title:
            self.page.title += data
        elif self._area is not None:
            self._area[1].append(data)


def _import_map(text: str) -> dict[str, str]:
    try:
        found = json.loads(text).get("imports")
    except (ValueError, RecursionError, AttributeError):
        return {}
    return dict(_texts(found)) if isinstance(found, dict) else {}


def _texts(found: dict[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        if isinstance(value, str):
            yield name, value
