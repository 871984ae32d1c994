"""litelift monitor, and what belongs to it: each command in the file monitor_NAME.py, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import typer

from litelift.cli.commands import Commands


class _Commands(Commands):
    modules = "litelift.cli.monitor_"
    helps: ClassVar[Mapping[str, str]] = {
        "check": "Look once, and say what is wrong and what to do about it.",
        "baseline": "Record what is normal, which the checks compare with.",
        "export": "Print what Prometheus and Grafana need.",
        "advise": "Say what would make it faster or safer, and why.",
        "serve": "Show a dashboard of the database and all around it.",
        "watch": "Look every 15 seconds, keep it, and tell what changes.",
    }


app = typer.Typer(
    cls=_Commands,
    help="The watch: whether the moved system is well, now and over the years.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    pass
