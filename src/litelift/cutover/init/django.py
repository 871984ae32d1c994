"""Django. Its settings are read, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from litelift.cutover.init.databases import named, pointing
from litelift.cutover.init.proposal import Project, Proposal, read

_NEW = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "{database}",
    "USER": "{user}",
    "PASSWORD": "{password}",
    "HOST": "{host}",
    "PORT": "{port}",
}
_URL_READERS = ("dj_database_url", "env.db", "DATABASE_URL", "db_url")


def is_there(folder: Path) -> bool:
    """Whether the project is one."""
    return "DJANGO_SETTINGS_MODULE" in read(folder / "manage.py")


def database(project: Project) -> Path | None:
    """The database that it uses: by .env where the settings ask for it, else by the settings."""
    found = pointing(project.env, project.folder)
    if found:
        return found.get("DATABASE_URL") or next(iter(found.values()))
    for file in _settings(project.folder):
        for name in _names(file):
            if path := named(name, project.folder, file.parent, file.parent.parent):
                return path
        for url in re.findall(r"['\"](sqlite:[^'\"]+)['\"]", read(file)):
            if path := named(url, project.folder):
                return path
    return None


def propose(project: Project, source: Path) -> Proposal:
    """Its own migrations, and the variables that its settings read."""
    made = Proposal()
    python = next(
        (f"{v}/bin/python" for v in (".venv", "venv") if (project.folder / v / "bin/python").exists()), "python3"
    )
    made.move = {"mode": "data-only", "schema_commands": [f"{python} manage.py migrate --noinput"]}
    made.note(
        "maintenance",
        "on",
        "Django has none of its own. Without it, services.stop is what keeps users from writing meanwhile.",
    )
    made.note("services", "stop", "Such as: systemctl stop gunicorn celery")
    made.environment = [{"file": ".env", "set": _variables(project, made)}]
    if not project.has_env:
        made.todo.append("there is no .env: name the file in [[environment]] that holds the application's environment")
    if not _mentions(project.folder, "psycopg"):
        made.todo.append("no requirement names psycopg: have code.update bring it")
    made.todo.append("services.stop and services.start are empty: say how the application is stopped and started")
    return made


def _variables(project: Project, made: Proposal) -> dict[str, str]:
    """The variables that name the database, and what they will be."""
    for file in _settings(project.folder):
        text = read(file)
        if any(word in text for word in _URL_READERS):
            return {"DATABASE_URL": "{url}"}
        if found := _asked(text):
            return {variable: _NEW[key] for key, variable in found.items()}
    keys = pointing(project.env, project.folder)
    if keys:
        return dict.fromkeys(keys, "{url}")
    made.todo.append("the settings name the database themselves: have them read DATABASE_URL (code.update)")
    return {"DATABASE_URL": "{url}"}


def _settings(folder: Path) -> list[Path]:
    """The settings' module, and those beside it where it is one of several."""
    asked = re.search(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)['\"]", read(folder / "manage.py"))
    if asked is None:
        return []
    path = folder.joinpath(*asked[1].split("."))
    if path.is_dir():
        return sorted(path.glob("*.py"), key=lambda file: (file.name != "__init__.py", file.name))
    first = path.with_suffix(".py")
    others = sorted(first.parent.glob("*.py")) if first.parent.name == "settings" else []
    return [file for file in dict.fromkeys([first, *others]) if file.is_file()]


def _databases(text: str) -> Iterator[dict[str, ast.expr]]:
    """The keys and values of each database in DATABASES."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id == "DATABASES" for target in targets):
            for inner in ast.walk(node.value):
                if isinstance(inner, ast.Dict):
                    yield {
                        key.value: value
                        for key, value in zip(inner.keys, inner.values, strict=True)
                        if isinstance(key, ast.Constant) and isinstance(key.value, str)
                    }


def _names(file: Path) -> Iterator[str]:
    """What NAME may be: the texts in its expression, joined as paths are; BASE_DIR is where the file is looked for."""
    for keys in _databases(read(file)):
        if "NAME" in keys:
            texts = [
                node.value
                for node in ast.walk(keys["NAME"])
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
            yield "/".join(texts)
            yield from texts


def _asked(text: str) -> dict[str, str]:
    """The variable that each key is read from: os.environ["X"], os.getenv("X", ...), env("X"), config("X")."""
    found: dict[str, str] = {}
    for keys in _databases(text):
        for key, value in keys.items():
            if key in _NEW and (variable := _variable(value)):
                found.setdefault(key, variable)
    return found if "ENGINE" in found and "NAME" in found else {}


def _variable(value: ast.expr) -> str | None:
    for node in ast.walk(value):
        given: ast.expr | None = None
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
            given = node.slice
        elif (
            isinstance(node, ast.Call)
            and node.args
            and re.search(r"(?:environ\.get|getenv|env(?:\.\w+)?|config)$", ast.unparse(node.func))
        ):
            given = node.args[0]
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            return given.value
    return None


def _mentions(folder: Path, word: str) -> bool:
    names = ("requirements*.txt", "requirements/*.txt", "pyproject.toml", "Pipfile", "setup.py", "setup.cfg")
    return any(word in read(file) for pattern in names for file in folder.glob(pattern))
