"""Rails' ``config/database.yml``: the keys of one section are changed, and no other byte.

The file is a template (ERB) before it is YAML: tags are covered for the parser, character for character, and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litelift.cutover.configuration.lines import commented, inserted, line_end, line_start, without
from litelift.errors import MissingPart

_TAG = re.compile(r"<%.*?%>", re.DOTALL)
_LONE_TAG = re.compile(r"(?m)^([ \t]*)(<%(?!=)(?:[^%]|%(?!>))*%>)(?=[ \t]*\r?$)")
# A word that no YAML reads as anything but text: Ruby's (1.1) has yes, no, on, off, y and n too.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_PARTS = ("adapter", "host", "port", "database", "username", "password", "socket")


@dataclass(frozen=True, slots=True)
class Pair:
    """A key of the section. Offsets are characters of the text."""

    key: str
    start: int
    """Of the key."""
    value: tuple[int, int]
    end: int
    """The end of its last line, without the line's own end."""
    kind: str
    """scalar, anchored (others refer to it), alias, table."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section that can be changed."""

    start: int
    """Where its own name stands."""
    pairs: list[Pair]
    indent: int
    end: int
    """Where a new line goes."""
    merged: frozenset[str]
    """Keys that it has from others, by ``<<``."""
    merge_at: int
    """The start of the last ``<<``; -1 where there is none."""
    found: Mapping[str, str]
    """Keys and values as YAML reads them, tags covered."""


def edited(text: str, section: str, new: Mapping[str, str], remove: Sequence[str] = ()) -> str:
    """The text with ``new`` keys and values in the section, and the keys of ``remove`` commented out.

    Args:
        text: the file.
        section: its name, or the way to it where there are several databases: "production.primary".
        new: keys and values; they are text to YAML, except a port, which is a number.
        remove: keys.

    Raises:
        ValueError: there is no such section, it cannot be changed, or what was asked for would not hold.
        MissingPart: ruamel.yaml is not installed.
    """
    before = _section(text, section)
    _refuse_what_would_not_hold(before, section, new, remove)
    last: str | None = None
    for key, value in new.items():
        text = _set(text, section, key, value, last)
        last = key
    for key in remove:
        for pair in reversed([p for p in _section(text, section).pairs if p.key == key]):
            start = line_start(text, pair.start)
            text = text[:start] + _commented(text[start : pair.end]) + text[pair.end :]
    stayed = {key: value for key, value in before.found.items() if key not in remove}
    if values(text, section) != {**stayed, **new}:
        raise ValueError(f"{section} is written in a way that cannot be changed line by line; write it simpler first")
    return text


def restored(text: str, old: str, section: str, keys: Iterable[str]) -> str:
    """The text with these keys of the section as they stand in ``old``, line for line; all else stays."""
    for key in keys:
        before = _section(old, section)
        lines = [old[line_start(old, p.start) : p.end] for p in before.pairs if p.key == key]
        now = [p for p in _section(text, section).pairs if p.key == key]
        if lines and not now:
            text = _put_back(text, section, lines)
        for at in reversed(range(len(now))):
            start = line_start(text, now[at].start)
            if at < len(lines):
                text = text[:start] + lines[at] + text[now[at].end :]
            else:
                text = without(text, start, now[at].end)
    return text


def values(text: str, section: str) -> dict[str, str]:
    """The keys and values that stand in the section itself."""
    return dict(_section(text, section).found)


def tags(text: str, section: str, keys: Iterable[str]) -> dict[str, str]:
    """Of these keys, those whose value is a template's tag, and the tag."""
    wanted = set(keys)
    found = {p.key: text[p.value[0] : p.value[1]] for p in _section(text, section).pairs if p.key in wanted}
    return {key: raw for key, raw in found.items() if _TAG.search(raw)}


def written(key: str, value: str) -> str:
    """The value as YAML has it, on one line."""
    if "<%" in value or "%>" in value:
        raise ValueError(f"{key}: it holds a template's tag (<% or %>); choose another value")
    if key == "port" and value.isascii() and value.isdigit():
        return value
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if re.search(r"[\ud800-\udfff\ufffe\uffff]", value):
        raise ValueError(f"{key}: it holds what is no character")
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return '"' + "".join(_escaped(char) for char in value) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    number = ord(char)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _set(text: str, name: str, key: str, value: str, after: str | None) -> str:
    section = _section(text, name)
    new = written(key, value)
    here = [pair for pair in section.pairs if pair.key == key]
    for pair in reversed(here):
        start, end = pair.value
        blank = "" if text[start - 1 : start].isspace() else " "
        text = text[:start] + blank + new + text[end:]
    if here:
        return text
    anchors = [pair.end for pair in section.pairs if pair.key == after and pair.start > section.merge_at]
    at = anchors[-1] if anchors else section.end
    return inserted(text, at, f"{' ' * section.indent}{key}: {new}")


def _refuse_what_would_not_hold(section: Section, name: str, new: Mapping[str, str], remove: Sequence[str]) -> None:
    for pair in section.pairs:
        if pair.key not in new and pair.key not in remove:
            continue
        if pair.kind != "scalar":
            raise ValueError(f"{name}.{pair.key} is {_KINDS[pair.kind]}; give it a value of its own first")
        if pair.key in new and pair.start < section.merge_at and pair.key in section.merged:
            raise ValueError(f"{name}: << stands after {pair.key}, and Ruby lets the later one hold; put << first")
    for key in remove:
        if key in section.merged:
            raise ValueError(f"{name} has {key} by <<, so that commenting it out there would change nothing")
    url = "url" in section.merged or any(pair.key == "url" for pair in section.pairs)
    if url and "url" not in new and "url" not in remove and set(new) & set(_PARTS):
        raise ValueError(f"{name} has a url, which Rails takes before host, database and the rest: set or remove url")


_KINDS = {
    "anchored": "what others refer to (&)",
    "alias": "a reference to another value (*)",
    "table": "a table",
}


def _section(text: str, name: str) -> Section:
    root = _parsed(text)
    from ruamel.yaml.nodes import MappingNode, ScalarNode

    node, way = root, ""
    key_node: Any = None
    for part in name.split("."):
        if not isinstance(node, MappingNode):
            raise ValueError(f"{way or 'the file'} is no table, so that it has no section {name!r}")
        found = [(key, value) for key, value in node.value if key.value == part]
        if not found:
            # A key may be a list or a table itself ("? ..."), and then names no section.
            known = ", ".join(key.value for key, _ in node.value if isinstance(key.value, str) and key.value != "<<")
            raise ValueError(f"there is no section {name!r}; there are: {known}")
        key_node, node = found[-1]
        way = f"{way}.{part}" if way else part
        if node.start_mark.index < key_node.start_mark.index:
            raise ValueError(f"{name} is a reference to another section (*); give it keys of its own: <<: *name")
    if isinstance(node, ScalarNode) and node.value == "":
        ends = line_end(text, key_node.end_mark.index)
        return Section(key_node.start_mark.index, [], key_node.start_mark.column + 2, ends, frozenset(), -1, {})
    if not isinstance(node, MappingNode):
        raise ValueError(f"{name} is no table")
    if node.flow_style:
        raise ValueError(f"{name} is written in braces; write it with a line for each key first")
    return _read(name, text, key_node, node)


def _read(name: str, text: str, key_node: Any, node: Any) -> Section:
    pairs, merged, found, merge_at = [], set[str](), dict[str, str](), -1
    end = 0
    for key, value in node.value:
        if not isinstance(key.value, str):
            raise ValueError(f"{name} has a key that is a list or a table itself (?), which Rails has no use for")
        span = _span(text, int(key.end_mark.index), value)
        ends = line_end(text, span[1])
        end = max(end, ends)
        if key.value == "<<":
            merged |= set(_merged(value))
            merge_at = key.start_mark.index
            continue
        pairs.append(Pair(key.value, key.start_mark.index, span, ends, _kind(key, value)))
        if not isinstance(value.value, list):
            found[key.value] = value.value
    nested = [pair.key for pair in pairs if pair.kind == "table"]
    if nested and len(nested) == len(pairs):
        ways = " or ".join(f"{name}.{key}" for key in nested)
        raise ValueError(f"{name} has several databases; name one as the section: {ways}")
    return Section(
        key_node.start_mark.index, pairs, node.value[0][0].start_mark.column, end, frozenset(merged), merge_at, found
    )


def _kind(key: Any, value: Any) -> str:
    if value.start_mark.index < key.start_mark.index:
        return "alias"
    if isinstance(value.value, list):
        return "table"
    return "anchored" if value.anchor else "scalar"


def _merged(value: Any) -> Iterator[str]:
    """The keys that ``<<`` brings, from one table or from several."""
    for part in value.value if isinstance(value.value, list) else ():
        if isinstance(part, tuple):
            key, inner = part
            if key.value == "<<":
                yield from _merged(inner)
            elif isinstance(key.value, str):
                yield key.value
        else:
            yield from _merged(part)


def _span(text: str, after: int, value: Any) -> tuple[int, int]:
    """Where a value begins and ends that is written after the key which ends at ``after``."""
    start, end = int(value.start_mark.index), int(value.end_mark.index)
    if start < after:  # A reference: the marks are those of what it refers to.
        ends = line_end(text, after)
        return ends, ends
    if value.value == "" and not value.style:
        # Nothing: the parser has it where the next thing begins.
        colon = text.find(":", after) + 1 or after
        return colon, colon
    if isinstance(value.value, list) and not value.flow_style and value.value:
        inner = value.value[-1]
        last = (int(inner[0].end_mark.index), inner[1]) if isinstance(inner, tuple) else (start, inner)
        return start, _span(text, *last)[1]
    return start, len(text[:end].rstrip()) if getattr(value, "style", None) in ("|", ">") else end


def _parsed(text: str) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError:
        raise MissingPart(what="database.yml", package="ruamel.yaml") from None
    covered = _LONE_TAG.sub(lambda tag: tag[1] + "#" * len(tag[2]), text)
    covered = _TAG.sub(lambda tag: "E" * len(tag[0]), covered)
    try:
        return YAML(typ="rt").compose(covered)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        said = getattr(error, "problem", None) or "not YAML that can be read"
        raise ValueError(f"not valid YAML{line}: {said}") from None


def _put_back(text: str, name: str, lines: list[str]) -> str:
    section = _section(text, name)
    for line in reversed(lines):
        comment = _commented(line)
        at = text.find(comment, section.start)
        if at >= 0 and line_start(text, at) == at:
            text = text[:at] + line + text[at + len(comment) :]
        else:
            text = inserted(text, section.end, line)
    return text


def _commented(lines: str) -> str:
    blank = lines[: len(lines) - len(lines.lstrip(" "))]
    return blank + commented(lines[len(blank) :])
