"""A machine of a test's own, as far as cron and the system's log go: another /dev/log, crontab, /etc/cron.d and zone.

Real programs in a mount namespace (unshare(1)): nothing of it is seen outside, and nothing of the outside is changed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import litelift
from command import Ran

_PREPARE = """
set -e
mount -t tmpfs -o mode=755 none "$1"
cd "$1"
mkdir dev dev/shm run cron cron/crontabs cron.d
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mount --bind /dev/shm dev/shm
ln -s /proc/self/fd dev/fd
mount --rbind dev /dev
mount --bind run /run
chown root:crontab cron/crontabs
chmod 1730 cron/crontabs
mount --bind cron /var/spool/cron
mount --bind cron.d /etc/cron.d
touch crontab
if [ -e /etc/crontab ]; then mount --bind crontab /etc/crontab; fi
if [ -n "$2" ]; then mount --bind "$2" "$(readlink -f /etc/localtime)"; fi
echo ready
exec sleep infinity
"""


@dataclass
class PrivateMachine:
    """One that is there."""

    pid: int
    """Of a process in it."""
    folder: Path
    """Of the test's own, the same inside and outside."""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def words(self, *words: str | Path) -> list[str]:
        """How a program is called in it."""
        return ["nsenter", f"--target={self.pid}", "--mount", "env", "-C", str(self.folder), *map(str, words)]

    def call(self, *words: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a program in it to its end."""
        return subprocess.run(self.words(*words), input=given, capture_output=True, timeout=300, check=False)

    def litelift(self, *words: str | Path, **environment: str) -> Ran:
        """Run litelift in it, in the test's folder."""
        called = self.words("env", *(f"{name}={value}" for name, value in environment.items()))
        python = [sys.executable, "-P", "-m", "litelift"]
        done = subprocess.run(
            [*called, f"PYTHONPATH={source()}", *python, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str | Path) -> None:
        """Start a program in it, which ends with it."""
        self.running.append(subprocess.Popen(self.words(*words), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    @property
    def log(self) -> Path:
        """The system's log."""
        return self.folder / "messages"

    def start_syslog(self) -> None:
        """Start a syslog daemon, and wait until it listens."""
        self.start("busybox", "syslogd", "-n", "-O", self.log)
        wait_for(lambda: self.call("test", "-S", "/dev/log").returncode == 0, "a syslog daemon that listens")

    def crontab(self) -> bytes:
        """The crontab of root."""
        return self.call("crontab", "-l").stdout


@contextlib.contextmanager
def private_machine(*programs: str, zone: str | None = None) -> Iterator[PrivateMachine]:
    """A machine with these programs, where it is that time zone. Skips the test where one is missing."""
    if os.geteuid() != 0:
        pytest.skip("only root has cron and a system's log of its own")
    for program in ("unshare", "nsenter", "mount", *programs):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} here")
    if not Path("/var/spool/cron").is_dir():
        pytest.skip("there is no cron here")
    where = ""
    if zone is not None:
        where = f"/usr/share/zoneinfo/{zone}"
        if not Path(where).exists() or not Path("/etc/localtime").exists():
            pytest.skip(f"there is no time zone {zone} here (tzdata)")
    with tempfile.TemporaryDirectory(prefix="litelift-machine-") as place:
        folder, inside = Path(place), Path(place) / "inside"
        folder.chmod(0o755)
        inside.mkdir()
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _PREPARE, "sh", str(inside), where]
        holder = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        machine = PrivateMachine(holder.pid, folder)
        try:
            assert holder.stdout is not None and holder.stderr is not None
            if holder.stdout.readline() != b"ready\n":
                pytest.skip(f"no namespace can be made here: {holder.stderr.read().decode()}")
            yield machine
        finally:
            for process in (*machine.running, holder):
                process.kill()
                process.wait()


def source() -> Path:
    """Where litelift is imported from: cron's environment is poor."""
    return Path(litelift.__file__).parent.parent


def wait_for(met: object, what: str, seconds: float = 120) -> None:
    """Wait for a state."""
    assert callable(met)
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.05)
