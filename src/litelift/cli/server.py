"""litelift server start|stop|status: the embedded PostgreSQL of a source."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.postgres import embedded
from litelift.sqlite.open import path_of

app = typer.Typer(
    help="Start, stop or look at the embedded PostgreSQL beside a SQLite file.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
Place = Annotated[str, typer.Argument(metavar="SRC", help="The SQLite file that was moved, or the server's folder.")]


def _folder(place: str) -> Path:
    path = path_of(place)
    return embedded.find_folder(path) or embedded.folder_for(path)


@app.command()
def start(place: Place, json: JsonFlag = False, quiet: QuietFlag = False, verbose: VerboseFlag = False) -> None:
    """Start the embedded PostgreSQL again, and print how to connect."""
    output = Output(json, quiet, verbose)
    with told(output):
        folder = _folder(place)
        embedded.status(folder)
        _show(output, embedded.start(folder), place)


@app.command()
def stop(place: Place, json: JsonFlag = False, quiet: QuietFlag = False, verbose: VerboseFlag = False) -> None:
    """Stop the embedded PostgreSQL; its data stays."""
    output = Output(json, quiet, verbose)
    with told(output):
        _show(output, embedded.stop(_folder(place)), place)


@app.command()
def status(place: Place, json: JsonFlag = False, quiet: QuietFlag = False, verbose: VerboseFlag = False) -> None:
    """Say whether the embedded PostgreSQL runs, and how to connect."""
    output = Output(json, quiet, verbose)
    with told(output):
        _show(output, embedded.status(_folder(place)), place)


def _show(output: Output, server: embedded.EmbeddedServer, place: str) -> None:
    name = embedded.database_for(embedded.source_of(server.folder))
    url = embedded.database_url(server.url, name) if server.url else None
    if output.json:
        output.document(
            {
                "folder": str(server.folder),
                "version": server.version,
                "pid": server.pid,
                "running": bool(url),
                "url": url,
            }
        )
    elif url:
        output.say(
            f"PostgreSQL {server.version} in {server.folder} runs (process {server.pid})", f"Connect: psql '{url}'"
        )
    else:
        output.say(
            f"PostgreSQL {server.version} in {server.folder} is stopped",
            f"Start it: litelift server start {quote(place)}",
        )
