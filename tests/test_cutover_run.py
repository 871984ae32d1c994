"""The runbook: what it does in which order, what a failure undoes, and that it comes back from anywhere."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from broken import failed_as_document, one_clear_error
from command import litelift
from cutover_project import ROWS, Project, a_project
from cutover_walk import apart, killed_when
from litelift import errors
from litelift.cli.main import app
from litelift.cutover.journal import Journal, read_journal
from litelift.cutover.read import read_runbook
from litelift.cutover.run import check, cutover, roll_back, status
from litelift.cutover.runs import go_on, held, last_run
from litelift.move.run import migrate
from litelift.postgres import embedded

Url = Callable[[str], str]
WALKERS = 4


@pytest.fixture
def project(server: Url, tmp_path: Path) -> Iterator[Project]:
    with a_project(tmp_path / "project", server("postgres")) as one:
        yield one


def test_the_application_is_moved_and_taken_back_as_it_was(project: Project) -> None:
    before = project.before()
    done = cutover(project.file)
    assert done is not None
    assert (done.state, done.exit_code) == ("finished", 0)
    assert project.trace == ["closed", "stopped", "started on postgresql", "open"]
    assert done.closed_since is None
    assert project.rows() == ROWS
    assert (project.folder / "code.txt").read_text() == "release 2\n"
    assert [phase.number for phase in done.phases] == [0, 1, 2, 3, 4, 5, 6]
    assert all(step.state == "done" for phase in done.phases for step in phase.steps)
    assert done.down_seconds is not None
    assert done.report is not None
    assert (project.folder / "litelift-archive" / ".gitignore").read_text() == "*\n"
    again = roll_back(project.file)
    assert again is not None
    assert (again.state, again.exit_code) == ("rolled back", 0)
    assert project.before() == before
    assert project.trace[4:] == ["closed", "stopped", "started on sqlite", "open"]
    assert again.rollback_seconds is not None


@pytest.mark.parametrize("shard", range(WALKERS))
def test_a_kill_at_any_line_of_the_journal_is_gone_on_with_or_taken_back(
    server: Url, tmp_path: Path, shard: int
) -> None:
    walker = [sys.executable, str(Path(__file__).parent / "cutover_walk.py")]
    words = [*walker, server("postgres"), str(tmp_path / "walk"), str(shard), str(WALKERS)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(points) > 10
    assert [point for point in points if point["wrong"]] == [], done.stderr
    assert {point["way"] for point in points} == {"resume", "rollback"}


def test_a_failure_before_the_switch_undoes_itself(project: Project) -> None:
    before = project.before()
    project.configured(stop='["echo stopped >> trace", "echo no room for it; exit 7"]')
    with pytest.raises(errors.StepFailed) as caught:
        cutover(project.file)
    assert caught.value.message.startswith("phase 4, services-stop: ")
    assert "ended with 7" in caught.value.message
    assert "no room for it" in caught.value.hint
    assert any("all that was done was undone" in note.lower() for note in caught.value.__notes__)
    assert project.before() == before
    assert project.trace == ["closed", "stopped", "started on sqlite", "open"]
    found = status(project.file)[1]
    assert found is not None
    assert found.state == "rolled back"
    assert found.report is not None


def test_a_schema_that_the_application_cannot_make_is_told_before_anybody_is_shut_out(project: Project) -> None:
    before = project.before()
    project.added('\n[move]\nschema_commands = ["echo no such table; exit 7"]\nmode = "data-only"\n')
    with pytest.raises(errors.StepFailed, match="phase 3, schema: ") as caught:
        cutover(project.file)
    assert "no such table" in caught.value.hint
    project.configured(schema_commands='["true"]')
    with pytest.raises(errors.StepFailed, match="phase 3, target-checks: "):
        cutover(project.file)
    assert project.before() == before
    assert project.trace == []


def test_schema_commands_that_work_on_sqlite_are_noticed(project: Project) -> None:
    words = [sys.executable, "-c", "import sqlite3; sqlite3.connect('app.sqlite').execute('create table stray (a)')"]
    project.added(f'\n[move]\nschema_commands = [{json.dumps(words)}]\nmode = "data-only"\n')
    with pytest.raises(errors.StepFailed, match=r"phase 3, schema: the schema of .* was changed meanwhile"):
        cutover(project.file)
    assert project.trace == []
    assert project.in_postgresql() == []


def test_a_failure_after_the_switch_is_taken_back_where_the_runbook_says_so(project: Project) -> None:
    before = project.before()
    project.configured(start='["grep -q sqlite .env", "echo started >> trace"]')
    with pytest.raises(errors.StepFailed, match="phase 5, services-start"):
        cutover(project.file)
    assert project.before() == before
    assert project.trace[-2:] == ["started", "open"]


def test_a_failure_after_the_switch_stops_there_where_the_runbook_says_so(project: Project) -> None:
    before = project.before()
    project.configured(start='["test -e mended || grep -q sqlite .env", "echo started >> trace"]')
    project.added('\n[failure]\nafter_switch = "stop"\n')
    with pytest.raises(errors.StepFailed) as caught:
        cutover(project.file)
    assert "--resume" in " ".join(caught.value.__notes__)
    assert project.trace[-1] == "open"
    assert "postgresql://" in (project.folder / ".env").read_text()
    with pytest.raises(errors.CutoverUnfinished):
        cutover(project.file)
    (project.folder / "mended").touch()
    done = cutover(project.file, resume=True)
    assert done is not None
    assert done.state == "finished"
    (project.folder / "mended").unlink()
    roll_back(project.file)
    assert project.before() == before


def test_a_way_back_that_cannot_be_gone_to_its_end_removes_nothing_and_is_gone_on_with(project: Project) -> None:
    before = project.before()
    cutover(project.file)
    project.configured(start='["test -e mended", "echo started on sqlite >> trace"]')
    with pytest.raises(errors.RollbackIncomplete) as caught:
        roll_back(project.file)
    assert any(note.startswith("services-stop: ") for note in caught.value.__notes__)
    assert project.in_postgresql() == ["database", "role"]
    assert (project.folder / ".env").read_text() == before[".env"]
    with pytest.raises(errors.CutoverUnfinished):
        cutover(project.file, resume=True)
    (project.folder / "mended").touch()
    roll_back(project.file)
    (project.folder / "mended").unlink()
    assert project.before() == before


def test_rows_written_since_the_switch_are_in_a_file_before_anything_is_undone(project: Project) -> None:
    cutover(project.file)
    with psycopg.connect(project.target) as connection:
        connection.execute("insert into pupils values (900, 'yeni')")
        connection.execute("update grades set grade = 1 where id in (1, 2)")
        connection.execute("delete from grades where id = 3")
    done = roll_back(project.file)
    assert done is not None
    lines = [json.loads(line) for line in (done.folder / "written-since-cutover.jsonl").read_text().splitlines()]
    changes = [(line["table"], line["change"], line["key"]["id"]) for line in lines if "table" in line]
    assert sorted(changes) == [
        ("grades", "deleted", 3),
        ("grades", "updated", 1),
        ("grades", "updated", 2),
        ("pupils", "inserted", 900),
    ]
    assert any("4 rows were written" in issue.message for issue in done.issues)


def test_rows_that_cannot_be_exported_keep_the_application_on_postgresql(project: Project) -> None:
    before = project.before()
    cutover(project.file)
    with psycopg.connect(project.target, autocommit=True) as connection:
        connection.execute("alter table grades owner to current_user")
        connection.execute("revoke all on grades from public")
    trace = len(project.trace)
    with pytest.raises(errors.RollbackRefused):
        roll_back(project.file)
    assert project.trace[trace:] == ["closed", "stopped", "started on postgresql", "open"]
    assert "postgresql://" in (project.folder / ".env").read_text()
    assert project.in_postgresql() == ["database", "role"]
    roll_back(project.file, export=False)
    assert project.before() == before


def test_a_source_written_to_since_is_put_back_and_what_it_became_is_kept(project: Project) -> None:
    before = project.before()
    cutover(project.file)
    with closing(sqlite3.connect(project.source)) as connection, connection:
        connection.execute("insert into pupils values (900, 'gec')")
    done = roll_back(project.file)
    assert done is not None
    after = project.before()
    assert {**after, "source": ""} == {**before, "source": ""}
    with closing(sqlite3.connect(project.source)) as connection:
        assert connection.execute("select count(*), max(id) from pupils").fetchone() == (30, 30)
    with closing(sqlite3.connect(done.folder / "kept" / "changed" / "app.sqlite")) as connection:
        assert connection.execute("select name from pupils where id = 900").fetchall() == [("gec",)]


def test_a_writer_that_ignores_the_maintenance_is_noticed(project: Project) -> None:
    project.configured(stop='["echo stopped >> trace"]')
    project.added('\n[move]\nplan = "plan.toml"\n')
    (project.folder / "plan.toml").write_text("")
    copied = migrate

    def written(*words: object, **options: object) -> object:
        result = copied(*words, **options)  # type: ignore[arg-type]
        with closing(sqlite3.connect(project.source)) as connection, connection:
            connection.execute("insert into pupils values (901, 'cron')")
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("litelift.cutover.steps.move.migrate", written)
        with pytest.raises(errors.StepFailed, match="a writer goes on in spite of the maintenance"):
            cutover(project.file)
    assert project.in_postgresql() == []
    assert project.trace[-2:] == ["started on sqlite", "open"]
    with closing(sqlite3.connect(project.source)) as connection:
        # What was written by the application that serves on is not taken back.
        assert connection.execute("select count(*) from pupils where id = 901").fetchone() == (1,)


def test_ctrl_c_before_the_switch_opens_the_application_and_is_gone_on_with(project: Project) -> None:
    before = project.before()
    # The command's parent is litelift.
    project.configured(stop='["echo stopped >> trace", "test -e once || { touch once; kill -INT $PPID; sleep 30; }"]')
    with project.file.open() as file:
        assert "kill -INT" in file.read()
    ran = litelift("cutover", project.file, "--yes")
    assert ran.status == 128 + signal.SIGINT, ran.err
    assert "serves on SQLite" in ran.err
    assert project.trace[-1] == "open"
    assert (project.folder / ".env").read_text() == before[".env"]
    with closing(sqlite3.connect(project.source)) as connection, connection:
        connection.execute("insert into pupils values (31, 'sonra')")
    again = litelift("cutover", project.file, "--resume", "--yes", "--json")
    assert again.status == 0, again.err
    assert again.json["state"] == "finished"
    with psycopg.connect(project.target) as moved:
        assert moved.execute("select name from pupils where id = 31").fetchone() == ("sonra",)


def test_the_run_goes_on_where_nobody_reads_what_it_tells(project: Project) -> None:
    words = [sys.executable, "-m", "litelift", "cutover", str(project.file), "--yes"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as nobody:
        done = subprocess.run(words, stdout=nobody, stderr=nobody, timeout=120)
    found = status(project.file)[1]
    assert found is not None
    assert found.state == "finished", done
    assert project.trace[-1] == "open"


def test_ctrl_c_says_where_the_application_could_not_be_opened_again(project: Project) -> None:
    project.configured(stop='["kill -INT $PPID; sleep 30"]', start='["echo no such unit; exit 5"]')
    ran = litelift("cutover", project.file, "--yes")
    assert ran.status == 128 + signal.SIGINT, ran.err
    assert "does NOT serve: not all of it could be opened again. services-stop: " in " ".join(ran.err.split())
    assert "serves on SQLite, as before" not in ran.err
    assert "The application is CLOSED, since " in litelift("cutover", "status", project.file).out


def test_an_embedded_server_that_stopped_since_is_started_again_for_the_way_on_and_back(
    project: Project, tmp_path: Path
) -> None:
    lines = project.file.read_text().splitlines()
    target = [line.replace('"existing"', '"embedded"') for line in lines if not line.startswith("admin = ")]
    project.file.write_text("\n".join(target) + "\n")
    before = project.before()
    cutover(project.file, until=3)
    folder = embedded.folder_for(project.source)
    embedded.stop(folder)
    done = cutover(project.file, resume=True)
    assert done is not None
    assert done.state == "finished"
    assert any("started again" in issue.resolved for issue in done.issues)
    embedded.stop(folder)
    again = roll_back(project.file)
    assert again is not None
    assert again.state == "rolled back"
    assert {**project.before(), "beside": []} == {**before, "beside": []}


def test_only_one_works_on_a_runbook_and_the_other_is_told_who(project: Project) -> None:
    with held(project.folder / "litelift-cutover"):
        ran = litelift("cutover", project.file, "--yes")
    one_clear_error(ran, 1, f"process {os.getpid()}", "cutover status")


def test_a_finished_cutover_is_not_repeated_and_an_unfinished_one_not_begun_anew(project: Project) -> None:
    with pytest.raises(errors.NothingToResume):
        cutover(project.file, resume=True)
    with pytest.raises(errors.NothingToRollBack):
        roll_back(project.file)
    paused = cutover(project.file, until=3)
    assert paused is not None
    assert paused.state == "paused"
    assert project.trace == []
    with pytest.raises(errors.CutoverUnfinished):
        cutover(project.file)
    done = cutover(project.file, resume=True)
    assert done is not None
    assert done.state == "finished"
    with pytest.raises(errors.CutoverFinished):
        cutover(project.file)
    roll_back(project.file)
    with pytest.raises(errors.NothingToRollBack):
        roll_back(project.file)
    once_more = cutover(project.file)
    assert once_more is not None
    assert (once_more.run, once_more.state) == (2, "finished")


def test_a_runbook_of_another_database_is_not_gone_on_with(project: Project) -> None:
    cutover(project.file, until=2)
    project.configured(database=f'"{project.name}_other"')
    with pytest.raises(errors.RunbookChanged):
        cutover(project.file, resume=True)


def test_what_the_runbook_does_not_ask_for_any_more_is_undone_all_the_same(project: Project) -> None:
    before = project.before()
    cutover(project.file)
    text = project.file.read_text()
    project.file.write_text(text[: text.index("[[environment]]")])
    done = roll_back(project.file)
    assert done is not None
    assert done.state == "rolled back"
    assert project.before() == before


def test_a_run_is_taken_back_by_a_later_litelift_that_has_more_keys(project: Project) -> None:
    cutover(project.file, until=2)
    runbook = read_runbook(project.file)

    class Later(type(runbook.target)):  # type: ignore[misc]
        more: str = "a new key"

    later = runbook.model_copy(update={"target": Later(**runbook.target.model_dump(exclude_defaults=True))})
    run = last_run(runbook.state)
    assert run is not None
    go_on(run, later.at(project.file))
    roll_back(project.file)


def test_a_rehearsal_that_was_killed_before_its_way_back_is_taken_back_first(project: Project) -> None:
    before = project.before()

    def begin() -> None:
        killed_when("finished", None)
        cutover(project.file, rehearse=True)

    assert apart(begin) == -signal.SIGKILL
    with pytest.raises(errors.CutoverUnfinished):
        cutover(project.file)
    done = cutover(project.file, resume=True)
    assert done is not None
    assert (done.mode, done.state) == ("rehearsal", "rolled back")
    assert project.before() == before


def test_a_source_that_git_would_replace_is_not_moved(project: Project) -> None:
    git = ["git", "-C", str(project.folder), "-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run([*git, "add", "-f", "app.sqlite"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "with the data"], check=True)
    with pytest.raises(errors.StepFailed, match="git holds the SQLite file"):
        cutover(project.file)
    assert project.trace == []


def test_a_dry_run_and_a_check_change_nothing(project: Project) -> None:
    before = project.before()
    files = sorted(one.name for one in project.folder.iterdir())
    ran = litelift("cutover", project.file, "--dry-run")
    assert ran.status == 0, ran.err
    for said in ("Phase 4: data migration", "echo closed >> trace", "In all", "The way back"):
        assert said in ran.out
    found = litelift("cutover", project.file, "--dry-run", "--json").json
    assert [phase["number"] for phase in found["phases"]] == [0, 1, 2, 3, 4, 5, 6]
    assert check(project.file).exit_code == 0
    assert project.before() == before
    assert sorted(one.name for one in project.folder.iterdir()) == files


def test_a_check_finds_what_would_stop_a_later_step(project: Project) -> None:
    project.configured(start='["no-such-program --now"]')
    with pytest.raises(errors.StepFailed, match="there is no program no-such-program"):
        check(project.file)
    project.configured(start='["true"]')
    (project.folder / "code.txt").write_text("a change of somebody's\n")
    with pytest.raises(errors.StepFailed, match="not committed"):
        check(project.file)


def test_a_rehearsal_leaves_nothing_and_its_times_are_kept(project: Project) -> None:
    before = project.before()
    done = cutover(project.file, rehearse=True)
    assert done is not None
    assert (done.mode, done.state) == ("rehearsal", "rolled back")
    assert done.rollback_seconds is not None
    assert project.trace == []
    assert project.before() == before
    with psycopg.connect(project.admin) as connection:
        left = connection.execute(
            "select count(*) from pg_database where datname like %s", (f"{project.name}%",)
        ).fetchone()
    assert left == (0,)
    found = litelift("cutover", project.file, "--dry-run", "--json").json
    assert any(step["as_before"] for phase in found["phases"] for step in phase["steps"] if step["name"] == "move")
    moved = cutover(project.file)
    assert moved is not None
    assert moved.state == "finished"


def test_a_rehearsal_makes_the_schema_in_its_own_database_and_not_in_the_one_that_serves(project: Project) -> None:
    before = project.before()
    project.configured(set='{ DATABASE_URL = "{url}", DB_CONNECTION = "pgsql", DB_DATABASE = "{database}" }')
    project.added('\n[move]\nschema_commands = ["echo $DB_CONNECTION $DB_DATABASE; exit 7"]\nmode = "data-only"\n')
    with pytest.raises(errors.StepFailed, match="phase 3, schema: ") as caught:
        cutover(project.file, rehearse=True)
    assert f"  pgsql {project.name}_rehearsal" in caught.value.hint.splitlines()
    assert project.before() == before


def test_a_pause_while_the_application_is_closed_is_told(project: Project) -> None:
    assert "CLOSED" not in litelift("cutover", project.file, "--until", "3", "--yes").out
    paused = litelift("cutover", project.file, "--resume", "--until", "4", "--yes")
    assert paused.status == 0, paused.err
    assert "The application is CLOSED, since " in paused.out
    assert "The application is CLOSED, since " in litelift("cutover", "status", project.file).out
    assert len(litelift("cutover", "status", project.file, "--quiet").out.splitlines()) == 2
    assert "5  application start and testing            -\n" in paused.out
    back = roll_back(project.file)
    assert back is not None
    assert back.closed_since is None


def test_status_tells_how_far_it_is_while_it_works(project: Project) -> None:
    assert litelift("cutover", "status", project.file).status == 0
    hold = project.folder / "hold"
    hold.touch()
    project.configured(stop='["while [ -e hold ]; do sleep 0.05; done"]')
    words = [sys.executable, "-m", "litelift", "cutover", str(project.file), "--yes", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        journal = project.folder / "litelift-cutover" / "1"
        while read_journal(journal).last("services-stop") != "started":
            assert process.poll() is None
            time.sleep(0.05)
        told = litelift("cutover", "status", project.file)
        found = litelift("cutover", "status", project.file, "--json").json
        hold.unlink()
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "services-stop" in told.out
    assert f"process {process.pid}" in found["at_work"]
    assert json.loads(out)["state"] == "finished"


def test_it_asks_before_it_begins_and_needs_a_terminal_or_a_yes(project: Project) -> None:
    failed_as_document(litelift("cutover", project.file, "--json"), 2, "NotConfirmed")
    failed_as_document(litelift("cutover", "rollback", project.folder / "no.toml", "--json"), 2, "UsageError")
    cutover(project.file, until=1)
    failed_as_document(litelift("cutover", "rollback", project.file, "--json"), 2, "NotConfirmed")


def test_a_no_is_one_document_too(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    assert app(["cutover", str(project.file), "--json"], standalone_mode=False) == 1
    assert json.loads(capsys.readouterr().out) == {"run": None, "exit_code": 1}
    assert project.trace == []


def test_the_login_is_in_one_file_for_its_owner_and_shown_nowhere(project: Project) -> None:
    ran = litelift("cutover", project.file, "--yes", "--verbose")
    assert ran.status == 0, ran.err
    run = project.folder / "litelift-cutover" / "1"
    assert (run / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert run.parent.stat().st_mode & 0o777 == 0o700
    password = json.loads((run / "credentials.json").read_text())["password"]
    assert len(password) > 20
    told = [ran.out, ran.err, litelift("cutover", "status", project.file, "--json", "--verbose").out]
    told += [
        path.read_text(errors="replace")
        for path in project.folder.rglob("*")
        if path.is_file() and ".git" not in path.parts and path.name not in ("credentials.json", ".env")
    ]
    assert [text for text in told if password in text] == []


def test_a_torn_line_of_the_journal_is_as_if_it_had_not_been_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("begun", mode="cutover")
    journal.write("started", step="code", facts={"before": "ə"})
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-5])
    again = read_journal(tmp_path)
    assert [line.event for line in again.lines] == ["begun"]
    # Only who writes mends: somebody else may be at work.
    assert journal.path.read_bytes() == whole[:-5]
    again.write("paused", phase=1)
    assert [line.event for line in read_journal(tmp_path).lines] == ["begun", "paused"]


def test_names_of_odd_bytes_are_kept_by_the_journal(project: Project) -> None:
    odd = project.folder / os.fsdecode(b"backup-\xff.sqlite")
    shutil.copy(project.source, odd)
    project.added('\n[archive]\nfiles = ["backup-*"]\n')
    done = cutover(project.file)
    assert done is not None
    assert (done.state, done.report is not None) == ("finished", True)
    assert [name for name, _ in project.journal.facts("archive")["items"]][1:] == [str(odd)]


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="needs root: it mounts a small file system")
def test_a_full_disk_is_told_and_undone(project: Project, tmp_path: Path) -> None:
    state = project.folder / "litelift-cutover"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(state)], check=True)
    try:
        before = project.before()
        # What fills the disk comes after the room was looked at.
        project.configured(
            stop='["head -c 2000000 /dev/zero > litelift-cutover/other || true", "echo stopped >> trace"]'
        )
        with pytest.raises(errors.StepFailed) as caught:
            cutover(project.file)
        assert "No space left" in caught.value.message
        assert "Make room" in caught.value.hint
        assert project.before() == before
        assert project.trace == ["closed", "stopped", "started on sqlite", "open"]
        found = status(project.file)[1]
        assert found is not None
        assert found.state == "rolled back"
    finally:
        subprocess.run(["umount", str(state)], check=True)
