"""The statements of a trigger as PL/pgSQL: those that write, and SELECT with RAISE as IF ... THEN RAISE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlglot import exp

from litelift.sqlite.lexer import fold
from litelift.translate.parse import Node
from litelift.translate.relation import Relation
from litelift.translate.select_aggregates import has_aggregate
from litelift.translate.select_parse import EXISTS, SCALAR
from litelift.translate.select_tree import Core, Item, Query
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


@dataclass(slots=True)
class _Way:
    """One end of a CASE: what it raises, None for nothing; without a condition it is reached where no other is."""

    condition: Node | None
    raised: Raise | None


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
        self._writer = Writer(lowering, fired)
        self.summary: list[str] = []
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
            if not any(_ignores(other) for other in trigger.statements):
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

    # ------------------------------------------------------------------ SELECT and RAISE

    def _query(self, query: Query) -> list[str]:
        """A SELECT has no effect but that of the RAISE in it."""
        nodes = [item.node for core in query.cores for item in core.items if item.node is not None]
        if not any(map(_raises, nodes)):
            # It is translated all the same, for it might call a function that does something.
            return self._performed(query)
        self.summary.append("RAISE")
        core = query.cores[0]
        ways = [_ways(node) for node in nodes] if len(query.cores) == 1 else [None]
        lines: list[str] = []
        for found in ways:
            made = None
            if found is not None:
                made = self._from(query, found) if core.joins or not _is_plain(query) else self._plain(core, found)
            if made is None:
                return self._performed(query)
            lines += made
        return lines

    def _performed(self, query: Query) -> list[str]:
        """A query that is run, for a RAISE in the middle of its expressions."""
        before = self._lowering.raises
        made = self._lowering.query(query)
        return [f'PERFORM * FROM ({made.sql}) AS "q";'] if self._lowering.raises > before else []

    def _plain(self, core: Core, ways: list[_Way]) -> list[str]:
        branches = [
            _Branch(
                self._lowering.condition(way.condition) if way.condition is not None else "",
                self._raise(way.raised) if way.raised is not None else [],
            )
            for way in ways
        ]
        lines = self._written(branches)
        if core.where is None or not lines:
            return lines
        return self._written([_Branch(self._lowering.condition(core.where), lines)])

    def _from(self, query: Query, ways: list[_Way]) -> list[str] | None:
        """With FROM: RAISE for any row that reaches it. None where that is not said by whether there is a row."""
        core = query.cores[0]
        if any(has_aggregate(way.condition) for way in ways):
            if not _is_plain(query) or not all(has_aggregate(way.condition) for way in ways):
                return None
            # An aggregate makes one row of them all.
            queries = [_query_node(SCALAR, replace(core, items=[Item(way.condition, "q")])) for way in ways]
            found = zip(queries, ways, strict=True)
            return self._written(
                [_Branch(self._lowering.condition(q), self._raise(w.raised) if w.raised else []) for q, w in found]
            )
        if len(ways) == 1 and ways[0].condition is None and not query.commons:
            (way,) = ways
            assert way.raised is not None
            shown = replace(query, cores=[replace(core, items=[Item(exp.Literal.number(1), "q")])])
            node = _query_node(EXISTS, shown)
            return self._written([_Branch(self._lowering.condition(node), self._raise(way.raised))])
        if not _is_plain(query) or (len(ways) > 1 and any(w.raised and w.raised.action == "IGNORE" for w in ways)):
            return None
        branches = []
        conditions = [core.where] if core.where is not None else []
        for way in ways:
            if way.raised is None:
                assert way.condition is not None
                conditions.append(_is_not_true(way.condition))
                continue
            where = [*conditions, way.condition] if way.condition is not None else conditions
            joined = replace(core, items=[Item(exp.Literal.number(1), "q")], where=_all(where))
            branches.append(_Branch(self._lowering.condition(_query_node(EXISTS, joined)), self._raise(way.raised)))
        if len(branches) > 1:
            self._lowering.remark("where several rows are wrong, RAISE may give the message of another one")
        return self._written(branches)

    def _raise(self, raised: Raise) -> list[str]:
        if raised.action == "IGNORE":
            if self._trigger.timing == "AFTER":
                self._lowering.remark(
                    "RAISE(IGNORE) ends this trigger alone; other AFTER triggers of the same row still fire"
                )
            return list(self._leave)
        words = self._lowering.message(raised)
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


def _is_plain(query: Query) -> bool:
    """Whether the query gives one row for each row of its FROM that WHERE lets pass."""
    core = query.cores[0]
    return not (query.commons or query.operators or query.limit or query.offset) and not (
        core.group or core.having or core.windows
    )


def _ways(node: Node) -> list[_Way] | None:
    """The ends of an expression in the order in which they are tried; None where a RAISE is in another place."""
    if _is_raise(node):
        return [_Way(None, node.meta["raise"])]
    if not _raises(node):
        return [_Way(None, None)]
    if isinstance(node, exp.Case):
        base = node.this
        parts = [
            (part.this if base is None else exp.EQ(this=base, expression=part.this), part.args["true"])
            for part in node.args["ifs"]
        ]
        parts.append((None, node.args.get("default")))
    elif isinstance(node, exp.Anonymous) and node.name in ("iif", "if") and len(node.expressions) in (2, 3):
        condition, *results = node.expressions
        parts = [(condition, results[0]), (None, (*results[1:], None)[0])]
    elif isinstance(node, exp.Anonymous) and node.name in ("ifnull", "coalesce") and len(node.expressions) == 2:
        value, otherwise = node.expressions
        parts = [(exp.Is(this=value, expression=exp.Null()), otherwise), (None, value)]
    else:
        return None
    found: list[_Way] = []
    for condition, result in parts:
        if condition is not None and _raises(condition):
            return None
        inner = _ways(result) if result is not None else [_Way(None, None)]
        if inner is None:
            return None
        if not inner or inner[-1].condition is not None:
            inner = [*inner, _Way(None, None)]
        for way in inner:
            found.append(_Way(_all([c for c in (condition, way.condition) if c is not None]), way.raised))
    # Ends that do nothing are not needed where nothing comes after them.
    while found and found[-1].raised is None:
        found.pop()
    return found


def _all(conditions: list[Node]) -> Node | None:
    whole: Node | None = None
    for condition in conditions:
        whole = condition if whole is None else exp.And(this=whole, expression=condition)
    return whole


def _is_not_true(node: Node) -> Node:
    return exp.NullSafeNEQ(this=node, expression=exp.Column(this=exp.Identifier(this="true")))


def _query_node(kind: str, query: Query | Core) -> Node:
    node = exp.Anonymous(this=kind, expressions=[])
    node.meta["query"] = query if isinstance(query, Query) else Query([query])
    return node


def _ignores(statement: Statement) -> bool:
    return isinstance(statement, Query) and any(
        _is_raise(part) and part.meta["raise"].action == "IGNORE"
        for item in statement.cores[0].items
        if item.node is not None
        for part in item.node.walk()
    )
