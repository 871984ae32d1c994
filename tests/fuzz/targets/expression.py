"""Expressions: any SQL is translated or Untranslatable."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fuzz.sql import WORDS
from litelift.errors import Untranslatable
from litelift.translate import Translated, literal_default, translate_default, translate_expression, translate_predicate
from test_translate_predicate import CONTEXTS

__all__ = ["WORDS", "one"]

_VERSION = 160014


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as an expression: a CHECK, an index's expression, a DEFAULT.

    It is translated to SQL without a NUL that can be sent, or Untranslatable with a reason.
    """
    sql = data.decode("utf-8", "surrogateescape")
    _told(translate_predicate, sql, CONTEXTS)
    for collation in ("BINARY", "NOCASE"):
        _told(partial(translate_expression, collation=collation), sql, CONTEXTS)
    for context in CONTEXTS.values():
        _told(translate_default, sql, context)
    for declared in ("", "INTEGER", "TEXT", "REAL", "NUMERIC"):
        literal_default(sql, declared)


def _told(translate: Callable[..., Translated], sql: str, about: object) -> None:
    try:
        words = translate(sql, about, server_version=_VERSION).sql
    except Untranslatable as error:
        assert str(error.facts["reason"]).strip()
        return
    assert words and "\0" not in words
    words.encode()
