"""The examples of docs/reference/contract.md: a SQLite script, and what PostgreSQL answers after the move."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "contract.md"
_PIECE = re.compile(
    r"^#+ (?P<heading>[^\n]*)$|^```(?P<kind>sqlite|plan|postgresql)(?P<words>[^\n]*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_ANSWER = "--> "


@dataclass(frozen=True)
class Question:
    """A statement, and the lines that answer it: rows with `` | `` between values, or ``ERROR: ...``."""

    sql: str
    answer: tuple[str, ...]


@dataclass
class Example:
    """One example. ``exit`` is the exit status of the move; ``needs`` names what the server must have."""

    name: str
    source: str
    exit: int = 0
    needs: frozenset[str] = frozenset()
    plan: str | None = None
    questions: list[Question] = field(default_factory=list)


def examples(text: str) -> list[Example]:
    """Read the page's examples: each ``sqlite`` block begins one, and the blocks up to the next belong to it.

    Words after the fence: ``exit=3``, ``icu``, ``no-icu``, ``postgresql-18``. Raises ValueError for a page whose blocks
    are not understood, so that no example is passed over.
    """
    found: list[Example] = []
    heading = ""
    counts: dict[str, int] = {}
    for piece in _PIECE.finditer(text):
        if piece["heading"] is not None:
            heading = piece["heading"].strip().lower()
            continue
        words, body = piece["words"].split(), piece["body"]
        if piece["kind"] == "sqlite":
            exits = [int(word.removeprefix("exit=")) for word in words if word.startswith("exit=")]
            needs = frozenset(word for word in words if not word.startswith("exit="))
            if needs - {"icu", "no-icu", "postgresql-18"} or len(exits) > 1:
                raise ValueError(f"expected exit=, icu, no-icu or postgresql-18 after ```sqlite; got {words}")
            counts[heading] = counts.get(heading, 0) + 1
            found.append(Example(f"{heading} {counts[heading]}", body, exits[0] if exits else 0, needs))
        elif not found or words:
            raise ValueError(f"a {piece['kind']} block without an example before it: {body[:80]}")
        elif piece["kind"] == "plan":
            found[-1].plan = body
        else:
            found[-1].questions += _questions(body)
    for example in found:
        if not example.questions:
            raise ValueError(f"the example {example.name!r} asks nothing")
    return found


def _questions(body: str) -> list[Question]:
    found: list[Question] = []
    statement: list[str] = []
    answer: list[str] = []
    for line in [*body.splitlines(), ""]:
        if line.startswith(_ANSWER) or line == _ANSWER.strip():
            if not statement:
                raise ValueError(f"an answer to nothing: {line}")
            answer.append(line.removeprefix(_ANSWER.strip()).strip())
            continue
        if answer:
            found.append(Question("\n".join(statement).strip(), tuple(answer)))
            statement, answer = [], []
        statement.append(line)
    if "\n".join(statement).strip():
        raise ValueError(f"a statement without an answer: {' '.join(statement)}")
    return found
