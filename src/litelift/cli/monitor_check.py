"""litelift monitor check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from litelift.cli.monitor_words import Folder, What
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, told
from litelift.errors import LiteliftError, UsageError

if TYPE_CHECKING:
    from litelift.monitor.run import Looked
    from litelift.monitor.watched import Watched
    from litelift.monitor.words import Language

LANGUAGES = ("en", "az")
UNKNOWN = 3
"""How the command ends where it cannot look: what 1 and 2 say is said of the database."""

Chosen = Annotated[
    list[str] | None,
    typer.Option(
        "--check",
        metavar="NAME",
        help="Only this check; may be given several times. Left out: all that [monitor] does not ignore.",
        show_default=False,
    ),
]
In = Annotated[
    str,
    typer.Option("--language", metavar="|".join(LANGUAGES), help="In which language it is said; the JSON's texts too."),
]
Nagios = Annotated[
    bool, typer.Option("--nagios", help="Print what a plugin of Nagios or Icinga prints: one line, the data, the rest.")
]


def check(
    what: What = None,
    chosen: Chosen = None,
    folder: Folder = None,
    language: In = "en",
    nagios: Nagios = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Look once at everything, and say what is wrong and what to do about it: a line for each check.

    Exits 0 where all is well, 1 for a warning, 2 for something critical, 3 where something cannot be known, as plugins
    of Nagios do. Writes nothing.
    """
    from litelift.monitor.finding import EXIT

    output = Output(json, quiet, verbose)
    with told(output, failed=UNKNOWN):
        from litelift.monitor.watched import watched

        with _as_plugin(output, nagios and not json):
            spoken = _language(language)
            looked = _looked(watched(what, folder), chosen or [])
        code = EXIT[looked.state]
        _say(output, looked, nagios, spoken)
    if code:
        raise typer.Exit(code)


@contextmanager
def _as_plugin(output: Output, nagios: bool) -> Iterator[None]:
    """Say on stdout, which is all that Nagios reads, why nothing could be looked at."""
    try:
        yield
    except Exception as error:
        if nagios:
            from litelift.monitor.nagios import failed
            from litelift.redact import text

            message = error.message if isinstance(error, LiteliftError) else f"{type(error).__name__}: {error}"
            output.plain(failed(text(message)))
        raise


def _language(name: str) -> Language:
    """The language of that name. Raises UsageError."""
    from litelift.monitor.words import LANGUAGES as SPOKEN

    for one in SPOKEN:
        if one == name:
            return one
    raise UsageError(message=f"no language is called {name}", hint=f"There are: {', '.join(SPOKEN)}.")


def _looked(of: Watched, names: list[str]) -> Looked:
    from dataclasses import replace

    from litelift.monitor.against import SERVER, chosen
    from litelift.monitor.checks import CHECKS
    from litelift.monitor.past import past_of
    from litelift.monitor.run import look_at

    if names:
        # What somebody asks for is not ignored.
        kept = [one for one in of.settings.ignore if one not in names]
        of = replace(of, settings=of.settings.model_copy(update={"ignore": kept}))
    with past_of(of.folder) as past:
        server = not names or SERVER in names
        looked = look_at(of, chosen(names) if names else CHECKS, past=past, server=server)
    if server:
        return looked
    # The server's own is told where it is the reason that the others could not be made.
    told = [one for one in looked.findings if one.check != SERVER or one.state != "ok"]
    return replace(looked, findings=tuple(told))


def _say(output: Output, looked: Looked, nagios: bool, language: Language) -> None:
    if output.json:
        from litelift.monitor.document import document

        output.document(document(looked.at, looked.seconds, looked.findings, language))
    elif nagios:
        from litelift.monitor.nagios import plugin_output

        output.plain(plugin_output(looked, language))
    else:
        from litelift.cli.monitor_check_view import say

        say(output, looked, language)
