"""A note beside the source of where its unfinished move goes, so that --resume needs no target.

It is a convenience: what was moved stands in the target's journal alone.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from litelift.atomic import PRIVATE, write_whole
from litelift.folder import folder_beside


def _place(path: Path) -> Path:
    return folder_beside(path.absolute()) / "unfinished.json"


def _note(path: Path) -> dict[str, Any]:
    """What was noted; nothing where there is no note, or something else."""
    try:
        content = json.loads(_place(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def remember(path: Path, target: str, run: str) -> None:
    """Note the target's URL, without a password, of a source's move. Where that cannot be written, there is no note."""
    place = _place(path)
    with suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        write_whole(place, json.dumps({"target": target, "run": run}), mode=PRIVATE)


def remembered(path: Path) -> str | None:
    """The target of a source's unfinished move, if it was noted."""
    target = _note(path).get("target")
    return target if isinstance(target, str) else None


def forget(path: Path, run: str) -> None:
    """Remove the note of a run, and its folder if nothing else is in it."""
    place = _place(path)
    if place.exists() and _note(path).get("run") != run:
        return
    with suppress(OSError):
        place.unlink(missing_ok=True)
        # What a kill in the middle of writing has left.
        for part in place.parent.glob(f".{place.name}.*.part"):
            part.unlink()
        place.parent.rmdir()
