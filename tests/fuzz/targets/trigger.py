"""Triggers: any SQL is a function and a trigger of PostgreSQL or Untranslatable with the reason."""

from __future__ import annotations

from fuzz.sql import WORDS
from litelift.errors import Untranslatable
from litelift.translate.trigger import is_fts_sync, translate_trigger, without_fts_sync
from litelift.translate.trigger_parse import outline
from test_translate_views import RELATIONS

__all__ = ["WORDS", "one"]

_VERSION = 160014


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as a CREATE TRIGGER on one of four tables.

    It is translated or Untranslatable with a reason; what is_fts_sync says needs no expression to be readable.
    """
    sql = data.decode("utf-8", "surrogateescape")
    outline(sql)
    is_fts_sync(sql, ("dept", "tag"), ("person",))
    rest, left_out = without_fts_sync(sql, ("dept", "tag"), ("person",))
    assert (rest == sql) == (left_out == 0)
    for table in RELATIONS.values():
        try:
            trigger = translate_trigger(sql, table, RELATIONS, _VERSION, triggers=[sql])
        except Untranslatable as error:
            assert str(error.facts["reason"]).strip()
            continue
        for words in (trigger.function_sql, *trigger.trigger_sql):
            assert words and "\0" not in words
            words.encode()
