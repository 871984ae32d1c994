"""litelift monitor export."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told


class What(StrEnum):
    """The files."""

    alerts = "alerts"
    grafana = "grafana"
    scrape = "scrape"


def export(
    what: Annotated[
        What,
        typer.Argument(
            metavar="alerts|grafana|scrape",
            help="Alert rules for Prometheus, a dashboard for Grafana, or the job that has Prometheus ask litelift.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there, not to stdout.", show_default=False),
    ] = None,
    address: Annotated[
        str, typer.Option("--address", metavar="HOST:PORT", help="Where litelift monitor serve answers, for scrape.")
    ] = "127.0.0.1:8765",
    token_file: Annotated[
        str, typer.Option("--token-file", metavar="FILE", help="Where Prometheus finds the token, for scrape.")
    ] = "/etc/prometheus/litelift.token",
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Print what Prometheus and Grafana need to read what the watch measures."""
    from litelift.atomic import write_whole
    from litelift.monitor.prometheus.export import exported

    said = Output(json, quiet, verbose)
    with told(said):
        text = exported(what.value, address=address, token_file=token_file)
        if output is not None:
            write_whole(output, text, mode=0o644)
        if json:
            said.document({"kind": what.value, "file": str(output) if output else None, "content": text})
        elif output is None:
            sys.stdout.write(text)
        elif not quiet:
            said.say(f"Written: {output}")
