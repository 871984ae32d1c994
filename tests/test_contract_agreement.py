"""The load and the proof read the contract separately; what the load accepts, the proof must read as the same value."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litelift.plan.match import ColumnMatch
from litelift.postgres.types import PgType
from litelift.prove.values import expected, printed
from litelift.sqlite.schema import Value
from litelift.wire.choose import codec_for
from litelift.wire.codec import Misfit

# Characters that times, numbers, UUIDs and JSON are written with, and some that only look like them.
LETTERS = "0123456789-+:., TZztTfFeEuUgGmMcCabd{}[]\"'\\_\xa0\x1f\x00\t\n\x0b٢１"
TIMES = st.from_regex(
    r"[ \xa0\x1f]?(19|20|00|99)\d\d-[01]\d-[0-3]\d"
    r"([ T][0-2]\d:[0-6]\d(:[0-6]\d([.,]\d{1,9})?)?( ?(Z|z|UTC|GMT|[+-][0-2]\d(:?[0-6]\d)?))?)?[ \x0b\x1f]?",
    fullmatch=True,
)
CLOCKS = st.from_regex(
    r"((19|20)\d\d-[01]\d-[0-3]\d[ T])?[0-2]?\d:[0-6]\d(:[0-6]\d([.,]\d{1,9})?)?(Z|\+00:00)?", fullmatch=True
)
NUMBERS = st.from_regex(r"[ \xa0]?[+-]?\d{0,30}(\.\d{0,20})?([eE][+-]?\d{1,3})?[ \x1f]?", fullmatch=True)
UUIDS = st.from_regex(r"[ \xa0]?\{?[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?", fullmatch=True)
WORDS = st.sampled_from(
    ["t", "F", "true", " FALSE ", "yes", "1", "0", "inf", "-Infinity", "nan", "NULL", "\xa0t", "null", "[1]"]
)
VALUES: st.SearchStrategy[Value] = st.one_of(
    TIMES,
    CLOCKS,
    NUMBERS,
    UUIDS,
    WORDS,
    st.text(LETTERS, max_size=40),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(10**11), 10**13),
    st.floats(allow_nan=False),
    st.floats(1e6, 6e6),
    st.binary(max_size=20),
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ).map(json.dumps),
)
TYPES = {
    "int8": PgType("int8"),
    "int2": PgType("int2"),
    "bool": PgType("bool"),
    "float8": PgType("float8"),
    "numeric": PgType("numeric"),
    "numeric(12,3)": PgType("numeric", precision=12, scale=3),
    "text": PgType("text"),
    "varchar(9)": PgType("varchar", length=9),
    "bytea": PgType("bytea"),
    "date": PgType("date"),
    "timestamp": PgType("timestamp"),
    "timestamptz": PgType("timestamptz"),
    "timestamp(3)": PgType("timestamp", precision=3),
    "time": PgType("time"),
    "jsonb": PgType("jsonb"),
    "uuid": PgType("uuid"),
}


def as_printed(name: str, text: str) -> str | None:
    """What PostgreSQL prints for a text that it was given: no exponent, no trailing zeros of a second's fraction."""
    if name.startswith("time"):
        clock, _, zone = text.partition("+")
        text = (clock.rstrip("0").removesuffix(".") if "." in clock else clock) + (f"+{zone}" if zone else "")
    if name.startswith("numeric"):
        text = f"{Decimal(text):f}"
    return printed(text, ColumnMatch("a", "a", TYPES[name]))


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=300)
@given(value=VALUES)
def test_what_the_load_accepts_the_proof_reads_as_the_same(name: str, value: Value) -> None:
    try:
        text = codec_for(TYPES[name]).text(value)
    except Misfit:
        return
    assert as_printed(name, text) == expected(value, ColumnMatch("a", "a", TYPES[name]))


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=200)
@given(values=st.lists(VALUES, min_size=1, max_size=3))
def test_what_the_load_accepts_as_a_batch_the_proof_reads_as_the_same(name: str, values: list[Value]) -> None:
    column = ColumnMatch("a", "a", TYPES[name])
    batch = codec_for(TYPES[name]).many(values, set(map(type, values)))
    if batch is not None:
        assert [as_printed(name, text) for text in batch] == [expected(value, column) for value in values]
