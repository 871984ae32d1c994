"""The evening's litelift.toml, for an installation of ATİS."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any

from examples.atis.evening.client import PASSWORD, USER
from examples.atis.stack.folder import Folder, write_private


def write(folder: Folder, target: dict[str, Any]) -> Path:
    """Write litelift.toml into the folder, with these keys in [target], and the file of the checks' password."""
    password = folder.path / "checks.password"
    write_private(password, f"{PASSWORD}\n")
    path = folder.path / "litelift.toml"
    # The key of maintenance is in it.
    write_private(path, text(folder, target, password))
    return path


def text(folder: Folder, target: dict[str, Any], password: Path) -> str:
    """The whole file. Paths are relative to the deployed code, which is a git repository."""
    facts = folder.facts()
    redis = ""
    if facts.redis is not None:
        redis = f"""
[[health]]
name = "Redis"
kind = "redis"
url = "redis://127.0.0.1:{facts.redis}/0"
"""
    template = Template((Path(__file__).parent / "litelift.toml").read_text("utf-8"))
    return template.substitute(
        url=facts.url,
        key=_quoted(facts.maintenance_key),
        user=USER,
        password=password.name,
        target=_keys(target),
        redis=redis,
    )


def _keys(target: dict[str, Any]) -> str:
    return "\n".join(
        f"{name} = {_quoted(value) if isinstance(value, str) else value}" for name, value in target.items()
    )


def _quoted(value: str) -> str:
    # JSON's strings are TOML's basic strings, but for a DEL.
    return json.dumps(value, ensure_ascii=False)
