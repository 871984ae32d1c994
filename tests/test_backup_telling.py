"""Who is told of a scheduled run, of what, and what none of them ever sees."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from litelift.backup.settings import Tell
from litelift.backup.status import RunRecord, Status, next_due, read_status, run_held, state, write_status
from litelift.backup.telling import Teller
from litelift.tell import command as tell_command
from litelift.tell import webhook
from litelift.tell.settings import Mail
from mail_server import mail_server
from private_machine import private_machine, source

BEGAN = datetime(2026, 11, 23, 2, 0, 1, tzinfo=UTC)


def record(ok: bool = False, **known: Any) -> RunRecord:
    failures = [] if ok else ["create: no PostgreSQL answers at db:5432"]
    known = {"message": "school-20261123 made" if ok else failures[0], "failures": failures, **known}
    return RunRecord(began=BEGAN, process=1, ended=BEGAN, ok=ok, exit_status=0 if ok else 1, **known)


def teller(folder: Path, **tell: Any) -> Teller:
    return Teller(Tell(syslog=False, **tell), "school", folder, folder / "backups")


class Hook:
    """A webhook's server, which gives the answers in ``statuses``, the last of them again and again."""

    def __init__(self, *statuses: int, wait: threading.Event | None = None) -> None:
        self.got: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
                if wait is not None:
                    wait.wait(60)
                status = statuses[min(len(outer.got), len(statuses)) - 1]
                self.send_response(status)
                self.send_header("Location", outer.address)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/hooks/T0PSECRET?key=hush"

    @contextmanager
    def running(self) -> Iterator[Hook]:
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PAUSES", (0.01, 0.01))


# --------------------------------------------------------------------- the webhook


def test_a_failure_is_posted_as_json(tmp_path: Path) -> None:
    with Hook(204).running() as hook:
        assert teller(tmp_path, webhook=hook.address).ended(record()) == []
    ((path, kind, document),) = hook.got
    assert (path, kind) == ("/hooks/T0PSECRET?key=hush", "application/json")
    assert document["event"] == "backup failed" and document["project"] == "school"
    assert document["failures"] == ["create: no PostgreSQL answers at db:5432"]
    assert document["host"] == socket.gethostname() and document["began"] == "2026-11-23T02:00:01Z"


def test_a_success_is_posted_only_where_that_is_wanted(tmp_path: Path) -> None:
    with Hook(200).running() as hook:
        assert teller(tmp_path, webhook=hook.address).ended(record(ok=True)) == []
        assert hook.got == []
        assert teller(tmp_path, webhook=hook.address, success=True).ended(record(ok=True)) == []
    assert [document["event"] for _, _, document in hook.got] == ["backup succeeded"]


def test_a_webhook_whose_server_is_in_trouble_is_tried_three_times_in_all(tmp_path: Path) -> None:
    with Hook(503, 429, 200).running() as hook:
        assert teller(tmp_path, webhook=hook.address).ended(record()) == []
    assert len(hook.got) == 3
    with Hook(500).running() as hook:
        assert teller(tmp_path, webhook=hook.address).ended(record()) == ["the webhook: it answered 500"]
    assert len(hook.got) == 3


def test_in_a_hurry_nothing_is_tried_again(tmp_path: Path) -> None:
    with Hook(500).running() as hook:
        assert teller(tmp_path, webhook=hook.address).ended(record(), hurry=True) == ["the webhook: it answered 500"]
    assert len(hook.got) == 1


@pytest.mark.parametrize("status", [301, 308, 400, 404, 410])
def test_a_webhook_that_refuses_is_not_asked_again_nor_followed(tmp_path: Path, status: int) -> None:
    with Hook(status).running() as hook:
        assert teller(tmp_path, webhook=hook.address).ended(record()) == [f"the webhook: it answered {status}"]
    assert len(hook.got) == 1


def test_a_webhook_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "ATTEMPT_SECONDS", 0.2)
    silence = threading.Event()
    with Hook(200, wait=silence).running() as hook:
        assert teller(tmp_path, webhook=hook.address).ended(record()) == ["the webhook: no answer in 0.2 s"]
        silence.set()


def test_an_answer_that_trickles_in_ends_with_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "ATTEMPT_SECONDS", 0.3)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not stop.wait(0.02):
                    try:
                        peer.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        try:
            assert webhook.post(address, {}, attempts=1) == "no answer in 0.3 s"
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/T0PSECRET",
        "http://no-such-host.invalid/T0PSECRET",
        "https://user:T0PSECRET@127.0.0.1:9/",
        "http://127.0.0.1:99999/T0PSECRET",
        "http://[T0PSECRET",
        "ftp://T0PSECRET",
        "T0PSECRET",
        "http://a\udcffT0PSECRET/",
    ],
)
def test_what_goes_wrong_with_a_webhook_never_holds_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("SCHOOL_HOOK", address)
    (wrong,) = teller(tmp_path, webhook_env="SCHOOL_HOOK").ended(record())
    assert wrong.startswith("the webhook: ") and "T0PSECRET" not in wrong and "invalid" not in wrong


def test_the_address_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = teller(tmp_path, webhook_env="SCHOOL_HOOK")
    monkeypatch.delenv("SCHOOL_HOOK", raising=False)
    assert told.ended(record()) == ["the webhook: the environment has no SCHOOL_HOOK"]
    with Hook(200).running() as hook:
        monkeypatch.setenv("SCHOOL_HOOK", hook.address)
        assert told.ended(record()) == []
        assert told.clean(f"it said {hook.address}") == "it said ***"


# --------------------------------------------------------------------- the command


def test_the_command_gets_the_same_document_in_the_projects_folder(tmp_path: Path) -> None:
    assert teller(tmp_path, command="cat > got.json").ended(record()) == []
    assert json.loads((tmp_path / "got.json").read_text())["message"] == "create: no PostgreSQL answers at db:5432"
    code = "import sys; open('words', 'w').write(sys.stdin.read())"
    assert teller(tmp_path, command=[sys.executable, "-c", code]).ended(record()) == []
    assert (tmp_path / "words").read_text() == (tmp_path / "got.json").read_text()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo first; echo no mail; exit 3", "it ended with 3 (no mail)"),
        ("echo 'to smtp://me:hush@mail' >&2; exit 1", "it ended with 1 (to smtp://me:***@mail)"),
        (["/no/such/program"], "it cannot be started: No such file or directory"),
        ("kill -9 $$", "it ended with -9"),
    ],
)
def test_a_command_that_fails_is_counted(tmp_path: Path, command: str, said: str) -> None:
    assert teller(tmp_path, command=command).ended(record()) == [f"the command: {said}"]


def test_a_command_that_does_not_read_is_fine(tmp_path: Path) -> None:
    assert teller(tmp_path, command="exec true").ended(record(message="x" * 300_000)) == []


def test_a_command_that_does_not_end_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tell_command, "SECONDS", 0.5)
    command = "sleep 600 & echo $! > child; wait"
    (wrong,) = teller(tmp_path, command=command).ended(record())
    assert wrong == "the command: it was ended after 0.5 s"
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not _lives(child))


def wait_until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# --------------------------------------------------------------------- mail


def test_a_failure_is_mailed(tmp_path: Path) -> None:
    with mail_server() as server:
        mail = {
            "host": "localhost",
            "port": server.port,
            "security": "none",
            "from": "a@school.test",
            "to": ["b@c.test"],
        }
        told = teller(tmp_path, mail=Mail.model_validate(mail))
        assert told.ended(record(notes=["drill: no key"])) == []
        assert told.ended(record(ok=True)) == []
    (got,) = server.got
    assert got["Subject"] == f"school: backup failed on {socket.gethostname()}"
    lines = got.get_content().splitlines()
    assert lines[:2] == ["create: no PostgreSQL answers at db:5432", "Needs a person: drill: no key"]
    assert lines[-1] == f"The backups: {tmp_path / 'backups'}"


# --------------------------------------------------------------------- the system's log


def test_the_system_log_gets_one_line_for_each_with_its_priority_and_no_secret() -> None:
    script = """
from datetime import UTC, datetime
from pathlib import Path
from litelift.backup.settings import Tell
from litelift.backup.status import RunRecord
from litelift.backup.telling import Teller
now = datetime.now(UTC)
known = dict(began=now, process=1, ended=now)
teller = Teller(Tell(webhook="https://hooks.example.org/T0PSECRET"), "school\\nforged: line", Path("/"), Path("/b"))
teller.begun(RunRecord(**known))
teller.tell.__dict__["webhook"] = None
teller.ended(RunRecord(ok=True, message="a made", notes=["drill: no key"], **known))
teller = Teller(Tell(webhook_env="NONE_SUCH"), "school", Path("/"), Path("/b"))
said = ["create: postgresql://app:T0PSECRET@db/app\\x00\\nforged", "copy: " + "ş" * 5000]
teller.ended(RunRecord(ok=False, failures=said, **known))
Teller(Tell(syslog=False), "quiet", Path("/"), Path("/b")).ended(RunRecord(ok=True, **known))
"""
    with private_machine("busybox") as machine:
        machine.start_syslog()
        done = machine.call("env", f"PYTHONPATH={source()}", sys.executable, "-c", script)
        assert done.returncode == 0, done.stderr
        wait_until(lambda: "could not be told" in machine.log.read_text())
        log = machine.log.read_text()
    lines = [line.split(" ", 4)[4].strip() for line in log.splitlines() if "litelift-backup" in line]
    lines = [line.partition("litelift-backup[")[0] + line.partition("]: ")[2] for line in lines]
    assert lines[:4] == [
        "daemon.info begun: backup of school forged: line into /b",
        "daemon.info ended: backup of school forged: line into /b: a made",
        "daemon.warn needs a person: backup of school forged: line into /b: drill: no key",
        "daemon.err failed: backup of school into /b: create: postgresql://app:***@db/app\\x00 forged",
    ]
    assert lines[4].startswith("daemon.err failed: backup of school into /b: copy: şşş") and len(lines[4]) < 600
    assert lines[5:] == [
        "daemon.err could not be told: backup of school into /b: the webhook: the environment has no NONE_SUCH"
    ]
    assert "T0PSECRET" not in log and "quiet" not in log


# --------------------------------------------------------------------- the status file


def test_the_state_is_told_by_what_the_file_has_and_what_it_lacks(tmp_path: Path) -> None:
    assert state(tmp_path) == "never"
    due = next_due("02:00", BEGAN)
    assert due == datetime(2026, 11, 24, 2, tzinfo=UTC)
    write_status(tmp_path, Status(next_due=due))
    assert state(tmp_path, due) == "never"
    # One that never began.
    assert state(tmp_path, due + timedelta(hours=2)) == "overdue"
    began = RunRecord(began=BEGAN, process=os.getpid())
    write_status(tmp_path, Status(last=began, next_due=due))
    # One that was killed.
    assert state(tmp_path, BEGAN) == "cut off"
    write_status(tmp_path, Status(last=record(ok=True), next_due=due))
    assert state(tmp_path, BEGAN) == "ok"
    assert state(tmp_path, due + timedelta(hours=2)) == "overdue"
    write_status(tmp_path, Status(last=record(), next_due=due))
    assert state(tmp_path, BEGAN) == "failed"


def test_a_run_under_way_is_seen_by_other_processes(tmp_path: Path) -> None:
    import subprocess

    write_status(tmp_path, Status(last=RunRecord(began=BEGAN, process=os.getpid()), next_due=BEGAN))
    look = "import sys; from pathlib import Path; from litelift.backup.status import state; "
    look += f"print(state(Path({str(tmp_path)!r})))"
    with run_held(tmp_path):
        assert subprocess.check_output([sys.executable, "-c", look], text=True) == "running\n"
    assert subprocess.check_output([sys.executable, "-c", look], text=True) == "cut off\n"


def test_a_status_that_cannot_be_read_is_that_of_none(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"last": ')
    assert read_status(tmp_path) == Status()
    assert state(tmp_path) == "never"


def test_the_status_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_status(tmp_path, Status())
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o600


def test_the_address_is_not_in_what_settings_say_of_themselves() -> None:
    tell = Tell(webhook="https://hooks.example.org/T0PSECRET")
    assert "T0PSECRET" not in repr(tell) + str(tell)
