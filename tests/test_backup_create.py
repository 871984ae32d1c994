"""A backup is whole or not there, of one moment, and says what it holds."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from backup_case import backup, fill, history, made, names
from litelift.backup.digest import contents, statement, tables
from litelift.backup.snapshot import snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def test_a_backup_says_what_every_table_holds(database: str, folder: Path) -> None:
    fill(database)
    manifest = made(database, folder)
    rows = {table["table"]: table["rows"] for table in manifest["tables"]}
    assert rows == {
        '"Sçhema.x"."ta""ble; --"': 3,
        "public.dropped": 1,
        "public.grade": 3000,
        "public.nothing": 3,
        "public.part_1": 31,
        "public.part_2": 20,
        "public.school": 500,
    }
    assert manifest["server"]["extensions"] == {"plpgsql": "1.0"}
    assert {one["sequence"]: one["after"] for one in manifest["sequences"]} == {
        "public.grade_id_seq": 3001,
        "public.own": 20,
        "public.school_id_seq": 501,
    }
    assert history(folder)[-1]["facts"] == {
        "kind": "manual",
        "bytes": manifest["bytes"],
        "tables": len(rows),
        "rows": sum(rows.values()),
    }


def test_its_files_have_their_checksums_and_are_its_owners_alone(database: str, folder: Path) -> None:
    fill(database)
    manifest = made(database, folder)
    place = Path(manifest["folder"])
    found = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert found == {file["name"] for file in manifest["files"]} | {"manifest.json"}
    for file in manifest["files"]:
        data = (place / file["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
    for path in [folder, place, *place.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_postgresqls_own_tools_read_it(database: str, folder: Path, form: str) -> None:
    fill(database)
    manifest = made(database, folder, "--format", form)
    archive = Path(manifest["folder"]) / manifest["dump"]["path"]
    from litelift.backup.tools import tools_for

    tools = tools_for(manifest["server"]["version_number"])
    assert tools.folder is not None
    said = subprocess.check_output([tools.folder / "pg_restore", "--list", archive], text=True)
    assert "TABLE DATA public grade" in said


def test_it_is_of_one_moment_while_others_write(database: str, folder: Path) -> None:
    """Each transaction writes a row to two tables: a backup that has one of a pair would be of two moments."""
    import threading

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table a (n int); create table b (n int)")
    stop, wrote = threading.Event(), threading.Event()

    def write() -> None:
        with psycopg.connect(database) as writer:
            number = 0
            while not stop.is_set():
                writer.execute("insert into a values (%s)", (number,))
                writer.execute("insert into b values (%s)", (number,))
                writer.commit()
                number += 1
                if number == 50:
                    wrote.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert wrote.wait(60)
        manifest = made(database, folder)
    finally:
        stop.set()
        thread.join()
    a, b = manifest["tables"]
    assert (a["rows"], a["digest"]) == (b["rows"], b["digest"])
    assert a["rows"] >= 50
    drilled = backup("drill", "--json", folder=folder)
    assert (drilled.status, drilled.json["ok"]) == (0, True), drilled.err


def test_a_digest_is_of_the_rows_and_not_of_their_order(database: str) -> None:
    fill(database)

    def digests() -> dict[str, tuple[int, str]]:
        with snapshot(database) as (holding, name):
            return {one.table: (one.rows, one.digest) for one in contents(database, name, tables(holding), 2)}

    before = digests()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table copied as select * from school order by md5(name)")
        connection.execute("truncate school cascade")
        connection.execute("insert into school select * from copied; drop table copied")
        moved = digests()
        assert moved["public.school"] == before["public.school"]
        changes = {
            "update school set name = name || ' ' where id = 7": "public.school",
            "update grade set points = null where id = (select min(id) from grade)": "public.grade",
            'insert into "Sçhema.x"."ta""ble; --" values (1, \'a\', \'b\')': '"Sçhema.x"."ta""ble; --"',
            "delete from part where n = 45": "public.part_2",
            "insert into nothing default values": "public.nothing",
        }
        connection.execute("insert into grade(points) values (1), (2)")
        for change, table in changes.items():
            was = digests()
            connection.execute(change)
            now = digests()
            assert {name for name in was if was[name] != now[name]} == {table}, change


def test_a_digest_tells_rows_apart_that_are_only_written_alike(database: str) -> None:
    """What a careless joining of columns would take for the same."""
    pairs = [("ab", ""), ("a", "b"), ("", "ab"), (None, "ab"), ("ab", None), ("a,b", ""), ('"a"', "b"), ("NULL", "ab")]
    seen = set()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t (a text, b text)")
        for pair in pairs:
            connection.execute("truncate t")
            connection.execute("insert into t values (%s, %s)", pair)
            with snapshot(database) as (holding, name):
                seen.add(contents(database, name, tables(holding), 1)[0].digest)
    assert len(seen) == len(pairs)


def test_the_digest_is_the_one_that_is_documented(database: str) -> None:
    """Computed once more, in Python, by the words of `litelift.backup.digest`."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "create table t (a int, b text, c bytea); insert into t values (1, 'x y', '\\x01'), (2, null, null)"
        )
    sums = [0, 0]
    for row in (f'(1,"x y",{hashlib.sha256(bytes([1])).hexdigest()})', "(2,,)"):
        hashed = hashlib.sha256(row.encode()).digest()
        for half in (0, 1):
            sums[half] += int.from_bytes(hashed[8 * half : 8 * half + 8], "big", signed=True)
    due = "".join(f"{one % (1 << 64):016x}" for one in sums)
    with snapshot(database) as (holding, name):
        assert contents(database, name, tables(holding), 1)[0].digest == due


def test_a_table_in_pieces_has_the_digest_of_the_whole(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t as select g, repeat('x', 400) from generate_series(1, 20000) g")
        table = tables(connection)[0]
        whole = connection.execute(statement(table)).fetchone()
        assert whole is not None
        sums = [0, 0, 0]
        for first, end in [(0, 300), (300, 301), (301, None)]:
            part = connection.execute(statement(table, first, end)).fetchone()
            assert part is not None
            sums = [a + int(b or 0) for a, b in zip(sums, part, strict=True)]
    assert sums == [int(one) for one in whole]


def test_values_of_hundreds_of_megabytes_have_a_digest(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table t (a text, b text, c bytea)")
        connection.execute(
            # As one text each quote would be two, and each byte two digits: more than the 1 GB that a value may have.
            "insert into t select repeat('\"', 180000000), repeat('\"', 180000000),"
            " convert_to(repeat('x', 200000000), 'UTF8')"
        )
        row = connection.execute(statement(tables(connection)[0])).fetchone()
    assert row is not None and row[0] == 1


def test_a_backup_that_fails_leaves_nothing_and_is_in_the_history(database: str, folder: Path) -> None:
    fill(database)
    first = made(database, folder)
    with psycopg.connect(database, autocommit=True) as connection:
        # pg_dump cannot know how to write what its own server cannot say.
        connection.execute(
            "create function broken() returns int language sql as 'select 1';"
            "update pg_proc set prolang = 999999 where proname = 'broken'"
        )
    ran = backup("create", database, "--json", folder=folder)
    assert (ran.status, ran.json["error"]["kind"]) == (1, "BackupFailed")
    assert names(folder) == [first["name"]]
    assert [event["ok"] for event in history(folder)] == [True, False]
    listed = backup("list", "--json", folder=folder)
    assert [one["name"] for one in listed.json["backups"]] == [first["name"]]


def test_two_backups_in_one_second_have_names_of_their_own(database: str, folder: Path) -> None:
    from datetime import UTC, datetime

    from litelift.backup.store import Store

    store = Store(folder)
    store.make()
    moment = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    found = []
    for _ in range(3):
        found.append(store.new_name("ATİS 2/..", moment))
        (folder / found[-1]).mkdir()
    assert found == ["AT-S-2-20261123T020000Z", "AT-S-2-20261123T020000Z-2", "AT-S-2-20261123T020000Z-3"]


def test_a_list_of_no_backups_says_how_to_make_one(folder: Path) -> None:
    ran = backup("list", folder=folder)
    assert ran.status == 3
    assert "litelift backup create" in ran.out


def test_the_password_is_nowhere(database: str, folder: Path) -> None:
    """Neither in the words of the programs that are started, nor in what is written."""
    fill(database)
    secret = "s3cret-Wort"
    url = database.replace("postgres@", f"postgres:{secret}@")
    manifest = made(url, folder)
    for path in folder.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes()
    assert secret not in json.dumps(manifest)


def test_in_the_place_of_a_large_json_stands_its_sum(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = '{"a" :  "\\u0259"}'
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table document as select %s::json as content", (document,))
        hashed = hashlib.sha256(document.encode()).hexdigest()
        connection.execute("create table hashed as select %s::text as content", (hashed,))
        whole, summed = tables(connection)
        expected = connection.execute(statement(summed)).fetchone()
        assert connection.execute(statement(whole)).fetchone() != expected
        monkeypatch.setattr("litelift.backup.digest.LARGE", len(document) - 1)
        assert connection.execute(statement(whole)).fetchone() == expected
