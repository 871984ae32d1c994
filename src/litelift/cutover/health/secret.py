"""The checks' passwords: where they are read from, and how they are kept out of everything that is told."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from litelift.cutover.health.settings_base import Check, Password, file_of
from litelift.cutover.health.settings_http import HttpSettings
from litelift.errors import HealthCheckUnusable
from litelift.redact import text as redact

SHORT = 8
"""Letters from which on a header's or a cookie's value is taken for a secret: "1" and "true" are none."""
_SECRET_NAME = re.compile(r"token|secret|session|password|jwt|key|access|refresh|bearer", re.IGNORECASE)


@dataclass
class Secrets:
    """What is known to be secret; ``hide`` takes it out of text."""

    passwords: dict[str, str] = field(default_factory=dict)
    """By the check's name."""
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    """The values of ``headers_env``, by the check's name."""
    _hidden: set[str] = field(default_factory=set)

    def add(self, *values: str, short: bool = False) -> None:
        """Hide these from now on, in each way that they may be written; those of a few letters only with ``short``."""
        for value in values:
            if value and (short or len(value) >= SHORT):
                quoted = json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], html.escape(value)
                addresses = quote(value, safe=""), quote(value), quote_plus(value)
                self._hidden |= {value, " ".join(value.split()), *quoted, *addresses} - {""}

    def add_of(self, document: Any) -> None:
        """Hide what a document of JSON itself calls a token, a key or a secret."""
        if isinstance(document, dict):
            for name, value in document.items():
                if isinstance(value, str) and _SECRET_NAME.search(name):
                    self.add(value)
                self.add_of(value)
        elif isinstance(document, list):
            for value in document:
                self.add_of(value)

    def hide(self, words: str) -> str:
        """The words without any secret, on one line of a terminal: without control characters too."""
        for value in sorted(self._hidden, key=len, reverse=True):
            before, after = r"(?<!\w)" if value[0].isalnum() else "", r"(?!\w)" if value[-1].isalnum() else ""
            words = re.sub(f"{before}{re.escape(value)}{after}", "***", words)
            if "..." in words:
                words = _without_halves(words, value)
        return re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", redact(words))


def _without_halves(words: str, value: str) -> str:
    """The words without a secret's beginning before a cut, or its end after one; three letters tell nothing."""
    for length in range(min(len(value) - 1, len(words)), 3, -1):
        words = words.replace(f"{value[:length]}...", "***...").replace(f"...{value[-length:]}", "...***")
    return words


def read_secrets(checks: Iterable[Check], folder: Path) -> Secrets:
    """Those of all ``checks``; paths are relative to ``folder``.

    Raises HealthCheckUnusable where a variable or a file is missing, or others may read the file.
    """
    secrets = Secrets()
    for check in checks:
        if isinstance(check, Password):
            password = _password(check, folder)
            if password is not None:
                secrets.passwords[check.name] = password
                secrets.add(password, short=True)
        if isinstance(check, HttpSettings):
            values = {name: _variable(check, variable) for name, variable in check.headers_env.items()}
            secrets.headers[check.name] = values
            secrets.add(*values.values(), short=True)
            if check.ca is not None and not file_of(folder, check.ca).is_file():
                raise HealthCheckUnusable(
                    check=check.name, message=f"there is no file {file_of(folder, check.ca)} (ca)"
                )
    return secrets


def _password(check: Password, folder: Path) -> str | None:
    if check.password_env is not None:
        return _variable(check, check.password_env)
    if check.password_file is None:
        return None
    path = file_of(folder, check.password_file)
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                hint = f"chmod 600 {path}"
                raise HealthCheckUnusable(check=check.name, message=f"others may read {path}", hint=hint)
            password = file.read().rstrip("\r\n")
    except FileNotFoundError:
        raise HealthCheckUnusable(check=check.name, message=f"there is no file {path} (password_file)") from None
    except OSError as error:
        raise HealthCheckUnusable(check=check.name, message=f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise HealthCheckUnusable(check=check.name, message=f"{path} is not text in UTF-8") from None
    if not password:
        raise HealthCheckUnusable(check=check.name, message=f"{path} is empty")
    return password


def _variable(check: Check, name: str) -> str:
    value = os.environ.get(name)
    if not value:
        said = f"the environment variable {name} is " + ("not set" if value is None else "empty")
        raise HealthCheckUnusable(check=check.name, message=said)
    return value
