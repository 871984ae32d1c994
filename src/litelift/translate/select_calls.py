"""Subqueries, aggregates and window functions inside of a SELECT's expressions."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.translate.compare import compare
from litelift.translate.convert import truth
from litelift.translate.expression import column_of
from litelift.translate.parse import Node
from litelift.translate.select_aggregates import WINDOW_ONLY, Call, is_aggregate, is_window
from litelift.translate.select_expression import SelectExpressions
from litelift.translate.select_output import collated, comparable, ordering, plain
from litelift.translate.select_parse import EXISTS, IN_QUERY, ROW, SCALAR
from litelift.translate.select_rows import in_query
from litelift.translate.select_scope import Column
from litelift.translate.select_tree import Order, Query, Window
from litelift.translate.value import Refused, Typed, identifier

_LEFT, _RIGHT = '"\x01l"', '"\x01r"'


class SelectCalls(SelectExpressions):
    """Translates what stands in parentheses: a query, or a call's arguments."""

    def _call(self, node: exp.Anonymous) -> Typed:
        query = node.meta.get("query")
        if query is not None:
            if node.name == EXISTS:
                return Typed(f"EXISTS ({self._query(_any_row(query), self._scope).sql})", "bool", atomic=True)
            if node.name == SCALAR:
                return self._scalar_query(query)
            if node.name == IN_QUERY:
                return self._in_query([self._compared(part) for part in in_query(node)], query)
        if node.name == ROW:
            raise Refused("a row value")
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
        # A subquery has the affinity of its column, and no collation (sqlite3ExprCollSeq() in expr.c).
        typed = replace(column_of(context, f"({lowered.sql})"), collation="BINARY", collates="")
        return replace(typed, affinity=None, column=False) if column.computed else typed

    def _in_query(self, lefts: list[Typed], query: Query) -> Typed:
        lowered = self._query(query, self._scope)
        if len(lowered.columns) != len(lefts):
            raise Refused("IN with a subquery of more columns, or of fewer")
        sides = [self._in_column(left, column) for left, column in zip(lefts, lowered.columns, strict=True)]
        outer = ", ".join(words for words, _ in sides)
        inner = lowered.sql
        if any(words != _RIGHT for _, words in sides):
            shown = ", ".join(
                words.replace(_RIGHT, f"q.{identifier(column.context.target)}")
                for (_, words), column in zip(sides, lowered.columns, strict=True)
            )
            inner = f"SELECT {shown} FROM ({inner}) AS q"  # noqa: S608
        return Typed(f"{f'({outer})' if len(lefts) > 1 else outer} IN ({inner})", "bool")

    def _in_column(self, left: Typed, column: Column) -> tuple[str, str]:
        """The SQL of the left side, and of the subquery's column in the place of ``_RIGHT``."""
        right = column_of(column.context, _RIGHT)
        if column.computed:
            right = replace(right, affinity=None, column=False)
        left = plain(left)
        if left.constant:
            # A literal on the left takes the type of the column.
            words = compare("=", left, right).sql
            if not words.startswith(f"{_RIGHT} = "):
                raise Refused("IN compares a literal with a subquery of another type")
            return words.removeprefix(f"{_RIGHT} = "), _RIGHT
        words = compare("=", replace(left, sql=_LEFT, atomic=True), right).sql
        before, equals, after = words.partition(" = ")
        if not equals or _LEFT not in before or _RIGHT not in after:
            raise Refused("IN compares a column with a subquery of another type")
        return before.replace(_LEFT, left.operand), after

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
            columns = [part for part in columns if self._found(part) is not None and not self._of_row(part)]
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

    def _of_row(self, node: exp.Column) -> bool:
        """Whether it is a column of a row that no SELECT reads, and so the same in all of its rows."""
        found = node.meta.get("bound") or self._named(node)
        return found is not None and found[0].row is not None

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


def _any_row(query: Query) -> Query:
    """The query without the ORDER BY and LIMIT that do not change whether it has a row."""
    limit = query.limit
    least = isinstance(limit, exp.Literal) and not limit.is_string and limit.name.isdecimal() and int(limit.name) > 0
    return replace(query, limit=None, order=[]) if least and query.offset is None else query
