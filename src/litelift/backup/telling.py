"""Tells of a scheduled run's begin, end and failure: the system's log, a webhook, a command of the project."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import syslog
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litelift.backup import webhook
from litelift.backup.settings import Tell
from litelift.backup.status import RunRecord
from litelift.cutover.commands import words_of
from litelift.redact import text as redact
from litelift.report.text import visible

IDENT = "litelift-backup"
LINE_BYTES = 900
"""Of a line in the system's log: a whole message is 1,024 bytes at most (RFC 3164, section 4.1)."""
COMMAND_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Teller:
    """Who is told of the runs of ``project``; commands run in its ``folder``."""

    tell: Tell
    project: str
    folder: Path
    store: Path

    def clean(self, words: str) -> str:
        """Words in one line, without a secret."""
        for secret in filter(None, (self.tell.webhook, os.environ.get(self.tell.webhook_env or ""))):
            words = words.replace(secret, "***")
        return visible(" ".join(redact(words).split()))

    def begun(self, record: RunRecord) -> None:
        """Tell of the begin; the status file has it already."""
        self.log(syslog.LOG_INFO, f"begun: backup of {self.project} into {self.store}")

    def ended(self, record: RunRecord, *, hurry: bool = False) -> list[str]:
        """Tell of the end; who could not be told, and why.

        ``hurry``: the machine is shutting down, perhaps; what fails is not tried again.
        """
        about = f"backup of {self.project} into {self.store}"
        if record.ok:
            self.log(syslog.LOG_INFO, f"ended: {about}: {record.message}")
        for failure in record.failures:
            self.log(syslog.LOG_ERR, f"failed: {about}: {failure}")
        for note in record.notes:
            self.log(syslog.LOG_WARNING, f"needs a person: {about}: {note}")
        untold = self._tell_others(record, hurry) if self.tell.success or not record.ok else []
        for one in untold:
            self.log(syslog.LOG_ERR, f"could not be told: {about}: {one}")
        return untold

    def _tell_others(self, record: RunRecord, hurry: bool) -> list[str]:
        document = {
            "event": "backup succeeded" if record.ok else "backup failed",
            "project": self.project,
            "host": socket.gethostname(),
            "folder": str(self.store),
            **record.model_dump(mode="json", exclude={"untold"}),
        }
        untold = []
        if (wrong := self._post(document, hurry)) is not None:
            untold.append(self.clean(f"the webhook: {wrong}"))
        if self.tell.command is not None and (wrong := self._command(document)) is not None:
            untold.append(self.clean(f"the command: {wrong}"))
        return untold

    def _post(self, document: dict[str, Any], hurry: bool) -> str | None:
        address, variable = self.tell.webhook, self.tell.webhook_env
        if variable is not None and not (address := os.environ.get(variable)):
            return f"the environment has no {variable}"
        return webhook.post(address, document, **({"attempts": 1} if hurry else {})) if address else None

    def _command(self, document: dict[str, Any]) -> str | None:
        with tempfile.TemporaryFile() as said:
            try:
                process = subprocess.Popen(
                    words_of(self.tell.command or ""),
                    cwd=self.folder,
                    stdin=subprocess.PIPE,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                return f"it cannot be started: {error.strerror}"
            try:
                process.communicate(json.dumps(document).encode(), COMMAND_SECONDS)
            except BaseException as error:
                _kill(process)
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                return f"it was ended after {COMMAND_SECONDS:g} s"
            if process.returncode == 0:
                return None
            said.seek(max(0, said.seek(0, os.SEEK_END) - 2000))
            lines = said.read().decode("utf-8", "replace").strip().splitlines()
        return f"it ended with {process.returncode}" + (f" ({lines[-1]})" if lines else "")

    def log(self, priority: int, words: str) -> None:
        """Write a line into the system's log, where that is wanted."""
        if not self.tell.syslog:
            return
        line = self.clean(words).encode()[:LINE_BYTES].decode("utf-8", "ignore")
        syslog.openlog(IDENT, syslog.LOG_PID, syslog.LOG_DAEMON)
        # Where the machine has no log, it is told to nobody (syslog(3)).
        syslog.syslog(priority, line)
        syslog.closelog()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def tell_unknown(what: str | None, error: Exception) -> None:
    """Tell the system's log of a run that cannot begin, for what it is about cannot be read."""
    nowhere = Path()
    teller = Teller(Tell(), "", nowhere, nowhere)
    teller.log(syslog.LOG_ERR, f"failed: backup of {what or 'this folder'}: {getattr(error, 'message', error)}")
