"""All that is in a database is listed by kind, alike before and after a restore; and roles and rights come back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from conftest import Url
from litelift.backup.catalogue import differences, objects
from litelift.backup.create_database import apply_properties, create_database
from litelift.backup.create_roles import acting_for, create_roles
from litelift.backup.properties import capture_properties, compare_properties
from litelift.backup.roles import Role, capture_roles
from litelift.postgres.connect import Connection
from litelift.postgres.programs import shipped
from other_cluster import open_as, own_names, run, url_as
from rights_example import INSIDE, ROLES

KINDS = ("owner", "app", "reader", "keeper", "auditor", "outside", "database")


def _names(prefix: str) -> dict[str, str]:
    return {kind: f"{prefix} '{kind}' \"$\" ə" for kind in KINDS}


@pytest.fixture
def names(server: Url, icu_server: Url, servers: Callable[[int], Url]) -> Iterator[dict[str, str]]:
    """The names of the example's roles and its database, which is on ``server``."""
    with own_names(server, icu_server, servers(18)) as prefix:
        names = _names(prefix)
        _make(server, names)
        yield names


def _make(server: Url, names: dict[str, str]) -> None:
    with open_as(server, "postgres") as admin:
        run(admin, ROLES, **names)
    with open_as(server, names["database"]) as admin:
        run(admin, INSIDE, **names)


def _dump(server: Url, database: str, path: Path, version: int) -> None:
    words = [str(shipped(version) / "pg_dump"), "-Fc", "-f", str(path), "-d", server(quote(database, safe=""))]
    subprocess.run(words, check=True, capture_output=True, timeout=120)


def _restore(path: Path, server: Url, database: str, version: int, *words: str) -> None:
    into = ["-d", server(quote(database, safe="")), str(path)]
    subprocess.run([str(shipped(version) / "pg_restore"), "-e", *words, *into], check=True, timeout=120)


INFORMATION = (
    "table_privileges",
    "column_privileges",
    "routine_privileges",
    "usage_privileges",
    "udt_privileges",
    "applicable_roles",
)
CATALOGUES = {
    "policies": "select * from pg_policies",
    "settings of functions": "select proname, prosecdef, proconfig::text from pg_proc where pronamespace::regnamespace"
    "::text = 'public'",
    "default rights": """
        select pg_get_userbyid(defaclrole), defaclobjtype::text, coalesce(nspname, ''), a.privilege_type,
               a.is_grantable, case when grantee = 0 then 'PUBLIC' else pg_get_userbyid(grantee) end
        from pg_default_acl left join pg_namespace n on n.oid = defaclnamespace, aclexplode(defaclacl) a
        where privilege_type <> 'MAINTAIN'""",
    "owners": """
        select relname::text, pg_get_userbyid(relowner) from pg_class
        where relkind in ('r', 'p', 'v', 'm', 'S') and relnamespace::regnamespace::text !~ '^(pg_|information)'
        union all select proname || pg_get_function_identity_arguments(oid), pg_get_userbyid(proowner) from pg_proc
        where oid > 16383""",
}


def _rights(connection: Connection, names: dict[str, str]) -> dict[str, list[str]]:
    """The rights that the server itself lists: those of everybody, and those that only each role sees of itself."""
    found: dict[str, list[tuple[Any, ...]]] = {
        table: connection.execute(
            f"select to_jsonb({table}) - 'specific_name' from information_schema.{table}"
            f" where to_jsonb({table})::text not like '%\"pg\\_%' and"
            f" to_jsonb({table})::text not like '%information\\_schema%'"
        ).fetchall()
        for table in INFORMATION
    }
    for what, query in CATALOGUES.items():
        found[what] = connection.execute(query).fetchall()
    for kind in KINDS[:-1]:
        found[f"of {kind}"] = connection.execute(
            """select relname, p, has_table_privilege(%s, c.oid, p) from pg_class c,
                      unnest(array['select', 'insert', 'update', 'delete', 'select with grant option']) p
               where c.relkind in ('r', 'p', 'v', 'm') and c.oid > 16383
               union all select proname || pg_get_function_identity_arguments(oid), 'execute',
                                has_function_privilege(%s, oid, 'execute') from pg_proc where oid > 16383""",
            (names[kind], names[kind]),
        ).fetchall()
    assert all(found[table] for table in INFORMATION)
    return {what: sorted(repr(row) for row in rows) for what, rows in found.items()}


@pytest.mark.parametrize("target", ["18", "icu 15"])
def test_roles_rights_and_objects_are_as_they_were_after_a_restore_into_another_cluster(
    servers: Callable[[int], Url],
    icu_server: Url,
    tmp_path: Path,
    target: str,
) -> None:
    """From 16 to 18, and from Debian's 15 to 16: a newer server's dump no older one is promised to read."""
    source, other, version = (servers(16), servers(18), 18) if target == "18" else (icu_server, servers(16), 16)
    with own_names(source, other) as prefix:
        names = _names(prefix)
        _make(source, names)
        with open_as(source, names["database"]) as connection:
            roles, properties = capture_roles(connection, passwords=True), capture_properties(connection)
            before, rights = objects(connection), _rights(connection, names)
        _dump(source, names["database"], tmp_path / "dump", version)
        with open_as(other, "postgres") as admin:
            assert create_roles(admin, roles).notes == []
            run(admin, "create role {outside} login", **names)
            create_database(admin, names["database"], properties)
            _restore(tmp_path / "dump", other, names["database"], version)
            assert apply_properties(admin, names["database"], properties) == []
        with open_as(other, names["database"]) as connection:
            after = objects(connection)
            assert differences(before, after) == []
            assert after == before
            assert _rights(connection, names) == rights
            assert _without_options(capture_roles(connection, passwords=True), source) == roles
            said = compare_properties(properties, capture_properties(connection))
            assert [each for each in said if not each.startswith(("locale", "collation"))] == []


SUPERUSERS = ("event trigger", "told()", "pg_ls_logdir", "owner to {keeper}", "set role {app}", "4711")
"""What of the example only a superuser brings back: also what belongs to a role that may create nothing there,
and a right that another than the owner has granted."""


def test_a_login_with_createdb_and_createrole_brings_rights_back_too(
    server: Url, servers: Callable[[int], Url], tmp_path: Path
) -> None:
    other = servers(18)
    with own_names(server, other) as prefix:
        names = _names(prefix)
        with open_as(server, "postgres") as admin:
            run(admin, ROLES, **names)
        with open_as(server, names["database"]) as connection:
            plain = [each for each in INSIDE.split(";\n") if not any(word in each for word in SUPERUSERS)]
            run(connection, ";\n".join(plain), **names)
            roles, properties = capture_roles(connection), capture_properties(connection)
            before, rights = objects(connection), _rights(connection, names)
        _dump(server, names["database"], tmp_path / "dump", 18)
        with open_as(other, "postgres") as admin:
            run(admin, "create role {maker} login createdb createrole", maker=f"{prefix}m")
            run(admin, "create role {outside} login", **names)
        with open_as(other, "postgres", f"{prefix}m") as maker:
            assert create_roles(maker, roles).notes == []
            with acting_for(maker, [role.name for role in roles if role.owns]) as refused:
                assert create_database(maker, names["database"], properties) == []
                into = url_as(other, names["database"], f"{prefix}m")
                words = [str(shipped(18) / "pg_restore"), "-e", "-d", into, str(tmp_path / "dump")]
                subprocess.run(words, check=True, timeout=120)
                assert apply_properties(maker, names["database"], properties) == []
            assert refused == []
        with open_as(other, names["database"]) as connection:
            assert differences(before, objects(connection)) == []
            after = _rights(connection, names)
        # Who makes a role administers it from then on.
        assert after.pop("applicable_roles") != rights.pop("applicable_roles")
        assert after == rights


def _without_options(roles: list[Role], source: Url) -> list[Role]:
    """The roles as a server knows them whose memberships have no options, if the source is one."""
    with open_as(source, "postgres") as connection:
        if connection.info.server_version >= 160000:
            return roles
    plain: dict[str, None] = {"inherit": None, "set": None}
    return [
        role.model_copy(update={"member_of": [each.model_copy(update=plain) for each in role.member_of]})
        for role in roles
    ]


def test_every_kind_of_object_is_listed(server: Url, names: dict[str, str]) -> None:
    with open_as(server, names["database"]) as connection:
        found = objects(connection)
        connection.execute("set search_path = public")
        assert objects(connection) == found
        assert connection.execute("show search_path").fetchone() == ("public",)
    assert found["schema"] == ['"Odd ""one"', "public"]
    for kind, line in {
        "constraint": 'later on "Odd ""one"."ta.ble: x": foreign key, to public.people, not valid',
        "trigger": "touched on public.people: disabled",
        "function": "public.secret_of(bigint): security definer, sql, body ",
        "type": "\"Odd \"\"one\".mood: enum 'good', 'it''s, bad'",
        "domain": "public.percent: integer, not null, default",
        "default": "public.people.mood",
        "generated column": "public.people.doubled: stored",
        "identity column": "public.people.id: always",
        "index": "public.partial on public.people: unique, btree",
        "inheritance": "public.parts_1 on public.parts: partition",
        "policy": "strict on public.people: all, restrictive, for PUBLIC",
        "materialized view": "public.counted: not populated, 1 columns ",
        "sequence": "public.fast_a_seq on public.fast: integer 1..2147483647 by 1 from 1 for a",
        "event trigger": "watch: ddl_command_end, always",
        "published table": "pub on public.people",
        "rule": "quiet on public.fast",
        "statistics": "public.both_ on public.people: f",
        "procedure": "public.nothing(integer): plpgsql, body ",
        "aggregate": "public.total(integer)",
        "comment": "class_column: 1, ",
        "right": "table public.fast: " + _quoted(names["owner"]) + " without DELETE",
    }.items():
        assert [each for each in found[kind] if each.startswith(line)], (kind, line, found[kind])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


CHANGES = {
    "drop index public.partial": "index public.partial on public.people: unique, btree is missing",
    "alter table public.people disable row level security": "table public.people is replica identity full, 6 columns",
    "alter table public.people alter secret set not null": "table public.people is row security, replica identity",
    "drop trigger parts_touched on public.parts": "trigger parts_touched on public.parts is missing",
    'alter table "Odd ""one"."ta.ble: x" validate constraint later': 'later on "Odd ""one"."ta.ble: x" is foreign key,',
    "create table public.more ()": "table public.more is new",
    "comment on table public.people is 'none'": "comment class is ",
    "create or replace function public.told() returns event_trigger language plpgsql as 'begin /**/ end'": "told()",
    'alter type "Odd ""one".mood add value \'new\'': "mood is enum 'good', 'it''s, bad', 'new', and was enum 'good', ",
    "grant delete on public.people to public": "right table public.people: PUBLIC DELETE is new",
    "revoke update (mood) on public.people from {reader}": "right column public.people.mood: ",
    "alter default privileges for role {owner} in schema public revoke select on tables from {reader}": "right default",
    "alter table public.parts_1 owner to {app}": "owner table public.parts_1 is ",
    "revoke execute on function pg_ls_logdir() from {auditor}": "right function pg_catalog.pg_ls_logdir(): ",
    "drop policy own on public.people": "policy own on public.people",
    "alter table public.people alter id set generated by default": "identity column public.people.id is by default, ",
    "alter sequence public.free increment by 6": "sequence public.free is ",
}


def test_whatever_is_otherwise_is_told(server: Url, names: dict[str, str]) -> None:
    with open_as(server, names["database"]) as connection:
        before = objects(connection)
        assert differences(before, before) == []
        for change, told in CHANGES.items():
            with connection.transaction(force_rollback=True):
                run(connection, change, **names)
                said = differences(before, objects(connection))
                assert any(told in each for each in said), (change, said)
        rights = "grant delete on public.people to public"
        with connection.transaction(force_rollback=True):
            run(connection, rights)
            assert differences(before, objects(connection), rights=False) == []


def test_what_an_extension_brings_is_its_own_but_for_rights_that_were_changed(icu_database: str) -> None:
    with psycopg.connect(icu_database) as connection:
        before = objects(connection)
        connection.execute("create extension citext")
        (extension, comment) = differences(before, objects(connection))
        assert extension == "extension citext: in public is new"
        assert comment.startswith("comment extension: 1, ")
        connection.execute("grant execute on function citext_larger(citext, citext) to pg_monitor")
        assert differences(before, objects(connection))[2:] == [
            "right function public.citext_larger(public.citext, public.citext): pg_monitor ALL is new"
        ]


def test_a_plain_role_sees_all_objects(server: Url, names: dict[str, str]) -> None:
    with open_as(server, names["database"]) as connection:
        everything = objects(connection)
    with open_as(server, names["database"], names["outside"]) as connection:
        assert objects(connection) == everything
