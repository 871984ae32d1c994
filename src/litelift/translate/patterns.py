"""LIKE and GLOB, with SQLite's own rules ("The LIKE, GLOB, REGEXP, MATCH, and extract operators")."""

from __future__ import annotations

from litelift.translate.value import Refused, quote_text


def like(operand: str, pattern: str | None, pattern_sql: str, escape: str | None) -> str:
    """``operand LIKE pattern``: without regard to ASCII case, and with no escape character unless one is named.

    ``pattern`` is the literal pattern, None where it is an expression (``pattern_sql``).
    """
    if escape is None:
        ending = " ESCAPE ''" if pattern is None or "\\" in pattern else ""
    elif len(escape) != 1:
        raise Refused("ESCAPE with more or less than one character")
    elif pattern is None:
        raise Refused("LIKE with an ESCAPE and a pattern that is no literal")
    else:
        _check_escapes(pattern, escape)
        ending = "" if escape == "\\" else f" ESCAPE {quote_text(escape)}"
    # The "C" collation folds ASCII letters only, and allows patterns on columns whose collation is not deterministic.
    return f'{operand} COLLATE "C" ILIKE {pattern_sql}{ending}'


def _check_escapes(pattern: str, escape: str) -> None:
    place = 0
    while place < len(pattern):
        if pattern[place] == escape:
            place += 1
            if place == len(pattern):
                raise Refused("a LIKE pattern that ends with its escape character")
        place += 1


def glob_regex(pattern: str) -> str | None:
    """The regular expression that matches as the GLOB pattern does; None where the pattern can match nothing.

    patternCompare() in SQLite's func.c: "*" and "?" as usual, "[...]" a set in which "^" (never "!") negates, a "]"
    that comes first is a member, and "a-z" is a range of code points. A set without an end matches nothing.
    """
    parts = ["^"]
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        place += 1
        if letter == "*":
            parts.append(".*")
        elif letter == "?":
            parts.append(".")
        elif letter == "[":
            found = _set(pattern, place)
            if found is None:
                return None
            words, place = found
            parts.append(words)
        else:
            parts.append(_escaped(letter))
    return "".join(parts) + "$"


def _set(pattern: str, place: int) -> tuple[str, int] | None:
    """The bracket expression for the set that begins at ``place``, and the place after it."""
    negated = pattern[place : place + 1] == "^"
    place += negated
    ranges: list[tuple[str, str]] = []
    if pattern[place : place + 1] == "]":
        ranges.append(("]", "]"))
        place += 1
    prior = ""
    while place < len(pattern) and pattern[place] != "]":
        letter = pattern[place]
        place += 1
        if letter == "-" and prior and pattern[place : place + 1] not in ("]", ""):
            if prior <= pattern[place]:
                ranges.append((prior, pattern[place]))
            place += 1
            prior = ""
        else:
            ranges.append((letter, letter))
            prior = letter
    if place >= len(pattern):
        return None
    merged = sorted(set(ranges))
    covered = [r for r in merged if not any(o != r and o[0] <= r[0] and r[1] <= o[1] for o in merged)]
    words = "".join(_escaped(low) if low == high else f"{_escaped(low)}-{_escaped(high)}" for low, high in covered)
    return f"[{'^' if negated else ''}{words}]", place + 1


def _escaped(letter: str) -> str:
    """One character that stands for itself ("Regular Expression Escapes", section 9.7.3.3 of the PostgreSQL manual)."""
    if letter.isascii() and letter.isalnum():
        return letter
    if letter in " _,:;'\"%&@#/<>~`=!":
        return letter
    code = ord(letter)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def glob(operand: str, pattern: str) -> str:
    """``operand GLOB pattern`` for a literal pattern; the whole text is matched, and case matters."""
    regex = glob_regex(pattern)
    if regex is None:
        return f"CASE WHEN {operand} IS NOT NULL THEN false END"
    return f'{operand} COLLATE "C" ~ {quote_text(regex)}'
