"""Mails a message by SMTP, encrypted unless it is told otherwise; what goes wrong is said without the password."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

from litelift.tell.message import Message, Untold
from litelift.tell.settings import PORTS, Mail

STEP_SECONDS = 15.0
"""That the server may take to answer."""
ALL_SECONDS = 60.0
"""Of all of it: a server that answers letter by letter is given up."""


def send(mail: Mail, password: str | None, message: Message, folder: Path) -> Untold | None:
    """Mail ``message``; what went wrong, or None where the server has taken it for everybody.

    Args:
        mail: the server, and who is written to.
        password: of its user.
        message: what is told.
        folder: the project's, in which [mail] ca is.
    """
    assert mail.host is not None
    try:
        with _session(mail, folder) as session:
            if mail.user is not None:
                session.login(mail.user, password or "")
            refused = session.send_message(_written(mail, message), mail.origin, mail.to)
    except smtplib.SMTPRecipientsRefused as error:
        return Untold(_refused(error.recipients))
    except smtplib.SMTPAuthenticationError as error:
        return Untold(f"it refused the login of {mail.user} ({error.smtp_code})")
    except smtplib.SMTPResponseException as error:
        return Untold(f"it answered {_answer(error.smtp_code, error.smtp_error)}")
    except smtplib.SMTPNotSupportedError as error:
        return Untold(f"it does not offer what is asked for: {error}")
    except smtplib.SMTPServerDisconnected:
        return Untold("it ended the session")
    except ssl.SSLCertVerificationError as error:
        return Untold(f"its certificate is not trusted: {error.verify_message}")
    except (TimeoutError, socket.gaierror, smtplib.SMTPException, OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Untold(f"no session with {mail.host}: {said}")
    # Those who took it would get it twice.
    return Untold(_refused(refused), again=False) if refused else None


@contextmanager
def _session(mail: Mail, folder: Path) -> Iterator[smtplib.SMTP]:
    trusted = ssl.create_default_context(cafile=str(folder / mail.ca) if mail.ca else None)
    kind = smtplib.SMTP_SSL(timeout=STEP_SECONDS, context=trusted) if mail.security == "tls" else None
    session = kind or smtplib.SMTP(timeout=STEP_SECONDS)
    # smtplib takes the name of the certificate from its constructor, which would connect at once.
    session._host = mail.host  # type: ignore[attr-defined]
    end = threading.Timer(ALL_SECONDS, _cut, [session])
    end.daemon = True
    end.start()
    try:
        session.connect(mail.host or "", mail.port or PORTS[mail.security])
        session.ehlo_or_helo_if_needed()
        if mail.security == "starttls":
            session.starttls(context=trusted)
            session.ehlo()
        yield session
        with contextlib.suppress(smtplib.SMTPException, OSError):
            session.quit()
    finally:
        end.cancel()
        session.close()


def _cut(session: smtplib.SMTP) -> None:
    if session.sock is not None:
        with contextlib.suppress(OSError):
            session.sock.shutdown(socket.SHUT_RDWR)


def _written(mail: Mail, message: Message) -> EmailMessage:
    written = EmailMessage()
    written["Subject"] = message.subject
    written["From"] = mail.origin
    written["To"] = ", ".join(mail.to)
    written["Date"] = formatdate(localtime=False)
    written["Message-ID"] = make_msgid(domain=(mail.origin or "").rpartition("@")[2])
    # No answer by a machine (RFC 3834, section 5).
    written["Auto-Submitted"] = "auto-generated"
    if message.level == "error":
        written["Importance"] = "high"
    written.set_content("\n".join(message.lines) + "\n")
    return written


def _refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "it refused " + "; ".join(f"{address}: {_answer(*why)}" for address, why in recipients.items())


def _answer(code: int, said: bytes | str) -> str:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(words.split())}".strip()
