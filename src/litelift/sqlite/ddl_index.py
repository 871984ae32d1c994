"""CREATE INDEX: its key parts, expressions, and the condition of a partial index."""

from __future__ import annotations

from dataclasses import dataclass

from litelift.sqlite.ddl import KeyPart, TokenReader, read_key_parts


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """A CREATE INDEX statement; ``where`` is the SQL after WHERE."""

    name: str
    table: str
    parts: tuple[KeyPart, ...]
    unique: bool = False
    where: str | None = None


def parse_create_index(sql: str) -> IndexDefinition:
    """Parse CREATE [UNIQUE] INDEX. Raises DdlError."""
    reader = TokenReader(sql)
    reader.expect_words("CREATE")
    unique = reader.accept_words("UNIQUE")
    reader.expect_words("INDEX")
    reader.accept_words("IF", "NOT", "EXISTS")
    name = reader.qualified_name()
    reader.expect_words("ON")
    table = reader.name()
    parts, autoincrement = read_key_parts(reader)
    if autoincrement:
        raise reader.error("an index without AUTOINCREMENT")
    where = _condition(reader) if reader.accept_words("WHERE") else None
    reader.finish()
    return IndexDefinition(name, table, parts, unique, where)


def _condition(reader: TokenReader) -> str:
    first = reader.place
    last = len(reader.tokens)
    if last > first and reader.tokens[last - 1].text == ";":
        last -= 1
    depth = 0
    for place in range(first, last):
        reader.place = place
        text = reader.tokens[place].text
        depth += {"(": 1, ")": -1}.get(text, 0)
        if depth < 0 or text == ";":
            raise reader.error("the rest of a condition")
    reader.place = last
    if depth or first == last:
        raise reader.error("the rest of a condition")
    return reader.slice(first, last)
