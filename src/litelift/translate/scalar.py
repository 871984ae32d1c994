"""SQLite's scalar functions on translated arguments ("Built-In Scalar SQL Functions", "JSON Functions")."""

from __future__ import annotations

import re
from collections.abc import Callable

from litelift.sqlite.schema import Affinity
from litelift.translate import jsonvalue
from litelift.translate.convert import as_integer, as_number, as_text, unmapped
from litelift.translate.patterns import glob, like
from litelift.translate.unify import unify
from litelift.translate.value import NUMBERS, TIMES, Refused, Typed, quote_text

_JSON_VALID_VERSION = 160000
"""IS JSON came with PostgreSQL 16."""
_GEN_RANDOM_UUID_VERSION = 130000
"""gen_random_uuid() came into the core with PostgreSQL 13."""
_MOST_INLINE = 64
"""Longer random blobs are made by a function, for an expression of that length helps nobody."""

_TAKES_NULL = frozenset({"coalesce", "ifnull", "typeof", "hex", "printf", "format"})
"""The functions that give something else than NULL for a NULL."""


class Scalar:
    """The functions, for one server version. ``need`` notes one of our own functions and returns its SQL name."""

    def __init__(self, version: int, need: Callable[[str], str]) -> None:
        """Make the table of functions."""
        self._version = version
        self._need = need
        self._table: dict[str, tuple[int, int, Callable[[list[Typed]], Typed]]] = {
            "length": (1, 1, _length),
            "octet_length": (1, 1, _octet_length),
            "lower": (1, 1, _lower),
            "upper": (1, 1, lambda a: _text(f'upper({as_text(a[0], "upper()")} COLLATE "C")')),
            "trim": (1, 2, lambda a: _trim("btrim", a)),
            "ltrim": (1, 2, lambda a: _trim("ltrim", a)),
            "rtrim": (1, 2, lambda a: _trim("rtrim", a)),
            "substr": (2, 3, _substr),
            "substring": (2, 3, _substr),
            "instr": (2, 2, _instr),
            "replace": (3, 3, lambda a: _text(f"replace({', '.join(_c(x, 'replace()') for x in a)})")),
            "hex": (1, 1, _hex),
            "unicode": (1, 1, lambda a: _int(f"nullif(ascii({as_text(a[0], 'unicode()')}), 0)")),
            "abs": (1, 1, _abs),
            "sign": (1, 1, lambda a: _int(f"sign({as_number(a[0], 'sign()').sql})::bigint")),
            "round": (1, 2, _round),
            "min": (2, 99, lambda a: _extreme("LEAST", a)),
            "max": (2, 99, lambda a: _extreme("GREATEST", a)),
            "coalesce": (2, 99, _coalesce),
            "ifnull": (2, 2, _coalesce),
            "typeof": (1, 1, _typeof),
            "json_valid": (1, 1, self._json_valid),
            "json_extract": (2, 2, _json_extract),
            "json_array_length": (1, 2, _json_array_length),
            "json_type": (1, 2, _json_type),
            "random": (0, 0, lambda a: self._random()),
            "randomblob": (1, 1, self._randomblob),
            # Not SQLite's own, but of its extension sqlean, and registered by applications, under PostgreSQL's name.
            "gen_random_uuid": (0, 0, lambda a: self._random_uuid()),
            "printf": (1, 99, _printf),
            "format": (1, 99, _printf),
            "glob": (2, 2, lambda a: match_glob(a[1], a[0])),
            "like": (2, 3, lambda a: match_like(a[1], a[0], a[2] if len(a) > 2 else None)),
            "likely": (1, 1, lambda a: a[0]),
            "unlikely": (1, 1, lambda a: a[0]),
            "likelihood": (2, 2, lambda a: a[0]),
        }

    def call(self, name: str, arguments: list[Typed]) -> Typed:
        """``name(arguments)``. Raises Refused for a function that is not known here."""
        if name not in self._table:
            raise Refused(f"the function {name}() is not known")
        fewest, most, make = self._table[name]
        if not fewest <= len(arguments) <= most:
            raise Refused(f"the function {name}() with {len(arguments)} arguments")
        if arguments and name not in _TAKES_NULL and any(a.kind == "null" for a in arguments):
            return Typed("NULL", "null", atomic=True, constant=True)
        return make(arguments)

    def _json_valid(self, a: list[Typed]) -> Typed:
        """json_valid(); of a NULL it is NULL, as it is since SQLite 3.45 (before, it was 0)."""
        if a[0].kind == "json":
            return Typed(f"CASE WHEN {a[0].operand} IS NOT NULL THEN true END", "bool")
        text = as_text(a[0], "json_valid()")
        if self._version >= _JSON_VALID_VERSION:
            return Typed(f"{text} IS JSON", "bool")
        return Typed(f"{self._need('json_valid')}({text})", "bool", atomic=True)

    def _random(self) -> Typed:
        return _int(f"('x' || left({self._random_hex()}, 16))::bit(64)::bigint")

    def _random_hex(self) -> str:
        """32 random hexadecimal digits; a hash, for a version 4 UUID has digits that are always the same."""
        if self._version >= _GEN_RANDOM_UUID_VERSION:
            return "md5(gen_random_uuid()::text)"
        return "md5(random()::text || clock_timestamp()::text || random()::text)"

    def _random_uuid(self) -> Typed:
        if self._version < _GEN_RANDOM_UUID_VERSION:
            raise Refused("gen_random_uuid() before PostgreSQL 13")
        return _text("gen_random_uuid()::text")

    def _randomblob(self, a: list[Typed]) -> Typed:
        if not a[0].constant or not isinstance(a[0].value, int):
            raise Refused("randomblob() with a size that is no number")
        size = max(a[0].value, 1)
        if size > _MOST_INLINE:
            return Typed(f"{self._need('randomblob')}({size})", "bytes", atomic=True)
        pieces = [self._random_hex() for _ in range((size + 15) // 16)]
        last = size * 2 - 32 * (len(pieces) - 1)
        if last < 32:
            pieces[-1] = f"left({pieces[-1]}, {last})"
        digits = " || ".join(pieces)
        return Typed(f"decode({digits}, 'hex')", "bytes", atomic=True, hexadecimal=digits)


def match_like(left: Typed, right: Typed, escape: Typed | None) -> Typed:
    """``left LIKE right``."""
    if escape is not None and not isinstance(escape.value, str):
        raise Refused("ESCAPE with what is no literal")
    pattern = right.value if isinstance(right.value, str) else None
    words = like(
        as_text(left, "LIKE"),
        pattern,
        as_text(right, "LIKE"),
        escape.value if escape and isinstance(escape.value, str) else None,
    )
    return Typed(words, "bool")


def match_glob(left: Typed, right: Typed) -> Typed:
    """``left GLOB right``."""
    if not isinstance(right.value, str):
        raise Refused("GLOB with a pattern that is no literal")
    return Typed(glob(as_text(left, "GLOB"), right.value), "bool")


def _text(sql: str) -> Typed:
    return Typed(sql, "text", atomic=True)


def _int(sql: str) -> Typed:
    return Typed(sql, "int", atomic=True)


def _c(typed: Typed, use: str) -> str:
    """Text in the collation "C": replace() and strpos() refuse collations that are not deterministic."""
    text = as_text(typed, use)
    return text if typed.constant else f'{text} COLLATE "C"'


def _length(a: list[Typed]) -> Typed:
    if a[0].kind == "bytes":
        return _int(f"octet_length({unmapped(a[0], 'length()').sql})")
    return _int(f"length({as_text(a[0], 'length()')})")


def _octet_length(a: list[Typed]) -> Typed:
    if a[0].kind == "bytes":
        return _length(a)
    return _int(f"octet_length({as_text(a[0], 'octet_length()')})")


def _lower(a: list[Typed]) -> Typed:
    # lower(hex(x)) is what people write.
    if a[0].kind == "text" and a[0].hexadecimal is not None:
        return Typed(a[0].hexadecimal, "text", atomic="||" not in a[0].hexadecimal)
    return _text(f'lower({as_text(a[0], "lower()")} COLLATE "C")')


def _trim(function: str, a: list[Typed]) -> Typed:
    letters = as_text(a[1], "trim()") if len(a) > 1 else "' '"
    return _text(f"{function}({as_text(a[0], 'trim()')}, {letters})")


def _substr(a: list[Typed]) -> Typed:
    """substr(X,Y,Z): Y counts from the end where it is negative; a negative Z takes the characters before Y."""
    is_bytes = a[0].kind == "bytes"
    # Of an empty blob SQLite makes NULL (substrFunc() in func.c).
    text = f"nullif({unmapped(a[0], 'substr()').sql}, ''::bytea)" if is_bytes else as_text(a[0], "substr()")
    length = f"{'octet_length' if is_bytes else 'length'}({text})"
    made = Typed("", "bytes" if is_bytes else "text", atomic=True)
    start = _bounded(a[1])
    count = _bounded(a[2]) if len(a) > 2 else None
    begin: str
    if isinstance(start, int):
        begin = str(start) if start >= 0 else f"{length} - {-start - 1}"
    else:
        begin = f"CASE WHEN {start} < 0 THEN {length} + {start} + 1 ELSE {start} END"
    if count is None:
        return _with_sql(made, f"substr({text}, {begin})")
    if isinstance(count, int):
        if count < 0:
            return _with_sql(made, f"substr({text}, ({begin}) - {-count}, {-count})")
        return _with_sql(made, f"substr({text}, {begin}, {count})")
    return _with_sql(made, f"substr({text}, ({begin}) + CASE WHEN {count} < 0 THEN {count} ELSE 0 END, abs({count}))")


def _with_sql(typed: Typed, sql: str) -> Typed:
    return Typed(sql, typed.kind, atomic=True)


def _bounded(typed: Typed) -> int | str:
    """A place in a text: a number, or an integer operand. No text is longer than 1 GB: more than that means the end."""
    if typed.constant and isinstance(typed.value, int):
        return max(-(10**9), min(10**9, typed.value))
    place = as_integer(typed, "substr()")
    # least() and greatest() pass over NULLs.
    return f"(CASE WHEN {place} IS NOT NULL THEN greatest(least({place}, 1000000000), -1000000000)::int END)"


def _instr(a: list[Typed]) -> Typed:
    if a[0].kind == "bytes" and a[1].kind == "bytes":
        return _int(f"position({a[1].operand} IN {a[0].operand})")
    return _int(f"strpos({_c(a[0], 'instr()')}, {_c(a[1], 'instr()')})")


def _hex(a: list[Typed]) -> Typed:
    """hex(); of a NULL it is an empty text."""
    if a[0].kind == "bytes":
        digits = a[0].hexadecimal or f"coalesce(encode({unmapped(a[0], 'hex()').sql}, 'hex'), '')"
        return Typed(f"upper({digits})", "text", atomic=True, hexadecimal=digits)
    # convert_to() is not IMMUTABLE; the cast is, and takes a backslash for an escape unless it is doubled.
    doubled = f"replace({_c(a[0], 'hex()')}, {quote_text(chr(92))}, {quote_text(chr(92) * 2)})"
    return _text(f"coalesce(upper(encode({doubled}::bytea, 'hex')), '')")


def _abs(a: list[Typed]) -> Typed:
    number = as_number(a[0], "abs()")
    return Typed(f"abs({number.sql})", number.kind, atomic=True)


def _round(a: list[Typed]) -> Typed:
    digits = 0
    if len(a) > 1:
        if not a[1].constant or not isinstance(a[1].value, int):
            raise Refused("round() with digits that are no number")
        digits = max(0, min(30, a[1].value))
    number = as_number(a[0], "round()")
    if number.kind == "int":
        return Typed(f"{number.operand}::double precision", "real", atomic=True)
    # double precision rounds halves to even, numeric away from zero, as SQLite does.
    return Typed(f"round({number.operand}::numeric, {digits})::double precision", "real", atomic=True)


def _extreme(function: str, a: list[Typed]) -> Typed:
    """min() and max() are NULL where any argument is; LEAST and GREATEST pass over NULLs."""
    made = unify(a)
    if made.like.kind == "text" and next((x.collation for x in a if x.collates), "BINARY") != "BINARY":
        raise Refused("min() or max() under a collation: which of two equal texts it gives is not said")
    if made.like.kind in ("bool", "enum", "uuid", "json", "other") or made.like.values is not None:
        raise Refused(f"min() or max() of a {made.like.kind}")
    words = [f'({x}) COLLATE "C"' if made.like.kind == "text" else x for x in made.sql]
    nullable = [x.operand for x in a if not x.constant]
    chosen = f"{function}({', '.join(words)})"
    if not nullable:
        return made.typed(chosen, atomic=True)
    return made.typed(f"CASE WHEN {' AND '.join(f'{x} IS NOT NULL' for x in nullable)} THEN {chosen} END")


def _coalesce(a: list[Typed]) -> Typed:
    made = unify(a)
    return made.typed(f"coalesce({', '.join(made.sql)})", atomic=True)


def _typeof(a: list[Typed]) -> Typed:
    typed = a[0]
    if typed.kind in ("int", "numeric") and typed.column and typed.affinity in (Affinity.REAL, Affinity.TEXT):
        # A foreign key's column, made like its parent's: SQLite stores the number by the column's own affinity.
        name = "'real'" if typed.affinity is Affinity.REAL else "'text'"
    elif typed.kind in ("int", "bool"):
        name = "'integer'"
    elif typed.kind == "real":
        name = "'real'"
    elif typed.kind == "numeric" and typed.column:
        # A NUMERIC column keeps 3.0 as the integer 3 ("Datatypes", section 3).
        name = f"CASE WHEN {typed.operand} = trunc({typed.operand}) THEN 'integer' ELSE 'real' END"
    elif typed.kind in ("text", "bytes"):
        name = "'text'" if typed.kind == "text" else "'blob'"
    elif typed.kind in (*TIMES, "time", "enum", "json") and typed.affinity not in ("INTEGER", "REAL"):
        name = "'text'"
    else:
        raise Refused(f"typeof() of a {typed.kind}")
    return Typed(f"CASE WHEN {typed.operand} IS NULL THEN 'null' ELSE {name} END", "text")


def _json_extract(a: list[Typed]) -> Typed:
    if not isinstance(a[1].value, str):
        raise Refused("json_extract() with a path that is no literal")
    return Typed(jsonvalue.extract(a[0], jsonvalue.steps(a[1].value)), "jsonvalue")


def _at_path(a: list[Typed], name: str) -> str:
    if len(a) == 1:
        return jsonvalue.base(a[0])
    if not isinstance(a[1].value, str):
        raise Refused(f"{name}() with a path that is no literal")
    return f"({jsonvalue.extract(a[0], jsonvalue.steps(a[1].value))})"


def _json_array_length(a: list[Typed]) -> Typed:
    found = _at_path(a, "json_array_length")
    return Typed(
        f"CASE WHEN jsonb_typeof({found}) = 'array' THEN jsonb_array_length({found})"
        f" WHEN {found} IS NOT NULL THEN 0 END",
        "int",
    )


def _json_type(a: list[Typed]) -> Typed:
    return Typed(jsonvalue.typeof_json(_at_path(a, "json_type")), "text")


def _printf(a: list[Typed]) -> Typed:
    """printf() with %s, %d and %f, their widths and precisions; each other word is refused."""
    if not isinstance(a[0].value, str):
        raise Refused("printf() with a format that is no literal")
    rest = list(a[1:])
    parts: list[str] = []
    for piece in re.findall(r"%%|%[-0,]?\d*(?:\.\d+)?[dfs]|[^%]+|%", a[0].value):
        if piece == "%%":
            parts.append("'%'")
        elif piece[0] != "%":
            parts.append(quote_text(piece))
        elif len(piece) > 1 and rest:
            parts.append(_conversion(piece, rest.pop(0)))
        else:
            raise Refused(f"printf() with {piece}")
    return Typed(" || ".join(parts) or "''::text", "text")


def _conversion(piece: str, typed: Typed) -> str:
    found = re.fullmatch(r"%([-0,]?)(\d*)(?:\.(\d+))?([dfs])", piece)
    assert found is not None
    flag, width, places, code = found.groups()
    if (code in "ds" and places) or (flag == "0" and code == "s") or (flag == "," and code != "d"):
        raise Refused(f"printf() with {piece}")
    if code == "d":
        words = _digits(typed, int(width or 0) if flag == "0" else 0, flag == ",")
    elif code == "s":
        words = f"coalesce({as_text(typed, 'printf()')}, '')"
    elif typed.kind in NUMBERS:
        # The text of a numeric has as many decimals as it was rounded to.
        words = f"round(coalesce({as_number(typed, 'printf()').operand}, 0)::numeric, {int(places or 6)})::text"
        if flag == "0" and width:
            words = _zeros(words, int(width))
    else:
        raise Refused("printf() with %f of what is not a number")
    if not width or flag == "0":
        return words
    pad = "rpad" if flag == "-" else "lpad"
    # The width is in bytes ("Built-in printf()", section 2.4), which lpad() counts as characters.
    return f"{pad}({words}, greatest({width} - octet_length({words}) + length({words}), length({words})))"


def _zeros(words: str, width: int) -> str:
    """The text of a number with zeros before its digits, after its sign."""
    positive = f"lpad({words}, greatest({width}, length({words})), '0')"
    negative = f"'-' || lpad(substr({words}, 2), greatest({width - 1}, length({words}) - 1), '0')"
    return f"(CASE WHEN {words} LIKE '-%' THEN {negative} ELSE {positive} END)"


def _digits(typed: Typed, width: int, grouped: bool = False) -> str:
    if typed.kind not in NUMBERS | {"bool"}:
        raise Refused("printf() with %d of what is not a number")
    number = f"coalesce({as_integer(typed, 'printf()')}, 0)"
    if grouped:
        return f"to_char({number}, 'FM9,999,999,999,999,999,990')"
    return f"{number}::text" if width == 0 else _zeros(f"{number}::text", width)
