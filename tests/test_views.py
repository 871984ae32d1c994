"""Views move with their database: in the order of what they read, each compared, and told where it cannot come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from litelift import migrate
from litelift.plan.file import PlanFile
from litelift.translate.views import TranslatedView, translate_view

TABLES = """
create table schools(id integer primary key, name text not null);
create table pupils(id integer primary key, school_id int references schools(id), name text, active boolean, fee real);
insert into schools values (1,'Bakı'),(2,'Gəncə');
insert into pupils values (1,1,'Əli',1,10.1),(2,1,'Leyla',0,20.2),(3,2,'Orxan',1,30.3);
"""


def _rows(database: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def test_views_arrive_in_the_order_of_what_they_read(make_sqlite: Callable[..., Path], database: str) -> None:
    source = make_sqlite(
        TABLES
        + """create view a_busy as select * from z_counts where live > 0;
        create view z_counts as select s.name, count(p.id) as n, ifnull(sum(p.active), 0) as live, total(p.fee) as fees
          from schools s left join pupils p on p.school_id = s.id group by s.id;"""
    )
    result = migrate(source, database)
    assert result.exit_code == 0
    [views] = [item for item in result.proof.objects if item.kind.startswith("views")]
    assert (views.expected, views.present) == (2, 2)
    assert _rows(database, "select name, n::int, live::int from a_busy order by n") == [("Gəncə", 1, 1), ("Bakı", 2, 1)]


def test_a_view_that_cannot_be_translated_is_told_with_its_sql_and_what_reads_it_too(
    make_sqlite: Callable[..., Path], database: str
) -> None:
    source = make_sqlite(
        TABLES
        + """create view quoted_names as select quote(name) as q from pupils;
        create view on_quoted as select q from quoted_names;
        create view plain as select name from pupils;"""
    )
    result = migrate(source, database)
    assert result.exit_code == 3
    told = {item.name: item for item in result.untranslated}
    assert set(told) == {"quoted_names", "on_quoted"}
    assert "quote(name)" in told["quoted_names"].sql
    assert "quoted_names" in told["on_quoted"].reason
    assert len(_rows(database, "select * from plain")) == 3
    assert _rows(database, "select kind, name from litelift.untranslated order by name") == [
        ("view", "on_quoted"),
        ("view", "quoted_names"),
    ]


def test_a_view_whose_rows_differ_does_not_stay(
    make_sqlite: Callable[..., Path], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_sqlite(
        TABLES + "create view names as select name from pupils; create view few as select * from names;"
    )

    def wrong(*arguments: Any) -> TranslatedView:
        found = translate_view(*arguments)
        return replace(found, sql=found.sql + " where false") if found.name == "names" else found

    monkeypatch.setattr("litelift.plan.views.translate_view", wrong)
    result = migrate(source, database)
    assert result.exit_code == 3
    told = {item.name: item.reason for item in result.untranslated}
    assert told["names"].startswith("its rows differ: 3 in SQLite, 0 in PostgreSQL; for example")
    assert told["few"] == "it reads names, which is not carried"
    assert _rows(database, "select count(*) from pg_views where schemaname = 'public'") == [(0,)]


def test_a_view_follows_the_plans_names_values_and_exclusions(
    make_sqlite: Callable[..., Path], database: str, tmp_path: Path
) -> None:
    source = make_sqlite(
        """create table surveys(id integer primary key, status text);
        insert into surveys values (1,'aktiv'),(2,'bağlı');
        create view live as select id, status from surveys where status = 'aktiv';
        create view old as select id from surveys;"""
    )
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[tables.surveys]\nname = "questionnaires"\n[tables.surveys.columns.status]\n'
        'values = { "aktiv" = "active", "bağlı" = "closed" }\n[tables.old]\nexclude = true\n',
        encoding="utf-8",
    )
    assert migrate(source, database, plan=plan).exit_code == 0
    assert _rows(database, "select id::int, status from live") == [(1, "active")]
    assert _rows(database, "select to_regclass('public.old') is null") == [(True,)]


def test_hostile_names_of_views_are_kept(make_sqlite: Callable[..., Path], database: str) -> None:
    source = make_sqlite(TABLES + 'create view "my ""view""; drop %s" as select name as "a %s {b}" from pupils;')
    assert migrate(source, database, plan=PlanFile()).exit_code == 0
    assert len(_rows(database, 'select "a %s {b}" from "my ""view""; drop %s"')) == 3
