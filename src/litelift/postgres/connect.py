"""Connects to the target, with one clear error for each way that it can fail, and never a password in any of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from litelift import errors
from litelift.postgres.types import PgType

Connection = psycopg.Connection[Any]
OLDEST = 120000
_AUTH = ("password authentication failed", "no password supplied", "authentication failed", "no pg_hba.conf entry")

# The session in which everything is written and read back: what a value looks like must not depend on the server.
_SESSION = """
    select set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false),
           set_config('IntervalStyle', 'postgres', false), set_config('bytea_output', 'hex', false),
           set_config('extra_float_digits', '1', false), set_config('standard_conforming_strings', 'on', false),
           set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
           set_config('idle_in_transaction_session_timeout', '0', false),
           set_config('search_path', 'pg_catalog', false), set_config('default_transaction_read_only', 'off', false),
           set_config('client_min_messages', 'warning', false)
"""


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


def normalized(words: str) -> str:
    """A libpq connection string from a URL or keywords; SQLAlchemy's driver suffix is dropped. Raises UsageError."""
    text = re.sub(r"^postgres(?:ql)?(?:\+\w+)?://", "postgresql://", words.strip())
    try:
        given = conninfo_to_dict(text)
    except psycopg.Error:
        # libpq's message repeats the string, and with it the password.
        raise errors.UsageError(
            message="the target is neither a PostgreSQL URL nor a libpq keyword string",
            hint="For instance postgresql://user@host:5432/database, or 'host=... dbname=... user=...'.",
        ) from None
    given.setdefault("application_name", "litelift")
    given.setdefault("connect_timeout", "15")
    return make_conninfo("", **given)


def where(dsn: str) -> str:
    """A target in words, without its password."""
    given = conninfo_to_dict(dsn)
    host = given.get("host") or given.get("hostaddr") or given.get("service") or "local socket"
    port = f":{given['port']}" if given.get("port") else ""
    return f"{host}{port}/{given.get('dbname') or given.get('user') or ''}".rstrip("/")


def _url(info: psycopg.ConnectionInfo) -> str:
    """The URL of a connection, without its password."""
    user, database = quote(info.user, safe=""), quote(info.dbname, safe="")
    if info.host.startswith("/"):
        port = f"&port={info.port}" if info.port != 5432 else ""
        return f"postgresql://{user}@/{database}?host={quote(info.host)}{port}"
    host = f"[{info.host}]" if ":" in info.host else info.host
    return f"postgresql://{user}@{host}:{info.port}/{database}"


def connect(dsn: str, *, autocommit: bool = True) -> Connection:
    """A connection whose session is set for moving data.

    Raises:
        TargetUnreachable, TargetAuthFailed.
    """
    try:
        connection = psycopg.connect(dsn, autocommit=autocommit, client_encoding="UTF8", prepare_threshold=None)
    except psycopg.OperationalError as error:
        message = _without_password(str(error), dsn)
        kind = errors.TargetAuthFailed if any(words in message for words in _AUTH) else errors.TargetUnreachable
        raise kind(where=where(dsn), message=message) from None
    connection.execute(_SESSION)
    if not autocommit:
        connection.commit()
    return connection


def _without_password(message: str, dsn: str) -> str:
    password = conninfo_to_dict(dsn).get("password")
    message = " ".join(message.split())
    return message.replace(str(password), "********") if password else message


def open_server(dsn: str) -> tuple[Server, Connection]:
    """Connect and check the server.

    Raises:
        TargetUnreachable, TargetAuthFailed, TargetTooOld, TargetEncoding.
    """
    connection = connect(dsn)
    info = connection.info
    try:
        if info.server_version < OLDEST:
            version = info.parameter_status("server_version") or str(info.server_version)
            raise errors.TargetTooOld(version=version, where=where(dsn))
        encoding, words, icu = connection.execute(
            "select getdatabaseencoding(), current_setting('server_version'),"
            " exists (select from pg_collation where collprovider = 'i')"
        ).fetchone() or ("", "", False)
        if encoding != "UTF8":
            raise errors.TargetEncoding(database=info.dbname, encoding=encoding)
    except BaseException:
        connection.close()
        raise
    server = Server(
        dsn, _url(info), info.host, info.port, info.dbname, info.user, info.server_version, str(words), bool(icu)
    )
    return server, connection


_JUDGE = """
    create or replace function pg_temp.litelift_fits(value text, type text) returns boolean language plpgsql as $$
    begin
        execute format('select %L::%s', value, type);
        return true;
    exception when others then
        return false;
    end $$
"""


class Judge:
    """Asks the server which texts a type refuses: domains, and the types that only it can read."""

    KEPT = 50_000

    def __init__(self, dsn: str) -> None:
        """``dsn`` of the target; the connection opens with the first question."""
        self._dsn = dsn
        self._connection: Connection | None = None
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self, type_: PgType, texts: Sequence[str]) -> list[int]:
        """The indexes of the refused texts."""
        words = type_.sql().as_string(None)
        asked = list({text for text in texts if (words, text) not in self._known})
        if asked:
            if self._connection is None:
                self._connection = connect(self._dsn)
                self._connection.execute(_JUDGE)
            rows = self._connection.execute(
                "select value, pg_temp.litelift_fits(value, %s) from unnest(%s::text[]) as asked(value)", (words, asked)
            ).fetchall()
            if len(self._known) > self.KEPT:
                self._known.clear()
            self._known.update({(words, value): fits for value, fits in rows})
            answers = dict(rows)
            return [at for at, text in enumerate(texts) if not answers.get(text, self._known.get((words, text), True))]
        return [at for at, text in enumerate(texts) if not self._known[words, text]]

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()


def table_name(schema: str, table: str) -> sql.Identifier:
    """A qualified table name."""
    return sql.Identifier(schema, table)
