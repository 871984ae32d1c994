"""Expressions inside of a SELECT: columns of several sources, aliases, subqueries, aggregates and windows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlglot import exp

from litelift.sqlite.catalogue import affinity_of
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import Affinity
from litelift.translate import constant
from litelift.translate.compare import compare
from litelift.translate.convert import as_number, as_text, integer_prefix, truth
from litelift.translate.expression import Lowering, column_of
from litelift.translate.parse import Node
from litelift.translate.select_aggregates import WINDOW_ONLY, Call, has_aggregate, is_aggregate, is_window, json_made
from litelift.translate.select_output import collated, comparable, ordering, plain
from litelift.translate.select_parse import EXISTS, IN_QUERY, SCALAR
from litelift.translate.select_scope import Column, Scope
from litelift.translate.select_tree import Order, Query, Window
from litelift.translate.value import Refused, Typed, identifier, quote_text

_NUMBER_PREFIX = r"^[ \t\n\v\f\r]*([+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]{1,3})?)"
_ROUNDED = {"ceil": "ceil", "ceiling": "ceil", "floor": "floor", "trunc": "trunc"}
_LEFT, _RIGHT = '"\x01l"', '"\x01r"'


@dataclass(frozen=True, slots=True)
class Lowered:
    """A translated query: its SQL, its columns, and whether it gives one row at most or rows in an order of its own."""

    sql: str
    columns: list[Column]
    single: bool = False
    ordered: bool = False


class SelectExpressions(Lowering):
    """Translates the expressions of one statement, in the scope that ``_scope`` is at the time."""

    def __init__(self, sql: str, server_version: int) -> None:
        """``sql`` is the whole statement; ``server_version`` is PostgreSQL's server_version_num."""
        super().__init__(sql, {}, server_version, clock=True)
        self._version = server_version
        self._scope = Scope()
        self._open_aliases: list[str] = []

    @abstractmethod
    def _query(self, query: Query, parent: Scope, first: bool = False) -> Lowered:
        """A subquery; ``first`` says that only its first row counts."""

    # ------------------------------------------------------------------ names

    def lower(self, node: Node) -> Typed:
        """One part; in a query with groups, an expression that GROUP BY names is that."""
        scope = self._scope
        groups = scope.groups
        if groups is not None and not scope.inside and not isinstance(node, exp.Column) and not has_aggregate(node):
            scope.inside += 1
            try:
                typed = super().lower(node)
            finally:
                scope.inside -= 1
            if typed.constant or typed.sql in groups.terms:
                return typed
        return super().lower(node)

    def _is_constant(self, node: Node) -> bool:
        if has_aggregate(node):
            return False
        with self._ungrouped():
            if any(isinstance(part, exp.Column) and self._found(part) is not None for part in node.walk()):
                return False
        return constant.is_constant(node, frozenset())

    @contextmanager
    def _ungrouped(self) -> Iterator[None]:
        """Within, columns are those of single rows, also in a query with groups."""
        scopes = list(self._scope.outward())
        for scope in scopes:
            scope.inside += 1
        try:
            yield
        finally:
            for scope in scopes:
                scope.inside -= 1

    def _found(self, node: exp.Column) -> Typed | None:
        """What the name stands for; None where nothing has it."""
        name, table = node.name, node.table or None
        for scope in self._scope.outward():
            merged = scope.merged.get(fold(name)) if table is None else None
            if merged is not None:
                return self._grouped(scope, merged, name)
            found = scope.here(name, table)
            if found is not None:
                bound, column = found
                return self._grouped(scope, bound.typed(column), name)
            alias = scope.aliases.get(fold(name)) if table is None else None
            if alias is not None and fold(name) not in self._open_aliases:
                self._open_aliases.append(fold(name))
                before, self._scope = self._scope, scope
                try:
                    return self.lower(alias)
                finally:
                    self._scope = before
                    self._open_aliases.pop()
        return None

    def _grouped(self, scope: Scope, typed: Typed, name: str) -> Typed:
        if scope.groups is None or scope.inside:
            return typed
        return scope.groups.bare(typed, name)

    def _column(self, node: exp.Column) -> Typed:
        found = self._found(node)
        if found is not None:
            return found
        if node.table:
            raise Refused(f"there is no column {node.table}.{node.name}")
        return super()._column(node)

    # ------------------------------------------------------------------ numbers and comparisons

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

    def _comparison(self, node: exp.Binary) -> Typed:
        left, right = node.this, node.expression
        collates = isinstance(right, exp.Collate) and not isinstance(left, exp.Collate)
        if isinstance(right, exp.Null) or (not collates and not self._has_json(left, right)):
            return super()._comparison(node)
        operator = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}.get(type(node))
        if operator is None:
            operator = "is" if isinstance(node, exp.NullSafeEQ) else "is not"
        sides = [self.lower(left), self.lower(right)]
        if collates:
            # A collation that is written goes before that of the left column ("Datatypes", section 7.1).
            sides[0] = replace(sides[0], collation=right.expression.name.upper())
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

    def _collate(self, node: exp.Collate) -> Typed:
        name = fold(node.expression.name)
        if name in ("nocase", "rtrim"):
            return replace(self.lower(node.this), collation=name.upper())
        return super()._collate(node)

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

    def _concatenation(self, node: Node) -> Typed:
        parts: list[str] = []
        while isinstance(node, exp.DPipe):
            parts.append(self._text(self.lower(node.expression), "||"))
            node = node.this
        parts.append(self._text(self.lower(node), "||"))
        return Typed(" || ".join(reversed(parts)), "text")

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

    # ------------------------------------------------------------------ subqueries

    def _call(self, node: exp.Anonymous) -> Typed:
        query = node.meta.get("query")
        if query is not None:
            if node.name == EXISTS:
                return Typed(f"EXISTS ({self._query(query, self._scope).sql})", "bool", atomic=True)
            if node.name == SCALAR:
                return self._scalar_query(query)
            if node.name == IN_QUERY:
                return self._in_query(self.lower(node.expressions[0]), query)
        if is_aggregate(node) or is_window(node):
            return self._aggregate(node)
        for word in ("distinct", "star", "order", "filter"):
            if word in node.meta:
                raise Refused(f"{node.name}() with {word.upper()}")
        if node.name in WINDOW_ONLY:
            raise Refused(f"{node.name}() without OVER")
        return super()._call(node)

    def _scalar_query(self, query: Query) -> Typed:
        lowered = self._query(query, self._scope, first=True)
        if len(lowered.columns) != 1:
            raise Refused("a subquery of several columns in an expression")
        column = lowered.columns[0]
        context = column.context
        typed = column_of(context, f"({lowered.sql})")
        return replace(typed, affinity=None, column=False) if column.computed else typed

    def _in_query(self, left: Typed, query: Query) -> Typed:
        lowered = self._query(query, self._scope)
        if len(lowered.columns) != 1:
            raise Refused("IN with a subquery of several columns")
        column = lowered.columns[0]
        right = column_of(column.context, _RIGHT)
        if column.computed:
            right = replace(right, affinity=None, column=False)
        left = plain(left)
        if left.constant:
            # A literal on the left takes the type of the column.
            words = compare("=", left, right).sql
            if _RIGHT not in words or not words.startswith(f"{_RIGHT} = "):
                raise Refused("IN compares a literal with a subquery of another type")
            return Typed(f"{words.removeprefix(f'{_RIGHT} = ')} IN ({lowered.sql})", "bool")
        words = compare("=", replace(left, sql=_LEFT, atomic=True), right).sql
        before, equals, after = words.partition(" = ")
        if not equals or _LEFT not in before or _RIGHT not in after:
            raise Refused("IN compares a column with a subquery of another type")
        inner = lowered.sql
        if after != _RIGHT:
            name = identifier(column.context.target)
            inner = f"SELECT {after.replace(_RIGHT, f'q.{name}')} FROM ({inner}) AS q"  # noqa: S608
        return Typed(f"{before.replace(_LEFT, left.operand)} IN ({inner})", "bool")

    # ------------------------------------------------------------------ aggregates and windows

    def _aggregate(self, node: exp.Anonymous) -> Typed:
        scope, over = self._scope, node.meta.get("over")
        name = node.name
        self._refuse_outer(node)
        if over is None:
            scope.inside += 1
        try:
            arguments = [self.lower(part) for part in node.expressions]
            if name in ("sum", "total", "avg") and arguments:
                arguments = [self._as_number(part, f"{name}()") for part in arguments]
            if name in ("group_concat", "string_agg"):
                arguments = [
                    Typed(self._text(part, name), "text", atomic=True) if part.kind in ("real", "numeric") else part
                    for part in arguments
                ]
            whole = self._whole(arguments[0]) if name == "sum" and len(arguments) == 1 else None
            order = self._order_inside(name, node)
            after = ""
            if "filter" in node.meta:
                after = f" FILTER (WHERE {truth(self.lower(node.meta['filter']))})"
        finally:
            if over is None:
                scope.inside -= 1
        if over is not None:
            after += f" OVER {self._window(over)}"
        call = Call(name, arguments, "distinct" in node.meta, order, after, self._version)
        made = call.window() if name in WINDOW_ONLY else call.aggregate()
        if made.kind == "numeric" and whole is not None:
            # A sum is an integer where all that is added are ("Built-in Aggregate Functions").
            return replace(made, whole=f"bool_and({whole}){after}")
        return made

    def _refuse_outer(self, node: Node) -> None:
        """An aggregate whose columns are all of the SELECT around it belongs to that one."""
        columns = [part for part in node.walk() if isinstance(part, exp.Column)]
        with self._ungrouped():
            columns = [part for part in columns if self._found(part) is not None]
        scope = self._scope
        own = [
            part
            for part in columns
            if "bound" in part.meta
            or scope.here(part.name, part.table or None) is not None
            or (not part.table and (fold(part.name) in scope.merged or fold(part.name) in scope.aliases))
        ]
        if columns and not own:
            raise Refused(f"{node.name}() in a subquery, of columns of the SELECT around it")

    def _order_inside(self, name: str, node: Node) -> list[str]:
        if "order" in node.meta:
            return [words for term in node.meta["order"] if (words := self._term(term)) is not None]
        if name in ("group_concat", "string_agg", "json_group_array") and "over" not in node.meta:
            # SQLite takes the rows as they come, which is by rowid where nothing else is asked for.
            return self._by_rowid()
        return []

    def _by_rowid(self) -> list[str]:
        found = []
        for bound in self._scope.sources:
            if bound.rowid is None:
                return []
            column = bound.column(bound.rowid)
            assert column is not None
            found.append(bound.reference(column))
        return found

    def _term(self, term: Order) -> str | None:
        """A term of an ORDER BY; None for a literal, which orders nothing."""
        typed = self.lower(term.node)
        if typed.constant:
            return None
        return ordering(collated(plain(typed), "an order"), term.descending, term.nulls)

    def _window(self, window: Window) -> str:
        window = self._resolved(window)
        parts = []
        if window.partition:
            terms = [comparable(plain(self.lower(node)), "PARTITION BY") for node in window.partition]
            words = [term.sql for term in terms if not term.constant]
            if words:
                parts.append(f"PARTITION BY {', '.join(words)}")
        order = [ordered for term in window.order if (ordered := self._term(term)) is not None]
        if order:
            parts.append(f"ORDER BY {', '.join(order)}")
        if window.frame:
            pieces = []
            for piece in window.frame:
                if isinstance(piece, str):
                    pieces.append(piece)
                    continue
                bound = self.lower(piece)
                if not bound.constant or not isinstance(bound.value, int | float):
                    raise Refused("a window's frame with what is no number")
                pieces.append(bound.sql)
            parts.append(" ".join(pieces))
        return f"({' '.join(parts)})"

    def _resolved(self, window: Window) -> Window:
        if window.base is None:
            return window
        for scope in self._scope.outward():
            named = scope.windows.get(fold(window.base))
            if named is not None:
                named = self._resolved(named)
                return Window(
                    None,
                    window.partition or named.partition,
                    window.order or named.order,
                    window.frame or named.frame,
                )
        raise Refused(f"there is no window {window.base}")
