"""Why a server takes no session, and what that means for who watches it: not what it means for who moves."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import psycopg

from litelift.errors import LiteliftError, TargetAuthFailed
from litelift.monitor.checks.backups_kept import words_of

if TYPE_CHECKING:
    from litelift.monitor.finding import Finding
    from litelift.monitor.look import Look

# As the server and libpq say it; the words of the check "server" say the rest. The first that fits.
_KINDS = (
    (r"too many (clients|connections)|remaining connection slots", "full"),
    (r'database "[^"]*" does not exist', "no-database"),
    (r"is starting up|recovery mode|not yet accepting connections", "starting"),
    (r"is shutting down|terminating connection due to administrator command", "stopping"),
    (r"terminating connection because of crash|server closed the connection", "crashed"),
)
_STOPPED = r"No such file or directory|Connection refused"


def down(look: Look, error: LiteliftError | psycopg.Error) -> Finding:
    """The server's own finding where it takes no session, or has ended the one that it gave."""
    message = _said(error)
    kind = next((kind for pattern, kind in _KINDS if re.search(pattern, message)), "unreachable")
    source = look.watched.embedded
    if isinstance(error, TargetAuthFailed):
        kind = "refused-login"
    elif source is not None and re.search(_STOPPED, message):
        kind = "stopped"
    facts: dict[str, Any] = {
        "message": message,
        "source": shlex.quote(str(source)) if source is not None else None,
        "words": words_of(look),
    }
    return look.finding("critical", kind, kind, **facts)


def is_full(finding: Finding) -> bool:
    """Whether it is for want of a free connection that nobody gets in."""
    return finding.check == "server" and finding.found == "full"


def _said(error: LiteliftError | psycopg.Error) -> str:
    """What the server or libpq said, without what leads up to it."""
    if isinstance(error, LiteliftError):
        text = str(error.facts.get("message", error.message))
    else:
        text = error.diag.message_primary or str(error)
    # Of several addresses of one host the last one's.
    text = re.sub(r"^.*(FATAL|ERROR|PANIC): +", "", " ".join(text.split()))
    text = re.sub(r"^connection (failed|is bad): ", "", text)
    return re.sub(r" (Is the server running|Multiple connection attempts).*$", "", text)
