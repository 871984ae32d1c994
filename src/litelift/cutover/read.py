"""Reads litelift.toml, checked to the last key before anything is done."""

from __future__ import annotations

from pathlib import Path

from litelift.cutover.contradictions import contradictions
from litelift.cutover.settings import Runbook
from litelift.errors import RunbookError
from litelift.tomlfile.problems import combined
from litelift.tomlfile.read import Form, read
from litelift.tomlfile.shape import sections

FORM = Form(
    Runbook,
    "runbook",
    "Check the path, or make one with: litelift cutover init",
    RunbookError,
    tuple(sections(Runbook)),
)


def read_runbook(path: Path) -> Runbook:
    """The runbook in the file ``path``.

    Raises RunbookError, with the line and the nearest right word, for anything in it that is not understood or that
    contradicts itself, and UsageError where there is no such file. Whether what it names is there is the steps' to see.
    """
    runbook, lines = read(FORM, path)
    problems = list(contradictions(runbook))
    if problems:
        raise combined(RunbookError, path, lines, problems)
    return runbook.at(path, lines)
