"""A password stays where its user put it: in no output, log, report, table, file, process list or statement."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from broken import Tcp, children, tcp_server, wait_for
from command import litelift
from hooking import hooking, no_session, on_terminal, run_hooked
from litelift.move import journal

# Others run beside this process, and are in the same process list.
PLAIN = f"Qx7wOrd{os.getpid()}"
ODD = f"Qx7 w@O/r:d#%'\\{os.getpid()}"
PATHS = os.pathsep.join(filter(None, sys.path))
PASSWORDS = pytest.mark.parametrize("password", [PLAIN, ODD], ids=["plain", "odd"])
SCRIPT = """
    create table pupils(id integer primary key, name text not null, grade int);
    create table marks(id integer primary key, pupil integer references pupils(id), note text default (unixepoch()));
    create view good as select name from pupils;
    insert into pupils select value, 'pupil ' || value, value from
        (with recursive n(value) as (select 1 union all select value + 1 from n where value < 20000) select * from n);
    insert into marks(id, pupil) select id, id from pupils;
"""


def forms(password: str) -> set[bytes]:
    """How a password may look: as it is, percent-encoded, quoted for libpq, in base64, in hexadecimal."""
    raw = password.encode()
    escaped = password.replace("\\", "\\\\").replace("'", "\\'").encode()
    encoded = {quote(password, safe="").encode(), quote(password).encode()}
    return {raw, escaped, *encoded, base64.b64encode(raw), raw.hex().encode()}


def hits(password: str, where: dict[str, bytes]) -> list[str]:
    """The places that hold it."""
    return [name for name, content in where.items() if any(form in content for form in forms(password))]


@dataclass
class Kept:
    """What was said and left behind, by place."""

    places: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, content: bytes | str) -> None:
        """One more place."""
        text = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        self.places[f"{len(self.places)} {name}"] = text

    def folder(self, folder: Path) -> None:
        """Every file below, and its name."""
        for path in folder.rglob("*"):
            self.add(f"name of {path}", str(path))
            if path.is_file() and not path.is_symlink():
                self.add(str(path), path.read_bytes())

    def database(self, url: str) -> None:
        """Every column of every table that is not the server's own, and what its sessions do."""
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "select schemaname, tablename from pg_tables"
                " where schemaname not in ('pg_catalog', 'information_schema')"
            ).fetchall()
            for schema, table in tables:
                rows = sql.SQL("select string_agg(t::text, ' ') from {} t").format(sql.Identifier(schema, table))
                self.add(f"{schema}.{table}", str((connection.execute(rows).fetchone() or ("",))[0]))
            shown = "select string_agg(concat_ws(' ', query, application_name), ' ') from pg_stat_activity"
            self.add("pg_stat_activity", str((connection.execute(shown).fetchone() or ("",))[0]))


@pytest.fixture(scope="module")
def tcp() -> Iterator[Tcp]:
    settings = ("log_statement=all", "log_connections=on", "log_min_messages=debug1", "log_line_prefix=%a-")
    with tcp_server(*(f"-c {one}" for one in settings)) as server:
        yield server


class World:
    """A source, a target whose role has the password, and everything that the commands leave."""

    def __init__(self, tcp: Tcp, password: str, source: Path, folder: Path) -> None:
        self.tcp, self.password, self.source, self.folder = tcp, password, source, folder
        self.kept = Kept()
        self.name = f"s{os.getpid()}_{time.monotonic_ns()}"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        literal = sql.Literal(password).as_string(None)
        # The server's log may say what is set here, and nothing else.
        tcp.do(
            "set log_statement = 'none'; set log_min_messages = 'panic'; "
            f"create role {self.name} login password {literal}",
            f"create database {self.name} owner {self.name}",
        )
        self.logged = self.log.stat().st_size

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.tcp.folder / "pg" / "log"

    @property
    def admin(self) -> str:
        """The superuser's URL to the same database."""
        return self.tcp.url(self.name)

    def place(self, password: str | None = None) -> str:
        """The URL, with the password in it if any is given."""
        word = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql://{self.name}{word}@127.0.0.1:{self.tcp.port}/{self.name}"

    def keywords(self, password: str) -> str:
        """The same in libpq's keywords."""
        escaped = password.replace("\\", "\\\\").replace("'", "\\'")
        return f"host=127.0.0.1 port={self.tcp.port} dbname={self.name} user={self.name} password='{escaped}'"

    def again(self) -> None:
        """An empty database."""
        self.tcp.do(
            f"drop database if exists {self.name} with (force)", f"create database {self.name} owner {self.name}"
        )
        shutil.rmtree(f"{self.source}.litelift", ignore_errors=True)

    def command(self, *words: str | Path) -> list[str]:
        """The words of a litelift."""
        return [sys.executable, "-m", "litelift", *map(str, words)]

    def environment(self, **more: str) -> dict[str, str]:
        """Its environment: nothing of ours but the paths, which hold from every folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {
            **kept,
            "TMPDIR": str(self.temporary),
            "HOME": str(self.folder),
            "COLUMNS": "120",
            "PYTHONPATH": PATHS,
            **more,
        }

    def run(self, *words: str | Path, **environment: str) -> int:
        """Run one to its end, and keep what it says."""
        ran = litelift(*words, cwd=self.folder, only=self.environment(**environment))
        self.kept.add(f"stdout of {words[0]}", ran.out)
        self.kept.add(f"stderr of {words[0]}", ran.err)
        assert "Traceback" not in ran.err or "--verbose" in words
        return ran.status

    def refused(self, said: str, *words: str | Path, **environment: str) -> None:
        """Run one that fails with these words, in the error or in what was looked at."""
        assert self.run(*words, **environment) == 1, words
        last = b"".join(list(self.kept.places.values())[-2:])
        assert said in " ".join(last.decode().split()), last

    def killed(self, target: str) -> None:
        """Begin a move into the target, and kill it while it loads."""
        words: list[str | Path] = ["migrate", self.source, target, "--jobs", "2"]
        ran = run_hooked("load", "group", "SIGKILL", *words, environment=self.environment())
        assert ran.status == -signal.SIGKILL, ran
        no_session(self.admin)
        self.kept.add("stdout of the killed", ran.out)
        self.kept.add("stderr of the killed", ran.err)
        self.kept.folder(self.folder)
        self.kept.database(self.admin)

    def found(self) -> list[str]:
        """The places that hold the password, when all is done."""
        self.kept.database(self.admin)
        self.kept.add("the server's log", self.log.read_bytes()[self.logged :])
        self.kept.folder(self.folder)
        return hits(self.password, self.kept.places)


@pytest.fixture
def world(password: str, tcp: Tcp, make_sqlite: Callable[..., Path], tmp_path: Path) -> Iterator[World]:
    one = World(tcp, password, make_sqlite(SCRIPT), tmp_path)
    yield one
    tcp.do(f"drop database {one.name} with (force)", f"drop role {one.name}")


@PASSWORDS
def test_no_command_repeats_the_password_of_a_url(world: World) -> None:
    url = world.place(world.password)
    plan = world.folder / "plan.toml"
    assert world.run("inspect", world.source, "--verbose") == 0
    assert world.run("plan", world.source, url, "-o", plan) == 0
    assert world.run("check", world.source, url, "--verbose", "--plan", plan) == 0
    assert world.run("check", world.source, url, "--json") == 0
    assert world.run("migrate", world.source, url, "--jobs", "2", "--verbose", "--plan", plan) == 0
    assert world.run("verify", world.source, url, "--jobs", "2", "--verbose") == 0
    assert world.run("verify", world.source, url, "--json") == 0
    for form in ("md", "html", "json"):
        assert world.run("report", url, "--format", form) == 0
        assert world.run("report", url, "--format", form, "--output", world.folder / f"own.{form}") == 0
    assert world.run("migrate", world.source, url, "--verbose") == 1
    assert world.run("migrate", world.source, url, "--data-only", "--json", "--report", world.folder / "filled") in (
        0,
        3,
    )
    assert world.run("check", world.source, url, "--verbose") == 1
    assert world.run("server", "status", world.source, "--verbose") == 1
    world.again()
    assert world.run("migrate", world.source, url, "--json", "--verbose") == 0
    assert world.run("undo", url) == 2
    assert world.run("undo", url, "--yes", "--verbose") == 0
    assert world.run("undo", url, "--yes") == 2
    assert world.run("migrate", world.source, url) == 0
    assert world.run("undo", url, "--yes", "--json") == 0
    assert world.found() == []


@PASSWORDS
@pytest.mark.parametrize("way", ["keywords", "variable", "file", "service"])
def test_no_other_way_to_give_it_shows_it_either(way: str, world: World) -> None:
    target, environment = world.place(), {}
    # What the user wrote the password into is not ours, and lies apart.
    with contextlib.ExitStack() as stack:
        private = Path(stack.enter_context(_private()))
        if way == "keywords":
            target = world.keywords(world.password)
        elif way == "variable":
            environment["PGPASSWORD"] = world.password
        elif way == "file":
            escaped = world.password.replace("\\", "\\\\").replace(":", "\\:")
            (private / "passes").write_text(f"127.0.0.1:*:*:{world.name}:{escaped}\n")
            (private / "passes").chmod(0o600)
            environment["PGPASSFILE"] = str(private / "passes")
        else:
            settings = ["host=127.0.0.1", f"port={world.tcp.port}", f"dbname={world.name}", f"user={world.name}"]
            (private / "services").write_text("\n".join(["[school]", *settings, f"password={world.password}", ""]))
            environment["PGSERVICEFILE"] = str(private / "services")
            target = "service=school"
        assert world.run("migrate", world.source, target, "--jobs", "2", "--verbose", **environment) == 0
        assert world.run("verify", world.source, target, "--jobs", "2", **environment) == 0
        assert world.run("report", target, **environment) == 0
        assert world.run("migrate", world.source, target, "--verbose", "--json", **environment) == 1
        assert world.run("check", world.source, target, "--verbose", **environment) == 1
        assert world.run("undo", target, "--yes", "--verbose", **environment) == 0
    assert world.found() == []


@contextlib.contextmanager
def _private() -> Iterator[str]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        yield folder


@PASSWORDS
@pytest.mark.parametrize("command", ["migrate", "check", "undo"])
def test_no_target_that_cannot_be_reached_shows_it(command: str, world: World) -> None:
    word, host = quote(world.password, safe=""), f"127.0.0.1:{world.tcp.port}"
    raw, name = world.password, world.name
    targets = [
        f"postgresql://{name}:{word}@{host}/nowhere",
        f"postgresql://nobody:{word}@{host}/{name}",
        f"postgresql://{name}:{word}@127.0.0.1:1/{name}",
        f"postgresql://{name}:{word}@db.invalid/{name}",
        f"postgresql://{name}:{word}@{host}/{name}?sslmode=require",
        f"postgresql://{name}:{word}@{host}/{name}?sslmode=nonsense",
        f"postgresql://{name}:{word}@{host}/{name}?colour=blue",
        f"postgresql://{name}:{raw}@{host}:7/{name}",
        f"postgresql://{name}:x/{raw}@{host}/{name}",
        f"postgresql://{name}:x@{raw}@{host}/{name}",
        f"postgresql://{name}:%zz{raw}@{host}/{name}",
        f"postgresql://{name}:{raw}",
        f"postgresql://{name}@{host}/{name}?password={word}&sslmode=require",
        f"postgresql:///{name}?user={name}&passwort={word}",
        f"mysql://{name}:{word}@{host}/{name}",
        world.keywords(raw) + " colour=blue",
        world.keywords(raw) + " sslmode=require",
        world.keywords(raw).rstrip("'"),
        f"host=127.0.0.1 port={world.tcp.port} user={name} dbname={name} password = {raw} sslmode=nonsense",
    ]
    # To undo, a bare word is the name of a file that was moved.
    for target in targets if command == "undo" else [*targets, raw]:
        words = [target, "--yes"] if command == "undo" else [world.source, target]
        assert world.run(command, *words, "--verbose") in (1, 2), target
    assert world.found() == []


@PASSWORDS
def test_no_word_in_the_wrong_place_shows_it(world: World) -> None:
    url = world.place(world.password)
    for words in (
        ("migrate", url, world.source),
        ("verify", url, world.source),
        ("verify", world.source, url, url),
        ("check", url, world.source),
        ("check", world.source, "--plan", url),
        ("undo", world.source, url),
        ("undo", world.source, "--run", url),
        ("migrate", url, "--resume"),
        ("inspect", url),
        ("plan", url),
        ("server", "status", url),
        ("migrate", world.source, "--plan", url),
        ("migrate", world.source, "--jobs", url),
        ("migrate", world.source, "--on-misfit", url),
        ("migrate", f"--{url}"),
        (url,),
    ):
        assert world.run(*words) in (1, 2), words
    assert world.found() == []


@PASSWORDS
@pytest.mark.parametrize(("phase", "action"), [("load", "sessions"), ("load", "worker"), ("build", "sessions")])
def test_a_move_that_is_cut_off_shows_it_nowhere(phase: str, action: str, world: World) -> None:
    words: list[str | Path] = ["migrate", world.source, world.place(world.password), "--jobs", "2", "--verbose"]
    ran = run_hooked(phase, action, world.admin, *words, environment=world.environment())
    world.kept.add("stdout", ran.out)
    world.kept.add("stderr", ran.err)
    assert ran.status in (0, 1), ran
    assert world.found() == []


@pytest.mark.parametrize(("password", "way"), [(PLAIN, "url"), (ODD, "keywords")], ids=["plain", "odd"])
def test_neither_what_a_killed_move_leaves_nor_the_way_on_shows_it(way: str, world: World) -> None:
    target = world.place(world.password) if way == "url" else world.keywords(world.password)
    world.killed(target)
    note = Path(f"{world.source}.litelift/unfinished.json")
    assert world.name in note.read_text()
    world.refused("did not end", "migrate", world.source, target, "--verbose")
    world.refused("did not end", "check", world.source, target, "--json")
    with psycopg.connect(world.admin) as other:
        other.execute("select pg_advisory_lock(%s)", (journal._LOCK,))
        world.refused("another litelift is working", "migrate", world.source, target, "--resume", "--verbose")
    plan = world.folder / "plan.toml"
    plan.write_text("[tables.pupils.columns.grade]\ntype = 'numeric'\n")
    world.refused("decided otherwise", "migrate", world.source, target, "--resume", "--plan", plan)
    world.refused("password", "migrate", world.source, "--resume", "--verbose")
    world.refused("password", "migrate", world.source, "--resume", "--verbose", PGPASSWORD=f"{world.password}x")
    assert note.exists()
    assert world.run("migrate", world.source, "--resume", "--verbose", PGPASSWORD=world.password) == 0
    assert not note.exists()
    assert world.found() == []


@PASSWORDS
def test_neither_a_source_that_changed_nor_taking_the_killed_move_back_shows_it(world: World) -> None:
    url = world.place(world.password)
    world.killed(url)
    with contextlib.closing(sqlite3.connect(world.source)) as writer:
        writer.execute("update pupils set grade = -1 where id = 7")
        writer.commit()
    world.refused("is not as it was", "migrate", world.source, url, "--resume", "--verbose")
    world.refused("is not as it was", "migrate", world.source, url, "--resume", "--json")
    assert world.run("undo", url, "--yes", "--verbose") == 0
    assert world.found() == []


def _words_of(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="the words of a process can be hidden on Linux alone")
@PASSWORDS
@pytest.mark.parametrize("way", ["url", "keywords"])
def test_neither_the_command_nor_its_workers_show_it_in_the_process_list_and_a_kill_leaves_no_trace(
    way: str, world: World
) -> None:
    hold = world.folder / "hold"
    target = world.place(world.password) if way == "url" else world.keywords(world.password)
    words: list[str | Path] = ["migrate", world.source, target, "--jobs", "2"]
    with hooking("load", "hold", str(hold), *words, environment=world.environment(), anew=True) as process:
        wait_for(hold.exists)
        workers = children(process.pid)
        assert len(workers) >= 2
        for one in (process.pid, *workers):
            shown = _words_of(one)
            world.kept.add(f"cmdline of {one}", shown)
            assert b"migrate" in shown or b"multiprocessing" in shown
        world.kept.add("ps", subprocess.check_output(["ps", "-ww", "-e", "-o", "args"]))
        world.kept.database(world.admin)
        hold.unlink()
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate(timeout=300)
    world.kept.add("stdout", out)
    world.kept.add("stderr", err)
    assert world.found() == []


@PASSWORDS
def test_a_terminal_sees_bars_and_no_password(world: World) -> None:
    words = world.command("migrate", world.source, world.place(world.password), "--verbose")
    status, seen = on_terminal(words, world.environment())
    assert status == 0
    assert b"Load" in seen
    world.kept.add("the terminal", seen)
    assert world.found() == []


@pytest.mark.parametrize(("password", "way"), [(PLAIN, "url"), (ODD, "keywords")], ids=["plain", "odd"])
def test_no_backup_command_shows_it_nor_leaves_it_in_a_backup(way: str, world: World) -> None:
    """The programs that are started, which get it by their environment, are looked at while they wait for a table."""
    world.tcp.do(f"grant pg_read_server_files to {world.name}; alter role {world.name} createdb")
    target = world.place(world.password) if way == "url" else world.keywords(world.password)
    with psycopg.connect(world.admin, autocommit=True) as admin:
        admin.execute(
            sql.SQL(
                "set role {0}; create table pupils as select g from generate_series(1, 100) g;"
                "create table zebra (id int) partition by range (id); reset role"
            ).format(sql.Identifier(world.name))
        )
    place = ("--folder", world.folder / "backups")
    with psycopg.connect(world.admin) as locking, psycopg.connect(world.admin, autocommit=True) as looking:
        locking.execute("lock table zebra in access exclusive mode")
        words = ["backup", "create", target, *map(str, place), "--verbose"]
        process = subprocess.Popen(
            world.command(*words),
            env=world.environment(),
            cwd=world.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        waiting = "select 1 from pg_locks where not granted and locktype = 'relation'"
        wait_for(lambda: process.poll() is not None or looking.execute(waiting).fetchone() is not None)
        started = children(process.pid)
        assert started
        for one in (process.pid, *started):
            world.kept.add(f"cmdline of {one}", _words_of(one))
        world.kept.add("ps", subprocess.check_output(["ps", "-ww", "-e", "-o", "args"]))
        world.kept.folder(world.folder)
        locking.rollback()
        out, err = process.communicate(timeout=300)
    world.kept.add("stdout", out)
    world.kept.add("stderr", err)
    assert process.returncode == 0, err
    for command in ("list", "verify", "runbook", "prune"):
        assert world.run("backup", command, target, *place, "--verbose") in (0, 3), command
    assert world.run("backup", "drill", target, *place, "--beside", "--verbose") in (0, 1)
    assert world.run("backup", "restore", target, *place, "--verbose", "--json") in (0, 1, 3)
    assert world.run("backup", "create", target, *place, "--compress", "nonsense") == 2
    for wrong in (
        f"postgresql://{world.name}:{quote(world.password, safe='')}x@127.0.0.1:{world.tcp.port}/{world.name}",
        f"postgresql://{world.name}:{quote(world.password, safe='')}@127.0.0.1:1/{world.name}",
        f"postgresql://{world.name}:{quote(world.password, safe='')}@127.0.0.1:{world.tcp.port}/nowhere",
    ):
        for command in ("create", "restore"):
            assert world.run("backup", command, wrong, *place, "--verbose") in (0, 1)
        assert world.run("backup", "drill", wrong, *place, "--beside", "--json") in (0, 1)
    with psycopg.connect(world.admin, autocommit=True) as admin:
        made = [
            name
            for (name,) in admin.execute(
                "select datname from pg_database where datname like %s and datname <> current_database()",
                (f"{world.name}%",),
            )
        ]
        for name in made:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    assert world.found() == []
