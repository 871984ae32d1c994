"""The completion report: one result, told in Markdown, HTML and JSON."""

from __future__ import annotations

from litelift.report.files import read_report, write_report
from litelift.report.render import render_html, render_json, render_markdown

__all__ = ["read_report", "render_html", "render_json", "render_markdown", "write_report"]
