"""The completion report: one result, told in Markdown, HTML and JSON."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from litelift.report.files import read_report, write_report
    from litelift.report.render import render_html, render_json, render_markdown

__all__ = ["read_report", "render_html", "render_json", "render_markdown", "write_report"]


def __getattr__(name: str) -> Any:
    # Each with its first use (PEP 562): what hides passwords is needed at once, the templates at the end.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = "files" if name in ("read_report", "write_report") else "render"
    found = getattr(importlib.import_module(f"litelift.report.{place}"), name)
    globals()[name] = found
    return found
