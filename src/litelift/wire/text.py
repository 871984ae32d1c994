"""Codecs for text, bytes, JSON, UUIDs and enums."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from litelift.plan.valuemap import ValueMap
from litelift.sqlite.scan import clean_text, holdable
from litelift.sqlite.schema import Value
from litelift.wire.codec import Codec, Misfit, NativeCodec, Unmapped
from litelift.wire.numbers import real_text

_UUID = re.compile(r"(\{)?(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?(1)\})", re.IGNORECASE)
_PLAIN_UUIDS = re.compile(r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\n)*")
DEEPEST = 900  # levels of JSON: Python's parser and PostgreSQL's (max_stack_depth) both take these

_SURROGATE = re.compile("[\ud800-\udfff]")


def plain(value: Value) -> str:
    """A value as text: what a text column holds for it. Raises Misfit for bytes that are not UTF-8."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            text = value.decode("utf-8", "replace").replace("\x00", "\ufffd")
            raise Misfit("is a blob that is not UTF-8 text", text, replaced=True) from None
    if isinstance(value, float):
        return real_text(value)
    return str(value)


def _held(text: str) -> str:
    if not holdable(text):
        reason = "holds a NUL character" if "\x00" in text else "holds bytes that are not UTF-8"
        raise Misfit(reason, clean_text(text), replaced=True)
    return text


class TextCodec(Codec):
    """Text of any length, or of at most ``length`` characters. Never cut."""

    escapes = True

    def __init__(self, length: int | None = None) -> None:
        """``length`` in characters; None for any."""
        super().__init__()
        self.length = length

    @property
    def native(self) -> NativeCodec:
        """Whatever is holdable text, and short enough."""
        return ("text", -1 if self.length is None else min(self.length, 1 << 30))

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """Text that is short enough and holdable."""
        if kinds == {str}:
            if self.length is not None and max(map(len, values)) > self.length:  # type: ignore[arg-type]
                return None
            return list(values) if holdable("".join(values)) else None  # type: ignore[arg-type]
        if kinds == {int} and self.length is None:
            return list(map(str, values))
        return None

    def text(self, value: Value) -> str:
        """See the class."""
        try:
            text = plain(value)
        except Misfit as misfit:
            if self.length is not None and len(misfit.stands_in or "") > self.length:
                raise Misfit(f"{misfit.reason} of {self.length} characters") from None
            raise
        if self.length is not None and len(text) > self.length:
            raise Misfit(f"is longer than {self.length} characters ({len(text)})")
        return _held(text)


class ByteaCodec(Codec):
    """Bytes as they are, whatever the storage class says; a number's text as its bytes."""

    escapes = True

    @property
    def native(self) -> NativeCodec:
        """Blobs, and the bytes of text."""
        return ("bytea",)

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """Blobs only."""
        if kinds == {bytes}:
            return ["\\x" + value.hex() for value in values]  # type: ignore[union-attr]
        return None

    def fit(self, values: Sequence[Value], kinds: set[type]) -> bool:
        """Blobs only."""
        return kinds == {bytes}

    def text(self, value: Value) -> str:
        """See the class."""
        if isinstance(value, bytes):
            return "\\x" + value.hex()
        if isinstance(value, str):
            return "\\x" + value.encode("utf-8", "surrogateescape").hex()
        self.remarks["a number, written as the bytes of its text"] += 1
        return "\\x" + plain(value).encode().hex()


class JsonCodec(Codec):
    """JSON that PostgreSQL can hold. A number is a JSON number, for the type JSON has NUMERIC affinity in SQLite."""

    escapes = True

    def __init__(self, binary: bool, lenient: bool = False) -> None:
        """See the class.

        ``binary``: jsonb, which refuses \\u0000 and lone surrogates, keeps one of two equal keys, and has numeric's
        range. ``lenient``: the target says JSON, so what is JSON but for a NUL or bad UTF-8 loads with U+FFFD there.
        """
        super().__init__()
        self.binary = binary
        self.lenient = lenient

    @property
    def native(self) -> NativeCodec:
        """JSON that is surely held unchanged."""
        return ("jsonb" if self.binary else "json",)

    def text(self, value: Value) -> str:
        """See the class."""
        if isinstance(value, float) and real_text(value).lstrip("-") == "Infinity":
            raise Misfit("is infinite, not JSON")
        try:
            text = _held(plain(value))
        except Misfit as misfit:
            if self.lenient and misfit.stands_in is not None:
                self._check(misfit.stands_in)
                raise
            raise Misfit(misfit.reason) from None
        self._check(text)
        return text

    def _check(self, text: str) -> None:
        try:
            parsed = json.loads(
                text,
                parse_float=_number,
                parse_int=_number,
                parse_constant=_refuse,
                object_pairs_hook=_one_of_each if self.binary else None,
            )
        except RecursionError:
            raise Misfit("is JSON nested too deeply") from None
        except _DuplicateKey as duplicate:
            reason = f"is JSON with the key {duplicate} twice, of which jsonb keeps the last"
            if not self.lenient or "\\u" in text:
                raise Misfit(reason) from None
            JsonCodec(binary=False)._check(text)
            raise Misfit(reason, text, replaced=True) from None
        except ValueError:
            raise Misfit("is not JSON") from None
        if text.count("[") + text.count("{") > DEEPEST and _depth(parsed) > DEEPEST:
            raise Misfit("is JSON nested too deeply")
        if self.binary and "\\u" in text:
            self._check_escapes(parsed)

    def _check_escapes(self, parsed: object) -> None:
        stack = [parsed]
        while stack:
            item = stack.pop()
            if isinstance(item, str) and ("\x00" in item or _SURROGATE.search(item)):
                raise Misfit("is JSON with \\u0000 or half a surrogate pair, which jsonb cannot hold")
            if isinstance(item, dict):
                stack.extend(item.keys())
                stack.extend(item.values())
            elif isinstance(item, list):
                stack.extend(item)


class _DuplicateKey(Exception):
    pass


def _one_of_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _DuplicateKey(next(key for at, key in enumerate(keys) if key in keys[:at]))
    return found


def _depth(parsed: object) -> int:
    level, depth = [parsed], 0
    while level:
        inner = [item for item in level if isinstance(item, dict | list)]
        level = [value for item in inner for value in (item.values() if isinstance(item, dict) else item)]
        depth += bool(inner)
    return depth


def _digits(digits: str) -> str:
    return digits


def _number(digits: str) -> str:
    # numeric holds 131,072 digits before the point and 16,383 after it (PostgreSQL manual, section 8.1.2).
    if len(digits) < 1000 and "e" not in digits and "E" not in digits:
        return digits
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise ValueError(digits) from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or not -16_383 <= exponent <= 131_071 or number.adjusted() > 131_071:
        raise ValueError(digits)
    return digits


def _refuse(word: str) -> None:
    raise ValueError(word)


class UuidCodec(Codec):
    """A UUID in 16 bytes, 32 or 36 characters."""

    @property
    def native(self) -> NativeCodec:
        """All forms, without spaces around them."""
        return ("uuid",)

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """16 bytes each, or PostgreSQL's own form."""
        if kinds == {bytes} and set(map(len, values)) == {16}:  # type: ignore[arg-type]
            return [_dashed(value.hex()) for value in values]  # type: ignore[union-attr]
        if kinds == {str} and _PLAIN_UUIDS.fullmatch("\n".join(values) + "\n"):  # type: ignore[arg-type]
            return list(values)  # type: ignore[arg-type]
        return None

    def text(self, value: Value) -> str:
        """See the class."""
        if isinstance(value, bytes) and len(value) == 16:
            return str(uuid.UUID(bytes=value))
        if isinstance(value, bytes):
            try:
                value = value.decode("ascii")
            except UnicodeDecodeError:
                raise Misfit("is not a UUID") from None
        if isinstance(value, str):
            word = value.strip()
            if _UUID.fullmatch(word):
                return str(uuid.UUID(word))
        raise Misfit("is not a UUID")


def _dashed(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class EnumCodec(Codec):
    """One of an enum type's labels."""

    escapes = True

    def __init__(self, labels: Sequence[str]) -> None:
        """``labels`` as PostgreSQL has them."""
        super().__init__()
        self.labels = frozenset(labels)

    @property
    def native(self) -> NativeCodec:
        """Labels only."""
        return ("enum", -1, -1, tuple(sorted(self.labels)))

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """Labels only."""
        if kinds == {str} and self.labels.issuperset(values):
            return list(values)  # type: ignore[arg-type]
        return None

    def text(self, value: Value) -> str:
        """See the class."""
        text = plain(value)
        if text not in self.labels:
            raise Misfit("is not a label of the enum type")
        return text


class WrittenCodec(Codec):
    """A codec that takes a blob for the text that it holds; one that is not ASCII stays the inner codec's misfit."""

    def __init__(self, inner: Codec) -> None:
        """``inner`` takes numbers and text."""
        super().__init__()
        self.inner = inner
        self.escapes = inner.escapes
        self.remarks = inner.remarks
        self.forms = inner.forms

    @property
    def native(self) -> NativeCodec | None:
        """Whatever of the inner codec's is no blob: the kinds that are wrapped leave those to Python."""
        return self.inner.native

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """Whatever the inner codec takes at once."""
        return self.inner.many(values, kinds)

    def text(self, value: Value) -> str:
        """See the class."""
        if isinstance(value, bytes) and value.isascii():
            value = value.decode("ascii")
        return self.inner.text(value)


class MappedCodec(Codec):
    """The plan's value map before another codec."""

    escapes = True

    def __init__(self, inner: Codec, values: ValueMap) -> None:
        """``inner`` takes the new values."""
        super().__init__()
        self.inner = inner
        self.remarks = inner.remarks
        self.forms = inner.forms
        self.values = values

    def text(self, value: Value) -> str:
        """See the class. Raises Unmapped for a value that the map must name."""
        old = plain(value)
        new = self.values.get(old)
        if new is not None:
            return self.inner.text(new)
        if self.values.unmapped == "keep":
            return self.inner.text(value)
        if self.values.unmapped == "quarantine":
            raise Misfit("is not in the plan's map")
        raise Unmapped("is not in the plan's map")


class CheckedCodec(Codec):
    """A codec whose texts the server judges: domains, and types that only it can read (inet, arrays, ranges, ...).

    ``bad(texts)`` gives the indexes of the texts that the server refuses.
    """

    escapes = True

    def __init__(self, inner: Codec, bad: Callable[[Sequence[str]], list[int]]) -> None:
        """``inner`` makes the texts."""
        super().__init__()
        self.inner = inner
        self.remarks = inner.remarks
        self.forms = inner.forms
        self.bad = bad

    def many(self, values: Sequence[Value], kinds: set[type]) -> list[str] | None:
        """All of the inner codec's texts, if the server takes every one."""
        texts = self.inner.many(values, kinds)
        if texts is None:
            try:
                texts = [self.inner.text(value) for value in values]
            except Misfit:
                return None
        return None if self.bad(texts) else texts

    def text(self, value: Value) -> str:
        """See the class."""
        text = self.inner.text(value)
        if self.bad([text]):
            raise Misfit("is refused by the target's type")
        return text


class ArrayCodec(Codec):
    """A PostgreSQL array: its own text, a JSON list, or a comma-separated one (as frameworks keep arrays in SQLite)."""

    escapes = True

    def text(self, value: Value) -> str:
        """See the class."""
        text = _held(plain(value))
        first = text.lstrip()[:1]
        if first == "{":
            return text
        if first != "[":
            self.remarks["a comma-separated text, read as an array"] += 1
            return _array(text.split(",") if text else [])
        try:
            items = json.loads(text, parse_float=_digits, parse_int=_digits)
        except ValueError:
            raise Misfit("is neither an array nor a JSON list") from None
        return _array(items)


def _array(items: object) -> str:
    if isinstance(items, list):
        return "{" + ",".join(_array(item) for item in items) + "}"
    if items is None:
        return "NULL"
    if isinstance(items, bool):
        return "true" if items else "false"
    if isinstance(items, dict):
        items = json.dumps(items, ensure_ascii=False)
    escaped = str(items).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
