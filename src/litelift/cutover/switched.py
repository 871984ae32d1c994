"""Whether the application's configuration may name PostgreSQL already, also where the switch was cut off."""

from __future__ import annotations

from pathlib import Path

from litelift.cutover.configuration.edit import checksum
from litelift.cutover.context import Context

SWITCH = "switch"


def replaced(context: Context) -> bool:
    """Whether the switch is made, or was cut off when it had changed a file: the application may be on PostgreSQL."""
    last = context.journal.last(SWITCH)
    if last != "started":
        return last in ("done", "undoing")
    for known in context.facts(SWITCH).get("files", []):
        path = Path(known["path"])
        # Keeping comes first.
        kept = context.folder / known["kept"]
        if kept.exists() and not (path.is_file() and checksum(path.read_bytes()) == known["before"]):
            return True
    return False
