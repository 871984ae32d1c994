"""What a run made in the target: noted by oid while it is made, and looked up again when it is to be removed.

A name can be dropped and be another's later; an oid says which object is meant for as long as the database is this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from litelift import errors
from litelift.plan.plan import MovePlan
from litelift.postgres.connect import Connection


@dataclass(frozen=True, slots=True)
class Object:
    """An object that is there: its oid, its name now, and the name under which it was made."""

    oid: int
    schema: str
    name: str
    made_as: str
    owned: bool
    depending: int = 0

    @property
    def shown(self) -> str:
        """Its schema and name, as a person reads them."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Made:
    """What is still there of what a run made. ``dropped`` are names of tables that are gone.

    ``namespace`` is the oid of the schema where the run made it; ``journal`` says that it made what is in litelift.
    """

    run: str
    schema: str
    tables: list[Object] = field(default_factory=list)
    views: list[Object] = field(default_factory=list)
    types: list[Object] = field(default_factory=list)
    functions: list[Object] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    namespace: int | None = None
    journal: bool = False

    @property
    def objects(self) -> list[Object]:
        """All of them."""
        return [*self.views, *self.tables, *self.types, *self.functions]


# --------------------------------------------------------------------- written down


def note_made(connection: Connection, run: str, plan: MovePlan, *, schema: bool, journal: bool) -> None:
    """Write down what a run made before its tables: types, whether the schema, and whether litelift's own schema."""
    connection.execute(
        "update litelift.run set made = jsonb_build_object('schema', %s::boolean, 'journal', %s::boolean,"
        " 'namespace', n.oid::bigint, 'origin', %s::jsonb, 'tables', '[]'::jsonb, 'names', '{}'::jsonb,"
        " 'enums', (select coalesce(jsonb_agg(t.oid::bigint), '[]') from pg_type t"
        "           where t.typnamespace = n.oid and t.typtype = 'e' and t.typname = any(%s)))"
        " from pg_namespace n where n.nspname = %s and run_id = %s",
        (
            schema,
            journal,
            Jsonb(_origin(connection)),
            list(plan.enums),
            plan.schema,
            run,
        ),
    )


def note_tables(connection: Connection, run: str, schema: str, names: list[str]) -> None:
    """Write down tables that a run made; in the transaction that makes them."""
    connection.execute(
        "update litelift.run set made = made || (select jsonb_build_object("
        "  'tables', made->'tables' || coalesce(jsonb_agg(c.oid::bigint), '[]'),"
        "  'names', made->'names' || coalesce(jsonb_object_agg(c.oid::text, c.relname), '{}'))"
        "  from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        "  where n.nspname = %s and c.relkind = 'r' and c.relname = any(%s)) where run_id = %s",
        (schema, names, run),
    )


def note_views(connection: Connection, run: str, schema: str, names: list[str]) -> None:
    """Write down views that a run made; in the transaction that makes them."""
    found = "from pg_class where relnamespace = to_regnamespace(%s) and relkind = 'v' and relname = any(%s)"
    _note(connection, run, "views", found, schema, names)


def note_functions(connection: Connection, run: str, schema: str, names: list[str]) -> None:
    """Write down functions that a run made in its schema after its tables; in the transaction that makes them."""
    found = "from pg_proc where pronamespace = to_regnamespace(%s) and proname = any(%s)"
    _note(connection, run, "functions", found, schema, names)


def _note(connection: Connection, run: str, kind: str, found: LiteralString, schema: str, names: list[str]) -> None:
    quoted = sql.Identifier(schema).as_string(connection)
    words = sql.SQL("select coalesce(jsonb_agg(oid::bigint), '[]') ") + sql.SQL(found)
    connection.execute(
        sql.SQL(
            "update litelift.run set made = made || jsonb_build_object("
            "{kind}, coalesce(made->{kind}, '[]') || ({words})) where run_id = %s"
        ).format(kind=sql.Literal(kind), words=words),
        (quoted, names, run),
    )


def _origin(connection: Connection) -> dict[str, Any]:
    """What tells this database from one into which its dump was restored: there all oids are others.

    The server's system identifier (pg_control_system, section 9.27 of the PostgreSQL manual), where it may be read, and
    the oid of the journal's own table.
    """
    (oid,) = connection.execute("select 'litelift.run'::regclass::oid::bigint").fetchone() or (None,)
    (may,) = connection.execute("select has_function_privilege('pg_control_system()', 'execute')").fetchone() or (
        False,
    )
    system = None
    if may:
        (system,) = connection.execute("select system_identifier::text from pg_control_system()").fetchone() or (None,)
    return {"system": system, "journal": oid}


def _same(noted: dict[str, Any], here: dict[str, Any]) -> bool:
    # Not every role may read the server's identifier.
    systems = {noted.get("system"), here["system"]} - {None}
    return noted.get("journal") == here["journal"] and len(systems) < 2


# --------------------------------------------------------------------- looked up

_RELATIONS = """
    select c.oid::bigint, n.nspname, c.relname, %(names)s::jsonb->>(c.oid::text), pg_has_role(c.relowner, 'usage'),
           (select count(*) from pg_depend d where d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = any(%(oids)s::bigint[]::oid[]) and c.relkind = %(kind)s order by c.oid desc
"""
_TYPES = """
    select t.oid::bigint, n.nspname, t.typname, t.typname, pg_has_role(t.typowner, 'usage')
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    where t.oid = any(%(oids)s::bigint[]::oid[]) and t.typtype = 'e' order by t.oid
"""
_FUNCTIONS = """
    select p.oid::bigint, n.nspname, p.proname, p.proname, pg_has_role(p.proowner, 'usage')
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.oid = any(%(oids)s::bigint[]::oid[]) order by p.oid
"""


def made_tables(connection: Connection, run: str) -> frozenset[str]:
    """The tables that a run has made, by their names of now."""
    rows = connection.execute(
        "select c.relname::text from litelift.run r cross join jsonb_array_elements_text(r.made->'tables') as made(id)"
        " join pg_class c on c.oid = made.id::bigint::oid where r.run_id = %s",
        (run,),
    ).fetchall()
    return frozenset(name for (name,) in rows)


def read_made(connection: Connection, run: str) -> Made | None:
    """What is there of what a whole move made; None where there is no such run.

    Raises:
        NotUndoable: the journal tells of objects of another database, from which this one was restored.
    """
    found = connection.execute("select schema_name, made from litelift.run where run_id = %s", (run,)).fetchone()
    if found is None:
        return None
    schema, made = found[0], found[1] or {}
    if made.get("tables") is None:
        return Made(run, schema, journal=bool(made.get("journal")))
    if not _same(made.get("origin") or {}, _origin(connection)):
        raise errors.NotUndoable(
            run=run[:8],
            reason="it was not made in this database, but in one that was copied here by a dump or an upgrade, "
            "and what it made can no longer be told from what is others'",
            hint=f"Drop the tables of the schema {schema} by hand, when you have seen that they are the ones.",
        )
    names = made.get("names", {})
    tables = _relations(connection, "r", made["tables"], names)
    there = {str(table.oid) for table in tables}
    return Made(
        run,
        schema,
        tables,
        _relations(connection, "v", made.get("views", []), {}),
        [Object(*row) for row in connection.execute(_TYPES, {"oids": made.get("enums", [])}).fetchall()],
        [Object(*row) for row in connection.execute(_FUNCTIONS, {"oids": made.get("functions", [])}).fetchall()],
        sorted(name for oid, name in names.items() if oid not in there),
        made.get("namespace") if made.get("schema") else None,
        bool(made.get("journal")),
    )


def _relations(connection: Connection, kind: str, oids: list[int], names: dict[str, str]) -> list[Object]:
    facts = {"kind": kind, "oids": oids, "names": Jsonb(names)}
    rows = connection.execute(_RELATIONS, facts).fetchall()
    return [Object(oid, schema, name, was or name, owned, count) for oid, schema, name, was, owned, count in rows]
