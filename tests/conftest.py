"""Real parts for every test: a PostgreSQL server for each worker, and a fresh database for each test that asks."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from afterwards import goes
from application import Application
from broken import alive
from container_engine import ContainerEngine
from litelift.compiled import PURE, native
from litelift.postgres import embedded
from longest_first import pytest_collection_modifyitems as pytest_collection_modifyitems
from plain_role import ROLE, plain_url
from property_summary import SEED, choose_seed
from property_summary import pytest_terminal_summary as pytest_terminal_summary
from system_server import SystemServer

Url = Callable[[str], str]

OWN_FOLDER = pytest.StashKey[Path]()
DEFAULT_VERSION = int(os.environ.get("LITELIFT_TEST_PGVERSION", "16"))
_numbers = itertools.count()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have a seed, and a folder of this session's own for what the tests make.

    Servers and other users have to pass through that. The folder that pytest has for all sessions of a user is closed
    to others again by each that begins.
    """
    choose_seed()
    # A shell starts what it leaves in the background with Ctrl-C ignored, and so would be whatever the tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # A busy machine is slow to make an example, too. And the suite says the same of the same code each time.
    settings.register_profile(
        "suite",
        deadline=None,
        derandomize=os.environ["LITELIFT_SEED"] == str(SEED),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    settings.load_profile("suite")
    if not hasattr(config, "workerinput") and not config.option.basetemp:
        for left in Path(tempfile.gettempdir()).glob("llt-*-*"):
            # Of a session that was killed, or in which a test had failed.
            if not alive(int(left.name.split("-")[1])):
                shutil.rmtree(left, ignore_errors=True)
        config.stash[OWN_FOLDER] = Path(tempfile.mkdtemp(prefix=f"llt-{os.getpid()}-"))
        config.stash[OWN_FOLDER].chmod(0o755)
        config.option.basetemp = config.stash[OWN_FOLDER] / "t"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove it, unless a test that failed has left something in it to be looked at until the next session."""
    if OWN_FOLDER in session.config.stash and exitstatus != pytest.ExitCode.TESTS_FAILED:
        shutil.rmtree(session.config.stash[OWN_FOLDER], ignore_errors=True)


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[int], Url]]:
    """The embedded PostgreSQL by major version, each started when it is first asked for."""
    started: dict[int, embedded.EmbeddedServer] = {}
    with tempfile.TemporaryDirectory(prefix="litelift-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        goes(Path(folder))

        def url(version: int) -> Url:
            if version not in started:
                started[version] = server = embedded.start(Path(folder) / f"pg{version}", version)
                with psycopg.connect(server.url or "", autocommit=True) as admin:
                    # Nobody needs what is in it after a crash of the machine.
                    for name in ("fsync", "full_page_writes"):
                        admin.execute(sql.SQL("alter system set {} = off").format(sql.Identifier(name)))
                    admin.execute("select pg_reload_conf()")
            return lambda database: embedded.database_url(started[version].url or "", database)

        yield url
        for server in started.values():
            with contextlib.suppress(Exception):
                embedded.stop(server.folder)


@pytest.fixture(scope="session")
def server(servers: Callable[[int], Url]) -> Url:
    """The server that most tests use: call it with a database's name to get that database's URL."""
    return servers(DEFAULT_VERSION)


@pytest.fixture(scope="session")
def icu_server() -> Iterator[Url]:
    """The machine's own PostgreSQL, which has ICU."""
    with tempfile.TemporaryDirectory(prefix="litelift-icu-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = SystemServer(Path(folder) / "server")
        server.start()
        yield server.url
        server.stop()


@contextlib.contextmanager
def fresh_database(url: Url, role: str = "superuser") -> Iterator[str]:
    """The URL of an empty database, dropped afterwards; of one of the roles in plain_role.py."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(url("postgres"), autocommit=True) as admin:
        # To log the copy, which PostgreSQL does since it can choose, takes longer than to flush what little there is.
        how = sql.SQL("strategy file_copy" if admin.info.server_version >= 150000 else "")
        admin.execute(sql.SQL("create database {} {}").format(sql.Identifier(name), how))
    yield url(name) if role == "superuser" else plain_url(url(name), role)
    with psycopg.connect(url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def icu_database(icu_server: Url) -> Iterator[str]:
    """The URL of an empty database on a server with ICU."""
    with fresh_database(icu_server) as url:
        yield url


@pytest.fixture
def database(request: pytest.FixtureRequest, servers: Callable[[int], Url]) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards. ``@pytest.mark.postgres(18)`` chooses the server's version."""
    marker = request.node.get_closest_marker("postgres")
    if ROLE != "superuser" and request.node.get_closest_marker("superuser"):
        pytest.skip("what the test prepares takes a superuser")
    with fresh_database(servers(marker.args[0] if marker else DEFAULT_VERSION), ROLE) as url:
        yield url


@pytest.fixture(scope="module")
def engine() -> Iterator[ContainerEngine]:
    """A container engine of a module's own."""
    engine = ContainerEngine()
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()


@pytest.fixture
def make_sqlite(tmp_path: Path) -> Callable[..., Path]:
    """Make a SQLite file from a script, and rows for statements with parameters."""

    def make(
        script: str, rows: list[tuple[str, list[tuple[object, ...]]]] | None = None, name: str = "app.sqlite"
    ) -> Path:
        path = tmp_path / name
        connection = sqlite3.connect(path)
        connection.executescript(script)
        for statement, values in rows or []:
            connection.executemany(statement, values)
        connection.commit()
        connection.close()
        return path

    return make


@pytest.fixture
def applications() -> Iterator[Callable[..., Application]]:
    """Start programs that have a database open: call it as `Application`."""
    running: list[Application] = []

    def start(path: Path, script: str, going_on: str = "sys.stdin.read()") -> Application:
        running.append(Application(path, script, going_on))
        return running[-1]

    yield start
    for application in running:
        application.kill()


@pytest.fixture(params=["", "1"], ids=["as installed", "pure"])
def path_in_use(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both paths, one after the other: the compiled one where it is installed, and Python's."""
    monkeypatch.setenv(PURE, request.param)
    native.cache_clear()
    yield
    native.cache_clear()
