"""python -m examples.atis.evening: ATİS is moved from SQLite to PostgreSQL and back, and looked at from outside."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

from examples.atis.evening.client import CheckFailed
from examples.atis.evening.cutover import stop_server
from examples.atis.evening.evening import Evening
from examples.atis.evening.table import Table
from examples.atis.stack.__main__ import down
from examples.atis.stack.folder import DEFAULT, Folder, StackError, folder_at
from examples.atis.stack.services import missing


def main() -> int:
    """Do it all; the exit status: 0 only where everything held."""
    words = _words()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    table = Table()
    try:
        folder = folder_at(words.folder)
        _clear(folder)
        for name in missing():
            print(f"{name} is not installed: ATİS does without it")
        target = {"kind": "embedded", "database": "atis", "role": "atis"}
        if words.admin:
            target = {"kind": "existing", "admin": words.admin, "database": "atis", "role": "atis"}
        evening = Evening(folder, table, words.scale, target, words.without)
        try:
            evening.play()
        finally:
            _stop(folder)
    except KeyboardInterrupt:
        print("\nEnded before its end; nothing that was started goes on.", file=sys.stderr)
        status = 130
    except (CheckFailed, StackError) as error:
        print(f"error: {error}", file=sys.stderr)
        status = 1
    else:
        status = 0
    print(f"\n{table.text()}\n")
    if status == 0:
        print(f"Everything held. The evening's report: {evening.report}")
        print(f"The rows written to PostgreSQL meanwhile: {evening.exported}")
    return status


def _clear(folder: Folder) -> None:
    """Make room for a new evening where an old one's folder is; what is no such folder is left to `deploy`."""
    if folder.marker.exists():
        _stop(folder)
        shutil.rmtree(folder.path)


def _stop(folder: Folder) -> None:
    with suppress(StackError):
        down(folder)
    # Where the rollback has not come, PostgreSQL still runs.
    stop_server(folder.database)


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.atis.evening", description=__doc__)
    parser.add_argument("--folder", type=Path, default=DEFAULT, help="where ATİS lives [default: examples/atis/run]")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 40,000 grades [default: 1]")
    parser.add_argument("--without", nargs="+", choices=("nginx", "redis"), default=[], help="leave these out")
    parser.add_argument(
        "--admin", metavar="URL", help="a role of an existing PostgreSQL that may make roles and databases [embedded]"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
