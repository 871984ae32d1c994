"""A PostgreSQL that speaks TLS with certificates made for it, by the openssl program."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from broken import free_port, wait_for
from system_server import SystemServer

HOST = "db.litelift.test"
PASSWORD = "s3cret-Word"
_AUTHORITY = """
[ca]
default_ca = own
[own]
dir = .
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


@dataclass(frozen=True)
class Certificates:
    """Two authorities (``ca``, ``other``) and what they signed: NAME.crt and NAME.key in ``folder``."""

    folder: Path

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True, timeout=60)

    def authority(self, name: str) -> None:
        """Make one."""
        words = ["-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", f"/CN=litelift test {name}"]
        self._openssl("req", "-x509", *words, "-keyout", f"{name}.key", "-out", f"{name}.crt")

    def certificate(
        self, name: str, subject: str, by: str, *, begin: str = "20000101000000Z", end: str = "20991231000000Z"
    ) -> None:
        """Make one that ``by`` signed, for a host or user, valid from ``begin`` until ``end``."""
        (self.folder / "authority.cnf").write_text(_AUTHORITY)
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text(f"{sum(name.encode()):04d}\n")
        (self.folder / "names").write_text(f"subjectAltName=DNS:{subject}\n")
        words = ["-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject}"]
        self._openssl("req", "-new", *words, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signed = ["-cert", f"{by}.crt", "-keyfile", f"{by}.key", "-startdate", begin, "-enddate", end]
        files = ["-extfile", "names", "-in", f"{name}.csr", "-out", f"{name}.crt"]
        self._openssl("ca", "-batch", "-config", "authority.cnf", "-notext", *signed, *files)
        (self.folder / f"{name}.key").chmod(0o600)

    def path(self, name: str) -> str:
        """The path of one of the files."""
        return str(self.folder / name)


@dataclass(frozen=True)
class TlsServer:
    """The server, with the roles ``app`` (a password, over TLS alone), ``anyone`` (no password) and ``bearer`` (its
    certificate), each with a database of its name."""

    server: SystemServer
    port: int
    certificates: Certificates

    def url(self, role: str = "app", host: str = HOST, password: str = PASSWORD, **settings: str) -> str:
        """A URL to the database of ``role``; the host's name needs no resolver."""
        login = f"{role}:{password}" if role == "app" else role
        return f"postgresql://{login}@{host}:{self.port}/{role}?" + urlencode({"hostaddr": "127.0.0.1", **settings})

    def do(self, *statements: str, database: str = "postgres") -> None:
        """Carry out statements as the superuser."""
        with psycopg.connect(f"{self.server.url(database)}&port={self.port}", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    @property
    def log(self) -> str:
        """What the server has written."""
        return (self.server.folder / "log").read_text()

    @contextlib.contextmanager
    def showing(self, name: str) -> Iterator[None]:
        """Have it show another certificate meanwhile."""
        try:
            self._show(name)
            yield
        finally:
            self._show("server")

    def _show(self, name: str) -> None:
        for kind, setting in (("crt", "ssl_cert_file"), ("key", "ssl_key_file")):
            self.do(f"alter system set {setting} = '{self.server.folder}/{name}.{kind}'")
        before = self.log.count("received SIGHUP")
        self.do("select pg_reload_conf()")
        wait_for(lambda: self.log.count("received SIGHUP") > before and f'{name}.key"' in self.log.split("SIGHUP")[-1])


@contextlib.contextmanager
def tls_server() -> Iterator[TlsServer]:
    """Make the certificates, and start the server."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl: there is no such program")
    with tempfile.TemporaryDirectory(prefix="litelift-tls-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Certificates(folder / "certificates")
        made.folder.mkdir()
        for authority in ("ca", "other"):
            made.authority(authority)
        made.certificate("server", HOST, "ca")
        made.certificate("expired", HOST, "ca", end="20010101000000Z")
        made.certificate("bearer", "bearer", "ca")
        made.certificate("stranger", "bearer", "other")
        server = SystemServer(folder / "server")
        server.make()
        for file in ("ca.crt", "server.crt", "server.key", "expired.crt", "expired.key"):
            placed = server.folder / file
            shutil.copy(made.folder / file, placed)
            placed.chmod(0o600)
            if server.user:
                shutil.chown(placed, server.user)
        port = free_port()
        (server.folder / "data" / "pg_hba.conf").write_text(
            "local all all trust\n"
            "hostssl app app 127.0.0.1/32 scram-sha-256\n"
            "host anyone anyone 127.0.0.1/32 trust\n"
            "hostssl bearer bearer 127.0.0.1/32 cert\n"
        )
        with (server.folder / "data" / "postgresql.auto.conf").open("a") as conf:
            conf.write(f"ssl_cert_file = '{server.folder}/server.crt'\nssl_key_file = '{server.folder}/server.key'\n")
        authority = f"ssl_ca_file={server.folder}/ca.crt"
        server.run("listen_addresses=127.0.0.1", f"port={port}", "ssl=on", "log_connections=on", authority)
        try:
            tls = TlsServer(server, port, made)
            tls.do(
                f"create role app login password '{PASSWORD}'",
                *(f"create role {role} login" for role in ("anyone", "bearer")),
                *(f"create database {role} owner {role}" for role in ("app", "anyone", "bearer")),
            )
            yield tls
        finally:
            server.stop()
