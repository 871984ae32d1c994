"""Writes the report's three files, each whole or not at all, and reads one back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from secrets import token_hex

from pydantic import ValidationError

from litelift.errors import RunNotFound
from litelift.report.render import render_html, render_json, render_markdown
from litelift.result import MigrationResult


def write_report(result: MigrationResult, folder: Path) -> list[Path]:
    """Write ``report.md``, ``report.html`` and ``report.json`` into ``folder``, made if need be; return their paths.

    All three are made before the first is written. They quote values of the source: see `write_whole`. Raises OSError.
    """
    contents = {
        "report.md": render_markdown(result),
        "report.html": render_html(result),
        "report.json": render_json(result),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_whole(folder / name, content, Path(result.source.path))
    return [folder / name for name in contents]


def write_whole(path: Path, content: str, source: Path) -> None:
    """Write a file that quotes values of ``source``: it is no more readable than that, from its first byte on.

    A reader sees an old file or a new one, never a part; where writing fails, the old file stays. Raises OSError.
    """
    part = path.with_name(f".{path.name}.{token_hex(4)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _mode(source))
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _mode(source: Path) -> int:
    """Of a new file, less the umask: readable for its owner, and for whom the source is; not where it is gone."""
    try:
        return 0o600 | source.stat().st_mode & 0o044
    except OSError:
        return 0o600


def read_report(path: Path) -> MigrationResult:
    """Read the result back from a ``report.json``, or from the folder that holds one.

    Raises RunNotFound where there is none, or where the file is something else.
    """
    file = path / "report.json" if path.is_dir() else path
    try:
        return MigrationResult.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, ValidationError) as error:
        raise RunNotFound(where=path) from error
