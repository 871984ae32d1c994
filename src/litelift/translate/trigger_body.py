"""The statements of a trigger as PL/pgSQL: those that write, and SELECT with RAISE as IF ... THEN RAISE."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.translate.parse import Node
from litelift.translate.relation import Relation
from litelift.translate.select_tree import Query
from litelift.translate.trigger_query import TriggerLowering
from litelift.translate.trigger_raise import Raising, ignores
from litelift.translate.trigger_statement import BREAK, Writer
from litelift.translate.trigger_tree import Delete, Insert, Statement, Trigger, Update
from litelift.translate.value import Refused, identifier

_INDENT = "    "


class Body:
    """The PL/pgSQL of one trigger. ``leave`` are the lines that RAISE(IGNORE) becomes."""

    def __init__(
        self,
        trigger: Trigger,
        relation: Relation,
        lowering: TriggerLowering,
        fired: Callable[[str], frozenset[str]],
        leave: list[str],
    ) -> None:
        """``fired`` gives the events that a table (source name) has triggers for."""
        self._trigger = trigger
        self._relation = relation
        self._lowering = lowering
        self._writer = Writer(lowering, fired)
        self.summary: list[str] = []
        self._raising = Raising(trigger, lowering, leave, self.summary)
        self.variables: list[str] = []

    def lines(self) -> list[str]:
        """The statements, in order. Raises Refused."""
        made: list[tuple[list[str] | str, str | None]] = []
        trigger = self._trigger
        if trigger.timing == "AFTER" and trigger.event == "INSERT" and self._relation.identity is not None:
            target = self._relation.column(self._relation.identity).target
            self._lowering.last_rowid = f"NEW.{identifier(target)}"
        for number, statement in enumerate(trigger.statements, 1):
            if isinstance(statement, Query):
                made.append((self._raising.lines(statement), None))
                continue
            self._check_own(statement)
            self.summary.append(f"{type(statement).__name__.upper()} {statement.table}")
            variable = None
            if isinstance(statement, Insert):
                words = self._writer.insert(statement)
                variable = self._inserted(statement, number)
            elif isinstance(statement, Update):
                words = self._writer.update(statement)
            else:
                words = self._writer.delete(statement)
            made.append((words, variable))
        lines: list[str] = []
        for written, variable in made:
            if isinstance(written, list):
                lines += written
                continue
            if variable is not None and variable in self._lowering.last_rowids_used:
                relation = self._lowering.relations.get(_inserted_table(trigger.statements, variable))
                target = relation.column(relation.identity or "").target
                written += f"{BREAK}RETURNING {identifier(target)} INTO {variable}"
                self.variables.append(f"{variable.partition('.')[2]} bigint;")
            lines.append(written + ";")
        if trigger.timing == "AFTER" and fold(trigger.table) in self._lowering.read:
            self._lowering.remark(
                f"the trigger reads or changes other rows of {trigger.table}; where a statement changes several rows,"
                " PostgreSQL fires it after all of them, and SQLite after each"
            )
        return lines

    def _inserted(self, statement: Insert, number: int) -> str | None:
        """The variable that holds last_insert_rowid() after the INSERT; None where it is not known."""
        relation = self._lowering.relations.get(statement.table)
        plain = len(statement.rows) == 1 and not statement.conflict and statement.upsert is None
        if not plain or relation.identity is None or relation.view:
            self._lowering.last_rowid = None
            return None
        self._lowering.last_rowid = f"fired.last_rowid_{number}"
        return self._lowering.last_rowid

    # ------------------------------------------------------------------ the own row

    def _check_own(self, statement: Insert | Update | Delete) -> None:
        """A BEFORE trigger that changes the row which is about to be changed (see "Cautions On The Use Of BEFORE").

        SQLite calls the result undefined, and PostgreSQL refuses it, unless the change is then left out.
        """
        trigger = self._trigger
        if isinstance(statement, Insert) or fold(statement.table) != fold(trigger.table):
            return
        if trigger.timing == "AFTER" and not self._is_own_row(statement.where):
            self._lowering.read.add(fold(trigger.table))
        if trigger.timing != "BEFORE" or trigger.event == "INSERT":
            return
        if self._is_own_row(statement.where):
            if not any(ignores(other) for other in trigger.statements):
                raise Refused(f"a BEFORE {trigger.event} trigger changes its own row, which SQLite leaves undefined")
            return
        self._lowering.remark(
            f"the trigger changes other rows of {trigger.table}; where the same statement changes them, it fails"
        )

    def _is_own_row(self, where: Node | None) -> bool:
        found: set[str | None] = set()
        nodes = [where] if where is not None else []
        while nodes:
            node = nodes.pop()
            if isinstance(node, exp.And):
                nodes += [node.this, node.expression]
            elif isinstance(node, exp.EQ | exp.NullSafeEQ):
                sides = (node.this, node.expression)
                if all(isinstance(side, exp.Column) for side in sides):
                    owner = [fold(side.table) in ("new", "old") for side in sides]
                    if owner.count(True) == 1 and fold(sides[0].name) == fold(sides[1].name):
                        found.add(self._relation.find(sides[0].name))
        return any(set(key) <= found for key in self._relation.unique())


def _inserted_table(statements: tuple[Statement, ...], variable: str) -> str:
    statement = statements[int(variable.rpartition("_")[2]) - 1]
    assert isinstance(statement, Insert)
    return statement.table
