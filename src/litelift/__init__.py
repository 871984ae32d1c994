"""litelift moves a production application from SQLite to PostgreSQL and proves that nothing was lost."""

from __future__ import annotations

__version__ = "0.1.0"

from litelift.errors import LiteliftError
from litelift.move.run import migrate
from litelift.move.verify import verify
from litelift.plan.file import PlanFile, read_plan
from litelift.result import MigrationResult, Proof

__all__ = ["LiteliftError", "MigrationResult", "PlanFile", "Proof", "__version__", "migrate", "read_plan", "verify"]
