"""What the watch says, in every language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import getsource
from string import Formatter
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import Fact, Finding
from litelift.monitor.page.commands import commands
from litelift.monitor.words import LANGUAGES, Language, catalogue, filled, kept, said
from litelift.monitor.words.format import formatted
from litelift.monitor.words.keywords import QUOTED


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
        ("order", "identifier", '"order"', '"order"'),
        ("a\\'b", "literal", "E'a\\\\''b'", "E'a\\\\''b'"),
        ("it's", "shell", "'it'\"'\"'s'", "'it'\"'\"'s'"),
        (3.0, "", "3", "3"),
        (1234.56, "", "1,234.6", "1.234,6"),
        (float("nan"), "bytes", "?", "?"),
        (float("inf"), "duration", "inf", "inf"),
        (1e300, "moment", "1e+300", "1e+300"),
        ("many", "# row|# rows", "many", "many"),
    ],
)
def test_facts_are_written_as_the_readers_of_each_language_write_them(value: Any, spec: str, en: str, az: str) -> None:
    assert (formatted(value, spec, "en"), formatted(value, spec, "az")) == (en, az)


def test_every_limit_has_its_reason_in_every_language() -> None:
    for language in LANGUAGES:
        for check in CHECKS:
            reasons = catalogue(language)[check.name].get("limits", {})
            assert reasons.keys() == check.limits.keys(), (language, check.name)
            assert all(reasons.values()), (language, check.name)


def test_a_name_is_quoted_wherever_the_server_would_quote_it(database: str) -> None:
    with psycopg.connect(database) as session:
        rows = session.execute("select word, quote_ident(word) from pg_get_keywords()").fetchall()
    for word, quoted in rows:
        # What is a key word of a newer PostgreSQL alone may be quoted in an older one too.
        assert formatted(word, "identifier", "en") in (quoted, f'"{word}"')
        assert word in QUOTED or quoted == word


TEMPLATES = [
    (language, f"{name}.{part}.{key}", template)
    for language in LANGUAGES
    for name, table in catalogue(language).items()
    for part in ("found", "do")
    for key, template in table.get(part, {}).items()
]
HOSTILE: st.SearchStrategy[Fact] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, -1, 2**63, -(2**63), 10**400, -0.0, 0.5, 1e308, -1e308]),
    st.floats(),
    st.text(st.characters()),
    st.sampled_from(
        ["{a} {0!r} {", "\x1b[2J\r\n", "\ud800", "\u202e", "'; drop table a; --", "$(reboot)`", "x" * 5000]
    ),
)


@settings(max_examples=25, deadline=None)
@given(facts=st.lists(HOSTILE, min_size=12, max_size=12))
def test_whatever_the_facts_are_each_finding_is_said_in_one_line_in_every_language(facts: list[Fact]) -> None:
    for language, key, template in TEMPLATES:
        some = {name: facts[number % 12] for number, name in enumerate(sorted(fields(template)))}
        said = filled(template, some, language)
        assert said.isprintable(), (language, key, said)


TYPED = {"plain", "sql", "identifier", "literal", "shell"}


def marked(template: str) -> tuple[str, dict[str, str]]:
    """The template with a mark for each of its fields, and the field and its form by the mark."""
    text = ""
    forms: dict[str, str] = {}
    for literal, name, spec, _ in Formatter().parse(template):
        text += literal
        if name is not None:
            mark = f"zq{len(forms)}qz"
            forms[mark] = f"{name}:{spec}"
            # Of a field that is a whole statement it is known where it ends.
            text += f"select {mark};" if name in STATEMENTS else mark
    return text, forms


STATEMENTS = {"rows", "validate", "create", "drop", "ask", "mend", "enable"}


def test_what_is_to_be_typed_is_the_same_in_every_language_and_its_facts_are_written_to_be_typed() -> None:
    typed = 0
    for name, table in catalogue("en").items():
        for key, template in table.get("do", {}).items():
            text, forms = marked(template)
            found = commands(text)
            typed += len(found)
            for language in LANGUAGES:
                other, others = marked(catalogue(language)[name]["do"][key])
                for command in found:
                    words = command
                    for mark, form in forms.items():
                        if mark in command:
                            assert form.partition(":")[2] in TYPED, (name, key, form)
                        words = words.replace(mark, f"{{{form}}}")
                    for mark, form in others.items():
                        other = other.replace(mark, f"{{{form}}}")
                    assert words in other, (language, name, key, words)
    assert typed > 100


SQL = "SELECT|ALTER|DROP|VACUUM|ANALYZE|GRANT|UPDATE|REINDEX|COMMIT|ROLLBACK"


def test_a_statement_that_is_to_be_typed_is_marked_as_such() -> None:
    for name, table in catalogue("en").items():
        for key, template in table.get("do", {}).items():
            text, _ = marked(template)
            for command in commands(text):
                text = text.replace(command, "")
            assert "..." not in text.replace('"', ""), (name, key)
            assert not re.search(rf"\b(select|{SQL})\b[^.:]*;", text), (name, key, text)


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse(getsource(import_module(module)))


def modules_of(check: str) -> set[str]:
    """The modules in which a check's findings are made: its own, and those whose functions that one takes."""
    if check == "server":
        return {"litelift.monitor.run", "litelift.monitor.down"}
    look: Any = next(one for one in CHECKS if one.name == check).look
    found, new = set[str](), {str(getattr(look, "func", look).__module__)}
    while new:
        found |= new
        new = {
            node.module
            for module in new
            for node in ast.walk(parsed(module))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("litelift.monitor.checks.")
        } - found  # type: ignore[assignment]
    return found


def texts(module: str) -> tuple[set[str], set[str]]:
    """The texts that stand in a module, and the beginnings of those that it puts together."""
    nodes = list(ast.walk(parsed(module)))
    whole = {one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    begun = {
        str(one.values[0].value)
        for one in nodes
        if isinstance(one, ast.JoinedStr) and isinstance(one.values[0], ast.Constant)
    }
    return whole, begun


EVERYWHERE = ("litelift.monitor.run", "litelift.monitor.look", "litelift.monitor.down", "litelift.monitor.watch")


def test_all_words_that_a_check_has_are_said_by_it() -> None:
    for name, table in catalogue("en").items():
        if "found" not in table:
            continue
        every = [check.name for check in CHECKS] if name == "any" else [name]
        modules = {module for check in every for module in modules_of(check)} | set(EVERYWHERE)
        whole = {text for module in modules for text in texts(module)[0]}
        begun = {text for module in modules for text in texts(module)[1] if text.endswith("-")}
        for part in ("found", "do"):
            for key in table.get(part, {}):
                assert key in whole or any(key.startswith(one) for one in begun), (name, part, key)


def said_keys(expression: ast.expr, function: ast.AST) -> Iterator[str]:
    """The texts that an expression may be, as far as can be read."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        yield expression.value
    elif isinstance(expression, ast.IfExp):
        yield from said_keys(expression.body, function)
        yield from said_keys(expression.orelse, function)
    elif isinstance(expression, ast.Name):
        for node in ast.walk(function):
            for target in node.targets if isinstance(node, ast.Assign) else ():
                yield from assigned(target, node.value, expression.id, function)  # type: ignore[attr-defined]


def assigned(target: ast.expr, value: ast.expr, name: str, function: ast.AST) -> Iterator[str]:
    if isinstance(target, ast.Name) and target.id == name:
        yield from said_keys(value, function)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.IfExp):
        yield from assigned(target, value.body, name, function)
        yield from assigned(target, value.orelse, name, function)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, part in zip(target.elts, value.elts, strict=True):
            yield from assigned(one, part, name, function)


def test_all_that_a_check_says_has_words() -> None:
    words, read = catalogue("en"), 0
    by_module: dict[str, list[str]] = {}
    for check in ("server", *(check.name for check in CHECKS)):
        for module in modules_of(check):
            by_module.setdefault(module, []).append(check)
    by_module["litelift.monitor.run"].append("connections")
    for module, checks in by_module.items():
        tables = [words[name] for name in (*checks, "any")]
        functions = [node for node in ast.walk(parsed(module)) if isinstance(node, ast.FunctionDef)]
        for function in functions:
            for call in ast.walk(function):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                    continue
                at = {"ok": (("found", 0),), "finding": (("found", 1), ("do", 2))}.get(call.func.attr, ())
                for part, number in at if len(call.args) >= len(at) else ():
                    for key in said_keys(call.args[number], function):
                        read += 1
                        assert any(key in table.get(part, {}) for table in tables), (module, part, key)
    assert read > 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_another_version_found_is_called_by_its_key_where_this_one_has_no_words_for_it(language: Language) -> None:
    unheard, unlike = (
        Finding("unheard-of", "warning", "odd", {}, "mend"),
        Finding("blocked", "warning", "waiting", {}, "end"),
    )
    assert (kept.title("unheard-of", language), kept.about("unheard-of", language)) == ("unheard-of", "")
    for finding in (unheard, unlike):
        assert (kept.said(finding, language), kept.to_do(finding, language)) == (finding.found, None)
    known = Finding("blocked", "ok", "none", {})
    assert kept.said(known, language) == said(known, language) != "none"
