"""A plan held against a source: tables and columns that are not there, and names that would meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from litelift.sqlite.schema import Schema
from litelift.tomlfile.problems import Problem, ascii_lower, did_you_mean, find, section_words

if TYPE_CHECKING:
    from litelift.plan.file import PlanFile, TablePlan


class _Renamable(Protocol):
    @property
    def name(self) -> str | None: ...

    @property
    def exclude(self) -> bool: ...


def mismatches(plan: PlanFile, schema: Schema) -> Iterator[Problem]:
    """Everything that ``plan`` says about a table or column that ``schema`` does not have, or in two places."""
    tables = {ascii_lower(table.name): table for table in schema.tables}
    others = {ascii_lower(o.name): o for o in schema.others if o.kind in ("view", "virtual table", "shadow table")}
    seen: dict[str, str] = {}
    for name, section in plan.tables.items():
        keys = ("tables", name)
        folded = ascii_lower(name)
        if folded in seen:
            yield Problem(keys, f"{section_words(keys)} and {section_words(('tables', seen[folded]))} are one table")
            continue
        seen[folded] = name
        if folded in tables:
            known = [column.name for column in tables[folded].columns]
            yield from _column_mismatches(keys, section, known)
        elif folded not in others:
            known = [table.name for table in schema.tables]
            yield Problem(keys, f"the source has no table {name!r}{did_you_mean(name, known)}")
        elif section.model_fields_set - {"exclude"}:
            kind = others[folded].kind
            yield Problem(keys, f"{name!r} is a {kind}: the plan can only say exclude = true or false for it")
    yield from _collisions(plan, [table.name for table in schema.tables], "tables", ("tables",), plan.tables)
    for table in schema.tables:
        written = seen.get(ascii_lower(table.name))
        if written is not None:
            place = ("tables", written, "columns")
            columns = [column.name for column in table.columns]
            yield from _collisions(plan, columns, "columns", place, plan.tables[written].columns)


def _column_mismatches(keys: tuple[str, ...], section: TablePlan, known: list[str]) -> Iterator[Problem]:
    present = {ascii_lower(column) for column in known}
    seen: dict[str, str] = {}
    for column in section.columns:
        place = (*keys, "columns", column)
        folded = ascii_lower(column)
        if folded not in present:
            yield Problem(place, f"the table {keys[-1]!r} has no column {column!r}{did_you_mean(column, known)}")
        elif folded in seen:
            other = section_words((*keys, "columns", seen[folded]))
            yield Problem(place, f"{section_words(place)} and {other} are one column")
        seen.setdefault(folded, column)


def _collisions(
    plan: PlanFile,
    names: list[str],
    what: str,
    place: tuple[str, ...],
    sections: Mapping[str, _Renamable],
) -> Iterator[Problem]:
    """New names that would make two tables, or two columns of a table, one."""
    taken: dict[str, str] = {}
    renamed: list[tuple[str, str]] = []
    for name in names:
        section = find(sections, name)
        if section is not None and section.exclude:
            continue
        if section is not None and section.name is not None:
            renamed.append((name, section.name))
        else:
            taken[name.lower() if plan.defaults.identifiers == "lower" else name] = name
    for name, new in renamed:
        if new in taken:
            said = f"name = {new!r}: the {what} {taken[new]!r} and {name!r} would be one"
            yield Problem((*place, name, "name"), said)
        taken.setdefault(new, name)
