"""Writes the report's three files, each whole or not at all, and reads one back."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from pydantic import ValidationError

from litelift.errors import RunNotFound
from litelift.report.render import render_html, render_json, render_markdown
from litelift.result import MigrationResult

MODE = 0o644


def write_report(result: MigrationResult, folder: Path) -> list[Path]:
    """Write ``report.md``, ``report.html`` and ``report.json`` into ``folder``, made if need be; return their paths.

    All three are made before the first is written. A reader sees an old file or a new one, never a part; where
    writing fails, the old file stays. Raises OSError.
    """
    contents = {
        "report.md": render_markdown(result),
        "report.html": render_html(result),
        "report.json": render_json(result),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        _write(folder / name, content)
    return [folder / name for name in contents]


def _write(path: Path, content: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)
            file.flush()
            # mkstemp makes files that only their owner can read.
            os.fchmod(file.fileno(), MODE)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_report(path: Path) -> MigrationResult:
    """Read the result back from a ``report.json``, or from the folder that holds one.

    Raises RunNotFound where there is none, or where the file is something else.
    """
    file = path / "report.json" if path.is_dir() else path
    try:
        return MigrationResult.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, ValidationError) as error:
        raise RunNotFound(where=path) from error
