"""SELECT in a trigger as PL/pgSQL: the RAISE in it is all that it does, as IF ... THEN RAISE where that says it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from litelift.translate.parse import Node
from litelift.translate.select_aggregates import has_aggregate
from litelift.translate.select_parse import EXISTS, SCALAR
from litelift.translate.select_tree import Core, Item, Query
from litelift.translate.trigger_query import TriggerLowering
from litelift.translate.trigger_tree import RAISE, Raise, Statement, Trigger

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


class Raising:
    """The SELECTs of one trigger. ``leave`` are the lines that RAISE(IGNORE) becomes."""

    def __init__(self, trigger: Trigger, lowering: TriggerLowering, leave: list[str], summary: list[str]) -> None:
        """``summary`` gets a word for each SELECT with RAISE."""
        self._trigger = trigger
        self._lowering = lowering
        self._leave = leave
        self.summary = summary

    def lines(self, query: Query) -> list[str]:
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


def ignores(statement: Statement) -> bool:
    """Whether the statement may leave the change of the row out."""
    return isinstance(statement, Query) and any(
        _is_raise(part) and part.meta["raise"].action == "IGNORE"
        for item in statement.cores[0].items
        if item.node is not None
        for part in item.node.walk()
    )
