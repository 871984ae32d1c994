"""SQLite's grammar of SELECT ("SELECT", "The WITH Clause", "Window Functions"): tokens to the values of select_tree.

In an expression a subquery is an ``exp.Anonymous`` whose name no function can have, with the query in its ``meta``.
"""

from __future__ import annotations

from sqlglot import exp

from litelift.sqlite.lexer import RESERVED, Kind, fold, unquote_identifier
from litelift.translate.parse import Node, Parser
from litelift.translate.select_tree import Common, Core, Item, Join, Order, Query, SetOperator, Source, Window
from litelift.translate.value import Refused

SCALAR, EXISTS, IN_QUERY = "(select)", "(exists)", "(in)"
ROW = "(row)"
"""The name of the ``exp.Anonymous`` node that stands for a row value."""

_JOIN_WORDS = frozenset({"CROSS", "FULL", "INNER", "LEFT", "NATURAL", "OUTER", "RIGHT"})
# What ends an operand of FROM or a result column, so that it is no alias without AS.
_NO_ALIAS = RESERVED | _JOIN_WORDS | {"WINDOW", "INDEXED"}
_FRAME_WORDS = frozenset({"ROWS", "RANGE", "GROUPS"})
_SET_OPERATORS: tuple[SetOperator, ...] = ("UNION ALL", "UNION", "INTERSECT", "EXCEPT")
_STARTS = ("SELECT", "WITH", "VALUES")


class SelectParser(Parser):
    """Reads a SELECT, also inside of expressions. Every method raises Refused at what is not SQLite's grammar."""

    def view(self) -> tuple[str, list[str], Query]:
        """CREATE VIEW: its name, the columns named in it, and its query."""
        self._need("CREATE")
        _ = self._take("TEMP") or self._take("TEMPORARY")
        self._need("VIEW")
        self._take("IF", "NOT", "EXISTS")
        name = self.name()
        if self._take("."):
            name = self.name()
        columns = self._names() if self._take("(") else []
        self._need("AS")
        query = self.query()
        self._take(";")
        token = self._peek()
        if token is not None:
            raise Refused(f"unexpected {token.text} after the view's SELECT")
        return name, columns, query

    def name(self) -> str:
        """A name, unquoted."""
        token = self._peek()
        if token is None or not (token.is_name or token.keyword in _JOIN_WORDS):
            raise Refused(f"expected a name; got {token.text if token else 'the end'}")
        self._place += 1
        return unquote_identifier(token.text)

    def _names(self) -> list[str]:
        names = [self.name()]
        while self._take(","):
            names.append(self.name())
        self._need(")")
        return names

    def query(self) -> Query:
        """A SELECT with its WITH, compounds, ORDER BY and LIMIT."""
        commons: list[Common] = []
        if self._take("WITH"):
            self._take("RECURSIVE")
            commons.append(self._common())
            while self._take(","):
                commons.append(self._common())
        query = Query([self._core()], commons=commons)
        while (operator := self._set_operator()) is not None:
            query.operators.append(operator)
            query.cores.append(self._core())
        if self._take("ORDER", "BY"):
            query.order = self._order()
        if self._take("LIMIT"):
            query.limit = self._expression(0)
            if self._take("OFFSET"):
                query.offset = self._expression(0)
            elif self._take(","):
                query.offset, query.limit = query.limit, self._expression(0)
        return query

    def _common(self) -> Common:
        name = self.name()
        columns = self._names() if self._take("(") else []
        self._need("AS")
        _ = self._take("MATERIALIZED") or self._take("NOT", "MATERIALIZED")
        self._need("(")
        query = self.query()
        self._need(")")
        return Common(name, columns, query)

    def _set_operator(self) -> SetOperator | None:
        for words in _SET_OPERATORS:
            if self._take(*words.split()):
                return words
        return None

    def _core(self) -> Core:
        core = Core()
        if self._take("VALUES"):
            while True:
                self._need("(")
                core.rows.append(self._arguments())
                if not self._take(","):
                    return core
        self._need("SELECT")
        core.distinct = self._take("DISTINCT")
        if not core.distinct:
            self._take("ALL")
        core.items.append(self._item())
        while self._take(","):
            core.items.append(self._item())
        if self._take("FROM"):
            core.joins = self._joins()
        if self._take("WHERE"):
            core.where = self._expression(0)
        if self._take("GROUP", "BY"):
            core.group = [self._expression(0)]
            while self._take(","):
                core.group.append(self._expression(0))
        if self._take("HAVING"):
            core.having = self._expression(0)
        if self._take("WINDOW"):
            while True:
                name = self.name()
                self._need("AS")
                core.windows[fold(name)] = self._window()
                if not self._take(","):
                    break
        return core

    def _item(self) -> Item:
        if self._take("*"):
            return Item(None, star=True)
        token = self._peek()
        if token is not None and token.is_name and self._word(1) == "." and self._word(2) == "*":
            self._place += 3
            return Item(None, star=True, table=unquote_identifier(token.text))
        node = self._expression(0)
        return Item(node, self._alias())

    def _alias(self) -> str | None:
        if self._take("AS"):
            return self.name()
        token = self._peek()
        if token is None or token.kind not in (Kind.WORD, Kind.QUOTED, Kind.STRING) or token.keyword in _NO_ALIAS:
            return None
        self._place += 1
        return unquote_identifier(token.text)

    # ------------------------------------------------------------------ FROM

    def _joins(self) -> list[Join]:
        joins = [Join(self._source())]
        while True:
            join = self._join_operator()
            if join is None:
                return joins
            join.source = self._source()
            if self._take("ON"):
                join.on = self._expression(0)
            elif self._take("USING"):
                self._need("(")
                join.using = self._names()
            joins.append(join)

    def _join_operator(self) -> Join | None:
        nothing = Source()
        if self._take(","):
            return Join(nothing, "CROSS")
        words: set[str] = set()
        while self._word() in _JOIN_WORDS:
            words.add(self._word())
            self._place += 1
        if not self._take("JOIN"):
            if words:
                raise Refused(f"expected JOIN after {' '.join(sorted(words))}")
            return None
        natural = "NATURAL" in words
        if "FULL" in words or {"LEFT", "RIGHT"} <= words:
            return Join(nothing, "FULL", natural)
        if "RIGHT" in words:
            return Join(nothing, "RIGHT", natural)
        if "LEFT" in words:
            return Join(nothing, "LEFT", natural)
        return Join(nothing, "CROSS" if "CROSS" in words else "INNER", natural)

    def _source(self) -> Source:
        if self._take("("):
            if self._word() in _STARTS:
                source = Source(query=self.query())
                self._need(")")
            else:
                source = Source(joins=self._joins())
                self._need(")")
            source.alias = self._alias()
            return source
        name = self.name()
        if self._take("."):
            schema, name = name, self.name()
            if fold(schema) != "main":
                raise Refused(f"a table of the database {schema}")
        if self._take("("):
            arguments = self._arguments()
            return Source(function=fold(name), arguments=arguments, alias=self._alias())
        source = Source(table=name, alias=self._alias())
        if self._take("INDEXED", "BY"):
            self.name()
        else:
            self._take("NOT", "INDEXED")
        return source

    # ------------------------------------------------------------------ what expressions hold

    def _hold(self, name: str, query: Query, operands: list[Node] | None = None) -> Node:
        node = exp.Anonymous(this=name, expressions=operands or [])
        node.meta["query"] = query
        return node

    def _subquery(self) -> Node:
        query = self.query()
        self._need(")")
        return self._hold(SCALAR, query)

    def _row(self, parts: list[Node]) -> Node:
        if not parts:
            raise Refused("an expression is missing in parentheses")
        return exp.Anonymous(this=ROW, expressions=parts)

    def _exists(self) -> Node:
        self._need("(")
        query = self.query()
        self._need(")")
        return self._hold(EXISTS, query)

    def _in(self, left: Node) -> Node:
        if self._word() == "(" and self._word(1) in _STARTS:
            self._place += 1
            query = self.query()
            self._need(")")
            return self._hold(IN_QUERY, query, [left])
        if self._word() != "(":
            source = self._source()
            return self._hold(IN_QUERY, Query([Core(items=[Item(None, star=True)], joins=[Join(source)])]), [left])
        return super()._in(left)

    def _order(self) -> list[Order]:
        terms: list[Order] = []
        while True:
            term = Order(self._expression(0))
            if self._take("DESC"):
                term.descending = True
            else:
                self._take("ASC")
            if self._take("NULLS"):
                term.nulls = "FIRST" if self._take("FIRST") else "LAST"
                if term.nulls == "LAST":
                    self._need("LAST")
            terms.append(term)
            if not self._take(","):
                return terms

    def _call(self, name: str) -> Node:
        """A function, also an aggregate or a window function: what makes it one is in its ``meta``."""
        node = exp.Anonymous(this=name, expressions=[])
        if self._take("*"):
            node.meta["star"] = True
            self._need(")")
        else:
            if self._take("DISTINCT"):
                node.meta["distinct"] = True
            else:
                self._take("ALL")
            if not self._take(")"):
                arguments = [self._expression(0)]
                while self._take(","):
                    arguments.append(self._expression(0))
                node.set("expressions", arguments)
                if self._take("ORDER", "BY"):
                    node.meta["order"] = self._order()
                self._need(")")
        if self._word() == "FILTER" and self._word(1) == "(":
            self._place += 2
            self._need("WHERE")
            node.meta["filter"] = self._expression(0)
            self._need(")")
        if self._take("OVER"):
            node.meta["over"] = self._window() if self._word() == "(" else Window(base=self.name())
        return node

    def _window(self) -> Window:
        self._need("(")
        window = Window()
        token = self._peek()
        if token is not None and token.is_name and token.keyword not in {"PARTITION", *_FRAME_WORDS}:
            window.base = self.name()
        if self._take("PARTITION", "BY"):
            window.partition = [self._expression(0)]
            while self._take(","):
                window.partition.append(self._expression(0))
        if self._take("ORDER", "BY"):
            window.order = self._order()
        if self._word() in _FRAME_WORDS:
            window.frame = self._frame()
        self._need(")")
        return window

    def _frame(self) -> list[str | Node]:
        found: list[str | Node] = [self._word()]
        self._place += 1
        if self._take("BETWEEN"):
            found.append("BETWEEN")
            found.extend(self._bound())
            self._need("AND")
            found.append("AND")
        found.extend(self._bound())
        if self._take("EXCLUDE"):
            for words in ("NO OTHERS", "CURRENT ROW", "GROUP", "TIES"):
                if self._take(*words.split()):
                    found.append(f"EXCLUDE {words}")
                    break
        return found

    def _bound(self) -> list[str | Node]:
        for words in ("UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING", "CURRENT ROW"):
            if self._take(*words.split()):
                return [words]
        node = self._expression(0)
        if self._take("PRECEDING"):
            return [node, "PRECEDING"]
        self._need("FOLLOWING")
        return [node, "FOLLOWING"]
