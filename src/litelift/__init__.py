"""litelift moves a production application from SQLite to PostgreSQL and proves that nothing was lost."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from litelift.errors import LiteliftError
    from litelift.move.removal import undo
    from litelift.move.run import migrate
    from litelift.move.verify import verify
    from litelift.plan.file import PlanFile, read_plan
    from litelift.preflight.check import check
    from litelift.preflight.findings import CheckResult, Finding
    from litelift.result import MigrationResult, Proof, UndoResult

__all__ = [
    "CheckResult",
    "Finding",
    "LiteliftError",
    "MigrationResult",
    "PlanFile",
    "Proof",
    "UndoResult",
    "__version__",
    "check",
    "migrate",
    "read_plan",
    "undo",
    "verify",
]

_PLACES = {
    "CheckResult": "litelift.preflight.findings",
    "Finding": "litelift.preflight.findings",
    "LiteliftError": "litelift.errors",
    "MigrationResult": "litelift.result",
    "PlanFile": "litelift.plan.file",
    "Proof": "litelift.result",
    "UndoResult": "litelift.result",
    "check": "litelift.preflight.check",
    "migrate": "litelift.move.run",
    "read_plan": "litelift.plan.file",
    "undo": "litelift.move.removal",
    "verify": "litelift.move.verify",
}


def __getattr__(name: str) -> Any:
    # Each with its first use (PEP 562): the whole takes longer to import than a small command to run.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
