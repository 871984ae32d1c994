"""Runs the tools, each on a copy of the source and into a database of its own, with their defaults."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg import sql

from benchmarks.fidelity.outcome import Outcome
from benchmarks.fidelity.source import Database
from benchmarks.fidelity.target import look
from benchmarks.fidelity.told import LiteliftTold, PgloaderTold
from litelift.postgres import embedded


@dataclass(frozen=True)
class Ran:
    """What a program did; ``status`` is None where it was stopped because it took too long."""

    status: int | None
    output: str
    seconds: float


def fresh_database(server: str, name: str) -> str:
    """An empty database of the server at this URL: its URL."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return embedded.database_url(server, name)


def run(words: list[str], folder: Path, timeout: float) -> Ran:
    """Run a program in a folder; its output and its errors are one text, as on a terminal."""
    started = time.monotonic()
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        return Ran(None, (expired.output or b"").decode("utf-8", "replace"), time.monotonic() - started)
    return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), time.monotonic() - started)


def litelift(source: Path, database: Database, target: str, folder: Path, timeout: float) -> Outcome:
    """Move with litelift, and look at what is there."""
    copy = Path(shutil.copy(source, folder / "app.sqlite"))
    words = [sys.executable, "-m", "litelift", "migrate", str(copy), target, "--report", str(folder / "report")]
    ran = run(words, folder, timeout)
    with psycopg.connect(target, autocommit=True) as connection:
        arrived = look(connection, database)
        told = LiteliftTold.read(connection) if ran.status in (0, 3) else LiteliftTold(_failure(ran, folder))
    return Outcome("litelift", ran.status, ran.seconds, database, arrived, told, told.failed, sum(told.values.values()))


def pgloader(source: Path, database: Database, target: str, folder: Path, timeout: float) -> Outcome:
    """Move with pgloader and the plain command, and look at what is there."""
    copy = Path(shutil.copy(source, folder / "app.sqlite"))
    # Its folder for rejected rows is /tmp/pgloader otherwise, where a second user's run fails.
    words = ["pgloader", "--root-dir", str(folder), f"sqlite://{copy}", pgloader_url(target)]
    ran = run(words, folder, timeout)
    told = PgloaderTold.read(ran.output.replace(str(folder), "..."), ran.status)
    with psycopg.connect(target, autocommit=True) as connection:
        arrived = look(connection, database)
    return Outcome("pgloader", ran.status, ran.seconds, database, arrived, told, told.failed)


def pgloader_url(target: str) -> str:
    """A libpq URL over a Unix socket in pgloader's words, which has a notation of its own for it."""
    parts = urlsplit(target)
    query = parse_qs(parts.query)
    return f"pgsql://{parts.username}@unix:{query['host'][0]}:{query.get('port', ['5432'])[0]}{parts.path}"


def pgloader_version() -> str | None:
    """What pgloader calls itself, with the version of its package where Debian's knows it; None without pgloader."""
    if shutil.which("pgloader") is None:
        return None
    said = run(["pgloader", "--version"], Path.cwd(), 60).output
    found = re.search(r'version "([^"]+)"', said)
    version = found[1] if found else "of unknown version"
    if shutil.which("dpkg-query"):
        package = run(["dpkg-query", "-W", "-f", "${Version}", "pgloader"], Path.cwd(), 60)
        if package.status == 0:
            return f"{version}, Debian package {package.output.strip()}"
    return version


def _failure(ran: Ran, folder: Path) -> str:
    if ran.status is None:
        return "it took too long"
    found = re.search(r"^error: (.*)$", ran.output.replace(str(folder), "..."), re.MULTILINE)
    return found[1] if found else f"exit status {ran.status}"
