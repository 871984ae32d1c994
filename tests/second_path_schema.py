"""A moved schema compared again: types, keys, indexes, foreign keys, sequences, defaults, and what new rows do."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from typing import Any

import psycopg
from psycopg import sql

from generated_databases import fold, quoted
from generated_values import VOLATILE
from second_path import Comparison, SourceColumn, Table, TargetColumn, pairing, text
from second_path_values import Stored, Text, arrives, readings

UNIQUES = ("primary key", "unique", "index")


def compare_schema(comparison: Comparison) -> None:
    """Everything but the rows; ``comparison.rows()`` has run."""
    _types(comparison)
    _indexes(comparison)
    _foreign_keys(comparison)
    for table in comparison.tables:
        _duplicate(comparison, table)
    for table in comparison.tables:
        _sequence(comparison, table)
        _fresh(comparison, table)


def told(comparison: Comparison, *kinds: str) -> list[str]:
    """The names of what was told not to be carried."""
    return [one.name for one in comparison.result.untranslated if one.kind in kinds]


# ----------------------------------------------------------------- types

_NATURAL = (
    (r"(unsigned big )?int(eger|8)?|bigint", ("bigint",)),
    (r"smallint|tinyint", ("smallint", "bigint")),
    (r"mediumint", ("integer", "bigint")),
    (r"boolean|bool|tinyint\(1\)", ("boolean",)),
    (r"real|double precision|float|double unsigned", ("double precision",)),
    (r"(?:decimal|numeric)\((\d+),(\d+)\)", ("numeric({},{})",)),
    (r"numeric|decimal|money", ("numeric",)),
    (r"(?:n?var)?char\((\d+)\)", ("character varying({})",)),
    (r"text|clob|text\(200\)|longvarchar|string", ("text",)),
    (r"date", ("date",)),
    (r"time", ("time without time zone",)),
    (r"jsonb?", ("jsonb",)),
    (r"[ug]uid", ("uuid",)),
    (r"blob|varbinary\(16\)", ("bytea",)),
)
_OFFSET = re.compile(rb"(Z|[+-]\d\d:?\d\d)\s*$")


def natural(declared: str, values: list[Stored]) -> tuple[str, ...] | None:
    """The types that the declared type asks for; None where the values have a say."""
    word = declared.lower()
    if word in ("datetime", "timestamp", "timestamptz"):
        if any(not isinstance(value, Text) for value in values):
            return None
        zoned = any(_OFFSET.search(bytes(value)) for value in values if isinstance(value, Text))
        return ("timestamp with time zone",) if zoned else ("timestamp without time zone",)
    for pattern, types in _NATURAL:
        found = re.fullmatch(pattern, word)
        if found:
            return tuple(one.format(*found.groups()) for one in types)
    return None


def _types(comparison: Comparison) -> None:
    """A column all of whose values fit its declared type has that type."""
    for table in comparison.tables:
        children = {fold(name) for key in _keys_of(comparison, table) for name in key[0]}
        for at, (column, into) in enumerate(zip(table.columns, table.into, strict=True)):
            if fold(column.name) in children or column.hidden:
                continue
            values = [row[at] for row in table.stored if row[at] is not None]
            types = natural(column.declared, values)
            if types is None or (column.declared.lower() == "date" and any(not isinstance(v, Text) for v in values)):
                continue
            if all(readings(value, types[0]) for value in values) and into.type not in types:
                comparison.wrong.append(
                    f"{table.source}.{column.name}: every value fits {types[0]}, and its type is {into.type}"
                )


# ----------------------------------------------------------------- keys and indexes

Part = str | None
# Its name where a statement of its own made it, unique, partial, the columns; None for what is no plain column.
Shape = tuple[str | None, bool, bool, tuple[Part, ...]]


def _source_indexes(comparison: Comparison, table: Table) -> list[Shape]:
    found: list[Shape] = []
    primary = sorted((column for column in table.columns if column.key), key=lambda column: column.key)
    if primary:
        found.append((None, True, False, tuple(fold(column.name) for column in primary)))
    for row in comparison.source.execute(f"pragma index_list({quoted(table.source)})").fetchall():
        if text(row[3]) == "pk":
            continue
        parts = [
            part
            for part in comparison.source.execute(f"pragma index_xinfo({quoted(text(row[1]))})").fetchall()
            if part[5]
        ]
        names = tuple(
            fold(text(part[2])) if part[2] is not None and text(part[4]).upper() == "BINARY" else None for part in parts
        )
        name = text(row[1]) if text(row[3]) == "c" else None
        found.append((name, bool(row[2]), bool(row[4]), names))
    return found


_TARGET_INDEXES = """
    select n.relname, i.indisunique, i.indpred is not null, i.indkey::int[], i.indnkeyatts
    from pg_index i join pg_class c on c.oid = i.indrelid join pg_class n on n.oid = i.indexrelid
    where c.relname = %s and c.relnamespace = quote_ident(%s)::regnamespace and i.indisvalid
"""


def _indexes(comparison: Comparison) -> None:
    missing = []
    for table in comparison.tables:
        names = [fold(column.name) for column in table.columns]
        found = [
            (name, unique, partial, tuple(names[place - 1] if place else None for place in places[:count]))
            for name, unique, partial, places, count in comparison.target.execute(
                _TARGET_INDEXES, (table.target, comparison.schema)
            )
        ]
        wanted = _source_indexes(comparison, table)
        _, alone = pairing(
            len(wanted),
            len(found),
            lambda at, to, wanted=wanted, found=found: _alike(comparison, wanted[at], found[to]),  # type: ignore[misc]
        )
        missing += [(table.source, wanted[at]) for at in alone]
    left = told(comparison, *UNIQUES)
    if len(missing) != len(left):
        comparison.wrong.append(f"keys and indexes: missing are {missing}, told are {left}")
    for table in comparison.tables:
        for column, into in zip(table.columns, table.into, strict=True):
            if column.not_null and not into.not_null:
                comparison.wrong.append(f"{table.source}.{column.name}: NOT NULL did not arrive")


def _alike(comparison: Comparison, wanted: Shape, got: Shape) -> bool:
    name = wanted[0]
    renamed = any(
        one.kind == "renamed" and one.message.startswith(f"the index {name} is called {got[0]} ")
        for one in comparison.result.notices
    )
    return (
        (name is None or name == got[0] or renamed)
        and wanted[1:3] == got[1:3]
        and len(wanted[3]) == len(got[3])
        and all(one is None or one == other for one, other in zip(wanted[3], got[3], strict=True))
    )


# ----------------------------------------------------------------- foreign keys


def _keys_of(comparison: Comparison, table: Table) -> list[tuple[list[str], str, list[str | None]]]:
    grouped: dict[int, list[Any]] = {}
    for row in comparison.source.execute(f"pragma foreign_key_list({quoted(table.source)})").fetchall():
        grouped.setdefault(row[0], []).append(row)
    return [
        (
            [text(row[3]) for row in rows],
            text(rows[0][2]),
            [None if row[4] is None else text(row[4]) for row in rows],
        )
        for rows in grouped.values()
    ]


_TARGET_KEYS = """
    select p.relname, k.conkey::int[], k.confkey::int[], k.convalidated
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class p on p.oid = k.confrelid
    where k.contype = 'f' and c.relname = %s and c.relnamespace = quote_ident(%s)::regnamespace
"""


def _foreign_keys(comparison: Comparison) -> None:
    by_name = {fold(table.source): table for table in comparison.tables}
    missing, unproved = [], 0
    for table in comparison.tables:
        found = comparison.target.execute(_TARGET_KEYS, (table.target, comparison.schema)).fetchall()
        unproved += sum(1 for row in found if not row[3])
        for columns, parent_name, parent_columns in _keys_of(comparison, table):
            parent = by_name.get(fold(parent_name))
            if parent is None:
                missing.append((table.source, columns, parent_name))
                continue
            names = [name for name in parent_columns if name is not None] or [
                column.name for column in sorted(parent.columns, key=lambda column: column.key) if column.key
            ]
            ordinals = {fold(column.name): at for at, column in enumerate(parent.columns, 1)}
            own = [table.place(name) + 1 for name in columns]
            theirs = [ordinals.get(fold(name), 0) for name in names]
            match = next((row for row in found if tuple(row[:3]) == (parent.target, own, theirs)), None)
            if match is None:
                missing.append((table.source, columns, parent_name))
            else:
                found.remove(match)
        if found:
            comparison.wrong.append(f"{table.source}: foreign keys that SQLite does not have: {found}")
    left = told(comparison, "foreign key")
    if len(missing) != len(left):
        comparison.wrong.append(f"foreign keys: missing are {missing}, told are {left}")
    notices = [one for one in comparison.result.notices if one.level == "attention" and one.kind == "orphans"]
    if unproved != len(notices):
        comparison.wrong.append(f"foreign keys: {unproved} are NOT VALID, told are {notices}")
    if unproved and not comparison.result.quarantined_total:
        try:
            orphans = comparison.source.execute("pragma foreign_key_check").fetchall()
        except sqlite3.Error:
            return
        if not orphans:
            comparison.wrong.append("foreign keys: SQLite finds no orphan, and a foreign key is NOT VALID")


# ----------------------------------------------------------------- new rows


def _alias(comparison: Comparison, table: Table) -> SourceColumn | None:
    """The column that is the rowid."""
    keys = [column for column in table.columns if column.key]
    if len(keys) != 1 or keys[0].declared.upper() != "INTEGER":
        return None
    rows = comparison.source.execute(f"pragma index_list({quoted(table.source)})").fetchall()
    without = comparison.source.execute(
        "select wr from pragma_table_list where schema = 'main' and name = ?", (table.source,)
    ).fetchone()[0]
    return None if without or any(text(row[3]) == "pk" for row in rows) else keys[0]


def _sequence(comparison: Comparison, table: Table) -> None:
    """The next value is the one that SQLite would give."""
    alias = _alias(comparison, table)
    if alias is None:
        return
    into = table.into[table.columns.index(alias)]
    name = sql.Identifier(comparison.schema, table.target).as_string(comparison.target)
    sequence = comparison.target.execute("select pg_get_serial_sequence(%s, %s)", (name, into.name)).fetchone()
    if sequence is None or sequence[0] is None:
        comparison.wrong.append(f"{table.source}.{alias.name}: it has no sequence")
        return
    last = comparison.source.execute(f"select max({quoted(alias.name)}) from {quoted(table.source)}").fetchone()[0]
    expected = max(last or 0, 0) + 1
    if comparison.source.execute("select 1 from sqlite_master where name = 'sqlite_sequence'").fetchone():
        row = comparison.source.execute("select seq from sqlite_sequence where name = ?", (table.source,)).fetchone()
        expected = max(expected, (row[0] if row else 0) + 1)
    try:
        with comparison.target.transaction():
            given = (comparison.target.execute("select nextval(%s)", (sequence[0],)).fetchone() or (None,))[0]
    except psycopg.errors.SequenceGeneratorLimitExceeded:
        given = 1 << 63
    assert isinstance(given, int)
    if given < 1 << 63:
        # A new row takes the same value.
        comparison.target.execute("select setval(%s, %s, false)", (sequence[0], given))
    if given != expected:
        comparison.wrong.append(f"{table.source}.{alias.name}: the next value is {given}, and SQLite's {expected}")


class _Undo(Exception):
    pass


def _insert(
    comparison: Comparison, table: Table, places: list[int], ours: list[Any], theirs: list[Any]
) -> tuple[sqlite3.Error | tuple[Any, ...], psycopg.Error | tuple[Any, ...]]:
    """Insert one row on both sides, look at it, and take it back: the row, or the error, of each side."""
    columns = ", ".join(quoted(table.columns[at].name) for at in places)
    marks = ", ".join("cast(? as text)" if isinstance(value, Text) else "?" for value in ours)
    values = f"({columns}) values ({marks})" if places else "default values"
    shown = ", ".join(quoted(column.name) for column in table.columns)
    source: sqlite3.Error | tuple[Any, ...]
    target: psycopg.Error | tuple[Any, ...]
    # Not by RETURNING, which gives a whole number as a real where another column of the table is one.
    everything = f"select {shown} from {quoted(table.source)}"
    before = Counter(map(repr, comparison.source.execute(everything)))
    comparison.source.execute("begin")
    try:
        held = [bytes(value).decode() if isinstance(value, Text) else value for value in ours]
        comparison.source.execute(f"insert into {quoted(table.source)} {values}", held)
        source = ()
        for row in comparison.source.execute(everything):
            before[repr(row)] -= 1
            source = row if before[repr(row)] < 0 else source
    except (sqlite3.Error, UnicodeDecodeError) as error:
        source = error if isinstance(error, sqlite3.Error) else sqlite3.DataError(str(error))
    finally:
        if comparison.source.in_transaction:
            comparison.source.execute("rollback")
    names = sql.SQL(", ").join(sql.Identifier(table.into[at].name) for at in places)
    words = (
        sql.SQL("({}) overriding system value values ({})").format(
            names,
            sql.SQL(", ").join(
                sql.SQL("({})::{}").format(sql.Literal(value), sql.SQL(table.into[at].type))
                for at, value in zip(places, theirs, strict=True)
            ),
        )
        if places
        else sql.SQL("default values")
    )
    listed = sql.SQL(", ").join(
        sql.SQL("{}::text" if column.type.startswith("time ") else "{}").format(sql.Identifier(column.name))
        for column in table.into
    )
    target = psycopg.DataError("nothing ran")
    try:
        with comparison.target.transaction(force_rollback=True):
            # No foreign keys: on the other side they are off, too.
            comparison.target.execute("set local session_replication_role = replica")
            target = (
                comparison.target.execute(
                    sql.SQL("insert into {} {} returning {}").format(
                        sql.Identifier(comparison.schema, table.target), words, listed
                    )
                ).fetchone()
                or ()
            )
    except psycopg.Error as error:
        target = error
    return source, target


def _duplicate(comparison: Comparison, table: Table) -> None:
    """A row that is there already is refused on both sides, or on neither."""
    places = [at for at, column in enumerate(table.columns) if not column.hidden]
    if told(comparison, "check", *UNIQUES, "collation", "generated column"):
        return
    for row, other in table.pairs[:1]:
        if not all(arrives(value, into.type, held) for value, into, held in zip(row, table.into, other, strict=True)):
            continue
        theirs = [getattr(other[at], "value", other[at]) for at in places]
        if any(into.type == "jsonb" for into in table.into):
            continue
        source, target = _insert(comparison, table, places, [row[at] for at in places], theirs)
        refused = isinstance(source, sqlite3.IntegrityError) and "UNIQUE" in str(source)
        if isinstance(source, sqlite3.Error) and not refused:
            continue
        if refused != isinstance(target, psycopg.errors.UniqueViolation) and not _null_key(table, row):
            comparison.wrong.append(f"{table.source}: a second {row}: SQLite says {source!r}, PostgreSQL {target!r}")


def _null_key(table: Table, row: tuple[Stored, ...]) -> bool:
    """A NULL in a primary key: both sides let a second one in, each for its own reason."""
    return any(value is None and column.key for value, column in zip(row, table.columns, strict=True))


FRESH: dict[str, tuple[Any, Any]] = {
    "smallint": (32011, 32011),
    "integer": (2_000_000_011, 2_000_000_011),
    "bigint": (5_000_000_000_011, 5_000_000_000_011),
    "double precision": (987654.25, 987654.25),
    "numeric": (987, 987),
    "text": (Text(b"fresh"), "fresh"),
    "character varying": (Text(b"frsh"), "frsh"),
    "bytea": (b"fresh", b"fresh"),
    "uuid": (Text(b"ffffffff-1111-2222-3333-444444444444"),) * 1 + ("ffffffff-1111-2222-3333-444444444444",),
    "jsonb": (Text(b'"fresh"'), '"fresh"'),
    "date": (Text(b"2031-01-02"), "2031-01-02"),
    "timestamp without time zone": (Text(b"2031-01-02 03:04:05"), "2031-01-02 03:04:05"),
    "timestamp with time zone": (Text(b"2031-01-02 03:04:05Z"), "2031-01-02 03:04:05Z"),
    "time without time zone": (Text(b"05:06:07"), "05:06:07"),
    "boolean": (1, True),
}


def _used_up(comparison: Comparison, table: Table, alias: SourceColumn | None) -> bool:
    """That the last rowid is taken, and told: SQLite looks for a free one by chance, a sequence does not."""
    if alias is None:
        return False
    at = table.columns.index(alias)
    told_so = any(
        one.kind == "sequence" and one.level == "attention" and one.table == table.target
        for one in comparison.result.notices
    )
    return told_so and any(row[at] == (1 << 63) - 1 for row in table.stored)


def _merged(table: Table, row: tuple[Stored, ...]) -> bool:
    """That a value of the row is another row's by a declared rule, and not in SQLite: 't' and 1 are both true."""
    return any(
        value is not None and value != other[at] and arrives(value, into.type, held[at])
        for at, (value, into) in enumerate(zip(row, table.into, strict=True))
        for other, held in table.pairs
    )


def _required(column: SourceColumn, into: TargetColumn) -> bool:
    return not column.hidden and ((column.not_null and column.default is None) or column.key > 0)


def _fresh(comparison: Comparison, table: Table) -> None:
    """A new row with only what it must have gets the same defaults on both sides."""
    alias = _alias(comparison, table)
    left = Counter(told(comparison, "default"))
    places = [
        at
        for at, (column, into) in enumerate(zip(table.columns, table.into, strict=True))
        if column is not alias and (_required(column, into) or left[f"{table.target}.{into.name}"])
    ]
    fresh = [FRESH[re.sub(r"\(.*?\)", "", table.into[at].type)] for at in places]
    source, target = _insert(comparison, table, places, [one[0] for one in fresh], [one[1] for one in fresh])
    if isinstance(source, sqlite3.Error):
        return
    if isinstance(target, psycopg.errors.SequenceGeneratorLimitExceeded) and _used_up(comparison, table, alias):
        return
    if isinstance(target, psycopg.errors.UniqueViolation) and _merged(table, source):
        return
    if isinstance(target, psycopg.Error):
        comparison.wrong.append(f"{table.source}: SQLite takes a new row, {source}, and PostgreSQL says {target}")
        return
    for column, into, value, held in zip(table.columns, table.into, source, target, strict=True):
        if column is alias or column.hidden or (column.default and any(w in column.default for w in VOLATILE)):
            continue
        if any(word in (column.default or "").lower() for word in ("now", "unixepoch", "current_")):
            continue
        if not arrives(value, into.type, held):
            comparison.wrong.append(
                f"{table.source}.{column.name} ({into.type}): DEFAULT {column.default} is {value!r} in SQLite, "
                f"and {held!r} in PostgreSQL"
            )
