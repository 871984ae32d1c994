"""What bounds a hostile file: settings, limits and time on every connection, in both paths."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from hostile_files import ENDLESS
from litelift import errors, migrate
from litelift.compiled import native
from litelift.prove.patience import IMPATIENT_SECONDS, OutOfTime, Patience
from litelift.sqlite.guard import LIMITS, longest_value
from litelift.sqlite.open import open_source

MakeSqlite = Callable[..., Path]
needs_compiled = pytest.mark.skipif(native() is None, reason="nothing is compiled here")


SETTINGS = {"query_only": 1, "trusted_schema": 0, "cell_size_check": 1, "mmap_size": 0, "cache_size": -2000}


def test_the_source_s_connection_distrusts_its_file(make_sqlite: MakeSqlite) -> None:
    path = make_sqlite("create table t(a)")
    source = open_source(path)
    for name, value in SETTINGS.items():
        assert source.connection.execute(f"pragma {name}").fetchone() in ((value,), None), name
    for limit, most in LIMITS.items():
        assert source.connection.getlimit(limit) == most
    longest = longest_value(path.stat().st_size)
    assert source.connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) == longest < 2_000_000
    with pytest.raises(sqlite3.OperationalError):
        source.connection.execute("attach ':memory:' as other")
    with pytest.raises(sqlite3.DatabaseError):
        source.connection.execute("select load_extension('x')")
    if sys.version_info >= (3, 12):
        assert source.connection.getconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE)
    source.close()


@needs_compiled
def test_the_compiled_path_s_connection_distrusts_it_too(make_sqlite: MakeSqlite) -> None:
    path = make_sqlite("create table t(a)")
    source = open_source(path)
    twin = source.connection.twin
    assert twin is not None
    for name, value in SETTINGS.items():
        assert twin.execute(f"pragma {name}") in (value, None), name
    # A limit below 0 changes nothing.
    for limit, most in {**LIMITS, sqlite3.SQLITE_LIMIT_LENGTH: longest_value(path.stat().st_size)}.items():
        assert twin.limit(limit, -1) == most
    with pytest.raises(sqlite3.DatabaseError):
        twin.execute("attach ':memory:' as other")
    with pytest.raises(sqlite3.DatabaseError):
        twin.execute("select load_extension('x')")
    # Defensive: its own schema cannot be written, though nothing else stood in the way ("SQLITE_DBCONFIG_DEFENSIVE").
    twin.execute("pragma writable_schema = on")
    with pytest.raises(sqlite3.DatabaseError, match="may not be modified"):
        twin.execute("update sqlite_schema set sql = sql")
    source.close()


@pytest.mark.usefixtures("path_in_use")
def test_what_has_no_end_is_stopped_and_the_connection_goes_on(make_sqlite: MakeSqlite) -> None:
    source = open_source(make_sqlite("create table t(a); insert into t values (7)"))
    connection = source.connection
    endless = f"{ENDLESS} count(*) from c"
    with pytest.raises(sqlite3.OperationalError, match="interrupted"), connection.within(0.2):
        connection.execute(endless)
    if connection.twin is not None:
        with pytest.raises(sqlite3.OperationalError, match="interrupted"), connection.within(0.2):
            connection.twin.execute(endless)
    assert connection.execute("select a from t").fetchone() == (7,)
    if connection.twin is not None:
        assert connection.twin.execute("select a from t") == 7
    source.close()


def test_both_sides_are_stopped_and_each_that_is_late_shortens_the_next(make_sqlite: MakeSqlite, database: str) -> None:
    source = open_source(make_sqlite("create table t(a)"))
    patience = Patience(0.2)
    with psycopg.connect(database, autocommit=True) as target:
        with pytest.raises(OutOfTime, match="PostgreSQL") as late, patience.bounded(source.connection, target):
            target.execute("select pg_sleep(60)")
        assert late.value.where == "PostgreSQL"
        with pytest.raises(OutOfTime, match="SQLite"), patience.bounded(source.connection, target):
            source.connection.execute(f"{ENDLESS} count(*) from c")
        assert patience.seconds == pytest.approx(IMPATIENT_SECONDS)
        patience.seconds = 60
        with patience.bounded(source.connection, target):
            assert target.execute("select 1").fetchone() == (1,)
        # An error of their own stays one.
        with pytest.raises(psycopg.errors.DivisionByZero), patience.bounded(source.connection, target):
            target.execute("select 1 / 0")
        assert target.execute("select 2").fetchone() == (2,)
    source.close()


@pytest.mark.usefixtures("path_in_use")
def test_a_view_without_end_is_told_as_not_carried_and_the_others_are(
    make_sqlite: MakeSqlite, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litelift.prove.patience.LEAST_SECONDS", 0.5)
    # The other view has as long as it takes.
    monkeypatch.setattr("litelift.prove.patience.IMPATIENT_SECONDS", 60)
    path = make_sqlite(
        "create table t(a); insert into t values (1);"
        f"create view endless as {ENDLESS} count(*) as n from c; create view fine as select a from t"
    )
    result = migrate(path, database)
    assert result.exit_code == 3
    assert [(one.name, "was not through with it" in one.reason) for one in result.untranslated] == [("endless", True)]
    with psycopg.connect(database) as connection:
        assert connection.execute("select a from fine").fetchone() == (1,)
        assert connection.execute("select to_regclass('endless')").fetchone() == (None,)


def test_a_trigger_without_end_is_told_as_not_tried(
    make_sqlite: MakeSqlite, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litelift.prove.triggers.Patience", lambda: Patience(2))
    path = make_sqlite(
        "create table t(id integer primary key, a); insert into t values (1, 1); create table u(a);"
        f"create trigger g after insert on t begin insert into u(a) {ENDLESS} max(n) from c; end"
    )
    result = migrate(path, database)
    told = [n.message for n in result.notices if n.kind == "trigger"] + [u.reason for u in result.untranslated]
    assert any("SQLite was not through with it in 2 seconds" in words for words in told), told


@pytest.mark.usefixtures("path_in_use")
def test_a_value_many_times_as_long_as_its_file_is_refused(make_sqlite: MakeSqlite, database: str) -> None:
    for expression in ("hex(zeroblob(a))", "printf('%*d', a, 1)"):
        path = make_sqlite(f"create table t(a, b as ({expression})); insert into t(a) values (40000000)")
        with pytest.raises(errors.SourceUnreadable):
            migrate(path, database)
        path.unlink()
    with psycopg.connect(database) as connection:
        assert connection.execute("select to_regclass('t')").fetchone() == (None,)


def test_sqlite_s_words_need_not_be_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "words.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "create table t(a); pragma writable_schema = on;"
            "update sqlite_schema set name = x'ff00ff', sql = 'create nothing'"
        )
    with pytest.raises(errors.SourceCorrupt, match=r"malformed database schema \(\\xff"):
        open_source(path)
    (tmp_path / "sound.sqlite").touch()
    with closing(sqlite3.connect(tmp_path / "sound.sqlite")) as connection:
        connection.execute("create table t(a)")
    source = open_source(tmp_path / "sound.sqlite")
    for run in (source.connection.execute, source.connection.cursor().execute):
        with pytest.raises(sqlite3.OperationalError, match="no such column"):
            run("select gone from t")
    source.close()


@pytest.mark.usefixtures("path_in_use")
def test_a_column_that_python_cannot_ask_for_is_told_with_the_way_out(tmp_path: Path, database: str) -> None:
    path = tmp_path / "names.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("create table t(abcd, b); insert into t values (1, 2); create table u(a)")
    path.write_bytes(path.read_bytes().replace(b"abcd", b"ab\xffd"))
    with pytest.raises(errors.SourceUnreadable, match="not UTF-8") as told:
        migrate(path, database)
    assert "exclude it in the plan" in told.value.hint
    with psycopg.connect(database) as connection_:
        assert connection_.execute("select to_regclass('u'), to_regnamespace('litelift')").fetchone() == (None, None)
