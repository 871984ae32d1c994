"""The state of now, at a terminal: what is not well, what to do about it, and what changed last."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from rich.console import Group
from rich.live import Live
from rich.text import Text

from litelift.cli.monitor_watch_lines import STYLES, clock, finding_words, lines
from litelift.cli.output import Output
from litelift.monitor.watch import Round, Watch
from litelift.monitor.words import to_do
from litelift.report.format import age, count, duration

_GRAVEST = ("critical", "warning", "unknown")
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
    shown = [head, Text()]
    since = {incident.key: incident for incident in look.open}
    for finding in sorted(wrong, key=lambda finding: _GRAVEST.index(finding.state)):
        incident = since.get(finding.key)
        lasts = f"  (for {age(incident.seconds(look.at))})" if incident is not None else ""
        shown.append(Text.assemble(*finding_words(finding), (lasts, "dim")))
        if (do := to_do(finding)) is not None:
            shown.append(Text(f"         {do}"))
    if changes:
        shown += [Text(), Text("Changes", style="bold"), *changes]
    return Group(*shown, Text(), Text("Ctrl-C ends it.", style="dim"))
