"""What the watch finds of the backups: the age of the newest, the schedule, damage, drills and copies."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broken import free_port, wait_for
from command import litelift
from litelift.backup.manifest import Look
from litelift.backup.status import RunRecord, Status, write_status
from litelift.backup.store import Store, note
from litelift.monitor.baseline import FILE, Baseline
from litelift.monitor.bounded import bounded
from litelift.monitor.checks.backups_kept import kept
from litelift.monitor.finding import Finding
from litelift.monitor.watched import Watched
from litelift.monitor.words import to_do
from monitored import database_at, found_by, only
from stored_backup import NOW, stored

COPIES = '[[backup.copy]]\nname = "second disk"\nurl = "file:///mnt/second"\n'


def watched_at(folder: Path, settings: str = "") -> tuple[Watched, Store]:
    """A database whose server is away, so that only its backups are there."""
    of = database_at(f"postgresql://u:s3cret@127.0.0.1:{free_port()}/school", folder, settings)
    return of, of.backups.store


def found(name: str, of: Watched, hours: float = 0.0) -> Finding:
    """What a check finds so many hours later."""
    finding = only(found_by(name, of, now=NOW + timedelta(hours=hours)))
    assert "s3cret" not in str(finding.document)
    return finding


def test_an_old_backup_is_told_and_a_new_one_ends_it(tmp_path: Path) -> None:
    of, store = watched_at(tmp_path)
    stored(store, 0.5)
    assert found("backup", of).state == "ok"
    assert [found("backup", of, hours).state for hours in (13.9, 14, 59, 60)] == [
        "ok",
        "warning",
        "warning",
        "critical",
    ]
    old = found("backup", of, 60)
    assert (old.found, old.do) == ("old", "schedule")
    assert old.measures[0].value == 72 * 3600
    stored(store, 0)
    assert found("backup", of, 20).state == "ok"


def test_a_database_without_backups_is_told_once_its_first_day_is_over(tmp_path: Path) -> None:
    of, _ = watched_at(tmp_path)
    assert (found("backup", of).state, found("backup", of).found) == ("warning", "none")
    assert f"litelift backup create {tmp_path}/litelift.toml" in str(to_do(found("backup", of)))
    of.folder.mkdir()
    (of.folder / FILE).write_text(Baseline(at=NOW).model_dump_json())
    assert (found("backup", of, 23).state, found("backup", of, 23).found) == ("ok", "not-yet")
    assert found("backup", of, 25).state == "warning"
    assert found("drill", of).state == found("damaged-backups", of).state == "ok"


def test_backups_of_another_database_in_the_same_folder_are_none_of_this_one(tmp_path: Path) -> None:
    of = database_at(f"postgresql://u@127.0.0.1:{free_port()}/library", tmp_path)
    stored(of.backups.store, 0)
    assert found("backup", of).found == "none"


def test_a_scheduled_run_that_failed_is_told_with_its_reason(tmp_path: Path) -> None:
    of, store = watched_at(tmp_path)
    stored(store, 0)
    assert found("backup", of).state == "ok"
    ran = litelift("backup", "run", tmp_path / "litelift.toml")
    assert ran.status == 1, ran
    finding = only(found_by("backup", of, now=datetime.now(UTC)))
    assert (finding.state, finding.found, finding.do) == ("warning", "run-failed", "run")
    assert "cannot connect" in str(finding.facts["message"])
    assert "s3cret" not in str(finding.document)


@pytest.mark.parametrize(
    ("status", "state", "said"),
    [
        (Status(next_due=NOW - timedelta(minutes=30)), "ok", "fresh"),
        (Status(next_due=NOW - timedelta(hours=2)), "warning", "overdue"),
        (Status(last=RunRecord(began=NOW, process=1), next_due=NOW), "warning", "cut-off"),
    ],
)
def test_a_schedule_that_stands_still_is_told(tmp_path: Path, status: Status, state: str, said: str) -> None:
    of, store = watched_at(tmp_path)
    stored(store, 0.2)
    write_status(store.path, status)
    assert (found("backup", of).state, found("backup", of).found) == (state, said)


_HOLDS = """
import sys
from pathlib import Path
from litelift.backup.status import run_held
with run_held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_is_under_way_is_no_trouble(tmp_path: Path) -> None:
    of, store = watched_at(tmp_path)
    stored(store, 0.2)
    write_status(store.path, Status(last=RunRecord(began=NOW, process=1), next_due=NOW))

    words = [sys.executable, "-c", _HOLDS, str(store.path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert (found("backup", of).state, found("backup", of).found) == ("ok", "running")
        process.communicate()


def test_a_damaged_backup_is_told_and_does_not_count(tmp_path: Path) -> None:
    of, store = watched_at(tmp_path)
    stored(store, 3)
    broken, verified = stored(store, 0.1), stored(store, 0)
    assert found("damaged-backups", of).state == "ok"
    (broken.folder / "manifest.json").write_text('{"format": 1')
    note(verified, verified=Look(at=NOW, ok=False, seconds=1.0, message="database/1.dat.gz differs"))
    finding = found("damaged-backups", of)
    assert (finding.state, finding.facts["n"]) == ("warning", 2)
    assert {item["backup"]: item["what"] for item in finding.items} == {
        verified.name: "database/1.dat.gz differs",
        broken.name: "manifest.json: it cannot be read as a manifest",
    }
    assert found("backup", of).state == "critical"
    store.remove(broken)
    store.remove(verified)
    assert found("damaged-backups", of).state == "ok"


def test_backups_that_nobody_has_restored_are_told_after_a_week(tmp_path: Path) -> None:
    of, store = watched_at(tmp_path)
    backup = stored(store, 7)
    assert found("drill", of).state == "ok"
    assert (found("drill", of, 25).state, found("drill", of, 25).found) == ("warning", "never")
    note(backup, drilled=Look(at=NOW, ok=True, seconds=12.5))
    assert found("drill", of, 25).state == "ok"
    assert (found("drill", of, 24 * 31).state, found("drill", of, 24 * 31).found) == ("warning", "old")


def test_a_drill_that_failed_is_critical_until_one_succeeds(tmp_path: Path) -> None:
    of, store = watched_at(tmp_path)
    stored(store, 1, drilled=True)
    later = stored(store, 0)
    assert found("drill", of).state == "ok"
    note(later, drilled=Look(at=NOW + timedelta(minutes=1), ok=False, seconds=1.0, message="public.grades differs"))
    assert (found("drill", of).state, found("drill", of).facts["message"]) == ("critical", "public.grades differs")
    note(later, drilled=Look(at=NOW + timedelta(minutes=2), ok=True, seconds=1.0))
    assert found("drill", of).state == "ok"


def test_a_place_where_copies_do_not_come_is_told(tmp_path: Path) -> None:
    of, store = watched_at(tmp_path, COPIES)
    first = stored(store, 2)
    assert (found("backup-copies", of).state, found("backup-copies", of).found) == ("warning", "never")
    note(first, copies={"second disk": NOW - timedelta(days=1.9)})
    assert found("backup-copies", of).state == "ok"
    second = stored(store, 0.1)
    assert found("backup-copies", of).state == "ok"
    finding = found("backup-copies", of, 24)
    assert (finding.state, finding.found, finding.facts["n"], finding.about) == ("warning", "behind", 1, "second disk")
    assert finding.facts["quoted"] == "'second disk'"
    record = RunRecord(began=NOW, process=1, ended=NOW, ok=False, failures=["copy to second disk: no such folder"])
    write_status(store.path, Status(last=record, next_due=NOW))
    finding = found("backup-copies", of)
    assert (finding.state, finding.found, finding.facts["message"]) == ("warning", "copy-failed", "no such folder")
    note(second, copies={"second disk": NOW})
    assert found("backup-copies", of).state == "ok"


def test_what_was_read_of_a_backup_is_not_read_again_until_it_changes(tmp_path: Path) -> None:
    of, store = watched_at(tmp_path)
    backups = [stored(store, days) for days in (3, 2, 1)]
    before = kept(of.backups)
    note(backups[1], drilled=Look(at=NOW, ok=True, seconds=1.0))
    store.remove(backups[2])
    after = kept(of.backups)
    assert [one.name for one in after] == [backup.name for backup in backups[:2]]
    assert after[0] is before[0]
    assert before[1].drilled is None
    assert after[1].drilled is not None


def test_a_folder_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    of, store = watched_at(tmp_path)
    store.path.write_text("no folder")
    for name in ("backup", "damaged-backups", "drill"):
        assert found(name, of).state == "unknown"


def test_what_never_answers_is_given_up_and_not_asked_twice() -> None:
    answer, asked = threading.Event(), []

    def ask() -> str:
        asked.append(1)
        answer.wait(60)
        return "there"

    for _ in range(2):
        with pytest.raises(TimeoutError):
            bounded("a folder", 0.01, ask)
    assert len(asked) == 1
    answer.set()
    wait_for(_answers)


def _answers() -> bool:
    try:
        return bounded("a folder", 60, lambda: True)
    except TimeoutError:
        return False
