"""The plan file as litelift proposes it: TOML for a person to read and edit, in which suggestions are commented out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from litelift.plan.file import ColumnPlan, Defaults, TablePlan
from litelift.tomlfile.write import comments, key_text, string

TomlValue = str | bool | Mapping[str, str]
"""What a key of the plan file holds."""

_WIDTH = 100  # A value map longer than this, in characters, goes on lines of its own.


@dataclass(frozen=True, slots=True)
class TableProposal:
    """A table: its name in SQLite, its rows, its name in the target, and a note for the reader."""

    name: str
    rows: int
    target: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ColumnProposal:
    """What is proposed for a column: ``keys`` of the plan file under ``comment`` lines.

    Where ``active`` is false the keys are only suggested, and are written commented out.
    """

    table: str
    column: str
    comment: Sequence[str] = ()
    keys: Mapping[str, TomlValue] = field(default_factory=dict)
    active: bool = False


Proposal = TableProposal | ColumnProposal


def emit_plan(proposals: Iterable[Proposal], *, heading: Sequence[str] = (), defaults: Defaults | None = None) -> str:
    """The proposals as the text of a plan file, which ``read_plan`` reads whatever the names and values are.

    Tables come in the order in which they are first named, the columns of each under it; ``heading`` is comment lines
    for the top. A key that the plan file would not accept (a name that is too long, a NUL) is written commented out,
    with the reason. A name that TOML cannot hold at all, because it is not Unicode, is told in a comment.
    """
    tables: dict[str, list[Proposal]] = {}
    for proposal in proposals:
        name = proposal.name if isinstance(proposal, TableProposal) else proposal.table
        tables.setdefault(name, []).append(proposal)
    blocks = [[*comments(heading)], _defaults(defaults or Defaults())]
    for name, own in tables.items():
        blocks.append(_table(name, [p for p in own if isinstance(p, TableProposal)]))
        columns: dict[str, list[ColumnProposal]] = {}
        for proposal in own:
            if isinstance(proposal, ColumnProposal):
                columns.setdefault(proposal.column, []).append(proposal)
        blocks.extend(_column(name, column, proposed) for column, proposed in columns.items())
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks if block)


def _defaults(defaults: Defaults) -> list[str]:
    words = {
        "identifiers": "preserve | lower",
        "on_misfit": "auto | widen | quarantine | fail",
        "schema": "where the tables go",
        "missing_tables": "with --data-only: fail | create | skip",
        "nocase": "auto | collation | index",
    }
    lines = ["[defaults]"]
    for key, value in defaults.model_dump(by_alias=True).items():
        pair = f"{key} = {string(value)}"
        lines.append(f"{pair:<30}  # {words[key]}")
    return lines


def _table(name: str, proposed: Sequence[TableProposal]) -> list[str]:
    lines: list[str] = []
    for table in proposed:
        lines += comments([f"{table.rows:,} row{'' if table.rows == 1 else 's'}", *filter(None, [table.note])])
    if not _is_unicode(name):
        return [*lines, *comments([f"The table {name!r} has a name that a TOML file cannot hold."])]
    lines.append(f"[tables.{key_text(name)}]")
    targets = [table.target for table in proposed if table.target != name]
    lines += _keys(TablePlan, [({"name": target}, number == 0) for number, target in enumerate(targets)])
    if proposed:
        lines += ["# exclude = true", '# where = "a condition in SQLite\'s SQL"']
    return lines


def _column(table: str, column: str, proposed: Sequence[ColumnProposal]) -> list[str]:
    lines = comments([line for proposal in proposed for line in proposal.comment])
    if not _is_unicode(table + column):
        return [*lines, *comments([f"The column {column!r} of {table!r} has a name that a TOML file cannot hold."])]
    lines.append(f"[tables.{key_text(table)}.columns.{key_text(column)}]")
    return lines + _keys(ColumnPlan, [(proposal.keys, proposal.active) for proposal in proposed])


def _keys(model: type[BaseModel], groups: Sequence[tuple[Mapping[str, TomlValue], bool]]) -> list[str]:
    """The lines of one section. What is not active, is there already, or would not be accepted is commented out."""
    lines: list[str] = []
    written: dict[str, Any] = {}
    for keys, active in groups:
        plain = {key: dict(value) if isinstance(value, Mapping) else value for key, value in keys.items()}
        reason = _refusal(model, {**written, **plain}) if active else None
        if active and not all(map(_is_unicode, _texts(plain))):
            reason = "a TOML file cannot hold bytes that are not UTF-8"
        if active and reason is None and not written.keys() & plain.keys():
            written.update(plain)
            lines += [line for key, value in plain.items() for line in _pair(key, value)]
            continue
        if reason is not None:
            lines += comments([f"Not in force: {reason}"])
        lines += [f"# {line}" for key, value in plain.items() for line in _pair(key, value)]
    return lines


def _refusal(model: type[BaseModel], keys: Mapping[str, Any]) -> str | None:
    try:
        model.model_validate(dict(keys))
    except ValidationError as error:
        return str(error.errors(include_url=False)[0]["msg"])
    return None


def _pair(key: str, value: TomlValue) -> list[str]:
    if isinstance(value, bool):
        return [f"{key_text(key)} = {str(value).lower()}"]
    if isinstance(value, str):
        return [f"{key_text(key)} = {string(value)}"]
    pairs = [(string(old), string(new)) for old, new in value.items()]
    inline = f"{key_text(key)} = {{ {', '.join(f'{old} = {new}' for old, new in pairs)} }}"
    if len(inline) <= _WIDTH:
        return [inline]
    # TOML 1.0 keeps an inline table on one line; dotted keys say the same on many.
    return [f"{key_text(key)}.{old} = {new}" for old, new in pairs]


def _texts(keys: Mapping[str, TomlValue]) -> Iterable[str]:
    for key, value in keys.items():
        yield key
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            for old, new in value.items():
                yield old + new


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)
