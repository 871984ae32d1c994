"""The health check http: what passes, what fails, and in which words."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from broken import free_port
from health_app import App, Asked, Reply, as_json, check_of, made, one, serving, to
from litelift.cutover.health.result import Latency, result_of
from tls_server import Certificates


@pytest.fixture
def app() -> Iterator[App]:
    with serving() as app:
        yield app


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    made.authority("ca")
    made.certificate("localhost", "localhost", "ca")
    return made


@contextlib.contextmanager
def raw(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A port where ``serve`` answers each connection, until the event is set."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = listener.accept()
                    with connection:
                        connection.settimeout(60)
                        serve(connection, over)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(60)


def test_an_answer_as_expected_is_found(app: App, tmp_path: Path) -> None:
    app.routes["/api/health"] = as_json({"api": {"status": "ok"}, "checks": [{"name": "db", "up": True}], "n": 3})
    result = one(
        tmp_path,
        kind="http",
        url=app.url("/api/health"),
        json={"api": {"status": "ok"}, "checks.0.up": True, "n": 3},
        present=["status"],
        absent=["error"],
        response_headers={"content-type": "json", "Content-Length": ""},
        samples=3,
    )
    assert result.ok, result
    assert result.found == "status 200"
    assert result.attempts == 1
    assert isinstance(result.latency, Latency)
    assert result.latency.samples == 3 == len(app.seen)
    assert 0 < result.latency.least <= result.latency.average <= result.latency.longest
    assert result.words.startswith("ok: http http: status 200; ")
    assert result_of(result.document) == result


@pytest.mark.parametrize(
    ("reply", "keys", "says"),
    [
        (
            Reply("<title>Gone  fishing</title>", 503),
            {},
            'expected status 200; got 503 from {url}, the page "Gone fishing"',
        ),
        (Reply(status=201), {"status": [200, 204]}, "expected status 200 or 204; got 201 from {url}"),
        (as_json({"status": "down"}), {"json": {"status": "ok"}}, 'expected status = "ok"; got "down"'),
        (as_json({"up": 1}), {"json": {"up": True}}, "expected up = true; got 1"),
        (as_json({"a": {"b": 1}}), {"json": {"a": {"c": 1}}}, "expected a.c = 1; got no such field; a has b"),
        (as_json([1, 2]), {"json": {"2": 1}}, "expected 2 = 1; got no such field; the answer is an array of 2"),
        (as_json({"a": "x"}), {"json": {"a.b.c": 1}}, 'expected a.b.c = 1; got no such field; a is "x"'),
        (
            Reply("<p>hi"),
            {"json": {"a": 1}},
            "expected JSON from {url}; got text/html; charset=utf-8, which begins with",
        ),
        (Reply(b"[" * 100_000, kind="application/json"), {"json": {"a": 1}}, "expected JSON from {url}"),
        (
            Reply("<p>salam"),
            {"present": ["Xoş gəldiniz"]},
            "expected the text 'Xoş gəldiniz' in {url}; got 8 characters",
        ),
        (Reply("a\nb error"), {"absent": ["error"]}, "expected no text 'error' in {url}; got it at 2:3: a b error"),
        (Reply("x"), {"response_headers": {"X-Version": "2"}}, "expected a header X-Version; got none"),
        (Reply("x"), {"response_headers": {"Content-Type": "json"}}, "expected 'json' in the header Content-Type; got"),
        (
            Reply("x" * 30_000),
            {"max_body_mb": 0.02},
            "expected an answer of at most 20.0 kB from {url}; got a larger one",
        ),
    ],
)
def test_another_answer_is_told_beside_what_was_expected(
    app: App, tmp_path: Path, reply: Reply, keys: dict[str, Any], says: str
) -> None:
    app.routes["/"] = reply
    result = one(tmp_path, kind="http", url=app.url(), **keys)
    assert not result.ok
    assert says.format(url=app.url()) in result.found
    assert f"expected {result.expected}; got {result.got}" == result.found
    assert result.words.startswith("FAILED: http http: ")


def test_text_is_found_as_a_browser_shows_it(app: App, tmp_path: Path) -> None:
    app.routes["/"] = Reply("<h1>Xo&#351; g&#601;ldiniz</h1>".encode("latin-1"), kind="text/html; charset=iso-8859-1")
    assert one(tmp_path, kind="http", url=app.url(), present=["Xoş gəldiniz"]).ok


@pytest.mark.parametrize(
    ("page", "named"),
    [
        (
            "<title>OperationalError at /</title>You’re seeing this error because you have <code>DEBUG = True</code>",
            "Django's debug page (OperationalError at /)",
        ),
        ("<title>Whoops, looks like something went wrong.</title>", "Laravel's debug page"),
        (
            "<title>no such table: users</title><script>x = '/_ignition/execute-solution'</script>",
            "Laravel's debug page (Ignition) (no such table: users)",
        ),
        (
            "<title>ZeroDivisionError: x // Werkzeug Debugger</title>",
            "Werkzeug's debugger (Flask) (ZeroDivisionError: x // Werkzeug Debugger)",
        ),
        (
            "<title>Action Controller: Exception caught</title>",
            "Rails' debug page (Action Controller: Exception caught)",
        ),
        (
            "<!-- No route found (404 Not Found) -->\n<!DOCTYPE html><title>No route found</title>",
            "Symfony's debug page (No route found)",
        ),
        ("<br />\n<b>Fatal error</b>:  Uncaught PDOException", "an error of PHP"),
        ("Traceback (most recent call last):\n  File x", "a Python traceback"),
        ("<pre>Error: x<br> &nbsp; &nbsp;at Layer.handle</pre>", "a Node stack trace"),
    ],
)
def test_a_page_about_an_error_of_the_program_is_told_as_what_it_is(
    app: App, tmp_path: Path, page: str, named: str
) -> None:
    app.routes["/"] = Reply(page)
    result = one(tmp_path, kind="http", url=app.url())
    assert not result.ok
    assert result.got == f"{named}, status 200"
    assert one(tmp_path, kind="http", url=app.url(), debug_pages="allow").ok
    app.routes["/"] = Reply(page, 500)
    assert named in str(one(tmp_path, kind="http", url=app.url()).got)


def test_a_long_answer_of_nothing_is_judged_in_linear_time(app: App, tmp_path: Path) -> None:
    app.routes["/"] = Reply("\n" * 2_000_000)
    assert one(tmp_path, kind="http", url=app.url()).ok


def test_a_page_that_only_looks_like_one_passes(app: App, tmp_path: Path) -> None:
    app.routes["/"] = Reply(
        '<div class="exception-summary">3 ignition coils</div> How to read a Traceback (most recent'
    )
    assert one(tmp_path, kind="http", url=app.url()).ok


def test_a_slow_average_fails_after_the_move_and_is_told_before_it(app: App, tmp_path: Path) -> None:
    app.routes["/"] = Reply("x")
    slow: dict[str, Any] = {"kind": "http", "url": app.url(), "max_average_ms": 0.0001, "samples": 2}
    after, before = one(tmp_path, **slow), one(tmp_path, "before", **slow)
    assert (after.ok, after.slow, before.ok, before.slow) == (False, True, True, True)
    assert "expected at most 0.0001 ms on average; got " in after.found
    assert after.limit_ms == 0.0001
    assert before.words.startswith("slow: ")


def test_attempts_go_on_until_the_application_is_up(app: App, tmp_path: Path) -> None:
    times = itertools.count()
    app.routes["/"] = lambda asked: Reply("x", 200 if next(times) == 2 else 503)
    result = one(tmp_path, kind="http", url=app.url(), retries=5)
    assert (result.ok, result.attempts) == (True, 3)
    assert "(at attempt 3)" in result.words
    assert len(app.seen) == 3


def test_attempts_have_an_end(app: App, tmp_path: Path) -> None:
    result = one(tmp_path, kind="http", url=app.url("/nothing"), retries=2)
    assert (result.ok, result.attempts) == (False, 3)


def test_redirects_are_followed_or_not(app: App, tmp_path: Path) -> None:
    app.routes.update({"/": to("/b"), "/b": to(app.url("/c?token=abc"), ("Set-Cookie", "seen=1")), "/c": Reply("x")})
    assert one(tmp_path, kind="http", url=app.url(), present=["x"]).ok
    assert app.seen[-1].cookies == {"seen": "1"}
    assert one(tmp_path, kind="http", url=app.url(), redirects=False, status=302).ok
    result = one(tmp_path, kind="http", url=app.url(), present=["y"])
    assert "abc" not in str(result)


def test_a_redirect_loop_is_told_with_its_stations(app: App, tmp_path: Path) -> None:
    app.routes.update({"/": to("/login"), "/login": to("/")})
    result = one(tmp_path, kind="http", url=app.url())
    assert f"a redirect loop: {app.url('/login')} → {app.url()} → {app.url('/login')}" in result.found or (
        f"a redirect loop: {app.url()} → {app.url('/login')} → {app.url()}" in result.found
    )


def test_a_redirect_out_of_http_is_not_followed(app: App, tmp_path: Path) -> None:
    app.routes["/"] = to("file:///etc/passwd")
    assert "one to file:" in one(tmp_path, kind="http", url=app.url()).found


def test_a_post_is_sent_once_with_its_body(app: App, tmp_path: Path) -> None:
    app.routes["POST /q"] = lambda asked: as_json({"got": asked.json})
    keys: dict[str, Any] = {
        "method": "POST",
        "body": '{"a": 1}',
        "headers": {"Content-Type": "application/json"},
        "samples": 5,
    }
    result = one(tmp_path, kind="http", url=app.url("/q"), json={"got.a": 1}, **keys)
    assert result.ok, result
    assert len(app.seen) == 1
    assert app.seen[0].headers["content-type"] == "application/json"


def test_maintenance_headers_go_to_the_application_and_to_nobody_else(app: App, tmp_path: Path) -> None:
    with serving() as other:
        other.routes["/"] = Reply("elsewhere")
        app.routes["/"] = lambda asked: Reply("open" if asked.headers.get("x-bypass") == "let-me-in-now" else "closed")
        app.routes["/away"] = to(other.url())
        headers = {"X-Bypass": "let-me-in-now"}
        home = check_of(kind="http", url=app.url(), present=["open"])
        away = check_of(kind="http", url=app.url("/away"), present=["x-bypass let-me-in-now"])
        closed = made(tmp_path, home)[0]
        opened, led_away = made(tmp_path, home, away, headers=headers)
    assert not closed.ok
    assert opened.ok
    assert "x-bypass" in app.seen[-1].headers
    assert "x-bypass" not in other.seen[0].headers
    assert "let-me-in-now" not in str(led_away)


def test_a_secret_header_is_read_from_the_environment_and_told_nowhere(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "k3y/w&rd")
    app.routes["/"] = lambda asked: as_json({"key": asked.headers.get("x-api-key"), "again": "k3y%2Fw%26rd"})
    keys: dict[str, Any] = {"kind": "http", "url": app.url(), "headers_env": {"X-Api-Key": "API_KEY"}}
    assert one(tmp_path, **keys, json={"key": "k3y/w&rd"}).ok
    result = one(tmp_path, **keys, json={"key": "other"})
    assert result.got == '"***"'
    assert one(tmp_path, **keys, json={"again": "other"}).got == '"***"'


def test_nobody_who_listens_is_told(tmp_path: Path) -> None:
    port = free_port()
    result = one(tmp_path, kind="http", url=f"http://127.0.0.1:{port}/")
    assert result.got == f"a refusal: nothing listens on 127.0.0.1:{port}"


def test_a_name_without_an_address_is_told(tmp_path: Path) -> None:
    result = one(tmp_path, kind="http", url="http://nobody.invalid/")
    assert "no address of the name nobody.invalid (DNS)" in str(result.got)


def test_a_certificate_is_verified_unless_told_otherwise(certificates: Certificates, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.path("localhost.crt"), certificates.path("localhost.key"))
    with serving(context) as app:
        app.routes["/"] = Reply("x")
        url = f"https://localhost:{app.port}/"
        unknown = one(tmp_path, kind="http", url=url)
        assert f"a TLS certificate of localhost:{app.port} that is not trusted: " in str(unknown.got)
        assert one(tmp_path, kind="http", url=url, ca=certificates.path("ca.crt")).ok
        assert one(tmp_path, kind="http", url=url, verify=False).ok
        other = one(tmp_path, kind="http", url=app.url(), ca=certificates.path("ca.crt"))
        assert "mismatch" in str(other.got)
        assert not one(tmp_path, kind="http", url=f"http://localhost:{app.port}/").ok


def test_a_server_without_tls_is_told(app: App, tmp_path: Path) -> None:
    result = one(tmp_path, kind="http", url=f"https://127.0.0.1:{app.port}/")
    assert f"an error of TLS from 127.0.0.1:{app.port}" in str(result.got)


def _head_without_end(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in itertools.count():
        if over.wait(0.05):
            return
        connection.sendall(b"X-%d: y\r\n" % number)


def _body_without_end(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b"x")


def _silence(connection: socket.socket, over: threading.Event) -> None:
    over.wait(60)


@pytest.mark.parametrize("serve", [_head_without_end, _body_without_end, _silence])
def test_a_server_that_never_ends_its_answer_is_cut_off(
    tmp_path: Path, serve: Callable[[socket.socket, threading.Event], None]
) -> None:
    with raw(serve) as port:
        # On a machine with much to do, the time may be over before anything is sent: then it gets more.
        for timeout in (0.3, 5.0, 60.0):
            result = one(tmp_path, kind="http", url=f"http://127.0.0.1:{port}/", timeout=timeout)
            assert not result.ok
            assert result.expected == f"all of it within {timeout:g} s"
            if result.got != "no end: nothing was sent":
                break
    assert str(result.got).startswith("no end: GET http://127.0.0.1:")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", "closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "that is not HTTP's"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "closed in the middle of the answer"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
            "the encoding that it names",
        ),
    ],
)
def test_what_is_no_answer_of_http_is_told(tmp_path: Path, said: bytes, told: str) -> None:
    def serve(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(said)

    with raw(serve) as port:
        result = one(tmp_path, kind="http", url=f"http://127.0.0.1:{port}/")
    assert not result.ok
    assert told in str(result.got), result.got


def test_proxies_of_the_environment_do_not_answer_in_its_place(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    app.routes["/"] = Reply("x")
    assert one(tmp_path, kind="http", url=app.url()).ok


def test_only_the_checks_of_the_moment_are_made_and_without_http_where_it_is_closed(app: App, tmp_path: Path) -> None:
    checks = [
        check_of(name="a", kind="http", url=app.url(), when=["before"]),
        check_of(name="b", kind="http", url=app.url()),
        check_of(name="c", kind="tcp", port=app.port),
    ]
    told: list[str] = []
    assert [r.name for r in made(tmp_path, *checks, when="before")] == ["a", "b", "c"]
    assert [r.name for r in made(tmp_path, *checks, tell=told.append)] == ["b", "c"]
    assert [r.name for r in made(tmp_path, *checks, through_http=False)] == ["c"]
    assert told[0].startswith("FAILED: http b: expected status 200; got 404")


def test_a_terminal_gets_no_control_characters_of_an_answer(app: App, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        return Reply("<title>a\x1b[2Jb\x07</title>", 500)

    app.routes["/"] = answer
    assert "\x1b" not in one(tmp_path, kind="http", url=app.url()).found
