"""JSON in expressions: paths, and what json_extract() and -> give ("JSON Functions And Operators")."""

from __future__ import annotations

import json
import re

from litelift.translate.value import Refused, Typed, quote_text

_STEP = re.compile(
    r"""\.("(?P<quoted>[^"\\]*)"|(?P<bare>[^.\["]+))|\[(?P<index>\d+)\]|\[#-(?P<back>[1-9]\d*)\]""", re.ASCII
)


def base(typed: Typed) -> str:
    """The jsonb operand that a JSON function reads."""
    if typed.kind in ("jsontext", "jsonvalue"):
        return typed.operand
    if typed.kind == "json":
        return typed.operand if typed.type is None or typed.type.base == "jsonb" else f"{typed.operand}::jsonb"
    if typed.kind == "text" and not typed.constant and typed.values is None:
        return f"{typed.operand}::jsonb"
    raise Refused("a JSON function on what is not JSON")


def steps(path: str) -> list[str]:
    """The elements of a text[] path for a JSON path of SQLite ("$.a[0]"). Raises Refused for what is not one."""
    if not path.startswith("$"):
        raise Refused(f"{path} is no JSON path")
    found: list[str] = []
    place = 1
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            raise Refused(f"the JSON path {path}")
        if match["index"] is not None:
            found.append(match["index"])
        elif match["back"] is not None:
            found.append("-" + match["back"])
        else:
            key = match["quoted"] if match["quoted"] is not None else match["bare"]
            if re.fullmatch(r"-?\d+", key):
                # PostgreSQL would take it for a place in an array too.
                raise Refused(f"the JSON path {path} has a number for a key")
            found.append(key)
        place = match.end()
    return found


def arrow_steps(right: object) -> list[str]:
    """The same for the right side of -> and ->>, which may also be a key or an array index."""
    if isinstance(right, int):
        return [str(right)]
    if not isinstance(right, str):
        raise Refused("a JSON path that is no literal")
    if right.startswith("$"):
        return steps(right)
    if re.fullmatch(r"-?\d+", right):
        raise Refused("a JSON key made of digits")
    return [right]


def extract(typed: Typed, path: list[str]) -> str:
    """The jsonb at the path."""
    if not path:
        return base(typed)
    elements = ", ".join(quote_text(step) for step in path)
    return f"{base(typed)} #> ARRAY[{elements}]"


def text_of_json(value: str) -> str:
    """SQLite's text of a jsonb operand that json_extract() gave: true is 1, a null is NULL."""
    return f"(CASE jsonb_typeof({value}) WHEN 'boolean' THEN {value}::boolean::int::text ELSE {value} #>> '{{}}' END)"


def truth_of_json(value: str) -> str:
    """Whether SQLite takes it for true; a text is by the number that it begins with, objects and arrays are not."""
    return (
        f"CASE jsonb_typeof({value}) WHEN 'boolean' THEN {value}::boolean WHEN 'number' THEN {value}::numeric <> 0"
        f" WHEN 'null' THEN NULL WHEN 'string' THEN coalesce(substring({value} #>> '{{}}' from"
        " '^[ \\t\\n\\f\\r]*([-+]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+))')::numeric, 0) <> 0"
        f" WHEN 'object' THEN false WHEN 'array' THEN false END"
    )


def typeof_json(value: str) -> str:
    """json_type()'s word for a jsonb operand."""
    return (
        f"CASE jsonb_typeof({value}) WHEN 'string' THEN 'text' WHEN 'boolean' THEN {value}::text"
        f" WHEN 'number' THEN CASE WHEN {value}::text LIKE '%.%' THEN 'real' ELSE 'integer' END"
        f" ELSE jsonb_typeof({value}) END"
    )


def compare_literal(value: str, operator: str, other: str | int | float) -> str:
    """``value`` (a jsonb operand) beside a literal, with one of = <> < <= > >=; null and missing give NULL."""
    if isinstance(other, str):
        if other[:1] in ("{", "["):
            raise Refused("a JSON object or array is compared as text")
        number, text = _order("before", operator), f"{value} #>> '{{}}'"
        if operator not in ("=", "<>"):
            text = f'({text}) COLLATE "C"'
        return (
            f"CASE jsonb_typeof({value}) WHEN 'number' THEN {number} WHEN 'boolean' THEN {number} WHEN 'null' THEN NULL"
            f" ELSE ({text}) {operator} {quote_text(other)} END"
        )
    words = json.dumps(other)
    if words in ("Infinity", "-Infinity", "NaN"):
        raise Refused("a JSON value is compared with infinity")
    return (
        f"CASE jsonb_typeof({value}) WHEN 'number' THEN {value}::numeric {operator} {words}"
        f" WHEN 'boolean' THEN {value}::boolean::int {operator} {words} WHEN 'null' THEN NULL"
        f" WHEN 'string' THEN {_order('after', operator)} WHEN 'object' THEN {_order('after', operator)}"
        f" WHEN 'array' THEN {_order('after', operator)} END"
    )


def _order(place: str, operator: str) -> str:
    """The comparison's result where the left side sorts before (after) the right one and is never equal."""
    return "true" if operator in ({"before": ("<>", "<", "<="), "after": ("<>", ">", ">=")}[place]) else "false"


def document(text: str) -> str | None:
    """A jsonb literal for a text that is JSON, None where it is not."""
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return None
    if "\\u0000" in text:
        raise Refused("jsonb cannot hold a NUL character")
    return f"{quote_text(text)}::jsonb"


def _refuse_constant(word: str) -> None:
    raise ValueError(word)
