"""What a move leaves for a person, made by real moves of SQLite files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from broken import wait_for
from command import litelift
from litelift.monitor.baseline import FILE, Baseline
from litelift.monitor.checks import move_rows
from monitored import database_at, found_by, only

Make = Callable[..., Path]

SCHOOLS = """
    create table schools (id integer primary key, name text not null);
    create table "pu'pils" (id integer primary key, "school id" integer references schools (id), born integer,
                            age integer check (age > 5));
    insert into schools with recursive n (i) as (select 1 union all select i + 1 from n where i < 200)
        select i, 'school ' || i from n;
    insert into "pu'pils" select id, id, 2010, 10 from schools;
"""
TROUBLE = """
    pragma ignore_check_constraints = on;
    insert into "pu'pils" values (300, 9999, 2010, 10), (301, 1, 2010, 2), (302, 2, 'ten', 7);
    create trigger grown after update on "pu'pils" begin
        update schools set name = load_extension(new.id) where id = new.age;
    end;
"""
CHECKS = ("unvalidated-constraints", "quarantine", "untranslated", "shrunken-tables")


def moved(database: str, source: Path, status: int) -> None:
    """Move it, with this exit status."""
    assert litelift("migrate", source, database, "--quiet").status == status


@pytest.mark.parametrize(
    "version", [pytest.param(version, marks=pytest.mark.postgres(version)) for version in (16, 18)]
)
def test_what_a_move_left_is_found_and_gone_once_a_person_has_seen_to_it(
    database: str, tmp_path: Path, make_sqlite: Make, version: int
) -> None:
    moved(database, make_sqlite(SCHOOLS + TROUBLE), 3)
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as person:
        constraints = only(found_by("unvalidated-constraints", of))
        assert constraints.state == "warning"
        by_kind = {item["kind"]: item for item in constraints.items}
        assert by_kind.keys() == {"CHECK", "FOREIGN KEY"}
        for kind, key in (("CHECK", 301), ("FOREIGN KEY", 300)):
            assert [row[0] for row in person.execute(str(by_kind[kind]["rows"]))] == [key]
            person.execute(sql.SQL('delete from "pu\'pils" where id = {}').format(key))
            person.execute(str(by_kind[kind]["validate"]))
        assert only(found_by("unvalidated-constraints", of)).state == "ok"

        quarantine = only(found_by("quarantine", of))
        assert (quarantine.state, quarantine.facts["left"], quarantine.facts["seen"]) == ("warning", 1, 0)
        assert quarantine.items[0]["table"] == "pu'pils" and quarantine.items[0]["column"] == "born"
        person.execute("update litelift.quarantine set seen_at = now()")
        quarantine = only(found_by("quarantine", of))
        assert (quarantine.state, quarantine.found, quarantine.facts["seen"]) == ("ok", "seen", 1)

        untranslated = only(found_by("untranslated", of))
        assert (untranslated.state, untranslated.items[0]["name"]) == ("warning", "grown")
        person.execute("update litelift.untranslated set seen_at = now() where name = 'grown'")
        assert only(found_by("untranslated", of)).state == "ok"


def test_a_move_that_left_nothing_and_a_database_that_was_not_moved_are_silent(
    database: str, tmp_path: Path, make_sqlite: Make
) -> None:
    of = database_at(database, tmp_path)
    assert [only(found_by(name, of)).found for name in CHECKS] == ["none", "no-move", "no-move", "nothing"]
    moved(database, make_sqlite(SCHOOLS), 0)
    assert [(only(found_by(name, of)).state, only(found_by(name, of)).found) for name in CHECKS] == [("ok", "none")] * 4


def test_a_journal_of_an_older_litelift_is_read_too(database: str, tmp_path: Path, make_sqlite: Make) -> None:
    moved(database, make_sqlite(SCHOOLS + TROUBLE), 3)
    with psycopg.connect(database, autocommit=True) as owner:
        for table in ("quarantine", "untranslated"):
            owner.execute(sql.SQL("alter table {} drop column seen_at").format(sql.Identifier("litelift", table)))
    of = database_at(database, tmp_path)
    assert [only(found_by(name, of)).state for name in ("quarantine", "untranslated")] == ["warning"] * 2


@pytest.mark.superuser
def test_a_login_that_may_not_read_the_journal_is_told_the_right_that_it_lacks(
    database: str, tmp_path: Path, make_sqlite: Make
) -> None:
    moved(database, make_sqlite(SCHOOLS + TROUBLE), 3)
    with psycopg.connect(database, autocommit=True) as owner:
        (name,) = owner.execute("select 'looks ' || current_database()").fetchone() or ("",)
        role = sql.Identifier(name)
        owner.execute(sql.SQL("create role {} login").format(role))
        try:
            of = database_at(make_conninfo(database, user=name).replace('"', ""), tmp_path)
            assert [only(found_by(each, of)).found for each in CHECKS] == ["some", "closed", "closed", "nothing"]
            owner.execute(sql.SQL("grant usage on schema litelift to {}").format(role))
            owner.execute(sql.SQL("grant select on all tables in schema litelift to {}").format(role))
            assert [only(found_by(each, of)).found for each in CHECKS] == ["some", "some", "some", "none"]
        finally:
            owner.execute(sql.SQL("drop owned by {0}; drop role {0}").format(role))


def test_what_is_ignored_is_not_told(database: str, tmp_path: Path, make_sqlite: Make) -> None:
    moved(database, make_sqlite(SCHOOLS + TROUBLE), 3)
    of = database_at(database, tmp_path, '[monitor]\nignore = ["quarantine:pu\'pils.born", "untranslated:grown"]\n')
    assert [only(found_by(name, of)).state for name in ("quarantine", "untranslated")] == ["ok"] * 2


def test_a_table_that_lost_rows_since_the_move_is_found(database: str, tmp_path: Path, make_sqlite: Make) -> None:
    moved(database, make_sqlite(SCHOOLS), 0)
    of = database_at(database, tmp_path)
    with psycopg.connect(database) as clumsy:
        clumsy.execute('delete from "pu\'pils" where id > 150')
    wait_for(lambda: only(found_by("shrunken-tables", of)).state == "warning")
    finding = only(found_by("shrunken-tables", of))
    assert [dict(item) for item in finding.items] == [{"table": "public.pu'pils", "rows_then": 200, "rows_now": 150}]
    with psycopg.connect(database) as clumsy:
        clumsy.execute('truncate "pu\'pils"; drop table schools cascade')
    wait_for(lambda: len(only(found_by("shrunken-tables", of)).items) == 2)
    finding = only(found_by("shrunken-tables", of))
    assert (finding.state, [item["rows_now"] for item in finding.items]) == ("critical", [0, None])


def test_the_baseline_says_what_is_normal_where_there_is_one(database: str, tmp_path: Path, make_sqlite: Make) -> None:
    moved(database, make_sqlite(SCHOOLS), 0)
    of = database_at(database, tmp_path)
    of.folder.mkdir()
    rows = {"public.schools": 1000, "public.pu'pils": 220, "public.sessions": 5000, "public.few": 3}
    (of.folder / FILE).write_text(Baseline(at=datetime.now(UTC), rows=rows).model_dump_json())
    finding = only(found_by("shrunken-tables", of))
    assert (finding.state, [item["table"] for item in finding.items]) == ("critical", ["public.schools"])


@pytest.mark.superuser
def test_statistics_that_were_set_back_are_no_lost_rows(database: str, tmp_path: Path, make_sqlite: Make) -> None:
    moved(database, make_sqlite(SCHOOLS), 0)
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as someone:
        someone.execute("select pg_stat_reset()")
        query = "select sum(pg_stat_get_live_tuples(oid)) from pg_class where relname in ('schools', 'pu''pils')"
        assert someone.execute(query).fetchone() == (0,)
    assert only(found_by("shrunken-tables", of)).state == "ok"


def test_what_was_analysed_is_believed_of_a_table_that_is_too_large_to_be_counted(
    database: str, tmp_path: Path, make_sqlite: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved(database, make_sqlite(SCHOOLS), 0)
    monkeypatch.setattr(move_rows, "READ_MOST", 20)
    of = database_at(database, tmp_path)
    with psycopg.connect(database, autocommit=True) as clumsy:
        clumsy.execute('delete from "pu\'pils" where id > 100')
        clumsy.execute('analyze "pu\'pils"')
    assert only(found_by("shrunken-tables", of)).items[0]["rows_now"] == 100


def test_a_table_that_is_locked_keeps_the_look_for_no_longer_than_its_time_out(
    database: str, tmp_path: Path, make_sqlite: Make
) -> None:
    moved(database, make_sqlite(SCHOOLS), 0)
    of = database_at(database, tmp_path)
    with psycopg.connect(database) as holder, psycopg.connect(database, autocommit=True) as other:
        other.execute('delete from "pu\'pils" where id > 100')
        other.execute('analyze "pu\'pils"')
        holder.execute('lock "pu\'pils"')
        assert only(found_by("shrunken-tables", of)).items[0]["rows_now"] == 100
