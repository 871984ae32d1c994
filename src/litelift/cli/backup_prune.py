"""litelift backup prune."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from litelift.cli.backup_words import Folder, What, short, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag
from litelift.report.format import age, count, size
from litelift.report.text import visible

if TYPE_CHECKING:
    from litelift.backup.prune import Judged, Pruned

MOST = 100_000


def prune(
    what: What = None,
    folder: Folder = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go and why; remove nothing.")] = False,
    keep_days: Annotated[
        int | None,
        typer.Option(
            "--keep-days", min=0, max=MOST, metavar="N", help="All of the last N days. Left out: [backup.keep] days."
        ),
    ] = None,
    keep_last: Annotated[
        int | None, typer.Option("--keep-last", min=0, max=MOST, metavar="N", help="The newest N, whatever their age.")
    ] = None,
    keep_daily: Annotated[
        int | None,
        typer.Option("--keep-daily", min=0, max=MOST, metavar="N", help="The newest of each of the newest N days."),
    ] = None,
    keep_weekly: Annotated[
        int | None, typer.Option("--keep-weekly", min=0, max=MOST, metavar="N", help="The same, of weeks.")
    ] = None,
    keep_monthly: Annotated[
        int | None, typer.Option("--keep-monthly", min=0, max=MOST, metavar="N", help="The same, of months.")
    ] = None,
    keep_yearly: Annotated[
        int | None, typer.Option("--keep-yearly", min=0, max=MOST, metavar="N", help="The same, of years.")
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Remove the backups that the policy in [backup.keep] does not keep. A backup stays if any rule keeps it.

    Whatever the policy: the newest good one stays, and the newest that a drill restored. Does not ask: see first with
    --dry-run. Exits 1 where one could not be removed, and 3 where a person should look at something.
    """
    from litelift.backup import prune as pruning
    from litelift.backup.subject import label_of, settings_of, store_of

    output = Output(json, quiet, verbose)
    with told_of(output, what, folder):
        given = {
            "days": keep_days,
            "last": keep_last,
            "daily": keep_daily,
            "weekly": keep_weekly,
            "monthly": keep_monthly,
            "yearly": keep_yearly,
        }
        changed = {rule: number for rule, number in given.items() if number is not None}
        done = pruning.prune(
            store_of(what, folder),
            settings_of(what).keep.model_copy(update=changed),
            project=label_of(what),
            dry_run=dry_run,
        )
        if json:
            counts = {"removed": len(done.removed), "freed_bytes": done.freed}
            output.document({**done.model_dump(mode="json"), **counts, "exit_code": done.exit_code})
        else:
            _tell(output, done)
        raise typer.Exit(done.exit_code)


def _tell(output: Output, done: Pruned) -> None:
    if done.backups and not output.quiet:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("backup", "age", "size", "drilled", "", "why"):
            table.add_column(
                heading,
                justify="right" if heading in ("age", "size") else "left",
                no_wrap=short(one.name for one in done.backups) if heading == "backup" else heading != "why",
                overflow="fold",
            )
        for one in done.backups:
            table.add_row(*_row(one, done))
        output.out.print(table)
    for one in done.failed:
        output.say(Text(f"not removed: {visible(one.name)}: {one.failure}", style="red"))
    for concern in done.concerns:
        output.say(Text(f"note: {visible(concern)}", style="yellow"))
    if done.unrecorded:
        output.say(Text(f"note: the history could not be written: {done.unrecorded}", style="yellow"))
    output.say(_end(done))


def _row(one: Judged, done: Pruned) -> list[Text | str]:
    word = "kept" if one.kept else "would go" if done.dry_run else "removed"
    return [
        Text(visible(one.name)),
        "" if one.started is None else age((done.at - one.started).total_seconds()),
        "" if one.bytes is None else size(one.bytes),
        "yes" if one.drilled else "no" if one.good else Text("damaged", style="red"),
        Text("not removed", style="red") if one.failure else Text(word, style="" if one.kept else "yellow"),
        Text(visible("; ".join(why.words for why in one.reasons))),
    ]


def _end(done: Pruned) -> str:
    if not done.backups:
        return f"There are no backups in {visible(done.folder)}."
    kept = len(done.backups) - len(done.removed)
    word = "would go" if done.dry_run else "removed"
    freed = f", {size(done.freed)} {'would be freed' if done.dry_run else 'freed'}" if done.removed else ""
    return f"{count(len(done.backups), 'backup')}: {kept:,} kept, {len(done.removed):,} {word}{freed}"
