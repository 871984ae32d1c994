"""The codecs: a stored value becomes COPY's text and binary by both paths, and the proof reads it back as the same."""

from __future__ import annotations

from fuzz import binary
from fuzz.drawn import Drawn
from fuzz.stored import store
from litelift.plan.match import ColumnMatch
from litelift.postgres.types import PgType
from litelift.prove import expected
from litelift.prove.cells import unescape
from litelift.prove.values import UNREADABLE
from litelift.sqlite.scan import Rows
from litelift.sqlite.schema import Value
from litelift.wire.block import Format
from litelift.wire.choose import codec_for
from litelift.wire.codec import Misfit
from test_native_codecs import JSON_TEXTS, STAMP_TEXTS, TYPES, UUID_TEXTS, written

WORDS = tuple(text.encode() for text in [*STAMP_TEXTS, *JSON_TEXTS, *UUID_TEXTS] if len(text) < 60)
ALL = [
    *TYPES,
    PgType("numeric", precision=3, scale=5),
    PgType("numeric", precision=40, scale=20),
    PgType("citext"),
    PgType("interval"),
]
FORMS: tuple[Format, ...] = ("text", "binary")


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as a column's type and up to eight values.

    Nothing but a Misfit is raised. Both paths write the same bytes, and a batch what its values are. What was written
    reads back, from text and from binary, as what the proof expects for the stored value.
    """
    drawn = Drawn(data)
    pg, lenient = ALL[drawn.below(len(ALL))], drawn.below(2) == 1
    values = drawn.values(8)
    stored = store()
    batches = []
    if stored is not None:
        stored.keep(values)
        rows = stored.rows()
        batches = list(stored.batches())
    else:
        rows = [(value, None) for value in values]
    if not rows:
        return
    for form in FORMS if pg.base != "interval" else FORMS[:1]:
        pure, told, codec = written(pg, Rows(rows), form, False, lenient)
        if batches:
            ours, ours_told, ours_codec = written(pg, batches[0], form, True, lenient)
            assert (ours, ours_told) == (pure, told)
            assert (ours_codec.remarks, ours_codec.forms) == (codec.remarks, codec.forms)
        stand_ins = {index for index, _, _ in told}
        if form == "text":
            _text(pg, rows, pure, stand_ins)
        else:
            _binary(pg, rows, pure, stand_ins)
    for value, _ in rows:
        _single(pg, value, lenient)


def _column(pg: PgType) -> ColumnMatch:
    return ColumnMatch("v", "v", pg)


def _text(pg: PgType, rows: list[tuple[Value, ...]], block: bytes, stand_ins: set[int]) -> None:
    lines = block.decode().split("\n")
    assert lines.pop() == "" and len(lines) == len(rows)
    for index, (line, (value, *_)) in enumerate(zip(lines, rows, strict=True)):
        if index not in stand_ins:
            _same(pg, unescape(line), value)


def _binary(pg: PgType, rows: list[tuple[Value, ...]], block: bytes, stand_ins: set[int]) -> None:
    found = binary.fields(block, 1)
    assert len(found) == len(rows)
    for index, ((field,), (value, *_)) in enumerate(zip(found, rows, strict=True)):
        if index not in stand_ins:
            base = "text" if pg.kind == "enum" else pg.base
            _same(pg, None if field is None else binary.text(base, field), value)


def _same(pg: PgType, text: str | None, value: Value) -> None:
    """Whether PostgreSQL, which is given the text, prints what the proof expects for the value."""
    wanted = expected(value, _column(pg))
    if wanted is not None and wanted.startswith(UNREADABLE):
        # Of an interval's words the server is the judge, in a move.
        assert pg.base == "interval", f"{value!r} is loaded as {text!r}, and the proof has no reading for it"
        return
    # Any other text that the loader wrote reads as the value that PostgreSQL makes of it.
    got = text if pg.base == "bytea" else expected(text, _column(pg))
    assert got == wanted, f"{value!r} is loaded as {text!r}; the proof expects {wanted!r}"


def _single(pg: PgType, value: Value, lenient: bool) -> None:
    if value is None:
        return
    codec = codec_for(pg, lenient=lenient)
    try:
        text = codec.text(value)
    except Misfit as misfit:
        assert misfit.reason
        stand_in = misfit.stands_in
        assert stand_in is None or ("\0" not in stand_in and stand_in.encode())
        return
    assert "\0" not in text
    text.encode()
    again = codec_for(pg, lenient=lenient)
    assert again.fit([value], {type(value)}) in (True, False)
