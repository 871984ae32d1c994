"""Connects to the target, with one clear error for each way that it can fail, and never a password in any of them."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from litelift import errors
from litelift.postgres.login import refusal, where

Connection = psycopg.Connection[Any]
OLDEST = 120000
LIFTS = 20
LOST = ("08", "57P")
"""The classes of errors that come with the end of a session ("PostgreSQL Error Codes", appendix A)."""
TROUBLE = (*LOST, "40", "53", "55P03", "57014", "58", "XX")
"""Those in which the server is at fault, and not the statement."""

# The session in which everything is written and read back: what a value looks like must not depend on the server.
_SESSION = """
    select set_config('TimeZone', 'UTC', %(local)s), set_config('DateStyle', 'ISO, YMD', %(local)s),
           set_config('IntervalStyle', 'postgres', %(local)s), set_config('bytea_output', 'hex', %(local)s),
           set_config('extra_float_digits', '1', %(local)s), set_config('standard_conforming_strings', 'on', %(local)s),
           set_config('search_path', 'pg_catalog', %(local)s), set_config('client_min_messages', 'warning', %(local)s),
           case when current_setting('synchronous_commit') = 'off'
                then set_config('synchronous_commit', 'on', %(local)s) end
"""
"""What a commit says to be there must survive a crash of the server, whatever the role's own setting."""
TIMEOUTS = (
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "transaction_timeout",
)
"""What a role's or a database's settings may end a session's work by; idle_session_timeout came with PostgreSQL 14,
transaction_timeout with 17."""
_UNENDED = "select set_config(name, '0', false) from pg_settings where name = any(%s) and setting <> '0'"


_FORMS = (
    "For instance postgresql://user@host:5432/database, or 'host=... dbname=... user=...'. In a URL, write an "
    "@ : / ? # or % of a name or password as %40 %3A %2F %3F %23 %25, or give the password in PGPASSWORD."
)


@dataclass(frozen=True, slots=True)
class Server:
    """A target that was reached: how to reach it again, and what it is. Only ``dsn`` may hold a password."""

    dsn: str
    display: str
    host: str
    port: int
    database: str
    user: str
    version: int
    version_words: str
    icu: bool


def names_server(words: str) -> bool:
    """Whether ``words`` that may also be a file's name or sqlite:///path are a server's URL or keywords."""
    url = "://" in words and not words.startswith("sqlite:")
    return url or ("=" in words and not Path(words).exists())


def normalized(words: str) -> str:
    """A libpq connection string from a URL or keywords; SQLAlchemy's driver suffix is dropped. Raises UsageError."""
    text = re.sub(r"^postgres(?:ql)?(?:\+\w+)?://", "postgresql://", words.strip())
    if not text:
        hint = "Leave it out to use the embedded PostgreSQL; a variable in the command may be unset."
        raise errors.UsageError(message="the target is empty", hint=hint)
    try:
        given = conninfo_to_dict(text)
    except (psycopg.Error, UnicodeError, ValueError):
        # libpq's message repeats the string, and with it the password.
        raise errors.UsageError(
            message="the target is neither a PostgreSQL URL nor a libpq keyword string", hint=_FORMS
        ) from None
    ports = str(given.get("port") or "").split(",")
    path, after = text.split("?")[0].split("/", 3)[-1], text.partition("@")[2].split("?")[0]
    split = "://" in text and "@" in str(given.get("dbname") or "") and "@" in path + after
    split = split or "@" in str(given.get("host") or "").lstrip("@")
    # An @ that came into an option, which is none of a user's or a password's own.
    options = {name: word for name, word in given.items() if name not in ("user", "password", "host", "dbname")}
    split = split or (text.startswith("postgresql://") and any("@" in str(word) for word in options.values()))
    if split or not all(port.isdigit() and 0 < int(port) < 65536 for port in ports if port):
        # An unescaped / or @ in a password tears the URL apart, and the pieces may not be shown.
        raise errors.UsageError(
            message="the target's URL is torn: its port or its database cannot be that", hint=_FORMS
        )
    given.setdefault("application_name", "litelift")
    given.setdefault("connect_timeout", "15")
    return make_conninfo("", **given)


def _url(info: psycopg.ConnectionInfo) -> str:
    """The URL of a connection, without its password."""
    user, database = quote(info.user, safe=""), quote(info.dbname, safe="")
    if info.host.startswith("/"):
        port = f"&port={info.port}" if info.port != 5432 or "PGPORT" in os.environ else ""
        return f"postgresql://{user}@/{database}?host={quote(info.host)}{port}"
    host = f"[{info.host}]" if ":" in info.host else info.host
    return f"postgresql://{user}@{host}:{info.port}/{database}"


def connect(dsn: str, *, autocommit: bool = True) -> Connection:
    """A connection whose session is set for moving data.

    Raises:
        TargetUnreachable, TargetAuthFailed.
    """
    connection = reached(dsn, autocommit=autocommit)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def reached(dsn: str, *, autocommit: bool = True) -> Connection:
    """A connection whose session is as the server made it. Raises TargetUnreachable, TargetAuthFailed."""
    try:
        return psycopg.connect(dsn, autocommit=autocommit, client_encoding="UTF8", prepare_threshold=None)
    except psycopg.ProgrammingError:
        raise errors.UsageError(message="libpq does not understand the target", hint=_FORMS) from None
    except psycopg.OperationalError as error:
        raise refusal(error, dsn) from None


def prepare(connection: Connection) -> None:
    """Set the session for moving data. Raises psycopg.Error."""
    _without_timeout(connection)
    prepare_values(connection)
    connection.execute(_UNENDED, (list(TIMEOUTS),))
    if not connection.autocommit:
        connection.commit()


def prepare_values(connection: Connection, *, local: bool = False) -> None:
    """Set how values are read and written, for the session or ``local`` to its transaction. Raises psycopg.Error."""
    connection.execute(_SESSION, {"local": local})


def _without_timeout(connection: Connection) -> None:
    """Lift the role's statement_timeout. A very short one may strike this very statement, on a busy server."""
    for attempt in range(LIFTS):
        try:
            connection.execute("set statement_timeout = 0")
            return
        except psycopg.errors.QueryCanceled:
            connection.rollback()
            if attempt == LIFTS - 1:
                raise


def stopped(error: psycopg.Error) -> errors.TargetError:
    """What an error of the server in the middle of the work means for whoever moves."""
    said = " ".join((error.diag.message_primary or str(error)).split())
    state = error.sqlstate or ""
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return errors.TargetError(message=f"PostgreSQL refused: {said}", hint="Ask the owner for that right.")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return errors.TargetError(message=f"PostgreSQL takes no writes: {said}", hint=errors.TargetReadOnly.hint)
    if isinstance(error, psycopg.errors.OutOfMemory) and "max_locks_per_transaction" in str(error):
        return errors.TargetLocks(message=said)
    if state.startswith("53") and not isinstance(error, psycopg.errors.TooManyConnections):
        return errors.TargetFull(message=said)
    if is_lost(error):
        return errors.TargetLost(message=said)
    hint = "Look at the server's log, and run the command again (with --resume where something stays)."
    return errors.TargetError(message=f"PostgreSQL stopped the move: {said}", hint=hint)


def cancel(connection: Connection) -> None:
    """End what another thread has this connection do, if anything; its thread gets QueryCanceled."""
    with suppress(psycopg.Error):
        connection.cancel_safe(timeout=5)


def is_trouble(error: psycopg.Error) -> bool:
    """Whether the server could not do its work, so that the error says nothing about the statement."""
    return is_lost(error) or (error.sqlstate or "").startswith(TROUBLE)


def is_lost(error: psycopg.Error) -> bool:
    """Whether the session ended: the server went, or ended it, or the network did."""
    if error.sqlstate is None:
        # What libpq says itself has no code; psycopg makes of it the plainest error of the database.
        return isinstance(error, psycopg.OperationalError) or type(error) is psycopg.DatabaseError
    return error.sqlstate.startswith(LOST)


def open_server(dsn: str, *, writable: bool = False) -> tuple[Server, Connection]:
    """Connect and check the server; ``writable`` says that it is to be written to.

    Raises:
        TargetUnreachable, TargetAuthFailed, TargetTooOld, TargetEncoding, TargetReadOnly.
    """
    connection = connect(dsn)
    info = connection.info
    try:
        if info.server_version < OLDEST:
            version = info.parameter_status("server_version") or str(info.server_version)
            raise errors.TargetTooOld(version=version, where=where(dsn))
        encoding, words, icu = connection.execute(
            "select getdatabaseencoding(), current_setting('server_version'),"
            # "unicode" is there without ICU too, and cannot be used then.
            " exists (select from pg_collation where collprovider = 'i' and collname <> 'unicode')"
        ).fetchone() or ("", "", False)
        if encoding != "UTF8":
            raise errors.TargetEncoding(database=info.dbname, encoding=encoding)
        if writable:
            refuse_read_only(connection)
    except BaseException:
        connection.close()
        raise
    server = Server(
        dsn, _url(info), info.host, info.port, info.dbname, info.user, info.server_version, str(words), bool(icu)
    )
    return server, connection


def refuse_read_only(connection: Connection) -> None:
    """Raise TargetReadOnly where nothing can be written."""
    standby, read_only = connection.execute(
        "select pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"
    ).fetchone() or (False, False)
    database = connection.info.dbname
    if standby:
        raise errors.TargetReadOnly(database=database, message="the server is a standby, which follows another")
    if read_only:
        hint = (
            "It was made so for the server, the database or the role. If it may be written to: ALTER ... SET "
            "default_transaction_read_only = off, or add options=-cdefault_transaction_read_only=off to the target."
        )
        raise errors.TargetReadOnly(database=database, message="default_transaction_read_only is on", hint=hint)


def reading_only(dsn: str) -> str:
    """A connection string whose sessions write nothing."""
    options = str(conninfo_to_dict(dsn).get("options") or "")
    return make_conninfo(dsn, options=f"{options} -c default_transaction_read_only=on".strip())


def table_name(schema: str, table: str) -> sql.Identifier:
    """A qualified table name."""
    return sql.Identifier(schema, table)
