"""What of the schema does not do its work, or is of no use."""

from __future__ import annotations

from litelift.monitor.checks import schema_indexes, schema_triggers

CHECKS = (*schema_indexes.CHECKS, *schema_triggers.CHECKS)
