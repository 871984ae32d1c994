"""What the report of an evening says, whatever became of it; and never a password."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cutover_evening import BEGAN, PASSWORD, SMALLEST, Evening, health
from litelift.cutover.report.content import CutoverReport
from litelift.cutover.report.render import render_html, render_json, render_markdown, report_of_folder
from test_report_example import clean

FORMS = [render_html, render_markdown, render_json]
READ = [render_html, render_markdown]
Render = Callable[[CutoverReport], str]
TITLES = (
    "Executive summary",
    "Timeline",
    "Statistics and sizes",
    "Technical details",
    "Method",
    "Verification before and after",
    "Entity counts",
    "Proof results",
    "What was quarantined",
    "What was told",
    "What was not carried",
    "Health checks",
    "Backups and archive",
    "Files modified",
    "Where credentials are",
    "What was made",
    "Issues met",
    "The way back",
    "Metrics baseline",
    "Next steps",
    "Useful commands",
    "Signatures",
)


@pytest.fixture
def evening(tmp_path: Path) -> Evening:
    return Evening(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    evening = Evening(tmp_path_factory.mktemp("evening"))
    evening.to_the_switch()
    evening.to_the_end()
    return evening


@pytest.fixture(scope="module")
def finished(whole: Evening) -> CutoverReport:
    return report_of_folder(whole.folder)


def words(rendered: str) -> str:
    """What a reader sees."""
    text = re.sub(r"<style>.*?</style>|<wbr>", "", rendered, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", " ", text)
    for entity, letter in {"&lt;": "<", "&gt;": ">", "&#34;": '"', "&#39;": "'", "&amp;": "&", "&#58;": ":"}.items():
        text = text.replace(entity, letter)
    return " ".join(text.replace("\\", "").split())


def commands(report: CutoverReport) -> str:
    return "\n".join(code.text for _, code in report.commands)


@pytest.mark.parametrize("render", READ)
def test_every_section_of_the_report_is_there(finished: CutoverReport, render: Render) -> None:
    rendered = render(finished)
    found = re.findall(r'<h2 id="[^"]*"><span class="no">\d+</span>(.*?)</h2>|^## \d+\. (.*)$', rendered, re.MULTILINE)
    titles = ["".join(one) for one in found]
    assert [title for title, due in zip(titles, TITLES, strict=True) if not title.startswith(due)] == []


SAID = (
    "3,043,222 rows of 158 tables",
    "2 of 2",
    "taken by postgres (process 812)",
    "the next free one is used: 5433",
    "SQLite's own check finds it whole",
    "a" * 40,
    "b" * 40,
    "CPython 3.12",
    "docker.io/library/postgres:16",
    "restart and limits",
    "unless-stopped, memory 2g, 2 CPUs",
    "6.2 times smaller",
    "2026-02-19",
    "-DB_CONNECTION=sqlite",
    "+ postgres:",
    "credentials.json",
    "superuser.json",
    "atis-data-16-2",
    "Older volume, untouched",
    "atis-data: data of PostgreSQL 14",
    "atis-postgres of docker.io/library/postgres:16",
    "Podman Engine 4.3.1 unix",
    "(sha256:0123)",
    "99.4 %",
    "Restore the first backup somewhere",
    "Look through the quarantine",
    "docker logs --tail 100 atis-postgres",
    "systemctl stop atis",
)


@pytest.mark.parametrize("render", READ)
def test_what_is_known_of_the_evening_is_said(finished: CutoverReport, render: Render) -> None:
    rendered = words(render(finished)).lower()
    assert [said for said in SAID if said.lower() not in rendered] == []


@pytest.mark.parametrize("render", FORMS)
def test_no_password_is_in_any_form_wherever_it_came_in(evening: Evening, render: Render) -> None:
    evening.to_the_switch()
    evening.to_the_end()
    evening.issue("server", f"{PASSWORD} and postgresql://u:other-Pass1@h/d and password=third-Pass2", PASSWORD)
    evening.step("ready", 3, 1, settings={"PGPASSWORD": f"x{PASSWORD}x"})
    evening.write("failed", step="ready", phase=3, message=f"no {PASSWORD}", hint=PASSWORD, seconds=1.0)
    rendered = render(report_of_folder(evening.folder))
    for secret in (PASSWORD, "other-Pass1", "third-Pass2", "let-me-in"):
        assert secret not in rendered
    assert "DATABASE_URL=postgresql://atis:***@db/a" in words(rendered).replace("\\/", "/")


def test_the_application_was_closed_from_the_first_closing_to_the_last_opening(finished: CutoverReport) -> None:
    closed = finished.forward.closed
    assert closed is not None
    # 1 + 4 + 2 + 90 + 0.1 + 1 + 0.1 + 6 + 2 + 1
    assert closed.seconds == pytest.approx(107.2)
    assert (closed.since - BEGAN).total_seconds() == pytest.approx(122.5)
    assert finished.forward.seconds == pytest.approx(265.1)
    assert closed.width == pytest.approx(100 * 107.2 / 265.1)


def test_every_phase_has_its_steps_their_times_and_their_sum(finished: CutoverReport) -> None:
    phases = finished.forward.phases
    assert [phase.number for phase in phases] == [0, 1, 2, 3, 4, 5, 6]
    assert [phase.whole.state for phase in phases] == ["done"] * 7
    assert phases[4].whole.seconds == pytest.approx(97.1)
    move = next(bar for bar in phases[4].steps if bar.seconds == 90)
    assert (move.at, round(move.width)) == ("+2 min 10 s", round(100 * 90 / 265.1))


def test_latencies_before_and_after_stand_side_by_side(finished: CutoverReport) -> None:
    rows = {row.name: row for row in finished.health}
    before, after = rows["API"].before, rows["API"].after
    assert before is not None
    assert after is not None
    # The one that users find, not the one behind the maintenance.
    assert (before.milliseconds, after.milliseconds, rows["API"].limit) == (212.0, 38.0, 500.0)
    assert "212 ms" in render_html(finished)
    assert "at attempt 2" in render_html(finished)


def test_a_way_back_has_its_times_its_rows_and_the_checks_made_again(evening: Evening) -> None:
    evening.to_the_switch()
    evening.to_the_end()
    evening.back()
    report = report_of_folder(evening.folder)
    assert (report.verdict.label, report.exit_code) == ("Rolled back", 0)
    assert "50 changes" in report.verdict.sentence
    assert report.back is not None
    assert report.back.seconds == pytest.approx(23.7)
    assert report.back.closed is not None
    assert report.back.closed.seconds == pytest.approx(18.6)
    # The day between is none of the evening's.
    assert report.forward.seconds == pytest.approx(265.1)
    assert report.written is not None
    assert (report.written.inserted, report.written.updated, report.written.deleted) == (41, 7, 2)
    assert report.health[0].again is not None
    assert not any(word in commands(report) for word in ("psql", "docker", "litelift cutover rollback"))
    for render in READ:
        said = words(render(report))
        assert "public.grades" in said
        assert "written-since-cutover.jsonl" in said
        assert "On SQLite again" in said
        assert "This run was taken back, in 23.7 s." in said


def test_a_failure_before_the_switch_is_told_with_its_reason_and_what_to_mend(evening: Evening) -> None:
    evening.to_the_switch()
    evening.write("started", step="switch", phase=5, facts={})
    evening.write(
        "failed", 1, step="switch", phase=5, message="phase 5, switch: .env is read-only", hint="Mend it.", seconds=1.0
    )
    evening.write("rolling-back", reason="x")
    for name in ("mark", "source-keep", "services-stop", "maintenance-on", "server"):
        evening.undone(name, 1)
    evening.write("rolled-back", seconds=5.0)
    report = report_of_folder(evening.folder)
    assert (report.verdict.status, report.exit_code) == ("failed", 1)
    assert "failed in the phase “application start and testing”: .env is read-only." in report.verdict.sentence
    assert "the application is on SQLite, as before" in report.verdict.sentence
    assert report.next_steps[0].title == "Mend what stopped the step “switch”"
    assert report.next_steps[0].text == ".env is read-only. Mend it."
    assert report.forward.closed is None
    assert report.back is not None
    assert report.back.closed is not None
    # From when it was closed for the move: 98.1 s there, 1 s of the switch, 4 steps back.
    assert report.back.closed.seconds == pytest.approx(103.1)
    assert not report.still_closed
    assert "What was done was undone in 5.0 s" in words(render_html(report))


def test_an_application_that_is_still_closed_is_said_to_be(evening: Evening) -> None:
    evening.to_the_switch()
    report = report_of_folder(evening.folder)
    assert (report.verdict.label, report.still_closed) == ("Not finished", True)
    for render in READ:
        assert "The application is still closed or stopped." in words(render(report))
    assert "--resume" in render_markdown(report)


def test_a_way_back_that_stopped_half_way_says_at_what(evening: Evening) -> None:
    evening.to_the_switch()
    evening.write("rolling-back", reason="x")
    evening.write("undoing", step="services-stop")
    evening.write("not-undone", 2, step="services-stop", message="systemctl failed", hint="", seconds=2.0)
    report = report_of_folder(evening.folder)
    assert (report.verdict.label, report.exit_code) == ("Not taken back wholly", 1)
    assert "services-stop: systemctl failed." in report.verdict.sentence
    assert report.next_steps[0].title == "Finish the way back"


@pytest.mark.parametrize(
    ("event", "label"), [("paused", "Paused"), ("stopped", "Stopped after the switch"), ("finished", "Cut over")]
)
def test_each_end_of_a_run_has_its_verdict(evening: Evening, event: str, label: str) -> None:
    evening.to_the_switch()
    evening.write(event)
    assert report_of_folder(evening.folder).verdict.label.startswith(label)


def test_a_rehearsal_is_called_one_and_its_way_back_is_told_in_the_plan_of_the_evening(tmp_path: Path) -> None:
    rehearsal = Evening(tmp_path, mode="rehearsal")
    rehearsal.step("server", 2, 2, kind="container", makes=True)
    rehearsal.move(clean())
    rehearsal.step("move", 4, 50, run_id="r", exit_code=0)
    rehearsal.write("finished")
    rehearsal.write("rolling-back", reason="a rehearsal")
    rehearsal.undone("server", 4)
    rehearsal.write("rolled-back", seconds=4.0)
    told = report_of_folder(rehearsal.folder)
    assert (told.verdict.label, told.verdict.status, told.exit_code) == ("Rehearsed", "good", 0)
    assert "Choose the evening" in [step.title for step in told.next_steps]
    evening = Evening(tmp_path, number=2)
    evening.to_the_switch()
    plan = report_of_folder(evening.folder).way_back
    assert "taken back in run 1" in plan.tried
    assert next((s.seconds, s.when) for s in plan.steps if s.name == "server") == (4.0, "rehearsal 1")
    assert [step.name for step in plan.steps][:2] == ["mark", "source-keep"]
    assert plan.steps[-1].name == "server"


@pytest.mark.parametrize("render", READ)
def test_what_was_not_configured_is_said_plainly(tmp_path: Path, render: Render) -> None:
    evening = Evening(tmp_path, SMALLEST)
    evening.step("project-checks", 0, 0.1)
    evening.step("server", 2, 1, kind="embedded", makes=True, folder="/srv/app.litelift", database="a", role="a")
    evening.move(clean())
    evening.step("move", 4, 9, run_id="r", exit_code=0)
    evening.write("finished")
    report = report_of_folder(evening.folder)
    said = words(render(report))
    for sentence in (
        "nobody has looked whether the application serves",
        "No archive was made",
        "The runbook has no backup of PostgreSQL",
        "The checks before the move had nothing to tell.",
        "None was met.",
        "It has not been tried.",
        "It was not taken: the run did not come so far.",
        "Commit not recorded",
    ):
        assert sentence in said.replace(" | ", " ")
    titles = [step.title for step in report.next_steps]
    assert "Try the application by hand" in titles
    assert "Set up backups of PostgreSQL, and restore one somewhere" in titles
    assert any("embedded" in title for title in titles)
    assert "litelift server start" in commands(report)


def test_a_run_that_failed_at_its_first_look_has_a_report_too(tmp_path: Path) -> None:
    evening = Evening(tmp_path, SMALLEST)
    evening.write("failed", step="project-checks", phase=0, message="there is no folder x", hint="", seconds=0.1)
    evening.write("rolling-back", reason="x")
    evening.write("rolled-back", seconds=0.0)
    report = report_of_folder(evening.folder)
    assert report.verdict.status == "failed"
    for render in FORMS:
        assert "there is no folder x" in words(render(report))


def test_a_failing_health_check_is_named_with_what_it_found(evening: Evening) -> None:
    evening.to_the_switch()
    evening.step("health", 5, 1, results=[health("API", 90.0, ok=False)])
    report = report_of_folder(evening.folder)
    assert "1 health check failed" in dict(report.pointers)
    assert "expected status 200; got 502" in words(render_html(report))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given.get("href")))
        if tag in ("script", "img", "link", "iframe", "object") or "src" in given:
            self.loads.append(tag)
        if tag not in ("meta", "br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_its_links_lead_somewhere_and_it_loads_nothing(finished: CutoverReport) -> None:
    page = _Page()
    page.feed(render_html(finished))
    assert page.open == []
    assert page.loads == []
    assert len(page.ids) == len(set(page.ids))
    assert [link for link in page.links if link.removeprefix("#") not in page.ids] == []


def test_a_hostile_name_is_only_text(finished: CutoverReport) -> None:
    assert "<school>" not in render_html(finished)
    assert "ATİS &lt;school&gt; | *system*" in render_html(finished)
    assert "ATİS &lt;school&gt; &#124; \\*system\\*" in render_markdown(finished)


def test_the_commands_are_filled_in_and_name_where_the_password_is(finished: CutoverReport, whole: Evening) -> None:
    told = commands(finished)
    assert "psql postgresql://atis@127.0.0.1:5433/atis" in told
    assert f"'import json, sys; print(json.load(open(sys.argv[1]))[\"password\"])' {whole.folder}" in told
    assert f"litelift cutover rollback {whole.file}" in told
    assert "litelift verify /kept/source.sqlite postgresql://atis@127.0.0.1:5433/atis" in told
    assert "export DOCKER_HOST=unix:///run/podman/podman.sock" in told


def test_the_json_holds_the_evening_and_the_move(finished: CutoverReport) -> None:
    document = json.loads(render_json(finished))
    assert (document["format"], document["kind"], document["status"]) == (1, "cutover", "attention")
    assert document["archive"]["keep_until"] == "2026-02-19"
    assert document["overview"]["state"] == "finished"
    assert document["move"]["source"]["tables"] == 158
    assert document["forward"]["closed"]["seconds"] == pytest.approx(107.2)
    assert document["way_back"]["steps"][0]["name"] == "maintenance-off"


def test_what_was_not_done_is_not_claimed_in_the_method(evening: Evening) -> None:
    evening.step("project-checks", 0, 0.4)
    titles = [title for title, _ in report_of_folder(evening.folder).method]
    assert titles == ["One runbook, step by step"]
