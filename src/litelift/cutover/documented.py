"""What the runbook's tables and keys are for: their models' own docstrings, so that no copy of them can drift."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from textwrap import dedent

from pydantic import BaseModel


@cache
def documented(model: type[BaseModel]) -> dict[str, str]:
    """What each key of a table is for, by the docstring under it; a key without one is left out."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel) and kind is not BaseModel:
            found |= _docstrings(kind)
    names = {name: field.alias or name for name, field in model.model_fields.items()}
    return {key: found[name] for name, key in names.items() if name in found}


def heading(model: type[BaseModel]) -> str:
    """What the table itself is for."""
    return inspect.cleandoc(model.__doc__ or "")


def _docstrings(kind: type[BaseModel]) -> dict[str, str]:
    tree = ast.parse(dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)
    return {
        key.target.id: inspect.cleandoc(text.value.value)
        for key, text in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(key, ast.AnnAssign)
        and isinstance(key.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
