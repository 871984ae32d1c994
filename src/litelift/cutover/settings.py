"""The runbook's file, litelift.toml: what is moved, to where, and what is done around it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from litelift.backup.settings import Backup
from litelift.cutover.health.settings import HealthCheck
from litelift.errors import RunbookError
from litelift.monitor.settings import Monitor
from litelift.tomlfile.problems import line_of
from litelift.tomlfile.section import Command as Command
from litelift.tomlfile.section import Port, Seconds, Section, about


def _identifier(name: str) -> str:
    # A longer one is cut by the server ("Identifiers and Key Words", section 4.1.1), and then names something else.
    if not name or "\0" in name or len(name.encode()) > 63:
        raise PydanticCustomError("name", "expected a name of 1 to 63 bytes; got {got}", {"got": len(name.encode())})
    return name


def _role(name: str) -> str:
    if name.startswith("pg_") or name in ("public", "none", "postgres"):
        raise PydanticCustomError("name", "expected a role of the application's own; got {got}", {"got": name})
    return _identifier(name)


def _database(name: str) -> str:
    if name in ("postgres", "template0", "template1"):
        raise PydanticCustomError("name", "expected a database of the application's own; got {got}", {"got": name})
    return _identifier(name)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        said = "expected an IP address, such as 127.0.0.1 or 0.0.0.0; got {got}"
        raise PydanticCustomError("address", said, {"got": text}) from None


Role = Annotated[str, AfterValidator(_role)]
Database = Annotated[str, AfterValidator(_database)]
Address = Annotated[str, AfterValidator(_address)]
ObjectName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+$")]
"""What an engine takes as the name of a container, a volume or a compose service."""


class Project(Section):
    """``[project]``: the application. Paths elsewhere in the file are relative to ``folder``."""

    name: str = "application"
    """How the application is called in what is told, and in the report."""
    folder: str = "."
    """Relative to the file itself."""
    state: str = "litelift-cutover"
    """Where the journal, the credentials, what was kept and the report lie."""
    command_timeout: Seconds = 900.0
    """Seconds that one command of the project may take."""


class Source(Section):
    """``[source]``: the SQLite database."""

    path: str
    """The SQLite file."""


class ExistingTarget(Section):
    """``[target]`` with kind = "existing": a PostgreSQL server that runs already.

    With ``admin`` (a URL or keywords of a role that may make roles and databases; its password by PGPASSWORD,
    PGPASSFILE or a service) the role and the database are made. With ``url`` they are there, and nothing is made.
    """

    kind: Literal["existing"]
    admin: str | None = None
    """As "host=db.example.org user=postgres", without the password."""
    url: str | None = None
    """The application's login, as "postgresql://role@host/database", without the password."""
    host: str | None = None
    """With ``admin``: where the application reaches the server. None: where litelift does."""
    database: Database = "application"
    """The application's database."""
    role: Role = "application"
    """The application's role, which owns the database and may do no more on the server."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.admin is None) == (self.url is None):
            raise about("admin", "expected either admin (the role and database are made) or url (they are there)")
        return self


class EmbeddedTarget(Section):
    """``[target]`` with kind = "embedded": the PostgreSQL that comes with litelift, in a folder beside the source."""

    kind: Literal["embedded"]
    version: Literal[16, 18] = 16
    """PostgreSQL's major version."""
    database: Database = "application"
    """The application's database."""
    role: Role = "application"
    """The application's role, which owns the database and may do no more on the server."""


class ContainerTarget(Section):
    """``[target]`` with kind = "container": PostgreSQL in a container, through Docker's API (podman's is the same)."""

    kind: Literal["container"]
    image: str = "docker.io/library/postgres:16"
    """With PostgreSQL 12 or newer in it, as the official image has it."""
    pull: Literal["missing", "never"] = "missing"
    """When the image is fetched from its registry."""
    name: ObjectName = "application-postgres"
    """The container's name."""
    volume: ObjectName = "application-postgres-data"
    """A volume of this name that is there is left alone, whatever it holds; the fresh one is then named name-2, ..."""
    bind: Address = "127.0.0.1"
    """The host's address at which PostgreSQL listens."""
    port: Port = 5432
    """Where something else listens there already, the next free one is used."""
    network: str | None = None
    """A network of the engine that the container joins; "host" for the host's own. None: the engine's default."""
    restart: Literal["no", "on-failure", "always", "unless-stopped"] = "unless-stopped"
    """When the engine starts it again."""
    memory: str | None = None
    """As Docker writes it: "512m", "2g"."""
    cpus: Annotated[float, Field(gt=0)] | None = None
    """Processors that it may use at most."""
    shm: str = "256m"
    """Shared memory, in which parallel queries work; the engine's own 64 MB are too few for large ones."""
    ulimits: dict[str, int] = Field(default_factory=dict)
    """Limits of its processes, such as {nofile = 65536}. None: the engine's own."""
    engine: str | None = None
    """The engine's socket, as "unix:///run/podman/podman.sock". None: DOCKER_HOST, else Docker's, else podman's."""
    compose: str | None = None
    """A compose file that gets the same service."""
    service: ObjectName = "postgres"
    """The service's name in the compose file."""
    database: Database = "application"
    """The application's database."""
    role: Role = "application"
    """The application's role, which owns the database and may do no more on the server."""
    ready_timeout: Seconds = 120.0
    """Seconds until it must be ready."""


Target = Annotated[ExistingTarget | EmbeddedTarget | ContainerTarget, Field(discriminator="kind")]


class Move(Section):
    """``[move]``: how the data is moved."""

    mode: Literal["whole", "data-only"] = "whole"
    """"data-only": into the schema that ``schema_commands`` make."""
    plan: str | None = None
    """A plan file, as `litelift plan` makes it."""
    schema_commands: list[Command] = Field(default_factory=list)
    """Run with the new configuration in their environment (``[[environment]]``'s and DATABASE_URL), before the data."""
    jobs: Annotated[int, Field(ge=1)] | None = None
    """Workers. None: as many as there are processors."""
    attention: Literal["continue", "stop"] = "continue"
    """What to do where the move is proved, and something needs a person (exit status 3)."""


class Maintenance(Section):
    """``[maintenance]``: the application's own way to close and open."""

    on: list[Command] = Field(default_factory=list)
    """Commands that close it, such as "php artisan down"."""
    off: list[Command] = Field(default_factory=list)
    """Commands that open it."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with every HTTP health check while it is on, so that the application lets it through."""


class Services(Section):
    """``[services]``: what runs of the application, and reads its configuration when it starts."""

    stop: list[Command] = Field(default_factory=list)
    """Commands that stop all that writes to the database: servers, queue workers, timers."""
    start: list[Command] = Field(default_factory=list)
    """Commands that start it again, and empty caches of the configuration."""


class Code(Section):
    """``[code]``: the code's update, and its way back beyond ``git``."""

    update: list[Command] = Field(default_factory=list)
    """Commands, such as "git pull --ff-only". The commit before and after is recorded."""
    undo: list[Command] = Field(default_factory=list)
    """Run after the recorded commit is checked out again."""


class Environment(Section):
    """``[[environment]]``: a file of configuration that says which database the application uses.

    Values may hold {url}, {host}, {port}, {database}, {user} and {password}.
    """

    file: str
    """The file; it is there already."""
    kind: Literal["env", "database-yml"] = "env"
    """"env": KEY=value lines. "database-yml": Rails' config/database.yml."""
    set: dict[str, str] = Field(default_factory=dict)
    """Keys and their new values; in database.yml the keys of ``section``."""
    remove: list[str] = Field(default_factory=list)
    """Keys that are commented out."""
    section: str = "production"
    """Of a database.yml."""


class Archive(Section):
    """``[archive]``: the SQLite file and its backups in one compressed tar with checksums."""

    folder: str = "litelift-archive"
    """Where the archive goes."""
    files: list[str] = Field(default_factory=list)
    """More files, as patterns: "database/backups/*.sqlite*"."""
    keep_days: Annotated[int, Field(ge=1)] = 90
    """Days until which it is to be kept; litelift removes none."""


class Failure(Section):
    """``[failure]``: before the switch a failure undoes itself; after it, this is done."""

    after_switch: Literal["rollback", "stop"] = "rollback"
    """"rollback": back to SQLite. "stop": the application is left on PostgreSQL, and open, for a person to decide."""


class Runbook(Section):
    """A whole litelift.toml."""

    project: Project = Field(default_factory=Project)
    source: Source
    target: Target
    move: Move = Field(default_factory=Move)
    maintenance: Maintenance = Field(default_factory=Maintenance)
    services: Services = Field(default_factory=Services)
    code: Code = Field(default_factory=Code)
    environment: list[Environment] = Field(default_factory=list)
    health: list[HealthCheck] = Field(default_factory=list)
    archive: Archive = Field(default_factory=Archive)
    backup: Backup = Field(default_factory=Backup)
    monitor: Monitor = Field(default_factory=Monitor)
    failure: Failure = Field(default_factory=Failure)

    _path: Path = PrivateAttr(default=Path("litelift.toml"))
    _lines: dict[tuple[str | int, ...], int] = PrivateAttr(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return (self._path.parent / self.project.folder).resolve()

    @property
    def state(self) -> Path:
        """The folder of the journal, the credentials and what is kept."""
        return (self.folder / self.project.state).resolve()

    @property
    def source_path(self) -> Path:
        """The SQLite file itself, where a link to it is named: it is put back in its own place."""
        # It brings all that opening a SQLite file needs, which most commands about the runbook do not.
        from litelift.sqlite.open import path_of

        return (self.folder / path_of(self.source.path)).resolve()

    def at(self, path: Path, lines: Mapping[tuple[str | int, ...], int] | None = None) -> Self:
        """The same, read from ``path``, where its keys stand on ``lines``."""
        self._path = path.resolve()
        self._lines = dict(lines or {})
        return self

    def error(self, keys: Iterable[str | int], message: str) -> RunbookError:
        """An error to raise about what the keys lead to: ("environment", 0, "file")."""
        return RunbookError(path=self._path, line=line_of(self._lines, tuple(keys)), message=message)
