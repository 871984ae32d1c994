"""What is told of collations: what an application notices of them, and those that only the application has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from litelift.plan import tell
from litelift.plan.plan import ColumnPlan, MovePlan
from litelift.result import Untranslated
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import Table
from litelift.translate.compare import BUILT_IN
from litelift.translate.value import identifier

_TEXTS = frozenset({"text", "varchar", "bpchar"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a table's text columns: their collations in SQLite, and the folded names of those in keys.

    ``exact`` says that the server's collation folds A to Z alone, ``wanted`` that it is to be used where it can be.
    """

    collations: Mapping[str, str]
    keyed: frozenset[str]
    exact: bool
    wanted: bool


def is_text(column: ColumnPlan) -> bool:
    """Whether a collation matters to the column in PostgreSQL."""
    return column.type.kind == "base" and column.type.base in _TEXTS


def tell_columns(plan: MovePlan, table: Table, facts: Facts) -> None:
    """One notice for a table whose columns have NOCASE or RTRIM."""
    planned = plan.table(table.name)
    assert planned is not None
    here = {
        c.target: (c.collation, facts.collations[c.source]) for c in planned.columns if c.source in facts.collations
    }
    carried = [name for name, found in here.items() if found == ("nocase", "NOCASE")]
    taken = [name for name, found in here.items() if found[0] == "nocase" and found[1] != "NOCASE"]
    indexed = [name for name, found in here.items() if found[0] != "nocase" and found[1] == "NOCASE"]
    trimmed = [name for name, found in here.items() if found[1] == "RTRIM"]
    said = []
    if carried:
        beyond = "the case of A to Z"
        if not facts.exact:
            strict = [c.target for c in planned.columns if c.target in carried and fold(c.source) in facts.keyed]
            beyond = "the case of A to Z, and before PostgreSQL 16 of every letter"
            beyond += f" (so do the keys of {', '.join(strict)})" if strict else ""
        said.append(
            f"{', '.join(carried)}: NOCASE in SQLite, of the collation litelift.nocase here: comparisons ignore "
            f"{beyond}. Before PostgreSQL 18 LIKE, and ILIKE and regular expressions in any version, need "
            'COLLATE "C" behind such a column; nocase = "index" in the plan file does without this collation'
        )
    if taken:
        said.append(f"{', '.join(taken)}: of the collation litelift.nocase, as what they refer to")
    if indexed:
        why = ""
        if facts.wanted:
            why = " (a foreign key with another collation, or values that the server's collation takes for equal)"
        said.append(
            f"{', '.join(indexed)}: NOCASE in SQLite{why}; what is unique stays so, by indexes on the folded values, "
            "but a query of the application tells a from A, and so does ON CONFLICT: write "
            f'lower({identifier(indexed[0])} COLLATE "C") = lower(...), as those indexes do'
        )
    if trimmed:
        said.append(
            f"{', '.join(trimmed)}: RTRIM in SQLite; what is unique stays so, by indexes on the trimmed values, but "
            "a query of the application counts spaces at the end: write "
            f"rtrim({identifier(trimmed[0])} COLLATE \"C\", ' ')"
        )
    if said:
        tell.add(plan, "info", "collation", f"{planned.target}: {'; '.join(said)}", planned.target)


def tell_own(plan: MovePlan, table: Table) -> None:
    """Tell the collations that only the application has."""
    planned = plan.table(table.name)
    assert planned is not None
    found = []
    for column in planned.columns:
        collation = table.column(column.source).collation
        if collation not in BUILT_IN and is_text(column):
            found.append((f"{planned.target}.{column.target}", collation))
    for index in table.indexes:
        for part in index.parts:
            own = table.column(part.column).collation if part.column else "BINARY"
            if part.collation not in BUILT_IN and fold(part.collation) != fold(own):
                found.append((index.name or planned.target, part.collation))
    reason = "only the application has this collation; PostgreSQL compares and orders the text byte by byte here"
    for name, collation in found:
        told = Untranslated(kind="collation", name=name, sql=f"COLLATE {collation}", reason=reason)
        plan.untranslated.append(told)
