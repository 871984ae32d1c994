"""``[[health]]`` in litelift.toml: one table for each check."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import parse_qs

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, Field, model_validator

from litelift.cutover.health.settings_base import Check, Password, When, parts
from litelift.cutover.health.settings_http import CrudCheck, HttpCheck, InSession, LoginCheck, PageCheck
from litelift.tomlfile.section import Command, Port, about

__all__ = [
    "Check",
    "CommandCheck",
    "CrudCheck",
    "HealthCheck",
    "HttpCheck",
    "InSession",
    "LoginCheck",
    "PageCheck",
    "PostgresCheck",
    "RedisCheck",
    "TcpCheck",
    "When",
]


class TcpCheck(Check):
    """``kind = "tcp"``: a port that takes connections."""

    kind: Literal["tcp"]
    host: str = "127.0.0.1"
    """A name or an address."""
    port: Port
    """The port."""

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        return f"a connection to {self.host}:{self.port}"


class PostgresCheck(Password):
    """``kind = "postgres"``: a query, in a session that cannot write, and the first value of its answer."""

    kind: Literal["postgres"]
    when: tuple[When, ...] = Field(default=("after",), strict=False)
    """As with every check; before the move only with a ``url``."""
    url: str | None = None
    """A URL or keywords without a password. None: the application's own login in PostgreSQL, as the move made it."""
    query: str = "select 1"
    """One statement."""
    value: bool | int | float | str | None = None
    """The first value of the first row; a text is compared with how PostgreSQL's value is written. None: any."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.url is None:
            if "before" in self.when:
                raise about(
                    "when", "before the move there is no login in PostgreSQL yet: give a url, or leave out when"
                )
            if self.password_env or self.password_file:
                raise about("password_env", "a password goes with a url; the application's own login has its own")
            return self
        try:
            given = conninfo_to_dict(self.url)
        except (Error, UnicodeError, ValueError):
            # libpq's message repeats the string, and with it a password.
            raise about("url", "neither a PostgreSQL URL nor a libpq keyword string") from None
        if given.get("password"):
            said = (
                "a password does not belong in this file: password_env, password_file, PGPASSWORD or PGPASSFILE hold it"
            )
            raise about("url", said)
        return self

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        return f"the answer to: {self.query}" + ("" if self.value is None else f" is {self.value!r}")


def redis_url(url: str) -> str:
    """A Redis's address. Raises ValueError where it is none, or holds a password."""
    if "password" in parse_qs(parts(url, "redis", "rediss", "unix").query):
        raise ValueError("a password does not belong in this file: give it with password_env or password_file")
    return url


class RedisCheck(Password):
    """``kind = "redis"``: PING, and a key of its own that is set, read and removed."""

    kind: Literal["redis"]
    url: Annotated[str, AfterValidator(redis_url)] = "redis://127.0.0.1:6379/0"
    """redis://HOST:PORT/DATABASE, rediss:// with TLS, or unix:///PATH. A password does not belong in it."""
    user: str | None = None
    """The user of an ACL."""
    write: bool = True
    """Whether a key is set and read; it expires after a minute even where it cannot be removed."""
    prefix: str = "litelift:health:"
    """What the key's name begins with."""

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        return f"PING{', SET and GET' if self.write else ''} at {self.url}"


class CommandCheck(Check):
    """``kind = "command"``: a command of the project that ends as it should."""

    kind: Literal["command"]
    timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
    """Seconds of one attempt; then the command is ended, with all that it started."""
    command: Command
    """Text for /bin/sh, or a list of words that no shell reads; run in the project's folder."""
    status: Annotated[int, Field(ge=0, le=255)] = 0
    """Its exit status."""
    present: list[str] = Field(default_factory=list)
    """Texts that its output must hold."""
    absent: list[str] = Field(default_factory=list)
    """Texts that it must not hold."""

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        words = self.command if isinstance(self.command, str) else " ".join(self.command)
        return f"{words}: exit status {self.status}"


HealthCheck = Annotated[
    HttpCheck | PageCheck | TcpCheck | PostgresCheck | RedisCheck | LoginCheck | CrudCheck | CommandCheck,
    Field(discriminator="kind"),
]
