"""The plan of a whole move: catalogue, census and plan file become tables, types, rules and names."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from litelift import errors
from litelift.plan import objects, tell
from litelift.plan.file import PlanFile
from litelift.plan.names import SYSTEM_COLUMNS, Namer
from litelift.plan.plan import ColumnPlan, MovePlan, SequencePlan, TablePlan
from litelift.plan.request import CensusRequest
from litelift.plan.types import Decision, Role, Rule, decide
from litelift.plan.valuemap import ValueMap
from litelift.postgres import types as pg
from litelift.postgres.types import PgType
from litelift.sqlite.census import ColumnCensus, Failures, TableCensus
from litelift.sqlite.scan import quoted
from litelift.sqlite.schema import Column, Schema, Table

MAX_COLUMNS = 1600
Decisions = dict[tuple[str, str], Decision]

# Types between which PostgreSQL compares a foreign key with its parent.
_ALIKE = ({"int2", "int4", "int8"}, {"text", "varchar", "bpchar"})


def plan_whole(
    connection: sqlite3.Connection,
    schema: Schema,
    requests: list[CensusRequest],
    censuses: Mapping[str, TableCensus],
    file: PlanFile,
    *,
    rule: Rule | None = None,
    server_version: int = 160000,
    base: MovePlan | None = None,
    taken: frozenset[str] = frozenset(),
) -> MovePlan:
    """Settle everything.

    Args:
        connection: the source, for what only a query tells (orphans, rows that break a CHECK, the last rowid).
        schema: the catalogue.
        requests: what the census was asked.
        censuses: its answers by table.
        file: the plan file, empty where there is none.
        rule: --on-misfit, which the plan file's columns overrule.
        server_version: as libpq gives it (160004).
        base: a plan that already fills tables of the target, to which these are added.
        taken: the target's names that are not given again.

    Raises:
        TooManyColumns, UnmappedValues, MisfitsFound: nothing was written.
    """
    plan = base or MovePlan("whole", file.defaults.schema_name)
    decisions = _decide_all(schema, requests, censuses, file, rule)
    refuse_failing(_failing(decisions))
    relations = Namer(file.defaults.identifiers, taken)
    types = Namer(file.defaults.identifiers)
    for request in requests:
        table = request.table
        if len(request.scan.columns) > MAX_COLUMNS:
            raise errors.TooManyColumns(table=table.name, columns=len(request.scan.columns))
        given = file.table(table.name).name
        target = given or relations.name(table.name)
        relations.taken.add(target)
        if not given and target != table.name:
            tell.renamed(plan, "table", table.name, table.name, target)
        columns = _columns(plan, request, target, censuses[table.name], decisions, file, types)
        plan.tables += (
            TablePlan(
                table.name,
                plan.schema,
                target,
                columns,
                request.key,
                table.rowid,
                request.scan.where,
                rows=censuses[table.name].rows,
                file_rows=_count(connection, table.name, request, censuses),
                bytes=censuses[table.name].bytes,
            ),
        )
    for request in requests:
        objects.plan_table(
            plan, schema, request.table, censuses[request.table.name], relations, connection, server_version
        )
        _sequence(plan, request, schema, connection)
    if base is None:
        objects.tell_others(plan, schema, file, connection)
    return plan


def _count(
    connection: sqlite3.Connection, table: str, request: CensusRequest, censuses: Mapping[str, TableCensus]
) -> int:
    if request.scan.where is None:
        return censuses[table].rows
    return int(connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0])  # noqa: S608


def _decide_all(
    schema: Schema,
    requests: list[CensusRequest],
    censuses: Mapping[str, TableCensus],
    file: PlanFile,
    rule: Rule | None,
) -> Decisions:
    decisions: Decisions = {}
    for request in requests:
        table = request.table
        for name in request.scan.columns:
            column = table.column(name)
            census = censuses[table.name].columns[name]
            asked = file.column(table.name, name).on_misfit or rule or file.defaults.on_misfit
            decisions[table.name, name] = _decide(file, table, column, census, asked)
    for request in requests:
        for name in request.scan.columns:
            _align(schema, request.table, name, decisions, censuses, file, frozenset())
    return decisions


def _role(table: Table, name: str) -> Role:
    if name in table.primary_key:
        return "primary"
    return "foreign" if any(name in key.columns for key in table.foreign_keys) else "plain"


def _decide(file: PlanFile, table: Table, column: Column, census: ColumnCensus, rule: Rule) -> Decision:
    section = file.column(table.name, column.name)
    not_null = column.not_null or column.name in table.primary_key
    if not (section.pg_type or section.enum or section.value_map):
        return decide(column, census, _role(table, column.name), rule, not_null)
    asked = section.pg_type or pg.TEXT
    failures = next(iter(census.probes.values()), Failures())
    if section.value_map:
        refuse_unmapped(table.name, column.name, section.value_map, failures)
    if section.enum:
        asked = PgType(
            section.enum, "enum", schema=file.defaults.schema_name, labels=_labels(section.value_map, census)
        )
    decision = Decision(asked, failures=failures)
    if not failures.count or rule == "fail":
        return replace(decision, on_misfit="fail") if failures.count else decision
    few = failures.count <= census.values * 0.01 and not not_null
    mapped = section.value_map is not None and section.unmapped == "quarantine"
    if rule == "quarantine" or mapped or (rule == "auto" and few):
        return replace(decision, on_misfit="row" if not_null else "null")
    if rule == "widen" and not section.enum:
        return Decision(pg.TEXT, why=f"holds {failures.count} values that {asked.display} cannot hold", serious=True)
    # A type that a person asked for is not changed behind their back.
    return replace(decision, on_misfit="fail")


def _labels(values: ValueMap | None, census: ColumnCensus) -> tuple[str, ...]:
    labels = list(dict.fromkeys(values.values.values())) if values else []
    for value in sorted(str(value) for value in census.distinct or ()):
        new = (values.get(value) or value) if values else value
        if new not in labels and (values is None or values.unmapped == "keep"):
            labels.append(new)
    return tuple(labels)


def refuse_unmapped(table: str, column: str, values: ValueMap, failures: Failures) -> None:
    """Raise UnmappedValues where the plan's map must name a value and does not."""
    if values.unmapped != "fail":
        return
    unmapped = [word for word in failures.distinct if values.get(word) is None]
    if unmapped:
        shown = ", ".join(repr(word) for word in unmapped[:20])
        more = f" and {len(unmapped) - 20} more" if len(unmapped) > 20 else ""
        raise errors.UnmappedValues(table=table, column=column, values=shown + more)


def _align(
    schema: Schema,
    table: Table,
    name: str,
    decisions: Decisions,
    censuses: Mapping[str, TableCensus],
    file: PlanFile,
    seen: frozenset[tuple[str, str]],
) -> None:
    """Give a foreign key's column its parent's type, where PostgreSQL could not compare the two."""
    if (table.name, name) in seen or file.column(table.name, name).pg_type:
        return
    for key in table.foreign_keys:
        for child, parent_name in zip(key.columns, key.parent_columns, strict=False):
            if child != name:
                continue
            try:
                parent = schema.table(key.parent)
            except KeyError:
                continue
            place = (parent.name, parent_name)
            if place not in decisions or place == (table.name, name):
                continue
            _align(schema, parent, parent_name, decisions, censuses, file, seen | {(table.name, name)})
            wanted, had = decisions[place].type, decisions[table.name, name].type
            if wanted == had or any({wanted.base, had.base} <= group for group in _ALIKE):
                continue
            census = censuses[table.name].columns[name]
            failures = census.probes.get(wanted.display)
            not_null = table.column(name).not_null or name in table.primary_key
            decisions[table.name, name] = Decision(
                wanted,
                "row" if not_null else "null",
                failures,
                f"refers to {parent.name}.{parent_name}, which is {wanted.display}",
            )


def _columns(
    plan: MovePlan,
    request: CensusRequest,
    target: str,
    census: TableCensus,
    decisions: Decisions,
    file: PlanFile,
    types: Namer,
) -> tuple[ColumnPlan, ...]:
    table = request.table
    names = Namer(file.defaults.identifiers, SYSTEM_COLUMNS)
    columns = []
    for name in request.scan.columns:
        column, section, decision = table.column(name), file.column(table.name, name), decisions[table.name, name]
        given = section.name or names.name(name)
        names.taken.add(given)
        if not section.name and given != name:
            tell.renamed(plan, "column", table.name, name, given)
        if section.enum:
            plan.enums[types.name(section.enum) if section.enum not in plan.enums else section.enum] = (
                decision.type.labels
            )
        counted = census.columns[name]
        keyed = name in table.primary_key and not counted.nulls
        columns.append(
            ColumnPlan(
                name,
                given,
                decision.type,
                decision.on_misfit,
                not_null=(column.not_null and not counted.nulls) or keyed,
                identity=name == table.rowid_alias and decision.type.base == "int8",
                values=section.value_map,
                numbers=decision.numbers,
                null_violated=column.not_null and counted.nulls > 0,
                lenient=section.pg_type is not None,
            )
        )
        tell.column(plan, target, given, counted, decision, column)
    return tuple(columns)


def _sequence(plan: MovePlan, request: CensusRequest, schema: Schema, connection: sqlite3.Connection) -> None:
    table = request.table
    planned = plan.table(table.name)
    if planned is None:
        return
    column = next((column for column in planned.columns if column.identity), None)
    if column is None:
        return
    last = connection.execute(f"SELECT max({quoted(column.source)}) FROM {quoted(table.name)}").fetchone()[0]  # noqa: S608
    following = max(last or 0, schema.sequences.get(table.name, 0), 0) + 1
    plan.sequences += (SequencePlan(planned.target, column.target, following),)


def _failing(decisions: Decisions) -> list[tuple[str, str, Failures]]:
    return [
        (table, column, decision.failures)
        for (table, column), decision in decisions.items()
        if decision.on_misfit == "fail" and decision.failures and decision.failures.count
    ]


def refuse_failing(failing: list[tuple[str, str, Failures]]) -> None:
    """Raise MisfitsFound where a column (table, column, failures) may hold no misfit and does."""
    if not failing:
        return
    examples = "; ".join(
        f"{table}.{column}, key {tell.key_words(f.samples[0].key)}: {tell.quoted_value(f.samples[0].value)} "
        f"{f.samples[0].reason}"
        for table, column, f in failing[:10]
    )
    raise errors.MisfitsFound(count=sum(f.count for _, _, f in failing), examples=examples)
