"""What the dashboard's server answers, with a real database behind it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from broken import wait_for
from command import litelift
from dashboard import Running, litelift_toml, quarantined, serving
from litelift.cutover.read import read_runbook
from litelift.cutover.runs import new_run
from litelift.held import held
from litelift.monitor.finding import Finding
from litelift.monitor.page import POLICY
from litelift.monitor.samples import opened
from litelift.monitor.web.export import as_csv
from litelift.monitor.web.quarantine import Kept

OFTEN = '[monitor]\nevery = 1.0\n[monitor.limits]\n"blocked.longest" = { warning = 0.01, critical = 60 }\n'


class Live:
    """Somebody whose page is open: the fragments that he has."""

    def __init__(self, running: Running, path: str = "events") -> None:
        self.has: dict[str, str] = {}
        self.events: list[dict[str, str]] = []
        self.alive = 0
        self._stream = httpx.stream("GET", running.url + path, timeout=60)
        self._lines = self._stream.__enter__()
        self.headers = self._lines.headers
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for line in self._lines.iter_lines():
                if line.startswith('data: {"fragments"'):
                    self.events.append(json.loads(line.removeprefix("data: "))["fragments"])
                    self.has.update(self.events[-1])
                self.alive += line == "event: alive"
        except httpx.HTTPError:
            return

    def sees(self, words: str) -> bool:
        """Whether it stands on the page."""
        return any(words in html for html in self.has.values())


@pytest.mark.superuser
def test_an_incident_is_shown_to_who_looks_within_seconds_and_nothing_twice(database: str, tmp_path: Path) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    admin = psycopg.conninfo.make_conninfo(database, dbname="postgres")
    with serving(litelift_toml(tmp_path, database, OFTEN)) as running, psycopg.connect(admin, autocommit=True) as own:
        english, azeri = Live(running), Live(running, "events?language=az")
        assert english.headers["content-type"].startswith("text/event-stream")
        assert english.headers["x-accel-buffering"] == "no"
        wait_for(lambda: english.sees("PostgreSQL 1") and azeri.sees("PostgreSQL 1"))
        own.execute(sql.SQL("alter database {} allow_connections false").format(sql.Identifier(str(name))))
        try:
            wait_for(lambda: english.sees("not currently accepting connections"))
            wait_for(lambda: azeri.sees("not currently accepting connections"))
            assert azeri.has.keys() == english.has.keys()
            assert azeri.has != english.has
            assert running.get("/check.json").json()["state"] == "critical"
            assert "\nlitelift_up 0.0\n" in running.get("/metrics").text
        finally:
            own.execute(sql.SQL("alter database {} allow_connections true").format(sql.Identifier(str(name))))
        wait_for(lambda: running.get("/check.json").json()["state"] != "critical")
        # Each event has what changed, and nothing else.
        first, *later = english.events
        shown = dict(first)
        assert later
        for event in later:
            assert all(shown.get(name) != html for name, html in event.items())
            shown.update(event)


def test_who_waits_is_told_that_the_server_is_there(tmp_path: Path) -> None:
    with serving(litelift_toml(tmp_path), settings={"litelift.monitor.web.events:HEARTBEAT": 0.1}) as running:
        live = Live(running)
        wait_for(lambda: live.alive > 1)


def test_a_watch_elsewhere_is_left_alone_and_taken_over_from_when_it_has_ended(tmp_path: Path) -> None:
    folder = tmp_path / "litelift-monitor"
    folder.mkdir(mode=0o700)
    settings = {"litelift.monitor.web.looking:AGAIN": 0.1}
    lock = contextlib.ExitStack()
    lock.enter_context(held(folder / "watch.lock", AssertionError))
    with lock, serving(litelift_toml(tmp_path, settings=OFTEN), settings=settings) as running:
        at = datetime.now(UTC)
        with opened(folder, write=True) as samples:
            samples.add(at, [Finding("server", "ok", "up", {"version": "16.1", "up": 5.0})])
        wait_for(lambda: str(running.get("/check.json").json()["at"]) == at.isoformat())
        lock.close()
        # The database is not there, which nobody but itself has found.
        wait_for(lambda: str(running.get("/check.json").json()["state"]) == "critical")


def test_what_the_checks_found_is_there_for_programs(database: str, tmp_path: Path) -> None:
    file = litelift_toml(tmp_path, database, OFTEN)
    with serving(file) as running:
        wait_for(lambda: len(running.get("/check.json").json()["checks"]) > 1)
        document, by_command = running.get("/check.json").json(), litelift("monitor", "check", file, "--json").json
        assert document.keys() == by_command.keys()
        names = {one["check"] for one in document["checks"]}
        assert {"server", "connections"} <= names <= {one["check"] for one in by_command["checks"]}
        az = running.get("/check.json?language=az").json()["checks"]
        assert {one["title"] for one in az} != {one["title"] for one in document["checks"]}
        metrics = running.get("/metrics")
        assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "\nlitelift_up 1.0\n" in metrics.text


@pytest.fixture
def kept(database: str, tmp_path: Path) -> Iterator[Running]:
    """A dashboard of a database with 250 values of people in quarantine, and odd ones of others."""
    quarantined(database, [b"n/a %d" % n for n in range(250)], "text")
    odd = [b"=1+1", b"@SUM(A1)", "Ə \u202e".encode(), b"\xff\xfe", b"\0", b'a"b\r\nc', b"x" * 1_000_001]
    quarantined(database, odd, "text", table='we"ird, table')
    with serving(litelift_toml(tmp_path, database)) as running:
        yield running


def test_the_quarantine_is_exported_whole_and_exactly(kept: Running) -> None:
    rows = kept.get("/quarantine.json").json()
    assert len(rows) == 257
    assert {row["original"] for row in rows if row["table"] == "people"} == {f"n/a {n}" for n in range(250)}
    odd = {row["row_key"]["id"]: row for row in rows if row["table"] != "people"}
    assert bytes.fromhex(odd[3]["original_hex"]) == b"\xff\xfe"
    assert (odd[3]["original"], odd[6]["original"], odd[6]["original_bytes"]) == (None, None, 1_000_001)
    assert odd[2]["original"] == "Ə \u202e"


def test_the_quarantine_is_exported_for_a_spreadsheet_which_runs_nothing_of_it(kept: Running) -> None:
    answer = kept.get('/quarantine.csv?table=we"ird, table')
    assert answer.headers["content-disposition"] == 'attachment; filename="quarantine.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    csv.field_size_limit(10_000_000)
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row["original"] for row in rows][:2] == ["'=1+1", "'@SUM(A1)"]
    assert bytes.fromhex(rows[0]["original_hex"]) == b"=1+1"
    assert rows[5]["original"] == 'a"b\r\nc'
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_the_quarantine_is_looked_through_page_by_page(kept: Running, tmp_path: Path, database: str) -> None:
    from litelift.monitor.watched import watched
    from litelift.monitor.web.quarantine import entries

    of = watched(str(tmp_path / "litelift.toml"))
    found, after, pages = [], None, 0
    while True:
        page = entries(of, "people", after)
        found += [entry.key["id"] for entry in page.entries]
        pages += 1
        assert page.total == 250
        assert page.after == after
        assert kept.get(f"/quarantine?table=people{f'&after={after}' if after else ''}").status_code == 200
        if page.next is None:
            break
        after = page.next
    assert (pages, sorted(found)) == (3, list(range(250)))
    assert entries(of, None, None).tables == {"people": 250, 'we"ird, table': 7}
    assert kept.get("/quarantine?after=(0,1)").status_code == 400
    assert kept.get("/quarantine?after=1.1'").status_code == 400
    for words in ("4294967296.1", "1.65536", "%D9%A1.%D9%A1"):
        assert kept.get(f"/quarantine?after={words}").status_code == 400
    assert kept.get("/quarantine?after=4294967295.65535").status_code == 200
    for name in ("quarantine", "quarantine.csv", "quarantine.json"):
        assert kept.get(f"/{name}?table=%00").status_code == 400


def test_what_was_looked_through_is_seen_to_be_also_where_an_older_journal_cannot_note_it(
    database: str, tmp_path: Path
) -> None:
    quarantined(database, [b"old", b"new"], "text")
    with psycopg.connect(database, autocommit=True) as person, serving(litelift_toml(tmp_path, database)) as running:
        person.execute(
            "update litelift.quarantine set seen_at = '2026-11-23T10:15Z' where convert_from(original, 'UTF8') = 'old'"
        )
        html = running.get("/quarantine?language=en").text
        assert "Looked at" in html
        assert html.count('datetime="2026-11-23T10:15Z"') == html.count("not yet") == 1
        seen = {row["original"]: row["seen_at"] for row in running.get("/quarantine.json").json()}
        assert seen["new"] is None and datetime.fromisoformat(seen["old"]) == datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
        person.execute("alter table litelift.quarantine drop column seen_at")
        assert running.get("/quarantine?language=en").text.count("not yet") == 2
        assert [row["seen_at"] for row in running.get("/quarantine.json").json()] == [None, None]
        assert running.get("/quarantine.csv").text.splitlines()[0].endswith(",at,seen_at")


def test_where_nothing_was_moved_the_quarantine_is_empty_and_there_is_no_report(database: str, tmp_path: Path) -> None:
    with serving(litelift_toml(tmp_path, database)) as running:
        assert running.get("/quarantine").status_code == 200
        assert running.get("/quarantine.json").json() == []
        assert running.get("/report").status_code == 404


def test_a_folder_whose_name_is_no_utf_8_is_shown_and_told_to_programs(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(bytes(tmp_path / "m") + b"\xe9"))
    with opened(folder / "litelift-monitor", write=True) as samples:
        samples.add(
            datetime.now(UTC), [Finding("backup", "warning", "unreadable", {"folder": str(folder)}, "no-answer")]
        )
    with serving(litelift_toml(folder)) as running:
        assert running.get("/").status_code == 200
        checks = json.loads(running.get("/check.json").content)["checks"]
        assert any(str(folder) in str(check["facts"].get("folder")) for check in checks)


@pytest.mark.parametrize("begins", ["\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "\t=1", "\r=1"])
def test_a_cell_begins_with_nothing_that_a_spreadsheet_may_take_for_a_formula(begins: str) -> None:
    at = datetime(2026, 9, 1, tzinfo=UTC)
    value = begins.encode()
    kept = Kept("(0,1)", "run", begins, None, None, value, len(value), "text", "reason", None, at, None)
    row = next(csv.DictReader(io.StringIO(b"".join(as_csv([[kept]])).decode("utf-8-sig"), newline="")))
    assert (row["table"], row["original"]) == (f"'{begins}", f"'{begins}")


@pytest.mark.superuser
def test_a_login_that_may_not_read_the_quarantine_is_told_of_the_right(database: str, tmp_path: Path) -> None:
    quarantined(database, [b"x"])
    with psycopg.connect(database, autocommit=True) as connection:
        role = f"blind_{connection.info.dbname}"
        connection.execute(f"create role {role} login")
        try:
            other = psycopg.conninfo.make_conninfo(database, user=role)
            file = litelift_toml(tmp_path, database, f'[monitor]\nurl = "{other}"\n')
            with serving(file) as running:
                for path in ("/quarantine", "/quarantine.json"):
                    answer = running.get(path)
                    assert (answer.status_code, "GRANT" in answer.text) == (503, True), answer.text
        finally:
            connection.execute(f"drop role {role}")


def test_the_report_of_the_move_is_shown_as_it_was_written_and_runs_nothing(database: str, tmp_path: Path) -> None:
    beside = tmp_path / "app.sqlite.litelift"
    beside.mkdir()
    (beside / "report.html").write_text("<!DOCTYPE html><title>Of the file</title><script>alert(1)</script>")
    (tmp_path / "app.sqlite").touch()
    file = tmp_path / "litelift.toml"
    file.write_text(f'[source]\npath = "app.sqlite"\n[target]\nkind = "existing"\nurl = "{database}"\n')
    with serving(file) as running:
        answer = running.get("/report")
        assert answer.text == (beside / "report.html").read_text()
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert policy.endswith("sandbox")
        # A cutover that stands has its own; one that was only tried, or taken back, has none that counts.
        runbook = read_runbook(file)
        for mode, event in (("cutover", "finished"), ("rehearsal", "finished"), ("cutover", "rolled-back")):
            run = new_run(runbook, mode)  # type: ignore[arg-type]
            (run.folder / "report.html").write_text(f"run {run.number}")
            run.journal.write(event)
        assert running.get("/report").text == "run 1"


def test_every_answer_has_the_headers_that_keep_browsers_from_harm(tmp_path: Path) -> None:
    with serving(litelift_toml(tmp_path)) as running:
        answers = [running.get(path) for path in ("/", "/login", "/check.json", "/nowhere", "/static/page.css")]
        answers.append(running.get("/", host="evil.example"))
        for answer in answers:
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert "server" not in answer.headers
        assert {answer.headers["cache-control"] for answer in answers[:4]} == {"no-store"}


def test_the_pages_files_are_kept_by_browsers_until_they_are_others(tmp_path: Path) -> None:
    from litelift.monitor.page import ASSETS

    with serving(litelift_toml(tmp_path)) as running:
        name, asset = next(iter(ASSETS.items()))
        found = running.get(f"/static/{name}?v={asset.hash}")
        assert found.content == asset.content
        assert "immutable" in found.headers["cache-control"]
        again = running.get(f"/static/{name}", if_none_match=found.headers["etag"])
        assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")
        for wrong in ("../__init__.py", "..%2f__init__.py", "nothing", "%00"):
            assert running.get(f"/static/{wrong}").status_code == 404


@pytest.mark.parametrize(
    ("headers", "path", "language"),
    [
        ({}, "/", "en"),
        ({"accept_language": "az-Latn-AZ,az;q=0.9,en;q=0.8"}, "/", "az"),
        ({"accept_language": "ru,en;q=0.5,az;q=0.7"}, "/", "az"),
        ({"accept_language": "az;q=0"}, "/", "en"),
        ({"accept_language": "az;q=x,,;q=1"}, "/", "en"),
        ({"cookie": "litelift_language=az"}, "/", "az"),
        ({"cookie": "litelift_language=az"}, "/?language=en", "en"),
        ({"cookie": "litelift_language=xx"}, "/?language=xx", "en"),
    ],
)
def test_the_language_is_what_is_asked_for_or_was_or_the_browsers(
    shared: Running, headers: dict[str, str], path: str, language: str
) -> None:
    answer = shared.get(path, **headers)
    assert f'<html lang="{language}"' in answer.text
    assert ("litelift_language" in answer.headers.get("set-cookie", "")) == ("language=en" in path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for tests that change nothing."""
    with serving(litelift_toml(tmp_path_factory.mktemp("shared"))) as running:
        yield running


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_done_through_it(shared: Running, method: str) -> None:
    for path in ("/", "/check.json", "/quarantine", "/metrics", "/events", "/report"):
        assert shared.get(path, method, sec_fetch_site="same-origin").status_code == 405
