"""A mail server of our own: aiosmtpd, with a login and TLS where a test wants them."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "litelift@school.test", "s3cret-Word"


@dataclass
class MailServer:
    """What it got, and what it answers."""

    port: int = 0
    got: list[EmailMessage] = field(default_factory=list)
    peers: list[bool] = field(default_factory=list)
    """Of each message, whether it came encrypted."""
    refuse: frozenset[str] = frozenset()
    """Recipients that are not known."""
    answer: str = "250 OK"
    """To the message."""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.got.append(message_from_bytes(envelope.content, policy=policy.default))
            self.peers.append(session.ssl is not None or self.wrapped)
        return self.answer

    wrapped: bool = False


@contextmanager
def mail_server(*, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None) -> Iterator[MailServer]:
    """A server on 127.0.0.1; with TLS from the first byte on, or by STARTTLS, it wants a login."""
    server = MailServer(wrapped=tls is not None)
    loop = asyncio.new_event_loop()

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)

    def protocol() -> SMTP:
        wanted = tls is not None or starttls is not None
        known: dict[str, Any] = {"authenticator": login, "auth_required": True} if wanted else {}
        if starttls is not None:
            known |= {"tls_context": starttls, "require_starttls": True}
        return SMTP(server, hostname="mail.school.test", auth_require_tls=tls is None, loop=loop, **known)

    listening = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=tls))
    server.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(listening.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
