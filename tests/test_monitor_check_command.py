"""litelift monitor check, as people, Nagios and programs call it."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from broken import Tcp, free_port, started, tcp_server, wait_for
from command import litelift
from litelift.monitor import outside
from litelift.monitor.check import Check
from litelift.monitor.finding import Finding, Limit, Measure
from litelift.monitor.look import Look
from litelift.monitor.nagios import plugin_output
from litelift.monitor.run import Looked, look_at
from litelift.monitor.samples import opened
from litelift.monitor.watched import watched
from litelift.postgres import embedded
from litelift.postgres.programs import programs
from monitor_reference import PAGE, page
from monitored import database_at

# The format of the "Monitoring Plugins Development Guidelines", section "Performance data".
DATUM = re.compile(
    r"'(?:[^'=|]|'')+'=-?\d+(?:\.\d+)?(?:s|%|B|c|)(?:;-?[\d.]*:?(?:;-?[\d.]*:?(?:;[\d.]*(?:;[\d.]*)?)?)?)?"
)


@pytest.fixture(scope="module")
def tcp() -> Iterator[Tcp]:
    with tcp_server("-c max_connections=6") as server:
        server.do("create role app login password 'app'")
        yield server


def test_a_healthy_database_ends_with_0_and_the_last_line_says_so(database: str, tmp_path: Path) -> None:
    file = database_at(database, tmp_path).backups.file
    ran = litelift("monitor", "check", str(file), "--check", "server", "--check", "blocked")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "OK: 2 checks, all well"
    assert litelift("monitor", "check", str(file), "--check", "blocked", "--quiet").out == "OK: 1 check, all well\n"


def test_what_is_wrong_is_told_with_what_to_do_and_of_what(database: str, tmp_path: Path) -> None:
    limits = '[monitor.limits]\n"idle-in-transaction.longest" = { critical = 0 }\n'
    file = database_at(database, tmp_path, limits).backups.file
    with psycopg.connect(database) as session:
        session.execute("select 'a value'")
        ran = litelift("monitor", "check", str(file), "--check", "idle-in-transaction")
        assert ran.status == 2
        assert f"pg_terminate_backend({session.info.backend_pid})" in ran.out
        assert "state idle in transaction" in ran.out
        assert "a value" not in ran.out
        document = litelift("monitor", "check", str(file), "--check", "idle-in-transaction", "--json").json
    assert document["exit_code"] == 2
    assert document["state"] == "critical"
    (one,) = document["checks"]
    assert {"check", "state", "said", "to_do", "facts", "measures", "items"} <= one.keys()


def test_what_is_found_is_said_in_the_language_that_is_asked_for(database: str, tmp_path: Path) -> None:
    limits = '[monitor.limits]\n"idle-in-transaction.longest" = { critical = 0 }\n'
    file = database_at(database, tmp_path, limits).backups.file
    words = ("monitor", "check", str(file), "--language", "az", "--check", "blocked")
    assert litelift(*words).out.splitlines()[-1] == "YAXŞI: 1 yoxlama, hamısı qaydasındadır"
    with psycopg.connect(database) as session:
        session.execute("select 1")
        both = (*words, "--check", "idle-in-transaction")
        ran = litelift(*both)
        lines = ran.out.splitlines()
        assert (ran.status, lines[0]) == (2, "Fəaliyyət")
        assert lines[2].startswith("  KRİTİK   Tranzaksiyada boş gözləmə: 1 seans tranzaksiya içində gözləyir")
        assert f"Seansı bağlayın: select pg_terminate_backend({session.info.backend_pid});" in lines[3]
        assert lines[-1] == "KRİTİK: 2 yoxlamadan 1 kritik"
        one = litelift(*both, "--json").json["checks"][1]
        assert (one["state"], one["title"]) == ("critical", "Tranzaksiyada boş gözləmə")
        plugin = litelift(*both, "--nagios").out
        assert plugin.startswith("LITELIFT CRITICAL - Tranzaksiyada boş gözləmə: 1 seans")


def test_the_output_for_nagios_keeps_to_the_plugins_format(database: str, tmp_path: Path) -> None:
    file = database_at(database, tmp_path).backups.file
    ran = litelift("monitor", "check", str(file), "--nagios")
    first, *more = ran.out.splitlines()
    assert re.match(r"LITELIFT (OK|WARNING|CRITICAL|UNKNOWN) - [^|]+ \| ", first)
    # The first line and the last have data, and no other.
    assert [line.count("|") for line in (first, *more)] == [1, *[0] * (len(more) - 1), 1]
    for line in (first, more[-1]):
        for datum in re.findall(r"'(?:[^']|'')+'=\S+", line.partition(" | ")[2]):
            assert DATUM.fullmatch(datum), datum


def test_no_text_ends_the_output_for_nagios_before_its_end(tmp_path: Path) -> None:
    measures = (
        Measure("used", 81.5, "percent", limit=Limit(80, 95)),
        Measure("left", 5.0, "seconds", limit=Limit(10, 3, below=True)),
        Measure("reads", 7.0, counter=True),
    )
    finding = Finding("blocked", "warning", "failed", {"message": "a | b"}, about="it's=x|y", measures=measures)
    told = plugin_output(Looked(datetime(2026, 1, 1, tzinfo=UTC), 0.1, (finding,))).splitlines()
    assert told == [
        "LITELIFT WARNING - Blocked queries it's=x¦y: a ¦ b"
        " | 'blocked[it''s-x¦y].used'=81.5%;80;95 'blocked[it''s-x¦y].left'=5s;10:;3:",
        "WARNING: Blocked queries it's=x¦y: a ¦ b | 'blocked[it''s-x¦y].reads'=7c",
    ]


@pytest.mark.parametrize("more", [("--bogus",), ("--language", "de"), ("--check", "conections"), ("nothing.toml",)])
def test_wrong_words_end_as_a_plugin_that_knows_nothing(tmp_path: Path, more: tuple[str, ...]) -> None:
    ran = litelift("monitor", "check", *more, "--nagios", cwd=tmp_path)
    assert ran.status == 3
    assert ran.out.startswith("LITELIFT UNKNOWN - ")
    assert "error: " in ran.err
    ran = litelift("monitor", "check", *more, "--json", cwd=tmp_path)
    assert (ran.status, ran.json["exit_code"]) == (3, 3)


def test_a_check_that_is_not_there_is_told_with_the_nearest(database: str, tmp_path: Path) -> None:
    file = database_at(database, tmp_path).backups.file
    assert "did you mean 'connections'?" in litelift("monitor", "check", str(file), "--check", "conections").err


def test_settings_that_name_what_is_not_there_are_told_with_their_lines(database: str, tmp_path: Path) -> None:
    (tmp_path / "litelift.toml").write_text(
        f'[backup]\nurl = "{database}"\n[monitor]\nignore = [\n  "blokced",\n  "blocked:x",\n]\n[monitor.limits]\n'
        '"conections.used_percent" = { warning = 1 }\n"connections.used" = { warning = 1 }\n'
    )
    ran = litelift("monitor", "check", cwd=tmp_path)
    assert ran.status == 3
    said = " ".join(ran.err.split())
    assert "litelift.toml:5: there is no check 'blokced' that could be ignored; did you mean 'blocked'?" in said
    assert (
        ":9: there is no check 'conections' that could have a limit; did you mean 'connections.used_percent'?" in said
    )
    assert ":10: the check 'connections' has no limit 'used'; expected used_percent or times_normal" in said


def test_what_is_ignored_is_not_told_unless_it_is_asked_for(database: str, tmp_path: Path) -> None:
    file = str(database_at(database, tmp_path, '[monitor]\nignore = ["blocked"]\n').backups.file)
    assert "Blocked queries" not in litelift("monitor", "check", file).out
    assert "Blocked queries" in litelift("monitor", "check", file, "--check", "blocked").out


def test_what_the_watch_has_measured_is_compared_with_and_a_damaged_file_is_no_hindrance(
    database: str, tmp_path: Path
) -> None:
    of = database_at(database, tmp_path)
    words = ("monitor", "check", str(of.backups.file), "--check", "restarts")
    assert litelift(*words).status == 0
    with psycopg.connect(database) as session:
        row = session.execute("select pg_postmaster_start_time()").fetchone()
    assert row is not None
    with opened(of.folder, write=True) as samples:
        up = Finding("server", "ok", "up", measures=(Measure("uptime", 60.0, "seconds"),))
        samples.add(row[0] - timedelta(seconds=60), [up])
    ran = litelift(*words)
    assert (ran.status in (1, 2), "Crashes and restarts: the server" in ran.out) == (True, True)
    for path in of.folder.glob("samples.sqlite*"):
        path.write_bytes(b"x" * 5000)
    assert litelift(*words).status == 0


def test_an_embedded_server_that_is_stopped_is_found_and_nothing_is_made(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    source = tmp_path / "app.sqlite"
    sqlite3.connect(source).close()
    source.touch()
    folder = embedded.folder_for(source)
    server = embedded.start(folder)
    try:
        ran = litelift("monitor", "check", str(source))
        assert (ran.status, "the database is gone" in ran.out) == (2, True)
        with psycopg.connect(server.url or "") as session:
            assert session.execute("select datname from pg_database where datname = 'app'").fetchone() is None
            session.rollback()
    finally:
        embedded.stop(folder)
    ran = litelift("monitor", "check", str(source))
    assert ran.status == 2
    assert f"litelift server start {source}" in ran.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.sqlite", "app.sqlite.litelift"]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (lambda tcp: tcp.url("postgres", "app", "wrong"), "refused-login"),
        (lambda tcp: tcp.url("nothing"), "no-database"),
        (lambda tcp: f"postgresql://app@127.0.0.1:{free_port()}/app", "unreachable"),
    ],
)
def test_a_server_that_takes_no_session_is_found(
    tcp: Tcp, tmp_path: Path, url: Callable[[Tcp], str], found: str
) -> None:
    (server,) = look_at(database_at(url(tcp), tmp_path), []).findings
    assert (server.state, server.found) == ("critical", found)
    assert "wrong" not in str(server.document)


def test_a_server_that_is_starting_is_found(tmp_path: Path) -> None:
    tools = programs(16)
    with tcp_server() as server:
        of = database_at(server.url(), tmp_path)
        assert look_at(of, []).state == "ok"
        server.stop()
        data = server.folder / "pg"
        # It recovers, and waits for WAL that nobody brings.
        for name, text in (("recovery.signal", ""), ("postgresql.auto.conf", "restore_command = 'sleep 600'\n")):
            (data / name).write_text(text)
            tools.own(data / name)
        options = f"-h 127.0.0.1 -p {server.port} -k ''"
        tools.run("pg_ctl", "start", "-W", "-l", "log", "-o", options, data=data, seconds=150)
        wait_for(lambda: look_at(of, []).findings[0].found == "starting")


def test_the_watch_goes_on_while_the_server_is_away(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    source = tmp_path / "app.sqlite"
    source.touch()
    folder = embedded.folder_for(source)
    embedded.ensure_database(embedded.start(folder).url or "", "app")
    try:
        of = watched(str(source))
        with opened(of.folder, write=True) as samples:

            def found() -> str:
                return look_at(of, [], past=samples).findings[0].found

            assert found() == "up"
            embedded.stop(folder)
            assert found() == "stopped"
            embedded.start(folder)
            assert found() == "up"
    finally:
        embedded.stop(folder)


def test_a_check_that_fails_or_hangs_keeps_no_other_from_being_made(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "SECONDS", 0.2)
    ended = threading.Event()

    def fails(look: Look) -> list[Finding]:
        raise KeyError("x")

    def hangs(look: Look) -> list[Finding]:
        ended.wait()
        return [look.ok("none")]

    of = database_at(database, tmp_path)
    checks = [Check("blocked", "activity", fails), Check("cache", "activity", hangs, needs="outside")]
    try:
        for _ in range(2):
            server, blocked, cache = look_at(of, checks).findings
            assert (server.state, blocked.found, cache.found) == ("ok", "fault", "late")
        assert sum(thread.name == "outside cache" for thread in threading.enumerate()) == 1
    finally:
        ended.set()
    wait_for(lambda: look_at(of, checks).findings[2].found == "none")


def test_ctrl_c_ends_it_though_the_server_never_answers(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://app@127.0.0.1:{silent.getsockname()[1]}/app"
        with started("monitor", "check", url) as command:
            connection, _ = silent.accept()
            command.send(signal.SIGINT)
            ran = command.end()
            connection.close()
    assert (ran.status, ran.err.strip()) == (130, "stopped")


def test_the_reference_has_every_check_and_limit_as_it_is() -> None:
    assert PAGE.read_text("utf-8") == page(), "make it anew: python tests/monitor_reference.py"
