"""The words that the commands of litelift monitor have in common."""

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
        "--folder",
        metavar="DIR",
        help="Where the baseline and the samples lie. Left out: [monitor] folder.",
        show_default=False,
    ),
]
