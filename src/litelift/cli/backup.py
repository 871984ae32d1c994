"""litelift backup, and what belongs to it: each command in the file backup_NAME.py."""

from __future__ import annotations

import typer

from litelift.cli.backup_archive import archive
from litelift.cli.backup_copy import copy
from litelift.cli.backup_create import create
from litelift.cli.backup_drill import drill
from litelift.cli.backup_list import list_backups
from litelift.cli.backup_prune import prune
from litelift.cli.backup_restore import restore
from litelift.cli.backup_revert import revert
from litelift.cli.backup_run import run
from litelift.cli.backup_runbook import runbook
from litelift.cli.backup_schedule import schedule
from litelift.cli.backup_verify import verify

app = typer.Typer(
    help="Backups that are restored before anyone needs them: made, proved, kept, copied, and put back.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("create")(create)
app.command("list")(list_backups)
app.command("verify")(verify)
app.command("drill")(drill)
app.command("runbook")(runbook)
app.command("restore")(restore)
app.command("revert")(revert)
app.command("archive")(archive)
app.command("prune")(prune)
app.command("schedule")(schedule)
app.command("run")(run)
app.command("copy")(copy)
