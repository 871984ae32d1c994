"""The compiled hot path, where it was built and can work; everything works without it, only slower."""

from __future__ import annotations

import ctypes
import importlib
import os
import sqlite3
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from litelift import _native

PURE = "LITELIFT_PURE"
"""Set to anything but 0 or nothing, this environment variable leaves the compiled path unused."""

KEY_BYTES = 48
"""Of the keyed hash (src/litelift/native/hash.h)."""

INTERFACE = 6
"""The interface of the extension that this code knows."""

# As Python's sqlite3 raises them, by primary result code ("Result and Error Codes"); others are a DatabaseError.
_CLASSES: dict[int, type[Exception]] = {
    **dict.fromkeys((2, 12), sqlite3.InternalError),
    **dict.fromkeys((1, 3, 4, 5, 6, 8, 9, 10, 13, 14, 15, 16, 17), sqlite3.OperationalError),
    18: sqlite3.DataError,
    **dict.fromkeys((19, 20), sqlite3.IntegrityError),
    **dict.fromkeys((21, 25), sqlite3.InterfaceError),
}


class Native(Protocol):
    """The extension module."""

    Connection: type[_native.Connection]
    Reader: type[_native.Reader]
    Codec: type[_native.Codec]
    Writer: type[_native.Writer]
    Tally: type[_native.Tally]
    Lines: type[_native.Lines]

    def use_libpq(self, get_copy_data: int, free_memory: int, /) -> None:
        """Know libpq by the addresses of its functions."""


@cache
def native() -> Native | None:
    """The extension module, joined to the interpreter's own SQLite; None where the pure path must do."""
    if os.environ.get(PURE, "0") not in ("", "0"):
        return None
    try:
        from litelift import _native
    except ImportError:
        return None
    # One that was built from other sources is none.
    addresses = _functions(_native.FUNCTIONS) if _native.INTERFACE == INTERFACE else None
    if addresses is None:
        return None
    _native.use(addresses, _failure)
    return _native


def path_words() -> str:
    """Which path is in use, for a person."""
    return f"{'compiled' if native() is not None else 'pure Python'}, SQLite {sqlite3.sqlite_version}"


def _functions(names: tuple[str, ...]) -> dict[str, int] | None:
    """The addresses of SQLite's functions in the library that the interpreter's sqlite3 uses, and in no other.

    Two copies of SQLite in one process break each other's locks ("How To Corrupt An SQLite Database File", section
    2.2.1), so a library that cannot be shown to be the same one is left alone.
    """
    try:
        # A handle finds what its library exports, then what the libraries export that it needs.
        library = ctypes.CDLL(getattr(importlib.import_module("_sqlite3"), "__file__", None))
        same, threads = library.sqlite3_sourceid, library.sqlite3_threadsafe
        found = {name: ctypes.cast(library[f"sqlite3_{name}"], ctypes.c_void_p).value or 0 for name in names}
    except (ImportError, OSError, AttributeError):
        return None
    same.restype = ctypes.c_char_p
    with sqlite3.connect(":memory:") as connection:
        source = connection.execute("SELECT sqlite_source_id()").fetchone()[0]
    connection.close()
    return found if same() == source.encode() and threads() else None


def _failure(code: int, message: bytes) -> BaseException:
    error = _CLASSES.get(code & 0xFF, sqlite3.DatabaseError)(message.decode("utf-8", "replace"))
    error.sqlite_errorcode = code  # type: ignore[attr-defined]
    return error
