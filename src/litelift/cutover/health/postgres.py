"""The check ``postgres``: a query, in a session that cannot write, and the first value of its answer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.expectations import same
from litelift.cutover.health.result import Failing
from litelift.cutover.health.settings import PostgresCheck
from litelift.cutover.health.wording import short
from litelift.errors import HealthCheckUnusable, LiteliftError
from litelift.postgres.connect import normalized, reading_only
from litelift.postgres.login import refusal

CANCELLED = 0.9
"""Of the attempt's time: when the server itself ends the query."""
CUT = 0.95
"""Of the attempt's time: when the session is ended, whatever the server does."""


async def attempt(check: PostgresCheck, attempt: Attempt) -> str:
    """What was found. Raises Failing."""
    dsn = _dsn(check, attempt)
    attempt.stage = "PostgreSQL had not let us in"
    began = time.perf_counter()
    try:
        connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True, client_encoding="UTF8")
    except psycopg.OperationalError as error:
        raise Failing("a session in PostgreSQL", refusal(error, dsn).message) from None
    except psycopg.Error as error:
        raise Failing("a session in PostgreSQL", " ".join(str(error).split())) from None
    attempt.stack.push_async_callback(connection.close)
    # Cancelled, psycopg would wait for the server once more, and one that stands still has no more to say.
    cut = asyncio.get_running_loop().call_later(check.timeout * CUT, _cut, connection)
    attempt.stack.callback(cut.cancel)
    try:
        # Prepared: so it is one statement, and cannot leave the session that only reads.
        cursor = await connection.execute(check.query.encode(), prepare=True)
        row = await cursor.fetchone() if cursor.description else None
    except psycopg.Error as error:
        said = " ".join((error.diag.message_primary or str(error)).split())
        if cut.when() <= asyncio.get_running_loop().time():
            said = f"none within {check.timeout:g} s"
        raise Failing(f"an answer to {check.query}", said) from None
    attempt.milliseconds.append((time.perf_counter() - began) * 1000)
    if not row:
        raise Failing(f"a row from {check.query}", "none")
    if check.value is not None and not _is(check.value, row[0]):
        raise Failing(f"{short(check.value)} from {check.query}", short(row[0]))
    return f"{check.query}: {short(row[0])}"


def _dsn(check: PostgresCheck, attempt: Attempt) -> str:
    around = attempt.surroundings
    if check.url is None:
        if around.login is None:
            raise HealthCheckUnusable(check=check.name, message="there is no login in PostgreSQL yet, and no url")
        dsn = normalized(around.login.url)
    else:
        try:
            dsn = normalized(check.url)
        except LiteliftError as error:
            raise HealthCheckUnusable(check=check.name, message=error.message, hint=error.hint) from None
        password = around.secrets.passwords.get(check.name)
        if password is not None:
            dsn = make_conninfo(dsn, password=password)
    reading = reading_only(dsn)
    options = psycopg.conninfo.conninfo_to_dict(reading)["options"]
    limit = max(1, round(check.timeout * 1000 * CANCELLED))
    return make_conninfo(reading, options=f"{options} -c statement_timeout={limit}")


def _is(wanted: bool | int | float | str, got: object) -> bool:
    if isinstance(wanted, str):
        return wanted == str(got)
    return same(wanted, got)


def _cut(connection: psycopg.AsyncConnection[Any]) -> None:
    """End the session at its socket, without a word to the server."""
    with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)
