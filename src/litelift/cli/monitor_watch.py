"""litelift monitor watch."""

from __future__ import annotations

import json as json_text
import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from litelift.cli.monitor_words import Folder, What
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, headed, told
from litelift.errors import UsageError

if TYPE_CHECKING:
    from litelift.monitor.watch import Round
    from litelift.monitor.watched import Watched


def watch(
    what: What = None,
    folder: Folder = None,
    every: Annotated[
        float | None, typer.Option("--every", metavar="SECONDS", help="Between two looks. Left out: [monitor] every.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option("--rounds", metavar="N", min=1, help="End after so many looks.", show_default=False)
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once: for a timer of your own.")] = False,
    test_tell: Annotated[
        bool, typer.Option("--test-tell", help="Tell all who are to be told that this is a test, and end.")
    ] = False,
    systemd: Annotated[
        bool, typer.Option("--systemd", help="Print the unit by which it starts with the machine, and end.")
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Look every 15 seconds, keep what is measured, and tell once what begins and what ends, until Ctrl-C.

    Prints a line for each change; at a terminal it shows the state of now. With --json one document for each look, a
    line each. Exits 0 when it is asked to end, whatever it has seen.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        if every is not None and not 1 <= every <= 3600:
            raise UsageError(message=f"--every {every:g}: expected 1 to 3600 seconds")
        if sum([once or rounds is not None, test_tell, systemd]) > 1 or (once and rounds is not None):
            raise UsageError(message="--once, --rounds, --test-tell and --systemd: choose one")
        if systemd:
            _unit(output, what, folder)
        elif test_tell:
            _test(output, what, folder)
        else:
            _watch(output, what, folder, every, 1 if once else rounds)


def _watch(output: Output, what: What, folder: Folder, every: float | None, rounds: int | None) -> None:
    from litelift.monitor.watch import Watch
    from litelift.monitor.watch_lock import watch_held
    from litelift.monitor.watch_settings import WatchedFile

    file = WatchedFile(what, folder)
    live = sys.stdout.isatty() and not output.json and not output.quiet and rounds is None
    with watch_held(file.watched.folder):
        try:
            made = Watch(file.watched, every=every, changed=file.changed)
            if not output.quiet and not live:
                words = f"Watching {made.watched.label} every {made.every:g} s; Ctrl-C ends it."
                sys.stderr.write(f"{words}\n")
            with closing(made.rounds(rounds)) as looks:
                if live:
                    from litelift.cli.monitor_watch_view import show

                    show(output, made, looks)
                for number, look in enumerate(looks):
                    _say(output, made.watched, look, first=number == 0)
        except KeyboardInterrupt:
            # To be asked to end is how a watch ends.
            return


def _say(output: Output, watched: Watched, look: Round, *, first: bool) -> None:
    from litelift.cli.monitor_watch_lines import document, lines

    if output.json:
        sys.stdout.write(json_text.dumps(document(watched, look)) + "\n")
    else:
        told = lines(watched, look, first=first and not output.quiet)
        if sys.stdout.isatty() and told:
            from rich.text import Text

            output.say(*(Text.assemble(*line) for line in told))
        else:
            sys.stdout.writelines("".join(words for words, _ in line) + "\n" for line in told)
    sys.stdout.flush()


def _test(output: Output, what: What, folder: Folder) -> None:
    from litelift.monitor.news import test_message
    from litelift.monitor.watch import ways_of
    from litelift.monitor.watch_settings import WatchedFile

    watched = WatchedFile(what, folder).watched
    ways = ways_of(watched)
    message = test_message(watched.label, datetime.now(UTC), watched.settings.tell.language)
    if ways.tell.syslog:
        ways.log("info", message.subject)
        output.say("the system's log was written to, where the machine has one")
    results: list[dict[str, Any]] = []
    for way in ways.names:
        untold = ways.send(way, message)
        results.append({"way": way, "told": untold is None, "wrong": untold.wrong if untold else None})
        output.say(f"the {way} was told" if untold is None else headed(untold.wrong, ""))
    if not results:
        output.say("nobody else is to be told: [monitor.tell] names no webhook, mail or command")
    code = 0 if all(result["told"] for result in results) else 1
    if output.json:
        output.document({"log": ways.tell.syslog, "ways": results, "exit_code": code})
    raise typer.Exit(code)


def _unit(output: Output, what: What, folder: Folder) -> None:
    from litelift.backup.job import daily_of
    from litelift.monitor.watch_unit import unit

    name, text = unit(daily_of(what, folder))
    if output.json:
        output.document({"name": name, "text": text, "exit_code": 0})
        return
    sys.stdout.write(text)
    if not output.quiet:
        system = os.geteuid() == 0
        units, words = (
            ("/etc/systemd/system", "systemctl") if system else ("~/.config/systemd/user", "systemctl --user")
        )
        sys.stderr.write(f"For {units}/{name}; then: {words} enable --now {name}\n")
