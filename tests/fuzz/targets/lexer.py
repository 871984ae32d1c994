"""The lexer: any text is tokens or a DdlError with its place, and SQLite takes each token for the same as litelift."""

from __future__ import annotations

import sqlite3

from fuzz.sql import WORDS
from litelift.errors import DdlError
from litelift.sqlite.lexer import Kind, Token, quote_identifier, scan, tokenize, unquote_identifier

__all__ = ["WORDS", "one"]

_SPACE = " \n\t\r\f\v\ufeff"
_judge = sqlite3.connect(":memory:", isolation_level=None)
# What SQLite's tokenizer has learned since the version that judges here.
_NEWER = ("_",)


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as SQL.

    The tokens and the space between them are the whole text; set apart by spaces they are the same tokens; SQLite
    reads each name and each literal as litelift does; and it reads no text that litelift refuses.
    """
    sql = data.decode("utf-8", "surrogateescape")
    try:
        tokens = list(scan(sql))
    except DdlError as error:
        place = error.facts["position"]
        assert isinstance(place, int) and 1 <= place <= len(sql), place
        assert not _reads(sql), "SQLite reads what litelift refuses"
        return
    end = 0
    for token in tokens:
        assert not sql[end : token.start].strip(_SPACE)
        assert token.text == sql[token.start : token.end] != ""
        end = token.end
    assert not sql[end:].strip(_SPACE)
    plain = [(token.kind, token.text) for token in tokens if token.kind is not Kind.COMMENT]
    assert [(token.kind, token.text) for token in tokenize(" ".join(text for _, text in plain))] == plain
    for token in tokens[:40]:
        if _utf8(token.text):
            _alike(token)


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reads(sql: str) -> bool:
    """Whether SQLite reads the whole text as tokens: it does where it prepares it."""
    if not _utf8(sql) or "\0" in sql:
        return False
    try:
        _judge.execute(f"explain {sql}")
    except (sqlite3.Error, sqlite3.Warning):
        return False
    return True


def _alike(token: Token) -> None:
    text = token.text
    if token.kind in (Kind.WORD, Kind.QUOTED, Kind.STRING):
        try:
            named = _judge.execute(f"select 1 as {text}").description[0][0]
        except sqlite3.Error:
            named = None
        if token.is_name:
            assert named is not None, f"no name to SQLite: {text!r}"
        if named is not None and token.kind is not Kind.WORD:
            assert named == unquote_identifier(text), (named, text)
        name = unquote_identifier(text)
        again = _judge.execute(f"select 1 as {quote_identifier(name)}").description[0][0]
        assert again == name
    if token.kind is Kind.STRING:
        assert _judge.execute(f"select {text}").fetchone()[0] == unquote_identifier(text)
    if token.kind is Kind.BLOB:
        assert _judge.execute(f"select {text}").fetchone()[0] == bytes.fromhex(text[2:-1])
    if token.kind is Kind.NUMBER and not any(mark in text for mark in _NEWER):
        try:
            (found,) = _judge.execute(f"select {text}").fetchone()
        except sqlite3.OperationalError as error:
            assert "hex literal too big" in str(error), text
            return
        assert isinstance(found, int | float), text
