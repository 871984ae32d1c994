"""Logging in and out, and who is logged in."""

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, JsonResponse

from school.api.access import Refused, api, body_of
from school.health import health as measured
from school.models import ApiToken, User


@api("GET", public=True)
def health(request: HttpRequest) -> HttpResponse:
    """GET /api/health: 200, or 503 where something does not work."""
    said = measured()
    return JsonResponse(said, status=200 if said["status"] == "ok" else 503, headers={"Cache-Control": "no-store"})


@api("POST", public=True)
def sign_in(request: HttpRequest) -> HttpResponse:
    """POST /api/login {username, password}: a token, and a session."""
    body = body_of(request)
    user = authenticate(request, username=str(body.get("username", "")), password=str(body.get("password", "")))
    if user is None:
        raise Refused(401, "Ad və ya parol səhvdir.")
    login(request, user)
    return JsonResponse({"token": ApiToken.make(user), "user": _shown(user)})


@api("POST")
def sign_out(request: HttpRequest) -> HttpResponse:
    """POST /api/logout."""
    logout(request)
    return HttpResponse(status=204)


@api("GET")
def me(request: HttpRequest) -> HttpResponse:
    """GET /api/me."""
    return JsonResponse(_shown(request.user))


def _shown(user: User) -> dict[str, object]:
    return {"id": user.pk, "username": user.username, "name": user.full_name, "role": user.role}
