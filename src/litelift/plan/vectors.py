"""How large a text's tsvector may become: PostgreSQL refuses one of more than a megabyte.

Section 12.11 of the PostgreSQL manual ("Limitations"); make_tsvector() in src/backend/tsearch/to_tsany.c adds up, for
each different lexeme, its bytes and two for each of its places, of which it keeps 255.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Sequence

from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import Value

LIMIT_BYTES = (1 << 20) - 1
SAFE_BYTES = 150_000
"""A text of so many bytes fits whatever it is: the parser makes at most six bytes of each, of "a.bc/d" and the like."""
_PLACES = 255
_MOST_BYTES = 2047
"""A longer word is not indexed."""
_PLAIN = re.compile(r"[^\W_]*")
_EDGES = re.compile(r"^[\W_]++|(?<![\W_])[\W_]++$")


def overlong(connection: sqlite3.Connection, table: str, columns: Sequence[str], where: str | None) -> int | None:
    """The bytes of the longest row whose tsvector may be too long, None where every row's fits."""
    sizes = "+".join(f"ifnull(length(CAST({quote_identifier(name)} AS BLOB)),0)" for name in columns)
    if not sizes:
        return None
    filter_ = f" AND ({where}\n)" if where else ""
    names = ", ".join(quote_identifier(name) for name in columns)
    query = f"SELECT {sizes}, {names} FROM {quote_identifier(table)} WHERE {sizes} > {SAFE_BYTES}{filter_}"  # noqa: S608
    largest = None
    for size, *texts in connection.execute(query):
        if sum(vector_bytes(text) for text in texts) > LIMIT_BYTES:
            largest = max(largest or 0, size)
    return largest


def vector_bytes(value: Value) -> int:
    """At least the bytes of a text's tsvector.

    A word among spaces is one lexeme; of one with marks inside the parser makes several, whole and in parts.
    """
    if value is None:
        return 0
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    total = 0
    for word, count in Counter(_EDGES.sub("", part) for part in text.lower().split()).items():
        size = len(word.encode("utf-8", "surrogateescape"))
        if _PLAIN.fullmatch(word):
            total += (size + 3 if size <= _MOST_BYTES else 0) + 2 * min(count, _PLACES)
        else:
            total += 5 * size + 8 + 2 * min(count, _PLACES) * size
    return total
