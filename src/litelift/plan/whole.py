"""The plan of a whole move: catalogue, census and plan file become tables, types, rules and names."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from litelift import errors
from litelift.plan import objects, tell
from litelift.plan.collations import Collations
from litelift.plan.file import PlanFile
from litelift.plan.generated import plan_generated
from litelift.plan.names import MAX_BYTES, SYSTEM_COLUMNS, Namer
from litelift.plan.plan import ColumnPlan, MovePlan, SequencePlan, TablePlan, with_column
from litelift.plan.request import CensusRequest
from litelift.plan.triggers import plan_triggers
from litelift.plan.types import TOLERATED_ONE_IN, Decision, Role, Rule, decide
from litelift.plan.valuemap import ValueMap
from litelift.plan.views import plan_views
from litelift.plan.virtual import plan_contents, plan_virtual, tell_others
from litelift.postgres import types as pg
from litelift.postgres.sequences import object_name
from litelift.postgres.types import PgType
from litelift.shorten import shortened
from litelift.sqlite.census import ColumnCensus, Failures, TableCensus
from litelift.sqlite.lexer import quote_identifier
from litelift.sqlite.schema import Column, Schema, Table
from litelift.translate import listed_values, literal_default
from litelift.wire.text import plain

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
    icu: bool = False,
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
        icu: whether the server has ICU's collations.
        base: a plan that already fills tables of the target, to which these are added.
        taken: the target's names that are not given again.

    Raises:
        TooManyColumns, UnmappedValues, MisfitsFound: nothing was written.
    """
    plan = base or MovePlan("whole", file.defaults.schema_name)
    decisions = _decide_all(schema, requests, censuses, file, rule)
    refuse_failing(_failing(decisions))
    relations = Namer(file.defaults.identifiers, taken)
    _reserve(relations, requests, file)
    made = frozenset(column.enum for section in file.tables.values() for column in section.columns.values())
    for request in requests:
        table = request.table
        if len(request.scan.columns) > MAX_COLUMNS:
            raise errors.TooManyColumns(table=table.name, columns=len(request.scan.columns))
        given = file.table(table.name).name
        target = given or relations.name(table.name)
        relations.taken.add(target)
        if not given and target != table.name:
            tell.renamed(plan, "table", table.name, table.name, target)
        columns = _columns(plan, request, target, censuses[table.name], decisions, file, made)
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
                file_rows=file_rows(connection, table.name, request, censuses),
                bytes=censuses[table.name].bytes,
            ),
        )
    tables = [request.table for request in requests]
    collations = Collations(plan, schema, tables, file, connection, server_version, icu)
    for request in requests:
        census = censuses[request.table.name]
        objects.plan_table(plan, schema, request.table, census, relations, connection, server_version, collations)
        _sequence(plan, request, schema, connection, relations)
    for request in requests:
        # With all keys known: a virtual column can be in none of them.
        plan_generated(plan, schema, request.table, censuses[request.table.name], server_version)
    for request in requests:
        plan_virtual(plan, request.table, relations, connection)
    for enum in plan.enums:
        if any(table.target == enum for table in plan.tables):
            raise file.error((), f"a table and the enum type {enum!r} cannot have one name in PostgreSQL")
    if base is None:
        plan_contents(plan, schema, file, relations, connection)
        plan_views(plan, schema, file, relations, server_version)
        # Once more, for those whose text is a view's.
        plan_contents(plan, schema, file, relations, connection)
        tell_others(plan, schema, file, connection)
        _triggers(plan, schema, file, server_version)
    return plan


def _reserve(relations: Namer, requests: list[CensusRequest], file: PlanFile) -> None:
    """The names that the source and the plan give in a schema's one namespace come before those that are made up."""
    for request in requests:
        table = request.table
        relations.reserve(file.table(table.name).name or table.name)
        for name in (table.primary_key_name, *(index.name for index in table.indexes)):
            if name:
                relations.reserve(name)


def file_rows(
    connection: sqlite3.Connection, table: str, request: CensusRequest, censuses: Mapping[str, TableCensus]
) -> int:
    """How many rows a table has in the file, those that the plan's filter leaves there too."""
    if request.scan.where is None:
        return censuses[table].rows
    return int(connection.execute(f"SELECT count(*) FROM {quote_identifier(table)}").fetchone()[0])  # noqa: S608


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
    _share_enums(decisions)
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
        labels = _labels(file, table, column, census)
        asked = PgType(section.enum, "enum", schema=file.defaults.schema_name, labels=labels)
    decision = Decision(asked, failures=failures)
    if not failures.count or rule == "fail":
        return replace(decision, on_misfit="fail") if failures.count else decision
    few = failures.count * TOLERATED_ONE_IN <= census.values and not not_null
    mapped = section.value_map is not None and section.unmapped == "quarantine"
    if rule == "quarantine" or mapped or (rule == "auto" and few):
        return replace(decision, on_misfit="row" if not_null else "null")
    if rule == "widen" and not section.enum:
        return Decision(pg.TEXT, why=f"holds {failures.count} values that {asked.display} cannot hold", serious=True)
    # A type that a person asked for is not changed behind their back.
    return replace(decision, on_misfit="fail")


def _labels(file: PlanFile, table: Table, column: Column, census: ColumnCensus) -> tuple[str, ...]:
    """An enum's labels: the map's new values, then those that are stored, then the default. Raises PlanFileError."""
    values = file.value_map(table.name, column.name)
    keys = ("tables", table.name, "columns", column.name, "enum")
    if census.distinct is None and (values is None or values.unmapped == "keep"):
        raise file.error(keys, f"{table.name}.{column.name} holds more different values than an enum type is made for")
    labels = list(dict.fromkeys(values.values.values())) if values else []
    stored: list[str] = sorted(plain(value) for value in census.distinct or () if not isinstance(value, bytes))
    constant, default = literal_default(column.default or "", column.declared)
    if constant and default is not None and not isinstance(default, bytes):
        stored.append(plain(default))
    for check in table.checks:
        listed = listed_values(check.sql, column.name)
        stored += (plain(value) for value in listed if value is not None and not isinstance(value, bytes))
    for value in stored:
        new = (values.get(value) or value) if values else value
        if new not in labels and (values is None or values.unmapped == "keep"):
            labels.append(new)
    for label in labels:
        # NAMEDATALEN - 1 (PostgreSQL manual, section 8.7.4).
        if len(label.encode("utf-8", "replace")) > MAX_BYTES:
            raise file.error(keys, f"{label!r} is longer than the {MAX_BYTES} bytes of an enum's label")
    return tuple(labels)


def _share_enums(decisions: Decisions) -> None:
    """Columns that name one enum share one type, with the labels of all of them."""
    shared: dict[str, dict[str, None]] = {}
    for decision in decisions.values():
        if decision.type.kind == "enum":
            shared.setdefault(decision.type.base, {}).update(dict.fromkeys(decision.type.labels))
    for place, decision in decisions.items():
        if decision.type.kind == "enum":
            labels = tuple(shared[decision.type.base])
            decisions[place] = replace(decision, type=replace(decision.type, labels=labels))


def refuse_unmapped(table: str, column: str, values: ValueMap, failures: Failures) -> None:
    """Raise UnmappedValues where the plan's map must name a value and does not."""
    if values.unmapped != "fail":
        return
    unmapped = [word for word in failures.distinct if values.get(word) is None]
    if unmapped:
        shown = shortened([repr(word) for word in unmapped], 20)
        raise errors.UnmappedValues(table=table, column=column, values=shown)


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
    made: frozenset[str | None],
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
        if decision.type.kind == "enum" and decision.type.base in made:
            plan.enums[decision.type.base] = decision.type.labels
        counted = census.columns[name]
        keyed = name in table.primary_key and not counted.nulls
        columns.append(
            ColumnPlan(
                name,
                given,
                decision.type,
                decision.on_misfit,
                not_null=(column.not_null and not counted.nulls) or keyed,
                identity=name == table.rowid_alias and decision.type.base in ("int2", "int4", "int8"),
                values=section.value_map,
                numbers=decision.numbers,
                null_violated=column.not_null and counted.nulls > 0,
                lenient=section.pg_type is not None,
            )
        )
        tell.column(plan, target, given, counted, decision, column)
    return tuple(columns)


def _triggers(plan: MovePlan, schema: Schema, file: PlanFile, server_version: int) -> None:
    wanted = tuple(o for o in schema.others if o.kind != "trigger" or not file.table(o.name).exclude)
    planned = plan_triggers(plan, replace(schema, others=wanted), server_version, Namer(file.defaults.identifiers))
    plan.triggers = planned.made
    plan.untranslated += planned.untranslated
    for other, trigger in planned.made:
        plan.functions |= trigger.needs
        for remark in trigger.remarks:
            tell.add(plan, "info", "trigger", f"the trigger {other.name}: {remark}", other.table)
    for other in planned.replaced:
        message = f"the trigger {other.name} only keeps a search index up to date, which here needs none"
        tell.add(plan, "info", "trigger", message, other.table)


def plan_triggers_again(plan: MovePlan, schema: Schema, file: PlanFile, server_version: int) -> None:
    """Translate the triggers anew, for a generated column that they may read has become an ordinary one."""
    plan.untranslated = [item for item in plan.untranslated if item.kind != "trigger"]
    plan.notices = [notice for notice in plan.notices if notice.kind != "trigger"]
    _triggers(plan, schema, file, server_version)


def _sequence(
    plan: MovePlan, request: CensusRequest, schema: Schema, connection: sqlite3.Connection, relations: Namer
) -> None:
    table = request.table
    planned = plan.table(table.name)
    if planned is None:
        return
    column = next((column for column in planned.columns if column.identity), None)
    if column is None:
        return
    query = f"SELECT max({quote_identifier(column.source)}) FROM {quote_identifier(table.name)}"  # noqa: S608
    last = connection.execute(query).fetchone()[0]
    following = max(last or 0, schema.sequences.get(table.name, 0), 0) + 1
    plan.sequences += (SequencePlan(planned.target, column.target, following),)
    name = relations.made_up(object_name(planned.target, column.target))
    plan.put(with_column(planned, replace(column, sequence=name)))


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
