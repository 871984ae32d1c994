"""What is said of the findings, in each language: en/GROUP.toml, az/GROUP.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Literal

from litelift.monitor.finding import Fact, Finding
from litelift.monitor.words.format import formatted

Language = Literal["en", "az"]
LANGUAGES: tuple[Language, ...] = ("en", "az")


class _Words(Formatter):
    def __init__(self, language: Language) -> None:
        self.language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        return formatted(value, format_spec, self.language)


@cache
def catalogue(language: Language) -> Mapping[str, Mapping[str, Any]]:
    """All tables of a language's files: a check's by its name, and "group", "page" and the like beside them."""
    found: dict[str, Any] = {}
    for file in sorted((files(__package__) / language).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            for name, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
                found[name] = {**found.get(name, {}), **table}
    return found


def filled(template: str, facts: Mapping[str, Fact], language: Language = "en") -> str:
    """A template with its {fields} in it, as `formatted` writes them."""
    return _Words(language).vformat(template, (), dict(facts))


def title(check: str, language: Language = "en") -> str:
    """A check's name for people."""
    return str(catalogue(language)[check]["title"])


def about(check: str, language: Language = "en") -> str:
    """What a check looks at, and why that matters, in a sentence or two."""
    return str(catalogue(language)[check]["about"])


def terminal(key: str, language: Language = "en", **facts: Fact) -> str:
    """What `litelift monitor check` says beside what was found."""
    return filled(catalogue(language)["terminal"][key], facts, language)


def said(finding: Finding, language: Language = "en") -> str:
    """What was found, in one line."""
    return filled(_general(finding, "found", finding.found, language), finding.facts, language)


def to_do(finding: Finding, language: Language = "en") -> str | None:
    """What to do about it."""
    if finding.do is None:
        return None
    return filled(_general(finding, "do", finding.do, language), finding.facts, language)


def _general(finding: Finding, part: str, key: str, language: Language) -> str:
    """A check's own words, or those that every check may use."""
    words = catalogue(language)
    own = words.get(finding.check, {}).get(part, {})
    return str(own[key] if key in own else words["any"][part][key])
