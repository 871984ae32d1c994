"""What a plan is known by again, table by table: who goes on with a move must do what was decided before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel

from litelift.plan.plan import MovePlan

Fingerprint = dict[str, Any]
"""By name: ``objects``, the digest of all that is no table; ``tables``, each one's rows and digest by its source."""


def fingerprint(plan: MovePlan) -> Fingerprint:
    """The fingerprint of all that a plan does. What it tells beside that is not in it."""
    objects = [
        plan.mode,
        plan.schema,
        plan.enums,
        plan.functions,
        plan.support,
        plan.indexes,
        plan.checks,
        plan.foreign_keys,
        plan.sequences,
        plan.views,
        plan.triggers,
    ]
    return {
        "objects": _digest(objects),
        "tables": {table.source: [table.file_rows, _digest(table)] for table in plan.tables},
    }


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is other in ``now`` than it was ``before``, in words."""
    old, new = before["tables"], now["tables"]
    said = [f"the table {name} is gone" for name in old if name not in new]
    said += [f"the table {name} is new" for name in new if name not in old]
    for name in old:
        if name in new and old[name] != new[name]:
            rows = f"{name} had {old[name][0]:,} rows, and has {new[name][0]:,}"
            said.append(rows if old[name][0] != new[name][0] else f"{name} was decided otherwise")
    if before["objects"] != now["objects"]:
        said.append("keys, indexes, views or triggers were decided otherwise")
    return said


def _digest(part: Any) -> str:
    text = json.dumps(_plain(part), ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(part: Any) -> Any:
    """The same as JSON has it, in one order."""
    if isinstance(part, BaseModel):
        return _plain(part.model_dump())
    if is_dataclass(part) and not isinstance(part, type):
        return {
            "": type(part).__name__,
            **{field.name: _plain(getattr(part, field.name)) for field in fields(part) if field.compare},
        }
    if isinstance(part, Mapping):
        return [[_plain(key), _plain(value)] for key, value in part.items()]
    if isinstance(part, Set):
        return sorted((_plain(one) for one in part), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(part, list | tuple):
        return [_plain(one) for one in part]
    if isinstance(part, Enum):
        return _plain(part.value)
    if isinstance(part, bytes):
        return ["bytes", part.hex()]
    if part is None or isinstance(part, str | int | float | bool):
        return part.encode("utf-8", "surrogatepass").hex() if isinstance(part, str) and not part.isprintable() else part
    raise TypeError(f"{type(part).__name__} has no place in a fingerprint")
