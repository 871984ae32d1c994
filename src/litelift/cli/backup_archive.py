"""litelift backup archive: SQLite files and old backups into one archive; the archives there are; out of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.errors import UsageError


def archive(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="SQLite files; before them a litelift.toml, if not the one here. None: the file that was moved, and "
            "what [archive] files match. With --list: the folder; with --extract: the archive.",
        ),
    ] = None,
    backup: Annotated[
        list[str] | None, typer.Option("--backup", "-b", metavar="NAME", help="A backup to put in; may be repeated.")
    ] = None,
    older_than: Annotated[
        int | None, typer.Option("--older-than", metavar="DAYS", min=0, help="Put in the backups older than that.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="The archive (default: in [archive] folder).")
    ] = None,
    keep_days: Annotated[
        int | None,
        typer.Option("--keep-days", metavar="DAYS", min=1, max=36500, help="How long to keep it (default: 90)."),
    ] = None,
    remove: Annotated[
        bool,
        typer.Option("--remove", help="Remove the backups that are in it, once it was read back and compared."),
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Say which archives there are. Changes nothing.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="With --list: read each, and compare every checksum.")
    ] = False,
    extract: Annotated[
        str | None, typer.Option("--extract", metavar="NAME", help="Take this backup or file out of an archive.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="PATH", help="Where it goes: a folder of backups, or the file, which is new."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="The folder of the backups (default: WHAT's).")
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Put SQLite files and old backups into one compressed tar with checksums.

    Each SQLite file goes in as it is at one moment, while the application may write on. The archive is read back and
    compared. Nothing is removed without --remove, and never a SQLite file, the newest good backup, or the newest that
    a drill has restored. Exits 0, 3 where something needs a person, and 1 where it failed.
    """
    from litelift.cli.backup_archive_make import make
    from litelift.cli.backup_archived import list_archives, take_out

    output_ = Output(json, quiet, verbose)
    with told(output_):
        named = list(words or [])
        making = {"--backup": backup, "--older-than": older_than, "--output": output, "--keep-days": keep_days}
        making["--remove"] = remove or None
        given = [name for name, value in making.items() if value is not None]
        if list_ and extract is not None:
            raise UsageError(message="expected --list or --extract; got both")
        if (list_ or extract is not None) and given:
            raise UsageError(message=f"{given[0]} is for making an archive")
        if verify and not list_:
            raise UsageError(message="--verify belongs to --list", hint="An archive that is made is always read back.")
        if to is not None and extract is None:
            raise UsageError(message="--to belongs to --extract")
        if list_:
            list_archives(output_, named, folder, verify=verify)
        elif extract is not None:
            take_out(output_, named, extract, to, folder)
        else:
            make(output_, named, backup or [], older_than, output, keep_days, folder, remove=remove)
