"""Which scripts a script loads, as far as it says so in literals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

_WORD = r"""(?:"([^"\\\n]+)"|'([^'\\\n]+)'|`([^`$\\\n]+)`)"""
_FROM = re.compile(rf"(?<![\w$.])from\s*{_WORD}")
_CLAUSE = re.compile(r"(?:import|export)(?:(?![\w$])[\w$\s,*{}]*|\s*\{[^{}]*\}\s*)")
"""What stands between import or export and from: ECMAScript, 16.2.2 and 16.2.3."""
_LONGEST = 4000
"""Letters of such a clause."""
_CALLS = [
    re.compile(rf"(?<![\w$.])import\s*{_WORD}"),
    # import("..."), with what a bundler may have put in front: import(/* webpackIgnore: true */ "...").
    re.compile(rf"(?<![\w$.])import\s*\(\s*(?:/\*[^*]{{0,300}}\*/\s*){{0,4}}{_WORD}\s*[,)]"),
    re.compile(rf"(?<![\w$.])importScripts\s*\(\s*{_WORD}"),
]
_WORKER = re.compile(rf"new\s+URL\s*\(\s*{_WORD}\s*,\s*import\.meta\.url\s*\)")
_MAP = re.compile(r"//[#@]\s*sourceMappingURL=\S*")


def without_map(text: str) -> str:
    """The script without the address of its source map, which no user's browser asks for."""
    return _MAP.sub(lambda found: " " * len(found[0]), text)


def loaded_by(text: str) -> Iterator[str]:
    """What the script imports, as it writes it."""
    for found in _FROM.finditer(text):
        before = text[max(0, found.start() - _LONGEST) : found.start()]
        begin = max(before.rfind("import"), before.rfind("export"))
        if begin >= 0 and before[begin - 1 : begin] not in (".", "$") and _CLAUSE.fullmatch(before, begin):
            yield _word(found)
    for pattern in _CALLS:
        yield from map(_word, pattern.finditer(text))
    for found in _WORKER.finditer(text):
        if re.search(r"\.m?js(?:\?|$)", _word(found)):
            yield _word(found)


def _word(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group is not None)


def resolved(word: str, base: str, imports: dict[str, str], map_base: str) -> str | None:
    """The address that ``word`` in the script at ``base`` means; None where it is none ("vue", without an import map).

    ``imports`` is the page's import map, whose addresses are relative to ``map_base`` (HTML, 8.1.5.2).
    """
    for name in sorted(imports, key=len, reverse=True):
        if word == name or (name.endswith("/") and word.startswith(name)):
            return address(map_base, imports[name] + word[len(name) :])
    return address(base, word) if re.match(r"(?:\.{0,2}/|https?://)", word) else None


def address(base: str, word: str) -> str | None:
    """The address that ``word`` means in a page or script at ``base``; None where it is none of HTTP."""
    try:
        found = urlsplit(urljoin(base, word))
        usable = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        return None
    return found._replace(fragment="").geturl() if usable else None
