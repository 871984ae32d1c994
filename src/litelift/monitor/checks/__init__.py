"""Every check, a module for each group; they are told in this order."""

from __future__ import annotations

from litelift.monitor.check import Check
from litelift.monitor.checks import (
    activity,
    backups,
    containers,
    disks,
    health,
    machine,
    move,
    normal,
    redis,
    replication,
    schema,
    server,
    storage,
    upkeep,
    watch,
)

CHECKS: tuple[Check, ...] = (
    *server.CHECKS,
    *normal.CHECKS,
    *activity.CHECKS,
    *storage.CHECKS,
    *upkeep.CHECKS,
    *replication.CHECKS,
    *move.CHECKS,
    *schema.CHECKS,
    *backups.CHECKS,
    *disks.CHECKS,
    *machine.CHECKS,
    *containers.CHECKS,
    *redis.CHECKS,
    *health.CHECKS,
    *watch.CHECKS,
)
