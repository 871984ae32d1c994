"""Maintenance: closed for everyone but the health check, and whoever has the key, while a file is there."""

import hmac
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

RETRY_SECONDS = 120
PAGE = Path(__file__).parent / "templates" / "maintenance.html"
"""A page without anything from elsewhere: nginx shows it too, while gunicorn is stopped."""


def closed() -> bool:
    """Whether the application is closed now."""
    return settings.MAINTENANCE_FLAG.exists()


class MaintenanceMiddleware:
    """Answers 503 before anything else looks at the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer of the application, or 503."""
        if request.path == "/api/health" or not closed() or _has_key(request):
            return self.get_response(request)
        headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
        if request.path.startswith("/api/"):
            return JsonResponse({"error": "Sistem texniki xidmətdədir."}, status=503, headers=headers)
        return HttpResponse(PAGE.read_bytes(), status=503, headers=headers)


def _has_key(request: HttpRequest) -> bool:
    key = settings.MAINTENANCE_KEY
    sent = request.headers.get("X-Maintenance-Key", "")
    return bool(key) and hmac.compare_digest(sent.encode(), key.encode())
