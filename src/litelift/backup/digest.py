"""What a table holds, as a number of rows and a digest that does not depend on their order, found by the server.

The digest of a table is the sum, modulo 2**128, of a number for each of its rows. A row's number is the first half of
the SHA-256 of the row as text: ``row(column, ...)::text`` in UTF-8, the columns in their order, with the settings of
`litelift.backup.snapshot`. Its two halves of 64 bits are summed each by itself. In the place of a bytea, and of a text,
JSON or XML of more than 64 MB, stands its SHA-256 in hexadecimal: a row's text may be of 1 GB at most.

So a row that is lost, doubled or changed changes the digest, wherever it lies; and it can be computed anew by anybody,
on any version, with one statement: `statement`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
from psycopg import sql

from litelift.backup.manifest import TableContent
from litelift.backup.snapshot import following, rewritten
from litelift.errors import BackupFailed
from litelift.postgres.connect import Connection, cancel

LARGE = 64 << 20
PIECE_BYTES = 64 << 20
"""Larger tables are read in pieces, by several sessions."""
TOGETHER = 200
"""Tables that one statement locks."""
HALF = 1 << 64

OnTable = Callable[[str, int], None]
"""Gets a table that was read, and its rows."""

# Of extensions' tables only what is their users' own is dumped, which nobody else can tell: they are left out.
_TABLES = """
    select c.oid, n.nspname, c.relname, pg_relation_size(c.oid),
           current_setting('block_size')::bigint,
           coalesce(array_agg(a.attname::text order by a.attnum) filter (where a.attname is not null), '{}'),
           coalesce(array_agg(coalesce(nullif(t.typbasetype, 0), t.oid)::bigint order by a.attnum)
                    filter (where a.attname is not null), '{}'),
           quote_ident(n.nspname) || '.' || quote_ident(c.relname),
           (select quote_ident(rn.nspname) || '.' || quote_ident(r.relname)
              from pg_class r join pg_namespace rn on rn.oid = r.relnamespace
             where r.oid = pg_partition_root(c.oid) and c.relispartition),
           c.relpersistence = 'u' and pg_is_in_recovery()
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated <> 'v'
      left join pg_type t on t.oid = a.atttypid
     where c.relkind = 'r' and c.relpersistence <> 't'
       and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
       and not exists (select from pg_depend d
                        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     group by c.oid, n.nspname, c.relname
     order by n.nspname, c.relname
"""
_BYTEA, _TEXTS, _AS_TEXT = 17, (25, 1043), (114, 142)
_SUMS = sql.SQL(
    "count(*), sum(('x' || left(h, 16))::bit(64)::bigint), sum(('x' || substr(h, 17, 16))::bit(64)::bigint)"
)
# In parts, for one may be of 4 TB, and lo_get gives at most 1 GB: a row is its number, and the SHA-256 of each part.
_LARGE_OBJECTS = sql.SQL("""
    with recursive part(oid, number, hash, more) as (
        select o.oid, 0::bigint, encode(sha256(data), 'hex'), length(data) = {size}
          from pg_largeobject_metadata o cross join lateral (select lo_get(o.oid, 0, {size}) offset 0) as got(data)
        union all
        select p.oid, p.number + 1, encode(sha256(data), 'hex'), length(data) = {size}
          from part p cross join lateral (select lo_get(p.oid, (p.number + 1) * {size}, {size}) offset 0) as got(data)
         where p.more
    ), whole as (
        select oid, string_agg(hash, ' ' order by number) as hashes from part group by oid
    )
    select {sums}
      from (select encode(sha256(convert_to(row(oid, hashes)::text, 'UTF8')), 'hex') as h from whole offset 0) as hashed
""")


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is read."""

    oid: int
    schema: str
    name: str
    bytes: int
    block: int
    columns: tuple[str, ...]
    types: tuple[int, ...]
    words: str
    """schema.name, quoted where needed: how it is called in the manifest."""
    root: str | None
    """The partitioned table that it is a part of."""
    unread: bool = False
    """Unlogged, and this is a standby: nobody can read it there, and pg_dump writes no rows of it."""

    def pieces(self, version: int) -> Iterator[tuple[int, int | None]]:
        """Ranges of its blocks. Before PostgreSQL 14 such a range is found by reading all: one piece then."""
        blocks = -(-self.bytes // self.block)
        step = max(1, PIECE_BYTES // self.block)
        if self.unread:
            return
        if version < 140000 or blocks <= 2 * step:
            yield 0, None
            return
        for first in range(0, blocks, step):
            yield first, first + step if first + step < blocks else None


def tables(connection: Connection) -> list[Table]:
    """Every table whose rows pg_dump writes: partitions each by itself; not those of extensions."""
    # A domain of a domain ends at a type in steps; the deeper ones are written as they are, which is right too.
    return [
        Table(oid, schema, name, size, block, tuple(columns), tuple(types), words, root, unread)
        for oid, schema, name, size, block, columns, types, words, root, unread in connection.execute(_TABLES)
    ]


def statement(table: Table, first: int = 0, end: int | None = None) -> sql.Composed:
    """The query that gives a table's rows and both sums: all of it, or the blocks from ``first`` to ``end``."""
    values = [_value(column, kind) for column, kind in zip(table.columns, table.types, strict=True)]
    row = sql.SQL("row({})").format(sql.SQL(", ").join(values))
    where: sql.Composable = sql.SQL("")
    if first or end is not None:
        bounds = [sql.SQL("q.ctid >= {}::tid").format(sql.Literal(f"({first},0)"))]
        bounds += [sql.SQL("q.ctid < {}::tid").format(sql.Literal(f"({end},0)"))] if end is not None else []
        where = sql.SQL(" where ") + sql.SQL(" and ").join(bounds)
    # OFFSET 0 keeps the hash from being computed once for each half.
    return sql.SQL(
        "select {} from (select encode(sha256(convert_to({}::text, 'UTF8')), 'hex') as h from only {} as q{} offset 0)"
        " as hashed"
    ).format(_SUMS, row, sql.Identifier(table.schema, table.name), where)


def hold(session: Connection, found: Sequence[Table]) -> None:
    """Keep others from changing the tables' structure, and from emptying them, until the transaction ends."""
    for at in range(0, len(found), TOGETHER):
        names = [sql.SQL("only {}").format(sql.Identifier(one.schema, one.name)) for one in found[at : at + TOGETHER]]
        session.execute(sql.SQL("lock table {} in access share mode").format(sql.SQL(", ").join(names)))


class Cancel:
    """Ends what another thread reads."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._asked = False
        self._work: _Work | None = None

    def __call__(self) -> None:
        """Have the reading end with an error, soon."""
        self._asked = True
        if self._work is not None:
            self._work.stop()

    def attach(self, work: _Work) -> None:
        """Know what to end."""
        self._work = work
        if self._asked:
            work.stop()


def contents(
    dsn: str,
    name: str,
    found: Sequence[Table],
    jobs: int,
    on_table: OnTable | None = None,
    cancelled: Cancel | None = None,
) -> list[TableContent]:
    """Read every table at the snapshot ``name``, by ``jobs`` sessions.

    Returns them in the order of ``found``. Raises psycopg.Error, QueryCanceled where it was ``cancelled``.
    """
    work = _Work(found, on_table)
    with ExitStack() as open_sessions:
        sessions = [
            open_sessions.enter_context(following(dsn, name)) for _ in range(max(1, min(jobs, work.pieces_left)))
        ]
        work.prepare(sessions)
        if cancelled is not None:
            cancelled.attach(work)
        threads = [threading.Thread(target=work.run, args=(session,), daemon=True) for session in sessions[1:]]
        for thread in threads:
            thread.start()
        try:
            work.run(sessions[0])
        except BaseException:
            work.stop()
            raise
        finally:
            for thread in threads:
                thread.join()
    if work.failed is not None:
        raise work.failed
    if work.stopped:
        raise psycopg.errors.QueryCanceled("the reading was given up")
    return work.results()


def large_objects(connection: Connection, part: int = LARGE) -> TableContent | None:
    """What the large objects hold, read in parts of so many bytes; None where there are none.

    Raises psycopg.Error where they may not be read.
    """
    there = connection.execute("select exists (select from pg_largeobject_metadata)").fetchone()
    if there != (True,):
        return None
    asked = _LARGE_OBJECTS.format(sums=_SUMS, size=sql.Literal(part))
    count, high, low = connection.execute(asked).fetchone() or (0, 0, 0)
    return TableContent(table="large objects", rows=count, digest=_digest(int(high or 0), int(low or 0)))


class _Work:
    """Pieces of tables that sessions take from, the largest tables first."""

    def __init__(self, found: Sequence[Table], on_table: OnTable | None) -> None:
        self.found = found
        self.on_table = on_table
        self.lock = threading.Lock()
        self.left: dict[int, int] = {}
        self.sums: dict[int, tuple[int, int, int]] = dict.fromkeys((table.oid for table in found), (0, 0, 0))
        self.todo: list[tuple[Table, int, int | None]] = []
        self.failed: BaseException | None = None
        self.stopped = False
        self.sessions: Sequence[Connection] = ()
        self.pieces_left = max(1, sum(1 for table in found for _ in table.pieces(140000)))

    def prepare(self, sessions: Sequence[Connection]) -> None:
        """Cut the tables; the smallest are taken last."""
        self.sessions = sessions
        version = sessions[0].info.server_version
        for table in sorted(self.found, key=lambda table: table.bytes):
            pieces = list(table.pieces(version))
            self.left[table.oid] = len(pieces)
            self.todo += [(table, first, end) for first, end in pieces]

    def run(self, session: Connection) -> None:
        """Read pieces until none is left, or another has failed."""
        try:
            while (piece := self._next()) is not None:
                table, first, end = piece
                rows, high, low = session.execute(statement(table, first, end)).fetchone() or (0, 0, 0)
                # From here on this session's lock keeps it as it is.
                if rewritten(session, [table.oid]):
                    hint = "Make it again when nobody changes the structure of the tables. Nothing of it is left."
                    raise BackupFailed(message=f"{table.words} was rewritten or emptied before it was read", hint=hint)
                self._add(table, rows, int(high or 0), int(low or 0))
        except (psycopg.Error, BackupFailed) as error:
            with self.lock:
                self.failed = self.failed or error
            self.stop()

    def stop(self) -> None:
        """Leave the rest, and end what is under way."""
        with self.lock:
            self.stopped = True
            self.todo.clear()
        for session in self.sessions:
            cancel(session)

    def results(self) -> list[TableContent]:
        """Every table's rows and digest."""
        done = [(table, *self.sums[table.oid]) for table in self.found]
        return [
            TableContent(table=table.words, rows=rows, digest=_digest(high, low), root=table.root)
            for table, rows, high, low in done
        ]

    def _next(self) -> tuple[Table, int, int | None] | None:
        with self.lock:
            return self.todo.pop() if self.todo else None

    def _add(self, table: Table, rows: int, high: int, low: int) -> None:
        with self.lock:
            before = self.sums[table.oid]
            self.sums[table.oid] = (before[0] + rows, before[1] + high, before[2] + low)
            self.left[table.oid] -= 1
            if not self.left[table.oid] and self.on_table is not None:
                self.on_table(table.words, self.sums[table.oid][0])


def _value(column: str, kind: int) -> sql.Composable:
    name = sql.Identifier("q", column)
    if kind == _BYTEA:
        return sql.SQL("encode(sha256({}), 'hex')").format(name)
    if kind in (*_TEXTS, *_AS_TEXT):
        # JSON and XML are kept as they were written, and may be as large.
        written = sql.SQL("{}::text").format(name) if kind in _AS_TEXT else name
        return sql.SQL(
            "case when octet_length({0}) > {1} then encode(sha256(convert_to({0}, 'UTF8')), 'hex') else {0} end"
        ).format(written, sql.Literal(LARGE))
    return name


def _digest(high: int, low: int) -> str:
    return f"{high % HALF:016x}{low % HALF:016x}"
