"""The proposals of `litelift plan`: every table as it would be moved, and what a person may want to decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litelift.plan.emit import ColumnProposal, TableProposal, emit_plan
from litelift.plan.inspection import Looked
from litelift.sqlite.census import shown


def propose(looked: Looked) -> str:
    """The plan file's text. What is only a suggestion is commented out, so that the file as it is changes nothing."""
    inspection = looked.inspection
    proposals: list[TableProposal | ColumnProposal] = []
    enums = {(enum.table, enum.column): enum for enum in inspection.enums}
    forms = {(form.table, form.column): form for form in inspection.forms}
    changed = {(column.table, column.name): column for column in inspection.columns if column.why}
    for table in looked.plan.tables:
        proposals.append(TableProposal(table.source, table.rows, table.target))
        for column in table.columns:
            place = (table.source, column.source)
            comment: list[str] = []
            keys: dict[str, Any] = {}
            if place in changed:
                comment.append(changed[place].why or "")
            if place in forms:
                form = forms[place]
                comment.append(f"{form.form}, for instance {form.example}")
                keys |= _typed(form.form)
            if place in enums:
                counts = enums[place].values
                comment.append("looks like an enum: " + ", ".join(f"{value} ({n})" for value, n in counts.items()))
                values = list(looked.censuses[table.source].columns[column.source].distinct or ())
                keys |= {"values": {str(value): str(value) for value in values if shown(value) == value}}
            if comment:
                proposals.append(ColumnProposal(table.source, column.source, comment, keys, active=False))
    return emit_plan(proposals, heading=_heading(looked))


def _typed(form: str) -> dict[str, str]:
    if form.startswith("JSON"):
        return {"type": "jsonb"}
    if form.startswith("uuid"):
        return {"type": "uuid"}
    return {"type": "timestamptz" if "since 1970" in form else "timestamp"}


def _heading(looked: Looked) -> Sequence[str]:
    inspection = looked.inspection
    return [
        f"A plan for {inspection.path}: {len(inspection.tables)} tables, {inspection.rows:,} rows.",
        "As it stands it changes nothing: every line that would is a comment. Uncomment what you decide, then:",
        "  litelift migrate SRC DST --plan THIS-FILE",
    ]
