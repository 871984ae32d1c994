"""Reads a TOML file into a model. Whatever is wrong in it is one error, with the lines and the nearest right words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from litelift.errors import UsageError
from litelift.tomlfile.locate import key_lines
from litelift.tomlfile.problems import Problem, combined, did_you_mean, dotted, either, section_words, shown
from litelift.tomlfile.shape import Place, keys_of, place

Keys = tuple[str | int, ...]
_M = TypeVar("_M", bound=BaseModel)

_WANTED = {
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "an array, such as [ ... ]",
    "tuple_type": "an array, such as [ ... ]",
    "dict_type": 'a table, such as { "old" = "new" }',
    "model_type": "a table",
    "model_attributes_type": "a table",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


@dataclass(frozen=True)
class Form(Generic[_M]):
    """A kind of file."""

    model: type[_M]
    noun: str
    """As a sentence has it: "plan file"."""
    absent: str
    """The hint where there is no such file."""
    error: type[UsageError]
    """Raised with path, line and message."""
    sections: Sequence[tuple[type[BaseModel], str]] = ()
    """Each table's model, and how its header is written."""
    elsewhere: Callable[[type[BaseModel], Keys, object], str | None] = field(default=lambda model, keys, got: None)
    """Where an unknown key of a table may belong, given the table's model, the keys to it, and its value."""


def read(form: Form[_M], path: Path) -> tuple[_M, dict[Keys, int]]:
    """What the file ``path`` holds, and the line of each of its keys.

    Raises the form's error for anything in it that is not understood, and UsageError where there is no such file.
    """
    text = _text(form, path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(form, path, text, error) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; brackets in brackets without end
        raise form.error(path=path, line=1, message=f"not TOML that can be read: {error}") from None
    lines = key_lines(text)
    try:
        return form.model.model_validate(data), lines
    except ValidationError as error:
        found = [dict(e) for e in error.errors(include_url=False)]
        raise combined(form.error, path, lines, _problems(form, found)) from None


def _text(form: Form[_M], path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(message=f"there is no {form.noun} {path}", hint=form.absent) from None
    except IsADirectoryError:
        said = f"the {form.noun} {path} cannot be read: it is a folder"
        raise UsageError(message=said, hint="Name the file in it.") from None
    except OSError as error:
        raise UsageError(message=f"the {form.noun} {path} cannot be read: {error.strerror}") from None
    try:
        # Windows' editors put a byte order mark in front.
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise form.error(path=path, line=line, message="the file is not UTF-8 here; save it as UTF-8") from None


def _syntax_error(form: Form[_M], path: Path, text: str, error: tomllib.TOMLDecodeError) -> UsageError:
    words = str(error)
    at = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", words)
    if at is None or at[1] is None:
        line, column = text.rstrip().count("\n") + 1, ""
    else:
        line, column = int(at[1]), f" (column {at[2]})"
    said = words[: at.start()] if at else words
    return form.error(path=path, line=line, message=f"not valid TOML: {said[:1].lower()}{said[1:]}{column}")


def _problems(form: Form[_M], errors: list[dict[str, Any]]) -> Iterator[Problem]:
    """Pydantic's errors in words that help a person who edits the file."""
    choices: dict[Keys, list[tuple[Place, dict[str, Any]]]] = {}
    for error in errors:
        at = place(form.model, error["loc"])
        if at.choice is None:
            yield _problem(form, at, error)
        else:
            choices.setdefault(at.keys[: at.choice], []).append((at, error))
    for keys, found in choices.items():
        yield from _of_a_choice(form, keys, found)


def _of_a_choice(form: Form[_M], keys: Keys, found: list[tuple[Place, dict[str, Any]]]) -> Iterator[Problem]:
    """A value that may be of several types is told once: as one of them where it comes near to that."""
    nearer = [(at, error) for at, error in found if len(at.keys) > len(keys)]
    if nearer or any(str(error["type"]) not in _WANTED for _, error in found):
        for at, error in nearer or found:
            yield _problem(form, at, error)
        return
    wanted = list(dict.fromkeys(_WANTED[str(error["type"])] for _, error in found))
    yield Problem(keys, f"{dotted(keys)}: expected {either(wanted)}; got {shown(found[0][1]['input'])}")


def _problem(form: Form[_M], at: Place, error: Mapping[str, Any]) -> Problem:
    keys = at.keys
    kind = str(error["type"])
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        return Problem(keys, _unknown_key(form, at, error["input"]))
    if kind == "missing":
        what = "table" if any(header.split()[0] == section_words(keys) for _, header in form.sections) else "key"
        written = section_words(keys) if what == "table" else repr(keys[-1])
        return Problem(keys, f"there is no {what} {written} in {section_words(keys[:-1])}, and it is needed")
    if kind in ("literal_error", "union_tag_invalid"):
        expected = str(context.get("expected") or context["expected_tags"])
        allowed = re.findall(r"'([^']*)'", expected) or re.split(r", | or ", expected)
        got = error["input"]
        if kind == "union_tag_invalid":
            keys, got = (*keys, context["discriminator"].strip("'")), context["tag"]
        message = f"{keys[-1]} = {shown(got)} in {section_words(keys[:-1])}; expected {either(allowed)}"
        return Problem(keys, message + (did_you_mean(got, allowed) if isinstance(got, str) else ""))
    if kind == "union_tag_not_found":
        key = context["discriminator"].strip("'")
        return Problem(keys, f"there is no key {key!r} in {section_words(keys)}, and it is needed")
    if kind == "about":
        keys = (*keys, context["key"])
        return Problem(keys, f"{dotted(keys)}: {context['said']}")
    if kind == "value_error":
        return Problem(keys, f"{dotted(keys)}: {context['error']}")
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return Problem(keys, f"{dotted(keys)}: expected {words} {context[bound]:g}; got {shown(error['input'])}")
    if str(error["msg"]).startswith("expected"):
        return Problem(keys, f"{dotted(keys)}: {error['msg']}")
    wanted = _WANTED.get(kind, str(error["msg"]).removeprefix("Input should be "))
    return Problem(keys, f"{dotted(keys)}: expected {wanted}; got {shown(error['input'])}")


def _unknown_key(form: Form[_M], at: Place, got: object) -> str:
    model = at.model or form.model
    allowed = keys_of(model)
    key = str(at.keys[-1])
    message = f"unknown key {key!r} in {section_words(at.keys[:-1])}"
    near = did_you_mean(key, allowed)
    if near:
        return message + near
    place_of_it = form.elsewhere(model, at.keys, got)
    if place_of_it:
        return f"{message}; {place_of_it}"
    others = _places(form, key, section_words(at.keys[:-1]))
    if others:
        return f"{message}; it belongs under {either(others)}"
    return f"{message}; expected {either(allowed)}"


def _places(form: Form[_M], key: str, here: str) -> list[str]:
    """The tables that have such a key; of several kinds of one table, that table."""
    found = [header for other, header in form.sections if key in keys_of(other)]
    tables = [header.split(" with ")[0] for header in found]
    return list(
        dict.fromkeys(
            header if table == here or tables.count(table) == 1 else table
            for header, table in zip(found, tables, strict=True)
        )
    )
