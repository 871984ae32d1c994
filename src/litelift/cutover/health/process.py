"""Checks of the project's that take a browser (pages, logins, whatever is posted), in a process that ends with them.

Its libraries stay out of the watch, which has to be small for years; a few times in an hour half a second is no matter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from litelift.cutover.health.result import HealthResult, result_of
from litelift.cutover.health.settings import HealthCheck
from litelift.errors import HealthCheckUnusable, LiteliftError

STARTS = 20.0
"""Seconds that the process may take beside its checks, on a machine that has much to do."""
_CHECKS: TypeAdapter[list[HealthCheck]] = TypeAdapter(list[HealthCheck])


def results(checks: Sequence[HealthCheck], folder: Path) -> list[HealthResult]:
    """The results of checks that need no login of PostgreSQL's; paths are relative to ``folder``.

    Raises LiteliftError: one of them could not be made.
    """
    given = {
        "folder": str(folder),
        "checks": _CHECKS.dump_python(list(checks), mode="json", by_alias=True, exclude_unset=True),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=STARTS + sum(2 * check.timeout for check in checks),
            check=False,
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise HealthCheckUnusable(check=checks[0].name, message="it did not end in time") from None
    except ValueError:
        said = (done.stderr.splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise HealthCheckUnusable(check=checks[0].name, message=said) from None
    if "message" in answer:
        raise LiteliftError(message=answer["message"], hint=answer["hint"])
    return [result_of(document) for document in answer["results"]]


def main() -> None:
    """Make the checks that standard input names, and print their results."""
    # It brings the libraries.
    from litelift.cutover.health.run import run_checks

    given = json.load(sys.stdin)
    checks = _CHECKS.validate_json(json.dumps(given["checks"]))
    try:
        found = run_checks(checks, "after", folder=Path(given["folder"]), output=Path(os.devnull))
    except LiteliftError as error:
        print(json.dumps({"message": error.message, "hint": error.hint}))
    else:
        print(json.dumps({"results": [result.document for result in found]}))


if __name__ == "__main__":
    main()
