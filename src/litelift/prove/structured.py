"""One text for all the ways to write the same JSON value, array or network address."""

from __future__ import annotations

import ipaddress
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from litelift.prove.times import Unreadable

# A number is held as a string that no jsonb string can be: jsonb refuses \u0000 (section 8.14 of the manual).
_NUMBER_MARK = "\0#"
_TOKEN_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\n\r]+', re.DOTALL)
_ARRAY_TOKEN = re.compile(r'\s*(?:([{},])|"((?:[^"\\]|\\.)*)"|((?:[^{},"\\]|\\.)+))', re.DOTALL)


def number_text(text: str) -> str:
    """A decimal number's digits and exponent, the same for 1, 1.0 and 10e-1."""
    if text.isdecimal() and text[-1] != "0":
        return text
    sign, digits, exponent = Decimal(text).as_tuple()
    if not isinstance(exponent, int):
        raise Unreadable(text)
    whole = "".join(map(str, digits)).lstrip("0")
    if not whole:
        return "0"
    stripped = whole.rstrip("0")
    exponent += len(whole) - len(stripped)
    return f"{'-' if sign else ''}{stripped}{f'E{exponent}' if exponent else ''}"


def _mark(text: str) -> str:
    return _NUMBER_MARK + number_text(text)


def _refuse(text: str) -> Any:
    raise Unreadable(text)


class _Marked(str):
    """A number's mark, told apart from a string that happens to look like one."""


def _guard(value: Any) -> Any:
    # Only for text that writes \u0000: a string that could look like a marked number gets another mark.
    if isinstance(value, str):
        return "\0" + value if value.startswith("\0") and not isinstance(value, _Marked) else value
    if isinstance(value, list):
        return [_guard(item) for item in value]
    if isinstance(value, dict):
        return {key: _guard(item) for key, item in value.items()}
    return value


def _mark_apart(text: str) -> str:
    return _Marked(_mark(text))


_decode = json.JSONDecoder(parse_float=_mark, parse_int=_mark, parse_constant=_refuse).decode
_decode_apart = json.JSONDecoder(parse_float=_mark_apart, parse_int=_mark_apart, parse_constant=_refuse).decode
encode_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode


def json_text(text: str) -> str:
    """One text for equal JSON: keys in order, the last of duplicates, numbers by value. Raises Unreadable."""
    try:
        return encode_json(_guard(_decode_apart(text)) if "\\u0000" in text else _decode(text))
    except RecursionError:
        # Deeper than the interpreter reads: compared as written, without the space between the tokens.
        return "\0deep" + _TOKEN_SPACE.sub(lambda found: found[1] or "", text)
    except (ValueError, InvalidOperation) as error:
        raise Unreadable(str(error)) from error


def json_value(text: str) -> Any:
    """The value of a JSON text, numbers as their text. Raises Unreadable."""
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def array_items(text: str) -> list[Any]:
    """The nested items of an array's text form, None for NULL (section 8.15.6 of the manual). Raises Unreadable."""
    body = text.strip()
    if body.startswith("["):  # explicit bounds: [2:3]={a,b}
        body = body.partition("=")[2]
    root: list[Any] = []
    stack = [root]
    position = 0
    while position < len(body):
        found = _ARRAY_TOKEN.match(body, position)
        if found is None:
            raise Unreadable(text)
        position = found.end()
        mark, quoted, bare = found.groups()
        if mark == "{":
            inner: list[Any] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif mark == "}":
            if len(stack) < 2:
                raise Unreadable(text)
            stack.pop()
        elif quoted is not None:
            stack[-1].append(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        elif bare is not None:
            word = bare.strip()
            stack[-1].append(None if word.upper() == "NULL" else re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL))
    if len(stack) != 1 or len(root) != 1 or not isinstance(root[0], list):
        raise Unreadable(text)
    return root[0]


def address_text(text: str) -> str:
    """A network address with its prefix length always written. Raises Unreadable."""
    try:
        return str(ipaddress.ip_interface(text.strip()))
    except ValueError as error:
        raise Unreadable(str(error)) from error
