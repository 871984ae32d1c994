"""In which language somebody is answered."""

from __future__ import annotations

from starlette.requests import Request

from litelift.monitor.words import LANGUAGES, Language

COOKIE = "litelift_language"
PARAMETER = "language"


def asked(request: Request) -> Language | None:
    """The one that the address names."""
    return _known(request.query_params.get(PARAMETER, ""))


def language_of(request: Request) -> Language:
    """What the address says, what was chosen before, what the browser prefers; else English."""
    return asked(request) or _known(request.cookies.get(COOKIE, "")) or _preferred(request) or "en"


def _preferred(request: Request) -> Language | None:
    found = []
    for part in request.headers.get("accept-language", "").split(","):
        name, _, weight = part.strip().partition(";q=")
        known = _known(name.partition("-")[0].lower())
        try:
            found.append((float(weight or 1), known))
        except ValueError:
            continue
    # The first of those of one weight (RFC 9110, section 12.5.4).
    best = max((one for one in found if one[1] is not None and one[0] > 0), key=lambda one: one[0], default=None)
    return best[1] if best is not None else None


def _known(name: str) -> Language | None:
    return next((one for one in LANGUAGES if one == name), None)
