"""Triggers move with their database: silent during the load, tried on both sides, told where they cannot come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from litelift import migrate
from litelift.errors import LiteliftError
from litelift.translate.trigger import TranslatedTrigger, translate_trigger

AUDITED = """
create table t(id integer primary key, v text);
create table log(id integer primary key, t_id int, old text, new text);
create trigger t_log after update on t when old.v is not new.v
  begin insert into log(t_id, old, new) values (new.id, old.v, new.v); end;
insert into t values (1,'a'),(2,'b');
update t set v = 'c' where id = 1;
"""


def _rows(database: str, *queries: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database, autocommit=True) as connection:
        for query in queries[:-1]:
            connection.execute(query)
        return connection.execute(queries[-1]).fetchall()


def test_a_trigger_is_silent_during_the_load_and_acts_afterwards(
    make_sqlite: Callable[..., Path], database: str
) -> None:
    result = migrate(make_sqlite(AUDITED), database)
    assert result.exit_code == 0
    [triggers] = [item for item in result.proof.objects if item.kind == "triggers"]
    assert (triggers.expected, triggers.present) == (1, 1)
    log = "select t_id::int, old, new from log order by id"
    assert _rows(database, log) == [(1, "a", "c")]
    assert _rows(database, "update t set v = 'd'", log) == [(1, "a", "c"), (1, "c", "d"), (2, "b", "d")]


def test_trying_a_trigger_leaves_rows_and_sequences_as_they_were(
    make_sqlite: Callable[..., Path], database: str
) -> None:
    assert migrate(make_sqlite(AUDITED), database).exit_code == 0
    assert _rows(database, "select count(*)::int from log") == [(1,)]
    assert _rows(database, "insert into log(t_id) values (9) returning id::int") == [(2,)]


def test_a_trigger_that_refuses_a_change_refuses_it(make_sqlite: Callable[..., Path], database: str) -> None:
    source = make_sqlite(
        """create table t(id integer primary key, v int);
        create trigger t_no before delete on t begin select raise(abort, 'rows stay 100%'); end;
        insert into t values (1,1);"""
    )
    assert migrate(source, database).exit_code == 0
    with pytest.raises(psycopg.Error, match="rows stay 100%"):
        _rows(database, "delete from t")
    assert _rows(database, "select count(*)::int from t") == [(1,)]


def test_a_trigger_that_cannot_be_translated_is_told_with_its_sql(
    make_sqlite: Callable[..., Path], database: str
) -> None:
    source = make_sqlite(
        """create table t(id integer primary key, v text);
        create trigger odd after insert on t begin update t set v = quote(new.v) where id = new.id; end;"""
    )
    result = migrate(source, database)
    assert result.exit_code == 3
    [told] = result.untranslated
    assert (told.kind, told.name, "quote(new.v)" in told.sql) == ("trigger", "odd", True)
    assert _rows(database, "select kind, name from litelift.untranslated") == [("trigger", "odd")]


def test_a_trigger_that_does_something_else_does_not_stay(
    make_sqlite: Callable[..., Path], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*arguments: Any) -> TranslatedTrigger:
        found = translate_trigger(*arguments)
        return replace(found, function_sql=found.function_sql.replace('OLD."v"', "'something else'"))

    monkeypatch.setattr("litelift.plan.triggers.translate_trigger", wrong)
    result = migrate(make_sqlite(AUDITED), database)
    assert result.exit_code == 3
    [told] = result.untranslated
    assert told.reason.startswith("tried on both sides, it did something else")
    left = "select (select count(*)::int from pg_trigger where not tgisinternal),"
    left += " (select count(*)::int from pg_proc where pronamespace = 'public'::regnamespace)"
    assert _rows(database, left) == [(0, 0)]


def test_a_failed_move_leaves_no_function_behind(
    make_sqlite: Callable[..., Path], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise LiteliftError(message="broken on purpose")

    monkeypatch.setattr("litelift.move.whole.finish", broken)
    with pytest.raises(LiteliftError, match="broken on purpose"):
        migrate(make_sqlite(AUDITED), database)
    left = "select (select count(*)::int from pg_proc where pronamespace = 'public'::regnamespace),"
    left += " (select count(*)::int from pg_tables where schemaname in ('public', 'litelift'))"
    assert _rows(database, left) == [(0, 0)]
