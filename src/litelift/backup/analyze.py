"""The planner's statistics of a restored database, without which what was fast is slow: no dump before PostgreSQL 18
has them."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg import sql

from litelift.backup.rights import Note
from litelift.postgres.connect import Connection, is_lost

# Those of other servers' rows would be read there ("ANALYZE", on inheritance and foreign tables).
_TABLES = """
    with recursive reads(oid) as (
        select oid from pg_class where relkind = 'f'
        union
        select i.inhparent from reads join pg_inherits i on i.inhrelid = reads.oid
    )
    select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm', 'p') and c.relpersistence <> 't' and c.oid not in (select oid from reads)
     order by 1, 2
"""


def analyze(connection: Connection) -> Iterator[Note]:
    """Look through every table; those for which that failed, by an index's own function say.

    Raises psycopg.Error where the server went away.
    """
    for schema, name in connection.execute(_TABLES).fetchall():
        words = sql.SQL("analyze {}").format(sql.Identifier(schema, name))
        try:
            connection.execute(words)
        except psycopg.Error as error:
            if is_lost(error):
                raise
            said = " ".join((error.diag.message_primary or str(error)).split())
            message = f"the table {schema}.{name} has no statistics for the planner: {said}"
            yield Note(message=message, sql=words.as_string(connection))
