"""The command litelift: its subcommands, each in a file of its name."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from litelift import __version__
from litelift.cli import demo, inspect, migrate, plan, report, server, verify

app = typer.Typer(
    name="litelift",
    help="Move a production application from SQLite to PostgreSQL, and prove that nothing was lost.",
    epilog="Exit status: 0 moved and proved; 3 moved and proved, and something needs a person; 1 failed; "
    "2 the words of the command, or a plan file, are wrong.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    pretty_exceptions_enable=False,
)
app.command("demo", short_help="Make an ATİS-sized database, move it, prove it.")(demo.demo)
app.command("inspect", short_help="What is in there, what will be hard, what is proposed.")(inspect.inspect)
app.command("plan", short_help="The proposal for a move as an editable file.")(plan.plan)
app.command("migrate", short_help="Move a database and prove that nothing was lost.")(migrate.migrate)
app.command("verify", short_help="Compare every row of both databases, by content.")(verify.verify)
app.command("report", short_help="The completion report: Markdown, HTML, JSON.")(report.report)
app.add_typer(server.app, name="server", short_help="Start, stop or look at the embedded PostgreSQL.")


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"litelift {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    try:
        app()
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; what was done is done.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
