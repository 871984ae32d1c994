"""SQLite's expression grammar: tokens to a tree of sqlglot's expression nodes.

sqlglot's own parser gives IN, LIKE, BETWEEN and the comparisons other ranks than SQLite does, and rewrites functions
into other databases' words. So the ranks here are those of SQLite's parse.y ("SQL Language Expressions", section 2),
and every function stays as it is written: an ``exp.Anonymous`` with its name in lower case. A node's ``meta["span"]``
is its place in the text.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from litelift.errors import DdlError
from litelift.sqlite.lexer import Kind, Token, fold, tokenize, unquote_identifier
from litelift.translate.value import Refused

Node = exp.Expression

_OR, _AND, _NOT, _EQUALITY, _ORDER, _BITS, _SUM, _PRODUCT, _CONCAT, _COLLATE, _UNARY = range(1, 12)

_BINARY: dict[str, tuple[int, Callable[..., Node]]] = {
    "OR": (_OR, exp.Or),
    "AND": (_AND, exp.And),
    "=": (_EQUALITY, exp.EQ),
    "==": (_EQUALITY, exp.EQ),
    "<>": (_EQUALITY, exp.NEQ),
    "!=": (_EQUALITY, exp.NEQ),
    "<": (_ORDER, exp.LT),
    "<=": (_ORDER, exp.LTE),
    ">": (_ORDER, exp.GT),
    ">=": (_ORDER, exp.GTE),
    "&": (_BITS, exp.BitwiseAnd),
    "|": (_BITS, exp.BitwiseOr),
    "<<": (_BITS, exp.BitwiseLeftShift),
    ">>": (_BITS, exp.BitwiseRightShift),
    "+": (_SUM, exp.Add),
    "-": (_SUM, exp.Sub),
    "*": (_PRODUCT, exp.Mul),
    "/": (_PRODUCT, exp.Div),
    "%": (_PRODUCT, exp.Mod),
    "||": (_CONCAT, exp.DPipe),
    "->": (_CONCAT, exp.JSONExtract),
    "->>": (_CONCAT, exp.JSONExtractScalar),
}

_EQUALITY_WORDS = frozenset({"IS", "IN", "LIKE", "GLOB", "MATCH", "REGEXP", "BETWEEN", "ISNULL", "NOTNULL", "NOT"})
_CLOCK_WORDS = frozenset({"CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME"})
_NAME_KINDS = frozenset({Kind.WORD, Kind.QUOTED})
# Words that begin something else than a name although SQLite may fall back to one.
_NOT_NAMES = frozenset({"SELECT", "WITH", "RAISE", "EXISTS"})
# Each level of parentheses or operators costs Python frames; SQLite's own limit is 1000 (SQLITE_MAX_EXPR_DEPTH).
_MAX_DEPTH = 60


def parse(sql: str) -> Node:
    """The tree of one SQLite expression. Raises Refused where it is none, or holds what cannot be translated."""
    try:
        tokens = tokenize(sql)
    except DdlError as error:
        raise Refused(str(error.facts.get("message", error))) from None
    return Parser(tokens).whole()


class Parser:
    """The grammar of expressions. A subclass says what a subquery, an aggregate or a window function is."""

    def __init__(self, tokens: list[Token]) -> None:
        """Read ``tokens`` from the first."""
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def whole(self) -> Node:
        """The one expression that the tokens are. Raises Refused."""
        node = self._expression(0)
        if self._place < len(self._tokens):
            raise Refused(f"unexpected {self._tokens[self._place].text} in an expression")
        return node

    def _peek(self, ahead: int = 0) -> Token | None:
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _word(self, ahead: int = 0) -> str:
        """The next token's keyword, or its text where it is an operator; '' for literals, quoted names and the end."""
        token = self._peek(ahead)
        if token is None:
            return ""
        return token.text if token.kind is Kind.OPERATOR else token.keyword

    def _take(self, *words: str) -> bool:
        if all(self._word(ahead) == word for ahead, word in enumerate(words)):
            self._place += len(words)
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            token = self._peek()
            raise Refused(f"expected {word}; got {token.text if token else 'the end'}")

    def _mark(self, node: Node, start: int) -> Node:
        """Give ``node`` its place in the text: from character ``start`` to the last token taken."""
        node.meta["span"] = (start, self._tokens[self._place - 1].end)
        return node

    # ------------------------------------------------------------------ operators

    def _expression(self, least: int) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Refused("the expression is nested too deeply")
        token = self._peek()
        if token is None:
            raise Refused("expected an expression; got the end")
        left = self._prefix()
        while True:
            word = self._word()
            if word in _BINARY:
                rank, make = _BINARY[word]
                if rank < least:
                    break
                self._place += 1
                left = make(this=left, expression=self._expression(rank + 1))
            elif word == "COLLATE" and least <= _COLLATE:
                self._place += 1
                name = self._peek()
                if name is None:
                    raise Refused("expected the name of a collation; got the end")
                self._place += 1
                left = exp.Collate(this=left, expression=exp.to_identifier(unquote_identifier(name.text)))
            elif word in _EQUALITY_WORDS and least <= _EQUALITY:
                left = self._predicate(left)
            else:
                break
            self._mark(left, token.start)
        self._depth -= 1
        return left

    def _predicate(self, left: Node) -> Node:
        if self._take("ISNULL"):
            return exp.Is(this=left, expression=exp.Null())
        if self._take("NOTNULL") or self._take("NOT", "NULL"):
            return exp.Not(this=exp.Is(this=left, expression=exp.Null()))
        if self._take("IS"):
            negated = self._take("NOT")
            if self._take("DISTINCT", "FROM"):
                negated = not negated
            right = self._expression(_EQUALITY + 1)
            return (
                exp.NullSafeNEQ(this=left, expression=right) if negated else exp.NullSafeEQ(this=left, expression=right)
            )
        negated = self._take("NOT")
        word = self._word()
        self._place += 1
        node: Node
        if word == "BETWEEN":
            low = self._expression(_AND + 1)
            self._need("AND")
            node = exp.Between(this=left, low=low, high=self._expression(_EQUALITY + 1))
        elif word == "IN":
            node = self._in(left)
        elif word in ("LIKE", "GLOB"):
            right = self._expression(_EQUALITY + 1)
            node = exp.Like(this=left, expression=right) if word == "LIKE" else exp.Glob(this=left, expression=right)
            if self._take("ESCAPE"):
                node = exp.Escape(this=node, expression=self._expression(_EQUALITY + 1))
        elif word == "MATCH":
            raise Refused("MATCH searches a full-text table, which is written tsv @@ websearch_to_tsquery() here")
        elif word == "REGEXP":
            raise Refused("REGEXP is the application's own function")
        else:
            raise Refused(f"unexpected NOT {word}")
        return exp.Not(this=node) if negated else node

    def _in(self, left: Node) -> Node:
        return exp.In(this=left, expressions=self._in_list())

    def _subquery(self) -> Node:
        """What comes after ``(`` where it is a SELECT, up to the closing parenthesis."""
        raise Refused("a subquery")

    def _row(self, parts: list[Node]) -> Node:
        """Several expressions in parentheses."""
        raise Refused("a row value")

    def _exists(self) -> Node:
        """What comes after EXISTS."""
        raise Refused("a subquery")

    def _in_list(self) -> list[Node]:
        if not self._take("("):
            raise Refused("IN with a table")
        if self._word() in ("SELECT", "WITH", "VALUES"):
            raise Refused("a subquery")
        return self._arguments()

    def _arguments(self) -> list[Node]:
        """Expressions up to the closing parenthesis, which is taken."""
        if self._take(")"):
            return []
        found = [self._expression(0)]
        while self._take(","):
            found.append(self._expression(0))
        self._need(")")
        return found

    # ------------------------------------------------------------------ operands

    def _prefix(self) -> Node:
        token = self._peek()
        assert token is not None
        start = token.start
        self._place += 1
        word = token.text if token.kind is Kind.OPERATOR else token.keyword
        if word == "NOT":
            return self._mark(exp.Not(this=self._expression(_NOT)), start)
        if word == "-":
            return self._mark(exp.Neg(this=self._expression(_UNARY)), start)
        if word == "~":
            return self._mark(exp.BitwiseNot(this=self._expression(_UNARY)), start)
        if word == "+":
            return self._mark(exp.Anonymous(this="+", expressions=[self._expression(_UNARY)]), start)
        if word == "(":
            if self._word() in ("SELECT", "WITH", "VALUES"):
                return self._mark(self._subquery(), start)
            inside = self._arguments()
            return self._mark(inside[0] if len(inside) == 1 else self._row(inside), start)
        return self._mark(self._operand(token, word), start)

    def _operand(self, token: Token, word: str) -> Node:
        if token.kind is Kind.STRING:
            return exp.Literal.string(unquote_identifier(token.text))
        if token.kind is Kind.NUMBER:
            return exp.Literal.number(token.text)
        if token.kind is Kind.BLOB:
            return exp.HexString(this=token.text[2:-1])
        if token.kind is Kind.VARIABLE:
            raise Refused("a parameter")
        if token.kind not in _NAME_KINDS:
            raise Refused(f"unexpected {token.text} in an expression")
        if word == "NULL":
            return exp.Null()
        if word == "CASE":
            return self._case()
        if word == "CAST" and self._take("("):
            return self._cast()
        if word in _CLOCK_WORDS:
            return exp.Anonymous(this=word.lower(), expressions=[])
        if word == "EXISTS":
            return self._exists()
        if word in _NOT_NAMES:
            raise Refused("a subquery" if word != "RAISE" else "RAISE outside a trigger")
        if self._take("("):
            return self._call(fold(unquote_identifier(token.text)))
        last = token
        table: Token | None = None
        while self._take("."):
            following = self._peek()
            if following is None or following.kind not in _NAME_KINDS:
                raise Refused("expected a column's name after the dot")
            self._place += 1
            table, last = last, following
        # Only a lone name between double quotes falls back to being text.
        double = last is token and last.text.startswith('"')
        name = exp.Identifier(this=unquote_identifier(last.text), quoted=double)
        if table is None:
            return exp.Column(this=name)
        return exp.Column(this=name, table=exp.Identifier(this=unquote_identifier(table.text)))

    def _call(self, name: str) -> Node:
        if self._word() in ("DISTINCT", "*"):
            raise Refused(f"the aggregate {name}()")
        node = exp.Anonymous(this=name, expressions=self._arguments())
        if self._word() in ("FILTER", "OVER"):
            raise Refused("a window function")
        return node

    def _case(self) -> Node:
        base = None if self._word() == "WHEN" else self._expression(0)
        branches: list[Node] = []
        while self._take("WHEN"):
            condition = self._expression(0)
            self._need("THEN")
            branches.append(exp.If(this=condition, true=self._expression(0)))
        default = self._expression(0) if self._take("ELSE") else None
        self._need("END")
        return exp.Case(this=base, ifs=branches, default=default)

    def _cast(self) -> Node:
        operand = self._expression(0)
        self._need("AS")
        words: list[str] = []
        while not self._take(")"):
            token = self._peek()
            if token is None:
                raise Refused("expected ) after CAST; got the end")
            self._place += 1
            words.append(unquote_identifier(token.text))
            if token.text == "(":
                while not self._take(")"):
                    if self._peek() is None:
                        raise Refused("expected ) after CAST; got the end")
                    self._place += 1
                words.pop()
        return exp.Cast(this=operand, to=exp.to_identifier(" ".join(words), quoted=True))
