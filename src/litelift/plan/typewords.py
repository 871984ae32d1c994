"""The words of a PostgreSQL type, as a person writes them in a plan file, read into a PgType.

What passes is built up again from its parts and nothing else, so that no SQL can ride along: names, numbers,
parentheses, commas, brackets. Types that this module does not know (an extension's, the application's own) are quoted
and left to the server to find.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from litelift.postgres.types import PgType

# Chapter 8 of the PostgreSQL manual, "Data Types", and a few catalogue types that columns may have.
# fmt: off
_BUILT_IN = frozenset(
    {
        "int2", "int4", "int8", "float4", "float8", "numeric", "bool", "text", "varchar", "bpchar",
        "bytea", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "uuid", "json",
        "jsonb", "jsonpath", "xml", "money", "inet", "cidr", "macaddr", "macaddr8", "point", "line",
        "lseg", "box", "path", "polygon", "circle", "bit", "varbit", "tsvector", "tsquery", "oid",
        "name", "regclass", "regtype", "pg_lsn", "int4range", "int8range", "numrange", "tsrange",
        "tstzrange", "daterange", "int4multirange", "int8multirange", "nummultirange",
        "tsmultirange", "tstzmultirange", "datemultirange",
    }
)
# fmt: on

# Types of extensions in wide use, too near to built-in ones to be left to the search for slips of the pen.
_EXTENSIONS = frozenset(
    {"citext", "cube", "geography", "geometry", "halfvec", "hstore", "ltree", "sparsevec", "vector"}
)

# Words of the SQL standard and of PostgreSQL for those types. The longest that fits is taken.
_WORDS = {
    **{name: name for name in _BUILT_IN},
    "smallint": "int2",
    "integer": "int4",
    "int": "int4",
    "bigint": "int8",
    "real": "float4",
    "boolean": "bool",
    "decimal": "numeric",
    "string": "text",
    "double precision": "float8",
    "float": "float8",
    "dec": "numeric",
    "character": "bpchar",
    "char": "bpchar",
    "nchar": "bpchar",
    "national character": "bpchar",
    "national char": "bpchar",
    "character varying": "varchar",
    "char varying": "varchar",
    "nchar varying": "varchar",
    "national character varying": "varchar",
    "national char varying": "varchar",
    "bit varying": "varbit",
}

# Words of SQLite, MySQL and others, and what PostgreSQL says instead.
_FOREIGN = {
    "datetime": "timestamp",
    "smalldatetime": "timestamp",
    "blob": "bytea",
    "longblob": "bytea",
    "mediumblob": "bytea",
    "tinyblob": "bytea",
    "binary": "bytea",
    "varbinary": "bytea",
    "double": "double precision",
    "tinyint": "smallint",
    "mediumint": "integer",
    "number": "numeric",
    "clob": "text",
    "tinytext": "text",
    "mediumtext": "text",
    "longtext": "text",
    "nvarchar": "varchar",
    "varchar2": "varchar",
    "year": "smallint",
    "guid": "uuid",
    "serial": "integer",
    "bigserial": "bigint",
    "smallserial": "smallint",
}

_TOKEN = re.compile(
    r"""\s*(?:(?P<name>[^\W\d][\w$]*)|"(?P<quoted>(?:[^"\0%]|"")+)"|(?P<number>[0-9]+)|(?P<mark>[(),.\[\]]))"""
)
_INTERVAL = re.compile(
    "(?:year|month|day|hour|minute|second)|year to month|day to (?:hour|minute|second)|hour to (?:minute|second)"
    "|minute to second"
)
_NAME_BYTES = 63  # NAMEDATALEN - 1
_LENGTHS = {"varchar": 10_485_760, "bpchar": 10_485_760, "bit": 83_886_080, "varbit": 83_886_080}
_TIMES = frozenset({"time", "timetz", "timestamp", "timestamptz", "interval"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    def word(self) -> str:
        """The token folded as the server folds it; a quoted name is no word."""
        return "" if self.kind == "quoted" else self.text


def parse_type(words: str) -> PgType:
    """The type that ``words`` say: ``varchar(20)``, ``timestamp(0) with time zone``, ``text[]``, ``app.mood``.

    A type that is not built in comes back with ``kind="other"`` and ``written`` as quoted SQL; whether the server has
    it is for the server to say. Raises ValueError, with the nearest right word where there is one.
    """
    return _Parser(words).type()


def is_built_in(type_: PgType) -> bool:
    """Whether every server has the type; else only the target can say what it is."""
    if type_.kind == "array":
        return type_.element in _BUILT_IN and type_.schema is None
    return type_.kind == "base"


class _Parser:
    """Recursive descent over the tokens of one type."""

    def __init__(self, words: str) -> None:
        self.words = words
        self.tokens = _tokens(words)

    def type(self) -> PgType:
        """The whole type; what is left over is an error."""
        if not self.tokens:
            raise ValueError("expected a PostgreSQL type; got nothing")
        if self.tokens[0].kind not in ("name", "quoted"):
            raise ValueError(f"expected a PostgreSQL type; got {self.words!r}")
        found = self._built_in() or self._own()
        if self._brackets():
            written = f"{found.display}[]"
            found = PgType(f"_{found.base}", "array", schema=found.schema, element=found.base, written=written)
        if self.tokens:
            self._refuse()
        return found

    def _built_in(self) -> PgType | None:
        if self._next(".", 1):
            if self.tokens[0].word() != "pg_catalog" or self._word(2) not in _BUILT_IN:
                return None
            del self.tokens[:2]
        for count in (3, 2, 1):
            name = _WORDS.get(" ".join(self._words(count)))
            if name and len(self._words(count)) == count:
                del self.tokens[:count]
                return self._modified(name)
        return None

    def _modified(self, name: str) -> PgType:
        """A built-in type with its length, precision, fields or time zone."""
        fields = self._interval_fields() if name == "interval" else ""
        written = self.words.strip()
        numbers = self._numbers() if self._next("(") else []
        if name in ("time", "timestamp") and self._word(0) in ("with", "without"):
            zone = self._words(3)
            if zone[1:] != ["time", "zone"]:
                self._refuse()
            del self.tokens[:3]
            name += "tz" if zone[0] == "with" else ""
        if name in _LENGTHS:
            # character and bit without a length hold one (section 8.3 and 8.10); bpchar without one is unlimited.
            length = _bounded(numbers, 1, _LENGTHS[name], f"the length of {written}")
            if name == "bpchar" and length is None and "bpchar" in written.lower():
                return PgType(name, written="bpchar")
            return PgType(name, length=1 if name in ("bit", "bpchar") and length is None else length)
        if name in _TIMES:
            precision = _bounded(numbers, 0, 6, f"the precision of {written}")
            if name == "interval" and (fields or precision is not None):
                digits = f"({precision})" if precision is not None else ""
                if digits and fields and not fields.endswith("second"):
                    raise ValueError(f"{written}: only seconds have a precision")
                return PgType(name, precision=precision, written=" ".join(["interval", fields]).strip() + digits)
            return PgType(name, precision=precision)
        if name == "numeric":
            return _numeric(numbers, written)
        if name == "float8" and numbers and written.lower().startswith("float"):
            bits = _bounded(numbers, 1, 53, f"the precision of {written}")
            return PgType("float4" if bits is not None and bits <= 24 else "float8")
        if numbers:
            raise ValueError(f"{written}: this type takes nothing in parentheses")
        return PgType(name)

    def _own(self) -> PgType:
        """A type that is not built in: [schema.]name[(modifiers)], every name quoted."""
        first = self.tokens.pop(0)
        schema: str | None = None
        name = first
        if self._next("."):
            self.tokens.pop(0)
            if not self.tokens or self.tokens[0].kind not in ("name", "quoted"):
                self._refuse()
            schema, name = first.text, self.tokens.pop(0)
        elif first.kind == "name" and first.text not in _EXTENSIONS:
            _refuse_near_miss(first.text, " ".join([first.text, *self._words(2)]))
        for part in filter(None, (schema, name.text)):
            if len(part.encode()) > _NAME_BYTES:
                raise ValueError(f"the name {part!r} is longer than PostgreSQL's {_NAME_BYTES} bytes")
        written = ".".join(_quote(part) for part in (schema, name.text) if part is not None)
        if self._next("("):
            written += "(" + ",".join(self._modifiers()) + ")"
        return PgType(name.text, "other", schema=schema, written=written)

    def _modifiers(self) -> list[str]:
        """What stands in an own type's parentheses: numbers and names (``geometry(Point, 4326)``)."""
        found: list[str] = []
        self.tokens.pop(0)
        while self.tokens:
            token = self.tokens.pop(0)
            if token.kind not in ("name", "number"):
                break
            found.append(token.text if token.kind == "number" else _quote(token.text))
            if not self.tokens:
                break
            mark = self.tokens.pop(0)
            if mark.text == ")":
                return found
            if mark.text != ",":
                break
        raise ValueError(f"{self.words!r}: expected numbers or names between the parentheses")

    def _numbers(self) -> list[int]:
        found = self._modifiers()
        if len(found) > 2 or not all(number.isascii() and number.isdigit() and len(number) < 10 for number in found):
            raise ValueError(f"{self.words!r}: expected one or two numbers between the parentheses")
        return [int(number) for number in found]

    def _interval_fields(self) -> str:
        for count in (3, 1):
            fields = " ".join(self._words(count))
            if _INTERVAL.fullmatch(fields):
                del self.tokens[:count]
                return fields
        return ""

    def _brackets(self) -> bool:
        """Go over the brackets of an array; PostgreSQL keeps neither their number nor their sizes (section 8.15)."""
        found = False
        if self._word(0) == "array":
            self.tokens.pop(0)
            found = True
        while self._next("["):
            self.tokens.pop(0)
            if self.tokens and self.tokens[0].kind == "number":
                self.tokens.pop(0)
            if not self._next("]"):
                self._refuse()
            self.tokens.pop(0)
            found = True
        return found

    def _next(self, mark: str, offset: int = 0) -> bool:
        here = self.tokens[offset : offset + 1]
        return bool(here) and here[0].kind == "mark" and here[0].text == mark

    def _word(self, offset: int) -> str:
        return self.tokens[offset].word() if offset < len(self.tokens) else ""

    def _words(self, count: int) -> list[str]:
        return [token.word() for token in self.tokens[:count]]

    def _refuse(self) -> None:
        left = self.tokens[0].text if self.tokens else "its end"
        close = get_close_matches(" ".join(t.text for t in self.tokens[:3]), ["with time zone", "without time zone"], 1)
        also = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"{self.words!r} is not a PostgreSQL type: unexpected {left!r}{also}")


def _tokens(words: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while words[at:].strip():
        match = _TOKEN.match(words, at)
        if match is None:
            raise ValueError(f"{words!r} is not a PostgreSQL type: unexpected {words[at:].strip()[0]!r}")
        kind = str(match.lastgroup)
        text = match.group(kind)
        found.append(_Token(kind, text.replace('""', '"') if kind == "quoted" else _fold(text)))
        at = match.end()
    return found


def _fold(name: str) -> str:
    """An unquoted name as the server folds it: ASCII only, in a UTF-8 database (section 4.1.1)."""
    return "".join(c.lower() if c.isascii() else c for c in name)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _bounded(numbers: list[int], least: int, most: int, what: str) -> int | None:
    if not numbers:
        return None
    if len(numbers) > 1 or not least <= numbers[0] <= most:
        got = ", ".join(map(str, numbers))
        raise ValueError(f"{what}: expected one number from {least} to {most}; got {got}")
    return numbers[0]


def _numeric(numbers: list[int], written: str) -> PgType:
    if not numbers:
        return PgType("numeric")
    precision, scale = (numbers[0], numbers[1] if len(numbers) > 1 else 0)
    if not 1 <= precision <= 1000 or scale > precision:
        raise ValueError(f"{written}: expected a precision from 1 to 1000, and a scale no larger")
    return PgType("numeric", precision=precision, scale=scale)


def _refuse_near_miss(name: str, phrase: str) -> None:
    """Raise for a bare word that is surely meant as a built-in type: another engine's, or a slip of the pen."""
    if name in _FOREIGN:
        raise ValueError(f"PostgreSQL has no type {name!r} for a column; did you mean {_FOREIGN[name]!r}?")
    near = get_close_matches(phrase.strip(), _WORDS, 1, 0.85) or get_close_matches(name, _WORDS, 1, 0.8)
    if near:
        own = f"for a type of your own, write {_quote(name)}"
        raise ValueError(f"{name!r} is not a type that PostgreSQL has; did you mean {near[0]!r}? ({own})")
