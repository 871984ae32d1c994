"""Generated columns: SQLite's expression as an IMMUTABLE one of PostgreSQL that gives the column's type.

Storing applies the column's affinity ("Generated Columns", section 2.3; "Datatypes In SQLite", section 3); a value that
the PostgreSQL column cannot hold is an error there, as it is in an ordinary column, and never another value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from litelift.errors import Untranslatable
from litelift.sqlite.lexer import fold
from litelift.sqlite.schema import Affinity, affinity_of
from litelift.translate.convert import as_text, unmapped
from litelift.translate.expression import Lowering
from litelift.translate.parse import parse
from litelift.translate.stored import Store, shortest_text
from litelift.translate.value import ColumnContext, Refused, Typed, kind_of, literal

MAX_LENGTH = 100_000
"""Characters of an expression: each reference to another generated column puts that one's expression in."""


@dataclass(frozen=True, slots=True)
class TranslatedColumn:
    """A generated column's expression, the functions of ours that it calls, and what a person should know of it.

    ``inlined`` is the same as an operand of the column's type, to stand where another expression names the column.
    """

    sql: str
    inlined: str
    needs: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()


def translate_generated(
    sql: str, columns: Mapping[str, ColumnContext], column: ColumnContext, server_version: int
) -> TranslatedColumn:
    """Translate the expression of ``column``.

    Args:
        sql: the text between the parentheses of GENERATED ALWAYS AS.
        columns: the table's columns, by their SQLite names; generated ones with the SQL that stands for them.
        column: the generated column itself.
        server_version: PostgreSQL's server_version_num.

    Raises:
        Untranslatable: it cannot be said with the same meaning.
    """
    lowering = _Lowering(sql, columns, server_version)
    try:
        words = Store(column, sql, lowering).of(lowering.whole())
        if len(words) > MAX_LENGTH:
            raise Refused("it is too long once the generated columns that it refers to are put in their places")
    except (Refused, RecursionError) as error:
        reason = str(error) if isinstance(error, Refused) else "the expression is nested too deeply"
        raise Untranslatable(reason=reason, sql=sql) from None
    cast_to = "text" if kind_of(column.type) == "text" else column.type.sql().as_string(None)
    return TranslatedColumn(words, f"(({words})::{cast_to})", frozenset(lowering.needs), tuple(lowering.remarks))


def named_columns(sql: str, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that an expression refers to, in their order; all of them where it cannot be read."""
    listed = list(names)
    try:
        tree = parse(sql)
    except (Refused, RecursionError):
        return listed
    used = {fold(node.name) for node in tree.find_all(exp.Column)}
    return [name for name in listed if fold(name) in used]


class _Lowering(Lowering):
    """Expressions whose reals and JSON values are shown as text exactly as SQLite does."""

    def __init__(self, sql: str, columns: Mapping[str, ColumnContext], server_version: int) -> None:
        super().__init__(sql, columns, server_version)
        self.remarks: list[str] = []

    def need(self, name: str) -> str:
        """Note one of our own functions; its SQL name."""
        return self._need(name)

    def text(self, typed: Typed, use: str, shortest: bool = False) -> str:
        """The text that SQLite sees, of reals and JSON values too, as an operand.

        ``shortest`` shows a JSON value's reals with as many digits as they need, as values are moved.
        """
        if typed.constant:
            return as_text(typed, use)
        unmapped(typed, use)
        operand = typed.operand
        if typed.kind == "real":
            return f"{self._need('real_text')}({operand})"
        if typed.kind == "numeric":
            if not typed.column or typed.affinity not in (Affinity.NUMERIC, Affinity.INTEGER):
                raise Refused(f"{use} of a number that may be an integer or a real")
            # A column of that affinity keeps 3.0 as the integer 3 ("Datatypes In SQLite", section 3).
            whole = f"{operand} = trunc({operand}) AND abs({operand}) < 9.2e18"
            real = f"{self._need('real_text')}({operand}::double precision)"
            return f"(CASE WHEN {whole} THEN trunc({operand})::bigint::text ELSE {real} END)"
        if typed.kind == "jsonvalue":
            double = f"{operand}::double precision"
            number = shortest_text(double) if shortest else f"{self._need('real_text')}({double})"
            return (
                f"(CASE jsonb_typeof({operand}) WHEN 'boolean' THEN {operand}::boolean::int::text"
                f" WHEN 'number' THEN CASE WHEN {operand}::text LIKE '%.%' THEN {number} ELSE {operand}::text END"
                f" ELSE {operand} #>> '{{}}' END)"
            )
        return as_text(typed, use)

    def _column(self, node: exp.Column) -> Typed:
        typed = super()._column(node)
        if typed.column and typed.kind == "real" and typed.affinity is not Affinity.REAL:
            # The column holds integers too, which SQLite divides and shows as such.
            return replace(typed, kind="numeric")
        return typed

    def _arithmetic(self, node: exp.Binary) -> Typed:
        """+ - *; SQLite counts with reals in binary, also where the column is a numeric here."""
        word = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}[type(node)]
        left, right = (self._number(side, word) for side in (node.this, node.expression))
        kinds = {left.kind, right.kind}
        if "null" in kinds:
            return literal(None)
        sides = [f"{s.operand}::double precision" if s.kind == "numeric" else s.operand for s in (left, right)]
        kind = "real" if "real" in kinds else "numeric" if "numeric" in kinds else "int"
        return Typed(f"{sides[0]} {word} {sides[1]}", kind)  # type: ignore[arg-type]

    def _text(self, typed: Typed, use: str) -> str:
        return self.text(typed, use)

    def _cast(self, node: exp.Cast) -> Typed:
        if affinity_of(node.args["to"].name) is Affinity.TEXT:
            operand = self.lower(node.this)
            if operand.kind in ("real", "numeric", "jsonvalue") and not operand.constant:
                return Typed(self.text(operand, "CAST"), "text", atomic=True, affinity=Affinity.TEXT)
        return super()._cast(node)
