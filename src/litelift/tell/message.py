"""What is told, as a value: the same for each way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Level = Literal["info", "notice", "warning", "error"]
"""As the system's log has them (RFC 5424, section 6.2.1)."""
Way = Literal["webhook", "mail", "command"]
"""Those that may fail: the system's log takes what it is given, or is not there."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, without secrets."""

    subject: str
    """In one line."""
    lines: tuple[str, ...]
    """What a person reads."""
    level: Level = "warning"
    facts: dict[str, Any] = field(default_factory=dict)
    """What a program reads."""

    @property
    def document(self) -> dict[str, Any]:
        """As webhooks and commands get it. "text" is what Slack, Mattermost and Rocket.Chat show of a webhook."""
        return {**self.facts, "level": self.level, "subject": self.subject, "text": self.text}

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join([self.subject, *self.lines])


class Untold(NamedTuple):
    """Why somebody could not be told."""

    wrong: str
    """In one line, without secrets."""
    again: bool = True
    """Whether to try again may help, and tells nobody twice."""
