"""No password leaves with the report, wherever it came in."""

from __future__ import annotations

import re
from typing import Any

from litelift.redact import text
from litelift.result import MigrationResult, Notice

HIDDEN = "(hidden)"

_NAME = re.compile(r"pass(word|wd|phrase)?$|pwd$|secret|token|api_?key|credential|private_?key", re.IGNORECASE)


def tree(content: Any, name: str = "") -> Any:
    """A configuration without secrets: in values that look like URLs, and under names that say so."""
    if isinstance(content, dict):
        # A plan's value map has the data's own words as keys, not the names of settings.
        inside_map = name == "values"
        return {key: tree(part, "" if inside_map else str(key)) for key, part in content.items()}
    if isinstance(content, (list, tuple)):
        return [tree(part, name) for part in content]
    if content is None or isinstance(content, bool):
        return content
    if _NAME.search(name):
        return HIDDEN
    return text(content) if isinstance(content, str) else content


def _notice(notice: Notice) -> Notice:
    return notice.model_copy(update={"message": text(notice.message)})


def result(whole: MigrationResult) -> MigrationResult:
    """The result without secrets in its target, configuration, steps and notices. The data's values stay exact."""
    target = whole.target.model_copy(
        update={
            field: text(content)
            for field in ("display", "host", "database", "user", "embedded_folder")
            if isinstance(content := getattr(whole.target, field), str)
        }
    )
    return whole.model_copy(
        update={
            "target": target,
            "source": whole.source.model_copy(update={"path": text(whole.source.path)}),
            "configuration": tree(whole.configuration),
            "steps": [step.model_copy(update={"detail": text(step.detail)}) for step in whole.steps],
            "notices": [_notice(notice) for notice in whole.notices],
            "proof": whole.proof.model_copy(update={"notices": [_notice(notice) for notice in whole.proof.notices]}),
        }
    )
