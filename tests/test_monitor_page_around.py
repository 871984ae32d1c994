"""What the page tells of the move and the backups, from a real move's journal, and from a cutover's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from cutover_evening import Evening
from litelift import migrate
from litelift.backup.manifest import Look
from litelift.backup.status import RunRecord, Status, write_status
from litelift.backup.store import note
from litelift.cutover.read import read_runbook
from litelift.monitor import page
from litelift.monitor.page.around import Around, around
from litelift.monitor.page.kept import backups
from litelift.monitor.page.moved import of_cutover
from litelift.monitor.watched import watched
from monitored import database_at
from monitored_day import NOW
from sixty_days import make
from test_monitor_page import project, shown
from test_report_example import example


def test_a_migration_is_told_with_its_proof_and_what_is_in_quarantine(
    database: str, make_sqlite: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_sqlite(
        "create table t (id integer primary key, n integer)",
        [("insert into t values (?, ?)", [(n, "seven" if n == 7 else n) for n in range(1, 301)])],
    )
    migrate(str(source), database)
    of = database_at(database, tmp_path)
    found = around(of)
    assert found.troubles == () and found.quarantined == 1
    assert found.moved is not None and found.moved.proof is not None
    assert (found.moved.proof.status, found.moved.proof.sums.loaded) == ("attention", 300)
    assert [run.mode for run in found.moved.runs] == ["whole"]
    assert "Hər sətrin müqayisəsi" in shown(page.document(page.view(of, None, NOW, around=found), "az"))
    text = shown(page.document(page.view(of, None, NOW, around=found), "en"))
    assert "300 rows of 1 table were moved; 300 were compared with the source by content: 0 differences." in text
    assert "Compare every row" in text and "Look through the quarantine (1 entry)" in text


def test_where_nobody_answers_what_is_known_of_files_is_told_with_why_the_rest_is_not(tmp_path: Path) -> None:
    of = database_at("postgresql://atis@127.0.0.1:1/atis", tmp_path)
    found = around(of)
    assert found.backups is not None and found.moved is None and found.quarantined is None
    assert len(found.troubles) == 1 and "127.0.0.1" in found.troubles[0]
    assert "Could not be read" in shown(page.document(page.view(of, None, NOW, around=found), "en"))


def test_a_cutover_is_told_phase_by_phase_with_how_long_the_application_was_closed(tmp_path: Path) -> None:
    evening = Evening(tmp_path)
    evening.to_the_switch()
    evening.move(example())
    evening.to_the_end()
    evening.login()
    of = watched(str(evening.file))
    assert of.runbook is not None
    found = of_cutover(of.runbook)
    assert found is not None and found.proof is not None
    assert [phase.key for phase in found.phases] == list("0123456")
    assert sum(phase.width for phase in found.phases) > 99
    text = shown(page.document(page.view(of, None, NOW, around=Around(moved=found, quarantined=0)), "en"))
    assert "Moved; something needs a person" in text
    assert "The application was closed for its users for" in text
    assert "PostgreSQL set-up" in text and "Nothing is in quarantine." in text


def test_a_cutover_that_was_taken_back_says_so(tmp_path: Path) -> None:
    evening = Evening(tmp_path)
    evening.to_the_switch()
    evening.move(example())
    evening.back()
    found = of_cutover(read_runbook(evening.file))
    assert found is not None and found.state == "rolled back"
    html = page.document(page.view(project(_made(tmp_path / "x")), None, NOW, around=Around(moved=found)), "en")
    assert "The application was taken back to SQLite" in shown(html)


def test_backups_are_told_with_their_drill_and_when_the_next_is_due(tmp_path: Path) -> None:
    of = project(tmp_path)
    store = of.backups.store
    for days in (3, 2, 1):
        last = make(store, NOW - timedelta(days=days))
        if days == 3:
            note(last, drilled=Look(at=NOW - timedelta(days=2), ok=True, seconds=12.0))
    note(last, verified=Look(at=NOW, ok=False, seconds=1.0, message="database.dump: its checksum is another"))
    failed = RunRecord(began=NOW, process=1, ended=NOW, ok=False, message="no room")
    write_status(store.path, Status(project="School", last=failed, next_due=NOW + timedelta(days=10_000)))
    found = backups(store)
    assert (found.number, found.state) == (3, "failed")
    assert found.newest is not None and found.newest.at == NOW - timedelta(days=2)
    text = shown(page.document(page.view(of, None, NOW, around=Around(found)), "en"))
    assert "the last run failed: no room" in text
    assert "restored in 12.0 s and compared, all of it was there" in text
    assert "11 April 2054" in text


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
