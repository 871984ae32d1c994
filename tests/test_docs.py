"""The documentation says what is so: its plans are read, its links lead somewhere, and nothing public is left out."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from litelift import errors
from litelift.backup.subject import settings_of
from litelift.plan.file import ColumnPlan, Defaults, TablePlan, read_plan

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
RUNBOOKS = ("health-checks.md",)
"""Pages whose TOML is of a runbook, and is read as one by the tests of that part."""
PLANS = [
    (page, block)
    for page in PAGES
    if page.name not in RUNBOOKS
    for block in re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
]


def test_there_is_documentation() -> None:
    assert len(PAGES) > 10
    assert len(PLANS) > 10


@pytest.mark.parametrize(("page", "block"), PLANS, ids=lambda value: value.stem if isinstance(value, Path) else "")
def test_every_plan_in_the_documentation_is_read(tmp_path: Path, page: Path, block: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(block, encoding="utf-8")
    if block.startswith(("[backup", "[monitor")):
        settings_of(str(path.rename(tmp_path / "litelift.toml")))
    else:
        read_plan(path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_page(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert (page.parent / target).is_file(), target


def test_every_page_is_reached_from_the_first() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    for page in PAGES:
        assert page.name == "index.md" or str(page.relative_to(DOCS)) in index


def test_every_key_of_the_plan_file_is_documented() -> None:
    text = (DOCS / "reference" / "plan-file.md").read_text("utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    for model, start in (
        (Defaults, "`[defaults]`"),
        (TablePlan, "`[tables.NAME]`"),
        (ColumnPlan, "`[tables.NAME.columns"),
    ):
        section = next(s for s in sections if s.startswith(start))
        for name, field in model.model_fields.items():
            key = field.alias or name
            assert key == "columns" or f"| `{key}` |" in section, f"{start} {key}"


def test_every_error_is_documented_as_it_is() -> None:
    text = (DOCS / "reference" / "errors.md").read_text("utf-8")
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.LiteliftError):
            assert f"| `{name}` | {kind.exit_code} |" in text, f"{name} is missing in docs/reference/errors.md"
