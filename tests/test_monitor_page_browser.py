"""The dashboard in a real Chromium: live, by keyboard, on a phone, light and dark, for a screen reader."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from litelift.monitor import page
from litelift.monitor.page.around import Around
from litelift.monitor.page.kept import backups
from litelift.monitor.page.view import View
from litelift.monitor.samples import opened
from monitored_day import NOW, Day, add
from page_server import PageServer, serving
from sixty_days import make
from test_monitor_page import HOSTILE, project

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
COLOURS: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDE, PHONE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}, {"width": 320, "height": 640}
AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""axe-core's: WCAG 2.1 and 2.2 at the levels A and AA, and what it advises beside them."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # However loaded the machine is.
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        # Root has no sandbox (Chromium's own refusal); what is loaded is ours alone.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> dict[str, View]:
    """Of a day on which all is well, of one on which it is not, and of none."""
    found = {}
    for name, day in (("well", Day(every=900)), ("wrong", Day(every=900, incident=True))):
        of = project(tmp_path_factory.mktemp(name))
        for days in (2, 1):
            make(of.backups.store, NOW - timedelta(days=days))
        with opened(of.folder, write=True) as samples:
            add(samples, day)
            found[name] = page.view(of, samples, NOW, around=Around(backups(of.backups.store)))
    found["empty"] = page.view(project(tmp_path_factory.mktemp("empty")), None, NOW)
    return found


ENTRIES = page.Entries(
    "School",
    [page.Entry("students", "born", {"id": n}, b"31.02.2009", 10, "text", "not a date", NOW, None) for n in range(20)]
    + [page.Entry(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, HOSTILE.encode(), 10_030, "text", HOSTILE, NOW, HOSTILE)],
    21,
    {"students": 20, HOSTILE: 1},
)


@pytest.fixture
def served(views: dict[str, View]) -> Iterator[PageServer]:
    with serving(views["well"], ENTRIES) as server:
        yield server


@contextmanager
def opened_page(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A page that has said nothing wrong, and asked nobody else, when the block ends."""
    context: BrowserContext = browser.new_context(
        **{"viewport": WIDE, "timezone_id": "Asia/Baku", "reduced_motion": "reduce", **options}
    )
    context.set_default_timeout(60_000)
    said: list[str] = []
    asked: list[str] = []
    try:
        made = context.new_page()
        # The day's own: what is long ago is written with its year.
        made.clock.set_fixed_time(NOW)
        made.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        made.on("pageerror", lambda error: said.append(str(error)))
        made.on("request", lambda request: asked.append(request.url))
        made.goto(url)
        yield made
        assert not [words for words in said if "ERR_" not in words], said
        assert all(address.startswith(url[: url.index("/", 8)]) for address in asked), asked
    finally:
        context.close()


def verdict(page_: Page) -> str:
    return page_.locator("h1").inner_text()


def test_the_page_loads_nothing_but_its_own_and_says_nothing_is_wrong_with_it(
    browser: Browser, served: PageServer
) -> None:
    with opened_page(browser, served.url) as seen:
        assert verdict(seen) == "All is well"
        assert seen.title() == "✓ School: all is well"
        expect(seen.locator("#lost")).to_be_hidden()
        # In the reader's own time: Baku is four hours before UTC.
        assert seen.locator("#itself time").first.inner_text() == "24 November, 14:26"
        assert seen.locator(".hour").first.text_content() == "16:00"
    own = {"", "events?language=en"} | {f"static/{name}?v={asset.hash}" for name, asset in page.ASSETS.items()}
    assert {path.removeprefix("/") for path in served.asked} <= own


def test_an_incident_is_shown_and_announced_when_it_is_made(
    browser: Browser, served: PageServer, views: dict[str, View]
) -> None:
    with opened_page(browser, served.url) as seen:
        expect(seen.locator("#announce")).to_be_empty()
        rows = seen.locator(".incidents tbody tr")
        expect(rows).to_have_count(2)
        served.show(views["wrong"])
        expect(seen.locator("h1")).to_have_text("Something is wrong")
        expect(rows).to_have_count(4)
        expect(seen.locator("#announce")).to_have_text("Something is wrong: Connections")
        expect(seen).to_have_title("✗ School: something is wrong")
        assert "failed.svg" in (seen.locator("#icon").get_attribute("href") or "")
        served.show(views["well"])
        expect(seen.locator("h1")).to_have_text("All is well")
        expect(seen.locator("#announce")).to_have_text("All is well")


def test_an_update_leaves_focus_open_details_scrolling_and_selection_as_they_are(
    browser: Browser, served: PageServer, views: dict[str, View]
) -> None:
    served.view = views["wrong"]
    with opened_page(browser, served.url) as seen:
        # The first update, of all of it, has come then.
        served.show(views["well"])
        expect(seen.locator("h1")).to_have_text("All is well")
        check = seen.locator("details.check", has_text="Connections")
        check.locator("summary").focus()
        seen.keyboard.press("Enter")
        expect(check).to_have_attribute("open", "")
        seen.evaluate("getSelection().selectAllChildren(document.querySelector('#itself dd'))")
        selected = seen.evaluate("String(getSelection())")
        assert "process 4711" in selected
        seen.evaluate("document.querySelector('#group-schema').dataset.kept = 'as it was'")
        before = seen.evaluate("[scrollY, document.activeElement.closest('details').dataset.key]")
        assert before[0] > 0
        served.show(views["wrong"])
        expect(check.locator(".said")).to_contain_text("of 97 (9")
        assert seen.evaluate("String(getSelection())") == selected
        expect(check).to_have_attribute("open", "")
        assert seen.evaluate("document.activeElement.closest('details').dataset.key") == before[1]
        assert seen.evaluate("document.querySelector('#group-schema').dataset.kept") == "as it was"


def test_a_lost_connection_is_told_with_when_the_page_was_right_and_mends_itself(
    browser: Browser, served: PageServer, views: dict[str, View]
) -> None:
    with opened_page(browser, served.url) as seen:
        served.show(views["wrong"])
        expect(seen.locator("h1")).to_have_text("Something is wrong")
        served.leave()
        expect(seen.locator("#lost")).to_be_visible()
        expect(seen.locator("#lost")).to_contain_text("The connection is lost. What is shown was so at ")
        served.view = views["well"]
        served.come_back()
        expect(seen.locator("h1")).to_have_text("All is well")
        expect(seen.locator("#lost")).to_be_hidden()


def test_without_scripts_everything_is_there_in_utc_and_the_page_loads_itself_again(
    browser: Browser, views: dict[str, View]
) -> None:
    with (
        serving(views["wrong"], ENTRIES) as served,
        opened_page(browser, served.url, java_script_enabled=False) as seen,
    ):
        assert "Something is wrong" in seen.content()
        assert seen.locator("noscript meta, head > noscript").count() or '<meta http-equiv="refresh"' in seen.content()
        expect(seen.locator("#itself time").first).to_have_text("24 November 2026, 10:26 UTC")
        expect(seen.locator(".copy")).to_have_count(0)
        expect(seen.locator("#colours")).to_be_hidden()
        table = seen.locator(".chart details").first
        table.locator("summary").click()
        expect(table.locator("tbody tr").first).to_be_visible()


def test_a_chart_can_be_read_by_keyboard_and_by_pointer(browser: Browser, served: PageServer) -> None:
    with opened_page(browser, served.url) as seen:
        along = seen.get_by_role("slider", name="Connections: along the day")
        output = seen.locator("#chart-connections output")
        expect(output).to_be_empty()
        along.focus()
        seen.keyboard.press("End")
        last = output.inner_text()
        assert last.startswith("14:10: ") and ", from " in last
        seen.keyboard.press("ArrowLeft")
        assert output.inner_text() != last
        assert along.get_attribute("aria-valuetext") == output.inner_text()
        seen.keyboard.press("Home")
        expect(output).to_contain_text("14:")
        seen.keyboard.press("Tab")
        expect(output).to_be_empty()
        box = along.bounding_box()
        assert box is not None
        seen.mouse.move(box["x"] + box["width"] - 1, box["y"] + 40)
        expect(output).to_have_text(last)


def test_the_whole_page_can_be_walked_with_the_tab_key(browser: Browser, views: dict[str, View]) -> None:
    with serving(views["wrong"], ENTRIES) as served, opened_page(browser, served.url) as seen:
        walked = seen.evaluate(
            """() => {
                const can = 'a[href], button, input, select, summary, [tabindex="0"]';
                return [...document.querySelectorAll(can)].filter((one) => one.checkVisibility()).length;
            }"""
        )
        stops = []
        for _ in range(walked):
            seen.keyboard.press("Tab")
            stops.append(
                seen.evaluate(
                    """() => {
                        const one = document.activeElement;
                        const style = getComputedStyle(one);
                        one.dataset.walked = "";
                        return [one.tagName, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0];
                    }"""
                )
            )
        assert [tag for tag, outlined in stops if not outlined] == []
        assert stops[0][0] == "A"  # the way past the header
        assert seen.locator("[data-walked]").count() == walked
        expect(seen.locator(".skip")).to_have_attribute("data-walked", "")


def test_a_command_is_copied(browser: Browser, views: dict[str, View]) -> None:
    allowed = {"permissions": ["clipboard-read", "clipboard-write"]}
    with serving(views["wrong"], ENTRIES) as served, opened_page(browser, served.url, **allowed) as seen:
        seen.locator(".first .copy").first.click()
        expect(seen.locator(".first .copy").first).to_have_text("Copied")
        copied = seen.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("select usename, application_name") and copied.endswith(";")


def test_the_colours_are_the_readers_choice_and_kept(browser: Browser, served: PageServer) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened_page(browser, served.url, color_scheme="light") as seen:
        light = seen.evaluate(ground)
        seen.get_by_label("Colours").select_option("dark")
        dark = seen.evaluate(ground)
        assert dark != light
        seen.reload()
        assert seen.evaluate(ground) == dark
        expect(seen.get_by_label("Colours")).to_have_value("dark")


def test_another_language_keeps_the_place(browser: Browser, served: PageServer) -> None:
    with opened_page(browser, served.url) as seen:
        seen.get_by_role("link", name="Incidents").click()
        seen.get_by_role("link", name="Azərbaycanca").click()
        seen.wait_for_url("**/?language=az#incidents")
        assert verdict(seen) == "Hər şey qaydasındadır"
        assert seen.locator("#itself time").first.inner_text() == "24 noyabr, 14:26"


def test_nothing_has_to_be_scrolled_sideways_on_a_phone(browser: Browser, views: dict[str, View]) -> None:
    with serving(replace(views["wrong"], label=HOSTILE), ENTRIES) as served, opened_page(browser, served.url) as seen:

        def is_narrow(name: str) -> None:
            seen.goto(served.url + name)
            seen.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            # The narrower is as wide as a page at 200 % on a screen of twice the width, too.
            for viewport in (PHONE, NARROW):
                seen.set_viewport_size(viewport)  # type: ignore[arg-type]
                assert seen.evaluate("innerWidth") == viewport["width"]
                assert seen.evaluate("document.documentElement.scrollWidth") <= viewport["width"], (name, viewport)

        for name in ("", "?language=az", "login", "login?language=az", "quarantine", "quarantine?language=az"):
            is_narrow(name)
        served.view = views["empty"]
        for name in ("", "?language=az"):
            is_narrow(name)


def test_axe_finds_no_barrier(browser: Browser, views: dict[str, View]) -> None:
    # Each page in each language is looked at once in each colour; what a phone has otherwise is the page's own.
    with serving(views["wrong"], ENTRIES) as served, opened_page(browser, served.url) as seen:

        def look(name: str, scheme: Literal["light", "dark"], viewport: dict[str, int], within: str = "html") -> None:
            seen.emulate_media(color_scheme=scheme)
            seen.set_viewport_size(viewport)  # type: ignore[arg-type]
            assert _barriers(seen, within) == [], (name, scheme, viewport)

        for language in ("en", "az"):
            wide, phone = COLOURS if language == "en" else reversed(COLOURS)
            for name in ("", "quarantine", "login?failed"):
                seen.goto(f"{served.url}{name}{'&' if '?' in name else '?'}language={language}")
                seen.evaluate(
                    """() => {
                        const some = ".chart:first-child details, .check:not(.ok), #group-server .check, td details";
                        for (const one of document.querySelectorAll(some)) one.open = true;
                    }"""
                )
                seen.evaluate(AXE)
                look(name, wide, WIDE)
                if not name:
                    look(name, phone, PHONE)
        for other in ("well", "empty"):
            served.view = views[other]
            seen.goto(served.url)
            seen.evaluate(AXE)
            for scheme in COLOURS:
                look(other, scheme, WIDE, "#state, #backups, #itself, header, nav, footer")


def _barriers(seen: Page, within: str = "html") -> list[str]:
    # Of what is there many times, made by one template, the first ones are enough.
    many = [".chart + .chart", ".check.ok + .check.ok", ".entries tr + tr:not(:last-child)", ".chart tr + tr"]
    context = {"include": [[within]], "exclude": [[one] for one in many]}
    options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
    found = seen.evaluate(f"axe.run({json.dumps(context)}, {options})")
    return [
        f"{one['id']}: {node['html'][:300]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
