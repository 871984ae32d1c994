"""Writes TOML for a person to read: keys, values, comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_WIDTH = 100  # An array longer than this, in characters, has a line for each element.


def key_text(name: str) -> str:
    """A key, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else string(name)


def string(text: str) -> str:
    """A text."""
    return '"' + "".join(_ESCAPES.get(c) or visible(c) for c in text) + '"'


def visible(character: str) -> str:
    """The character, or its escape where an editor would not show it: TOML forbids some, and eyes miss the rest."""
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def comments(lines: Iterable[str]) -> list[str]:
    """The lines as comments."""
    split = (part for line in lines for part in line.splitlines() or [""])
    return [f"# {''.join(visible(c) for c in part)}".rstrip() for part in split]


def value(held: object) -> str:
    """A value on one line: text, a number, a truth, an array, an inline table."""
    if isinstance(held, bool):
        return str(held).lower()
    if isinstance(held, str):
        return string(held)
    if isinstance(held, int | float):
        return f"{held:g}" if isinstance(held, float) and held != int(held) else str(held)
    if isinstance(held, Mapping):
        inside = ", ".join(f"{key_text(name)} = {value(inner)}" for name, inner in held.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(held, Sequence):
        return f"[{', '.join(value(inner) for inner in held)}]"
    raise TypeError(f"TOML has no {type(held).__name__}")


def pair(name: str, held: object) -> list[str]:
    """A key and its value; a long array has a line for each element."""
    line = f"{key_text(name)} = {value(held)}"
    if len(line) <= _WIDTH or not isinstance(held, list | tuple):
        return [line]
    return [f"{key_text(name)} = [", *(f"    {value(inner)}," for inner in held), "]"]
