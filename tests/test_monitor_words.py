"""What the watch says, in every language."""

from __future__ import annotations

from string import Formatter
from typing import Any

import pytest

from litelift.monitor.checks import CHECKS
from litelift.monitor.words import LANGUAGES, Language, catalogue
from litelift.monitor.words.format import formatted


def leaves(table: Any, path: str = "") -> dict[str, str]:
    if isinstance(table, str):
        return {path: table}
    return {key: text for name, part in table.items() for key, text in leaves(part, f"{path}.{name}").items()}


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_all_that_english_says_of_the_same_facts(language: Language) -> None:
    english, other = leaves(catalogue("en")), leaves(catalogue(language))
    assert english.keys() == other.keys()
    for key, text in other.items():
        assert fields(text) == fields(english[key]), key


def test_every_check_has_words_and_all_words_are_of_a_check() -> None:
    checks = {check.name for check in CHECKS} | {"server"}
    assert all({"title", "about", "found"} <= catalogue("en")[name].keys() for name in checks)
    tables = {name for name, table in catalogue("en").items() if "about" in table}
    assert tables == checks
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_what_may_happen_to_every_check_is_said_of_the_same_facts_by_those_with_words_of_their_own_for_it() -> None:
    every = catalogue("en")["any"]
    for name, table in catalogue("en").items():
        for part in ("found", "do") if "about" in table else ():
            for key in every[part].keys() & table.get(part, {}).keys():
                assert fields(table[part][key]) <= fields(every[part][key]), (name, part, key)


@pytest.mark.parametrize(
    ("value", "spec", "en", "az"),
    [
        (1, "# table|# tables", "1 table", "1 table"),
        (1200, "# table|# tables", "1,200 tables", "1.200 tables"),
        (1_300_000, "bytes", "1.3 MB", "1,3 MB"),
        (12, "bytes", "12 bytes", "12 bayt"),
        (1.5, "duration", "1.5 s", "1,5 san"),
        (3600 * 48, "age", "2 days", "2 gün"),
        (81.2, "percent", "81 %", "81 %"),
        (0, "moment", "1 January 1970, 00:00 UTC", "1 yanvar 1970, 00:00 UTC"),
        (12345, "plain", "12345", "12345"),
        ("it's", "literal", "'it''s'", "'it''s'"),
        ('we"ird', "identifier", '"we""ird"', '"we""ird"'),
        ("a\u202eb", "", "a\\u202eb", "a\\u202eb"),
    ],
)
def test_facts_are_written_as_the_readers_of_each_language_write_them(value: Any, spec: str, en: str, az: str) -> None:
    assert (formatted(value, spec, "en"), formatted(value, spec, "az")) == (en, az)


def test_the_reasons_of_limits_are_those_of_limits_that_there_are() -> None:
    for check in CHECKS:
        reasons = catalogue("en")[check.name].get("limits", {})
        assert reasons.keys() <= check.limits.keys(), check.name
        assert check.group not in ("backup", "machine", "services") or reasons.keys() == check.limits.keys(), check.name
