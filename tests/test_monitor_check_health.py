"""What the watch finds of the application: a real one over HTTP that answers, waits, breaks and goes."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broken import free_port
from health_app import App, Asked, Reply, as_json, serving, to
from litelift.monitor.baseline import FILE, Baseline
from litelift.monitor.checks.health_certificates import validity_of
from litelift.monitor.finding import Finding
from litelift.monitor.samples import opened
from litelift.monitor.watched import Watched
from litelift.monitor.words import said, to_do
from monitored import database_at, found_by, only
from tls_server import Certificates

NEVER = "max_average_ms = 100000"
"""However loaded the machine is."""


@pytest.fixture
def app() -> Iterator[App]:
    with serving() as app:
        app.routes["/"] = as_json({"status": "ok"})
        yield app


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    made.authority("ca")
    return made


def watched_at(folder: Path, checks: str, settings: str = "", url: str = "") -> Watched:
    """A database whose server is away, and the application's checks."""
    url = url or f"postgresql://u@127.0.0.1:{free_port()}/school"
    return database_at(url, folder, f"{settings}\n{checks}")


def http(app: App, name: str = "home", path: str = "/", more: str = NEVER) -> str:
    """A check in litelift.toml."""
    return f'[[health]]\nname = "{name}"\nkind = "http"\nurl = "{app.url(path)}"\n{more}\n'


def found(of: Watched, name: str = "health") -> Finding:
    """What is found of the one address."""
    return only(found_by(name, of))


def waiting(milliseconds: float) -> Reply:
    """An answer that takes its time."""
    time.sleep(milliseconds / 1000)
    return as_json({"status": "ok"})


def test_a_slow_address_is_told_with_its_average_and_a_fast_one_is_not(app: App, tmp_path: Path) -> None:
    finding = found(watched_at(tmp_path, http(app)))
    assert (finding.state, finding.found, finding.about) == ("ok", "up", "home")
    assert len(app.seen) == 3
    app.routes["/"] = lambda asked: waiting(250)
    finding = found(watched_at(tmp_path, http(app, more="max_average_ms = 200")))
    assert (finding.state, finding.found) == ("warning", "slow")
    assert said(finding).endswith("ms on average")
    measures = {measure.name: measure.value for measure in finding.measures}
    assert measures["latency"] >= 0.25
    limits = '[monitor.limits]\n"health.latency" = { warning = 0.1, critical = 0.2 }\n'
    assert found(watched_at(tmp_path, http(app, more=""), limits)).state == "critical"


def test_an_address_several_times_as_slow_as_at_the_move_is_told(app: App, tmp_path: Path) -> None:
    app.routes["/"] = lambda asked: waiting(150)
    of = watched_at(tmp_path, http(app))
    assert found(of).state == "ok"
    of.folder.mkdir()
    baseline = Baseline(at=datetime.now(UTC), measures={"health[home].latency": 0.03})
    (of.folder / FILE).write_text(baseline.model_dump_json())
    finding = found(of)
    assert (finding.state, finding.found) == ("warning", "slower")
    assert float(str(finding.facts["ratio"])) >= 5
    finding = found(watched_at(tmp_path, http(app, more="max_average_ms = 100")))
    assert finding.found == "slow-beside" and said(finding).endswith("(normal: 30 ms)")


def test_an_application_that_breaks_or_goes_is_critical_and_is_back_when_it_is(tmp_path: Path) -> None:
    with serving() as app:
        app.routes["/"] = as_json({"status": "ok"})
        of = watched_at(tmp_path, http(app, more=f'{NEVER}\njson.status = "ok"'))
        assert found(of).state == "ok"
        app.routes["/"] = as_json({"status": "ok"}, 500)
        finding = found(of)
        assert (finding.state, finding.facts["message"]) == (
            "critical",
            f"expected status 200; got 500 from {app.url()}",
        )
        app.routes["/"] = as_json({"status": "ok"})
        assert found(of).state == "ok"
    finding = found(of)
    assert (finding.state, finding.found) == ("critical", "down")
    assert "nothing listens" in str(finding.facts["message"])


def test_a_blip_is_not_told(app: App, tmp_path: Path) -> None:
    answers = iter([Reply("", 502)])
    app.routes["/"] = lambda asked: next(answers, as_json({}))
    assert found(watched_at(tmp_path, http(app))).state == "ok"


def test_an_address_that_never_answers_is_given_up_in_a_few_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        more = f'[[health]]\nname = "mute"\nkind = "http"\nurl = "http://127.0.0.1:{port}/"\ntimeout = 0.3\n'
        finding = found(watched_at(tmp_path, more))
    assert (finding.state, finding.found) == ("critical", "down")
    assert "within 0.3 s" in str(finding.facts["message"])


def test_redirects_cookies_and_packed_answers_are_understood(app: App, tmp_path: Path) -> None:
    def second(asked: Asked) -> Reply:
        body = gzip.compress(b'{"status": "ok"}') if asked.cookies.get("seen") == "1" else b""
        return Reply(body, kind="application/json", headers=(("Content-Encoding", "gzip"),))

    app.routes["/"] = to("/second", ("Set-Cookie", "seen=1"))
    app.routes["/second"] = second
    assert found(watched_at(tmp_path, http(app, more=f'{NEVER}\njson.status = "ok"'))).state == "ok"
    app.routes["/second"] = to("/")
    assert "a redirect loop" in str(found(watched_at(tmp_path, http(app))).facts["message"])
    stays = http(app, more=f"{NEVER}\nredirects = false\nstatus = 302")
    assert found(watched_at(tmp_path, stays)).state == "ok"


def test_a_secret_header_goes_to_its_own_address_alone(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELIFT_KEY", "k3y-of-the-door")
    with serving() as other:
        other.routes["/"] = as_json({})
        app.routes["/"] = to(other.url("/"))
        check = http(app, more=f'{NEVER}\nheaders_env = {{ "X-Api-Key" = "LITELIFT_KEY" }}')
        assert found(watched_at(tmp_path, check)).state == "ok"
        assert app.seen[0].headers["x-api-key"] == "k3y-of-the-door"
        assert "x-api-key" not in other.seen[0].headers
        app.routes["/"] = Reply("k3y-of-the-door", 403)
        check += 'present = ["k3y-of-the-door"]\nstatus = 200\n'
        assert "k3y-of-the-door" not in json.dumps(found(watched_at(tmp_path, check)).document)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"", "cut off"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "127.0.0.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx", "closed in the middle of the answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + bytes(9_000_000), "max_body_mb"),
    ],
)
def test_what_is_no_answer_is_told_as_that(tmp_path: Path, sent: bytes, told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(1 << 16)
                        connection.sendall(sent)

        threading.Thread(target=answer, daemon=True).start()
        finding = found(
            watched_at(tmp_path, f'[[health]]\nname = "odd"\nkind = "http"\nurl = "http://127.0.0.1:{port}/"\n')
        )
        listener.shutdown(socket.SHUT_RDWR)
    assert (finding.state, finding.found) == ("critical", "down")
    assert told in str(finding.facts["message"])


def test_an_addresss_query_is_not_told_for_it_may_hold_a_token(app: App, tmp_path: Path) -> None:
    app.routes["/"] = Reply("", 500)
    finding = found(watched_at(tmp_path, http(app, path="/?token=t0ken-in-the-address")))
    assert finding.state == "critical"
    assert "t0ken-in-the-address" not in json.dumps(finding.document)
    assert str(to_do(finding)).startswith(f"Try it by hand: {app.url()}?...; see")


def test_an_address_by_tls_is_trusted_as_the_check_says(certificates: Certificates, tmp_path: Path) -> None:
    certificates.certificate("own", "localhost", "ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.path("own.crt"), certificates.path("own.key"))
    with serving(context) as app:
        app.routes["/"] = as_json({})

        def state(more: str) -> str:
            check = http(app, more=f"{NEVER}\n{more}").replace("127.0.0.1", "localhost")
            return found(watched_at(tmp_path, check)).state

        assert state(f'ca = "{certificates.path("ca.crt")}"') == "ok"
        assert state("verify = false") == "ok"
        assert state("") == "critical"


def test_an_address_that_nobody_wants_to_hear_of_is_not_asked(app: App, tmp_path: Path) -> None:
    settings = '[monitor]\nignore = ["health:other"]\n'
    of = watched_at(tmp_path, http(app) + http(app, "other", "/other"), settings)
    assert found(of).about == "home"
    assert set(app.paths()) == {"/"}


def test_a_port_is_watched_as_an_address_is(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        of = watched_at(tmp_path, f'[[health]]\nname = "queue"\nkind = "tcp"\nport = {port}\n')
        assert found(of).state == "ok"
    assert found(of).state == "critical"


OTHERS = """
[[health]]
name = "login"
kind = "login"
mode = "json"
url = "{url}/login"
user = "watcher"
password_env = "LITELIFT_WATCHER"
[[health]]
name = "own"
kind = "http"
url = "{url}/own"
session = "login"
max_average_ms = 100000
[[health]]
name = "surveys"
kind = "crud"
url = "{url}/surveys"
create = {{ title = "{{unique}}" }}
[[health]]
name = "posted"
kind = "http"
method = "POST"
url = "{url}/posted"
max_average_ms = 100000
[[health]]
name = "page"
kind = "page"
url = "{url}/page"
[[health]]
name = "done"
kind = "command"
command = "echo done > done"
"""


@pytest.mark.parametrize("stays", [False, True], ids=["once", "by the watch"])
def test_only_what_reads_is_made_unless_it_is_named(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    monkeypatch.setenv("LITELIFT_WATCHER", "s3cret-Word")
    app.routes["/login"] = lambda asked: to("/own", ("Set-Cookie", "session=t0psecret-cookie"), status=200)
    app.routes["/own"] = lambda asked: as_json({}) if asked.cookies.get("session") else Reply("", 401)
    app.routes["/page"] = Reply("<html><p>well</p>")
    app.routes["/posted"] = as_json({})
    checks = OTHERS.format(url=app.url("").rstrip("/"))
    of = watched_at(tmp_path, http(app) + checks)
    assert {finding.about for finding in found_by("health", of)} == {"home"}
    assert {finding.about for finding in found_by("health-deep", of)} == {"page"}
    assert {asked.method for asked in app.seen} == {"GET"}
    assert not (tmp_path / "done").exists()
    app.seen.clear()
    of = watched_at(tmp_path, checks, '[monitor]\nhealth = ["own", "posted", "done"]\n')
    with opened(of.folder, write=True) as samples:
        past = samples if stays else None
        findings = [*found_by("health", of), *found_by("health-deep", of, past=past)]
    assert {finding.about: finding.state for finding in findings} == {
        "login": "ok",
        "own": "ok",
        "posted": "ok",
        "done": "ok",
    }
    assert (tmp_path / "done").exists()
    told = json.dumps([finding.document for finding in findings])
    assert "s3cret-Word" not in told
    assert "t0psecret" not in told


def test_a_variable_that_is_missing_says_so_and_stops_no_other(app: App, tmp_path: Path) -> None:
    secret = http(app, "secret", more=f'{NEVER}\nheaders_env = {{ Authorization = "LITELIFT_NOT_SET" }}')
    findings = {finding.about: finding for finding in found_by("health", watched_at(tmp_path, http(app) + secret))}
    assert (findings["home"].state, findings["secret"].state) == ("ok", "unknown")
    assert "LITELIFT_NOT_SET is not set" in said(findings["secret"])


def test_addresses_are_asked_beside_each_other(app: App, tmp_path: Path) -> None:
    """Each waits until all have been asked."""
    gate = threading.Barrier(4)

    def meet(asked: Asked) -> Reply:
        gate.wait(60)
        return as_json({})

    app.routes["/meet"] = meet
    checks = "".join(http(app, f"n{number}", "/meet", f"{NEVER}\nsamples = 1") for number in range(4))
    assert [finding.state for finding in found_by("health", watched_at(tmp_path, checks))] == ["ok"] * 4


def test_a_query_of_the_applications_is_made_with_its_login(database: str, tmp_path: Path) -> None:
    check = (
        '[[health]]\nname = "rows"\nkind = "postgres"\nquery = "select count(*) from pg_class where relname = \'t\'"\n'
    )
    finding = found(watched_at(tmp_path, check + "value = 0\n", url=database), "health-deep")
    assert finding.state == "ok", finding
    finding = found(watched_at(tmp_path, check + "value = 1\n", url=database), "health-deep")
    assert finding.state == "critical"


def shown(certificates: Certificates, name: str, folder: Path, now: datetime | None = None) -> Finding:
    """What is found of a server that shows a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.path(f"{name}.crt"), certificates.path(f"{name}.key"))
    with serving(context) as app:
        return only(found_by("certificate", watched_at(folder, http(app)), now=now))


def test_a_certificate_that_expires_is_told_in_time(certificates: Certificates, tmp_path: Path) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    certificates.certificate("ends", "localhost", "ca", end=f"{end:%Y%m%d%H%M%S}Z")
    states = {}
    for left in (22, 20, 8, 6, -1):
        finding = shown(certificates, "ends", tmp_path, end - timedelta(days=left))
        states[left] = (finding.state, finding.found)
        assert finding.measures[0].value == pytest.approx(left)
        assert finding.facts["end"] == end.timestamp()
    assert states == {
        22: ("ok", "holds"),
        20: ("warning", "holds"),
        8: ("warning", "holds"),
        6: ("critical", "holds"),
        -1: ("critical", "expired"),
    }


def test_a_certificate_for_a_few_days_is_measured_by_its_own_time(certificates: Certificates, tmp_path: Path) -> None:
    begin = datetime.now(UTC).replace(microsecond=0)
    end = begin + timedelta(days=9)
    certificates.certificate("short", "localhost", "ca", begin=f"{begin:%Y%m%d%H%M%S}Z", end=f"{end:%Y%m%d%H%M%S}Z")
    assert shown(certificates, "short", tmp_path, end - timedelta(days=3)).state == "ok"
    assert shown(certificates, "short", tmp_path, end - timedelta(days=2)).state == "warning"
    assert shown(certificates, "short", tmp_path, end - timedelta(hours=12)).state == "critical"


def test_a_port_without_tls_has_no_certificate(app: App, tmp_path: Path) -> None:
    assert found(watched_at(tmp_path, http(app)), "certificate").found == "none"
    of = watched_at(tmp_path, http(app).replace("http://", "https://"))
    assert (found(of, "certificate").state, found(of, "certificate").found) == ("unknown", "unseen")


@pytest.mark.parametrize("told", [b"", b"\x30", b"\x30\x82\xff\xff", b"\x30\x03\x30\x01\x02", bytes(300)])
def test_what_is_no_certificate_is_refused(told: bytes) -> None:
    with pytest.raises(ValueError, match="no certificate"):
        validity_of(told)
