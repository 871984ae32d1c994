"""How litelift monitor check looks at a terminal: by groups, and below what is wrong what to do, and of what."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.text import Text

from litelift.cli.output import Output
from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import Finding, State
from litelift.monitor.run import Looked
from litelift.monitor.words import Language, about, catalogue, said, terminal, title, to_do
from litelift.monitor.words.format import formatted
from litelift.report.text import MAX_VALUE

STYLES: dict[State, str] = {"ok": "green", "warning": "yellow", "critical": "bold red", "unknown": "magenta"}
_SHOWN = 3
"""Objects of what is wrong, unless all are asked for."""
_WIDTH = 60
"""Characters of a value of theirs, unless all is asked for."""
_STATES: tuple[State, ...] = ("critical", "warning", "unknown")
_INDENT = " " * 11
"""Below what stands after the longest of English's states."""
_SPECS = {"seconds": "duration", "percent": "percent", "share": "percent", "bytes": "bytes", "size": "bytes"}
"""How a fact of an object is written, by the last word of its name."""


def say(output: Output, looked: Looked, language: Language = "en") -> None:
    """Print it; with --quiet what is wrong alone. The last line sums it up."""
    shown = [one for one in looked.findings if not output.quiet or one.state != "ok"]
    groups = {check.name: check.group for check in CHECKS}
    for group, findings in groupby(shown, key=lambda one: groups.get(one.check, "server")):
        if not output.quiet:
            output.say(Text(catalogue(language)["groups"][group], style="bold underline"))
        for finding in findings:
            for line in _lines(finding, output.verbose, language):
                output.say(*_wrapped(output, line))
        if not output.quiet:
            output.say("")
    output.say(_summary(looked, language))


def _wrapped(output: Output, line: Text) -> list[Text]:
    """At a terminal what does not fit the line goes on below its beginning; else it stays one line for a program."""
    if not sys.stdout.isatty():
        return [line]
    out = output.out
    width = max(out.width - len(_INDENT), 40)
    if line.plain.startswith(_INDENT):
        return [Text(_INDENT) + one for one in line[len(_INDENT) :].wrap(out, width)]
    if line.cell_len <= out.width:
        return [line]
    first, *rest = line.wrap(out, out.width)
    after = line[len(first.plain) :] if rest else Text()
    after = after[len(after.plain) - len(after.plain.lstrip()) :]
    return [first, *(Text(_INDENT) + one for one in after.wrap(out, width) if one)]


def _lines(finding: Finding, verbose: bool, language: Language) -> Iterator[Text]:
    name = title(finding.check, language) + (f" {formatted(finding.about, '', language)}" if finding.about else "")
    state = (f"  {catalogue(language)['states'][finding.state]:<8} ", STYLES[finding.state])
    yield Text.assemble(state, (name, "bold" if finding.state != "ok" else ""), ": ", said(finding, language))
    if verbose:
        yield Text(f"{_INDENT}{about(finding.check, language)}", style="dim")
    if (do := to_do(finding, language)) is not None:
        yield Text(f"{_INDENT}{do}", style="cyan")
    if finding.state != "ok" or verbose:
        yield from _objects(finding, verbose, language)


def _objects(finding: Finding, verbose: bool, language: Language) -> Iterator[Text]:
    """What it speaks of, one below the other."""
    items = finding.items if verbose else finding.items[:_SHOWN]
    for item in items:
        yield Text(f"{_INDENT}- {', '.join(_pairs(item, MAX_VALUE if verbose else _WIDTH, language))}", style="dim")
    if left := len(finding.items) - len(items):
        yield Text(f"{_INDENT}  {terminal('verbose', language, n=left)}", style="dim")


def _pairs(item: Any, limit: int, language: Language) -> Iterator[str]:
    for name, value in item.items():
        if value not in (None, ""):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            plain = str(value) if isinstance(value, int) else _short(formatted(value, "", language), limit)
            spec = _SPECS.get(name.rpartition("_")[2], "") if number else ""
            yield f"{name.replace('_', ' ')} {formatted(value, spec, language) if spec else plain}"


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _summary(looked: Looked, language: Language) -> Text:
    state = (catalogue(language)["states"][looked.state], STYLES[looked.state])
    counted = [(one, number(looked.findings, one)) for one in _STATES]
    wrong = ", ".join(terminal(one, language, n=n) for one, n in counted if n)
    key = "wrong" if wrong else "well"
    return Text.assemble(state, ": ", terminal(key, language, n=len(looked.findings), parts=wrong))


def number(findings: Sequence[Finding], state: State) -> int:
    """How many are in a state."""
    return sum(finding.state == state for finding in findings)
