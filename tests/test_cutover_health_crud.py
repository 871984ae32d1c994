"""The health check crud: a row comes, changes and goes through the application; whatever fails, none is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from health_app import App, Asked, Reply, as_json, check_of, made, one, serving
from litelift.cutover.health.result import HealthResult


@dataclass
class Surveys:
    """An API over rows; ``wrong`` answers in its place where a test says so."""

    app: App
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    wrong: dict[str, Reply | None] = field(default_factory=dict)
    """By method; None closes its eyes: the answer is right, and nothing happens."""
    made: int = 40

    def collection(self, asked: Asked) -> Reply:
        """POST /api/surveys/."""
        early = self.wrong.get("POST")
        if early is not None and early.status >= 400:
            return early
        self.made += 1
        self.rows[self.made] = {"id": self.made, **asked.json}
        self.app.routes[f"/api/surveys/{self.made}/"] = self.item
        return early or as_json({"data": self.rows[self.made]}, 201)

    def item(self, asked: Asked) -> Reply:
        """GET, PATCH, PUT and DELETE of one."""
        number = int(asked.path.rstrip("/").rpartition("/")[2])
        if asked.method in self.wrong and self.wrong[asked.method] is not None:
            return self.wrong[asked.method] or Reply()
        if number not in self.rows:
            return as_json({"detail": "Not found."}, 404)
        if asked.method in self.wrong:
            return as_json({"data": self.rows[number]})
        if asked.method == "DELETE":
            del self.rows[number]
            return Reply(status=204)
        if asked.method in ("PATCH", "PUT"):
            old = self.rows[number] if asked.method == "PATCH" else {"id": number}
            self.rows[number] = {**old, **asked.json}
        return as_json({"data": self.rows[number]})


@pytest.fixture
def surveys() -> Iterator[Surveys]:
    with serving() as app:
        surveys = Surveys(app)
        app.routes["POST /api/surveys/"] = surveys.collection
        yield surveys


CREATE = {"title": "litelift {unique}", "grades": [9, 10], "open": True, "by": {"name": "Əli"}}


def round_trip(folder: Path, surveys: Surveys, **keys: Any) -> HealthResult:
    """The result of one round trip."""
    given = {"create": CREATE, "update": {"open": False}, "id": "data.id", "inside": "data", **keys}
    return one(folder, kind="crud", url=surveys.app.url("/api/surveys/"), **given)


def test_a_row_is_created_read_changed_read_and_deleted(surveys: Surveys, tmp_path: Path) -> None:
    result = round_trip(tmp_path, surveys)
    assert result.ok, result
    assert result.found == "created, read, changed, read, deleted and gone"
    asked = [(asked.method, asked.path) for asked in surveys.app.seen]
    item = "/api/surveys/41/"
    assert asked == [("POST", "/api/surveys/"), *((m, item) for m in ("GET", "PATCH", "GET", "DELETE", "GET"))]
    assert surveys.app.seen[2].json == {"open": False}
    assert surveys.rows == {}
    assert result.latency is not None
    assert result.latency.samples == 5


def test_with_put_the_whole_is_sent_and_without_changes_nothing(surveys: Surveys, tmp_path: Path) -> None:
    assert round_trip(tmp_path, surveys, update_method="PUT").ok
    put = next(asked.json for asked in surveys.app.seen if asked.method == "PUT")
    assert put["open"] is False
    assert put["title"] == surveys.app.seen[0].json["title"]
    surveys.app.seen.clear()
    assert round_trip(tmp_path, surveys, update={}).found == "created, read, deleted and gone"
    assert surveys.app.paths("PATCH") == surveys.app.paths("PUT") == []


def test_each_attempt_has_a_word_of_its_own(surveys: Surveys, tmp_path: Path) -> None:
    surveys.wrong["PATCH"] = as_json({}, 500)
    assert round_trip(tmp_path, surveys, retries=2).attempts == 3
    titles = [asked.json["title"] for asked in surveys.app.seen if asked.method == "POST"]
    assert len(set(titles)) == 3
    assert all(title.startswith("litelift ") and "{" not in title for title in titles)
    assert surveys.rows == {}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"PATCH": as_json({"error": "locked"}, 500)}, "expected status 200 or 201 or 202 or 204 for PATCH; got 500"),
        ({"PATCH": None}, "expected open = false from GET"),
        ({"PATCH": Reply("Traceback (most recent call last):")}, "got a Python traceback, status 200"),
        ({"GET": as_json({"data": {"id": 41}})}, "got no such field; it has id"),
        ({"GET": as_json({"data": 7})}, "expected an object from GET"),
        ({"GET": as_json({"item": {}})}, "expected the thing at data; got no such field; the answer has item"),
        ({"GET": Reply("<p>no JSON")}, "expected JSON from"),
        ({"POST": as_json({"data": {"id": 41, "title": "x"}}, 201)}, "from the answer to POST; got"),
    ],
)
def test_whatever_fails_the_row_is_removed(
    surveys: Surveys, tmp_path: Path, wrong: dict[str, Reply | None], says: str
) -> None:
    surveys.wrong = wrong
    result = round_trip(tmp_path, surveys)
    assert not result.ok
    assert says in result.found, result.found
    assert result.left == []
    assert surveys.rows == {}


def test_the_row_is_removed_after_a_time_out_too(surveys: Surveys, tmp_path: Path) -> None:
    over, come = threading.Event(), threading.Event()

    def never(asked: Asked) -> Reply:
        come.set()
        over.wait(300)
        return Reply()

    # On a machine with much to do, the time may be over before the row is made: then it gets more.
    for timeout in (0.5, 5.0, 50.0):
        surveys.rows.clear()
        surveys.app.routes[f"GET /api/surveys/{surveys.made + 1}/"] = never
        result = round_trip(tmp_path, surveys, timeout=timeout)
        if come.is_set():
            break
    over.set()
    assert not result.ok
    assert str(result.expected).startswith("all of it within ")
    assert surveys.rows == {}
    assert result.left == []


_MAKE = """
import signal, sys
from pathlib import Path
from health_app import check_of, made
from litelift.cli.output import Ended

def end(number, frame):
    raise Ended(number)

if sys.argv[3] == "SIGTERM":
    signal.signal(signal.SIGTERM, end)
made(Path(sys.argv[1]), check_of(kind="crud", url=sys.argv[2], create={"a": 1}, id="data.id", inside="data"))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_row_is_removed_where_litelift_is_ended(surveys: Surveys, tmp_path: Path, name: str) -> None:
    over, come = threading.Event(), threading.Event()

    def never(asked: Asked) -> Reply:
        come.set()
        over.wait(300)
        return Reply()

    surveys.app.routes["GET /api/surveys/41/"] = never
    words = [sys.executable, "-c", _MAKE, str(tmp_path), surveys.app.url("/api/surveys/"), name]
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": paths}, stderr=subprocess.PIPE) as process:
        assert come.wait(120)
        assert len(surveys.rows) == 1
        process.send_signal(getattr(signal, name))
        error = process.communicate(timeout=120)[1]
    over.set()
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in error or b"Ended" in error
    assert surveys.rows == {}


def test_a_row_that_cannot_be_removed_is_named_and_no_second_one_is_made(surveys: Surveys, tmp_path: Path) -> None:
    surveys.wrong["DELETE"] = as_json({"detail": "no"}, 403)
    result = round_trip(tmp_path, surveys, retries=5)
    assert (result.ok, result.attempts) == (False, 1)
    item = surveys.app.url("/api/surveys/41/")
    assert result.left == [f"{item} (DELETE: 403 from {item})"]
    assert f"left behind: {item}" in result.words
    assert len(surveys.rows) == 1


def test_a_deletion_that_does_nothing_is_found_and_told(surveys: Surveys, tmp_path: Path) -> None:
    surveys.wrong["DELETE"] = None
    result = round_trip(tmp_path, surveys)
    assert "expected status 404 or 410 for what was deleted; got 200" in result.found


def test_a_row_without_an_id_is_told_as_perhaps_left(surveys: Surveys, tmp_path: Path) -> None:
    result = round_trip(tmp_path, surveys, id="data.uuid", retries=5)
    assert "expected an id at data.uuid; got no such field; data has id, title, grades, open, by" in result.found
    assert result.left == [f"perhaps one thing at {surveys.app.url('/api/surveys/')}, whose id is not known"]
    assert result.attempts == 1


def test_a_refused_creation_leaves_nothing_and_is_tried_again(surveys: Surveys, tmp_path: Path) -> None:
    surveys.wrong["POST"] = as_json({"title": ["too long"]}, 422)
    result = round_trip(tmp_path, surveys, retries=1)
    assert (result.attempts, result.left) == (2, [])
    assert "422 from" in result.found
    assert '{"title": ["too long"]}' in result.found


def test_fields_that_do_not_come_back_are_left_out(surveys: Surveys, tmp_path: Path) -> None:
    def without_pin(asked: Asked) -> Reply:
        reply = surveys.item(asked)
        return Reply(reply.body.replace('"pin"', '"hash"'), reply.status, reply.kind)

    surveys.app.routes["GET /api/surveys/41/"] = without_pin
    surveys.app.routes["GET /api/surveys/42/"] = without_pin
    create = {"title": "a", "pin": "1234"}
    assert "expected pin" in round_trip(tmp_path, surveys, create=create).found
    assert round_trip(tmp_path, surveys, create=create, ignore=["pin"]).ok


@pytest.mark.parametrize(
    ("url", "item"), [("/api/surveys", None), ("/x", "/api/surveys/{id}"), ("/api/surveys?a=1", None)]
)
def test_the_address_of_a_row(surveys: Surveys, tmp_path: Path, url: str, item: str | None) -> None:
    app = surveys.app
    key = "a b/../c"
    row: list[dict[str, Any]] = []

    def create(asked: Asked) -> Reply:
        row.append({**asked.json, "id": key})
        return as_json(row[0], 201)

    def one_row(asked: Asked) -> Reply:
        if asked.method == "DELETE" and row:
            row.clear()
            return as_json({})
        return as_json(row[0]) if row else as_json({}, 404)

    app.routes[f"POST {url.partition('?')[0]}"] = create
    app.routes["/api/surveys/a%20b%2F..%2Fc"] = one_row
    keys: dict[str, Any] = {"item": app.url(item)} if item else {}
    result = one(tmp_path, kind="crud", url=app.url(url), create={"a": 1}, **keys)
    assert result.ok, result


def test_it_is_made_in_the_session_of_a_login_with_its_csrf_cookie(
    surveys: Surveys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "s3cret-word")
    app = surveys.app
    cookies = (("Set-Cookie", "sessionid=s-12345678; Path=/"), ("Set-Cookie", "csrftoken=c-12345678; Path=/"))
    app.routes["POST /login"] = Reply("{}", headers=cookies)
    inner = surveys.collection

    def guarded(asked: Asked) -> Reply:
        known = asked.cookies.get("sessionid") == "s-12345678" and asked.headers.get("x-csrftoken") == "c-12345678"
        return inner(asked) if known and asked.headers.get("referer") else as_json({}, 403)

    app.routes["POST /api/surveys/"] = guarded
    url = app.url("/api/surveys/")
    login = check_of(kind="login", mode="json", url=app.url("/login"), user="a", password_env="PW")
    keys: dict[str, Any] = {"kind": "crud", "url": url, "create": {"a": 1}, "id": "data.id", "inside": "data"}
    inside, outside = check_of(**keys, session="login"), check_of(**{**keys, "name": "outside"})
    results = made(tmp_path, login, inside, outside)
    assert [result.ok for result in results] == [True, True, False], results
    assert "c-12345678" not in json.dumps([result.document for result in results])
