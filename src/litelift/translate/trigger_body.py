"""The statements of a trigger as PL/pgSQL: those that write, and SELECT with RAISE as IF ... THEN RAISE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.translate.compare import compare
from litelift.translate.convert import as_text
from litelift.translate.parse import Node
from litelift.translate.relation import Relation
from litelift.translate.select_tree import Core, Query
from litelift.translate.trigger_parse import RAISE, Delete, Insert, Raise, Statement, Trigger, Update
from litelift.translate.trigger_query import TriggerLowering
from litelift.translate.trigger_statement import BREAK, Writer
from litelift.translate.value import Refused, identifier

_INDENT = "    "


@dataclass(slots=True)
class _Branch:
    """``condition`` as SQL, and the lines to run where it holds."""

    condition: str
    lines: list[str]


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
        self._leave = leave
        self._writer = Writer(lowering, self.remark, fired)
        self.remarks: list[str] = []
        self.summary: list[str] = []
        self.variables: list[str] = []

    def remark(self, words: str) -> None:
        """Keep a difference to be told, once."""
        if words not in self.remarks:
            self.remarks.append(words)

    def lines(self) -> list[str]:
        """The statements, in order. Raises Refused."""
        made: list[tuple[list[str] | str, str | None]] = []
        trigger = self._trigger
        if trigger.timing == "AFTER" and trigger.event == "INSERT" and self._relation.identity is not None:
            target = self._relation.column(self._relation.identity).target
            self._lowering.last_rowid = f"NEW.{identifier(target)}"
        for number, statement in enumerate(trigger.statements, 1):
            if isinstance(statement, Query):
                made.append((self._query(statement), None))
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
            self.remark(
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
            if not any(_ignores(other) for other in trigger.statements):
                raise Refused(f"a BEFORE {trigger.event} trigger changes its own row, which SQLite leaves undefined")
            return
        self.remark(
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

    # ------------------------------------------------------------------ SELECT and RAISE

    def _query(self, query: Query) -> list[str]:
        """A SELECT has no effect but that of the RAISE in it."""
        core = query.cores[0]
        raising = [item for item in core.items if item.node is not None and _raises(item.node)]
        if not raising:
            # It is translated all the same, for it might call a function that does something.
            self._lowering.query(query)
            return []
        if query.commons or query.operators or core.group or core.having is not None or core.windows or query.offset:
            raise Refused("RAISE in a SELECT with WITH, set operations, GROUP BY or OFFSET")
        self.summary.append("RAISE")
        lines: list[str] = []
        for item in raising:
            assert item.node is not None
            lines += self._from(core, item.node) if core.joins else self._plain(core, item.node)
        return lines

    def _plain(self, core: Core, node: Node) -> list[str]:
        lines = self._written(self._branches(node))
        if core.where is None:
            return lines
        return self._written([_Branch(self._lowering.condition(core.where), lines)])

    def _from(self, core: Core, node: Node) -> list[str]:
        """With FROM: RAISE for any row that reaches it. An aggregate makes one row of them all."""
        lowering = self._lowering
        with lowering.rows(core) as (scope, words):
            condition = lowering.condition(core.where) if core.where is not None else ""
            scope.loose.clear()
            branches = self._branches(node)
            if scope.aggregates and scope.loose:
                raise Refused("a query shows a column that is neither grouped nor in an aggregate")
        if scope.aggregates:
            where = f" WHERE {condition}" if condition else ""
            return self._written(
                [_Branch(f"(SELECT {b.condition or 'true'}{words}{where})", b.lines) for b in branches]
            )
        if len(branches) != 1:
            raise Refused("RAISE in one of several branches, for each row of a query")
        (branch,) = branches
        conditions = [f"({part})" for part in (condition, branch.condition) if part]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return self._written([_Branch(f"EXISTS (SELECT 1{words}{where})", branch.lines)])

    def _branches(self, node: Node) -> list[_Branch]:
        """The ways to RAISE; an empty condition means that it is reached always."""
        if _is_raise(node):
            return [_Branch("", self._raise(node.meta["raise"]))]
        if isinstance(node, exp.Case):
            return self._case(node)
        if isinstance(node, exp.Anonymous) and node.name in ("iif", "if") and len(node.expressions) in (2, 3):
            condition, yes, *no = node.expressions
            branches = [self._branch(self._lowering.condition(condition), yes)]
            return branches + ([self._branch("", no[0])] if no else [])
        if isinstance(node, exp.Anonymous) and node.name in ("ifnull", "coalesce") and len(node.expressions) == 2:
            value, otherwise = node.expressions
            if _is_raise(otherwise) and not _raises(value):
                return [self._branch(f"{self._lowering.lower(value).operand} IS NULL", otherwise)]
        raise Refused("RAISE in the middle of an expression")

    def _case(self, node: exp.Case) -> list[_Branch]:
        base = self._lowering.lower(node.this) if node.this is not None else None
        branches = []
        for part in node.args["ifs"]:
            if base is None:
                condition = self._lowering.condition(part.this)
            else:
                condition = compare("=", base, self._lowering.lower(part.this)).sql
            branches.append(self._branch(condition, part.args["true"]))
        default = node.args.get("default")
        if default is not None and _raises(default):
            branches.append(self._branch("", default))
        # Branches at the end that do nothing are not needed.
        while branches and not branches[-1].lines:
            branches.pop()
        return branches

    def _branch(self, condition: str, node: Node) -> _Branch:
        if not _raises(node):
            self._lowering.lower(node)
            return _Branch(condition, [])
        return _Branch(condition, self._written(self._branches(node)))

    def _raise(self, raised: Raise) -> list[str]:
        if raised.action == "IGNORE":
            if self._trigger.timing == "AFTER":
                self.remark("RAISE(IGNORE) ends this trigger alone; other AFTER triggers of the same row still fire")
            return list(self._leave)
        if raised.action == "FAIL":
            self.remark("RAISE(FAIL) undoes the whole statement in PostgreSQL, also the rows changed before")
        assert raised.message is not None
        message = as_text(self._lowering.lower(raised.message), "RAISE")
        words = message if not message.startswith("NULL") else "''"
        if not words.startswith(("'", "E'")):
            words = f"coalesce({words}, '')"
        return [f"RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = {words};"]

    def _written(self, branches: list[_Branch]) -> list[str]:
        lines: list[str] = []
        for number, branch in enumerate(branches):
            if not branch.condition:
                if number == 0:
                    return branch.lines
                lines.append("ELSE")
            else:
                lines.append(f"{'IF' if number == 0 else 'ELSIF'} {branch.condition} THEN")
            lines += [_INDENT + line for line in branch.lines or ["NULL;"]]
        return [*lines, "END IF;"] if lines else []


def _inserted_table(statements: tuple[Statement, ...], variable: str) -> str:
    statement = statements[int(variable.rpartition("_")[2]) - 1]
    assert isinstance(statement, Insert)
    return statement.table


def _is_raise(node: object) -> bool:
    return isinstance(node, exp.Anonymous) and node.name == RAISE


def _raises(node: Node) -> bool:
    return any(_is_raise(part) for part in node.walk())


def _ignores(statement: Statement) -> bool:
    return isinstance(statement, Query) and any(
        _is_raise(part) and part.meta["raise"].action == "IGNORE"
        for item in statement.cores[0].items
        if item.node is not None
        for part in item.node.walk()
    )
