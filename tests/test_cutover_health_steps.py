"""The health checks in the runbook: before, behind the maintenance, open, and after a way back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cutover_project import Project, a_project
from health_app import App, Asked, Reply, serving
from litelift.cutover.context import Context
from litelift.cutover.journal import Journal, read_journal
from litelift.cutover.read import read_runbook
from litelift.cutover.run import check, cutover, roll_back
from litelift.cutover.steps.health import Health, HealthBefore, HealthOpen
from litelift.errors import HealthChecksFailed, HealthCheckUnusable, RollbackIncomplete, StepFailed

Url = Callable[[str], str]
KEY = "let-me-in-now"


@pytest.fixture
def app() -> Iterator[App]:
    with serving() as app:
        yield app


@pytest.fixture
def project(server: Url, tmp_path: Path, app: App) -> Iterator[Project]:
    """A project whose application answers as it was last closed, opened and started."""
    with a_project(tmp_path / "project", server("postgres")) as one:

        def home(asked: Asked) -> Reply:
            doors = [line for line in one.trace if line in ("closed", "open")]
            if doors[-1:] == ["closed"] and asked.headers.get("x-bypass") != KEY:
                return Reply("<title>Be right back</title>", 503)
            starts = [line for line in one.trace if line.startswith("started on ")]
            return Reply(starts[-1] if starts else "started on sqlite")

        app.routes["/"] = home
        common = "retries = 0\ntimeout = 60\n"
        check = f'[[health]]\nname = "home"\nkind = "http"\nurl = "{app.url()}"\nmax_average_ms = 60000\n{common}'
        after = f'{check.replace("home", "engine")}when = ["after"]\npresent = ["postgresql"]\n'
        rows = f'[[health]]\nname = "rows"\nkind = "postgres"\nquery = "select count(*) from grades"\n{common}'
        one.added(check + after + rows)
        one.file.write_text(
            one.file.read_text().replace("[services]", f'headers = {{ X-Bypass = "{KEY}" }}\n[services]')
        )
        yield one


def results(journal: Journal, step: str, of: str = "results") -> dict[str, bool]:
    """Which checks a step made, and whether they held."""
    return {one["name"]: one["ok"] for one in journal.facts(step)[of]}


def test_the_application_is_looked_at_four_times_and_once_more_for_the_baseline(project: Project, app: App) -> None:
    done = cutover(project.file)
    assert done is not None
    journal = project.journal
    assert results(journal, "health-before") == {"home": True}
    assert results(journal, "health") == results(journal, "health-open") == {"home": True, "engine": True, "rows": True}
    assert KEY not in journal.path.read_text()
    bypassed = ["x-bypass" in asked.headers for asked in app.seen]
    assert bypassed == [*[False] * 5, *[True] * 10, *[False] * 10, *[False] * 6]
    assert roll_back(project.file)
    noted = [line.values["facts"] for line in project.journal.events("noted", "health-before")]
    assert [one["ok"] for one in noted[-1]["results_again"]] == [True]
    order = [line.values["step"] for line in project.journal.events("undone")]
    assert order.index("maintenance-on") < order.index("health-before")


def test_what_does_not_serve_before_the_move_is_not_moved(project: Project, app: App) -> None:
    app.routes["/"] = Reply("<title>Oh</title>", 500)
    before = project.before()
    with pytest.raises(
        StepFailed, match="phase 0, health-before: 1 of 1 health checks failed: home: expected status"
    ) as e:
        cutover(project.file)
    assert "Mend it or them; nothing was changed." in e.value.hint
    assert project.trace == []
    assert project.before() == before
    assert results(project.journal, "health-before") == {"home": False}
    assert len(app.seen) == 1, "what was not touched needs no look after the way back"


def test_what_does_not_serve_on_postgresql_goes_back_to_sqlite(project: Project, app: App) -> None:
    project.configured(present='["something else"]')
    before = project.before()
    with pytest.raises(StepFailed, match="phase 5, health: 1 of 3 health checks failed: engine: expected the text"):
        cutover(project.file)
    assert project.before() == before
    assert project.trace[-1] == "open"
    assert "maintenance-off" not in [line.values["step"] for line in project.journal.events("started")]


def test_an_application_that_does_not_serve_after_the_way_back_keeps_the_way_on(project: Project, app: App) -> None:
    assert cutover(project.file)
    home = app.routes["/"]
    app.routes["/"] = Reply("", 500)
    with pytest.raises(RollbackIncomplete) as caught:
        roll_back(project.file)
    assert any("health-before" in note for note in caught.value.__notes__)
    assert project.in_postgresql() == ["database", "role"]
    app.routes["/"] = home
    assert roll_back(project.file)
    assert project.in_postgresql() == []


def test_what_was_only_looked_at_is_not_looked_at_again(project: Project, app: App) -> None:
    assert cutover(project.file, until=0)
    app.routes["/"] = Reply("", 500)
    assert roll_back(project.file)
    assert len(app.seen) == 5


def test_what_a_check_names_is_looked_for_days_before(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOBODYS_WORD", raising=False)
    project.added('[[health]]\nname = "r"\nkind = "redis"\nwhen = ["after"]\npassword_env = "NOBODYS_WORD"\n')
    with pytest.raises(StepFailed, match=r"phase 0, health-before: .* NOBODYS_WORD is not set"):
        check(project.file)


HEAD = '[source]\npath = "db.sqlite3"\n[target]\nkind = "embedded"\n'
CLOSED = '[maintenance]\non = ["true"]\noff = ["true"]\n'


@pytest.fixture
def told() -> list[str]:
    """What was told."""
    return []


@pytest.fixture
def context(tmp_path: Path, app: App, told: list[str]) -> Callable[[str], Context]:
    """A run that has just begun, of a runbook with an HTTP check, a port, and what is added."""

    def made(text: str) -> Context:
        path = tmp_path / "litelift.toml"
        http = (
            f'[[health]]\nname = "home"\nkind = "http"\nurl = "{app.url()}"\nretries = 0\nsamples = 1\ntimeout = 60\n'
        )
        path.write_text(HEAD + text + http + f'[[health]]\nname = "port"\nkind = "tcp"\nport = {app.port}\n')
        return Context(read_runbook(path), Journal(tmp_path), tell=told.append)

    return made


def done(context: Context, step: Any) -> dict[str, bool]:
    """Do a step; the checks that it made."""
    context.step = step.name
    context.journal.write("started", step=step.name, phase=step.phase, facts=step.check(context))
    step.do(context, {})
    return results(read_journal(context.folder), step.name)


def test_behind_a_maintenance_without_headers_http_has_to_wait(context: Callable[[str], Context], app: App) -> None:
    app.routes["/"] = Reply("x")
    closed = context(CLOSED)
    assert Health().wanted(closed)
    assert Health().plan(closed) == [f"tcp port: a connection to 127.0.0.1:{app.port}", "when it is open: home"]
    assert done(closed, Health()) == {"port": True}
    assert HealthOpen().wanted(closed)
    assert HealthOpen().plan(closed)[0].startswith("http home: GET ")
    assert done(closed, HealthOpen()) == {"home": True, "port": True}


def test_without_a_maintenance_once_is_enough(context: Callable[[str], Context], app: App) -> None:
    app.routes["/"] = Reply("x")
    opened = context("")
    assert done(opened, Health()) == {"home": True, "port": True}
    assert not HealthOpen().wanted(opened)
    opened.rehearsal = True
    assert HealthBefore().wanted(opened)
    assert not Health().wanted(opened)


def test_a_slow_application_is_moved_and_told_and_its_baseline_stands_beside(
    context: Callable[[str], Context], app: App, told: list[str]
) -> None:
    app.routes["/"] = Reply("x")
    slow = context("")
    text = slow.runbook.path.read_text().replace("samples = 1", "samples = 2\nmax_average_ms = 0.001")
    slow.runbook.path.write_text(text)
    slow.runbook = read_runbook(slow.runbook.path)
    assert done(slow, HealthBefore()) == {"home": True, "port": True}
    issue = next(slow.journal.events("issue")).values
    assert issue["message"].startswith("home is slow before the move already: ")
    with pytest.raises(HealthChecksFailed, match=r"home: expected at most 0\.001 ms on average"):
        done(slow, Health())
    assert any(line.startswith("home: ") and "; before the move " in line for line in told)


def test_what_a_check_leaves_behind_is_an_issue_of_the_run(context: Callable[[str], Context], app: App) -> None:
    app.routes["POST /rows"] = Reply(json.dumps({"id": 7}), 201, "application/json")
    crud = f'[[health]]\nname = "row"\nkind = "crud"\nurl = "{app.url("/rows")}"\ncreate = {{ a = 1 }}\npause = 0\n'
    left = context(crud)
    app.routes["/"] = Reply("x")
    app.routes["DELETE /rows/7"] = Reply("", 500)
    with pytest.raises(HealthChecksFailed, match="left behind: "):
        done(left, HealthBefore())
    assert f"left behind: {app.url('/rows/7')}" in next(left.journal.events("issue")).values["resolved"]


def test_a_check_that_cannot_be_made_stops_before_anything_is_asked(
    context: Callable[[str], Context], app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOBODYS_WORD", raising=False)
    unusable = context('[[health]]\nname = "r"\nkind = "redis"\nwhen = ["after"]\npassword_env = "NOBODYS_WORD"\n')
    with pytest.raises(HealthCheckUnusable):
        HealthBefore().check(unusable)
    assert app.seen == []
