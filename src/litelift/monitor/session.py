"""The session that the checks look through: it writes nothing, and keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from litelift.errors import TargetError
from litelift.monitor.look import ServerFacts
from litelift.postgres.connect import Connection, connect

STATEMENT_SECONDS = 5
NAME = "litelift monitor"
"""The session's application_name."""
_HELD = f"""
    select set_config('statement_timeout', '{STATEMENT_SECONDS}s', false),
           set_config('lock_timeout', '1s', false),
           set_config('default_transaction_read_only', 'on', false),
           set_config('idle_in_transaction_session_timeout', '60s', false)
"""
_FACTS = """
    select current_setting('server_version_num')::int as version, current_setting('server_version') as version_words,
           pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_all,
           (select rolsuper from pg_roles where rolname = current_user) as superuser,
           pg_is_in_recovery() as standby, pg_postmaster_start_time() as started
"""


def opened(logins: Sequence[str]) -> Connection:
    """A session with the first login that the server takes. Raises TargetError: why it takes none."""
    first: TargetError | None = None
    for login in logins:
        try:
            connection = connect(make_conninfo(login, application_name=NAME, connect_timeout=5))
        except TargetError as error:
            first = first or error
            continue
        try:
            connection.execute(_HELD)
        except BaseException:
            connection.close()
            raise
        return connection
    assert first is not None
    raise first


@contextmanager
def session(logins: Sequence[str]) -> Iterator[Connection]:
    """`opened`, and closed at the end."""
    connection = opened(logins)
    try:
        yield connection
    finally:
        connection.close()


def server_facts(connection: Connection) -> ServerFacts:
    """What every check may want to know of the server. Raises psycopg.Error."""
    row = connection.execute(_FACTS).fetchone()
    assert row is not None
    return ServerFacts._make((*row, is_local(connection.info)))


def is_local(info: psycopg.ConnectionInfo) -> bool:
    """Whether a session's server is on this machine."""
    return info.host.startswith(("/", "@")) or info.host == "localhost" or info.hostaddr in ("127.0.0.1", "::1")


def user_of(login: str) -> str:
    """The role that a login names."""
    return str(conninfo_to_dict(login).get("user") or "")
