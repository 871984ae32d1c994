"""What is done once a process of the tests is gone, however it ended: no server that it started outlives it."""

from __future__ import annotations

import functools
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SHELL = r"""
trap '' HUP INT TERM
commands=
while IFS= read -r line; do commands="$commands
$line"; done
eval "$commands"
"""
"""It reads until whoever writes is gone."""
_STOP = (
    'find "$1" -maxdepth 3 -name postmaster.pid | while IFS= read -r file; do pid=$(head -n 1 "$file"); '
    'case "$(ps -o comm= -p "$pid")" in postgres*) kill -QUIT "$pid";; *) continue;; esac; tries=0; '
    'while kill -0 "$pid" && [ $tries -lt 600 ]; do sleep 0.1; tries=$((tries + 1)); done; done'
)


@functools.cache
def _shell() -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["sh", "-c", _SHELL],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def afterwards(*command: str | Path, environment: Mapping[str, str] | None = None) -> None:
    """Have a command run when this process has ended: it finds nothing to do where all went well."""
    words = ["env", *(f"{name}={value}" for name, value in (environment or {}).items()), *map(str, command)]
    line = shlex.join(words)
    assert "\n" not in line, line
    stdin = _shell().stdin
    assert stdin is not None
    stdin.write(line + "\n")
    stdin.flush()


def servers_end(folder: Path) -> None:
    """Have the servers end then whose data folders are in ``folder``."""
    afterwards("sh", "-c", _STOP, "sh", folder)


def goes(folder: Path) -> None:
    """Have a temporary folder removed then, once the servers in it have ended."""
    servers_end(folder)
    afterwards("rm", "-rf", folder)
