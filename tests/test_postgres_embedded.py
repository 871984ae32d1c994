"""The embedded PostgreSQL starts in any folder, is found again, and goes when it is asked to."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from broken import NOBODY, alive, as_nobody, nobodys_python, one_clear_error
from command import litelift
from litelift import errors
from litelift.postgres import embedded, programs
from litelift.postgres.socket_folder import short_folder

needs_nobody = pytest.mark.skipif(nobodys_python() is None, reason="no Python here that an ordinary user may run")


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder with a short path, in which every server is stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="ll-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    for kept in folder.rglob("PG_VERSION"):
        if (kept.parent / "postmaster.pid").exists():
            embedded.stop(kept.parent)
        shutil.rmtree(short_folder(kept.parent, kept.stat().st_uid), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def answers(server: embedded.EmbeddedServer) -> int:
    """The major version that answers there."""
    with psycopg.connect(embedded.ensure_database(server.url or "", "app")) as connection:
        return connection.info.server_version // 10_000


@pytest.mark.parametrize(
    "name",
    ["plain", "with space", "məktəb", "a,b", "$(touch touched) `id` 'quotes' \"too\" ; #", "long" * 40, "-dash"],
)
def test_it_starts_in_any_folder(room: Path, name: str) -> None:
    folder = room / name / "pg"
    server = embedded.start(folder)
    assert server.made
    assert server.started
    assert answers(server) == 16
    assert embedded.status(folder).pid == server.pid
    assert embedded.stop(folder).pid is None
    assert not list(room.rglob("touched"))
    assert embedded.start(folder).made is False


@pytest.mark.parametrize("version", [16, 18])
def test_each_version_is_kept(room: Path, version: int) -> None:
    folder = room / "pg"
    assert answers(embedded.start(folder, version)) == version
    embedded.stop(folder)
    # The default asks for nothing: what is there goes on.
    assert answers(embedded.start(folder)) == version


def test_another_version_than_the_folders_is_refused(room: Path) -> None:
    embedded.start(room / "pg", 16)
    with pytest.raises(errors.EmbeddedServerError, match="holds PostgreSQL 16, and 18 was asked for") as caught:
        embedded.start(room / "pg", 18)
    assert "--postgres" in caught.value.hint


def test_starting_and_stopping_twice_are_no_errors(room: Path) -> None:
    first, second = embedded.start(room / "pg"), embedded.start(room / "pg")
    assert first.pid == second.pid
    assert not second.started
    assert embedded.stop(room / "pg").pid is None
    assert embedded.stop(room / "pg").pid is None


def test_a_server_that_was_killed_starts_again(room: Path) -> None:
    server = embedded.start(room / "pg")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    while alive(server.pid):
        time.sleep(0.01)
    assert (room / "pg" / "postmaster.pid").exists()
    assert embedded.status(room / "pg").pid is None
    again = embedded.start(room / "pg")
    assert again.started
    assert answers(again) == 16


def test_a_process_number_that_another_program_has_now_is_no_server(room: Path) -> None:
    server = embedded.start(room / "pg")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    while alive(server.pid):
        time.sleep(0.01)
    path = room / "pg" / "postmaster.pid"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert embedded.status(room / "pg").pid is None
    assert embedded.stop(room / "pg").pid is None
    assert answers(embedded.start(room / "pg")) == 16


def test_a_data_folder_that_was_never_finished_is_made_anew(room: Path) -> None:
    left = room / "pg.new"
    left.mkdir()
    (left / "PG_VERSION").write_text("16\n")
    assert answers(embedded.start(room / "pg")) == 16
    assert not left.exists()


def test_a_folder_with_something_else_is_left_alone(room: Path) -> None:
    (room / "pg").mkdir()
    (room / "pg" / "thesis.txt").write_text("mine")
    with pytest.raises(errors.EmbeddedServerError, match="holds something else"):
        embedded.start(room / "pg")
    assert [path.name for path in (room / "pg").iterdir()] == ["thesis.txt"]


def test_what_a_start_did_can_be_taken_back(room: Path) -> None:
    embedded.discard(embedded.start(room / "app.litelift" / "pg"))
    assert list(room.iterdir()) == []
    server = embedded.start(room / "pg")
    embedded.discard(embedded.start(room / "pg"))
    assert embedded.status(room / "pg").pid == server.pid
    embedded.stop(room / "pg")
    embedded.discard(embedded.start(room / "pg"))
    assert embedded.status(room / "pg").pid is None
    assert embedded.status(room / "pg").version == 16


def test_the_environment_of_another_server_does_not_matter(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGDATA", "/nonexistent")
    monkeypatch.setenv("LC_ALL", "tr_TR.ISO-8859-9")
    server = embedded.start(room / "pg")
    monkeypatch.delenv("PGPORT")
    assert answers(server) == 16


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_root_lets_the_server_through_no_further_than_needed_and_says_so(room: Path) -> None:
    private = room / "private"
    private.mkdir(mode=0o700)
    server = embedded.start(private / "pg")
    assert server.opened == (private,)
    assert private.stat().st_mode & 0o777 == 0o701
    assert embedded.start(private / "pg").opened == ()


# --------------------------------------------------------------------- the command


@pytest.fixture
def moved(room: Path) -> Path:
    path = room / "my app.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript("create table t(id integer primary key); insert into t values (1);")
    connection.close()
    return path


def test_the_command_starts_stops_and_tells(moved: Path) -> None:
    one_clear_error(litelift("server", "status", moved), 1, "there is no embedded PostgreSQL in it", "litelift migrate")
    assert litelift("migrate", moved, "--postgres", "18").status == 0
    assert litelift("server", "status", moved, "--json").json["version"] == 18
    assert litelift("server", "start", moved, "--json").json["running"] is True
    for _ in range(2):
        ran = litelift("server", "stop", moved)
        assert ran.status == 0, ran
        assert "is stopped" in ran.out
        assert ran.err == ""
    assert litelift("server", "status", moved, "--json").json["running"] is False
    ran = litelift("server", "start", moved)
    assert ran.status == 0
    url = ran.out.split("psql '")[1].split("'")[0]
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from t").fetchone() == (1,)


def test_a_second_move_beside_the_same_file_says_what_to_do(moved: Path) -> None:
    assert litelift("migrate", moved).status == 0
    ran = litelift("migrate", moved)
    one_clear_error(ran, 1, "the schema public is not empty; it holds t", f"litelift moved {moved} here on")
    assert litelift("server", "status", moved, "--json").json["running"] is True
    litelift("server", "stop", moved)
    one_clear_error(litelift("migrate", moved), 1, "is not empty")
    # A failed move leaves a server that was stopped stopped.
    assert litelift("server", "status", moved, "--json").json["running"] is False


def test_an_unknown_version_is_refused_as_bad_words(moved: Path) -> None:
    one_clear_error(litelift("migrate", moved, "--postgres", "17"), 2, "--postgres")
    assert [path.name for path in moved.parent.iterdir()] == [moved.name]


@needs_nobody
def test_an_ordinary_user_moves_starts_and_stops(moved: Path) -> None:
    if os.geteuid() == 0:
        for path in (moved.parent, moved):
            os.chown(path, NOBODY, NOBODY)
    ran = as_nobody("migrate", moved)
    assert ran.status == 0, ran
    assert as_nobody("server", "stop", moved).status == 0
    assert as_nobody("server", "start", moved).status == 0
    assert as_nobody("server", "stop", moved).status == 0


@needs_nobody
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have another user's folder")
def test_another_users_server_is_told_with_its_owner(moved: Path) -> None:
    assert litelift("migrate", moved).status == 0
    for command in ("status", "start", "stop"):
        one_clear_error(as_nobody("server", command, moved), 1, "ermission denied", "belongs to the user pgserver")


def test_a_full_disk_is_told_by_initdb_and_leaves_no_folder(moved: Path) -> None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root mounts a small disk")
    disk = moved.parent / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", str(disk)]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        path = Path(shutil.copy(moved, disk / "app.sqlite"))
        one_clear_error(litelift("migrate", path), 1, "did not start", "No space left on device")
        assert [one.name for one in disk.iterdir()] == ["app.sqlite"]
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_programs_that_do_not_run_here_are_no_traceback(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*words: object, **more: object) -> str:
        raise OSError(8, "Exec format error")

    monkeypatch.setattr(programs.Programs, "run", run)
    with pytest.raises(errors.EmbeddedServerError, match="Exec format error"):
        embedded.start(room / "app.litelift" / "pg")
    assert list(room.iterdir()) == []
