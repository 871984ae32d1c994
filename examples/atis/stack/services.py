"""Redis, gunicorn and nginx, as this installation runs them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from string import Template

from examples.atis.stack.folder import Facts, Folder, write_private
from examples.atis.stack.service import Service

NAMES = ("redis", "app", "nginx")
"""In the order in which they start."""

ANSWER_SECONDS = 2.0


def missing() -> list[str]:
    """The programs that ATİS would use and that are not here."""
    return [name for name in ("nginx", "redis-server") if program(name) is None]


def program(name: str) -> str | None:
    """Where a program is. Debian has nginx where ordinary users do not look."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))


def services(folder: Folder) -> dict[str, Service]:
    """Those that this installation has, in the order in which they start. Raises StackError."""
    facts = folder.facts()
    made = {"app": _app(folder, facts)}
    if facts.redis is not None:
        made = {"redis": _redis(folder, facts.redis), **made}
    if facts.nginx is not None:
        made["nginx"] = _nginx(folder, facts, facts.nginx)
    return made


def _app(folder: Folder, facts: Facts) -> Service:
    command = [sys.executable, "-m", "gunicorn", "atis.wsgi:application", "--bind", f"127.0.0.1:{facts.app}"]
    command += ["--workers", "2", "--threads", "4", "--graceful-timeout", "20", "--no-control-socket"]
    command += ["--access-logfile", str(folder.log("app-access"))]
    return Service("app", folder, facts.app, command, lambda: _speaks_http(facts.app), begin=folder.app)


def _redis(folder: Folder, port: int) -> Service:
    place = folder.path / "redis"
    place.mkdir(exist_ok=True)
    command = [program("redis-server") or "redis-server", "--bind", "127.0.0.1", "--port", str(port)]
    # A cache: what it holds may be lost.
    command += ["--dir", str(place), "--save", "", "--appendonly", "no"]
    return Service("redis", folder, port, command, lambda: _speaks_redis(port))


def _nginx(folder: Folder, facts: Facts, port: int) -> Service:
    place = folder.path / "nginx"
    place.mkdir(exist_ok=True)
    path = place / "nginx.conf"
    text = Template((Path(__file__).parent / "nginx.conf").read_text("utf-8")).substitute(
        # As root its workers would be another user's, who may not be let into the folder.
        user="user root root;" if os.geteuid() == 0 else "",
        place=place,
        access_log=folder.log("nginx-access"),
        port=port,
        app=facts.app,
        static=folder.static,
        frontend=folder.frontend,
        flag=folder.flag,
        templates=folder.app / "school" / "templates",
        key=facts.maintenance_key,
    )
    write_private(path, text)
    command = [program("nginx") or "nginx", "-p", str(place), "-c", str(path), "-e", "stderr"]
    return Service("nginx", folder, port, command, lambda: _speaks_http(port), signal.SIGQUIT)


def _speaks_http(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/api/health")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def _speaks_redis(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
