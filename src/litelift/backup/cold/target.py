"""An open connection to a place: the few things that a copy asks of a file system."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from litelift.backup.cold.index import BLOCK
from litelift.backup.cold.trouble import is_lost
from litelift.errors import BackupDamaged

PART = ".part"


@dataclass(frozen=True, slots=True)
class Stat:
    """What the server says of an object."""

    bytes: int
    md5: str | None = None
    """Of what it has stored; None where it does not say, or it may be something else."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a local file."""

    path: Path
    offset: int
    size: int
    """In bytes."""

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Them, ``size`` at a time. Raises BackupDamaged where they cannot be read."""
        try:
            with self.path.open("rb", buffering=BLOCK) as file:
                file.seek(self.offset)
                left = self.size
                while left and (data := file.read(min(size, left))):
                    left -= len(data)
                    yield data
        except OSError as error:
            raise BackupDamaged(name=self.path.parent.name, message=f"{self.path.name}: {error.strerror}") from error


class Target(ABC):
    """A place, connected. Names are relative to its root, with slashes. Whatever the file system raises passes."""

    def __init__(self, fs: Any, root: str) -> None:
        """``fs``: of fsspec. ``root``: the folder of the copies, as ``fs`` has it."""
        self.fs, self.root = fs, root.rstrip("/") or "/"

    def at(self, name: str) -> str:
        """The path of an object."""
        return f"{self.root.rstrip('/')}/{name}"

    @abstractmethod
    def check(self) -> None:
        """Raises FileNotFoundError where the root is not there."""

    @abstractmethod
    def folders(self) -> list[str]:
        """The names of the folders in the root."""

    @abstractmethod
    def objects(self, folder: str) -> dict[str, int]:
        """The bytes of every object in a folder, by its name relative to it."""

    @abstractmethod
    def write(self, name: str, source: Window | bytes) -> None:
        """Make an object, whole or not at all; one of that name is replaced."""

    def stat(self, name: str) -> Stat | None:
        """What the server says of an object; None where there is none."""
        try:
            return Stat(int(self.fs.info(self.at(name))["size"]))
        except FileNotFoundError:
            return None

    def read(self, name: str, size: int) -> Iterator[bytes]:
        """The content of an object of ``size`` bytes."""
        with self.fs.open(self.at(name), "rb") as file:
            while data := file.read(BLOCK):
                yield data

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with suppress(FileNotFoundError):
            self.fs.rm_file(self.at(name))

    def remove_folder(self, name: str) -> None:
        """Remove a folder that holds no object; nothing where folders are only names."""
        return

    def close(self) -> None:
        """End the connection, where there is one."""
        return


class Objects(Target):
    """An object store: what is written is there whole or not at all, and folders are only names."""

    def check(self) -> None:
        """See `Target`. The bucket has to be there; the folder in it comes with its first object."""
        self.fs.invalidate_cache()
        self.fs.ls(self.root.strip("/").partition("/")[0], detail=False)

    def folders(self) -> list[str]:
        """See `Target`."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.root, detail=True)
        except FileNotFoundError:
            return []
        return [_leaf(entry) for entry in found if entry["type"] == "directory"]

    def objects(self, folder: str) -> dict[str, int]:
        """See `Target`."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.find(self.at(folder), detail=True)
        except FileNotFoundError:
            return {}
        start = self.at(folder).strip("/") + "/"
        named = {str(path).strip("/"): int(entry["size"]) for path, entry in found.items()}
        return {path.removeprefix(start): size for path, size in named.items() if path.startswith(start)}

    def stat(self, name: str) -> Stat | None:
        """See `Target`."""
        self.fs.invalidate_cache()
        return super().stat(name)

    def write(self, name: str, source: Window | bytes) -> None:
        """See `Target`. It is held in memory meanwhile."""
        self.put(self.at(name), source if isinstance(source, bytes) else b"".join(source.blocks()))

    def put(self, path: str, data: bytes) -> None:
        """Make an object."""
        self.fs.pipe_file(path, data)

    def read(self, name: str, size: int) -> Iterator[bytes]:
        """See `Target`."""
        step = 16 * BLOCK
        for start in range(0, size, step):
            yield self.fs.cat_file(self.at(name), start=start, end=min(start + step, size))


class Files(Target):
    """A file system with folders: what is written has another name until it is whole."""

    def __init__(self, fs: Any, root: str) -> None:
        """See `Target`."""
        super().__init__(fs, root)
        self.made: set[str] = set()

    def check(self) -> None:
        """See `Target`."""
        if self.fs.info(self.root)["type"] not in ("directory", "link"):
            raise NotADirectoryError(20, "it is not a folder", self.root)

    def folders(self) -> list[str]:
        """See `Target`."""
        return [_leaf(entry) for entry in self._entries(self.root) if entry["type"] == "directory"]

    def objects(self, folder: str) -> dict[str, int]:
        """See `Target`."""
        found = {}
        for entry in self._entries(self.at(folder)):
            if entry["type"] == "directory":
                inner = self.objects(f"{folder}/{_leaf(entry)}")
                found.update({f"{_leaf(entry)}/{name}": size for name, size in inner.items()})
            else:
                found[_leaf(entry)] = int(entry["size"])
        return found

    def write(self, name: str, source: Window | bytes) -> None:
        """See `Target`."""
        folder, _, leaf = name.rpartition("/")
        self._make(folder)
        part = self.at(f"{folder}/.{leaf}{PART}")
        try:
            self.send(part, source)
            self.rename(part, self.at(name))
        except OSError as error:
            if not is_lost(error):
                with suppress(Exception):
                    self.fs.rm_file(part)
            raise

    def send(self, path: str, source: Window | bytes) -> None:
        """Write a file."""
        with self.fs.open(path, "wb") as file:
            for data in [source] if isinstance(source, bytes) else source.blocks():
                file.write(data)
            self.settle(file)

    def settle(self, file: IO[bytes]) -> None:
        """Have what was written to a file survive a power cut, where that can be asked for."""

    def rename(self, path: str, new: str) -> None:
        """Give a file another name; one that has it is replaced."""
        self.fs.mv(path, new)

    def make_folder(self, path: str) -> None:
        """Make a folder, for its owner alone where that can be said."""
        self.fs.mkdir(path, create_parents=False)

    def remove_folder(self, name: str) -> None:
        """See `Target`."""
        for entry in self._entries(self.at(name)):
            if entry["type"] == "directory":
                self.remove_folder(f"{name}/{_leaf(entry)}")
        with suppress(FileNotFoundError):
            self.fs.rmdir(self.at(name))
        self.made.discard(name)

    def _make(self, folder: str) -> None:
        if not folder or folder in self.made:
            return
        self._make(folder.rpartition("/")[0])
        # Not exists(): that takes a lost connection for "no".
        try:
            self.fs.info(self.at(folder))
        except FileNotFoundError:
            self.make_folder(self.at(folder))
        self.made.add(folder)

    def _entries(self, path: str) -> list[dict[str, Any]]:
        try:
            return list(self.fs.ls(path, detail=True))
        except FileNotFoundError:
            return []


class Paths(Files):
    """A folder of this machine: a mounted disk, say."""

    def check(self) -> None:
        """See `Target`."""
        if not Path(self.root).is_dir():
            raise FileNotFoundError(2, "there is no such folder", self.root)

    def make_folder(self, path: str) -> None:
        """See `Files`."""
        Path(path).mkdir(mode=0o700)

    def send(self, path: str, source: Window | bytes) -> None:
        """See `Files`."""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            for data in [source] if isinstance(source, bytes) else source.blocks():
                file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, path: str, new: str) -> None:
        """See `Files`."""
        Path(path).replace(new)


def _leaf(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]
