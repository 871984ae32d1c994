"""The compiled path reads either side as Python does: no value is another to it, and none is the same to it alone."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from litelift.compiled import KEY_BYTES, native
from litelift.plan.match import ColumnMatch, Numbers
from litelift.plan.valuemap import ValueMap
from litelift.postgres.types import PgType
from litelift.prove.cells import source_cells, target_cells
from litelift.prove.compiled import native_column, native_lines, sums_of
from litelift.prove.sums import Sums
from litelift.sqlite.schema import Value
from test_native_codecs import TYPES, UUID_TEXTS, Store, batches, near, reals, values

if TYPE_CHECKING:
    from litelift._native import Batch, Lines

pytestmark = pytest.mark.skipif(native() is None, reason="the compiled path is not built")

KEY = bytes(range(7, 7 + KEY_BYTES))


def column(pg: PgType, numbers: Numbers = "epoch", mapping: ValueMap | None = None) -> ColumnMatch:
    return ColumnMatch("v", "v", pg, mapping, numbers)


COLUMNS = [
    *(column(pg) for pg in TYPES),
    *(
        column(PgType(base))
        for base in ("oid", "money", "timetz", "interval", "inet", "macaddr", "citext", "xml", "tsvector")
    ),
    *(column(PgType("timestamptz"), numbers) for numbers in ("milliseconds", "microseconds", "julian")),
    column(PgType("numeric", precision=5, scale=-2)),
    column(PgType("_numeric", kind="array", element="numeric")),
    column(PgType("_text", element="text")),
    column(PgType("text"), mapping=ValueMap({"t": "true", "0": "nil"})),
    column(PgType("bool"), mapping=ValueMap({"sad": "t", "ok": "f"})),
]


def name(found: object) -> str:
    if not isinstance(found, ColumnMatch):
        return ""
    mapped = "-mapped" if found.values is not None else ""
    return f"{found.type.display}-{found.numbers}{mapped}"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = Store(tmp_path_factory.mktemp("native") / "values.sqlite")
    yield found
    found.close()


def joined(cells: Sequence[str]) -> bytes:
    return "\n".join(cells).encode("utf-8", "surrogateescape")


def of_cells(columns: Sequence[ColumnMatch], cells: Sequence[Sequence[str]]) -> Sums:
    """The compiled sum of lines that Python made."""
    module = native()
    assert module is not None
    lines = native_lines(module, KEY, columns)
    if cells[0]:
        lines.put(joined(["\t".join(row) for row in zip(*cells, strict=True)]) + b"\n")
    settle(lines, columns)
    return sums_of(lines)


def settle(lines: Lines, columns: Sequence[ColumnMatch]) -> None:
    found: list[bytes | None] = [None] * len(columns)
    python = [at for at, one in enumerate(columns) if native_column(one)[1] == "python"]
    for at in python:
        codec = target_cells(columns[at])
        assert codec is not None
        fields = str(lines.held(at), "utf-8", "surrogateescape").split("\n")
        found[at] = joined(codec(fields))
    if python:
        lines.settle(tuple(found))


def add(lines: Lines, batch: Batch, columns: Sequence[ColumnMatch]) -> list[int]:
    """Add a batch; the columns that Python had to read."""
    wanted = lines.add(batch, 0, (None,) * len(columns))
    if wanted:
        given: list[bytes | None] = [None] * len(columns)
        for at in wanted:
            given[at] = joined(source_cells(columns[at])(batch.column(at)))
        assert lines.add(batch, 0, tuple(given)) == []
    return wanted


def of_rows(store: Store, columns: Sequence[ColumnMatch]) -> tuple[Sums, list[int]]:
    """The compiled sum of the stored rows, and the columns that Python had to read."""
    lines = native_lines(store.module, KEY, columns)
    wanted = [at for batch in store.batches() for at in add(lines, cast("Batch", batch), columns)]
    streamed = native_lines(store.module, KEY, columns)
    reader = store.module.Reader(store.connection, "select v, id from t order by id", ())
    ended, read = False, 0
    while not ended:
        rows, ended, left = streamed.stream(reader, 0, 3, 1000)
        assert rows <= 3 and not (ended and left)
        read += rows
        if left is not None:
            assert add(streamed, left, columns)
            read += len(left)
    assert streamed.sums() == lines.sums()
    assert read == lines.sums()[0]
    return sums_of(lines), wanted


@pytest.mark.parametrize("one", COLUMNS, ids=name)
@given(found=batches)
def test_a_stored_value_reads_as_python_reads_it(store: Store, one: ColumnMatch, found: list[Value]) -> None:
    store.keep(found)
    stored = [row[0] for row in store.rows()]
    ours, _ = of_rows(store, [one])
    pure = source_cells(one)(stored)
    if native_column(one)[1] == "python" or any("\n" in cell for cell in pure):
        # What Python brings into its form is not brought into it twice.
        lines = native_lines(store.module, KEY, [one])
        lines.put(b"x\n" * len(pure))
        lines.settle((joined(pure),)) if pure and native_column(one)[1] == "python" else None
        if pure:
            assert ours == sums_of(lines)
        return
    assert ours == of_cells([one], [pure])


@pytest.mark.parametrize("one", COLUMNS, ids=name)
@given(left=values, right=values)
@example(left=0.1, right=math.nextafter(0.1, 1))
@example(left="", right=None)
@example(left="a", right="a ")
@example(left=2**53, right=2**53 + 1)
@example(left="2024-02-29 00:00:00", right="2024-02-29 00:00:00.000001")
@example(left=b"\x00", right=b"\x01")
def test_values_that_differ_for_python_differ_here(store: Store, one: ColumnMatch, left: Value, right: Value) -> None:
    found = []
    for value in (left, right):
        store.keep([value])
        found.append((of_rows(store, [one])[0], list(source_cells(one)([row[0] for row in store.rows()]))))
    assert (found[0][0] == found[1][0]) == (found[0][1] == found[1][1])


PLAIN: list[tuple[ColumnMatch, list[Value]]] = [
    (column(PgType("bool")), [0, 1, 7, 1.0, "t", "F", "true", "false"]),
    (column(PgType("int2")), [-32768, 32767, 5.0]),
    (column(PgType("int8")), [-(2**63), 2**63 - 1, 0]),
    (column(PgType("float8")), [0.1, -0.0, 5e-324, 1.7976931348623157e308, 3, math.inf]),
    (column(PgType("float4")), [0.5, 3, 0.1, 1e-50]),
    (column(PgType("numeric")), [0.1, 1e308, 0.1 + 0.2, 123456789.125, 7, -1e-7, 2.5e-300, 0.0]),
    (column(PgType("numeric", precision=10, scale=2)), [0.1 + 0.2, 12, 1234.5, 99999999.99, -0.01]),
    (column(PgType("text")), ["a", "ə😀\t\\\b\f\v\r\n", 7, b"abc", "", "x" * 100, "\x7f\x01"]),
    (column(PgType("bpchar", length=4)), ["ə ", "  ", 12]),
    (column(PgType("bytea")), ["a\0\udcff", b"", b"\xff"]),
    (column(PgType("date")), ["2024-02-29", "2024-02-29 00:00:00", "2024-02-29T00:00:00"]),
    (column(PgType("timestamp")), ["2024-02-29 13:14:15.120", "2024-02-29", "2024-02-29T13:14Z", 0, -1, 1709212455]),
    (column(PgType("timestamptz")), ["2024-01-01 01:00:00+04:00", "2024-12-31T23:00:00-0330", 1709212455123]),
    (column(PgType("time")), ["08:30", "08:30:00.250"]),
    (column(PgType("uuid")), [bytes(16), UUID_TEXTS[0], UUID_TEXTS[2]]),
    (column(PgType("mood", kind="enum", labels=("sad", "şən"))), ["sad", "şən"]),
    (column(PgType("citext")), ["A"]),
]


@pytest.mark.parametrize(("one", "plain"), PLAIN, ids=name)
def test_plain_values_never_reach_python(store: Store, one: ColumnMatch, plain: list[Value]) -> None:
    store.keep([*plain, None])
    ours, wanted = of_rows(store, [one])
    assert wanted == []
    assert ours == of_cells([one], [source_cells(one)([row[0] for row in store.rows()])])


def test_every_day_and_every_whole_number_of_time_reads_as_python_reads_it(store: Store) -> None:
    days: list[Value] = [day * 86400 + 3661 for day in range(-719162, 2932896, 97)]
    days += [f"{year:04}-{rest}" for year in range(1, 10000, 13) for rest in ("01-01", "02-28", "02-29", "12-31")]
    days += [f"{text}T00:30:00+01:00" for text in days if isinstance(text, str)]
    days += [edge + step for edge in (10**11, 10**14, 253402214400, 253402300800) for step in (-1, 0, 1)]
    store.keep(days)
    for numbers in ("epoch", "milliseconds", "microseconds"):
        one = column(PgType("timestamptz"), numbers)
        pure = source_cells(one)([row[0] for row in store.rows()])
        assert of_rows(store, [one])[0] == of_cells([one], [pure])


# ------------------------------------------------------------------------------------- what the server sends


def printed_double(value: float) -> st.SearchStrategy[str]:
    """A double in the forms that PostgreSQL and Python print."""
    return st.sampled_from([repr(value), f"{value:.17g}", f"{value:.20f}" if abs(value) < 1e15 else repr(value)])


DOUBLES = (reals | st.integers(-1074, 1023).flatmap(lambda power: near(2.0**power))).flatmap(
    printed_double
) | st.sampled_from(["NaN", "Infinity", "-Infinity", "0", "-0", "1e+15", "1e-07", "5e-324", "\\N", "1e+308"])
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=4).map(
    lambda found: f"{found:f}"
) | st.sampled_from(["NaN", "0", "0.00", "100", "100.00", "-100.10", "0.000", "\\N", "1" * 200 + ".50"])
TEXTS = st.text("ab \\0", max_size=6).map(lambda text: text.replace("\\", "\\\\")) | st.just("\\N")
SENT: list[tuple[ColumnMatch, st.SearchStrategy[str]]] = [
    (column(PgType("float8")), DOUBLES),
    (column(PgType("float4")), DOUBLES),
    (column(PgType("numeric")), DECIMALS),
    (column(PgType("money")), DECIMALS),
    (column(PgType("bpchar")), TEXTS),
    (column(PgType("text")), TEXTS),
    (column(PgType("jsonb")), st.sampled_from(['{"a": 1}', '{"b":2,"a":1}', "[1.50]", "\\N", '"\\\\n"'])),
]


def holds_single(field: str) -> bool:
    """Whether a float4 can have the value of a field."""
    try:
        struct.pack("<f", float(field.replace("\\N", "0")))
    except OverflowError:
        return False
    return True


@pytest.mark.parametrize(("one", "fields"), SENT, ids=name)
@given(data=st.data())
def test_a_field_of_the_server_s_is_the_one_form_that_python_gives_it(
    one: ColumnMatch, fields: st.SearchStrategy[str], data: st.DataObject
) -> None:
    codec = target_cells(one) or list
    pair = data.draw(st.tuples(fields, fields))
    # The server cannot send a float4 that is none.
    assume(one.type.base != "float4" or all(holds_single(field) for field in pair))
    cells = [codec([field])[0] for field in pair]
    sums = [of_cells([one], [[field]]) for field in pair]
    assert (sums[0] == sums[1]) == (cells[0] == cells[1])
    if native_column(one)[1] != "python":
        assert sums[0] == of_cells([one], [[cells[0]]])


@settings(max_examples=50)
@given(rows=st.lists(st.tuples(TEXTS, DECIMALS, st.sampled_from(['{"a":1}', '{"a": 1}', "\\N"]), TEXTS), max_size=8))
def test_lines_of_several_columns_are_the_lines_that_python_makes(rows: list[tuple[str, ...]]) -> None:
    columns = [column(PgType(base)) for base in ("text", "numeric", "jsonb", "bpchar")]
    sent = of_cells(columns, list(zip(*rows, strict=True)) if rows else [[]] * 4)
    codecs = [target_cells(one) or list for one in columns]
    cells = [codec(fields) for codec, fields in zip(codecs, zip(*rows, strict=True), strict=True)] if rows else [[]] * 4
    plain = [column(PgType("text"))] * 4
    assert sent == of_cells(plain, cells)


def test_a_sum_does_not_depend_on_the_order_and_counts_duplicates(store: Store) -> None:
    one = [column(PgType("text"))]
    orders = {(sums.count, sums.total) for sums in (of_cells(one, [list(o)]) for o in itertools.permutations("aab"))}
    assert len(orders) == 1
    assert of_cells(one, [["a", "a", "b"]]) != of_cells(one, [["a", "b", "b"]])
    assert of_cells(one, [[""]]) != of_cells(one, [["", ""]])
    assert of_cells(one, [["a", "b"]]).total == (of_cells(one, [["a"]]).total + of_cells(one, [["b"]]).total) % 2**128


def test_every_bit_of_a_line_tells() -> None:
    one = [column(PgType("bytea"))]
    seen = set()
    for size in (1, 7, 8, 9, 15, 16, 17, 33):
        whole = bytes(size)
        for bit in range(size * 8):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            seen.add(of_cells(one, [[changed.hex()]]).total)
        seen.add(of_cells(one, [[whole.hex()]]).total)
    assert len(seen) == sum(size * 8 + 1 for size in (1, 7, 8, 9, 15, 16, 17, 33))


def test_odd_arguments_raise() -> None:
    module = native()
    assert module is not None
    for key, columns, error in (
        (b"short", (), ValueError),
        (KEY, (("nothing", "same", 0, 0),), ValueError),
        (KEY, (("text", "nothing", 0, 0),), ValueError),
        (KEY, ("text",), TypeError),
    ):
        with pytest.raises(error):
            module.Lines(key, columns)  # type: ignore[arg-type]
    lines = module.Lines(KEY, (("text", "python", -1, -1),))
    with pytest.raises(ValueError, match="columns"):
        lines.settle(())
    with pytest.raises(TypeError):
        lines.settle(("text",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no address"):
        lines.receive(0, 1, 1)


def test_a_reader_that_has_not_the_columns_raises(store: Store) -> None:
    lines = native_lines(store.module, KEY, [column(PgType("text"))] * 2)
    reader = store.module.Reader(store.connection, "select v, id from t", ())
    for first, rows, size in ((1, 1, 1), (-1, 1, 1), (0, 0, 1), (0, 1, 0)):
        with pytest.raises(ValueError, match="columns"):
            lines.stream(reader, first, rows, size)
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        lines.stream(reader, 0, 1, 1)
