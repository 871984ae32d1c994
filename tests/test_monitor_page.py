"""What the dashboard's page says, of whatever there is, and that nothing in it is markup of somebody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from litelift.monitor import page
from litelift.monitor.checks import CHECKS
from litelift.monitor.finding import Fact, Finding, Measure
from litelift.monitor.incident import Incident
from litelift.monitor.page.around import Around
from litelift.monitor.page.commands import commands, pieces
from litelift.monitor.page.kept import backups
from litelift.monitor.page.writing import done
from litelift.monitor.samples import Samples, opened
from litelift.monitor.watched import Watched, watched
from litelift.monitor.words import LANGUAGES, Language, catalogue, filled
from monitored_day import NOW, WHO, Day, add, blocked, connections
from sixty_days import make

HOSTILE = "<script>alert(1)</script>\"'&\u202egnp.exe" + "x" * 10_000


class Tags(HTMLParser):
    """The tags of a page, and their attributes' names; the text without them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def project(folder: Path) -> Watched:
    (folder / "litelift.toml").write_text('[project]\nname = "School"\n[backup]\nurl = "postgresql://atis@db/atis"\n')
    return watched(str(folder / "litelift.toml"))


@contextmanager
def day_of(folder: Path, day: Day) -> Iterator[tuple[Watched, Samples]]:
    of = project(folder)
    with opened(of.folder, write=True) as samples:
        add(samples, day)
        yield of, samples


def shown(html: str) -> str:
    return Tags(html).text


@pytest.mark.parametrize(
    ("day", "later", "headline", "tone"),
    [
        (Day(hours=2), 0, "All is well", "good"),
        (Day(hours=2, incident=True), 0, "Something is wrong", "failed"),
        (Day(hours=2), 3600, "Nobody is watching", "attention"),
    ],
)
def test_one_sentence_says_how_it_stands(tmp_path: Path, day: Day, later: int, headline: str, tone: str) -> None:
    with day_of(tmp_path, day) as (of, samples):
        view = page.view(of, samples, NOW + timedelta(seconds=later))
    text = shown(page.document(view, "en"))
    assert f" {headline} " in text
    assert view.headline.tone == tone


def test_what_is_a_warning_needs_a_look_and_says_since_when_and_what_to_do_first(tmp_path: Path) -> None:
    with day_of(tmp_path, Day(hours=2)) as (of, samples):
        began = NOW + timedelta(minutes=2)
        for minutes in (2, 6):
            at = NOW + timedelta(minutes=minutes)
            samples.add(at, [connections(80), blocked(1, 7.0)], every=300, who=WHO)
        text = shown(page.document(page.view(of, samples, at), "en"))
    assert "Something needs a look Connections: 80 connections of 97 (82 %). So it has been since" in text
    assert f"{began:%H:%M} UTC . One more thing needs a look." in text
    assert "Do this first See who holds them: select usename, application_name" in text
    assert "Also to be looked at WARNING Blocked queries 1 session waits for a lock, the longest for 7.0 s" in text


def test_before_the_watch_has_begun_the_page_says_how_to_begin(tmp_path: Path) -> None:
    of = project(tmp_path)
    text = shown(page.document(page.view(of, None, NOW), "en"))
    assert "Nothing has been looked at yet" in text
    assert f"litelift monitor watch {tmp_path}/litelift.toml" in text
    assert "Nobody has watched yet, so none is known." in text


def test_a_state_that_is_not_known_is_not_well(tmp_path: Path) -> None:
    with day_of(tmp_path, Day(hours=1)) as (of, samples):
        user = {"user": "atis", "message": "permission denied"}
        samples.add(NOW, [Finding("blocked", "unknown", "needs-rights", user, "needs-rights")], every=300, who=WHO)
        view = page.view(of, samples, NOW)
    assert view.headline.key == "look"
    assert "GRANT pg_monitor TO atis;" in shown(page.document(view, "en"))


def test_of_a_server_that_is_down_nothing_is_called_well(tmp_path: Path) -> None:
    down = Finding("server", "critical", "down", {"message": "refused", "hint": "start it"}, "down")
    with day_of(tmp_path, Day(hours=1)) as (of, samples):
        before = page.view(of, samples, NOW)
        samples.add(NOW, [down], every=300, who=WHO)
        after = page.view(of, samples, NOW)
    assert before.headline.counts["ok"] > after.headline.counts["ok"] > 0
    checks = {check.name: check for check in CHECKS}
    well = [one.finding.check for group in after.groups for one in group.standing if one.finding.state == "ok"]
    assert well and all(checks[name].needs == "outside" for name in well)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_its_fragments(tmp_path: Path, language: Language) -> None:
    with day_of(tmp_path, Day(hours=3, incident=True)) as (of, samples):
        view = page.view(of, samples, NOW)
    whole = page.document(view, language)
    assert f'<html lang="{language}">' in whole
    ids = re.findall(r' id="([^"]+)"', whole)
    assert len(ids) == len(set(ids))
    for name, html in page.fragments(view, language).items():
        assert name in ids
        # One that holds others is without them.
        if not re.search(r"data-part></", html):
            assert html in whole


def test_of_a_page_where_only_the_seconds_pass_nothing_is_sent(tmp_path: Path) -> None:
    with day_of(tmp_path, Day(hours=3)) as (of, samples):
        first, second = (page.fragments(page.view(of, samples, NOW + timedelta(seconds=n)), "en") for n in (0, 15))
    assert first == second


def test_a_check_that_finds_something_else_changes_its_own_fragments_alone(tmp_path: Path) -> None:
    with day_of(tmp_path, Day(hours=3)) as (of, samples):
        before = page.fragments(page.view(of, samples, NOW), "en")
        samples.add(NOW + timedelta(seconds=5), [connections(12)], every=300, who=WHO)
        after = page.fragments(page.view(of, samples, NOW + timedelta(seconds=5)), "en")
    assert {name for name in after if after[name] != before[name]} == {"group-server"}


def test_no_name_or_value_is_markup_or_hides_what_it_says(tmp_path: Path) -> None:
    def made(words: str) -> tuple[str, ...]:
        folder = tmp_path / str(len(words))
        folder.mkdir()
        of = project(folder)
        facts: dict[str, Fact] = {"n": 1, "longest": 8.0, "by": words, "holder": words}
        measures = [Measure("sessions", 1), Measure("longest", 8.0, "seconds")]
        finding = Finding(
            "blocked", "warning", "waiting", facts, "end", words, measures, [{"pid": 1, "query": words, words: words}]
        )
        gone = Finding("a check of tomorrow", "critical", "unheard of", {"x": words}, "unheard of", words)
        latency = Finding("health", "ok", "fine", about=words, measures=[Measure("latency", 0.1, "seconds")])
        with opened(of.folder, write=True) as samples:
            incidents = [Incident(1, finding, NOW), Incident(2, gone, NOW)]
            for minutes in (5, 0):
                at = NOW - timedelta(minutes=minutes)
                samples.add(at, [finding, gone, latency], incidents=incidents, every=300, who=words)
            around = Around(quarantined=3, troubles=(words,))
            view = page.view(of, samples, NOW, around=around)
        entry = page.Entry(words, words, {words: words}, words.encode(), 99_999, words, words, NOW, words)
        entries = page.Entries(words, [entry], 1, {words: 1}, words, words, words)
        return tuple(
            html
            for language in LANGUAGES
            for html in (page.document(view, language), page.quarantine(entries, language))
        )

    for harmless, hostile in zip(made("y"), made(HOSTILE), strict=True):
        tags = Tags(hostile)
        # What marks an escape, where a name may break, and what can be typed.
        own = ("wbr", "span", "code")
        assert [tag for tag in tags.tags if tag[0] not in own] == [t for t in Tags(harmless).tags if t[0] not in own]
        known = {"class", "aria-hidden", "aria-current", "lang"}
        assert all(set(names) <= known for tag, names in tags.tags if tag in own)
        assert "\u202e" not in re.sub('<option value="[^"]*"', "", hostile) and "\\u202e" in tags.text
        assert "x" * 500 not in tags.text
        assert all(not address.startswith(("javascript:", "http:", "https:", "//")) for address in tags.addresses)


def test_no_page_has_a_style_or_a_script_of_its_own(tmp_path: Path) -> None:
    with day_of(tmp_path, Day(hours=2, incident=True)) as (of, samples):
        view = page.view(of, samples, NOW)
    for html in (page.document(view, "az", user_may_log_out=True), page.login("en", True)):
        for tag, attributes in Tags(html).tags:
            assert tag != "style" and not any(name == "style" or name.startswith("on") for name in attributes)
            assert tag != "script" or "src" in attributes


def test_each_file_has_an_address_that_changes_with_it() -> None:
    assert {"page.css", "page.js", "good.svg", "attention.svg", "failed.svg"} <= page.ASSETS.keys()
    one, other = page.Asset(b"a", "text/css"), page.Asset(b"b", "text/css")
    assert one.hash != other.hash
    html = page.login("en")
    assert f"static/page.css?v={page.ASSETS['page.css'].hash}" in html


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Free room: VACUUM (VERBOSE) t; or ask.", ["VACUUM (VERBOSE) t;"]),
        ('Drop it: DROP INDEX public."a; b""c"; then look.', ['DROP INDEX public."a; b""c";']),
        ("Look at the log; litelift monitor check --verbose says more.", ["litelift monitor check --verbose"]),
        ("See why: litelift backup list a/b.toml; df '/my disk'", ["litelift backup list a/b.toml", "df '/my disk'"]),
        (
            "litelift monitor baseline records it: litelift backup drill a.toml --to nas",
            ["litelift monitor baseline", "litelift backup drill a.toml --to nas"],
        ),
        ("Select another one where you can.", []),
        ("Set it higher; then look.", []),
        ("litelift " + '"' * 4001 + "(", []),
    ],
)
def test_what_is_to_be_typed_can_be_told_from_what_is_to_be_read(text: str, found: list[str]) -> None:
    assert commands(text) == found
    assert "".join(part for _, part in pieces(text, found)) == text
    assert [part for typed, part in pieces(text, found) if typed] == found


def test_what_ended_a_command_does_not_begin_the_line_below_it() -> None:
    place = "/srv/school/a-long-way-down/litelift.toml"
    words = done(Finding("backup", "warning", "none", {"words": place}, "begin"), "en")
    assert words is not None
    assert f"<code>litelift backup create {place}</code></span>and one every night" in words
    assert "If another program makes them" in words and "</span>. If" not in words


def test_a_command_is_the_same_in_every_language() -> None:
    facts: dict[str, Fact] = {
        "by": "7",
        "user": "atis",
        "message": "",
        "hint": "",
        "words": "a.toml",
        "folder": "/b",
        "seconds": 1,
    }
    for name, table in catalogue("en").items():
        for key in table.get("do", {}):
            try:
                english, other = (filled(words["do"][key], facts, "en") for words in (table, catalogue("az")[name]))
            except KeyError:
                continue
            for command in commands(english):
                assert command in other, (name, key)


def test_every_group_of_checks_has_a_name() -> None:
    for language in LANGUAGES:
        assert {check.group for check in CHECKS} <= catalogue(language)["groups"].keys()


def test_backups_and_drills_are_told_with_their_age(tmp_path: Path) -> None:
    of = project(tmp_path)
    assert "no backup in" in shown(
        page.document(page.view(of, None, NOW, around=Around(backups(of.backups.store))), "en")
    )
    for days in (3, 2, 1):
        make(of.backups.store, NOW - timedelta(days=days))
    with opened(of.folder, write=True) as samples:
        samples.add(NOW, [connections(3)], who=WHO)
        text = shown(page.document(page.view(of, samples, NOW, around=Around(backups(of.backups.store))), "en"))
    assert "newest good backup 24 h ago" in text
    assert "none has ever been restored: litelift backup drill" in text
    assert "nothing is scheduled: litelift backup schedule" in text


def test_a_project_that_was_not_moved_has_no_proof(tmp_path: Path) -> None:
    of = project(tmp_path)
    text = shown(page.document(page.view(of, None, NOW, around=Around()), "en"))
    assert "litelift knows of no move into this database." in text


def test_the_quarantine_can_be_filtered_paged_and_exported() -> None:
    entry = page.Entry("a&b", None, {"id": 7}, b'{"id": 7}\xff', 30_000, "text", "too long", NOW)
    entries = page.Entries("School", [entry], 250, {"a&b": 200, "c": 50}, "a&b", "9.1", "5.2")
    html = page.quarantine(entries, "en", user_may_log_out=True)
    tags = Tags(html)
    assert "quarantine?language=en&table=a%26b&after=9.1" in tags.addresses
    assert "?language=az&table=a%26b&after=5.2" in tags.addresses
    assert {"quarantine.csv?table=a%26b", "quarantine.json?table=a%26b"} <= set(tags.addresses)
    assert '<option value="a&amp;b" selected>a&amp;b (200)</option>' in html
    assert "whole row" in tags.text and '{"id": 7} \\xff' in tags.text
    assert "7b 22 69 64 22 3a 20 37 7d ff" in tags.text
    assert "30.0 kB, the first 10 bytes shown" in tags.text


def test_who_may_leave_is_offered_the_way_out(tmp_path: Path) -> None:
    view = page.view(project(tmp_path), None, NOW)
    assert 'action="logout' not in page.document(view, "en")
    assert 'method="post" action="logout' in page.document(view, "en", user_may_log_out=True)


def test_a_wrong_password_is_told() -> None:
    assert 'role="alert"' in page.login("az", True)
    assert 'role="alert"' not in page.login("az")
