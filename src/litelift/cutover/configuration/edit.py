"""One file of configuration: how it will be, and how it was."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from litelift.cutover.configuration import database_yml, dotenv, redacted
from litelift.cutover.configuration.words import filled
from litelift.cutover.settings import Environment, Runbook
from litelift.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """A file that ``[[environment]]`` names; of several tables for one file, each is a part."""

    name: str
    """As the runbook has it."""
    path: Path
    """The file itself: a link to it stays a link."""
    parts: Sequence[Environment]

    @classmethod
    def switched(cls, name: str, path: Path, places: Sequence[Mapping[str, Any]]) -> Self:
        """The file again, from what ``places`` gave when it was switched: its old lines are known, no new values."""
        parts = [Environment(file=name, kind=p["kind"], section=p["section"], remove=p["keys"]) for p in places]
        return cls(name, path, parts)

    def places(self) -> list[dict[str, Any]]:
        """Which keys of it the runbook changes, without their values."""
        return [{"kind": p.kind, "section": p.section, "keys": [*p.set, *p.remove]} for p in self.parts]

    @property
    def keys(self) -> list[str]:
        """All the keys that the runbook changes."""
        return [key for part in self.parts for key in (*part.set, *part.remove)]

    def read(self) -> bytes:
        """What it holds now. Raises ConfigurationError."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise ConfigurationError(path=self.name, message=f"cannot be read: {error.strerror}") from None

    def edited(self, content: bytes, words: Mapping[str, str]) -> bytes:
        """How ``content`` will be, for a login of these words. Raises ConfigurationError, MissingPart."""
        text = _text(content)
        for part in self.parts:
            new = {key: filled(value, words) for key, value in part.set.items()}
            try:
                if part.kind == "env":
                    text = dotenv.edited(text, new, part.remove)
                else:
                    text = database_yml.edited(text, part.section, new, part.remove)
            except ValueError as error:
                raise ConfigurationError(path=self.name, message=str(error)) from None
        return _bytes(text)

    def restored(self, content: bytes, old: bytes) -> bytes:
        """``content`` with the runbook's keys as they stand in ``old``. Raises ConfigurationError."""
        text = _text(content)
        for part in self.parts:
            keys = [*part.set, *part.remove]
            try:
                if part.kind == "env":
                    text = dotenv.restored(text, _text(old), keys)
                else:
                    text = database_yml.restored(text, _text(old), part.section, keys)
            except ValueError as error:
                raise ConfigurationError(path=self.name, message=str(error)) from None
        return _bytes(text)

    def wrong(self, content: bytes, words: Mapping[str, str]) -> list[str]:
        """The keys that ``content`` does not have as the runbook says."""
        found = []
        for part in self.parts:
            text = _text(content)
            there = dotenv.values(text) if part.kind == "env" else database_yml.values(text, part.section)
            found += [key for key, value in part.set.items() if there.get(key) != filled(value, words)]
            found += [key for key in part.remove if key in there]
        return found

    def diff(self, before: bytes, after: bytes, secrets: Sequence[str] = ()) -> list[str]:
        """The changed lines without secrets."""
        return redacted.diff(_shown(before), _shown(after), secrets)


def files_of(runbook: Runbook) -> list[ConfigurationFile]:
    """The files that the runbook switches, in its order."""
    parts: dict[Path, list[Environment]] = {}
    for part in runbook.environment:
        parts.setdefault((runbook.folder / part.file).resolve(), []).append(part)
    return [ConfigurationFile(of[0].file, path, of) for path, of in parts.items()]


def checksum(content: bytes) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _text(content: bytes) -> str:
    # Bytes that are not UTF-8 come back as they were.
    return content.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _shown(content: bytes) -> str:
    return content.decode("utf-8", "replace")
