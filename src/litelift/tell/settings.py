"""The tables of litelift.toml that say who is told, and how."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from litelift.tomlfile.section import Command, Port, Section, about

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""Of submission (RFC 6409, section 3.1), the same over TLS (RFC 8314, section 7.3), and SMTP (RFC 5321, 4.5.4.2)."""


class Mail(Section):
    """``[backup.tell.mail]`` and ``[monitor.tell.mail]``: the mail server that takes what is told."""

    host: str | None = None
    """Its name or address. None: nothing is mailed."""
    port: Port | None = None
    """None: 587 for "starttls", 465 for "tls", 25 for "none"."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """"starttls": nothing is sent before the session is encrypted. "none" takes no user but on this machine."""
    ca: str | None = None
    """A PEM file with the authority that signed the server's certificate. None: the system's own list."""
    user: str | None = None
    """The login."""
    password_env: str | None = None
    """The environment variable that holds its password."""
    sender: str | None = Field(default=None, alias="from")
    """The address that it comes from, "litelift@school.example". None: user, where that is an address."""
    to: list[str] = Field(default_factory=list)
    """The addresses that it goes to."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for key, addresses in (("from", [self.sender] if self.sender else []), ("to", self.to)):
            for address in addresses:
                if not address.isprintable() or address.strip("@").count("@") != 1 or " " in address:
                    raise about(key, f'expected an address such as "office@school.example"; got "{address}"')
        if self.host is None:
            return self
        if not self.to:
            raise about("to", "expected at least one address")
        if not self.origin:
            raise about("from", "expected the address that it comes from")
        if (self.user is None) != (self.password_env is None):
            raise about("password_env", "expected user and password_env together; got one of them")
        if self.user is not None and self.security == "none" and self.host not in LOOPBACK:
            raise about("security", '"starttls" or "tls" is needed: the password would cross the network as it is')
        return self

    @property
    def origin(self) -> str | None:
        """The address that it comes from."""
        return self.sender or (self.user if self.user is not None and "@" in self.user else None)


class Tell(Section):
    """Who is told."""

    syslog: bool = True
    """Write to the system's log, where the machine has one."""
    webhook: str | None = Field(default=None, repr=False)
    """An https:// address that gets a JSON document by POST."""
    webhook_env: str | None = None
    """The environment variable that holds the address, where it is itself a secret."""
    command: Command | None = None
    """A command that gets the same JSON document on its standard input."""
    mail: Mail = Field(default_factory=Mail)
    """A mail server."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.webhook is not None and self.webhook_env is not None:
            raise about("webhook_env", "expected webhook or webhook_env; got both")
        if self.webhook is not None and not self.webhook.startswith(("https://", "http://")):
            # Not what was got: it is a secret.
            raise about("webhook", "expected an address that begins with https://")
        return self

    @property
    def variables(self) -> list[str]:
        """The environment variables that it names: what they hold is told to nobody."""
        return [name for name in (self.webhook_env, self.mail.password_env) if name is not None]
