"""Where a key stands in a TOML file: tomllib keeps no line numbers, and an error without one is half an error."""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]
"""The way to a value: keys of tables, and positions (from 0) in arrays."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}#\n]*")
# The longest delimiter first. A multi-line string may end in two quotes of its own before the three that close it.
_STRING = re.compile(
    r'"""(?:[^\\"]|\\.|"(?!""))*?"{3,5}' r"|'''(?:[^']|'(?!''))*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)


def key_lines(text: str) -> dict[Path, int]:
    """The line (from 1) on which each key, table and array element of a valid TOML document first appears.

    ``text`` must be what tomllib has accepted; anything else may raise ValueError.
    """
    locator = _Locator(text)
    locator.document()
    return locator.lines


class _Locator:
    """One walk over the document, which knows just enough of TOML 1.0 to tell keys from values."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._last: dict[Path, int] = {}  # of each array of tables, the element that the next headers mean
        self._counted_to = 0
        self._line = 1

    def document(self) -> None:
        """Every header and every key = value of the document."""
        prefix: Path = ()
        while self._skip_blank():
            if self._peek("[["):
                self.at += 2
                prefix = self._keys(())
                self._skip_blank()
                self._take("]]")
                self._last[prefix] = self._last.get(prefix, -1) + 1
                prefix = (*prefix, self._last[prefix])
                self._record(prefix)
            elif self._peek("["):
                self.at += 1
                prefix = self._keys(())
                self._skip_blank()
                self._take("]")
            else:
                self._pair(prefix)

    def _pair(self, prefix: Path) -> None:
        path = self._keys(prefix)
        self._skip_blank()
        self._take("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        if self._peek("["):
            self._array(path)
        elif self._peek("{"):
            self._inline_table(path)
        elif self._peek('"') or self._peek("'"):
            self._string()
        else:
            self._match(_SCALAR)

    def _array(self, path: Path) -> None:
        self._take("[")
        position = 0
        while self._skip_blank() and not self._peek("]"):
            self._record((*path, position))
            self._value((*path, position))
            position += 1
            self._skip_blank()
            if self._peek(","):
                self.at += 1
        self._take("]")

    def _inline_table(self, path: Path) -> None:
        self._take("{")
        while self._skip_blank() and not self._peek("}"):
            self._pair(path)
            self._skip_blank()
            if self._peek(","):
                self.at += 1
        self._take("}")

    def _keys(self, path: Path) -> Path:
        """A dotted key, each part of it recorded. Returns the whole path."""
        while True:
            self._skip_blank()
            quoted = self._peek('"') or self._peek("'")
            line = self._here()
            written = self._string() if quoted else self._match(_BARE)
            # tomllib itself undoes the escapes, so that there is one opinion about them.
            key: str = tomllib.loads(f"k = {written}")["k"] if quoted else written
            inside = (self._last[path],) if path in self._last else ()
            path = (*path, *inside, key)
            self.lines.setdefault(path, line)
            self._skip_blank()
            if not self._peek("."):
                return path
            self.at += 1

    def _record(self, path: Path) -> None:
        self.lines.setdefault(path, self._here())

    def _here(self) -> int:
        self._line += self.text.count("\n", self._counted_to, self.at)
        self._counted_to = self.at
        return self._line

    def _skip_blank(self) -> bool:
        """Go over blanks and comments; whether anything is left."""
        self._match(_BLANK)
        return self.at < len(self.text)

    def _string(self) -> str:
        return self._match(_STRING)

    def _peek(self, words: str) -> bool:
        return self.text.startswith(words, self.at)

    def _take(self, words: str) -> None:
        if not self._peek(words):
            raise ValueError(f"expected {words!r}; got {self.text[self.at : self.at + 10]!r} at character {self.at}")
        self.at += len(words)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"unexpected {self.text[self.at : self.at + 10]!r} at character {self.at}")
        self.at = found.end()
        return found.group()
