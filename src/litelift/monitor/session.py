"""The session that the checks look through: it writes nothing, and keeps nobody waiting.

A pooler (PgBouncer, pool_mode = transaction) gives each transaction whichever session is free, and what is set in it
stays for the application, which gets it next: there it is set for each statement alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.abc import Params
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from litelift.errors import TargetError
from litelift.monitor.look import ServerFacts
from litelift.postgres.connect import Connection, prepare, prepare_values, reached

STATEMENT_SECONDS = 5
NAME = "litelift monitor"
"""The session's application_name."""
_HELD = """
    select set_config('statement_timeout', %(seconds)s || 's', %(local)s),
           set_config('lock_timeout', case when %(seconds)s = 0 then '0' else '1s' end, %(local)s),
           set_config(case when %(local)s then 'transaction_read_only' else 'default_transaction_read_only' end, 'on',
                      %(local)s),
           set_config('idle_in_transaction_session_timeout', '60s', %(local)s)
"""
_FACTS = """
    select current_setting('server_version_num')::int as version, current_setting('server_version') as version_words,
           pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_all,
           (select rolsuper from pg_roles where rolname = current_user) as superuser,
           pg_is_in_recovery() as standby, pg_postmaster_start_time() as started
"""


def opened(logins: Sequence[str], *, hurried: bool = True) -> Connection:
    """A session with the first login that the server takes. Raises TargetError: why it takes none.

    Args:
        logins: libpq connection strings.
        hurried: whether a statement that lasts for STATEMENT_SECONDS is given up.
    """
    first: TargetError | None = None
    for login in logins:
        try:
            connection = reached(make_conninfo(login, application_name=NAME, connect_timeout=5))
        except TargetError as error:
            first = first or error
            continue
        try:
            if is_pooled(connection):
                connection.cursor_factory = _Alone if hurried else _Unhurried
            else:
                prepare(connection)
                _hold(connection, STATEMENT_SECONDS if hurried else 0, local=False)
        except BaseException:
            connection.close()
            raise
        return connection
    assert first is not None
    raise first


def is_pooled(connection: Connection) -> bool:
    """Whether a pooler is between: it gives a process number of its own, and not the server process's.

    Raises psycopg.Error.
    """
    row = connection.execute("select pg_catalog.pg_backend_pid()").fetchone()
    return row != (connection.info.backend_pid,)


def refuse_pooled(connection: Connection) -> None:
    """Raise TargetError where a pooler is between: what is set for one's session would be set for the application's."""
    if is_pooled(connection):
        raise TargetError(
            message="this is the address of a pooler (PgBouncer), which has no session that is ours alone",
            hint="Give the server's own address: [monitor] url in litelift.toml, or in the command.",
        )


class _Alone(psycopg.Cursor[Any]):
    """Has each statement in a transaction of its own, with which all that was set for it ends."""

    seconds = STATEMENT_SECONDS

    def execute(self, query: Any, params: Params | None = None, **how: Any) -> Self:
        """As it is, if it is within a transaction already."""
        if self.connection.info.transaction_status != TransactionStatus.IDLE:
            return super().execute(query, params, **how)
        with self.connection.transaction():
            prepare_values(self.connection, local=True)
            _hold(self.connection, self.seconds, local=True)
            return super().execute(query, params, **how)


class _Unhurried(_Alone):
    seconds = 0


def _hold(connection: Connection, seconds: int, *, local: bool) -> None:
    connection.execute(_HELD, {"seconds": seconds, "local": local})


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
