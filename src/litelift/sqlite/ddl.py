"""Reading a CREATE statement token by token: what the parsers of tables and indexes share."""

from __future__ import annotations

from dataclasses import dataclass

from litelift.errors import DdlError
from litelift.sqlite.lexer import Kind, Token, syntax_error, tokenize, unquote_identifier


class TokenReader:
    """A place in the tokens of one statement. A method that expects something raises DdlError when it is not there."""

    def __init__(self, sql: str) -> None:
        """Read ``sql`` into tokens. Raises DdlError."""
        self.sql = sql
        self.tokens = tokenize(sql)
        self.place = 0

    def peek(self, ahead: int = 0) -> Token | None:
        """The token that comes next, or None at the end."""
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def take(self) -> Token:
        """The next token, whatever it is."""
        token = self.peek()
        if token is None:
            raise self.error("more")
        self.place += 1
        return token

    def error(self, expected: str) -> DdlError:
        """The error that says what was expected here, and what is here."""
        token = self.peek()
        if token is None:
            return syntax_error(f"expected {expected}; got the end of the statement", self.sql, len(self.sql))
        return syntax_error(f"expected {expected}; got {token.text}", self.sql, token.start)

    def at_words(self, *words: str) -> bool:
        """Whether the next tokens are these keywords, written in capitals here."""
        for ahead, word in enumerate(words):
            token = self.peek(ahead)
            if token is None or token.keyword != word:
                return False
        return True

    def accept_words(self, *words: str) -> bool:
        """Step over these keywords if they come next, all of them or none."""
        if not self.at_words(*words):
            return False
        self.place += len(words)
        return True

    def expect_words(self, *words: str) -> None:
        """Step over these keywords."""
        if not self.accept_words(*words):
            raise self.error(" ".join(words))

    def accept_one_of(self, *words: str) -> str | None:
        """Step over the next keyword if it is one of these, and return it."""
        token = self.peek()
        if token is None or token.keyword not in words:
            return None
        self.place += 1
        return token.keyword

    def at_operator(self, text: str) -> bool:
        """Whether the next token is this operator or punctuation."""
        token = self.peek()
        return token is not None and token.kind is Kind.OPERATOR and token.text == text

    def accept_operator(self, text: str) -> bool:
        """Step over this operator if it comes next."""
        if not self.at_operator(text):
            return False
        self.place += 1
        return True

    def expect_operator(self, text: str) -> None:
        """Step over this operator."""
        if not self.accept_operator(text):
            raise self.error(text)

    def name(self) -> str:
        """Step over a name and return it unquoted; SQLite takes a string literal for one as well."""
        token = self.peek()
        if token is None or not token.is_name:
            raise self.error("a name")
        self.place += 1
        return unquote_identifier(token.text)

    def qualified_name(self) -> str:
        """Step over ``name`` or ``schema.name`` and return the name."""
        name = self.name()
        return self.name() if self.accept_operator(".") else name

    def slice(self, first: int, last: int) -> str:
        """The source text from token ``first`` up to, but without, token ``last``; only comments inside stay."""
        return self.sql[self.tokens[first].start : self.tokens[last - 1].end]

    def until(self, *stops: str) -> tuple[int, int]:
        """Step over tokens up to one of these operators outside of parentheses; return the range of tokens passed."""
        first, depth = self.place, 0
        while (token := self.peek()) is not None:
            if token.kind is Kind.OPERATOR:
                if depth == 0 and token.text in stops:
                    return first, self.place
                if token.text == ";":
                    break
                depth += {"(": 1, ")": -1}.get(token.text, 0)
                if depth < 0:
                    break
            self.place += 1
        raise self.error(" or ".join(stops))

    def parenthesised(self) -> str:
        """Step over ``( ... )`` and return the SQL between, which is not empty."""
        self.expect_operator("(")
        first, last = self.until(")")
        if first == last:
            raise self.error("an expression")
        self.place += 1
        return self.slice(first, last)

    def finish(self) -> None:
        """Step over the closing semicolon, if any; nothing may come after it."""
        self.accept_operator(";")
        if self.peek() is not None:
            raise self.error("the end of the statement")


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One term of a key: ``column`` where it is a single name, and always its SQL without COLLATE, ASC and DESC."""

    sql: str
    column: str | None = None
    collation: str | None = None
    descending: bool = False


def read_key_parts(reader: TokenReader) -> tuple[tuple[KeyPart, ...], bool]:
    """Step over ``( term [COLLATE name] [ASC|DESC], ... )``; the second value says whether AUTOINCREMENT ended it.

    Raises DdlError.
    """
    reader.expect_operator("(")
    parts: list[KeyPart] = []
    autoincrement = False
    while True:
        first, last = reader.until(",", ")")
        end = reader.at_operator(")")
        if end and last > first and reader.tokens[last - 1].keyword == "AUTOINCREMENT":
            autoincrement = True
            last -= 1
        parts.append(_key_part(reader, first, last))
        reader.place += 1
        if end:
            return tuple(parts), autoincrement


def _key_part(reader: TokenReader, first: int, last: int) -> KeyPart:
    tokens = reader.tokens
    if last - first > 2 and tokens[last - 2].keyword == "NULLS" and tokens[last - 1].keyword in ("FIRST", "LAST"):
        last -= 2
    descending = False
    if last - first > 1 and tokens[last - 1].keyword in ("ASC", "DESC"):
        descending = tokens[last - 1].keyword == "DESC"
        last -= 1
    collation: str | None = None
    end = last
    while end - first > 2 and tokens[end - 2].keyword == "COLLATE" and tokens[end - 1].is_name:
        collation = collation or unquote_identifier(tokens[end - 1].text)
        end -= 2
    if end < last and not _stands_alone(tokens[first:end]):
        # COLLATE binds tighter than any operator: in "a = b COLLATE NOCASE" the value depends on it.
        end = last
    if end <= first:
        raise syntax_error("expected a column or an expression", reader.sql, _offset(reader, first))
    column = unquote_identifier(tokens[first].text) if end - first == 1 and tokens[first].is_name else None
    return KeyPart(reader.slice(first, end), column, collation, descending)


def _stands_alone(tokens: list[Token]) -> bool:
    """Whether these tokens are one operand: a single token, ``( ... )`` or ``function( ... )``."""
    if len(tokens) == 1:
        return True
    opening = 0 if tokens[0].text == "(" else 1
    depth = 0
    for place, token in enumerate(tokens):
        if token.kind is Kind.OPERATOR and token.text in "()":
            depth += 1 if token.text == "(" else -1
        if place >= opening and depth == 0:
            return token.text == ")" and place == len(tokens) - 1
    return False


def _offset(reader: TokenReader, place: int) -> int:
    return reader.tokens[place].start if place < len(reader.tokens) else len(reader.sql)
