"""A codec turns a column's stored values into the text that COPY takes, or says why a value does not fit.

Rows are encoded by column: a batch of one Python type takes a fast path without a call per value; whatever is not
uniform takes the slow path, value by value, which alone knows misfits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import NoneType

from litelift.sqlite.schema import Value

NULL = "\\N"

NativeCodec = tuple[str] | tuple[str, int] | tuple[str, int, int] | tuple[str, int, int, tuple[str, ...]]
"""The compiled path's kind of column, and its parameters (src/litelift/native/codec.h)."""


class Misfit(Exception):
    """A value that a type cannot hold. ``stands_in`` is what may be loaded in its place (None: NULL).

    ``replaced`` says that the stand-in is the value itself made holdable, whatever the column's rule for misfits.
    """

    def __init__(self, reason: str, stands_in: str | None = None, *, replaced: bool = False) -> None:
        """``reason`` completes the sentence "the value ..."."""
        super().__init__(reason)
        self.reason = reason
        self.stands_in = stands_in
        self.replaced = replaced


class Unmapped(Misfit):
    """A value that the plan's map does not name, and must."""


class Codec:
    """One column's rule. ``escapes`` says that its text may hold characters that COPY escapes.

    ``remarks`` counts what was changed by a declared rule (a rounded second), by reason; ``forms`` counts the forms
    that values were written in, for types that have several.
    """

    escapes = False

    def __init__(self) -> None:
        """Start without remarks."""
        self.remarks: Counter[str] = Counter()
        self.forms: Counter[str] = Counter()

    @property
    def native(self) -> NativeCodec | None:
        """What the compiled path may write by itself where every value of a batch is plain; None: nothing."""
        return None

    def count_forms(self, naive: int, offset: int) -> None:
        """Add the forms that the compiled path counted."""
        if naive:
            self.forms["naive"] += naive
        if offset:
            self.forms["offset"] += offset

    def text(self, value: Value) -> str:
        """PostgreSQL's input text for one value that is not NULL, the same in every batch. Raises Misfit."""
        raise NotImplementedError

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """The texts of a batch without NULLs whose Python types are ``kinds``; None where the slow path must decide."""
        return None

    def fit(self, values: Sequence[Value], kinds: set[type]) -> bool:
        """Whether `many` takes the batch, without the texts where that is cheaper; what it counts is counted."""
        return self.many(values, kinds) is not None


Stand = Callable[[int, Value, Misfit], str | None]


def encode(codec: Codec, values: Sequence[Value], stand_in: Stand) -> list[str]:
    """COPY's fields for a column's batch.

    ``stand_in(index, value, misfit)`` gives the text for a misfit, None for NULL.
    """
    kinds = set(map(type, values))
    if kinds == {NoneType}:
        return [NULL] * len(values)
    nulls = NoneType in kinds
    kinds.discard(NoneType)
    present = [value for value in values if value is not None] if nulls else values
    fast = codec.many(present, kinds)
    if fast is not None:
        fields = escape_all(fast) if codec.escapes else fast
        if not nulls:
            return fields
        rest = iter(fields)
        return [NULL if value is None else next(rest) for value in values]
    return [NULL if text is None else escape(text) for text in _one_by_one(codec, values, stand_in)]


def texts(codec: Codec, values: Sequence[Value], stand_in: Stand) -> list[str | None]:
    """The texts of a column's batch, None for NULL; see `encode`."""
    kinds = set(map(type, values))
    kinds.discard(NoneType)
    present = [value for value in values if value is not None]
    fast = codec.many(present, kinds) if present else []
    if fast is None:
        return list(_one_by_one(codec, values, stand_in))
    rest = iter(fast)
    return [None if value is None else next(rest) for value in values]


def _one_by_one(codec: Codec, values: Sequence[Value], stand_in: Stand) -> Iterator[str | None]:
    for index, value in enumerate(values):
        text: str | None = None
        if value is not None:
            try:
                text = codec.text(value)
            except Misfit as misfit:
                text = stand_in(index, value, misfit)
        yield text


def misfits(codec: Codec, values: Sequence[Value], kinds: set[type]) -> list[tuple[int, Misfit]]:
    """The values of a batch (NULLs left out, types ``kinds``) that do not fit, by index."""
    if not values or codec.fit(values, kinds):
        return []
    found = []
    for index, value in enumerate(values):
        try:
            codec.text(value)
        except Misfit as misfit:
            found.append((index, misfit))
    return found


def escape_all(texts: list[str]) -> list[str]:
    """COPY's escapes, applied only where a batch needs them."""
    joined = "".join(texts)
    if "\\" in joined or "\n" in joined or "\t" in joined or "\r" in joined:
        return [escape(text) for text in texts]
    return texts


def escape(text: str) -> str:
    """COPY's escapes for one field (PostgreSQL manual, COPY, "Text Format")."""
    # str.translate looks at every character in turn; a replacement that finds nothing costs next to nothing.
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
