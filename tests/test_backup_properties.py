"""A database's owner, locale, rights and settings are read, and given to one that is made for a restore."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Url
from litelift.backup.create_database import apply_properties, create_database
from litelift.backup.create_roles import acting_for, create_roles
from litelift.backup.properties import DatabaseProperties, Grant, capture_properties, compare_properties
from litelift.backup.rights import Setting
from litelift.backup.roles import capture_roles
from litelift.errors import DatabaseExists, TargetError
from other_cluster import open_as, own_names, run

SCRIPT = """
create role {owner} login;
create role {reader} login;
create role {keeper} login;
create database {database} owner {owner} connection limit 12;
revoke all on database {database} from public;
revoke temporary on database {database} from {owner};
grant connect on database {database} to {keeper} with grant option;
set role {keeper};
grant connect on database {database} to {reader};
reset role;
grant create, connect on database {database} to {reader};
alter database {database} set search_path = "$user", "Odd, schema", '';
alter database {database} set default_transaction_read_only = on;
alter database {database} set "litelift.word" = 'a=b ''c'' \\';
alter role {reader} in database {database} set statement_timeout = '7s';
comment on database {database} is 'the "first" one''s';
alter database {database} is_template true
"""


@pytest.fixture
def other(servers: Callable[[int], Url]) -> Url:
    """Another cluster than that of ``server``, of another version."""
    return servers(18)


def _names(prefix: str) -> dict[str, str]:
    return {kind: f"{prefix} '{kind}' \"$\" ə" for kind in ("owner", "reader", "keeper", "database")}


@pytest.fixture
def names(server: Url, other: Url) -> Iterator[dict[str, str]]:
    """The names of a database on ``server``, and of its roles, which both servers have."""
    with own_names(server, other) as prefix:
        names = _names(prefix)
        with open_as(server, "postgres") as admin:
            run(admin, SCRIPT, **names)
        with open_as(other, "postgres") as admin, open_as(server, names["database"]) as source:
            create_roles(admin, capture_roles(source))
        yield names


def _capture(server: Url, database: str, role: str | None = None) -> DatabaseProperties:
    with open_as(server, database, role) as connection:
        return capture_properties(connection)


def test_a_database_made_from_properties_has_them_on_another_version_too(
    server: Url, other: Url, names: dict[str, str]
) -> None:
    before = _capture(server, names["database"])
    assert Setting(name="litelift.word", value="a=b 'c' \\") in before.settings
    assert Setting(name="statement_timeout", value="7s", role=names["reader"]) in before.settings
    passed_on = Grant(grantor=names["keeper"], grantee=names["reader"], privilege="CONNECT", grantable=False)
    assert passed_on in before.grants
    with open_as(other, "postgres") as admin:
        assert create_database(admin, names["database"], before) == []
        assert apply_properties(admin, names["database"], before) == []
        assert apply_properties(admin, names["database"], before) == []
    after = _capture(other, names["database"])
    assert compare_properties(before, after) == []
    assert after == before
    assert DatabaseProperties.model_validate_json(before.model_dump_json()) == before


def test_what_a_restore_would_stumble_over_comes_at_the_end(server: Url, other: Url, names: dict[str, str]) -> None:
    before = _capture(server, names["database"])
    with open_as(other, "postgres") as admin:
        create_database(admin, names["database"], before)
    made = _capture(other, names["database"])
    assert (made.settings, made.connection_limit, made.is_template) == ([], -1, False)
    # Nobody else looks in meanwhile who might not before.
    assert not any(grant.grantee is None and grant.privilege == "CONNECT" for grant in made.grants)


def test_any_login_reads_the_properties(server: Url, names: dict[str, str]) -> None:
    assert _capture(server, names["database"], names["reader"]) == _capture(server, names["database"])


def test_another_owner_gets_the_rights_of_the_old_one(server: Url, other: Url, names: dict[str, str]) -> None:
    before = _capture(server, names["database"])
    with open_as(other, "postgres") as admin, own_names(other) as prefix:
        run(admin, "create role {new}", new=f"{prefix}new")
        assert create_database(admin, f"{prefix}d", before, owner=f"{prefix}new") == []
        assert apply_properties(admin, f"{prefix}d", before) == []
        after = _capture(other, f"{prefix}d")
    assert compare_properties(before, after) == [f"owner: {prefix}new, and was {names['owner']}"]
    mine = {grant.privilege for grant in after.grants if grant.grantee == f"{prefix}new"}
    assert mine == {"CREATE", "CONNECT"}
    assert names["owner"] not in {grant.grantor for grant in after.grants}


def test_every_difference_is_told(server: Url, names: dict[str, str]) -> None:
    before = _capture(server, names["database"])
    with open_as(server, "postgres") as admin:
        run(
            admin,
            """
grant temporary on database {database} to public;
revoke create on database {database} from {reader};
alter database {database} reset default_transaction_read_only;
alter database {database} set work_mem = '9MB';
alter database {database} connection limit -1;
alter database {database} is_template false;
comment on database {database} is null;
alter database {database} owner to {keeper}
""",
            **names,
        )
    told = compare_properties(before, _capture(server, names["database"]))
    for said in (
        f"owner: {names['keeper']}, and was {names['owner']}",
        "connection limit: -1, and was 12",
        'comment: None, and was the "first" one\'s',
        "template: False, and was True",
        f"right: without CREATE for {names['reader']}, granted by {names['keeper']}",
        f"right: with TEMPORARY for PUBLIC, granted by {names['keeper']}",
        "setting: without default_transaction_read_only = on",
        "setting: with work_mem = 9MB",
    ):
        assert said in told, told


def test_properties_are_put_back_where_they_were_changed(server: Url, names: dict[str, str]) -> None:
    before = _capture(server, names["database"])
    with open_as(server, "postgres") as admin:
        run(
            admin,
            """
grant all on database {database} to public;
grant create on database {database} to {keeper} with grant option;
alter database {database} set work_mem = '9MB';
alter role {keeper} in database {database} set work_mem = '10MB';
alter database {database} set search_path = public
""",
            **names,
        )
        assert apply_properties(admin, names["database"], before) == []
    after = _capture(server, names["database"])
    assert compare_properties(before, after) == []


def test_a_login_with_createdb_and_createrole_restores_and_says_what_it_may_not(
    server: Url, other: Url, names: dict[str, str]
) -> None:
    with open_as(server, names["database"]) as source:
        before, roles = capture_properties(source), capture_roles(source)
    with own_names(other) as prefix, open_as(other, "postgres") as admin:
        for kind in ("owner", "reader", "keeper"):
            run(admin, "drop role {name}", name=names[kind])
        run(admin, "create role {maker} login createdb createrole", maker=f"{prefix}maker")
        with open_as(other, "postgres", f"{prefix}maker") as maker:
            assert create_roles(maker, roles).notes == []
            with acting_for(maker, [role.name for role in roles]) as refused:
                assert create_database(maker, names["database"], before) == []
                notes = apply_properties(maker, names["database"], before)
            assert refused == []
        assert ["litelift.word" in note.message for note in notes] == [True]
        admin.execute(notes[0].sql)
        after = _capture(other, names["database"])
        assert sorted(compare_properties(before, after)) == []


def test_without_createdb_no_database_is_made(server: Url, other: Url, names: dict[str, str]) -> None:
    before = _capture(server, names["database"])
    with open_as(other, "postgres", names["reader"]) as connection:
        with pytest.raises(TargetError, match="permission denied to create database") as raised:
            create_database(connection, names["database"], before)
        assert "CREATEDB" in raised.value.hint


def test_a_database_that_is_there_is_not_touched(server: Url, names: dict[str, str]) -> None:
    before = _capture(server, names["database"])
    with open_as(server, "postgres") as admin, pytest.raises(DatabaseExists):
        create_database(admin, names["database"], before)
    assert _capture(server, names["database"]) == before


def test_an_owner_who_is_not_there_is_told_with_the_sql(server: Url, other: Url, names: dict[str, str]) -> None:
    before = _capture(server, names["database"]).model_copy(update={"owner": "not 'there'", "tablespace": "fast"})
    with open_as(other, "postgres") as admin:
        owner, tablespace = create_database(admin, names["database"], before)
    assert "there is no such role" in owner.message
    assert "OWNER TO \"not 'there'\"" in owner.sql
    assert "tablespace fast" in tablespace.message


LOCALES: list[dict[str, Any]] = [
    {"provider": "icu", "locale": "az-Latn", "icu_rules": "&a < g", "collate": "C.UTF-8", "ctype": "C.UTF-8"},
    {"provider": "libc", "collate": "xx_XX.UTF-8", "ctype": "xx_XX.UTF-8"},
    {"provider": "builtin", "locale": "PG_NEW_ONE", "collate": "C", "ctype": "C"},
    {"provider": "libc", "collate": "English_United States.1252", "ctype": "C", "encoding": "WIN1252"},
]


@pytest.mark.parametrize("locale", LOCALES, ids=lambda locale: str(locale.get("locale", locale["collate"])))
@pytest.mark.parametrize("version", [16, 18])
def test_a_server_without_the_locale_makes_it_in_another_and_says_so(
    servers: Callable[[int], Url], version: int, locale: dict[str, Any]
) -> None:
    server = servers(version)
    with own_names(server) as prefix, open_as(server, "postgres") as admin:
        before = capture_properties(admin).model_copy(update={"tablespace": "pg_default", **locale})
        notes = create_database(admin, f"{prefix}d", before)
        after = _capture(server, f"{prefix}d")
    assert after.encoding == "UTF8"
    assert after.words in ("libc C.UTF-8", "builtin C.UTF-8")
    assert f"the locale is {after.words}, and was {before.words}" in notes[-1].message


@pytest.mark.parametrize(
    ("version", "locale", "words"),
    [(16, "C.UTF-8", "libc C.UTF-8"), (16, "C", "libc C"), (18, "PG_UNICODE_FAST", "builtin PG_UNICODE_FAST")],
)
def test_a_locale_of_postgresql_s_own_is_kept_where_the_server_has_it(
    servers: Callable[[int], Url], version: int, locale: str, words: str
) -> None:
    server = servers(version)
    with own_names(server) as prefix, open_as(server, "postgres") as admin:
        before = capture_properties(admin).model_copy(
            update={"provider": "builtin", "locale": locale, "collate": "C", "ctype": "C"}
        )
        notes = create_database(admin, f"{prefix}d", before)
        after = _capture(server, f"{prefix}d")
    assert after.words == words
    assert [note.message for note in notes if "the locale is" not in note.message] == []
    assert bool(notes) == (version == 16)


def test_an_icu_locale_is_kept_and_without_icu_is_told(icu_server: Url, server: Url) -> None:
    with own_names(icu_server, server) as prefix, open_as(icu_server, "postgres") as admin:
        admin.execute(
            f"create database {prefix}a template template0 encoding 'UTF8' locale_provider icu icu_locale 'az'"
        )
        before = _capture(icu_server, f"{prefix}a")
        assert before.words == "icu az"
        assert create_database(admin, f"{prefix}b", before) == []
        assert compare_properties(before, _capture(icu_server, f"{prefix}b")) == []
        with open_as(server, "postgres") as elsewhere:
            (note,) = create_database(elsewhere, f"{prefix}c", before)
        after = _capture(server, f"{prefix}c")
    assert f"the locale is {after.words}, and was icu az" in note.message
    assert "ICU is not supported" in note.message
    assert any(said.startswith("locale: ") for said in compare_properties(before, after))


WORDS = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=20)
NAMES = WORDS | st.sampled_from(['"', "public", "none", "%s {}", "$user", "postgres", "ə" * 30, "a'; drop"])


@settings(max_examples=4)
@given(word=NAMES, role=NAMES, value=WORDS, comment=WORDS)
def test_whatever_it_is_called_a_database_comes_back(
    server: Url, word: str, role: str, value: str, comment: str
) -> None:
    with own_names(server) as prefix, open_as(server, "postgres") as admin:
        name, owner, copy = (f"{prefix}{end}".encode()[:63].decode(errors="ignore") for end in (word, role, "_copy"))
        run(admin, "create role {owner};\ncreate database {name} owner {owner}", owner=owner, name=name)
        wanted = capture_properties(admin).model_copy(
            update={
                "owner": owner,
                "grants": [
                    Grant(grantor=owner, grantee=None, privilege="TEMPORARY", grantable=False),
                    Grant(grantor=owner, grantee=owner, privilege="CONNECT", grantable=True),
                ],
                "settings": [
                    Setting(name="litelift.word", value=value),
                    Setting(name="search_path", value='"' + word.replace('"', '""') + '"'),
                ],
                "comment": comment or None,
            }
        )
        assert apply_properties(admin, name, wanted) == []
        before = _capture(server, name)
        assert create_database(admin, copy, before) == []
        assert apply_properties(admin, copy, before) == []
        assert compare_properties(before, _capture(server, copy)) == []
