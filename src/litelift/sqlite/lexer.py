"""SQLite's tokens, with their places in the source text.

The rules are those of SQLite's own tokenizer (tokenize.c) and of "SQLite Keywords" in its manual.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from litelift.errors import DdlError


class Kind(StrEnum):
    """What a token is. OPERATOR holds punctuation too."""

    WORD = "word"
    QUOTED = "quoted identifier"
    STRING = "string"
    BLOB = "blob"
    NUMBER = "number"
    VARIABLE = "variable"
    OPERATOR = "operator"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: ``text`` is ``sql[start:end]``, in characters."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def keyword(self) -> str:
        """The bare word in capitals, '' for every other kind of token."""
        if self.kind is not Kind.WORD:
            return ""
        return self.text.upper() if self.text.isascii() else self.text.translate(_UPPER)

    @property
    def is_name(self) -> bool:
        """Whether SQLite takes this token for a name: a quoted identifier, a string, or a word that is not reserved."""
        if self.kind is Kind.WORD:
            return self.keyword not in RESERVED
        return self.kind in (Kind.QUOTED, Kind.STRING)


# SQLite ignores the case of ASCII letters only; str.upper() and str.lower() would take more words for equal than it
# does (to them U+0131 is an I, and U+212A a k).
_UPPER = {ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}
_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}

_RESERVED_WORDS = """
    ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE DEFAULT DEFERRABLE DELETE
    DISTINCT DROP ELSE ESCAPE EXCEPT EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL JOIN
    LIMIT NOT NOTHING NOTNULL NULL ON OR ORDER PRIMARY REFERENCES RETURNING SELECT SET TABLE THEN TO TRANSACTION UNION
    UNIQUE UPDATE USING VALUES WHEN WHERE
"""
RESERVED = frozenset(_RESERVED_WORDS.split())
"""The words that SQLite never takes as a bare name; its other keywords fall back to names (%fallback in parse.y)."""

# Everything but the ASCII that ends a name; a range up to U+10FFFF takes ten times as long to compile.
_NAME = r"[^\x00-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]"
_FIRST = r"[^\x00-\x40\x5b-\x5e\x60\x7b-\x7f]"
_DIGITS = r"\d(?:_?\d)*"

# A vertical tab goes on with white space, and begins none (aiClass and sqlite3Isspace of tokenize.c).
# The order decides: a space before a word (U+FEFF is both), a comment before an operator, a blob before a word.
_TOKEN = re.compile(
    rf"""
      (?P<space>    (?>(?:[ \t\n\f\r][ \t\n\v\f\r]*+|\ufeff)+))
    | (?P<comment>  --[^\n]* | /\*(?!\Z)(?:.*?\*/|.*\Z))
    | (?P<blob>     [xX]'(?:[0-9A-Fa-f]{{2}})*')
    | (?P<badblob>  [xX]')
    | (?P<word>     {_FIRST}{_NAME}*+)
    | (?P<number>   (?:0[xX][0-9A-Fa-f](?:_?[0-9A-Fa-f])*+
                    | (?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?)(?!{_NAME}))
    | (?P<string>   '(?>[^']+|'')*+')
    | (?P<quoted>   "(?>[^"]+|"")*+" | `(?>[^`]+|``)*+` | \[[^\]]*\])
    | (?P<variable> \?[0-9]*(?!{_NAME}) | [$@\#:](?:(?:::)*{_NAME})++(?:::)*(?:\([^\s)]*\)|(?!\()))
    | (?P<operator> ->>|->|\|\||<<|<>|<=|>>|>=|==|!=|[-+*/%&|~<>=(),;.])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_KINDS = {
    "comment": Kind.COMMENT,
    "blob": Kind.BLOB,
    "word": Kind.WORD,
    "number": Kind.NUMBER,
    "string": Kind.STRING,
    "quoted": Kind.QUOTED,
    "variable": Kind.VARIABLE,
    "operator": Kind.OPERATOR,
}


def scan(sql: str) -> Iterator[Token]:
    """Yield every token of ``sql``, comments too; only white space is left out.

    Raises DdlError at a character that begins no token, at an unterminated string or identifier, and at a NUL. An
    unterminated block comment ends with the text, as in SQLite.
    """
    nul = sql.find("\0")
    if nul >= 0:
        raise syntax_error("expected SQL text; got a NUL character", sql, nul)
    place = 0
    while place < len(sql):
        match = _TOKEN.match(sql, place)
        if match is None or match.lastgroup == "badblob":
            raise syntax_error(_complaint(sql, place), sql, place)
        if match.lastgroup is not None and match.lastgroup != "space":
            yield Token(_KINDS[match.lastgroup], match.group(), place, match.end())
        place = match.end()


def tokenize(sql: str) -> list[Token]:
    """The tokens of ``sql`` without its comments. Raises DdlError as ``scan`` does."""
    return [token for token in scan(sql) if token.kind is not Kind.COMMENT]


def syntax_error(message: str, sql: str, place: int) -> DdlError:
    """The DdlError for the character at ``place``, an offset from 0; the message counts from 1."""
    return DdlError(message=message, position=place + 1, sql=sql)


def _complaint(sql: str, place: int) -> str:
    start = sql[place]
    if start in "'\"`[":
        return f"expected the closing quote of a token; got the end of the text after {start}"
    if start in "xX":
        return "expected a blob of hexadecimal pairs; got something else between the quotes"
    if start.isdigit():
        return "expected a number; got letters in it"
    return f"expected a token; got {start!r}"


def unquote_identifier(text: str) -> str:
    """The name that an identifier stands for: bare, or quoted by "", ``, [] or '' (a string may stand for a name)."""
    if text[:1] == "[" and text[-1:] == "]":
        return text[1:-1]
    quote = text[:1]
    if quote and quote in "\"`'" and len(text) > 1 and text[-1] == quote:
        return text[1:-1].replace(quote * 2, quote)
    return text


def quote_identifier(name: str) -> str:
    """The name between double quotes, for SQL that SQLite reads."""
    return '"' + name.replace('"', '""') + '"'


def quote_string(value: str) -> str:
    """The text as a string literal, for SQL that SQLite reads."""
    return "'" + value.replace("'", "''") + "'"


def fold(name: str) -> str:
    """The name in ASCII lower case: two names are one to SQLite when their folds are equal."""
    return name.lower() if name.isascii() else name.translate(_LOWER)
