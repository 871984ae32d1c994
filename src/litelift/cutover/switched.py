"""Whether the application's configuration may name PostgreSQL already, also where the switch was cut off."""

from __future__ import annotations

from pathlib import Path

from litelift.cutover.configuration.edit import checksum
from litelift.cutover.context import Context

SWITCH = "switch"


def replaced(context: Context) -> bool:
    """Whether a file that the switch replaces is not as it was before: the application may be on PostgreSQL.

    The files say it, for the journal may not: the switch was cut off, or the disk had no room for the way back's lines.
    """
    last = context.journal.last(SWITCH)
    if last in (None, "undone"):
        return False
    files = context.facts(SWITCH).get("files", [])
    if last != "started" and all(known["before"] == known["after"] for known in files):
        return True
    for known in files:
        path = Path(known["path"])
        # Keeping comes first.
        kept = context.folder / known["kept"]
        if kept.exists() and not (path.is_file() and checksum(path.read_bytes()) == known["before"]):
            return True
    return False
