"""Moves the data: the application's schema where it makes its own, then litelift itself, with its proof."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from litelift import errors
from litelift.atomic import write_whole
from litelift.cutover.commands import shown
from litelift.cutover.configuration.words import filled
from litelift.cutover.context import Context
from litelift.cutover.settings import ExistingTarget
from litelift.cutover.step import Facts, Step, Undo
from litelift.move.removal import undo
from litelift.move.run import migrate
from litelift.postgres.connect import connect
from litelift.postgres.size import database_bytes
from litelift.report.render import render_json
from litelift.result import MigrationResult
from litelift.sqlite.open import open_source

RESULT = "move.json"
ROWS_SECOND = 100_000
BYTES_SECOND = 25e6


class MakeSchema(Step):
    """The application's own migrations make its tables in the new database, before they are filled."""

    name = "schema"
    title = "Make the application's schema by its own commands"
    back = "Name the application's tables, where their database stays"
    phase = 3
    undo_stage = Undo.TARGET

    def wanted(self, context: Context) -> bool:
        """Whether the runbook has commands for it."""
        return bool(context.runbook.move.schema_commands)

    def plan(self, context: Context) -> list[str]:
        """Its commands."""
        return [shown(command) for command in context.runbook.move.schema_commands]

    def estimate(self, context: Context) -> float:
        """Some seconds for each command."""
        return 10.0 * len(context.runbook.move.schema_commands)

    def check(self, context: Context) -> Facts:
        """What SQLite's schema is known by: these commands must leave it alone."""
        return {"source_schema": _schema_version(context.runbook.source_path)}

    def do(self, context: Context, facts: Facts) -> None:
        """Run move.schema_commands, with the new configuration in their environment."""
        login = context.login
        environment = login.environment()
        for file in context.runbook.environment:
            if file.kind == "env":
                environment |= {key: filled(value, login.words()) for key, value in file.set.items()}
        context.run(context.runbook.move.schema_commands, environment)

    def confirm(self, context: Context, facts: Facts) -> None:
        """Raises CheckFailed where they worked on SQLite: a configuration of their own overruled the new one."""
        now = _schema_version(context.runbook.source_path)
        if now != facts["source_schema"]:
            raise errors.CheckFailed(
                message=f"the schema of {context.runbook.source_path} was changed meanwhile: move.schema_commands do "
                "not work on the new database",
                hint="See that they take DATABASE_URL, or [[environment]]'s keys, from their environment first.",
            )

    def undo(self, context: Context, facts: Facts) -> None:
        """The database goes with the server's set-up where that made it; else its tables stay, and that is told."""
        if _stays(context):
            context.issue("the tables that the application made in the target stay there", "drop them by hand")


class MoveData(Step):
    """litelift migrate, resumed where it was cut off, and its proof."""

    name = "move"
    title = "Move the data, and prove every row"
    back = "Remove the moved data, where its database stays"
    phase = 4
    undo_stage = Undo.TARGET

    def plan(self, context: Context) -> list[str]:
        """The command that does the same."""
        move = context.runbook.move
        words = ["litelift migrate", str(context.runbook.source_path), "(the new database)"]
        words += ["--data-only"] if move.mode == "data-only" else []
        words += ["--plan", move.plan] if move.plan else []
        return [" ".join(words)]

    def estimate(self, context: Context) -> float | None:
        """The preflight's longest, where it was taken."""
        found = context.facts("target-checks").get("estimate_seconds")
        if found:
            return float(found[1])
        try:
            return 2.0 + context.runbook.source_path.stat().st_size / BYTES_SECOND
        except OSError:
            return None

    def check(self, context: Context) -> Facts:
        """What is moved, and how."""
        return {"mode": context.runbook.move.mode}

    def do(self, context: Context, facts: Facts) -> Facts:
        """Move; where a move was begun here before, go on with it, or begin anew if the source is another since."""
        again = bool(facts.get("begun"))
        if not again:
            context.note(begun=True)
        try:
            result = self._migrate(context, again=again)
        except (errors.SourceChanged, errors.TargetNotEmpty, errors.PlanChanged):
            if not again or context.runbook.move.mode != "whole":
                raise
            # It was moved to its end, or from a source that is another by now: the application served in between.
            undo(context.login.url)
            result = self._migrate(context, again=False)
        write_whole(context.folder / RESULT, render_json(result), mode=0o600)
        return _facts(result)

    def _migrate(self, context: Context, *, again: bool) -> MigrationResult:
        runbook = context.runbook
        data_only = runbook.move.mode == "data-only"
        return migrate(
            runbook.source_path,
            context.login.url,
            plan=runbook.folder / runbook.move.plan if runbook.move.plan else None,
            data_only=data_only,
            jobs=runbook.move.jobs,
            resume=again and not data_only,
            on_progress=context.on_progress,
        )

    def confirm(self, context: Context, facts: Facts) -> None:
        """The proof's word, and the runbook's on what needs a person. Raises ProofFailed, AttentionFound."""
        if facts["exit_code"] == 1:
            raise errors.CheckFailed(
                message="the proof found the target unlike the source", hint=f"See {context.folder / RESULT}"
            )
        if facts["exit_code"] == 3:
            said = "; ".join(facts["attention"][:5]) or f"{facts['quarantined']} values or rows in quarantine"
            if context.runbook.move.attention == "stop":
                raise errors.AttentionFound(message=said)
            context.issue(f"the move is proved, and something needs a person: {said}", "listed in the report")

    def undo(self, context: Context, facts: Facts) -> None:
        """Remove what the move made, where the database itself stays."""
        if not facts.get("begun") or not _stays(context):
            return
        if context.runbook.move.mode == "data-only":
            context.issue("the rows that were moved into the application's tables stay there", "drop them by hand")
            return
        try:
            undo(context.login.url)
        except errors.NothingToUndo:
            return


def _schema_version(path: Path) -> int:
    """SQLite's own count of changes to the schema (PRAGMA schema_version)."""
    with closing(open_source(path, check=False)) as source:
        return int(source.connection.execute("pragma schema_version").fetchone()[0])


def _stays(context: Context) -> bool:
    """Whether the database was there before, and stays."""
    target = context.runbook.target
    return isinstance(target, ExistingTarget) and target.url is not None


def _facts(result: MigrationResult) -> Facts:
    seconds = (result.finished - result.started).total_seconds()
    return {
        "exit_code": result.exit_code,
        "run_id": result.run_id,
        "tables": len(result.tables),
        "rows": sum(table.loaded for table in result.tables),
        "quarantined": sum(table.quarantined_rows for table in result.tables),
        "attention": [notice.message for notice in result.notices if notice.level == "attention"],
        "seconds": round(seconds, 3),
    }


def moved_bytes(context: Context) -> int:
    """Bytes of the database in PostgreSQL now."""
    with connect(context.login.url) as connection:
        return database_bytes(connection)


def result_path(folder: Path) -> Path:
    """Where a run keeps the move's result, as JSON."""
    return folder / RESULT
