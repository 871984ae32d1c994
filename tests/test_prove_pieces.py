"""A proof in pieces: their sums add up to the table's, on either path, and whatever differs is found."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from psycopg import sql

from command import litelift
from generated_databases import Generated, databases
from litelift import PlanFile, migrate
from litelift.compiled import native
from litelift.move import journal
from litelift.plan.file import Defaults
from litelift.plan.match import ColumnMatch, TableMatch
from litelift.postgres.connect import connect
from litelift.postgres.types import PgType
from litelift.prove.existing import matches_from_target
from litelift.prove.pieces import Piece, TableSums, Terms, combine, divide, prove_piece, terms_for
from litelift.prove.tables import look_into
from litelift.prove.target import exported, relations
from litelift.result import TableProof
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.open import Source, open_source

MakeSqlite = Callable[..., Path]
Target = psycopg.Connection[Any]

PATHS = [
    "pure",
    pytest.param("compiled", marks=pytest.mark.skipif(native() is None, reason="the compiled path is not built")),
]


@pytest.fixture(params=PATHS)
def terms(request: pytest.FixtureRequest) -> Terms:
    return terms_for(None) if request.param == "compiled" else Terms()


@pytest.fixture
def target(database: str) -> Iterator[Target]:
    with connect(database) as connection:
        yield connection


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Source]]:
    sources: list[Source] = []

    def open_one(path: Path) -> Source:
        sources.append(open_source(path))
        return sources[-1]

    yield open_one
    for source in sources:
        source.close()


def matched(source: Source, target: Target) -> list[TableMatch]:
    """Names and types as the target has them."""
    return matches_from_target(read_catalogue(source.connection), target, "public")[0]


def summed(source: Source, target: Target, terms: Terms, pieces: list[Piece]) -> dict[str, TableSums]:
    """The sums of all pieces by table."""
    found: dict[str, TableSums] = {}
    for piece in pieces:
        for match, part in zip(piece.matches, prove_piece(source.connection, target, terms, piece), strict=True):
            found.setdefault(match.source, TableSums())
            found[match.source] += part
    return found


def proved(source: Source, target: Target, terms: Terms, match: TableMatch) -> TableProof:
    """One table's proof, and whether the sums alone told the truth of it."""
    (sums,) = prove_piece(source.connection, target, terms, Piece((match,)))
    proof = combine(match, sums)
    looked = look_into(source.connection, target, terms, match, None)
    assert looked.equal == (proof is not None)
    return looked


# ----------------------------------------------------------------------------------------- every value tells

EVERY = """
create table every(id integer primary key, i2 smallint, i8 integer, f real, f4 real, n numeric, d decimal(10,2), t text,
  v varchar(9), c char(5), b blob, y boolean, day date, at datetime, atz datetime, clock time, u uuid, j json, k jsonb,
  span interval, mood text, many text);
"""
TYPES = (
    "id bigint, i2 smallint, i8 bigint, f float8, f4 real, n numeric, d numeric(10,2), t text, v varchar(9), c char(5),"
    " b bytea, y boolean, day date, at timestamp, atz timestamptz, clock time, u uuid, j json, k jsonb, span interval,"
    " mood mood, many int[]"
)
ROW: tuple[object, ...] = (
    -5,
    2**40 + 1,
    0.1,
    0.5,
    "12.50",
    0.1 + 0.2,
    "ə\t\\",
    "abc",
    "ab",
    b"\x00\xff",
    1,
    "2024-02-29",
    "2024-02-29T13:14:15.125",
    "2024-02-29 13:14:15+04:00",
    "08:30",
    "00010203-0405-0607-0809-0a0b0c0d0e0f",
    '{"a": 1}',
    '{"b": [1.50, null]}',
    90_000_000,
    "sad",
    "[1,2]",
)
HELD = [value if isinstance(value, bytes) or value is None else str(value) for value in ROW]
for place, held in {4: "12.5", 5: "0.3", 10: "true", 18: "90 seconds", 20: "{1,2}"}.items():
    HELD[place] = held
CHANGES = [
    ("i2", "i2 + 1"),
    ("i8", "i8 # 1"),
    ("i8", "null"),
    ("f", str(math.nextafter(0.1, 1))),
    ("f", "-f"),
    ("f4", "0.50000006"),
    ("n", "12.500000001"),
    ("n", "-n"),
    ("d", "d + 0.01"),
    ("t", "t || ' '"),
    ("t", "upper(t)"),
    ("t", "''"),
    ("v", "'abd'"),
    ("c", "'aB'"),
    *(("b", f"set_bit(b, {bit}, 1 - get_bit(b, {bit}))") for bit in range(16)),
    ("b", "''"),
    ("y", "not y"),
    ("day", "day + 1"),
    ("at", "at + interval '1 microsecond'"),
    ("atz", "atz - interval '1 microsecond'"),
    ("clock", "clock + interval '1 microsecond'"),
    ("u", "'00010203-0405-0607-0809-0a0b0c0d0e0e'"),
    ("j", """'{"a": 2}'"""),
    ("k", """'{"b": [1.50, 0]}'"""),
    ("span", "span + interval '1 microsecond'"),
    ("mood", "'ok'"),
    ("many", "'{2,1}'"),
]


@pytest.fixture
def every(make_sqlite: MakeSqlite, target: Target, opened: Callable[[Path], Source]) -> Source:
    marks = ", ".join("?" * len(ROW))
    rows = [(number, *ROW) for number in (1, 2)] + [(3, *(None,) * len(ROW))]
    path = make_sqlite(EVERY, [(f"insert into every values (?, {marks})", rows)])
    target.execute("set search_path = public; create type mood as enum ('sad', 'ok')")
    target.execute(sql.SQL("create table every ({})").format(sql.SQL(TYPES)))
    insert = f"insert into every values (%s, {', '.join(['%s'] * len(HELD))})"
    target.cursor().executemany(insert, [(number, *HELD) for number in (1, 2)])
    target.execute("insert into every (id) values (3)")
    return opened(path)


@pytest.mark.parametrize("version", [pytest.param(v, marks=pytest.mark.postgres(v)) for v in (16, 18)])
def test_every_change_of_any_type_is_found(every: Source, target: Target, terms: Terms, version: int) -> None:
    assert target.info.server_version // 10000 == version
    (match,) = matched(every, target)
    for one in (match, replace(match, key=())):
        proof = proved(every, target, terms, one)
        assert proof.equal, proof.differences
    for name, change in CHANGES:
        with target.transaction(force_rollback=True):
            target.execute(f"update every set {name} = {change} where id = 2".encode())
            proof = proved(every, target, terms, match)
            assert [(d.kind, d.column, d.key) for d in proof.differences] == [("changed", name, {"id": 2})], change
            assert not proved(every, target, terms, replace(match, key=())).equal
    for change in ("delete from every where id = 3", "insert into every (id) values (3)", "update every set id = 4"):
        with target.transaction(force_rollback=True):
            target.execute(change.encode())
            assert not proved(every, target, terms, match).equal


# --------------------------------------------------------------------------------------------- many blocks


@pytest.fixture
def large(make_sqlite: MakeSqlite, target: Target, opened: Callable[[Path], Source]) -> Source:
    """A table of many blocks without a key, with duplicates, gaps in its rowids, and negative ones; and small ones."""
    path = make_sqlite(
        "create table large(n int, t text, m numeric);"
        "with recursive c(i) as (select 0 union all select i + 1 from c where i < 59999)"
        " insert into large(rowid, n, t, m) select iif(i < 1000, -i - 1, i * 7), i / 2,"
        " 'the text of number ' || (i / 2) || substr(hex(zeroblob(50)), 1, 60), i / 8.0 from c;"
        "create table kept(k text primary key, v int) without rowid;"
        "insert into kept values ('a', 1), ('b', 2);"
        "create table none(x int);"
    )
    target.execute("set search_path = public; create table large(n bigint, t text, m numeric)")
    target.execute(
        "insert into large select i / 2, 'the text of number ' || (i / 2) || repeat('0', 60), i / 8.0"
        " from generate_series(0, 59999) i"
    )
    target.execute("create table kept(k text, v bigint); insert into kept values ('b', 2), ('a', 1)")
    target.execute("create table none(x bigint)")
    return opened(path)


def test_pieces_add_up_to_the_whole(large: Source, target: Target, terms: Terms) -> None:
    matches = matched(large, target)
    whole = summed(large, target, terms, divide(large.connection, target, matches, 1))
    pieces = divide(large.connection, target, matches, 4)
    parts = summed(large, target, terms, pieces)
    sides = [piece.side for piece in pieces if piece.matches[0].source == "large"]
    assert min(sides.count("source"), sides.count("target")) > 2
    for match in matches:
        assert combine(match, parts[match.source])
        assert (parts[match.source].source, parts[match.source].read) == (
            whole[match.source].source,
            whole[match.source].read,
        )
    assert parts["large"].read == parts["large"].target.count == 60000


@pytest.mark.parametrize(
    "change",
    [
        "update large set t = t || ' ' where ctid = '(500,1)'",
        "delete from large where ctid = '(0,1)'",
        "insert into large select * from large where ctid = (select max(ctid) from large)",
        "update large set n = n + 1 where ctid = '(300,2)' or ctid = '(300,3)'",
    ],
)
def test_a_change_in_any_block_is_found_by_the_pieces(large: Source, target: Target, terms: Terms, change: str) -> None:
    matches = matched(large, target)
    pieces = divide(large.connection, target, matches, 4)
    assert target.execute(change.encode()).rowcount > 0
    parts = summed(large, target, terms, pieces)
    assert [match.source for match in matches if combine(match, parts[match.source]) is None] == ["large"]


def test_what_is_added_after_the_division_is_read(large: Source, target: Target, terms: Terms) -> None:
    pieces = divide(large.connection, target, matched(large, target), 4)
    target.execute("insert into large select n, t, m from large")
    assert summed(large, target, terms, pieces)["large"].target.count == 120_000


def test_all_pieces_see_one_snapshot_of_a_target_that_others_write_to(
    large: Source, target: Target, database: str, terms: Terms
) -> None:
    matches = matched(large, target)
    pieces = divide(large.connection, target, matches, 4)
    with connect(database) as worker, connect(database) as writer, exported(target) as snapshot:
        terms = replace(terms, snapshot=snapshot)
        found: dict[str, TableSums] = {match.source: TableSums() for match in matches}
        for piece in pieces:
            for match, part in zip(piece.matches, prove_piece(large.connection, worker, terms, piece), strict=True):
                found[match.source] += part
            # Moves rows from block to block.
            if piece.side == "target":
                writer.execute("update public.large set m = m + 1 where n % 100 = 0")
        assert all(combine(match, found[match.source]) for match in matches)
        assert look_into(large.connection, worker, terms, matches[0], 1).equal
    assert not proved(large, target, replace(terms, snapshot=None), matches[0]).equal


def test_no_piece_is_more_than_a_share_of_the_whole(large: Source, target: Target) -> None:
    target.execute("insert into large select n, t, m from large, generate_series(1, 9)")
    (relation,) = relations(target, [match for match in matched(large, target) if match.source == "large"])
    assert relation.divisible and relation.bytes > 64 << 20
    pieces = [piece for piece in divide(large.connection, target, matched(large, target), 4) if piece.side == "target"]
    widths = [piece.blocks[1] - piece.blocks[0] for piece in pieces if piece.blocks and piece.blocks[1] is not None]
    assert widths and max(widths) <= relation.blocks / 8


def test_what_cannot_be_divided_by_blocks_is_one_piece(large: Source, target: Target, terms: Terms) -> None:
    target.execute("alter table large rename to rows; create view large as select * from rows")
    target.execute("alter table kept rename to parts; create table kept (k text, v bigint) partition by list (k)")
    target.execute("create table kept_a partition of kept for values in ('a')")
    target.execute("create table kept_b partition of kept for values in ('b')")
    target.execute("insert into kept select * from parts")
    matches = [
        TableMatch(name, "public", name, tuple(ColumnMatch(c, c, PgType(t)) for c, t in columns.items()))
        for name, columns in {
            "large": {"n": "int8", "t": "text", "m": "numeric"},
            "kept": {"k": "text", "v": "int8"},
        }.items()
    ]
    assert [relation.divisible for relation in relations(target, matches)] == [False, False]
    parts = summed(large, target, terms, divide(large.connection, target, matches, 4))
    assert all(combine(match, parts[match.source]) for match in matches)


def test_a_child_that_inherits_is_not_the_table_s_own(
    make_sqlite: MakeSqlite, target: Target, opened: Callable[[Path], Source], terms: Terms
) -> None:
    source = opened(make_sqlite("create table t(a int); insert into t values (1)"))
    target.execute("set search_path = public; create table t(a bigint); create table u() inherits (t)")
    target.execute("insert into t values (1); insert into u values (2)")
    (match,) = matched(source, target)
    assert proved(source, target, terms, match).equal


# -------------------------------------------------------------------------------------- a move, and after it


def test_any_connection_to_the_source_does(
    large: Source, target: Target, terms: Terms, make_sqlite: MakeSqlite
) -> None:
    path = make_sqlite(
        "create table more(id integer primary key, j json, f real, empty text);"
        "insert into more values (1, '{\"b\": [1.50], \"a\": 2}', 0.1, ''), (2, '[]', -0.5, null)",
        name="more.sqlite",
    )
    target.execute("set search_path = public; create table more(id bigint, j jsonb, f float8, empty text)")
    target.execute("""insert into more values (1, '{"a": 2, "b": [1.50]}', 0.1, ''), (2, '[]', -0.5, null)""")
    columns = {"id": "int8", "j": "jsonb", "f": "float8", "empty": "text"}
    pairs = tuple(ColumnMatch(name, name, PgType(base)) for name, base in columns.items())
    for chosen in (pairs, pairs[:2], pairs[3:], ()):
        match = TableMatch("more", "public", "more", chosen)
        with closing(sqlite3.connect(path)) as plain:
            (sums,) = prove_piece(plain, target, terms, Piece((match,)))
        assert combine(match, sums) is not None
        with closing(open_source(path)) as source:
            assert prove_piece(source.connection, target, terms, Piece((match,)))[0].source == sums.source


def test_sums_tell_the_truth_of_what_a_move_left_with_its_quarantine(
    make_sqlite: MakeSqlite, database: str, opened: Callable[[Path], Source], terms: Terms
) -> None:
    rows = [(i, i * 3, f"2024-01-{i % 28 + 1:02} 00:00:00", b"\xff" if i == 7 else f"text {i}") for i in range(6000)]
    keyless = [(i, b"a\0b" if i % 1000 == 5 else "x") for i in range(3000)]
    path = make_sqlite(
        "create table t(id integer primary key, n integer, at datetime, s text, j json);"
        "create table keyless(n integer not null, s text);"
        "create table texts(k text primary key, n integer) without rowid;",
        [
            ('insert into t values (?, ?, ?, cast(? as text), \'{"b": 1, "a": 2}\')', rows),
            ("update t set n = 'word' where id = ?", [(3001,), (5999,)]),
            ("update t set at = 'never' where id = ?", [(12,)]),
            ("insert into keyless values (?, cast(? as text))", keyless),
            ("insert into texts values (?, ?)", [(f"k{i}", i if i else "misfit") for i in range(500)]),
        ],
    )
    moved = litelift("migrate", path, database, "--json", "--jobs", "2")
    assert moved.status == 3, moved.err
    source = opened(path)
    with connect(database) as target:
        schema = {table["source"]: table for table in moved.json["proof"]["tables"]}
        assert all(table["equal"] for table in schema.values())
        last = journal.last_matches(target)
        assert last is not None
        found = summed(source, target, replace(terms, run=last[0]), [Piece(tuple(last[1]))])
        for match in last[1]:
            proof = combine(match, found[match.source])
            assert proof is not None
            known = schema[match.source]
            assert proof.quarantined_values == known["quarantined_values"]
            assert proof.quarantined_rows == known["quarantined_rows"]
        assert sum(part.quarantined_values for part in found.values()) == 3 + 1 + 3 + 1
        target.execute("update public.t set n = 5 where id = 3001")
        found = summed(source, target, replace(terms, run=last[0]), [Piece(tuple(last[1]))])
        assert [match.source for match in last[1] if combine(match, found[match.source]) is None] == ["t"]


def test_a_lost_connection_in_the_middle_is_an_error(large: Source, database: str, terms: Terms) -> None:
    with closing(connect(database)) as target, connect(database) as admin:
        matches = [match for match in matched(large, target) if match.source == "large"]
        admin.execute("insert into public.large select n, t, m from public.large, generate_series(1, 4)")

        def on_rows(_: int) -> None:
            admin.execute("select pg_terminate_backend(%s)", (target.info.backend_pid,))

        with pytest.raises(psycopg.OperationalError):
            prove_piece(large.connection, target, terms, Piece(tuple(matches)), on_rows)


def test_an_error_of_the_server_in_the_middle_is_raised_and_leaves_the_connection_usable(
    large: Source, target: Target, terms: Terms
) -> None:
    target.execute("alter table large rename to rows")
    target.execute("create view large as select n, t, 1 / (n - 25000) * m as m from rows")
    columns = tuple(ColumnMatch(c, c, PgType(t)) for c, t in {"n": "int8", "t": "text", "m": "numeric"}.items())
    with pytest.raises(psycopg.errors.DivisionByZero):
        prove_piece(large.connection, target, terms, Piece((TableMatch("large", "public", "large", columns),)))
    assert target.execute("select 1").fetchone() == (1,)


def test_an_unreadable_source_stops_the_server_and_leaves_the_connection_usable(
    large: Source, target: Target, terms: Terms
) -> None:
    (match,) = (match for match in matched(large, target) if match.source == "large")
    broken = replace(match, where="n < 100 or abs(-9223372036854775808) > 0")
    with pytest.raises((sqlite3.OperationalError, sqlite3.DataError), match="overflow"):
        prove_piece(large.connection, target, terms, Piece((broken,)))
    assert target.execute("select 1").fetchone() == (1,)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(generated=databases())
def test_sums_alone_tell_the_truth_of_any_database_that_moved(
    generated: Generated, tmp_path_factory: pytest.TempPathFactory, database: str, terms: Terms
) -> None:
    path = tmp_path_factory.mktemp("generated") / "any.sqlite"
    generated.build(path)
    plan = PlanFile(defaults=Defaults(schema="any database", on_misfit=generated.on_misfit))
    moved = migrate(path, database, plan=plan, jobs=1)
    with closing(open_source(path)) as source, connect(database) as target:
        last = journal.last_matches(target)
        assert last is not None and moved.exit_code in (0, 3)
        found = summed(source, target, replace(terms, run=last[0]), [Piece(tuple(last[1]))])
        assert all(combine(match, found[match.source]) for match in last[1])
        target.execute('drop schema "any database" cascade; drop schema litelift cascade')
