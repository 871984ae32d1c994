"""Where an embedded server's Unix socket lives: with its data, or, where that path does not do, in a short one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from litelift.postgres.programs import ProgramFailed, Programs

PORT = 5432
# A Unix socket's whole path: 108 bytes on Linux and 104 on macOS, with the zero at its end (unix(7)).
SOCKET_BYTES = 103


def socket_folder(folder: Path, tools: Programs) -> Path:
    """The data folder, unless its path is too long or has what a list of hosts cannot; then a short one, made here.

    Raises ProgramFailed where that is someone else's.
    """
    if _holds_socket(folder):
        return folder
    place = short_folder(folder, tools.uid)
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=0o700)
        tools.own(place)
    facts = place.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != tools.uid:
        raise ProgramFailed(f"{place}, where its socket would be, belongs to someone else")
    return place


def expected_folder(folder: Path, uid: int) -> Path:
    """The folder in which a server's socket is, or will be; ``uid`` is its user's."""
    return folder if _holds_socket(folder) else short_folder(folder, uid)


def short_folder(folder: Path, uid: int) -> Path:
    """The folder for the socket of a server whose own folder's path does not do; ``uid`` is its user's."""
    name = f"litelift-{uid}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    place = Path(tempfile.gettempdir()) / name
    return place if _holds_socket(place) else Path("/tmp") / name


def _holds_socket(folder: Path) -> bool:
    text = str(folder)
    return (
        len(os.fsencode(f"{text}/.s.PGSQL.{PORT}")) <= SOCKET_BYTES and text.isprintable() and not set(text) & set(',"')
    )
