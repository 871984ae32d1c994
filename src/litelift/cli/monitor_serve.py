"""litelift monitor serve."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from litelift.cli.monitor_words import Folder, What
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told


def serve(
    what: What = None,
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Listen here; elsewhere than on 127.0.0.1 with a password or token only."),
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0: any that is free.")] = None,
    socket: Annotated[Path | None, typer.Option(metavar="FILE", help="A Unix socket, instead of an address.")] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the token is that programs show (mode 0600).")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the password is that people type (mode 0600).")
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate with its chain, in PEM.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its key, if it is not in the same file.")
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(metavar="PATH", help="Below which path a reverse proxy shows it.")
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="A reverse proxy whose X-Forwarded-For is believed; may be given more than once."
        ),
    ] = None,
    folder: Folder = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Show a dashboard of the database and all around it in a browser, until Ctrl-C.

    It looks by itself where no litelift monitor watch does. It writes nothing but its samples. What is left out of the
    words is as [monitor.serve] has it; a password and a token are never among them, for others see the words of a
    process: LITELIFT_MONITOR_PASSWORD and LITELIFT_MONITOR_TOKEN, or files.
    """
    output = Output(json, quiet, verbose)
    with told(output):
        from litelift.errors import MissingPart

        try:
            import prometheus_client  # noqa: F401
            import starlette  # noqa: F401
            import uvicorn  # noqa: F401
        except ImportError as error:
            raise MissingPart(
                what="the dashboard",
                package=error.name,
                hint="Install it with: pip install 'litelift[monitor]'",
            ) from None
        from litelift.monitor.settings import Serve
        from litelift.monitor.watched import watched
        from litelift.monitor.web.chosen import chosen
        from litelift.monitor.web.serve import serve as served

        given: dict[str, Any] = {
            "host": host,
            "port": port,
            "root_path": root_path,
            "trusted_proxies": trusted_proxy or None,
        }
        files = (socket, token_file, password_file, tls_certificate, tls_key)
        names = ("socket", "token_file", "password_file", "tls_certificate", "tls_key")
        given.update({name: str(file) for name, file in zip(names, files, strict=True) if file is not None})
        of = watched(what, folder)
        wanted = chosen(of, Serve(**{name: value for name, value in given.items() if value is not None}))

        def ready(urls: list[str]) -> None:
            output.document({"urls": urls}) if json else output.say(f"The dashboard of {of.label}: {' '.join(urls)}")
            if not quiet and not wanted.here_alone and wanted.certificate is None and not wanted.proxies:
                output.err.print(
                    "Without TLS the password can be read on its way: --tls-certificate, or a proxy with it."
                )
            output.out.file.flush()

        served(of, wanted, ready=ready, say=lambda line: None if quiet else output.err.print(line, markup=False))
        _leave()


def _leave() -> None:
    """End, though a look is still being made: it only reads, and may wait long for what does not answer."""
    if threading.active_count() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
