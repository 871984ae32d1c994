"""litelift backup prune: removes from the folder of the backups what its policy does not keep."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from litelift.backup.history import write_event
from litelift.backup.manifest import Kind
from litelift.backup.retention import Concern, Decision, Member, concerns, decide
from litelift.backup.settings import Keep
from litelift.backup.store import Backup, Store
from litelift.errors import BackupFolderMissing, KeepsNothing


class Why(BaseModel):
    """Why a backup stays or goes: the rule, and what is told of it."""

    model_config = ConfigDict(frozen=True)

    rule: str
    words: str


class Judged(BaseModel):
    """A backup, and what became of it."""

    model_config = ConfigDict(frozen=True)

    name: str
    project: str | None = None
    """None where its manifest cannot be read, as in what follows."""
    database: str | None = None
    kind: Kind | None = None
    started: AwareDatetime | None = None
    bytes: int | None = None
    good: bool
    drilled: bool
    """Whether a drill has restored it, and nothing spoke against it since."""
    kept: bool
    reasons: list[Why]
    failure: str = ""
    """Why it could not be removed. Where it is not kept, it is gone from the list, and a part of it lies there yet."""


class Pruned(BaseModel):
    """What a prune did, or would do."""

    model_config = ConfigDict(frozen=True)

    folder: str
    at: AwareDatetime
    dry_run: bool
    keep: Keep
    backups: list[Judged]
    """The oldest first."""
    concerns: list[str]
    """What a person should look at."""
    tidied: list[str] = []
    """What kills had left, which is gone too."""
    unrecorded: str = ""
    """Why the history does not know of it."""

    @property
    def removed(self) -> list[Judged]:
        """Those that are gone from the list, or would be."""
        return [one for one in self.backups if not one.kept]

    @property
    def failed(self) -> list[Judged]:
        """Those that could not be removed, or not all of them."""
        return [one for one in self.backups if one.failure]

    @property
    def freed(self) -> int:
        """Bytes."""
        return sum(one.bytes or 0 for one in self.removed if not one.failure)

    @property
    def exit_code(self) -> int:
        """1 where something could not be removed, 3 where a person should look at something."""
        if self.failed:
            return 1
        return 3 if self.concerns or self.unrecorded else 0


def prune(
    store: Store, keep: Keep, *, project: str | None = None, now: datetime | None = None, dry_run: bool = False
) -> Pruned:
    """Remove the backups that the policy does not keep; see `litelift.backup.retention`.

    What cannot be read as a backup is left alone: it may be of a newer litelift, or none of ours. One that cannot be
    removed stops no other. It takes the store's lock, so that the caller must not hold it.

    Args:
        store: the folder.
        keep: the policy.
        project: whose backups they are; those of others have a policy of their own. None: all.
        now: the clock, aware. None: this machine's.
        dry_run: remove nothing, and take no lock.

    Raises:
        KeepsNothing: all of the policy is 0. BackupFolderMissing. BackupBusy: another litelift is at work.
        OSError: the folder cannot be read, or the lock cannot be taken.
    """
    if not any(getattr(keep, rule) for rule in Keep.model_fields):
        raise KeepsNothing
    if not store.path.is_dir():
        raise BackupFolderMissing(folder=store.path)
    at = now or datetime.now(UTC)
    if dry_run:
        found = store.backups()
        decided, told = _decided(found, keep, project, at)
        return _pruned(store, keep, at, [_judged(backup, decided, project) for backup in found], told, dry_run=True)
    with store.held():
        tidied = [path.name for path in store.tidy()]
        found = store.backups()
        decided, told = _decided(found, keep, project, at)
        judged = [_judged(backup, decided, project) for backup in found]
        done = list(judged)
        try:
            for place, (backup, one) in enumerate(zip(found, judged, strict=True)):
                if not one.kept:
                    done[place] = _removed(store, backup, one)
        except BaseException as error:
            still = [one.model_copy(update={"kept": (store.path / one.name).exists()}) for one in done]
            stopped = _pruned(store, keep, at, still, told, tidied)
            if unrecorded := _record(store, stopped, message="stopped"):
                error.add_note(f"the history could not be written: {unrecorded}")
            raise
        pruned = _pruned(store, keep, at, done, told, tidied)
        return pruned.model_copy(update={"unrecorded": _record(store, pruned)})


def member_of(backup: Backup) -> Member:
    """What retention has to know of a backup whose manifest can be read."""
    manifest = backup.read()
    return Member(
        name=backup.name,
        moment=manifest.started,
        project=manifest.project,
        database=manifest.database,
        cluster=manifest.server.system_identifier,
        kind=manifest.kind,
        good=backup.good,
        proved=backup.standing.proved,
    )


def _decided(
    found: Sequence[Backup], keep: Keep, project: str | None, now: datetime
) -> tuple[dict[str, Decision], list[Concern]]:
    members = [member_of(backup) for backup in found if _is_judged(backup, project)]
    decisions = decide(members, keep, now)
    return {decision.member.name: decision for decision in decisions}, concerns(decisions, keep, now)


def _is_judged(backup: Backup, project: str | None) -> bool:
    if backup.manifest is None or backup.folder.is_symlink():
        return False
    return project is None or backup.manifest.project == project


def _judged(backup: Backup, decided: dict[str, Decision], project: str | None) -> Judged:
    decision, manifest = decided.get(backup.name), backup.manifest
    if decision is not None:
        reasons = [Why(rule=reason.rule, words=reason.words) for reason in decision.reasons]
    elif manifest is None:
        reasons = [Why(rule="unread", words=f"left alone: {backup.damage}")]
    elif backup.folder.is_symlink():
        reasons = [Why(rule="link", words="left alone: it is a link to elsewhere")]
    else:
        reasons = [Why(rule="other", words=f"left alone: it is of {manifest.project}, not of {project}")]
    known = {} if manifest is None else manifest.model_dump(include={"project", "database", "kind", "started", "bytes"})
    return Judged(
        name=backup.name,
        good=backup.good,
        drilled=manifest is not None and backup.standing.proved,
        kept=decision is None or decision.keep,
        reasons=reasons,
        **known,
    )


def _removed(store: Store, backup: Backup, judged: Judged) -> Judged:
    try:
        store.remove(backup)
    except OSError as error:
        return judged.model_copy(update={"kept": backup.folder.exists(), "failure": error.strerror or str(error)})
    return judged


def _pruned(
    store: Store,
    keep: Keep,
    at: datetime,
    backups: list[Judged],
    told: list[Concern],
    tidied: Sequence[str] = (),
    *,
    dry_run: bool = False,
) -> Pruned:
    return Pruned(
        folder=str(store.path),
        at=at,
        dry_run=dry_run,
        keep=keep,
        backups=backups,
        concerns=[concern.message for concern in told],
        tidied=list(tidied),
    )


def _record(store: Store, pruned: Pruned, message: str = "") -> str:
    """Write the event; returns what stood in the way: a disk that is full still, say."""
    ok = not (pruned.failed or message)
    said = message or "; ".join(f"{one.name}: {one.failure}" for one in pruned.failed)
    facts = {
        "removed": [one.name for one in pruned.removed],
        "freed": pruned.freed,
        "kept": len(pruned.backups) - len(pruned.removed),
        "tidied": pruned.tidied,
        "keep": pruned.keep.model_dump(),
    }
    try:
        write_event(store.path, "prune", ok=ok, message=said, facts=facts)
    except OSError as error:
        return error.strerror or str(error)
    return ""
