"""What was found of the server's WAL archive."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field, computed_field

from litelift.backup.manifest import Part

Tool = Literal["pgbackrest", "barman", "wal-g", "pg_receivewal", "command", "library"]
"""Who archives. "command": an archive_command of the site's own, cp for instance; "library": an archive_library."""

Level = Literal["attention", "failed"]

Code = Literal[
    "no-command",
    "discarded",
    "failing",
    "behind",
    "slot",
    "vanished",
    "empty",
    "gap",
    "history",
    "other-cluster",
    "no-base",
    "old-base",
    "base-error",
    "tool",
]


class Problem(Part):
    """Something that stands in the way of a recovery, and what to do about it."""

    code: Code
    level: Level
    message: str
    hint: str


class BaseBackup(Part):
    """A copy of the whole cluster, from which WAL is replayed."""

    name: str
    kind: str
    """As its tool says: "full", "diff", "incr", "delta"."""
    started: AwareDatetime | None = None
    stopped: AwareDatetime | None = None
    """None where it has not ended, or nobody wrote down when."""
    bytes: int | None = None
    """Of the cluster."""
    stored_bytes: int | None = None
    """What it takes where it lies."""
    start_wal: str | None = None
    """The first segment that its recovery needs."""
    stop_wal: str | None = None
    where: str | None = None
    """Its folder; None where only its tool knows."""
    error: str = ""
    """Why it is not to be relied on."""

    @property
    def good(self) -> bool:
        """Whether it has ended, without an error."""
        return self.stopped is not None and not self.error


class Gap(Part):
    """Segments of one timeline that are not in the archive, between others that are."""

    timeline: int
    first: str
    last: str
    segments: int


class Archiver(Part):
    """What the server says of its archive_command or archive_library (the view pg_stat_archiver)."""

    archived: int = 0
    last_archived: str | None = None
    last_archived_at: AwareDatetime | None = None
    failed: int = 0
    last_failed: str | None = None
    last_failed_at: AwareDatetime | None = None
    waiting: int | None = None
    """Files that wait to be archived (pg_ls_archive_statusdir()); None where the login may not ask."""
    waiting_since: AwareDatetime | None = None
    """The oldest of these."""

    @property
    def failing(self) -> bool:
        """Whether the last try was a failure."""
        if self.last_failed_at is None:
            return False
        return self.last_archived_at is None or self.last_failed_at > self.last_archived_at


class Stream(Part):
    """A program that receives the WAL over the replication protocol: Barman's, or pg_receivewal."""

    slot: str | None
    program: str | None
    """The application_name that it gave; None where it is not connected, or the login may not see it."""
    active: bool
    behind_bytes: int | None = None
    """What the server has written, and keeps for it."""
    lost: bool = False
    """The server has thrown away what it had kept (wal_status)."""


class WalArchiving(Part):
    """Whether the server's WAL is archived, by what, and whether a recovery could rely on it."""

    at: AwareDatetime
    """When it was looked at, by the server's clock."""
    mode: str
    """archive_mode: "off", "on" or "always"."""
    wal_level: str
    standby: bool = False
    tool: Tool | None = None
    """None: no WAL is archived."""
    where: str = ""
    """The stanza, Barman's server, the folder or the address; without secrets."""
    command: str | None = None
    """archive_command, without secrets; None where there is none, or the login may not see it."""
    library: str | None = None
    archive_timeout: int = 0
    """Seconds after which the server ends a segment that is not full; 0: never."""
    segment_bytes: int
    current_wal: str | None = None
    """The segment that the server writes; None on a standby."""
    archiver: Archiver = Field(default_factory=Archiver)
    streams: list[Stream] = Field(default_factory=list)
    looked_into: bool = False
    """Whether the archive itself was seen, and not only what the server says of it."""
    segments: int | None = None
    """In the archive; None where they could not be counted."""
    oldest_wal: str | None = None
    newest_wal: str | None = None
    newest_wal_at: AwareDatetime | None = None
    newest_wal_age: float | None = None
    """Seconds."""
    gaps: list[Gap] = Field(default_factory=list)
    backups: list[BaseBackup] = Field(default_factory=list)
    """The oldest first."""
    problems: list[Problem] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    unseen: list[str] = Field(default_factory=list)
    """What could not be looked at, and why."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def state(self) -> Literal["off", "ok", "attention", "failed"]:
        """ "off": there is no point in time, which is no fault."""
        if self.tool is None and not self.problems:
            return "off"
        levels = {problem.level for problem in self.problems}
        return "failed" if "failed" in levels else "attention" if levels else "ok"

    @property
    def newest_backup(self) -> BaseBackup | None:
        """The newest base backup that is good."""
        return next((backup for backup in reversed(self.backups) if backup.good), None)
