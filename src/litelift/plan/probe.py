"""Probes: the codecs of the types that a column may get, tried on every value by the census."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litelift.compiled import Native
from litelift.plan.match import Numbers
from litelift.plan.valuemap import ValueMap
from litelift.postgres.types import PgType
from litelift.sqlite.schema import Value
from litelift.wire.choose import BadTexts, codec_for
from litelift.wire.codec import Codec, Misfit, Unmapped, misfits

if TYPE_CHECKING:
    from litelift import _native


@dataclass(frozen=True, slots=True)
class Candidate:
    """A type that a column may get, as plain data; any process makes a probe of it."""

    type: PgType
    lenient: bool = False
    values: ValueMap | None = None
    numbers: Numbers = "epoch"

    @property
    def name(self) -> str:
        """The probe's name in the census."""
        return self.type.display

    def probe(self, bad_texts: BadTexts | None = None) -> CodecProbe:
        """The probe."""
        codec = codec_for(
            self.type, lenient=self.lenient, numbers=self.numbers, values=self.values, bad_texts=bad_texts
        )
        return CodecProbe(self.name, codec)


class CodecProbe:
    """A codec as the census's probe. What a codec replaces (a NUL in a text) is no failure of the type."""

    def __init__(self, name: str, codec: Codec) -> None:
        """``name`` tells it from the column's other probes."""
        self.name = name
        self.codec = codec

    def check(self, values: Sequence[Value], kinds: set[type]) -> list[tuple[int, str]]:
        """See `litelift.sqlite.count_column.Probe`."""
        return [(at, _reason(misfit)) for at, misfit in misfits(self.codec, values, kinds) if not misfit.replaced]

    def native(self, module: Native) -> _native.Codec | None:
        """See `litelift.sqlite.count_column.Probe`."""
        kind = self.codec.native
        return None if kind is None else module.Codec(*kind)

    def count_forms(self, naive: int, offset: int) -> None:
        """See `litelift.sqlite.count_column.Probe`."""
        self.codec.count_forms(naive, offset)

    def tally(self) -> Mapping[str, int]:
        """The forms of times and the declared changes that the codec counted."""
        inner = getattr(self.codec, "inner", self.codec)
        return inner.forms + inner.remarks


def _reason(misfit: Misfit) -> str:
    return f"{misfit.reason}{UNMAPPED if isinstance(misfit, Unmapped) else ''}"


UNMAPPED = " and must be"
