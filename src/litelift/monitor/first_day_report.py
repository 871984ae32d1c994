"""Has the first 24 hours join the cutover's report, once they are over."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from litelift.errors import LiteliftError
from litelift.monitor.baseline import read_baseline
from litelift.monitor.first_day import DAY, FILE, summed_up
from litelift.monitor.samples import Samples
from litelift.monitor.watched import Watched

WRITE_SECONDS = 120.0
"""That the process may take which writes the report, on a machine that has much to do."""


def first_day(watched: Watched, samples: Samples, *, now: datetime | None = None) -> Path | None:
    """Sum the day up in the run's folder and write the run's report again, once; cheap to be called every hour.

    Args:
        watched: what is watched; one without a cutover has no such report.
        samples: what was measured.
        now: the moment.

    Returns:
        The report (Markdown) where it was written now; None where there is nothing to do, or not yet.

    Raises:
        OSError, sqlite3.Error.
        LiteliftError: CutoverHeld where a command is at work on the runbook; the report cannot be made. To be tried
            again later.
    """
    if watched.runbook is None:
        return None
    from litelift.atomic import PRIVATE, write_whole
    from litelift.cutover.context import Context
    from litelift.cutover.report.first_day import switched_at
    from litelift.cutover.runs import held, runs

    state = watched.runbook.state
    standing = [run for run in runs(state) if run.mode == "cutover" and run.state == "finished"]
    if not standing or (standing[-1].folder / FILE).exists():
        return None
    run = standing[-1]
    since = switched_at(Context(watched.runbook, run.journal))
    if since is None or (now or datetime.now(UTC)) < since + DAY:
        return None
    found = summed_up(samples, read_baseline(watched.folder), since, since + DAY)
    if found is None:
        return None
    with held(state):
        write_whole(run.folder / FILE, found.model_dump_json(indent=2) + "\n", mode=PRIVATE)
        try:
            _write_report(run.folder)
        except BaseException:
            (run.folder / FILE).unlink(missing_ok=True)
            raise
    return run.folder / "report.md"


def _write_report(folder: Path) -> None:
    """Write it in a process of its own: what makes it stays out of the watch, which has to be small for years."""
    words = [sys.executable, "-P", "-m", __name__, str(folder)]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WRITE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise LiteliftError(message=f"the report was not written within {WRITE_SECONDS:.0f} s") from None
    if done.returncode:
        said = (done.stderr.splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise LiteliftError(message=f"the report was not written: {said}")


def main() -> None:
    """Write the report of the run's folder that is named."""
    from litelift.cutover.report.render import write_report_again

    try:
        write_report_again(Path(sys.argv[1]))
    except (LiteliftError, OSError) as error:
        sys.exit(error.message if isinstance(error, LiteliftError) else str(error))


if __name__ == "__main__":
    main()
