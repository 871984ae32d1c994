"""The server's certificate, which is read again when it has been renewed."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

from litelift.errors import ServeRefused
from litelift.monitor.web.log import Log

LOOKED = 60.0
"""Seconds between two looks at the files."""


class Certificate:
    """The certificate and its key."""

    def __init__(self, certificate: Path, key: Path | None) -> None:
        """Read them. Raises ServeRefused."""
        self._files = (certificate, key)
        self._seen = self._times()
        self._looked = time.monotonic()
        self._context = self._read()

    def context(self, log: Log) -> ssl.SSLContext:
        """For a new connection. What cannot be read any more is told, and the old certificate goes on."""
        if time.monotonic() - self._looked >= LOOKED:
            self._looked = time.monotonic()
            try:
                if (seen := self._times()) != self._seen:
                    self._context, self._seen = self._read(), seen
            except ServeRefused as error:
                log.failed("the renewed certificate", error.message)
        return self._context

    def _times(self) -> list[int]:
        try:
            return [file.stat().st_mtime_ns for file in self._files if file is not None]
        except OSError as error:
            raise ServeRefused(message=f"{error.filename} cannot be read: {error.strerror}") from None

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        certificate, key = self._files
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except ssl.SSLError as error:
            reason = (error.reason or str(error)).replace("_", " ").lower()
            raise ServeRefused(message=f"{certificate} and its key are of no use for TLS: {reason}") from None
        except OSError as error:
            file = error.filename or " and ".join(str(one) for one in self._files if one is not None)
            raise ServeRefused(message=f"{file} cannot be read: {error.strerror}") from None
        return context


def _no_password() -> str:
    # Else OpenSSL asks for it at the terminal, which a service does not have.
    raise ServeRefused(message="the key of the certificate has a password", hint="Name one without a password.")
