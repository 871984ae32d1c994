"""The codec for a PostgreSQL type."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from litelift.plan.match import Numbers
from litelift.plan.valuemap import ValueMap
from litelift.postgres.types import PgType
from litelift.wire.codec import Codec
from litelift.wire.numbers import BooleanCodec, IntegerCodec, NumericCodec, RealCodec
from litelift.wire.text import (
    ArrayCodec,
    ByteaCodec,
    CheckedCodec,
    EnumCodec,
    JsonCodec,
    MappedCodec,
    TextCodec,
    UuidCodec,
    WrittenCodec,
)
from litelift.wire.times import DateCodec, IntervalCodec, TimeCodec, TimestampCodec

# Types whose codecs refuse a blob, though an application may write the value's text into one (Drizzle's bigint does).
_WRITTEN = frozenset({"bool", "int2", "int4", "int8", "float4", "float8", "numeric"})
_WRITTEN |= {"date", "timestamp", "timestamptz", "time", "interval"}

BadTexts = Callable[[PgType, Sequence[str]], list[int]]
"""Asks the server which of the texts (by index) a type refuses."""


def codec_for(
    pg: PgType,
    *,
    lenient: bool = False,
    numbers: Numbers = "epoch",
    values: ValueMap | None = None,
    bad_texts: BadTexts | None = None,
) -> Codec:
    """The codec that fills a column of type ``pg``.

    Args:
        pg: the column's type.
        lenient: the type is the target's own, so values are converted to it where that has one meaning.
        numbers: how a number in a time column is read.
        values: the plan's value map.
        bad_texts: the server's judgement, needed for domains and for types that litelift has no codec of its own for.
    """
    codec, known = _plain(pg, lenient, numbers)
    if lenient and pg.kind != "enum" and pg.base in _WRITTEN:
        codec = WrittenCodec(codec)
    if bad_texts is not None and (pg.domain or not known):

        def refused(texts: Sequence[str]) -> list[int]:
            return bad_texts(pg, texts)

        codec = CheckedCodec(codec, refused)
    return MappedCodec(codec, values) if values else codec


def _plain(pg: PgType, lenient: bool, numbers: Numbers) -> tuple[Codec, bool]:
    if pg.kind == "enum":
        return EnumCodec(pg.labels), True
    if pg.kind == "array":
        return ArrayCodec(), False
    match pg.base:
        case "bool":
            return BooleanCodec(lenient), True
        case "int2" | "int4" | "int8":
            return IntegerCodec(pg.base), True
        case "float4" | "float8":
            return RealCodec(pg.base), True
        case "numeric":
            return NumericCodec(pg.precision, pg.scale), True
        case "text" | "varchar" | "bpchar" | "citext" | "name":
            return TextCodec(pg.length), True
        case "bytea":
            return ByteaCodec(), True
        case "date":
            return DateCodec(numbers), True
        case "timestamp":
            return TimestampCodec(False, pg.precision, numbers), True
        case "timestamptz":
            return TimestampCodec(True, pg.precision, numbers), True
        case "time":
            return TimeCodec(pg.precision), True
        case "interval":
            return IntervalCodec(numbers), False
        case "json" | "jsonb":
            return JsonCodec(pg.base == "jsonb", lenient), True
        case "uuid":
            return UuidCodec(), True
    return TextCodec(), False
