"""The indexes that a statement could use: from its conditions, its joins and its order, as sqlglot reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp

from litelift.monitor.advise.new_index import Key, NewIndex
from litelift.monitor.advise.tables import Table

MOST = 12
"""Candidates of one statement: each is planned by itself."""
MOST_KEYS = 3
"""Columns that are compared with a value; more hardly ever leave fewer rows."""
_RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_QUERIES = (exp.Select, exp.Update, exp.Delete)
Resolve = Callable[[str | None, str], Table | None]
"""The table that a schema and a name mean; None where it is none of the application's, or a view."""


class NotUnderstood(Exception):
    """The statement is in words that sqlglot does not read."""


@dataclass
class _Wanted:
    """By what one table is searched in one query."""

    table: Table
    equal: dict[Key, None] = field(default_factory=dict)
    joined: dict[Key, None] = field(default_factory=dict)
    ranges: dict[Key, None] = field(default_factory=dict)
    order: tuple[Key, ...] = ()
    limited: bool = False


@dataclass(frozen=True)
class Read:
    """What is known of a statement by its words."""

    candidates: list[NewIndex]
    foreign: bool
    """Whether it names what is no table of the application's, or calls a function by its schema."""
    functions: frozenset[str]
    """Whatever stands before a parenthesis, in small letters: functions, and some words of SQL."""


def read(query: str, resolve: Resolve) -> Read:
    """The candidates of a statement, the narrowest first. Raises NotUnderstood."""
    try:
        trees = [tree for tree in sqlglot.parse(query, dialect="postgres") if tree is not None]
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise NotUnderstood from error
    if len(trees) != 1 or not isinstance(trees[0], (*_QUERIES, exp.Insert, exp.SetOperation)):
        raise NotUnderstood
    tree = trees[0]
    names = {with_.alias_or_name for with_ in tree.find_all(exp.CTE)}
    foreign = any(
        _resolved(table, resolve) is None for table in tree.find_all(exp.Table) if table.db or table.name not in names
    ) or any(isinstance(dot.expression, exp.Func) for dot in tree.find_all(exp.Dot))
    functions = frozenset(_called(query))
    found: dict[NewIndex, None] = {}
    for query_tree in tree.find_all(*_QUERIES):
        for wanted in _wanted(query_tree, resolve, names):
            found.update(dict.fromkeys(_candidates(wanted)))
    fitting = [index for index in found if all(_fits(index.table, key) for key in index.keys)]
    return Read(sorted(fitting, key=lambda index: len(index.keys))[:MOST], foreign, functions)


def _called(query: str) -> Iterator[str]:
    tokens = sqlglot.tokenize(query, dialect="postgres")
    for place, token in enumerate(tokens[:-1]):
        if tokens[place + 1].token_type == sqlglot.TokenType.L_PAREN and (
            token.text[:1].isalpha() or token.text[:1] == "_"
        ):
            after_call = place > 0 and tokens[place - 1].token_type == sqlglot.TokenType.R_PAREN
            if not (after_call and token.text.lower() in ("over", "filter")):
                quoted = token.token_type == sqlglot.TokenType.IDENTIFIER
                yield token.text if quoted else token.text.lower()


def _candidates(wanted: _Wanted) -> Iterator[NewIndex]:
    table = wanted.table
    by_worth = sorted(wanted.equal, key=lambda key: -table.distinct(key.column))
    equal = tuple(by_worth[:MOST_KEYS])
    groups: list[tuple[Key, ...]] = [(key,) for key in (*equal, *wanted.ranges, *wanted.joined)]
    if len(equal) > 1:
        groups.append(equal)
    groups += [(*equal, key) for key in wanted.ranges if equal]
    for key in wanted.joined:
        groups += [(key, *equal), (*equal, key)] if equal else []
    if wanted.order and (equal or wanted.limited):
        groups.append((*equal, *(key for key in wanted.order if key.column not in {one.column for one in equal})))
        if wanted.limited:
            groups.append(wanted.order)
    for group in groups:
        if group and len({key.column for key in group}) == len(group):
            yield NewIndex(table, group)


def _fits(table: Table, key: Key) -> bool:
    column = table.columns.get(key.column)
    return column is not None and column.fits


def _wanted(query: exp.Expr, resolve: Resolve, with_names: set[str]) -> list[_Wanted]:
    sources = {alias: _Wanted(table) for alias, table in _sources(query, resolve, with_names) if table is not None}
    whole = {alias for alias, _ in _sources(query, resolve, with_names)}
    for condition in _conditions(query):
        _add(condition, sources, len(whole))
    _add_order(query, sources, len(whole))
    return list(sources.values())


def _sources(query: exp.Expr, resolve: Resolve, with_names: set[str]) -> Iterator[tuple[str, Table | None]]:
    """What the query reads itself, by the name that its columns have there."""
    origin = query.args.get("from") or query.args.get("from_")
    parts = [query.this] if isinstance(query, exp.Update | exp.Delete) else []
    parts += [origin.this] if origin is not None else []
    parts += query.args.get("using") or [] if isinstance(query, exp.Delete) else []
    joins = [*(query.args.get("joins") or ()), *(join for part in parts for join in part.args.get("joins") or ())]
    for part in [*parts, *(join.this for join in joins)]:
        if isinstance(part, exp.Table) and (part.db or part.name not in with_names):
            yield part.alias_or_name, _resolved(part, resolve)
        else:
            yield part.alias_or_name, None


def _resolved(table: exp.Table, resolve: Resolve) -> Table | None:
    if not isinstance(table.this, exp.Identifier) or table.catalog:
        return None
    schema = table.args.get("db")
    return resolve(_folded(schema) if schema is not None else None, _folded(table.this))


def _folded(identifier: exp.Expr) -> str:
    """A name as PostgreSQL keeps it: in small letters where it is not quoted."""
    return str(identifier.name) if identifier.args.get("quoted") else str(identifier.name).lower()


def _conditions(query: exp.Expr) -> Iterator[exp.Expr]:
    """What all its rows fulfil."""
    where = query.args.get("where")
    roots = [where.this] if where is not None else []
    # Of an outer join the condition holds for the rows of the joined table, which is where an index would serve.
    roots += [join.args["on"] for join in query.args.get("joins") or () if join.args.get("on") is not None]
    origin = query.args.get("from") or query.args.get("from_")
    if origin is not None:
        roots += [join.args["on"] for join in origin.this.args.get("joins") or () if join.args.get("on") is not None]
    while roots:
        root = roots.pop(0).unnest()
        if isinstance(root, exp.And):
            roots = [root.left, root.right, *roots]
        else:
            yield root


def _add(condition: exp.Expr, sources: dict[str, _Wanted], number: int) -> None:
    if isinstance(condition, exp.EQ):
        for side, other in ((condition.left, condition.right), (condition.right, condition.left)):
            found = _key(side, sources, number)
            if found is None:
                continue
            wanted, key = found
            theirs = [_owner(column, sources, number) for column in other.find_all(exp.Column)]
            if wanted in theirs:
                continue
            (wanted.joined if theirs else wanted.equal)[key] = None
    elif isinstance(condition, exp.In):
        found = _key(condition.this, sources, number)
        if found is not None:
            wanted, key = found
            (wanted.joined if condition.args.get("query") is not None else wanted.equal)[key] = None
    elif isinstance(condition, _RANGES):
        sides = [condition.this] if isinstance(condition, exp.Between) else [condition.left, condition.right]
        for side in sides:
            found = _key(side, sources, number)
            if found is not None:
                others = [one for one in condition.find_all(exp.Column) if one not in list(side.find_all(exp.Column))]
                if not any(_owner(one, sources, number) is found[0] for one in others):
                    found[0].ranges[found[1]] = None


def _add_order(query: exp.Expr, sources: dict[str, _Wanted], number: int) -> None:
    order = query.args.get("order")
    if order is None or query.args.get("group") is not None or query.args.get("distinct") is not None:
        return
    keys: list[tuple[_Wanted, Key, bool]] = []
    for ordered in order.expressions:
        found = _key(ordered.this, sources, number) if isinstance(ordered, exp.Ordered) else None
        down = bool(ordered.args.get("desc"))
        # NULLs come first going down and last going up, where nobody says otherwise.
        if found is None or bool(ordered.args.get("nulls_first")) != down:
            return
        keys.append((*found, down))
    wanted = keys[0][0] if keys else None
    if wanted is None or any(one is not wanted for one, _, _ in keys):
        return
    # An index is read backwards as well: only a mixed order has to be written down.
    mixed = len({down for _, _, down in keys}) > 1
    wanted.order = tuple(Key(key.column, key.function, key.cast, mixed and down) for _, key, down in keys)
    wanted.limited = query.args.get("limit") is not None or query.args.get("fetch") is not None


def _key(side: exp.Expr, sources: dict[str, _Wanted], number: int) -> tuple[_Wanted, Key] | None:
    """The key that would find ``side``: a column, or lower() or upper() of one."""
    side = side.unnest()
    if isinstance(side, exp.Column):
        wanted = _owner(side, sources, number)
        return (wanted, Key(_folded(side.this))) if wanted is not None else None
    if isinstance(side, exp.Lower | exp.Upper):
        inner, cast = side.this.unnest(), None
        if isinstance(inner, exp.Cast) and inner.to.this == exp.DataType.Type.TEXT:
            inner, cast = inner.this.unnest(), "text"
        if isinstance(inner, exp.Column) and (wanted := _owner(inner, sources, number)) is not None:
            return wanted, Key(_folded(inner.this), "lower" if isinstance(side, exp.Lower) else "upper", cast)
    return None


def _owner(column: exp.Column, sources: dict[str, _Wanted], number: int) -> _Wanted | None:
    """The table that a column is of; without a name before it only where no other could have it."""
    if not isinstance(column.this, exp.Identifier):
        return None
    name = _folded(column.this)
    if column.table:
        found = sources.get(column.table) or sources.get(column.table.lower())
        return found if found is not None and name in found.table.columns else None
    having = [wanted for wanted in sources.values() if name in wanted.table.columns]
    return having[0] if len(having) == 1 and (number == 1 or len(sources) == number) else None


def served(index: NewIndex, existing: Sequence[tuple[str, ...]]) -> bool:
    """Whether an index is there that begins with the same columns."""
    if any(key.function for key in index.keys):
        return False
    names = tuple(key.column for key in index.keys)
    return any(one[: len(names)] == names for one in existing)
