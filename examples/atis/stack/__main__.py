"""python -m examples.atis.stack: ATİS up, down, and each of its services by itself."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from examples.atis.stack.deploy import deploy
from examples.atis.stack.folder import DEFAULT, Folder, StackError, folder_at
from examples.atis.stack.services import NAMES, missing, services


def main(words: list[str] | None = None) -> int:
    """Run the command; the exit status: 1 where it could not be done, 2 where the words are wrong."""
    chosen = _parser().parse_args(words)
    try:
        folder = folder_at(chosen.folder)
        if chosen.command == "up":
            up(folder, chosen.scale, chosen.without)
        elif chosen.command == "down":
            down(folder)
        elif chosen.command in ("start", "stop", "restart"):
            turn(folder, chosen.command, chosen.services)
        _show(status(folder), as_json=chosen.command == "status" and chosen.json)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def up(folder: Folder, scale: float, without: Collection[str] = ()) -> None:
    """Put ATİS there where it is not yet, and start all of it. Raises StackError."""
    if not folder.marker.exists():
        if (folder.path / "atis.git").exists():
            # Cut off in the middle: nothing was served from it yet.
            shutil.rmtree(folder.path)
        deploy(folder, scale, without)
    for service in services(folder).values():
        service.start()


def down(folder: Folder) -> None:
    """Stop all that runs. Raises StackError."""
    for service in reversed(services(folder).values()):
        service.stop()


def turn(folder: Folder, way: str, names: list[str]) -> None:
    """Start, stop or restart some services. One that this installation does without is passed over."""
    there = services(folder)
    wanted = [there[name] for name in NAMES if name in names and name in there]
    if way != "start":
        for service in reversed(wanted):
            service.stop()
    if way != "stop":
        for service in wanted:
            service.start()


def status(folder: Folder) -> dict[str, Any]:
    """What runs, and where."""
    facts = folder.facts()
    running = {}
    for name, service in services(folder).items():
        process = service.process()
        running[name] = {"port": service.port, "pid": process.pid if process else None}
    left_out = [name for name in missing() if name.removesuffix("-server") not in running]
    return {"folder": str(folder.path), "url": facts.url, "services": running, "missing": left_out}


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2))
        return
    print(f"ATİS in {found['folder']}: {found['url']}")
    for name, service in found["services"].items():
        state = f"runs, process {service['pid']}" if service["pid"] else "stopped"
        print(f"  {name:<6} port {service['port']:<6} {state}")
    for name in found["missing"]:
        print(f"  ATİS does without {name}, which is not installed")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.atis.stack", description=__doc__)
    parser.add_argument("--folder", type=Path, default=DEFAULT, help="where ATİS lives [default: examples/atis/run]")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    starting = commands.add_parser("up", help="make it where it is not there, and start all of it")
    starting.add_argument("--scale", type=float, default=1.0, help="1 is 40,000 grades [default: 1]")
    starting.add_argument("--without", nargs="+", choices=("nginx", "redis"), default=[], help="leave these out")
    commands.add_parser("down", help="stop all of it")
    commands.add_parser("status", help="what runs").add_argument("--json", action="store_true")
    for way in ("start", "stop", "restart"):
        some = commands.add_parser(way, help=f"{way} some of it")
        some.add_argument("services", nargs="+", choices=NAMES, metavar="SERVICE", help=", ".join(NAMES))
    return parser


if __name__ == "__main__":
    sys.exit(main())
