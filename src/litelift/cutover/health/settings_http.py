"""The kinds of ``[[health]]`` that go through HTTP: http, page, login, crud."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from litelift.cutover.health.settings_base import Check, HttpUrl, Password
from litelift.tomlfile.section import about

Status = Annotated[int, Field(ge=100, le=599)]
_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "x-api-key")


class HttpSettings(Check):
    """What all of these have."""

    url: HttpUrl
    """The address. A user and a password do not belong in it."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers that are sent, to this address's own host and port alone."""
    headers_env: dict[str, str] = Field(default_factory=dict)
    """Headers whose values are secret: each header's name, and the environment variable that holds its value."""
    verify: bool = True
    """Whether the server's TLS certificate must be trusted, and be this host's."""
    ca: str | None = None
    """A PEM file with the authority that signed the server's certificate, in place of the system's own list."""
    debug_pages: Literal["fail", "allow"] = "fail"
    """What a framework's page about an error of the program means, whatever its status is."""
    max_body_mb: Annotated[float, Field(gt=0, le=1000)] = 5.0
    """Megabytes of one answer that are read at most."""

    through_http: ClassVar[bool] = True

    @model_validator(mode="after")
    def _headers_agree(self) -> Self:
        for name, value in self.headers.items():
            if name.lower() in _SECRET_HEADERS:
                said = f'{name} is a secret: name a variable that holds it, headers_env = {{ {name} = "NAME" }}'
                raise about("headers", said)
            if not re.fullmatch(r"[\x20-\x7e]*", value):
                raise about("headers", f"the value of {name} holds characters that a header cannot")
        for name in (*self.headers, *self.headers_env):
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
                raise about("headers", f"{name!r} is not a header's name")
        if self.ca is not None and not self.verify:
            raise about("ca", "ca says whom to trust, and verify = false that nobody has to be trusted")
        return self


class InSession(HttpSettings):
    """A check that can be made as a user who has logged in."""

    session: str | None = None
    """The name of a check of kind login, above this one, whose session is used."""


class HttpCheck(InSession):
    """``kind = "http"``: an address that answers as it should, and fast enough."""

    kind: Literal["http"]
    method: Literal["GET", "HEAD", "OPTIONS", "POST"] = "GET"
    """POST is sent once in each attempt, the others ``samples`` times."""
    body: str | None = None
    """What a POST sends; its Content-Type belongs in ``headers``."""
    status: Status | list[Status] = 200
    """The status, or those that will do."""
    redirects: bool = True
    """Whether redirects are followed, ten at most."""
    json_fields: dict[str, Any] = Field(default_factory=dict, alias="json")
    """Fields of a JSON answer: ``api.status = "ok"``, ``items.0.id = 1``."""
    present: list[str] = Field(default_factory=list)
    """Texts that the body must hold."""
    absent: list[str] = Field(default_factory=list)
    """Texts that it must not hold."""
    response_headers: dict[str, str] = Field(default_factory=dict)
    """Headers of the answer, and a text that each must hold ("" where it only has to be there)."""
    max_average_ms: Annotated[float, Field(gt=0)] = 500.0
    """Milliseconds that an answer may take on average."""
    samples: Annotated[int, Field(ge=1, le=1000)] = 5
    """Requests that the average is taken of."""

    @model_validator(mode="after")
    def _body_is_sent(self) -> Self:
        if self.body is not None and self.method != "POST":
            raise about("body", f'{self.method} sends no body; method = "POST" does')
        if self.method == "HEAD" and (self.json_fields or self.present or self.absent):
            raise about("method", "HEAD has no body to look into; use GET")
        return self

    @property
    def statuses(self) -> list[int]:
        """Those that will do."""
        return self.status if isinstance(self.status, list) else [self.status]

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        statuses = " or ".join(map(str, self.statuses))
        return f"{self.method} {self.url}: status {statuses}, under {self.max_average_ms:g} ms on average"


class PageCheck(InSession):
    """``kind = "page"``: what a page holds, and the scripts that it loads, and the scripts that those load."""

    kind: Literal["page"]
    timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Seconds of one attempt, with all that it asks for."""
    status: Status = 200
    """The page's own; its scripts must have 200."""
    present: list[str] = Field(default_factory=list)
    """Texts that the page or one of its scripts must hold."""
    absent: list[str] = Field(default_factory=lambda: ["localhost:", "127.0.0.1:"])
    """Texts that none of them may hold: addresses of a developer's machine. The page's own host and port are no
    trespass: an application that is really served at localhost:8080 may say so."""
    scripts: bool = True
    """Whether the scripts are looked into; source maps never are."""
    origins: list[HttpUrl] = Field(default_factory=list)
    """Other origins whose scripts are looked into too: "https://static.example.org"."""
    max_scripts: Annotated[int, Field(ge=1, le=10000)] = 200
    """Scripts at most; a page with more fails, for the rest would go unseen."""

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        where = "the page and its scripts" if self.scripts else "the page"
        present = f", with {', '.join(map(repr, self.present))}" if self.present else ""
        absent = f", without {', '.join(map(repr, self.absent))}" if self.absent else ""
        return f"GET {self.url}: {where}{present}{absent}"


class LoginCheck(HttpSettings, Password):
    """``kind = "login"``: a user logs in, by a form or by JSON; other checks can go on in the session."""

    kind: Literal["login"]
    mode: Literal["form", "json"] = "form"
    """"form": the page at ``url`` has the form. "json": ``url`` takes a POST of JSON."""
    user: str
    """Who logs in: a user of the application that is there for this."""
    form: str | None = None
    """The form's id or name. None: the first that has a field for a password."""
    user_field: str | None = None
    """The name of the user's field. None: the form's field before the password; "username" in JSON."""
    password_field: str | None = None
    """The name of the password's field. None: the form's own; "password" in JSON."""
    fields: dict[str, str] = Field(default_factory=dict)
    """More fields: ``remember = "on"``."""
    first: HttpUrl | None = None
    """With mode = "json": an address that is fetched before, for the cookie with the CSRF token."""
    token: str | None = None
    """With mode = "json": the dotted path of the token in the answer, which is then sent as Bearer."""
    status: Status | list[Status] = Field(default_factory=lambda: [200, 201, 204])
    """The status at the end, redirects followed."""
    away: bool = True
    """With mode = "form": the page reached must be another than the login's."""
    present: list[str] = Field(default_factory=list)
    """Texts that the page reached, or the answer, must hold."""
    absent: list[str] = Field(default_factory=list)
    """Texts that it must not hold."""
    cookie: str | None = None
    """A cookie that must be set afterwards: the session's."""
    then: HttpUrl | None = None
    """An address that only this user may see, fetched in the session; it must answer with 200."""
    then_present: list[str] = Field(default_factory=list)
    """Texts that it must hold."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.password_env is None and self.password_file is None:
            raise about("password_env", "a login needs password_env or password_file: where its password is")
        only = {"json": ("token", "first"), "form": ("form",)}
        for mode, keys in only.items():
            for key in keys:
                if self.mode != mode and getattr(self, key) is not None:
                    raise about(key, f'{key} goes with mode = "{mode}"')
        if self.then_present and self.then is None:
            raise about("then_present", "then_present is looked for at the address then, which is missing")
        return self

    @property
    def statuses(self) -> list[int]:
        """Those that will do."""
        return self.status if isinstance(self.status, list) else [self.status]

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        return f"{self.user} logs in at {self.url}" + (f" and sees {self.then}" if self.then else "")


class CrudCheck(InSession):
    """``kind = "crud"``: a thing is created, read, changed, read and deleted through a JSON API, and is gone."""

    kind: Literal["crud"]
    timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Seconds of one attempt, with all that it asks for; cleaning up has as many of its own."""
    create: Annotated[dict[str, Any], Field(min_length=1)]
    """What is posted to ``url``. In its texts, {unique} stands for letters that no other attempt has."""
    update: dict[str, Any] = Field(default_factory=dict)
    """What is changed. Empty: nothing is."""
    update_method: Literal["PATCH", "PUT"] = "PATCH"
    """With PUT all of ``create`` is sent with the changes in it."""
    id: str = "id"
    """The dotted path of its id in the answer to the POST."""
    item: str | None = None
    """The address of one thing, with {id} in it. None: ``url`` and the id behind it, with the / at the end that
    ``url`` has."""
    inside: str = ""
    """The dotted path of the thing in the answers, where it is wrapped: "data"."""
    ignore: list[str] = Field(default_factory=list)
    """Fields that are sent and do not come back as they were."""
    gone: list[Status] = Field(default_factory=lambda: [404, 410])
    """What reading it must be answered with at the end."""

    @model_validator(mode="after")
    def _item_has_its_id(self) -> Self:
        if self.item is not None and ("{id}" not in self.item or not re.match(r"https?://", self.item)):
            raise about("item", 'expected an address with {id} in it, such as "https://host/api/surveys/{id}"')
        return self

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        return f"POST, GET, {f'{self.update_method}, GET, ' if self.update else ''}DELETE, GET at {self.url}"
