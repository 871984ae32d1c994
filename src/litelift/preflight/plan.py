"""What the plan says of a move: whether it decides everything, and what will need a person."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from litelift.move.data_only import created_requests, matched_names, settle
from litelift.plan.file import PlanFile
from litelift.plan.inspection import find_orphans
from litelift.plan.plan import MovePlan
from litelift.plan.request import filling_requests, whole_requests
from litelift.plan.types import Rule
from litelift.plan.whole import plan_whole
from litelift.postgres.connect import Connection, Server
from litelift.postgres.existing import read_target
from litelift.postgres.existing_types import TargetSchema
from litelift.preflight.findings import Findings, slug
from litelift.preflight.survey import Survey
from litelift.shorten import shortened
from litelift.sqlite.census import TableCensus
from litelift.sqlite.schema import Schema


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, what it was made from, and the seconds that reading every value took."""

    plan: MovePlan
    censuses: Mapping[str, TableCensus]
    seconds: float
    target: TargetSchema | None = None

    @property
    def rows(self) -> int:
        """The rows of all tables that are moved."""
        return sum(table.rows for table in self.plan.tables)


def plan_move(survey: Survey, file: PlanFile, rule: Rule | None, server: Server | None) -> Planned:
    """Plan a whole move. Without a server it is planned for the embedded one. Raises LiteliftError."""
    requests = whole_requests(survey.schema, file)
    censuses, seconds = survey.censuses(requests)
    plan = plan_whole(
        survey.source.connection,
        survey.schema,
        requests,
        censuses,
        file,
        rule=rule,
        server_version=server.version if server else 160000,
        icu=server.icu if server else False,
    )
    return Planned(plan, censuses, seconds)


def plan_filling_of(
    survey: Survey, file: PlanFile, rule: Rule | None, server: Server, connection: Connection
) -> Planned:
    """Plan the filling of an application's tables. Raises LiteliftError."""
    target = read_target(connection, file.defaults.schema_name)
    matched = matched_names(survey.schema, target, file)
    requests = filling_requests(matched, file)
    created = created_requests(survey.schema, matched, file)
    censuses, seconds = survey.censuses([*requests, *created])
    plan = settle(
        survey.source.connection,
        connection,
        survey.schema,
        target,
        matched,
        requests,
        created,
        censuses,
        file,
        rule=rule,
        icu=server.icu,
    )
    return Planned(plan, censuses, seconds, target)


def tell_plan(findings: Findings, connection: sqlite3.Connection, schema: Schema, planned: Planned, icu: bool) -> None:
    """Tell what a plan says; ``connection`` is the source."""
    plan = planned.plan
    findings.add(
        "plan",
        "ok",
        "plan",
        f"every type, rule and name is settled: {len(plan.tables):,} tables, {planned.rows:,} rows, "
        f"{len(plan.indexes):,} keys and indexes, {len(plan.foreign_keys):,} foreign keys",
    )
    for orphan in find_orphans(connection, schema, plan):
        findings.add(
            "plan",
            "attention",
            "orphans",
            f"{orphan.table}.{', '.join(orphan.columns)}: {orphan.count:,} rows refer to nothing in {orphan.parent} "
            f"({'; '.join(orphan.examples[:3])})",
            "Mend them in the source; else the foreign key is added NOT VALID.",
        )
    for told in plan.notices:
        findings.add("plan", "attention" if told.level == "attention" else "note", slug(told.kind), told.message)
    for other in plan.untranslated:
        findings.add(
            "plan",
            "attention",
            f"untranslated-{slug(other.kind)}",
            f"the {other.kind} {other.name} is not carried: {other.reason}",
            "Write it in PostgreSQL's SQL by hand after the move.",
        )
    folded = [f"{table.name}.{c.name}" for table in schema.tables for c in table.columns if c.collation == "NOCASE"]
    if folded and not icu and plan.mode == "whole":
        message = f"the server has no ICU: NOCASE is kept by an index on the folded value, for {shortened(folded, 5)}"
        findings.add("plan", "note", "no-icu", message, "A server with ICU keeps their comparisons too.")
