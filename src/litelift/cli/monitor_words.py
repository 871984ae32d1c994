"""The words that the commands of litelift monitor have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from litelift.cli.backup_words import What as What

Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        metavar="DIR",
        help="Where the baseline and the samples lie. Left out: [monitor] folder.",
        show_default=False,
    ),
]
