"""Whether ATİS can work."""

from typing import Any

from django.db import Error, connection

from atis import VERSION
from school.maintenance import closed
from school.models import Region


def health() -> dict[str, Any]:
    """What /api/health says."""
    try:
        Region.objects.exists()
        status = "ok"
    except Error:
        status = "error"
    database = {"engine": connection.vendor, "status": status}
    return {"status": status, "version": VERSION, "database": database, "maintenance": closed()}
