"""Databases that real applications wrote move whole, and into the schema that each made for itself."""

from __future__ import annotations

import gzip
from pathlib import Path

import psycopg
import pytest
import zstandard

from litelift import migrate, verify
from litelift.move.fill import count_objects, lost_objects
from litelift.postgres.existing import read_target

DATA = Path(__file__).parent / "data"
CLEAN = ("laravel-atis", "optuna", "jupyterhub")

# Table, column and key of each blemish of the dirty database.
BLEMISHES = {
    ("institutions", "short_name", 20),
    ("users", "is_active", 30),
    ("users", "is_active", 31),
    ("users", "birth_date", 32),
    ("users", "birth_date", 33),
    ("users", "email_verified_at", 34),
    ("users", "preferences", 35),
    ("users", "preferences", 36),
    ("users", "failed_attempts", 37),
    ("users", "failed_attempts", 38),
    ("users", "last_login_at", 39),
    ("users", "name", 40),
    ("users", "telefon", 41),
    ("surveys", "uuid", 4),
    ("students", "institution_id", 3),
    ("grades", "student_id", 10),
    ("grades", "score", 11),
    ("grades", "score", 12),
    ("grades", "lesson_time", 13),
    ("link_shares", "click_count", 9),
    ("cache", "value", "atis_cache:perm"),
}


def _unpacked(name: str, folder: Path) -> Path:
    path = folder / f"{name}.sqlite"
    path.write_bytes(zstandard.ZstdDecompressor().decompress((DATA / f"{name}.sqlite.zst").read_bytes(), 1 << 24))
    return path


def _schema(name: str, database: str) -> None:
    lines = gzip.decompress((DATA / f"{name}.sql.gz").read_bytes()).decode().splitlines(keepends=True)
    # psql's own commands, and COPY's data, which psql alone reads from the script.
    script: list[str] = []
    rows: list[tuple[str, list[str]]] = []
    copying = False
    for line in lines:
        if line.startswith("COPY "):
            copying = True
            rows.append((line.rstrip().rstrip(";"), []))
        elif copying:
            if line.startswith("\\."):
                copying = False
            else:
                rows[-1][1].append(line)
        elif not line.startswith("\\"):
            script.append(line)
    with psycopg.connect(database, autocommit=True) as connection:
        tables, _, constraints = "".join(script).partition("ADD CONSTRAINT")
        head, _, rest = tables.rpartition("ALTER TABLE ONLY")
        connection.execute(head)
        for statement, data in rows:
            with connection.cursor().copy(statement) as copy:
                copy.write("".join(data))
        connection.execute(f"ALTER TABLE ONLY{rest}ADD CONSTRAINT{constraints}")


@pytest.mark.parametrize("name", CLEAN)
def test_an_application_moves_whole(name: str, tmp_path: Path, database: str) -> None:
    source = _unpacked(name, tmp_path)
    assert migrate(source, database).exit_code == 0
    assert verify(source, database).ok


@pytest.mark.parametrize("name", CLEAN)
def test_an_application_moves_into_its_own_schema_and_nothing_of_it_is_lost(
    name: str, tmp_path: Path, database: str
) -> None:
    source = _unpacked(name, tmp_path)
    _schema(name, database)
    with psycopg.connect(database) as connection:
        before = read_target(connection, "public")
    result = migrate(source, database, data_only=True)
    assert result.exit_code == 0
    assert sum(count_objects(before).values()) > 50
    with psycopg.connect(database, autocommit=True) as connection:
        assert lost_objects(before, connection) == []
    assert verify(source, database).ok


@pytest.mark.parametrize("data_only", [False, True])
def test_every_blemish_of_a_dirty_database_is_named_and_nothing_is_lost(
    data_only: bool, tmp_path: Path, database: str
) -> None:
    source = _unpacked("laravel-atis-dirty", tmp_path)
    if data_only:
        _schema("laravel-atis", database)
    result = migrate(source, database, data_only=data_only)
    assert result.exit_code == 3
    named = {(n.table, n.column, _key(n.key)) for n in result.notices if n.key}
    named |= {(q.table, q.column, _key(q.key)) for q in result.quarantined}
    rows = {(q.table, _key(q.key)) for q in result.quarantined if q.column is None}
    missing = {(t, c, k) for t, c, k in BLEMISHES if (t, c, str(k)) not in named and (t, str(k)) not in rows}
    assert missing == set()
    assert all(table.balanced for table in result.tables)
    assert verify(source, database).ok


def _key(key: dict[str, object]) -> str:
    return str(next(iter(key.values())))
