"""What is mailed: to a real server, encrypted, and never with the password in what is said of it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from litelift.tell import mail
from litelift.tell.message import Message, Untold
from litelift.tell.settings import Mail, Tell
from litelift.tell.ways import Ways
from mail_server import PASSWORD, USER, MailServer, mail_server
from tls_server import Certificates

NEWS = Message("school: CRITICAL: Disk full", ("Disk: 99 %", "", "Müəllim ş"), "error", {"event": "incident"})


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = Certificates(tmp_path_factory.mktemp("tls"))
    for name in ("ca", "other"):
        made.authority(name)
    made.certificate("server", "localhost", "ca")
    return made


@pytest.fixture
def context(certificates: Certificates) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(certificates.folder / "server.crt", certificates.folder / "server.key")
    return made


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)


def ways(folder: Path, **known: Any) -> Ways:
    settings = {"host": "localhost", "from": "litelift@school.test", "to": ["head@school.test"], **known}
    return Ways(Tell(syslog=False, mail=Mail.model_validate(settings)), folder, "litelift")


def with_login(certificates: Certificates, server: MailServer, **known: Any) -> dict[str, Any]:
    ca = str(certificates.folder / "ca.crt")
    return {"port": server.port, "ca": ca, "user": USER, "password_env": "MAIL_PASSWORD", **known}


def test_a_message_is_mailed_as_a_person_reads_it(tmp_path: Path) -> None:
    with mail_server() as server:
        to = ["head@school.test", "it@school.test"]
        assert ways(tmp_path, port=server.port, security="none", to=to).send("mail", NEWS) is None
    (got,) = server.got
    assert (got["Subject"], got["From"], got["To"]) == (NEWS.subject, "litelift@school.test", ", ".join(to))
    assert got.get_content().splitlines() == list(NEWS.lines)
    assert got["Auto-Submitted"] == "auto-generated" and got["Date"] and "@school.test>" in got["Message-ID"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_goes_encrypted_and_with_a_login(
    tmp_path: Path, certificates: Certificates, context: ssl.SSLContext, security: str
) -> None:
    with mail_server(**{security: context}) as server:
        assert ways(tmp_path, **with_login(certificates, server, security=security)).send("mail", NEWS) is None
        assert server.peers == [True]
        other = str(certificates.folder / "other.crt")
        untold = ways(tmp_path, **with_login(certificates, server, security=security, ca=other)).send("mail", NEWS)
        assert untold is not None and untold.wrong.startswith("the mail: its certificate is not trusted: ")
    assert len(server.got) == 1


def test_nothing_is_sent_unencrypted_where_the_server_offers_no_other_way(
    tmp_path: Path, certificates: Certificates
) -> None:
    with mail_server() as server:
        untold = ways(tmp_path, **with_login(certificates, server)).send("mail", NEWS)
    assert untold is not None and "STARTTLS" in untold.wrong
    assert server.got == []


def test_a_wrong_password_is_said_without_it(
    tmp_path: Path, certificates: Certificates, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "T0PSECRET")
    with mail_server(starttls=context) as server:
        told = ways(tmp_path, **with_login(certificates, server))
        assert told.send("mail", NEWS) == Untold(f"the mail: it refused the login of {USER} (535)")
        assert told.clean("its password is T0PSECRET") == "its password is ***"
        monkeypatch.delenv("MAIL_PASSWORD")
        assert told.send("mail", NEWS) == Untold("the mail: the environment has no MAIL_PASSWORD")


def test_who_is_refused_is_said_and_the_others_are_not_written_to_twice(tmp_path: Path) -> None:
    with mail_server() as server:
        server.refuse = frozenset(["gone@school.test"])
        known: dict[str, Any] = {"port": server.port, "security": "none"}
        both = ways(tmp_path, **known, to=["gone@school.test", "head@school.test"]).send("mail", NEWS)
        assert both == Untold("the mail: it refused gone@school.test: 550 no such mailbox", again=False)
        nobody = ways(tmp_path, **known, to=["gone@school.test"]).send("mail", NEWS)
        assert nobody == Untold("the mail: it refused gone@school.test: 550 no such mailbox")
    assert len(server.got) == 1


def test_a_server_in_trouble_is_asked_again_later(tmp_path: Path) -> None:
    with mail_server() as server:
        server.answer = "451 try later"
        untold = ways(tmp_path, port=server.port, security="none").send("mail", NEWS)
        assert untold == Untold("the mail: it answered 451 try later")
    untold = ways(tmp_path, port=server.port, security="none").send("mail", NEWS)
    assert untold == Untold("the mail: no session with localhost: Connection refused")


@pytest.fixture
def trickling() -> Iterator[int]:
    """The port of a server that greets letter by letter, for ever."""
    stop = threading.Event()

    def trickle(server: socket.socket) -> None:
        peer, _ = server.accept()
        with peer:
            while not stop.wait(0.02):
                try:
                    peer.sendall(b"2")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=[server])
        thread.start()
        yield server.getsockname()[1]
        stop.set()
        thread.join()


def test_a_server_that_does_not_come_to_an_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trickling: int
) -> None:
    monkeypatch.setattr(mail, "ALL_SECONDS", 0.3)
    untold = ways(tmp_path, host="127.0.0.1", port=trickling, security="none").send("mail", NEWS)
    assert untold is not None and untold.again


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"host": "mail.test"}, "at least one address"),
        ({"host": "mail.test", "to": ["a@b"]}, "the address that it comes from"),
        ({"host": "mail.test", "to": ["a@b\nBcc: c@d"], "from": "a@b"}, "expected an address"),
        ({"host": "mail.test", "to": ["a@b"], "from": "a@b", "user": "x"}, "user and password_env together"),
        (
            {"host": "m.test", "to": ["a@b"], "user": "a@b", "password_env": "X", "security": "none"},
            "would cross the network",
        ),
    ],
)
def test_settings_that_could_not_work_are_refused(known: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Mail.model_validate(known)


def test_where_no_server_is_named_nothing_is_mailed(tmp_path: Path) -> None:
    assert Ways(Tell(syslog=False), tmp_path, "litelift").names == []
