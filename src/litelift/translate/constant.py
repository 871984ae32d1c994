"""Constants: what SQLite itself makes of an expression without columns, and of a DEFAULT that is always the same."""

from __future__ import annotations

import sqlite3

from sqlglot import exp

from litelift.errors import DdlError
from litelift.sqlite.lexer import Kind, Token, fold, quote_string, tokenize, unquote_identifier
from litelift.sqlite.schema import Value, affinity_of
from litelift.translate.parse import Node, parse
from litelift.translate.value import Refused

# Built-in functions whose result depends on their arguments alone ("Built-In Scalar SQL Functions", "JSON Functions",
# "Built-In Mathematical SQL Functions").
_STEADY_WORDS = """
    + abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likelihood likely lower ltrim
    max min nullif octet_length printf quote replace round rtrim sign substr substring trim typeof unhex unicode
    unlikely upper zeroblob
    json json_array json_array_length json_extract json_insert json_object json_patch json_quote json_remove
    json_replace json_set json_type json_valid
    acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power
    radians sin sinh sqrt tan tanh trunc
"""
_STEADY = frozenset(_STEADY_WORDS.split())
_TIME_ARGUMENTS = {"date": 1, "time": 1, "datetime": 1, "julianday": 1, "unixepoch": 1, "strftime": 2}
"""The date functions, and how many arguments they need at least before they stop meaning now."""

_CLOCK_TEXTS = frozenset({"now", "localtime", "utc"})
# A constant is a few bytes; this keeps zeroblob(1000000000) from being made.
_MAX_LENGTH = 1_000_000


def is_constant(node: Node, columns: frozenset[str]) -> bool:
    """Whether the tree gives the same value always: no column (``columns`` are folded names), clock or chance in it."""
    for part in node.walk():
        if isinstance(part, exp.Column):
            if not part.this.args.get("quoted") and fold(part.name) not in ("true", "false"):
                return False
            if fold(part.name) in columns:
                return False
        elif isinstance(part, exp.Anonymous):
            name = part.name
            if name in _TIME_ARGUMENTS:
                texts = [a.name for a in part.expressions if isinstance(a, exp.Literal | exp.Column)]
                if len(part.expressions) < _TIME_ARGUMENTS[name] or _CLOCK_TEXTS & {t.strip().lower() for t in texts}:
                    return False
                if len(texts) < len(part.expressions):
                    return False
            elif name not in _STEADY:
                return False
    return True


def evaluate(sql: str) -> Value:
    """The value of a constant expression, by SQLite itself. Raises Refused where SQLite refuses it."""
    return _run(f"select {_portable(tokenize(sql))}")


def as_text(value: int | float | str | bytes) -> str:
    """The text that SQLite makes of a value."""
    if isinstance(value, str):
        return value
    result = _run("select cast(? as text)", value)
    assert isinstance(result, str)
    return result


def as_number(value: int | float | str | bytes) -> int | float:
    """The number that SQLite makes of a value where it needs one: the longest prefix that is a number, else 0."""
    if isinstance(value, int | float):
        return value
    # A product keeps a REAL that is whole, as every operator does; CAST to NUMERIC does not.
    result = _run("select ? * 1", value.encode("utf-8", "replace") if isinstance(value, str) else value)
    assert isinstance(result, int | float)
    return result


def whole_number(text: str) -> int | float | None:
    """The number that numeric affinity turns the text into, None where it stays text."""
    if not text.isascii():
        return None
    connection = _open()
    try:
        connection.execute("create table t(x numeric)")
        connection.execute("insert into t values (?)", (text,))
        (value,) = connection.execute("select x from t").fetchone()
    finally:
        connection.close()
    return value if isinstance(value, int | float) else None


def literal_default(sql: str, declared: str) -> tuple[bool, Value]:
    """The value that a constant DEFAULT stores, for a column of the declared type: (True, value).

    (False, None) where it is not constant: it depends on the clock, on chance, or is something SQLite does not know.
    Section 3.2 of "CREATE TABLE" (The DEFAULT clause); the column's affinity applies to the value.
    """
    try:
        tokens = tokenize(sql)
    except DdlError:
        return False, None
    if not tokens:
        return False, None
    only = tokens[0] if len(tokens) == 1 else None
    if only is not None and only.kind in (Kind.WORD, Kind.QUOTED):
        if only.keyword.startswith("CURRENT_"):
            return False, None
        # A bare word as a DEFAULT is its own text, except these three.
        words = only.text if only.keyword in ("NULL", "TRUE", "FALSE") else quote_string(unquote_identifier(only.text))
    else:
        try:
            if not is_constant(parse(sql), frozenset()):
                return False, None
        except (Refused, RecursionError):
            return False, None
        words = _portable(tokens)
    connection = _open()
    try:
        connection.execute(f"create table t(x {affinity_of(declared).value}, n)")
        # The affinity alone decides what is stored; the declared words themselves may be anything.
        connection.execute(f"insert into t(x, n) values ({_portable(tokenize(words))}, 0)")  # noqa: S608
        (value,) = connection.execute("select x from t").fetchone()
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, OverflowError):
        return False, None
    finally:
        connection.close()
    return True, value


def _portable(tokens: list[Token]) -> str:
    """The tokens as SQL that means the same in every build: names in double quotes as texts, broken UTF-8 as hex."""
    parts = []
    for token in tokens:
        text = token.text
        if token.kind is Kind.STRING or (token.kind is Kind.QUOTED and text.startswith('"')):
            value = unquote_identifier(text)
            raw = value.encode("utf-8", "surrogateescape")
            text = quote_string(value) if value.isprintable() else f"cast(x'{raw.hex()}' as text)"
        parts.append(text)
    return " ".join(parts)


def _open() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_LENGTH)
    return connection


def _run(sql: str, *values: Value) -> Value:
    connection = _open()
    try:
        (value,) = connection.execute(sql, values).fetchone()
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, OverflowError) as error:
        raise Refused(f"SQLite cannot evaluate it: {error}") from None
    finally:
        connection.close()
    checked: Value = value
    return checked
