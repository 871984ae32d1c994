"""Triggers: SQLite's CREATE TRIGGER as a PL/pgSQL function and CREATE TRIGGER.

A trigger does not fire as a result of its own actions in SQLite, at whatever depth, unless the connection turns
recursive_triggers on ("PRAGMA recursive_triggers"; OP_Program in vdbe.c looks for the same trigger among the running
ones). pg_trigger_depth() cannot say that, for it counts other triggers too. So a trigger that could fire itself sets a
parameter of its own, for the transaction, while its statements run, and its WHEN does not let it fire meanwhile: WHEN
is evaluated as the row is changed, which is inside of the function. An error undoes the parameter with the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from litelift.errors import Untranslatable
from litelift.plan.names import Namer
from litelift.sqlite.lexer import fold
from litelift.translate.parse import Node
from litelift.translate.relation import Relation, Relations
from litelift.translate.select_parse import EXISTS, IN_QUERY, SCALAR
from litelift.translate.select_scope import Bound
from litelift.translate.select_tree import Query
from litelift.translate.trigger_body import Body
from litelift.translate.trigger_fires import Firing
from litelift.translate.trigger_parse import is_fts_sync, parse_trigger, without_fts_sync
from litelift.translate.trigger_query import TriggerLowering, row_of
from litelift.translate.trigger_statement import BREAK
from litelift.translate.trigger_tree import Trigger
from litelift.translate.value import Refused, identifier

__all__ = ["Relation", "TranslatedTrigger", "is_fts_sync", "translate_trigger", "without_fts_sync"]

_INDENT = "    "


@dataclass(frozen=True, slots=True)
class TranslatedTrigger:
    """A trigger in PostgreSQL's SQL: the statements that make its function, and then itself.

    ``needs`` are the names in ``FUNCTIONS`` that it calls. ``remarks`` say where it is not wholly the same.
    ``statements`` name what it does ("INSERT log", "RAISE"), and ``reads`` the tables and views that it names (folded).
    """

    name: str
    table: str
    function_name: str
    function_sql: str
    trigger_sql: tuple[str, ...]
    needs: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    guarded: bool = False
    reads: frozenset[str] = frozenset()


def translate_trigger(
    sql: str,
    table: Relation,
    relations: Mapping[str, Relation],
    server_version: int,
    names: Callable[[str], str] = lambda name: name,
    triggers: Iterable[str] | None = None,
) -> TranslatedTrigger:
    """Translate one CREATE TRIGGER statement.

    ``table`` is the table or view that it is on; ``relations`` are all that it may name, by their source names.
    ``server_version`` is PostgreSQL's server_version_num. ``names`` gives the name of the function and the trigger for
    the source's name. ``triggers`` are all CREATE TRIGGER statements of the source, which say whether it could fire
    itself; without them it is taken for possible. Raises Untranslatable.
    """
    try:
        trigger = parse_trigger(sql)
        known = Relations(relations)
        return _Translation(trigger, table, known, server_version, Firing(trigger, known, triggers)).made(names)
    except Refused as error:
        raise Untranslatable(reason=str(error), sql=sql) from None
    except RecursionError:
        raise Untranslatable(reason="the trigger is nested too deeply", sql=sql) from None


class _Translation:
    def __init__(
        self,
        trigger: Trigger,
        table: Relation,
        relations: Relations,
        server_version: int,
        firing: Firing,
    ) -> None:
        self.trigger = trigger
        self.table = table
        self.firing = firing
        self.lowering = TriggerLowering(trigger.sql, relations, server_version)

    def made(self, names: Callable[[str], str]) -> TranslatedTrigger:
        trigger, table = self.trigger, self.table
        if table.view != (trigger.timing == "INSTEAD OF"):
            raise Refused(f"{trigger.timing} on a {'view' if table.view else 'table'}")
        columns = self._columns()
        # PostgreSQL has no INSTEAD OF UPDATE OF, so that the body looks at the columns.
        of = f" OF {', '.join(columns)}" if columns and not table.view else ""
        given = names(trigger.name)
        guarded = self.firing.again()
        digest = hashlib.sha256(f"{table.schema}.{given}".encode("utf-8", "surrogateescape")).hexdigest()
        guard = f"litelift.trigger_{digest[:16]}"
        after = [f"PERFORM set_config('{guard}', 'off', true);"] if guarded else []
        body = Body(trigger, table, self.lowering, self.firing.events, [*after, "RETURN NULL;"])
        with self.lowering.scope(*self._rows()):
            when = self.lowering.condition(trigger.when) if trigger.when is not None else None
            lines = body.lines()
        if trigger.timing == "BEFORE" and trigger.event == "INSERT" and table.identity is not None:
            number = f"NEW.{identifier(table.column(table.identity).target)}"
            if number in self.lowering.used:
                self.lowering.remark(
                    f"{number} has its number before the row is inserted; in SQLite it is -1 until then"
                )
        outside: list[str] = []
        before: list[str] = []
        result = {"AFTER": "NULL", "BEFORE": "OLD" if trigger.event == "DELETE" else "NEW"}.get(
            trigger.timing, "OLD" if trigger.event == "DELETE" else "NEW"
        )
        # INSTEAD OF has no WHEN in PostgreSQL, and no WHEN has a subquery.
        if guarded:
            if table.view:
                before += [f"IF current_setting('{guard}', true) = 'on' THEN", _INDENT + f"RETURN {result};", "END IF;"]
            else:
                outside.append(f"current_setting('{guard}', true) IS DISTINCT FROM 'on'")
        if columns and table.view:
            before += [f"IF {self._unchanged(columns)} THEN", _INDENT + f"RETURN {result};", "END IF;"]
        if when is not None and (table.view or _has_query(trigger.when)):
            before += [f"IF ({when}) IS NOT TRUE THEN", _INDENT + f"RETURN {result};", "END IF;"]
        elif when is not None:
            outside.append(when)
        if guarded:
            before.append(f"PERFORM set_config('{guard}', 'on', true);")
        if not lines or lines[-1] != "RETURN NULL;":
            lines = [*lines, *after, f"RETURN {result};"]
        lines = [*before, *lines]
        name = self._early(given)
        qualified = f"{identifier(table.schema)}.{identifier(given)}"
        return TranslatedTrigger(
            name=given,
            table=table.name,
            function_name=given,
            function_sql=_function(qualified, body.variables, lines),
            trigger_sql=(self._create(name, qualified, of, outside),),
            needs=frozenset(self.lowering.needs),
            remarks=tuple(self.lowering.remarks),
            statements=tuple(body.summary),
            guarded=guarded,
            reads=frozenset(self.lowering.named),
        )

    def _early(self, name: str) -> str:
        """The name of the trigger: one that is before that of PostgreSQL's own where it mends what those would refuse.

        Triggers fire in the order of their names; those that check a foreign key are "RI_ConstraintTrigger_a_" and a
        number. SQLite checks when the statement, its triggers too, has ended ("SQLite Foreign Key Support", section 3).
        """
        trigger = self.trigger
        written = {fold(s.table) for s in trigger.statements if not isinstance(s, Query)}
        checked = {table for event, table in self.table.checked if event == trigger.event}
        if trigger.timing != "AFTER" or not written & checked or name.encode() < b"RI_":
            return name
        early = Namer().name(f"00_{name}")
        self.lowering.remark(f"it is called {early}, so that it fires before foreign keys are checked")
        return early

    def _unchanged(self, columns: list[str]) -> str:
        """Whether an UPDATE of a view changes none of the columns."""
        self.lowering.remark("the trigger fires where one of its columns changes, and in SQLite where UPDATE names one")
        # The text of json can be compared, as json cannot.
        return " AND ".join(f"NEW.{name}::text IS NOT DISTINCT FROM OLD.{name}::text" for name in columns)

    def _columns(self) -> list[str]:
        if not self.trigger.columns:
            return []
        # SQLite lets UPDATE OF name columns that are not there.
        found = [name for name in self.trigger.columns if self.table.find(name) is not None]
        if not found:
            raise Refused("UPDATE OF names no column of the table, so that the trigger never fires")
        return [identifier(self.table.column(name).target) for name in found]

    def _rows(self) -> list[Bound]:
        trigger, table = self.trigger, self.table
        virtual = frozenset(name for name, kind in table.generated.items() if kind == "virtual")
        hidden = frozenset(table.generated) if trigger.timing == "BEFORE" else virtual
        places = []
        if trigger.event != "DELETE":
            places.append(row_of("new", "NEW", table, hidden))
        if trigger.event != "INSERT":
            places.append(row_of("old", "OLD", table, virtual))
        return places

    def _create(self, given: str, function: str, of: str, conditions: list[str]) -> str:
        trigger = self.trigger
        words = f"CREATE TRIGGER {identifier(given)} {trigger.timing} {trigger.event}{of} ON {self.table.sql}\n"
        words += "FOR EACH ROW\n"
        if conditions:
            listed = conditions if len(conditions) == 1 else [f"({part})" for part in conditions]
            words += f"WHEN ({' AND '.join(listed)})\n"
        return f"{words}EXECUTE FUNCTION {function}()"


def _has_query(node: Node | None) -> bool:
    return node is not None and any(
        isinstance(part, exp.Anonymous) and part.name in (SCALAR, EXISTS, IN_QUERY) for part in node.walk()
    )


def _function(name: str, variables: list[str], lines: list[str]) -> str:
    tag = "body"
    while any(f"${tag}$" in line for line in lines):
        tag += "_"
    declared = ["DECLARE", *(_INDENT + variable for variable in variables)] if variables else []
    block = ["<<fired>>", *declared, "BEGIN", *(_wrapped(_INDENT + line) for line in lines), "END fired"]
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql\n"
        f"SET search_path = pg_catalog, pg_temp AS ${tag}$\n"
        # A name that is a column is that column, also where PL/pgSQL has a variable of that name.
        "#variable_conflict use_column\n" + "\n".join(block) + f"\n${tag}$"
    )


def _wrapped(line: str) -> str:
    margin = line[: len(line) - len(line.lstrip(" "))]
    return line.replace(BREAK, f"\n{margin}{_INDENT}")
