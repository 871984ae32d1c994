"""Whether ATİS can work: its database, its cache, and how long each takes to answer."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection

from atis import VERSION
from school.maintenance import closed


def health() -> dict[str, Any]:
    """What /api/health says; "status" is "ok" where everything that is set up works."""
    database = {"engine": connection.vendor, **_measured(_database)}
    redis = _measured(_redis) if settings.REDIS_URL else {"status": "off"}
    good = database["status"] == "ok" and redis["status"] != "error"
    return {
        "status": "ok" if good else "error",
        "version": VERSION,
        "database": database,
        "redis": redis,
        "maintenance": closed(),
    }


def _measured(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        found = look()
    # A client library's errors have no common class, and every one of them means: it does not work.
    except Exception as error:
        return {"status": "error", "error": type(error).__name__}
    return {"status": "ok", **found, "latency_ms": round((time.perf_counter() - began) * 1000, 2)}


def _database() -> dict[str, Any]:
    sql = "select sqlite_version()" if connection.vendor == "sqlite" else "show server_version"
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from school_region")
        if cursor.fetchone() is None:
            raise Error("no answer")
        cursor.execute(sql)
        return {"version": cursor.fetchone()[0].split()[0]}


def _redis() -> dict[str, Any]:
    cache.set("health", "ok", 10)
    if cache.get("health") != "ok":
        raise ValueError("what was set is not there")
    return {}
