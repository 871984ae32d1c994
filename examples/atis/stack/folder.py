"""The folder that an installation of ATİS lives in, and its ports."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent
ROOT = EXAMPLE.parent.parent
"""What ``examples`` is imported from."""
DEFAULT = EXAMPLE / "run"
# Below the ports that Linux gives to outgoing connections (ip_local_port_range: 32768 and above).
PORTS = range(20000, 32000)
SETTINGS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "API_URL", "SERVE_FILES", "STATIC_ROOT", "FRONTEND_ROOT")


class StackError(Exception):
    """ATİS cannot be started or stopped; the message says why, and what to do."""


@dataclass(frozen=True)
class Facts:
    """What was chosen when the folder was made, and stays."""

    app: int
    redis: int | None
    nginx: int | None
    """Ports; None where the program is missing."""
    secret: str
    maintenance_key: str

    @property
    def url(self) -> str:
        """Where ATİS is to be found."""
        return f"http://127.0.0.1:{self.nginx or self.app}"


@dataclass(frozen=True)
class Folder:
    """The places in it."""

    path: Path

    @property
    def marker(self) -> Path:
        """The file that says that the folder is one of these, whole."""
        return self.path / "stack.json"

    @property
    def repository(self) -> Path:
        """The repository that code comes from."""
        return self.path / "atis.git"

    @property
    def app(self) -> Path:
        """The deployed code: a clone of it."""
        return self.path / "app"

    @property
    def env(self) -> Path:
        """The application's configuration."""
        return self.app / ".env"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / "data" / "atis.sqlite3"

    @property
    def flag(self) -> Path:
        """There while the application is closed for maintenance."""
        return self.path / "data" / "maintenance.flag"

    @property
    def static(self) -> Path:
        """Static files, collected."""
        return self.path / "static"

    @property
    def frontend(self) -> Path:
        """The built frontend."""
        return self.path / "frontend"

    @property
    def bin(self) -> Path:
        """Commands for this installation: manage, stack, update and build."""
        return self.path / "bin"

    def log(self, service: str) -> Path:
        """A service's log."""
        return self.path / "logs" / f"{service}.log"

    def facts(self) -> Facts:
        """What was chosen. Raises StackError where ATİS is not in the folder."""
        try:
            return Facts(**json.loads(self.marker.read_text("utf-8")))
        except FileNotFoundError:
            raise StackError(f"ATİS is not in {self.path}. Put it there: python -m examples.atis.stack up") from None

    def keep(self, facts: Facts) -> None:
        """Write them down: the folder is whole."""
        new = self.marker.with_suffix(".new")
        write_private(new, json.dumps(asdict(facts), indent=2))
        new.replace(self.marker)


def folder_at(path: Path) -> Folder:
    """The folder at ``path``. Raises StackError where nginx's configuration could not name it."""
    path = path.resolve()
    # nginx takes "$" for a variable, wherever it stands, and has no way to write one as itself.
    if re.search(r'["\\$;{}\s]', str(path)):
        raise StackError(f"{path}: a path without spaces, quotes and $ is needed, for nginx's sake.")
    return Folder(path)


def choose(*, nginx: bool, redis: bool) -> Facts:
    """Free ports and new secrets, for the programs that are there."""
    ports: list[int] = []
    while len(ports) < 3:
        port = random.choice(PORTS)
        if port not in ports and is_free(port):
            ports.append(port)
    return Facts(
        app=ports[0],
        redis=ports[1] if redis else None,
        nginx=ports[2] if nginx else None,
        secret=secrets.token_urlsafe(40),
        maintenance_key=secrets.token_urlsafe(24),
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def environment() -> dict[str, str]:
    """This process's environment without what would overrule the application's .env, or belongs to litelift."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in (*SETTINGS, "PYTHONPATH", "DJANGO_SETTINGS_MODULE") and not name.startswith("GIT_")
    }
