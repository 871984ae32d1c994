"""The health checks of ports, PostgreSQL, Redis and commands, on real ones."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from redis import Redis

from broken import free_port
from health_app import check_of, made, one
from litelift.cutover.credentials import Login
from litelift.errors import HealthCheckUnusable

WORD = "r3dis & wörd"


def test_a_port_that_takes_connections_passes(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = one(tmp_path, kind="tcp", port=port)
        assert result.ok, result
        assert result.found == f"127.0.0.1:{port} takes connections"
        assert result.latency is not None


def test_a_port_that_does_not_is_told(tmp_path: Path) -> None:
    port = free_port()
    result = one(tmp_path, kind="tcp", port=port)
    assert result.got == f"a refusal: nothing listens on 127.0.0.1:{port}"
    assert "(DNS)" in str(one(tmp_path, kind="tcp", host="nobody.invalid", port=port).got)


def login_of(url: str) -> Login:
    """A URL as the application's login."""
    given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    host, port = given["host"], int(given.get("port", 5432))
    return Login(host, port, given["dbname"], given.get("user", "postgres"), given.get("password", ""))


@pytest.mark.parametrize(
    ("query", "value", "ok", "found"),
    [
        ("select 1", None, True, "select 1: 1"),
        ("select count(*) from surveys", 2, True, "select count(*) from surveys: 2"),
        ("select count(*) from surveys", 3, False, "expected 3 from select count(*) from surveys; got 2"),
        ("select sum(n) from surveys", 5.5, True, None),
        ("select date '2026-11-23'", "2026-11-23", True, None),
        ("select true", True, True, None),
        ("select 1", True, False, "expected true from select 1; got 1"),
        ("select n from surveys where false", 1, False, "got none"),
        ("select * from nothing", None, False, 'got relation "nothing" does not exist'),
        ("insert into surveys values (9)", None, False, "cannot execute INSERT in a read-only transaction"),
        ("set transaction read write; delete from surveys", None, False, "cannot insert multiple commands"),
        ("select '100%'", "100%", True, None),
        ("commit", None, False, "a row from commit; got none"),
    ],
)
def test_a_query_is_answered_on_the_applications_own_login(
    database: str, tmp_path: Path, query: str, value: object, ok: bool, found: str | None
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table surveys (n numeric)")
        connection.execute("insert into surveys values (2.5), (3)")
    check = check_of(kind="postgres", query=query, value=value)
    result = made(tmp_path, check, login=login_of(database))[0]
    assert result.ok is ok, result
    if found is not None:
        assert found in result.found
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from surveys").fetchone() == (2,)


def test_a_query_without_an_end_is_ended_by_the_server(database: str, tmp_path: Path) -> None:
    result = one(tmp_path, kind="postgres", url=database, query="select pg_sleep(3600)", timeout=1.0)
    assert not result.ok
    with psycopg.connect(database) as connection:
        left = "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'"
        assert connection.execute(left).fetchone() == (0,)


def test_a_server_that_stands_still_is_cut_off(database: str, tmp_path: Path) -> None:
    given = conninfo_to_dict(database)
    with Frozen(login_of(database), after=b"pg_sleep") as port:
        url = f"postgresql://{given.get('user', 'postgres')}@127.0.0.1:{port}/{given['dbname']}?sslmode=disable"
        result = one(tmp_path, kind="postgres", url=url, query="select pg_sleep(0)", timeout=1.0)
    assert not result.ok
    assert "within 1 s" in result.found


class Frozen:
    """A way to a server that lets everything through until the client says ``after``, and then nothing more."""

    def __init__(self, login: Login, after: bytes) -> None:
        self.login = login
        self.after = after
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.open: list[socket.socket] = []

    def __enter__(self) -> int:
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self.listener.getsockname()[1])

    def __exit__(self, *error: object) -> None:
        for end in (self.listener, *self.open):
            end.close()

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self.listener.accept()
                if self.login.host.startswith("/"):
                    server = socket.socket(socket.AF_UNIX)
                    server.connect(f"{self.login.host}/.s.PGSQL.{self.login.port}")
                else:
                    server = socket.create_connection((self.login.host, self.login.port))
                self.open += [client, server]
                threading.Thread(target=self._carry, args=(server, client, None), daemon=True).start()
                threading.Thread(target=self._carry, args=(client, server, self.after), daemon=True).start()
        except OSError:
            return

    def _carry(self, source: socket.socket, target: socket.socket, after: bytes | None) -> None:
        try:
            while data := source.recv(65536):
                if after is not None and after in data:
                    return
                target.sendall(data)
        except OSError:
            return


def test_a_session_that_postgresql_refuses_is_told_without_the_password(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("PW", "not-the-one-1")
    url = f"postgresql://app@127.0.0.1:{free_port()}/app"
    result = one(tmp_path, kind="postgres", url=url, password_env="PW")
    assert "expected a session in PostgreSQL; got cannot" in result.found
    assert "not-the-one-1" not in str(result)


def test_without_a_login_and_a_url_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(HealthCheckUnusable, match="no login in PostgreSQL yet"):
        one(tmp_path, kind="postgres")


@dataclass
class RedisServer:
    """A server with a password, and a user ``reader`` who may not write."""

    port: int
    socket: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/1"

    def keys(self) -> list[Any]:
        """All that it holds."""
        with Redis(port=self.port, password=WORD, db=1) as client:
            return list(client.keys())


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is missing (apt-get install redis-server)")
    with tempfile.TemporaryDirectory(prefix="litelift-redis-") as folder:
        found = RedisServer(free_port(), Path(folder) / "redis.sock")
        words = ["--port", str(found.port), "--bind", "127.0.0.1", "--unixsocket", str(found.socket), "--save", ""]
        process = subprocess.Popen(
            [program, *words, "--requirepass", WORD, "--user", "reader", "on", ">reader-word", "+ping", "+@connection"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        try:
            yield found
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", WORD)
    monkeypatch.setenv("READER", "reader-word")
    monkeypatch.setenv("WRONG", "not-the-one-1")


PATIENT: dict[str, Any] = {"retries": 1000, "pause": 0.05}
"""For a server that has just been started."""


@pytest.mark.usefixtures("passwords")
def test_redis_answers_and_nothing_is_left_in_it(redis: RedisServer, tmp_path: Path) -> None:
    result = one(tmp_path, kind="redis", url=redis.url, password_env="REDIS_PASSWORD", **PATIENT)
    assert result.ok, result
    assert result.found == "PING, SET and GET"
    assert redis.keys() == []
    over_socket = one(tmp_path, kind="redis", url=f"unix://{redis.socket}?db=1", password_env="REDIS_PASSWORD")
    assert over_socket.ok, over_socket


@pytest.mark.usefixtures("passwords")
@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({}, "Authentication required"),
        ({"password_env": "WRONG"}, "expected a session in Redis; got a refusal: invalid username-password pair"),
        ({"password_env": "READER", "user": "reader"}, "expected the right to it in Redis"),
    ],
)
def test_what_redis_refuses_is_told(redis: RedisServer, tmp_path: Path, keys: dict[str, Any], says: str) -> None:
    assert one(tmp_path, kind="redis", url=redis.url, password_env="REDIS_PASSWORD", **PATIENT).ok
    result = one(tmp_path, kind="redis", url=redis.url, **keys)
    assert not result.ok
    assert says in result.found, result
    assert "not-the-one-1" not in str(result)


@pytest.mark.usefixtures("passwords")
def test_a_user_who_may_only_ask_is_asked_for_no_more(redis: RedisServer, tmp_path: Path) -> None:
    keys: dict[str, Any] = {"password_env": "READER", "user": "reader", "write": False}
    assert one(tmp_path, kind="redis", url=redis.url, **keys, **PATIENT).found == "PING"


def test_no_redis_is_told(tmp_path: Path) -> None:
    port = free_port()
    result = one(tmp_path, kind="redis", url=f"redis://127.0.0.1:{port}")
    assert result.got == f"a refusal: nothing listens on 127.0.0.1:{port}"
    result = one(tmp_path, kind="redis", url=f"unix://{tmp_path}/none.sock")
    assert result.got == f"a refusal: nothing listens on {tmp_path}/none.sock"


@pytest.mark.parametrize(
    ("keys", "ok", "says"),
    [
        ({"command": "echo ready; pwd", "present": ["ready", "{folder}"]}, True, "exit status 0"),
        ({"command": [sys.executable, "-c", "exit(3)"], "status": 3}, True, "exit status 3"),
        ({"command": "echo; echo no way; exit 4"}, False, "expected exit status 0; got ended with 4; it said: no way"),
        ({"command": "kill -9 $$"}, False, "got was killed by SIGKILL; it said nothing"),
        ({"command": "echo a; echo b", "present": ["c"]}, False, "expected 'c' in its output; got an output without"),
        ({"command": "echo a; echo 1 error", "absent": ["error"]}, False, "got it at 2:3: a 1 error"),
        ({"command": ["{folder}/none"]}, False, "got a command that cannot be started: No such file or directory"),
        ({"command": "sleep 3600", "timeout": 0.2}, False, "got a command that was ended after 0.2 s"),
        ({"command": "echo password=abc123; exit 1"}, False, "it said: password=***"),
    ],
)
def test_a_command_ends_as_it_should_or_is_told(tmp_path: Path, keys: dict[str, Any], ok: bool, says: str) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(one) for one in value]
        return value.replace("{folder}", str(tmp_path)) if isinstance(value, str) else value

    result = one(tmp_path, kind="command", **{name: filled(value) for name, value in keys.items()})
    assert result.ok is ok, result
    assert says in result.found


def test_what_commands_print_is_kept(tmp_path: Path) -> None:
    one(tmp_path, kind="command", command="echo one")
    one(tmp_path, kind="command", command="echo two", present=["two"], absent=["one"])
    assert (tmp_path / "output.log").read_text() == "$ echo one\none\n$ echo two\ntwo\n"
