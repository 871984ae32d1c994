"""The runbook's file, litelift.toml: what is moved, to where, and what is done around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from litelift.cutover.health.settings import HealthCheck
from litelift.errors import RunbookError
from litelift.tomlfile.problems import line_of


class Section(BaseModel):
    """A table of the file. Strict: "true" is not true; frozen: what was checked stays what it was."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Command = str | list[str]
"""A command of the project: text for ``/bin/sh -c``, or a list of words that no shell reads."""

Seconds = Annotated[float, Field(gt=0, le=86400)]
Port = Annotated[int, Field(ge=1, le=65535)]


def about(key: str, said: str) -> PydanticCustomError:
    """A finding of a whole table's validator that belongs to one of its keys."""
    return PydanticCustomError("about", "{said}", {"key": key, "said": said})


class Project(Section):
    """``[project]``: the application. Paths elsewhere in the file are relative to ``folder``."""

    name: str = "application"
    folder: str = "."
    """Relative to the file itself."""
    state: str = "litelift-cutover"
    """Where the journal, the credentials, what was kept and the report lie."""
    command_timeout: Seconds = 900.0
    """Seconds that one command of the project may take."""


class Source(Section):
    """``[source]``: the SQLite database."""

    path: str


class ExistingTarget(Section):
    """``[target]`` with kind = "existing": a PostgreSQL server that runs already.

    With ``admin`` (a URL or keywords of a role that may make roles and databases; its password by PGPASSWORD,
    PGPASSFILE or a service) the role and the database are made. With ``url`` they are there, and nothing is made.
    """

    kind: Literal["existing"]
    admin: str | None = None
    url: str | None = None
    database: str = "application"
    role: str = "application"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.admin is None) == (self.url is None):
            raise about("admin", "expected either admin (the role and database are made) or url (they are there)")
        return self


class EmbeddedTarget(Section):
    """``[target]`` with kind = "embedded": the PostgreSQL that comes with litelift, in a folder beside the source."""

    kind: Literal["embedded"]
    version: Literal[16, 18] = 16
    database: str = "application"
    role: str = "application"


class ContainerTarget(Section):
    """``[target]`` with kind = "container": PostgreSQL in a container, through Docker's API (podman's is the same)."""

    kind: Literal["container"]
    image: str = "docker.io/library/postgres:16"
    pull: Literal["missing", "never"] = "missing"
    name: str = "application-postgres"
    volume: str = "application-postgres-data"
    bind: str = "127.0.0.1"
    port: Port = 5432
    network: str | None = None
    """A network of the engine that the container joins; "host" for the host's own. None: the engine's default."""
    restart: Literal["no", "on-failure", "always", "unless-stopped"] = "unless-stopped"
    memory: str | None = None
    """As Docker writes it: "512m", "2g"."""
    cpus: Annotated[float, Field(gt=0)] | None = None
    engine: str | None = None
    """The engine's socket, such as "unix:///run/podman/podman.sock". None: DOCKER_HOST, else Docker's own."""
    compose: str | None = None
    """A compose file that gets the same service."""
    service: str = "postgres"
    database: str = "application"
    role: str = "application"
    ready_timeout: Seconds = 120.0


Target = Annotated[ExistingTarget | EmbeddedTarget | ContainerTarget, Field(discriminator="kind")]


class Move(Section):
    """``[move]``: how the data is moved."""

    mode: Literal["whole", "data-only"] = "whole"
    """"data-only": into the schema that ``schema_commands`` make."""
    plan: str | None = None
    schema_commands: list[Command] = Field(default_factory=list)
    """Run with the new configuration in their environment (``[[environment]]``'s and DATABASE_URL), before the data."""
    jobs: Annotated[int, Field(ge=1)] | None = None
    attention: Literal["continue", "stop"] = "continue"
    """What to do where the move is proved, and something needs a person (exit status 3)."""


class Maintenance(Section):
    """``[maintenance]``: the application's own way to close and open."""

    on: list[Command] = Field(default_factory=list)
    off: list[Command] = Field(default_factory=list)
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with every HTTP health check while it is on, so that the application lets it through."""


class Services(Section):
    """``[services]``: what runs of the application, and reads its configuration when it starts."""

    stop: list[Command] = Field(default_factory=list)
    start: list[Command] = Field(default_factory=list)


class Code(Section):
    """``[code]``: the code's update, and its way back beyond ``git``."""

    update: list[Command] = Field(default_factory=list)
    undo: list[Command] = Field(default_factory=list)
    """Run after the recorded commit is checked out again."""


class Environment(Section):
    """``[[environment]]``: a file of configuration that says which database the application uses.

    Values may hold {url}, {host}, {port}, {database}, {user} and {password}.
    """

    file: str
    kind: Literal["env", "database-yml"] = "env"
    set: dict[str, str] = Field(default_factory=dict)
    """Keys and their new values; in database.yml the keys of ``section``."""
    remove: list[str] = Field(default_factory=list)
    """Keys that are commented out."""
    section: str = "production"
    """Of a database.yml."""


class Archive(Section):
    """``[archive]``: the SQLite file and its backups in one compressed tar with checksums."""

    folder: str = "litelift-archive"
    files: list[str] = Field(default_factory=list)
    """More files, as patterns: "database/backups/*.sqlite*"."""
    keep_days: Annotated[int, Field(ge=1)] = 90


class After(Section):
    """``[backup]`` and ``[monitor]``: commands of the project, run when the application serves again."""

    commands: list[Command] = Field(default_factory=list)


class Failure(Section):
    """``[failure]``: before the switch a failure undoes itself; after it, this is done."""

    after_switch: Literal["rollback", "stop"] = "rollback"


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
    backup: After = Field(default_factory=After)
    monitor: After = Field(default_factory=After)
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
        return self.folder / self.project.state

    @property
    def source_path(self) -> Path:
        """The SQLite file."""
        return self.folder / self.source.path.removeprefix("sqlite:///")

    def at(self, path: Path, lines: Mapping[tuple[str | int, ...], int] | None = None) -> Self:
        """The same, read from ``path``, where its keys stand on ``lines``."""
        self._path = path.resolve()
        self._lines = dict(lines or {})
        return self

    def error(self, keys: Iterable[str | int], message: str) -> RunbookError:
        """An error to raise about what the keys lead to: ("environment", 0, "file")."""
        return RunbookError(path=self._path, line=line_of(self._lines, tuple(keys)), message=message)
