"""Who asks, and what every view of the API has in common."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_exempt

from school.models import ApiToken

View = Callable[..., HttpResponse]
LIMIT = 100


class Refused(Exception):
    """The request is answered with this status and message."""

    def __init__(self, status: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.content = {"error": message, **more}


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def api(*methods: str, public: bool = False) -> Callable[[View], View]:
    """A view of the API: these methods, JSON errors, and a user by token or session.

    A browser sends a session's cookie along with whatever another site makes it send, so a session needs the CSRF
    token as well; a token in a header does not.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                if request.method not in methods:
                    raise Refused(405, "Bu üsul yoxdur.", allowed=methods)
                if not public:
                    _authenticate(request)
                return view(request, *args, **kwargs)
            except Refused as refused:
                return JsonResponse(refused.content, status=refused.status)

        return wrapped

    return decorate


def _authenticate(request: HttpRequest) -> None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        user = ApiToken.owner(token.strip())
        if user is None:
            raise Refused(401, "Token yararsızdır.")
        request.user = user
        return
    if not request.user.is_authenticated:
        raise Refused(401, "Əvvəlcə daxil olun.")
    check = _Csrf(lambda request: HttpResponse())
    check.process_request(request)
    reason = check.process_view(request, None, (), {})
    if reason:
        raise Refused(403, f"CSRF: {reason}")


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent. Raises Refused."""
    if request.content_type != "application/json":
        raise Refused(415, "Gözlənilir: application/json")
    try:
        body = json.loads(request.body)
    except ValueError:
        raise Refused(400, "JSON oxunmur.") from None
    if not isinstance(body, dict):
        raise Refused(400, "Gözlənilir: JSON obyekti")
    return body


def page_of(request: HttpRequest, rows: Any) -> tuple[Any, int, int]:
    """A slice of a query set by ?limit= and ?offset=, and both. Raises Refused."""
    try:
        limit, offset = int(request.GET.get("limit", 20)), int(request.GET.get("offset", 0))
    except ValueError:
        raise Refused(400, "limit və offset tam ədəd olmalıdır.") from None
    limit, offset = max(1, min(limit, LIMIT)), max(0, offset)
    return rows[offset : offset + limit], limit, offset
