"""The ways by which somebody is told, as the settings name them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from litelift.redact import text as redact
from litelift.report.text import visible
from litelift.tell import system_log
from litelift.tell.message import Level, Message, Untold, Way
from litelift.tell.settings import Tell


@dataclass(frozen=True, slots=True)
class Ways:
    """Of one project."""

    tell: Tell
    folder: Path
    """The project's: commands run in it."""
    ident: str
    """By which it is found in the system's log."""

    @property
    def names(self) -> list[Way]:
        """Those that there are."""
        there: dict[Way, bool] = {
            "webhook": self.tell.webhook is not None or self.tell.webhook_env is not None,
            "mail": self.tell.mail.host is not None,
            "command": self.tell.command is not None,
        }
        return [way for way, wanted in there.items() if wanted]

    def send(self, way: Way, message: Message, *, attempts: int = 1) -> Untold | None:
        """Tell ``message`` by ``way``; why it was not taken, or None. ``attempts`` are those of a webhook."""
        untold = self._sent(way, message, attempts)
        return None if untold is None else untold._replace(wrong=self.clean(f"the {way}: {untold.wrong}"))

    def _sent(self, way: Way, message: Message, attempts: int) -> Untold | None:
        if missing := self._missing(way):
            return Untold(f"the environment has no {missing}")
        if way == "webhook":
            from litelift.tell import webhook

            address = self.tell.webhook or os.environ[self.tell.webhook_env or ""]
            wrong = webhook.post(address, message.document, attempts=attempts)
        elif way == "mail":
            from litelift.tell import mail

            variable = self.tell.mail.password_env
            return mail.send(self.tell.mail, os.environ[variable] if variable else None, message, self.folder)
        else:
            from litelift.tell import command

            wrong = command.run(self.tell.command or "", self.folder, message.document)
        return None if wrong is None else Untold(wrong)

    def _missing(self, way: Way) -> str | None:
        name = {"webhook": self.tell.webhook_env, "mail": self.tell.mail.password_env}.get(way)
        return name if name is not None and not os.environ.get(name) else None

    def log(self, level: Level, words: str) -> None:
        """Write a line into the system's log, where that is wanted."""
        if self.tell.syslog:
            system_log.write(self.ident, level, self.clean(words))

    def clean(self, words: str) -> str:
        """Words in one line, without a secret."""
        secrets = [self.tell.webhook, *map(os.environ.get, self.tell.variables)]
        for secret in filter(None, secrets):
            words = words.replace(secret, "***")
        return visible(" ".join(redact(words).split()))
