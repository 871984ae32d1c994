"""What arrived, apart from litelift's proof: the rows of both sides as multisets, read by sqlite3 and by psycopg."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

Row = tuple[object, ...]
Kept = tuple[str, str | None, bytes, str]
AS_THEY_ARE = {"bigint", "integer", "smallint", "boolean", "double precision", "text", "bytea"}


@dataclass
class Compared:
    """How many rows the target lacks, how many it has too many, and what else is wrong."""

    lost: int = 0
    doubled: int = 0
    wrong: list[str] = field(default_factory=list)


class Misfit(Exception):
    """A value that the column's type does not hold."""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def expected(value: object, type_: str) -> object:
    """What a column of this type holds for a stored value, as `read_target` reads it. Raises Misfit."""
    if value is None:
        return None
    if type_ in ("bigint", "integer", "smallint"):
        if isinstance(value, int):
            return value
    elif type_ == "boolean":
        if value in (0, 1):
            return bool(value)
    elif type_ == "double precision":
        if isinstance(value, int | float):
            return float(value)
    elif type_ == "bytea":
        if isinstance(value, bytes):
            return value
    elif type_.startswith("numeric(") and isinstance(value, int | float):
        return f"{value:.{type_.rstrip(')').split(',')[1]}f}"
    elif type_.startswith(("timestamp", "text", "character varying")):
        words = str(value)
        if "\0" not in words:
            return words
    raise Misfit


def read_target(target: psycopg.Connection[Any], table: str, types: dict[str, str]) -> Counter[Row]:
    """The rows of a table of schema public, each type in the form of `expected`."""
    columns = sql.SQL(", ").join(
        sql.SQL("{}" if type_ in AS_THEY_ARE else "{}::text").format(sql.Identifier(name))
        for name, type_ in types.items()
    )
    found: Counter[Row] = Counter()
    with target.cursor("rows") as cursor:
        cursor.itersize = 20_000
        cursor.execute(sql.SQL("select {} from {}").format(columns, sql.Identifier("public", table)))
        found.update(cursor)
    return found


def types_of(target: psycopg.Connection[Any], table: str) -> dict[str, str]:
    """The columns of a table of schema public, and their types."""
    rows = target.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute join pg_class c on c.oid = attrelid"
        " where relnamespace = 'public'::regnamespace and relname = %s and relkind = 'r' and attnum > 0"
        " and not attisdropped order by attnum",
        (table,),
    ).fetchall()
    return {str(name): str(type_) for name, type_ in rows}


def compare(path: Path, target: psycopg.Connection[Any]) -> Compared:
    """Compare every table of a made database (types as simple as theirs) with schema public of the target."""
    made = Compared()
    source = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        with target.transaction():
            target.execute("set timezone to 'UTC'; set datestyle to 'ISO'")
            kept: Counter[Kept] = Counter()
            tables = [
                str(name)
                for (name,) in source.execute(
                    "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'"
                )
            ]
            for table in tables:
                _compare_table(source, target, table, kept, made)
            _compare_kept(target, kept, made)
            stranger = target.execute("select id, words from theirs.kept order by id").fetchall()
            if stranger != [(1, "as it was"), (2, "too")]:
                made.wrong.append(f"somebody else's table holds {stranger}")
    finally:
        source.close()
    return made


def _compare_table(
    source: sqlite3.Connection, target: psycopg.Connection[Any], table: str, kept: Counter[Kept], made: Compared
) -> None:
    types = types_of(target, table)
    if not types:
        made.wrong.append(f"{table} is not there")
        made.lost += int(source.execute(f"select count(*) from {_quoted(table)}").fetchone()[0])
        return
    facts = source.execute(f"pragma table_info({_quoted(table)})").fetchall()
    keys = {str(fact[1]) for fact in facts if fact[5]}
    wanted: Counter[Row] = Counter()
    for row in source.execute(f"select * from {_quoted(table)}"):
        try:
            wanted[tuple(map(expected, row, types.values()))] += 1
        except Misfit:
            instead = _instead(table, row, types, keys, kept)
            if instead is not None:
                wanted[instead] += 1
    found = read_target(target, table, types)
    if wanted == found:
        return
    lost, doubled = wanted - found, found - wanted
    made.lost += lost.total()
    made.doubled += doubled.total()
    made.wrong.append(
        f"{table}: {lost.total()} rows lost, {doubled.total()} too many;"
        f" for instance {str(next(iter(lost), None))[:200]} and {str(next(iter(doubled), None))[:200]}"
    )


def _instead(table: str, row: Row, types: dict[str, str], keys: set[str], kept: Counter[Kept]) -> Row | None:
    """The row that arrives for one with misfits, and what must be kept of it; None where it is kept whole."""
    values: list[object] = []
    for (name, type_), value in zip(types.items(), row, strict=True):
        try:
            values.append(expected(value, type_))
        except Misfit:
            if name in keys:
                kept[table, None, b"", ""] += 1
                return None
            assert isinstance(value, str)
            kept[table, name, value.encode(), "text"] += 1
            values.append(value.replace("\0", "\ufffd") if type_ == "text" else None)
    return tuple(values)


def _compare_kept(target: psycopg.Connection[Any], kept: Counter[Kept], made: Compared) -> None:
    found: Counter[Kept] = Counter()
    for table, column, original, storage in target.execute(
        "select table_name, column_name, original, storage_class from litelift.quarantine"
    ):
        found[(table, column, bytes(original), storage) if column else (table, None, b"", "")] += 1
    if found == kept:
        return
    lost, doubled = kept - found, found - kept
    made.lost += lost.total()
    made.doubled += doubled.total()
    made.wrong.append(f"quarantine lacks {lost.total()} and has {doubled.total()} too many: {[*lost, *doubled][:2]}")


# --------------------------------------------------------------------- beside the undisturbed move


def contents(target: psycopg.Connection[Any]) -> tuple[tuple[str, str, int], ...]:
    """Every row of every table that is not somebody else's: the table, the digest of its words, how many such."""
    found: list[tuple[str, str, int]] = []
    tables = target.execute(
        "select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace where relkind = 'r'"
        " and nspname !~ '^pg_' and nspname not in ('information_schema', 'litelift', 'theirs') order by 1, 2"
    ).fetchall()
    for schema, table in tables:
        query = sql.SQL("select md5(t::text), count(*) from {} as t group by 1 order by 1")
        for digest, count in target.execute(query.format(sql.Identifier(schema, table))):
            found.append((f"{schema}.{table}", digest, count))
    return tuple(found)


def compare_contents(wanted: tuple[tuple[str, str, int], ...], target: psycopg.Connection[Any]) -> Compared:
    """Compare with the `contents` of the undisturbed move: for databases whose types are not simple."""
    before = Counter({(table, digest): count for table, digest, count in wanted})
    after = Counter({(table, digest): count for table, digest, count in contents(target)})
    made = Compared((before - after).total(), (after - before).total())
    if before != after:
        tables = {table for table, _ in [*(before - after), *(after - before)]}
        made.wrong.append(f"rows differ from the undisturbed move's in {sorted(tables)[:5]}")
    return made


@dataclass(frozen=True)
class Picture:
    """What a finished move left, but for what differs from run to run. Compared with the undisturbed move's."""

    schema: str
    units: tuple[Row, ...]
    kept: tuple[Row, ...]
    runs: tuple[Row, ...]
    sequences: tuple[Row, ...]
    told: tuple[Row, ...]
    invalid: tuple[Row, ...]

    def unlike(self, other: Picture) -> list[str]:
        """Where the other differs from this."""
        wrong = []
        for name in ("units", "kept", "runs", "sequences", "told", "invalid"):
            mine, others = Counter(getattr(self, name)), Counter(getattr(other, name))
            if name == "told":
                # That something was tried again, or a kind of thing that only a disturbed move has to tell.
                usual = {row[1] for row in mine}
                others = Counter({row: count for row, count in others.items() if row[1] in usual})
            if mine != others:
                wrong.append(f"{name}: {list(mine - others)[:3]} became {list(others - mine)[:3]}")
        if self.schema != other.schema:
            mine, others = Counter(self.schema.split("\n--\n")), Counter(other.schema.split("\n--\n"))
            wrong.append(f"catalogue: {list(mine - others)[:3]} became {list(others - mine)[:3]}")
        return wrong


def picture(target: psycopg.Connection[Any], dump: str) -> Picture:
    """Look at a finished move; ``dump`` is its catalogue."""

    def rows(query: str) -> tuple[Row, ...]:
        return tuple(target.execute(query).fetchall())

    sequences: list[Row] = []
    for schema, name in rows("select schemaname, sequencename from pg_sequences where schemaname = 'public'"):
        query = sql.SQL("select %s::text, last_value, is_called from {}").format(sql.Identifier(str(schema), str(name)))
        sequences += target.execute(query, (name,)).fetchall()
    return Picture(
        schema=dump,
        units=rows(
            "select table_name, sum(rows)::bigint, sum(quarantined_rows)::bigint, sum(quarantined_values)::bigint"
            " from litelift.unit group by table_name order by 1"
        ),
        kept=rows(
            "select table_name, column_name, row_key::text, md5(original), storage_class, reason, stands_in"
            " from litelift.quarantine order by 1, 2, 3"
        ),
        runs=rows("select mode, schema_name, state, finished_at is not null from litelift.run"),
        sequences=tuple(sorted(sequences, key=str)),
        told=rows("select level, kind, table_name, column_name, row_key::text from litelift.notice order by 1, 2, 3")
        + rows("select 'untranslated', kind, name, null, null from litelift.untranslated order by 1, 2, 3"),
        invalid=rows("select indexrelid::regclass::text from pg_index where not indisvalid or not indisready"),
    )
