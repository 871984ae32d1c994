"""Where the dashboard listens, and what is said where it cannot."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from broken import one_clear_error, wait_for
from command import litelift
from dashboard import PASSWORD, TOKEN, closed, litelift_toml, secret, serving


def certificate(folder: Path, name: str = "server", *words: str) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")
    made, key = folder / f"{name}.crt", folder / f"{name}.key"
    subject = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-days", "2")
    algorithm = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *(words or ("-nodes",)))
    command = ["openssl", "req", "-x509", *algorithm, *subject, "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made, key


def test_a_port_that_somebody_has_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ran = litelift("monitor", "serve", litelift_toml(tmp_path), "--port", port)
    one_clear_error(ran, 1, f"127.0.0.1:{port}: somebody else listens there", "--port")


def test_an_address_that_is_not_of_this_machine_and_a_name_that_is_none_are_named(tmp_path: Path) -> None:
    words = ("--token-file", secret(tmp_path, "t", TOKEN))
    ran = litelift("monitor", "serve", litelift_toml(tmp_path), "--host", "192.0.2.1", *words)
    one_clear_error(ran, 1, "192.0.2.1:8765: it is no address of this machine", "ip address")
    ran = litelift("monitor", "serve", litelift_toml(tmp_path), "--host", "a b")
    assert (ran.status, "a b is no address" in ran.err) == (2, True), ran


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tls-certificate", "nowhere.pem"), "nowhere.pem cannot be read"),
        (("--tls-certificate", "litelift.toml"), "of no use for TLS"),
        (("--tls-key", "litelift.toml"), "there is a key for TLS and no certificate"),
        (("--token-file", "nowhere"), "it cannot be read"),
        (("--password-file", "."), "it is no file"),
        (("--root-path", "/a b"), "is no path"),
        (("--trusted-proxy", "proxy.example"), "is no address of a proxy"),
        (("--trusted-proxy", "10.0.0.1"), "a proxy brings everybody"),
    ],
)
def test_words_that_cannot_be_so_are_named(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    one_clear_error(litelift("monitor", "serve", litelift_toml(tmp_path), *words, cwd=tmp_path), 2, said)


def test_by_ipv6_it_is_reached_as_by_ipv4(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("IPv6 is missing")
    with serving(litelift_toml(tmp_path), "--host", "::1") as running:
        assert running.url.startswith("http://[::1]:")
        assert running.get("/check.json").status_code == 200
    with serving(litelift_toml(tmp_path), "--host", "localhost") as running:
        assert running.get("/check.json").status_code == 200


def test_a_unix_socket_is_its_users_alone_and_gone_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("mine")
    ran = litelift("monitor", "serve", litelift_toml(tmp_path), "--socket", path)
    one_clear_error(ran, 1, "there is something else in its place")
    path.unlink()
    # What a server that was killed has left is no hindrance.
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with serving(litelift_toml(tmp_path), "--socket", path) as running:
        assert path.stat().st_mode & 0o777 == 0o600
        assert running.url == f"unix:{path}"
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost", timeout=60) as one:
            assert one.get("/check.json").status_code == 200
        one_clear_error(litelift("monitor", "serve", tmp_path / "litelift.toml", "--socket", path), 1, "somebody else")
    assert not path.exists()


def test_with_tls_cookies_are_for_tls_alone_and_what_is_none_keeps_nobody_waiting(tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    words = ("--tls-certificate", made, "--tls-key", key, "--password-file", secret(tmp_path, "p", PASSWORD))
    short = {"litelift.monitor.web.accept:HANDSHAKE_SECONDS": 1.0}
    with serving(litelift_toml(tmp_path), *words, settings=short) as running:
        silent = [running.raw() for _ in range(20)]
        plain = running.raw(b"GET / HTTP/1.1\r\n\r\n")
        context = ssl.create_default_context(cafile=made)
        with httpx.Client(base_url=running.url, verify=context, headers={"sec-fetch-site": "same-origin"}) as client:
            entered = client.post("login", data={"password": PASSWORD})
            assert entered.status_code == 303
            assert "; secure" in entered.headers["set-cookie"].lower()
            assert client.get("check.json").status_code == 200
        for one in (*silent, plain):
            wait_for(lambda one=one: closed(one))  # type: ignore[misc]


def test_a_renewed_certificate_is_taken_and_a_broken_one_is_not(tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    often = {"litelift.monitor.web.tls:LOOKED": 0.0}
    words = ("--tls-certificate", made, "--tls-key", key)
    with serving(litelift_toml(tmp_path), *words, settings=often) as running:

        def served() -> str:
            return ssl.get_server_certificate(("127.0.0.1", running.port)).strip()

        old = made.read_text().strip()
        assert served() == old
        made.write_text("half of it")
        assert served() == old
        wait_for(lambda: running.told("failed: the renewed certificate"))
        other, other_key = certificate(tmp_path, "other")
        other_key.rename(key)
        other.rename(made)
        wait_for(lambda: served() == made.read_text().strip())


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    made, key = certificate(tmp_path, "locked", "-passout", "pass:secret")
    ran = litelift("monitor", "serve", litelift_toml(tmp_path), "--tls-certificate", made, "--tls-key", key)
    one_clear_error(ran, 2, "the key of the certificate has a password")


def test_what_the_words_leave_out_is_as_the_file_has_it(tmp_path: Path) -> None:
    secret(tmp_path, "token", TOKEN)
    file = litelift_toml(tmp_path, settings='[monitor.serve]\nhost = "0.0.0.0"\ntoken_file = "token"\n')
    with serving(file, cwd=Path("/")) as running:
        assert running.url.startswith("http://0.0.0.0:")
        with running.raw(b"GET /check.json HTTP/1.0\r\n\r\n") as connection:
            assert b" 401 " in connection.makefile("rb").readline()
        wait_for(lambda: running.told("Without TLS"))


def test_without_its_packages_it_says_what_to_install(tmp_path: Path) -> None:
    for name in ("starlette", "uvicorn"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise ImportError('no {name}', name='{name}')")
    ran = litelift("monitor", "serve", litelift_toml(tmp_path), PYTHONPATH=f"{tmp_path}:{Path('src').absolute()}")
    one_clear_error(ran, 1, "starlette", "pip install 'litelift[monitor]'")
