"""examples/atis: the application that litelift's example moves, really started."""

from __future__ import annotations

import re
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from examples.atis.evening import runbook
from examples.atis.evening.client import Client
from examples.atis.evening.watch import Watch
from examples.atis.stack.__main__ import down, main, status, up
from examples.atis.stack.deploy import finish
from examples.atis.stack.folder import Folder, StackError, folder_at
from examples.atis.stack.services import missing, services

from command import litelift

SCALE = 0.01
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is missing")


@pytest.fixture(scope="module")
def atis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    if missing():
        pytest.skip(f"{' and '.join(missing())} is missing")
    folder = folder_at(tmp_path_factory.mktemp("example") / "atis")
    up(folder, SCALE)
    yield folder
    down(folder)


@pytest.fixture
def client(atis: Folder) -> Iterator[Client]:
    with Client(atis.facts().url) as made:
        yield made


def command(folder: Folder, name: str, *words: str) -> str:
    done = subprocess.run([folder.bin / name, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_user_logs_in_both_ways_and_reads_and_writes_on_sqlite(atis: Folder, client: Client) -> None:
    client.prove("sqlite")
    for page in ("/", "/institutions/?q=tam", "/users/", "/surveys/", "/grades/", "/grades/1/edit/", "/links/"):
        assert '<html lang="az">' in client.expect("GET", page, 200).text
    attachment = client.expect("GET", "/attachments/1/", 200)
    assert attachment.content.startswith(b"\x89PNG")
    grade = {"student": 1, "subject": 2, "score": "77.50", "kind": "cari", "graded_on": "2025-11-21"}
    key = client.expect("POST", "/api/grades", 201, json=grade).json()["id"]
    assert client.expect("GET", f"/api/grades/{key}", 200).json()["score"] == "77.50"
    client.expect("PUT", f"/api/grades/{key}", 422, json={"score": "100.01"})
    client.expect("DELETE", f"/api/grades/{key}", 204)


def test_who_is_nobody_or_comes_without_the_csrf_token_is_refused(client: Client) -> None:
    client.expect("GET", "/api/surveys", 401)
    client.expect("GET", "/grades/", 302)
    client.expect("POST", "/api/login", 401, json={"username": "admin", "password": "not-this"})
    client.expect("POST", "/login/", 403, data={"username": "admin", "password": "atis-2025"})
    client.log_in()
    client.expect("GET", "/api/surveys", 200)
    client.expect("POST", "/api/surveys", 403, json={"title": "Sorğu"})
    client.expect(
        "POST", "/api/surveys", 201, json={"title": "S"}, headers={"X-CSRFToken": client.http.cookies["csrftoken"]}
    )


def test_maintenance_closes_all_but_the_health_check_to_all_without_the_key(atis: Folder, client: Client) -> None:
    assert command(atis, "manage", "maintenance", "on").strip() == "maintenance: on"
    try:
        for path in ("/", "/app/", "/s/x", "/api/surveys"):
            answer = client.expect("GET", path, 503)
            assert int(answer.headers["retry-after"]) > 0
        assert "texniki xidmətdədir" in client.expect("GET", "/", 503).text
        assert "texniki xidmətdədir" in client.expect("GET", "/app/", 503).text
        assert client.health()["maintenance"] is True
        with Client(atis.facts().url, {"X-Maintenance-Key": atis.facts().maintenance_key}) as staff:
            staff.prove("sqlite")
            staff.scripts()
        with Client(atis.facts().url, {"X-Maintenance-Key": "x"}) as other:
            other.expect("GET", "/", 503)
    finally:
        assert command(atis, "manage", "maintenance", "off").strip() == "maintenance: off"
    client.expect("GET", "/", 200)


def test_its_services_are_stopped_and_started_one_by_one(atis: Folder, client: Client) -> None:
    first = status(atis)["services"]
    assert all(each["pid"] for each in first.values())
    command(atis, "stack", "stop", "app")
    assert "texniki xidmətdədir" in client.expect("GET", "/", 503).text
    now = status(atis)["services"]
    assert now["app"]["pid"] is None
    assert (now["nginx"], now["redis"]) == (first["nginx"], first["redis"])
    assert f"port {now['app']['port']}  stopped" in command(atis, "stack", "status")
    command(atis, "stack", "start", "app", "redis")
    again = status(atis)["services"]
    assert again["app"]["pid"] not in (None, first["app"]["pid"])
    assert again["redis"] == first["redis"]
    client.expect("GET", "/", 200)


def test_the_watch_sees_when_it_is_down_and_every_visit_that_is_counted(atis: Folder, client: Client) -> None:
    client.log_in()
    client.log_in_by_json()
    share = client.share()
    with Watch(atis.facts().url, share) as watch:
        until(lambda: watch.visits["counted"] > 2)
        assert watch.outages == []
        atis.flag.touch()
        try:
            until(lambda: bool(watch.outages) and watch.visits["refused"] > 0)
        finally:
            atis.flag.unlink()
        until(lambda: watch.outages[-1].ended is not None)
        before = watch.visits["counted"]
        until(lambda: watch.visits["counted"] > before)
    assert len(watch.outages) == 1
    assert watch.outages[0].seconds > 0
    assert client.visit(share) == watch.visits["counted"] + 1


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_service_that_cannot_start_shows_its_log(atis: Folder, client: Client) -> None:
    app = services(atis)["app"]
    env = atis.env.read_text("utf-8")
    app.stop()
    atis.env.write_text(env.replace("DATABASE_URL=", "# "), "utf-8")
    try:
        with pytest.raises(StackError, match=r"(?s)app ended with status \d.*app\.log.*Set the DATABASE_URL") as told:
            app.start()
        assert len(str(told.value).splitlines()) < 50
        assert app.process() is None
    finally:
        atis.env.write_text(env, "utf-8")
        app.start()
    client.expect("GET", "/", 200)


def test_a_port_that_another_program_has_is_told(atis: Folder) -> None:
    redis = services(atis)["redis"]
    redis.stop()
    try:
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", redis.port))
            taken.listen()
            with pytest.raises(StackError, match=f"another program has its port, {redis.port}"):
                redis.start()
    finally:
        assert redis.start()


def test_a_build_for_a_developers_machine_shows_in_the_scripts(atis: Folder, client: Client) -> None:
    right = client.scripts()
    assert right
    assert not any("localhost:8000" in script for script in right.values())
    finish(atis, api_url="http://localhost:8000")
    try:
        wrong = client.scripts()
        assert any("localhost:8000" in script for script in wrong.values())
        assert not set(wrong) & set(right)
    finally:
        command(atis, "build")
    assert client.scripts() == right


def test_the_code_is_updated_and_goes_back_and_litelift_moves_it(atis: Folder, client: Client, database: str) -> None:
    assert client.health()["version"] == "1.12.4"
    client.log_in()
    before = git(atis, "rev-parse", "HEAD")
    env = atis.env.read_text("utf-8")
    command(atis, "update")
    command(atis, "stack", "stop", "app")
    try:
        switched, replaced = re.subn(r"^DATABASE_URL=.*$", f"DATABASE_URL={database}", env, flags=re.MULTILINE)
        assert replaced == 1
        atis.env.write_text(switched, "utf-8")
        command(atis, "manage", "migrate", "--verbosity", "0")
        moved = litelift("migrate", atis.database, database, "--data-only", "--quiet")
        assert moved.status == 0, moved.err
        command(atis, "manage", "clear_cache")
        command(atis, "stack", "start", "app")
        client.expect("GET", "/grades/", 200)
        client.prove("postgresql")
        found = client.health()
        assert found["version"] == "2.0.0"
        assert found["database"]["latency_ms"] >= 0
        assert found["redis"]["status"] == "ok"
        assert client.expect("GET", "/attachments/1/", 200).content.startswith(b"\x89PNG")
    finally:
        git(atis, "reset", "--hard", "--quiet", before.strip())
        atis.env.write_text(env, "utf-8")
        command(atis, "build")
        command(atis, "manage", "clear_cache")
        command(atis, "stack", "restart", "app")
    assert git(atis, "status", "--short") == ""
    assert client.health()["version"] == "1.12.4"
    client.prove("sqlite")


def test_a_frontend_built_for_a_developers_machine_is_found_on_the_evening_and_all_is_taken_back(
    atis: Folder, client: Client
) -> None:
    right = client.scripts()
    file = runbook.write(atis, {"kind": "embedded"})
    text = file.read_text("utf-8")
    text = text.replace('update = [["', 'update = [["env", "API_URL=http://localhost:8000", "')
    file.write_text(text.replace("absent = [", "retries = 0\nabsent = ["), "utf-8")
    ended = litelift("cutover", file, "--yes")
    assert ended.status == 1
    assert "the built frontend" in ended.err
    assert "localhost:" in ended.err
    assert not (Path(f"{atis.database}.litelift") / "pg").exists()
    assert client.scripts() == right
    assert client.health()["version"] == "1.12.4"
    client.prove("sqlite")


def git(folder: Folder, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder.app, capture_output=True, text=True, check=True).stdout


def test_it_does_without_nginx_and_redis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_at(tmp_path / "plain")
    words = ["--folder", str(folder.path)]
    try:
        assert main([*words, "up", "--scale", str(SCALE), "--without", "nginx", "redis"]) == 0
        assert list(status(folder)["services"]) == ["app"]
        with Client(folder.facts().url) as client:
            client.prove("sqlite")
            assert client.scripts()
            assert "--accent" in client.expect("GET", "/static/school/style.css", 200).text
            folder.flag.touch()
            assert "texniki xidmətdədir" in client.expect("GET", "/app/", 503).text
    finally:
        assert main([*words, "down"]) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(folder.facts().url)
    assert main([*words, "status"]) == 0
    assert "stopped" in capsys.readouterr().out


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.txt").write_text("kept")
    assert main(["--folder", str(tmp_path), "up"]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]
    assert main(["--folder", str(tmp_path / "nothing"), "status"]) == 1
    assert "ATİS is not in" in capsys.readouterr().err


def test_it_runs_on_the_versions_that_litelift_is_tested_with() -> None:
    root = Path(__file__).parent.parent
    locked = (root / "requirements.lock").read_text("utf-8").splitlines()
    wanted = (root / "examples" / "atis" / "application" / "requirements.txt").read_text("utf-8").splitlines()[1:]
    assert wanted
    assert {line.replace("[binary]", "") for line in wanted} <= set(locked)


def test_the_seeded_data_is_what_a_move_meets(atis: Folder) -> None:
    with sqlite3.connect(atis.database) as connection:
        kinds = dict(connection.execute("select type, count(*) from pragma_table_info('school_survey') group by 1"))
        assert {"bool", "decimal", "date", "datetime", "bigint", "char(32)", "TEXT"} <= set(kinds), kinds
        assert connection.execute("select typeof(content) from school_attachment limit 1").fetchone() == ("blob",)
        rows = connection.execute("select count(*) from school_grade").fetchone()[0]
        assert rows >= 300
