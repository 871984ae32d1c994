"""Comparisons: = <> < <= > >= IS, IN and BETWEEN, with SQLite's affinities and collations and PostgreSQL's types."""

from __future__ import annotations

from dataclasses import replace

from litelift.sqlite.schema import Affinity, Value
from litelift.translate import jsonvalue
from litelift.translate.convert import Never, as_number, boolean_for, literal_for, mapped, unmapped
from litelift.translate.value import NUMBERS, TIMES, PgKind, Refused, Typed, quote_text

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ORDERS = frozenset(_MIRRORED)
_NULL_SAFE = {"is": "=", "is not": "<>"}
_WORDS = {"is": "IS NOT DISTINCT FROM", "is not": "IS DISTINCT FROM"}
_NEVER_TRUE: dict[str, frozenset[str]] = {
    "before": frozenset({"<>", ">", ">="}),
    "after": frozenset({"<>", "<", "<="}),
}

BUILT_IN = frozenset({"BINARY", "NOCASE", "RTRIM"})
"""SQLite's own collations ("Datatypes", section 7)."""

_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def folded(operand: str, collation: str) -> str:
    """The text whose bytes tell apart what SQLite's ``collation`` tells apart, and in the same order.

    Keys, indexes and comparisons all write it so, for the server finds an index by its very expression. Raises Refused.
    """
    if collation == "NOCASE":
        # The "C" collation folds ASCII letters only, as NOCASE does.
        return f'lower({operand} COLLATE "C")'
    if collation == "RTRIM":
        return f"rtrim({operand} COLLATE \"C\", ' ')"
    raise Refused(f"only the application has the collation {collation}")


def fold_text(text: str, collation: str) -> str:
    """What ``folded`` makes of a text."""
    return text.translate(_ASCII_LOWER) if collation == "NOCASE" else text.rstrip(" ") if collation == "RTRIM" else text


def _shared(left: Typed, right: Typed) -> str:
    """A written collation goes before a column's, and the left side's before the right's ("Datatypes", section 7.1)."""
    for source in ("explicit", "column"):
        for side in (left, right):
            if side.collates == source:
                return side.collation
    return "BINARY"


def compare(operator: str, left: Typed, right: Typed) -> Typed:
    """``left operator right``; the operator is one of = <> < <= > >= "is" "is not"."""
    collation = _shared(left, right)
    if collation != "BINARY" and {left.kind, right.kind} & {"json", "jsonvalue", "jsontext"}:
        raise Refused(f"JSON under the collation {collation}")
    left, right = (replace(side, collation=collation) for side in (left, right))
    if left.constant and not right.constant:
        left, right, operator = right, left, _MIRRORED.get(operator, operator)
    if right.constant:
        return _boolean(_with_literal(operator, left, right.value))
    return _boolean(_between_two(operator, left, right))


def is_in(left: Typed, members: list[Typed]) -> Typed:
    """``left IN (members)``; SQLite's empty list gives false, also for NULL."""
    if not members:
        return Typed("false", "bool", atomic=True)
    if len(members) > 1 or not members[0].constant:
        # Of the list only the left side's collation counts; one literal is compared as with = ("IN" in parse.y).
        members = [replace(member, collation="BINARY", collates="") for member in members]
    left = replace(left, collation=_shared(left, members[0]))
    listed: list[str] = []
    others: list[str] = []
    for member in members:
        if left.constant or not member.constant:
            others.append(f"({compare('=', left, member).sql})")
            continue
        words = _listed(left, member.value)
        if words is None:
            others.append(f"({compare('=', left, member).sql})")
        else:
            listed.append(words)
    if listed:
        collated = left.kind == "text" and left.collation != "BINARY"
        operand = folded(left.operand, left.collation) if collated else _plain(left)
        others.insert(0, f"{operand} IN ({', '.join(listed)})")
    return _boolean(" OR ".join(others)) if len(others) > 1 else _boolean(others[0])


def _listed(left: Typed, value: Value) -> str | None:
    """The literal for an IN list; None where it needs a comparison of its own."""
    if value is None:
        return "NULL"
    if left.kind == "bool":
        state = boolean_for(left, value)
        return None if state is None else str(state).lower()
    if left.kind in ("json", "jsonvalue", "jsontext", "other", "null"):
        return None
    if left.collation != "BINARY" and left.kind in ("text", "enum"):
        words = _under_collation(left, value)
        return None if isinstance(words, Never) else words
    words = literal_for(left, value)
    return None if isinstance(words, Never) else words


def _boolean(sql: str) -> Typed:
    return Typed(sql, "bool")


def _unless_null(left: Typed, state: bool) -> str:
    """The state, or NULL where ``left`` is."""
    return f"CASE WHEN {left.operand} IS NOT NULL THEN {str(state).lower()} END"


def _plain(left: Typed, operator: str = "=") -> str:
    """The left side as an operand, in the collation that makes PostgreSQL order text as SQLite does."""
    if left.kind == "text" and (operator in _ORDERS or left.nondeterministic):
        return f'{left.operand} COLLATE "C"'
    return left.operand


def _with_literal(operator: str, left: Typed, value: Value) -> str:
    if value is None:
        if operator in _NULL_SAFE:
            return f"{left.operand} IS NULL" if operator == "is" else f"{left.operand} IS NOT NULL"
        return "NULL::boolean"
    if operator in _ORDERS:
        unmapped(left, "an order")
        if left.kind == "enum":
            raise Refused("an enum's labels have an order of their own")
        if left.kind == "uuid":
            raise Refused("a uuid is ordered as text")
        if left.column and left.affinity is Affinity.TEXT and left.kind in NUMBERS | {"bool"}:
            raise Refused("SQLite orders this column as text, and it becomes a number")
        if left.column and left.kind == "text" and left.affinity not in (Affinity.TEXT, None):
            raise Refused("SQLite orders this column as numbers, and it becomes text")
    if left.kind == "bool":
        return _boolean_with_literal(operator, left, value)
    if left.kind in ("jsonvalue", "jsontext", "json"):
        return _json_with_literal(operator, left, value)
    collated = left.collation != "BINARY" and left.kind in ("text", "enum")
    words = _under_collation(left, value) if collated else literal_for(left, value)
    if collated and left.kind == "text" and not isinstance(words, Never):
        return f"{folded(left.operand, left.collation)} {_WORDS.get(operator, operator)} {words}"
    if isinstance(words, Never):
        return _never(operator, left, words)
    if words.startswith("-"):
        words = f"({words})"
    return f"{_plain(left, operator)} {_WORDS.get(operator, operator)} {words}"


def _never(operator: str, left: Typed, never: Never) -> str:
    if operator in _NULL_SAFE:
        return str(operator == "is not").lower()
    if operator in _ORDERS and never.place == "unknown":
        raise Refused("the literal is not of the column's type, and is compared by order")
    return _unless_null(left, operator == "<>" or operator in _NEVER_TRUE.get(never.place, frozenset()))


def _boolean_with_literal(operator: str, left: Typed, value: Value) -> str:
    state = boolean_for(left, value)
    if state is None and isinstance(value, str | bytes):
        if operator in _ORDERS:
            raise Refused("a boolean is ordered beside text")
        return _never(operator, left, Never("after"))
    if state is None or operator in _ORDERS:
        if state is None:
            assert isinstance(value, int | float)
            return f"{left.operand}::int {_WORDS.get(operator, operator)} {value}"
        return f"{left.operand}::int {operator} {int(state)}"
    if operator in _NULL_SAFE:
        return f"{left.operand} IS {'NOT ' if operator == 'is not' else ''}{str(state).upper()}"
    return left.sql if state == (operator == "=") else f"NOT {left.operand}"


def _json_with_literal(operator: str, left: Typed, value: Value) -> str:
    if isinstance(value, bytes):
        raise Refused("JSON is compared with a blob")
    assert value is not None
    if left.kind == "jsonvalue":
        words = jsonvalue.compare_literal(left.operand, _NULL_SAFE.get(operator, operator), value)
        return f"coalesce({words}, {str(operator == 'is not').lower()})" if operator in _NULL_SAFE else words
    value = mapped(value, left)
    if left.kind == "jsontext" or operator in _ORDERS or not isinstance(value, str):
        raise Refused("JSON text is compared, and PostgreSQL does not keep its form")
    found = jsonvalue.document(value)
    if found is None:
        return _never(operator, left, Never("unknown"))
    return f"{jsonvalue.base(left)} {_WORDS.get(operator, operator)} {found}"


def _under_collation(left: Typed, value: Value) -> str | Never:
    """The literal that a text's ``folded`` form, or an enum, is compared with under a collation that is not BINARY."""
    collation = left.collation
    if isinstance(value, str):
        wanted = fold_text(value, collation)
        if left.values is not None:
            news = {new for old, new in left.values.values.items() if fold_text(old, collation) == wanted} or {value}
            if len(news) > 1:
                raise Refused(f"the plan maps values that are equal under the collation {collation}")
            value = news.pop()
        if left.kind == "enum" and left.type is not None:
            labels = [label for label in left.type.labels if fold_text(label, collation) == fold_text(value, collation)]
            if len(labels) > 1:
                raise Refused(f"an enum has labels that are equal under the collation {collation}")
            return quote_text(labels[0]) if labels else Never("unknown")
        return quote_text(fold_text(value, collation))
    words = literal_for(left, value)
    return words if isinstance(words, Never) or left.kind == "enum" else folded(words, collation)


def _between_two(operator: str, left: Typed, right: Typed) -> str:
    words = _WORDS.get(operator, operator)
    kinds: set[PgKind] = {left.kind, right.kind}
    if left.values != right.values:
        raise Refused("values that the plan maps are compared with others")
    if operator in _ORDERS:
        unmapped(left, "an order")
    if kinds == {"bool"}:
        return f"{left.operand} {words} {right.operand}"
    if kinds <= NUMBERS | {"bool"}:
        return f"{as_number(left, 'a comparison').operand} {words} {as_number(right, 'a comparison').operand}"
    if kinds == {"text"}:
        return _two_texts(operator, left, right)
    if kinds & NUMBERS and "text" in kinds:
        number, text = (left, right) if left.kind in NUMBERS else (right, left)
        if text.number is not None and number.column:
            sides = [side.number if side is text else side.operand for side in (left, right)]
            return f"{sides[0]} {words} {sides[1]}"
    if kinds & TIMES and kinds <= TIMES | {"text"}:
        return _two_times(left, right, words)
    if kinds in ({"time"}, {"bytes"}):
        return f"{left.operand} {words} {right.operand}"
    if (
        kinds in ({"uuid"}, {"json"}, {"enum"})
        and operator not in _ORDERS
        and (
            "enum" not in kinds
            or (left.type is not None and right.type is not None and left.type.base == right.type.base)
        )
    ):
        if kinds == {"json"}:
            return f"{jsonvalue.base(left)} {words} {jsonvalue.base(right)}"
        return f"{left.operand} {words} {right.operand}"
    raise Refused(f"a {left.kind} is compared with a {right.kind}")


def _two_texts(operator: str, left: Typed, right: Typed) -> str:
    words = _WORDS.get(operator, operator)
    if left.collation != "BINARY":
        first, second = (folded(side.operand, left.collation) for side in (left, right))
        return f"{first} {words} {second}"
    return f"{_plain(left, operator)} {words} {right.exact.operand}"


def _two_times(left: Typed, right: Typed, words: str) -> str:
    sides = []
    for side, other in ((left, right), (right, left)):
        if side.kind == "text":
            if side.moment is None:
                raise Refused("text is compared with a time")
            if (side.moment.format == "%Y-%m-%d") != (other.kind == "date"):
                raise Refused("a date is compared with a time")
            sides.append(f"({side.moment.sql})" + ("::date" if other.kind == "date" else ""))
        elif side.kind == "timestamptz" and other.kind != "timestamptz":
            sides.append(f"({side.operand} AT TIME ZONE 'UTC')")
        else:
            sides.append(side.operand)
    if "text" in (left.kind, right.kind):
        moment = left.moment or right.moment
        assert moment is not None
        if moment.format not in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S"):
            raise Refused("a text made of a time is compared with a time")
        if moment.format != "%Y-%m-%d":
            place = 0 if left.kind == "text" else 1
            sides[place] = f"date_trunc('second', {sides[place]})"
    return f"{sides[0]} {words} {sides[1]}"
