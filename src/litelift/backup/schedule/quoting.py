"""Words that cron and systemd hand on exactly as they are: each has its own syntax for them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from shlex import quote

from litelift.errors import ScheduleRefused
from litelift.report.text import visible


def check_words(words: Sequence[str]) -> None:
    """Raise ScheduleRefused for a word that cannot stand in one line of a text file."""
    for word in words:
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in word):
            raise ScheduleRefused(message=f"{visible(word)} holds a character that no line of it may hold")


def for_cron(words: Sequence[str]) -> str:
    """A command of crontab(5): /bin/sh's, in which a % would end the line if there were no backslash before it.

    The quotes are closed around it: of two backslashes before a % cron takes the first to be the second's.
    """
    return " ".join(quote(word).replace("%", "'\\%'") if "%" in word else quote(word) for word in words)


def for_systemd(words: Sequence[str]) -> str:
    """A command line of systemd.service(5), whose first word is a plain path."""
    return " ".join([words[0], *(f'"{_escaped(word).replace("$", "$$")}"' for word in words[1:])])


def for_description(text: str) -> str:
    """A text of one line in a unit file: % is a specifier there, and a backslash goes on in the next line."""
    return visible(text).replace("\\", "/").replace("%", "%%")


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
