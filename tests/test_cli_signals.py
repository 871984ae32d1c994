"""A signal that asks to end is told as such, wherever in the command it comes and whatever becomes of its exception."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# bpo-45274: an exception that a signal raises in a lock of the interpreter's may come out as a RuntimeError.
CHANGED = """
import os, signal, sys, time
from litelift.move import progress

def tell(self, sign):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    except KeyboardInterrupt:
        raise RuntimeError("release unlocked lock")

progress.Timeline.tell = tell
from litelift.cli.main import main
main()
"""
EARLY = """
import os, signal, time
import litelift.cli.main as command

def app(**options):
    os.kill(os.getpid(), signal.SIGNAL)
    time.sleep(10)

command.app = app
command.main()
"""


def run(script: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_what_a_signal_became_on_its_way_is_still_told_as_stopped(make_sqlite: Callable[..., Path]) -> None:
    ran = run(CHANGED, "migrate", make_sqlite("create table t(a)"), "postgresql://nobody@127.0.0.1:1/none")
    assert ran.returncode == 143, ran
    assert ran.stderr.splitlines()[-1] == "stopped"
    assert "release unlocked lock" not in ran.stderr


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_before_the_command_has_begun_shows_no_traceback(name: str, status: int) -> None:
    script = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n" + EARLY
    ran = run(script.replace("signal.SIGNAL", f"signal.{name}"))
    assert ran.returncode == status, ran
    assert ran.stderr == "stopped\n"
