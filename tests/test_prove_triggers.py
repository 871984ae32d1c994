"""Carried triggers are tried on both sides; one that does something else is found, and nothing stays changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from both_engines import Both
from litelift.plan.match import ColumnMatch, TableMatch
from litelift.prove import triggers as prove_triggers
from litelift.prove.triggers import Exercise, exercise

SCHEMA = """
create table t(id integer primary key, v text, n int, upd datetime);
create table log(id integer primary key, t_id int, old text, new text);
create table pair(a int, b text, n int, primary key(a, b));
create table loose(v text);
create trigger audit after update of v on t when old.v is not new.v begin
    insert into log(t_id, old, new) values(new.id, old.v, new.v); end;
create trigger gone after delete on t begin delete from log where t_id = old.id; update pair set n = n + 1; end;
create trigger made after insert on t begin insert into log(t_id, new) values(new.id, new.v); end;
create trigger touch after update on t begin update t set upd = datetime('now') where id = new.id; end;
create trigger no before delete on pair begin select raise(abort, 'pairs stay'); end;
create trigger more after insert on pair begin update t set n = coalesce(n, 0) + new.n where id = new.a; end;
create trigger keyless after insert on loose begin delete from log; end;
insert into t(id, v, n) values(1,'a',5),(2,'b',6),(7,null,null);
insert into log(t_id, new) values(1,'a'),(2,'b');
insert into pair values(1,'x',1),(1,'y',2),(2,'x',3);
"""


def trained(both: Both) -> dict[str, Exercise]:
    texts = [row[0] for row in both.sqlite.execute("select sql from sqlite_schema where type = 'trigger'")]
    matches = {
        name: TableMatch(
            name,
            relation.schema,
            relation.name,
            tuple(ColumnMatch(source, c.target, c.type) for source, c in relation.columns.items()),
            relation.primary_key,
        )
        for name, relation in both.relations.items()
    }
    found = exercise(both.sqlite, both.postgres, texts, both.relations, matches)
    return {one.trigger: one for one in found}


def made(database: str) -> Both:
    both = Both(database, SCHEMA)
    both.compare()
    both.translate()
    return both


def test_triggers_that_do_the_same_are_found_the_same_and_nothing_stays_changed(database: str) -> None:
    both = made(database)
    before = list(both.sqlite.iterdump())
    found = trained(both)
    outcomes = {name: one.outcome for name, one in found.items()}
    assert outcomes == {
        "audit": "same",
        "gone": "same",
        "made": "same",
        "touch": "same",
        "no": "same",
        "more": "same",
        "keyless": "not tried",
    }
    assert found["keyless"].reason == "its table has no key"
    assert found["no"].reason.startswith("both sides refuse 2 statements")
    assert list(both.sqlite.iterdump()) == before
    both.compare()
    # The numbers that the server gave out while they were tried are given out again.
    both.run("insert into log(t_id) values(99)")
    both.compare()
    both.close()


TAMPERED = [
    ("audit", 'OLD."v", NEW."v"', 'NEW."v", OLD."v"'),
    ("gone", "+ 1", "+ 2"),
    ("made", "RETURN NULL;", 'DELETE FROM "the App"."log"; RETURN NULL;'),
    ("no", "RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'pairs stay';", ""),
    ("more", 'NEW."n"', 'NEW."n" + 1'),
]


@pytest.mark.parametrize(("name", "words", "others"), TAMPERED)
def test_a_trigger_that_does_something_else_is_found(database: str, name: str, words: str, others: str) -> None:
    both = made(database)
    text = both.made[name].function_sql
    assert words in text
    both.postgres.execute(text.replace(words, others).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    one = trained(both)[name]
    assert one.outcome == "different"
    assert one.statements
    assert one.differences or "PostgreSQL said nothing" in one.reason
    both.close()


def test_a_value_is_taken_for_the_clock_only_where_it_is_about_now() -> None:
    now = datetime(2025, 6, 1, 12, tzinfo=UTC)
    seconds = now.timestamp()
    for text in ("2025-06-01 11:59:58", "2025-06-01T12:00:01Z", "2025-06-01", str(seconds), str(int(seconds * 1000))):
        assert prove_triggers._is_now(text, seconds), text
    for text in ("2", "0", "2024-06-01 12:00:00", "", "x", "12:00:00", "nan", "inf"):
        assert not prove_triggers._is_now(text, seconds), text


def test_the_order_in_which_rows_get_their_numbers_is_no_difference(database: str) -> None:
    script = """
    create table p(id integer primary key, n int); create table c(id integer primary key, p int, n int);
    create table log(id integer primary key, c int);
    create trigger a after update on p begin update c set n = new.n where p = new.id; end;
    create trigger b after update on c begin insert into log(c) values(new.id); end;
    insert into p values(1,1),(2,2); insert into c values(1,1,0),(2,1,0);
    """
    both = Both(database, script)
    both.translate()
    # The row goes behind the other one in PostgreSQL's file.
    both.run("update c set n = 1 where id = 1")
    assert trained(both)["a"].outcome == "same"
    both.close()


def test_a_table_of_one_row_is_changed_too(database: str) -> None:
    script = "create table t(id integer primary key, v text); create table log(old text, new text);"
    script += (
        "create trigger x after update on t when old.v is not new.v begin insert into log values(old.v, new.v); end;"
    )
    both = Both(database, script + "insert into t values(1,'a');")
    both.translate()
    one = trained(both)["x"]
    assert (one.outcome, one.statements[0]) == ("same", 'UPDATE "t" SET "v" = NULL WHERE "id" = 1')
    both.postgres.execute(
        'create or replace function "the App".x() returns trigger language plpgsql as $$begin return null; end$$'
    )
    assert trained(both)["x"].outcome == "different"
    both.close()


def test_a_large_source_is_not_copied(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    both = made(database)
    monkeypatch.setattr(prove_triggers, "MAX_BYTES", 1)
    assert {one.outcome for one in trained(both).values()} == {"not tried"}
    both.close()


def test_a_function_of_the_application_leaves_a_trigger_untried(database: str) -> None:
    script = "create table t(id integer primary key, v text); insert into t values(1,'a');"
    both = Both(database, script + "create trigger x after update on t begin select own(new.id); end;")
    one = trained(both)["x"]
    assert (one.outcome, "own" in one.reason) == ("not tried", True)
    both.close()


def test_the_source_file_is_only_read(database: str, make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite(SCHEMA)
    content = path.read_bytes()
    both = made(database)
    both.sqlite.close()
    both.sqlite = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    assert trained(both)["audit"].outcome == "same"
    both.close()
    assert path.read_bytes() == content
