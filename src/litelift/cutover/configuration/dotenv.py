"""``.env``: read and changed as PHP's phpdotenv (Laravel), python-dotenv and Node's dotenv agree on it.

Where they do not agree, nothing is written that one of them would read otherwise:

- `$`: phpdotenv and python-dotenv replace ``${NAME}``, python-dotenv between single quotes too.
- `\\`: phpdotenv undoes escapes between double quotes, python-dotenv between both kinds of quotes, dotenv only ``\\n``
  and ``\\r`` between double ones, Node itself only ``\\n``.
- `#`: phpdotenv and dotenv end a value without quotes there, python-dotenv only where a blank is before it.
- Several lines: phpdotenv looks for ``="`` in a line to find a value that goes on in the next.

Of a key that is there twice all take the last; all of them are set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from litelift.cutover.configuration.lines import appended, commented, inserted, line_break, line_end, next_line, without

BLANK = r"[^\S\r\n]*"
_START = re.compile(
    rf"(?P<before>\ufeff?{BLANK})(?P<hash>#+{BLANK})?(?P<lead>(?:export[^\S\r\n]+)?(?P<key>[A-Za-z_][\w.]*){BLANK}={BLANK})"
)
# A quote that is closed, though on a later line, with nothing but a comment after it.
_QUOTED = re.compile(
    rf"""(?P<raw>'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`)(?P<rest>{BLANK}(?:\#[^\r\n]*)?)(?=[\r\n]|\Z)"""
)
_BARE = re.compile(rf"(?P<raw>[^\r\n]*?)(?P<rest>(?:[^\S\r\n]+#[^\r\n]*|(?<=[=\s])#[^\r\n]*|{BLANK}))(?=[\r\n]|\Z)")

_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=~-]*|")
_INTERPOLATED = re.compile(r"\$\{[^}]*\}")
_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """An assignment, or a comment that would be one without its #. Offsets are characters of the text."""

    key: str
    commented: bool
    start: int
    end: int
    """The end of its last line, without the line's own end."""
    before: str
    lead: str
    """ "export KEY = "."""
    raw: str
    """The value as it is written, quotes and all."""
    rest: str
    """A comment after it, with the blanks before that."""

    @property
    def goes_on(self) -> bool:
        """Whether this is a comment whose value goes on in the lines after it: in its place there would be a rest."""
        return self.commented and self.raw[:1] in ("'", '"', "`") and self.raw[0] not in self.raw[1:]

    @property
    def value(self) -> str:
        """What the readers make of it; of escapes, those that they agree on."""
        if len(self.raw) < 2 or self.raw[0] not in "'\"`" or self.raw[-1] != self.raw[0]:
            return self.raw
        if self.raw[0] == '"':
            return self.raw[1:-1].replace("\\n", "\n").replace("\\r", "\r")
        return self.raw[1:-1]


def entries(text: str) -> list[Entry]:
    """Every assignment of the file, and every one that is commented out."""
    found = []
    at = 0
    while at < len(text):
        start = _START.match(text, at)
        end = line_end(text, at)
        if start is not None:
            value = None if start["hash"] else _QUOTED.match(text, start.end())
            value = value or _BARE.match(text, start.end())
            assert value is not None
            end = value.end()
            found.append(
                Entry(
                    start["key"],
                    start["hash"] is not None,
                    at,
                    end,
                    start["before"],
                    start["lead"],
                    value["raw"],
                    value["rest"],
                )
            )
        at = max(next_line(text, end), at + 1)
    return found


def values(text: str) -> dict[str, str]:
    """What the file says; of a key that is there twice, the last."""
    return {entry.key: entry.value for entry in entries(text) if not entry.commented}


def written(value: str, like: str = "") -> str:
    """``value`` as every reader reads it back exactly, in the quotes of ``like`` where these will do.

    Raises ValueError, without the value in it, where there is no such way.
    """
    if _CONTROL.search(value):
        raise ValueError("it holds a control character")
    if _INTERPOLATED.search(value):
        raise ValueError("it holds ${...}, which readers of .env replace; choose another value")
    ways = []
    if not set(value) & set("'\n") and "\\\\" not in value and not value.endswith("\\") and '="' not in value:
        ways.append(f"'{value}'")
    if not set(value) & set('"\\'):
        # Shells and Docker's compose replace $NAME between double quotes, so these come last where there is a $.
        double = '"' + value.replace("\n", "\\n") + '"'
        ways.insert(len(ways) if "$" in value else 0, double)
    if _NEEDS_NO_QUOTES.fullmatch(value):
        ways.insert(0, value)
    if not ways:
        raise ValueError("no quotes hold it: it has a backslash or both kinds of quotes; choose another value")
    quote = like[:1] if like[:1] in ("'", '"') else ""
    same = [way for way in ways if quote and way.startswith(quote)]
    return same[0] if same and "$" not in value else ways[0]


def edited(text: str, new: Mapping[str, str], remove: Sequence[str] = ()) -> str:
    """The text with ``new`` keys and values, and the keys of ``remove`` commented out.

    A key that is only there as a comment is set in the comment's place; one that is not there at all follows the key
    before it in ``new``, or the last line. Raises ValueError, which names the key, for a value that cannot be written.
    """
    stayed, old = {key: value for key, value in values(text).items() if key not in remove}, text
    last: str | None = None
    for key, value in new.items():
        try:
            text = _set(text, key, value, last)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
        last = key
    for key in remove:
        for entry in reversed([e for e in entries(text) if e.key == key and not e.commented]):
            raw = text[entry.start : entry.end].removeprefix("\ufeff")
            kept = "\ufeff" if text[entry.start : entry.end] != raw else ""
            text = text[: entry.start] + kept + commented(raw) + text[entry.end :]
    # A new quote may also close one that swallows another line of the same key: nobody could bring that back.
    if values(text) != {**stayed, **new} or restored(text, old, [*new, *remove]) != old:
        raise ValueError("there is a quote that is not closed, so that new quotes would change what is read; close it")
    return text


def restored(text: str, old: str, keys: Iterable[str]) -> str:
    """The text with these keys as they stand in ``old``, line for line; all else stays."""
    for key in keys:
        before = [e for e in entries(old) if e.key == key and not e.goes_on]
        lines = [old[e.start : e.end].removeprefix("\ufeff") for e in before if not e.commented]
        now = [e for e in entries(text) if e.key == key and not e.commented]
        if not lines and now and (comments := [e for e in before if e.commented]):
            lines = [old[comments[0].start : comments[0].end].removeprefix("\ufeff")]
        if not now:
            for line in lines:
                text = _uncommented(text, old, line, key)
            continue
        while len(lines) > len(now):
            lines[len(now) - 1 :] = [line_break(text).join(lines[len(now) - 1 :])]
        for at in reversed(range(len(now))):
            start, end = now[at].start + text.startswith("\ufeff", now[at].start), now[at].end
            text = text[:start] + lines[at] + text[end:] if at < len(lines) else without(text, start, end)
    return text


def _set(text: str, key: str, value: str, after: str | None) -> str:
    found = [entry for entry in entries(text) if entry.key == key and not entry.goes_on]
    found = [entry for entry in found if not entry.commented] or found[:1]
    for entry in reversed(found):
        line = entry.before + entry.lead + written(value, entry.raw if entry.raw else "")
        apart = " " if entry.rest.startswith("#") and not line[-1:].isspace() else ""
        line += apart + entry.rest
        text = text[: entry.start] + line + text[entry.end :]
    return text if found else _added(text, key, written(value), after)


def _added(text: str, key: str, value: str, after: str | None) -> str:
    active = [entry for entry in entries(text) if not entry.commented]
    anchors = [entry for entry in active if entry.key == after]
    exported = all(entry.lead.startswith("export") for entry in anchors or active) and bool(active)
    line = f"{'export ' if exported else ''}{key}={value}"
    if anchors:
        return inserted(text, anchors[-1].end, line)
    return appended(text, line) if text.removeprefix("\ufeff") else f"{text}{line}\n"


def _uncommented(text: str, old: str, line: str, key: str) -> str:
    """The text with an assignment that is not in it: in its comment's place, else after its neighbour in ``old``."""
    comment = commented(line)
    either = re.compile(rf"(?:\A\ufeff?|(?<=[\r\n]))(?P<it>{re.escape(comment)}|{re.escape(line)})(?=[\r\n]|\Z)")
    then, now = list(either.finditer(old)), list(either.finditer(text))
    places = [place for place in now if place["it"] == comment]
    if len(then) == len(now):
        # An older comment may say the same.
        places = [place for place, was in zip(now, then, strict=True) if place["it"] == comment and was["it"] == line]
    if places:
        return text[: places[0].start("it")] + line + text[places[0].end() :]
    before = None
    for entry in entries(old):
        if entry.key == key:
            break
        before = entry.key
    anchors = [entry for entry in entries(text) if entry.key == before]
    if anchors:
        return inserted(text, anchors[-1].end, line)
    return appended(text, line) if text.removeprefix("\ufeff") else f"{text}{line}\n"
