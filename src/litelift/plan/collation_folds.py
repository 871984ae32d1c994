"""Which texts an ICU collation may take for equal, before the server is asked: rather too many than too few."""

from __future__ import annotations

import unicodedata

from litelift.translate.compare import fold_text


def rules_fold(value: object) -> str:
    """One text for all that litelift.nocase, by its rules, may take for equal: at least canonical equivalents."""
    text = fold_text(unicodedata.normalize("NFC", str(value)), "NOCASE")
    return _without_ignorable(text)


def level_fold(value: object) -> str:
    """The same for the second level of comparison, which before PostgreSQL 16 stands for NOCASE."""
    text = unicodedata.normalize("NFKD", str(value)).casefold()
    # Hiragana differ from katakana on the third level only.
    text = "".join(chr(ord(c) + 0x60) if "\u3041" <= c <= "\u3096" else c for c in unicodedata.normalize("NFKD", text))
    return _without_ignorable(text)


def _without_ignorable(text: str) -> str:
    """Without control characters and rare marks, which a collation passes over; every script's digits are one's."""
    letters = []
    for letter in text:
        if letter.isascii() and letter.isprintable():
            letters.append(letter)
            continue
        category = unicodedata.category(letter)
        digit = unicodedata.decimal(letter, None)
        if digit is not None:
            letters.append(str(digit))
        elif category == "Zs":
            letters.append(" ")
        elif category not in ("Cc", "Cf", "Me", "Mc") and (category != "Mn" or letter <= "\u036f"):
            letters.append(letter)
    return "".join(letters)
