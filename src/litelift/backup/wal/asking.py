"""Asks an archiving tool what it knows: its own program, words that nobody can paste into, and an end in time."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from litelift.redact import text as redact
from litelift.report.format import duration

SECONDS = 60.0
"""For all that one tool is asked."""


class Unanswered(Exception):
    """The tool could not be asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """The document on stdout. Raises Unanswered where it is none."""
        try:
            return json.loads(self.out)
        except ValueError:
            raise Unanswered(self.said or "it answered with no JSON") from None

    @property
    def said(self) -> str:
        """What it wrote beside, as one line, without secrets."""
        return redact(" ".join(self.err.split())[-500:])


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: ``user`` is the number of the server's user, None where nobody knows it.

    The words of an archive_command are those of whoever rules the server. Root therefore asks as the server's own
    user, who runs them anyway; anybody else asks as himself.
    """

    user: int | None
    deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def ask(self, program: str, *words: str, before: tuple[str, ...] = (), own: bool = False) -> Answer:
        """Run a program of PATH to its end. ``own``: as whoever runs litelift, for it names its own user.

        Raises Unanswered.
        """
        found = [shutil.which(name) for name in (*before[:1], program)]
        if None in found:
            missing = [program, *before[:1]][0 if found[-1] is None else 1]
            raise Unanswered(f"{missing} is not installed here, or not on the PATH")
        line = [*(str(found[0]), *before[1:]), str(found[-1])] if before else [str(found[-1])]
        try:
            process = subprocess.Popen(
                [*line, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
                cwd="/",
                **({} if own else self._as()),
            )
        except OSError as error:
            raise Unanswered(f"{program} cannot be started: {error.strerror}") from None
        try:
            out, err = process.communicate(timeout=max(self.deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            raise Unanswered(f"{program} gave no answer within {duration(SECONDS)}") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                with suppress(subprocess.TimeoutExpired):
                    # What it has left in another session may hold its output open.
                    process.communicate(timeout=1)
        return Answer(process.returncode, out, err)

    def _as(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        if not self.user:
            raise Unanswered("litelift runs as root, and whose the server is cannot be known: run it as that user")
        try:
            who = pwd.getpwuid(self.user)
        except KeyError:
            raise Unanswered(f"the server's user ({self.user}) is none of this machine's") from None
        # Root's environment may hold what is not the server's to know.
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "TZ")}
        return {
            "user": who.pw_uid,
            "group": who.pw_gid,
            "extra_groups": os.getgrouplist(who.pw_name, who.pw_gid),
            "env": {**kept, "HOME": who.pw_dir, "USER": who.pw_name},
        }
