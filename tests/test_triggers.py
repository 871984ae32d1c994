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


CHILDREN = """
create table parent(id integer primary key, name text);
create table child(id integer primary key, parent_id int not null references parent(id));
{trigger}
insert into parent values (1,'a'),(2,'b'),(3,'c');
insert into child values (1,1),(2,1),(3,2);
"""


@pytest.mark.parametrize("name", ["gone", "AuditGone", "zz"])
def test_a_trigger_that_mends_a_foreign_key_fires_before_the_key_is_checked(
    make_sqlite: Callable[..., Path], database: str, name: str
) -> None:
    trigger = f"create trigger {name} after delete on parent begin delete from child where parent_id = old.id; end;"
    assert migrate(make_sqlite(CHILDREN.format(trigger=trigger)), database).exit_code == 0
    assert _rows(database, "delete from parent where id < 3", "select count(*)::int from child") == [(0,)]
    [(told,)] = _rows(database, "select tgname from pg_trigger where not tgisinternal")
    assert told == (name if name == "AuditGone" else f"00_{name}")
    assert _rows(database, "select proname from pg_proc where pronamespace = 'public'::regnamespace") == [(name,)]


def test_a_trigger_that_makes_the_parent_fires_before_the_key_is_checked(
    make_sqlite: Callable[..., Path], database: str
) -> None:
    trigger = """create trigger parents after insert on child
        when not exists (select 1 from parent where id = new.parent_id)
        begin insert into parent(id, name) values (new.parent_id, 'made'); end;"""
    assert migrate(make_sqlite(CHILDREN.format(trigger=trigger)), database).exit_code == 0
    assert _rows(database, "insert into child values (9, 9)", "select name from parent where id = 9") == [("made",)]


VIEWED = """
create table people(id integer primary key, first text, last text, born date);
create table log(id integer primary key, what text);
create view names as select id, first || ' ' || last as name, first, born from people;
create trigger names_add instead of insert on names begin
  insert into people(id, first, last, born)
  values (new.id, new.first, substr(new.name, instr(new.name, ' ') + 1), new.born);
end;
create trigger names_set instead of update of first, born on names begin
  update people set first = new.first, born = new.born where id = old.id;
  insert into log(what) values (old.name || ' -> ' || new.first);
end;
create trigger names_gone instead of delete on names begin delete from people where id = old.id; end;
insert into people values (1,'Ada','L','1815-12-10'),(2,'Alan','T','1912-06-23');
"""


def test_triggers_instead_of_changing_a_view_move_and_are_tried(
    make_sqlite: Callable[..., Path], database: str
) -> None:
    result = migrate(make_sqlite(VIEWED), database)
    assert result.exit_code == 0
    assert not [notice.message for notice in result.notices if "not tried" in notice.message]
    people = "select id::int, first, last from people order by id"
    with psycopg.connect(database, autocommit=True) as connection:
        assert connection.execute("update names set first = 'Al' where id = 2").rowcount == 1
        assert connection.execute("insert into names(id, name, first) values (3, 'Bo K', 'Bo')").rowcount == 1
        assert connection.execute("delete from names where id = 1").rowcount == 1
        connection.execute("update names set name = 'nobody'")
    assert _rows(database, people) == [(2, "Al", "T"), (3, "Bo", "K")]
    assert _rows(database, "select what from log") == [("Alan T -> Al",)]


def test_a_trigger_that_names_a_view_which_stays_behind_stays_too(
    make_sqlite: Callable[..., Path], database: str
) -> None:
    source = make_sqlite(
        """create table t(id integer primary key, v text);
        create view odd as select quote(v) as q from t;
        create trigger reads after insert on t begin update t set v = (select q from odd) where id = 0; end;
        create trigger instead instead of insert on odd begin insert into t(v) values (new.q); end;"""
    )
    result = migrate(source, database)
    assert result.exit_code == 3
    assert {item.name for item in result.untranslated} == {"odd", "reads", "instead"}
    assert _rows(database, "select count(*)::int from pg_trigger where not tgisinternal") == [(0,)]


def test_a_null_that_only_sqlite_takes_into_a_key_is_no_fault_of_the_trigger(
    make_sqlite: Callable[..., Path], database: str
) -> None:
    source = make_sqlite(
        """create table sale(id integer primary key, region text, amount int);
        create table total(region text primary key, amount int);
        create trigger kept after update on sale begin
            insert or ignore into total(region, amount) values (new.region, 0);
            update total set amount = amount + new.amount - old.amount where region = new.region;
        end;
        insert into sale values (1, 'north', 5); insert into total values ('north', 5);"""
    )
    result = migrate(source, database)
    assert (result.exit_code, result.untranslated) == (0, [])
    changed = _rows(database, "update sale set amount = 9 where id = 1", "select region, amount::int from total")
    assert changed == [("north", 9)]
