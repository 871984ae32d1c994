"""litelift backup restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from litelift.cli.backup_view import BackupView
from litelift.cli.backup_words import Folder, Identity, Name, What, again, check_name, require_terminal, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, headed
from litelift.errors import UsageError
from litelift.report.format import duration, milliseconds

if TYPE_CHECKING:
    from litelift.backup.restore import Restoration
    from litelift.backup.store import Backup


def restore(
    what: What = None,
    folder: Folder = None,
    name: Name = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            "--archive",
            metavar="FILE",
            help="Take the backup out of this archive first; it is in the folder of the backups then.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DATABASE",
            help="The new database's name. Left out: the old one's, with the backup's moment.",
            show_default=False,
        ),
    ] = None,
    over: Annotated[
        bool,
        typer.Option("--over", help="In the place of the live database, which is backed up before, and kept beside."),
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option(
            "--confirm",
            metavar="DATABASE",
            help="With --over: the live database's name, which is asked for otherwise.",
            show_default=False,
        ),
    ] = None,
    tables: Annotated[
        list[str] | None,
        typer.Option(
            "--table",
            "-t",
            metavar="TABLE",
            help="Only this table's rows: into the new database, or with --over into the live one's table.",
            show_default=False,
        ),
    ] = None,
    admin: Annotated[
        str | None,
        typer.Option(
            "--admin",
            metavar="SERVER",
            help="A login that may make databases and roles. Left out: [backup] admin, or the cutover's.",
            show_default=False,
        ),
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0.1, max=3600, help="Seconds for which nobody may come in, at most.")
    ] = 10.0,
    without_safety: Annotated[
        bool, typer.Option("--without-safety", help="Make no backup of the live database before.")
    ] = False,
    identity: Identity = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Restore a backup: to a new database beside the live one, or with --over in its place.

    It is restored beside and compared with its manifest, row by row; only then does anything get its name. A restore
    that fails leaves what is served as it was. The newest good backup, if none is named. Exits 3 where it is restored
    and something of it is not as it was.
    """
    from litelift.backup import restore as restoring
    from litelift.backup.archived import taken_out
    from litelift.backup.encryption import identities
    from litelift.backup.restore_rows import restore_rows
    from litelift.backup.subject import subject, with_admin

    output = Output(json, quiet, verbose)
    with told_of(output, what, folder):
        if over and to is not None:
            raise UsageError(message="--over and --to exclude each other")
        if not over and (confirm is not None or without_safety):
            raise UsageError(message=f"{'--without-safety' if confirm is None else '--confirm'} is for --over")
        of = with_admin(subject(what, folder), admin)
        backup = of.store.find(name) if archive is None else taken_out(archive, name, of.store)
        keys = identities(identity) if identity else []
        if over:
            _confirm(output, restoring.live_name(of), backup, confirm, tables or [])
        with BackupView(output.err, quiet or json) as view:
            if over and tables:
                done = restore_rows(
                    of, backup, tables, identities=keys, safety=not without_safety, wait=wait, on_sign=view
                )
            elif over:
                done = restoring.restore_over(
                    of, backup, identities=keys, safety=not without_safety, wait=wait, on_sign=view
                )
            else:
                done = restoring.restore_new(of, backup, to=to, tables=tables or [], identities=keys, on_sign=view)
        _tell(output, done, again(what, folder))
        if done.notes:
            raise typer.Exit(3)


def _confirm(output: Output, live: str, backup: Backup, given: str | None, tables: list[str]) -> None:
    """Have the live database's name typed. Raises UsageError, Declined."""
    if given is None:
        require_terminal("litelift backup restore --over", live)
        made = backup.read().started
        what = f"the rows of {', '.join(tables)} in {live}" if tables else live
        output.err.print(Text(f"This puts {backup.name} (of {made:%Y-%m-%d %H:%M} UTC) in the place of {what}."))
        if not tables:
            output.err.print(Text("Its sessions are ended for a moment. It stays beside, under another name."))
    check_name(output, live, given)


def _tell(output: Output, done: Restoration, words: str) -> None:
    from dataclasses import asdict

    if output.json:
        switched = done.switched.model_dump(mode="json") if done.switched is not None else None
        output.document({**asdict(done), "switched": switched, "exit_code": 3 if done.notes else 0})
        return
    took = f"{done.backup} in {duration(done.seconds)}, every row compared"
    output.say(headed("Restored: ", f"{done.database} from {took}"))
    if done.tables and not output.quiet:
        output.say(f"  {', '.join(done.tables)}")
    if done.switched is not None and not output.quiet:
        away = milliseconds(1000 * done.switched.downtime_seconds)
        output.say(f"  away for {away}; the database before is kept as {done.switched.kept_name}")
        output.say(f"  go back to it: litelift backup revert{words}")
    if done.safety is not None and not output.quiet:
        output.say(f"  backed up before, as {done.safety}")
    for note in done.notes:
        output.say(Text(f"  not as it was: {note}", style="yellow"))
