"""What [monitor] in litelift.toml names, held against the checks that there are."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from litelift.errors import RunbookError, UsageError
from litelift.monitor.check import Check
from litelift.monitor.checks import CHECKS
from litelift.tomlfile.locate import key_lines
from litelift.tomlfile.problems import Problem, combined, did_you_mean, either

SERVER = "server"
"""The server's own finding, which comes before all checks and can be chosen as one."""


def refuse_unknown(path: Path) -> None:
    """Raise RunbookError, with the lines and the nearest right words, for checks and measures that are not there.

    ``path`` is of a file that was read and understood.
    """
    text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    if problems := list(_problems(tomllib.loads(text).get("monitor", {}))):
        raise combined(RunbookError, path, key_lines(text), problems)


def chosen(names: list[str]) -> list[Check]:
    """The checks of these names, as --check has them. Raises UsageError, with the nearest right word."""
    known = {check.name: check for check in CHECKS}
    for name in names:
        if name not in known and name != SERVER:
            near = did_you_mean(name, [SERVER, *known])
            raise UsageError(
                message=f"there is no check {name!r}{near}", hint="All of them: docs/reference/monitor-checks.md"
            )
    return [check for check in CHECKS if check.name in names]


def _problems(monitor: Mapping[str, Any]) -> Iterator[Problem]:
    checks = {check.name: check for check in CHECKS}
    for position, ignored in enumerate(monitor.get("ignore", [])):
        name = ignored.partition(":")[0]
        if name == SERVER:
            yield Problem(("monitor", "ignore", position), "whether the server answers cannot be ignored")
        elif name not in checks:
            said = f"there is no check {name!r} that could be ignored{did_you_mean(name, checks)}"
            yield Problem(("monitor", "ignore", position), said)
    for key in monitor.get("limits", {}):
        name, _, measure = key.partition(".")
        keys = ("monitor", "limits", key)
        if name not in checks:
            limits = [f"{check.name}.{one}" for check in CHECKS for one in check.limits]
            near = get_close_matches(key, limits, 1, 0.8)
            meant = f"; did you mean {near[0]!r}?" if near else did_you_mean(name, checks)
            yield Problem(keys, f"there is no check {name!r} that could have a limit{meant}")
        elif measure not in checks[name].limits:
            has = list(checks[name].limits)
            expected = f"expected {either(has)}" if has else "it has none"
            yield Problem(keys, f"the check {name!r} has no limit {measure!r}; {expected}{did_you_mean(measure, has)}")
