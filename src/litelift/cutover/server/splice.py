"""Adds entries to a YAML file as text: every byte that was there stays, in its place.

A round trip through a YAML library keeps comments, but not all of a file's layout (the indentation of lists, quotes,
trailing blanks). So ruamel.yaml only says where things are, and afterwards whether the file says what it said and the
entries; what is written is the old text with lines put in.
"""

from __future__ import annotations

import difflib
import io
import json
import re
from collections.abc import Mapping
from typing import Any

from litelift import errors

Entry = tuple[str, list[str]]
"""A key, and its value as lines of YAML that begin in the first column, without line ends."""
STEP = 2
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
"""What is no text in YAML without quotes, in one of its versions."""
_BOM = "\ufeff"
_TABS = re.compile(r"^(?: *[^\s].*|\s+)$", re.MULTILINE)
"""Lines whose tabs are not their indentation, in which YAML has none."""


class Unfit(Exception):
    """The file is not of a form that lines can be put into."""


def parsed(text: str) -> Any:
    """The document, as ruamel.yaml reads it, with its places. Raises Unfit, MissingPart."""
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError:
        raise errors.MissingPart(what="[target] compose", package="ruamel.yaml") from None
    text = text.removeprefix(_BOM)
    try:
        try:
            return YAML(typ="rt").load(io.StringIO(text))
        except YAMLError:
            if "\t" not in text:
                raise
            # YAML has tabs between words (section 6.2 of YAML 1.2), and ruamel.yaml has not.
            return YAML(typ="rt").load(io.StringIO(_TABS.sub(lambda found: found[0].replace("\t", " "), text)))
    except YAMLError as error:
        raise Unfit("it is not one YAML document: " + " ".join(str(error).split())[:300]) from None


def spliced(text: str, sections: Mapping[str, Entry]) -> str:
    """The text with an entry in each of the top-level sections, which are made where they are missing.

    Raises:
        Unfit: the text is no mapping of block style, or has such an entry.
    """
    before = parsed(text)
    for section, entry in sections.items():
        text = _with_entry(text, section, entry)
    after = parsed(text)
    if not _alike(after, _expected(before, sections)):
        raise Unfit("its layout is one that lines cannot be put into")
    return text


def unspliced(text: str, before: str, after: str) -> str | None:
    """``text``, which was ``after`` until somebody changed it, without what made ``after`` of ``before``.

    None where what was put in is not there any more as it was.
    """
    old, new = _lines(before), _lines(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        added = "".join(new[start:end])
        if kind == "equal":
            continue
        if kind != "insert" or text.count(added) != 1:
            return None
        text = text.replace(added, "")
    return text


def _expected(before: Any, sections: Mapping[str, Entry]) -> dict[str, Any]:
    expected = dict(before or {})
    for section, (key, lines) in sections.items():
        expected[section] = {**(expected.get(section) or {}), key: parsed("\n".join(lines))}
    return expected


def _alike(one: Any, other: Any) -> bool:
    """Whether two documents say the same; ruamel's values with a tag of their own know no equality."""
    if hasattr(one, "keys") and hasattr(other, "keys"):
        return set(one) == set(other) and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    tags = [getattr(getattr(value, "tag", None), "value", None) for value in (one, other)]
    values = [getattr(value, "value", value) for value in (one, other)]
    return bool(tags[0] == tags[1] and (values[0] == values[1] or str(values[0]) == str(values[1]) == "nan"))


def _with_entry(text: str, section: str, entry: Entry) -> str:
    document = parsed(text)
    if document is None:
        document = {}
    elif not hasattr(document, "fa"):
        raise Unfit("it is not a mapping")
    elif document.fa.flow_style():
        raise Unfit("it is written in braces")
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = _lines(text)
    if section not in document:
        return _appended(lines, section, entry, newline)
    inside = document[section]
    if inside is not None and not hasattr(inside, "fa"):
        raise Unfit(f"its {section} is not a mapping")
    if inside is not None and inside.fa.flow_style():
        raise Unfit(f"its {section} is written in braces")
    if inside and entry[0] in inside:
        raise Unfit(f"its {section} has {entry[0]} already")
    start = document.lc.key(section)[0]
    following = [document.lc.key(key)[0] for key in document if document.lc.key(key)[0] > start]
    end = min(following, default=_document_end(lines))
    if inside:
        # The keys that a merge (<<) brings in are elsewhere.
        own = [key for key in inside if key in inside.lc.data]
        indent = inside.lc.key(own[0])[1]
        step = _step(inside, own, indent)
    else:
        indent, step = STEP, STEP
    rendered = _rendered(entry, indent, step, newline)
    blank = [newline] if inside and _is_spaced(lines, inside) else []
    place = _last_line(lines, start, end, indent) + 1
    for at in dict.fromkeys((place, end)):
        result = _joined(lines[:at], [*blank, *rendered], lines[at:], newline)
        try:
            if _alike(parsed(result), _expected(document, {section: entry})):
                return result
        except Unfit:
            continue
    raise Unfit(f"no place for {entry[0]} is found in its {section}")


def _lines(text: str) -> list[str]:
    # Not splitlines: YAML ends a line at fewer characters than Python does.
    return io.StringIO(text, newline="").readlines()


def _appended(lines: list[str], section: str, entry: Entry, newline: str) -> str:
    end = _document_end(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    blank = [newline] if end else []
    added = [*blank, f"{section}:{newline}", *_rendered(entry, STEP, STEP, newline)]
    return _joined(lines[:end], added, lines[end:], newline)


def _document_end(lines: list[str]) -> int:
    """Where "..." ends the document, or where the file ends."""
    return next((at for at, line in enumerate(lines) if line.rstrip() == "..."), len(lines))


def _last_line(lines: list[str], start: int, end: int, indent: int) -> int:
    """The last line that belongs to a section: what follows it, blank or commented, belongs to what comes next."""
    for at in range(end - 1, start, -1):
        bare = lines[at].strip()
        if bare and (not bare.startswith("#") or len(lines[at]) - len(lines[at].lstrip()) >= indent):
            return at
    return start


def _rendered(entry: Entry, indent: int, step: int, newline: str) -> list[str]:
    key, value = entry
    plain = _PLAIN.fullmatch(key) and key.lower() not in _WORDS
    out = [f"{' ' * indent}{key if plain else json.dumps(key)}:{newline}"]
    for line in value:
        depth = len(line) - len(line.lstrip(" "))
        out.append(f"{' ' * (indent + step + depth // STEP * step)}{line.lstrip(' ')}{newline}")
    return out


def _joined(head: list[str], added: list[str], tail: list[str], newline: str) -> str:
    if head and not head[-1].endswith(("\n", "\r")):
        added = [newline, *added]
        if not tail:
            # The file ends as it did: without a line end.
            added[-1] = added[-1].removesuffix(newline)
    return "".join([*head, *added, *tail])


def _step(inside: Any, own: list[Any], indent: int) -> int:
    for key in own:
        value = inside[key]
        if getattr(value, "fa", None) is not None and not value.fa.flow_style() and hasattr(value, "lc") and value:
            column: int = value.lc.col
            if column > indent and hasattr(value, "keys"):
                return column - indent
    return STEP


def _is_spaced(lines: list[str], inside: Any) -> bool:
    """Whether a blank line stands between its entries."""
    own = sorted(inside.lc.key(key)[0] for key in inside if key in inside.lc.data)
    return any(not line.strip() for line in lines[own[0] : own[-1]]) if len(own) > 1 else False
