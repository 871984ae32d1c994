"""litelift backup create."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from litelift.cli.backup_view import BackupView
from litelift.cli.backup_words import Folder, What, again, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag
from litelift.report.format import count, duration, size


def create(
    what: What = None,
    folder: Folder = None,
    recipient: Annotated[
        list[str] | None,
        typer.Option(
            "--recipient",
            "-r",
            metavar="KEY",
            help="Encrypt it for this recipient of age's, or those in this file. Several may be named.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="custom or directory. Left out: [backup] format."),
    ] = None,
    compress: Annotated[
        str | None,
        typer.Option("--compress", metavar="METHOD", help="zstd, gzip or none. Left out: [backup] compress."),
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, max=64, help="Tables at once.")] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Dump the database, with a manifest of what every table holds; whole, or not at all.

    Rows and a content digest of every table are read at the dump's own snapshot, so that a drill can prove it.
    """
    from litelift.backup import create as backups
    from litelift.backup.subject import changed, subject

    output = Output(json, quiet, verbose)
    with told_of(output, what, folder), BackupView(output.err, quiet or json) as view:
        of = changed(subject(what, folder), recipients=recipient, format=format_, compress=compress, jobs=jobs)
        made = backups.create(of, on_sign=view)
        manifest = made.read()
        if json:
            output.document({**manifest.model_dump(mode="json"), "folder": str(made.folder), "exit_code": 0})
            return
        rows = f"{count(manifest.rows, 'row')} in {count(len(manifest.tables), 'table')}"
        secret = ", encrypted" if manifest.encryption is not None else ""
        output.say(
            Text.assemble(
                ("Backed up: ", "bold"),
                f"{made.name}: {size(manifest.bytes)}{secret}, {rows}, in {duration(manifest.seconds)}",
            ),
            f"  {made.folder}",
        )
        if not quiet:
            output.say("Prove it by restoring it: litelift backup drill" + again(what, folder))
