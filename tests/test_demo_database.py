"""The demo's database: what it holds, that it is the same every time, and that only the listed values are wrong."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from litelift.demo import COUNTS, DemoDatabase, make_demo
from litelift.demo.blueprint import SQL_TYPES
from litelift.demo.catalogue import HISTORY, TABLES
from litelift.errors import UsageError

PLACES = {"orphan", "zero date", "empty text in an integer column", "float noise", "NUL character", "invalid UTF-8"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoDatabase:
    return make_demo(tmp_path_factory.mktemp("demo") / "atis.sqlite")


def open_it(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    return connection


def content(path: Path) -> str:
    """A digest of the schema, every row with its storage classes, and the sequences."""
    connection = open_it(path)
    digest = hashlib.sha256()
    for name, ddl in connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall():
        digest.update(repr((name, ddl)).encode())
    for table in [*(table.name for table in TABLES), "sqlite_sequence"]:
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            digest.update(repr(row).encode())
    connection.close()
    return digest.hexdigest()


def test_it_has_158_tables_that_all_have_their_rows(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    names = [
        bytes(name).decode()
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'sqlite_sequence'"
        )
    ]
    assert demo.tables == len(names) == len(set(names)) == 158
    counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    assert counts == demo.counts


def test_the_counts_are_those_of_the_real_system(demo: DemoDatabase) -> None:
    assert COUNTS == {
        "users": 418,
        "institutions": 360,
        "surveys": 18,
        "students": 20,
        "permissions": 216,
        "roles": 10,
        "grades": 5449,
        "link_shares": 720,
    }
    assert {name: demo.counts[name] for name in COUNTS} == COUNTS


def test_some_tables_are_empty_as_in_life(demo: DemoDatabase) -> None:
    assert 2 <= sum(rows == 0 for rows in demo.counts.values()) <= 10


def test_two_processes_make_the_same_content(demo: DemoDatabase, tmp_path: Path) -> None:
    script = "import sys, pathlib, litelift.demo as d; d.make_demo(pathlib.Path(sys.argv[1]))"
    other = tmp_path / "other.sqlite"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Baku"}
    subprocess.run([sys.executable, "-c", script, str(other)], check=True, env=environment)
    assert content(other) == content(demo.path)


def test_the_file_is_sound_and_small(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [(b"ok",)]
    assert connection.execute("PRAGMA journal_mode").fetchone() == (b"delete",)
    assert demo.path.stat().st_size < 10_000_000
    assert sorted(file.name for file in demo.path.parent.iterdir()) == ["atis.plan.toml", "atis.sqlite"]


def test_the_only_orphans_are_the_listed_ones(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    found = set()
    for table, key, _, number in connection.execute("PRAGMA foreign_key_check").fetchall():
        (column,) = (
            row[3] for row in connection.execute(f'PRAGMA foreign_key_list("{table.decode()}")') if row[0] == number
        )
        found.add((table.decode(), column.decode(), key))
    assert found == {blemish[:3] for blemish in demo.blemishes if blemish.what == "orphan"}
    assert 2 <= len(found) <= 3


def test_every_blemish_is_where_it_is_said_to_be(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    for table, column, key, what in demo.blemishes:
        value = connection.execute(f'SELECT "{column}" FROM "{table}" WHERE "id" = ?', (key,)).fetchone()[0]
        match what:
            case "orphan":
                assert isinstance(value, int)
            case "zero date":
                assert value == b"0000-00-00 00:00:00"
            case "empty text in an integer column":
                assert value == b""
            case "float noise":
                assert value == 0.1 + 0.2 != 0.3
            case "NUL character":
                assert b"\0" in value
            case "invalid UTF-8":
                with pytest.raises(UnicodeDecodeError):
                    value.decode()
    assert {blemish.what for blemish in demo.blemishes} == PLACES


def test_a_blemish_is_in_a_nullable_column_and_no_more_than_one_value_in_a_hundred(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    for table, column, _, _ in demo.blemishes:
        (values,) = connection.execute(f'SELECT count("{column}") FROM "{table}"').fetchone()
        spoilt = sum(blemish[:2] == (table, column) for blemish in demo.blemishes)
        (required,) = (
            row[3] for row in connection.execute(f'PRAGMA table_info("{table}")') if row[1] == column.encode()
        )
        assert (required, spoilt * 100 <= values) == (0, True), (table, column)


def fits(declared: str, value: object) -> bool:
    """Whether a value is of its column's declared type, and one that PostgreSQL takes as it is."""
    match declared:
        case "integer":
            return isinstance(value, int)
        case "tinyint(1)":
            return value in (0, 1)
        case "numeric":
            return isinstance(value, int) or (isinstance(value, float) and float(f"{value:.15g}") == value)
        case "float":
            return isinstance(value, float)
        case "blob":
            return isinstance(value, bytes)
    assert isinstance(value, bytes)
    try:
        text = value.decode()
        if declared in ("date", "datetime"):
            dt.datetime.fromisoformat(text)
        elif declared == "time":
            dt.time.fromisoformat(text)
    except ValueError:
        return False
    return "\0" not in text


def test_no_value_is_wrong_that_is_not_listed(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    wrong = {
        (table.name, column.name, key)
        for table in TABLES
        for column in table.columns
        for key, value in connection.execute(f'SELECT rowid, "{column.name}" FROM "{table.name}"')
        if value is not None and not fits("integer" if column.kind == "id" else SQL_TYPES[column.kind], value)
    }
    assert wrong == {blemish[:3] for blemish in demo.blemishes if blemish.what != "orphan"}


def test_blobs_that_laravel_wrote_have_the_storage_class_text(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    classes = connection.execute("SELECT DISTINCT typeof(content) FROM attachments ORDER BY 1").fetchall()
    assert classes == [(b"blob",), (b"text",)]


def test_the_sequences_are_ahead_of_the_keys_where_rows_were_deleted(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    for table in ("users", "link_shares", "grades"):
        (last,) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        (highest,) = connection.execute(f'SELECT max(id) FROM "{table}"').fetchone()
        assert last > highest >= COUNTS[table]


def test_nothing_was_made_after_the_evening_of_the_move(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    for table in TABLES:
        for column in ("created_at", "updated_at", "deleted_at"):
            if any(spec.name == column and spec.kind == "datetime" for spec in table.columns):
                (newest,) = connection.execute(f'SELECT max("{column}") FROM "{table.name}"').fetchone()
                assert newest is None or newest <= b"2025-12-13 19:55:00", (table.name, column)


def test_every_address_is_of_the_example_domain(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    for table in TABLES:
        for column in ("email", "recipient"):
            if any(spec.name == column for spec in table.columns):
                query = f'SELECT count(*) FROM "{table.name}" WHERE "{column}" NOT LIKE \'%@example.az\''
                assert connection.execute(query).fetchone() == (0,)


def test_the_institutions_hang_together_from_the_ministry_down(demo: DemoDatabase) -> None:
    connection = open_it(demo.path)
    query = """
        WITH RECURSIVE below(id, depth) AS (
            SELECT id, 1 FROM institutions WHERE parent_id IS NULL
            UNION ALL SELECT i.id, depth + 1 FROM institutions AS i JOIN below ON i.parent_id = below.id)
        SELECT depth, count(*) FROM below GROUP BY depth ORDER BY depth"""
    assert connection.execute(query).fetchall() == [(1, 1), (2, 9), (3, 36), (4, 314)]


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    for name in ("atis.sqlite", "atis.plan.toml"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UsageError, match="exists already"):
            make_demo(tmp_path / "atis.sqlite")
        assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(name, "mine")]
        (tmp_path / name).unlink()


def test_nothing_is_left_of_a_demo_that_was_interrupted(tmp_path: Path) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "rows" and done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_demo(tmp_path / "atis.sqlite", on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_goes_up_to_the_end_of_each_stage(tmp_path: Path) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}
    make_demo(
        tmp_path / "atis.sqlite",
        on_progress=lambda stage, done, total: seen.setdefault(stage, []).append((done, total)),
    )
    assert list(seen) == ["schema", "rows", "history"]
    for steps in seen.values():
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]


def test_the_full_size_is_702_mb_made_in_flat_memory_with_the_same_people(tmp_path: Path, demo: DemoDatabase) -> None:
    script = (
        "import sys, pathlib, litelift.demo as d; from litelift.move.outcome import own_peak;"
        "d.make_demo(pathlib.Path(sys.argv[1]), size='full'); print(own_peak() // 2**20)"
    )
    path = tmp_path / "full.sqlite"
    try:
        done = subprocess.run([sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True)
        assert abs(path.stat().st_size - 702_000_000) < 7_020_000
        assert int(done.stdout) < 300, "MB"
        full, small = open_it(path), open_it(demo.path)
        for table in TABLES:
            count = full.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()[0]
            assert count == HISTORY["full"].get(table.name, demo.counts[table.name])
            if table.name not in HISTORY["full"]:
                query = f'SELECT * FROM "{table.name}"'
                assert full.execute(query).fetchall() == small.execute(query).fetchall(), table.name
        full.close()
    finally:
        path.unlink(missing_ok=True)
