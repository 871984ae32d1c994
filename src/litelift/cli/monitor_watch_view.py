"""The state of now, at a terminal: what is not well, what to do about it, and what changed last."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from rich.console import Group
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from litelift.cli.monitor_watch_lines import STYLES, clock, finding_words, lines
from litelift.cli.output import Output
from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import Finding
from litelift.monitor.watch import Round, Watch
from litelift.monitor.words.kept import to_do
from litelift.report.format import age, count, duration

_GRAVEST = ("critical", "warning", "unknown")
_ORDER = {check.name: number for number, check in enumerate(CHECKS)}
LAST = 8
"""Changes that stay to be seen."""


def show(output: Output, watch: Watch, looks: Iterator[Round]) -> None:
    """Show each look in the place of the one before."""
    changes: deque[Text] = deque(maxlen=LAST)
    with Live(Text("looking ..."), console=output.out, auto_refresh=False, transient=True) as live:
        for look in looks:
            changes.extend(Text.assemble(*line) for line in lines(watch.watched, look, first=False))
            live.update(_view(watch, look, changes), refresh=True)


def _view(watch: Watch, look: Round, changes: deque[Text]) -> Group:
    wrong = [finding for finding in look.standing if finding.state != "ok"]
    head = Text.assemble(
        (f" {look.state.upper()} ", f"reverse {STYLES[look.state]}"),
        (f" {watch.watched.label}", "bold"),
        f"  {clock(look.at)}  {count(len(look.standing), 'check')}, {len(wrong)} not well;"
        f" {duration(look.seconds)}, every {watch.every:g} s",
    )
    shown: list[Text | Padding] = [head, Text()]
    since = {incident.key: incident for incident in look.open}
    # From look to look each stays where it is.
    for finding in sorted(wrong, key=_place):
        incident = since.get(finding.key)
        lasts = f"  (for {age(incident.seconds(look.at))})" if incident is not None else ""
        shown.append(Text.assemble(*finding_words(finding), (lasts, "dim")))
        if (do := to_do(finding)) is not None:
            shown.append(Padding(Text(do), (0, 0, 0, 9)))
    if changes:
        shown += [Text(), Text("Changes", style="bold"), *changes]
    return Group(*shown, Text(), Text("Ctrl-C ends it.", style="dim"))


def _place(finding: Finding) -> tuple[int, int, str]:
    return _GRAVEST.index(finding.state), _ORDER.get(finding.check, len(_ORDER)), finding.about
