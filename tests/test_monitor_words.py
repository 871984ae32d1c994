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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_all_that_english_says_of_the_same_facts(language: Language) -> None:
    english, other = leaves(catalogue("en")), leaves(catalogue(language))
    assert english.keys() == other.keys()
    for key, text in other.items():
        fields, wanted = ({name for _, name, _, _ in Formatter().parse(one) if name} for one in (text, english[key]))
        assert fields == wanted, key


def test_every_check_has_words_and_all_words_are_of_a_check() -> None:
    checks = {check.name for check in CHECKS} | {"server"}
    assert all({"title", "about", "found"} <= catalogue("en")[name].keys() for name in checks)
    tables = {name for name, table in catalogue("en").items() if "about" in table}
    assert tables == checks
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_no_check_has_other_words_for_what_may_happen_to_all() -> None:
    every = catalogue("en")["any"]["found"].keys()
    assert not [
        name for name, table in catalogue("en").items() if name != "any" and every & table.get("found", {}).keys()
    ]


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
