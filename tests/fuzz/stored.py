"""One SQLite file for the targets that read values by both paths."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from litelift.compiled import native
from test_native_codecs import Store


@cache
def store() -> Store | None:
    """The file, open; None without the compiled path."""
    if native() is None:
        return None
    return Store(Path(tempfile.mkdtemp(prefix="litelift-fuzz-")) / "values.sqlite")
