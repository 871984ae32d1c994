"""The statements that build what stands on rows: keys, indexes, checks, foreign keys, sequences, statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import sql

from litelift.plan.plan import CheckPlan, ForeignKeyPlan, IndexPlan, SequencePlan, TablePlan

GREATEST = (1 << 63) - 1


def index(schema: str, planned: IndexPlan, *, unique: bool, kind: str) -> sql.Composed:
    """An index, or the constraint ``kind`` (primary key, unique)."""
    table = sql.Identifier(schema, planned.table)
    parts = raw(", ".join(planned.parts))
    if kind in ("primary key", "unique"):
        return sql.SQL("alter table {} add constraint {} {} ({})").format(
            table, sql.Identifier(planned.name), sql.SQL(kind), parts
        )
    head = sql.SQL("create {} index {} on {} using {} ({})").format(
        sql.SQL("unique" if unique else ""), sql.Identifier(planned.name), table, sql.SQL(planned.method), parts
    )
    return head + raw(f" where {planned.where}") if planned.where else sql.Composed([head])


def attach(schema: str, planned: IndexPlan) -> sql.Composed:
    """An index becomes the constraint that it stands for ("ALTER TABLE", ADD table_constraint_using_index)."""
    name = sql.Identifier(planned.name)
    return sql.SQL("alter table {} add constraint {} {} using index {}").format(
        sql.Identifier(schema, planned.table), name, sql.SQL(planned.kind), name
    )


def check(schema: str, planned: CheckPlan) -> sql.Composed:
    """A CHECK that is not valid."""
    table, name = sql.Identifier(schema, planned.table), sql.Identifier(planned.name)
    head = sql.SQL("alter table {} add constraint {} check (").format(table, name)
    return head + raw(planned.condition) + sql.SQL("\n) not valid")


def not_null(schema: str, table: str, column: str, name: str) -> sql.Composed:
    """A NOT NULL as a CHECK that is not valid."""
    return sql.SQL("alter table {} add constraint {} check ({} is not null) not valid").format(
        sql.Identifier(schema, table), sql.Identifier(name), sql.Identifier(column)
    )


def foreign_key(schema: str, planned: ForeignKeyPlan) -> sql.Composed:
    """A foreign key that is not valid."""
    words: list[sql.Composable] = [
        sql.SQL("alter table {} add constraint {} foreign key ({}) references {} ({})").format(
            sql.Identifier(schema, planned.table),
            sql.Identifier(planned.name),
            _names(planned.columns),
            sql.Identifier(schema, planned.parent),
            _names(planned.parent_columns),
        )
    ]
    for event, action in (("delete", planned.on_delete), ("update", planned.on_update)):
        if action in ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT"):
            words.append(sql.SQL(f"on {event} {action.lower()}"))
    if planned.deferrable:
        words.append(sql.SQL("deferrable initially deferred" if planned.initially_deferred else "deferrable"))
    words.append(sql.SQL("not valid"))
    return sql.SQL(" ").join(words)


def validate(schema: str, table: str, constraint: str) -> sql.Composed:
    """A constraint that is not valid is validated."""
    return sql.SQL("alter table {} validate constraint {}").format(
        sql.Identifier(schema, table), sql.Identifier(constraint)
    )


def drop_constraint(schema: str, table: str, constraint: str) -> sql.Composed:
    """A constraint goes."""
    return sql.SQL("alter table {} drop constraint {}").format(
        sql.Identifier(schema, table), sql.Identifier(constraint)
    )


def analyze(tables: Iterable[TablePlan]) -> sql.Composed:
    """The statistics of tables."""
    return sql.SQL("analyze {}").format(sql.SQL(", ").join(sql.Identifier(t.schema, t.target) for t in tables))


def sequences(schema: str, planned: Iterable[SequencePlan]) -> sql.Composed:
    """Identities go on where SQLite would; a used-up one has nothing more to give."""
    rows = sql.SQL(", ").join(
        sql.SQL("({}, {}, {}::bigint, {})").format(
            sql.Literal(sql.Identifier(schema, one.table).as_string(None)),
            sql.Literal(one.column),
            sql.Literal(min(one.next_value, GREATEST)),
            sql.Literal(one.next_value > GREATEST),
        )
        for one in planned
    )
    return sql.SQL(
        "select count(setval(pg_get_serial_sequence(place, name)::regclass, value, used))"
        " from (values {}) as following(place, name, value, used)"
    ).format(rows)


def raw(text: str) -> sql.Composed:
    """Our own translation, made of quoted identifiers and literals."""
    return sql.Composed([sql.SQL(text)])


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
