"""litelift monitor, and what belongs to it: each command in the file monitor_NAME.py."""

from __future__ import annotations

import typer

from litelift.cli.monitor_advise import advise
from litelift.cli.monitor_baseline import baseline
from litelift.cli.monitor_check import check
from litelift.cli.monitor_export import export
from litelift.cli.monitor_serve import serve
from litelift.cli.monitor_watch import watch

app = typer.Typer(
    help="The watch: whether the moved system is well, now and over the years.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    pass


app.command("check")(check)
app.command("baseline")(baseline)
app.command("export")(export)
app.command("advise")(advise)
app.command("serve")(serve)
app.command("watch")(watch)
