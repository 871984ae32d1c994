"""litelift backup revert."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from litelift.cli.backup_words import Folder, What, check_name, require_terminal, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag
from litelift.errors import UsageError
from litelift.report.format import milliseconds


def revert(
    what: What = None,
    folder: Folder = None,
    kept: Annotated[
        str | None,
        typer.Option(
            "--kept",
            metavar="DATABASE",
            help="The database to go back to. Left out: the one that the last restore has kept.",
            show_default=False,
        ),
    ] = None,
    confirm: Annotated[
        str | None,
        typer.Option(
            "--confirm",
            metavar="DATABASE",
            help="The live database's name, which is asked for otherwise.",
            show_default=False,
        ),
    ] = None,
    admin: Annotated[
        str | None,
        typer.Option("--admin", metavar="SERVER", help="A login that may rename both.", show_default=False),
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0.1, max=3600, help="Seconds for which nobody may come in, at most.")
    ] = 10.0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Take `restore --over` back: the database from before serves again, and the restored one stays beside.

    What was written to the restored one stays in it, under its new name.
    """
    from litelift.backup.beside import marked
    from litelift.backup.names import kept_name
    from litelift.backup.restore import live_name
    from litelift.backup.subject import subject, with_admin
    from litelift.backup.switch import revert as switch_back

    output = Output(json, quiet, verbose)
    with told_of(output, what, folder):
        of = with_admin(subject(what, folder), admin)
        login, live = of.admin or of.dsn, live_name(of)
        ours = [one for one in marked(login) if one.mark.kind == "kept" and one.mark.of == live]
        chosen = [one for one in ours if kept is None or one.name == kept]
        if not chosen:
            names = ", ".join(one.name for one in ours) or "none"
            raise UsageError(message=f"no restore over {live} has kept such a database; there is {names}")
        back = max(chosen, key=lambda one: one.mark.at)
        if confirm is None:
            require_terminal("litelift backup revert", live)
            output.err.print(Text(f"This puts {back.name} in the place of {live}, whose sessions are ended."))
        # Taken back once more, it is the one from before that steps aside.
        aside = kept_name(live) if back.name.startswith(f"{live}_restored_") else None
        check_name(output, live, confirm)
        with of.store.held():
            done = switch_back(login, live, back.name, aside, seconds=wait)
        if json:
            output.document({**done.model_dump(mode="json"), "exit_code": 0})
            return
        output.say(
            Text.assemble(
                ("Reverted: ", "bold"),
                f"{back.name} is {live} again, which was away for {milliseconds(1000 * done.downtime_seconds)}",
            ),
            f"  the one that served until now is kept as {done.kept_name}",
        )
