"""How the application logs in to PostgreSQL: made once, kept in one file that only its owner reads, shown nowhere."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from litelift.atomic import write_whole


@dataclass(frozen=True, slots=True)
class Login:
    """A role and its database. ``host`` is a name, an address, or the folder of a Unix socket."""

    host: str
    port: int
    database: str
    user: str
    password: str

    @property
    def url(self) -> str:
        """As applications read it: postgresql://user:password@host:port/database."""
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        login = f"{user}:{password}" if self.password else user
        if self.host.startswith("/"):
            where = f"/{quote(self.database, safe='')}?{urlencode({'host': self.host, 'port': self.port})}"
            return f"postgresql://{login}@{where}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{login}@{host}:{self.port}/{quote(self.database, safe='')}"

    def environment(self) -> dict[str, str]:
        """The same as libpq's variables, and as DATABASE_URL."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.database,
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "DATABASE_URL": self.url,
        }

    def words(self) -> dict[str, str]:
        """What ``{url}``, ``{host}``, ``{port}``, ``{database}``, ``{user}`` and ``{password}`` stand for."""
        return {
            "url": self.url,
            "host": self.host,
            "port": str(self.port),
            "database": self.database,
            "user": self.user,
            "password": self.password,
        }


def new_password() -> str:
    """A password of 192 bits that needs no quoting anywhere: in a URL, a shell, YAML or .env."""
    return secrets.token_urlsafe(24)


def keep_login(path: Path, login: Login) -> None:
    """Write the login to ``path``, readable by its owner alone."""
    write_whole(path, (json.dumps(asdict(login), indent=2) + "\n").encode(), mode=0o600)


def kept_login(path: Path) -> Login | None:
    """The login in ``path``; None where there is none."""
    try:
        return Login(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
