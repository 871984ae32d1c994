"""The dashboard behind nginx, configured as docs/howto/monitor-serve.md has it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from broken import wait_for
from dashboard import PASSWORD, litelift_toml, secret, serving

PAGE = Path(__file__).parent.parent / "docs" / "howto" / "monitor-serve.md"
USER = "user root;" if os.geteuid() == 0 else ""


@contextlib.contextmanager
def nginx(folder: Path, dashboard: str) -> Iterator[str]:
    """The page's nginx, before the dashboard at this address; where it answers."""
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("nginx is missing")
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    written = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    locations = written[0].replace("http://127.0.0.1:8765/", dashboard)
    file = folder / "nginx.conf"
    temporary = "\n".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file.write_text(
        f"{USER} daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary}\nserver {{ listen 127.0.0.1:{port};\n{locations}\n}} }}\n"
    )
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    process = subprocess.Popen([str(found), "-c", file, "-e", folder / "error.log"], cwd=folder)
    try:

        def answers() -> bool:
            assert process.poll() is None, (folder / "error.log").read_text()
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:{port}/monitor/healthz", timeout=60).text == "ok\n"
            return False

        wait_for(answers)
        yield f"http://127.0.0.1:{port}/monitor/"
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.parametrize("how", ["tcp", "unix"])
def test_behind_nginx_it_is_shown_live_and_knows_who_comes(tmp_path: Path, how: str) -> None:
    path = tmp_path / "s"
    words: list[str | Path] = ["--password-file", secret(tmp_path, "p", PASSWORD), "--root-path", "/monitor"]
    words += ["--socket", path, "--trusted-proxy", "unix"] if how == "unix" else ["--trusted-proxy", "127.0.0.1"]
    with serving(litelift_toml(tmp_path), *words) as running:
        own = f"http://unix:{path}:/" if how == "unix" else running.url
        headers = {"accept": "text/html", "sec-fetch-site": "same-origin", "x-forwarded-for": "203.0.113.9"}
        with nginx(tmp_path, own) as url, httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            there = client.get("", follow_redirects=True)
            assert str(there.url) == f"{url}login"
            # What a client says itself of where it is from counts for nothing: nginx has its own word.
            wait_for(lambda: running.told("refused: 127.0.0.1: no token"))
            assert not running.told("203.0.113.9")
            entered = client.post("login", data={"password": PASSWORD}, follow_redirects=True)
            assert (str(entered.url), entered.status_code) == (url, 200)
            assert all(cookie.path == "/monitor" for cookie in client.cookies.jar)
            asset = re.search(r'href="(static/[^"]+css[^"]*)"', entered.text)
            assert asset is not None
            assert client.get(asset[1]).status_code == 200
            with client.stream("GET", "events") as stream:
                assert next(line for line in stream.iter_lines() if line == "event: update")
