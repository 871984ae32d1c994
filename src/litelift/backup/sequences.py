"""Where the sequences stand: what each would give next."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from litelift.backup.manifest import SequenceState
from litelift.postgres.connect import Connection

_SEQUENCES = """
    select n.nspname, c.relname, s.seqincrement, quote_ident(n.nspname) || '.' || quote_ident(c.relname)
      from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname !~ '^pg_' and c.relpersistence <> 't'
       -- Nobody can read these on a standby.
       and not (c.relpersistence = 'u' and pg_is_in_recovery())
       and not exists (select from pg_depend d
                        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1, 2
"""
TOGETHER = 200
"""Sequences that one statement reads: each is a relation of its own."""


def sequences(connection: Connection) -> dict[str, tuple[int, int]]:
    """The value that each sequence would give next, and its increment. A sequence has no snapshot: it is as of now."""
    listed = connection.execute(_SEQUENCES).fetchall()
    found: dict[str, tuple[int, int]] = {}
    for at in range(0, len(listed), TOGETHER):
        some = listed[at : at + TOGETHER]
        parts = [
            sql.SQL("select {}::int, last_value, is_called from {}").format(
                sql.Literal(number), sql.Identifier(schema, name)
            )
            for number, (schema, name, _, _) in enumerate(some)
        ]
        for number, last, called in connection.execute(sql.SQL(" union all ").join(parts)):
            _, _, increment, words = some[number]
            found[words] = (last + increment if called else last, increment)
    return found


def states(before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]]) -> list[SequenceState]:
    """The sequences that were there all the time."""
    return [
        SequenceState(sequence=name, before=value, after=after[name][0])
        for name, (value, _) in before.items()
        if name in after
    ]


def unlike(was: SequenceState, now: int | None) -> str | None:
    """What is wrong with a restored sequence; None where it stands between before and after the dump."""
    if now is None:
        return f"{was.sequence} is missing"
    low, high = sorted((was.before, was.after))
    if low <= now <= high:
        return None
    due = str(low) if low == high else f"{low} to {high}"
    return f"{was.sequence}: expected to give {due} next; gives {now}"
