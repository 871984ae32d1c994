"""The translation of one expression: SQLite's tree to PostgreSQL's SQL, with the kind of each part known.

Whatever is not named here is refused; nothing is passed through in the hope that PostgreSQL means the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import Affinity, affinity_of
from litelift.translate import constant, jsonvalue, moments
from litelift.translate.compare import BUILT_IN, compare, is_in
from litelift.translate.convert import as_double, as_integer, as_number, as_text, integer_prefix, truth, unmapped
from litelift.translate.functions import SCHEMA
from litelift.translate.parse import Node, parse
from litelift.translate.scalar import Scalar, match_glob, match_like
from litelift.translate.unify import unify
from litelift.translate.value import ColumnContext, PgKind, Refused, Typed, identifier, kind_of, literal

_COMPARISONS: dict[type[Any], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "is",
    exp.NullSafeNEQ: "is not",
}
_ARITHMETIC: dict[type[Any], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
_BITS: dict[type[Any], str] = {exp.BitwiseAnd: "&", exp.BitwiseOr: "|"}

# The affinity that a column has by its target type, where nothing is known of its declaration.
_ASSUMED: dict[PgKind, Affinity] = {
    "bool": Affinity.NUMERIC,
    "int": Affinity.INTEGER,
    "real": Affinity.REAL,
    "numeric": Affinity.NUMERIC,
    "text": Affinity.TEXT,
    "bytes": Affinity.BLOB,
}


def column_of(context: ColumnContext, sql: str) -> Typed:
    """The column that ``sql`` refers to."""
    kind = kind_of(context.type)
    return Typed(
        sql,
        kind,
        atomic=True,
        affinity=context.source_affinity or _ASSUMED.get(kind),
        type=context.type,
        values=context.values if context.values is not None and context.values.values else None,
        column=True,
        collation=context.collation,
        collates="column",
        nondeterministic=context.nondeterministic and kind == "text",
    )


class Lowering:
    """One expression's translation. ``needs`` collects the names of our own functions that it calls."""

    def __init__(
        self, sql: str, columns: Mapping[str, ColumnContext], server_version: int, clock: bool = False
    ) -> None:
        """``clock`` allows functions of the clock and of chance, which only a DEFAULT may have."""
        self._sql = sql
        self._columns = {fold(name): context for name, context in columns.items()}
        self._clock = clock
        self.needs: set[str] = set()
        self._scalar = Scalar(server_version, self._need)

    def whole(self) -> Typed:
        """The whole expression. Raises Refused."""
        return self.lower(parse(self._sql))

    def _need(self, name: str) -> str:
        self.needs.add(name)
        return f"{SCHEMA}.{name}"

    def lower(self, node: Node) -> Typed:
        """One part."""
        if isinstance(node, exp.Column):
            return self._column(node)
        plain = self._literal(node)
        if plain is not None:
            return plain
        if self._is_constant(node):
            start, end = node.meta["span"]
            return literal(constant.evaluate(self._sql[start:end]))
        for kind, method in _METHODS:
            if isinstance(node, kind):
                # By its name, so that a subclass may have one of its own.
                found: Typed = getattr(self, method.__name__)(node)
                return found
        raise Refused(f"{node.key} is not known")

    def _is_constant(self, node: Node) -> bool:
        return constant.is_constant(node, frozenset(self._columns))

    def _number(self, node: Node, use: str) -> Typed:
        return as_number(self.lower(node), use)

    def _literal(self, node: Node) -> Typed | None:
        if isinstance(node, exp.Null):
            return literal(None)
        if isinstance(node, exp.HexString):
            return literal(bytes.fromhex(node.name))
        if isinstance(node, exp.Literal):
            return literal(node.name) if node.is_string else literal(constant.evaluate(node.name))
        return None

    def _column(self, node: exp.Column) -> Typed:
        name = node.name
        context = self._columns.get(fold(name))
        if context is None:
            if node.this.args.get("quoted"):
                # SQLite's misfeature: a name in double quotes that is no column is text ("Quirks", section 8).
                return literal(name)
            if fold(name) in ("true", "false"):
                return literal(1 if fold(name) == "true" else 0)
            raise Refused(f"there is no column {name}")
        return column_of(context, context.sql or identifier(context.target))

    # ------------------------------------------------------------------ truth

    def _chain(self, node: Node) -> Typed:
        """AND and OR, flattened: left-deep chains of them are long."""
        kind = type(node)
        word = " AND " if isinstance(node, exp.And) else " OR "
        parts: list[str] = []
        while type(node) is kind:
            parts.append(self._condition(node.expression))
            node = node.this
        parts.append(self._condition(node))
        return Typed(word.join(reversed(parts)), "bool")

    def _condition(self, node: Node) -> str:
        typed = self.lower(node)
        words = truth(typed)
        simple = (typed.kind == "bool" and typed.atomic) or words in ("true", "false")
        return words if simple else f"({words})"

    def _not(self, node: exp.Not) -> Typed:
        inner = node.this
        if isinstance(inner, exp.Is):
            return Typed(self._is_null(inner).sql.removesuffix("NULL") + "NOT NULL", "bool")
        if isinstance(inner, exp.In) and not inner.expressions:
            return Typed("true", "bool", atomic=True)
        return Typed(f"NOT {self._condition(inner)}", "bool")

    def _is_null(self, node: exp.Is) -> Typed:
        typed = self.lower(node.this)
        if typed.kind == "jsonvalue":
            return Typed(f"{jsonvalue.text_of_json(typed.operand)} IS NULL", "bool")
        return Typed(f"{typed.operand} IS NULL", "bool")

    def _comparison(self, node: exp.Binary) -> Typed:
        operator = _COMPARISONS[type(node)]
        right = node.expression
        if operator in ("is", "is not") and isinstance(right, exp.Column):
            word = fold(right.name)
            if word in ("true", "false") and word not in self._columns and not right.this.args.get("quoted"):
                # IS TRUE asks for the truth value, unlike = TRUE ("Boolean Expressions").
                negation = "NOT " if operator == "is not" else ""
                return Typed(f"{self._condition(node.this)} IS {negation}{word.upper()}", "bool")
        if operator in ("is", "is not") and isinstance(right, exp.Null):
            found = self._is_null(exp.Is(this=node.this, expression=right))
            return found if operator == "is" else Typed(f"NOT ({found.sql})", "bool")
        return compare(operator, self._compared(node.this), self._compared(right))

    def _compared(self, node: Node) -> Typed:
        """An operand of a comparison, with the collation that is written behind it ("Datatypes", section 7.1)."""
        typed = self.lower(node)
        name = _written_collation(node)
        if name is not None:
            return replace(typed, collation=name, collates="explicit")
        if typed.kind == "text" and node.find(exp.Collate) is not None:
            raise Refused("a COLLATE inside of what is compared")
        return typed

    def _between(self, node: exp.Between) -> Typed:
        operand = self._compared(node.this)
        low = compare(">=", operand, self._compared(node.args["low"]))
        high = compare("<=", operand, self._compared(node.args["high"]))
        return Typed(f"({low.sql}) AND ({high.sql})", "bool")

    def _in(self, node: exp.In) -> Typed:
        return is_in(self._compared(node.this), [self._compared(member) for member in node.expressions])

    def _like(self, node: Node) -> Typed:
        escape = None
        if isinstance(node, exp.Escape):
            escape = self.lower(node.expression)
            node = node.this
        if isinstance(node, exp.Glob):
            if escape is not None:
                raise Refused("GLOB with ESCAPE")
            return match_glob(self.lower(node.this), self.lower(node.expression))
        return match_like(self.lower(node.this), self.lower(node.expression), escape)

    # ------------------------------------------------------------------ numbers

    def _arithmetic(self, node: exp.Binary) -> Typed:
        word = _ARITHMETIC[type(node)]
        left, right = (self._number(side, word) for side in (node.this, node.expression))
        kinds = {left.kind, right.kind}
        if "null" in kinds:
            return literal(None)
        if "real" in kinds:
            sides = [f"{s.operand}::double precision" if s.kind == "numeric" else s.operand for s in (left, right)]
            return Typed(f"{sides[0]} {word} {sides[1]}", "real")
        kind: PgKind = "numeric" if "numeric" in kinds else "int"
        return Typed(f"{left.operand} {word} {right.operand}", kind)

    def _divide(self, node: exp.Div) -> Typed:
        left, right = (self._number(side, "/") for side in (node.this, node.expression))
        kinds = {left.kind, right.kind}
        if "null" in kinds:
            return literal(None)
        divisor = right.operand if right.constant and right.value else None
        if kinds == {"int"}:
            return Typed(f"{left.operand} / {divisor or f'nullif({right.sql}, 0)'}", "int")
        if "real" not in kinds:
            raise Refused("a numeric is divided: SQLite cuts the result where both happen to be whole")
        divisor = as_double(right, "/")
        if not (right.constant and right.value):
            divisor = f"nullif({divisor}, 0)"
        return Typed(f"{as_double(left, '/')} / {divisor}", "real")

    def _modulo(self, node: exp.Mod) -> Typed:
        sides = [self._number(side, "%") for side in (node.this, node.expression)]
        if any(side.kind == "null" for side in sides):
            return literal(None)
        left, right = (as_integer(side, "%") for side in sides)
        if "numeric" in {side.kind for side in sides}:
            raise Refused("% of a numeric")
        # Both are cut to whole numbers first; the result is REAL if either was.
        words = f"{left} % nullif({right}, 0)"
        if any(side.kind == "real" for side in sides):
            return Typed(f"({words})::double precision", "real", atomic=True)
        return Typed(words, "int")

    def _bits(self, node: exp.Binary) -> Typed:
        word = _BITS[type(node)]
        left, right = (as_integer(self.lower(side), word) for side in (node.this, node.expression))
        return Typed(f"{left} {word} {right}", "int")

    def _shift(self, node: exp.Binary) -> Typed:
        places = self.lower(node.expression).value
        if not isinstance(places, int) or not 0 <= places <= 63:
            raise Refused("a shift by other than 0 to 63 places")
        word = "<<" if isinstance(node, exp.BitwiseLeftShift) else ">>"
        return Typed(f"{as_integer(self.lower(node.this), word)}::bigint {word} {places}", "int")

    def _negative(self, node: exp.Neg) -> Typed:
        number = self._number(node.this, "-")
        return Typed(f"- {number.operand}", number.kind)

    def _complement(self, node: exp.BitwiseNot) -> Typed:
        return Typed(f"~ {as_integer(self.lower(node.this), '~')}", "int")

    # ------------------------------------------------------------------ text, JSON, casts

    def _concatenation(self, node: Node) -> Typed:
        parts: list[str] = []
        while isinstance(node, exp.DPipe):
            parts.append(self._text(self.lower(node.expression), "||"))
            node = node.this
        parts.append(self._text(self.lower(node), "||"))
        return Typed(" || ".join(reversed(parts)), "text")

    def _text(self, typed: Typed, use: str) -> str:
        """A side of ``use`` as the text that SQLite sees."""
        return as_text(typed, use)

    def _arrow(self, node: exp.JSONExtract | exp.JSONExtractScalar) -> Typed:
        right = self.lower(node.expression)
        words = jsonvalue.extract(self.lower(node.this), jsonvalue.arrow_steps(right.value))
        return Typed(words, "jsontext" if isinstance(node, exp.JSONExtract) else "jsonvalue")

    def _collate(self, node: exp.Collate) -> Typed:
        typed = self.lower(node.this)
        name = node.expression.name.upper()
        if name not in BUILT_IN:
            raise Refused(f"only the application has the collation {node.expression.name}")
        typed = replace(typed, collation=name, collates="explicit")
        if typed.kind != "text" or typed.constant or name != "BINARY":
            return typed
        return replace(typed, sql=f'{typed.operand} COLLATE "C"', atomic=False, nondeterministic=False)

    def _cast(self, node: exp.Cast) -> Typed:
        operand = self.lower(node.this)
        affinity = affinity_of(node.args["to"].name)
        if affinity is Affinity.INTEGER:
            if operand.kind in ("text", "date") and operand.number is None and not operand.constant:
                return Typed(integer_prefix(as_text(operand, "CAST")), "int", atomic=True, affinity=affinity)
            if operand.kind == "jsonvalue":
                raise Refused("CAST of a JSON value to a number")
            return Typed(as_integer(operand, "CAST"), "int", atomic=True, affinity=affinity)
        if affinity is Affinity.REAL:
            return Typed(as_double(operand, "CAST"), "real", atomic=True, affinity=affinity)
        if affinity is Affinity.NUMERIC:
            return replace(as_number(operand, "CAST"), affinity=affinity, column=False, type=None)
        if affinity is Affinity.TEXT:
            words = as_text(operand, "CAST")
            made = Typed(words, "text", atomic=True, affinity=affinity, moment=operand.moment)
            return replace(made, collation=operand.collation, collates=operand.collates)
        if operand.kind == "bytes":
            return replace(unmapped(operand, "CAST"), column=False)
        raise Refused("CAST to a blob")

    # ------------------------------------------------------------------ CASE and calls

    def _case(self, node: exp.Case) -> Typed:
        base = self._compared(node.this) if node.this is not None else None
        conditions: list[str] = []
        results: list[Typed] = []
        for branch in node.args["ifs"]:
            if base is None:
                conditions.append(truth(self.lower(branch.this)))
            else:
                conditions.append(compare("=", base, self._compared(branch.this)).sql)
            results.append(self.lower(branch.args["true"]))
        default = node.args.get("default")
        if default is not None:
            results.append(self.lower(default))
        return self._choice(conditions, results)

    def _choice(self, conditions: list[str], results: list[Typed]) -> Typed:
        made = unify(results)
        words = " ".join(f"WHEN {c} THEN {r}" for c, r in zip(conditions, made.sql, strict=False))
        ending = f" ELSE {made.sql[-1]}" if len(results) > len(conditions) else ""
        return made.typed(f"CASE {words}{ending} END", atomic=True)

    def _call(self, node: exp.Anonymous) -> Typed:
        name = node.name
        if name in ("iif", "if"):
            if len(node.expressions) not in (2, 3):
                raise Refused(f"{name}() with {len(node.expressions)} arguments")
            condition = truth(self.lower(node.expressions[0]))
            return self._choice([condition], [self.lower(part) for part in node.expressions[1:]])
        lower = self._compared if name == "nullif" else self.lower
        arguments = [lower(part) for part in node.expressions]
        if name == "+":
            return replace(arguments[0], affinity=None, column=False)
        if name == "nullif" and len(arguments) == 2:
            made = unify(arguments[:1])
            # A function's arguments have no affinity.
            left, right = (replace(part, affinity=None, column=False) for part in arguments)
            if left.collates:
                # The first argument that has a collation decides, whether it is written or a column's.
                right = replace(right, collates="")
            equal = compare("=", left, right).sql
            return made.typed(f"CASE WHEN {equal} THEN NULL ELSE {made.sql[0]} END", atomic=True)
        if name in ("random", "randomblob", "gen_random_uuid") and not self._clock:
            raise Refused(f"{name}() outside a DEFAULT")
        return self._function(name, arguments)

    def _function(self, name: str, arguments: list[Typed]) -> Typed:
        if name in moments.FUNCTIONS:
            found = moments.call(name, arguments, self._need)
            if "now()" in found.sql and not self._clock:
                raise Refused(f"{name}() of the clock outside a DEFAULT")
            return found
        return self._scalar.call(name, arguments)


def _written_collation(node: Node) -> str | None:
    """The COLLATE of an operand, through CAST and unary plus; those of literals, too, which are lowered without."""
    while not isinstance(node, exp.Collate):
        if isinstance(node, exp.Cast | exp.Paren):
            node = node.this
        elif isinstance(node, exp.Anonymous) and node.name == "+":
            node = node.expressions[0]
        else:
            return None
    return str(node.expression.name).upper()


_METHODS: tuple[tuple[Any, Callable[[Lowering, Any], Typed]], ...] = (
    ((exp.And, exp.Or), Lowering._chain),
    (exp.Not, Lowering._not),
    (exp.Is, Lowering._is_null),
    (tuple(_COMPARISONS), Lowering._comparison),
    (exp.Between, Lowering._between),
    (exp.In, Lowering._in),
    ((exp.Escape, exp.Like, exp.Glob), Lowering._like),
    (tuple(_ARITHMETIC), Lowering._arithmetic),
    (exp.Div, Lowering._divide),
    (exp.Mod, Lowering._modulo),
    (tuple(_BITS), Lowering._bits),
    ((exp.BitwiseLeftShift, exp.BitwiseRightShift), Lowering._shift),
    (exp.Neg, Lowering._negative),
    (exp.BitwiseNot, Lowering._complement),
    (exp.DPipe, Lowering._concatenation),
    ((exp.JSONExtract, exp.JSONExtractScalar), Lowering._arrow),
    (exp.Collate, Lowering._collate),
    (exp.Cast, Lowering._cast),
    (exp.Case, Lowering._case),
    (exp.Anonymous, Lowering._call),
)
