"""How many values each sequence has left for the columns that it fills, and whether it gives values that are taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, LiteralString

from psycopg import sql

from litelift.monitor.check import SELDOM, Check
from litelift.monitor.checks.upkeep_counters import GREATEST, Counter, counters, end_of, no_rights, parted, together
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look

_LAST = sql.SQL("select {}::int as number, last_value as last, is_called as called from {}")


def _headroom(look: Look) -> Iterator[Finding]:
    all_of_them, unseen = counters(look)
    if unseen and not all_of_them:
        yield no_rights(look)
        return
    # pg_sequences has no value where none was given yet, and so it is after every move.
    for some in parted(all_of_them):
        names = [sql.Identifier(one.row.schema, one.row.name) for one in some]
        for found in together(look, [_LAST.format(sql.Literal(n), name) for n, name in enumerate(names)]):
            one = some[found.number]
            one.last = found.last if found.called else found.last - one.row.step
    judged = []
    limit = look.limit("used_percent")
    for one in all_of_them:
        end, column = one.narrowest()
        if look.shown(one.row.words) and not (one.row.cycles and column is None):
            judged.append((one.used(end), one, end, column))
    judged.sort(key=lambda found: found[0], reverse=True)
    highest = max(judged[0][0], 0.0) if judged else 0.0
    measures = [look.measure("used_percent", highest, "percent"), look.measure("sequences", len(all_of_them))]
    near = [found for found in judged if limit.state(found[0]) != "ok"]
    if not near:
        yield look.ok("far" if judged else "none", measures=measures, n=len(judged), share=highest)
        return
    share, first, end, column = near[0]
    left = first.left(end)
    yield look.finding(
        limit.state(share),
        ("spent" if not left else "near") if len(near) == 1 else "several",
        _widen(first, column, end),
        n=len(near),
        sequence=first.row.words,
        share=min(share, 100.0),
        left=left,
        end=str(first.sign * end),
        table=column.table if column else None,
        column=column.column if column else None,
        bound="maxvalue 9223372036854775807" if first.sign > 0 else "minvalue -9223372036854775808",
        measures=measures,
        items=[
            {
                "sequence": one.row.words,
                "table": column.table if column else None,
                "column": column.column if column else None,
                "type": column.type if column else None,
                "last": one.last,
                "end": one.sign * end,
                "left": one.left(end),
                "used_percent": round(share, 1),
            }
            for share, one, end, column in near
        ],
    )


def _widen(one: Counter, column: Any, end: int) -> str:
    """Which words say what has to become wider."""
    if column is not None and end >= GREATEST["int8"]:
        return "widest"
    if column is None:
        return "sequence"
    # An identity's sequence becomes wider with its column (ALTER TABLE); a serial's is none of its.
    return "column" if column.identity or one.own > (end_of(column, one.sign) or 0) else "both"


# One statement, so that what it counts was there before it looked what the sequence gives next: that has no snapshot,
# and stands beyond every value that it gave.
_BEHIND = """
    select {number}::int as number, s.following::text as following, k.outermost::text as outermost, {taken} as taken
    from (select {outermost}({column}) as outermost from {table}) k,
         (select case when not is_called then last_value
                      when last_value between {lowest} and {highest} then last_value + {step} end as following
          from {sequence}) s
    where k.outermost {beyond} s.following
"""
_TAKEN = "exists (select from {table} where {column} = s.following)"
_BIGGEST = 2**63 - 1
LOOKED_AT = 1000
"""Keys, at most: each takes the server half a millisecond, and much more where the session has not met the table."""


def _behind(look: Look) -> Iterator[Finding]:
    all_of_them, unseen = counters(look)
    if unseen and not all_of_them:
        yield no_rights(look)
        return
    keyed = [
        (one, column)
        for one in all_of_them
        for column in one.fills
        if column.by_key and column.type in (*GREATEST, "numeric") and not one.row.cycles and look.shown(column.table)
    ]
    all_keys = len(keyed)
    # Where most is inserted, the next insert is soonest.
    keyed = sorted(keyed, key=lambda one: -one[1].inserted)[:LOOKED_AT]
    suspect = [pair for some in parted(keyed) for pair, _ in _beside(look, some, "false")]
    # Most are well, and what is not asked of them need not be planned.
    behind = [(*pair, found) for some in parted(suspect) for pair, found in _beside(look, some, _TAKEN)]
    behind.sort(key=lambda one: not one[2].taken)
    taken = sum(found.taken for _, _, found in behind)
    measures = [look.measure("behind", len(behind)), look.measure("taken", taken)]
    if not behind:
        found = "none" if not keyed else "beyond" if len(keyed) == all_keys else "beyond-most"
        yield look.ok(found, measures=measures, n=len(keyed), all=all_keys)
        return
    one, column, first = behind[0]
    # A sequence may fill several columns.
    others = [int(Decimal(other.outermost)) for sequence, _, other in behind if sequence is one]
    yield look.finding(
        "critical" if taken else "warning",
        ("taken" if taken else "later") if len(behind) == 1 else "several",
        "restart",
        n=len(behind),
        sequence=one.row.words,
        table=column.table,
        column=column.column,
        following=first.following,
        outermost=first.outermost,
        restart=str((max if one.sign > 0 else min)(others) + one.row.step),
        measures=measures,
        items=[
            {
                "sequence": one.row.words,
                "table": column.table,
                "column": column.column,
                "next": found.following,
                "outermost": found.outermost,
                "taken": found.taken,
            }
            for one, column, found in behind
        ],
    )


def _beside(
    look: Look, some: Sequence[tuple[Counter, Any]], taken: LiteralString
) -> Iterator[tuple[tuple[Counter, Any], Any]]:
    """Those whose sequence is not beyond all values of the column, and what was found of them."""
    parts = []
    for number, (one, column) in enumerate(some):
        names = {
            "table": sql.Identifier(column.schema, column.relname),
            "column": sql.Identifier(column.column),
        }
        parts.append(
            sql.SQL(_BEHIND).format(
                **names,
                number=sql.Literal(number),
                taken=sql.SQL(taken).format(**names),
                outermost=sql.SQL("max" if one.sign > 0 else "min"),
                step=sql.Literal(one.row.step),
                lowest=sql.Literal(-_BIGGEST - min(one.row.step, 0)),
                highest=sql.Literal(_BIGGEST - max(one.row.step, 0)),
                sequence=sql.Identifier(one.row.schema, one.row.name),
                beyond=sql.SQL(">=" if one.sign > 0 else "<="),
            )
        )
    for found in together(look, parts):
        yield some[found.number], found


CHECKS = (
    Check(
        "sequence-headroom",
        "upkeep",
        _headroom,
        every=SELDOM,
        limits={"used_percent": Limit(80, 95)},
    ),
    Check("sequence-behind", "upkeep", _behind, every=SELDOM),
)
