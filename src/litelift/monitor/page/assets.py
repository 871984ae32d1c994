"""The page's static files, and what a browser may load with it: nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of every page."""
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, which may be kept for ever under the address that has its hash."""

    content: bytes
    media_type: str
    hash: str = field(init=False)
    """Of its content."""

    def __post_init__(self) -> None:
        """Sum the content up."""
        object.__setattr__(self, "hash", hashlib.sha256(self.content).hexdigest()[:16])


def _read() -> dict[str, Asset]:
    found = sorted((files(__package__) / "static").iterdir(), key=lambda file: file.name)
    return {file.name: Asset(file.read_bytes(), _TYPES[file.name.rpartition(".")[2]]) for file in found}


ASSETS: Mapping[str, Asset] = _read()
"""By name."""


def address(name: str) -> str:
    """Where a page finds it: "static/page.css?v=..."."""
    return f"static/{name}?v={ASSETS[name].hash}"
