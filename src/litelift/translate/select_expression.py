"""Expressions inside of a SELECT: numbers, texts, JSON and comparisons, where SQLite decides by each value."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from litelift.sqlite.schema import Affinity, affinity_of
from litelift.translate.compare import compare
from litelift.translate.convert import as_number, as_text, integer_prefix
from litelift.translate.parse import Node
from litelift.translate.select_aggregates import json_made
from litelift.translate.select_names import SelectNames
from litelift.translate.select_output import plain
from litelift.translate.select_rows import compared, is_row, listed
from litelift.translate.value import Refused, Typed, quote_text

_NUMBER_PREFIX = r"^[ \t\n\v\f\r]*([+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]{1,3})?)"

_ROUNDED = {"ceil": "ceil", "ceiling": "ceil", "floor": "floor", "trunc": "trunc"}


class SelectExpressions(SelectNames):
    """Translates the expressions of one statement."""

    def _number(self, node: Node, use: str) -> Typed:
        return self._as_number(self.lower(node), use)

    def _as_number(self, typed: Typed, use: str) -> Typed:
        """Text counts as the number that it begins with, else as 0 ("SQL Language Expressions", section 13)."""
        if typed.kind in ("text", "date", "jsonvalue") and not typed.constant and typed.number is None:
            text = as_text(typed, use)
            digits = f"coalesce(substring({text} from {quote_text(_NUMBER_PREFIX)}), '0')::numeric"
            return Typed(f"(CASE WHEN {text} IS NOT NULL THEN {digits} END)", "numeric", atomic=True)
        return as_number(typed, use)

    def _divide(self, node: exp.Div) -> Typed:
        left, right = (self._number(side, "/") for side in (node.this, node.expression))
        kinds = {left.kind, right.kind}
        first, second = self._whole(left), self._whole(right)
        if "numeric" not in kinds or not kinds <= {"numeric", "int"} or first is None or second is None:
            return super()._divide(node)
        a, b = (f"{side.operand}::numeric" for side in (left, right))
        # What is whole in one row and a REAL in the next is a numeric, with the condition that tells them apart.
        return Typed(
            f"(CASE WHEN {first} AND {second} THEN trunc({a} / nullif({b}, 0))"
            f" ELSE ({a}::double precision / nullif({b}::double precision, 0))::numeric END)",
            "numeric",
            atomic=True,
            whole=f"({first} AND {second})",
        )

    def _in(self, node: exp.In) -> Typed:
        return self.lower(listed(node)) if is_row(node.this) else super()._in(node)

    def _comparison(self, node: exp.Binary) -> Typed:
        if is_row(node.this) or is_row(node.expression):
            return self.lower(compared(node))
        left, right = node.this, node.expression
        if isinstance(right, exp.Null) or not self._has_json(left, right):
            return super()._comparison(node)
        operator = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}.get(type(node))
        if operator is None:
            operator = "is" if isinstance(node, exp.NullSafeEQ) else "is not"
        sides = [self._compared(left), self._compared(right)]
        for place, other in ((0, 1), (1, 0)):
            # The affinity TEXT of a column is applied to the other side ("Datatypes", section 4.2).
            if sides[place].kind == "jsonvalue" and sides[other].kind == "text" and sides[other].affinity == "TEXT":
                sides[place] = plain(sides[place])
        return compare(operator, sides[0], sides[1])

    def _has_json(self, left: Node, right: Node) -> bool:
        names = ("json_extract",)
        return any(
            isinstance(side, exp.JSONExtractScalar) or (isinstance(side, exp.Anonymous) and side.name in names)
            for side in (left, right)
        )

    def _function(self, name: str, arguments: list[Typed]) -> Typed:
        if name == "json_extract" and len(arguments) == 2 and arguments[0].kind in ("text", "json"):
            document, path = arguments
            if document.constant:
                return super()._function(name, arguments)
            found = f"{self._need('json_at')}({document.operand}::json, {as_text(path, name)})"
            shown = f"{self._need('json_shown')}({found})"
            if not path.constant:
                return Typed(f"{found}::jsonb", "jsonvalue", shown=shown)
            return replace(super()._function(name, arguments), shown=shown)
        if name == "concat":
            return Typed(" || ".join(f"coalesce({self._text(a, name)}, '')" for a in arguments) or "''::text", "text")
        if name in ("coalesce", "ifnull") and any(a.kind == "jsonvalue" for a in arguments):
            # Each row has a number or a text, as a column without affinity has.
            either = super()._function(name, [plain(a) for a in arguments])
            return replace(either, affinity=Affinity.BLOB, column=True)
        if name in ("json_array", "json_object"):
            return json_made(name, arguments)
        if name in _ROUNDED and len(arguments) == 1:
            number = as_number(arguments[0], f"{name}()")
            return number if number.kind in ("int", "null") else replace(number, sql=f"{_ROUNDED[name]}({number.sql})")
        if name == "sqrt" and len(arguments) == 1:
            number = as_number(arguments[0], "sqrt()")
            words = f"{number.operand}::double precision"
            return Typed(f"CASE WHEN {words} >= 0 THEN sqrt({words}) END", "real")
        return super()._function(name, arguments)

    def _text(self, typed: Typed, use: str) -> str:
        """The text that SQLite sees, of real numbers too."""
        if typed.constant or typed.kind not in ("real", "numeric"):
            return as_text(plain(typed), use)
        if typed.values is not None:
            raise Refused(f"the plan maps the values, and {use} needs the old ones")
        real = f"{self._need('real_text')}({typed.operand}::double precision)"
        whole = self._whole(typed)
        if whole is None:
            if typed.kind == "numeric":
                raise Refused(f"{use} of a number that may be whole or not")
            return real
        return f"(CASE WHEN {whole} THEN trunc({typed.operand})::bigint::text ELSE {real} END)"

    def _whole(self, typed: Typed) -> str | None:
        """The condition under which SQLite has an integer there; None where nothing says."""
        if typed.kind == "int":
            return "true"
        if typed.kind == "numeric" and typed.column and typed.affinity in (Affinity.NUMERIC, Affinity.INTEGER):
            # A column of that affinity keeps 3.0 as the integer 3 ("Datatypes", section 3).
            return f"{typed.operand} = trunc({typed.operand})"
        return typed.whole

    def _cast(self, node: exp.Cast) -> Typed:
        affinity = affinity_of(node.args["to"].name)
        operand = self.lower(node.this)
        if affinity is Affinity.TEXT and operand.kind in ("real", "numeric"):
            return Typed(self._text(operand, "CAST"), "text", atomic=True, affinity=affinity)
        if operand.constant or operand.number is not None or operand.kind not in ("text", "jsonvalue"):
            return super()._cast(node)
        if affinity is Affinity.INTEGER:
            return Typed(integer_prefix(as_text(operand, "CAST")), "int", atomic=True, affinity=affinity)
        if affinity is Affinity.REAL:
            number = self._as_number(operand, "CAST")
            return Typed(f"{number.operand}::double precision", "real", atomic=True, affinity=affinity)
        if affinity is Affinity.NUMERIC:
            return replace(self._as_number(operand, "CAST"), affinity=affinity)
        return super()._cast(node)
