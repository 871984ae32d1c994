"""A user of ATİS: logs in by form and by JSON, reads and writes."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

SECONDS = 30.0
USER = "admin"
PASSWORD = "atis-2025"
"""Of every user that manage.py seed makes."""


class CheckFailed(Exception):
    """ATİS did not do what its user may expect; the message says what."""


class Client:
    """Asks ATİS at ``url``; ``headers`` go with every request."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.http = httpx.Client(base_url=url, timeout=SECONDS, headers=headers, follow_redirects=False)

    def __enter__(self) -> Self:
        """Nothing is asked yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Its connections are closed."""
        self.http.close()

    def expect(self, method: str, path: str, status: int, **words: Any) -> httpx.Response:
        """The answer, which must have this status. Raises CheckFailed."""
        try:
            answer = self.http.request(method, path, **words)
        except httpx.HTTPError as error:
            raise CheckFailed(f"{method} {path}: {error}") from error
        if answer.status_code != status:
            said = " ".join(answer.text.split())[:200]
            raise CheckFailed(f"{method} {path}: expected status {status}; got {answer.status_code}: {said}")
        return answer

    def health(self) -> dict[str, Any]:
        """What /api/health says, whatever its status. Raises CheckFailed."""
        try:
            found: dict[str, Any] = self.http.get("/api/health").json()
        except (httpx.HTTPError, ValueError) as error:
            raise CheckFailed(f"GET /api/health: {error}") from error
        return found

    def on(self, engine: str) -> None:
        """See that all is well, on this engine ("sqlite", "postgresql"). Raises CheckFailed."""
        found = self.health()
        _same("status", "ok", found.get("status"))
        _same("database.engine", engine, found["database"].get("engine"))

    def log_in(self, user: str = USER, password: str = PASSWORD) -> None:
        """By the form, with its CSRF token; the page behind it is reached. Raises CheckFailed."""
        page = self.expect("GET", "/login/", 200).text
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        if found is None:
            raise CheckFailed("/login/ has no CSRF token")
        form = {"csrfmiddlewaretoken": found[1], "username": user, "password": password, "next": "/surveys/"}
        answer = self.expect("POST", "/login/", 302, data=form)
        page = self.expect("GET", answer.headers["location"], 200).text
        if 'action="/logout/"' not in page:
            raise CheckFailed("after the login nobody is logged in")

    def log_in_by_json(self, user: str = USER, password: str = PASSWORD) -> None:
        """By JSON; the token goes with what is asked from now on. Raises CheckFailed."""
        answer = self.expect("POST", "/api/login", 200, json={"username": user, "password": password}).json()
        self.http.headers["Authorization"] = f"Bearer {answer['token']}"
        _same("username", user, self.expect("GET", "/api/me", 200).json()["username"])

    def make_survey(self, title: str) -> int:
        """A survey that stays; its id. Raises CheckFailed."""
        answer = self.expect("POST", "/api/surveys", 201, json={"title": title, "budget": "1250.50"}).json()
        return int(answer["id"])

    def round_trip(self) -> None:
        """A survey is made, read, changed, read, removed, and gone. Raises CheckFailed."""
        title = f"Sınaq “ş, ə, İ, ı” {uuid4().hex[:8]}"
        given: dict[str, Any] = {"title": title, "questions": [{"text": "Neçə?", "məcburi": True}]}
        given |= {
            "deadline": "2026-01-15",
            "budget": "1999.90",
            "is_anonymous": True,
            "time_limit": "00:15:00",
            "status": "aktiv",
        }
        key = self.expect("POST", "/api/surveys", 201, json=given).json()["id"]
        path = f"/api/surveys/{key}"
        found = self.expect("GET", path, 200).json()
        for name, value in given.items():
            _same(name, value, found[name])
        self.expect("PUT", path, 200, json={"title": f"{title} 2", "status": "bağlı"})
        found = self.expect("GET", path, 200).json()
        _same("title", f"{title} 2", found["title"])
        _same("budget", "1999.90", found["budget"])
        self.expect("DELETE", path, 204)
        self.expect("GET", path, 404)

    def share(self) -> str:
        """The address of a new link share, made by the page's form. Raises CheckFailed."""
        title = f"Paylaşım {uuid4().hex[:8]}"
        survey = self.expect("GET", "/api/surveys?limit=1", 200).json()["results"][0]["id"]
        page = self.expect("GET", "/links/new/", 200).text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        form = {"csrfmiddlewaretoken": token[1] if token else "", "title": title, "survey": survey}
        self.expect("POST", "/links/new/", 302, data=form)
        page = self.expect("GET", "/links/", 200, params={"q": title}).text
        found = re.search(r'href="(/s/[\w-]+)"', page)
        if found is None:
            raise CheckFailed("a link share that was made is not in the list")
        return found[1]

    def visit(self, share: str) -> int:
        """Open a link share; how many visits it counts, this one with them. Raises CheckFailed."""
        found = re.search(r'id="visits">(\d+)<', self.expect("GET", share, 200).text)
        if found is None:
            raise CheckFailed(f"{share} does not say how often it was opened")
        return int(found[1])

    def scripts(self) -> dict[str, str]:
        """The scripts that the built frontend loads, by their addresses. Raises CheckFailed."""
        found = re.findall(r'<script[^>]+src="([^"]+)"', self.expect("GET", "/app/", 200).text)
        return {path: self.expect("GET", path, 200).text for path in found}

    def prove(self, engine: str) -> None:
        """Both logins, a round trip, and a visit that counts, on this engine. Raises CheckFailed."""
        self.on(engine)
        self.http.headers.pop("Authorization", None)
        self.log_in()
        share = self.share()
        _same("visits", 1, self.visit(share))
        _same("visits", 2, self.visit(share))
        self.log_in_by_json()
        self.round_trip()


def _same(name: str, expected: object, got: object) -> None:
    if expected != got:
        raise CheckFailed(f"{name}: expected {expected!r}; got {got!r}")
