"""Laravel."""

from __future__ import annotations

import re
from pathlib import Path

from litelift.cutover.init.databases import named
from litelift.cutover.init.proposal import Project, Proposal, read

KEYS = {
    "DB_CONNECTION": "pgsql",
    "DB_HOST": "{host}",
    "DB_PORT": "{port}",
    "DB_DATABASE": "{database}",
    "DB_USERNAME": "{user}",
    "DB_PASSWORD": "{password}",
}
"""Of config/database.php's connection "pgsql"."""


def is_there(folder: Path) -> bool:
    """Whether the project is one."""
    return (folder / "artisan").is_file() and (folder / "composer.json").is_file()


def database(project: Project) -> Path | None:
    """The database that it uses."""
    for key in ("DB_URL", "DATABASE_URL", "DB_DATABASE"):
        if project.env.get(key) and (path := named(project.env[key], project.folder, project.folder / "database")):
            return path
    usual = project.folder / "database" / "database.sqlite"
    return usual if usual.is_file() else None


def propose(project: Project, source: Path) -> Proposal:
    """Its own commands for everything."""
    folder = project.folder
    made = Proposal()
    cached = (folder / "bootstrap/cache/config.php").exists()
    made.move = {
        "mode": "data-only",
        "schema_commands": ["php artisan config:clear", "php artisan migrate --force"],
    }
    made.note("move", "schema_commands", "A cached configuration would have migrate work on SQLite: so it is cleared.")
    made.maintenance = {"on": ["php artisan down --retry=60"], "off": ["php artisan up"]}
    made.note(
        "maintenance",
        "headers",
        "Laravel lets nobody through by a header, only by the cookie of `php artisan down --secret`, and a secret does "
        "not belong here. So the checks that go through HTTP are made when it is open again.",
    )
    again = "php artisan config:cache" if cached else "php artisan config:clear"
    made.services = {"stop": [], "start": [again, "php artisan queue:restart"]}
    made.note(
        "services",
        "stop",
        "What writes to the database in spite of the maintenance: the queue's workers (supervisor, systemd, Horizon), "
        "the scheduler's cron.",
    )
    if url := next((key for key in ("DB_URL", "DATABASE_URL") if project.env.get(key)), None):
        new = {"DB_CONNECTION": "pgsql", url: "{url}"}
    else:
        new = dict(KEYS)
    made.environment = [{"file": ".env", "set": new}]
    if re.search(r"health:\s*['\"]/up['\"]", read(folder / "bootstrap/app.php")):
        made.paths.append(("up", "/up"))
    if '"pgsql"' not in read(folder / "config/database.php").replace("'", '"') and (folder / "config").is_dir():
        made.todo.append("config/database.php has no connection pgsql: put Laravel's own into it")
    made.todo.append("services.stop is empty: say how the queue's workers and the scheduler are stopped and started")
    made.todo.append("PHP needs the extension pdo_pgsql, for the web server and for the command line")
    return made
