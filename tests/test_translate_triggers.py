"""Triggers do in PostgreSQL what they do in SQLite: the same statements on both sides, then all tables compared."""

from __future__ import annotations

import psycopg
import pytest

from both_engines import VERSION, Both
from litelift.errors import Untranslatable
from litelift.postgres import types
from litelift.translate import FUNCTIONS, ColumnContext
from litelift.translate.relation import Relation
from litelift.translate.trigger import TranslatedTrigger, is_fts_sync, translate_trigger
from trigger_cases import CASES as STATEMENTS
from trigger_cases import ITEMS, LOG, Case
from trigger_cases_queries import CASES as QUERIES

CASES = STATEMENTS + QUERIES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_trigger_does_the_same_on_both_sides(database: str, case: Case) -> None:
    both = Both(database, case.schema)
    both.translate()
    for step in case.steps:
        errors = both.run(step)
        assert (errors[0] is None) == (errors[1] is None), (step, errors)
        if errors[0] and "constraint" not in errors[0]:
            # The message of RAISE arrives as it is.
            assert errors[0] == errors[1]
        both.compare()
    assert bool([remark for made in both.made.values() for remark in made.remarks]) == case.remarks
    assert sorted(name for name, made in both.made.items() if made.guarded) == sorted(case.guarded)
    both.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_trigger_that_knows_of_no_other_does_the_same(database: str, case: Case) -> None:
    """Without the list of all triggers each one that writes is guarded, and means the same."""
    both = Both(database, case.schema)
    found = both.sqlite.execute("select tbl_name, sql from sqlite_schema where type = 'trigger'").fetchall()
    for table, text in found:
        relation = next(r for n, r in both.relations.items() if n.lower() == table.lower())
        try:
            made = translate_trigger(text, relation, both.relations, VERSION)
        except Untranslatable as error:
            assert "triggers of its own" in str(error)
            both.close()
            return
        for function in made.needs:
            both.postgres.execute(FUNCTIONS[function])
        both.postgres.execute(made.function_sql)
        both.postgres.execute(made.trigger_sql[0])
    for step in case.steps:
        both.run(step)
        both.compare()
    both.close()


T = ITEMS + LOG
REFUSED = [
    ("after insert on t begin update or ignore t set n = 1; end", "UPDATE OR IGNORE"),
    ("after insert on t begin insert into gone values(1); end", "no table gone"),
    ("after insert on t begin insert into log(missing) values(1); end", "no column missing"),
    ("after insert on t begin insert into log(t_id) values(changes()); end", "changes()"),
    ("after insert on t begin select notify(new.id); end", "notify()"),
    ("after insert on t begin insert into log(t_id) values(raise(ignore)); end", "RAISE(IGNORE) in the middle"),
    ("before update on t begin update t set n = 1 where id = new.id; end", "undefined"),
    ("before delete on t begin delete from t where id = old.id; end", "undefined"),
    ("before insert on t begin insert into log(t_id) values(last_insert_rowid()); end", "last_insert_rowid()"),
    ("after update of missing on t begin delete from log; end", "never fires"),
    ("after insert on t begin insert into log(t_id) values(new.v); end", "a text value in a bigint column"),
    ("instead of insert on t begin delete from log; end", "INSTEAD OF on a table"),
    ("after insert on t begin insert or replace into pairs(a, b) values(1, 2); end", "more than one unique key"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_cannot_mean_the_same_is_refused_with_the_reason(text: str, reason: str) -> None:
    columns = {
        "id": ColumnContext("id", types.BIGINT, declared="INTEGER"),
        "v": ColumnContext("v", types.TEXT, declared="TEXT"),
        "n": ColumnContext("n", types.BIGINT, declared="INT"),
    }
    t = Relation("public", "t", columns, ("id",), "id")
    log = Relation(
        "public",
        "log",
        {"id": columns["id"], "t_id": ColumnContext("t_id", types.BIGINT, declared="INT")},
        ("id",),
        "id",
    )
    pairs = Relation("public", "pairs", {"a": columns["n"], "b": columns["n"]}, (), None, (("a",), ("b",)))
    relations = {"t": t, "log": log, "pairs": pairs}
    with pytest.raises(Untranslatable) as caught:
        translate_trigger(f"create trigger x {text}", t, relations, VERSION, triggers=[])
    assert reason in str(caught.value.facts["reason"])


def test_a_trigger_that_only_keeps_a_full_text_table_is_known() -> None:
    head = "create trigger x after update on t begin "
    insert = "insert into t_fts(t_fts, rowid, v) values('delete', old.rowid, old.v);"
    assert is_fts_sync(
        head + insert + " insert into [T_FTS](rowid, v) values(new.rowid, highlight(new.v)); end", ["t_fts"]
    )
    assert is_fts_sync(head + "delete from t_fts where docid = old.rowid; end", ["t_fts"])
    assert not is_fts_sync(head + insert + " insert into log values(1); end", ["t_fts"])
    assert not is_fts_sync(head + "select raise(abort, 't_fts'); end", ["t_fts"])
    assert not is_fts_sync(head + insert + " end", ["other"])
    assert not is_fts_sync("not a trigger", ["t_fts"])


def test_generated_columns_have_no_value_before_the_row_is_written() -> None:
    columns = {
        "id": ColumnContext("id", types.BIGINT),
        "s": ColumnContext("s", types.BIGINT),
        "v": ColumnContext("v", types.BIGINT),
    }
    t = Relation("public", "t", columns, ("id",), "id", generated={"s": "stored", "v": "virtual"})
    log = Relation("public", "log", {"n": columns["id"]})
    relations = {"t": t, "log": log}

    def made(head: str, column: str) -> TranslatedTrigger:
        text = f"create trigger x {head} on t begin insert into log values({column}); end"
        return translate_trigger(text, t, relations, VERSION)

    assert 'NEW."s"' in made("after insert", "new.s").function_sql
    assert 'OLD."s"' in made("before update", "old.s").function_sql
    for head, column in (("before insert", "new.s"), ("after insert", "new.v"), ("after delete", "old.v")):
        with pytest.raises(Untranslatable):
            made(head, column)


def test_the_message_and_the_class_of_raise_arrive(database: str) -> None:
    both = Both(database, T + "create trigger x before insert on t begin select raise(abort, '100% \\ ''no'''); end;")
    both.translate()
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation) as caught:
        both.postgres.execute("insert into t(id) values(1)")
    assert caught.value.diag.message_primary == "100% \\ 'no'"
    both.close()
