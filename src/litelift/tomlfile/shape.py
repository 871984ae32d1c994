"""What a model says a TOML file looks like: from pydantic's own paths to the keys that the file has."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Place:
    """Where one of pydantic's errors belongs."""

    keys: tuple[str | int, ...]
    """As the file has them: without the tags and the type's names that pydantic puts between them."""
    model: type[BaseModel] | None
    """The table that holds the last key."""
    choice: int | None
    """How many keys lead to a value that may be of several types; None where the way has none."""


def place(model: type[BaseModel], loc: Sequence[str | int]) -> Place:
    """Where ``loc``, of an error that ``model`` gave, is in the file."""
    keys: list[str | int] = []
    at: Any = model
    holder: type[BaseModel] | None = model
    choice = None
    for part in loc:
        at = _plain(at)
        if _tagged(at):
            at = _variants(at).get(str(part))
            holder = _model(at) or holder
            continue
        members = _members(at)
        if len(members) > 1:
            choice = len(keys)
            at = next((m for m in members if _label(m) == part), None)
            continue
        holder = _model(at)
        keys.append(part)
        at = _inside(at, part)
    return Place(tuple(keys), holder, choice)


def sections(model: type[BaseModel], header: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """Each table that the file may have, and how its header is written."""
    for name, field in model.model_fields.items():
        key = f"{header}.{field.alias or name}" if header else field.alias or name
        annotation = _field(field)
        listed = get_origin(_plain(annotation)) is list
        inside = _plain(get_args(_plain(annotation))[0] if listed else annotation)
        written = f"[[{key}]]" if listed else f"[{key}]"
        if _tagged(inside):
            for tag, variant in _variants(inside).items():
                yield variant, f'{written} with {_discriminator(inside)} = "{tag}"'
                yield from sections(variant, key)
        elif (found := _model(inside)) is not None:
            yield found, written
            yield from sections(found, key)


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys that a table may have."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _field(field: FieldInfo) -> Any:
    # pydantic takes Annotated's outermost layer off a field, and keeps its discriminator.
    if field.discriminator is None:
        return field.annotation
    return Annotated[field.annotation, field]


def _plain(annotation: Any) -> Any:
    """Without what does not show in pydantic's paths: constraints, and "or None"."""
    while True:
        if get_origin(annotation) is Annotated and not _tagged(annotation):
            annotation = get_args(annotation)[0]
        elif len(members := _members(annotation)) == 1 and members[0] is not annotation:
            annotation = members[0]
        else:
            return annotation


def _tagged(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated and any(
        isinstance(extra, FieldInfo) and extra.discriminator for extra in annotation.__metadata__
    )


def _variants(annotation: Any) -> Mapping[str, type[BaseModel]]:
    """The models of a tagged union, by their tags."""
    return {
        tag: member
        for member in map(_model, _members(get_args(annotation)[0]))
        if member is not None
        for tag in get_args(member.model_fields[_discriminator(annotation)].annotation)
    }


def _discriminator(annotation: Any) -> str:
    extras = annotation.__metadata__
    return next(str(e.discriminator) for e in extras if isinstance(e, FieldInfo) and e.discriminator)


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for member in get_args(annotation) if member is not types.NoneType]
    return [annotation]


def _label(annotation: Any) -> str:
    """How pydantic names a member of a union."""
    plain = _plain(annotation)
    if get_origin(plain) in (list, dict):
        return f"{get_origin(plain).__name__}[{','.join(_label(inner) for inner in get_args(plain))}]"
    return str(getattr(plain, "__name__", plain))


def _model(annotation: Any) -> type[BaseModel] | None:
    plain = _plain(annotation)
    return plain if isinstance(plain, type) and issubclass(plain, BaseModel) else None


def _inside(annotation: Any, part: str | int) -> Any:
    model = _model(annotation)
    if model is not None:
        fields = model.model_fields.items()
        return next((_field(field) for name, field in fields if part in (name, field.alias)), None)
    inner = get_args(annotation)
    if not inner:
        return None
    if get_origin(annotation) is tuple and isinstance(part, int) and inner[-1] is not ...:
        return inner[part] if part < len(inner) else None
    return inner[1] if get_origin(annotation) is dict else inner[0]
