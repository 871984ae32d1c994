"""The SQLite databases of a project's folder, by what they are and not by how they are called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from litelift.sqlite.header import MAGIC

_NOT_ITS_OWN = {"node_modules", "vendor", "site-packages", "__pycache__", "venv", "env"}
"""Beside those that begin with a dot."""
_STATE = "journal.jsonl"
_DEEPEST = 8
_URL = re.compile(r"(?:sqlite3?(?:\+\w+)?|file):(?P<path>[^?#]*)", re.IGNORECASE)


def is_database(path: Path) -> bool:
    """Whether the file begins as a SQLite database does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def databases(folder: Path) -> list[Path]:
    """The folder's databases, the largest first; not those of libraries, of caches, or that a run of litelift kept."""
    found = [path for path in _files(folder) if is_database(path)]
    return sorted(found, key=lambda path: (-path.stat().st_size, path))


def named(words: str, *folders: Path) -> Path | None:
    """The file that a setting names: a path, or a URL such as sqlite:///db.sqlite3 or file:./dev.db.

    A relative one is of the first of ``folders`` that has it. None: it names no file.
    """
    url = _URL.match(words)
    path = unquote(url["path"]) if url else words
    names = [path]
    if url and path.startswith("//"):
        # sqlite:///relative and sqlite:////absolute (SQLAlchemy, dj-database-url); file:///absolute (RFC 8089).
        host, _, tail = path[2:].partition("/")
        names = [path[2:]] if host else [tail, f"/{tail}"]
    return next(
        (
            place.resolve()
            for name in names
            if name.strip("/") and "://" not in name and "\0" not in name
            for folder in folders
            if (place := folder / name).is_file()
        ),
        None,
    )


def pointing(env: Mapping[str, str], *folders: Path) -> dict[str, Path]:
    """The keys of a .env that name a SQLite database, and the database."""
    found = {}
    for key, value in env.items():
        path = named(value, *folders) if value else None
        if path is not None and is_database(path):
            found[key] = path
    return found


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        here = Path(place)
        depth = len(here.relative_to(folder).parts)
        folders[:] = [
            name
            for name in folders
            if depth < _DEEPEST
            and not name.startswith(".")
            and name not in _NOT_ITS_OWN
            and not _kept_by_litelift(here / name)
        ]
        yield from (here / name for name in names if (here / name).is_file() and not (here / name).is_symlink())


def _kept_by_litelift(folder: Path) -> bool:
    return (folder / _STATE).exists()
