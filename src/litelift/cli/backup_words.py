"""The words that the commands of litelift backup have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

What = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE|SERVER]",
        help="A litelift.toml, a server's URL or keywords, or the SQLite file whose embedded PostgreSQL is meant. "
        "Left out: the litelift.toml in this folder.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="DIR", help="Where the backups lie. Left out: [backup] folder.", show_default=False
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--backup", "-b", metavar="NAME", help="Which backup; the beginning of its name will do.", show_default=False
    ),
]
Identity = Annotated[
    list[Path] | None,
    typer.Option(
        "--identity",
        "-i",
        metavar="FILE",
        help="A secret key of age's or SSH's. Several may be named.",
        show_default=False,
    ),
]
