"""`litelift cutover init`: a project is looked at; its runbook can be read, says what is what, and fits."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command import Ran, litelift
from litelift.cutover.configuration.edit import files_of
from litelift.cutover.configuration.words import UNKNOWN
from litelift.cutover.documented import documented
from litelift.cutover.init.databases import databases, named
from litelift.cutover.read import read_runbook
from litelift.cutover.settings import ContainerTarget, ExistingTarget, Runbook
from litelift.tomlfile.shape import sections

DATABASE = "a database"
"""Stands for a file that SQLite made."""

SETTINGS = """
import os
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
raise SystemExit("these settings are never run")
DATABASES = {"default": %s}
"""
PROJECTS: dict[str, dict[str, str]] = {
    "laravel": {
        "artisan": "",
        "composer.json": "{}",
        "package.json": "{}",
        "bootstrap/app.php": "->withRouting(health: '/up',)",
        "config/database.php": "'pgsql' => [],",
        "database/database.sqlite": DATABASE,
        ".env": "APP_URL=https://app.example.org\nDB_CONNECTION=sqlite\n# DB_HOST=127.0.0.1\n",
    },
    "django": {
        "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_of.settings')",
        "site_of/settings.py": SETTINGS
        % '{"ENGINE": os.getenv("DB_ENGINE", "x.sqlite3"), "NAME": os.environ["DB_NAME"]}',
        "db.sqlite3": DATABASE,
        "requirements.txt": "psycopg[binary]",
        ".env": "DB_ENGINE=django.db.backends.sqlite3\nDB_NAME=db.sqlite3\nSITE_URL=http://127.0.0.1:8000\n",
    },
    "rails": {
        "bin/rails": "",
        "Gemfile": "gem 'rails'\n",
        "config/routes.rb": 'get "up" => "rails/health#show"',
        "config/database.yml": "production:\n  adapter: sqlite3\n  database: <%= ENV['X'] || 'storage/p.sqlite3' %>\n",
        "storage/p.sqlite3": DATABASE,
        "storage/other.sqlite3": DATABASE,
    },
    "node": {
        "package.json": '{"dependencies": {"@prisma/client": "6"}}',
        "prisma/schema.prisma": 'datasource db {\n  provider = "sqlite"\n  url = env("DATABASE_URL")\n}',
        "prisma/dev.db": DATABASE,
        ".env": 'DATABASE_URL="file:./dev.db"\n',
        "docker-compose.yml": "services: {}\n",
    },
    "plain": {"data/app.bin": DATABASE, ".env": "STORE=sqlite:///data/app.bin\nPORT=8080\n"},
}

Maker = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Maker:
    """Makes a project's folder of names and contents."""

    def make(files: dict[str, str], **more: str) -> Path:
        folder = tmp_path / "My app"
        for name, content in {**files, **more}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content == DATABASE:
                path.unlink(missing_ok=True)
                with sqlite3.connect(path) as connection:
                    connection.execute("create table t (a)")
                connection.close()
            else:
                path.write_text(content)
        return folder

    return make


def made(folder: Path, *words: str | Path, status: int = 3) -> tuple[Runbook, Ran]:
    """The runbook that the command makes, read as it will be."""
    ran = litelift("cutover", "init", folder, "--json", *words)
    assert ran.status == status, ran.err
    return read_runbook(folder / "litelift.toml"), ran


@pytest.mark.parametrize("framework", PROJECTS)
def test_the_framework_and_its_database_are_found_and_the_runbook_can_be_read(project: Maker, framework: str) -> None:
    folder = project(PROJECTS[framework])
    runbook, ran = made(folder)
    assert ran.json["framework"] == framework
    name = next(name for name, content in PROJECTS[framework].items() if content == DATABASE)
    assert runbook.source.path == name
    assert runbook.project.name == "My app"
    assert runbook.path.read_text() == ran.json["runbook"]
    assert ran.json["todo"]
    assert ran.err == ""
    for file in files_of(runbook):
        assert file.edited(file.read(), UNKNOWN) != file.read()


def test_laravel_is_proposed_its_own_commands(project: Maker) -> None:
    runbook, _ = made(project(PROJECTS["laravel"]))
    assert (runbook.move.mode, runbook.move.schema_commands[-1]) == ("data-only", "php artisan migrate --force")
    assert runbook.maintenance.on[0] == "php artisan down --retry=60"
    assert runbook.maintenance.off == ["php artisan up"]
    assert runbook.maintenance.headers == {}
    assert runbook.services.start == ["php artisan config:clear", "php artisan queue:restart"]
    assert runbook.environment[0].set["DB_CONNECTION"] == "pgsql"
    assert runbook.environment[0].set["DB_PASSWORD"] == "{password}"
    assert [check.name for check in runbook.health] == ["answers", "page and its scripts", "up"]


def test_laravels_configuration_is_cleared_before_anything_starts_with_it(project: Maker) -> None:
    folder = project(PROJECTS["laravel"])
    ran = litelift("cutover", "init", folder, "--start", "systemctl start app", "--start", "php artisan queue:restart")
    held: dict[str, Any] = tomllib.loads((folder / "litelift.toml").read_text())
    clear, restart = "php artisan config:clear", "php artisan queue:restart"
    assert held["services"]["start"] == [clear, restart, "systemctl start app"]
    assert "to do: services.stop is empty" in ran.out


def test_laravel_with_a_cached_configuration_or_a_url_is_proposed_that(project: Maker) -> None:
    folder = project(
        PROJECTS["laravel"],
        **{"bootstrap/cache/config.php": "<?php", ".env": "DB_URL=sqlite:///database/database.sqlite\n"},
    )
    runbook, _ = made(folder)
    assert runbook.services.start[0] == "php artisan config:cache"
    assert runbook.environment[0].set == {"DB_CONNECTION": "pgsql", "DB_URL": "{url}"}


def test_django_is_proposed_the_variables_that_its_settings_read(project: Maker) -> None:
    runbook, _ = made(project(PROJECTS["django"]))
    assert runbook.move.schema_commands == ["python3 manage.py migrate --noinput"]
    assert runbook.environment[0].set == {"DB_ENGINE": "django.db.backends.postgresql", "DB_NAME": "{database}"}


@pytest.mark.parametrize(
    ("database", "says"),
    [
        ('dj_database_url.config(default="sqlite:///db.sqlite3")', None),
        ('{"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}', "have them read DATABASE_URL"),
        ('{"ENGINE": "x", "NAME": os.path.join(BASE_DIR, "data", "app.db")}', "have them read DATABASE_URL"),
        ("{ not python", "have them read DATABASE_URL"),
    ],
)
def test_django_settings_are_read_without_being_run(project: Maker, database: str, says: str | None) -> None:
    files = {**PROJECTS["django"], "site_of/settings.py": SETTINGS % database, "data/app.db": DATABASE, ".env": "A=1\n"}
    folder = project(files)
    words = ["--source", str(folder / "db.sqlite3")] if "not python" in database else []
    runbook, ran = made(folder, *words)
    assert runbook.source.path == ("data/app.db" if "app.db" in database else "db.sqlite3")
    assert runbook.environment[0].set == {"DATABASE_URL": "{url}"}
    assert any(says in item for item in ran.json["todo"]) if says else "settings" not in str(ran.json["todo"])


def test_rails_is_proposed_its_database_yml(project: Maker) -> None:
    runbook, ran = made(project(PROJECTS["rails"]))
    assert runbook.move.schema_commands == ["RAILS_ENV=production bin/rails db:schema:load"]
    assert (runbook.environment[0].kind, runbook.environment[0].section) == ("database-yml", "production")
    assert "the Gemfile has no pg: have code.update bring it" in ran.json["todo"]


def test_rails_with_several_databases_is_proposed_the_primary_one(project: Maker) -> None:
    several = (
        "production:\n  primary:\n    database: storage/p.sqlite3\n  cache:\n    database: storage/other.sqlite3\n"
    )
    runbook, ran = made(project(PROJECTS["rails"], **{"config/database.yml": several}))
    assert runbook.environment[0].section == "production.primary"
    assert runbook.move.schema_commands == ["RAILS_ENV=production bin/rails db:schema:load:primary"]
    assert any("more databases in production (cache)" in item for item in ran.json["todo"])


def test_rails_with_a_database_url_is_proposed_that(project: Maker) -> None:
    url = {".env": "DATABASE_URL=sqlite3:storage/p.sqlite3\n"}
    runbook, _ = made(project(PROJECTS["rails"], **url))
    assert runbook.environment[0].set == {"DATABASE_URL": "{url}"}


def test_node_is_proposed_the_migrations_of_its_library(project: Maker) -> None:
    runbook, ran = made(project(PROJECTS["node"]))
    assert runbook.move.schema_commands == ["npx prisma migrate deploy"]
    assert any('provider = "sqlite"' in item for item in ran.json["todo"])
    assert isinstance(runbook.target, ContainerTarget)
    assert runbook.target.compose == "docker-compose.yml"
    assert runbook.target.name == "my_app-postgres"
    knex = {"package.json": '{"dependencies": {"knex": "3", "pg": "8"}}', "knexfile.js": "filename: './prisma/dev.db'"}
    runbook, ran = made(project(PROJECTS["node"], **knex, **{".env": "A=1\n"}), "--force")
    assert runbook.move.schema_commands == ["npx knex migrate:latest"]
    assert runbook.source.path == "prisma/dev.db"


def test_a_plain_project_is_moved_whole_and_its_own_key_is_set(project: Maker) -> None:
    runbook, _ = made(project(PROJECTS["plain"]))
    assert runbook.move.mode == "whole"
    assert runbook.environment[0].set == {"STORE": "{url}"}


def test_every_key_of_the_file_is_documented_and_what_is_left_out_is_what_holds(project: Maker) -> None:
    runbook, _ = made(project(PROJECTS["laravel"]))
    text = runbook.path.read_text()
    for model, header in sections(Runbook):
        for key in (field.alias or name for name, field in model.model_fields.items()):
            assert key == "kind" or key in documented(model), f"{header} {key} has no docstring"
    for table in ("project", "source", "target", "move", "maintenance", "services", "code", "archive", "failure"):
        section = text.split(f"\n[{table}]\n")[1].split("\n[")[0]
        for key in type(getattr(runbook, table)).model_fields:
            assert re.search(rf"^#?{key}(?:\.\w+)? = ", section, re.MULTILINE), f"{table}.{key}"
    whole = re.sub(r"(?m)^#(\w+ = )(?!\"\"|1$)", r"\1", text)
    runbook.path.write_text(whole)
    again = read_runbook(runbook.path)
    assert again.model_dump() == runbook.model_dump()
    assert whole != text


def test_options_say_it_all(project: Maker) -> None:
    folder = project(PROJECTS["plain"])
    (folder / "sub").mkdir()
    runbook, _ = made(
        folder,
        *("--source", folder / "data/app.bin", "--framework", "django", "--url", "host=db user=app dbname=app"),
        *("--health", "https://a.example.org/", "--health", "https://b.example.org/"),
        *("--stop", "systemctl stop app", "--stop", "systemctl stop worker", "--start", "systemctl start app"),
    )
    assert isinstance(runbook.target, ExistingTarget)
    assert runbook.target.url == "host=db user=app dbname=app"
    assert runbook.services.stop == ["systemctl stop app", "systemctl stop worker"]
    assert [check.kind for check in runbook.health] == ["http", "page", "http"]
    assert runbook.move.schema_commands == ["python3 manage.py migrate --noinput"]
    ran = litelift("cutover", "init", folder, "-o", folder / "sub" / "move.toml", "--compose", "c.yml", "--yes")
    assert ran.status == 3, ran.err
    elsewhere = read_runbook(folder / "sub" / "move.toml")
    assert (elsewhere.folder, elsewhere.source_path) == (folder.resolve(), (folder / "data/app.bin").resolve())
    assert isinstance(elsewhere.target, ContainerTarget)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--admin", "postgresql://postgres:hunter2@db/postgres"], "a password does not belong into the runbook"),
        (["--url", "host=db password=hunter2"], "a password does not belong into the runbook"),
        (["--url", "hunter2://x:hunter2@"], "neither a PostgreSQL URL nor"),
        (["--url", "host=db", "--admin", "host=db"], "choose one"),
        (["--url", "host=db", "--target", "container"], "--url goes with --target existing; got --target container"),
        (["--target", "contaner"], "did you mean 'container'?"),
        (["--framework", "railz"], "did you mean 'rails'?"),
        (["--source", "nothing"], "nothing is no SQLite database"),
        (["--health", "ftp://x"], "this would be no runbook"),
        (["--health", "http://u:hunter2@x/"], "a password does not belong"),
        (["--stop", "x"], "say start too"),
    ],
)
def test_words_that_make_no_runbook_are_refused_and_nothing_is_written(
    project: Maker, words: list[str], says: str
) -> None:
    folder = project(PROJECTS["plain"])
    ran = litelift("cutover", "init", folder, "--yes", *words)
    assert ran.status == 2
    assert says in " ".join(ran.err.split())
    assert "hunter2" not in ran.out + ran.err
    assert not (folder / "litelift.toml").exists()


def test_a_file_that_is_there_is_not_replaced(project: Maker) -> None:
    folder = project(PROJECTS["plain"], **{"litelift.toml": "mine"})
    ran = litelift("cutover", "init", folder, "--yes")
    assert (ran.status, (folder / "litelift.toml").read_text()) == (2, "mine")
    assert "--force" in ran.err
    made(folder, "--force")


def test_of_several_databases_one_must_be_named_where_nobody_can_be_asked(project: Maker) -> None:
    folder = project({"a.db": DATABASE, "b.db": DATABASE})
    ran = litelift("cutover", "init", folder, "--yes")
    assert ran.status == 2
    assert "a.db" in ran.err
    assert "b.db" in ran.err
    (folder / "a.db").unlink()
    (folder / "b.db").write_text("SQLite format 2")
    ran = litelift("cutover", "init", folder, "--yes")
    assert "there is no SQLite database" in ran.err


def test_a_secret_of_the_project_is_not_in_the_file(project: Maker) -> None:
    env = PROJECTS["laravel"][".env"] + "DB_PASSWORD=hunter2\nAPP_KEY=hunter2\nSITE_URL=https://u:hunter2@x/\n"
    _, ran = made(project(PROJECTS["laravel"], **{".env": env}))
    assert "hunter2" not in ran.out + ran.err


def test_databases_are_known_by_their_beginning_and_others_are_passed_over(project: Maker) -> None:
    folder = project(
        {"x.bin": DATABASE, "node_modules/m/y.db": DATABASE, ".git/z": DATABASE, "state/1/kept/s.db": DATABASE},
        **{"state/1/journal.jsonl": "", "no.sqlite3": "text"},
    )
    assert databases(folder) == [folder / "x.bin"]


@pytest.mark.parametrize(
    ("words", "finds"),
    [
        ("sqlite:///d/a.db", "d/a.db"),
        ("sqlite:////{}/d/a.db", "d/a.db"),
        ("sqlite3:d/a.db", "d/a.db"),
        ("sqlite+aiosqlite:///d/a.db?timeout=3", "d/a.db"),
        ("file:./d/a%2edb", "d/a.db"),
        ("file://{}/d/a.db", "d/a.db"),
        ("d/a.db", "d/a.db"),
        ("{}/d/a.db", "d/a.db"),
        ("sqlite://:memory:", None),
        (":memory:", None),
        ("postgresql://h/d/a.db", None),
        ("sqlite://", None),
        ("", None),
        ("\0", None),
    ],
)
def test_what_a_setting_names_is_found(project: Maker, words: str, finds: str | None) -> None:
    folder = project({"d/a.db": DATABASE})
    found = named(words.format(folder), folder)
    assert found == ((folder / finds).resolve() if finds else None)


def test_on_a_terminal_it_asks_and_enter_takes_what_is_proposed(project: Maker) -> None:
    folder = project({"a.db": DATABASE, "b.db": DATABASE}, **{"b.db-note": "x"})
    reader, writer = pty.openpty()
    answers = [
        "nothing.db",
        "b.db",
        "exsting",
        "existing",
        "host=db user=postgres",
        "",
        "systemctl stop app",
        "systemctl start app",
    ]
    try:
        os.write(reader, "".join(f"{answer}\n" for answer in answers).encode())
        words = [sys.executable, "-m", "litelift", "cutover", "init", str(folder)]
        done = subprocess.run(words, stdin=writer, capture_output=True, text=True, timeout=300)
    finally:
        os.close(reader)
        os.close(writer)
    assert done.returncode == 3, done.stderr
    held: dict[str, Any] = tomllib.loads((folder / "litelift.toml").read_text())
    assert held["source"]["path"] == "b.db"
    assert held["target"]["admin"] == "host=db user=postgres"
    assert held["services"] == {"stop": ["systemctl stop app"], "start": ["systemctl start app"]}
    assert "nothing.db is no SQLite database" in done.stderr
    assert done.stderr.count("Where PostgreSQL is (existing, embedded, container)") == 2


def test_it_says_what_it_found_and_what_is_to_be_done(project: Maker) -> None:
    folder = project(PROJECTS["plain"])
    ran = litelift("cutover", "init", folder, "--yes")
    assert "to do: services.stop and services.start are empty" in ran.out
    assert "litelift cutover check" in ran.out
    assert json.loads(litelift("cutover", "init", folder, "--yes", "--force", "--json").out)["exit_code"] == 3
