"""Writes the report's three files, each whole or not at all, and reads one back."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from litelift.atomic import no_more_readable_than, write_whole
from litelift.errors import RunNotFound
from litelift.report.render import render_html, render_json, render_markdown
from litelift.result import MigrationResult


def write_report(result: MigrationResult, folder: Path) -> list[Path]:
    """Write ``report.md``, ``report.html`` and ``report.json`` into ``folder``, made if need be; return their paths.

    All three are made before the first is written. They quote values of the source. Raises OSError.
    """
    contents = {
        "report.md": render_markdown(result),
        "report.html": render_html(result),
        "report.json": render_json(result),
    }
    folder.mkdir(parents=True, exist_ok=True)
    mode = no_more_readable_than(Path(result.source.path))
    for name, content in contents.items():
        write_whole(folder / name, content, mode=mode)
    return [folder / name for name in contents]


def read_report(path: Path) -> MigrationResult:
    """Read the result back from a ``report.json``, or from the folder that holds one.

    Raises RunNotFound where there is none, or where the file is something else.
    """
    file = path / "report.json" if path.is_dir() else path
    try:
        return MigrationResult.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, ValidationError) as error:
        raise RunNotFound(where=path) from error
