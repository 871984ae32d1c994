"""What was written since the switch: every row of it in one file, and nothing else, on a real PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import stat
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

import litelift
from conftest import Url, fresh_database
from litelift.cutover.mark import Mark, later_than, mark
from litelift.cutover.since import Since, written_since
from litelift.errors import ExportFailed, MarkLost
from litelift.postgres.connect import connect
from small_disk import small_disk
from system_server import SystemServer

MakeSqlite = Callable[..., Path]
SCHEMA = """
    create table users (id integer primary key, name text not null, at datetime, paid decimal(12,2), photo blob);
    create table links (code text primary key, target text);
    create table grades (student integer not null, course text not null, mark integer, primary key (student, course));
    create table tokens (uid uuid primary key, word text) without rowid;
    create table log (said text);
    create table empty (id integer primary key, word text);
"""
ROWS: Any = [
    (
        "insert into users values (?, ?, ?, ?, ?)",
        [(n, f"user {n}", "2025-11-21 18:04:09", n / 4, b"\x00\xff") for n in range(1, 501)],
    ),
    ("insert into links values (?, ?)", [(f"Ş{n}'\t\\", "x") for n in range(30)]),
    ("insert into grades values (?, ?, ?)", [(n, c, n % 5) for n in range(20) for c in ("ana dili", "riyaziyyat")]),
    ("insert into tokens values (?, ?)", [(bytes([n]) * 16, "w") for n in range(20)]),
    ("insert into log values (?)", [("same",)] * 3 + [("other",)]),
]


@pytest.fixture
def source(make_sqlite: MakeSqlite) -> Path:
    return make_sqlite(SCHEMA, ROWS)


@pytest.fixture
def moved(source: Path, database: str) -> str:
    litelift.migrate(source, database)
    return database


def take(url: str) -> Mark:
    with connect(url) as connection:
        # As a journal keeps it.
        return Mark.model_validate_json(mark(connection).model_dump_json())


def write(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def look(url: str, taken: Mark, source: Path | None, folder: Path) -> tuple[Since, list[dict[str, Any]]]:
    with connect(url) as connection:
        since = written_since(connection, taken, source, folder)
    lines = [json.loads(line) for line in (folder / "written-since-cutover.jsonl").read_text("utf-8").splitlines()]
    assert lines[-1]["summary"]["rows"] == len(lines) - 1
    return since, lines[:-1]


def counted(since: Since) -> dict[str, tuple[int, int, int]]:
    return {table.table: (table.inserted, table.updated, table.deleted) for table in since.tables}


def changes(lines: list[dict[str, Any]], change: str, table: str) -> list[Any]:
    return [line["key"] for line in lines if line["change"] == change and line["table"] == table]


def test_nothing_written_is_nothing_everywhere(moved: str, source: Path, tmp_path: Path) -> None:
    since, lines = look(moved, take(moved), source, tmp_path)
    assert (since.tables, since.notes, lines, since.looked_at) == ([], [], [], 6)


def test_each_insert_update_and_delete_is_counted_and_kept_with_its_key(
    moved: str, source: Path, tmp_path: Path
) -> None:
    taken = take(moved)
    write(
        moved,
        "insert into users (name, paid) values ('new', 123456789.12), ('newer', null)",
        "update users set name = 'changed' where id in (3, 500)",
        "delete from users where id in (7, 8, 9)",
        "insert into links values ('fresh', 'y')",
        "update links set target = 'z' where code like 'Ş1''%'",
        "delete from links where code like 'Ş2''%'",
        "update grades set mark = 5 where student = 3 and course = 'riyaziyyat'",
        "delete from grades where student = 4",
        "update tokens set word = 'v' where uid = '01010101-0101-0101-0101-010101010101'",
        "delete from tokens where uid = '02020202-0202-0202-0202-020202020202'",
    )
    since, lines = look(moved, taken, source, tmp_path)
    assert counted(since) == {
        "users": (2, 2, 3),
        "links": (1, 1, 1),
        "grades": (0, 1, 2),
        "tokens": (0, 1, 1),
    }
    assert (since.inserted, since.updated, since.deleted) == (3, 5, 7)
    assert changes(lines, "updated", "users") == [{"id": 3}, {"id": 500}]
    assert changes(lines, "deleted", "users") == [{"id": 7}, {"id": 8}, {"id": 9}]
    assert changes(lines, "updated", "links") == [{"code": "Ş1'\t\\"}]
    assert changes(lines, "deleted", "links") == [{"code": "Ş2'\t\\"}]
    assert changes(lines, "updated", "grades") == [{"student": 3, "course": "riyaziyyat"}]
    assert sorted(key["course"] for key in changes(lines, "deleted", "grades")) == ["ana dili", "riyaziyyat"]
    assert changes(lines, "deleted", "tokens") == [{"uid": "02020202-0202-0202-0202-020202020202"}]
    assert not any(table.notes for table in since.tables)
    new = next(line["row"] for line in lines if line["change"] == "inserted" and line["table"] == "users")
    assert new == {"id": 501, "name": "new", "at": None, "paid": 123456789.12, "photo": None}


def test_the_file_is_its_owners_and_the_counts_beside_it_have_its_sum(moved: str, source: Path, tmp_path: Path) -> None:
    taken = take(moved)
    write(moved, "insert into users (name) values ('new')")
    since, _ = look(moved, taken, source, tmp_path / "made")
    data = Path(since.path).read_bytes()
    about = json.loads((tmp_path / "made" / "written-since-cutover.json").read_text())
    assert about["sha256"] == since.sha256 == hashlib.sha256(data).hexdigest()
    assert (about["bytes"], about["rows"], about["inserted"]) == (len(data), 1, 1)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "made").iterdir()] == [0o600, 0o600]


def test_a_row_under_a_deleted_key_is_an_update_and_a_changed_key_is_both(
    moved: str, source: Path, tmp_path: Path
) -> None:
    taken = take(moved)
    write(
        moved,
        "delete from users where id = 5",
        "insert into users (id, name) values (5, 'again')",
        "update users set id = 9000 where id = 6",
        "insert into users (id, name) values (9001, 'come'), (9002, 'gone')",
        "delete from users where id = 9002",
    )
    since, lines = look(moved, taken, source, tmp_path)
    assert counted(since) == {"users": (2, 1, 1)}
    assert changes(lines, "updated", "users") == [{"id": 5}]
    assert changes(lines, "inserted", "users") == [{"id": 9000}, {"id": 9001}]
    assert changes(lines, "deleted", "users") == [{"id": 6}]


def test_freezing_locking_and_rewriting_by_vacuum_are_no_writes(moved: str, source: Path, tmp_path: Path) -> None:
    taken = take(moved)
    write(moved, "update users set name = 'changed' where id = 1")
    write(moved, "vacuum (freeze) users", "vacuum (freeze) links", "cluster grades using grades_pkey")
    write(moved, "vacuum full tokens", "select * from users where id < 10 for update")
    since, _ = look(moved, taken, source, tmp_path)
    assert counted(since) == {"users": (0, 1, 0)}


def test_rows_that_were_frozen_when_they_were_loaded_are_new_where_they_are(
    moved: str, source: Path, tmp_path: Path
) -> None:
    taken = take(moved)
    with psycopg.connect(moved) as connection:
        connection.execute("truncate empty")
        with connection.cursor().copy("copy empty from stdin with (freeze)") as copy:
            copy.write("1\ta\n2\tb\n")
    since, lines = look(moved, taken, source, tmp_path)
    assert counted(since) == {"empty": (2, 0, 0)}
    assert [line["row"] for line in lines] == [{"id": 1, "word": "a"}, {"id": 2, "word": "b"}]


def test_a_truncated_and_a_dropped_and_a_new_table_are_told(moved: str, source: Path, tmp_path: Path) -> None:
    taken = take(moved)
    write(
        moved,
        "truncate grades",
        "drop table tokens",
        'create table "new ""one" (id int primary key, t json)',
        """insert into "new ""one" values (1, '{"a":
 1, "a": 1.10}')""",
        "alter table links rename to shares",
        "delete from shares where code like 'Ş2''%'",
    )
    since, lines = look(moved, taken, source, tmp_path)
    assert counted(since) == {
        "grades": (0, 0, 40),
        "tokens": (0, 0, 20),
        'new "one': (1, 0, 0),
        "shares": (0, 0, 1),
    }
    notes = {table.table: table.notes for table in since.tables}
    assert notes["tokens"] == ["the table was dropped; its rows are in the SQLite file"]
    assert notes['new "one'] == ["the table is new since the switch"]
    assert len(changes(lines, "deleted", "grades")) == 40
    assert changes(lines, "deleted", "shares") == [{"code": "Ş2'\t\\"}]
    kept = Path(since.path).read_text("utf-8")
    assert '{"a":  1, "a": 1.10}' in kept


def test_a_table_without_a_key_counts_a_change_as_deleted_and_inserted(
    moved: str, source: Path, tmp_path: Path
) -> None:
    taken = take(moved)
    write(moved, "update log set said = 'changed' where said = 'other'", "insert into log values ('same')")
    since, lines = look(moved, taken, source, tmp_path)
    (table,) = since.tables
    assert (table.inserted, table.updated, table.deleted, table.keyed) == (2, 0, 1, False)
    assert "a changed row counts as one deleted and one inserted" in table.notes[0]
    assert sorted(line["row"]["said"] for line in lines) == ["changed", "same"]


def test_without_the_file_nothing_is_lost_but_the_difference(moved: str, tmp_path: Path) -> None:
    taken = take(moved)
    write(moved, "update users set name = 'changed' where id = 3", "insert into users (name) values ('new')")
    since, lines = look(moved, taken, tmp_path / "gone.sqlite", tmp_path)
    assert counted(since) == {"users": (2, 0, 1)}
    assert [line["key"] for line in lines] == [{"id": 3}, {"id": 501}]
    assert "cannot be read" in since.notes[0]


def test_a_transaction_that_began_before_the_mark_and_ended_after_it_is_in(
    moved: str, source: Path, tmp_path: Path
) -> None:
    with psycopg.connect(moved) as early, psycopg.connect(moved) as within, psycopg.connect(moved) as gone:
        early.execute("update users set name = 'early' where id = 1")
        within.execute("select txid_current()")
        within.execute("savepoint a")
        within.execute("update users set name = 'of a subtransaction' where id = 2")
        within.execute("release a")
        gone.execute("update users set name = 'rolled back' where id = 4")
        # Committed before the mark, with a higher number than those: it stood.
        write(moved, "update users set name = 'before' where id = 3")
        taken = take(moved)
        assert taken.known
        early.commit()
        within.commit()
        gone.rollback()
    write(moved, "update users set name = 'after' where id = 5")
    since, lines = look(moved, taken, source, tmp_path)
    assert sorted(line["row"]["name"] for line in lines) == ["after", "early", "of a subtransaction"]
    assert counted(since) == {"users": (0, 3, 0)}


def test_rows_of_a_load_that_an_older_transaction_elsewhere_overlaps_are_not_new(
    make_sqlite: MakeSqlite, database: str, tmp_path: Path
) -> None:
    source = make_sqlite(SCHEMA, ROWS)
    with psycopg.connect(database) as other:
        other.execute("select txid_current()")
        litelift.migrate(source, database)
        taken = take(database)
        assert taken.known
    since, _ = look(database, taken, source, tmp_path)
    assert since.tables == []


def test_a_transaction_that_still_writes_is_told(moved: str, source: Path, tmp_path: Path) -> None:
    taken = take(moved)
    with psycopg.connect(moved) as busy:
        busy.execute("update users set name = 'not yet' where id = 1")
        since, lines = look(moved, taken, source, tmp_path)
    assert lines == []
    assert "still writing: 1" in since.notes[0]


@pytest.fixture(scope="module")
def prepared_server() -> Iterator[Url]:
    with tempfile.TemporaryDirectory(prefix="litelift-prepared-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = SystemServer(Path(folder) / "server")
        server.make()
        server.run("max_prepared_transactions=5", "max_locks_per_transaction=10", "max_connections=10")
        yield server.url
        server.stop()


def test_a_prepared_transaction_is_in_once_it_is_ended_and_told_before(
    prepared_server: Url, source: Path, tmp_path: Path
) -> None:
    with fresh_database(prepared_server) as url:
        litelift.migrate(source, url)
        write(url, "begin", "update users set name = 'prepared' where id = 1", "prepare transaction 'p'")
        taken = take(url)
        since, _ = look(url, taken, source, tmp_path)
        assert (since.tables, "nobody has ended: 1" in since.notes[0]) == ([], True)
        write(url, "commit prepared 'p'")
        since, lines = look(url, taken, source, tmp_path)
        assert (counted(since), since.notes) == ({"users": (0, 1, 0)}, [])
        assert lines[0]["row"]["name"] == "prepared"


def test_more_tables_than_the_server_has_locks_for_are_looked_at(prepared_server: Url, tmp_path: Path) -> None:
    with fresh_database(prepared_server) as url:
        for first in range(0, 1500, 100):
            tables = (f"create table t{number} (id int primary key)" for number in range(first, first + 100))
            write(url, "; ".join(tables))
        taken = take(url)
        write(url, "insert into t7 values (1)")
        since, _ = look(url, taken, None, tmp_path)
        assert (counted(since), since.looked_at) == ({"t7": (1, 0, 0)}, 1500)


def test_partitions_are_one_table_whatever_happens_to_them(
    make_sqlite: MakeSqlite, database: str, tmp_path: Path
) -> None:
    source = make_sqlite(
        "create table events (id integer primary key, what text)",
        [("insert into events values (?, ?)", [(n, "x") for n in range(1, 101)])],
    )
    write(
        database,
        "create table events (id bigint primary key, what text) partition by range (id)",
        "create table events_1 partition of events for values from (0) to (50)",
        "create table events_2 partition of events for values from (50) to (1000)",
        "create table parent (id int primary key)",
        "create table child (primary key (id)) inherits (parent)",
    )
    litelift.migrate(source, database, data_only=True)
    write(database, "insert into parent values (1)", "insert into child values (2)")
    taken = take(database)
    write(
        database,
        "update events set what = 'y' where id = 1",
        "update events set id = 200 where id = 2",
        "insert into events values (300, 'z')",
        "insert into child values (3)",
        "create table events_3 partition of events for values from (1000) to (2000)",
        "insert into events values (1500, 'far')",
    )
    since, lines = look(database, taken, source, tmp_path)
    assert counted(since) == {"child": (1, 0, 0), "events": (3, 1, 1)}
    assert changes(lines, "deleted", "events") == [{"id": 2}]
    write(database, "alter table events detach partition events_1", "drop table events_1")
    since, lines = look(database, taken, source, tmp_path)
    assert counted(since)["events"] == (3, 0, 49)
    assert len(changes(lines, "deleted", "events")) == 49


def test_a_table_that_was_attached_brings_its_rows_as_they_stood(database: str, tmp_path: Path) -> None:
    write(
        database,
        "create table whole (id int primary key) partition by range (id)",
        "create table part (id int primary key)",
        "insert into part select generate_series(1, 10)",
    )
    taken = take(database)
    write(database, "alter table whole attach partition part for values from (0) to (100)")
    assert look(database, taken, None, tmp_path)[0].tables == []


@pytest.mark.postgres(18)
def test_generated_columns_of_both_kinds_are_in_the_rows(
    make_sqlite: MakeSqlite, database: str, tmp_path: Path
) -> None:
    source = make_sqlite("create table g (a integer primary key)", [("insert into g values (?)", [(1,), (2,)])])
    write(
        database,
        "create table g (a bigint primary key, s bigint generated always as (a * 2) stored,"
        " v bigint generated always as (a * 3) virtual)",
    )
    litelift.migrate(source, database, data_only=True)
    taken = take(database)
    write(database, "insert into g values (7)", "delete from g where a = 2")
    since, lines = look(database, taken, source, tmp_path)
    assert counted(since) == {"g": (1, 0, 1)}
    assert lines[-1]["row"] == {"a": 7, "s": 14, "v": 21} or lines[0]["row"] == {"a": 7, "s": 14, "v": 21}


def test_every_value_survives_as_the_server_writes_it(moved: str, source: Path, tmp_path: Path) -> None:
    values = {
        "big": ("bigint", "9223372036854775807"),
        "num": ("numeric", "12345678901234567890.12345678901234567890"),
        "nan": ("numeric", "NaN"),
        "inf": ("double precision", "-Infinity"),
        "dbl": ("double precision", "0.30000000000000004"),
        "raw": ("bytea", "\\x00ff5c"),
        "ever": ("timestamptz", "infinity"),
        "then": ("timestamptz", "0044-03-15 12:00:00+00 BC"),
        "odd": ("text", 'a\\b\t"\n\u2028\x01 Ə'),
        "doc": ("json", '{"z": 1, "z": 2.50, "u": "\\u0000"}'),
        "list": ("numeric[]", "{1.10,NULL,NaN}"),
        "xmin ": ("text", "mine"),
    }
    columns = ", ".join(f'"{name}" {kind}' for name, (kind, _) in values.items())
    taken = take(moved)
    with psycopg.connect(moved, autocommit=True) as connection:
        connection.execute(f'create table "t" (t int primary key, {columns})'.encode())
        holes = ", ".join(f"%s::{kind}" for kind, _ in values.values())
        connection.execute(f"insert into t values (1, {holes})".encode(), [text for _, text in values.values()])
    since, _ = look(moved, taken, source, tmp_path)
    line = Path(since.path).read_text("utf-8").splitlines()[0]
    row = json.loads(line, parse_float=str, parse_int=str)["row"]
    assert row == {
        "t": "1",
        "big": "9223372036854775807",
        "num": "12345678901234567890.12345678901234567890",
        "nan": "NaN",
        "inf": "-Infinity",
        "dbl": "0.30000000000000004",
        "raw": "\\x00ff5c",
        "ever": "infinity",
        "then": "0044-03-15T12:00:00+00:00 BC",
        "odd": 'a\\b\t"\n\u2028\x01 Ə',
        "doc": {"z": "2.50", "u": "\x00"},
        "list": ["1.10", None, "NaN"],
        "xmin ": "mine",
    }
    assert '"z": 1, "z": 2.50' in line


def test_a_row_kept_aside_at_the_move_is_no_deleted_one(make_sqlite: MakeSqlite, database: str, tmp_path: Path) -> None:
    source = make_sqlite(
        "create table codes (id integer primary key, code varchar(9) unique not null, ref integer)",
        [("insert into codes values (?, ?, ?)", [(n, f"c{n}", 1) for n in range(1, 50)])],
    )
    write(database, "create table codes (id bigint primary key, code varchar(3) unique not null, ref bigint)")
    with sqlite3.connect(source) as connection:
        connection.execute("insert into codes values (77, 'far too long', 1)")
    plan = tmp_path / "plan.toml"
    plan.write_text('[defaults]\non_misfit = "quarantine"\n')
    result = litelift.migrate(source, database, data_only=True, plan=plan)
    assert sum(table.quarantined_rows for table in result.tables) == 1
    taken = take(database)
    write(database, "delete from codes where id = 5")
    since, lines = look(database, taken, source, tmp_path)
    assert changes(lines, "deleted", "codes") == [{"id": 5}]
    assert (counted(since), since.tables[0].notes) == ({"codes": (0, 0, 1)}, [])


def test_a_table_written_anew_as_a_whole_is_told(moved: str, source: Path, tmp_path: Path) -> None:
    taken = take(moved)
    write(moved, "alter table grades alter column mark type numeric")
    since, _ = look(moved, taken, source, tmp_path)
    assert counted(since) == {"grades": (0, 40, 0)}
    assert "ALTER TABLE" in since.tables[0].notes[0]


def test_the_role_that_owns_the_tables_needs_nothing_more(source: Path, servers: Any, tmp_path: Path) -> None:
    with fresh_database(servers(16), "owner") as url:
        litelift.migrate(source, url)
        taken = take(url)
        write(url, "insert into users (name) values ('new')", "delete from users where id = 1")
        since, _ = look(url, taken, source, tmp_path)
    assert (counted(since), since.notes) == ({"users": (1, 0, 1)}, [])


def test_a_table_that_may_not_be_read_is_told_and_one_that_hides_rows_is_an_error(
    source: Path, servers: Any, tmp_path: Path
) -> None:
    with fresh_database(servers(16)) as admin, fresh_database(servers(16), "owner") as url:
        del admin
        litelift.migrate(source, url)
        taken = take(url)
        write(url, "create table public.theirs (a int)", "revoke select on theirs from current_user")
        since, _ = look(url, taken, source, tmp_path)
        assert since.notes == ["public.theirs may not be read: what was written to it is not in the file"]
        write(url, "alter table users enable row level security", "alter table users force row level security")
        write(url, "create policy none on users using (id < 3)")
        with pytest.raises(ExportFailed, match="row-level security"), connect(url) as connection:
            written_since(connection, taken, source, tmp_path / "none")
    assert list((tmp_path / "none").iterdir()) == []


def test_another_database_or_server_is_refused_with_the_way_out(
    moved: str, source: Path, servers: Any, tmp_path: Path
) -> None:
    taken = take(moved)

    def refused(url: str, mark: Mark) -> str:
        with pytest.raises(MarkLost) as caught, connect(url) as connection:
            written_since(connection, mark, source, tmp_path / "none")
        assert "--without-export" in caught.value.hint
        return caught.value.message

    with fresh_database(servers(16)) as other:
        assert "another database stands in its place" in refused(other, taken)
    with fresh_database(servers(18)) as other:
        assert "another server" in refused(other, taken)
    assert "set back" in refused(moved, taken.model_copy(update={"oldest": taken.oldest + 10**9}))
    assert "come round" in refused(moved, taken.model_copy(update={"oldest": taken.oldest - 2**31}))
    assert list((tmp_path / "none").iterdir()) == []


def test_a_mark_after_the_numbers_came_round_holds(moved: str, source: Path, tmp_path: Path) -> None:
    # What the server would say near a turn of the 32 bits, asked of the same expression.
    def late(xmin: int, newest: int, span: int) -> bool:
        with psycopg.connect(moved) as connection:
            query = sql.SQL("select {} from (select {}::text::xid as xmin) t").format(
                later_than(newest, span), sql.Literal(str(xmin))
            )
            return bool((connection.execute(query).fetchone() or (None,))[0])

    turn = 2**32
    assert late(turn - 5, turn + 10, 20)
    assert late(9, turn + 10, 20)
    assert not late(turn - 11, turn + 10, 20)
    assert not late(2, turn + 10, 20)
    assert not late(11, turn + 10, 20)
    assert not late(10, turn + 10, 20)


def test_a_full_disk_leaves_no_part_and_says_so(moved: str, source: Path) -> None:
    taken = take(moved)
    write(moved, "update users set photo = decode(repeat('ab', 20000), 'hex')")
    with small_disk(1) as folder:
        with pytest.raises(ExportFailed, match="No space left"), connect(moved) as connection:
            written_since(connection, taken, source, folder)
        assert list(folder.iterdir()) == []


def test_memory_does_not_grow_with_what_was_written(moved: str, source: Path, tmp_path: Path) -> None:
    taken = take(moved)
    write(moved, "insert into empty select n, repeat('x', 2000) from generate_series(1, 20000) n")
    with connect(moved) as connection:
        tracemalloc.start()
        since = written_since(connection, taken, source, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert since.bytes > 40_000_000
    assert peak < 8_000_000


def test_the_documentation_s_example_enters_the_rows_into_sqlite(moved: str, source: Path, tmp_path: Path) -> None:
    page = Path(__file__).parent.parent / "docs" / "howto" / "written-since.md"
    script = page.read_text("utf-8").partition("```python\n")[2].partition("```")[0]
    taken = take(moved)
    write(
        moved,
        "insert into links values ('Ə\"new', 'y')",
        "update users set name = 'changed' where id = 3",
        "delete from grades where student = 4",
        "delete from users where id = 9",
    )
    since, _ = look(moved, taken, source, tmp_path)
    words = [sys.executable, "-c", script, since.path, str(source), "links", "grades", "users"]
    subprocess.run(words, check=True)
    with closing(sqlite3.connect(source)) as connection:
        assert connection.execute("select target from links where code = 'Ə\"new'").fetchall() == [("y",)]
        assert connection.execute("select name from users where id = 3").fetchall() == [("changed",)]
        assert connection.execute("select count(*) from users").fetchall() == [(499,)]
        assert connection.execute("select count(*) from grades").fetchall() == [(38,)]


def test_an_older_file_stays_until_the_new_one_is_whole(moved: str, source: Path, tmp_path: Path) -> None:
    taken = take(moved)
    write(moved, "insert into users (name) values ('new')")
    first, _ = look(moved, taken, source, tmp_path)
    with pytest.raises(MarkLost), connect(moved) as connection:
        written_since(connection, taken.model_copy(update={"database_oid": 1}), source, tmp_path)
    assert hashlib.sha256(Path(first.path).read_bytes()).hexdigest() == first.sha256
