"""The command litelift: its subcommands, each in a file of its name."""

from __future__ import annotations

import gc
import os
import signal
import sys
from io import TextIOWrapper
from types import FrameType
from typing import Annotated, Any

import typer

from litelift import __version__
from litelift.cli.arguments import hide_passwords
from litelift.cli.commands import Commands

# Imported now: a signal may come while anything else is.
from litelift.ended import Ended
from litelift.errors import LiteliftError, UsageError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

app = typer.Typer(
    name="litelift",
    cls=Commands,
    help="Move a production application from SQLite to PostgreSQL, and prove that nothing was lost.",
    epilog="Exit status: 0 moved and proved; 3 moved and proved, and something needs a person; 1 failed; "
    "2 the words of the command, or a plan file, are wrong.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from litelift.compiled import path_words

        sys.stdout.write(f"litelift {__version__} ({path_words()})\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; raises SystemExit, as a rule, and no signal changes then with what the process ends."""
    try:
        _run()
    finally:
        # All is told: the interpreter, which tidies up, would meet one with a traceback, or end by it.
        for number in SIGNALS:
            if signal.getsignal(number) is _end:
                signal.signal(number, signal.SIG_IGN)


def _run() -> None:
    hide_passwords()
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for number in SIGNALS:
        # nohup has SIGHUP ignored, and means it.
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _end)
    try:
        code = app(standalone_mode=False)
        if (asked := _asked()) is not None and code == 128 + asked and not Ended.told:
            # It came before the command's own words: typer makes an exit of it.
            _tell_stopped(asked)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; what was done is done.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_failed(1))
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _tell(LiteliftError(message=f"the output could not be written: {error.strerror}"))
        sys.exit(_failed(1))
    except (Exception, KeyboardInterrupt) as error:
        # A signal before the command had begun, or after it; typer makes an exception of its own of it.
        if (asked := _asked()) is not None:
            if not Ended.told:
                _tell_stopped(asked)
            sys.exit(128 + asked)
        # The command line's own errors, whose classes moved from click into typer.
        if not hasattr(error, "format_message"):
            raise
        sys.exit(_wrong_words(error))
    # The process ends: looking for garbage once more among all that was imported takes a tenth of a second.
    gc.freeze()
    sys.exit(code if isinstance(code, int) else 0)


def _open_closed() -> None:
    """Open what the caller has closed: Python has None in its place, and the next file would get its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, mode))


def _tell_stopped(number: int) -> None:
    """Tell of a signal that came before the command had begun, or after it."""
    if "--json" in sys.argv[1:]:
        # Nothing is imported here: the signal may have come while anything was.
        error = '{"kind": "Interrupted", "message": "stopped", "hint": "", "notes": []}'
        sys.stdout.write(f'{{"error": {error}, "exit_code": {128 + number}}}\n')
        sys.stdout.flush()
    sys.stderr.write("stopped\n")


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended(number)


def _asked() -> int | None:
    return Ended.asked


def _tell(error: LiteliftError, *, json: bool = False) -> None:
    from litelift.cli.output import Output, tell_error

    tell_error(Output(json=json), error)


def _wrong_words(error: Any) -> int:
    """Tell what is wrong with the words of the command, without a password that may be among them."""
    from litelift.redact import text as redact

    context = getattr(error, "ctx", None)
    named = [word for word in sys.argv[1:2] if word.isalpha()]
    command = context.command_path if context is not None else " ".join(["litelift", *named])
    message = " ".join(redact(error.format_message()).split())
    message = message.replace(": Value error, ", ": ").replace(": Input should be ", ": it should be ")
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
    else:
        told = UsageError(message=message[:1].lower() + message[1:].rstrip("."), hint=f"See: {command} --help")
        told.exit_code = _failed(told.exit_code)
        _tell(told, json="--json" in sys.argv[1:])
        if "--nagios" in sys.argv[1:] and "--json" not in sys.argv[1:] and _failed(2) == 3:
            from litelift.monitor.nagios import failed

            sys.stdout.write(failed(told.message) + "\n")
    return _failed(2)


def _failed(status: int) -> int:
    """The exit status of an error: 3 for what is called as a plugin of Nagios, whose 1 and 2 speak of the database."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    return 3 if words[:2] == ["monitor", "check"] else status
