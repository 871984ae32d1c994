"""The source's check, shared by a crew: what SQLite's own check finds, it finds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litelift import errors, migrate, verify
from litelift.compiled import KEY_BYTES, native
from litelift.move import tasks
from litelift.move.crew import gather
from litelift.plan.file import PlanFile
from litelift.sqlite import integrity
from litelift.sqlite.integrity import Check, Side, Sides, shares
from litelift.sqlite.open import Source, open_source

ROWS = 300
SLEEP_SECONDS = 600.0


def asleep(worker: object, task: object) -> None:
    time.sleep(SLEEP_SECONDS)


def made(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(";\n".join(statements))
    return path


@pytest.fixture
def indexed(tmp_path: Path) -> Path:
    """A table with a key, an index, and rows."""
    rows = ", ".join(f"({n}, 'name {n}', {n % 7})" for n in range(ROWS))
    return made(
        tmp_path / "indexed.sqlite",
        "create table t(id integer primary key, name text unique, part real)",
        "create index by_part on t(part desc, name collate nocase)",
        f"insert into t values {rows}",
    )


def part_from(path: Path, index: str, change: str) -> None:
    """Change a table behind an index's back."""
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("select rootpage, sql from sqlite_schema where name = ?", (index,)).fetchone()
        connection.executescript(
            f"pragma writable_schema = on; delete from sqlite_schema where name = '{index}';"
            " pragma writable_schema = reset"
        )
        connection.execute(change)
        connection.execute("pragma writable_schema = on")
        connection.execute("insert into sqlite_schema values ('index', ?, 't', ?, ?)", (index, *row))
        connection.commit()


@pytest.fixture
def opened() -> Iterator[Any]:
    sources: list[Source] = []

    def open_one(path: Path) -> Source:
        sources.append(open_source(path, check=False))
        return sources[-1]

    yield open_one
    for source in sources:
        source.close()


def checks_of(source: Source) -> list[Check]:
    """The shares of a source without a large table."""
    return [share for share in shares(source.connection) if isinstance(share, Check)]


@pytest.mark.usefixtures("path_in_use")
@pytest.mark.parametrize(
    "change",
    [
        "delete from t where id = 7",
        "insert into t values (5000, 'new', 1)",
        "update t set part = 99 where id = 8",
        "update t set part = null where id = 9",
        "update t set id = 6000 where id = 10",
    ],
)
def test_an_index_that_does_not_hold_what_its_table_does_is_found_and_nothing_is_written(
    indexed: Path, database: str, change: str
) -> None:
    part_from(indexed, "by_part", change)
    with pytest.raises(errors.SourceCorrupt, match=r"damaged table t.*by_part"):
        migrate(indexed, database, jobs=2)
    with psycopg.connect(database) as connection:
        assert connection.execute("select to_regclass('t'), to_regnamespace('litelift')").fetchone() == (None, None)


@pytest.mark.skipif(native() is None, reason="nothing is compiled here")
@pytest.mark.parametrize("change", ["delete from t where id = 7", "update t set part = 99 where id = 8"])
def test_a_large_table_s_indexes_are_compared_beside_each_other(
    indexed: Path, database: str, opened: Any, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(integrity, "WORTH_SHARING", 0)
    source: Source = opened(indexed)
    sides = [share for share in shares(source.connection) if isinstance(share, Side)]
    assert [side.place for side in sides] == [None, 0, 1]
    source.close()
    assert migrate(indexed, database, jobs=2).exit_code == 0
    part_from(indexed, "by_part", change)
    with pytest.raises(errors.SourceCorrupt, match=r"damaged table t.*by_part"):
        verify(indexed, database, jobs=2)
    with pytest.raises(errors.SourceCorrupt, match=r"damaged table t.*by_part"):
        migrate(indexed, database, plan=PlanFile.model_validate({"defaults": {"schema": "other"}}), jobs=2)


@pytest.mark.skipif(native() is None, reason="nothing is compiled here")
def test_a_connection_without_the_compiled_path_leaves_a_side_to_sqlite(
    indexed: Path, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a worker is, where somebody wrote while it took its snapshot."""
    monkeypatch.setattr(integrity, "WORTH_SHARING", 0)
    source: Source = opened(indexed)
    found = shares(source.connection)
    source.connection.forget_twin()
    sides = Sides()
    for share in found:
        if isinstance(share, Side):
            digest = share.digest(source.connection)
            assert digest is None
            sides.add(share, digest)
    assert sides.unlike() == [Check("integrity_check", "t")]
    assert all(check.passes(source.connection) for check in sides.unlike())


@pytest.mark.skipif(native() is None, reason="nothing is compiled here")
def test_sides_that_cannot_be_read_are_left_to_sqlite(indexed: Path, opened: Any) -> None:
    connection = opened(indexed).connection
    (share,) = [share for share in shares(connection) if isinstance(share, Check) and share.indexes is not None]
    assert share.indexes is not None
    missing = replace(share.indexes, columns=(*share.indexes.columns, ("missing", ("name",))))
    for indexes, unlike in ((share.indexes, []), (missing, [Check("integrity_check", "t")])):
        sides = Sides()
        for place in (None, *range(len(indexes.columns))):
            side = Side(indexes, place, bytes(KEY_BYTES))
            sides.add(side, side.digest(connection))
        assert sides.unlike() == unlike


@pytest.mark.usefixtures("path_in_use")
def test_a_damaged_page_is_found_by_a_crew_too(indexed: Path, database: str) -> None:
    with indexed.open("r+b") as file:
        size = indexed.stat().st_size
        file.seek(size - 4096)
        file.write(b"\xff" * 64)
    with pytest.raises(errors.SourceCorrupt):
        migrate(indexed, database, jobs=2)


@pytest.mark.usefixtures("path_in_use")
def test_a_sound_source_is_called_so(indexed: Path, database: str) -> None:
    result = migrate(indexed, database, jobs=2)
    assert any("integrity ok" in step.detail for step in result.steps)
    assert result.exit_code == 0


@pytest.mark.skipif(native() is None, reason="nothing is compiled here")
def test_a_check_that_is_begun_early_is_done_once_and_told_with_the_others(indexed: Path, opened: Any) -> None:
    source: Source = opened(indexed)
    checks = shares(source.connection)
    with closing(gather(2)) as crew:
        crew.open(source, None, held=True)
        crew.begin(tasks.survey, checks[:1])
        found = list(crew.run(tasks.survey, [*checks, integrity.Check("quick_check", "t")]))
        again = list(crew.run(tasks.survey, checks))
    assert len(found) == len(checks) + 1 and all(passed for _, passed in found)
    assert len(again) == len(checks)


def test_what_is_begun_and_not_wanted_is_not_waited_for(indexed: Path, opened: Any) -> None:
    with closing(gather(2)) as crew:
        crew.open(opened(indexed), None, held=True)
        crew.begin(asleep, [None, None])
        began = time.monotonic()
    assert time.monotonic() - began < SLEEP_SECONDS


@pytest.mark.skipif(native() is None, reason="nothing is compiled here")
def test_plain_indexes_are_compared_and_others_left_to_sqlite(tmp_path: Path, opened: Any) -> None:
    path = made(
        tmp_path / "many.sqlite",
        "create table plain(a, b unique)",
        "create index plain_a on plain(a)",
        "create table bare(a)",
        "create table partial(a); create index partial_a on partial(a) where a > 1",
        "create table expressed(a); create index expressed_a on expressed(a + 1)",
        "create table keyed(a primary key, b unique) without rowid",
        "create table hidden(rowid, _rowid_, oid unique)",
        "create table computed(a, b as (a + 1)); create index computed_b on computed(b)",
        'create table "odd "" name"("a "" b" unique, rowid)',
    )
    found = checks_of(opened(path))
    compared = {share.indexes.table: share.indexes for share in found if share.indexes is not None}
    assert compared.keys() == {"plain", 'odd " name'}
    assert compared['odd " name'].rowid == "_rowid_"
    whole = {(share.pragma, share.table) for share in found if share.indexes is None}
    tables = ("partial", "expressed", "keyed", "hidden", "computed")
    assert whole == {("quick_check", None), *(("integrity_check", table) for table in tables)}
    assert all(share.passes(opened(path).connection) for share in found)


values = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.binary(max_size=40)
)


@pytest.mark.skipif(native() is None, reason="nothing is compiled here")
@settings(max_examples=60)
@given(rows=st.lists(st.tuples(values, values, values), max_size=12))
def test_no_sound_index_needs_sqlite_s_own_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[object, ...]]
) -> None:
    path = tmp_path / "sound.sqlite"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table t(a real, b text collate nocase, c)")
        connection.execute("create index i on t(a desc, b)")
        connection.execute("create index j on t(c, a)")
        connection.executemany("insert into t values (?, ?, ?)", rows)
        connection.commit()
    source = open_source(path, check=False)
    try:
        (share,) = [share for share in checks_of(source) if share.indexes is not None]
        with monkeypatch.context() as patched:
            patched.setattr(integrity, "_lines", lambda *words, **more: ["SQLite's own check was asked"])
            assert share.passes(source.connection)
    finally:
        source.close()


@pytest.mark.skipif(native() is None, reason="nothing is compiled here")
def test_the_application_s_own_collation_is_left_to_sqlite(tmp_path: Path, opened: Any) -> None:
    path = tmp_path / "own.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.create_collation("azeri", lambda a, b: (a > b) - (a < b))
        connection.executescript("create table t(a text collate azeri unique); insert into t values ('ə'), ('ö')")
    source = opened(path)
    assert all(share.passes(source.connection) for share in checks_of(source))


@pytest.mark.usefixtures("path_in_use")
def test_the_proof_alone_checks_the_source_too(indexed: Path, database: str) -> None:
    assert migrate(indexed, database).exit_code == 0
    assert verify(indexed, database, jobs=2).ok
    part_from(indexed, "by_part", "delete from t where id = 7")
    with pytest.raises(errors.SourceCorrupt, match="damaged table t"):
        verify(indexed, database, jobs=2)


def test_a_check_for_which_no_memory_is_enough_finds_damage() -> None:
    """A record's header may claim more than any machine has."""

    class Starved:
        def execute(self, statement: str) -> Iterator[tuple[str]]:
            yield ("row 7 missing from index by_part",)
            raise MemoryError

    found = integrity._lines(cast(sqlite3.Connection, Starved()), "integrity_check")
    assert found[0] == "row 7 missing from index by_part"
    assert "ran out of memory" in found[1]
