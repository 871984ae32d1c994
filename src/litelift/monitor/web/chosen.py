"""What the settings and the words of the command say of the server, looked through before anything is opened."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from litelift.errors import ServeRefused
from litelift.monitor.settings import Serve
from litelift.monitor.watched import Watched
from litelift.monitor.web.bind import Address, addresses, is_loopback
from litelift.monitor.web.credentials import Secret, secret
from litelift.monitor.web.proxies import UNIX


@dataclass(frozen=True)
class Chosen:
    """The server as it is wanted."""

    where: Sequence[Address]
    """Empty where it is a Unix socket."""
    socket: Path | None
    token: Secret | None
    password: Secret | None
    certificate: tuple[Path, Path | None] | None
    root_path: str
    proxies: Sequence[str]
    hours: float
    """That a session lasts."""

    @property
    def here_alone(self) -> bool:
        """Whether nobody but this machine reaches it."""
        return all(is_loopback(one) for one in self.where)


def chosen(watched: Watched, given: Serve, take: Callable[[str], str | None] | None = None) -> Chosen:
    """What is wanted.

    Args:
        watched: whose litelift.toml says what the words of the command do not.
        given: what they do; a field that is not set is the file's.
        take: gives a variable of the environment, and takes it out of it: what is started by the watch must not have
            it. None: os.environ's.

    Raises:
        ServeRefused, SecretRefused: it cannot be so, or it would let everybody in.
    """
    take = take or (lambda name: os.environ.pop(name, None))
    wanted = watched.settings.serve.model_copy(update={name: getattr(given, name) for name in given.model_fields_set})

    def path(name: str) -> Path | None:
        value = getattr(wanted, name)
        if value is None:
            return None
        # The words of the command mean the folder where they are said.
        return Path(value).absolute() if name in given.model_fields_set else (watched.project / value).absolute()

    token, password = secret("token", path("token_file"), take), secret("password", path("password_file"), take)
    socket = path("socket")
    made = Chosen(
        () if socket is not None else addresses(wanted.host, wanted.port),
        socket,
        token,
        password,
        _certificate(path("tls_certificate"), path("tls_key")),
        _root_path(wanted.root_path),
        _proxies(wanted.trusted_proxies),
        wanted.session_hours,
    )
    if token is None and password is None:
        _see_to_openness(made, wanted.host)
    return made


def _see_to_openness(made: Chosen, host: str) -> None:
    hint = (
        "Put a password of 12 characters or more into a file of mode 0600 and name it with --password-file, or a token "
        "with --token-file (openssl rand -hex 32); LITELIFT_MONITOR_PASSWORD and _TOKEN say the same."
    )
    if not made.here_alone:
        raise ServeRefused(
            message=f"at {host} everybody who reaches this machine could look, without a password", hint=hint
        )
    if made.proxies:
        raise ServeRefused(message="a proxy brings everybody here, and there is no password", hint=hint)


def _certificate(certificate: Path | None, key: Path | None) -> tuple[Path, Path | None] | None:
    if certificate is None and key is not None:
        raise ServeRefused(message="there is a key for TLS and no certificate", hint="Name it with --tls-certificate.")
    return (certificate, key) if certificate is not None else None


def _root_path(given: str) -> str:
    path = "/" + given.strip("/") if given.strip("/") else ""
    if not all(0x21 <= ord(char) <= 0x7E and char not in '"%;?#\\' for char in path):
        raise ServeRefused(message=f"{given} is no path of an address", hint="For instance --root-path /monitor")
    return path


def _proxies(given: Sequence[str]) -> Sequence[str]:
    for one in given:
        try:
            if one != UNIX:
                ipaddress.ip_network(one)
        except ValueError as error:
            raise ServeRefused(
                message=f"{one} is no address of a proxy: {error}",
                hint="Say its address as the server sees it (127.0.0.1, ::1), a network such as 10.1.0.0/24, or unix.",
            ) from None
    return given
