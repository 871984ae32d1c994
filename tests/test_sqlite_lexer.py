from __future__ import annotations

import sqlite3

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from litelift.errors import DdlError
from litelift.sqlite.lexer import (
    RESERVED,
    Kind,
    fold,
    quote_identifier,
    quote_string,
    scan,
    tokenize,
    unquote_identifier,
)

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=12)
WORDS = """
    select x'0aFF' X'' 'it''s' "a""b" `a``b` [a b] [] "" '' a1$ _x ə 0x1F 12 1.5e-3 .5 1. 2E9 -> ->> - -- || | << <>
    <= < >> >= > == = != ~ & * / % + ( ) , ; . ?1 ? :name @v $a::b /*c*/ 'open "open /*open x'0' 12ab ! ^ { \\ #
"""
PIECES = st.sampled_from(WORDS.split())
TEXTS = st.lists(st.one_of(PIECES, st.sampled_from([" ", "\n", "\t", "\r", "\f", "\ufeff", "--x\n"])), max_size=20)


def kinds(sql: str) -> list[tuple[Kind, str]]:
    return [(token.kind, token.text) for token in tokenize(sql)]


@given(st.one_of(TEXTS.map("".join), st.text(max_size=30)))
def test_tokens_and_the_white_space_between_them_are_the_whole_text(sql: str) -> None:
    try:
        tokens = list(scan(sql))
    except DdlError as error:
        position = error.facts["position"]
        assert isinstance(position, int)
        assert 1 <= position <= len(sql)
        return
    place = 0
    for token in tokens:
        assert not sql[place : token.start].strip(" \n\t\r\f\ufeff")
        assert token.text == sql[token.start : token.end] != ""
        place = token.end
    assert not sql[place:].strip(" \n\t\r\f\ufeff")


@given(TEXTS)
def test_tokens_set_apart_by_spaces_read_the_same(pieces: list[str]) -> None:
    sql = "".join(pieces)
    try:
        before = kinds(sql)
    except DdlError:
        assume(False)
    assert kinds(" ".join(text for _, text in before)) == before


@given(NAMES)
def test_an_identifier_quoted_in_any_of_the_four_ways_comes_back(name: str) -> None:
    written = [quote_identifier(name), quote_string(name), "`" + name.replace("`", "``") + "`"]
    if "]" not in name:
        written.append(f"[{name}]")
    for text in written:
        (token,) = tokenize(text)
        assert token.is_name
        assert unquote_identifier(token.text) == name


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_sqlite_reads_a_quoted_identifier_as_the_same_name(name: str) -> None:
    connection = sqlite3.connect(":memory:")
    for text in (quote_identifier(name), "`" + name.replace("`", "``") + "`"):
        assert connection.execute(f"select 1 as {text}").description[0][0] == name
    connection.close()


@given(st.text("abXyZ_09$éŞ\ufeff漢", min_size=1, max_size=8))
def test_a_bare_name_of_sqlite_is_one_word(name: str) -> None:
    connection = sqlite3.connect(":memory:")
    try:
        told = connection.execute(f"select 1 as {name} from (select 2)").description[0][0]
    except sqlite3.OperationalError:
        assume(False)
    finally:
        connection.close()
    (token,) = tokenize(name)
    assert (token.kind, unquote_identifier(token.text)) == (Kind.WORD, told)


def test_the_reserved_words_are_those_that_sqlite_refuses_as_names() -> None:
    fallbacks = "abort always asc cast desc end generated glob if key like match no row temp view virtual with without"
    connection = sqlite3.connect(":memory:")
    for word in sorted(RESERVED):
        with pytest.raises(sqlite3.OperationalError):
            connection.execute(f"create table t({word} int)")
    for word in [*fallbacks.split(), "left", "cross", "indexed"]:
        connection.execute(f"create table table_{word}({word} int)")
        assert tokenize(word)[0].is_name
    connection.close()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a->'$.x'", ["a", "->", "'$.x'"]),
        ("a->>'x'", ["a", "->>", "'x'"]),
        ("a-->b", ["a"]),
        ("a||b|c", ["a", "||", "b", "|", "c"]),
        ("1<<2<>3==4", ["1", "<<", "2", "<>", "3", "==", "4"]),
        ("0xFFe 1e+5 .5e-1 1_000", ["0xFFe", "1e+5", ".5e-1", "1_000"]),
        ("t.5", ["t", ".5"]),
        ("x'ab'xab", ["x'ab'", "xab"]),
        ("a/*b*/c", ["a", "c"]),
        ("a/**/b", ["a", "b"]),
        ("a/*/b*/c", ["a", "c"]),
        ("a--b\nc", ["a", "c"]),
        ("a/*never closed", ["a"]),
        ("a/*", ["a", "/", "*"]),
        ('"a--b" [c/*d]', ['"a--b"', "[c/*d]"]),
        ("?12 :a @b $c::d(e)", ["?12", ":a", "@b", "$c::d(e)"]),
    ],
)
def test_a_text_is_cut_where_sqlite_cuts_it(sql: str, expected: list[str]) -> None:
    assert [token.text for token in tokenize(sql)] == expected


@pytest.mark.parametrize(
    ("sql", "position"),
    [
        ("a 'open", 3),
        ("'a''", 1),
        ('"open', 1),
        ("`open", 1),
        ("[open", 1),
        ("a\0b", 2),
        ("x'abc'", 1),
        ("x'zz'", 1),
        ("12ab", 1),
        ("0x", 1),
        ("a ! b", 3),
        ("a ^ b", 3),
        ("\x01", 1),
    ],
)
def test_what_is_no_token_is_an_error_that_names_its_place(sql: str, position: int) -> None:
    with pytest.raises(DdlError) as caught:
        tokenize(sql)
    assert caught.value.facts["position"] == position


def test_names_are_compared_as_sqlite_does_by_ascii_case_alone() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute('create table "Şagird K"(a)')
    connection.execute('create table "şagird K"(a)')
    connection.execute('create table "Şagird \u212a"(a)')
    assert fold("Şagird K") == "Şagird k"
    assert len({fold(name) for (name,) in connection.execute("select name from sqlite_master")}) == 3
    connection.close()
