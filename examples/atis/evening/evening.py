"""What is done, and what must hold."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from examples.atis.evening import runbook
from examples.atis.evening.client import CheckFailed, Client
from examples.atis.evening.cutover import litelift, run_of
from examples.atis.evening.table import Table
from examples.atis.evening.watch import Watch
from examples.atis.stack.__main__ import up
from examples.atis.stack.folder import Folder

AFTERWARDS = "Köçürmədən sonra yazılmış sorğu"
"""The title of a survey that is written to PostgreSQL."""
LOOK_SECONDS = 1.0
"""How long the watch goes on after a switch, so that its end is seen."""


class Evening:
    """One evening in a folder; ``target`` are the keys of [target], ``without`` is what ATİS does without."""

    def __init__(
        self, folder: Folder, table: Table, scale: float, target: dict[str, Any], without: Collection[str] = ()
    ) -> None:
        self.folder, self.table, self.scale, self.target, self.without = folder, table, scale, target, without
        self.report: Path | None = None
        self.exported: Path | None = None

    def play(self) -> None:
        """All of it. Raises CheckFailed, StackError."""
        with self.table.timed("ATİS is installed, filled and started, on SQLite") as row:
            up(self.folder, self.scale, self.without)
            row.note = self.folder.facts().url
        file = runbook.write(self.folder, self.target)
        url = self.folder.facts().url
        with Client(url) as resident, Client(url) as client:
            resident.log_in()
            before = self._proved(client, "sqlite", "1.12.4")
            with Watch(url, client.share()) as watch:
                done = self._cut_over(file)
                self._served_again(watch)
            self._down(watch, done.get("down_seconds"))
            self._none_lost(watch, client)
            after = self._proved(client, "postgresql", "2.0.0")
            _at_least("surveys", before, after)
            _stays(resident, "the move")
            client.make_survey(AFTERWARDS)
            share = client.share()
            with Watch(url, share) as watch:
                self._counted_some(watch)
                back = self._go_back(file)
                self._served_again(watch)
            self._down(watch, back.get("rollback_down_seconds"))
            self._proved(client, "sqlite", "1.12.4")
            _stays(resident, "the way back")
            if AFTERWARDS in client.expect("GET", "/surveys/", 200).text:
                raise CheckFailed("a survey that was written to PostgreSQL alone is in SQLite")
            self._exported(Path(back["folder"]), share, watch)

    def _proved(self, client: Client, engine: str, version: str) -> int:
        """Logins and writes work; how many surveys there are."""
        with self.table.timed(f"Logins and writes on {'SQLite' if engine == 'sqlite' else 'PostgreSQL'}") as row:
            client.prove(engine)
            found = client.health()["version"]
            if found != version:
                raise CheckFailed(f"the code's version: expected {version}; got {found}")
            row.note = f"ATİS {found}"
            return int(client.expect("GET", "/api/surveys?limit=1", 200).json()["count"])

    def _cut_over(self, file: Path) -> dict[str, Any]:
        with self.table.timed("litelift cutover"):
            litelift("cutover", file, "--yes")
        done = run_of(file)
        for phase in done["phases"]:
            self.table.add(f"{phase['number']} {phase['title']}", phase["seconds"])
        if not done.get("report") or not Path(done["report"]).exists():
            raise CheckFailed("the cutover wrote no report")
        self.report = Path(done["report"]).resolve()
        return done

    def _go_back(self, file: Path) -> dict[str, Any]:
        with self.table.timed("litelift cutover rollback"):
            litelift("cutover", "rollback", file, "--yes")
        return run_of(file)

    def _down(self, watch: Watch, told: float | None) -> None:
        """What was seen from outside, beside what litelift says."""
        if not watch.outages:
            raise CheckFailed("ATİS was never down: the watch has seen nothing of the switch")
        seconds = sum(each.seconds for each in watch.outages)
        note = "seen from outside"
        if len(watch.outages) > 1:
            note += f", {len(watch.outages)} times"
        if told is not None:
            note += f"; litelift says {told:.2f} s"
        self.table.add("ATİS was down", seconds, note)

    def _served_again(self, watch: Watch) -> None:
        time.sleep(LOOK_SECONDS)
        if watch.outages and watch.outages[-1].ended is None:
            raise CheckFailed("ATİS does not serve again after the switch")

    def _none_lost(self, watch: Watch, client: Client) -> None:
        """Every visit that ATİS said it had counted, on either database, is counted."""
        visits = client.visit(watch.share) - 1
        counted, unknown = watch.visits["counted"], watch.visits["unknown"]
        if not counted <= visits <= counted + unknown:
            raise CheckFailed(
                f"visits during the move: {counted} were answered, {unknown} cut off; {visits} are counted"
            )
        self.table.add("Visits answered meanwhile, all of them kept", None, f"{counted:,}")

    def _counted_some(self, watch: Watch) -> None:
        deadline = time.monotonic() + 60
        while not watch.visits["counted"]:
            if time.monotonic() > deadline:
                raise CheckFailed(f"{watch.share} cannot be opened")
            time.sleep(0.05)

    def _exported(self, folder: Path, share: str, watch: Watch) -> None:
        """What was written to PostgreSQL is in the file: the survey, and every visit that was answered."""
        with self.table.timed("The rows written to PostgreSQL are in a file") as row:
            self.exported = folder.resolve() / "written-since-cutover.jsonl"
            lines = self.exported.read_text("utf-8").splitlines() if self.exported.exists() else []
            rows = [found for found in map(json.loads, lines) if found.get("row")]
            row.note = f"{len(rows)} rows"
            surveys = [each["row"]["title"] for each in rows if each["table"] == "school_survey"]
            if surveys.count(AFTERWARDS) != 1:
                raise CheckFailed(f"{self.exported}: expected the survey {AFTERWARDS!r} once; got {surveys}")
            links = {each["row"]["token"]: each["row"]["id"] for each in rows if each["table"] == "school_linkshare"}
            link = links.get(share.removeprefix("/s/"))
            visits = sum(each["table"] == "school_linkvisit" and each["row"]["link_id"] == link for each in rows)
            counted, unknown = watch.visits["counted"], watch.visits["unknown"]
            if link is None or not counted <= visits <= counted + unknown:
                raise CheckFailed(f"{self.exported}: {counted} visits of {share} were answered; it holds {visits}")
        self.table.add("Visits answered on PostgreSQL, all of them in it", None, f"{counted:,}")


def _stays(resident: Client, what: str) -> None:
    """Who had logged in before is logged in still."""
    try:
        resident.expect("GET", "/surveys/", 200)
    except CheckFailed as error:
        raise CheckFailed(f"a user who was logged in before {what} is not any more: {error}") from error


def _at_least(name: str, before: int, after: int) -> None:
    if after < before:
        raise CheckFailed(f"{name}: {before} before the move, {after} after it")
