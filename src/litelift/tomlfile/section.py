"""What every table of litelift.toml is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A table of the file. Strict: "true" is not true; frozen: what was checked stays what it was."""

    # Of fifty tables the two that a file is read by are built, when one is: the others are within them.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


Command = str | list[str]
"""A command of the project: text for ``/bin/sh -c``, or a list of words that no shell reads."""

Seconds = Annotated[float, Field(gt=0, le=86400)]
Port = Annotated[int, Field(ge=1, le=65535)]


def about(key: str | int, said: str) -> PydanticCustomError:
    """A finding of a whole table's validator that belongs to one of its keys."""
    return PydanticCustomError("about", "{said}", {"key": key, "said": said})
