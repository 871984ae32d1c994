"""PostgreSQL in a container, on a real engine: what is made, what is found in the way, and what stays."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from broken import wait_for
from container_engine import IMAGE, NEWER_LAYOUT, ULIMITS, ContainerEngine
from cutover_target import Killed, carry_out, context_of, everything_written, issues, killed_when, undo
from litelift import errors
from litelift.cutover.context import Context
from litelift.cutover.credentials import kept_login
from litelift.cutover.run import check
from litelift.cutover.server import made_container
from litelift.cutover.server.container import Container
from litelift.cutover.steps.compose import ComposeStep
from litelift.cutover.steps.ready import ReadyStep
from litelift.cutover.steps.server import ServerStep, wake

# One engine for all: a worker of xdist gets them all where groups are honoured; where not, each starts its own.
pytestmark = pytest.mark.xdist_group("containers")
_numbers = itertools.count()


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


def _target(engine: ContainerEngine, **changed: Any) -> dict[str, Any]:
    name = f"school-{os.getpid()}-{next(_numbers)}"
    return {
        "kind": "container",
        "engine": engine.url,
        "image": IMAGE,
        "name": name,
        "volume": f"{name}-data",
        "network": "host",
        "port": _free_port(),
        "ulimits": ULIMITS,
        **changed,
    }


def _volume(engine: ContainerEngine, name: str, files: dict[str, str]) -> Path:
    """A volume of somebody's."""
    engine.podman("volume", "create", name)
    folder = Path(engine.podman("volume", "inspect", "--format", "{{.Mountpoint}}", name).strip())
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    return folder


def _content(folder: Path) -> dict[str, tuple[bytes | None, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns)
        for path in [folder, *sorted(folder.rglob("*"))]
    }


def _there(engine: ContainerEngine, kind: str) -> list[str]:
    words = ["ps", "--all", "--format", "{{.Names}}"] if kind == "container" else ["volume", "ls", "--quiet"]
    return sorted(engine.podman(*words).split())


def _things(engine: ContainerEngine) -> tuple[list[str], list[str]]:
    return _there(engine, "container"), _there(engine, "volume")


def _started(context: Context) -> None:
    step = ServerStep()
    context.step = step.name
    context.journal.write("started", step=step.name, facts=step.check(context))


COMPOSE = """\
# The school's services
services:
  web:
    image: "school:3"   # built here
    restart: always

volumes:
  uploads:
"""


def test_it_is_made_healthy_and_removed_and_an_older_volume_stays_byte_by_byte(
    engine: ContainerEngine, tmp_path: Path
) -> None:
    target = _target(engine, memory="256m", cpus=1.5, compose="compose.yml")
    older = _volume(engine, target["volume"], {"PG_VERSION": "13\n", "base/1/112": "rows"})
    other = _volume(engine, f"{target['volume']}-2", {"notes.txt": "mine"})
    before, kept = _things(engine), (_content(older), _content(other))
    (tmp_path / "compose.yml").write_text(COMPOSE)
    context = context_of(tmp_path, target)
    with closing(socket.create_server(("127.0.0.1", target["port"]))):
        facts = carry_out(ServerStep(), context)

    # The port that this process held, and the volumes that were there.
    told = "\n".join(issues(context))
    assert f"port {target['port']} of 127.0.0.1 is taken by the process" in told
    assert f"({os.getpid()}): the next free one is used: {facts['port']}" in told
    assert f"the volume {target['volume']} is there already, and holds the data of PostgreSQL 13: left as it is" in told
    assert f"{target['volume']}-2 is there already, and holds files that are not PostgreSQL's" in told
    assert facts["volume"] == f"{target['volume']}-3"
    assert facts["port"] > target["port"]

    carry_out(ComposeStep(), context)
    ready = carry_out(ReadyStep(), context)
    assert ready["health"].startswith("healthy")
    with psycopg.connect(context.login.url) as application:
        row = application.execute(
            "select current_user, rolsuper or rolcreatedb or rolcreaterole from pg_roles where rolname = current_user"
        ).fetchone()
        assert row == ("application", False)
        application.execute("create table t (id int)")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(context.login.url.rpartition("/")[0] + "/postgres")
    superuser = json.loads((context.folder / "superuser.json").read_text())
    with psycopg.connect(**{**superuser, "database": None, "dbname": "postgres"}) as admin:
        verifier = admin.execute("select rolpassword from pg_authid where rolname = 'application'").fetchone()
        assert verifier is not None and verifier[0].startswith("SCRAM-SHA-256$")

    # What anybody may see of it.
    seen = engine.podman("inspect", target["name"]) + engine.podman("logs", target["name"])
    seen += everything_written(tmp_path)
    assert context.login.password not in seen
    assert superuser["password"] not in seen
    inspected = json.loads(engine.podman("inspect", target["name"]))[0]["HostConfig"]
    assert inspected["RestartPolicy"]["Name"] == "unless-stopped"
    assert inspected["Memory"] == 256 << 20
    assert inspected["NanoCpus"] == 1_500_000_000

    # The compose file has it, and its secret is beside it.
    compose = (tmp_path / "compose.yml").read_text()
    assert [line for line in COMPOSE.splitlines() if line not in compose.splitlines()] == []
    assert facts["volume"] in compose
    secret = tmp_path / ".postgres-superuser-password"
    assert secret.read_text() == superuser["password"]
    assert secret.stat().st_mode & 0o777 == 0o600
    assert "built here" not in context.facts("compose")["diff"]

    undo(ComposeStep(), context)
    found = undo(ServerStep(), context)
    assert found["dropped"] == [f"the container {target['name']}", f"the volume {facts['volume']}"]
    assert (tmp_path / "compose.yml").read_text() == COMPOSE
    assert not secret.exists()
    assert _things(engine) == before
    assert (_content(older), _content(other)) == kept
    assert undo(ServerStep(), context) == {"dropped": []}


def test_killed_at_any_point_it_is_done_again_to_one_container_or_undone_to_none(
    engine: ContainerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _things(engine)

    def killed(*_: object, **__: object) -> None:
        raise Killed

    context = context_of(tmp_path, _target(engine))
    _started(context)
    step = ServerStep()
    # After the volume, after the container, after its start: each is gone on with; the first two are undone as well.
    for number, place in enumerate(("create", "put_password", "restarts")):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(made_container, place, killed)
            step.do(context, context.facts(step.name))
        if number == 0:
            assert undo(step, context)["dropped"] == [f"the volume {context.facts('server')['volume']}"]
            assert _things(engine) == before
    killed_when(context, "container_id")
    with pytest.raises(Killed):
        step.do(context, context.facts(step.name))
    password = context.login.password
    facts = carry_out(step, context)
    assert context.login.password == password
    assert len(_there(engine, "container")) == len(before[0]) + 1
    # As after a restart of the machine.
    engine.podman("stop", "--time", "1", facts["container"])
    assert wake(context)
    assert not wake(context)
    carry_out(ReadyStep(), context)
    assert len(undo(step, context)["dropped"]) == 2
    assert _things(engine) == before


def test_a_check_days_before_tells_of_the_port_and_the_volume_and_makes_nothing(
    engine: ContainerEngine, tmp_path: Path
) -> None:
    target = _target(engine)
    _volume(engine, target["volume"], {"PG_VERSION": "13\n"})
    before = _things(engine)
    with closing(sqlite3.connect(tmp_path / "app.sqlite")) as source:
        source.execute("create table pupils(id integer primary key)")
    ulimits = ", ".join(f"{name} = {most}" for name, most in target.pop("ulimits").items())
    lines = [f"{key} = {json.dumps(value)}" for key, value in target.items()]
    text = "\n".join(['[source]\npath = "app.sqlite"\n[target]', *lines, f"ulimits = {{{ulimits}}}"])
    (tmp_path / "litelift.toml").write_text(text)
    with closing(socket.create_server(("127.0.0.1", target["port"]))):
        found = check(tmp_path / "litelift.toml")
    assert found.exit_code == 3
    told = "\n".join(found.issues)
    assert f"port {target['port']} of 127.0.0.1 is taken by the process" in told
    assert (
        f"holds the data of PostgreSQL 13: left as it is; a fresh one is made beside it: {target['volume']}-2" in told
    )
    assert _things(engine) == before


def test_a_port_that_a_container_publishes_is_told_with_its_name_and_the_next_is_published(
    engine: ContainerEngine, tmp_path: Path
) -> None:
    target = _target(engine, network=None, image=NEWER_LAYOUT)
    holder = f"{target['name']}-holder"
    limits = [word for name, most in ULIMITS.items() for word in ("--ulimit", f"{name}={most}:{most}")]
    published = f"127.0.0.1:{target['port']}:80"
    try:
        engine.podman("run", "--detach", "--name", holder, *limits, "--publish", published, IMAGE, "sleep", "600")
    except RuntimeError as error:
        pytest.skip(f"podman publishes no port here: {error}")
    context = context_of(tmp_path, target)
    facts = carry_out(ServerStep(), context)
    assert f"taken by the container {holder} (" in issues(context)[0]
    assert facts["port"] > target["port"]
    assert facts["image_facts"]["mount"] == "/var/lib/postgresql"
    assert facts["image_facts"]["data"] == "/var/lib/postgresql/16/docker"
    folder = Path(engine.podman("volume", "inspect", "--format", "{{.Mountpoint}}", facts["volume"]).strip())
    assert (folder / "16/docker/PG_VERSION").read_text() == "16\n"
    carry_out(ReadyStep(), context)

    # A second run beside it: this container is in its way by its name, and its volume by what it holds.
    again = context_of(tmp_path / "again", target)
    with pytest.raises(errors.NameTaken, match=rf"a container {target['name']} already: .*, running, made by litelift"):
        ServerStep().check(again)
    renamed = context_of(tmp_path / "renamed", {**target, "name": f"{target['name']}-b"})
    decided = ServerStep().check(renamed)
    assert decided["older_volumes"] == [{"volume": facts["volume"], "holds": "holds the data of PostgreSQL 16"}]
    undo(ServerStep(), context)
    assert holder in _there(engine, "container")
    engine.podman("rm", "--force", "--time", "0", holder)


def test_a_port_that_is_lost_before_it_is_listened_on_is_made_good_by_the_next(
    engine: ContainerEngine, tmp_path: Path
) -> None:
    context = context_of(tmp_path, _target(engine))
    _started(context)
    decided = context.facts("server")["port"]
    with closing(socket.create_server(("127.0.0.1", decided))):
        facts = carry_out(ServerStep(), context)
    assert facts["port"] > decided
    assert f"port {decided} of 127.0.0.1 is taken by the process" in issues(context)[0]
    assert context.login.port == facts["port"]
    undo(ServerStep(), context)


def test_an_image_whose_server_does_not_start_is_told_with_its_log_and_undone(
    engine: ContainerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _things(engine)
    wrong = ["postgres", "-c", "shared_buffers=many"]
    monkeypatch.setattr(made_container, "command", lambda target, port: wrong)
    context = context_of(tmp_path, _target(engine, restart="no"))
    _started(context)
    with pytest.raises(errors.ContainerFailed, match="ended with 1") as caught:
        ServerStep().do(context, context.facts("server"))
    assert "shared_buffers" in caught.value.hint
    assert len(undo(ServerStep(), context)["dropped"]) == 2
    assert _things(engine) == before


def test_a_volume_that_cannot_be_read_from_here_is_looked_into_by_a_container(
    engine: ContainerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from litelift.cutover.server import volume

    monkeypatch.setattr(volume, "is_local", lambda place: False)
    target = _target(engine)
    older = _volume(engine, target["volume"], {"17/docker/PG_VERSION": "17\n"})
    kept = _content(older)
    decided = ServerStep().check(context_of(tmp_path, target))
    holds = decided["older_volumes"][0]["holds"]
    assert holds == "holds the data of PostgreSQL 17"
    assert _content(older) == kept


def test_a_missing_image_is_told_and_nothing_is_made(engine: ContainerEngine, tmp_path: Path) -> None:
    before = _things(engine)
    missing = "localhost:1/no/such:16"
    never = context_of(tmp_path, _target(engine, image=missing, pull="never"))
    with pytest.raises(errors.ImageMissing, match="never"):
        ServerStep().check(never)
    pulled = context_of(tmp_path / "pulled", _target(engine, image=missing))
    _started(pulled)
    with pytest.raises(errors.ImageMissing, match="pulling it failed"):
        ServerStep().do(pulled, pulled.facts("server"))
    assert undo(ServerStep(), pulled) == {"dropped": []}
    assert _things(engine) == before


def test_an_unknown_network_is_told_with_those_that_there_are(engine: ContainerEngine, tmp_path: Path) -> None:
    with pytest.raises(errors.EngineRefused, match=r"no network nowhere; it has \w"):
        ServerStep().check(context_of(tmp_path, _target(engine, network="nowhere")))


def test_without_an_engine_it_is_told_where_one_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = {"kind": "container", "engine": f"unix://{tmp_path}/no.sock"}
    with pytest.raises(errors.EngineUnreachable, match=r"no\.sock: No such file") as caught:
        ServerStep().check(context_of(tmp_path, target))
    assert "DOCKER_HOST" in caught.value.hint
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(errors.EngineUnreachable, match=r"tcp://127\.0\.0\.1:1: Connection refused"):
        ServerStep().check(context_of(tmp_path / "b", {"kind": "container"}))


def test_the_plan_says_what_is_made_and_asks_no_engine(tmp_path: Path) -> None:
    target = {"kind": "container", "engine": f"unix://{tmp_path}/no.sock", "port": 5999, "memory": "1g"}
    context = context_of(tmp_path, target)
    said = "\n".join(Container(context.runbook.target).plan(context))  # type: ignore[arg-type]
    for word in ("application-postgres-data", "127.0.0.1:5999", "memory 1g", "0600", "postgres:16"):
        assert word in said


def test_its_own_programs_back_it_up_through_the_engine_that_litelift_was_given(
    engine: ContainerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By docker's command line and by podman's; neither is told of the engine by the environment."""
    from litelift.backup import tools
    from litelift.backup.create import create
    from litelift.backup.drill import drill
    from litelift.backup.settings import Backup
    from litelift.backup.store import Store
    from litelift.backup.subject import Subject
    from litelift.postgres.connect import normalized

    context = context_of(tmp_path, _target(engine))
    facts = carry_out(ServerStep(), context)
    login = kept_login(context.folder / "superuser.json")
    assert login is not None
    url = login.url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table grade as select g, md5(g::text) as note from generate_series(1, 1000) g")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    store = Store(tmp_path / "backups")
    of = Subject("school", store, Backup(), normalized(url), container=facts["container"], engine=engine.url)
    lines = {words[0] for words in tools._engines(engine.url)}
    assert "podman" in lines
    for line in sorted(lines):
        chosen = [words for words in tools._engines(engine.url) if words[0] == line]
        with monkeypatch.context() as only:
            only.setattr(tools, "_engines", lambda named, chosen=chosen: iter(chosen))
            # Nothing fits on this machine.
            only.setattr(tools, "local_tools", lambda: iter(()))
            made = create(of)
        manifest = made.read()
        assert (manifest.dump.source, manifest.dump.format) == ("container", "custom")
        assert sum(table.rows for table in manifest.tables) == 1000
        drilled = drill(store, made, Backup())
        assert drilled.look.ok, drilled.look
        assert _password(url) not in str([path.read_bytes() for path in store.path.rglob("*") if path.is_file()])


_CREATE = """
import sys
from pathlib import Path
from litelift.backup import tools
from litelift.backup.create import create
from litelift.backup.settings import Backup
from litelift.backup.store import Store
from litelift.backup.subject import Subject
tools.local_tools = lambda: iter(())
folder, dsn, container, engine = sys.argv[1:]
create(Subject("school", Store(Path(folder)), Backup(), dsn, container=container, engine=engine))
"""
_WAITS = "select pid from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'litelift backup%'"


def test_no_pg_dump_goes_on_in_it_for_nobody(engine: ContainerEngine, tmp_path: Path) -> None:
    """The engine's command line ends with litelift; what it has started in the container does not."""
    context = context_of(tmp_path, _target(engine))
    facts = carry_out(ServerStep(), context)
    login = kept_login(context.folder / "superuser.json")
    assert login is not None
    words = [sys.executable, "-c", _CREATE, str(tmp_path / "b"), login.url, facts["container"], engine.url]
    with psycopg.connect(login.url) as locking, psycopg.connect(login.url, autocommit=True) as looking:
        locking.execute("create table zebra (id int) partition by range (id)")
        locking.commit()
        locking.execute("lock table zebra in access exclusive mode")

        seen: set[int] = set()

        def waiting() -> set[int]:
            return {pid for (pid,) in looking.execute(_WAITS)}

        def another() -> bool:
            return bool(waiting() - seen) and not waiting() & seen

        for number in (signal.SIGKILL, signal.SIGINT):
            process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
            # What the killed one has left goes before another begins.
            wait_for(another)
            seen |= waiting()
            process.send_signal(number)
            process.wait(60)
        wait_for(lambda: not waiting())


def _password(url: str) -> str:
    """The password of a URL."""
    return str(psycopg.conninfo.conninfo_to_dict(url)["password"])
