"""The dashboard's server, when many come at once, slowly, or to do harm: with real sockets."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from broken import wait_for
from dashboard import PASSWORD, Running, closed, litelift_toml, quarantined, secret, serving, wait_until_closed
from litelift.monitor.samples import opened

SOON = {"litelift.monitor.web.protocol:REQUEST_SECONDS": 1.0, "litelift.monitor.web.protocol:READ_SECONDS": 1.0}
LATE = {"litelift.monitor.web.protocol:REQUEST_SECONDS": 3600.0}


def shown_at(running: Running) -> str:
    """When it was looked last."""
    return str(running.get("/check.json").json()["at"])


def resident(running: Running) -> int:
    """Bytes of memory that it has."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


def test_three_hundred_half_open_requests_keep_nobody_waiting_and_are_ended(tmp_path: Path) -> None:
    with serving(litelift_toml(tmp_path, settings="[monitor]\nevery = 1.0\n"), settings=SOON) as running:
        slow = [running.raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-") for _ in range(300)]
        assert running.get().status_code == 200
        at = shown_at(running)
        over = threading.Event()

        def drip() -> None:
            # A byte now and then does not buy more time.
            while not over.wait(0.1):
                for one in slow:
                    with contextlib.suppress(OSError):
                        one.send(b"a")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            wait_for(lambda: shown_at(running) > at)
            wait_for(lambda: running.told("refused: 127.0.0.1: a request that does not end"))
        finally:
            over.set()
            dripping.join()
        wait_until_closed(slow)


def test_where_all_places_are_taken_by_who_says_nothing_a_request_is_answered(tmp_path: Path) -> None:
    with serving(litelift_toml(tmp_path), settings={**LATE, "litelift.monitor.web.serve:MOST": 50}) as running:
        silent = [running.raw(b"GET /") for _ in range(50)]
        assert running.get("/healthz").text == "ok\n"
        wait_for(lambda: closed(silent[0]))
        assert not closed(silent[-1])
        for one in silent:
            one.close()


def test_one_address_takes_no_places_of_the_others(tmp_path: Path) -> None:
    limits = {**LATE, "litelift.monitor.web.serve:OF_ONE_ADDRESS": 20, "litelift.monitor.web.proxies:_HERE": ["::1"]}
    with serving(litelift_toml(tmp_path), settings=limits) as running:
        other = running.raw(b"GET /healthz HTTP/1.0\r\n", "127.0.0.3")
        many = [running.raw(b"GET /", "127.0.0.2") for _ in range(60)]
        wait_until_closed(many[:40])
        assert not any(closed(one) for one in many[40:])
        other.sendall(b"\r\n")
        assert other.makefile("rb").read().endswith(b"ok\n")
        for one in (*many, other):
            one.close()


@pytest.mark.parametrize("path", ["/", "/events"])
def test_two_hundred_clients_at_once_are_all_answered_while_it_looks(tmp_path: Path, path: str) -> None:
    with serving(litelift_toml(tmp_path, settings="[monitor]\nevery = 1.0\n")) as running:
        running.get()
        before, at = resident(running), shown_at(running)
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        clients = [running.raw(head) for _ in range(200)]
        files = [client.makefile("rb") for client in clients]
        for file in files:
            assert file.readline() == b"HTTP/1.1 200 OK\r\n"
        if path == "/events":
            for file in files:
                while b"event: update" not in file.readline():
                    pass
        wait_for(lambda: shown_at(running) > at)
        assert running.get("/healthz").text == "ok\n"
        assert resident(running) - before < 60e6
        for file in files:
            file.close()
        for client in clients:
            client.close()


def test_more_than_there_is_room_for_do_not_look_and_are_told_to_come_again(tmp_path: Path) -> None:
    with serving(litelift_toml(tmp_path), settings={"litelift.monitor.web.events:CLIENTS": 3}) as running:
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(httpx.stream("GET", running.url + "events", timeout=60))
            refused = running.get("/events")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        wait_for(lambda: running.get("/events", "HEAD").status_code == 200)


def test_a_body_that_does_not_end_and_one_that_is_too_large_are_refused(tmp_path: Path) -> None:
    words = ("--password-file", secret(tmp_path, "p", PASSWORD))
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n"
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
    with serving(litelift_toml(tmp_path), *words, settings=SOON) as running:
        slow = [running.raw(head + form + b"100\r\n\r\npassword=") for _ in range(20)]
        large = running.raw(head + form + b"5000\r\n\r\n" + b"a" * 5000)
        assert large.makefile("rb").readline().startswith(b"HTTP/1.1 413 ")
        wait_until_closed([*slow, large])
        long_head = running.raw(b"GET / HTTP/1.1\r\nX: " + b"a" * 60_000)
        wait_until_closed([long_head])
        endless = running.raw(b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")

        def refused() -> bool:
            try:
                endless.sendall(b"5\r\naaaaa\r\n" * 100)
            except OSError:
                return True
            return False

        wait_for(refused)


def test_who_does_not_read_is_ended_and_others_take_his_place(tmp_path: Path, database: str) -> None:
    quarantined(database, [os.urandom(1_000_000)] * 20)
    with serving(litelift_toml(tmp_path, database), settings=SOON) as running:
        before = resident(running)
        deaf = []
        for _ in range(2):
            made = socket.socket()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            made.connect(("127.0.0.1", running.port))
            made.sendall(b"GET /quarantine.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            deaf.append(made)
        wait_for(lambda: running.told("refused: 127.0.0.1: it does not read its answer"))
        answers: list[httpx.Response] = []

        def answered() -> bool:
            answers.append(running.get("/quarantine.json"))
            return answers[-1].status_code == 200

        wait_for(answered)
        assert len(answers[-1].json()) == 20
        # Not all of the 40 MB were held for those who did not read.
        assert resident(running) - before < 40e6
        for made in deaf:
            made.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_at_once_whoever_looks(tmp_path: Path, number: signal.Signals) -> None:
    with serving(litelift_toml(tmp_path)) as running, contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(httpx.stream("GET", running.url + "events", timeout=60))
        half = stack.enter_context(running.raw(b"GET / HTTP/1.1\r\n"))
        running.process.send_signal(number)
        assert running.process.wait(60) == 0
        assert closed(half)


def test_it_ends_at_once_while_it_waits_for_what_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf, socket.create_server(("127.0.0.1", 0)) as page:
        health = f'[[health]]\nname = "page"\nkind = "http"\nurl = "http://127.0.0.1:{page.getsockname()[1]}/"\n'
        database = f"postgresql://nobody@127.0.0.1:{deaf.getsockname()[1]}/none"
        with serving(litelift_toml(tmp_path, database, health)) as running:
            # Somebody is in it by now.
            for one in (deaf, page):
                one.accept()
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(60) == 0
    with opened(tmp_path / "litelift-monitor") as samples:
        beat = samples.heartbeat()
    # It has looked at nothing yet, or it is known that it was ended.
    assert beat is None or beat.stopped


def test_what_is_no_http_is_refused_and_does_no_harm(tmp_path: Path) -> None:
    with serving(litelift_toml(tmp_path)) as running:
        junk = [
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"\0" * 5000,
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"\r\n" * 5000,
        ]
        junk.append(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
        with ThreadPoolExecutor(8) as pool:
            connections = list(pool.map(running.raw, junk * 8))
        for one in connections:
            one.close()
        assert running.get("/healthz").text == "ok\n"
        wait_for(lambda: running.told("failed: the server: Invalid HTTP request received."))
