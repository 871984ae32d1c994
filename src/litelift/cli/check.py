"""litelift check SRC [DST]: everything that can be known before a move, and a verdict."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from litelift.cli.migrate import Jobs, OnMisfitWord, PlanPath, Postgres, PostgresVersion, SourceWords
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.cli.progress import ProgressView
from litelift.preflight.check import check as look
from litelift.preflight.findings import CheckResult, Finding, Level
from litelift.report.format import count, duration

SHOWN = 12
"""Findings of one kind that are shown."""
_STYLES: dict[Level, str] = {"blocker": "bold red", "attention": "yellow", "note": "default", "ok": "green"}


def check(
    src: SourceWords,
    dst: Annotated[
        str | None,
        typer.Argument(
            metavar="DST",
            help="A libpq URL or keyword string. Left out, it is looked at whether an embedded PostgreSQL can be made.",
        ),
    ] = None,
    plan: PlanPath = None,
    data_only: Annotated[
        bool, typer.Option("--data-only", help="Look at filling the tables that the application made in the target.")
    ] = False,
    on_misfit: OnMisfitWord = None,
    jobs: Jobs = None,
    postgres: Postgres = PostgresVersion.v16,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Look at everything that can be known before a move, and say whether it can begin.

    Looks at the source (is it whole, who writes to it), the target (rights, connections, what is there already), the
    disk, the clocks and the plan. Writes nothing. Exits 0 where all is ready, 3 where something also needs a person,
    and 1 where a move could not begin.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        with ProgressView(output.err, quiet or json) as view:
            result = look(
                src,
                dst,
                plan=plan,
                data_only=data_only,
                on_misfit=on_misfit.value if on_misfit else None,
                jobs=jobs,
                postgres=int(postgres),
                on_progress=lambda sign: view(sign) if sign.done and not sign.finished else None,
            )
        if json:
            output.document(result)
        else:
            _show(output, result)
        raise typer.Exit(result.exit_code)


def _show(output: Output, result: CheckResult) -> None:
    if not output.quiet:
        output.say(f"{result.source.path} → {result.target.display if result.target else 'an embedded PostgreSQL'}", "")
        output.out.print(_table(result, output.verbose))
        output.say("")
        if result.estimate_seconds is not None:
            least, longest = result.estimate_seconds
            output.say(
                f"Time: about {duration(least)} to {duration(longest)}, with a server as fast as this machine", ""
            )
    blockers, person = len(result.at("blocker")), len(result.at("attention"))
    counts = []
    if blockers:
        counts.append(f"{count(blockers, 'thing stands', 'things stand')} in the way")
    if person:
        counts.append(f"{count(person, 'thing needs', 'things need')} a person")
    verdict = result.verdict[:1].upper() + result.verdict[1:]
    output.say(f"{verdict}{': ' if counts else ''}{', '.join(counts)}")


def _table(result: CheckResult, all_: bool) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, width=None if all_ else 80)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding, more in _shown(result.findings, all_):
        style = _STYLES[finding.level]
        words = Text(_printable(finding.message))
        if finding.way_out:
            words.append(f"\n→ {_printable(finding.way_out)}", style="dim")
        if more:
            words.append(f"\nand {more:,} more of this kind (--verbose)", style="dim")
        table.add_row(Text(finding.level, style=style), Text(finding.about), words)
    return table


def _shown(findings: list[Finding], all_: bool) -> list[tuple[Finding, int]]:
    """The findings to show, each with how many of its kind are left out after it."""
    by_kind: dict[tuple[Level, str], list[Finding]] = {}
    for finding in findings:
        by_kind.setdefault((finding.level, finding.kind), []).append(finding)
    shown = []
    for (level, _), found in by_kind.items():
        most = len(found) if all_ else 1 if level == "note" else SHOWN
        left = len(found) - min(most, len(found))
        shown += [(one, left if place == most - 1 else 0) for place, one in enumerate(found[:most])]
    return shown


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)
