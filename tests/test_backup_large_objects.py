"""Large objects are proved part by part: one may be larger than what a single value holds."""

from __future__ import annotations

import psycopg

from litelift.backup.digest import large_objects


def test_every_byte_of_a_large_object_counts_wherever_it_is_cut(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        assert large_objects(connection) is None
        for number, content in ((7, b""), (8, b"x" * 1000), (9, b"y" * 2500), (10, b"\0" * 999)):
            connection.execute("select lo_from_bytea(%s, %s)", (number, content))
        found = {part: large_objects(connection, part) for part in (1000, 1024, 1 << 20)}
        assert {one.rows for one in found.values() if one is not None} == {4}
        seen = {str(found[1000])}
        changes = [
            "select lo_put(9, 2499, 'z')",
            "select lo_put(9, 0, 'z')",
            "select lo_put(8, 1000, 'x')",
            "select lo_put(7, 0, '\\\\x00')",
            "select lo_unlink(10)",
            "select lo_from_bytea(11, '')",
        ]
        for change in changes:
            connection.execute(change)
            now = str(large_objects(connection, 1000))
            assert now not in seen, change
            seen.add(now)
