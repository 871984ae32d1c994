"""Removes a run that a person names, or the last one, after telling what will go."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from litelift import errors
from litelift.move import journal
from litelift.move.dependants import LISTED, also_held, refuse_dependants
from litelift.move.made import Made, read_made
from litelift.move.state import forget
from litelift.move.undo import remove_made
from litelift.postgres import embedded
from litelift.postgres.connect import Connection, names_server, normalized, open_server, stopped
from litelift.postgres.sessions import end_marked
from litelift.result import UndoneTable, UndoResult
from litelift.shorten import shortened
from litelift.sqlite.open import path_of

LOCK_SECONDS = 10
"""How long a table that another session holds is waited for."""
_FIRST_OID = 16384
"""Of what is not the server's own ("System Catalog Initial Data", section 74.2.2 of the PostgreSQL manual)."""
_AGAIN = "What was removed stays removed, and the rest goes when litelift undo is run again."


def undo(
    where: str | Path,
    *,
    run: str | None = None,
    confirm: Callable[[UndoResult], bool] | None = None,
) -> UndoResult:
    """Remove exactly what a whole move made in a target, and leave everything else alone.

    Args:
        where: a libpq URL or keyword string; or the SQLite file that was moved to its embedded PostgreSQL, the
            .litelift folder beside it, or that server's own. One that is stopped is started, and stopped again.
        run: the id of the run, or a beginning of it that only one has; None is the unfinished run if there is one, else
            the last finished whole move.
        confirm: is told what will go, and says whether to go on; None goes on.

    Returns:
        What was removed; its ``removed`` is false where ``confirm`` said no.

    Raises:
        NothingToUndo, RunNotNamed: no run, or more than one, is meant.
        NotUndoable: the run filled the application's tables, or was made in another database.
        DependantsFound: something else depends on what would go; nothing was removed.
        TargetBusy: another litelift is working on the database.
        TargetInUse: another session holds a table.
        LiteliftError: the server cannot be reached or does not allow it.
    """
    with _reached(where) as (connection, shown), _explained(connection):
        journal.lock(connection)
        chosen = _chosen(connection, run, shown)
        made = read_made(connection, chosen["run_id"])
        if made is None:
            raise errors.NothingToUndo(where=shown)
        refuse_dependants(connection, made)
        connection.execute(f"set lock_timeout = '{LOCK_SECONDS}s'")
        told = _told(connection, chosen, made)
        if confirm is None or confirm(told):
            with _halfway():
                if chosen["mark"] is not None:
                    # A session that was lost may still hold what would go.
                    end_marked(connection, chosen["mark"])
                remove_made(connection, made.run)
            told.removed = True
            forget(Path(chosen["path"]), made.run)
        return told


# --------------------------------------------------------------------- the place


@contextlib.contextmanager
def _reached(where: str | Path) -> Iterator[tuple[Connection, str]]:
    with contextlib.ExitStack() as stack:
        dsn = str(where)
        if not names_server(dsn):
            dsn = stack.enter_context(_embedded(path_of(dsn)))
        server, connection = open_server(normalized(dsn), writable=True)
        with contextlib.closing(connection):
            yield connection, server.display


@contextlib.contextmanager
def _embedded(path: Path) -> Iterator[str]:
    """The URL of the database of an embedded server, which runs meanwhile."""
    folder = embedded.find_folder(path)
    if folder is None:
        hint = "Name the target's URL: only the embedded PostgreSQL is found by the file that was moved to it."
        raise errors.NothingToUndo(where=f"the place beside {path}", hint=hint)
    server = embedded.start(folder)
    try:
        yield embedded.database_url(server.url or "", embedded.database_for(embedded.source_of(folder)))
    finally:
        if server.started:
            embedded.stop(folder)


@contextlib.contextmanager
def _halfway() -> Iterator[None]:
    try:
        yield
    except errors.LiteliftError:
        # A refusal, before anything was removed.
        raise
    except BaseException as error:
        error.add_note(_AGAIN)
        raise


@contextlib.contextmanager
def _explained(connection: Connection) -> Iterator[None]:
    """Whatever breaks meanwhile, in our words."""
    told: errors.LiteliftError
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        told = errors.TargetInUse(sessions=_holders(connection))
        raise _with_notes(told, error) from error
    except psycopg.errors.DependentObjectsStillExist as error:
        told = errors.DependantsFound(objects=" ".join((error.diag.message_detail or str(error)).split()))
        raise _with_notes(told, error) from error
    except psycopg.Error as error:
        raise _with_notes(stopped(error), error) from error
    except KeyboardInterrupt as error:
        _with_notes(error, error)
        raise


def _with_notes(told: BaseException, error: BaseException) -> BaseException:
    """``told`` with what is said of the target."""
    notes = list(getattr(error, "__notes__", ())) or ["Nothing was removed."]
    for note in notes:
        if note not in getattr(told, "__notes__", ()):
            told.add_note(note)
    return told


def _holders(connection: Connection) -> str:
    """The other sessions that hold tables of the database, as any role may see them."""
    rows = connection.execute(
        "select distinct l.pid, 'process ' || l.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')"
        " from pg_locks l left join pg_stat_activity a on a.pid = l.pid"
        " where l.database = (select oid from pg_database where datname = current_database())"
        " and l.locktype = 'relation' and l.relation >= %s::bigint::oid and l.granted and l.pid <> pg_backend_pid()"
        " order by 1",
        (_FIRST_OID,),
    ).fetchall()
    return shortened([row[1] for row in rows], LISTED) or "they let go just now"


# --------------------------------------------------------------------- the run

_RUNS = """
    select run_id::text, version, mode, state, schema_name, started_at, finished_at,
           coalesce(source->>'path', '') as path,
           case when state = 'running' then (to_jsonb(r)->>'mark')::int end as mark
    from litelift.run r order by started_at desc
"""


def _chosen(connection: Connection, wanted: str | None, where: str) -> dict[str, Any]:
    if not journal.journaled(connection):
        raise errors.NothingToUndo(where=where)
    cursor = connection.execute(_RUNS)
    names = [column.name for column in cursor.description or ()]
    runs = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if not runs:
        raise errors.NothingToUndo(where=where)
    whole = [run for run in runs if run["mode"] == "whole"]
    unfinished = [run for run in whole if run["state"] in ("running", "undoing")]
    if wanted is not None:
        found = [run for run in runs if wanted and run["run_id"].startswith(wanted.lower())]
        if len(found) != 1:
            how = "is the beginning of more than one" if found else "is the beginning of no"
            raise errors.RunNotNamed(message=f"{wanted!r} {how} run's id", runs=_lines(found or runs))
    elif len(unfinished) > 1:
        raise errors.RunNotNamed(message="more than one run is unfinished", runs=_lines(unfinished))
    else:
        found = unfinished or whole or runs
    chosen = found[0]
    if chosen["mode"] != "whole":
        raise errors.NotUndoable(
            run=chosen["run_id"][:8],
            reason="it replaced the rows of tables that the application made (--data-only), and nothing keeps those",
            hint="Restore the backup of the database that was made before it. Nothing was removed.",
        )
    return chosen


def _lines(runs: list[dict[str, Any]]) -> str:
    return shortened(
        [f"{run['run_id'][:8]} ({run['path']}, {run['started_at']:%Y-%m-%d %H:%M} UTC, {run['mode']})" for run in runs],
        LISTED,
    )


def _told(connection: Connection, run: dict[str, Any], made: Made) -> UndoResult:
    state = {"running": "unfinished", "undoing": "half removed"}.get(run["state"], run["state"])
    units = connection.execute(
        "select table_name, sum(rows)::bigint, sum(quarantined_rows + quarantined_values)::bigint"
        " from litelift.unit where run_id = %s group by 1",
        (made.run,),
    ).fetchall()
    moved = {name: rows for name, rows, _ in units}
    sizes = dict(
        connection.execute(
            "select oid::bigint, pg_total_relation_size(oid) from pg_class where oid = any(%s::bigint[]::oid[])",
            ([table.oid for table in made.tables],),
        ).fetchall()
    )
    tables = []
    for table in made.tables:
        present = None
        if state in ("proved", "differs"):
            count = sql.SQL("select count(*) from {}").format(sql.Identifier(table.schema, table.name))
            (present,) = connection.execute(count).fetchone() or (None,)
        tables.append(
            UndoneTable(
                schema_name=table.schema,
                name=table.name,
                made_as=table.made_as,
                moved=moved.get(table.made_as, 0),
                present=present,
                bytes=sizes.get(table.oid) or 0,
            )
        )
    holds = also_held(connection, made) if made.namespace is not None else []
    return UndoResult(
        run_id=made.run,
        litelift_version=run["version"],
        source=run["path"],
        started=run["started_at"],
        finished=run["finished_at"],
        state=state,
        database=connection.info.dbname,
        schema_name=made.schema,
        schema_goes=made.namespace is not None and not holds,
        schema_holds=holds,
        tables=sorted(tables, key=lambda table: (table.schema_name, table.name)),
        views=sorted(one.shown for one in made.views),
        types=sorted(one.shown for one in made.types),
        functions=sorted(one.shown for one in made.functions),
        dropped=made.dropped,
        quarantined=sum(count for *_, count in units),
    )
