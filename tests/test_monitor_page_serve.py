"""The dashboard of `litelift monitor serve` in a real Chromium: with a database behind it, and with a password."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, expect
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dashboard import PASSWORD, litelift_toml, secret, serving
from litelift import migrate
from test_monitor_page_browser import browser, opened_page

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
__all__ = ["browser"]
OFTEN = (
    '[monitor]\nevery = 1.0\npatience = 0.0\nignore = ["backup", "disk"]\n'
    '[monitor.limits]\n"blocked.longest" = { critical = 0.01 }\n'
)


@pytest.fixture
def holder(database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session that holds a lock for which another waits, until it rolls back."""
    with psycopg.connect(database) as holder, psycopg.connect(database) as waiter:
        holder.execute("create table t (a int)")
        holder.commit()
        holder.execute("lock t")
        thread = threading.Thread(target=lambda: waiter.execute("select * from t"))
        thread.start()
        yield holder
        holder.rollback()
        thread.join()


@pytest.mark.superuser
def test_the_open_page_shows_what_happens_and_that_it_is_over(
    browser: Browser, database: str, holder: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    name = sql.Identifier(str(conninfo_to_dict(database)["dbname"]))
    admin = make_conninfo(database, dbname="postgres")
    with (
        serving(litelift_toml(tmp_path, database, OFTEN)) as running,
        opened_page(browser, running.url) as seen,
        psycopg.connect(admin, autocommit=True) as own,
    ):
        state = seen.locator("#state")
        expect(state).to_contain_text("Blocked queries: 1 session waits for a lock")
        by = holder.info.backend_pid
        end = f"select pg_terminate_backend(pid) from pg_stat_activity where pid in ({by});"
        expect(seen.locator(".first code", has_text=end)).to_be_visible()
        expect(seen.locator(".incidents tbody tr", has_text="Blocked queries")).to_contain_text("lasts")
        own.execute(sql.SQL("alter database {} allow_connections false").format(name))
        try:
            expect(state).to_contain_text("Server: ")
            expect(state).to_contain_text("not currently accepting connections")
            expect(seen.locator("#announce")).to_have_text("Something is wrong: Server")
        finally:
            own.execute(sql.SQL("alter database {} allow_connections true").format(name))
        expect(state).not_to_contain_text("Server: ")
        expect(seen.locator("#lost")).to_be_hidden()


def test_who_has_the_password_gets_from_the_door_to_what_was_kept_aside_and_out_again(
    browser: Browser, database: str, make_sqlite: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_sqlite(
        "create table t (id integer primary key, n integer)",
        [("insert into t values (?, ?)", [(n, "<b>seven" if n == 7 else n) for n in range(1, 301)])],
    )
    migrate(str(source), database)
    file = litelift_toml(tmp_path, database)
    password = secret(tmp_path, "password", PASSWORD)
    with (
        serving(file, "--password-file", password) as running,
        opened_page(browser, running.url, locale="en-GB") as seen,
    ):
        seen.get_by_label("Password or token").fill(PASSWORD)
        seen.get_by_role("button", name="Log in").click()
        seen.get_by_role("link", name="Look through the quarantine (1 entry)").click()
        expect(seen.locator(".entries tbody tr")).to_contain_text("<b>seven")
        seen.get_by_role("link", name="Azərbaycanca").click()
        expect(seen.locator("h1")).to_have_text("Kənara qoyulanlar")
        seen.get_by_role("link", name="Nəzarət səhifəsinə").click()
        seen.get_by_role("button", name="Çıxış").click()
        expect(seen.get_by_label("Parol və ya token")).to_be_visible()
