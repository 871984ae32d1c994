"""TLS works as libpq's users expect, for every connection of a move, and each failure is one clear error."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from command import litelift
from litelift import errors
from litelift.postgres.connect import open_server
from tls_server import PASSWORD, TlsServer, tls_server

FULL = {"sslmode": "verify-full", "sslrootcert": "{ca.crt}"}
BEARER = {**FULL, "sslcert": "{bearer.crt}", "sslkey": "{bearer.key}"}


@pytest.fixture(scope="module")
def tls() -> Iterator[TlsServer]:
    with tls_server() as server:
        yield server


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine's own: neither variables nor ~/.postgresql."""
    for name in [name for name in os.environ if name.startswith(("PG", "SSL_CERT"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def _url(tls: TlsServer, role: str, settings: dict[str, str]) -> str:
    placed = {
        name: re.sub(r"\{(.*)\}", lambda found: tls.certificates.path(found[1]), value)
        for name, value in settings.items()
    }
    return tls.url(role, **placed)


def _encrypted(url: str) -> bool:
    _, connection = open_server(url)
    with connection:
        return bool(connection.pgconn.ssl_in_use)


@pytest.mark.parametrize(
    ("role", "settings", "encrypted"),
    [
        ("app", {}, True),
        ("app", {"sslmode": "allow"}, True),
        ("app", {"sslmode": "prefer"}, True),
        ("app", {"sslmode": "require"}, True),
        ("anyone", {"sslmode": "disable"}, False),
        ("anyone", {"sslmode": "allow"}, False),
        ("anyone", {"sslmode": "prefer"}, True),
        ("anyone", {"sslmode": "require"}, True),
        ("app", {"sslmode": "require", "sslrootcert": "{ca.crt}"}, True),
        ("app", {"sslmode": "verify-ca", "sslrootcert": "{ca.crt}"}, True),
        ("app", {"sslmode": "verify-ca", "sslrootcert": "{ca.crt}", "host": "localhost"}, True),
        ("app", FULL, True),
        ("app", {**FULL, "channel_binding": "require"}, True),
        ("app", {**FULL, "require_auth": "scram-sha-256"}, True),
        ("bearer", BEARER, True),
    ],
)
def test_a_setting_means_what_it_means_to_libpq(
    role: str, settings: dict[str, str], encrypted: bool, tls: TlsServer
) -> None:
    assert _encrypted(_url(tls, role, settings)) is encrypted


@pytest.mark.parametrize(
    ("role", "settings", "kind", "words", "hint"),
    [
        ("app", {"sslmode": "disable"}, errors.TargetAuthFailed, "no encryption", "sslmode=require"),
        ("app", {**FULL, "host": "localhost"}, errors.TargetUnreachable, "does not match host", "verify-ca"),
        ("app", {**FULL, "sslrootcert": "{other.crt}"}, errors.TargetUnreachable, "verify failed", "sslrootcert"),
        ("app", {"sslmode": "require", "sslrootcert": "{other.crt}"}, errors.TargetUnreachable, "failed", "s_client"),
        ("app", {**FULL, "sslrootcert": "/nowhere"}, errors.TargetUnreachable, '"/nowhere" does not', "sslrootcert="),
        ("app", {"sslmode": "verify-full"}, errors.TargetUnreachable, ".postgresql/root.crt", "sslrootcert=FILE"),
        ("app", {**FULL, "sslrootcert": "system"}, errors.TargetUnreachable, "verify failed", "authority"),
        ("app", {"sslmode": "require", "sslrootcert": "system"}, errors.UsageError, "weak sslmode", "verify-full"),
        ("app", {"sslmode": "verify-ful"}, errors.UsageError, "invalid sslmode value", "Parameter Key Words"),
        ("anyone", {"channel_binding": "require"}, errors.TargetAuthFailed, "channel binding", "SCRAM"),
        ("anyone", {"require_auth": "scram-sha-256"}, errors.TargetAuthFailed, "method", "require_auth"),
        ("bearer", FULL, errors.TargetUnreachable, "requires a valid client certificate", "sslcert"),
        ("bearer", {**BEARER, "sslkey": "{stranger.key}"}, errors.TargetUnreachable, "mismatch", "sslkey"),
        ("bearer", {**BEARER, "sslkey": "/nowhere"}, errors.TargetUnreachable, "private key", "sslkey"),
        (
            "bearer",
            {**BEARER, "sslcert": "{stranger.crt}", "sslkey": "{stranger.key}"},
            errors.TargetUnreachable,
            "unknown ca",
            "sslcert",
        ),
        (
            "bearer",
            {**BEARER, "sslcert": "{server.crt}", "sslkey": "{server.key}"},
            errors.TargetAuthFailed,
            "certificate authentication failed",
            "common name",
        ),
    ],
)
def test_a_failure_is_one_error_with_what_to_do(
    role: str, settings: dict[str, str], kind: type[errors.LiteliftError], words: str, hint: str, tls: TlsServer
) -> None:
    with pytest.raises(kind) as caught:
        _encrypted(_url(tls, role, settings))
    assert words in caught.value.message
    assert hint in caught.value.hint
    assert PASSWORD not in f"{caught.value.message}{caught.value.hint}{caught.value.facts}"


def test_an_expired_certificate_is_refused_where_it_is_looked_at(tls: TlsServer) -> None:
    with tls.showing("expired"):
        assert _encrypted(_url(tls, "app", {"sslmode": "require"}))
        with pytest.raises(errors.TargetUnreachable, match="certificate verify failed") as caught:
            _encrypted(_url(tls, "app", FULL))
    assert "expired" in caught.value.hint


def test_a_key_that_others_may_read_is_refused(tls: TlsServer, tmp_path: Path) -> None:
    key = tmp_path / "open.key"
    shutil.copy(tls.certificates.path("bearer.key"), key)
    key.chmod(0o644)
    with pytest.raises(errors.TargetUnreachable, match="has group or world access") as caught:
        _encrypted(_url(tls, "bearer", {**BEARER, "sslkey": str(key)}))
    assert "sslkey" in caught.value.hint


def test_the_settings_come_from_the_variables_too(tls: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", tls.certificates.path("other.crt"))
    with pytest.raises(errors.TargetUnreachable, match="certificate verify failed"):
        _encrypted(tls.url())
    monkeypatch.setenv("PGSSLROOTCERT", tls.certificates.path("ca.crt"))
    assert _encrypted(tls.url())


def test_the_systems_own_list_is_what_openssl_is_told_it_is(tls: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    if psycopg.pq.version() < 160000:
        pytest.skip("libpq has sslrootcert=system from version 16 on")
    monkeypatch.setenv("SSL_CERT_FILE", tls.certificates.path("ca.crt"))
    assert _encrypted(tls.url(sslrootcert="system"))


SCRIPT = """
    create table pupils(id integer primary key, name text, span text);
    insert into pupils select value, 'pupil ' || value, value || ' days' from
        (with recursive n(value) as (select 1 union all select value + 1 from n where value < 30000) select * from n);
    create table marks(id integer primary key, pupil integer references pupils);
    insert into marks select id, id from pupils;
"""


@pytest.mark.parametrize("words", [(), ("--data-only",)])
def test_every_connection_of_a_move_and_its_proof_is_encrypted_and_verified_alike(
    words: tuple[str, ...], tls: TlsServer, make_sqlite: Callable[..., Path]
) -> None:
    url = _url(tls, "anyone", FULL)
    source = make_sqlite(SCRIPT)
    plan = source.with_name("plan.toml")
    plan.write_text('[tables.pupils.columns.span]\ntype = "interval"\n' if not words else "")
    tls.do("drop database anyone", "create database anyone owner anyone")
    if words:
        tls.do(
            "create table pupils(id bigint primary key, name text, span interval)",
            "create table marks(id bigint primary key, pupil bigint references pupils)",
            "alter table pupils owner to anyone",
            "alter table marks owner to anyone",
            "grant all on schema public to anyone",
            database="anyone",
        )
    before = len(tls.log)
    moved = litelift("migrate", source, url, "--jobs", "3", "--plan", plan, *words)
    assert moved.status == 0, moved
    verified = litelift("verify", source, url, "--jobs", "3", "--plan", plan)
    assert verified.status == 0, verified
    logins = [line for line in tls.log[before:].splitlines() if "authorized: user=anyone" in line]
    # This process, its workers, and whoever asks the server what an interval is.
    assert len(logins) >= (3 if words else 6)
    assert [line for line in logins if "SSL enabled" not in line] == []


def test_the_command_tells_a_wrong_certificate_once_and_writes_nothing(
    tls: TlsServer, make_sqlite: Callable[..., Path]
) -> None:
    url = _url(tls, "app", {**FULL, "sslrootcert": "{other.crt}"})
    ran = litelift("migrate", make_sqlite(SCRIPT), url, "--jobs", "3")
    told = [line.split(":")[0] for line in ran.err.splitlines() if line.startswith(("error", "hint"))]
    assert (ran.status, told) == (1, ["error", "hint"])
    assert "certificate verify failed" in ran.err
    assert PASSWORD not in ran.out + ran.err
