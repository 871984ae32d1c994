"""The values, defaults and expressions of generated databases, by what a column is meant to hold."""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from hypothesis import strategies as st

Kind = Literal[
    "integer",
    "small",
    "boolean",
    "real",
    "decimal",
    "number",
    "short",
    "text",
    "date",
    "timestamp",
    "time",
    "json",
    "uuid",
    "blob",
    "any",
]


@dataclass(frozen=True)
class Raw:
    """Bytes that are stored as text, whether they are text or not."""

    data: bytes


Source = int | float | str | bytes | Raw | None
NULL: Source = None


def literal(value: Source, encoding: str) -> str:
    """A value in SQLite's SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, Raw):
        return f"CAST(x'{value.data.hex()}' AS TEXT)"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, float):
        if math.isnan(value):
            return "(9e999 - 9e999)"
        return repr(value).replace("inf", "9e999") if math.isinf(value) else repr(value)
    if isinstance(value, int):
        # SQLite reads the least integer as the negation of one that is too large, and makes it real.
        return str(value) if value > -(2**63) else f"({value + 1} - 1)"
    if "\0" in value:
        return f"CAST(x'{value.encode(encoding).hex()}' AS TEXT)"
    return "'" + value.replace("'", "''") + "'"


def stored(value: Source) -> str:
    """A value for people."""
    return literal(value, "utf-8")


_DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
_MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
_PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
TEXTS = (
    "",
    " ",
    "it's",
    "\\",
    "\\N",
    "\\.",
    "a\tb\nc\r\n",
    "😀",
    "e\u0301",
    "\ufeffBOM",
    " padded ",
    "NULL",
    "null",
    "true",
    "007",
    "1e3",
    '"',
    "%s",
    "\ufffd",
    "\x01\x7f\x80",
    "A",
    "a",
    "a ",
    "İ",
)
JSONS = (
    "{}",
    "[]",
    "null",
    "true",
    "1",
    "-0.50",
    "1e5",
    '"x"',
    '{"a": [1, 2.50, {"b": null}]}',
    ' { "b" : 1 , "a" : "\\u00e9\\n" } ',
    '["😀"]',
    "12345678901234567890",
)
JSON_TROUBLE = ('{"a": 1, "a": 2}', '"\\u0000"', '"\\ud800"', "{a: 1}", "NaN", "[1,]", "1e200000")
MISFITS: tuple[Source, ...] = (
    "abc",
    "",
    "a\0b",
    "\0",
    Raw(b"\xff\xfe"),
    Raw(b"ok \xc3("),
    b"\x00\xff",
    b"plain",
    b"",
    10**18 + 1,
    2**63 - 1,
    -(2**63),
    0.5,
    -0.0,
    1e300,
    5e-324,
    math.inf,
    -math.inf,
    math.nan,
    0.1 + 0.2,
    123456.789,
    2,
    -1,
    "2024-13-45",
    "2024-02-30",
    "0000-00-00",
    "12abc",
    " 12 ",
    "0x10",
    "1e400",
    "1_000",
    "١٢",
    "12.50",
    "9223372036854775808",
    "yes",
    "t",
    "x" * 300,
    "23:59:60",
    "24:00",
    "2024-01-01T00:00:00+25:00",
    1700000000,
    1700000000123,
    2460000.5,
    20240131,
    *JSON_TROUBLE,
)
STAMPS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S+04:00",
    "%Y-%m-%dT%H:%M:%S.%f-0330",
    "%Y-%m-%d",
    "seconds",
    "milliseconds",
    "julian",
)


def written(moment: datetime, form: str) -> Source:
    """A moment in one of the forms that applications write."""
    seconds = (moment - datetime(1970, 1, 1)) // timedelta(seconds=1)
    match form:
        case "seconds":
            return seconds
        case "milliseconds":
            return seconds * 1000 + moment.microsecond // 1000
        case "julian":
            return seconds / 86400 + 2440587.5
    # strftime writes years before 1000 with fewer digits on some systems.
    return moment.strftime(form.replace("%Y", f"{moment.year:04}"))


def fitting(kind: Kind, form: str) -> st.SearchStrategy[Source]:
    """Values that a column of this kind is meant to hold; ``form`` is how it writes times."""
    match kind:
        case "integer":
            return st.one_of(
                st.integers(-1000, 1000),
                st.sampled_from((2**31 - 1, 2**31, -(2**63), 2**63 - 1, 1234567890123456789)),
            )
        case "small":
            return st.one_of(st.integers(-128, 127), st.sampled_from((32767, 32768, 2**31)))
        case "boolean":
            return st.one_of(st.sampled_from((0, 1)), st.sampled_from((0, 1, "t", "f", "true", "false", "TRUE")))
        case "real":
            return st.one_of(st.floats(allow_nan=False), st.sampled_from((0.1, -0.0, 1e300, 5e-324, math.inf, 3)))
        case "decimal":
            return st.one_of(
                st.integers(-99999, 99999).map(lambda n: n / 100),
                st.sampled_from((0, 1, 0.1 + 0.2, 1.10, 2.5, 999, -0.01)),
            )
        case "number":
            return st.one_of(
                st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.sampled_from((1e300, 10**18, 0.1 + 0.2))
            )
        case "short":
            return st.one_of(_PLAIN.map(lambda text: text[:5]), st.sampled_from(("", "abc", "ä" * 5)))
        case "text":
            return st.one_of(_PLAIN, st.sampled_from(TEXTS))
        case "date":
            return st.one_of(
                _DAYS.map(lambda day: f"{day.year:04}-{day.month:02}-{day.day:02}"),
                _MOMENTS.map(lambda moment: moment.strftime("%Y-%m-%d 00:00:00")),
                st.sampled_from(("2024-02-29", "0001-01-01", "9999-12-31", "2000-01-01T00:00:00Z")),
            )
        case "timestamp":
            return _MOMENTS.map(lambda moment: written(moment, form))
        case "time":
            return st.one_of(
                _MOMENTS.map(lambda moment: moment.strftime("%H:%M:%S")),
                _MOMENTS.map(lambda moment: moment.strftime("%H:%M:%S.%f")),
                st.sampled_from(("00:00", "23:59:59", "2000-01-01 08:30:00", "12:00:00.1234567")),
            )
        case "json":
            return st.one_of(st.sampled_from(JSONS), st.integers(-5, 5), st.floats(-10, 10), _PLAIN.map(json.dumps))
        case "uuid":
            return st.tuples(st.uuids(), st.sampled_from(("bytes", "hex", "text", "upper"))).map(_uuid)
        case "blob":
            return st.one_of(st.binary(max_size=8), st.sampled_from((b"", b"\x00", "text", "a\0b", Raw(b"\xff\xd8"))))
        case "any":
            return st.one_of(_PLAIN, st.integers(), st.floats(), st.binary(max_size=4), st.sampled_from(MISFITS)).map(
                _within
            )
    raise AssertionError(kind)


def _within(value: Source) -> Source:
    return value % 2**63 if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def _uuid(drawn: tuple[uuid.UUID, str]) -> Source:
    made, form = drawn
    forms: dict[str, Source] = {"bytes": made.bytes, "hex": made.hex, "text": str(made), "upper": str(made).upper()}
    return forms[form]


@st.composite
def pool(draw: st.DrawFn, kind: Kind, *, nulls: bool) -> list[Source]:
    """The few values that a column takes in turn: fitting ones most often, a misfit sometimes."""
    form = draw(st.sampled_from(STAMPS))
    if kind == "any" and draw(st.booleans()):
        kind = draw(st.sampled_from(("integer", "real", "text", "blob", "number")))
    one: st.SearchStrategy[Source] = fitting(kind, form)
    values = draw(st.lists(one, min_size=1, max_size=6))
    if kind == "timestamp" and draw(st.integers(0, 3)) == 3:
        values.append(draw(fitting(kind, draw(st.sampled_from(STAMPS)))))
    if draw(st.integers(0, 3)) == 3:
        values.append(draw(st.sampled_from(MISFITS)))
    if nulls and draw(st.booleans()):
        values.append(None)
    return values


def serial(kind: Kind, at: int) -> Source:
    """Another fitting value for each number."""
    moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=37 * at)
    match kind:
        case "integer" | "small" | "number" | "json" | "any":
            return at + 1
        case "boolean":
            return at % 2
        case "real" | "decimal":
            return at / 4
        case "short":
            return f"s{at}"
        case "text":
            return f"text {at}"
        case "date":
            return (date(2020, 1, 1) + timedelta(days=at)).isoformat()
        case "timestamp":
            return moment.strftime("%Y-%m-%d %H:%M:%S")
        case "time":
            return f"{at // 60 % 24:02}:{at % 60:02}:00"
        case "uuid":
            return str(uuid.UUID(int=at + 1))
    return at.to_bytes(3, "big")


VOLATILE = ("CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "datetime('now')", "random()", "randomblob", "'now'")
"""Words of defaults that give another value each time."""
ANY_DEFAULT = (
    "NULL",
    "''",
    "'it''s'",
    '"quoted"',
    "word",
    "TRUE",
    "FALSE",
    "0",
    "1",
    "-5",
    "+3",
    "0x10",
    "1e3",
    "1.50",
    "x'00ff'",
    "'a\\b'",
    "9223372036854775807",
    "'2024-01-31'",
    "'12:30:00'",
    "'{}'",
    "(1 + 2)",
    "('a' || 'b')",
    "(abs(-5))",
    "(lower('ABC'))",
    "(CAST('7' AS INTEGER))",
    "(ifnull(NULL, 3))",
    "(strftime('%Y', '2024-01-01'))",
    "(CASE WHEN 1 < 2 THEN 'yes' ELSE 'no' END)",
    "CURRENT_TIMESTAMP",
    "current_date",
    "CURRENT_TIME",
    "(datetime('now'))",
    "(strftime('%Y-%m-%d %H:%M:%f', 'NOW'))",
    "(unixepoch())",
    "(random())",
    "(hex(randomblob(4)))",
    "(julianday('now'))",
)
_OWN: dict[Kind, tuple[str, ...]] = {
    "integer": ("0", "1", "-5", "(1 + 2)", "'7'"),
    "small": ("0", "1"),
    "boolean": ("0", "1", "TRUE", "FALSE", "'t'", "'false'"),
    "real": ("0", "1.5", "1e300", "-0.25"),
    "decimal": ("0", "1.50", "'2.25'"),
    "number": ("0", "1.50"),
    "short": ("''", "'abc'", '"abc"'),
    "text": ("''", "'it''s'", "0", "CURRENT_TIMESTAMP", "(datetime('now'))"),
    "date": ("'2024-01-31'", "CURRENT_DATE", "CURRENT_TIMESTAMP"),
    "timestamp": ("CURRENT_TIMESTAMP", "'2024-01-31 10:20:30'", "(unixepoch())", "0"),
    "time": ("'12:30:00'", "CURRENT_TIME"),
    "json": ("'{}'", "'[]'", "'null'", "0"),
    "uuid": ("'00000000-0000-0000-0000-000000000000'", "(lower(hex(randomblob(16))))"),
    "blob": ("x''", "x'00ff'"),
    "any": ("0", "'any'"),
}


def default_words(kind: Kind) -> st.SearchStrategy[str]:
    """What stands after DEFAULT."""
    return st.one_of(st.sampled_from(_OWN[kind]), st.sampled_from(_OWN[kind]), st.sampled_from(ANY_DEFAULT))


EXPRESSIONS = ("lower({0})", "length({0})", "{0} || 'x'", "abs({0})", "coalesce({0}, 0)", "{0} + 1", "upper({0})")
