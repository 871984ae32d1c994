"""The check ``login``: a user logs in, by a form with its CSRF token, or by JSON."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from litelift.cutover.health.answer import Answer, origin, shown
from litelift.cutover.health.attempt import Attempt
from litelift.cutover.health.browser import Browser, Session
from litelift.cutover.health.expectations import expect_status, expect_texts, required
from litelift.cutover.health.markup import Control, Form, Page, read_page
from litelift.cutover.health.result import Failing
from litelift.cutover.health.scripts import address
from litelift.cutover.health.settings_http import LoginCheck
from litelift.cutover.health.wording import cut, short
from litelift.report.format import size


async def attempt(check: LoginCheck, attempt: Attempt) -> str:
    """What was found; the session is there for the checks that name this one. Raises Failing."""
    around = attempt.surroundings
    around.sessions.pop(check.name, None)
    session = Session()
    also = [check.then] if check.then else []
    browser = await attempt.stack.enter_async_context(Browser(check, attempt, session, also))
    password = around.secrets.passwords[check.name]
    answer = await (_by_form if check.mode == "form" else _by_json)(check, browser, password)
    attempt.milliseconds.append(answer.milliseconds)
    if check.mode == "json":
        _take_token(check, attempt, answer, session)
    expect_texts(answer, check.present, check.absent)
    if check.cookie is not None and check.cookie not in {cookie.name for cookie in browser.cookies.jar}:
        names = ", ".join(sorted({cookie.name for cookie in browser.cookies.jar})) or "none"
        raise Failing(f"the cookie {check.cookie}", names)
    found = f"logged in as {check.user}, status {answer.status}"
    if check.then is not None:
        then = await browser.ask("GET", check.then)
        expect_status(then, [200], check.debug_pages)
        expect_texts(then, check.then_present, [])
        if urlsplit(then.url).path != urlsplit(check.then).path and _shows_login(then):
            raise Failing(f"{shown(check.then)} in the session", f"the login at {shown(then.url)} again")
        found += f", and saw {shown(check.then)}"
    session.cookies = browser.cookies
    around.sessions[check.name] = session
    return found


def _take_token(check: LoginCheck, attempt: Attempt, answer: Answer, session: Session) -> None:
    """Put the answer's token into the session; whatever else in it is secret is hidden from now on."""
    secrets = attempt.surroundings.secrets
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        if check.token is None:
            return
        # What it says instead may be a token, too: it is not repeated.
        raise Failing(f"JSON from {shown(answer.url)}", f"{size(len(answer.body))} that are none") from None
    secrets.add_of(document)
    if check.token is None:
        return
    token = required(document, check.token, "a token")
    if not isinstance(token, str):
        raise Failing(f"a token at {check.token}", "an object" if isinstance(token, dict) else "no text")
    secrets.add(token, short=True)
    session.token = token


async def _by_form(check: LoginCheck, browser: Browser, password: str) -> Answer:
    first = await browser.ask("GET", check.url)
    expect_status(first, [200], check.debug_pages)
    page = read_page(first.text)
    form = _form(check, page, first)
    base = address(first.url, page.base or "") or first.url
    action = address(base, form.action) if form.action else first.url
    if action is None:
        raise Failing(f"a form of {shown(first.url)} that goes to an address", short(form.action))
    if origin(action) != origin(first.url):
        raise Failing(f"a form that sends the password to {shown(first.url)}", f"one that sends it to {shown(action)}")
    if form.method != "post":
        raise Failing(
            "a form that sends the password by POST", f"one that would put it into the address ({form.method})"
        )
    words = {**_as_it_stands(form), **_filled(check, form, password), **check.fields}
    where = urlsplit(first.url)
    headers = {"Referer": first.url, "Origin": f"{where.scheme}://{where.netloc.rpartition('@')[2]}"}
    answer = await browser.ask("POST", action, form=words, headers=headers)
    try:
        expect_status(answer, check.statuses, check.debug_pages)
    except Failing as failing:
        raise Failing(failing.expected, failing.got + _unsent(check, browser)) from None
    if check.away and urlsplit(answer.url).path == where.path:
        title = cut(read_page(answer.text).title) if answer.is_html else ""
        got = f"{shown(answer.url)} again{f' ({title})' if title else ''}{_unsent(check, browser)}"
        raise Failing("another page than the login after it", got)
    return answer


async def _by_json(check: LoginCheck, browser: Browser, password: str) -> Answer:
    if check.first is not None:
        expect_status(await browser.ask("GET", check.first), [200, 204], check.debug_pages)
    given = {check.user_field or "username": check.user, check.password_field or "password": password, **check.fields}
    answer = await browser.ask("POST", check.url, json=given, headers={"Accept": "application/json"})
    expect_status(answer, check.statuses, check.debug_pages)
    return answer


def _form(check: LoginCheck, page: Page, answer: Answer) -> Form:
    if check.form is not None:
        wanted = check.form.removeprefix("#")
        found = next((form for form in page.forms if wanted in (form.id, form.name)), None)
        expected = f"the form {check.form} in {shown(answer.url)}"
    elif check.password_field is not None:
        found = next((form for form in page.forms if _named(form, check.password_field)), None)
        expected = f"a form with the field {check.password_field} in {shown(answer.url)}"
    else:
        found = next((form for form in page.forms if form.control("password")), None)
        expected = f"a form with a field for a password in {shown(answer.url)}"
    if found is not None:
        return found
    names = [form.id or form.name or short(form.action) for form in page.forms]
    got = f"the forms {', '.join(names)}" if names else 'none; where a script makes it, use mode = "json"'
    raise Failing(expected, got)


def _named(form: Form, name: str) -> Control | None:
    return next((one for one in form.controls if one.name == name), None)


def _as_it_stands(form: Form) -> dict[str, str]:
    """What a browser would send of the form: hidden fields, checked boxes, and the first button that sends it."""
    words = {one.name: one.value for one in form.controls if one.sent and one.kind not in ("submit", "file")}
    button = form.control("submit")
    return {**words, button.name: button.value} if button is not None else words


def _filled(check: LoginCheck, form: Form, password: str) -> dict[str, str]:
    secret = form.control("password") if check.password_field is None else _named(form, check.password_field)
    if secret is None:
        raise Failing("a field for a password in the form", ", ".join(one.name for one in form.controls) or "no fields")
    if check.user_field is not None:
        user = _named(form, check.user_field)
    else:
        before = form.controls[: form.controls.index(secret)]
        user = next((one for one in reversed(before) if one.kind in ("text", "email", "tel", "number")), None)
    if user is None:
        names = ", ".join(one.name for one in form.controls)
        raise Failing(f"a field {check.user_field or 'for the user before the password'} in the form", names)
    return {user.name: check.user, secret.name: password}


def _shows_login(answer: Answer) -> bool:
    return any(form.control("password") for form in read_page(answer.text).forms)


def _unsent(check: LoginCheck, browser: Browser) -> str:
    """Why the session may be missing: over http, a cookie that is for https alone is not sent back."""
    secure = sorted({cookie.name for cookie in browser.cookies.jar if cookie.secure})
    if not secure or check.url.startswith("https"):
        return ""
    return f"; the cookie {', '.join(secure)} is for https alone, and {shown(check.url)} is not"
