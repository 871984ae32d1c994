"""The health check login: a form with its CSRF token, JSON with its token, and the session for the checks after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from health_app import App, Asked, Reply, as_json, check_of, made, one, serving, to
from litelift.cutover.health.result import HealthResult

WORD = "s3cret & Wörd"
FORM = """<title>Log in</title>
<form id="search" action="/search"><input name="q"></form>
<form id="login" method="post" action="/login?next=/">
  <input type="hidden" name="csrfmiddlewaretoken" value="tok-12345678">
  <input type="text" name="email"> <input type="password" name="secret">
  <input type="checkbox" name="remember" checked> <input type="checkbox" name="spam">
  <select name="lang"><option value="en"><option value="az" selected></select>
  <textarea name="note">hi</textarea>
  <button name="go" value="1">Log in</button><button name="other" value="2">Forgot</button>
</form>"""


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PASSWORD", WORD)


@pytest.fixture
def app() -> Iterator[App]:
    """An application that wants its CSRF token and cookie, its user and password, and then gives a session."""
    with serving() as app:

        def enter(asked: Asked) -> Reply:
            form = asked.form
            if (
                asked.cookies.get("csrftoken") != "tok-12345678"
                or form.get("csrfmiddlewaretoken") != "tok-12345678"
                or asked.headers["origin"] != app.url("")
                or asked.headers["referer"] != app.url("/login")
            ):
                return Reply("<title>403 CSRF</title>", 403)
            if (form.get("email"), form.get("secret")) != ("admin@school.az", WORD):
                return Reply(FORM)
            return to("/", ("Set-Cookie", "sessionid=sess-87654321; HttpOnly; Path=/"))

        def home(asked: Asked) -> Reply:
            if asked.cookies.get("sessionid") != "sess-87654321":
                return to("/login")
            return Reply("<title>Home</title><p>Welcome, admin")

        app.routes["GET /login"] = Reply(FORM, headers=(("Set-Cookie", "csrftoken=tok-12345678; Path=/"),))
        app.routes["POST /login"] = enter
        app.routes["/"] = home
        yield app


def log_in(folder: Path, app: App, **keys: Any) -> HealthResult:
    """The result of a login by form."""
    given = {"url": app.url("/login"), "user": "admin@school.az", "password_env": "HEALTH_PASSWORD", **keys}
    return one(folder, kind="login", **given)


def test_a_user_logs_in_by_a_form_with_its_token(app: App, tmp_path: Path) -> None:
    result = log_in(tmp_path, app, present=["Welcome"], cookie="sessionid", then=app.url("/"), then_present=["admin"])
    assert result.ok, result
    assert result.found == f"logged in as admin@school.az, status 200, and saw {app.url('/')}"
    posted = next(asked for asked in app.seen if asked.method == "POST")
    assert posted.path == "/login?next=/"
    assert posted.form == {
        "csrfmiddlewaretoken": "tok-12345678",
        "email": "admin@school.az",
        "secret": WORD,
        "remember": "on",
        "lang": "az",
        "note": "hi",
        "go": "1",
    }


def test_a_wrong_password_is_told_as_the_login_again(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PASSWORD", "mistyped")
    result = log_in(tmp_path, app)
    assert result.found == f"expected another page than the login after it; got {app.url('/login')}?... again (Log in)"


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"present": ["Dashboard"]}, "expected the text 'Dashboard'"),
        ({"absent": ["Welcome"]}, "expected no text 'Welcome'"),
        ({"cookie": "laravel_session"}, "expected the cookie laravel_session; got csrftoken, sessionid"),
        ({"status": 302}, "expected status 302; got 200"),
        ({"form": "#sign-in"}, "expected the form #sign-in in {url}; got the forms search, login"),
        ({"form": "search"}, "expected a form that sends the password by POST"),
        ({"password_field": "pw"}, "expected a form with the field pw in {url}; got the forms search, login"),
        ({"user_field": "name"}, "expected a field name in the form; got csrfmiddlewaretoken, email, secret"),
        ({"fields": {"csrfmiddlewaretoken": "x"}}, "expected status 200 or 201 or 204; got 403"),
        ({"then": "{other}"}, "expected status 200; got 404"),
    ],
)
def test_what_a_login_does_not_find_is_told(app: App, tmp_path: Path, keys: dict[str, Any], says: str) -> None:
    filled = {name: app.url("/none") if value == "{other}" else value for name, value in keys.items()}
    result = log_in(tmp_path, app, **filled)
    assert not result.ok
    assert says.format(url=app.url("/login")) in result.found


def test_the_page_of_only_this_user_must_not_lead_to_the_login_again(app: App, tmp_path: Path) -> None:
    app.routes["/admin"] = to("/login")
    result = log_in(tmp_path, app, then=app.url("/admin"))
    assert result.got == f"the login at {app.url('/login')} again"


def test_a_page_without_a_form_is_told(app: App, tmp_path: Path) -> None:
    app.routes["GET /login"] = Reply("<div id=app></div><script src=a.js></script>")
    result = log_in(tmp_path, app)
    assert 'got none; where a script makes it, use mode = "json"' in result.found


def test_the_password_goes_to_the_pages_own_origin_alone_and_by_post(app: App, tmp_path: Path) -> None:
    with serving() as other:
        app.routes["GET /login"] = Reply(FORM.replace("/login?next=/", other.url("/login")))
        assert "one that sends it to" in log_in(tmp_path, app).found
        assert other.seen == []
    app.routes["GET /login"] = Reply(FORM.replace('"/login?next=/"', '"http://[broken"'))
    assert "that goes to an address" in log_in(tmp_path, app).found
    app.routes["GET /login"] = Reply(FORM.replace("post", "get"))
    assert "one that would put it into the address (get)" in log_in(tmp_path, app).found
    assert not any("secret" in asked.path for asked in app.seen)


def test_a_cookie_for_https_alone_is_named_where_it_is_missing(app: App, tmp_path: Path) -> None:
    cookie = ("Set-Cookie", "csrftoken=tok-12345678; Path=/; Secure")
    app.routes["GET /login"] = Reply(FORM, headers=(cookie,))
    assert f"the cookie csrftoken is for https alone, and {app.url('/login')} is not" in log_in(tmp_path, app).found


def api_login(app: App) -> None:
    """Have the application take a login by JSON, and give a token."""

    def enter(asked: Asked) -> Reply:
        if asked.json != {"username": "admin", "password": WORD, "device": "litelift"}:
            return as_json({"error": f"not {asked.json['password']}"}, 401)
        if asked.headers.get("x-xsrf-token") != "tok=12345678":
            return as_json({"error": "CSRF"}, 419)
        return as_json({"data": {"token": "bearer-12345678"}})

    def me(asked: Asked) -> Reply:
        known = asked.headers.get("authorization") == "Bearer bearer-12345678"
        return as_json({"name": "admin", "was": asked.headers.get("authorization")}) if known else as_json({}, 401)

    app.routes["/csrf"] = Reply(status=204, headers=(("Set-Cookie", "XSRF-TOKEN=tok%3D12345678; Path=/"),))
    app.routes["POST /api/login"] = enter
    app.routes["/api/me"] = me


def api_keys(app: App) -> dict[str, Any]:
    """A login by JSON."""
    return {
        "kind": "login",
        "name": "api",
        "mode": "json",
        "url": app.url("/api/login"),
        "user": "admin",
        "password_env": "HEALTH_PASSWORD",
        "fields": {"device": "litelift"},
        "first": app.url("/csrf"),
        "token": "data.token",
    }


def test_a_user_logs_in_by_json_and_the_token_is_sent_as_bearer(app: App, tmp_path: Path) -> None:
    api_login(app)
    login = check_of(**api_keys(app), then=app.url("/api/me"))
    after = check_of(kind="http", name="me", url=app.url("/api/me"), session="api", json={"name": "admin"})
    results = made(tmp_path, login, after)
    assert [result.ok for result in results] == [True, True], results


def test_an_answer_without_the_token_is_told(app: App, tmp_path: Path) -> None:
    api_login(app)
    result = one(tmp_path, **{**api_keys(app), "token": "data.access"})
    assert result.found == "expected a token at data.access; got no such field; data has token"
    result = one(tmp_path, **{**api_keys(app), "token": "data"})
    assert result.got == "an object"
    app.routes["POST /api/login"] = Reply("plain-12345678", kind="text/plain")
    result = one(tmp_path, **api_keys(app))
    assert result.got == "14 bytes that are none"


def test_half_a_secret_is_none_that_is_told(app: App, tmp_path: Path) -> None:
    api_login(app)
    token = "bearer-" + "0123456789abcdef" * 8
    app.routes["POST /api/login"] = as_json({"data": {"token": token}, "x": "y" * 20, "refresh_token": token[::-1]})
    for text in ("data", "yyyy", "refresh_token"):
        result = one(tmp_path, **{**api_keys(app), "absent": [text]})
        assert f"expected no text '{text}'" in result.found
        assert "***" in result.found
        assert "0123" not in result.found, result.found
        assert "cdef" not in result.found, result.found
        assert "fedc" not in result.found, result.found


def test_checks_of_a_session_are_made_in_it_and_not_at_all_without(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = check_of(
        kind="login", name="admin", url=app.url("/login"), user="admin@school.az", password_env="HEALTH_PASSWORD"
    )
    home = check_of(kind="http", name="home", url=app.url("/"), session="admin", present=["Welcome"], redirects=False)
    page = check_of(kind="page", name="page", url=app.url("/"), session="admin", present=["Welcome"])
    assert all(result.ok for result in made(tmp_path, login, home, page))
    asked = len(app.seen)
    monkeypatch.setenv("HEALTH_PASSWORD", "mistyped")
    failed = made(tmp_path, login, check_of(**{**home.model_dump(by_alias=True), "retries": 9}))
    assert not failed[0].ok
    assert failed[1].found == "expected the session of admin; got none, for that login failed"
    assert failed[1].attempts == 1
    assert len(app.seen) == asked + 2


def test_no_secret_is_in_any_result(app: App, tmp_path: Path) -> None:
    api_login(app)
    app.routes["POST /login"] = lambda asked: Reply(f"<title>No user {asked.form['secret']} tok-12345678</title>", 500)
    echo = check_of(kind="http", name="me", url=app.url("/api/me"), session="api", json={"was": "x"})
    results = made(tmp_path, check_of(**api_keys(app)), echo)
    results += [log_in(tmp_path, app), one(tmp_path, **{**api_keys(app), "fields": {}, "present": ["none"]})]
    assert [result.ok for result in results] == [True, False, False, False]
    told = json.dumps([result.document for result in results], ensure_ascii=False)
    for secret in (WORD, "bearer-12345678", "tok-12345678", "tok=12345678", "sess-87654321"):
        assert secret not in told, secret
    assert "No user *** ***" in told
    assert "Bearer ***" in told
