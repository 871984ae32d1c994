"""What a scheduled run does, stage by stage; each is another part's work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from litelift.backup.history import Event
from litelift.backup.signs import OnSign, silent
from litelift.backup.subject import Subject
from litelift.errors import BackupDamaged, BackupKey, DrillImpossible, LiteliftError
from litelift.report.format import count, duration, size


@dataclass(frozen=True, slots=True)
class Done:
    """What a stage did."""

    message: str = ""
    """In a few words: "62 MB in 12.4 s"."""
    notes: list[str] = field(default_factory=list)
    """What needs a person, though the stage did not fail."""
    tried: bool = True
    """False where it could not even be begun, which is no failure of what it is about."""


@dataclass(frozen=True, slots=True)
class Made(Done):
    """What `Stages.create` did."""

    backup: str = ""
    """The new backup's name."""


class Stages(Protocol):
    """The stages. Each takes the store's lock for itself where it needs it, writes its own event into the history, and
    raises where it failed."""

    def create(self) -> Made:
        """Make a backup of kind "scheduled"."""

    def copy(self, place: str, backup: str | None) -> Done:
        """Copy it to the ``[[backup.copy]]`` of that name, and whatever is not there yet; None: only that."""

    def drill(self, backup: str) -> Done:
        """Restore it, and compare."""

    def prune(self, place: str | None) -> Done:
        """Remove what need not be kept: in the folder (None), or at a ``[[backup.copy]]``."""


def drill_is_due(history: Sequence[Event], every: int) -> bool:
    """Whether the backup that a scheduled run has just made is to be drilled: the first, and then every so many.

    A drill that failed is made again by the next run; one by hand counts as well. 0: never.
    """
    if not every:
        return False
    drills = [number for number, event in enumerate(history) if event.what == "drill" and event.ok]
    if not drills:
        return True
    drill = history[drills[-1]]
    since = history[drills[-1] + 1 :]
    runs = [event for event in since if event.what == "run" and event.backup and event.backup != drill.backup]
    return len(runs) + 1 >= every


@dataclass(frozen=True, slots=True)
class OwnStages:
    """The stages of litelift itself, each imported when it is its turn.

    The database is looked for by the first that needs it: that it is not there is that stage's failure, and is told.
    """

    what: str | None
    folder: Path | None
    on_sign: OnSign = silent

    def create(self) -> Made:
        """See `Stages`."""
        from litelift.backup.create import create

        made = create(self._subject(), kind="scheduled", on_sign=self.on_sign).read()
        return Made(f"{made.name}, {size(made.bytes)}", backup=made.name)

    def copy(self, place: str, backup: str | None) -> Done:
        """See `Stages`. The new one is the first of those that are missing there."""
        from litelift.backup.cold.copying import copy_missing
        from litelift.backup.cold.place import place_named
        from litelift.backup.subject import settings_of, store_of

        store, there = store_of(self.what, self.folder), place_named(settings_of(self.what), place)
        result = copy_missing(store, there, self.on_sign)
        if result.failures:
            raise LiteliftError(message="; ".join(failure.message for failure in result.failures))
        if not result.done:
            return Done("all is there already")
        sent = sum(done.sent_bytes for done in result.done)
        return Done(f"{count(len(result.done), 'backup')}, {size(sent)} sent, every checksum confirmed")

    def drill(self, backup: str) -> Done:
        """See `Stages`. Where it cannot be tried, that says nothing about the backup: a person has to see to it."""
        from litelift.backup.drill import drill
        from litelift.backup.subject import settings_of, store_of

        settings, store = settings_of(self.what), store_of(self.what, self.folder)
        found = store.find(backup)
        try:
            done = drill(store, found, settings, where=settings.drill, live=self._subject, on_sign=self.on_sign)
        except (DrillImpossible, BackupKey) as error:
            return Done("not tried", [error.message], tried=False)
        if not done.look.ok:
            raise BackupDamaged(name=backup, message=done.look.message)
        return Done(f"restored in {duration(done.look.seconds)}, every digest equal")

    def prune(self, place: str | None) -> Done:
        """See `Stages`."""
        from litelift.backup.prune import prune
        from litelift.backup.subject import label_of, settings_of, store_of

        if place is not None:
            return self._prune_there(place)
        done = prune(store_of(self.what, self.folder), settings_of(self.what).keep, project=label_of(self.what))
        if done.failed:
            raise LiteliftError(message="; ".join(f"{one.name}: {one.failure}" for one in done.failed))
        notes = [*done.concerns, *([f"the history: {done.unrecorded}"] if done.unrecorded else [])]
        return Done(f"{count(len(done.removed), 'backup')} removed, {size(done.freed)}", notes)

    def _prune_there(self, place: str) -> Done:
        from litelift.backup.cold.copying import prune_copies
        from litelift.backup.cold.link import Link
        from litelift.backup.cold.place import place_named
        from litelift.backup.subject import label_of, settings_of, store_of

        store, there = store_of(self.what, self.folder), place_named(settings_of(self.what), place)
        with Link(there, self.on_sign) as link:
            pruned = prune_copies(link, store, project=label_of(self.what))
        return Done(f"{count(len(pruned.removed), 'copy', 'copies')} removed, {size(pruned.bytes)}")

    def _subject(self) -> Subject:
        from litelift.backup.subject import subject

        return subject(self.what, self.folder)
