"""The WAL archive of a subject's server, if it can be asked."""

from __future__ import annotations

from psycopg.conninfo import conninfo_to_dict

from litelift.backup.subject import Subject
from litelift.backup.wal import WalArchiving, wal_archiving
from litelift.errors import TargetError
from litelift.postgres.connect import connect


def wal_of(of: Subject) -> WalArchiving | None:
    """What is known of it; None where the server does not answer: what is listed beside it needs none."""
    host = str(conninfo_to_dict(of.dsn).get("host") or "")
    local = not host or host.startswith("/") or host in ("localhost", "127.0.0.1", "::1")
    try:
        with connect(of.admin or of.dsn) as connection:
            return wal_archiving(connection, local=local)
    except TargetError:
        return None
