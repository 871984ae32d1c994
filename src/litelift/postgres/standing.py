"""What stands on a schema's tables already: the constraints and indexes that an interrupted move has built."""

from __future__ import annotations

from dataclasses import dataclass, field

from litelift.postgres.connect import Connection

_CONSTRAINTS = """
    select c.relname::text, k.conname::text, k.contype in ('p', 'u'), k.convalidated
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = any(%s) and k.contype in ('p', 'u', 'c', 'f')
"""
_INDEXES = """
    select c.relname::text, i.relname::text, x.indisunique, x.indisvalid
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = any(%s)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """By table and name: the keys, whether a check or foreign key is validated, and whether an index is unique."""

    keys: frozenset[tuple[str, str]] = frozenset()
    constraints: dict[tuple[str, str], bool] = field(default_factory=dict)
    indexes: dict[tuple[str, str], bool] = field(default_factory=dict)

    def tables(self) -> frozenset[str]:
        """The tables on which anything stands."""
        return frozenset(place[0] for place in (*self.keys, *self.constraints, *self.indexes))


def read_standing(connection: Connection, schema: str, tables: list[str]) -> Standing:
    """Look at what stands on tables."""
    constraints = connection.execute(_CONSTRAINTS, (schema, tables)).fetchall()
    indexes = connection.execute(_INDEXES, (schema, tables)).fetchall()
    return Standing(
        frozenset((table, name) for table, name, key, _ in constraints if key),
        {(table, name): valid for table, name, key, valid in constraints if not key},
        # An index that is not valid is not one that a transaction of ours has made.
        {(table, name): unique for table, name, unique, valid in indexes if valid},
    )
