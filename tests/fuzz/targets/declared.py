"""Declared types: SQLite takes any words for a type, litelift too; a plan's type is PostgreSQL's or an error."""

from __future__ import annotations

from fuzz import words
from litelift.plan.declared import read_declared
from litelift.plan.typewords import is_built_in, parse_type
from litelift.sqlite.schema import affinity_of

WORDS = (
    *words("""
    int integer bigint tinyint(1) varchar(10) numeric(10,2) decimal double unsigned precision character varying ( ) ,
    [] "
    timestamp with time zone timestamp(3) bit varying interval day to second public.mood "My Type" text[] %ROWTYPE ٣
    """),
    b" " * 60,
    b"9" * 200,
)


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as the words of a type.

    A declared type has a family and an affinity, whatever it is. A plan's type is read, and what is shown of it is
    read as the same type again; or ValueError says why not.
    """
    words = data.decode("utf-8", "surrogateescape")
    long = words * (1 + data[0] % 40 if data else 1)
    for declared in (words, long):
        found = read_declared(declared)
        assert all(-(10**19) < number < 10**19 for number in found.arguments)
        affinity_of(declared)
    try:
        pg = parse_type(words)
    except ValueError as error:
        assert str(error)
        return
    assert pg.base and "\0" not in pg.display
    if is_built_in(pg):
        assert parse_type(pg.display) == pg, (pg, parse_type(pg.display))
