"""Which scripts a script loads, as far as it says so in literals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

_WORD = r"""(?:"([^"\\\n]+)"|'([^'\\\n]+)'|`([^`$\\\n]+)`)"""
_PATTERNS = [
    # import x from "...", export * from "...", import "...": ECMAScript, 16.2.2 and 16.2.3.
    re.compile(rf"(?<![\w$.])(?:import|export)\b[\w$\s,*{{}}]{{0,4000}}?\bfrom\s*{_WORD}"),
    re.compile(rf"(?<![\w$.])(?:import|export)\s*\{{[^{{}}]{{0,4000}}\}}\s*from\s*{_WORD}"),
    re.compile(rf"(?<![\w$.])import\s*{_WORD}"),
    # import("..."), with what a bundler may have put in front: import(/* webpackIgnore: true */ "...").
    re.compile(rf"(?<![\w$.])import\s*\(\s*(?:/\*[^*]{{0,300}}\*/\s*){{0,4}}{_WORD}\s*[,)]"),
    re.compile(rf"(?<![\w$.])importScripts\s*\(\s*{_WORD}"),
    re.compile(rf"new\s+URL\s*\(\s*{_WORD}\s*,\s*import\.meta\.url\s*\)"),
]
_MAP = re.compile(r"//[#@]\s*sourceMappingURL=\S*")


def without_map(text: str) -> str:
    """The script without the address of its source map, which no user's browser asks for."""
    return _MAP.sub(lambda found: " " * len(found[0]), text)


def loaded_by(text: str) -> Iterator[str]:
    """What the script imports, as it writes it."""
    for pattern in _PATTERNS:
        for found in pattern.finditer(text):
            word = next(group for group in found.groups() if group is not None)
            if not pattern.pattern.startswith("new") or re.search(r"\.m?js(?:\?|$)", word):
                yield word


def resolved(word: str, base: str, imports: dict[str, str], map_base: str) -> str | None:
    """The address that ``word`` in the script at ``base`` means; None where it is none ("vue", without an import map).

    ``imports`` is the page's import map, whose addresses are relative to ``map_base`` (HTML, 8.1.5.2).
    """
    for name in sorted(imports, key=len, reverse=True):
        if word == name or (name.endswith("/") and word.startswith(name)):
            return _address(urljoin(map_base, imports[name] + word[len(name) :]))
    if re.match(r"(?:\.{0,2}/|https?://)", word):
        return _address(urljoin(base, word))
    return None


def _address(url: str) -> str | None:
    try:
        found = urlsplit(url)
        usable = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        return None
    return found._replace(fragment="").geturl() if usable else None
