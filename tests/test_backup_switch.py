"""A restored database takes the live one's place: at every moment one of both serves, whole."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from benchmarks.switch.__main__ import restore
from benchmarks.switch.load import Load
from psycopg import sql
from psycopg.conninfo import make_conninfo

from broken import Tcp, tcp_server, wait_for
from cut_connection import Cut, through_a_cut
from hooking import no_session
from litelift.backup.beside import Mark, beside, leftovers, marked, read_mark, remove
from litelift.backup.names import kept_name
from litelift.backup.switch import revert, switch
from litelift.errors import (
    SwitchBusy,
    SwitchFailed,
    SwitchRefused,
    SwitchUnknown,
    TargetError,
    TargetReadOnly,
)
from litelift.postgres.programs import shipped
from switch_clients import clients, make_one

_numbers = itertools.count()
Url = Callable[[str], str]


@dataclass
class Pair:
    """A live database and a restored one on a server."""

    admin: str
    live: str
    new: str
    kept: str

    def at(self, name: str) -> str:
        """The URL of a database."""
        return make_conninfo(self.admin, dbname=name)

    def which(self, name: str) -> str:
        """Which one a name leads to."""
        deadline = time.monotonic() + 300
        while True:
            try:
                with psycopg.connect(self.at(name)) as connection:
                    row = connection.execute("select which from identity").fetchone()
                    assert row is not None
                    return str(row[0])
            except psycopg.OperationalError as error:
                # A server that recovers lets nobody in for a moment.
                moving = "just been dropped or renamed" in str(error)
                if time.monotonic() > deadline or ("does not exist" in str(error) and not moving):
                    raise

    def do(self, statement: str, *names: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Carry out a statement as the superuser."""
        with psycopg.connect(self.at(database), autocommit=True) as connection:
            cursor = connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
            return cursor.fetchall() if cursor.description else []

    def names(self) -> set[str]:
        """The databases that are there of it."""
        rows = self.do("select datname from pg_database where not datistemplate and datname <> 'postgres'")
        return {str(name) for (name,) in rows} & {self.live, self.new, self.kept}

    def as_before(self) -> bool:
        """Whether nothing has changed."""
        there = self.names() == {self.live, self.new}
        return there and (self.which(self.live), self.which(self.new)) == ("old", "new")

    def switched(self) -> bool:
        """Whether it was done."""
        there = self.names() == {self.live, self.kept}
        return there and (self.which(self.live), self.which(self.kept)) == ("new", "old")


@contextlib.contextmanager
def made(admin: str, names: tuple[str, str, str] | None = None) -> Iterator[Pair]:
    number = f"{os.getpid()}_{next(_numbers)}"
    pair = Pair(admin, *(names or (f"live{number}", f"new{number}", f"kept{number}")))
    strategy = "" if psycopg.connect(pair.admin).info.server_version < 150000 else "strategy file_copy"
    for name, which in ((pair.live, "old"), (pair.new, "new")):
        pair.do(f"create database {{}} {strategy}", name)
        make_one(pair.at(name), which)
    yield pair
    for name in (pair.live, pair.new, pair.kept):
        pair.do("drop database if exists {} with (force)", name)


@pytest.fixture
def pair(server: Url) -> Iterator[Pair]:
    with made(server("postgres")) as one:
        yield one


@pytest.fixture(scope="module")
def logical() -> Iterator[Tcp]:
    """A server with prepared transactions and logical replication."""
    with tcp_server("-c max_prepared_transactions=4", "-c wal_level=logical") as tcp:
        yield tcp


@pytest.mark.parametrize(
    ("version", "each"), [(16, None), (18, 1)], ids=["16, stays connected", "18, connects each time"]
)
def test_a_switch_under_many_clients_loses_no_commit_and_none_meets_the_old_one_later(
    servers: Callable[[int], Url], version: int, each: int | None
) -> None:
    with made(servers(version)("postgres")) as pair, clients(pair.at(pair.live), 8, each) as some:
        wait_for(lambda: len(some.commits) > 50)
        switched = switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120)
        wait_for(lambda: len(some.met("new")) > 50)
        some.stopped.set()
        assert pair.switched()
        assert (switched.kept_name, switched.attempts, switched.notices) == (pair.kept, 1, [])
        # Those that connect each time go by themselves once they cannot come back.
        assert switched.ended_sessions > 0 or each is not None
        assert some.gap > 0
        for which, name in (("old", pair.kept), ("new", pair.live)):
            kept = {number for (number,) in pair.do("select id from written", database=name)}
            assert set(some.met(which)) <= kept
        # What a client meets is one lost session, or a name that was moving: no third thing.
        assert set(some.errors) <= {"57P01", "lost", "does not exist"}


KILLED = """
import os, signal, sys
from litelift.backup.switch import switch
admin, live, new, kept, step, number = sys.argv[1:]
def tell(words):
    if words == step:
        os.kill(os.getpid(), int(number))
switch(admin, live, new, kept, seconds=60, tell=tell)
"""


def started(pair: Pair, step: str, number: signal.Signals) -> subprocess.Popen[bytes]:
    words = [pair.admin, pair.live, pair.new, pair.kept, step, str(int(number))]
    return subprocess.Popen([sys.executable, "-c", KILLED, *words])


@pytest.mark.parametrize("step", ["looked", "closed", "ended", "switched"])
def test_a_kill_at_any_step_leaves_the_old_one_or_the_restored_one(pair: Pair, step: str) -> None:
    with clients(pair.at(pair.live), 3) as some:
        wait_for(lambda: len(some.commits) > 5)
        process = started(pair, step, signal.SIGKILL)
        assert process.wait(300) == -signal.SIGKILL
        no_session(pair.at("postgres"))
        before = len(some.commits)
        wait_for(lambda: len(some.commits) > before + 5)
    assert pair.switched() if step == "switched" else pair.as_before() or pair.switched()
    if pair.as_before():
        assert step != "switched"
        switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120)
    assert pair.switched()


def test_a_client_that_is_frozen_in_the_middle_holds_nobody_up(pair: Pair) -> None:
    with psycopg.connect(pair.at(pair.live), autocommit=True):
        process = started(pair, "closed", signal.SIGSTOP)
        try:
            wait_for(lambda: Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
            # The server ends it by itself, whichever way.
            assert pair.which(pair.live) in ("old", "new")
            assert pair.switched() or pair.as_before()
        finally:
            process.kill()
            process.wait()


def test_a_session_that_does_not_go_is_named_and_the_old_one_serves(pair: Pair) -> None:
    with psycopg.connect(pair.at(pair.live), application_name="nightly job", autocommit=True) as stays:
        os.kill(stays.info.backend_pid, signal.SIGSTOP)
        try:
            with pytest.raises(SwitchBusy) as caught:
                switch(pair.admin, pair.live, pair.new, pair.kept, seconds=1)
            assert f"the user postgres (nightly job) from the server itself, process {stays.info.backend_pid}" in str(
                caught.value
            )
            assert pair.as_before()
        finally:
            os.kill(stays.info.backend_pid, signal.SIGCONT)
    switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120)
    assert pair.switched()


def test_who_works_on_the_database_as_a_whole_is_named_and_no_session_is_ended(pair: Pair) -> None:
    with (
        psycopg.connect(pair.at(pair.live), autocommit=True) as stays,
        psycopg.connect(pair.at("postgres"), application_name="copies it") as works,
    ):
        works.execute(sql.SQL("comment on database {} is 'at work'").format(sql.Identifier(pair.live)))
        with pytest.raises(SwitchBusy, match=r"in the way is the user postgres \(copies it\)"):
            switch(pair.admin, pair.live, pair.new, pair.kept, seconds=1)
        stays.execute("select 1")
        works.rollback()
    assert pair.as_before()


def test_another_attempt_is_made_while_there_is_time(pair: Pair) -> None:
    with psycopg.connect(pair.at(pair.live), autocommit=True) as stays:
        pid = stays.info.backend_pid
        os.kill(pid, signal.SIGSTOP)
        closed: list[str] = []

        def tell(words: str) -> None:
            # The server's five seconds of the first attempt have passed.
            if words == "closed":
                closed.append(words)
            if words == "closed" and len(closed) == 2:
                os.kill(pid, signal.SIGCONT)

        switched = switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120, tell=tell)
    assert switched.attempts == 2
    assert pair.switched()


def test_ctrl_c_in_the_middle_leaves_all_as_it_was(pair: Pair) -> None:
    def tell(words: str) -> None:
        if words == "closed":
            raise KeyboardInterrupt

    with psycopg.connect(pair.at(pair.live), autocommit=True) as stays:
        os.kill(stays.info.backend_pid, signal.SIGSTOP)
        try:
            with pytest.raises(KeyboardInterrupt):
                switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120, tell=tell)
        finally:
            os.kill(stays.info.backend_pid, signal.SIGCONT)
    assert pair.as_before()


def test_a_crash_of_the_server_in_the_middle_leaves_the_old_one_or_the_restored_one(pair: Pair) -> None:
    def crash(words: str) -> None:
        if words == "closed":
            with psycopg.connect(pair.at("postgres"), autocommit=True) as admin:
                query = "select pid from pg_stat_activity where application_name = 'litelift' and pid <> %s"
                for (pid,) in admin.execute(query, (admin.info.backend_pid,)).fetchall():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    with clients(pair.at(pair.live), 3) as some:
        wait_for(lambda: len(some.commits) > 5)
        with contextlib.suppress(SwitchFailed):
            switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120, tell=crash)
    assert pair.as_before() or pair.switched()


def test_sessions_of_the_switch_that_are_ended_in_the_middle_leave_all_as_it_was(pair: Pair) -> None:
    def end(words: str) -> None:
        if words == "closed":
            pair.do(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'litelift'"
                " and query like 'begin; alter database%'"
            )

    with psycopg.connect(pair.at(pair.live), autocommit=True) as stays:
        os.kill(stays.info.backend_pid, signal.SIGSTOP)
        try:
            with pytest.raises(SwitchFailed):
                switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120, tell=end)
        finally:
            os.kill(stays.info.backend_pid, signal.SIGCONT)
    assert pair.as_before()


@pytest.fixture
def through(pair: Pair, tmp_path: Path) -> Iterator[tuple[Cut, str]]:
    with through_a_cut(pair.admin, tmp_path) as both:
        yield both


def test_a_lost_answer_to_the_commit_is_found_out(pair: Pair, through: tuple[Cut, str]) -> None:
    between, dsn = through

    def cut(words: str) -> None:
        if words == "closed":
            between.frozen.set()
            wait_for(lambda: pair.kept in pair.names())
            between.cut()

    with psycopg.connect(pair.at(pair.live), autocommit=True):
        switched = switch(dsn, pair.live, pair.new, pair.kept, seconds=120, tell=cut)
    assert switched.live == pair.live
    assert pair.switched()


def test_a_server_that_stays_away_is_told_as_unknown(pair: Pair, through: tuple[Cut, str]) -> None:
    between, dsn = through

    def cut(words: str) -> None:
        if words == "closed":
            between.frozen.set()
            between.close()

    with psycopg.connect(pair.at(pair.live), autocommit=True), pytest.raises(SwitchUnknown, match="went away"):
        switch(dsn, pair.live, pair.new, pair.kept, seconds=120, patience=0, tell=cut)
    assert pair.which(pair.live) in ("old", "new")


# --------------------------------------------------------------------- refused before anybody is disturbed


def refused(pair: Pair, *words: str, dsn: str | None = None) -> None:
    """It is refused with these words, and a session that was there is there still."""
    with psycopg.connect(pair.at(pair.live), autocommit=True) as stays:
        with pytest.raises(SwitchRefused) as caught:
            switch(dsn or pair.admin, pair.live, pair.new, pair.kept)
        stays.execute("select 1")
    for each in words:
        assert each in str(caught.value)
    assert pair.as_before()


def test_names_that_are_missing_taken_or_impossible_are_refused(pair: Pair) -> None:
    for live, new, kept, words in (
        ("no such", pair.new, pair.kept, "there is no database no such"),
        (pair.live, "no such", pair.kept, "there is no database no such"),
        (pair.live, pair.new, "template1", "template1 is the server's own"),
        (pair.live, pair.new, pair.new, "need three names"),
        (pair.live, pair.new, "x" * 64, "has from 1 to 63 bytes"),
        (pair.live, pair.new, "a\0b", "is no database's name"),
    ):
        with pytest.raises(SwitchRefused, match=words):
            switch(pair.admin, live, new, kept)
    pair.do("create database {}", pair.kept)
    with pytest.raises(SwitchRefused, match=r"there is a database kept.* already"):
        switch(pair.admin, pair.live, pair.new, pair.kept)


def test_a_restored_database_that_lets_nobody_in_is_refused(pair: Pair) -> None:
    pair.do("alter database {} connection limit 0", pair.new)
    with pytest.raises(SwitchRefused, match="lets nobody in"):
        switch(pair.admin, pair.live, pair.new, pair.kept)
    pair.do("alter database {} connection limit -1", pair.new)
    pair.do("alter database {} allow_connections false", pair.new)
    with pytest.raises(SwitchRefused, match="lets nobody in"):
        switch(pair.admin, pair.live, pair.new, pair.kept)
    assert pair.names() == {pair.live, pair.new}


@pytest.fixture
def role(pair: Pair) -> Iterator[tuple[str, str]]:
    name = f'r"ole {os.getpid()} {next(_numbers)}'
    pair.do("create role {} login", name)
    yield name, make_conninfo(pair.admin, user=name)
    for database in (pair.live, pair.new, pair.kept):
        with contextlib.suppress(psycopg.errors.InvalidCatalogName):
            pair.do("alter database {} owner to postgres", database)
    pair.do("drop role {}", name)


def test_a_role_without_the_rights_is_refused_with_what_it_lacks(pair: Pair, role: tuple[str, str]) -> None:
    name, dsn = role
    refused(pair, f"may not rename {pair.live}, which is postgres's", "it takes CREATEDB", dsn=dsn)
    pair.do("alter role {} createdb", name)
    for database in (pair.live, pair.new):
        pair.do("alter database {} owner to {}", database, name)
    # The session is the superuser's.
    refused(pair, "may be ended only by a superuser", dsn=dsn)


def test_the_owner_with_the_right_to_end_sessions_can_do_it(pair: Pair, role: tuple[str, str]) -> None:
    name, dsn = role
    pair.do("alter role {} createdb", name)
    for database in (pair.live, pair.new):
        pair.do("alter database {} owner to {}", database, name)
    other = f"other {os.getpid()}"
    pair.do("create role {} login", other)
    try:
        with psycopg.connect(make_conninfo(pair.at(pair.live), user=other)):
            with pytest.raises(SwitchRefused, match="pg_signal_backend"):
                switch(dsn, pair.live, pair.new, pair.kept)
            pair.do("grant pg_signal_backend to {}", name)
            switched = switch(dsn, pair.live, pair.new, pair.kept, seconds=120)
    finally:
        pair.do("drop role {}", other)
    assert switched.ended_sessions == 1
    assert any(notice.kind == "access-rule" for notice in switched.notices)
    assert pair.switched()


def test_what_is_tied_to_the_database_itself_is_refused(logical: Tcp) -> None:
    with made(logical.url()) as pair:
        with psycopg.connect(pair.at(pair.live), autocommit=True) as live:
            live.execute("begin; create table pending (); prepare transaction 'the ''pending'' one'")
            refused(pair, "has the prepared transaction", "pending")
            live.execute("rollback prepared 'the ''pending'' one'")
            live.execute("select pg_create_logical_replication_slot('reads_it', 'pgoutput')")
            refused(pair, "the logical replication slot reads_it is bound to")
            live.execute("select pg_drop_replication_slot('reads_it')")
            live.execute("create subscription sub connection 'host=nowhere' publication p with (connect = false)")
            live.execute("create publication told for all tables")
        switched = switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120)
        assert {notice.kind for notice in switched.notices} == {"subscription", "publication"}
        with psycopg.connect(pair.at(pair.kept), autocommit=True) as kept:
            kept.execute("alter subscription sub set (slot_name = none)")
            kept.execute("drop subscription sub")


def test_an_enabled_subscription_is_refused(logical: Tcp) -> None:
    with made(logical.url()) as pair, psycopg.connect(pair.at(pair.live), autocommit=True) as live:
        live.execute("create subscription sub connection 'host=nowhere' publication p with (connect = false)")
        live.execute("alter subscription sub enable")
        refused(pair, "the subscription sub of", "would go on filling the old database")
        live.execute("alter subscription sub disable")
        live.execute("alter subscription sub set (slot_name = none)")
        live.execute("drop subscription sub")


def test_a_standby_is_refused(pair: Pair) -> None:
    with pytest.raises(TargetReadOnly):
        switch(make_conninfo(pair.admin, options="-cdefault_transaction_read_only=on"), pair.live, pair.new, pair.kept)
    assert pair.as_before()


# --------------------------------------------------------------------- what is told, and the way back


def test_a_switch_can_be_taken_back_and_comments_are_as_they_were(pair: Pair) -> None:
    comment = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
    pair.do("comment on database {} is 'the school''s 100% {{}}'", pair.live)
    with psycopg.connect(pair.at("postgres"), autocommit=True) as admin:

        def said(name: str) -> object:
            return (admin.execute(comment, (name,)).fetchone() or (None,))[0]

        switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120)
        mark = read_mark(said(pair.kept))  # type: ignore[arg-type]
        assert mark is not None
        assert (mark.kind, mark.of, mark.comment) == ("kept", pair.live, "the school's 100% {}")
        back = revert(pair.admin, pair.live, pair.kept, pair.new, seconds=120)
        assert back.kept_name == pair.new
        assert pair.as_before()
        assert said(pair.live) == "the school's 100% {}"


def test_hostile_names_are_only_names(server: Url) -> None:
    names = ('l"ive; drop database x; -- %s', "n'ew {} \\ ünvan", 'ke"pt $$ %(a)s')
    with made(server("postgres"), names) as pair:
        switch(pair.admin, *names, seconds=120)
        assert pair.switched()


def test_the_maintenance_database_is_another_where_the_login_names_the_live_one(pair: Pair) -> None:
    switch(pair.at(pair.live), pair.live, pair.new, pair.kept, seconds=120)
    assert pair.switched()


def test_other_properties_of_the_restored_one_are_told(pair: Pair) -> None:
    pair.do("alter database {} connection limit 7", pair.live)
    pair.do("alter database {} set timezone = 'Asia/Baku'", pair.live)
    switched = switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120)
    told = " ".join(notice.message for notice in switched.notices)
    assert "the connection limit of the restored database: -1; of the one before: 7" in told
    assert "Asia/Baku" in told


def test_a_trigger_that_acts_at_each_login_is_told(servers: Callable[[int], Url]) -> None:
    with made(servers(18)("postgres")) as pair:
        with psycopg.connect(pair.at(pair.new), autocommit=True) as new:
            new.execute("create function f() returns event_trigger language plpgsql as 'begin end'")
            new.execute("create event trigger on_login on login execute function f()")
        switched = switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120)
        assert [notice.kind for notice in switched.notices] == ["login-trigger"]
        assert pair.switched()


def test_a_login_trigger_that_fails_is_refused(servers: Callable[[int], Url]) -> None:
    with made(servers(18)("postgres")) as pair:
        with psycopg.connect(pair.at(pair.new), autocommit=True) as new:
            new.execute(
                "create function f() returns event_trigger language plpgsql as $$begin raise 'not today'; end$$"
            )
            new.execute("create event trigger on_login on login execute function f()")
        with pytest.raises(SwitchRefused, match=r"cannot be entered: .*not today"):
            switch(pair.admin, pair.live, pair.new, pair.kept)
        assert pair.names() == {pair.live, pair.new}


def test_the_old_ones_name_has_room_for_its_ending() -> None:
    name = kept_name("ə" * 40)
    assert len(name.encode()) <= 63
    assert name.startswith("ə" * 15)
    assert "_before_2" in name


# --------------------------------------------------------------------- what a killed restore leaves


BESIDE = """
import os, signal, sys
from litelift.backup.beside import beside
with beside(sys.argv[1], sys.argv[2]) as place:
    print(place.name, flush=True)
    sys.stdin.read()
"""


def test_a_killed_restore_is_found_by_its_mark_and_removed(pair: Pair) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BESIDE, pair.admin, pair.live],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()

    def found() -> list[tuple[str, str, bool]]:
        return [(one.name, one.mark.of, one.busy) for one in leftovers(pair.admin) if one.mark.of == pair.live]

    assert found() == [(name, pair.live, True)]
    with pytest.raises(TargetError, match="goes on"):
        remove(pair.admin, name)
    process.kill()
    process.communicate()
    wait_for(lambda: found() == [(name, pair.live, False)])
    remove(pair.admin, name)
    assert found() == []


def test_a_restore_that_fails_leaves_nothing_and_the_old_one_serves(pair: Pair) -> None:
    with pytest.raises(RuntimeError), beside(pair.admin, pair.live) as place:
        with psycopg.connect(place.dsn) as connection:
            connection.execute("create table half ()")
        raise RuntimeError
    assert place.name not in {one.name for one in marked(pair.admin)}
    assert pair.as_before()


def test_a_database_beside_takes_the_place_with_the_comment_and_the_locale_of_the_live_one(pair: Pair) -> None:
    pair.do("comment on database {} is 'its own'", pair.live)
    with beside(pair.admin, pair.live) as place:
        make_one(place.dsn, "new")
        switched = switch(pair.admin, pair.live, place.name, pair.kept, seconds=120)
    assert switched.notices == []
    assert pair.which(pair.live) == "new"
    rows = pair.do("select datname, shobj_description(oid, 'pg_database') from pg_database")
    comments = {str(name): words for name, words in rows}
    assert comments[pair.live] == "its own"
    assert [(one.name, one.mark.kind, one.mark.run) for one in marked(pair.admin) if one.mark.of == pair.live] == [
        (pair.kept, "kept", place.run)
    ]
    with pytest.raises(TargetError, match="no mark"):
        remove(pair.admin, pair.live)
    remove(pair.admin, pair.kept)
    assert pair.names() == {pair.live, pair.new}


def test_a_database_beside_one_with_icu_has_its_locale(icu_server: Url) -> None:
    admin = icu_server("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        if connection.info.server_version < 150000:
            pytest.skip("a database has a locale of ICU's from PostgreSQL 15 on")
        connection.execute(
            "create database \"az\"\"\" template template0 locale_provider icu icu_locale 'az-AZ' locale 'C.UTF-8'"
        )
        try:
            make_one(make_conninfo(admin, dbname='az"'), "old")
            with beside(admin, 'az"') as place:
                make_one(place.dsn, "new")
                switched = switch(admin, 'az"', place.name, "kept", seconds=120)
            assert switched.notices == []
            facts = "select to_jsonb(d) from pg_database d where datname = 'az\"'"
            (database,) = connection.execute(facts).fetchone() or ({},)
            # Its column is called otherwise from PostgreSQL 17 on.
            assert database.get("daticulocale", database.get("datlocale")) == "az-AZ"
        finally:
            for name in ('"az"""', "kept"):
                connection.execute(f"drop database if exists {name} with (force)")


def test_a_rule_of_pg_hba_conf_by_name_is_told(logical: Tcp) -> None:
    with made(logical.url()) as pair:
        with (logical.folder / "pg" / "pg_hba.conf").open("a") as file:
            file.write(f"host {pair.live},other all 127.0.0.1/32 scram-sha-256\n")
        switched = switch(pair.admin, pair.live, pair.new, pair.kept, seconds=120)
        (told,) = [notice.message for notice in switched.notices]
        assert f"is for {pair.live}, other by name" in told


def test_a_comment_that_looks_like_a_mark_is_somebody_elses() -> None:
    assert read_mark("litelift is great") is None
    assert read_mark(None) is None
    assert read_mark(Mark(kind="kept", of="x", run="0" * 8).words()) is not None


# --------------------------------------------------------------------- while pgbench works on it


@pytest.mark.parametrize(("version", "reconnect"), [(16, True), (18, False)], ids=["16, -C", "18"])
def test_pgbench_loses_no_commit_by_a_restore_that_fails_nor_by_a_switch(
    servers: Callable[[int], Url], version: int, reconnect: bool, tmp_path: Path
) -> None:
    url, name = servers(version), f"bench{os.getpid()}_{next(_numbers)}"
    admin, tools, kept = url("postgres"), shipped(version), f"{name}_kept"
    tmp_path.chmod(0o755)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        load = Load(url(name), tools, tmp_path, clients=4, reconnect=reconnect)
        try:
            load.prepare()
            dump = tmp_path / "dump"
            subprocess.run([tools / "pg_dump", "-Fc", "-f", dump, load.dsn], check=True)
            broken = tmp_path / "broken"
            broken.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])
            with load.running():
                wait_for(lambda: len(load.probed) > 20)
                with pytest.raises(subprocess.CalledProcessError), beside(admin, name) as place:
                    restore(tools, place.dsn, broken)
                assert (load.starts, load.refused) == (1, {})
                assert [one.name for one in marked(admin) if one.mark.of == name] == []
                with beside(admin, name) as place:
                    restore(tools, place.dsn, dump)
                    switch(admin, name, place.name, kept, seconds=120)
                before = len(load.probed)
                wait_for(lambda: len(load.probed) > before + 20)
                new = "select from pg_stat_activity where datname = %s and application_name = 'pgbench'"
                wait_for(lambda: connection.execute(new, (name,)).rowcount > 0)
            with psycopg.connect(url(name)) as now, psycopg.connect(url(kept)) as then:
                query = "select count(*) from pgbench_history"
                rows = [each.execute(query).fetchone() or (0,) for each in (then, now)]
            assert rows[0][0] > 0
            # What was answered is there; of each session that was ended, one answer may have been lost on the way.
            assert 0 <= rows[0][0] + rows[1][0] - len(load.commits()) <= 4 * (load.starts + 1)
        finally:
            for each in (name, kept):
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(each)))
