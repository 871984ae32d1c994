"""Which indexes would make slow statements fast: candidates by their words, chosen by the planner's costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from litelift.monitor.advise.candidates import NotUnderstood, Read, read, served
from litelift.monitor.advise.new_index import NewIndex
from litelift.monitor.advise.planning import NotPlanned, Plan, Planner
from litelift.monitor.advise.statements import Statement
from litelift.monitor.advise.tables import Table
from litelift.monitor.indexes import Index
from litelift.postgres.connect import Connection

FACTOR = 2.0
"""The cost has to fall to less than a half: costs are estimates, and each index has its price at each write."""
COST = 100.0
"""What has to be saved at least, in the planner's unit: to read so many pages one after the other (seq_page_cost)."""
MORE = 0.05
"""A wider index has to save so much more of the cost than a narrower one, which serves other statements too."""
ROWS = 1000
SELECTIVE = 0.05
"""Without a planner that can be asked, an index is only guessed where it would leave this part of the rows or less."""
_ROLE_PATH = """
    select substr(word, length('search_path=') + 1)
    from pg_db_role_setting s cross join unnest(s.setconfig) word
    where word like 'search\\_path=%%' and s.setrole in (0, (select oid from pg_roles where rolname = %s))
      and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
    order by s.setrole = 0, s.setdatabase = 0 limit 1
"""
_TABLE = """
    select c.oid::int8, n.nspname in ('pg_catalog', 'information_schema', 'litelift')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass(%s)
"""
_SERVER_PATH = "select boot_val from pg_settings where name = 'search_path'"


@dataclass
class Gain:
    """What an index gains for the statements that want it."""

    statements: list[tuple[Statement, float, float]] = field(default_factory=list)
    """Each with its cost before and after; after is 0 where it is a guess."""
    bytes: int | None = None
    """As hypopg estimates it."""
    rows: float = 0.0
    """That are left of those that are read: of a guess."""

    @property
    def milliseconds(self) -> float:
        """Of those that were counted."""
        return sum(one.total * (1 - after / before) for one, before, after in self.statements if before)


@dataclass
class Found:
    """What came of the statements."""

    gains: dict[NewIndex, Gain] = field(default_factory=dict)
    unread: int = 0
    """Statements that could not be judged: what they name or how they are written."""


def find(
    connection: Connection,
    statements: Sequence[Statement],
    tables: Mapping[int, Table],
    indexes: Sequence[Index],
    planner: Planner,
) -> Found:
    """The indexes that are worth it, with what each gains. Raises psycopg.Error."""
    found = Found()
    existing: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for index in indexes:
        if index.valid and index.method == "btree" and index.predicate is None:
            existing[index.table_oid].append(tuple(index.columns[: index.width]))
    for statement in statements:
        with planner.as_seen_with(_path(connection, statement.role)):
            try:
                known = _read(connection, statement, tables)
                chosen = _choose(planner, statement, known, existing)
            except (NotUnderstood, NotPlanned):
                found.unread += 1
                continue
        if chosen is not None:
            best, before, after, size, rows = chosen
            gain = found.gains.setdefault(best, Gain())
            gain.statements.append((statement, before, after))
            gain.bytes, gain.rows = size, max(gain.rows, rows)
    return found


def _choose(
    planner: Planner, statement: Statement, known: Read, existing: Mapping[int, Sequence[tuple[str, ...]]]
) -> tuple[NewIndex, float, float, int | None, float] | None:
    """The best index, the cost without and with it, its size, and the rows that it leaves."""
    candidates = [
        index
        for index in known.candidates
        if index.table.rows >= ROWS and index.table.analyzed and not served(index, existing[index.table.oid])
    ]
    if not candidates:
        return None
    before = planner.plan(statement.query)
    if planner.hypopg is None:
        return _guess(before, candidates)
    best: tuple[NewIndex, Plan, int] | None = None
    for index in candidates:
        if index.table.partitioned:
            # hypopg has no index of all partitions at once ("Limitations").
            continue
        try:
            after, used, size = planner.plan_with(statement.query, index)
        except NotPlanned:
            continue
        worth = used and after.cost <= min(before.cost / FACTOR, before.cost - COST)
        if worth and (best is None or best[1].cost - after.cost > MORE * before.cost):
            best = index, after, size
    return None if best is None else (best[0], before.cost, best[1].cost, best[2], 0.0)


def _guess(before: Plan, candidates: Sequence[NewIndex]) -> tuple[NewIndex, float, float, int | None, float] | None:
    """The index that looks right: of the columns by which a table, read from end to end, is left with few rows."""
    for index in sorted(candidates, key=lambda one: -len(one.keys)):
        for scan in before.scans:
            same = (scan.schema, scan.table) == (index.table.schema, index.table.name)
            mentioned = all(key.function is None and f"{key.column}" in scan.filter for key in index.keys)
            if same and mentioned and scan.rows <= SELECTIVE * index.table.rows:
                return index, before.cost, 0.0, None, scan.rows
    return None


def _read(connection: Connection, statement: Statement, tables: Mapping[int, Table]) -> Read:
    """The statement's words. Raises NotUnderstood where to plan it may run what is not PostgreSQL's own."""

    system: list[str] = []
    """Tables of the server's own, which whoever watches it reads."""

    def resolve(schema: str | None, name: str) -> Table | None:
        words = [part.replace('"', '""') for part in (schema, name) if part is not None]
        quoted = ".".join(f'"{part}"' for part in words)
        row = connection.execute(_TABLE, (quoted,)).fetchone()
        if row is None:
            return None
        if row[1]:
            system.append(name)
        return tables.get(row[0])

    known = read(statement.query, resolve)
    if system:
        return Read([], False, frozenset())
    if known.foreign or set(_own(connection, known.functions)):
        # The planner works functions out that are said to be immutable: a view's, or the application's.
        raise NotUnderstood
    return known


def _own(connection: Connection, functions: frozenset[str]) -> Iterator[str]:
    rows = connection.execute(
        "select name from unnest(%s::text[]) name where not exists (select from pg_proc p where p.proname = name "
        "and p.pronamespace = 'pg_catalog'::regnamespace) "
        "and not exists (select from pg_get_keywords() k where k.word = name and k.catcode <> 'U')",
        (list(functions),),
    ).fetchall()
    yield from (row[0] for row in rows)


def _path(connection: Connection, role: str) -> str:
    """The search_path that a role's sessions have."""
    row = connection.execute(_ROLE_PATH, (role,)).fetchone()
    path = row or connection.execute(_SERVER_PATH).fetchone()
    quoted = '"' + role.replace('"', '""') + '"'
    return str(path[0]).replace('"$user"', quoted) if path else "public"
