"""Chosen tables of the live database get a backup's rows: all of them in one transaction, or nothing has changed."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from broken import wait_for
from conftest import fresh_database
from cut_connection import through_a_cut
from hooking import no_session
from litelift.backup.chosen import ChosenTable, parsed
from litelift.backup.rows import Replaced, replace_rows
from litelift.errors import RowsRefused, TargetLost, TargetRights
from plain_role import plain_url

Url = Callable[[str], str]

SCHEMA = """
create type mood as enum ('sad', 'glad');
create domain positive as int check (value > 0);
create table school (id int generated always as identity primary key, name text not null);
create table pupil (
    id bigserial primary key, school_id int not null references school on delete cascade, up bigint references pupil,
    name text, full_name text generated always as (name || '!') stored,
    born date, at timestamptz, much numeric, near float8, raw bytea, doc jsonb, tags text[], feels mood, level positive,
    long interval, cash money
);
create table mark (id serial primary key, pupil_id bigint references pupil, points int check (points < 100));
create table log (what text);
create function note() returns trigger language plpgsql as
    $$begin insert into log values (tg_op); return coalesce(new, old); end$$;
create trigger noted before insert or delete on pupil for each row execute function note();
create trigger noted_mark before insert or delete on mark for each row execute function note();
create table part (at int primary key, t text) partition by range (at);
create table part_1 partition of part for values from (0) to (10);
create table part_2 partition of part for values from (10) to (20);
create table "we""ird %s; drop" ("i d %(a)s" int primary key, "select" text);
create table other (id int primary key);
"""
OLD = r"""
insert into school (name) values ('one'), ('two');
insert into pupil (school_id, name, born, at, much, near, raw, doc, tags, feels, level, long, cash) select 1 + n % 2,
    case when n % 3 = 0 then e'a\tb\n\\. "ə"' when n % 3 = 1 then '' end, 'infinity', '2025-10-26 00:30:00.123456+00',
    n / 7.0, n / 7.0, decode('00ff5c', 'hex'), '{"a": [1, null]}', '{NULL,"",x}', 'glad', 7, '1 mon -2 days', 12.34
    from generate_series(1, 300) n;
update pupil set up = id - 1 where id > 1;
insert into mark (pupil_id, points) select 1 + n % 300, n % 100 from generate_series(1, 500) n;
insert into part select n, 'p' || n from generate_series(0, 19) n;
insert into "we""ird %s; drop" values (1, '100% {} $$');
"""
LATER = """
delete from mark where id > 100; update pupil set name = 'changed';
truncate log; update part set t = 'lost'; delete from part where at > 12;
update "we""ird %s; drop" set "select" = 'lost';
select nextval('mark_id_seq') from generate_series(1, 1000);
"""
ALL = ["pupil", "mark", "part", 'we"ird %s; drop']


@dataclass
class Both:
    """The live database and the restored one, as the superuser and as who works."""

    live: str
    restored: str
    dsn: str

    def replace(self, *names: str, **more: object) -> Replaced:
        """Replace the rows of these tables of public."""
        return replace_rows(self.dsn, self.restored, [ChosenTable("public", name) for name in names], **more)  # type: ignore[arg-type]

    def do(self, *statements: str, restored: bool = False) -> list[tuple[object, ...]]:
        """Carry out statements; the last one's rows."""
        with psycopg.connect(self.restored if restored else self.live, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def rows(self, name: str, restored: bool = False) -> list[tuple[object, ...]]:
        """A table's rows, in text."""
        words = sql.SQL("select t::text from {} t order by t::text").format(sql.Identifier(name)).as_string()
        return self.do("set timezone = 'UTC'", words, restored=restored)

    def state(self) -> object:
        """All that must not change where it fails: rows, constraints, triggers, sequences."""
        return (
            [self.rows(name) for name in [*ALL, "school", "log"]],
            self.do("select conname, convalidated, pg_get_constraintdef(oid) from pg_constraint order by 1, 3"),
            self.do(
                "select tgname, tgenabled, tgrelid::regclass::text from pg_trigger where not tgisinternal order by 1, 3"
            ),
            self.do("select sequencename, last_value from pg_sequences order by 1"),
        )

    @contextlib.contextmanager
    def unchanged(self, *words: str, kind: type[BaseException] = RowsRefused) -> Iterator[None]:
        """What fails in the block with these words leaves everything as it was."""
        before = self.state()
        with pytest.raises(kind) as caught:
            yield
        for each in words:
            assert each in str(caught.value)
        no_session(self.live)
        assert self.state() == before


@contextlib.contextmanager
def both_of(server: Url, role: str = "superuser") -> Iterator[Both]:
    with fresh_database(server) as live, fresh_database(server) as restored:
        for url in (live, restored):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(SCHEMA)
                connection.execute(OLD)
        with psycopg.connect(live, autocommit=True) as connection:
            connection.execute(LATER)
        dsn = live
        if role == "owner":
            dsn = plain_url(live, role)
            with psycopg.connect(live, autocommit=True) as connection:
                for kind, name in connection.execute(
                    "select case relkind when 'S' then 'sequence' else 'table' end, relname from pg_class"
                    " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
                ).fetchall():
                    connection.execute(
                        sql.SQL("alter {} {} owner to plain_owner").format(sql.SQL(kind), sql.Identifier(name))
                    )
        yield Both(live, restored, dsn)


@pytest.fixture
def both(server: Url) -> Iterator[Both]:
    with both_of(server) as one:
        yield one


@pytest.mark.parametrize(("version", "role"), [(16, "superuser"), (16, "owner"), (18, "owner")])
def test_all_kinds_of_rows_come_back_exactly_and_no_trigger_acts(
    servers: Callable[[int], Url], version: int, role: str
) -> None:
    with both_of(servers(version), role) as both:
        before = both.state()
        done = both.replace(*ALL)
        for name in ALL:
            assert both.rows(name) == both.rows(name, restored=True)
        assert both.rows("log") == []
        after = both.state()
        assert isinstance(before, tuple)
        assert isinstance(after, tuple)
        assert after[1:3] == before[1:3]
        assert {table.table: table.rows for table in done.tables}["public.pupil"] == 300
        assert done.rows == 300 + 500 + 20 + 1
        assert [table.before for table in done.tables][2:] == [13, 1]
        assert [notice for notice in done.notices if notice.level == "attention"] == []
        assert both.do("select count(*) from part_2") == [(10,)]


def test_a_sequence_goes_past_the_rows_that_came_back_and_never_goes_back(both: Both) -> None:
    both.do("select setval('pupil_id_seq', 5)", "select setval('school_id_seq', 90)")
    (mark,) = both.do("select last_value from mark_id_seq")
    both.replace("pupil", "mark", "school")
    assert both.do("select nextval('pupil_id_seq'), nextval('mark_id_seq'), nextval('school_id_seq')") == [
        (301, int(str(mark[0])) + 1, 91)
    ]


def test_a_failed_replacement_leaves_the_sequences_where_they_were(both: Both) -> None:
    both.do("select setval('pupil_id_seq', 5)")
    with both.unchanged(kind=KeyboardInterrupt):

        def tell(words: str) -> None:
            if words == "checked":
                raise KeyboardInterrupt

        both.replace("pupil", "mark", tell=tell)


@pytest.mark.parametrize("role", ["superuser", "owner"])
def test_rows_that_would_refer_to_nothing_are_refused_both_ways(server: Url, role: str) -> None:
    with both_of(server, role) as both:
        # Marks of the backup whose pupils are gone.
        both.do("truncate mark", "delete from pupil where id > 2")
        with both.unchanged("mark_pupil_id_fkey on mark", "rows refer to nothing"):
            both.replace("mark")
        # Marks of today whose pupils the backup does not know.
        both.do("insert into pupil (id, school_id) values (9999, 1)", "insert into mark (pupil_id) values (9999)")
        with both.unchanged("mark_pupil_id_fkey on mark: 1 rows refer to nothing: pupil_id = 9999"):
            both.replace("pupil")
        both.replace("pupil", "mark")


def test_a_key_that_was_not_valid_before_is_told_and_stays_as_it_was(both: Both) -> None:
    both.do(
        "alter table mark drop constraint mark_pupil_id_fkey",
        "insert into mark (pupil_id) values (7777)",
        "alter table mark add constraint mark_pupil_id_fkey foreign key (pupil_id) references pupil not valid",
    )
    done = both.replace("pupil")
    assert [notice.kind for notice in done.notices] == ["constraint-not-valid"]
    assert "7777" in done.notices[0].message


def test_a_column_that_was_dropped_is_refused_only_where_it_held_values(both: Both) -> None:
    both.do("alter table mark drop column points")
    with both.unchanged("public.mark has no column points any more, and in the backup it holds 500 values"):
        both.replace("mark")
    both.do("update mark set points = null", restored=True)
    done = both.replace("mark")
    assert "held nothing" in done.notices[0].message
    assert both.do("select count(*) from mark") == [(500,)]


def test_a_column_that_is_new_gets_its_default_or_is_refused(both: Both) -> None:
    both.do("alter table mark add column weight int not null default 3, add column remark text")
    done = both.replace("mark")
    assert both.do("select distinct weight, remark from mark") == [(3, None)]
    assert sorted(notice.message for notice in done.notices) == [
        "public.mark.remark is not in the backup: each row gets NULL",
        "public.mark.weight is not in the backup: each row gets its default",
    ]
    both.do("alter table mark alter column weight drop default")
    with both.unchanged("public.mark has a new column weight, which must not be empty and has no default"):
        both.replace("mark")


def test_a_column_of_another_type_is_read_as_that_or_refused(both: Both) -> None:
    both.do("alter table mark alter column points type numeric(6, 2)")
    done = both.replace("mark")
    assert "was integer, and is numeric(6,2)" in done.notices[0].message
    assert both.rows("mark") != []
    both.do("alter table mark drop constraint mark_points_check")
    both.do("alter table mark alter column points type date using '2026-01-01'")
    with both.unchanged("invalid input syntax for type date"):
        both.replace("mark")


def test_rows_that_a_constraint_of_today_forbids_are_refused(both: Both) -> None:
    both.do("update mark set points = 1", "alter table mark add constraint few check (points < 50)")
    with both.unchanged("few", "violates check constraint"):
        both.replace("mark")
    both.do("alter table mark drop constraint few", "drop table part_2")
    with both.unchanged("no partition of relation"):
        both.replace("part")


def test_a_table_that_one_side_does_not_have_is_refused(both: Both) -> None:
    both.do("create table newer ()", "create view seen as select 1")
    both.do("drop table other", restored=True)
    for name, words in (
        ("nothing", "the live database has no table public.nothing"),
        ("part_1", "the live database has no table public.part_1 (a partition goes with its table)"),
        ("seen", "the live database has no table public.seen"),
        ("newer", "the backup has no table public.newer"),
        ("other", "the backup has no table public.other"),
    ):
        with both.unchanged(words):
            both.replace("mark", name)
    with both.unchanged("no table is named"):
        both.replace()


def test_a_role_that_does_not_own_the_tables_is_refused(both: Both) -> None:
    both.dsn = plain_url(both.live, "owner")
    with both.unchanged(kind=Exception):
        both.replace("mark")
    both.do("grant all on all tables in schema public to plain_owner")
    with both.unchanged("plain_owner", kind=TargetRights):
        both.replace("mark")


def test_rows_that_a_policy_hides_are_no_backup(both: Both) -> None:
    both.do("alter table mark enable row level security", "create policy few on mark using (points < 5)", restored=True)
    reader = make_conninfo(plain_url(both.restored, "schema"))
    both.do("grant select on all tables in schema public to plain_schema", restored=True)
    both.restored = reader
    with both.unchanged("row-level security", kind=Exception):
        both.replace("mark")


def test_who_writes_to_the_tables_is_waited_for_and_named(both: Both) -> None:
    with psycopg.connect(both.live, application_name="nightly import") as writer:
        # To the table that refers to it.
        writer.execute("insert into mark (points) values (1)")
        with pytest.raises(RowsRefused, match=r"others write to public.mark: the user postgres \(nightly import\)"):
            # Autovacuum gives way after a second (deadlock_timeout).
            both.replace("pupil", seconds=2)
        writer.rollback()
    both.replace("pupil", "mark")


def test_the_rows_may_lie_in_a_staging_schema_of_the_same_database(both: Both) -> None:
    both.do("create schema staging", "create table staging.mark (points int, id int, pupil_id bigint)")
    both.do("insert into staging.mark values (5, 1, 1), (6, 2, null)")
    done = replace_rows(both.live, both.live, [ChosenTable("public", "mark")], staging="staging")
    assert done.rows == 2
    assert both.do("select id, pupil_id, points from mark order by 1") == [(1, 1, 5), (2, None, 6)]


def test_tables_of_two_schemas_that_refer_to_each_other_are_replaced_together(both: Both) -> None:
    for restored in (False, True):
        both.do(
            "create schema b",
            "create table b.child (id int primary key, pupil_id bigint references public.pupil)",
            "insert into b.child select id, id from pupil",
            restored=restored,
        )
    tables = [ChosenTable("b", "child"), ChosenTable("public", "pupil"), ChosenTable("public", "mark")]
    both.do("insert into public.pupil (id, school_id) values (5000, 1)", "insert into b.child values (5000, 5000)")
    with both.unchanged("child_pupil_id_fkey"):
        both.replace("pupil", "mark")
    assert replace_rows(both.live, both.restored, tables).rows == 300 + 300 + 500
    assert both.do("select count(*) from b.child") == [(300,)]


def test_a_materialized_view_that_holds_the_rows_of_before_is_told(both: Both) -> None:
    both.do(
        "create view good as select * from mark where points > 50",
        "create materialized view best as select max(points) from good",
        "create materialized view schools as select count(*) from school",
    )
    assert [notice.message for notice in both.replace("mark").notices] == [
        "the materialized view public.best has the rows of before until it is refreshed"
    ]


def test_tables_are_named_as_a_manifest_names_them(both: Both) -> None:
    with psycopg.connect(both.live, autocommit=True) as connection:
        names = 'public."we""ird %s; drop"', "public.mark", '"Ə b"."c.d"'
        assert parsed(connection, names) == [("public", 'we"ird %s; drop'), ("public", "mark"), ("Ə b", "c.d")]
        for wrong in ("mark", "a.b.c", 'public."mark', ""):
            with pytest.raises(RowsRefused, match="expected a table with its schema"):
                parsed(connection, [wrong])


# --------------------------------------------------------------------- broken in the middle

KILLED = """
import os, signal, sys
from litelift.backup.chosen import ChosenTable, parsed
from litelift.backup.rows import replace_rows
live, restored, step = sys.argv[1:]
def tell(words):
    if words == step:
        os.kill(os.getpid(), signal.SIGKILL)
replace_rows(live, restored, [ChosenTable("public", name) for name in ("pupil", "mark")], tell=tell)
"""


def test_a_kill_at_any_step_leaves_all_of_the_old_rows_or_all_of_the_new(both: Both) -> None:
    before = both.state()
    live = make_conninfo(both.live, application_name="litelift")
    for step in ("deleted", "copied", "checked", "committed"):
        assert both.state() == before, step
        process = subprocess.run([sys.executable, "-c", KILLED, live, both.restored, step], timeout=300)
        assert process.returncode == -signal.SIGKILL
        no_session(both.live)
    for name in ("pupil", "mark"):
        assert both.rows(name) == both.rows(name, restored=True)


def test_a_session_that_is_ended_in_the_middle_leaves_nothing_changed(both: Both) -> None:
    def tell(words: str) -> None:
        if words == "copied":
            both.do(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'litelift' and datname = current_database()"
            )

    with both.unchanged(kind=TargetLost):
        both.replace("pupil", "mark", tell=tell)


def test_a_lost_answer_to_the_commit_is_found_out(both: Both, tmp_path: Path) -> None:
    with through_a_cut(both.live, tmp_path) as (between, dsn):
        both.dsn = dsn

        def tell(words: str) -> None:
            if words == "checked":
                between.cut_after(b"COMMIT", lambda: wait_for(lambda: len(both.rows("mark")) == 500))

        assert both.replace("pupil", "mark", tell=tell).rows == 800
    assert both.rows("pupil") == both.rows("pupil", restored=True)


def test_a_commit_that_never_arrived_is_found_out_too(both: Both, tmp_path: Path) -> None:
    with through_a_cut(both.live, tmp_path) as (between, dsn):
        both.dsn = dsn

        def tell(words: str) -> None:
            if words == "checked":
                between.cut_before(b"COMMIT")

        with both.unchanged("nothing has changed", kind=TargetLost):
            both.replace("pupil", "mark", tell=tell)
