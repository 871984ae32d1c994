"""The tables of docs/reference/litelift-toml.md, of the settings' docstrings: ``python tests/runbook_reference.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from litelift.cutover.documented import documented, heading
from litelift.cutover.settings import Runbook
from litelift.tomlfile.shape import sections
from litelift.tomlfile.write import value

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "litelift-toml.md"


def page() -> str:
    """The whole page: what a person wrote of it, and each table."""
    written, _, _ = PAGE.read_text(encoding="utf-8").partition("## `[project]`")
    return written + "\n".join(line for model, header in sections(Runbook) for line in _section(model, header))


def _section(model: type[BaseModel], header: str) -> Iterator[str]:
    written, _, kind = header.partition(" with ")
    yield f"## `{written}`" + (f" with `{kind}`" if kind else "")
    yield ""
    text = re.sub(r"^``[^`]+``(?: and ``[^`]+``)*(?: with kind = \"\w+\")?: ", "", heading(model)).replace("``", "`")
    yield text[:1].upper() + text[1:]
    yield ""
    yield "| Key | Holds | Left out | Meaning |"
    yield "|---|---|---|---|"
    documents = documented(model)
    tables = {written.split(".")[-1].strip("[]") for _, written in sections(model, "")}
    for name, field in model.model_fields.items():
        if (field.alias or name) in tables:
            continue
        key = field.alias or name
        default = field.get_default(call_default_factory=True)
        if default is PydanticUndefined:
            left_out = "needed"
        elif default is None:
            left_out = ""
        else:
            left_out = f"`{value(list(default) if isinstance(default, tuple) else default)}`"
        meaning = documents.get(key, "which of these tables it is").replace("``", "`").replace("\n", " ")
        meaning = meaning.replace("None:", "Left out:").replace("|", "\\|")
        yield f"| `{key}` | {_words(field.annotation)} | {left_out} | {meaning} |"
    yield ""


def _words(kind: Any) -> str:
    """A type as a person who writes TOML says it."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _words(inner[0])
    if origin is Literal:
        return " or ".join(f"`{value(word)}`" for word in inner)
    if origin in (Union, UnionType):
        words = dict.fromkeys(_words(one) for one in inner if one is not NoneType)
        return "a command" if set(words) == {"a text", "an array: a text"} else " or ".join(words)
    if origin in (list, tuple):
        return f"an array: {_words(inner[0])}"
    if origin is dict:
        return f"a table: {_words(inner[1])}"
    return {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "anything")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
