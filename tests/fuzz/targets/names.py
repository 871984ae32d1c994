"""Names: whatever SQLite calls things, PostgreSQL gets names that it can hold, each once, the same ones each time."""

from __future__ import annotations

from fuzz.drawn import Drawn
from litelift.plan.names import MAX_BYTES, Namer
from litelift.sqlite.lexer import fold, quote_identifier, tokenize, unquote_identifier
from litelift.translate.value import identifier


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as names of one namespace.

    Every name that is given is new, has 1 to 63 bytes and no NUL, and is the wanted one where that fits and is free;
    the same wishes in the same order get the same names. Quoted for SQLite it reads back.
    """
    drawn = Drawn(data)
    lower = drawn.below(2) == 1
    wishes = [(drawn.below(3), _wish(drawn)) for _ in range(12) if drawn.more]
    first, second = (_given(wishes, lower) for _ in range(2))
    assert first == second
    assert len(set(first)) == len(first)
    for (way, wanted), name in zip(wishes, first, strict=True):
        raw = name.encode()
        assert 1 <= len(raw) <= MAX_BYTES and b"\0" not in raw, name
        if not lower and way == 0 and _holdable(wanted) and len(wanted.encode()) <= MAX_BYTES - 9:
            assert name.startswith(wanted), (name, wanted)
        assert identifier(name) == '"' + name.replace('"', '""') + '"'
        if "\0" not in wanted:
            (token,) = tokenize(quote_identifier(wanted))
            assert unquote_identifier(token.text) == wanted
            assert fold(fold(wanted)) == fold(wanted)


def _holdable(text: str) -> bool:
    try:
        return "\0" not in text and bool(text.encode())
    except UnicodeEncodeError:
        return False


def _wish(drawn: Drawn) -> str:
    text = drawn.text()
    return text * (1 + drawn.below(4))


def _given(wishes: list[tuple[int, str]], lower: bool) -> list[str]:
    namer = Namer("lower" if lower else "preserve")
    for way, wanted in wishes:
        if way == 2:
            namer.reserve(wanted)
    return [namer.made_up(wanted) if way == 1 else namer.name(wanted) for way, wanted in wishes]
