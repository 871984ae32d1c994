"""What the checks found, as the JSON document of `litelift monitor check --json`, for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litelift.monitor.finding import EXIT, Finding, worst
from litelift.monitor.words import Language
from litelift.monitor.words.kept import said, title, to_do


def document(
    at: datetime, seconds: float | None, findings: Sequence[Finding], language: Language = "en"
) -> dict[str, Any]:
    """The document.

    Args:
        at: when it was looked.
        seconds: how long that took; None where the findings are of several looks.
        findings: what was found.
        language: of ``title``, ``said`` and ``to_do``.
    """
    state = worst([finding.state for finding in findings])
    return {
        "state": state,
        "at": at.isoformat(),
        "seconds": None if seconds is None else round(seconds, 3),
        "checks": [
            {
                **finding.document,
                "title": title(finding.check, language),
                "said": said(finding, language),
                "to_do": to_do(finding, language),
            }
            for finding in findings
        ],
        "exit_code": EXIT[state],
    }
