"""litelift demo: make an ATİS-sized database, move it, prove it, show the report."""

from __future__ import annotations

import shutil
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from litelift.cli.migrate import finish, run
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.cli.progress import ProgressView
from litelift.demo import COUNTS, make_demo
from litelift.folder import folder_beside
from litelift.move.progress import Progress
from litelift.postgres import embedded


class Size(StrEnum):
    """The demo's sizes."""

    small = "small"
    full = "full"


def demo(
    size: Annotated[
        Size, typer.Option("--size", help="small: some MB, in seconds. full: 702 MB, as theirs was.")
    ] = Size.small,
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where the demo lives.")] = Path("demo"),
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Make a database like ATİS, move it to an embedded PostgreSQL, prove it, and show the report.

    ATİS is Azerbaijan's education management system: 158 tables, 418 users, 360 institutions, 5,449 grades. The data is
    invented; its blemishes are of the kinds that real databases have, so the demo ends with status 3.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        path = folder / f"atis-{size.value}.sqlite"
        folder.mkdir(parents=True, exist_ok=True)
        plan = path.with_name(f"{path.stem}.plan.toml")
        if _remove_moved(path) and not (json or quiet):
            output.say(f"Removed the server of the demo that was moved before in {folder}")
        if not path.exists():
            with ProgressView(output.err, quiet) as view:
                made = make_demo(
                    path,
                    size=size.value,
                    on_progress=lambda stage, done, total: view(
                        Progress("open", f"Make the demo: {stage}", done, total)
                    ),
                )
            plan = made.plan
            if not (json or quiet):
                counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in COUNTS.items())
                output.say(f"Made {path}: {made.tables} tables, {counts}", f"Its plan is {plan}", "")
        finish(output, run(output, path, None, plan=plan), folder_beside(path), first=COUNTS)


def _remove_moved(path: Path) -> bool:
    """Remove the embedded server and the report of an earlier demo, so that it can be moved again."""
    kept = folder_beside(path)
    if not kept.exists():
        return False
    server = embedded.folder_for(path)
    if (server / "PG_VERSION").exists():
        embedded.stop(server)
    shutil.rmtree(kept)
    return True
