"""What a login can fail of, in one clear error with a hint, and never a password in it."""

from __future__ import annotations

import re

import psycopg
from psycopg.conninfo import conninfo_to_dict

from litelift import errors

# What a login can fail of, as libpq and the server say it, and what helps; the first that fits.
_REFUSALS: tuple[tuple[str, type[errors.LiteliftError], str | None], ...] = (
    (
        r"weak sslmode",
        errors.UsageError,
        "sslrootcert=system goes with sslmode=verify-full alone; for another mode name the authority's certificate.",
    ),
    (
        r'invalid "?\w+"? value',
        errors.UsageError,
        'For the values see "Parameter Key Words" in PostgreSQL\'s manual; they may come from the variables PG... too.',
    ),
    (
        r"no pg_hba\.conf entry.*no encryption|hostssl|SSL connection is required",
        errors.TargetAuthFailed,
        "The server may want TLS: add ?sslmode=require to the target. Else ask for a line in its pg_hba.conf.",
    ),
    (
        r"no pg_hba\.conf entry",
        errors.TargetAuthFailed,
        "The server does not let this user in from here: ask for a line in its pg_hba.conf.",
    ),
    (
        r"no password supplied",
        errors.TargetAuthFailed,
        "Give the password in PGPASSWORD, ~/.pgpass or PGPASSFILE, as for psql.",
    ),
    (
        r"certificate authentication failed",
        errors.TargetAuthFailed,
        "The client's certificate (sslcert) is another user's: its common name must be the user's.",
    ),
    (
        r"authentication method requirement",
        errors.TargetAuthFailed,
        "require_auth asks for another method than the server's.",
    ),
    (
        r"channel binding",
        errors.TargetAuthFailed,
        "channel_binding=require takes TLS (sslmode=require) and a SCRAM password on the server; prefer does without.",
    ),
    (r'role "[^"]*" is not permitted to log in', errors.TargetAuthFailed, "Ask for: ALTER ROLE ... LOGIN"),
    (
        r"permission denied for database",
        errors.TargetAuthFailed,
        "Ask for: GRANT CONNECT ON DATABASE ... TO ...",
    ),
    (
        r"authentication (failed|method|error)|role \"[^\"]*\" does not exist",
        errors.TargetAuthFailed,
        None,
    ),
    (
        r'database "[^"]*" does not exist',
        errors.TargetUnreachable,
        "Make it first: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0; or check its name.",
    ),
    (
        r"too many (clients|connections)|remaining connection slots",
        errors.TargetUnreachable,
        "Wait for others to leave, use fewer --jobs, or raise the server's max_connections.",
    ),
    (
        r"server does not support SSL",
        errors.TargetUnreachable,
        "The server has no TLS: say sslmode=prefer or disable, if the network between is yours.",
    ),
    (
        r"does not match host name|host name in certificate",
        errors.TargetUnreachable,
        "Name the host as the certificate does (hostaddr= can say where it is), or say sslmode=verify-ca.",
    ),
    (
        r"root certificate file",
        errors.TargetUnreachable,
        "sslrootcert=FILE names the certificate of the server's authority; sslrootcert=system takes the machine's.",
    ),
    (
        r"certificate verify failed",
        errors.TargetUnreachable,
        "The server's certificate has expired, or is not of the authority in sslrootcert. "
        "See it with: openssl s_client -starttls postgres -connect HOST:PORT",
    ),
    (
        r"requires a valid client certificate|private key|certificate file|unknown ca|bad certificate",
        errors.TargetUnreachable,
        "Check sslcert and sslkey, the client's certificate and its key; they work as for psql.",
    ),
    (
        r"certificate|SSL error",
        errors.TargetUnreachable,
        "Check sslmode and sslrootcert; they work as for psql.",
    ),
    (
        r"is (starting up|shutting down)|recovery mode|not yet accepting connections",
        errors.TargetUnreachable,
        "Wait until the server is up, and run the command again.",
    ),
    (
        r"could not translate host name|failed to resolve|Name or service not known|nodename nor servname"
        r"|Temporary failure in name resolution|No address associated|getaddrinfo",
        errors.TargetUnreachable,
        "Check the host's name, and that this machine can resolve it.",
    ),
)


def where(dsn: str) -> str:
    """A target in words, without its password."""
    given = conninfo_to_dict(dsn)
    host = given.get("host") or given.get("hostaddr") or given.get("service") or "local socket"
    port = f":{given['port']}" if given.get("port") else ""
    database = str(given.get("dbname") or given.get("user") or "")
    # Someone may have put a whole URL there.
    database = "" if "://" in database or "password" in database else database
    return f"{host}{port}/{database}".rstrip("/")


def refusal(error: psycopg.OperationalError, dsn: str) -> errors.LiteliftError:
    """What it means that libpq could not connect to ``dsn``."""
    said = re.sub(r"\[Errno -?\d+\] ", "", " ".join(str(error).split()))
    for pattern, kind, hint in _REFUSALS:
        if re.search(pattern, said):
            return kind(where=where(dsn), message=_without_password(said, dsn), hint=hint)
    return errors.TargetUnreachable(where=where(dsn), message=_without_password(said, dsn))


def _without_password(message: str, dsn: str) -> str:
    # libpq does not repeat a password; a server or a proxy might. A word that is also a name tells nothing.
    given = conninfo_to_dict(dsn)
    password = str(given.get("password") or "")
    names = {str(given.get(name)) for name in ("user", "dbname", "host", "port")}
    if not password or password in names:
        return message
    return re.sub(rf"(?<!\w){re.escape(password)}(?!\w)", "********", message)
