"""Every trigger of a source is planned, replaced, or left behind with its reason; none is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from litelift.plan.file import PlanFile
from litelift.plan.names import Namer
from litelift.plan.plan import MovePlan
from litelift.plan.relations import plan_relations
from litelift.plan.request import whole_requests
from litelift.plan.triggers import plan_triggers
from litelift.plan.whole import plan_whole
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.count import take_census
from litelift.sqlite.schema import Schema

SCHEMA = """
create table parent(id integer primary key autoincrement, name text not null unique);
create table t(id integer primary key, v text, active boolean, parent int references parent(id) on delete cascade,
    doubled int generated always as (parent * 2) stored);
create unique index t_v on t(v) where active;
create table counts("table" text primary key, n int default 0);
insert into parent(name) values('p');
insert into t(id, v, active, parent) values(1, 'a', 1, 1);
create virtual table t_fts using fts5(v, content='t', content_rowid='id');
create trigger t_ai after insert on t begin insert into t_fts(rowid, v) values(new.id, new.v); end;
create trigger shadowed after insert on t_fts_data begin insert or replace into counts values('x', 1); end;
create trigger counted after insert on t begin
    insert or replace into counts values('t', coalesce((select n from counts where "table" = 't'), 0) + 1); end;
create trigger parent_gone after delete on parent begin delete from t where parent = old.id; end;
create trigger own after insert on t begin select notify(new.id); end;
create trigger t_gone after delete on t begin delete from parent where id = old.parent; end;
"""


def planned(path: Path) -> tuple[MovePlan, Schema]:
    connection = sqlite3.connect(path)
    schema = read_catalogue(connection)
    file = PlanFile()
    requests = whole_requests(schema, file)
    censuses = {
        request.table.name: take_census(
            connection,
            request.scan,
            request.key,
            {column: [candidate.probe() for candidate in tried] for column, tried in request.candidates.items()},
        )
        for request in requests
    }
    plan = plan_whole(connection, schema, requests, censuses, file)
    connection.close()
    return plan, schema


def test_every_trigger_is_planned_replaced_or_left_with_its_reason(make_sqlite: Callable[..., Path]) -> None:
    plan, schema = planned(make_sqlite(SCHEMA))
    found = plan_triggers(plan, schema, 160014, Namer())
    assert [trigger.name for trigger, _ in found.made] == ["counted", "parent_gone", "t_gone"]
    assert [trigger.name for trigger in found.replaced] == ["shadowed", "t_ai"]
    assert [(left.name, left.reason) for left in found.untranslated] == [
        ("own", "the function notify() is not known"),
    ]
    # parent_gone and t_gone fire each other.
    assert {made.name for _, made in found.made if made.guarded} == {"parent_gone", "t_gone"}


def test_what_a_trigger_may_name_has_its_keys_and_what_foreign_keys_reach(make_sqlite: Callable[..., Path]) -> None:
    plan, schema = planned(make_sqlite(SCHEMA))
    known = plan_relations(plan, schema)
    assert known["parent"].identity == "id"
    assert known["parent"].unique() == [("id",), ("name",)]
    assert known["parent"].cascades == ("t",)
    assert known["t"].other_keys
    assert dict(known["t"].generated) == {"doubled": "stored"}
    assert not known["counts"].other_keys
