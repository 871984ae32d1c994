"""Whether a piece at a place is what it should be."""

from __future__ import annotations

import hashlib
from typing import Literal

from litelift.backup.cold.index import Piece
from litelift.backup.cold.target import Target

How = Literal["server", "read"]
"""By the checksum that the server has of it, or by reading it back."""


def confirmed(target: Target, folder: str, piece: Piece, *, md5: str | None = None) -> How | None:
    """How the content of a piece was confirmed; None where it is not there, or is something else.

    Args:
        target: where it is.
        folder: the copy's.
        piece: what it should be.
        md5: of it. Where the server says the same of what it stores, nothing is read back; a server that says another,
            or nothing, is not asked again. None: it is read back in any case.
    """
    name = f"{folder}/{piece.name}"
    found = target.stat(name)
    if found is None or found.bytes != piece.bytes:
        return None
    if md5 is not None and found.md5 == md5:
        return "server"
    digest = hashlib.sha256()
    for data in target.read(name, piece.bytes):
        digest.update(data)
    return "read" if digest.hexdigest() == piece.sha256 else None
