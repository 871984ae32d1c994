"""The copies at a place: listed, read back, removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from litelift.backup.cold.confirm import confirmed
from litelift.backup.cold.index import INDEX, Index, index_of
from litelift.backup.cold.link import Link
from litelift.backup.cold.target import Target
from litelift.backup.cold.upload import content, write_index
from litelift.backup.manifest import MANIFEST, Kind, Manifest
from litelift.backup.signs import Sign
from litelift.errors import CopyDamaged, CopyNotFound


@dataclass(frozen=True, slots=True)
class CopyThere:
    """A copy at a place, or what an upload that has not come to its end has left there."""

    name: str
    index: Index | None
    """None where it cannot be used."""
    bytes: int
    """Of what lies there."""
    started: datetime | None = None
    """The moment of the backup, as far as it is known."""
    project: str | None = None
    """Whose it is, as far as it is known."""
    damage: str = ""
    """Why it is no whole copy."""

    @property
    def whole(self) -> bool:
        """Whether every piece is there."""
        return self.index is not None and not self.damage

    @property
    def good(self) -> bool:
        """Whether it is whole, and no drill of the backup speaks against it.

        What was found out of the backup's own files since says nothing of the copy: that was made of what its manifest
        says.
        """
        return self.whole and (self.index is None or (drill := self.index.standing.drilled) is None or drill.ok)

    @property
    def proved(self) -> bool:
        """Whether a drill has restored the backup that it is a copy of."""
        return self.good and self.index is not None and self.index.standing.drilled is not None

    @property
    def kind(self) -> Kind:
        """Why the backup was made."""
        return self.index.kind if self.index is not None else "manual"


def copies(link: Link) -> list[CopyThere]:
    """What is at a place, the oldest first: whole copies and others. Raises the errors of cold storage.

    A folder of something else, without a manifest, is left out.
    """
    folders = link.run(lambda target: target.folders())
    found = [there for name in folders if (there := look_at(link, name)) is not None]
    return sorted(found, key=lambda there: (there.started is not None, there.started or 0, there.name))


def look_at(link: Link, name: str) -> CopyThere | None:
    """The copy of that name, whole or not; None where there is none."""
    there = link.run(lambda target: target.objects(name))
    size = sum(there.values())
    if INDEX not in there:
        if MANIFEST not in there:
            return None
        manifest = _manifest(link, name)
        started, project = (manifest.started, manifest.project) if manifest is not None else (None, None)
        return CopyThere(name, None, size, started, project, "its upload has not come to its end")
    try:
        index = index_of(link.run(lambda target: content(target, name, INDEX)), name)
    except ValueError as error:
        return CopyThere(name, None, size, damage=str(error))
    damage = index.damage
    for piece in index.pieces.values():
        if there.get(piece.name) != piece.bytes:
            damage = f"{piece.name} has {there[piece.name]} bytes" if piece.name in there else f"{piece.name} is gone"
    return CopyThere(name, index, size, index.started, index.project, damage)


def find(link: Link, name: str) -> CopyThere:
    """The whole copy of that name, or of the one name that begins so. Raises CopyNotFound, CopyDamaged."""
    there = look_at(link, name) if _is_name(name) else None
    if there is None:
        near = [each for each in link.run(lambda target: target.folders()) if each.startswith(name)]
        there = look_at(link, near[0]) if len(near) == 1 else None
    if there is None or (there.index is None and INDEX not in there.damage):
        raise CopyNotFound(name=name, place=link.place)
    if not there.whole:
        raise CopyDamaged(name=there.name, place=link.place, message=there.damage)
    return there


def verify(link: Link, name: str) -> CopyThere:
    """Read every piece of a copy back. Raises CopyDamaged, with the pieces, and the errors of cold storage.

    One that is found to be damaged is listed as such from then on, until it was copied anew.
    """
    there = find(link, name)
    index = there.index
    assert index is not None
    wrong = []
    done = 0
    for piece in index.pieces.values():
        if link.run(lambda target, piece=piece: confirmed(target, index.name, piece)) is None:  # type: ignore[misc]
            wrong.append(piece.name)
        done += piece.bytes
        link.on_sign(Sign("copy", done, index.bytes))
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        damage = f"{wrong[0]}{more}: the SHA-256 is not that of what was sent"
        write_index(link, index.model_copy(update={"damage": damage}))
        raise CopyDamaged(name=index.name, place=link.place, message=damage)
    return there


def remove(link: Link, name: str) -> None:
    """Remove a copy, or what is left of one: it is no copy from the first moment on. Raises the errors of cold storage.

    The index goes first, and the manifest last: what a kill leaves is known for what it is.
    """

    def work(target: Target) -> None:
        there = target.objects(name)
        if INDEX not in there and MANIFEST not in there:
            return
        for each in _in_order(there):
            target.remove(f"{name}/{each}")
        target.remove_folder(name)

    if not _is_name(name):
        raise CopyNotFound(name=name, place=link.place)
    link.run(work)


def _in_order(there: dict[str, int]) -> Iterator[str]:
    yield from sorted(there, key=lambda each: (each != INDEX, each == MANIFEST, each))


def _is_name(name: str) -> bool:
    return bool(name) and name not in (".", "..") and "/" not in name and "\0" not in name


def _manifest(link: Link, name: str) -> Manifest | None:
    data = link.run(lambda target: content(target, name, MANIFEST))
    try:
        return Manifest.model_validate_json(data)
    except ValueError:
        return None
