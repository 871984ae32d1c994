"""What the watch finds of a Redis that is full, away, silent, shut, or cannot save: each on a real one."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis

from broken import free_port, wait_for
from litelift.monitor.finding import Finding, Measure
from litelift.monitor.samples import opened
from litelift.monitor.watched import Watched, watched
from litelift.monitor.words import said
from monitored import database_at, found_by, only

WORD = "r3dis & wörd"
UNHURRIED = '[monitor.limits]\n"redis.latency" = { warning = 100, critical = 200 }\n'


@dataclass
class Server:
    """A Redis of its own."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    client: Redis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server: there is no such program (apt-get install redis-server)")
    port, folder = free_port(), tmp_path / "redis"
    folder.mkdir()
    words = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--requirepass", WORD]
    process = subprocess.Popen([*words, "--save", ""], stdout=subprocess.DEVNULL)
    client = Redis(port=port, password=WORD)
    try:
        wait_for(lambda: _answers(client))
        yield Server(port, folder, process, client)
    finally:
        client.close()
        process.kill()
        process.wait()


def _answers(client: Redis) -> bool:
    with contextlib.suppress(Exception):
        return bool(client.ping())
    return False


def watched_at(server: Server, folder: Path, password: str = WORD) -> Watched:
    """A database whose server is away, and a Redis that is watched."""
    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o600)
    settings = (
        f'[[monitor.redis]]\nname = "sessions"\nurl = "redis://127.0.0.1:{server.port}/0"\npassword_file = "{secret}"\n'
    )
    return database_at(f"postgresql://u@127.0.0.1:{free_port()}/school", folder, UNHURRIED + settings)


def found(of: Watched) -> Finding:
    """What is found, no secret in it."""
    finding = only(found_by("redis", of))
    assert WORD not in str(finding.document)
    return finding


def test_a_redis_that_is_well_is_told_with_its_memory_and_writes_nothing(server: Server, tmp_path: Path) -> None:
    of = watched_at(server, tmp_path)
    finding = found(of)
    assert (finding.state, finding.found, finding.about) == ("ok", "up", "sessions")
    measures = {measure.name: measure.value for measure in finding.measures}
    assert measures["memory"] > 100_000
    assert measures["latency"] > 0
    assert server.client.dbsize() == 0


def test_a_redis_without_room_is_told_unless_it_makes_room_by_itself(server: Server, tmp_path: Path) -> None:
    of = watched_at(server, tmp_path)
    server.client.set("large", bytes(20 << 20))
    used = server.client.info("memory")["used_memory"]
    server.client.config_set("maxmemory", int(used / 0.9))
    assert (found(of).state, found(of).found) == ("warning", "memory")
    server.client.config_set("maxmemory-policy", "allkeys-lru")
    assert found(of).state == "ok"
    server.client.config_set("maxmemory-policy", "noeviction")
    server.client.config_set("maxmemory", used * 10)
    assert found(of).state == "ok"


def test_a_redis_that_has_no_client_left_to_give_is_told(server: Server, tmp_path: Path) -> None:
    of = watched_at(server, tmp_path)
    server.client.config_set("maxclients", 20)
    with contextlib.ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(contextlib.closing(Redis(port=server.port, password=WORD))).ping()
        assert (found(of).state, found(of).found) == ("warning", "clients")
    wait_for(lambda: found(of).state == "ok")


def test_clients_that_were_turned_away_and_keys_that_were_evicted_are_told_by_the_minute(
    server: Server, tmp_path: Path
) -> None:
    of = watched_at(server, tmp_path)
    now = datetime.now(UTC)
    with opened(of.folder, write=True) as samples:
        for ago, evicted in ((120, 0), (60, 12_000)):
            measures = [Measure("evicted", evicted, counter=True)]
            samples.add(
                now - timedelta(seconds=ago), [Finding("redis", "ok", "up", about="sessions", measures=measures)]
            )
        finding = only(found_by("redis", of, past=samples, now=now))
        assert (finding.state, finding.found) == ("warning", "evicting")
        assert "200 keys a second" in said(finding)


def test_a_redis_that_cannot_save_is_critical(server: Server, tmp_path: Path) -> None:
    of = watched_at(server, tmp_path)
    server.folder.rmdir()
    server.client.set("a", "b")
    server.client.bgsave()
    wait_for(lambda: found(of).state == "critical")
    assert found(of).found == "unsaved"


def test_a_redis_that_does_not_let_the_watch_in_is_told_without_the_password(server: Server, tmp_path: Path) -> None:
    finding = found(watched_at(server, tmp_path, "wr0ng-word"))
    assert (finding.state, finding.found) == ("critical", "refused-login")
    assert "wr0ng-word" not in str(finding.document)
    (tmp_path / "password").unlink()
    assert (
        found(
            database_at(
                "postgresql://u@127.0.0.1:9/school",
                tmp_path,
                f'[[monitor.redis]]\npassword_env = "NOT_SET_{server.port}"\n',
            )
        ).state
        == "unknown"
    )


def test_a_login_that_may_only_ping_is_enough_to_see_that_it_answers(server: Server, tmp_path: Path) -> None:
    of = watched_at(server, tmp_path)
    server.client.acl_setuser("default", enabled=True, reset=False, categories=["+@all"], commands=["-info"])
    assert (found(of).state, found(of).found) == ("ok", "answers")


def test_a_password_file_is_looked_for_beside_the_project_wherever_the_samples_lie(
    server: Server, tmp_path: Path
) -> None:
    watched_at(server, tmp_path)
    file = tmp_path / "litelift.toml"
    file.write_text(file.read_text().replace(f"{tmp_path}/password", "password"))
    of = watched(str(file), tmp_path / "elsewhere" / "samples")
    assert (found(of).state, found(of).found) == ("ok", "up")


def test_a_redis_that_says_nothing_is_given_up(server: Server, tmp_path: Path) -> None:
    of = watched_at(server, tmp_path)
    server.process.send_signal(signal.SIGSTOP)
    finding = found(of)
    assert (finding.state, finding.found) == ("critical", "silent")
    server.process.send_signal(signal.SIGCONT)
    assert found(of).state == "ok"


def test_a_redis_that_is_away_is_critical(server: Server, tmp_path: Path) -> None:
    of = watched_at(server, tmp_path)
    server.process.terminate()
    server.process.wait()
    finding = found(of)
    assert (finding.state, finding.found) == ("critical", "down")
    assert "nothing listens" in str(finding.facts["message"])
