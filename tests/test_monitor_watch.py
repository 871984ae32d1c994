"""The watch: it goes on whatever happens around it, tells once, and lets go when it is asked to."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

import forked
from broken import free_port, tcp_server, wait_for
from command import litelift
from litelift.errors import SamplesTooNew
from litelift.monitor import outbox, run, watch_session
from litelift.monitor import watch as watches
from litelift.monitor.checks import CHECKS
from litelift.monitor.samples import opened
from litelift.monitor.samples_file import DAMAGED, FILE
from litelift.monitor.watch import Round, Watch
from litelift.monitor.watch_settings import WatchedFile
from litelift.monitor.watched import Watched
from litelift.postgres.programs import programs
from monitored import database_at, found_by, only
from small_disk import small_disk

TELLING = '[monitor]\npatience = 0\n[monitor.tell]\nsyslog = false\ncommand = "cat >> told.json; echo >> told.json"\n'
FULL = '[monitor.limits]\n"connections.used_percent" = { warning = 0.0 }\n'
SESSIONS = "select pid from pg_stat_activity where application_name = 'litelift monitor' and datname = %s order by pid"


class Clock:
    """A clock that a test turns on by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Hurried(Watch):
    """One that does not wait for the next look but by the clock."""

    def _wait(self, seconds: float) -> None:
        self._outbox.wait(self._clock, 0.01)


class Looks:
    """The rounds of a watch, one by one, a quarter of a minute after each other by its own clock."""

    def __init__(self, of: Watched, **known: Any) -> None:
        self.clock = Clock()
        self.watch = Hurried(of, clock=self.clock, **known)
        self.rounds = self.watch.rounds()

    def look(self, number: int = 1, seconds: float = 15) -> Round:
        for _ in range(number):
            self.clock.now += timedelta(seconds=seconds)
            found = next(self.rounds)
        return found


@contextmanager
def watching(of: Watched, **known: Any) -> Iterator[Looks]:
    looks = Looks(of, **known)
    with closing(looks.rounds):
        yield looks


def told(folder: Path) -> list[Any]:
    """What was told, the oldest first."""
    file = folder / "told.json"
    return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []


def keys_told(folder: Path) -> list[str]:
    return [change["key"] for message in told(folder) for change in message["changes"]]


def check(found: Round, name: str) -> Any:
    return only([finding for finding in found.standing if finding.check == name])


# --------------------------------------------------------------------- what is told


def test_a_fault_is_told_once_when_it_lasts_and_once_when_it_has_ended(database: str, tmp_path: Path) -> None:
    limits = '[monitor.limits]\n"blocked.longest" = { warning = 0.0001, critical = 6000 }\n'
    of = database_at(database, tmp_path, TELLING + limits)
    with psycopg.connect(database) as holder, psycopg.connect(database) as waiter:
        holder.execute("create table t (a int)")
        holder.commit()
        with watching(of) as looks:
            assert looks.look(2).state != "critical"
            holder.execute("lock t")
            thread = threading.Thread(target=lambda: waiter.execute("select * from t"))
            thread.start()
            wait_for(lambda: check(looks.look(), "blocked").state == "warning")
            looks.look(10)
        # A watch that is started again goes on where the other ended.
        with watching(of) as looks:
            looks.clock.now += timedelta(minutes=10)
            looks.look(10)
            assert [change["key"] for message in told(tmp_path) for change in message["changes"]].count("blocked") == 1
            holder.rollback()
            thread.join()
            looks.look(10)
    changes = [change for message in told(tmp_path) for change in message["changes"] if change["key"] == "blocked"]
    assert [(change["kind"], change["worst"]) for change in changes] == [("began", "warning"), ("ended", "warning")]
    assert "pg_terminate_backend" in changes[0]["to_do"]
    with opened(of.folder) as samples:
        (incident,) = [one for one in samples.incidents() if one.key == "blocked"]
        assert incident.closed is not None and incident.settled_at is not None


def test_a_server_that_is_down_is_one_message_and_the_watch_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = programs(16)
    with tcp_server() as server:
        data, options = server.folder / "pg", f"-h 127.0.0.1 -p {server.port} -k ''"
        monkeypatch.setenv("PGPASSWORD", server.password)
        url = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
        of = database_at(url, tmp_path, TELLING + FULL)
        with watching(of) as looks:
            assert looks.look(3).open
            before = len(told(tmp_path))
            # It waits for everybody who is in it: the watch notices, and leaves.
            thread = threading.Thread(
                target=lambda: tools.run("pg_ctl", "stop", "-m", "smart", "-w", "-t", "100", data=data, seconds=150)
            )
            thread.start()
            wait_for(lambda: check(looks.look(), "server").state == "critical")
            thread.join()
            looks.look(20)
            (message,) = told(tmp_path)[before:]
            assert [change["key"] for change in message["changes"] if change["worst"] == "critical"] == ["server"]
            # What was amiss in it is not well for that nobody can see it.
            assert {incident.key for incident in looks.look().open} >= {"server", "connections"}
            tools.run("pg_ctl", "start", "-w", "-l", "log", "-o", options, data=data, seconds=150)
            wait_for(lambda: check(looks.look(), "server").state == "ok")
            looks.look(10)
    assert [change["kind"] for change in told(tmp_path)[-1]["changes"] if change["key"] == "server"] == ["ended"]


def test_what_cannot_be_told_is_itself_shown(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "PAUSES", (0.02,))
    of = database_at(database, tmp_path, TELLING.replace("cat >>", "test -e open && cat >>").replace(";", " &&") + FULL)
    with watching(of) as looks:
        looks.look(3)
        wait_for(lambda: check(looks.look(), "watch").found == "untold")
        # And who looks beside it sees it too.
        now = looks.clock.now
        assert only(found_by("watch", of, now=now)).found == "untold"
        (tmp_path / "open").touch()
        wait_for(lambda: check(looks.look(), "watch").found == "alive")
    assert "connections" in {change["key"] for message in told(tmp_path) for change in message["changes"]}


# --------------------------------------------------------------------- its session


def test_it_keeps_one_session_and_has_another_where_that_was_ended(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_session, "LOOKS", 100)
    of = database_at(database, tmp_path)
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with watching(of) as looks, psycopg.connect(database, autocommit=True) as other:
        looks.look()
        (first,) = other.execute(SESSIONS, (name,)).fetchall()
        looks.look(5)
        assert other.execute(SESSIONS, (name,)).fetchall() == [first]
        other.execute("select pg_terminate_backend(%s)", first)
        wait_for(lambda: other.execute(SESSIONS, (name,)).fetchall() == [])
        # That is no fault of the server's.
        assert check(looks.look(), "server").state == "ok"
        (second,) = other.execute(SESSIONS, (name,)).fetchall()
        assert second != first
    with psycopg.connect(database) as other:
        wait_for(lambda: other.execute(SESSIONS, (name,)).fetchall() == [])


@pytest.mark.superuser
def test_a_database_that_lets_nobody_in_any_more_is_seen_though_the_watch_is_in_it(
    database: str, tmp_path: Path
) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])
    admin = psycopg.conninfo.make_conninfo(database, dbname="postgres")
    allowed = sql.SQL("alter database {} allow_connections {}")
    with watching(database_at(database, tmp_path)) as looks, psycopg.connect(admin, autocommit=True) as own:
        assert check(looks.look(), "server").state == "ok"
        own.execute(allowed.format(sql.Identifier(name), sql.SQL("false")))
        assert check(looks.look(watch_session.LOOKS), "server").state == "critical"
        own.execute(allowed.format(sql.Identifier(name), sql.SQL("true")))
        assert check(looks.look(), "server").state == "ok"


# --------------------------------------------------------------------- what it cannot keep


def test_a_full_disk_does_not_end_it_and_what_it_saw_meanwhile_is_kept_later(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, TELLING)
    with small_disk(12) as disk:
        of = WatchedFile(str(tmp_path / "litelift.toml"), disk / "monitor").watched
        with watching(of) as looks:
            looks.look(3)
            with (disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
                while True:
                    filler.write(b"x" * 4096)
            wait_for(lambda: check(looks.look(), "watch").found == "unkept")
            found = looks.look(5)
            assert "watch" in {incident.key for incident in found.open}
            wait_for(lambda: looks.look() is not None and "watch" in keys_told(tmp_path))
            (disk / "filler").unlink()
            wait_for(lambda: check(looks.look(), "watch").found == "alive")
            looks.look(10)
        with opened(of.folder) as samples:
            (incident,) = [one for one in samples.incidents() if one.key == "watch"]
            assert incident.closed is not None
            assert samples.waiting() == []


def test_a_damaged_file_is_moved_aside_and_all_that_lasts_is_in_the_new_one(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, TELLING + FULL)
    with watching(of) as looks:
        assert looks.look(3).open
        file = of.folder / FILE
        with closing(sqlite3.connect(file)) as other:
            other.execute("pragma wal_checkpoint(truncate)")
        with file.open("r+b") as handle:
            handle.write(b"\xff" * file.stat().st_size)
        found = looks.look()
        assert [note for note in found.notes if DAMAGED in note], found.notes
        assert (of.folder / DAMAGED).exists()
        looks.look(2)
        with opened(of.folder) as samples:
            assert {"connections"} <= {incident.key for incident in samples.incidents()}
        # It is removed by somebody: what it sees goes into the next.
        file.unlink()
        looks.look(3)
        with opened(of.folder) as samples:
            assert {"connections"} <= {incident.key for incident in samples.incidents()}
    assert len([m for m in told(tmp_path) for c in m["changes"] if c["key"] == "connections"]) == 1


def test_a_file_of_a_newer_litelift_is_left_as_it_is(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    with opened(of.folder, write=True) as samples:
        samples.connection.execute("pragma user_version = 99")
    before = (of.folder / FILE).read_bytes()
    with pytest.raises(SamplesTooNew, match="99"):
        Watch(of)
    assert (of.folder / FILE).read_bytes() == before
    assert only(found_by("watch", of)).found == "unread"


# --------------------------------------------------------------------- times, settings


def test_a_time_in_which_the_machine_slept_is_told_as_a_gap(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    with watching(of) as looks:
        assert looks.look(2).gap is None
        gap = looks.look(1, seconds=8 * 3600).gap
        assert gap is not None and gap.ended - gap.began == timedelta(hours=8) and not gap.stopped
        assert looks.look().gap is None
        now = looks.clock.now
    with watching(of) as looks:
        looks.clock.now = now
        gap = looks.look(seconds=3600).gap
        assert gap is not None and gap.stopped
    with opened(of.folder) as samples:
        assert len(samples.gaps(now - timedelta(days=1), looks.clock.now)) == 2


def test_a_check_is_made_as_often_as_it_is_worth_it_and_soon_again_where_something_changed(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def noted(of: Watched, checks: Any, **known: Any) -> Any:
        made.extend(check.name for check in checks)
        return run.look_at(of, checks, **known)

    monkeypatch.setattr(watches, "look_at", noted)
    rare = next(check for check in CHECKS if check.name == "backup")
    assert rare.every > 30
    with watching(database_at(database, tmp_path)) as looks:
        looks.look(6)
    # The second look at it, for it was not well at the first, and then none for a while.
    assert made.count("blocked") == 6 and made.count(rare.name) < 6


def test_litelift_toml_is_read_again_when_it_has_changed_and_the_old_one_holds_while_it_is_wrong(
    database: str, tmp_path: Path
) -> None:
    of = database_at(database, tmp_path, TELLING)
    toml = tmp_path / "litelift.toml"
    file = WatchedFile(str(toml), None)
    right = toml.read_text()
    with watching(of, changed=file.changed) as looks:
        assert check(looks.look(), "connections").state == "ok"
        toml.write_text(right + FULL)
        found = looks.look()
        assert check(found, "connections").state == "warning" and found.notes
        toml.write_text("[monitor\n")
        found = looks.look(3)
        assert check(found, "watch").found == "settings"
        assert check(found, "connections").state == "warning"
        toml.write_text(right)
        found = looks.look(3)
        assert check(found, "watch").found == "alive"
        assert check(found, "connections").state == "ok"


# --------------------------------------------------------------------- the command


@contextmanager
def started(*words: str | Path) -> Iterator[tuple[forked.Forked, Iterator[Any]]]:
    """A watch in a process of its own, and its documents."""
    process = forked.fork(["monitor", "watch", *words, "--every", "1", "--json"])
    try:
        yield process, (json.loads(line) for line in process.stdout)
    finally:
        process.kill()
        process.stdout.close()
        process.stderr.close()


def test_it_ends_when_it_is_asked_to_and_one_watches_at_a_time(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    for number in (signal.SIGINT, signal.SIGTERM):
        with started(tmp_path / "litelift.toml") as (process, documents):
            first, second = next(documents), next(documents)
            assert first["checks"][0]["check"] == "server" and first["at"] < second["at"]
            other = litelift("monitor", "watch", tmp_path / "litelift.toml", "--once")
            assert other.status == 1 and f"process {process.pid} on " in other.err
            assert only(found_by("watch", of)).found == "alive"
            process.send_signal(number)
            assert process.wait(60) == 0
            assert only(found_by("watch", of)).found == "stopped"


def test_one_that_was_killed_is_seen_to_be_dead_and_what_it_had_kept_is_there(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path)
    with started(tmp_path / "litelift.toml") as (process, documents):
        seen = [next(documents) for _ in range(2)]
        process.kill()
        process.wait(60)
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert only(found_by("watch", of, now=later)).found == "dead"
    with opened(of.folder) as samples:
        beat = samples.heartbeat()
        assert beat is not None and beat.at >= datetime.fromisoformat(seen[1]["at"])
    again = litelift("monitor", "watch", tmp_path / "litelift.toml", "--once", "--json")
    assert again.status == 0 and again.json["state"] in ("ok", "warning")


def test_the_lines_are_of_what_changes(database: str, tmp_path: Path) -> None:
    database_at(database, tmp_path, '[monitor]\npatience = 0\nignore = ["backup", "machine", "disk"]\n' + FULL)
    ran = litelift("monitor", "watch", tmp_path / "litelift.toml", "--every", "1", "--rounds", "3")
    assert ran.status == 0
    said = [line.split("Z  ", 1)[1] for line in ran.out.splitlines()]
    assert said[0].startswith("WARNING: ") and "1 not well" in said[0]
    assert [line for line in said[1:] if line.startswith("WARNING Connections: ")]
    assert len(said) == 4, said


def test_whether_they_can_be_told_is_tried_before_it_is_needed(database: str, tmp_path: Path) -> None:
    database_at(database, tmp_path, TELLING)
    ran = litelift("monitor", "watch", tmp_path / "litelift.toml", "--test-tell")
    assert (ran.status, ran.out) == (0, "the command was told\n")
    (message,) = told(tmp_path)
    assert message["event"] == "test"
    wrong = f'[monitor.tell]\nwebhook = "http://127.0.0.1:{free_port()}/T0PSECRET"\ncommand = "exit 3"\n'
    database_at(database, tmp_path, wrong)
    ran = litelift("monitor", "watch", tmp_path / "litelift.toml", "--test-tell", "--json")
    assert ran.status == 1 and "T0PSECRET" not in ran.out + ran.err
    assert [way["wrong"] for way in ran.json["ways"]] == [
        "the webhook: no answer (ConnectError)",
        "the command: it ended with 3",
    ]


def test_what_the_settings_need_comes_from_a_file_of_the_environment(database: str, tmp_path: Path) -> None:
    settings = '[monitor]\nenvironment_file = "secrets.env"\n[monitor.tell]\nwebhook_env = "WATCH_HOOK"\n'
    database_at(database, tmp_path, settings)
    words: list[str | Path] = ["monitor", "watch", tmp_path / "litelift.toml", "--test-tell"]
    missing = litelift(*words)
    assert missing.status == 2 and "secrets.env" in missing.err
    (tmp_path / "secrets.env").write_text(f"WATCH_HOOK=http://127.0.0.1:{free_port()}/\n")
    assert "no answer (ConnectError)" in litelift(*words).out


def test_the_unit_is_one_that_systemd_takes(database: str, tmp_path: Path) -> None:
    folder = tmp_path / 'a "project" 50%'
    folder.mkdir()
    database_at(database, folder)
    ran = litelift("monitor", "watch", folder / "litelift.toml", "--systemd", "--json")
    assert ran.status == 0
    unit = tmp_path / ran.json["name"]
    unit.write_text(ran.json["text"])
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert unit.name not in done.stderr, done.stderr
    assert str(folder).replace('"', '\\"').replace("%", "%%") in unit.read_text()


@pytest.mark.parametrize(
    "words", [["--every", "0"], ["--every", "nan"], ["--once", "--rounds", "2"], ["--test-tell", "--systemd"]]
)
def test_wrong_words_are_refused(tmp_path: Path, words: list[str]) -> None:
    assert litelift("monitor", "watch", "postgresql://u@h/d", *words).status == 2
