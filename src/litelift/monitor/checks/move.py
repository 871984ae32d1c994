"""What the move left for a person: values that were kept aside, objects that were not carried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litelift.monitor.check import SELDOM, Check
from litelift.monitor.checks import move_constraints, move_rows
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look

# Journals of older versions have no seen_at: there nobody has noted anything yet.
_JOURNAL = """
    select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable,
           exists (select from pg_attribute where attrelid = c.oid and attname = 'seen_at' and not attisdropped)
               as noted
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'litelift' and c.relname = %s
"""


def _quarantine(look: Look) -> Iterator[Finding]:
    journal = _journal(look, "quarantine")
    if isinstance(journal, Finding):
        yield journal
        return
    seen = "count(seen_at)" if journal.noted else "0"
    groups = look.connection.execute(  # type: ignore[union-attr]
        f"select table_name, column_name, reason, count(*), {seen} from litelift.quarantine"  # noqa: S608
        " group by 1, 2, 3 order by count(*) desc, 1, 2, 3"
    ).fetchall()
    groups = [one for one in groups if look.shown(one[0]) and look.shown(f"{one[0]}.{one[1]}")]
    total = sum(n for _, _, _, n, _ in groups)
    left = total - sum(done for *_, done in groups)
    yield look.finding(
        look.limit("left").state(left),
        ("some" if left else "seen") if total else "none",
        "look",
        left=left,
        seen=total - left,
        total=total,
        table=next((table for table, _, _, n, done in groups if n > done), None),
        measures=[look.measure("left", left), look.measure("entries", total)],
        items=[
            {"table": table, "column": column, "reason": reason, "left": n - done, "seen": done}
            for table, column, reason, n, done in groups
            if n > done
        ],
    )


def _untranslated(look: Look) -> Iterator[Finding]:
    journal = _journal(look, "untranslated")
    if isinstance(journal, Finding):
        yield journal
        return
    still = "where seen_at is null" if journal.noted else ""
    rows = look.connection.execute(  # type: ignore[union-attr]
        f"select kind, name, left(reason, 400), left(sql, 2000) from litelift.untranslated {still} order by 1, 2"  # noqa: S608
    ).fetchall()
    rows = [one for one in rows if look.shown(one[1])]
    yield look.finding(
        look.limit("objects").state(len(rows)),
        "some" if rows else "none",
        "write",
        n=len(rows),
        kind=rows[0][0] if rows else None,
        name=rows[0][1] if rows else None,
        measures=[look.measure("objects", len(rows))],
        items=[{"kind": kind, "name": name, "reason": reason, "sql": text} for kind, name, reason, text in rows],
    )


def _journal(look: Look, table: str) -> Any:
    """What the check has to know of its table; a finding where there is none, or it may not be read."""
    found = look.rows(_JOURNAL, table)
    if not found:
        return look.ok("no-move")
    if not found[0].readable:
        assert look.connection is not None
        return look.finding("unknown", "closed", "grant", user=look.connection.info.user)
    return found[0]


CHECKS = (
    *move_constraints.CHECKS,
    Check("quarantine", "move", _quarantine, every=SELDOM, limits={"left": Limit(1)}),
    Check("untranslated", "move", _untranslated, every=SELDOM, limits={"objects": Limit(1)}),
    *move_rows.CHECKS,
)
