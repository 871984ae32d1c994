"""Prune removes what the policy does not keep, and nothing else, whatever stands in the way."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broken import failed_as_document, one_clear_error
from command import litelift
from litelift.backup.history import HISTORY, events
from litelift.backup.prune import prune
from litelift.backup.settings import Keep
from litelift.backup.store import Store
from litelift.errors import BackupBusy, BackupFolderMissing, KeepsNothing
from sixty_days import BEGIN, END, PAGE, POLICIES, Sixty, damaged, day, drilled, make, page, simulate, table
from small_disk import small_disk

NOW = datetime(2026, 11, 29, 2, 5, tzinfo=UTC)
ONE = Keep(days=0, last=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Ten backups, a day after the other."""
    store = Store(tmp_path / "backups")
    for age in range(9, -1, -1):
        make(store, NOW - timedelta(days=age, minutes=5))
    return store


def names(store: Store) -> list[str]:
    return [one.name for one in store.backups()]


def ages(store: Store) -> list[int]:
    return [(NOW - one.read().started).days for one in store.backups()]


def event(store: Store) -> dict[str, object]:
    """The last one's facts."""
    found = events(store.path)[-1]
    assert found.what == "prune"
    return {"ok": found.ok, "message": found.message, **found.facts}


# --------------------------------------------------------------------- sixty days


@pytest.fixture(scope="module")
def sixties(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sixty]:
    return {policy: simulate(tmp_path_factory.mktemp("sixty"), keep) for policy, keep in POLICIES.items()}


def moments(*days: int, noon: tuple[int, ...] = (), afternoon: tuple[int, ...] = ()) -> list[datetime]:
    return sorted([*map(day, days), *(day(one, 12) for one in noon), *(day(one, 15) for one in afternoon)])


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        # The one that a drill restored; and of 30 days all, damaged ones and the safety dump too.
        ("days = 30", moments(21, *range(30, 61), afternoon=(40,))),
        # The same; October's newest good one, the Sundays of W45 and W47, the Saturday of W46; seven days.
        ("days = 7, weekly = 4, monthly = 6", moments(21, 30, 39, 45, *range(53, 61))),
        ("last = 10", moments(21, *range(51, 61))),
    ],
)
def test_after_sixty_days_of_backups_and_prunes_there_is_what_the_policy_keeps(
    sixties: dict[str, Sixty], policy: str, expected: list[datetime]
) -> None:
    store = Store(Path(sixties[policy].last.folder))
    assert [one.read().started for one in store.backups()] == expected
    assert store.left() == []
    found = events(store.path)
    assert len(found) == 60
    assert sum(len(one.facts["removed"]) for one in found) == 62 - len(expected)


def test_the_table_in_the_documentation_is_what_comes_out(sixties: dict[str, Sixty]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(table(sixties))
    assert BEGIN in PAGE.read_text("utf-8")
    assert END in PAGE.read_text("utf-8")


# --------------------------------------------------------------------- what is removed


def test_the_removed_are_gone_whole_and_the_history_says_which(store: Store) -> None:
    before = names(store)
    done = prune(store, Keep(days=2), now=NOW)
    assert names(store) == before[-3:]
    assert [one.name for one in done.removed] == before[:-3]
    assert done.freed == 7000
    assert done.exit_code == 0
    assert {path.name for path in store.path.iterdir()} == {*before[-3:], ".gitignore", "lock", HISTORY}
    assert event(store) == {
        "ok": True,
        "message": "",
        "removed": before[:-3],
        "freed": 7000,
        "kept": 3,
        "tidied": [],
        "keep": Keep(days=2).model_dump(),
    }


def test_a_dry_run_says_the_same_and_touches_nothing(store: Store) -> None:
    (store.path / ".left.part").mkdir()
    before = sorted((path, path.stat().st_mtime_ns) for path in store.path.rglob("*"))
    with store.held():
        # Not even the lock: what is looked at may be on a disk that is read-only.
        told = prune(store, ONE, now=NOW, dry_run=True)
    assert sorted((path, path.stat().st_mtime_ns) for path in store.path.rglob("*") if path.name != "lock") == [
        one for one in before if one[0].name != "lock"
    ]
    done = prune(store, ONE, now=NOW)
    assert told.backups == done.backups
    assert (told.freed, len(told.removed)) == (9000, 9)


def test_what_is_no_backup_of_this_project_is_left_alone_and_said(store: Store, tmp_path: Path) -> None:
    long_ago = NOW - timedelta(days=400)
    make(store, long_ago, project="other")
    (store.path / "lost+found").mkdir()
    broken = make(store, long_ago)
    (broken.folder / "manifest.json").write_text('{"format": 1, "na')
    newer = make(store, long_ago + timedelta(hours=1))
    (newer.folder / "manifest.json").write_text('{"format": 99, "litelift": "9.0"}')
    renamed = make(store, long_ago + timedelta(hours=2))
    renamed.folder.rename(store.path / "before the exams")
    moved = make(Store(tmp_path / "elsewhere"), long_ago + timedelta(hours=3))
    (store.path / moved.name).symlink_to(moved.folder)
    done = prune(store, ONE, project="school", now=NOW)
    left = {one.name: one.reasons[0].words for one in done.backups if one.reasons[0].words.startswith("left alone: ")}
    assert (store.path / "lost+found").is_dir()
    assert left == {
        "other-20251025T020500Z": "left alone: it is of other, not of school",
        broken.name: "left alone: manifest.json: it cannot be read as a manifest",
        newer.name: "left alone: it is of a newer litelift (9.0): use that one",
        "before the exams": f"left alone: its manifest is that of {renamed.name}",
        moved.name: "left alone: it is a link to elsewhere",
    }
    assert len(names(store)) == 6
    assert (moved.folder / "database.dump").is_file()
    assert done.exit_code == 0


def test_what_became_known_of_a_backup_decides(store: Store) -> None:
    found = store.backups()
    drilled(found[0], NOW)
    drilled(found[3], NOW, ok=False)
    damaged(found[-1], NOW)
    done = prune(store, ONE, now=NOW)
    assert ages(store) == [9, 6, 1, 0]
    why = {(NOW - one.started).days: one.reasons[-1].words for one in done.backups if one.started and one.kept}
    assert why == {
        9: "newest that a drill restored",
        6: "damaged, but within 7 days",
        1: "newest good one",
        0: "damaged, but within 7 days",
    }


def test_a_policy_that_keeps_nothing_is_refused(store: Store) -> None:
    with pytest.raises(KeepsNothing):
        prune(store, Keep(days=0), now=NOW)
    assert len(names(store)) == 10


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BackupFolderMissing):
        prune(Store(tmp_path / "mount"), ONE)
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------- what stands in the way

HOLDS = """
import sys, time
from pathlib import Path
from litelift.backup.store import Store
with Store(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_while_another_is_at_work_nothing_is_removed(store: Store) -> None:
    words = [sys.executable, "-c", HOLDS, str(store.path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BackupBusy, match=str(other.pid)):
            prune(store, ONE, now=NOW)
        other.communicate()
    assert len(names(store)) == 10


def test_one_that_cannot_be_removed_stops_no_other(store: Store) -> None:
    first = store.backups()[0]
    # Where its folder would go there is a file: as good as a disk that refuses, and for root too.
    (store.path / f".{first.name}.gone").write_text("")
    done = prune(store, ONE, now=NOW)
    assert ages(store) == [9, 0]
    assert store.find(first.name).good
    assert [one.name for one in done.failed] == [first.name]
    assert (len(done.removed), done.freed, done.exit_code) == (8, 8000, 1)
    assert event(store)["ok"] is False
    assert str(event(store)["message"]).startswith(f"{first.name}: ")


def test_one_that_is_removed_by_half_is_out_of_the_list_and_goes_with_the_next(store: Store) -> None:
    first = store.backups()[0]
    locked = first.folder / "database"
    locked.mkdir()
    (locked / "1.dat").write_text("x")
    if os.geteuid() == 0:
        if subprocess.run(["chattr", "+i", str(locked / "1.dat")], capture_output=True).returncode:
            pytest.skip("this disk has no immutable files")
    else:
        locked.chmod(0o500)
    gone = store.path / f".{first.name}.gone"
    try:
        done = prune(store, ONE, now=NOW)
        assert ages(store) == [0]
        (failed,) = done.failed
        assert (failed.name, failed.kept, done.freed, done.exit_code) == (first.name, False, 8000, 1)
        # It is in nobody's way: not in a backup's, nor in a prune's.
        make(store, NOW)
        assert prune(store, ONE, now=NOW).exit_code == 0
        assert gone.is_dir()
    finally:
        if os.geteuid() == 0:
            subprocess.run(["chattr", "-i", str((gone if gone.exists() else first.folder) / "database/1.dat")])
        else:
            ((gone if gone.exists() else first.folder) / "database").chmod(0o700)
    assert prune(store, ONE, now=NOW).tidied == [gone.name]
    assert not gone.exists()


def test_a_disk_that_is_full_is_what_prune_is_for() -> None:
    with small_disk(4) as folder:
        store = Store(folder / "backups")
        for age in (3, 2, 1):
            make(store, NOW - timedelta(days=age), size=1_000_000)
        prune(store, Keep(days=9), now=NOW)
        with pytest.raises(OSError, match="No space"), (folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
        done = prune(store, ONE, now=NOW)
        assert (len(names(store)), done.freed, done.exit_code) == (1, 2_000_000, 0)
        assert event(store)["removed"] == [one.name for one in done.removed]


def test_a_disk_that_is_read_only_is_told_and_a_dry_run_works_there() -> None:
    with small_disk(4) as folder:
        store = Store(folder / "backups")
        for age in (3, 2, 1):
            make(store, NOW - timedelta(days=age))
        before = names(store)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        assert len(prune(store, ONE, now=NOW, dry_run=True).removed) == 2
        ran = litelift("backup", "prune", "--folder", store.path, "--keep-last", "1", "--keep-days", "0", cwd=folder)
        assert ran.status == 1, ran
        assert "Read-only file system" in ran.err
        assert "Traceback" not in ran.err
        assert names(store) == before


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from litelift.backup.prune import prune
from litelift.backup.settings import Keep
from litelift.backup.store import Store

number, rmtree = [0], shutil.rmtree
def removing(path, *more, **known):
    number[0] += 1
    if number[0] == 3:
        (Path(path) / "manifest.json").unlink()
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    return rmtree(path, *more, **known)
shutil.rmtree = removing
prune(Store(Path(sys.argv[1])), Keep(days=0, last=1))
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_a_prune_that_is_ended_in_the_middle_leaves_whole_backups_and_the_next_goes_on(store: Store, how: str) -> None:
    before = names(store)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(store.path), how], capture_output=True, text=True)
    assert ended.returncode == -getattr(signal, how), ended.stderr
    assert names(store) == before[3:]
    assert all(one.good for one in store.backups())
    assert [path.name for path in store.left()] == [f".{before[2]}.gone"]
    if how == "SIGINT":
        assert (event(store)["message"], event(store)["removed"]) == ("stopped", before[:3])
    done = prune(store, ONE, now=NOW)
    assert done.tidied == [f".{before[2]}.gone"]
    assert names(store) == before[-1:]
    assert store.left() == []


# --------------------------------------------------------------------- the command


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose backups are of these last days, by this machine's clock."""
    (tmp_path / "litelift.toml").write_text(
        '[project]\nname = "school"\n[backup]\nurl = "postgresql://app@nowhere.invalid/school"\n'
        "[backup.keep]\ndays = 3\n",
    )
    store = Store(tmp_path / "litelift-backups")
    now = datetime.now(UTC)
    for age in (40, 5, 4, 2, 1):
        made = make(store, now - timedelta(days=age))
        if age == 40:
            drilled(made, now)
    damaged(make(store, now - timedelta(days=90)), now)
    return tmp_path


def test_the_command_says_of_each_backup_what_becomes_of_it_and_why(project: Path) -> None:
    ran = litelift("backup", "prune", "--dry-run", cwd=project, COLUMNS="160")
    assert ran.status == 0, ran
    rows = [re.split(r" {2,}", line.strip()) for line in ran.out.splitlines()]
    assert rows[0] == ["backup", "age", "size", "drilled", "why"]
    assert [row[1:] for row in rows[1:-1]] == [
        ["90 days", "1.0 kB", "damaged", "would go", "damaged, and older than 7 days"],
        ["40 days", "1.0 kB", "yes", "kept", "newest that a drill restored"],
        ["5 days", "1.0 kB", "no", "would go", "older than 3 days"],
        ["4 days", "1.0 kB", "no", "kept", rows[4][-1]],
        ["2 days", "1.0 kB", "no", "kept", "within 3 days"],
        [rows[6][1], "1.0 kB", "no", "kept", "within 3 days; newest good one"],
    ]
    assert rows[4][-1].startswith("within 3 days before ")
    assert rows[6][1].startswith("24 h")
    assert rows[-1] == ["6 backups: 4 kept, 2 would go, 2.0 kB would be freed"]
    assert len(names(Store(project / "litelift-backups"))) == 6
    ran = litelift("backup", "prune", "--quiet", "litelift.toml", cwd=project)
    assert (ran.status, ran.out) == (0, "6 backups: 4 kept, 2 removed, 2.0 kB freed\n")
    assert len(names(Store(project / "litelift-backups"))) == 4


def test_an_option_takes_the_place_of_the_file_s_key(project: Path) -> None:
    ran = litelift("backup", "prune", "--keep-days", "0", "--keep-last", "1", "--json", cwd=project)
    document = ran.json
    assert (ran.status, document["removed"], document["freed_bytes"], document["exit_code"]) == (0, 4, 4000, 0)
    assert document["keep"] == {"days": 0, "last": 1, "daily": 0, "weekly": 0, "monthly": 0, "yearly": 0}
    assert [one["reasons"][0]["rule"] for one in document["backups"]] == [
        "none",
        "proved",
        "none",
        "none",
        "none",
        "last",
    ]
    ran = litelift("backup", "prune", "--keep-days", "0", cwd=project)
    one_clear_error(ran, 2, "the policy keeps nothing")
    failed_as_document(litelift("backup", "prune", "--keep-days", "0", "--json", cwd=project), 2, "KeepsNothing")


def test_where_a_person_should_look_it_exits_3(project: Path) -> None:
    store = Store(project / "litelift-backups")
    for one in store.backups()[-2:]:
        shutil.rmtree(one.folder)
    ahead = make(store, datetime.now(UTC) + timedelta(days=9))
    ran = litelift("backup", "prune", "--keep-days", "1", cwd=project)
    assert ran.status == 3, ran
    assert f"note: {ahead.name} is from the future" in ran.out
    assert "note: the newest good backup of school is 4 days old: older ones stay meanwhile" in ran.out


def test_one_that_cannot_be_removed_is_named_and_the_exit_is_1(project: Path) -> None:
    store = Store(project / "litelift-backups")
    first = store.backups()[0]
    (store.path / f".{first.name}.gone").write_text("")
    ran = litelift("backup", "prune", "--json", cwd=project)
    assert (ran.status, ran.json["removed"], ran.json["exit_code"]) == (1, 1, 1)
    ran = litelift("backup", "prune", cwd=project)
    assert ran.status == 1
    assert f"not removed: {first.name}: Not a directory" in ran.out


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    one_clear_error(litelift("backup", "prune", "--folder", tmp_path / "mount", cwd=tmp_path), 1, "there is no folder")
    assert list(tmp_path.iterdir()) == []


def test_what_the_history_does_not_know_of_is_told(store: Store) -> None:
    (store.path / HISTORY).unlink(missing_ok=True)
    (store.path / HISTORY).mkdir()
    done = prune(store, ONE, now=NOW)
    assert [one.kept for one in done.backups if one.started] == [False] * 9 + [True]
    assert (done.unrecorded, done.exit_code) == ("Is a directory", 3)
