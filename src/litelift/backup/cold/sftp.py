"""SFTP through fsspec and paramiko, with a server that is the one it is known as."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from errno import ENOSPC
from pathlib import Path
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from litelift.backup.cold.target import Files, Window
from litelift.errors import HostKeyRefused

TIMEOUT = 60.0
"""Seconds without an answer, after which a connection is lost."""
KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "~/.ssh/known_hosts")
_TIMEOUTS = ("timeout", "banner_timeout", "auth_timeout", "channel_timeout")
PACKET = 1 << 15
"""Bytes in one request, which every server takes (SFTP version 3, section 3); larger ones paramiko cuts up, slowly."""
WINDOW = 8 << 20
"""Bytes that are asked for together while a file is read, and held in memory."""


def connected(url: str, options: Mapping[str, object]) -> tuple[KnownHostFileSystem, str]:
    """A connection to the server of a URL, and the path that the URL names.

    What neither the options (paramiko's words, and ``known_hosts``, a file) nor the URL say comes from ~/.ssh/config:
    HostName, User, Port, IdentityFile and UserKnownHostsFile (ssh_config(5)). Raises what paramiko raises, and
    HostKeyRefused.
    """
    of_url = KnownHostFileSystem._get_kwargs_from_urls(url)
    configured = _configured(str(of_url["host"]))
    host = configured.pop("host", of_url.pop("host"))
    words = {**dict.fromkeys(_TIMEOUTS, TIMEOUT), **configured, **of_url, **options}
    words.setdefault("known_hosts", KNOWN_HOSTS)
    if isinstance(words["known_hosts"], str):
        words["known_hosts"] = [words["known_hosts"]]
    fs = KnownHostFileSystem(words.pop("host", host), **words, skip_instance_cache=True)
    return fs, str(KnownHostFileSystem._strip_protocol(url))


class KnownHostFileSystem(SFTPFileSystem):  # type: ignore[misc]
    """fsspec's, which trusts whoever answers; this one only servers whose key is known (StrictHostKeyChecking yes)."""

    def _connect(self) -> None:
        words = dict(self.ssh_kwargs)
        self.client = paramiko.SSHClient()
        for name in words.pop("known_hosts"):
            path = Path(name).expanduser()
            if path.is_file():
                self.client.load_system_host_keys(str(path))
        self.client.set_missing_host_key_policy(_Refuse())
        try:
            self.client.connect(self.host, **words)
            transport = self.client.get_transport()
            transport.set_keepalive(15)
            self.ftp = self.client.open_sftp()
            self.ftp.get_channel().settimeout(TIMEOUT)
        except paramiko.BadHostKeyException as error:
            self.client.close()
            shown = _shown(self.host, words.get("port"))
            key = f"{error.key.get_name()} {error.key.fingerprint}"
            raise HostKeyRefused(
                host=self.host,
                message=f"shows another key ({key}) than the one that is known",
                scan="",
                hint="Somebody may be between you and it. If it was set up anew: compare that fingerprint with the "
                f"server's own, remove the old key with ssh-keygen -R '{shown}', and connect once with ssh.",
            ) from None
        except BaseException:
            self.client.close()
            raise


class _Refuse(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        """Refuse it, and say which key it showed."""
        host, _, port = hostname.strip("[").partition("]:")
        raise HostKeyRefused(
            host=host,
            message=f"is not known: it shows the key {key.get_name()} {key.fingerprint}",
            scan=f"ssh-keyscan {f'-p {port} ' if port else ''}{host} >> ~/.ssh/known_hosts",
        )


class Sftp(Files):
    """A folder on an SFTP server."""

    def send(self, path: str, source: Window | bytes) -> None:
        """See `Files`.

        Not by paramiko's put(): that sends without waiting, and what the server answered to a write in the middle, of
        a full disk say, is never looked at.
        """
        blocks = iter([source] if isinstance(source, bytes) else source.blocks(PACKET))
        try:
            with self.fs.ftp.open(path, "wb") as file:
                last = next(blocks, b"")
                file.set_pipelined(True)
                for data in blocks:
                    file.write(last)
                    last = data
                # With the last block all answers are waited for.
                file.set_pipelined(False)
                file.write(last)
        except OSError as error:
            if type(error) is OSError and error.errno is None and str(error) == "Failure":
                # SSH_FX_FAILURE is all that OpenSSH says of ENOSPC and EDQUOT (errno_to_portable in sftp-server.c).
                raise OSError(ENOSPC, "the server could not write it: its disk or its quota is full") from error
            raise

    def read(self, name: str, size: int) -> Iterator[bytes]:
        """See `Target`."""
        with self.fs.ftp.open(self.at(name), "rb") as file:
            for begin in range(0, size, WINDOW):
                end = min(begin + WINDOW, size)
                yield from file.readv([(at, min(PACKET, end - at)) for at in range(begin, end, PACKET)])

    def make_folder(self, path: str) -> None:
        """See `Files`."""
        self.fs.ftp.mkdir(path, 0o700)

    def close(self) -> None:
        """See `Target`."""
        with contextlib.suppress(Exception):
            self.fs.client.close()


def _configured(host: str) -> dict[str, Any]:
    """What ~/.ssh/config says of a host, in paramiko's words."""
    path = Path("~/.ssh/config").expanduser()
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", errors="replace") as file:
        said = paramiko.SSHConfig.from_file(file).lookup(host)
    found: dict[str, Any] = {"host": said["hostname"]}
    if "user" in said:
        found["username"] = said["user"]
    if "port" in said:
        found["port"] = int(said["port"])
    if "identityfile" in said:
        found["key_filename"] = [str(Path(name).expanduser()) for name in said["identityfile"]]
    if "userknownhostsfile" in said:
        found["known_hosts"] = said["userknownhostsfile"].split()
    return found


def _shown(host: str, port: object) -> str:
    return host if port in (None, 22) else f"[{host}]:{port}"
