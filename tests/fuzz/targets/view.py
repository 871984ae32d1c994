"""Views: any SQL is a SELECT for PostgreSQL or Untranslatable with the reason."""

from __future__ import annotations

from fuzz.sql import WORDS
from litelift.errors import Untranslatable
from litelift.translate.views import order_views, translate_view
from test_translate_views import RELATIONS

__all__ = ["WORDS", "one"]

_VERSION = 160014


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as a CREATE VIEW over four tables.

    It is translated, with a name for each column, or Untranslatable with a reason; and it has a place in the order of
    views or a reason to have none.
    """
    sql = data.decode("utf-8", "surrogateescape")
    order = order_views({"v": sql, "w": "create view w as select * from v"}, frozenset(RELATIONS))
    assert {*order.views, *order.refused} == {"v", "w"}
    try:
        view = translate_view(sql, RELATIONS, _VERSION)
    except Untranslatable as error:
        assert str(error.facts["reason"]).strip()
        return
    assert view.columns and "\0" not in view.sql
    view.sql.encode()
