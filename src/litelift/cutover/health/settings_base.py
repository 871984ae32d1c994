"""What every ``[[health]]`` has, and what those with a password or an address have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, model_validator

from litelift.tomlfile.section import Section, about

When = Literal["before", "after"]

_NOT_HERE = (
    "a password does not belong in this file: name the environment variable that holds it, "
    'password_env = "NAME", or a file that only its owner reads, password_file = "PATH" (chmod 600)'
)


class Check(Section):
    """What every kind of check has."""

    name: str
    """How it is called in what is told; no two are alike."""
    when: tuple[When, ...] = Field(default=("before", "after"), strict=False)
    """Before the move, on SQLite, as the baseline; after it, on PostgreSQL (and on SQLite again after a rollback)."""
    timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Seconds of one attempt, with all that it asks for."""
    retries: Annotated[int, Field(ge=0, le=1000)] = 5
    """Attempts after the first that failed."""
    pause: Annotated[float, Field(ge=0, le=600)] = 2.0
    """Seconds between attempts."""

    through_http: ClassVar[bool] = False
    """Whether the application's maintenance stands in its way."""

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        raise NotImplementedError


class Password(Check):
    """A check that logs in with a password, which is never in the file itself."""

    password_env: str | None = None
    """The environment variable that holds the password."""
    password_file: str | None = None
    """A file that holds the password, and that only its owner may read."""

    @model_validator(mode="before")
    @classmethod
    def _not_inline(cls, given: Any) -> Any:
        if isinstance(given, dict) and "password" in given:
            raise about("password", _NOT_HERE)
        return given

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.password_env is not None and self.password_file is not None:
            raise about("password_file", "the password has one place: password_env or password_file, not both")
        return self


def parts(url: str, *schemes: str) -> SplitResult:
    """The parts of an address. Raises ValueError, which does not repeat it, where it is none or holds a password."""
    example = f"{schemes[0]}://host"
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError:
        raise ValueError(f"expected an address such as {example}/; this one cannot be read") from None
    if found.password is not None or (found.username is not None and "http" in schemes):
        raise ValueError(f"an address with a password in it: {_NOT_HERE}")
    if found.scheme not in schemes or (not found.hostname and found.scheme != "unix") or port == 0:
        raise ValueError(f"expected an address that begins with {' or '.join(f'{word}://' for word in schemes)}")
    return found


def _http_url(url: str) -> str:
    parts(url, "http", "https")
    if any(character <= " " for character in url):
        raise ValueError("an address has no spaces; write %20")
    return url


HttpUrl = Annotated[str, AfterValidator(_http_url)]


def file_of(folder: Path, written: str) -> Path:
    """A path of the file: relative to the project's folder."""
    return folder / Path(written).expanduser()
