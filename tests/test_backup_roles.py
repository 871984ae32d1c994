"""The roles that a database names are read, and made on a server that has not all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from conftest import Url
from litelift.backup.create_roles import acting_for, create_roles
from litelift.backup.rights import Setting, list_names, set_clause
from litelift.backup.roles import Role, capture_roles, read_roles, unread
from litelift.errors import TargetError
from litelift.postgres.connect import Connection
from other_cluster import open_as, own_names, run

ROLES = """
create role {owner} login createdb connection limit 7 valid until '2031-02-03 04:05:06+04' password 'Gecə-2026!';
create role {rw} noinherit;
create role {app} login in role {rw} password null;
create role {top} createrole;
create role {stranger} login;
create role {settled} login;
grant {top} to {rw} with admin option;
alter role {rw} set search_path = "$user", "Odd, ""schema"" name", public;
alter role {app} set statement_timeout = '5s';
alter role {app} set "litelift.tenant" = 'a=b, c';
comment on role {top} is 'whoever heads it, "quoted" ''twice''';
create database {database} owner {owner};
alter role {settled} in database {database} set work_mem = '8MB'
"""
INSIDE = """
create table public.t (a int);
alter table public.t owner to {owner};
grant select on public.t to {rw} with grant option
"""


def _names(prefix: str) -> dict[str, str]:
    kinds = ("owner", "rw", "app", "top", "stranger", "settled", "database")
    return {kind: f'{prefix} "{kind}" $1 ə' for kind in kinds}


@pytest.fixture
def other(servers: Callable[[int], Url]) -> Url:
    """Another cluster than that of ``server``, of another version."""
    return servers(18)


@pytest.fixture
def names(server: Url, other: Url) -> Iterator[dict[str, str]]:
    """The names of roles that only ``server`` has, and of the database that names them."""
    with own_names(server, other) as prefix:
        names = _names(prefix)
        with open_as(server, "postgres") as admin:
            run(admin, ROLES, **names)
        with open_as(server, names["database"]) as admin:
            run(admin, INSIDE, **names)
        yield names


def _capture(server: Url, database: str, *, passwords: bool = False) -> list[Role]:
    with open_as(server, database) as connection:
        return capture_roles(connection, passwords=passwords)


def _own(roles: list[Role], names: dict[str, str]) -> dict[str, Role]:
    return {kind: role for role in roles for kind, name in names.items() if role.name == name}


def _make_database(server: Url, names: dict[str, str]) -> None:
    """The database of INSIDE on the other server, on which the roles have been made."""
    with open_as(server, "postgres") as admin:
        run(admin, "create database {database} owner {owner}", **names)
        run(admin, "alter role {settled} in database {database} set work_mem = '8MB'", **names)
    with open_as(server, names["database"]) as admin:
        run(admin, INSIDE, **names)


def test_the_roles_of_a_database_are_those_it_names_their_members_and_the_groups_above(
    server: Url, names: dict[str, str]
) -> None:
    roles = _own(_capture(server, names["database"]), names)
    assert set(roles) == {"owner", "rw", "app", "top", "settled"}
    assert {kind for kind, role in roles.items() if role.named} == {"owner", "rw", "settled"}
    assert {kind for kind, role in roles.items() if role.owns} == {"owner"}
    owner, rw = roles["owner"], roles["rw"]
    assert (owner.login, owner.createdb, owner.connection_limit) == (True, True, 7)
    assert owner.valid_until == "2031-02-03 00:05:06.000000+00"
    assert (owner.has_password, owner.password) == (True, None)
    assert roles["app"].has_password is False
    assert [(each.role, each.admin) for each in rw.member_of] == [(names["top"], True)]
    assert roles["top"].comment == "whoever heads it, \"quoted\" 'twice'"
    assert Setting(name="litelift.tenant", value="a=b, c") in roles["app"].settings


def test_what_the_first_superuser_owns_names_it_though_the_server_keeps_no_account_of_that(
    server: Url, names: dict[str, str]
) -> None:
    with open_as(server, names["database"]) as connection:
        assert "postgres" not in {role.name for role in capture_roles(connection)}
        connection.execute("create table public.theirs ()")
        assert "postgres" in {role.name for role in capture_roles(connection) if role.named}


def test_roles_made_on_another_cluster_are_those_that_were_captured(
    server: Url, other: Url, names: dict[str, str]
) -> None:
    before = _capture(server, names["database"], passwords=True)
    assert _own(before, names)["owner"].password.startswith("SCRAM-SHA-256$")  # type: ignore[union-attr]
    assert "SCRAM" not in repr(before)
    with open_as(other, "postgres") as admin:
        done = create_roles(admin, before)
        assert sorted(done.made) == sorted(role.name for role in before)
        assert (done.missing, done.notes, done.without_password) == ([], [], [])
        again = create_roles(admin, before)
    assert (again.made, again.differences, again.notes) == ([], [], [])
    assert sorted(again.existing) == sorted(done.made)
    _make_database(other, names)
    assert _capture(other, names["database"], passwords=True) == before


def test_a_manifest_keeps_roles_as_they_are(server: Url, names: dict[str, str]) -> None:
    roles = _capture(server, names["database"])
    assert [Role.model_validate_json(role.model_dump_json()) for role in roles] == roles


def test_without_passwords_who_needs_a_new_one_is_told(server: Url, other: Url, names: dict[str, str]) -> None:
    with open_as(other, "postgres") as admin:
        done = create_roles(admin, _capture(server, names["database"]))
    # The one that had none needs none.
    assert done.without_password == [names["owner"]]


def test_a_plain_owner_reads_all_but_passwords_and_says_so(server: Url, names: dict[str, str]) -> None:
    everything = _capture(server, names["database"])
    assert unread(everything) == []
    with open_as(server, names["database"], names["owner"]) as connection:
        seen = capture_roles(connection, passwords=True)
    assert seen == [role.model_copy(update={"has_password": None}) for role in everything]
    (note,) = unread(seen)
    assert names["owner"] in note.message
    assert names["rw"] not in note.message


def test_a_role_that_is_there_stays_as_it_is_and_its_differences_are_told(
    server: Url, other: Url, names: dict[str, str]
) -> None:
    roles = _capture(server, names["database"])
    with open_as(other, "postgres") as admin:
        run(admin, "create role {top} login connection limit 3;\ncreate role {app} nologin", **names)
        done = create_roles(admin, roles)
        there = _own(capture_all(admin), names)
    assert (there["top"].login, there["top"].connection_limit, there["top"].createrole) == (True, 3, False)
    told = "\n".join(done.differences)
    for said in ("login is yes, and was no", "connection limit is 3, and was -1", "createrole is no, and was yes"):
        assert f"role {names['top']}: {said}" in told
    assert f"role {names['app']}: without statement_timeout = 5s" in told
    # Of the group that was missing it is a member, as it was: it has its rights there.
    assert [each.role for each in there["app"].member_of] == [names["rw"]]


def capture_all(admin: Connection) -> list[Role]:
    """All roles of a server."""
    found = admin.execute("select rolname from pg_roles").fetchall()
    return list(read_roles(admin, [name for (name,) in found]).values())


def test_a_membership_between_two_roles_that_are_there_is_left_to_the_administrator(
    server: Url, other: Url, names: dict[str, str]
) -> None:
    roles = _capture(server, names["database"])
    with open_as(other, "postgres") as admin:
        run(admin, "create role {rw};\ncreate role {app}", **names)
        done = create_roles(admin, roles)
        there = _own(capture_all(admin), names)
        assert there["app"].member_of == []
        (note,) = [note for note in done.notes if "is no member" in note.message]
        admin.execute(note.sql)
        assert [each.role for each in _own(capture_all(admin), names)["app"].member_of] == [names["rw"]]


POWERS = """
create role {top} superuser replication bypassrls;
create role {rw} in role {top};
create role {app} login in role pg_execute_server_program, pg_monitor;
create database {database} owner {app};
alter role {rw} in database {database} set work_mem = '8MB'
"""


def test_powers_over_the_server_are_given_only_where_they_are_asked_for(server: Url, other: Url) -> None:
    with own_names(server, other) as prefix, open_as(other, "postgres") as admin:
        names = _names(prefix)
        with open_as(server, "postgres") as source:
            run(source, POWERS, **names)
        roles = _capture(server, names["database"])
        done = create_roles(admin, roles)
        there = _own(capture_all(admin), names)
        assert not (there["top"].superuser or there["top"].replication or there["top"].bypassrls)
        assert [each.role for each in there["app"].member_of] == ["pg_monitor"]
        # What is told is the way to have them.
        told = [note for note in done.notes if "only where it is asked for" in note.message]
        assert len(told) == 4
        for note in told:
            admin.execute(note.sql)
        assert create_roles(admin, roles).differences == []
        assert _own(capture_all(admin), names)["top"].superuser


def test_a_member_of_a_superuser_is_made_only_where_it_is_asked_for(server: Url, other: Url) -> None:
    with own_names(server, other) as prefix, open_as(other, "postgres") as admin:
        names = _names(prefix)
        with open_as(server, "postgres") as source:
            run(source, POWERS, **names)
        roles = _capture(server, names["database"])
        run(admin, "create role {top} superuser", **names)
        done = create_roles(admin, roles)
        assert _own(capture_all(admin), names)["rw"].member_of == []
        assert any(f"role {names['rw']} is no member of {names['top']}" in note.message for note in done.notes)
        run(admin, "drop role {rw}", **names)
        create_roles(admin, roles, powers=True)
        assert [each.role for each in _own(capture_all(admin), names)["rw"].member_of] == [names["top"]]


@pytest.mark.parametrize("version", [16, 18])
def test_a_login_with_createrole_makes_what_it_may_and_gives_the_sql_for_the_rest(
    servers: Callable[[int], Url], version: int
) -> None:
    source, target = servers(16), servers(18) if version == 18 else servers(16)
    with own_names(source, target) as prefix:
        names = _names(prefix)
        with open_as(source, "postgres") as admin:
            run(admin, ROLES, **names)
            run(admin, "alter role {app} set log_min_messages = 'error';\ngrant pg_monitor to {app}", **names)
        with open_as(source, names["database"]) as admin:
            run(admin, INSIDE, **names)
        before = _capture(source, names["database"], passwords=True)
        with open_as(target, "postgres") as admin:
            if version == 16:
                run(admin, "drop database {database}", **names)
                run(admin, "drop role {app}, {rw}, {owner}, {top}, {settled}", **names)
            run(admin, "create role {name} login createrole", name=f"{prefix} maker")
            with open_as(target, "postgres", f"{prefix} maker") as maker:
                done = create_roles(maker, before)
                assert sorted(done.made) == sorted(role.name for role in before)
                left = [note.message for note in done.notes]
                assert len(left) == 4, "\n".join(left)
                assert f"role {names['owner']} has not CREATEDB" in left[0]
                assert f"role {names['app']} is no member of pg_monitor" in left[1]
                # Nobody but a superuser may set what no extension has declared.
                assert f"role {names['app']} is without its setting litelift.tenant" in left[2]
                assert f"role {names['app']} is without its setting log_min_messages" in left[3]
            for note in done.notes:
                admin.execute(note.sql)
        _make_database(target, names)
        assert _capture(target, names["database"], passwords=True) == before


def test_a_login_without_createrole_gives_the_sql_for_all_of_it(server: Url, other: Url, names: dict[str, str]) -> None:
    before = _capture(server, names["database"])
    with open_as(other, "postgres") as admin:
        run(admin, "create role {stranger} login", **names)
        with open_as(other, "postgres", names["stranger"]) as nobody:
            done = create_roles(nobody, before)
        assert sorted(done.missing) == sorted(role.name for role in before)
        assert done.made == []
        for note in done.notes:
            admin.execute(note.sql)
    _make_database(other, names)
    without = [role.model_copy(update={"has_password": False}) for role in before]
    assert _capture(other, names["database"]) == without


def test_where_the_server_fails_no_role_is_made(server: Url, other: Url, names: dict[str, str]) -> None:
    before = _capture(server, names["database"])
    with open_as(other, "postgres") as admin:
        admin.execute("set transaction_timeout = '1ms'")
        with pytest.raises(TargetError):
            create_roles(admin, before * 50)
    with open_as(other, "postgres") as admin:
        assert _own(capture_all(admin), names) == {}


def test_a_login_with_createrole_owns_for_others_only_while_it_restores(other: Url) -> None:
    with own_names(other) as prefix, open_as(other, "postgres") as admin:
        run(admin, "create role {a} login createrole createdb;\ncreate role {c}", a=f"{prefix}a", c=f"{prefix}c")
        with open_as(other, "postgres", f"{prefix}a") as maker:
            run(maker, "create role {b}", b=f"{prefix}b")
            with acting_for(maker, [f"{prefix}b", f"{prefix}c", "not there"]) as notes:
                run(maker, "create database {d} owner {b}", d=f"{prefix}d", b=f"{prefix}b")
                (note,) = notes
                assert f"{prefix}a may not act as role {prefix}c" in note.message
            query = "select pg_has_role(oid, 'set') from pg_roles where rolname = %s"
            assert maker.execute(query, (f"{prefix}b",)).fetchone() == (False,)


NAMES = st.text(
    st.characters(min_codepoint=1, max_codepoint=0x2FFF, exclude_categories=["Cs"]), min_size=1, max_size=20
) | st.sampled_from(['"', "''", "a.b", "%s", "{}", "$user", "--", "current_user", "user", "ə" * 20, ";drop", "a\nb"])


@settings(max_examples=5)
@given(words=st.lists(NAMES, min_size=3, max_size=3, unique=True), value=NAMES)
def test_whatever_they_are_called_roles_come_back(server: Url, words: list[str], value: str) -> None:
    with own_names(server) as prefix, open_as(server, "postgres") as admin:
        # The server would cut a longer name itself.
        group, user, database = (f"{prefix}{word}".encode()[:63].decode(errors="ignore") for word in words)
        for role in {group, user}:
            run(admin, "create role {role}", role=role)
        if group != user:
            run(admin, "grant {group} to {user}", group=group, user=user)
        alter = sql.SQL("alter role {} ").format(sql.Identifier(user))
        admin.execute(alter + set_clause(Setting(name="litelift.word", value=value)))
        run(admin, "create database {database} owner {user}", database=database, user=user)
        before = _capture(server, database)
        assert {role.name for role in before} == {group, user}
        run(admin, "drop database {database}", database=database)
        for role in {group, user}:
            run(admin, "drop role {role}", role=role)
        done = create_roles(admin, before)
        assert (sorted(done.made), done.notes) == (sorted({group, user}), [])
        run(admin, "create database {database} owner {user}", database=database, user=user)
        assert _capture(server, database) == before


@settings(max_examples=30)
@given(names=st.lists(NAMES | st.just(""), min_size=1, max_size=4))
def test_a_list_of_names_is_read_as_the_server_reads_it(server: Url, names: list[str]) -> None:
    with open_as(server, "postgres") as connection:
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        assert list_names(quoted) == names
        ((stored,),) = connection.execute("select string_agg(quote_ident(n), ', ') from unnest(%s::text[]) n", (names,))
        assert list_names(stored) == names
