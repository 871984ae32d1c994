"""litelift report: the completion report of a move that is done."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told, write_output
from litelift.errors import RunNotFound
from litelift.folder import folder_beside
from litelift.move.journal import last_result
from litelift.postgres.connect import names_server, normalized, open_server
from litelift.postgres.login import where
from litelift.report import read_report, render_html, render_json, render_markdown
from litelift.result import MigrationResult
from litelift.sqlite.open import path_of

if TYPE_CHECKING:
    from litelift.cutover.runs import Run


class Format(StrEnum):
    """The report's forms."""

    md = "md"
    html = "html"
    json = "json"


def report(
    place: Annotated[
        str | None,
        typer.Argument(
            metavar="WHERE",
            help="The target's URL, the SQLite file that was moved, its .litelift folder, or a report.json; of a "
            "cutover its litelift.toml, or the run's folder [default: the newest report in or below this folder].",
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="Markdown, HTML or JSON.")] = Format.md,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where it goes [default: stdout].")
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Print the completion report of the last move or cutover, from its target or from its files."""
    output = Output(json, quiet, verbose)
    with told(output):
        where = place if place is not None else _newest()
        text, quoted = _made(where, Format.json if json else form)
        text = text if text.endswith("\n") else text + "\n"
        if output_file is None:
            sys.stdout.write(text)
            return
        write_output(output_file, text, quoted)
        if not quiet:
            output.err.print(f"The report is in {output_file}", markup=False)


def _made(place: str, form: Format) -> tuple[str, Path]:
    """The report, and the file whose content it quotes."""
    run = None if "://" in place else _run_of(Path(place))
    if run is not None:
        # A migration's report does without the runbook.
        from litelift.cutover.report import render as cutover

        report = cutover.report_of_folder(run.folder)
        of_cutover = {
            Format.md: cutover.render_markdown,
            Format.html: cutover.render_html,
            Format.json: cutover.render_json,
        }
        return of_cutover[form](report), run.journal.path
    result = _read(place)
    render = {Format.md: render_markdown, Format.html: render_html, Format.json: render_json}
    return render[form](result), Path(result.source.path)


def _run_of(path: Path) -> Run | None:
    """The run of a cutover that ``path`` names: its folder, a file in it, all runs' folder, or the runbook."""
    from litelift.cutover.read import read_runbook
    from litelift.cutover.runs import last_run, read_run

    if path.suffix == ".toml" and path.is_file():
        run = last_run(read_runbook(path).state)
        if run is None:
            raise RunNotFound(where=path, hint="Nothing has been done with this runbook yet.")
        return run
    folder = path if path.is_dir() else path.parent
    return read_run(folder) or (last_run(folder) if path.is_dir() else None)


def _newest() -> str:
    here = Path()
    patterns = ("*.litelift", "*/*.litelift", "litelift-cutover/*", "*/litelift-cutover/*")
    found = [path for pattern in patterns for path in here.glob(f"{pattern}/report.json")]
    if not found:
        raise RunNotFound(where="this folder")
    return str(max(found, key=lambda path: path.stat().st_mtime))


def _read(place: str) -> MigrationResult:
    if names_server(place):
        dsn = normalized(place)
        server, connection = open_server(dsn)
        with connection:
            found = last_result(connection)
        if found is None:
            raise RunNotFound(where=server.display)
        try:
            return MigrationResult.model_validate(found)
        except ValidationError:
            raise RunNotFound(where=where(dsn), hint="It was made by another version of litelift.") from None
    path = path_of(place)
    beside = folder_beside(path)
    return read_report(beside if path.is_file() and beside.is_dir() and path.suffix != ".json" else path)
