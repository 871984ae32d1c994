"""litelift backup drill."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from litelift.cli.backup_view import BackupView
from litelift.cli.backup_words import Folder, Identity, Name, What, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, headed
from litelift.errors import UsageError
from litelift.report.format import count, duration


def drill(
    what: What = None,
    folder: Folder = None,
    name: Name = None,
    beside: Annotated[
        bool, typer.Option("--beside", help="Restore to a database beside the live one, on its server.")
    ] = False,
    scratch: Annotated[
        bool, typer.Option("--scratch", help="Restore to a server of its own, on this machine.")
    ] = False,
    identity: Identity = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Restore a backup somewhere else, compare every table with its manifest, time it, and keep the result.

    Exits 1 where what comes out is not what was backed up. What was restored is removed.
    """
    from litelift.backup import drill as drilling
    from litelift.backup.encryption import identities
    from litelift.backup.subject import settings_of, store_of, subject

    output = Output(json, quiet, verbose)
    with told_of(output, what, folder), BackupView(output.err, quiet or json) as view:
        if beside and scratch:
            raise UsageError(message="--beside and --scratch exclude each other")
        settings, store = settings_of(what), store_of(what, folder)
        done = drilling.drill(
            store,
            store.newest() if name is None else store.find(name),
            settings,
            where="beside" if beside else "scratch" if scratch else settings.drill,
            live=lambda: subject(what, folder),
            identities=identities(identity) if identity else [],
            on_sign=view,
        )
        look = done.look
        if json:
            code = 0 if look.ok else 1
            output.document({"name": done.backup.name, **look.model_dump(mode="json"), "exit_code": code})
        elif look.ok:
            facts = look.facts
            rows = f"{count(int(facts['tables']), 'table')}, {count(int(facts['rows']), 'row')}: every digest equal"
            told_ = f"{done.backup.name}, restored in {duration(look.seconds)} to {facts['server']}; {rows}"
            output.say(headed("Drilled: ", told_))
        else:
            output.say(Text.assemble(("Failed: ", "bold red"), f"{done.backup.name}: {look.message}"))
        if not look.ok:
            raise typer.Exit(1)
