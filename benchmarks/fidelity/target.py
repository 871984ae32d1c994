"""What PostgreSQL holds, read from pg_catalog alone, and which of a source's objects are among it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from benchmarks.fidelity.source import Database, Item

Row = dict[str, Any]

_RELATIONS: LiteralString = """
select c.oid, n.nspname as schema, c.relname as name, c.relkind::text as kind
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'litelift')
order by n.nspname <> 'public', n.nspname, c.relname
"""
_COLUMNS: LiteralString = """
select a.attrelid as relation, a.attname as name, a.attnotnull as not_null, a.attgenerated <> '' as generated,
       a.attidentity <> '' as identity, pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default,
       t.typname as type, not coalesce(o.collisdeterministic, true) or t.typname = 'citext' as folds
from pg_catalog.pg_attribute a
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_catalog.pg_collation o on o.oid = a.attcollation
where a.attnum > 0 and not a.attisdropped
"""
_INDEXES: LiteralString = """
select i.indrelid as relation, c.relname as name, i.indisunique as unique, i.indisprimary as primary,
       i.indpred is not null as partial, m.amname as method,
       array(select coalesce(a.attname, '') from generate_series(0, i.indnkeyatts - 1) k
             left join pg_catalog.pg_attribute a
             on a.attrelid = i.indrelid and a.attnum = i.indkey[k] and i.indkey[k] > 0 order by k)::text[] as columns,
       array(select pg_catalog.pg_get_indexdef(i.indexrelid, k, true)
             from generate_series(1, i.indnkeyatts) k order by k) as parts
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_am m on m.oid = c.relam
where i.indisvalid order by i.indisprimary desc, c.relname
"""
_CONSTRAINTS: LiteralString = """
select c.conrelid as relation, c.conname as name, c.contype::text as kind, c.convalidated as valid,
       c.confrelid as parent, c.confdeltype::text as on_delete, c.confupdtype::text as on_update,
       pg_catalog.pg_get_constraintdef(c.oid) as definition,
       array(select a.attname from unnest(c.conkey) with ordinality k(number, place) join pg_catalog.pg_attribute a
             on a.attrelid = c.conrelid and a.attnum = k.number order by k.place)::text[] as columns,
       array(select a.attname from unnest(c.confkey) with ordinality k(number, place) join pg_catalog.pg_attribute a
             on a.attrelid = c.confrelid and a.attnum = k.number order by k.place)::text[] as parent_columns
from pg_catalog.pg_constraint c where c.contype in ('c', 'f') order by c.conname
"""
_TRIGGERS: LiteralString = """
select tgrelid as relation, tgname as name from pg_catalog.pg_trigger where not tgisinternal and tgenabled <> 'D'
"""
_READ: LiteralString = """
select distinct r.ev_class as relation, d.refobjid as reads
from pg_catalog.pg_rewrite r join pg_catalog.pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
where d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
"""
_ACTIONS = {"NO ACTION": "a", "RESTRICT": "r", "CASCADE": "c", "SET NULL": "n", "SET DEFAULT": "d"}


@dataclass
class Arrived:
    """What is there of a source: the items, those of them that are NOT VALID, and the rows by source table.

    ``extra`` are tables that the source's application did not have.
    """

    items: set[Item] = field(default_factory=set)
    not_valid: set[Item] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)


def look(connection: psycopg.Connection[Any], database: Database) -> Arrived:
    """Look for everything that a source holds in the database that it was moved to.

    Names are compared without regard to case, for a tool may fold them. Each object of the target stands for one of
    the source at most.
    """
    return _Look(connection, database).arrived


class _Look:
    def __init__(self, connection: psycopg.Connection[Any], database: Database) -> None:
        self.connection = connection
        self.arrived = Arrived()
        self.relations = self._all(_RELATIONS)
        self.columns = {(row["relation"], row["name"].lower()): row for row in self._all(_COLUMNS)}
        self.indexes = self._all(_INDEXES)
        constraints = self._all(_CONSTRAINTS)
        self.checks = [row for row in constraints if row["kind"] == "c"]
        self.foreign_keys = [row for row in constraints if row["kind"] == "f"]
        self.triggers = self._all(_TRIGGERS)
        self.read = self._all(_READ)
        for item in database.items:
            self._one(item, database)
        for kind, match, rows in (
            ("index", self._index, self.indexes),
            ("foreign key", self._foreign_key, self.foreign_keys),
            ("check", self._check, self.checks),
        ):
            self._each([item for item in database.items if item.kind == kind], match, rows)
        for row in self.checks:
            self._not_null_check(row, database.items)
        tables = {name.lower() for name in database.rows}
        self.arrived.extra = [
            row["name"] for row in self.relations if row["kind"] in "rp" and row["name"].lower() not in tables
        ]

    def _all(self, query: LiteralString) -> list[Row]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query).fetchall()

    def _relation(self, name: str, kinds: str = "rp") -> Row | None:
        there = [row for row in self.relations if row["kind"] in kinds and row["name"].lower() == name.lower()]
        return next((row for row in there if row["name"] == name), there[0] if there else None)

    def _of(self, rows: Iterable[Row], table: str, *, below: bool = False) -> list[Row]:
        """The rows that belong to a table or view, and (``below``) to the tables that a view reads."""
        relation = self._relation(table, "rpvm")
        if relation is None:
            return []
        oids = {relation["oid"]}
        if below:
            oids |= {row["reads"] for row in self.read if row["relation"] == relation["oid"]}
        return [row for row in rows if row["relation"] in oids]

    def _count(self, relation: Row) -> int | None:
        query = sql.SQL("select count(*) from {}").format(sql.Identifier(relation["schema"], relation["name"]))
        try:
            with self.connection.transaction():
                return int(self.connection.execute(query).fetchone()[0])  # type: ignore[index]
        except psycopg.Error:
            return None

    # ----------------------------------------------------------------- one at a time

    def _one(self, item: Item, database: Database) -> None:
        there = False
        if item.kind == "table":
            # A virtual table without rows of its own may be a view of the table that has them.
            relation = self._relation(item.given, "rp") or (item.virtual and self._relation(item.given, "vm")) or None
            there = relation is not None
            self.arrived.rows[item.given] = (relation and self._count(relation)) or 0
        elif item.kind == "view":
            relation = self._relation(item.given, "vm")
            there = relation is not None and item.rows in (None, self._count(relation))
        elif item.kind == "trigger":
            names = [row["name"].lower() for row in self._of(self.triggers, item.table)]
            there = item.given.lower() in names
        elif item.kind in ("not null", "default", "generated column", "collation"):
            relation = self._relation(item.table)
            column = relation and self.columns.get((relation["oid"], item.columns[0].lower()))
            there = bool(column) and self._property(item, column or {})
        if there:
            self.arrived.items.add(item)

    def _property(self, item: Item, column: Row) -> bool:
        if item.kind == "not null":
            return bool(column["not_null"])
        if item.kind == "generated column":
            return bool(column["generated"])
        if item.kind == "collation":
            return bool(column["folds"])
        if column["identity"] or column["generated"]:
            return True
        # The words of a function in quotes are not its value.
        fixed = column["default"] is not None and re.fullmatch(r"'.*'(::[\w ()\".]+)?", column["default"], re.DOTALL)
        return column["default"] is not None and not (item.moves and fixed)

    # ----------------------------------------------------------------- each for one

    def _each(self, items: list[Item], match: Callable[[Item, Row], bool], rows: list[Row]) -> None:
        left = {id(row): row for row in rows}
        rest: list[Item] = []
        # Those of the same name first, or a namesake's twin would take its place.
        for named in (True, False):
            items, rest = (items, []) if named else (rest, [])
            for item in items:
                found = next(
                    (
                        row
                        for row in self._of(left.values(), item.table, below=item.method != "plain")
                        if (not named or row["name"].lower() == item.given.lower()) and match(item, row)
                    ),
                    None,
                )
                if found is None:
                    rest.append(item)
                    continue
                del left[id(found)]
                self.arrived.items.add(item)
                if found.get("valid") is False:
                    self.arrived.not_valid.add(item)

    def _index(self, item: Item, row: Row) -> bool:
        if item.method != "plain":
            return self._searches(row) if item.method == "text search" else row["method"] in ("gist", "spgist")
        if (item.unique, item.primary, item.partial) != (row["unique"], row["primary"], row["partial"]):
            return False
        return len(item.columns) == len(row["columns"]) and all(
            column.lower() == name.lower() or (not name and column in item.collated and _names(part, column))
            for column, name, part in zip(item.columns, row["columns"], row["parts"], strict=True)
        )

    def _searches(self, row: Row) -> bool:
        columns = [self.columns.get((row["relation"], name.lower()), {}) for name in row["columns"]]
        vectors = any(column.get("type") == "tsvector" for column in columns) or "to_tsvector" in "".join(row["parts"])
        return row["method"] in ("gin", "gist") and vectors

    def _foreign_key(self, item: Item, row: Row) -> bool:
        parent = self._relation(item.parent)
        wanted = {(a.lower(), b.lower()) for a, b in zip(item.columns, item.parent_columns, strict=False)}
        held = {(a.lower(), b.lower()) for a, b in zip(row["columns"], row["parent_columns"], strict=True)}
        actions = tuple(_ACTIONS.get(action, "a") for action in item.actions)
        return (
            parent is not None
            and parent["oid"] == row["parent"]
            and len(item.columns) == len(row["columns"])
            and wanted == held
            and actions == (row["on_delete"], row["on_update"])
        )

    def _check(self, item: Item, row: Row) -> bool:
        if item.given and item.given.lower() == row["name"].lower():
            return True
        return {column.lower() for column in item.columns} == {column.lower() for column in row["columns"]}

    def _not_null_check(self, row: Row, items: tuple[Item, ...]) -> None:
        """A NOT NULL that old rows violate may stand as a check."""
        if len(row["columns"]) != 1 or not re.fullmatch(
            r"CHECK \(\(.* IS NOT NULL\)\)( NOT VALID)?", row["definition"]
        ):
            return
        for item in items:
            if item.kind != "not null" or item in self.arrived.items:
                continue
            if self._of([row], item.table) and item.columns[0].lower() == row["columns"][0].lower():
                self.arrived.items.add(item)
                if not row["valid"]:
                    self.arrived.not_valid.add(item)


def _names(part: str, column: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(column)}(?!\w)", part, re.IGNORECASE) is not None
