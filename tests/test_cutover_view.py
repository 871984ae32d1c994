"""What the terminal shows of a run of the runbook."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from litelift.cli.cutover_view import COLUMNS, CutoverView
from litelift.cutover.signs import Sign
from litelift.cutover.steps import all_steps


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_time_of_a_step_stands_behind_its_title_on_every_terminal(width: int) -> None:
    shown = io.StringIO()
    steps = [step for step in all_steps() if len(step.title) + 16 < width]
    with CutoverView(Console(file=shown, width=width, force_terminal=True, color_system=None), quiet=False) as view:
        for step in steps:
            view(Sign("done", step, seconds=0.123))
    lines = [line for line in shown.getvalue().splitlines() if "✓" in line]
    assert len(lines) == len(steps) > 10
    assert {len(line) for line in lines} == {min(width, COLUMNS)}
    assert all(line.endswith(" 123 ms") for line in lines)


def test_no_title_moves_its_time_out_of_the_column() -> None:
    assert max(len(title) for step in all_steps() for title in (step.title, step.back)) <= COLUMNS - 14
