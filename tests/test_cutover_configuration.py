"""The switch: the application's files name PostgreSQL, the old ones are kept, and all comes back from any point."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from litelift import atomic
from litelift.cutover.configuration.redacted import diff
from litelift.cutover.context import Context
from litelift.cutover.credentials import Login, keep_login
from litelift.cutover.journal import Journal
from litelift.cutover.settings import Runbook
from litelift.cutover.step import Facts
from litelift.cutover.steps import switch
from litelift.cutover.steps.checks import ProjectChecks
from litelift.cutover.steps.switch import Switch
from litelift.errors import ConfigurationError, MissingPart
from read_only import read_only

LOGIN = Login("127.0.0.1", 5433, "app", "app", "s3cret-pass_word")
ENV = """\
APP_KEY=base64:k3y
# ours
DB_CONNECTION=sqlite
# DB_PASSWORD=0ld
DATABASE_URL=sqlite:///old.db # the database
"""
YML = "default: &default\n  adapter: sqlite3\nproduction:\n  <<: *default\n  database: <%= ENV['DB'] %>\n"
FILES = [
    {
        "file": ".env",
        "set": {"DB_CONNECTION": "pgsql", "DB_PASSWORD": "{password}", "DATABASE_URL": "{url}"},
        "remove": ["APP_OLD"],
    },
    {
        "file": "config/database.yml",
        "kind": "database-yml",
        "set": {"adapter": "postgresql", "database": "{database}", "password": "{password}", "port": "{port}"},
    },
]

Project = Callable[..., Context]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Makes a project with both files, and a run of its runbook."""

    def make(login: Login | None = LOGIN, files: list[Facts] = FILES, **keys: object) -> Context:
        folder, run = tmp_path / "app", tmp_path / "run"
        if not folder.exists():
            (folder / "config").mkdir(parents=True)
            run.mkdir(mode=0o700)
            (folder / ".env").write_text(ENV)
            (folder / ".env").chmod(0o640)
            (folder / "config" / "database.yml").write_text(YML)
            (folder / "config" / "database.yml").chmod(0o600)
        if login:
            keep_login(run / "credentials.json", login)
        asked = {"source": {"path": "x"}, "target": {"kind": "embedded"}, "environment": files, **keys}
        runbook = Runbook.model_validate(asked).at(folder / "litelift.toml")
        return Context(runbook, Journal(run), step="switch")

    return make


def state(context: Context) -> dict[str, tuple[bytes, int]]:
    """The project's files, and their modes."""
    found = (path for path in sorted(context.runbook.folder.rglob("*")) if path.is_file())
    return {path.name: (path.read_bytes(), path.stat().st_mode) for path in found}


def switched(context: Context) -> Facts:
    """Do the step; its facts as a journal would give them back."""
    facts: Facts = json.loads(json.dumps(Switch().check(context)))
    Switch().do(context, facts)
    Switch().confirm(context, facts)
    return facts


def test_the_files_are_switched_and_come_back(project: Project) -> None:
    context = project()
    before = state(context)
    facts = switched(context)
    made = state(context)
    url = "postgresql://app:s3cret-pass_word@127.0.0.1:5433/app"
    assert made[".env"][0].decode() == (
        ENV.replace("=sqlite\n", "=pgsql\n")
        .replace("# DB_PASSWORD=0ld", "DB_PASSWORD=s3cret-pass_word")
        .replace("sqlite:///old.db", url)
    )
    new = "  database: app\n  password: s3cret-pass_word\n  port: 5433\n  adapter: postgresql\n"
    assert made["database.yml"][0].decode() == YML.replace("  database: <%= ENV['DB'] %>\n", new)
    assert {name: mode for name, (_, mode) in made.items()} == {name: mode for name, (_, mode) in before.items()}
    kept = context.folder / facts["files"][0]["kept"]
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == (ENV, 0o640)
    assert Switch().undo(context, facts) == {"put_back": [".env", "config/database.yml"]}
    assert state(context) == before
    assert Switch().undo(context, facts) == {"put_back": []}
    assert [line.values["message"] for line in context.journal.events("issue")] == [
        "config/database.yml: production.database was read from <%= ENV['DB'] %>; now its value stands there"
    ]


def test_nothing_secret_is_in_the_facts_the_diff_or_what_is_told(project: Project) -> None:
    context = project()
    told: list[str] = []
    context.tell = told.append
    facts = switched(context)
    (context.runbook.folder / ".env").write_text("APP_KEY=other\n")
    Switch().undo(context, facts)
    everything = json.dumps(facts) + "".join(told) + context.journal.path.read_text() + "".join(Switch().plan(context))
    for secret in ("s3cret", "0ld", "k3y"):
        assert secret not in everything
    assert facts["files"][0]["diff"] == [
        "@@ line 3 @@",
        "-DB_CONNECTION=sqlite",
        "-# DB_PASSWORD=***",
        "-DATABASE_URL=sqlite:///old.db # the database",
        "+DB_CONNECTION=pgsql",
        "+DB_PASSWORD=***",
        "+DATABASE_URL=postgresql://app:***@127.0.0.1:5433/app # the database",
    ]
    assert set(facts["files"][0]["diff"]) < set(told)


@contextmanager
def killed(number: int) -> Iterator[None]:
    """The process ends before one of its writes, or after it: number 0 is before the first, 1 after it."""
    calls = iter(range(100))

    def write(path: Path, data: bytes, *, mode: int | None = None) -> None:
        at = next(calls)
        if at * 2 == number:
            raise KeyboardInterrupt
        atomic.write_whole(path, data, mode=mode)
        if at * 2 + 1 == number:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(switch, "write_whole", write)
        yield


@pytest.mark.parametrize("at", range(8))
def test_a_switch_that_is_killed_between_any_two_writes_goes_on_or_back(project: Project, at: int) -> None:
    context = project()
    before = state(context)
    facts = json.loads(json.dumps(Switch().check(context)))
    for _ in range(2):
        with killed(at):
            Switch().do(context, facts)
        Switch().undo(context, facts)
        assert state(context) == before
    with killed(at):
        Switch().do(context, facts)
    Switch().do(context, facts)
    Switch().confirm(context, facts)
    assert all(state(context)[name] != before[name] for name in before)


@pytest.mark.parametrize("at", range(4))
def test_a_way_back_that_is_killed_between_any_two_writes_goes_on(project: Project, at: int) -> None:
    context = project()
    before = state(context)
    facts = switched(context)
    with killed(at):
        Switch().undo(context, facts)
    Switch().undo(context, facts)
    assert state(context) == before


def test_of_a_file_that_somebody_changed_only_our_keys_go_back(project: Project) -> None:
    context = project()
    facts = switched(context)
    env = context.runbook.folder / ".env"
    theirs = env.read_text().replace("# ours", "# theirs").replace("APP_KEY", "NEW=1\nAPP_KEY")
    env.write_text(theirs)
    Switch().undo(context, facts)
    assert env.read_text() == ENV.replace("# ours", "# theirs").replace("APP_KEY", "NEW=1\nAPP_KEY")
    told = [line.values for line in context.journal.events("issue")][-1]
    assert told["message"] == "somebody has changed .env since the switch"
    assert "DB_CONNECTION, DB_PASSWORD, DATABASE_URL" in told["resolved"]
    assert (context.folder / "kept/configuration/1/.env.changed").read_text() == theirs
    Switch().undo(context, facts)
    assert len([line for line in context.journal.events("issue") if "somebody" in line.values["message"]]) == 1


def test_a_file_that_is_broken_or_gone_since_comes_back_whole(project: Project) -> None:
    context = project()
    before = state(context)
    facts = switched(context)
    (context.runbook.folder / ".env").unlink()
    (context.runbook.folder / "config/database.yml").write_text("production: [")
    Switch().undo(context, facts)
    assert state(context) == before
    told = " ".join(line.values["message"] + line.values["resolved"] for line in context.journal.events("issue"))
    assert ".env was gone" in told
    assert "not valid YAML" in told


def test_the_way_back_does_not_ask_the_runbook(project: Project) -> None:
    context = project()
    before = state(context)
    facts = switched(context)
    Switch().undo(project(files=[]), facts)
    assert state(context) == before


def test_a_file_that_was_changed_between_the_look_and_the_switch_is_refused(project: Project) -> None:
    context = project()
    facts = Switch().check(context)
    with (context.runbook.folder / ".env").open("a") as file:
        file.write("LATE=1\n")
    with pytest.raises(ConfigurationError, match="somebody has changed it"):
        Switch().do(context, facts)
    assert not (context.folder / "kept").exists()


def test_a_runbook_that_was_changed_between_the_look_and_the_switch_is_refused(project: Project) -> None:
    context = project()
    facts = Switch().check(context)
    with pytest.raises(ConfigurationError, match="says otherwise"):
        Switch().do(project(files=[{"file": ".env", "set": {"A": "b"}}]), facts)
    with pytest.raises(ConfigurationError, match="other files"):
        Switch().do(project(files=[{"file": ".env.other", "set": {"A": "b"}}]), facts)


def test_a_link_stays_a_link(project: Project) -> None:
    context = project()
    env = context.runbook.folder / ".env"
    shared = context.runbook.folder.parent / "shared.env"
    env.rename(shared)
    env.symlink_to(shared)
    facts = switched(context)
    assert env.is_symlink()
    assert "pgsql" in shared.read_text()
    Switch().undo(context, facts)
    assert env.is_symlink()
    assert shared.read_text() == ENV


def test_what_stands_in_the_way_is_told_before_there_is_a_login(project: Project) -> None:
    context = project(login=None)
    assert Switch().early
    assert "+DB_PASSWORD=***" in Switch().check(context)["files"][0]["diff"]
    assert '+DATABASE_URL="{url}" # the database' in Switch().plan(context)
    (context.runbook.folder / ".env").unlink()
    with pytest.raises(ConfigurationError, match=r"\.env: there is no such file"):
        Switch().check(context)
    (context.runbook.folder / ".env").mkdir()
    with pytest.raises(ConfigurationError, match="no file"):
        Switch().check(context)
    assert Switch().plan(context)
    with pytest.raises(ConfigurationError, match=r"database\.yml: there is no section 'staging'"):
        Switch().check(project(files=[{**FILES[1], "section": "staging"}]))


def test_a_file_that_cannot_be_switched_is_told_in_phase_0(project: Project) -> None:
    context = project(login=None)
    (context.runbook.folder / "config/database.yml").write_text("production: {}")
    with pytest.raises(ConfigurationError, match="in braces"):
        ProjectChecks().check(context)
    (context.runbook.folder / ".env").unlink()
    with pytest.raises(ConfigurationError, match="there is no such file"):
        ProjectChecks().check(context)


def test_an_application_that_serves_on_postgresql_already_is_not_moved_once_more(project: Project) -> None:
    context = project()
    (context.runbook.folder / "x").write_bytes(b"")
    ProjectChecks().check(context)
    switched(context)
    with pytest.raises(ConfigurationError, match=r"\.env: DB_CONNECTION says PostgreSQL already"):
        ProjectChecks().check(context)
    env = context.runbook.folder / ".env"
    env.write_text(env.read_text().replace("DB_CONNECTION=pgsql", "DB_CONNECTION=sqlite"))
    ProjectChecks().check(context)


def test_a_file_that_may_not_be_replaced_is_told_before(project: Project) -> None:
    context = project()
    with read_only(context.runbook.folder / "config"), pytest.raises(ConfigurationError, match="may not write"):
        Switch().check(context)


def test_a_password_that_no_env_file_holds_is_told_without_it(project: Project) -> None:
    hard = Login("127.0.0.1", 5433, "app", "app", 'it\'s "x"')
    with pytest.raises(ConfigurationError, match="DB_PASSWORD: no quotes hold it") as caught:
        Switch().check(project(login=hard))
    assert hard.password not in str(caught.value)


def test_a_cached_configuration_of_laravel_is_told_with_its_way_out(project: Project) -> None:
    context = project()
    (context.runbook.folder / "bootstrap/cache").mkdir(parents=True)
    (context.runbook.folder / "bootstrap/cache/config.php").write_text("<?php return [];")
    Switch().check(context)
    (context.runbook.folder / "artisan").write_text("")
    with pytest.raises(ConfigurationError, match=r"bootstrap/cache/config\.php") as caught:
        Switch().check(context)
    assert "php artisan config:clear" in caught.value.hint
    Switch().check(project(services={"start": [["php", "artisan", "config:clear"]]}))


def test_a_database_url_that_rails_would_take_is_told(project: Project) -> None:
    facts = Switch().check(project(files=FILES[1:]))
    assert [note for note in facts["files"][0]["notes"] if "DATABASE_URL" in note]


def test_a_file_that_everybody_reads_is_told_of_before_it_holds_the_password(project: Project) -> None:
    context = project(login=None)
    (context.runbook.folder / ".env").chmod(0o644)
    Switch().check(context)
    told = [line.values["message"] for line in context.journal.events("issue")]
    assert ".env will hold the password, and every user of this machine may read it: chmod o-r .env" in told


def test_two_sections_of_one_file_are_one_file(project: Project) -> None:
    context = project(files=[{**FILES[1], "section": "default", "set": {"adapter": "postgresql"}}, FILES[1]])
    before = state(context)
    facts = switched(context)
    assert len(facts["files"]) == 1
    assert state(context)["database.yml"][0].decode().startswith("default: &default\n  adapter: postgresql\n")
    Switch().undo(context, facts)
    assert state(context) == before


def test_a_file_that_says_it_already_is_left_alone(project: Project) -> None:
    context = project()
    switched(context)
    before = {path: path.stat().st_ino for path in context.runbook.folder.rglob("*")}
    facts = switched(context)
    assert {path: path.stat().st_ino for path in before} == before
    assert facts["files"][0]["diff"] == []


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("TOKEN=a\n", "TOKEN=b\n", ["-TOKEN=***", "+TOKEN=***"]),
        ("A='x\nsecret y'\n", "A=1\n", ["-A='x", "-***", "+A=1"]),
        ("  password: a\n", "  password: b\n", ["-  password: ***", "+  password: ***"]),
        ("# password: a # b\n", "", ["-# password: ***"]),
        ("URL=pg://u:p@h/d?password=q\n", "", ["-URL=pg://u:***@h/d?password=***"]),
        ("A=in hunter2 it\n", "", ["-A=in *** it"]),
        ("STRIPE_SECRET=\n", "", ["-STRIPE_SECRET="]),
    ],
)
def test_a_diff_shows_no_secret(before: str, after: str, says: list[str]) -> None:
    assert diff(before, after, ["hunter2"])[1:] == says


def test_a_library_that_is_missing_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    with pytest.raises(MissingPart, match=r"ruamel\.yaml"):
        Switch().check(project())
