"""The tables of litelift.toml that say how backups are made, kept and copied."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from litelift.tell.settings import Tell as TellSettings
from litelift.tomlfile.section import Command, Section, about

Count = Annotated[int, Field(ge=0, le=100_000)]
_SECRET = re.compile("passw|passphrase|secret|token|credential|pkey", re.IGNORECASE)
TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Keep(Section):
    """``[backup.keep]``: what `litelift backup prune` keeps. A backup stays if any of these keeps it.

    The newest good backup, and the newest that a drill has restored, stay whatever is said here.
    """

    days: Count = 30
    """All of so many days, counted back from the newest good one."""
    last: Count = 0
    """The newest of them, whatever their age."""
    daily: Count = 0
    """The newest of each of so many days that have one."""
    weekly: Count = 0
    """The newest of each of so many weeks (ISO 8601) that have one."""
    monthly: Count = 0
    """The newest of each of so many months that have one."""
    yearly: Count = 0
    """The newest of each of so many years that have one."""


class Tell(TellSettings):
    """``[backup.tell]``: who is told that a scheduled backup failed, beside the exit status and the status file."""

    success: bool = False
    """Tell them of a success too."""


class Copy(Section):
    """``[[backup.copy]]``: another place that each backup is copied to."""

    name: str
    """How it is called in what is told; no two are alike."""
    url: str
    """Where: "s3://bucket/folder", "sftp://user@host/folder", "file:///mnt/backups", or any other that fsspec knows."""
    options: dict[str, str | int | bool] = Field(default_factory=dict)
    """What fsspec's file system takes, such as {endpoint_url = "https://s3.example.org", key = "AK..."} for S3, which
    takes region as well, or {key_filename = "/root/.ssh/backup", known_hosts = "/etc/ssh/backup_hosts"} for SFTP; no
    secrets."""
    options_env: dict[str, str] = Field(default_factory=dict)
    """The same, each value being the name of the environment variable that holds it: {secret = "S3_SECRET"}."""
    part_bytes: Annotated[int, Field(ge=1 << 16, le=5 << 30)] = 64 << 20
    """Bytes that go in one piece: what a lost connection costs at most. For S3 a piece is held in memory."""
    keep: Keep = Field(default_factory=Keep)
    """As ``[backup.keep]``, for this place."""

    @model_validator(mode="after")
    def _plain(self) -> Self:
        if "://" not in self.url and not self.url.startswith("/"):
            raise about("url", "expected a URL, or an absolute path")
        if "::" in self.url:
            raise about("url", "expected one URL; got several, one in another")
        try:
            password = urlsplit(self.url).password
        except ValueError:
            raise about("url", "expected a URL") from None
        if password is not None:
            raise about("url", 'expected no password in it; use options_env = {password = "VARIABLE"}')
        for key in self.options:
            if _SECRET.search(key):
                raise about("options", f'expected no secrets; use options_env = {{{key} = "VARIABLE"}}')
        return self


class Backup(Section):
    """``[backup]``: how the database is backed up once the application is on PostgreSQL."""

    commands: list[Command] = Field(default_factory=list)
    """Commands of the project, run by the cutover when the application serves again, with the application's login."""
    folder: str = "litelift-backups"
    """Where the backups go. A folder that is to be there, a mounted disk say, is better named by an absolute path."""
    url: str | None = None
    """The database, as "postgresql://role@host/database" without the password. None: the one that the cutover made."""
    admin: str | None = None
    """A login that may make databases and roles, for restoring, without the password. None: the cutover's."""
    format: Literal["auto", "custom", "directory"] = "auto"
    """pg_dump's. "auto": a directory, several tables at once; custom where it is encrypted, for that never lies on the
    disk in plain."""
    compress: Literal["auto", "zstd", "gzip", "none"] = "auto"
    """"auto": zstd where the server's tools know it, else gzip."""
    level: Annotated[int, Field(ge=1, le=22)] | None = None
    """Of the compression. None: the tools' own."""
    jobs: Annotated[int, Field(ge=1, le=64)] | None = None
    """Tables at once. None: one for each processor, at most four."""
    recipients: list[str] = Field(default_factory=list)
    """Who may read the backups: age's recipients ("age1...", "ssh-ed25519 ..."), or files that hold them."""
    tools: str | None = None
    """The folder of pg_dump and pg_restore. None: those of the server's version that are found."""
    at: TimeOfDay = "02:00"
    """When the scheduled backup is made each day, in UTC."""
    environment_file: str | None = None
    """A file of NAME=value lines, its owner's alone, that scheduled runs have in their environment: secrets that the
    settings name, PGPASSFILE. Neither cron nor systemd gives them any."""
    drill_every: Count = 7
    """Every so many scheduled backups one is drilled by itself; 0 for none."""
    drill: Literal["auto", "scratch", "beside"] = "auto"
    """Where a drill restores: to a scratch server of its own, or to a database beside. "auto": the first that can."""
    keep: Keep = Field(default_factory=Keep)
    """What is kept here."""
    tell: Tell = Field(default_factory=Tell)
    """Who is told."""
    copy_to: list[Copy] = Field(default_factory=list, alias="copy")
    """Where else they go."""

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [copy.name for copy in self.copy_to]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise about("copy", f"expected a name of its own for each copy; got {twice} twice")
        return self
