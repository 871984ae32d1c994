"""A signal ends the command in one word, whenever it comes."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from json import loads
from pathlib import Path

import pytest

from litelift.move.interruption import interrupts


@pytest.mark.parametrize("json", [False, True])
def test_a_signal_that_comes_while_the_command_is_still_imported_is_met_as_any_other(
    tmp_path: Path, json: bool
) -> None:
    script = (
        "import os, signal, sys\n"
        "class Struck:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'rich.console': os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Struck())\n"
        f"sys.argv = ['litelift', 'inspect', 'none.sqlite', *{['--json'] * json}]\n"
        "from litelift.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "stopped\n")
    if json:
        document = loads(done.stdout)
        assert (document["error"]["kind"], document["exit_code"]) == ("Interrupted", 128 + signal.SIGINT)
    else:
        assert done.stdout == ""


@pytest.mark.parametrize("words", ["--version", "inspect none.sqlite"])
def test_a_signal_that_comes_when_all_is_told_changes_nothing(words: str, tmp_path: Path) -> None:
    script = (
        "import atexit, os, signal, sys\n"
        "if sys.argv[1] == 'struck':\n"
        "    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):\n"
        "        atexit.register(os.kill, os.getpid(), number)\n"
        f"sys.argv = 'litelift {words}'.split()\n"
        "from litelift.cli.main import main\n"
        "main()\n"
    )
    ends = []
    for how in ("left alone", "struck"):
        command = [sys.executable, "-c", script, how]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        ends.append((done.returncode, done.stdout, done.stderr))
    assert ends[0] == ends[1]


def test_an_error_that_comes_of_a_signal_keeps_what_is_done() -> None:
    try:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("release unlocked lock")  # noqa: B904
    except RuntimeError as error:
        assert interrupts(error)
    assert not interrupts(RuntimeError("release unlocked lock"))
    assert not interrupts(ValueError())


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_caller_that_has_closed_a_stream_is_no_error(tmp_path: Path, closed: str) -> None:
    words = f"exec {shlex.quote(sys.executable)} -m litelift backup prune --folder . --dry-run {closed}"
    done = subprocess.run(["sh", "-c", words], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (f"There are no backups in {tmp_path}.\n" if closed == "2>&-" else "")
