"""The tables of a move, before and after: the loader's accounting and the proof's count side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from litelift.report.format import count, number
from litelift.result import MigrationResult, TableProof, TableResult

Mark = Literal["same", "differs", "uncompared"]


@dataclass(frozen=True)
class Entity:
    """One table. ``in_file`` counts filtered rows too; ``proved`` is the target's count as the proof read it."""

    source: str
    target: str | None
    in_file: int
    filtered: int
    loaded: int | None
    quarantined_rows: int
    quarantined_values: int
    replaced: int
    proved: int | None
    mark: Mark
    why: str = ""

    @property
    def quarantined(self) -> str:
        """``0``, ``3 rows``, ``12 values``, ``3 rows, 12 values``."""
        return _quarantined(self.quarantined_rows, self.quarantined_values)


def _quarantined(rows: int, values: int) -> str:
    parts = ([count(rows, "row")] if rows else []) + ([count(values, "value")] if values else [])
    return ", ".join(parts) or number(0)


@dataclass(frozen=True)
class Totals:
    """The sums of all tables, and what they say together."""

    tables: int
    in_file: int
    filtered: int
    loaded: int
    quarantined_rows: int
    quarantined_values: int
    replaced: int
    proved: int
    compared_tables: int
    compared_rows: int
    differing: int
    differences: int
    uncompared: int

    @property
    def quarantined(self) -> str:
        """What all tables have in quarantine, as for one."""
        return _quarantined(self.quarantined_rows, self.quarantined_values)


def _target_name(source: str, target: str, schema: str) -> str | None:
    return None if target in (source, f"{schema}.{source}") else target


def _entity(table: TableResult, proof: TableProof | None, schema: str) -> Entity:
    mark: Mark = "same"
    why: list[str] = []
    if not table.balanced:
        gap = table.source_rows - table.loaded - table.quarantined_rows
        why.append(f"{abs(gap):,} {'rows unaccounted for' if gap > 0 else 'rows too many'}")
    if proof is not None and not proof.equal:
        why.append(f"{proof.total_differences:,} differences" if proof.total_differences else "differs")
    if proof is not None and proof.target_rows != table.loaded:
        why.append(f"loaded {table.loaded:,}, found {proof.target_rows:,}")
    if why:
        mark = "differs"
    elif proof is None:
        mark = "uncompared"
        why.append("not compared")
    return Entity(
        source=table.source,
        target=_target_name(table.source, table.target, schema),
        in_file=table.source_rows + table.filtered_rows,
        filtered=table.filtered_rows,
        loaded=table.loaded,
        quarantined_rows=table.quarantined_rows,
        quarantined_values=table.quarantined_values,
        replaced=table.replaced_rows,
        proved=None if proof is None else proof.target_rows,
        mark=mark,
        why="; ".join(why),
    )


def _proof_only(proof: TableProof, schema: str) -> Entity:
    return Entity(
        source=proof.source,
        target=_target_name(proof.source, proof.target, schema),
        in_file=proof.source_rows,
        filtered=0,
        loaded=None,
        quarantined_rows=proof.quarantined_rows,
        quarantined_values=proof.quarantined_values,
        replaced=0,
        proved=proof.target_rows,
        mark="same" if proof.equal else "differs",
        why="" if proof.equal else f"{proof.total_differences:,} differences",
    )


def entities(result: MigrationResult) -> list[Entity]:
    """Every table: those that do not agree first, then by rows, the largest first, then by name."""
    schema = result.target.schema_name
    proofs = {proof.source: proof for proof in result.proof.tables}
    rows = [_entity(table, proofs.pop(table.source, None), schema) for table in result.tables]
    rows += [_proof_only(proof, schema) for proof in proofs.values()]
    order = {"differs": 0, "uncompared": 1, "same": 1}
    return sorted(rows, key=lambda row: (order[row.mark], -row.in_file, row.source))


def is_empty(row: Entity) -> bool:
    """Whether a table may be folded away: nothing in it on either side, and nothing wrong with it."""
    return row.mark == "same" and row.in_file == 0 and not row.proved and not row.replaced


def totals(result: MigrationResult, rows: list[Entity]) -> Totals:
    """Add the tables up."""
    proofs = result.proof.tables
    return Totals(
        tables=len(rows),
        in_file=sum(row.in_file for row in rows),
        filtered=sum(row.filtered for row in rows),
        loaded=sum(row.loaded or 0 for row in rows),
        quarantined_rows=sum(row.quarantined_rows for row in rows),
        quarantined_values=sum(row.quarantined_values for row in rows),
        replaced=sum(row.replaced for row in rows),
        proved=sum(row.proved or 0 for row in rows),
        compared_tables=len(proofs),
        compared_rows=sum(proof.source_rows - proof.quarantined_rows for proof in proofs),
        differing=sum(row.mark == "differs" for row in rows),
        differences=sum(proof.total_differences for proof in proofs),
        uncompared=sum(row.mark == "uncompared" for row in rows),
    )
