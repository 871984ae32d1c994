"""Runs the project's own commands: with a time-out, their output kept, their end looked at."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from litelift.cutover.settings import Command
from litelift.errors import CommandFailed
from litelift.redact import text as redact

TAIL = 12
"""Lines of a failed command's output that its error repeats; the whole is in the file that it names."""


def words_of(command: Command) -> list[str]:
    """What is executed: a text is the shell's, a list is taken as it is."""
    return ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)


def shown(command: Command) -> str:
    """The command as a person would type it, without passwords."""
    return redact(command if isinstance(command, str) else " ".join(command))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command came to its end."""

    status: int
    """Its exit status; of one that a signal ended, the signal's number, negative."""
    seconds: float
    output: str
    """What it printed."""

    @property
    def how(self) -> str:
        """The status in words."""
        return f"ended with {self.status}" if self.status >= 0 else f"was killed by {signal.Signals(-self.status).name}"


def finish(
    command: Command, folder: Path, output: Path, timeout: float, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run ``command`` in ``folder`` to its end, whatever that is, and add what it prints to the file ``output``.

    It is a session of its own: a Ctrl-C on the terminal is litelift's to answer, and after ``timeout`` seconds it is
    ended with all that it started. A service that it leaves behind in another session stays. Raises CommandFailed
    where it cannot be started, or has no end in time.
    """
    began = time.monotonic()
    output.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
        with contextlib.suppress(OSError):
            # On a full disk too, the command that starts the application again has to be run.
            file.write(f"$ {shown(command)}\n".encode())
            file.flush()
        at = file.tell()
        try:
            process = subprocess.Popen(
                words_of(command),
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandFailed(command=shown(command), how=f"cannot be started: {error.strerror}") from None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            how = f"was ended after {timeout:g} s"
            raise CommandFailed(command=shown(command), how=how, hint=_hint(output, _said(output, at))) from None
        except BaseException:
            _end(process)
            raise
    return Ended(status, time.monotonic() - began, _said(output, at))


def run_command(
    command: Command, folder: Path, output: Path, timeout: float, environment: Mapping[str, str] | None = None
) -> float:
    """Run ``command`` as `finish` does, and return the seconds it took. Raises CommandFailed for another end than 0."""
    ended = finish(command, folder, output, timeout, environment)
    if ended.status:
        raise CommandFailed(command=shown(command), how=ended.how, hint=_hint(output, ended.output))
    return ended.seconds


def run_commands(
    commands: Sequence[Command],
    folder: Path,
    output: Path,
    timeout: float,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run one after the other; the first that fails ends it."""
    for command in commands:
        run_command(command, folder, output, timeout, environment)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
        break
    process.wait()


def _said(output: Path, at: int) -> str:
    with output.open("rb") as file:
        file.seek(at)
        return file.read().decode("utf-8", "replace")


def _hint(output: Path, said: str) -> str:
    told = "\n".join(f"  {redact(line)}" for line in said.rstrip().splitlines()[-TAIL:])
    return f"It said (the whole is in {output}):\n{told}" if told else "It said nothing."
