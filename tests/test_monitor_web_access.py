"""Who may look at the dashboard: with a real server and real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broken import one_clear_error, wait_for
from command import litelift
from dashboard import PASSWORD, TOKEN, Running, litelift_toml, secret, serving

PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One with a token and a password, of whose refusals all are told."""
    folder = tmp_path_factory.mktemp("guarded")
    token, password = secret(folder, "token", TOKEN), secret(folder, "password", PASSWORD)
    words = ("--token-file", token, "--password-file", password)
    with serving(litelift_toml(folder), *words, settings={"litelift.monitor.web.log:AT_ONCE": 1e6}) as running:
        yield running


SECRET_PATHS = (
    "/",
    "/events",
    "/check.json",
    "/metrics",
    "/quarantine",
    "/quarantine.csv",
    "/quarantine.json",
    "/report",
)


@pytest.mark.parametrize("path", SECRET_PATHS)
def test_without_a_token_nothing_is_shown_and_that_is_logged(guarded: Running, path: str) -> None:
    answer = guarded.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "none" not in answer.text
    wait_for(lambda: guarded.told("refused: 127.0.0.1: no token and no session", f"GET {path}"))


def test_a_wrong_token_is_refused_and_logged_and_never_written_there(tmp_path: Path) -> None:
    token = secret(tmp_path, "token", TOKEN)
    with serving(litelift_toml(tmp_path), "--token-file", token) as running:
        for wrong in (TOKEN[:-1], TOKEN + "0", "x", "%s%n\\x00" + "A" * 5000):
            assert running.get("/metrics", authorization=f"Bearer {wrong}").status_code in (401, 429)
        assert running.get("/metrics", authorization=f"Basic {TOKEN}").status_code in (401, 429)
        wait_for(lambda: running.told("refused: 127.0.0.1: a wrong token: GET /metrics"))
        answer = running.get("/metrics", authorization=f"Bearer {TOKEN}")
        assert answer.status_code == 200
        assert "litelift_up 0.0" in answer.text
    assert TOKEN[:-1] not in "".join(running.said)


def test_who_guesses_waits_for_longer_each_time_and_the_right_token_is_still_taken(tmp_path: Path) -> None:
    words = ("--token-file", secret(tmp_path, "token", TOKEN), "--password-file", secret(tmp_path, "p", PASSWORD))
    with serving(
        litelift_toml(tmp_path), *words, settings={"litelift.monitor.web.limits:FIRST_WAIT": 600.0}
    ) as running:
        statuses = [running.get("/check.json", authorization=f"Bearer {n:032}").status_code for n in range(6)]
        assert statuses == [401, 401, 401, 401, 429, 429]
        refused = running.get("/check.json", authorization=f"Bearer {7:032}")
        assert 1 <= int(refused.headers["retry-after"]) <= 600
        assert running.get("/check.json", authorization=f"Bearer {TOKEN}").status_code == 200
        with running.client(headers={"sec-fetch-site": "same-origin"}) as client:
            # A program with a wrong token keeps no person out; one who guesses is told nothing while he waits.
            assert client.post("login", data={"password": PASSWORD}).status_code == 303
            statuses = [client.post("login", data={"password": str(n)}).status_code for n in range(4)]
            assert statuses == [401, 401, 401, 401]
            refused = client.post("login", data={"password": PASSWORD})
            assert (refused.status_code, int(refused.headers["retry-after"]) >= 1) == (429, True)
        wait_for(lambda: running.told("refused: 127.0.0.1: too many wrong passwords"))


def test_a_password_lets_in_until_one_logs_out(guarded: Running) -> None:
    with guarded.client(headers={**PAGE, "sec-fetch-site": "same-origin"}) as client:
        assert client.get("").headers["location"] == "login"
        assert 'type="password"' in client.get("login").text
        assert client.post("login", data={"password": "no"}).status_code == 401
        wait_for(lambda: guarded.told("refused: 127.0.0.1: a wrong password"))
        entered = client.post("login", data={"password": PASSWORD})
        assert (entered.status_code, entered.headers["location"]) == (303, "./")
        cookie = entered.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/", "max-age=43200"))
        assert client.get("").status_code == 200
        kept = dict(client.cookies)
        assert client.post("logout").status_code == 303
        assert client.get("").status_code == 303
        # The cookie itself is worth nothing any more, wherever it was copied.
        assert guarded.get("/check.json", cookie="; ".join(f"{k}={v}" for k, v in kept.items())).status_code == 401
    assert PASSWORD not in "".join(guarded.said)


def test_who_logs_out_sees_no_more_of_the_page_that_is_open(guarded: Running) -> None:
    with guarded.client(headers={"sec-fetch-site": "same-origin"}) as client, guarded.client() as other:
        client.post("login", data={"password": PASSWORD})
        other.cookies = client.cookies
        with other.stream("GET", "events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 3000"
            client.post("logout")
            # It ends, else this would be waited for.
            list(lines)


def test_the_token_is_a_password_too(guarded: Running) -> None:
    with guarded.client(headers={"sec-fetch-site": "same-origin"}) as client:
        assert client.post("login", data={"password": TOKEN}).status_code == 303
        assert client.get("check.json").status_code == 200


def test_a_cookie_that_was_changed_or_is_of_another_server_lets_nobody_in(guarded: Running, tmp_path: Path) -> None:
    name = f"litelift_{guarded.port}"
    words = ("--password-file", secret(tmp_path, "p", PASSWORD))
    headers = {"sec-fetch-site": "same-origin"}
    with serving(litelift_toml(tmp_path), *words) as other, other.client(headers=headers) as client:
        client.post("login", data={"password": PASSWORD})
        foreign = client.cookies[f"litelift_{other.port}"]
    later = foreign.replace(foreign[:3], "999", 1)
    for cookie in (foreign, later, "", "..", "a.b.c", "9999999999.x." + "0" * 64, "ə.ə.ə"):
        sent = f"GET /check.json HTTP/1.0\r\nCookie: {name}={cookie}\r\n\r\n".encode()
        with guarded.raw(sent) as connection:
            assert connection.makefile("rb").readline() == b"HTTP/1.1 401 Unauthorized\r\n", cookie


def test_a_changed_password_ends_the_sessions_and_a_file_that_others_may_read_lets_nobody_in(tmp_path: Path) -> None:
    file = secret(tmp_path, "password", PASSWORD)
    with serving(litelift_toml(tmp_path), "--password-file", file) as running:
        with running.client(headers={"sec-fetch-site": "same-origin"}) as client:
            client.post("login", data={"password": PASSWORD})
            assert client.get("check.json").status_code == 200
            secret(tmp_path, "new", "another twelve").rename(file)
            assert client.get("check.json").status_code == 401
            assert client.post("login", data={"password": PASSWORD}).status_code == 401
            assert client.post("login", data={"password": "another twelve"}).status_code == 303
            assert client.get("check.json").status_code == 200
            file.chmod(0o644)
            assert client.get("check.json").status_code == 503
            assert client.post("login", data={"password": "another twelve"}).status_code == 503
        wait_for(lambda: running.told("failed: who may look", "others may read or write it"))


def test_what_another_site_asks_for_through_a_browser_is_refused(guarded: Running, tmp_path: Path) -> None:
    right = {"authorization": f"Bearer {TOKEN}"}
    for site in ("cross-site", "same-site"):
        assert guarded.get("/check.json", sec_fetch_site=site, sec_fetch_mode="no-cors", **right).status_code == 403
        assert (
            guarded.get("/logout", "POST", sec_fetch_site=site, sec_fetch_mode="navigate", **right).status_code == 403
        )
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert guarded.get("/", **link, **right).status_code == 200
    assert guarded.get("/", **{**link, "sec_fetch_dest": "iframe"}, **right).status_code == 403
    # Browsers without these headers say by Origin which page has sent a form; who says nothing sends none.
    assert guarded.get("/logout", "POST", **right).status_code == 403
    assert guarded.get("/logout", "POST", origin="http://evil.example", **right).status_code == 403
    assert guarded.get("/logout", "POST", origin="null", **right).status_code == 403
    assert guarded.get("/logout", "POST", origin=guarded.url.rstrip("/"), **right).status_code == 303
    wait_for(lambda: guarded.told("asked for by another site", "POST /logout"))


def test_without_a_password_only_this_machine_is_answered(tmp_path: Path) -> None:
    with serving(litelift_toml(tmp_path)) as running:
        for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1", "", "[", "localhost."):
            assert running.get("/", host=host).status_code == 403, host
        for host in ("localhost", f"localhost:{running.port}", f"127.0.0.1:{running.port}", "[::1]:80", "127.8.8.8"):
            assert running.get("/", host=host).status_code == 200, host
        # A proxy would bring everybody.
        assert running.get("/", x_forwarded_for="203.0.113.7").status_code == 403
        wait_for(lambda: running.told("its Host is not this machine's"))
        wait_for(lambda: running.told("a proxy brings it, and there is no password"))
        assert running.get("/healthz", host="evil.example").text == "ok\n"


def test_what_somebody_else_says_stands_in_the_log_in_one_short_line(tmp_path: Path) -> None:
    path = "/%1b%5b31m%0afailed:%20nothing%e2%80%ae" + "A" * 3000 + "?token=" + TOKEN
    with serving(litelift_toml(tmp_path), "--token-file", secret(tmp_path, "t", TOKEN)) as running:
        assert running.get(path).status_code == 401
        wait_for(lambda: running.told("refused", "\\x1b[31m\\nfailed: nothing\\u202e"))
    assert max(map(len, running.said)) < 400
    assert TOKEN not in "".join(running.said)


def test_a_flood_of_refused_requests_fills_no_log_and_is_counted(tmp_path: Path) -> None:
    words = ("--token-file", secret(tmp_path, "t", TOKEN))
    with serving(litelift_toml(tmp_path), *words) as running, running.client() as client:
        assert {client.get("metrics").status_code for _ in range(300)} == {401}
    assert len(running.said) < 100
    left_out = next(line for line in running.said if "more not told one by one" in line)
    counted = int(left_out.split()[0].replace(",", ""))
    assert sum("no token" in line for line in running.said) - 1 + counted == 300


def test_requests_of_one_address_are_limited_and_others_are_answered(tmp_path: Path) -> None:
    with serving(litelift_toml(tmp_path), settings={"litelift.monitor.web.limits:REQUESTS_A_SECOND": 0.001}) as running:
        with running.client() as client:
            statuses = [client.get("healthz").status_code for _ in range(605)]
            assert statuses == [200] * 600 + [429] * 5
            assert int(client.get("healthz").headers["retry-after"]) > 0
        with running.raw(b"GET /healthz HTTP/1.0\r\n\r\n", "127.0.0.2") as other:
            assert other.makefile("rb").read().endswith(b"ok\n")


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (TOKEN, 0o640, ("others may read or write it (mode 0640)", "chmod 600")),
        (TOKEN, 0o602, ("others may read or write it",)),
        (TOKEN[:31], 0o600, ("has 31 characters; it takes at least 32",)),
        (TOKEN + " x", 0o600, ("visible ASCII characters",)),
        (TOKEN + "\nx", 0o600, ("one line",)),
        ("A" * 2000, 0o600, ("more than 1,024 bytes",)),
    ],
)
def test_a_token_that_is_none_is_refused(tmp_path: Path, content: str, mode: int, words: tuple[str, ...]) -> None:
    file = secret(tmp_path, "token", content, mode)
    ran = litelift("monitor", "serve", litelift_toml(tmp_path), "--token-file", file)
    one_clear_error(ran, 2, str(file), *words)
    assert content[:20] not in ran.err + ran.out


def test_a_secret_in_the_environment_is_taken_and_too_short_a_one_is_refused(tmp_path: Path) -> None:
    file = litelift_toml(tmp_path)
    with serving(file, LITELIFT_MONITOR_TOKEN=TOKEN) as running:
        assert running.get("/check.json").status_code == 401
        assert running.get("/check.json", authorization=f"Bearer {TOKEN}").status_code == 200
    one_clear_error(
        litelift("monitor", "serve", file, LITELIFT_MONITOR_PASSWORD="short"), 2, "LITELIFT_MONITOR_PASSWORD"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_elsewhere_it_listens_with_a_password_only(tmp_path: Path, host: str) -> None:
    ran = litelift("monitor", "serve", litelift_toml(tmp_path), "--host", host, "--port", "0")
    one_clear_error(ran, 2, f"at {host} everybody", "--password-file", "LITELIFT_MONITOR_PASSWORD")
