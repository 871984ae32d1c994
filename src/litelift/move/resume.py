"""Goes on with a whole move that did not end: finds it, makes it ours alone, and sees that it is the same still."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from litelift import errors
from litelift.move.context import Context
from litelift.move.interruption import commands, ways
from litelift.move.journal import journaled
from litelift.move.made import made_tables
from litelift.move.preconditions import taken_names
from litelift.plan.file import PlanFile
from litelift.plan.fingerprint import Fingerprint, differing
from litelift.plan.plan import MovePlan
from litelift.postgres.connect import Connection
from litelift.postgres.sessions import end_marked
from litelift.shorten import shortened
from litelift.sqlite.identity import identity, identity_from_json


@dataclass(frozen=True, slots=True)
class Earlier:
    """A whole move that did not end, as its line in the journal has it. ``began`` is for a person to read."""

    run: str
    schema: str
    path: str
    began: str
    source: dict[str, Any]
    options: dict[str, Any]
    decided: Fingerprint | None
    mark: int | None
    done: str
    undoing: bool = False
    attempt: int = 0


_QUERY = """
    select run_id::text, schema_name, coalesce(source->>'path', ''),
           to_char(started_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI UTC'), source,
           coalesce(to_jsonb(r)->'options', '{}'), to_jsonb(r)->'decided', (to_jsonb(r)->>'mark')::int, state,
           (select json_build_array(count(distinct table_name), coalesce(sum(rows), 0),
                                    coalesce(jsonb_array_length(matches), 0))
            from litelift.unit u where u.run_id = r.run_id)
    from litelift.run r
    where state in ('running', 'undoing') and mode = 'whole' and (%(schema)s::text is null or schema_name = %(schema)s)
    order by started_at
"""


def unfinished(connection: Connection, schema: str | None = None) -> list[Earlier]:
    """The whole moves that did not end, into ``schema`` or any. Ask only while holding the lock: all others run."""
    if not journaled(connection):
        return []
    rows = connection.execute(_QUERY, {"schema": schema}).fetchall()
    return [
        Earlier(run, name, path, began, source, options or {}, decided, mark, _done(state, *counts), state == "undoing")
        for run, name, path, began, source, options, decided, mark, state, counts in rows
    ]


def _done(state: str, begun: int, rows: int, tables: int) -> str:
    if state == "undoing":
        return "its removal has begun"
    return f"{rows:,} rows of {begun} tables (of {tables}) are loaded"


def refuse_unfinished(context: Context, schema: str) -> None:
    """Raise Unfinished where the schema holds a move that did not end."""
    for earlier in unfinished(context.connection, schema):
        raise left_unfinished(earlier, context.server.database, _ways(context, earlier))


def left_unfinished(earlier: Earlier, database: str, ways_out: dict[str, str]) -> errors.Unfinished:
    """The error that tells of a move that did not end. ``ways_out`` are the commands of `interruption.commands`."""
    hint = f"Bring that to its end: {ways_out['undo']}" if earlier.undoing else None
    return errors.Unfinished(
        database=database, path=earlier.path, began=earlier.began, done=earlier.done, hint=hint, **ways_out
    )


def to_resume(context: Context, schema: str | None) -> Earlier | None:
    """The move to go on with; None where none is unfinished. Raises NotThatMove where it is of another source."""
    found = unfinished(context.connection, schema)
    mine = [earlier for earlier in found if _is_of(context.path, earlier)]
    if not found:
        return None
    if len(mine) != 1:
        which = ", ".join(f"{one.path} into the schema {one.schema}, begun {one.began}" for one in mine or found)
        first = (mine or found)[0]
        raise errors.NotThatMove(database=context.server.database, message=which, **_ways(context, first))
    if mine[0].undoing:
        raise left_unfinished(mine[0], context.server.database, _ways(context, mine[0]))
    return mine[0]


def _ways(context: Context, earlier: Earlier) -> dict[str, str]:
    """The commands for an earlier move: with the path that it was begun by, where it is of another source."""
    if context.embedded is not None or _is_of(context.path, earlier):
        return ways(context)
    return commands(earlier.path, context.server.display)


def _is_of(path: Path, earlier: Earlier) -> bool:
    """Whether a move is of this source, which may have been named by another path, or through a link."""
    if earlier.path == str(path.absolute()):
        return True
    with suppress(OSError, ValueError):
        return path.samefile(earlier.path)
    return False


def decide_as_before(context: Context) -> None:
    """Let the plan and the options be those that the unfinished move began with, where no others were named."""
    named = context.options.plan != PlanFile()
    found = to_resume(context, context.options.plan.defaults.schema_name if named else None)
    if found is not None:
        context.options = context.options.as_decided(found.options)
        context.options.plan.check_against(context.schema)


def take_over(context: Context, earlier: Earlier) -> Earlier:
    """Make an unfinished move this litelift's: no session of an earlier one adds anything to it from now on.

    Raises SourceChanged.
    """
    refuse_changed(context, earlier)
    if earlier.mark is not None:
        end_marked(context.connection, earlier.mark)
    row = context.connection.execute(
        "update litelift.run set attempt = attempt + 1, mark = %s where run_id = %s returning attempt",
        (context.sessions.mark, earlier.run),
    ).fetchone()
    assert row is not None
    return replace(earlier, attempt=row[0])


def refuse_changed(context: Context, earlier: Earlier) -> None:
    """Raise SourceChanged where the source is not as it was when the move began."""
    known = earlier.source.get("identity")
    if known is None:
        what: str | None = "an older litelift began it, which did not note what it had read"
    else:
        before = identity_from_json(known)
        # Before this one's snapshot, and after it: a writer may have come in between.
        what = before.differs(context.identity) or before.differs(identity(context.path))
    if what is not None:
        raise errors.SourceChanged(path=context.path, began=earlier.began, what=what, undo=ways(context)["undo"])


def refuse_lost_tables(context: Context, earlier: Earlier, plan: MovePlan) -> None:
    """Raise TargetChanged where tables of the move were dropped meanwhile, or others stand in their place."""
    connection = context.connection
    row = connection.execute(
        "select jsonb_array_length(made->'tables') from litelift.run where run_id = %s", (earlier.run,)
    ).fetchone()
    there = made_tables(connection, earlier.run)
    gone = (row[0] if row else 0) - len(there)
    planned = [table.target for table in plan.tables if table.create and table.target not in there]
    others = sorted(taken_names(connection, plan.schema).intersection(planned))
    said = [f"{gone} of its tables were dropped"] if gone else []
    said += [f"{shortened(others, 10)} in the schema {plan.schema} is not its own"] if others else []
    if said:
        raise errors.TargetChanged(began=earlier.began, what="; ".join(said), undo=ways(context)["undo"])


def refuse_decided_otherwise(context: Context, earlier: Earlier, decided: Fingerprint) -> None:
    """Raise PlanChanged where the plan is not the one that the move began with."""
    if earlier.decided is None:
        what = "an older litelift began it, which did not note what it had decided"
    elif earlier.decided == decided:
        return
    else:
        what = shortened(differing(earlier.decided, decided), 5, separator="; ") or "in its details"
    raise errors.PlanChanged(began=earlier.began, what=what, undo=ways(context)["undo"])
