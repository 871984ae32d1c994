"""Settings of the application's own role: time-outs that end what it forgot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from litelift.monitor.advise.advice import Advice
from litelift.monitor.advise.server_settings import ServerSettings
from litelift.postgres.connect import Connection

IDLE = "10min"
LEAST_MINUTES = 5
TIMES = 4
"""How many times the longest statement that was ever seen a time-out has to allow."""
# Of several, the more particular one holds ("ALTER ROLE", Notes).
_ROLE = """
    select r.rolsuper, r.rolcanlogin, pg_has_role(current_user, r.oid, 'member') as ours,
           (select array_agg(word) from (
                select distinct on (split_part(word, '=', 1)) word
                from pg_db_role_setting s cross join unnest(s.setconfig) word
                where s.setrole in (r.oid, 0)
                  and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
                order by split_part(word, '=', 1), s.setrole = 0, s.setdatabase = 0) settings)
    from pg_roles r where r.rolname = %s
"""


@dataclass(frozen=True, slots=True)
class Role:
    """The application's role, and what is set for it in this database."""

    name: str
    settings: dict[str, str]
    may_change: bool


def read_role(connection: Connection, name: str, *, superuser: bool) -> Role | None:
    """The role; None where it is none that an application should have. Raises psycopg.Error."""
    row = connection.execute(_ROLE, (name,)).fetchone()
    if row is None or row[0] or not row[1]:
        return None
    settings = dict(word.split("=", 1) for word in row[3] or ())
    # A role may change what is set for itself ("ALTER ROLE").
    return Role(name, settings, superuser or name == connection.info.user)


def role_rules(settings: ServerSettings, role: Role, database: str, longest: float | None) -> Iterator[Advice]:
    """What the role lacks.

    Args:
        settings: the server's.
        role: the application's.
        database: its own.
        longest: seconds that its longest statement took; None where nobody counted.
    """
    name = "idle_in_transaction_session_timeout"
    if _is_off(settings, role, name):
        why = (
            f"A session of {role.name} that forgets to end its transaction keeps its locks, and dead "
            "rows from being removed, "
            "until somebody ends it"
        )
        yield _advice(settings, role, database, name, IDLE, why, "nobody waits all night for a session that hangs", 45)
    name = "statement_timeout"
    if longest is not None and _is_off(settings, role, name):
        minutes = max(math.ceil(longest * TIMES / 60), LEAST_MINUTES)
        why = (
            f"A statement of {role.name} that went wrong runs until somebody ends it; the longest "
            f"that was seen took {longest:.1f} s. "
            "(What is longer on purpose, a report or a migration, sets its own)"
        )
        yield _advice(
            settings, role, database, name, f"{minutes}min", why, "a query that went wrong ends by itself", 28
        )


def _is_off(settings: ServerSettings, role: Role, name: str) -> bool:
    # One that somebody has set for the role, to 0 too, was thought of.
    return name not in role.settings and name in settings and settings[name].setting == "0"


def _advice(
    settings: ServerSettings, role: Role, database: str, name: str, value: str, why: str, gain: str, weight: float
) -> Advice:
    target = sql.SQL("ALTER ROLE {} IN DATABASE {} ").format(sql.Identifier(role.name), sql.Identifier(database))
    change = target + sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
    back = target + sql.SQL("RESET {}").format(sql.Identifier(name))
    return Advice(
        "setting",
        f"{name} of {role.name}",
        why,
        "none",
        value,
        gain,
        weight,
        (change.as_string(None),),
        (back.as_string(None),),
        '20.11.1 "Statement Behavior"; it holds for sessions that begin later',
        blocked=None if role.may_change else f"let {role.name} itself run it, or a superuser",
    )
