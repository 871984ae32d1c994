"""The compiled census counts what Python counts, whatever a batch's size."""

from __future__ import annotations

import dataclasses
import math
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from litelift.compiled import native
from litelift.plan.probe import Candidate
from litelift.postgres.types import PgType
from litelift.sqlite.census import DISTINCT, DISTINCT_CHARS, SAMPLES, ColumnCensus, TableCensus
from litelift.sqlite.count import take_census
from litelift.sqlite.count_column import PATIENCE, ColumnCount
from litelift.sqlite.forms import FORMS
from litelift.sqlite.open import open_source
from litelift.sqlite.scan import Rows, Scan
from litelift.sqlite.schema import Value
from test_native_codecs import TYPES, Store, alike, values

pytestmark = pytest.mark.skipif(native() is None, reason="the compiled path is not built")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = Store(tmp_path_factory.mktemp("census") / "values.sqlite")
    yield found
    found.close()


def exact(found: Any) -> Any:
    """A census as plain values that are equal only where it is: 1 is neither 1.0 nor '1', and -0.0 is not 0.0."""
    if dataclasses.is_dataclass(found):
        return {field.name: exact(getattr(found, field.name)) for field in dataclasses.fields(found)}
    if isinstance(found, dict):
        return sorted((repr(key), exact(value)) for key, value in found.items())
    if isinstance(found, list):
        return list(map(exact, found))
    return repr(found)


def probes(lenient: bool, types: list[PgType] = TYPES) -> list[Candidate]:
    return [Candidate(pg, lenient) for pg in types]


FEW = [
    PgType("int8"),
    PgType("numeric", precision=10, scale=2),
    PgType("varchar", length=12),
    PgType("date"),
    PgType("timestamp"),
]


def counted(store: Store, tried: list[Candidate], rows: int, compiled: bool) -> ColumnCensus:
    census = ColumnCensus()
    count = ColumnCount(census, [candidate.probe() for candidate in tried], native() if compiled else None)
    done = 0
    for batch in store.batches(rows):
        pure = batch if compiled else Rows([batch.row(index) for index in range(len(batch))])
        count.add(pure, 0, done, lambda index, batch=pure: {"id": batch.row(index)[1]})  # type: ignore[misc]
        done += len(batch)
    count.finish()
    return census


@pytest.mark.parametrize("lenient", [False, True], ids=["strict", "lenient"])
@given(found=alike | st.lists(values, max_size=30), rows=st.integers(1, 40), others=st.integers(1, 40))
@example(found=["a\0b", "a\udcff", None, b"\0", b"\xff\0", b"", math.inf, -math.inf, -(2**63)], rows=2, others=9)
@example(found=[2**53 + 1, 2.0**53, -(2**53) - 2, 5, 5.0, -5], rows=9, others=2)
def test_both_paths_count_the_same(store: Store, lenient: bool, found: list[Value], rows: int, others: int) -> None:
    store.keep(found)
    tried = probes(lenient)
    pure = counted(store, tried, others, compiled=False)
    assert exact(counted(store, tried, rows, compiled=True)) == exact(pure)
    assert pure.values + pure.nulls == len(found)


PATTERNS: dict[str, Callable[[int, random.Random], Value]] = {
    "growing keys": lambda at, _: at * 3,
    "falling numbers": lambda at, _: -at if at % 2 else -at / 2,
    "one far beyond": lambda at, _: 10**15 if at == 2500 else at % 7,
    "equal numbers": lambda at, _: 5 if at % 3 else 5.0,
    "few words": lambda at, random: random.choice(["sad", "ok", "şən", None]),
    "as many words as are kept": lambda at, _: f"word {at % DISTINCT}",
    "one word more": lambda at, _: f"word {at % DISTINCT if at < 2100 else at % (DISTINCT + 1)}",
    "numbers and their texts": lambda at, _: at % 3 if at % 2 else str(at % 3),
    "long words": lambda at, _: "ə" * (DISTINCT_CHARS if at < 2100 else DISTINCT_CHARS + 1),
    "short long words": lambda at, _: "ə" * DISTINCT_CHARS,
    "a blob late": lambda at, _: b"a" if at == 2800 else at % 3,
    "a real late": lambda at, _: 0.5 if at == 2800 else at % 3,
    "uuids, one not": lambda at, _: "none" if at == 2400 else f"{at:08x}-0000-4000-8000-{at:012x}",
    "dates, some not": lambda at, _: "soon" if at % 90 == 7 else f"2024-01-{at % 28 + 1:02}",
    "dates, many not": lambda at, _: "soon" if at % 7 == 3 else f"2024-01-{at % 28 + 1:02}",
    "dates, at first none": lambda at, _: "soon" if at < 200 else "2024-01-01",
    "dates that are no form": lambda at, _: "２０２４-01-01" if at % 50 == 1 else "2024-01-01",
    "JSON, some not": lambda at, _: "{]" if at % 100 == 1 else '{"a": [1]}' if at % 2 else "\xa0[1]",
    "numbers as text": lambda at, _: "1,5" if at % 200 == 1 else str(at / 4),
    "separators": lambda at, _: "1\x1f2" if at % 2 else "2024-01-01\x1f2024-01-01",
    "pictures": lambda at, random: random.randbytes(20),
    "text in blobs": lambda at, _: b"\0" if at % 9 == 1 else b"\xff" if at % 9 == 2 else b"a",
    "bad text": lambda at, _: f"bad\udcff{at % 5}" if at % 900 == 17 else f"good {at % 50}",
    "bad text always": lambda at, _: "\udcff" * (at % 4),
    "bad text of few": lambda at, _: "bad\udcff" if at % 1500 == 17 else f"good {at % 30}",
    "prices": lambda at, random: round(random.uniform(-1e6, 1e6), 2 if at % 500 else 3),
    "times": lambda at, _: f"2024-02-29{'T' if at % 3 else ' '}13:14:15{'Z' if at % 2 else ''}",
    "days and numbers": lambda at, _: 1700000000 + at if at % 100 == 1 else "2024-02-29",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_both_paths_count_the_same_over_many_rows(store: Store, pattern: str) -> None:
    chance = random.Random(pattern)
    found = [PATTERNS[pattern](at, chance) for at in range(3000)]
    store.keep(found)
    tried = probes(False, FEW)
    pure = exact(counted(store, tried, 64, compiled=False))
    assert exact(counted(store, tried, 700, compiled=True)) == pure
    assert exact(counted(store, tried, 3000, compiled=True)) == pure


def test_a_form_is_given_up_when_a_tenth_of_the_values_lack_it(store: Store) -> None:
    def forms(found: Sequence[Value]) -> dict[str, int]:
        store.keep(list(found))
        census = counted(store, [], 256, compiled=True)
        assert exact(census) == exact(counted(store, [], 16, compiled=False))
        return {name: failures.count for name, failures in census.forms.items()}

    few = PATIENCE // 10
    assert forms(["2024-01-01"] * (PATIENCE - few) + ["x"] * few) == {"date and time": few}
    assert forms(["2024-01-01"] * (PATIENCE - few - 1) + ["x"] * (few + 1)) == {}
    assert forms(["x"] * few + ["2024-01-01"] * PATIENCE) == {"date and time": few}
    assert forms(["x"] * (few + 1) + ["2024-01-01"] * PATIENCE * 10) == {}
    assert forms(["2024-01-01"] * PATIENCE * 10 + ["x"] * PATIENCE) == {"date and time": PATIENCE}
    assert forms(["2024-01-01"] * PATIENCE * 10 + ["x"] * PATIENCE * 2) == {}
    assert forms([None] * PATIENCE + ["2024-01-01"] * 8 + ["x"] * 3) == {}
    assert forms([1, 2]) == dict.fromkeys(FORMS, 0)


def test_only_the_first_unreadable_blobs_are_named(store: Store) -> None:
    store.keep([b"\xff"] * (SAMPLES * 2))
    for rows in (30, 150, 1000):
        unreadable = counted(store, [], rows, compiled=True).unreadable
        assert unreadable.count == SAMPLES * 2
        assert [offender.key["id"] for offender in unreadable.samples] == list(range(1, SAMPLES + 1))


TABLE = """
create table t(id integer primary key, n int, price decimal(10, 2), note text, "day" date, body);
create table keyed(a text, b int, v real, primary key(a, b)) without rowid;
"""


def write_tables(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    connection = sqlite3.connect(path)
    connection.executescript(TABLE)
    words: list[Value] = [None, "a", "2024-02-29", "2024-02-29 10:00:00", 7, 1.5, b"\xff", b"abc", "x" * 90, "7.25"]
    for at in range(2500):
        odd = chance.random() < 0.004
        row = (
            chance.choice([at, -at]),
            chance.choice(words) if odd else chance.randrange(10**6) / 100,
            chance.choice(words) if odd else f"note {chance.randrange(50)}",
            chance.choice(words) if odd else f"2024-{chance.randrange(1, 13):02}-11",
            chance.choice(words),
        )
        connection.execute('insert into t(id, n, price, note, "day", body) values (?, ?, ?, ?, ?, ?)', (at * 2, *row))
        if odd:
            connection.execute("update t set note = cast(x'61ff' as text) where id = ?", (at * 2,))
        connection.execute(
            "insert into keyed values (?, ?, ?)", (f"k{at % 7}", at, chance.choice([0.25, at, None, "?"]))
        )
    connection.commit()
    connection.close()


@pytest.mark.parametrize("seed", range(2))
def test_a_tables_census_is_the_same_by_both_paths(tmp_path: Path, seed: int) -> None:
    write_tables(tmp_path / "t.sqlite", seed)
    source = open_source(tmp_path / "t.sqlite")
    connection = source.connection
    assert connection.twin is not None
    tried = {name: probes(bool(seed % 2), FEW) for name in ("n", "price", "note", "day", "body", "v", "a")}
    scans = [
        (Scan("t", ("n", "price", "note", "day", "body"), "_rowid_", with_rowid=True), ()),
        (Scan("t", ("id", "n", "price", "note", "day", "body"), "_rowid_"), ("id",)),
        (Scan("keyed", ("a", "b", "v")), ("a", "b")),
        (Scan("keyed", ("b", "v"), where="b % 3 = 0"), ()),
    ]
    ranges: list[list[tuple[int, int] | None]] = [[None], [(0, 1300), (1301, 1301), (1302, 5000)]]

    def taken() -> list[Any]:
        found = []
        for scan, key in scans:
            for parts in ranges if scan.rowid else ranges[:1]:
                whole = TableCensus(scan.table)
                rows: list[int] = []
                for between in parts:
                    made = {name: [one.probe() for one in tried[name]] for name in scan.columns if name in tried}
                    whole.merge(take_census(connection, scan, key, made, between=between, on_rows=rows.append))
                assert sum(rows) == whole.rows > 0
                found.append(exact(whole))
        return found

    compiled = taken()
    connection.forget_twin()
    assert taken() == compiled
    source.close()


def test_a_tally_refuses_what_is_none(store: Store) -> None:
    store.keep([1])
    (batch,) = store.batches()
    tally = store.module.Tally((), DISTINCT, DISTINCT_CHARS, SAMPLES)
    for column in (-1, 2):
        with pytest.raises(IndexError):
            tally.add(batch, column, 0, True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit"):
        store.module.Tally((), 1000, 1, 1)
    with pytest.raises(TypeError, match="Codec"):
        store.module.Tally(("text",), 1, 1, 1)  # type: ignore[arg-type]
