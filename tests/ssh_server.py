"""OpenSSH's own server, for one test: its own keys, port and configuration, and whoever runs the test as its user."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from broken import free_port, wait_for


@dataclass(frozen=True)
class Sshd:
    """A server, and what opens it."""

    port: int
    folder: Path
    user: str

    @property
    def key(self) -> Path:
        """A secret key that it lets in."""
        return self.folder / "key"

    def known_hosts(self, port: int, key: str = "host_key.pub") -> Path:
        """A file by which it is known at ``port``."""
        kind, data = (self.folder / key).read_text().split()[:2]
        path = self.folder / f"known_hosts_{port}_{key}"
        path.write_text(f"[127.0.0.1]:{port} {kind} {data}\n")
        return path


@contextlib.contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """Start one that keeps its files in ``folder``; the test is skipped where there is none."""
    program = shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if program is None or shutil.which("ssh-keygen") is None:
        pytest.skip("openssh-server is not installed")
    folder.mkdir(mode=0o700)
    for name in ("host_key", "other_host_key", "key", "other_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "authorized_keys").write_bytes((folder / "key.pub").read_bytes())
    if os.geteuid() == 0:
        # Where it separates its privileges: made by its service, which need never have been started.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder / 'host_key'}",
        f"AuthorizedKeysFile {folder / 'authorized_keys'}",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "StrictModes no",
        "UsePAM no",
        "PidFile none",
        "Subsystem sftp internal-sftp",
    ]
    config = folder / "sshd_config"
    # Since 9.8 it makes a client wait whose connection broke off.
    for more in (["PerSourcePenalties no"], []):
        config.write_text("\n".join([*lines, *more]) + "\n")
        if subprocess.run([program, "-t", "-f", config], capture_output=True, check=False).returncode == 0:
            break
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stderr=log)
    try:
        wait_for(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, (folder / "log").read_text()
        yield Sshd(port, folder, getpass.getuser())
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
