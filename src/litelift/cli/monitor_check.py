"""litelift monitor check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.text import Text

from litelift.cli.monitor_words import Folder, What
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told

if TYPE_CHECKING:
    from litelift.monitor.finding import Finding, State
    from litelift.monitor.run import Looked

_STYLES = {"ok": "green", "warning": "yellow", "critical": "bold red", "unknown": "magenta"}


def check(
    what: What = None,
    folder: Folder = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Look once at everything, and say what is wrong and what to do about it: a line for each check.

    Exits 0 where all is well, 1 for a warning, 2 for something critical, 3 where something cannot be known, as plugins
    of Nagios do.
    """
    from litelift.monitor.finding import EXIT
    from litelift.monitor.run import look_at
    from litelift.monitor.watched import watched

    output = Output(json, quiet, verbose)
    with told(output):
        looked = look_at(watched(what, folder))
        code = EXIT[looked.state]
        if json:
            output.document(_document(looked, code))
        else:
            _say(output, looked)
    if code:
        raise typer.Exit(code)


def _say(output: Output, looked: Looked) -> None:
    from litelift.monitor.words import said, title, to_do

    wrong = [finding for finding in looked.findings if finding.state != "ok"]
    output.say(_headline(looked.state, looked.findings))
    for finding in wrong if output.quiet else looked.findings:
        head = f"{finding.state.upper():<9}"
        name = title(finding.check) + (f" {finding.about}" if finding.about else "")
        output.say(Text.assemble((head, _STYLES[finding.state]), (name, "bold"), f": {said(finding)}"))
        if (do := to_do(finding)) is not None:
            output.say(Text(f"         {do}"))


def _headline(state: State, findings: tuple[Finding, ...]) -> Text:
    from litelift.report.format import count

    if state == "ok":
        return Text(f"OK: {count(len(findings), 'check')}, all well", style=_STYLES[state])
    parts = [f"{n} {name}" for name in ("critical", "warning", "unknown") if (n := _number(findings, name))]
    return Text(f"{state.upper()}: of {count(len(findings), 'check')} {', '.join(parts)}", style=_STYLES[state])


def _number(findings: tuple[Finding, ...], state: str) -> int:
    return sum(finding.state == state for finding in findings)


def _document(looked: Looked, code: int) -> dict[str, Any]:
    from litelift.monitor.words import said, title, to_do

    return {
        "state": looked.state,
        "at": looked.at.isoformat(),
        "seconds": round(looked.seconds, 3),
        "checks": [
            {**finding.document, "title": title(finding.check), "said": said(finding), "to_do": to_do(finding)}
            for finding in looked.findings
        ],
        "exit_code": code,
    }
