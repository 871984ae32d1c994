"""The tables of litelift.toml that say what is watched, from when on it is told, and to whom."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from litelift.cutover.health.settings import RedisCheck, redis_url
from litelift.tell.settings import Tell as TellSettings
from litelift.tomlfile.section import Command, Section, about


class LimitSetting(Section):
    """``[monitor.limits]``: from which value on a check tells. Units as `litelift monitor check --json` has them."""

    warning: float | None = None
    """None: the check's own."""
    critical: float | None = None
    """None: the check's own."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.warning is None and self.critical is None:
            raise about("warning", "expected warning, critical or both; got neither")
        return self


class RedisServer(Section):
    """``[[monitor.redis]]``: a Redis that is watched, beside those of ``[[health]]``."""

    name: str = "redis"
    """How it is called in what is told; no two are alike."""
    url: Annotated[str, AfterValidator(redis_url)] = "redis://127.0.0.1:6379/0"
    """redis://HOST:PORT/DATABASE, rediss:// with TLS, or unix:///PATH. A password does not belong in it."""
    user: str | None = None
    """The user of an ACL."""
    password_env: str | None = None
    """The environment variable that holds the password."""
    password_file: str | None = None
    """A file that holds the password, and that only its owner may read."""

    @property
    def check(self) -> RedisCheck:
        """The same as a health check, which only looks."""
        return RedisCheck(kind="redis", write=False, **self.model_dump())


class Serve(Section):
    """``[monitor.serve]``: where the dashboard is reached, and who may look; the command's options go before."""

    host: str = "127.0.0.1"
    """The address it listens on. Any but this machine's own (127.0.0.1, ::1, localhost) needs a password or a token."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    """The port; 0: one that is free."""
    socket: str | None = None
    """A Unix socket, in the place of an address: for a reverse proxy on the same machine."""
    token_file: str | None = None
    """A file of mode 0600 with the token that programs show (32 characters or more): "Authorization: Bearer ..."."""
    password_file: str | None = None
    """A file of mode 0600 with the password that people type (12 characters or more)."""
    tls_certificate: str | None = None
    """The certificate and those between it and its root, in PEM; a renewed one is taken within a minute."""
    tls_key: str | None = None
    """Its key. None: it is in the same file."""
    root_path: str = ""
    """The path below which a reverse proxy shows the dashboard, and which it takes away: "/monitor"."""
    trusted_proxies: list[str] = Field(default_factory=list)
    """Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses, networks, "unix" for those
    that use the Unix socket."""
    session_hours: Annotated[float, Field(gt=0, le=720)] = 12.0
    """Hours after which a password is asked for again."""


class Tell(TellSettings):
    """``[monitor.tell]``: who is told by `litelift monitor watch` of what begins and ends; of each once."""

    again_hours: Annotated[float, Field(ge=0, le=8760)] = 24.0
    """Hours after which what still lasts is told again; 0 for never."""
    language: Literal["en", "az"] = "en"
    """What it is told in: English or Azerbaijani."""


class Monitor(Section):
    """``[monitor]``: how the database and what it stands on are watched once the application is on PostgreSQL."""

    commands: list[Command] = Field(default_factory=list)
    """Commands of the project, run by the cutover when the application serves again, with its login in their
    environment: DATABASE_URL, PGHOST, PGPASSWORD and the rest."""
    folder: str = "litelift-monitor"
    """Where the baseline and the samples lie."""
    url: str | None = None
    """The login that looks, as "postgresql://role@host/database" without the password; one that has pg_monitor sees
    all. None: the administrator's of the cutover where it is known, else the application's."""
    every: Annotated[float, Field(ge=1, le=3600)] = 15.0
    """Seconds between two samples of `litelift monitor watch`."""
    health: list[str] | None = None
    """Names of the ``[[health]]`` checks that are made again and again, with the logins that they need. None: those
    that only read: http (not POST), tcp, page and postgres, without a session."""
    containers: list[str] = Field(default_factory=list)
    """Names of containers, or of compose services, that are to run; the cutover's own is among them."""
    engine: str | None = None
    """The socket of their engine. None: the cutover's, else DOCKER_HOST, else Docker's, else podman's."""
    redis: list[RedisServer] = Field(default_factory=list)
    """What is watched of Redis, beside those of the health checks."""
    patience: Annotated[float, Field(ge=0, le=86400)] = 30.0
    """Seconds for which trouble lasts, in two looks at least, before it is told; its end as long."""
    environment_file: str | None = None
    """A file of NAME=value lines, its owner's alone, that the watch has in its environment: PGPASSFILE, and what
    ``[monitor.tell]`` names. None: [backup] environment_file."""
    ignore: list[str] = Field(default_factory=list)
    """What is not told: a check ("unused-indexes"), or one object of it ("unused-indexes:public.grades_year")."""
    limits: dict[str, LimitSetting] = Field(default_factory=dict)
    """By check and measure: "connections.used_percent" = { warning = 70, critical = 90 }."""
    serve: Serve = Serve()
    """The dashboard."""
    tell: Tell = Field(default_factory=Tell)
    """Who is told."""
