"""The compiled reader: at the same snapshot, with the same errors, and nothing that a broken file can bring down."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from broken import wait_for
from command import litelift
from litelift.compiled import native
from litelift.sqlite.open import open_source
from litelift.sqlite.scan import Row, Scan
from litelift.sqlite.twin import SourceConnection

pytestmark = pytest.mark.skipif(native() is None, reason="the compiled path is not built")

MakeSqlite = Callable[..., Path]
SCAN = Scan("t", ("a", "b"), "rowid", True)


def rows_of(connection: SourceConnection, scan: Scan = SCAN, between: tuple[int, int] | None = None) -> list[Row]:
    batches = connection.batches(scan, between)
    assert batches is not None
    return [batch.row(index) for batch in batches for index in range(len(batch))]


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_both_connections_stay_at_one_snapshot(make_sqlite: MakeSqlite, mode: str) -> None:
    path = make_sqlite(f"pragma journal_mode={mode}; create table t(a, b); insert into t values (1, 'x')")
    source = open_source(path)
    writer = sqlite3.connect(path, timeout=0)
    if mode == "wal":
        writer.execute("insert into t values (2, 'y')")
        writer.commit()
    else:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            writer.executescript("insert into t values (2, 'y')")
        writer.rollback()
    python = source.connection.execute("select rowid, a, b from t").fetchall()
    assert rows_of(source.connection) == python == [(1, 1, "x")]
    if mode == "wal":
        source.renew()
        assert rows_of(source.connection) == [(1, 1, "x"), (2, 2, "y")]
    writer.close()
    source.close()


def test_a_commit_between_the_two_is_noticed(make_sqlite: MakeSqlite, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_sqlite("pragma journal_mode=wal; create table t(a, b); insert into t values (1, 1)")
    source = open_source(path)
    writer = sqlite3.connect(path)
    begin = SourceConnection._begin
    times = 0

    def interrupted(connection: SourceConnection) -> None:
        nonlocal times
        begin(connection)
        if times < 2:
            times += 1
            writer.execute("insert into t values (?, ?)", (times, times))
            writer.commit()

    monkeypatch.setattr(SourceConnection, "_begin", interrupted)
    source.renew()
    assert times == 2
    assert len(rows_of(source.connection)) == 3
    assert source.connection.execute("select count(*) from t").fetchone() == (3,)
    times = -1000
    source.renew()
    # A writer that never rests: one connection must do, and nobody is told two moments for one.
    assert source.connection.twin is None
    assert source.connection.batches(SCAN, None) is None
    assert source.connection.in_transaction
    writer.close()
    source.close()


def test_a_range_of_rowids_is_read(make_sqlite: MakeSqlite) -> None:
    path = make_sqlite("create table t(a, b); insert into t values (1, 1), (2, 2), (3, 3)")
    source = open_source(path)
    assert rows_of(source.connection, between=(2, 3)) == [(2, 2, 2), (3, 3, 3)]
    source.close()


VALUES = "(null, -9223372036854775808), (1.5, 'a'), ('', x''), (x'00ff', 'ə😀'), (9e999, cast(x'41ff' as text))"


def test_rows_that_are_handed_over_are_those_that_are_selected(make_sqlite: MakeSqlite) -> None:
    module = native()
    assert module is not None
    path = make_sqlite(f"create table t(a, b, c text as (a || b)); insert into t(a, b) values {VALUES}")
    connection = module.Connection(f"file:{path}?mode=ro".encode(), 0)
    for size in (1, 2, 5, 6):
        selected = module.Reader(connection, "select rowid, a, b, c from t where rowid between ? and ?", (1, 5))
        scan = Scan("t", ("a", "b", "c"), "rowid", True)
        handed = module.Reader(connection, scan.handing_over(True), (1, 5), scan.width)
        while (batch := selected.fetch(size, 1 << 20)) is not None:
            other = handed.fetch(size, 1 << 20)
            assert other is not None
            assert [other.row(at) for at in range(len(other))] == [batch.row(at) for at in range(len(batch))]
        assert handed.fetch(size, 1 << 20) is None
    connection.close()


def test_only_a_reader_takes_rows_that_are_handed_over(make_sqlite: MakeSqlite) -> None:
    module = native()
    assert module is not None
    path = make_sqlite(
        "create table t(a); create view v as select litelift_row(a) as b from t; insert into t values (1)"
    )
    connection = module.Connection(f"file:{path}?mode=ro".encode(), 0)
    with pytest.raises(sqlite3.OperationalError, match="nobody takes the row"):
        connection.execute("select litelift_row(a) from t")
    with pytest.raises(sqlite3.OperationalError, match="nobody takes the row"):
        module.Reader(connection, "select 1 from t where litelift_row(a, a)", (), 1).fetch(1, 1)
    with pytest.raises(sqlite3.OperationalError, match="unsafe use of litelift_row"):
        module.Reader(connection, "select b from v", ()).fetch(1, 1)
    connection.close()


def test_rows_of_tables_views_and_very_wide_tables_are_read(make_sqlite: MakeSqlite) -> None:
    wide = ", ".join(f"c{number}" for number in range(200))
    path = make_sqlite(
        "create table t(a, b); create view v as select a, b from t; insert into t values (1, 'x'), (2, 'y');"
        f"create table wide({wide}); insert into wide(c199) values (7)"
    )
    source = open_source(path)
    assert rows_of(source.connection) == [(1, 1, "x"), (2, 2, "y")]
    assert rows_of(source.connection, Scan("t", ("b",), "rowid", where="a = 2")) == [("y",)]
    assert rows_of(source.connection, Scan("v", ("a", "b"))) == [(1, "x"), (2, "y")]
    assert rows_of(source.connection, Scan("wide", tuple(wide.split(", ")), "rowid"))[0][-1] == 7
    source.close()


def test_which_tables_a_file_holds_is_asked_for_once_a_snapshot(make_sqlite: MakeSqlite) -> None:
    path = make_sqlite("pragma journal_mode=wal; create table t(a, b); create table u(a, b)")
    source = open_source(path)
    asked: list[str] = []
    source.connection.set_trace_callback(asked.append)
    for _ in range(3):
        assert rows_of(source.connection) == rows_of(source.connection, Scan("u", ("a",))) == []
    assert sum("rootpage" in statement for statement in asked) == 1
    writer = sqlite3.connect(path)
    writer.executescript("drop table u; create view u as select 7 as a")
    writer.close()
    source.renew()
    assert rows_of(source.connection, Scan("u", ("a",))) == [(7,)]
    assert sum("rootpage" in statement for statement in asked) == 2
    source.close()


def test_a_table_that_only_the_other_connection_can_read_is_left_to_it(make_sqlite: MakeSqlite) -> None:
    path = make_sqlite("create table t(a, b)")
    source = open_source(path)
    source.connection.create_function("own", 1, lambda value: value)
    assert source.connection.batches(Scan("t", ("a",), where="own(a)"), None) is None
    source.close()


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_utf16_reads_as_sqlite3_reads_it(make_sqlite: MakeSqlite, encoding: str) -> None:
    path = make_sqlite(
        f"pragma encoding='{encoding}'; create table t(a, b);"
        "insert into t values ('ə😀', cast(x'00d80041' as text)), ('a', cast(x'3dd8' as text)),"
        " ('', cast(x'00' as text))"
    )
    source = open_source(path)
    assert rows_of(source.connection) == source.connection.execute("select rowid, a, b from t").fetchall()
    source.close()


def test_a_closed_connection_says_so(make_sqlite: MakeSqlite) -> None:
    module = native()
    assert module is not None
    connection = module.Connection(f"file:{make_sqlite('create table t(a)')}".encode(), 0)
    reader = module.Reader(connection, "select 1", ())
    connection.close()
    connection.close()
    with pytest.raises(ValueError, match="closed"):
        reader.fetch(1, 1)
    with pytest.raises(ValueError, match="closed"):
        module.Reader(connection, "select 1", ())


def test_errors_are_those_of_sqlite3(make_sqlite: MakeSqlite) -> None:
    module = native()
    assert module is not None
    connection = module.Connection(f"file:{make_sqlite('create table t(a)')}?mode=ro".encode(), 0)
    for statement in ("select", "select * from missing", "delete from t", "select abs(-9223372036854775808)"):
        python = sqlite3.connect(f"file:{make_sqlite('create table t(a)', name='other.sqlite')}?mode=ro", uri=True)
        with pytest.raises(sqlite3.Error) as theirs:
            python.execute(statement).fetchall()
        with pytest.raises(sqlite3.Error) as ours:
            module.Reader(connection, statement, ()).fetch(1, 1)
        assert (type(ours.value), str(ours.value)) == (type(theirs.value), str(theirs.value))
        assert ours.value.sqlite_errorcode == theirs.value.sqlite_errorcode
        python.close()
        Path(make_sqlite("", name="other.sqlite")).unlink()
    connection.close()
    with pytest.raises(sqlite3.OperationalError) as refused:
        module.Connection(b"file:/nowhere/at/all?mode=ro", 0)
    assert refused.value.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN


ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n where i < 0"


def test_ctrl_c_is_heard_inside_a_long_step(make_sqlite: MakeSqlite) -> None:
    module = native()
    assert module is not None
    connection = module.Connection(f"file:{make_sqlite('create table t(a)')}".encode(), 0)
    reader = module.Reader(connection, ENDLESS, ())
    main = threading.main_thread().ident or 0

    def interrupt() -> None:
        # Once it is where it stays.
        wait_for(lambda: "reader.fetch" in (traceback.extract_stack(sys._current_frames()[main])[-1].line or ""))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        reader.fetch(1, 1)


def test_a_second_thread_is_kept_out(make_sqlite: MakeSqlite) -> None:
    module = native()
    assert module is not None
    path = make_sqlite("create table t(a)")

    def refused() -> set[str]:
        """What is refused while another thread reads; not all of it, where that is done too soon."""
        connection = module.Connection(f"file:{path}".encode(), 0)
        reader = module.Reader(connection, ENDLESS.replace("i < 0", "i = 2000000") + " limit 1", ())

        def fetch() -> None:
            while kept_out(lambda: reader.fetch(1, 1)):
                pass

        def kept_out(work: Callable[[], object]) -> bool:
            try:
                work()
            except RuntimeError:
                return True
            return False

        works: dict[str, Callable[[], object]] = {
            "execute": lambda: connection.execute("select 1"),
            "fetch": lambda: reader.fetch(1, 1),
            "close a reader": reader.close,
            "close": connection.close,
        }
        thread = threading.Thread(target=fetch)
        thread.start()
        while thread.is_alive() and not kept_out(works["execute"]):
            pass
        found = {name for name, work in works.items() if kept_out(work)}
        thread.join()
        return found

    found: set[str] = set()
    while len(found) < 4:
        found |= refused()


def broken(path: Path, seed: int) -> bytes:
    """The file with some of its bytes changed, its header's first 100 seldom."""
    chance = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 2, 5, 20])):
        start = chance.choice([0, 100, 100, 4096])
        at = chance.randrange(start, len(data))
        data[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    return bytes(data)


def outcome(work: Callable[[], list[Row]]) -> tuple[list[Row] | None, type[BaseException] | None, int]:
    try:
        return work(), None, 0
    except (sqlite3.Error, MemoryError, UnicodeDecodeError) as error:
        return None, type(error), getattr(error, "sqlite_errorcode", 0)


def read_by_python(path: Path) -> list[Row]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        return [row for statement in STATEMENTS for row in connection.execute(statement).fetchmany(5000)]
    finally:
        connection.close()


def read_by_c(path: Path, statements: Sequence[tuple[str, int]]) -> list[Row]:
    module = native()
    assert module is not None
    connection = module.Connection(f"file:{path}?mode=ro".encode(), 0)
    try:
        rows: list[Row] = []
        for statement, handed in statements:
            reader = module.Reader(connection, statement, (), handed)
            left = 5000
            while left and (batch := reader.fetch(min(left, 70), 3000)) is not None:
                left -= len(batch)
                rows += [batch.row(index) for index in range(len(batch))]
            reader.close()
        return rows
    finally:
        connection.close()


STATEMENTS = ("select rowid, * from t not indexed", "select * from w not indexed")
HANDED = (
    ("select 1 from t not indexed where litelift_row(rowid, a, b, c, d, e)", 6),
    ("select 1 from w not indexed where litelift_row(k, v)", 2),
)
BROKEN = """
    pragma page_size=512;
    create table t(a integer primary key, b, c text, d real, e blob);
    create table w(k text primary key, v) without rowid;
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)
    insert into t select i, i * i, 'text ə ' || i, i / 7.0, randomblob(i) from n;
    insert into w select c, b from t;
"""


@pytest.mark.parametrize("part", range(8))
def test_a_broken_file_brings_the_same_rows_or_the_same_error(
    make_sqlite: MakeSqlite, tmp_path: Path, part: int
) -> None:
    whole = make_sqlite(BROKEN)
    path = tmp_path / "broken.sqlite"
    errors = 0
    for seed in range(part * 60, part * 60 + 60):
        path.write_bytes(broken(whole, seed))
        theirs = outcome(lambda: read_by_python(path))
        for statements in ([(statement, 0) for statement in STATEMENTS], HANDED):
            ours = outcome(lambda found=statements: read_by_c(path, found))  # type: ignore[misc]
            # A column's name that is not UTF-8 only Python looks at.
            assert repr(ours) == repr(theirs) or theirs[1] is UnicodeDecodeError, seed
        errors += theirs[1] is not None
    assert errors


def test_the_version_says_which_path_is_in_use() -> None:
    assert f"(compiled, SQLite {sqlite3.sqlite_version})" in litelift("--version").out
    assert f"(pure Python, SQLite {sqlite3.sqlite_version})" in litelift("--version", LITELIFT_PURE="1").out
    assert "(compiled, " in litelift("--version", LITELIFT_PURE="0").out


def batches_of(connection: SourceConnection) -> Iterator[int]:
    batches = connection.batches(SCAN, None)
    assert batches is not None
    return map(len, batches)


def test_a_reader_that_is_given_up_ends_its_statement(make_sqlite: MakeSqlite) -> None:
    path = make_sqlite("create table t(a, b); insert into t values (1, 1), (2, 2)")
    source = open_source(path)
    sizes = batches_of(source.connection)
    next(sizes)
    del sizes
    source.renew()
    writer = sqlite3.connect(path, timeout=0)
    source.connection.end()
    writer.executescript("insert into t values (3, 3)")
    writer.close()
    source.close()
