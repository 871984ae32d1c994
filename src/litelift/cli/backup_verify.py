"""litelift backup verify."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from litelift.cli.backup_view import BackupView
from litelift.cli.backup_words import Folder, Identity, Name, What, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, headed
from litelift.report.format import size


def verify(
    what: What = None,
    folder: Folder = None,
    name: Name = None,
    every: Annotated[bool, typer.Option("--all", help="All of them; else the newest.")] = False,
    identity: Identity = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Compare every byte of a backup with its manifest, and have pg_restore read its archive to the end.

    It is no proof that it can be restored: that is `litelift backup drill`. Exits 1 where one is damaged.
    """
    from litelift.backup import verify as verifying
    from litelift.backup.encryption import identities
    from litelift.backup.subject import settings_of, store_of

    output = Output(json, quiet, verbose)
    with told_of(output, what, folder), BackupView(output.err, quiet or json) as view:
        store = store_of(what, folder)
        keys = identities(identity) if identity else []
        tools = settings_of(what).tools
        chosen = store.backups() if every else [store.newest() if name is None else store.find(name)]
        looks = []
        with store.looked_at() as kept:
            for backup in chosen:
                look = verifying.verify(store, backup, identities=keys, tools=tools, keep=kept, on_sign=view)
                looks.append((backup, look))
        bad = [backup for backup, look in looks if not look.ok]
        if json:
            found = [{"name": backup.name, **look.model_dump(mode="json")} for backup, look in looks]
            output.document({"backups": found, "kept": kept, "exit_code": 1 if bad else 0})
        for backup, look in looks:
            if look.ok:
                read = "" if look.facts.get("archive_read") else "; its archive was not read: that needs --identity"
                told_ = f"{backup.name}: {size(int(look.facts['bytes']))}, as it was made{read}"
                output.say(headed("Verified: ", told_))
            else:
                output.say(Text.assemble(("Damaged: ", "bold red"), f"{backup.name}: {look.message}"))
        if not kept:
            output.say(Text(f"Not kept: nothing can be written to {store.path}", style="yellow"))
        if bad:
            raise typer.Exit(1)
