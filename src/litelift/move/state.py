"""A note beside the source of where its unfinished move goes, so that --resume needs no target.

It is a convenience: what was moved stands in the target's journal alone.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path


def _place(path: Path) -> Path:
    return Path(f"{path.absolute()}.litelift") / "unfinished.json"


def remember(path: Path, target: str, run: str) -> None:
    """Note the target's URL, without a password, of a source's move. Where that cannot be written, there is no note."""
    place = _place(path)
    with suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        part = place.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"target": target, "run": run}, file)
        part.replace(place)


def remembered(path: Path) -> str | None:
    """The target of a source's unfinished move, if it was noted."""
    try:
        content = json.loads(_place(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    target = content.get("target") if isinstance(content, dict) else None
    return target if isinstance(target, str) else None


def forget(path: Path, run: str) -> None:
    """Remove the note of a run, and its folder if nothing else is in it."""
    place = _place(path)
    with suppress(OSError, ValueError):
        content = json.loads(place.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("run") != run:
            return
        place.unlink()
        place.parent.rmdir()
