"""What a backup command is about: the database, the logins to it, and the folder of its backups."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, ValidationError

from litelift.backup.settings import Backup
from litelift.backup.store import Store
from litelift.cutover.context import Context
from litelift.cutover.credentials import kept_login
from litelift.cutover.health.settings import HealthCheck
from litelift.cutover.read import read_runbook
from litelift.cutover.runs import runs
from litelift.cutover.settings import ContainerTarget, EmbeddedTarget, ExistingTarget, Project, Runbook
from litelift.errors import RunbookError, UsageError
from litelift.monitor.settings import Monitor
from litelift.postgres import embedded
from litelift.postgres.connect import names_server, normalized
from litelift.tomlfile.read import Form, read
from litelift.tomlfile.section import Section
from litelift.tomlfile.shape import sections

FILE = Path("litelift.toml")
_NAMES = "Name a litelift.toml, a SQLite file that was moved, or postgresql://user@host/database --folder DIR"


class Alone(Section):
    """A litelift.toml of an application that litelift has not moved: its backups, and what is watched."""

    project: Project = Project()
    backup: Backup = Backup()
    monitor: Monitor = Monitor()
    health: list[HealthCheck] = Field(default_factory=list)


_ALONE = Form(Alone, "runbook", "Check the path.", RunbookError, tuple(sections(Alone)))


@dataclass(frozen=True, slots=True)
class Subject:
    """A database and its backups. Only ``dsn`` and ``admin`` may hold a password."""

    label: str
    """How its backups are called."""
    store: Store
    settings: Backup
    dsn: str
    """The login that reads it: its owner's, or a superuser's."""
    admin: str | None = None
    """A login to the same server that may make databases and roles."""
    container: str | None = None
    """The container that the server is in, whose programs can be used."""
    engine: str | None = None
    """The socket of the container's engine. None: by the environment."""
    file: Path | None = None
    """The litelift.toml, if there is one: what the schedule names."""
    source: Path | None = None
    """The SQLite file that was moved."""


def subject(what: str | None, folder: Path | None = None, *, as_is: bool = False) -> Subject:
    """The subject that the words of the command name.

    Args:
        what: a litelift.toml, a server's URL or keywords, or a SQLite file whose embedded PostgreSQL is meant. None:
            the litelift.toml of this folder.
        folder: of the backups, in the place of the file's.
        as_is: the server may be stopped and its database gone: nothing is asked of it, and nothing made.

    Raises:
        UsageError: there is no such file, or what is in it does not lead to a database. EmbeddedServerError.
    """
    if what is None and not FILE.is_file():
        raise UsageError(message=f"there is no {FILE} here", hint=_NAMES)
    if what is not None and names_server(what):
        dsn = normalized(what)
        return Subject(_database_label(dsn), _store(folder, Backup()), Backup(), dsn)
    path = Path(what or FILE)
    if path.suffix != ".toml" and _is_source(path):
        return _of_source(path, folder, as_is)
    return _of_file(path, folder, as_is)


def store_of(what: str | None, folder: Path | None = None) -> Store:
    """The folder alone, for what needs no server. Raises as `subject` does, but not because of the database."""
    if folder is not None:
        return Store(folder.absolute())
    if names_server(what) if what is not None else not FILE.is_file():
        return _store(None, Backup())
    if what is not None and Path(what).suffix != ".toml":
        if not _is_source(Path(what)):
            raise _no_file(Path(what))
        return _store(None, Backup(), Path(what).absolute().parent)
    settings, project, path = _settings(Path(what or FILE))
    return _store(None, settings, _project_folder(path, project))


def settings_of(what: str | None) -> Backup:
    """The settings alone, for what needs no server. Raises as `store_of` does."""
    if what is None:
        return _settings(FILE)[0] if FILE.is_file() else Backup()
    return Backup() if names_server(what) or Path(what).suffix != ".toml" else _settings(Path(what))[0]


def label_of(what: str | None) -> str | None:
    """How the backups of the words are called, without a look at the server; None where the words do not say.

    Raises as `store_of` does.
    """
    if what is not None and names_server(what):
        return _database_label(normalized(what))
    if what is not None and Path(what).suffix != ".toml":
        return Path(what).stem
    if what is None and not FILE.is_file():
        return None
    settings, project, _ = _settings(Path(what or FILE))
    return _label(settings, project)


def changed(of: Subject, **given: object) -> Subject:
    """The subject with other settings, those that are None left as they are. Raises UsageError."""
    wanted = {name: value for name, value in given.items() if value is not None}
    try:
        settings = Backup.model_validate({**of.settings.model_dump(by_alias=True), **wanted})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(message=f"--{first['loc'][0]}: {first['msg'].lower()}; got {first['input']}") from None
    return replace(of, settings=settings)


def project_of(path: Path) -> tuple[Project, Runbook | None]:
    """What a litelift.toml says of the application; and all of it, where it is of a move. Raises as `store_of` does."""
    if _is_runbook(path):
        runbook = read_runbook(path)
        return runbook.project, runbook
    return read(_ALONE, path)[0].project, None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a litelift.toml says beside its backups."""

    monitor: Monitor
    health: list[HealthCheck]
    folder: Path
    """The project's."""
    runbook: Runbook | None = None
    """All of it, where it is of a move."""


def parts_of(of: Subject) -> Parts:
    """What the file of a subject says beside its backups; all as it is by itself where there is none."""
    if of.file is None:
        return Parts(Monitor(), [], of.source.parent if of.source is not None else Path.cwd())
    if _is_runbook(of.file):
        runbook = read_runbook(of.file)
        return Parts(runbook.monitor, runbook.health, runbook.folder, runbook)
    alone, _ = read(_ALONE, of.file)
    return Parts(alone.monitor, alone.health, _project_folder(of.file.resolve(), alone.project))


def runbook_of(of: Subject) -> Runbook | None:
    """The runbook of the move, if there was one."""
    return read_runbook(of.file) if of.file is not None and _is_runbook(of.file) else None


def with_admin(of: Subject, admin: str | None) -> Subject:
    """The subject with another login that may make databases. Raises UsageError."""
    if admin is None:
        return of
    if not names_server(admin):
        raise UsageError(message="--admin is no server's URL or keywords", hint="For instance postgresql://user@host")
    return replace(of, admin=normalized(admin))


@dataclass(frozen=True, slots=True)
class Named:
    """What the words of the command name, before its database is asked for."""

    label: str
    settings: Backup
    folder: Path
    """Where the project's commands run."""


def named(what: str | None) -> Named:
    """The same words as `subject` takes. Raises UsageError and RunbookError where there is no such file."""
    if what is not None and names_server(what):
        label = str(conninfo_to_dict(normalized(what)).get("dbname") or "database")
        return Named(label, Backup(), Path.cwd())
    path = Path(what or FILE)
    if path.suffix != ".toml" and _is_source(path):
        return Named(path.stem, Backup(), path.absolute().parent)
    settings, project, file = _settings(path)
    return Named(_label(settings, project), settings, _project_folder(file, project))


def _is_source(path: Path) -> bool:
    """Whether it is a SQLite file whose embedded PostgreSQL is meant; it may be gone, where its server is not."""
    return path.is_file() or (not path.exists() and embedded.find_folder(path) is not None)


def _no_file(path: Path) -> UsageError:
    if path.is_dir():
        return UsageError(
            message=f"{path} is a folder", hint=f"The folder of the backups is named by --folder. {_NAMES}"
        )
    return UsageError(message=f"there is no file {path}", hint=_NAMES)


def _of_source(path: Path, folder: Path | None, as_is: bool) -> Subject:
    place = embedded.find_folder(path)
    if as_is and place is not None:
        url = embedded.url_as_is(place)
        dsn = embedded.database_url(url, embedded.database_for(path))
    else:
        running = embedded.status(place or embedded.folder_for(path))
        if running.url is None:
            hint = f"litelift server start {path}"
            raise UsageError(message=f"the embedded PostgreSQL of {path} is stopped", hint=hint)
        url, dsn = running.url, embedded.ensure_database(running.url, embedded.database_for(path))
    settings = Backup()
    store = _store(folder, settings, path.absolute().parent)
    return Subject(path.stem, store, settings, normalized(dsn), normalized(url), source=path)


def _of_file(path: Path, folder: Path | None, as_is: bool) -> Subject:
    settings, project, path = _settings(path)
    runbook = read_runbook(path) if _is_runbook(path) else None
    place = _project_folder(path, project)
    store = _store(folder, settings, place)
    label = _label(settings, project)
    admin = normalized(settings.admin) if settings.admin else None
    source = runbook.source_path if runbook is not None else None
    if settings.url is not None:
        dsn = normalized(settings.url)
        return Subject(label, store, settings, dsn, admin, file=path, source=source)
    if runbook is None:
        raise UsageError(
            message=f"{path} does not say which database it is about",
            hint='Add to it: [backup] url = "postgresql://role@host/database", its password being in PGPASSFILE.',
        )
    dsn, made_admin, container, engine = _of_cutover(runbook, as_is)
    return Subject(label, store, settings, dsn, admin or made_admin, container, engine, path, source)


def _of_cutover(runbook: Runbook, as_is: bool) -> tuple[str, str | None, str | None, str | None]:
    """The application's login, the administrator's, the container and its engine, of the cutover that stands."""
    target = runbook.target
    standing = [run for run in runs(runbook.state) if run.mode == "cutover" and run.state != "rolled back"]
    login = kept_login(Context(runbook, standing[-1].journal).login_path) if standing else None
    if isinstance(target, ExistingTarget) and target.url is not None:
        return normalized(target.url), None, None, None
    if login is None:
        raise UsageError(
            message=f"the application of {runbook.path} is not on PostgreSQL yet",
            hint="Move it with litelift cutover, or name the database under [backup] url.",
        )
    dsn = normalized(login.url)
    if isinstance(target, ExistingTarget):
        return dsn, normalized(target.admin or ""), None, None
    if isinstance(target, EmbeddedTarget):
        place = embedded.folder_for(runbook.source_path)
        url = embedded.url_as_is(place) if as_is else embedded.status(place).url
        return dsn, normalized(url) if url else None, None, None
    assert isinstance(target, ContainerTarget)
    run = Context(runbook, standing[-1].journal)
    superuser = kept_login(run.folder / "superuser.json")
    name = str(run.facts("server").get("container") or target.name)
    return dsn, normalized(superuser.url) if superuser else None, name, target.engine


def _settings(path: Path) -> tuple[Backup, Project, Path]:
    if not path.exists() or path.is_dir():
        raise _no_file(path)
    if _is_runbook(path):
        runbook = read_runbook(path)
        return runbook.backup, runbook.project, runbook.path
    alone, _ = read(_ALONE, path)
    backup = alone.backup
    if backup.url is None and alone.monitor.url is not None:
        backup = backup.model_copy(update={"url": alone.monitor.url})
    return backup, alone.project, path.resolve()


def _label(settings: Backup, project: Project) -> str:
    if settings.url is not None and project.name == Project().name:
        return _database_label(normalized(settings.url), project.name)
    return project.name


def _database_label(dsn: str, otherwise: str = "database") -> str:
    return str(conninfo_to_dict(dsn).get("dbname") or otherwise)


def _is_runbook(path: Path) -> bool:
    """Whether the file is of a move. What cannot be read is, so that it is told as a runbook's fault."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True
    return "source" in found or "target" in found


def _project_folder(path: Path, project: Project) -> Path:
    return (path.parent / project.folder).resolve()


def _store(folder: Path | None, settings: Backup, project: Path | None = None) -> Store:
    if folder is not None:
        return Store(folder.absolute())
    return Store(((project or Path.cwd()) / settings.folder).resolve())
