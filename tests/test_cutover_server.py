"""PostgreSQL is set up for the application on a server that is there: a role and a database, and nothing else."""

from __future__ import annotations

import itertools
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from conftest import Url
from cutover_target import carry_out, context_of, everything_written, undo
from litelift import errors
from litelift.cutover.context import Context
from litelift.cutover.server import roles
from litelift.cutover.steps.ready import ReadyStep
from litelift.cutover.steps.server import ServerStep, wake
from litelift.postgres import embedded

_numbers = itertools.count()


def _names() -> dict[str, str]:
    name = f"school_{os.getpid()}_{next(_numbers)}"
    return {"database": name, "role": name}


@pytest.fixture(scope="module")
def scram() -> Iterator[embedded.EmbeddedServer]:
    """PostgreSQL 18 that wants a password of everyone but its superuser, and writes every statement down."""
    with tempfile.TemporaryDirectory(prefix="litelift-scram-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = embedded.start(Path(folder) / "pg", 18)
        try:
            (server.folder / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
            with psycopg.connect(server.url or "", autocommit=True) as admin:
                admin.execute("alter system set log_statement = 'all'")
                admin.execute("alter system set log_min_duration_statement = 0")
                admin.execute("select pg_reload_conf()")
            yield server
        finally:
            embedded.stop(server.folder)


@pytest.fixture
def context(server: Url, tmp_path: Path) -> Iterator[Context]:
    """A run whose target is made on the tests' server, with the role and the database gone afterwards."""
    names = _names()
    yield context_of(tmp_path, {"kind": "existing", "admin": server("postgres"), **names})
    _clear(server("postgres"), names)


def _clear(url: str, names: dict[str, str]) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(names["database"])))
        admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(names["role"])))


def _one(url: str, query: str, *values: object) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query, values).fetchone()
    return row[0] if row and len(row) == 1 else row


def _globals(url: str) -> list[Any]:
    """Every role, database and membership of a server, with their rights."""
    with psycopg.connect(url, autocommit=True) as admin:
        return [
            admin.execute(query).fetchall()
            for query in (
                "select rolname, rolsuper, rolcanlogin, rolpassword from pg_authid order by 1",
                "select datname, datdba, datacl::text, datallowconn from pg_database order by 1",
                "select roleid, member, grantor from pg_auth_members order by 1, 2, 3",
                "select description from pg_shdescription order by 1",
            )
        ]


def test_the_role_and_the_database_are_made_with_the_least_rights(context: Context, server: Url) -> None:
    facts = carry_out(ServerStep(), context)
    admin = server("postgres")
    more = "rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls"
    assert _one(admin, f"select {more} from pg_roles where rolname = %s", facts["role"]) is False
    about = "pg_get_userbyid(datdba), datacl::text, pg_encoding_to_char(encoding)"
    owner, acl, encoding = _one(admin, f"select {about} from pg_database where datname = %s", facts["database"])
    assert (owner, encoding) == (facts["role"], "UTF8")
    assert acl == f"{{{owner}=CTc/{owner}}}"
    assert _one(context.login.url, "select version()").startswith("PostgreSQL 16")
    assert facts["locale"] == "C.UTF-8"
    assert facts["settings"]["max_connections"]


def test_the_role_makes_tables_in_its_own_database_and_reads_no_other(context: Context, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("create table secret (id int)")
        theirs = other.info.dbname
    carry_out(ServerStep(), context)
    with psycopg.connect(context.login.url) as own:
        own.execute("create table t (id int); create schema s; create table s.t (id int)")
    url = context.login.url.replace(f"/{context.login.database}?", f"/{theirs}?")
    with psycopg.connect(url) as peeking, pytest.raises(psycopg.errors.InsufficientPrivilege):
        peeking.execute("select * from secret")


def test_no_other_role_may_connect_to_the_database(context: Context, server: Url) -> None:
    carry_out(ServerStep(), context)
    other = f"other_{os.getpid()}"
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create role {} login").format(sql.Identifier(other)))
        try:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(server(context.login.database).replace("postgres@", f"{other}@"))
        finally:
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(other)))


def test_the_password_goes_as_a_verifier_and_is_in_one_file_alone(
    scram: embedded.EmbeddedServer, tmp_path: Path
) -> None:
    context = context_of(tmp_path, {"kind": "existing", "admin": scram.url, **_names()})
    carry_out(ServerStep(), context)
    carry_out(ReadyStep(), context)
    login = context.login
    assert _one(scram.url or "", "select rolpassword from pg_authid where rolname = %s", login.user).startswith(
        "SCRAM-SHA-256$4096:"
    )
    log = (scram.folder / "log").read_text()
    assert f'CREATE ROLE "{login.user}"' in log
    assert login.password not in log
    assert len(login.password) >= 32
    assert login.password not in everything_written(tmp_path)
    assert stat.S_IMODE(context.login_path.stat().st_mode) == 0o600
    # The server really asks for it.
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(login.url.replace(login.password, "wrong"))
    undo(ServerStep(), context)


def test_a_new_server_sorts_by_its_own_c_utf_8_and_not_by_the_systems(
    scram: embedded.EmbeddedServer, tmp_path: Path
) -> None:
    context = context_of(tmp_path, {"kind": "existing", "admin": scram.url, **_names()})
    facts = carry_out(ServerStep(), context)
    query = "select datlocprovider::text, datlocale from pg_database where datname = %s"
    assert _one(scram.url or "", query, facts["database"]) == ("b", "C.UTF-8")
    assert _one(context.login.url, "select 'Z' < 'a', lower('ŞAGÉRD')") == (True, "şagérd")
    undo(ServerStep(), context)


def test_undone_the_server_is_as_it_was(context: Context, server: Url) -> None:
    before = _globals(server("postgres"))
    carry_out(ServerStep(), context)
    with psycopg.connect(context.login.url, autocommit=True) as application:
        application.execute("create table t as select 1 as id")
        found = undo(ServerStep(), context)
        assert len(found["dropped"]) == 2
        with pytest.raises(psycopg.OperationalError):
            application.execute("select 1")
    assert _globals(server("postgres")) == before
    assert not context.login_path.exists()
    assert undo(ServerStep(), context) == {"dropped": []}


@pytest.mark.parametrize("point", ["verifier", "role", "database", "closed"])
def test_killed_half_way_it_is_gone_on_with_or_undone(
    context: Context, server: Url, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    before = _globals(server("postgres"))
    place = {"role": "_member", "database": "_give_schema", "verifier": "refuse_taken", "closed": "_is_superuser"}[
        point
    ]

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    step = ServerStep()
    context.step = step.name
    context.journal.write("started", step=step.name, facts=step.check(context))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(roles, place, killed)
        step.do(context, context.facts(step.name))
    password = context.login.password
    facts = carry_out(step, context)
    assert context.login.password == password
    assert facts["relations"] == 0
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(roles, "_drop_database", killed)
        undo(step, context)
    undo(step, context)
    assert _globals(server("postgres")) == before


def test_undone_before_anything_was_made_nothing_is_touched(context: Context, server: Url) -> None:
    step = ServerStep()
    context.step = step.name
    context.journal.write("started", step=step.name, facts=step.check(context))
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create role {} login").format(sql.Identifier(context.runbook.target.role)))
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(context.runbook.target.database)))
    before = _globals(server("postgres"))
    with pytest.raises(errors.NameTaken):
        step.do(context, context.facts(step.name))
    assert undo(step, context) == {"dropped": []}
    assert _globals(server("postgres")) == before


def test_names_that_are_taken_are_refused_with_what_they_are(context: Context, server: Url) -> None:
    names = context.runbook.target
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(names.database)))
        with pytest.raises(errors.NameTaken, match=f"a database {names.database} already: postgres's"):
            ServerStep().check(context)
        admin.execute(sql.SQL("create role {} superuser").format(sql.Identifier(names.role)))
        with pytest.raises(errors.NameTaken, match=f"a role {names.role} already: a superuser") as caught:
            ServerStep().check(context)
    assert "url" in caught.value.hint


def test_the_sessions_of_others_are_not_ended(context: Context, server: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "GONE_SECONDS", 0.2)
    carry_out(ServerStep(), context)
    with psycopg.connect(server(context.login.database), application_name="their backup") as other:
        with pytest.raises(errors.TargetInUse, match="their backup"):
            undo(ServerStep(), context)
        other.execute("select 1")
    assert len(undo(ServerStep(), context)["dropped"]) == 2


def test_a_role_that_owns_more_by_now_is_left_with_what_it_owns(context: Context, server: Url, database: str) -> None:
    carry_out(ServerStep(), context)
    with psycopg.connect(database, autocommit=True) as other:
        role = sql.Identifier(context.login.user)
        other.execute(sql.SQL("create table theirs (id int); alter table theirs owner to {}").format(role))
        with pytest.raises(errors.DependantsFound, match="1 object"):
            undo(ServerStep(), context)
        other.execute("drop table theirs")
    assert undo(ServerStep(), context)["dropped"] == [f"the role {context.runbook.target.role}"]


def _plain_admin(url: str, rights: str) -> str:
    name = f"manager_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))
        admin.execute(sql.SQL("create role {} login " + rights).format(sql.Identifier(name)))
    return url.replace("postgres@", f"{name}@")


@pytest.mark.parametrize("kind", ["embedded", "system"])
def test_an_administrator_who_is_no_superuser_makes_and_drops_it(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url: Callable[[str], str] = request.getfixturevalue("server" if kind == "embedded" else "icu_server")
    manager = _plain_admin(url("postgres"), "createdb createrole")
    before = _globals(url("postgres"))
    names = _names()
    context = context_of(tmp_path, {"kind": "existing", "admin": manager, **names})
    carry_out(ServerStep(), context)
    # Nobody but the application has a share in what is the application's.
    members = "select count(*) from pg_auth_members m join pg_roles r on r.oid = m.roleid where r.rolname = %s"
    members += " and not m.admin_option"
    assert _one(url("postgres"), members, names["role"]) == 0
    with psycopg.connect(context.login.url) as application:
        application.execute("create table t (id int)")
    assert len(undo(ServerStep(), context)["dropped"]) == 2
    assert _globals(url("postgres")) == before


def test_an_administrator_who_may_not_is_told_what_lacks(server: Url, tmp_path: Path) -> None:
    manager = _plain_admin(server("postgres"), "createdb")
    context = context_of(tmp_path, {"kind": "existing", "admin": manager, **_names()})
    with pytest.raises(errors.TargetRights) as caught:
        ServerStep().check(context)
    assert "CREATEROLE" in caught.value.hint
    assert "CREATEDB" not in caught.value.hint


def test_a_wrong_password_is_told_and_is_not_in_it(scram: embedded.EmbeddedServer, tmp_path: Path) -> None:
    with psycopg.connect(scram.url or "", autocommit=True) as admin:
        admin.execute("create role manager login createdb createrole password 'right'")
    url = (scram.url or "").replace("postgres@", "manager:wr0ng-one@")
    context = context_of(tmp_path, {"kind": "existing", "admin": url, **_names()})
    with pytest.raises(errors.TargetAuthFailed) as caught:
        ServerStep().check(context)
    assert "wr0ng-one" not in f"{caught.value} {caught.value.hint}"
    assert "wr0ng-one" not in "".join(ServerStep().plan(context))


@pytest.mark.parametrize("by", ["url", "PGPASSWORD", "PGPASSFILE"])
def test_a_database_that_is_there_is_used_with_the_login_that_is_given(
    scram: embedded.EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    names, host = _names(), (scram.url or "").partition("host=")[2]
    with psycopg.connect(scram.url or "", autocommit=True) as admin:
        role, base = sql.Identifier(names["role"]), sql.Identifier(names["database"])
        admin.execute(sql.SQL("create role {} login password 'pass:word'").format(role))
        admin.execute(sql.SQL("create database {} owner {}").format(base, role))
    login = names["role"]
    if by == "url":
        login += ":pass%3Aword"
    elif by == "PGPASSWORD":
        monkeypatch.setenv("PGPASSWORD", "pass:word")
    else:
        (tmp_path / "pgpass").write_text(f"*:*:{names['database']}:{names['role']}:pass\\:word\n")
        (tmp_path / "pgpass").chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    url = f"postgresql://{login}@/{names['database']}?host={host}"
    context = context_of(tmp_path / "project", {"kind": "existing", "url": url})
    before = _globals(scram.url or "")
    facts = carry_out(ServerStep(), context)
    carry_out(ReadyStep(), context)
    assert (context.login.user, context.login.password) == (names["role"], "pass:word")
    assert facts["makes"] is False
    assert "pass:word" not in everything_written(context.journal.folder)
    undo(ServerStep(), context)
    assert _globals(scram.url or "") == before
    assert not context.login_path.exists()


def test_a_login_without_the_rights_of_a_move_is_told_what_lacks(server: Url, database: str, tmp_path: Path) -> None:
    url = _plain_admin(database, "")
    context = context_of(tmp_path, {"kind": "existing", "url": url})
    with pytest.raises(errors.TargetRights, match="create the schema litelift"):
        ServerStep().check(context)


def test_a_database_that_was_made_empty_and_is_not_so_any_more_is_not_ready(context: Context) -> None:
    carry_out(ServerStep(), context)
    with psycopg.connect(context.login.url) as somebody:
        somebody.execute("create table early (id int)")
    with pytest.raises(errors.TargetError, match="holds 1 relations"):
        carry_out(ReadyStep(), context)


@pytest.mark.parametrize("there", ["nothing", "stopped", "running"])
def test_the_embedded_server_is_as_it_was_once_undone(tmp_path_factory: pytest.TempPathFactory, there: str) -> None:
    with tempfile.TemporaryDirectory(prefix="litelift-own-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        context = context_of(folder, {"kind": "embedded"})
        data = embedded.folder_for(folder / "app.sqlite")
        if there != "nothing":
            embedded.start(data)
        if there == "stopped":
            embedded.stop(data)
        try:
            facts = carry_out(ServerStep(), context)
            carry_out(ReadyStep(), context)
            assert context.login.host == facts["host"]
            assert _one(context.login.url, "select current_user") == "application"
            embedded.stop(data)
            assert wake(context)
            carry_out(ReadyStep(), context)
            # As after a kill -9 of what did it: done once more, and one role and one database.
            context.journal.write("started", step="server", facts={**facts})
            carry_out(ServerStep(), context)
            undo(ServerStep(), context)
            assert (data / "PG_VERSION").exists() == (there != "nothing")
            assert data.parent.exists() == (there != "nothing")
            if there == "running":
                url = embedded.status(data).url or ""
                query = "select (select count(*) from pg_database) * 10 + count(*) from pg_roles where oid >= 16384"
                assert _one(url, query) == 30
            elif there == "stopped":
                assert embedded.status(data).pid is None
            assert undo(ServerStep(), context) == {"dropped": []}
        finally:
            if (data / "PG_VERSION").exists():
                embedded.stop(data)
