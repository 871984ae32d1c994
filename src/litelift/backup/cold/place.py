"""A place that backups are copied to, with the secrets that open it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from litelift.backup.settings import Backup, Copy, Keep
from litelift.errors import ColdStorageUnusable
from litelift.redact import text as redact

PATHS = ("file", "local")


@dataclass(frozen=True, slots=True)
class Place:
    """Where copies lie."""

    name: str
    """As it is called in what is told."""
    url: str
    """Without a password."""
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    """What fsspec's file system takes; secrets among it."""
    part_bytes: int = 64 << 20
    keep: Keep = field(default_factory=Keep)

    @property
    def protocol(self) -> str:
        """As fsspec has it: "s3", "sftp", "file"."""
        return self.url.partition("://")[0].lower() if "://" in self.url else "file"

    @property
    def full_url(self) -> str:
        """The URL, also where only a path was given."""
        return self.url if "://" in self.url else f"file://{self.url}"

    def __str__(self) -> str:
        """The name, and the URL where that says more."""
        return self.name if self.name == self.url else f"{self.name} ({self.url})"


def place_of(copy: Copy, environment: Mapping[str, str] = os.environ) -> Place:
    """The place of a ``[[backup.copy]]``. Raises ColdStorageUnusable where a variable that it names is not set."""
    options: dict[str, object] = dict(copy.options)
    for key, variable in copy.options_env.items():
        if variable not in environment:
            raise ColdStorageUnusable(
                place=copy.name, message=f"the environment variable {variable}, which holds its {key}, is not set"
            )
        options[key] = environment[variable]
    return Place(copy.name, copy.url, options, copy.part_bytes, copy.keep)


def place_named(settings: Backup, name: str) -> Place:
    """The place of a ``[[backup.copy]]``, by its name. Raises ColdStorageUnusable."""
    for copy in settings.copy_to:
        if copy.name == name:
            return place_of(copy)
    known = ", ".join(copy.name for copy in settings.copy_to) or "none"
    raise ColdStorageUnusable(place=name, message=f"no [[backup.copy]] has that name; there are: {known}")


def place_at(url: str, options: Mapping[str, str | bool], options_env: Mapping[str, str]) -> Place:
    """The place at a URL, or the path of a folder, that is in no litelift.toml. Raises ColdStorageUnusable.

    Args:
        url: as ``[[backup.copy]]`` takes it; a path may be relative.
        options: what fsspec's file system takes.
        options_env: the same, each value being the name of an environment variable.
    """
    where = url if "://" in url else os.path.abspath(url)  # noqa: PTH100
    shown = redact(where)
    try:
        copy = Copy(name=shown, url=where, options={**options}, options_env={**options_env})
    except ValidationError as error:
        said = "; ".join(str(each.get("ctx", {}).get("said", each["msg"])) for each in error.errors())
        raise ColdStorageUnusable(place=shown, message=said) from None
    return place_of(copy)
