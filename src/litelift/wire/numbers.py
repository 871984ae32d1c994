"""Codecs for booleans and numbers."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from decimal import Decimal
from itertools import repeat
from operator import mul, truediv
from typing import cast

from litelift.sqlite.schema import Value
from litelift.wire.codec import Codec, Misfit, NativeCodec

RANGES = {"int2": 1 << 15, "int4": 1 << 31, "int8": 1 << 63}
_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]{0,18})", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_STRICT_WORDS = {"t": "t", "true": "t", "f": "f", "false": "f"}
_WORDS = {**_STRICT_WORDS, "1": "t", "0": "f", "yes": "t", "no": "f", "on": "t", "off": "f", "y": "t", "n": "f"}
_NOT_FINITE = {
    "inf": "Infinity",
    "+inf": "Infinity",
    "infinity": "Infinity",
    "-inf": "-Infinity",
    "-infinity": "-Infinity",
    "nan": "NaN",
}
# What SQLite and PostgreSQL skip around a number; str.strip() would take away a no-break space too.
SPACE = " \t\n\r\f\v"


def real_text(value: float) -> str:
    """The shortest text that reads back as the same double; infinities in PostgreSQL's words."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


class BooleanCodec(Codec):
    """0, 1, 't', 'f', 'true', 'false'. A lenient one also reads other numbers and words, keeping the original aside."""

    def __init__(self, lenient: bool = False) -> None:
        """``lenient``: the target says boolean, whatever the source holds."""
        super().__init__()
        self.lenient = lenient

    @property
    def native(self) -> NativeCodec:
        """0, 1, and the strict words."""
        return ("bool",)

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """Only 0 and 1."""
        if kinds == {int} and set(values) <= {0, 1}:
            return ["t" if value else "f" for value in values]
        return None

    def text(self, value: Value) -> str:
        """See the class."""
        if isinstance(value, int | float):
            if value in (0, 1):
                return "t" if value else "f"
            if self.lenient:
                raise Misfit("is a number other than 0 and 1, read as true", "t", replaced=True)
        elif isinstance(value, str):
            word = value.strip().lower()
            if word in _STRICT_WORDS:
                return _STRICT_WORDS[word]
            if self.lenient and word in _WORDS:
                read = "true" if _WORDS[word] == "t" else "false"
                raise Misfit(f"is a word read as {read}", _WORDS[word], replaced=True)
        raise Misfit("is not a boolean")


class IntegerCodec(Codec):
    """Whole numbers of 2, 4 or 8 bytes; text and reals only where they are exactly one."""

    def __init__(self, base: str) -> None:
        """``base`` is int2, int4 or int8."""
        super().__init__()
        self.limit = RANGES[base]
        self.bits = self.limit.bit_length()

    @property
    def native(self) -> NativeCodec:
        """Whole numbers within the range, text without spaces too."""
        return ("integer", self.bits // 8)

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """Integers within the range."""
        return list(map(str, values)) if self.fit(values, kinds) else None

    def fit(self, values: Sequence[Value], kinds: set[type]) -> bool:
        """Integers within the range."""
        if kinds != {int}:
            return False
        numbers = cast(Sequence[int], values)
        return self.bits == 64 or -self.limit <= min(numbers) <= max(numbers) < self.limit

    def text(self, value: Value) -> str:
        """See the class."""
        if isinstance(value, str):
            word = value.strip(SPACE)
            if not _INTEGER.fullmatch(word):
                raise Misfit("is not an integer")
            value = int(word)
        elif isinstance(value, float):
            if not value.is_integer() or not -(1 << 63) <= value < 1 << 63:
                raise Misfit("is not an integer")
            value = int(value)
        elif isinstance(value, bytes):
            raise Misfit("is a blob, not an integer")
        assert isinstance(value, int)
        if not -self.limit <= value < self.limit:
            raise Misfit(f"is outside the range of {self.bits}-bit integers")
        return str(value)


class RealCodec(Codec):
    """Floating-point numbers of 8 bytes, or of 4 where the target says so."""

    def __init__(self, base: str) -> None:
        """``base`` is float8 or float4."""
        super().__init__()
        self.single = base == "float4"

    @property
    def native(self) -> NativeCodec:
        """Finite numbers that the type holds exactly."""
        return ("float4" if self.single else "float8",)

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """Finite doubles."""
        if kinds == {float} and not self.single:
            texts = list(map(repr, values))
            return None if "inf" in texts or "-inf" in texts else texts
        return None

    def fit(self, values: Sequence[Value], kinds: set[type]) -> bool:
        """Finite doubles."""
        if kinds == {float} and not self.single and math.isfinite(sum(cast(Sequence[float], values))):
            return True
        return super().fit(values, kinds)

    def text(self, value: Value) -> str:
        """See the class."""
        if isinstance(value, bytes):
            raise Misfit("is a blob, not a number")
        text = isinstance(value, str)
        if isinstance(value, str):
            word = value.strip(SPACE)
            if word.lower() in _NOT_FINITE:
                return _NOT_FINITE[word.lower()]
            if not _NUMBER.fullmatch(word):
                raise Misfit("is not a number")
            exact = float(word)
            if math.isinf(exact) or Decimal(repr(exact)) != Decimal(word):
                raise Misfit("is a number that a double does not hold exactly")
            value = exact
        elif isinstance(value, int):
            if int(float(value)) != value:
                raise Misfit("is an integer that a double does not hold exactly")
            value = float(value)
        assert isinstance(value, float)
        if self.single and math.isfinite(value):
            try:
                near: float = struct.unpack("<f", struct.pack("<f", value))[0]
            except OverflowError:
                raise Misfit("is outside the range of a 4-byte real") from None
            if near == 0.0 and value != 0.0:
                raise Misfit("is outside the range of a 4-byte real")
            if near != value:
                self.remarks["rounded to the 4 bytes of real"] += 1
                if not text:
                    # Its shortest digits are not the number itself: from these the nearest may be the neighbour.
                    value = near
        return real_text(value)


class NumericCodec(Codec):
    """Exact decimals. A double is written shortest; with 15 significant digits where that is what the scale takes."""

    def __init__(self, precision: int | None, scale: int | None) -> None:
        """``precision`` and ``scale`` in digits, None for numeric without either."""
        super().__init__()
        self.precision = precision
        self.scale = scale
        self.plain = _plain_numbers(precision, scale)
        self.unit = 10 ** max(0, scale or 0)
        # Below it a double that is the nearest to a number of units has no more decimals than the scale.
        self.below = min(10 ** (precision - (scale or 0)), 10**15 // self.unit) if precision and self.plain else 0

    @property
    def native(self) -> NativeCodec | None:
        """Integers, and finite doubles."""
        if self.precision is None:
            return ("numeric",) if self.scale is None else None
        scale = self.scale or 0
        return ("numeric", self.precision, scale) if 0 <= scale <= self.precision else None

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """Integers and doubles whose shortest texts fit."""
        if not kinds <= {int, float}:
            return None
        texts = list(map(repr, values))
        if kinds == {int} and self.precision is None:
            return texts
        joined = "\n".join(texts) + "\n"
        if self.plain is not None:
            return texts if self.plain.fullmatch(joined) else None
        if self.precision is not None or "inf" in joined:
            return None
        return [f"{Decimal(text):f}" if "e" in text else text for text in texts] if "e" in joined else texts

    def fit(self, values: Sequence[Value], kinds: set[type]) -> bool:
        """Numbers that are finite, or the nearest to whole units of the last decimal."""
        if not kinds <= {int, float}:
            return False
        numbers = cast(Sequence[float], values)
        if self.precision is None and self.scale is None and math.isfinite(sum(numbers)):
            return True
        return self._are_units(numbers) or super().fit(values, kinds)

    def _are_units(self, numbers: Sequence[float]) -> bool:
        """Whether each is surely the nearest to a whole number of units of the last decimal."""
        if not self.below:
            return False
        # The same prices and quantities come again and again.
        some = list(set(numbers))
        if not -self.below < min(some) <= max(some) < self.below:
            return False
        units = map(round, map(mul, some, repeat(float(self.unit))))
        return list(map(truediv, units, repeat(self.unit))) == some

    def text(self, value: Value) -> str:
        """See the class."""
        if isinstance(value, bytes):
            raise Misfit("is a blob, not a number")
        if isinstance(value, str):
            word = value.strip(SPACE)
            if not _NUMBER.fullmatch(word):
                raise Misfit("is not a number")
            exact = Decimal(word)
        elif isinstance(value, float):
            if math.isinf(value):
                raise Misfit("is infinite")
            exact = Decimal(repr(value))
            if self.scale is not None and _decimals(exact) > self.scale:
                exact = Decimal(f"{value:.15g}")
        else:
            assert isinstance(value, int)
            exact = Decimal(value)
        if self.precision is not None:
            if _decimals(exact) > (self.scale or 0):
                raise Misfit(f"has more than {self.scale or 0} decimals")
            # copy_abs, for abs() rounds to the context's 28 digits.
            if exact.copy_abs() >= Decimal(10) ** (self.precision - (self.scale or 0)):
                raise Misfit(f"has more than {self.precision - (self.scale or 0)} digits before the point")
        return f"{exact:f}"


def _plain_numbers(precision: int | None, scale: int | None) -> re.Pattern[str] | None:
    """Lines of numbers, as repr() writes them, that a scale surely takes."""
    if precision is None or not 0 <= (scale or 0) <= precision:
        return None
    whole = precision - (scale or 0)
    digits = f"0|[1-9][0-9]{{0,{whole - 1}}}" if whole else "0"
    decimals = f"[0-9]{{1,{scale}}}" if scale else "0"
    return re.compile(rf"(?:-?(?:{digits})(?:\.{decimals})?\n)*", re.ASCII)


def _decimals(number: Decimal) -> int:
    # Not by normalize(), which rounds to the context's 28 digits.
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or exponent >= 0 or not number:
        return 0
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return max(0, -exponent - zeros)
