"""Roles as a managed PostgreSQL gives them out: no superuser, no ``session_replication_role``, nothing but their own.

``owner`` owns its database. ``schema`` owns the schema public and an empty schema litelift that the administrator made
for it, and may make neither schemas nor temporary tables: PUBLIC has lost all its rights on the database. For ``bare``
nobody has made litelift's schema.
"""

from __future__ import annotations

import contextlib
import os
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROLE = os.environ.get("LITELIFT_TEST_ROLE", "superuser")
"""Whose URL the fixture ``database`` hands out: the superuser's, or one of these roles'."""

_GRANTS = {
    "owner": ("alter database {database} owner to {role}",),
    "schema": (
        "revoke all on database {database} from public",
        "grant connect on database {database} to {role}",
        "alter schema public owner to {role}",
        "create schema litelift authorization {role}",
    ),
    "bare": (
        "revoke all on database {database} from public",
        "grant connect on database {database} to {role}",
        "alter schema public owner to {role}",
    ),
}


def plain_url(url: str, role: str) -> str:
    """The URL of a plain role for the superuser's ``url``, once the role has what it is to have in that database."""
    with psycopg.connect(url, autocommit=True) as admin:
        # Of two that make it at once, one meets the other's row in pg_authid.
        with contextlib.suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            admin.execute(sql.SQL("create role {} login").format(sql.Identifier(f"plain_{role}")))
        names = {"database": sql.Identifier(admin.info.dbname), "role": sql.Identifier(f"plain_{role}")}
        for grant in _GRANTS[role]:
            admin.execute(sql.SQL(grant).format(**names))
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"plain_{role}@{parts.netloc.rpartition('@')[2]}"))
