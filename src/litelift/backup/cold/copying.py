"""What `litelift backup copy` and the scheduled run do at a place: copy what is missing, and prune."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from litelift.backup.cold.copies import CopyThere, copies, remove, verify
from litelift.backup.cold.link import Link
from litelift.backup.cold.place import Place
from litelift.backup.cold.upload import Copied, copy_backup, copying, known_of
from litelift.backup.history import write_event
from litelift.backup.manifest import Look
from litelift.backup.prune import member_of
from litelift.backup.retention import AT_LEAST, Decision, Member, decide
from litelift.backup.signs import OnSign, silent
from litelift.backup.store import Backup, Store, note
from litelift.errors import BackupDamaged, CopyDamaged, CopyTaken, LiteliftError
from litelift.redact import text as redact


@dataclass
class CopiedTo:
    """What was copied to a place, and what could not be."""

    place: Place
    done: list[Copied] = field(default_factory=list)
    failures: list[LiteliftError] = field(default_factory=list)


def copy_missing(store: Store, place: Place, on_sign: OnSign = silent, *, now: datetime | None = None) -> CopiedTo:
    """Copy to a place what it lacks; see `missing` and `copy_to`. That it cannot be reached is among the failures."""
    try:
        with Link(place, on_sign) as link:
            chosen = missing(store, link, now)
    except LiteliftError as error:
        _record(store, place, None, error=error)
        return CopiedTo(place, failures=[error])
    return copy_to(store, place, chosen, on_sign) if chosen else CopiedTo(place)


def missing(store: Store, link: Link, now: datetime | None = None) -> list[Backup]:
    """The good backups that are not whole at a place, the newest first; only what would be kept there.

    What is noted here is not relied on: somebody may have emptied the place. One of which more became known since is
    among them: its copy is told so. Raises the errors of cold storage.
    """
    good = [backup for backup in store.backups() if backup.good]
    kept = decide([member_of(backup) for backup in good], link.place.keep, now or datetime.now(UTC))
    names = {decision.member.name for decision in kept if decision.keep}
    there = {copy.name: copy for copy in copies(link)}
    return [
        backup
        for backup in reversed(good)
        if backup.name in names and not _is_as_here(backup, there.get(backup.name), link.place)
    ]


def verify_copy(link: Link, store: Store, name: str) -> CopyThere:
    """Read every piece of a copy back; one that is damaged is not noted as a copy any more. Raises as `verify`."""
    try:
        return verify(link, name)
    except CopyDamaged as error:
        _forget(store, link.place, str(error.facts["name"]))
        raise


def copy_to(store: Store, place: Place, chosen: Sequence[Backup], on_sign: OnSign = silent) -> CopiedTo:
    """Copy backups to a place, each with its event in the history.

    One that is damaged stops no other, and is noted as such, so that it is not tried each night; a place that is lost
    or full stops all. Raises BackupBusy, OSError.
    """
    result = CopiedTo(place)
    with copying(store):
        for backup in chosen:
            try:
                done = copy_backup(place, backup, on_sign)
            except LiteliftError as error:
                result.failures.append(error)
                _record(store, place, backup, error=error)
                if isinstance(error, BackupDamaged) and backup.folder.is_dir():
                    note(backup, verified=Look(at=datetime.now(UTC), ok=False, seconds=0, message=error.message))
                if not isinstance(error, BackupDamaged | CopyDamaged | CopyTaken):
                    break
            except BaseException as error:
                _record(store, place, backup, error=error)
                raise
            else:
                result.done.append(done)
                if not done.already:
                    _record(store, place, backup, done=done)
    return result


@dataclass(frozen=True, slots=True)
class PrunedThere:
    """What a prune of a place did, or would do."""

    decisions: list[Decision]
    removed: list[str]
    bytes: int
    """Of what was removed."""
    left_alone: list[CopyThere]
    """What is no whole copy: an upload that may be going on, or one that a person should look at."""


def prune_copies(
    link: Link, store: Store, *, project: str | None = None, now: datetime | None = None, dry_run: bool = False
) -> PrunedThere:
    """Remove the copies that ``place.keep`` does not keep; see `litelift.backup.retention`.

    An upload that has not come to its end is removed where it never can, for its backup is gone, and it is so old that
    no copy of its age would be kept for its days alone.

    Args:
        link: to the place.
        store: the backups; the event is written there.
        project: whose copies they are; those of others have a policy of their own. None: all.
        now: the clock, aware. None: this machine's.
        dry_run: remove nothing.

    Raises the errors of cold storage; what was removed before is gone.
    """
    there = copies(link)
    own = [copy for copy in there if copy.index is not None and project in (None, copy.index.project)]
    members = [_member_there(copy) for copy in own]
    now = now or datetime.now(UTC)
    decisions = decide(members, link.place.keep, now)
    here = {backup.name for backup in store.backups()}
    before = now - max(AT_LEAST, timedelta(days=link.place.keep.days))
    lost = [copy.name for copy in there if copy.name not in here and _is_lost(copy, project, before)]
    going = [*(decision.member.name for decision in decisions if not decision.keep), *lost]
    sizes = {copy.name: copy.bytes for copy in there}
    removed: list[str] = []
    message = ""
    try:
        for name in going:
            if not dry_run:
                remove(link, name)
                _forget(store, link.place, name)
            removed.append(name)
    except LiteliftError as error:
        message = error.message
        raise
    finally:
        if not dry_run and (removed or message):
            facts = {"place": link.place.name, "removed": removed}
            write_event(store.path, "prune", ok=not message, message=message, facts=facts)
    freed = sum(sizes[name] for name in removed)
    return PrunedThere(
        decisions, removed, freed, [copy for copy in there if copy.index is None and copy.name not in lost]
    )


def _is_lost(copy: CopyThere, project: str | None, before: datetime) -> bool:
    unfinished = copy.index is None and copy.started is not None and copy.started < before
    return unfinished and project in (None, copy.project)


def _is_as_here(backup: Backup, there: CopyThere | None, place: Place) -> bool:
    if there is None or there.index is None or not there.whole:
        return False
    return place.name in backup.standing.copies and there.index.standing == known_of(backup)


def _forget(store: Store, place: Place, name: str) -> None:
    """Note no more that a backup has a copy at a place."""
    for backup in store.backups():
        if backup.name == name and place.name in backup.standing.copies:
            kept = {other: at for other, at in backup.standing.copies.items() if other != place.name}
            note(backup, copies=kept)


def _member_there(copy: CopyThere) -> Member:
    index = copy.index
    assert index is not None
    return Member(
        name=copy.name,
        moment=index.started,
        project=index.project,
        database=index.database,
        cluster=index.cluster,
        kind=index.kind,
        good=copy.good,
        proved=copy.proved,
    )


def _record(
    store: Store, place: Place, backup: Backup | None, *, done: Copied | None = None, error: BaseException | None = None
) -> None:
    """Write the event. Where an error is on its way, that the history cannot be written takes nothing from it."""
    facts = {"place": place.name}
    if backup is not None and done is not None:
        counted = {"sent": done.sent, "found": done.found, "bytes": done.sent_bytes, "losses": done.losses}
        write_event(
            store.path, "copy", ok=True, backup=backup.name, seconds=round(done.seconds, 3), facts={**facts, **counted}
        )
        return
    said = error.message if isinstance(error, LiteliftError) else f"stopped: {type(error).__name__}"
    with contextlib.suppress(OSError):
        name = backup.name if backup is not None else None
        write_event(store.path, "copy", ok=False, backup=name, message=redact(said), facts=facts)
