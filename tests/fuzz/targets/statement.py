"""Statements as the watch shows them: whatever stands around a text, nothing of the text is shown."""

from __future__ import annotations

from fuzz import words
from fuzz.drawn import Drawn
from litelift.monitor.statement import LENGTH, shown

WORDS = words("""
    select from where -- /* */ ' '' " "" $$ $a$ e' E' U&' x' \\' \\n $1 ; , ( ) 123456789 password=
    """)
_AROUND = (
    "select 1 ",
    "-- it's\n",
    "/* it's */ ",
    "/* /* it's */ o'clock */ ",
    'a "it\'s" ',
    '"a""b\'c" ',
    "$1 ",
    "a$b$c ",
    "x-",
    "\t\r\n",
    "(1, 2.5), ",
    "name=",
)


def one(data: bytes) -> None:
    """Hold the contract for texts with a secret among other parts of a statement, and for any words.

    What is shown is one line of at most LENGTH characters, and holds nothing of a text, cut off or not.
    """
    drawn = Drawn(data)
    if drawn.below(4) == 0:
        line = shown(drawn.rest().decode("utf-8", "replace"))
        assert len(line) <= LENGTH and line == " ".join(line.split())
        return
    statement = ""
    for _ in range(1 + drawn.below(6)):
        statement += "".join(_AROUND[drawn.below(len(_AROUND))] for _ in range(drawn.below(4)))
        # A word before it would make another thing of it.
        statement += " " + _text(drawn.below(5), f"Zq{drawn.take(drawn.below(12)).decode('utf-8', 'ignore')}7x") + " "
    for words_ in (statement, statement[: drawn.below(len(statement) + 1)]):
        line = shown(words_)
        assert "Zq" not in line and "7x" not in line, f"{words_!r} is shown as {line!r}"


def _text(form: int, text: str) -> str:
    """A text as PostgreSQL reads it ("String Constants", section 4.1.2)."""
    text = text.replace("\0", "")
    doubled = text.replace("'", "''")
    match form:
        case 0:
            return f"'{doubled}'"
        case 1:
            return "E'" + doubled.replace("\\", "\\\\") + "'"
        case 2:
            return f"$tag${text.replace('$', '')}$tag$"
        case 3:
            return f"U&'{doubled}'"
    return f"$${text.replace('$', '')}$$"
