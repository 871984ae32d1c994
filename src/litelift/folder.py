"""Where litelift keeps what belongs to a source: the embedded server, the report, the note of an unfinished move."""

from __future__ import annotations

from pathlib import Path

_SUFFIX = ".litelift"


def folder_beside(source: Path) -> Path:
    """The folder of a source, which need not be there: app.sqlite.litelift beside app.sqlite."""
    return Path(f"{source}{_SUFFIX}")


def source_beside(folder: Path) -> Path:
    """The source of such a folder."""
    return Path(str(folder).removesuffix(_SUFFIX))
