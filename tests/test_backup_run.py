"""The scheduled run: what fails is told, and keeps nothing else from being done that is safe."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import forked
from command import litelift
from litelift.backup.history import Event, events, write_event
from litelift.backup.job import Job, job_of
from litelift.backup.run import Ran, run
from litelift.backup.settings import Backup, Copy, Tell
from litelift.backup.stages import Done, Made, drill_is_due
from litelift.backup.status import Status, read_status, state
from litelift.backup.store import Store
from litelift.errors import BackupDiskFull, LiteliftError
from small_disk import small_disk

NOW = datetime(2026, 11, 23, 2, 3, tzinfo=UTC)


@dataclass
class Recorded:
    """Stages that are told what fails, and note what was called."""

    store: Path
    failing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: Exception = field(default_factory=lambda: LiteliftError(message="it did not work"))
    called: list[str] = field(default_factory=list)

    def _do(self, name: str) -> list[str]:
        self.called.append(name)
        if name in self.failing:
            raise self.error
        return [f"look at {name}"] if name in self.notes else []

    def create(self) -> Made:
        notes = self._do("create")
        return Made("62 MB", notes, backup=f"school-{len(events(self.store))}")

    def copy(self, place: str, backup: str | None) -> Done:
        return Done(notes=self._do(f"copy to {place}" if backup else f"older to {place}"))

    def drill(self, backup: str) -> Done:
        notes = self._do("drill")
        if notes:
            return Done(notes=notes, tried=False)
        write_event(self.store, "drill", ok=True, backup=backup)
        return Done(notes=notes)

    def prune(self, place: str | None) -> Done:
        return Done(notes=self._do("prune" if place is None else f"prune {place}"))


def a_job(folder: Path, **known: Any) -> Job:
    copies = [Copy(name=name, url=f"file:///{name}") for name in ("disk", "cloud")]
    settings = Backup.model_validate({"copy": copies, "tell": Tell(syslog=False), "drill_every": 1, **known})
    return Job("school", folder, Store(folder / "backups"), settings)


def ran(job: Job, *failing: str, **known: Any) -> tuple[list[str], Ran]:
    stages = Recorded(job.store.path, failing, **known)
    done = run(job, stages)
    assert done is not None
    return stages.called, done


# --------------------------------------------------------------------- stages


def test_each_stage_is_done_in_its_turn(tmp_path: Path) -> None:
    job = a_job(tmp_path)
    called, done = ran(job)
    assert called == ["create", "copy to disk", "copy to cloud", "drill", "prune", "prune disk", "prune cloud"]
    assert (done.record.ok, done.record.exit_status, done.record.backup) == (True, 0, "school-0")
    status = read_status(job.store.path)
    assert status.last == status.last_success == done.record
    assert [event.what for event in events(job.store.path)] == ["drill", "run"]


@pytest.mark.parametrize(
    ("failing", "called"),
    [
        # The older ones are all that there is: none is removed, and what is not yet copied is.
        ("create", "create, older to disk, older to cloud"),
        ("copy to disk", "create, copy to disk, copy to cloud, drill, prune, prune cloud"),
        # What was made like this one cannot be restored: all that may be restorable stays.
        ("drill", "create, copy to disk, copy to cloud, drill"),
        ("prune", "create, copy to disk, copy to cloud, drill, prune, prune disk, prune cloud"),
        ("prune disk", "create, copy to disk, copy to cloud, drill, prune, prune disk, prune cloud"),
    ],
)
def test_a_failure_keeps_only_that_from_being_done_which_would_not_be_safe(
    tmp_path: Path, failing: str, called: str
) -> None:
    job = a_job(tmp_path)
    ran(job)
    before = read_status(job.store.path)
    done, result = ran(job, failing)
    assert ", ".join(done) == called
    assert (result.record.ok, result.record.exit_status) == (False, 1)
    assert result.record.failures == [f"{failing}: it did not work"]
    status = read_status(job.store.path)
    assert status.last == result.record and status.last_success == before.last_success
    assert not events(job.store.path)[-1].ok
    assert state(job.store.path) == "failed"


def test_every_failure_is_named(tmp_path: Path) -> None:
    job = a_job(tmp_path, tell=Tell(syslog=False, command="cat > got.json"))
    _, done = ran(job, "copy to disk", "copy to cloud", "prune")
    wanted = [f"{name}: it did not work" for name in ("copy to disk", "copy to cloud", "prune")]
    assert done.record.failures == wanted
    assert done.record.message == "; ".join(wanted)
    assert json.loads((tmp_path / "got.json").read_text())["failures"] == wanted


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "/b/x"), "/b/x: No space left on device"),
        (ValueError("odd"), "ValueError: odd"),
        (
            BackupDiskFull(folder="/b", free="0 bytes"),
            "the backup could not be made: there is not room",
        ),
        (LiteliftError(message="at postgresql://a:hush@db\nx"), "at postgresql://a:***@db x"),
    ],
)
def test_whatever_a_stage_raises_is_its_failure(tmp_path: Path, error: Exception, said: str) -> None:
    _, done = ran(a_job(tmp_path), "create", error=error)
    assert done.record.failures[0].startswith(f"create: {said}")


def test_what_needs_a_person_is_told_and_is_no_failure(tmp_path: Path) -> None:
    _, done = ran(a_job(tmp_path), notes=("drill",))
    assert (done.record.ok, done.record.exit_status, done.record.notes) == (True, 3, ["drill: look at drill"])
    # Nor does it say that it was done.
    assert "copy to cloud, prune," in done.record.message


def test_who_cannot_be_told_makes_no_good_backup_fail(tmp_path: Path) -> None:
    job = a_job(tmp_path, tell=Tell(syslog=False, command="exit 7", success=True))
    _, done = ran(job)
    assert (done.record.ok, done.record.exit_status) == (True, 3)
    assert done.record.untold == ["the command: it ended with 7"]
    status = read_status(job.store.path)
    assert status.last == status.last_success == done.record
    assert ran(job, "create")[1].record.exit_status == 1


def test_the_begin_is_in_the_status_before_anything_is_done(tmp_path: Path) -> None:
    job = a_job(tmp_path)
    ran(job)
    good = read_status(job.store.path).last_success
    seen: list[Status] = []

    class Looking(Recorded):
        def create(self) -> Made:
            seen.append(read_status(self.store))
            return super().create()

    run(job, Looking(job.store.path), clock=lambda: NOW)
    assert seen[0].last is not None and (seen[0].last.began, seen[0].last.ended) == (NOW, None)
    assert seen[0].last_success == good and seen[0].next_due == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_a_run_has_what_the_environment_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SCHOOL_A", "SCHOOL_B", "SCHOOL_C"):
        monkeypatch.setenv(name, "before")
    file = tmp_path / "backup.env"
    file.write_text("# mine\n\nSCHOOL_A=a $HOME # b\nexport SCHOOL_B = 'b '\nSCHOOL_C=\n")
    file.chmod(0o600)
    job = a_job(tmp_path, environment_file="backup.env")
    called, done = ran(job)
    assert called[0] == "create" and done.record.exit_status == 0
    assert [os.environ[f"SCHOOL_{letter}"] for letter in "ABC"] == ["a $HOME # b", "b ", ""]
    file.chmod(0o644)
    assert ran(job)[1].record.notes == [f"environment: others than its owner may read {file}"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"A=1\nT0PSECRET\n", "backup.env:2: expected NAME=value"), (b"A=\xff", ":1: expected UTF-8"), (None, "No such")],
)
def test_an_environment_file_that_cannot_be_read_keeps_no_backup_from_being_made(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "backup.env").write_bytes(content)
    called, done = ran(a_job(tmp_path, environment_file="backup.env"))
    assert called[0] == "create" and done.record.backup
    (failure,) = done.record.failures
    assert said in failure and "T0PSECRET" not in failure


# --------------------------------------------------------------------- drills


def _history(text: str) -> list[Event]:
    """r1 is a run that made backup 1, d1 a drill of it, x1 one that failed, f a run that made none."""
    kinds = {"r": ("run", True), "d": ("drill", True), "x": ("drill", False), "f": ("run", False)}
    return [
        Event.model_validate({"at": NOW, "what": kinds[w[0]][0], "ok": kinds[w[0]][1], "backup": w[1:] or None})
        for w in text.split()
    ]


@pytest.mark.parametrize(
    ("history", "every", "due"),
    [
        ("", 7, True),
        ("", 0, False),
        ("d1 r1", 3, False),
        ("d1 r1 r2 r3", 3, True),
        ("d1 r1 f r2 r3", 3, True),
        ("d1 r1 f f", 3, False),
        ("d1 r1 r2 x3 r3", 3, True),
        ("d1 r1 r2 d2", 3, False),
        ("x1 r1", 7, True),
        ("d1 r1", 1, True),
    ],
)
def test_every_nth_is_drilled_and_one_that_failed_again(history: str, every: int, due: bool) -> None:
    assert drill_is_due(_history(history), every) is due


def test_of_ten_days_every_third_is_drilled(tmp_path: Path) -> None:
    job = a_job(tmp_path, drill_every=3, copy=[])
    drilled = ["drill" in ran(job)[0] for _ in range(10)]
    assert [day for day, drill in enumerate(drilled) if drill] == [0, 3, 6, 9]


# --------------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        (NOW.replace(minute=0), True),
        (NOW.replace(minute=10), True),
        (NOW.replace(minute=10, second=1), False),
        (NOW.replace(hour=1, minute=59, second=59), False),
        (NOW.replace(hour=3, minute=0), False),
    ],
)
def test_a_run_for_a_time_begins_only_within_ten_minutes_after_it(tmp_path: Path, now: datetime, begins: bool) -> None:
    job = a_job(tmp_path)
    done = run(job, Recorded(job.store.path), at="02:00", clock=lambda: now)
    assert (done is not None) is begins is job.store.path.exists()


def test_a_time_before_midnight_is_met_after_it(tmp_path: Path) -> None:
    job = a_job(tmp_path)
    now = datetime(2026, 11, 24, 0, 4, tzinfo=UTC)
    assert run(job, Recorded(job.store.path), at="23:55", clock=lambda: now) is not None


def test_the_same_day_is_done_once_whatever_cron_calls(tmp_path: Path) -> None:
    job = a_job(tmp_path)
    stages = Recorded(job.store.path)
    assert run(job, stages, at="02:00", clock=lambda: NOW) is not None
    called = len(stages.called)
    assert run(job, stages, at="02:00", clock=lambda: NOW + timedelta(minutes=2)) is None
    assert len(stages.called) == called
    assert run(job, stages, at="02:00", clock=lambda: NOW + timedelta(days=1)) is not None


# --------------------------------------------------------------------- two at once, signals, bad disks


@pytest.fixture
def silent_server() -> Iterator[tuple[str, Callable[[], None]]]:
    """A server that takes connections and says nothing: its URL, and what waits until somebody has connected."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        met = threading.Event()
        peers = []

        def take() -> None:
            try:
                while True:
                    peers.append(server.accept()[0])
                    met.set()
            except OSError:
                return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()

        def wait() -> None:
            assert met.wait(60)

        yield f"postgresql://app@127.0.0.1:{server.getsockname()[1]}/app", wait
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for peer in peers:
            peer.close()


def a_project(folder: Path, url: str, more: str = "") -> Path:
    file = folder / "litelift.toml"
    file.write_text(
        f'[project]\nname = "school"\n[backup]\nurl = "{url}"\ndrill_every = 0\n{more}'
        "[backup.tell]\nsyslog = false\ncommand = 'cat >> told'\n"
    )
    return file


def told(folder: Path) -> list[Any]:
    decoder, text = json.JSONDecoder(), (folder / "told").read_text()
    found = []
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


def test_a_second_run_at_the_same_time_is_a_failure_that_is_told(
    tmp_path: Path, silent_server: tuple[str, Callable[[], None]]
) -> None:
    url, wait = silent_server
    a_project(tmp_path, url)
    store = tmp_path / "litelift-backups"
    first = forked.fork(["backup", "run"], cwd=tmp_path)
    wait()
    assert state(store) == "running"
    before = read_status(store)
    second = litelift("backup", "run", "--json", cwd=tmp_path)
    assert second.status == 1
    (failure,) = second.json["run"]["failures"]
    assert failure.startswith(f"begin: another litelift works in {store}: process {first.pid} on ")
    assert read_status(store) == before
    assert [document["failures"] for document in told(tmp_path)] == [[failure]]
    first.send_signal(signal.SIGTERM)
    first.communicate()


def test_one_that_cron_calls_twice_for_the_same_moment_is_no_failure(
    tmp_path: Path, silent_server: tuple[str, Callable[[], None]]
) -> None:
    url, wait = silent_server
    a_project(tmp_path, url)
    first = forked.fork(["backup", "run"], cwd=tmp_path)
    wait()
    status = read_status(tmp_path / "litelift-backups")
    assert status.last is not None
    job, began = job_of(str(tmp_path / "litelift.toml")), status.last.began
    stages = Recorded(job.store.path)
    assert run(job, stages, at=f"{began:%H:%M}", clock=lambda: began + timedelta(seconds=20)) is None
    assert stages.called == [] and not (tmp_path / "told").exists()
    first.send_signal(signal.SIGTERM)
    first.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_told_as_an_interruption(
    tmp_path: Path, silent_server: tuple[str, Callable[[], None]], number: signal.Signals
) -> None:
    url, wait = silent_server
    a_project(tmp_path, url)
    process = forked.fork(["backup", "run"], cwd=tmp_path)
    wait()
    process.send_signal(number)
    _, err = process.communicate()
    assert process.wait() == 128 + number and "stopped" in err
    store = tmp_path / "litelift-backups"
    last = read_status(store).last
    assert last is not None and last.ended is not None
    assert (last.ok, last.exit_status) == (False, 128 + number)
    assert last.failures == [f"interrupted by {number.name} during create"]
    assert [document["failures"] for document in told(tmp_path)] == [last.failures]
    assert events(store)[-1].what == "run" and not events(store)[-1].ok
    assert state(store) == "failed"


def test_a_run_that_was_killed_is_seen_by_its_missing_end(
    tmp_path: Path, silent_server: tuple[str, Callable[[], None]]
) -> None:
    url, wait = silent_server
    a_project(tmp_path, url)
    process = forked.fork(["backup", "run"], cwd=tmp_path)
    wait()
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    # What it started for the connection may hold the lock for a moment.
    while state(tmp_path / "litelift-backups") != "cut off":
        assert time.monotonic() < deadline
    # And it keeps none from being made.
    job = job_of(str(tmp_path / "litelift.toml"))
    done = run(job, Recorded(job.store.path))
    assert done is not None and (done.record.ok, done.record.exit_status) == (True, 3)
    assert [note.endswith(" was cut off") for note in done.record.notes] == [True]
    assert ran(job)[1].record.exit_status == 0


def test_a_terminal_that_has_gone_ends_no_backup(tmp_path: Path) -> None:
    job = a_job(tmp_path)

    def gone(stage: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    done = run(job, Recorded(job.store.path), on_stage=gone)
    assert done is not None and done.record.exit_status == 0


def test_a_signal_between_stages_is_told_too(tmp_path: Path) -> None:
    job = a_job(tmp_path)

    def stop(stage: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(job, Recorded(job.store.path), on_stage=stop)
    last = read_status(job.store.path).last
    assert last is not None and last.exit_status == 130
    assert last.failures[0].startswith("interrupted by SIGINT")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone").write_text("not a mount")
    a_project(tmp_path, "postgresql://app@127.0.0.1:9/app", 'folder = "gone/backups"\n')
    ran = litelift("backup", "run", "--json", cwd=tmp_path)
    assert ran.status == 1
    record = ran.json["run"]
    assert record["failures"][0].startswith("begin: ") and "gone" in record["failures"][0]
    assert record["untold"][0].startswith("the history: ")
    assert [document["failures"] for document in told(tmp_path)] == [record["failures"]]


def test_a_full_disk_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    with small_disk(1) as disk:
        job = a_job(tmp_path, tell=Tell(syslog=False, command="cat > told"))
        job = Job("school", tmp_path, Store(disk / "backups"), job.settings)
        job.store.make()
        with (disk / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        done = run(job, Recorded(job.store.path, ("create",)))
        assert done is not None and done.record.exit_status == 1
        assert done.record.untold[0].startswith("the history: ")
    (document,) = told(tmp_path)
    assert document["failures"] == [f"begin: {job.store.path}/run.lock: No space left on device"]


def test_a_status_that_cannot_be_written_keeps_no_backup_from_being_made(tmp_path: Path) -> None:
    job = a_job(tmp_path)
    job.store.make()
    (job.store.path / "status.json").mkdir()
    (job.store.path / "status.json/x").touch()
    called, done = ran(job)
    assert called[0] == "create" and (done.record.ok, done.record.exit_status) == (True, 3)
    (untold,) = done.record.untold
    assert untold.startswith("the status file: ") and untold.endswith("Is a directory")


# --------------------------------------------------------------------- the command


def test_the_command_makes_a_scheduled_backup_and_says_so(tmp_path: Path, database: str) -> None:
    a_project(tmp_path, database)
    ran = litelift("backup", "run", "--json", cwd=tmp_path)
    assert ran.status == 0, ran.err
    name = ran.json["run"]["backup"]
    manifest = json.loads((tmp_path / "litelift-backups" / name / "manifest.json").read_text())
    assert manifest["kind"] == "scheduled"
    assert [stage["stage"] for stage in ran.json["stages"]] == ["create", "prune"]
    assert not (tmp_path / "told").exists()
    again = litelift("backup", "run", "--quiet", cwd=tmp_path)
    assert (again.status, again.err) == (0, "") and again.out.startswith("Done: school-")


def test_the_command_drills_what_it_made_and_removes_what_need_not_be_kept(tmp_path: Path, database: str) -> None:
    file = a_project(tmp_path, database)
    file.write_text(
        file.read_text().replace("drill_every = 0", "drill_every = 1") + "[backup.keep]\ndays = 0\nlast = 1\n"
    )
    first = litelift("backup", "create", "--json", cwd=tmp_path).json["name"]
    ran = litelift("backup", "run", "--json", cwd=tmp_path)
    assert ran.status == 0, ran.err
    stages = {stage["stage"]: stage["message"] for stage in ran.json["stages"]}
    assert list(stages) == ["create", "drill", "prune"]
    assert stages["drill"].endswith("every digest equal") and stages["prune"].startswith("1 backup removed, ")
    left = [backup.name for backup in Store(tmp_path / "litelift-backups").backups()]
    assert left == [ran.json["run"]["backup"]] != [first]
    what = [(event.what, event.ok) for event in events(tmp_path / "litelift-backups")]
    assert what == [("create", True), ("create", True), ("drill", True), ("prune", True), ("run", True)]


def test_a_database_that_is_not_there_is_a_failure_that_is_told(tmp_path: Path) -> None:
    a_project(tmp_path, "postgresql://app@127.0.0.1:9/app")
    ran = litelift("backup", "run", cwd=tmp_path)
    assert ran.status == 1 and "error: create: " in ran.err
    assert told(tmp_path)[0]["event"] == "backup failed"


def test_at_another_time_the_command_does_nothing_and_says_nothing(tmp_path: Path) -> None:
    a_project(tmp_path, "postgresql://app@127.0.0.1:9/app")
    later = datetime.now(UTC) + timedelta(hours=5)
    ran = litelift("backup", "run", "--at", f"{later:%H:%M}", cwd=tmp_path)
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert not (tmp_path / "litelift-backups").exists()
    for words in ("2:00", "24:00", "02:60", "noon"):
        assert litelift("backup", "run", "--at", words, cwd=tmp_path).status == 2


def test_an_address_that_is_none_is_refused_without_being_repeated(tmp_path: Path) -> None:
    (tmp_path / "litelift.toml").write_text('[backup]\n[backup.tell]\nwebhook = "hooks.example.org/T0PSECRET"\n')
    ran = litelift("backup", "run", cwd=tmp_path)
    assert ran.status == 2 and "litelift.toml:3: " in ran.err and "begins with https://" in ran.err
    assert "T0PSECRET" not in ran.err + ran.out
