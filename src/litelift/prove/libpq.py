"""The libpq that psycopg itself uses, for the compiled path to take COPY's rows from."""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from functools import cache

from psycopg import pq

from litelift.compiled import native


@cache
def _library() -> ctypes.CDLL | None:
    """A handle on the library, where one can be had."""
    try:
        if pq.__impl__ == "python":
            found = importlib.import_module("psycopg.pq._pq_ctypes").pq
            return found if isinstance(found, ctypes.CDLL) else None
        # A handle finds what its library exports, then what the libraries export that it needs.
        extension = importlib.import_module(f"psycopg_{pq.__impl__}.pq")
        return ctypes.CDLL(getattr(extension, "__file__", None))
    except (ImportError, OSError, AttributeError):
        return None


# Prototypes of its own: those of the library's handle may be somebody else's.
_Ask = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


@cache
def _joined() -> tuple[Callable[[int], int], Callable[[int], int]] | None:
    """PQbackendPID and PQsocket, where the compiled path knows libpq's functions now."""
    library, module = _library(), native()
    try:
        if library is None or module is None or library.PQlibVersion() != pq.version():
            return None
        names = ("PQgetCopyData", "PQfreemem", "PQbackendPID", "PQsocket")
        addresses = [ctypes.cast(library[name], ctypes.c_void_p).value or 0 for name in names]
    except AttributeError:
        return None
    module.use_libpq(*addresses[:2])
    return _Ask(addresses[2]), _Ask(addresses[3])


def address(connection: pq.abc.PGconn) -> int | None:
    """The connection's address for `Lines.receive`; None where psycopg must take the rows.

    A library of the same version that sees the same process and socket in the connection is the one that made it, or
    its like.
    """
    known, pointer = _joined(), getattr(connection, "pgconn_ptr", None)
    if known is None or pointer is None:
        return None
    process, socket = (ask(pointer) for ask in known)
    return int(pointer) if (process, socket) == (connection.backend_pid, connection.socket) else None
