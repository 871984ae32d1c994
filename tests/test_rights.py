"""What a role needs: its own database, or one schema and an empty one for litelift. Nobody needs a superuser."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from broken import objects, one_clear_error
from command import litelift
from conftest import Url, fresh_database
from litelift.postgres.judge import Judge
from litelift.postgres.types import PgType
from plain_role import plain_url

pytestmark = pytest.mark.superuser

SCRIPT = """
    create table pupils(id integer primary key, name text not null collate nocase unique, grade int, note text,
        twice int generated always as (grade * 2) stored, label text as ('#' || lower(name)) stored,
        at text default (strftime('%s', 'now')), j text check (json_valid(j)));
    create table marks(id integer primary key, pupil integer references pupils on delete cascade, mark decimal(4,2));
    create index by_pupil on marks(pupil) where mark > 2;
    create view good as select p.name, m.mark from pupils p join marks m on m.pupil = p.id where m.mark > 4;
    create trigger graded after insert on marks begin update pupils set grade = grade + 1 where id = new.pupil; end;
    create virtual table notes using fts5(body, tokenize = 'porter');
    insert into pupils(id, name, grade, j) values (1, 'Aysel', 5, '{}'), (2, 'Orxan', 6, '[1]');
    insert into marks(id, pupil, mark) values (1, 1, 4.5), (2, 2, 3.25);
    insert into notes values ('running fast');
"""
ENUM = '[tables.pupils.columns.note]\nenum = "note_kind"\n'

ROLES = pytest.mark.parametrize("role", ["owner", "schema"])


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Path:
    return make_sqlite(SCRIPT)


def _holds(source: Path, url: str, *words: str | Path) -> None:
    moved = litelift("migrate", source, url, *words)
    assert moved.status in (0, 3), moved
    verified = litelift("verify", source, url)
    assert verified.status == moved.status, verified
    report = litelift("report", url, "--json")
    assert report.status == 0, report
    assert report.json["tables"]


@ROLES
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_plain_role_moves_everything_verifies_and_reports(role: str, jobs: str, source: Path, database: str) -> None:
    plan = source.with_name("plan.toml")
    plan.write_text(ENUM)
    with sqlite3.connect(source) as connection:
        connection.execute("update pupils set note = 'kept'")
    connection.close()
    _holds(source, plain_url(database, role), "--jobs", jobs, "--plan", plan)
    with psycopg.connect(database) as admin:
        made = admin.execute(
            "select (select count(*) from pg_trigger where not tgisinternal), (select count(*) from pg_views where"
            " schemaname = 'public'), (select count(*) from pg_attribute where attrelid = 'pupils'::regclass"
            " and attgenerated <> ''), (select count(*) from pg_type where typname = 'note_kind')"
        ).fetchone()
    assert made == (1, 1, 2, 1)


@ROLES
def test_a_plain_role_moves_onto_a_server_with_icu(role: str, source: Path, icu_server: Url) -> None:
    with fresh_database(icu_server) as url:
        _holds(source, plain_url(url, role))


TARGET = """
    create domain grade as int check (value between 1 and 12);
    create table pupils(id bigserial primary key, name varchar(40) not null, grade grade, first_mark bigint);
    create table marks(id bigserial primary key, pupil bigint not null references pupils on delete cascade);
    alter table pupils add constraint first foreign key (first_mark) references marks;
    create function never() returns trigger language plpgsql as $$ begin raise exception 'never'; end $$;
    create trigger never before insert on marks for each row execute function never();
"""
FILLING = """
    create table pupils(id integer primary key, name text, grade int, first_mark int);
    create table marks(id integer primary key, pupil int);
    insert into pupils values (1, 'Aysel', 5, 1), (2, 'Orxan', 6, null);
    insert into marks values (1, 1), (2, 2);
"""


@ROLES
def test_a_plain_role_fills_its_own_tables_cyclic_keys_triggers_and_domains_included(
    role: str, make_sqlite: Callable[..., Path], database: str
) -> None:
    url = plain_url(database, role)
    with psycopg.connect(url) as owner:
        owner.execute(TARGET)
    _holds(make_sqlite(FILLING), url, "--data-only")
    with psycopg.connect(url) as owner:
        triggers = owner.execute("select tgenabled::text from pg_trigger where tgname = 'never'").fetchall()
        keys = owner.execute(
            "select convalidated from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace"
        ).fetchall()
    assert (triggers, keys) == ([("O",)], [(True,), (True,)])


@ROLES
@pytest.mark.parametrize("words", [(), ("--data-only",)])
def test_a_failed_move_of_a_plain_role_leaves_what_it_found(
    role: str, words: tuple[str, ...], make_sqlite: Callable[..., Path], database: str
) -> None:
    url = plain_url(database, role)
    if words:
        with psycopg.connect(url) as owner:
            owner.execute(TARGET)
    before = objects(database)
    source = make_sqlite(FILLING.replace("2, 'Orxan', 6", "2, 'Orxan', 'sixth'"))
    ran = litelift("migrate", source, url, "--on-misfit", "fail", *words)
    assert ran.status == 1, ran
    assert objects(database) == before


@ROLES
def test_what_a_plain_role_moved_it_can_take_back_and_the_schema_made_for_it_stays(
    role: str, make_sqlite: Callable[..., Path], database: str
) -> None:
    url = plain_url(database, role)
    before = objects(database)
    assert litelift("migrate", make_sqlite(SCRIPT), url).status in (0, 3)
    undone = litelift("undo", url, "--yes")
    assert undone.status == 0, undone
    assert objects(database) == before


@pytest.mark.parametrize("words", [(), ("--data-only",)])
def test_a_role_with_one_schema_is_told_the_line_that_makes_the_other_and_it_is_enough(
    words: tuple[str, ...], make_sqlite: Callable[..., Path], database: str
) -> None:
    url = plain_url(database, "bare")
    source = make_sqlite(FILLING)
    if words:
        with psycopg.connect(url) as owner:
            owner.execute(TARGET)
    before = objects(database)
    line = 'CREATE SCHEMA litelift AUTHORIZATION "plain_bare"'
    ran = litelift("migrate", source, url, *words)
    one_clear_error(ran, 1, "the role plain_bare may not create the schema litelift", f"Ask the owner for: {line}")
    assert objects(database) == before
    with psycopg.connect(database) as admin:
        admin.execute(line)
    _holds(source, url, *words)


@pytest.fixture
def judges(database: str) -> Iterator[tuple[Judge, Judge]]:
    """One that may make a function of its own, and one that may not."""
    with psycopg.connect(database) as admin:
        admin.execute("create domain grade as int check (value between 1 and 12)")
    both = Judge(database), Judge(plain_url(database, "schema"))
    yield both
    for judge in both:
        judge.close()


def test_a_role_without_temporary_objects_learns_the_same_of_every_text(judges: tuple[Judge, Judge]) -> None:
    texts = [str(number) for number in range(-40, 40)] + ["", "x", "1 day", "10.1.2.3", "[1,5)", "a'b\\", "5"]
    for words in ("public.grade", "interval", "inet", "int4range", "varchar(2)"):
        first, second = (judge(PgType("text", written=words), texts) for judge in judges)
        assert first == second
        assert first or words == "varchar(2)"
