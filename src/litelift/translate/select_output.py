"""What a SELECT gives: result columns in PostgreSQL's types, and orders in SQLite's."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from litelift.postgres import types
from litelift.postgres.types import PgType
from litelift.sqlite.schema import Affinity
from litelift.translate.compare import folded
from litelift.translate.jsonvalue import text_of_json
from litelift.translate.unify import unify
from litelift.translate.value import NUMBERS, ColumnContext, PgKind, Refused, Typed

_TYPES: dict[PgKind, PgType] = {
    "bool": types.BOOLEAN,
    "int": types.BIGINT,
    "real": types.DOUBLE,
    "numeric": types.NUMERIC,
    "text": types.TEXT,
    "null": types.TEXT,
    "bytes": types.BYTEA,
    "date": types.DATE,
    "time": types.TIME,
    "timestamp": types.TIMESTAMP,
    "timestamptz": types.TIMESTAMPTZ,
    "uuid": types.UUID,
    "json": types.JSONB,
    "jsontext": types.JSONB,
}
_REFERENCE = re.compile(r'"(?:[^"]|"")*"\."(?:[^"]|"")*"')


@dataclass(frozen=True, slots=True)
class Result:
    """One result column: what it is, and the name that SQLite gives it."""

    name: str
    typed: Typed
    inexact: bool = False


def is_reference(typed: Typed) -> bool:
    """Whether it is a column and nothing more."""
    return _REFERENCE.fullmatch(typed.sql) is not None


def plain(typed: Typed) -> Typed:
    """The value itself, where ``typed`` stands for one inside of JSON."""
    if typed.kind == "jsonvalue":
        # It may be a number or a text in each row, as in a column without affinity.
        text = typed.shown or text_of_json(typed.operand)
        return Typed(text, "text", atomic=True, affinity=Affinity.BLOB, column=True)
    if typed.kind == "jsontext":
        return Typed(typed.operand, "json", atomic=True, type=types.JSONB)
    return typed


def type_of(typed: Typed) -> PgType:
    """The type that its result column gets. Raises Refused."""
    if typed.type is not None and (is_reference(typed) or typed.kind in ("enum", "other")):
        return typed.type
    if typed.kind == "json" and typed.type is not None:
        return typed.type
    if typed.kind not in _TYPES:
        raise Refused(f"a result that is a {typed.kind}")
    return _TYPES[typed.kind]


def cast(typed: Typed, type_: PgType) -> str:
    """The SQL of a result column of that type."""
    words = type_.sql().as_string()
    if (is_reference(typed) and typed.type == type_) or typed.kind in ("enum", "other"):
        return typed.sql
    if typed.kind == "null":
        return f"NULL::{words}"
    if typed.sql.endswith(f"::{words}") and typed.atomic:
        return typed.sql
    if typed.kind == "bool" and type_ != types.BOOLEAN:
        return f"{typed.operand}::int::{words}"
    return typed.sql if typed.kind == "bool" else f"{typed.operand}::{words}"


def context_of(typed: Typed, target: str, type_: PgType) -> ColumnContext:
    """What is known of the result column where it is read from."""
    return ColumnContext(
        target,
        type_,
        values=typed.values,
        affinity=typed.affinity,
        collation=typed.collation,
        nondeterministic=typed.nondeterministic,
    )


def is_computed(typed: Typed) -> bool:
    """Whether the result has no affinity."""
    return not typed.column or typed.affinity is None


def is_inexact(typed: Typed) -> bool:
    """Whether arithmetic on other than whole numbers may have made it."""
    return typed.kind in ("real", "numeric") and not typed.constant and not is_reference(typed)


def common_results(arms: list[list[Result]]) -> list[list[Result]]:
    """The arms of a compound with their columns in one type each. Raises Refused where SQLite would mix types."""
    if len({len(arm) for arm in arms}) != 1:
        raise Refused("the SELECTs of a compound have unlike numbers of columns")
    columns = [_common(list(column)) for column in zip(*arms, strict=True)]
    return [list(arm) for arm in zip(*columns, strict=True)]


def _common(column: list[Result]) -> list[Result]:
    parts = [result.typed for result in column]
    if len({part.nondeterministic for part in parts}) > 1:
        # PostgreSQL's result column has one collation.
        column = [replace(result, typed=result.typed.exact) for result in column]
        parts = [result.typed for result in column]
    first = parts[0]
    if len({(p.kind, p.type if is_reference(p) else None, p.values is None) for p in parts}) == 1 and not any(
        p.constant for p in parts
    ):
        return column
    if all(p.kind == "null" for p in parts):
        return column
    made = unify(parts)
    kinds = {p.kind for p in parts if p.kind != "null"}
    kind: PgKind = made.like.kind
    if kind in NUMBERS:
        kind = "real" if "real" in kinds else kind
    like = replace(made.like, kind=kind)
    if len({type_of(p) for p in parts if not p.constant and is_reference(p)}) > 1 or kind not in ("enum", "json"):
        like = replace(like, type=None)
    affinity = first.affinity
    results = []
    for result, sql in zip(column, made.sql, strict=True):
        null = result.typed.kind == "null"
        typed = replace(
            like,
            sql=sql,
            kind="null" if null else like.kind,
            affinity=affinity,
            column=first.column,
            collation=first.collation,
        )
        words = cast(typed, type_of(like)) if null else cast(replace(typed, atomic=False), type_of(like))
        results.append(replace(result, typed=replace(typed, sql=words, atomic=True, kind=like.kind)))
    return results


def comparable(typed: Typed, use: str) -> Typed:
    """``typed`` where ``use`` looks for equal values. Raises Refused where PostgreSQL would find others than SQLite."""
    if typed.collation != "BINARY" and typed.kind == "text":
        raise Refused(f"{use} under the collation {typed.collation}")
    if typed.nondeterministic:
        raise Refused(f"{use} of a column that has the collation of what it refers to")
    if typed.kind == "json" and (typed.type is None or typed.type.base == "json"):
        raise Refused(f"{use} of JSON")
    return typed


def collated(typed: Typed, use: str) -> str:
    """The SQL to order by as SQLite does, without NULLS and DESC."""
    if typed.kind == "text":
        if typed.collation != "BINARY":
            return folded(typed.operand, typed.collation)
        return f'{typed.operand} COLLATE "C"'
    if typed.kind in ("enum", "uuid"):
        return f'{typed.operand}::text COLLATE "C"'
    if typed.kind in ("json", "other", "jsonvalue", "jsontext"):
        raise Refused(f"{use} of a {typed.kind}")
    return typed.sql if is_reference(typed) else f"({typed.sql})"


def ordering(words: str, descending: bool, nulls: str | None) -> str:
    """A term of an ORDER BY: NULLs are less than all else ("SELECT", section 4)."""
    place = nulls or ("LAST" if descending else "FIRST")
    return f"{words} DESC NULLS {place}" if descending else f"{words} NULLS {place}"
