"""The compiled path writes, byte for byte, what Python writes; and reads what Python's sqlite3 reads."""

from __future__ import annotations

import json
import math
import sqlite3
import struct
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from litelift.compiled import native
from litelift.postgres.types import PgType
from litelift.sqlite.open import decode_text
from litelift.sqlite.scan import Batch, Rows
from litelift.sqlite.schema import Value
from litelift.sqlite.twin import fetched
from litelift.wire.binary import packer
from litelift.wire.block import Blocks, Format
from litelift.wire.choose import codec_for
from litelift.wire.codec import Codec, Misfit

pytestmark = pytest.mark.skipif(native() is None, reason="the compiled path is not built")

TYPES = [
    PgType("bool"),
    PgType("int2"),
    PgType("int4"),
    PgType("int8"),
    PgType("float4"),
    PgType("float8"),
    PgType("numeric"),
    PgType("numeric", precision=10, scale=2),
    PgType("numeric", precision=4, scale=4),
    PgType("numeric", precision=30, scale=0),
    PgType("text"),
    PgType("varchar", length=3),
    PgType("bpchar", length=2),
    PgType("bytea"),
    PgType("date"),
    PgType("timestamp"),
    PgType("timestamp", precision=0),
    PgType("timestamptz"),
    PgType("timestamptz", precision=3),
    PgType("time"),
    PgType("time", precision=0),
    PgType("uuid"),
    PgType("json"),
    PgType("jsonb"),
    PgType("mood", kind="enum", labels=("sad", "ok", "şən", "tab\tbed", "")),
]


class Store:
    """One column of values, read by both paths."""

    def __init__(self, path: Path) -> None:
        self.python = sqlite3.connect(path, isolation_level=None)
        self.python.text_factory = decode_text
        self.python.executescript(
            "pragma journal_mode=off; pragma synchronous=off; create table t(id integer primary key, v)"
        )
        module = native()
        assert module is not None
        self.module = module
        self.connection = module.Connection(f"file:{path}?mode=ro".encode(), 1000)

    def close(self) -> None:
        self.connection.close()
        self.python.close()

    def keep(self, values: list[Value]) -> None:
        self.python.execute("begin")
        self.python.execute("delete from t")
        for value in values:
            if isinstance(value, str):
                # As bytes, for they may be no UTF-8.
                stored = value.encode("utf-8", "surrogateescape")
                self.python.execute("insert into t(v) values (cast(? as text))", (stored,))
            else:
                self.python.execute("insert into t(v) values (?)", (value,))
        self.python.execute("commit")

    def batches(self, rows: int = 2000, size: int = 1 << 22) -> Iterator[Batch]:
        reader = self.module.Reader(self.connection, "select v, id from t order by id", ())
        while (batch := reader.fetch(rows, size)) is not None:
            yield batch

    def rows(self) -> list[tuple[Value, ...]]:
        return self.python.execute("select v, id from t order by id").fetchall()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = Store(tmp_path_factory.mktemp("native") / "values.sqlite")
    yield found
    found.close()


def near(value: float) -> st.SearchStrategy[float]:
    return st.sampled_from([math.nextafter(value, -math.inf), value, math.nextafter(value, math.inf)])


WORDS = [
    "t",
    "true",
    "F",
    "0",
    "-0",
    "007",
    "-12",
    "sad",
    "şən",
    "tab\tbed",
    "",
    " 5 ",
    "1.5",
    "1e3",
    "9" * 19,
    "a\\b\r\n",
    "-9223372036854775808",
]
JSON_TEXTS = [
    "null",
    "[]",
    "{}",
    '{"a": 1, "b": [1.50, -0, 1e5, true]}',
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '"\\u0000"',
    '"\\ud83d\\ude00"',
    '"\\ud800"',
    "[1,]",
    "01",
    "1.",
    "-",
    "[" * 70 + "]" * 70,
    '"tab\tin"',
    "NaN",
    "\ufeff1",
    '{"é": "ə"}',
    '"\\x"',
    "1e99999",
    "[1 2]",
    '{"a" 1}',
    "tru",
    '"open',
    " [ 1 , 2 ] ",
    "1" * 1200,
]
STAMP_TEXTS = [
    "2024-02-29",
    "2023-02-29",
    "2024-02-29 13:14:15",
    "2024-02-29T13:14:15Z",
    "2024-02-29 13:14",
    "2024-02-29 13:14:15.5",
    "2024-02-29 13:14:15,123456",
    "2024-02-29 13:14:15.1234567",
    "2024-02-29 13:14:15.1234560",
    "2024-02-29 23:59:59+04:00",
    "2024-02-29 00:00:00 -0330",
    "0001-01-01 00:00:00+01",
    "9999-12-31 23:59:59-01",
    "0000-01-01",
    "1900-02-29",
    "2000-02-29",
    "2024-02-29 00:00:00.000",
    "2024-02-29T00:00:00+04:00",
    "24:00:00",
    "23:59:59.9999999",
    "08:30",
    "08:30:00.250",
    "2000-01-01 08:30:01",
    "2024-13-01",
    "2024-01-01 24:00:00",
    "2024-01-01 00:00:60",
    "2024-01-01 00:00:00+16",
    "2024-01-01 00:00:00 UTC",
    "1970-01-01 00:00:00." + "0" * 40,
    "1970-01-01 00:00:00." + "0" * 41,
]
UUID_TEXTS = [
    "000102030405060708090A0B0C0D0E0F",
    "{00010203-0405-0607-0809-0a0b0c0d0e0f}",
    "00010203-0405-0607-0809-0a0b0c0d0e0f",
    "00010203-0405-0607-08090-a0b0c0d0e0f",
    " 000102030405060708090A0B0C0D0E0F",
    "{000102030405060708090A0B0C0D0E0F}",
]

dates = st.dates().map(date.isoformat)
clocks = st.times().map(time.isoformat)
stamps = st.builds(
    lambda moment, sep, zone: moment.isoformat(sep) + zone,
    st.datetimes() | st.datetimes().map(lambda moment: moment.replace(microsecond=0)),
    st.sampled_from([" ", "T"]),
    st.sampled_from(["", "", "", "Z", "+04:00", "-0330", "+04", " UTC"]),
)
decimals = st.builds(lambda n, scale: n / 10**scale, st.integers(-(10**16), 10**16), st.integers(0, 8))
reals = (
    st.floats(allow_nan=False)
    | decimals
    | st.integers(-1074, 1023).flatmap(lambda power: near(2.0**power))
    | st.integers(-323, 308).flatmap(lambda power: near(float(f"1e{power}")))
    | st.integers(-(2**63), 2**63 - 1).map(float)
)
integers = (
    st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 40000) | st.sampled_from([2**53 + 1, 2**31, -(2**63), 2**63 - 1])
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
texts = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.text("ab\\\t\r\n\0ə😀", max_size=30)
    | st.sampled_from(WORDS + JSON_TEXTS + STAMP_TEXTS + UUID_TEXTS)
    | dates
    | clocks
    | stamps
    | st.uuids().map(str)
    | st.uuids().map(lambda found: found.hex)
    | json_values.map(lambda found: json.dumps(found, ensure_ascii=False))
    | json_values.map(lambda found: json.dumps(found))
    | st.integers().map(str)
    | st.binary(max_size=9).map(lambda found: found.decode("utf-8", "surrogateescape"))
)
blobs = (
    st.binary(max_size=9)
    | st.binary(min_size=16, max_size=16)
    | texts.map(lambda t: t.encode("utf-8", "surrogateescape"))
)
values = st.none() | integers | reals | texts | blobs

alike = st.one_of(
    *[
        st.lists(st.none() | one, max_size=8)
        for one in (
            integers,
            st.integers(0, 1),
            st.integers(-40000, 40000),
            reals,
            decimals,
            integers | reals,
            dates,
            clocks,
            stamps,
            texts,
            blobs,
            st.uuids().map(str),
            st.binary(min_size=16, max_size=16),
            json_values.map(lambda found: json.dumps(found)),
            st.sampled_from(["sad", "ok", "şən", ""]),
        )
    ]
)
batches = alike | st.lists(values, max_size=6)


class Told:
    """What a codec's misfits became."""

    def __init__(self) -> None:
        self.misfits: list[tuple[int, Value, str]] = []

    def __call__(self, index: int, value: Value, misfit: Misfit) -> str | None:
        self.misfits.append((index, value, misfit.reason))
        return misfit.stands_in


def written(pg: PgType, batch: Batch, form: Format, compiled: bool, lenient: bool) -> tuple[bytes, Any, Codec]:
    codec = codec_for(pg, lenient=lenient)
    told = Told()
    blocks = Blocks([pg], [codec], form, native() if compiled else None)
    blocks.add(0, batch, 0, told)
    # A single empty field of text is an empty line, which a list of lines cannot tell from no line.
    return blocks.block(len(batch), ()), told.misfits, codec


@pytest.mark.parametrize("lenient", [False, True], ids=["strict", "lenient"])
@pytest.mark.parametrize("pg", TYPES, ids=lambda pg: pg.display)
@given(found=batches)
def test_both_paths_write_the_same_bytes(store: Store, pg: PgType, lenient: bool, found: list[Value]) -> None:
    store.keep(found)
    for batch in store.batches():
        rows = Rows(store.rows())
        for form in cast(list[Format], ["text", "binary"]):
            ours, our_misfits, our_codec = written(pg, batch, form, True, lenient)
            pure, misfits, codec = written(pg, rows, form, False, lenient)
            assert ours == pure
            assert our_misfits == misfits
            assert our_codec.remarks == codec.remarks
            assert our_codec.forms == codec.forms
            again = codec_for(pg, lenient=lenient)
            whole = BytesIO()
            if Blocks([pg], [again], form, native()).write_rows(batch, 0, whole.write):
                assert whole.getvalue() == pure
                assert again.forms == codec.forms


@given(found=st.lists(values, max_size=30), rows=st.integers(1, 9), size=st.integers(1, 40))
@example(found=[1, None, "a\0b", b"", "", 1.5, -0.0, math.inf, "\udcff"], rows=3, size=1000)
def test_a_batch_holds_what_sqlite3_reads(store: Store, found: list[Value], rows: int, size: int) -> None:
    store.keep(found)
    read: list[tuple[Value, ...]] = []
    for batch in store.batches(rows, size):
        assert 0 < len(batch) <= rows
        mirror = Rows([batch.row(index) for index in range(len(batch))])
        for column in (0, 1):
            assert list(map(repr, batch.column(column))) == list(map(repr, mirror.column(column)))
            assert batch.kinds(column) == mirror.kinds(column)
        read += mirror.rows
    assert repr(read) == repr(store.rows())


PLAIN: list[tuple[PgType, list[Value]]] = [
    (PgType("bool"), [0, 1, 1.0, "t", "f", "true", "false"]),
    (PgType("int2"), [-32768, 32767, 5.0, "12"]),
    (PgType("int8"), [-(2**63), 2**63 - 1, "-9223372036854775808"]),
    (PgType("float8"), [0.1, -0.0, 5e-324, 1.7976931348623157e308, 3]),
    (PgType("float4"), [0.5, 3]),
    (PgType("numeric"), [0.1, 1e308, 5e-324, 123456789.125, 7]),
    (PgType("numeric", precision=10, scale=2), [0.1 + 0.2, 12, 1234.5, 99999999.99]),
    (PgType("text"), ["a", "ə😀\t", 1.5, 7, b"abc"]),
    (PgType("varchar", length=2), ["ə😀", 12]),
    (PgType("bytea"), ["a\0\udcff", b"", b"\xff"]),
    (PgType("date"), ["2024-02-29", "2024-02-29 00:00:00", "2024-02-29T00:00:00+04:00"]),
    (PgType("timestamp"), ["2024-02-29 13:14:15.123", "2024-02-29", "2024-02-29T13:14Z"]),
    (PgType("timestamptz", precision=0), ["2024-02-29 13:14:15", "2024-02-29 13:14:15.000+04:00"]),
    (PgType("time"), ["08:30", "2000-01-01 08:30:00.25"]),
    (PgType("uuid"), [bytes(16), UUID_TEXTS[0], UUID_TEXTS[1]]),
    (PgType("jsonb"), [JSON_TEXTS[3], '{"ə": "\\n\\u0259"}', 5, 1.5, b"[]"]),
    (PgType("json"), ['{"a":1,"a":2}']),
    (PgType("mood", kind="enum", labels=("sad", "şən")), ["sad", "şən"]),
]


@pytest.mark.parametrize(("pg", "plain"), PLAIN, ids=lambda item: item.display if isinstance(item, PgType) else "")
def test_plain_values_never_reach_python(store: Store, pg: PgType, plain: list[Value]) -> None:
    store.keep([*plain, None])
    (batch,) = store.batches()
    codec = codec_for(pg)
    assert codec.native is not None
    for binary in (False, True):
        writer = store.module.Writer(1, binary)
        plainly = store.module.Codec(*codec.native)
        assert writer.encode(0, batch, 0, plainly) is not None  # type: ignore[arg-type]
        assert writer.rows(batch, 0, (plainly,)) is not None  # type: ignore[arg-type]


def test_a_batch_that_is_not_plain_is_left_to_its_columns(store: Store) -> None:
    store.keep([1, "x", 2])
    (batch,) = store.batches()
    blocks = Blocks([PgType("int4")], [codec_for(PgType("int4"))], "text", native())
    assert blocks.write_rows(batch, 0, lambda view: None) is None
    blocks.add(0, batch, 0, Told())
    assert blocks.block(3, ()) == b"1\n\\N\n2\n"


def test_rows_takes_no_more_columns_than_a_batch_has(store: Store) -> None:
    store.keep([1])
    (batch,) = store.batches()
    writer = store.module.Writer(3, True)
    codec = store.module.Codec("integer", 8)
    for first, codecs in ((0, (codec,) * 3), (-1, (codec,) * 3), (0, (codec,) * 2)):
        with pytest.raises(ValueError, match="columns"):
            writer.rows(batch, first, codecs)  # type: ignore[arg-type]


def test_a_block_in_use_is_not_overwritten(store: Store) -> None:
    store.keep([1, 2])
    (batch,) = store.batches()
    writer = store.module.Writer(1, False)
    codecs = (store.module.Codec("integer", 8),)
    writer.rows(batch, 0, codecs)  # type: ignore[arg-type]
    with memoryview(writer) as block:
        with pytest.raises(BufferError):
            writer.rows(batch, 0, codecs)  # type: ignore[arg-type]
        assert bytes(block) == b"1\n2\n"
    writer.rows(batch, 0, codecs)  # type: ignore[arg-type]


def test_rows_that_are_dropped_are_in_no_block(store: Store) -> None:
    store.keep(["a", None, "c", "d"])
    (batch,) = store.batches()
    for form, expected in (("text", b"\\N\t2\nd\t4\n"), ("binary", None)):
        made = []
        for rows, module in ((batch, native()), (Rows(store.rows()), None)):
            codecs = [codec_for(PgType("text")), codec_for(PgType("int8"))]
            blocks = Blocks([PgType("text"), PgType("int8")], codecs, cast(Format, form), module)
            for place in (0, 1):
                blocks.add(place, rows, place, Told())
            made.append(blocks.block(len(rows), {0, 2}))
        assert made[0] == made[1]
        assert expected is None or made[0] == expected


def test_a_big_row_ends_its_batch(store: Store) -> None:
    store.keep(["a", "b" * (5 << 20), "c"])
    assert [len(batch) for batch in store.batches()] == [2, 1]


@given(st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(-1e38, 1e38, allow_nan=False))
def test_a_decimal_packs_as_the_nearest_float(value: float) -> None:
    pack = packer(PgType("float4"))
    assert pack is not None
    (found,) = struct.unpack("!f", pack(repr(value)))
    distance = abs(found - value)
    for way in (-math.inf, math.inf):
        (bits,) = struct.unpack("!i", struct.pack("!f", found))
        for step in (-1, 1):
            other = struct.unpack("!f", struct.pack("!I", (bits + step) & 0xFFFFFFFF))[0]
            if math.isfinite(other) and way:
                assert abs(other - value) >= distance


def test_a_day_is_a_day_in_every_year(store: Store) -> None:
    first = date(1, 1, 1)
    days: list[Value] = [(first + timedelta(days=at)).isoformat() for at in range(0, 3652059, 211)]
    days += [f"{year:04}-{day}" for year in range(1, 10000, 7) for day in ("01-01", "02-28", "12-31")]
    store.keep(days)
    pg = PgType("timestamptz")
    for batch in store.batches(100_000):
        assert (
            written(pg, batch, "binary", True, False)[0] == written(pg, Rows(store.rows()), "binary", False, False)[0]
        )
        lines = written(pg, batch, "text", True, False)[0].decode().splitlines()
    assert lines == [f"{datetime.fromisoformat(str(day)).isoformat(' ')}+00" for day in days]


LARGE = 1 << 20


@pytest.mark.parametrize("form", ["text", "binary"])
def test_python_s_large_blobs_go_in_pieces_and_make_the_same_bytes(store: Store, form: Format) -> None:
    some = bytes(range(256)) * (LARGE // 256)
    store.keep([some + b"end", None, b"", some * 5, b"small", some])
    (batch,) = store.batches(size=1 << 30)
    types = [PgType("bytea"), PgType("int8")]
    made = []
    for rows, module in ((batch, native()), (Rows(store.rows()), None)):
        blocks = Blocks(types, [codec_for(pg) for pg in types], form, module)
        pieces: list[bytes] = []
        for place in (0, 1):
            blocks.add(place, rows, place, Told())
        assert blocks.write_block(len(rows), {5}, pieces.append) == sum(map(len, pieces))
        made.append(pieces)
    whole, pieces = made
    assert b"".join(pieces) == b"".join(whole)
    assert len(whole) == 1
    assert max(map(len, pieces)) <= 8 << 20


@pytest.mark.parametrize("pg", [PgType("bytea"), PgType("text")], ids=["bytea", "text"])
def test_a_large_value_is_not_copied_into_the_block(store: Store, pg: PgType) -> None:
    found: list[Value] = ["a", "ə" * LARGE, None, "b" * (9 << 20), "c"]
    store.keep(found)
    (batch,) = store.batches(size=1 << 30)
    ours, pure = BytesIO(), BytesIO()
    longest = 0

    def write(view: memoryview) -> None:
        nonlocal longest
        longest = max(longest, len(view))
        ours.write(view)

    size = Blocks([pg], [codec_for(pg)], "binary", native()).write_rows(batch, 0, write)
    blocks = Blocks([pg], [codec_for(pg)], "binary")
    blocks.add(0, Rows(store.rows()), 0, Told())
    assert blocks.write_block(len(found), (), pure.write) == size == len(ours.getvalue())
    assert ours.getvalue() == pure.getvalue()
    assert longest <= 4 << 20


def streamed(store: Store, pg: PgType, form: Format) -> tuple[bytes, Codec]:
    """What a load writes: rows while they are plain, one that is not by column, the rest in batches."""
    codec = codec_for(pg)
    blocks = Blocks([pg], [codec], form, native())
    reader = store.module.Reader(store.connection, "select v from t order by id", ())
    out = BytesIO()
    ended = False
    while blocks.streams and not ended:
        done = blocks.stream(reader, 0, out.write)
        if done.left is not None:
            blocks.add(0, done.left, 0, Told())
            out.write(blocks.block(1, ()))
        ended = done.ended
    for batch in fetched(reader):
        blocks.add(0, batch, 0, Told())
        out.write(blocks.block(len(batch), ()))
    return out.getvalue(), codec


@pytest.mark.parametrize("pg", TYPES, ids=lambda pg: pg.display)
@given(found=batches | st.lists(values, min_size=10, max_size=30))
def test_a_stream_writes_what_python_does(store: Store, pg: PgType, found: list[Value]) -> None:
    store.keep(found)
    rows = store.rows()
    for form in cast(list[Format], ["text", "binary"]):
        ours, codec = streamed(store, pg, form)
        pure, _, other = written(pg, Rows(rows), form, False, False) if rows else (b"", [], codec_for(pg))
        assert ours == pure
        assert codec.forms == other.forms
        assert codec.remarks == other.remarks


def test_a_stream_stops_at_each_row_that_is_not_plain_and_then_for_good(store: Store) -> None:
    store.keep([1, "x", 2, *["y"] * 20, 3])
    blocks = Blocks([PgType("int4")], [codec_for(PgType("int4"))], "text", native())
    reader = store.module.Reader(store.connection, "select v from t order by id", ())
    out = BytesIO()
    first = blocks.stream(reader, 0, out.write)
    assert (first.rows, first.ended, out.getvalue()) == (1, False, b"1\n")
    assert first.left is not None
    assert first.left.row(0) == ("x",)
    stops = 1
    while blocks.streams:
        assert blocks.stream(reader, 0, out.write).left is not None
        stops += 1
    assert 5 < stops < 15
    assert sum(map(len, fetched(reader))) == 24 - stops - 2


def test_a_stream_leaves_a_large_value_to_its_batch(store: Store) -> None:
    store.keep(["a", "b" * LARGE, "c"])
    blocks = Blocks([PgType("text")], [codec_for(PgType("text"))], "binary", native())
    reader = store.module.Reader(store.connection, "select v from t order by id", ())
    done = blocks.stream(reader, 0, lambda view: None)
    assert done.rows == 1
    assert done.left is not None
    assert blocks.write_rows(done.left, 0, lambda view: None) is not None
