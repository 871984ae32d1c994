"""litelift migrate SRC [DST]: the main job."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer

from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.cli.progress import ProgressView
from litelift.cli.summary import summary
from litelift.folder import folder_beside
from litelift.move.progress import OnProgress, Progress
from litelift.move.run import migrate as move
from litelift.plan.file import PlanFile
from litelift.postgres.retry import PATIENCE_SECONDS
from litelift.result import MigrationResult
from litelift.sqlite.open import source_path

SourceWords = Annotated[str, typer.Argument(metavar="SRC", help="The SQLite file: a path, or sqlite:///path.")]
TargetWords = Annotated[
    str | None,
    typer.Argument(
        metavar="DST",
        help="A libpq URL or keyword string. Left out, an embedded PostgreSQL is started beside the source.",
    ),
]
PlanPath = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="A plan file, as `litelift plan` makes it.")
]


class OnMisfit(StrEnum):
    """What values that do not fit their declared type do."""

    auto = "auto"
    widen = "widen"
    quarantine = "quarantine"
    fail = "fail"


class PostgresVersion(StrEnum):
    """The embedded server's major versions."""

    v16 = "16"
    v18 = "18"


OnMisfitWord = Annotated[
    OnMisfit | None,
    typer.Option("--on-misfit", help="What values do that do not fit their declared type; the plan file overrules it."),
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, max=64, help="Worker processes [default: by the source's size].")
]
Postgres = Annotated[PostgresVersion, typer.Option("--postgres", help="The embedded PostgreSQL's major version.")]


def migrate(
    src: SourceWords,
    dst: TargetWords = None,
    plan: PlanPath = None,
    data_only: Annotated[
        bool, typer.Option("--data-only", help="Fill the tables that the application made in the target.")
    ] = False,
    on_misfit: OnMisfitWord = None,
    jobs: Jobs = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a move that did not end; begin one where there is none.")
    ] = False,
    patience: Annotated[
        float,
        typer.Option("--patience", metavar="SECONDS", min=0, help="How long to wait for a server that is away."),
    ] = PATIENCE_SECONDS,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Where the report goes [default: SRC.litelift].")
    ] = None,
    postgres: Postgres = PostgresVersion.v16,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Move a SQLite database to PostgreSQL and prove that nothing was lost.

    Reads every value first (nothing is written before all trouble is known), loads with COPY, builds keys, indexes and
    constraints, then reads every row back and compares it with the source by content. What does not fit is kept in
    litelift.quarantine with its key and its original bytes. A move that is interrupted keeps what it has loaded: go on
    with it by --resume, or take it back by litelift undo.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        result = run(
            output,
            src,
            dst,
            plan=plan,
            data_only=data_only,
            on_misfit=on_misfit,
            jobs=jobs,
            postgres=int(postgres),
            resume=resume,
            patience=patience,
        )
        finish(output, result, report or folder_beside(source_path(src)))


def run(
    output: Output,
    src: str | Path,
    dst: str | None,
    *,
    plan: PlanFile | Path | None = None,
    data_only: bool = False,
    on_misfit: OnMisfit | None = None,
    jobs: int | None = None,
    postgres: int = 16,
    resume: bool = False,
    patience: float = PATIENCE_SECONDS,
) -> MigrationResult:
    """Move, showing the progress."""
    with ProgressView(output.err, output.quiet) as view:
        return move(
            src,
            dst,
            plan=plan,
            data_only=data_only,
            on_misfit=on_misfit.value if on_misfit else None,
            jobs=jobs,
            differences=None if output.json else 20,
            postgres=postgres,
            resume=resume,
            patience=patience,
            on_progress=Ahead(view),
        )


class Ahead:
    """Hands signs of life on; while the rows are compared, it prepares what the report is made of."""

    def __init__(self, view: OnProgress) -> None:
        """``view`` gets the signs."""
        self.view = view
        self.prepared = False

    def __call__(self, sign: Progress) -> None:
        """Take a sign of life."""
        if sign.phase == "prove" and not self.prepared:
            self.prepared = True
            Thread(target=_prepare, daemon=True).start()
        self.view(sign)


def _prepare() -> None:
    from litelift.report.render import prepare

    prepare()


def finish(output: Output, result: MigrationResult, folder: Path, first: Collection[str] = ()) -> None:
    """Write the report, print the summary (the tables ``first`` before others), and exit with the result's status."""
    from litelift.report import render_json, write_report

    written: list[Path] = []
    problem = ""
    try:
        written = write_report(result, folder)
    except OSError as error:
        # The target holds the result too; a read-only folder is no reason to call a proved move failed.
        problem = f"the report could not be written to {folder} ({error.strerror}); litelift report DST makes it again"
    if output.json:
        file = next((path for path in written if path.suffix == ".json"), None)
        output.document(file.read_text(encoding="utf-8") if file else render_json(result))
    else:
        summary(output, result, written, first)
    if problem:
        output.err.print(problem, markup=False)
    raise typer.Exit(result.exit_code)
