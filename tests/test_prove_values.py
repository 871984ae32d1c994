"""What the proof expects for a stored value is what PostgreSQL prints for the value that the contract says."""

from __future__ import annotations

import math
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from litelift.plan.match import ColumnMatch
from litelift.plan.valuemap import ValueMap
from litelift.postgres.types import PgType
from litelift.prove import expected, printed
from litelift.prove.cells import escape, source_cells, target_cell, target_cells, unescape
from litelift.prove.target import steady
from litelift.prove.values import UNREADABLE
from litelift.sqlite.schema import Value


def column(base: str, **facts: object) -> ColumnMatch:
    numbers = facts.pop("numbers", "epoch")
    values = facts.pop("values", None)
    return ColumnMatch("c", "c", PgType(base, **facts), values=values, numbers=numbers)  # type: ignore[arg-type]


NUMERIC_2 = column("numeric", precision=10, scale=2)
CENTURY = "2024-02-29 13:14:15"

READ = [
    # column, the stored value, the literal that PostgreSQL must hold
    (column("int8"), -(2**63), "-9223372036854775808"),
    (column("int4"), "12", "12"),
    (column("int4"), " 12.0 ", "12"),
    (column("int8"), 3.0, "3"),
    (column("bool"), 1, "t"),
    (column("bool"), 0, "f"),
    (column("bool"), 7, "t"),
    (column("bool"), "F", "f"),
    (column("bool"), "True", "t"),
    (column("bool"), "yes", "t"),
    (column("bool"), "0", "f"),
    (column("float8"), 0.1, "0.1"),
    (column("float8"), 1e300, "1e300"),
    (column("float8"), 5e-324, "5e-324"),
    (column("float8"), 123456789012345680.0, "123456789012345680"),
    (column("float8"), math.inf, "Infinity"),
    (column("float8"), -math.inf, "-Infinity"),
    (column("float8"), 2**63 - 1, "9223372036854775807"),
    (column("float4"), 0.1, "0.1"),
    (column("float4"), 1 / 3, "0.33333334"),
    (NUMERIC_2, 0.1 + 0.2, "0.30"),
    (NUMERIC_2, 12, "12"),
    (NUMERIC_2, "12.50", "12.5"),
    (column("numeric"), 0.1 + 0.2, "0.30000000000000004"),
    (column("numeric"), 1e21, "1000000000000000000000"),
    (column("numeric"), "123456789012345678901234567890.5", "123456789012345678901234567890.50"),
    (column("numeric"), -0.0, "0"),
    (column("text"), "tab\tnewline\nback\\slash \\N ə", "tab\tnewline\nback\\slash \\N ə"),
    (column("text"), "", ""),
    (column("text"), 5, "5"),
    (column("text"), 1.5, "1.5"),
    (column("text"), math.inf, "Infinity"),
    (column("text"), "şəkil".encode(), "şəkil"),
    (column("bpchar", length=5), "ab", "ab   "),
    (column("bytea"), b"\x00\xff", "\\x00ff"),
    (column("bytea"), "a\0\udcff", "\\x6100ff"),
    (column("bytea"), 12, "\\x3132"),
    (column("date"), "2024-02-29", "2024-02-29"),
    (column("date"), "2024-02-29 00:00:00", "2024-02-29"),
    (column("date"), "2024-02-29T00:00:00.000Z", "2024-02-29"),
    (column("date"), 1709164800, "2024-02-29"),
    (column("timestamp"), CENTURY, CENTURY),
    (column("timestamp"), "2024-02-29T13:14:15", CENTURY),
    (column("timestamp"), "2024-02-29 13:14", "2024-02-29 13:14:00"),
    (column("timestamp"), "2024-02-29", "2024-02-29 00:00:00"),
    (column("timestamp"), "2024-02-29 17:14:15+04:00", CENTURY),
    (column("timestamp"), "2024-02-29T13:14:15.1200Z", "2024-02-29 13:14:15.12"),
    (column("timestamp"), "2024-02-29 13:14:15.1234565", "2024-02-29 13:14:15.123457"),
    (column("timestamp"), "2024-12-31 23:59:59.9999999", "2025-01-01 00:00:00"),
    (column("timestamp", precision=0), "2024-02-29 13:14:14.5", CENTURY),
    (column("timestamptz"), CENTURY, "2024-02-29 13:14:15+00"),
    (column("timestamptz"), "2024-02-29 09:44:15-0330", "2024-02-29 13:14:15+00"),
    (column("timestamptz"), 1709212455, "2024-02-29 13:14:15+00"),
    (column("timestamptz"), 1709212455123, "2024-02-29 13:14:15.123+00"),
    (column("timestamptz"), 1709212455123456, "2024-02-29 13:14:15.123456+00"),
    (column("timestamptz"), 1709212455123456500, "2024-02-29 13:14:15.123457+00"),
    (column("timestamptz"), "1709212455", "2024-02-29 13:14:15+00"),
    (column("timestamptz"), 1709212455.5, "2024-02-29 13:14:15.5+00"),
    (column("timestamptz"), 2451545.0, "2000-01-01 12:00:00+00"),
    (column("timestamptz", numbers="julian"), 2451545, "2000-01-01 12:00:00+00"),
    (column("timestamptz"), 2451545, "1970-01-29 08:59:05+00"),
    (column("timestamptz"), -1, "1969-12-31 23:59:59+00"),
    (column("timestamptz"), 1721059.5, "0001-01-01 00:00:00+00 BC"),
    (column("timestamp"), "12024-02-29 00:00:00", "12024-02-29 00:00:00"),
    (column("time"), "08:30", "08:30:00"),
    (column("time"), "2000-01-01 08:30:00.250000", "08:30:00.25"),
    (column("timetz"), "08:30:00+04", "08:30:00+04"),
    (column("interval"), 90_061_000_001, "1 day 01:01:01.000001"),
    (column("interval"), "1970-01-02 01:00:00.000000", "25:00:00"),
    (column("interval"), "-00:00:01.5", "-1.5 seconds"),
    (column("interval"), "1 day, 2:00:00", "1 day 2 hours"),
    (column("interval"), -(10**6), "-1 second"),
    (column("interval"), "3 days 2 hours 1.5 secs", "3 days 02:00:01.5"),
    (column("interval"), "1 mon 2 days 03:04:05", "1 mon 2 days 03:04:05"),
    (column("timestamptz"), 1709212455123.0, "2024-02-29 13:14:15.123+00"),
    (column("timestamptz", precision=0), -0.5, "1970-01-01 00:00:00+00"),
    (column("timestamptz"), 2451545.00048828125, "2000-01-01 12:00:42.188+00"),
    (column("json"), '{"b": 1.0, "a": [1e2, null]}', '{"a":[100,null],"b":1}'),
    (column("jsonb"), '{"b":1.50,"b":2.50,"a":"\\u0259"}', '{"a": "ə", "b": 2.5}'),
    (column("jsonb"), 12345678901234567, "12345678901234567"),
    (column("jsonb"), 1.5, "1.5"),
    (column("jsonb"), "null", "null"),
    (column("jsonb"), b'{"a":1}', '{"a": 1}'),
    (column("jsonb"), "0.12345678901234567890123", "0.12345678901234567890123"),
    (column("uuid"), bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    (column("uuid"), "000102030405060708090A0B0C0D0E0F", "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    (column("uuid"), "{00010203-0405-0607-0809-0a0b0c0d0e0f}", "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    (column("inet"), "10.0.0.1", "10.0.0.1/32"),
    (column("inet"), "::FFFF", "::ffff"),
    (column("cidr"), "10.0.0.0/8", "10.0.0.0/8"),
    (column("macaddr"), "08-00-2B-01-02-03", "08:00:2b:01:02:03"),
    (column("money"), "1234.5", "$1,234.50"),
    (column("_text", kind="array", element="text"), '["a", null, "b c", "d\\"e"]', '{a,NULL,"b c","d\\"e"}'),
    (column("_int4", kind="array", element="int4"), "[[1, 2], [3, 4]]", "{{1,2},{3,4}}"),
    (column("_bool", kind="array", element="bool"), "[true, false]", "{t,f}"),
    (column("_text", kind="array", element="text"), '{a,"null",NULL}', '{a,"null",NULL}'),
    (column("_text", kind="array", element="text"), "[]", "{}"),
    (column("text", values=ValueMap({"aktiv": "active"}, unmapped="keep")), "aktiv", "active"),
    (column("text", values=ValueMap({"aktiv": "active"}, unmapped="keep")), "other", "other"),
    (column("int4", values=ValueMap({"yes": "1"})), "yes", "1"),
]


@pytest.mark.parametrize(("target", "value", "literal"), READ, ids=lambda item: repr(item)[:60])
def test_the_expectation_is_what_postgresql_prints(
    session: psycopg.Connection, target: ColumnMatch, value: Value, literal: str
) -> None:
    with steady(session):
        type_name = sql.SQL(f"{target.type.element}[]" if target.type.element else target.type.display)
        cast = sql.SQL("::numeric") if target.type.base == "money" else sql.SQL("")
        statement = sql.SQL("copy (select {}::{}{}) to stdout").format(literal, type_name, cast)
        with session.cursor().copy(statement) as copy:
            field = b"".join(bytes(block) for block in copy).decode()[:-1]
    assert printed(unescape(field), target) == expected(value, target)
    codec = target_cells(target)
    assert list(source_cells(target)([value])) == list(codec([field]) if codec else [field])


@pytest.mark.parametrize(
    ("target", "value", "literal"),
    [
        (column("float8"), 0.1, "0.10000000000000002"),
        (column("numeric"), 0.1, "0.11"),
        (column("timestamptz"), CENTURY, "2024-02-29 13:14:16+00"),
        (column("jsonb"), '{"a":1}', '{"a": "1"}'),
        (column("json"), '"\\u0000#1"', "1"),
        (column("interval"), 1, "PT0.000002S"),
        (column("_text", kind="array", element="text"), '[null]', '{"NULL"}'),
        (column("bpchar"), " a", "a"),
        (column("text"), "a", "a "),
        (column("inet"), "10.0.0.1", "10.0.0.1/24"),
        (column("text"), None, ""),
        (column("text"), "\\N", None),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_not_equal_is_told_apart(target: ColumnMatch, value: Value, literal: str | None) -> None:
    assert printed(literal, target) != expected(value, target)
    assert source_cells(target)([value])[0] != target_cell(literal, target)


@pytest.mark.parametrize(
    ("target", "value"),
    [
        (column("int4"), "abc"),
        (column("int4"), ""),
        (column("int4"), "1_0"),
        (column("int4"), "١٢"),
        (column("int4"), 1.5),
        (column("bool"), "maybe"),
        (column("float4"), 1e39),
        (column("date"), "2023-02-29"),
        (column("date"), "2024-02-29 00:00:01"),
        (column("date"), ""),
        (column("timestamp"), "0000-00-00 00:00:00"),
        (column("timestamp"), "2024-01-01 24:00:01"),
        (column("timestamp"), math.inf),
        (column("time"), "25:00"),
        (column("jsonb"), "{a:1}"),
        (column("jsonb"), "NaN"),
        (column("jsonb"), math.inf),
        (column("uuid"), b"123"),
        (column("uuid"), "0001-02030405060708090a0b0c0d0e0f"),
        (column("inet"), "10.0.0.300"),
        (column("interval"), "P"),
        (column("_int4", kind="array", element="int4"), "{1,2"),
    ],
    ids=repr,
)
def test_a_value_without_a_reading_expects_what_postgresql_never_prints(target: ColumnMatch, value: Value) -> None:
    told = expected(value, target)
    assert told is not None and told.startswith(UNREADABLE)
    assert source_cells(target)([value])[0].startswith("\0")


def test_text_that_postgresql_cannot_hold_is_expected_mended_but_equals_nothing_without_quarantine() -> None:
    text = column("text")
    assert expected("a\0b\udcff", text) == "a\ufffdb\ufffd"
    assert source_cells(text)(["a\0b"])[0] != target_cell("a\ufffdb", text)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_field_reads_back_as_it_was_written(text: str) -> None:
    assert unescape(escape(text)) == text
    assert not set(escape(text)) & set("\t\n\r")


@given(
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, allow_infinity=False, places=5)
)
def test_every_number_is_the_same_decimal(number: float | int | Decimal) -> None:
    told = expected(str(number) if isinstance(number, Decimal) else number, column("numeric"))
    assert told is not None
    assert float(told) == float(number)


@given(
    st.lists(
        st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(max_size=9)
    )
)
@pytest.mark.parametrize(
    "target", [column(base) for base in ("int8", "float8", "numeric", "bool", "bytea", "text", "timestamptz", "date")],
    ids=lambda c: c.type.base,
)  # fmt: skip
def test_a_batch_reads_as_its_values_one_by_one(target: ColumnMatch, batch: list[Value]) -> None:
    assert list(source_cells(target)(batch)) == [source_cells(target)([value])[0] for value in batch]


@pytest.fixture(scope="module")
def session(server):  # type: ignore[no-untyped-def]
    with psycopg.connect(server("postgres"), autocommit=True) as connection:
        yield connection
