"""One type for the branches of a CASE or the arguments of coalesce(): in SQLite each has its own, in PostgreSQL not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from litelift.translate.convert import typed_literal
from litelift.translate.value import NUMBERS, PgKind, Refused, Typed, literal


@dataclass(frozen=True, slots=True)
class Unified:
    """The arguments' SQL in one type, and what that type is."""

    sql: list[str]
    like: Typed

    def typed(self, sql: str, atomic: bool = False) -> Typed:
        """An expression of that type. It has no affinity, and no collation of its own ("Datatypes", section 3.3)."""
        return replace(self.like, sql=sql, atomic=atomic)


def unify(parts: list[Typed]) -> Unified:
    """Bring the parts to one type. Raises Refused where SQLite would give values of unlike types."""
    if any(part.values != parts[0].values for part in parts if not part.constant) and any(
        part.values is not None for part in parts
    ):
        others = [part for part in parts if not part.constant]
        if any(part.values != others[0].values for part in others):
            raise Refused("values that the plan maps are mixed with others")
    parts = [part.exact for part in parts]
    kinds: set[PgKind] = {part.kind for part in parts if not part.constant}
    literals: set[PgKind] = {part.kind for part in parts if part.constant and part.value is not None}
    if not kinds:
        return _literals(parts, literals)
    if kinds <= NUMBERS | {"bool"} and (literals <= NUMBERS) and not _all_boolean(parts, kinds):
        return _numbers(parts, kinds | literals)
    if len(kinds) != 1:
        raise Refused(f"one expression gives {' or '.join(sorted(kinds))}")
    (kind,) = kinds
    if kind in ("jsonvalue", "jsontext", "other") and (literals or kind == "other"):
        raise Refused(f"one expression gives a {kind} or a literal")
    if kind == "text" and not literals <= {"text"}:
        raise Refused("one expression gives text or a number")
    if kind in NUMBERS | {"bool"} and not literals <= NUMBERS:
        raise Refused("one expression gives a number or text")
    first = next(part for part in parts if not part.constant)
    if kind == "enum" and any(p.type != first.type for p in parts if not p.constant):
        raise Refused("one expression gives two enums")
    if kind == "json" and len({p.type.base for p in parts if not p.constant and p.type is not None}) > 1:
        raise Refused("one expression gives json and jsonb")
    like = Typed("", kind, type=first.type, values=first.values)
    # A literal's meaning beside the column needs the column's affinity; the result has none.
    beside = replace(like, affinity=first.affinity, column=True)
    return Unified([typed_literal(p.value, beside) if p.constant else p.sql for p in parts], like)


def _all_boolean(parts: list[Typed], kinds: set[PgKind]) -> bool:
    return kinds == {"bool"} and all(part.value in (0, 1, None) for part in parts if part.constant)


def _literals(parts: list[Typed], literals: set[PgKind]) -> Unified:
    if len(literals) > 1 and not literals <= NUMBERS:
        raise Refused("one expression gives text or a number")
    if not literals:
        return Unified(["NULL::text" for _ in parts], Typed("", "text"))
    kind: PgKind = "real" if "real" in literals else next(iter(literals))
    suffix = {"text": "::text", "int": "::bigint", "real": "::double precision", "bytes": ""}[kind]
    return Unified([f"{p.operand}{suffix}" if p.value is not None else "NULL" for p in parts], Typed("", kind))


def _numbers(parts: list[Typed], kinds: set[PgKind]) -> Unified:
    # What is whole in one row and a REAL in the next is called numeric: nothing may depend on which of them it is.
    kind: PgKind = "real" if kinds == {"real"} else "int" if kinds <= {"int", "bool"} else "numeric"
    words = []
    for part in parts:
        if part.constant:
            words.append(literal(part.value).sql)
        elif part.kind == "bool":
            words.append(f"{part.operand}::int")
        else:
            words.append(part.sql)
        if "real" in kinds and part.kind == "numeric" and not part.constant:
            words[-1] = f"{part.operand}::double precision"
    return Unified(words, Typed("", kind))
