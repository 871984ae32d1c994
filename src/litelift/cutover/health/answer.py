"""An answer of HTTP, and how its address is told; whoever has asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

HOPS = 10
"""Redirects that are followed."""
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end."""

    status: int
    url: str
    """Where it came from, redirects followed."""
    headers: Mapping[str, str]
    """Whatever case their names are asked for in."""
    body: bytes
    milliseconds: float
    """From the first request to the last byte, redirects with it."""

    @property
    def text(self) -> str:
        """The body as text; what is not of its encoding is replaced."""
        charset = self.headers.get("content-type", "").lower().partition("charset=")[2].split(";")[0].strip("\"' ")
        try:
            return self.body.decode(charset or "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    @property
    def is_html(self) -> bool:
        """Whether it says so, or looks so where it says nothing."""
        kind = self.headers.get("content-type", "").lower()
        return "html" in kind if kind else self.body.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))


def origin(url: str | SplitResult) -> tuple[str, str, int]:
    """Scheme, host and port."""
    found = urlsplit(url) if isinstance(url, str) else url
    return found.scheme, (found.hostname or "").lower(), found.port or (443 if found.scheme == "https" else 80)


def shown(url: str) -> str:
    """An address as it is told: without a user, and without a query, for that may hold a token."""
    found = urlsplit(url)
    query = "?..." if found.query else ""
    return f"{found.scheme}://{found.netloc.rpartition('@')[2]}{found.path}{query}"


def loop(seen: list[str]) -> str:
    """The addresses of a loop, from its first."""
    first = seen.index(seen[-1]) if seen.count(seen[-1]) > 1 else max(0, len(seen) - 4)
    around = seen[first:][:4]
    return " → ".join(shown(url) for url in around) + " → ..."
