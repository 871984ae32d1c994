"""What the watch finds of containers, on a real engine: stopped, paused, gone, failing, short of memory."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from broken import free_port, wait_for
from container_engine import IMAGE, ULIMITS, ContainerEngine
from litelift.errors import EngineUnreachable
from litelift.monitor.advise.machine import Machine, machine_of
from litelift.monitor.checks.disks_folders import data_of
from litelift.monitor.engine import Engine
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.samples import opened
from litelift.monitor.watched import Watched, watched
from litelift.monitor.words import said
from monitored import database_at, found_by, only

pytestmark = pytest.mark.xdist_group("containers")
_numbers = itertools.count()


def run(engine: ContainerEngine, *words: str, options: tuple[str, ...] = ()) -> str:
    """A container that runs; its name."""
    name = f"watched-{os.getpid()}-{next(_numbers)}"
    limits = [word for limit, most in ULIMITS.items() for word in ("--ulimit", f"{limit}={most}:{most}")]
    engine.podman("run", "--detach", "--name", name, "--network", "host", *limits, *options, IMAGE, *words)
    return name


def watched_at(engine: ContainerEngine, folder: Path, *names: str) -> Watched:
    """A database whose server is away, and containers that are watched."""
    settings = f'[monitor]\nengine = "{engine.url}"\ncontainers = {list(names)}\n'.replace("'", '"')
    return database_at(f"postgresql://u@127.0.0.1:{free_port()}/school", folder, settings)


def found(of: Watched) -> Finding:
    """What is found of the one container."""
    return only(found_by("container", of))


def test_a_stopped_container_is_critical_until_it_runs_again(engine: ContainerEngine, tmp_path: Path) -> None:
    name = run(engine, "sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done")
    of = watched_at(engine, tmp_path, name)
    assert (found(of).state, found(of).found, found(of).about) == ("ok", "running", name)
    engine.podman("stop", "--time", "30", name)
    finding = found(of)
    assert (finding.state, finding.found, finding.facts["code"]) == ("critical", "stopped", 7)
    engine.podman("start", name)
    assert found(of).state == "ok"
    engine.podman("rm", "--force", "--time", "0", name)
    assert (found(of).state, found(of).found) == ("critical", "gone")


def test_a_paused_container_is_critical(engine: ContainerEngine, tmp_path: Path) -> None:
    name = run(engine, "sleep", "600")
    of = watched_at(engine, tmp_path, name)
    assert found(of).state == "ok"
    try:
        engine.podman("pause", name)
    except RuntimeError as error:
        pytest.skip(f"podman pauses nothing here: {error}")
    assert (found(of).state, found(of).found) == ("critical", "paused")
    engine.podman("unpause", name)
    assert found(of).state == "ok"


def test_a_container_that_fails_its_own_check_is_critical(engine: ContainerEngine, tmp_path: Path) -> None:
    check = ("--health-cmd", "[ -f /tmp/well ]", "--health-retries", "1", "--health-interval", "disable")
    name = run(engine, "sleep", "600", options=check)
    of = watched_at(engine, tmp_path, name)
    engine.podman("exec", name, "sh", "-c", ": > /tmp/well")
    engine.podman("healthcheck", "run", name)
    assert found(of).state == "ok"
    engine.podman("exec", name, "rm", "/tmp/well")
    with contextlib.suppress(RuntimeError):
        engine.podman("healthcheck", "run", name)
    assert (found(of).state, found(of).found) == ("critical", "unhealthy")


def test_a_container_that_its_engine_had_to_start_again_is_told_for_an_hour(
    engine: ContainerEngine, tmp_path: Path
) -> None:
    script = "[ -f /tmp/second ] && exec sleep 600; : > /tmp/second; exit 1"
    name = run(engine, "sh", "-c", script, options=("--restart", "on-failure"))
    of = watched_at(engine, tmp_path, name)
    wait_for(lambda: found(of).found == "restarted")
    finding = found(of)
    assert (finding.state, finding.facts["lately"]) == ("warning", 1)
    assert "started again 1 time within an hour" in said(finding)
    now = datetime.now(UTC)
    with opened(of.folder, write=True) as samples:
        measures = [Measure("restarts", 1)]
        past = [Finding("container", "ok", "running", about=name, measures=measures)]
        samples.add(now - timedelta(hours=1, minutes=1), past)
        assert only(found_by("container", of, past=samples, now=now)).state == "ok"


def test_a_container_that_ended_for_want_of_memory_is_told_so(engine: ContainerEngine, tmp_path: Path) -> None:
    # With an engine that bounds nothing the shell ends at its own limit.
    bound = ("--memory", "24m", "--memory-swap", "24m")
    grows = "ulimit -v 1000000; x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"
    try:
        name = run(engine, "sh", "-c", grows, options=bound)
    except RuntimeError as error:
        pytest.skip(f"podman bounds no memory here: {error}")
    of = watched_at(engine, tmp_path, name)
    wait_for(lambda: found(of).state == "critical" and found(of).facts["code"] != 0)
    if found(of).facts["code"] != 137:
        pytest.skip("podman bounds no memory here")
    assert (found(of).found, found(of).facts["code"], found(of).do) == ("killed", 137, "memory")


def test_a_container_is_told_before_it_has_no_memory_left(engine: ContainerEngine, tmp_path: Path) -> None:
    try:
        name = run(engine, "sleep", "600", options=("--memory", "64m"))
    except RuntimeError as error:
        pytest.skip(f"podman bounds no memory here: {error}")
    of = watched_at(engine, tmp_path, name)
    finding = found(of)
    assert finding.state == "ok"
    measures = {measure.name: measure.value for measure in finding.measures}
    if "memory_percent" not in measures:
        pytest.skip("the engine sees nothing of the memory here")
    assert 0 < measures["memory_percent"] < 90
    file = tmp_path / "litelift.toml"
    file.write_text(file.read_text() + '[monitor.limits]\n"container.memory_percent" = { warning = 0 }\n')
    of = watched(str(file))
    assert (found(of).state, found(of).found) == ("warning", "memory")


def test_a_compose_service_is_found_by_its_name(engine: ContainerEngine, tmp_path: Path) -> None:
    service = f"cache-{os.getpid()}"
    compose = tmp_path / "compose.yml"
    labels = {
        "service": service,
        "project.config_files": str(compose),
        "project.working_dir": str(tmp_path),
    }
    options = [word for key, value in labels.items() for word in ("--label", f"com.docker.compose.{key}={value}")]
    name = run(engine, "sleep", "600", options=tuple(options))
    finding = found(watched_at(engine, tmp_path, service))
    assert (finding.state, finding.about, finding.facts["name"]) == ("ok", service, name)
    with Engine.opened(engine.url) as there:
        assert there.of_service(service, compose) is not None
        assert there.of_service(service, tmp_path / "other.yml") is None


def test_an_engine_that_is_away_says_nothing_of_its_containers(tmp_path: Path) -> None:
    settings = f'[monitor]\nengine = "unix://{tmp_path}/none.sock"\ncontainers = ["school"]\n'
    of = database_at(f"postgresql://u@127.0.0.1:{free_port()}/school", tmp_path, settings)
    finding = found(of)
    assert (finding.state, finding.found) == ("unknown", "failed")
    assert "no container engine answers" in str(finding.facts["message"])
    assert found(database_at(f"postgresql://u@127.0.0.1:{free_port()}/school", tmp_path)).state == "ok"


def test_an_engine_is_asked_by_tcp_too(engine: ContainerEngine, tmp_path: Path) -> None:
    name = run(engine, "sleep", "600")
    port = free_port()
    words = ["podman", "--runtime", "runc", "system", "service", "--time=0", f"tcp://127.0.0.1:{port}"]
    process = subprocess.Popen(
        words, env=engine.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: _answers(f"tcp://127.0.0.1:{port}"))
        with Engine.opened(f"tcp://127.0.0.1:{port}") as there:
            assert there.container(name) is not None
            assert not there.local
    finally:
        process.terminate()
        process.wait()


def _answers(place: str) -> bool:
    with contextlib.suppress(EngineUnreachable), Engine.opened(place):
        return True
    return False


def test_the_disk_of_a_server_in_a_container_is_its_volumes(engine: ContainerEngine, tmp_path: Path) -> None:
    port = free_port()
    name = run(engine, "postgres", "-c", f"port={port}", options=("--env", "POSTGRES_PASSWORD=word"))
    url = f"postgresql://postgres:word@127.0.0.1:{port}/postgres"
    wait_for(lambda: _lets_in(url))
    of = database_at(url, tmp_path)
    # Its own path for the data is none of this machine.
    assert only([one for one in found_by("disk", of) if one.about == "data"]).found == "elsewhere"
    backups = dataclasses.replace(of.backups, container=name, engine=engine.url)
    of = dataclasses.replace(of, backups=backups, folder=tmp_path / "other")
    volume = engine.podman("inspect", "--format", "{{(index .Mounts 0).Source}}", name).strip()
    data = data_of(of)
    assert data is not None
    assert [(place.name, str(place.folder)) for place in data.places] == [("data", volume)]


def test_a_servers_memory_and_cores_are_those_that_its_container_leaves_it(
    engine: ContainerEngine, tmp_path: Path, database: str
) -> None:
    name = f"limited-{os.getpid()}"
    engine.podman("create", "--name", name, "--memory", "256m", "--cpus", "1.5", IMAGE, "sleep", "600")
    of = database_at(database, tmp_path)

    def machine(container: str) -> Machine:
        backups = dataclasses.replace(of.backups, container=container, engine=engine.url)
        with psycopg.connect(database, autocommit=True) as connection:
            return machine_of(connection, dataclasses.replace(of, backups=backups))

    found = machine(name)
    assert (found.memory, found.cores, found.measured) == (256 * 2**20, 1.5, True)
    assert machine("nobody").memory is None
    engine.podman("rm", name)


def _lets_in(url: str) -> bool:
    with contextlib.suppress(psycopg.Error), psycopg.connect(url, connect_timeout=2):
        return True
    return False
