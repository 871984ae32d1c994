"""What a backup is, and what it is proved against: the manifest beside the dump."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from litelift import __version__

MANIFEST = "manifest.json"
FORMAT = 1

Kind = Literal["manual", "scheduled", "safety"]
"""Why it was made: by hand, by the schedule, or before a restore over the live database."""


Archive = Literal["database", "database.dump", "database.dump.age"]


class Part(BaseModel):
    """What a manifest is made of; a key that a later litelift adds is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _within(name: str) -> str:
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError(f"it names a file outside: {name!r}")
    return name


class StoredFile(Part):
    """A file of the backup, as it lies in its folder."""

    name: Annotated[str, AfterValidator(_within)]
    """Relative to the folder, with slashes: "database/3401.dat.gz"."""
    bytes: int
    sha256: str


class TableContent(Part):
    """What a table holds."""

    table: str
    """schema.table, each quoted where SQL needs it."""
    rows: int
    digest: str
    """32 hexadecimal digits: see `litelift.backup.digest`."""
    root: str | None = None
    """The partitioned table that it is a part of."""


class SequenceState(Part):
    """Where a sequence stood before the dump began, and after it had ended: others may use it meanwhile."""

    sequence: str
    before: int
    """The value that it would have given next."""
    after: int


class ServerFacts(Part):
    """The server that was dumped."""

    version: str
    """As it says itself: "16.14 (Debian ...)"."""
    version_number: int
    where: str
    """Without a password."""
    system_identifier: str | None = None
    """Of the cluster (pg_control_system()); None where the login may not ask."""
    extensions: dict[str, str] = Field(default_factory=dict)
    """Those that the database uses, and their versions."""
    icu: bool = False
    """Whether the database uses a collation of ICU's."""
    tablespaces: list[str] = Field(default_factory=list)
    """Those that its tables and indexes name; not the database's own."""


class DumpFacts(Part):
    """How it was dumped."""

    program: str
    """pg_dump's version."""
    source: str
    """Where the program came from: "system", "embedded" or "container"."""
    format: Literal["custom", "directory"]
    path: Archive
    """The archive in the backup's folder: a file, or the folder "database"."""
    compression: str
    """As "zstd", "gzip:6", "none"."""
    jobs: int


class Encryption(Part):
    """Who can read it."""

    method: Literal["age"] = "age"
    recipients: list[str]


class Manifest(Part):
    """A backup. It is the last file to be written: a folder without one is no backup."""

    format: int = FORMAT
    litelift: str = __version__
    name: str
    project: str
    kind: Kind
    database: str
    started: AwareDatetime
    """In UTC, as all times. What it holds is of this moment's snapshot."""
    ended: AwareDatetime
    server: ServerFacts
    dump: DumpFacts
    encryption: Encryption | None = None
    database_bytes: int
    """pg_database_size."""
    bytes: int
    """Of all files."""
    files: list[StoredFile]
    tables: list[TableContent]
    sequences: list[SequenceState] = Field(default_factory=list)
    large_objects: TableContent | None = None
    objects: dict[str, list[str]] = Field(default_factory=dict)
    """All that is in the database, by kind: what must be there after a restore. "index": ["public.users_pkey", ...]."""
    properties: dict[str, Any] = Field(default_factory=dict)
    """The database's own: owner, locale, rights, settings. See `litelift.backup.properties`."""
    roles: list[dict[str, Any]] = Field(default_factory=list)
    """The roles that the database names. See `litelift.backup.roles`."""

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.started).total_seconds()


class Look(Part):
    """One time that a backup was looked at."""

    at: AwareDatetime
    ok: bool
    seconds: float
    message: str = ""
    """What was wrong."""
    facts: dict[str, Any] = Field(default_factory=dict)


class Standing(Part):
    """What became known of a backup after it was made; beside its manifest, which never changes."""

    verified: Look | None = None
    """The last time that its checksums were looked at."""
    drilled: Look | None = None
    """The last time that it was restored, and compared. Its ``seconds`` are the restore's."""
    copies: dict[str, datetime] = Field(default_factory=dict)
    """When it was copied, and confirmed, to each place of ``[[backup.copy]]``."""

    @property
    def good(self) -> bool:
        """Whether nothing speaks against it: what was made whole is good until it is found to be damaged."""
        looks = [look for look in (self.verified, self.drilled) if look is not None]
        return not looks or max(looks, key=lambda look: look.at).ok

    @property
    def proved(self) -> bool:
        """Whether a drill has restored it, and nothing spoke against it since."""
        return self.good and self.drilled is not None and self.drilled.ok
