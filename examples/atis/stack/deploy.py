"""Puts ATİS into a folder: a repository with two releases, a clone at the first, its .env, its database."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote

from examples.atis.stack.folder import EXAMPLE, ROOT, Facts, Folder, StackError, choose, environment, write_private
from examples.atis.stack.services import missing

RELEASES = ("release-1", "release-2")
"""Release 2 is examples/atis/application; release 1 is that with the files of examples/atis/release_1 instead."""
AUTHOR = ("-c", "user.name=ATİS", "-c", "user.email=atis@atis.example", "-c", "commit.gpgsign=false")


def deploy(folder: Folder, scale: float, without: Collection[str] = ()) -> Facts:
    """Make all of it, at release 1, with the database filled at ``scale``; ``without`` nginx or redis if so wished.

    Raises StackError.
    """
    if folder.path.exists() and any(folder.path.iterdir()):
        raise StackError(f"{folder.path} is not empty. Name another folder, or remove it.")
    absent = missing()
    facts = choose(
        nginx="nginx" not in (*absent, *without), redis="redis-server" not in absent and "redis" not in without
    )
    for place in (folder.database.parent, folder.bin, folder.log("x").parent):
        place.mkdir(parents=True)
    _publish(folder)
    _run(["git", "clone", "--quiet", str(folder.repository), str(folder.app)], folder.path)
    _write_env(folder, facts)
    _write_commands(folder)
    manage(folder, "migrate", "--verbosity", "0")
    manage(folder, "seed", "--scale", str(scale))
    # The second release comes out afterwards: what "git pull" brings on the evening of the move.
    _run(["git", "push", "--quiet", str(folder.repository), "release-2:main", "release-2"], _workshop(folder))
    shutil.rmtree(_workshop(folder))
    finish(folder)
    folder.keep(facts)
    return facts


def manage(folder: Folder, *words: str) -> str:
    """Run manage.py in the deployed code; what it printed. Raises StackError."""
    return _run([sys.executable, "manage.py", *words], folder.app)


def finish(folder: Folder, api_url: str = "") -> None:
    """What follows a change of the code: static files collected, the frontend built, with ``api_url`` in it."""
    manage(folder, "collectstatic", "--no-input", "--verbosity", "0")
    _run([sys.executable, "frontend/build.py", str(folder.frontend)], folder.app, API_URL=api_url)


def _workshop(folder: Folder) -> Path:
    return folder.path / "workshop"


def _publish(folder: Folder) -> None:
    work = _workshop(folder)
    leave = shutil.ignore_patterns("__pycache__", ".env", "dist")
    _run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(folder.repository)], folder.path)
    _run(["git", "init", "--quiet", "--initial-branch=main", str(work)], folder.path)
    for release, title in zip(RELEASES, ("ATİS 1.12.4", "ATİS 2.0.0: runs on PostgreSQL too"), strict=True):
        for source in ("application", "release_1")[: 2 if release == RELEASES[0] else 1]:
            # Not their times: git takes a file of the same size and time for the one that it knows.
            shutil.copytree(EXAMPLE / source, work, ignore=leave, copy_function=shutil.copy, dirs_exist_ok=True)
        _run(["git", "add", "--all"], work)
        _run(["git", *AUTHOR, "commit", "--quiet", "--message", title], work)
        _run(["git", *AUTHOR, "tag", release], work)
    _run(["git", "push", "--quiet", str(folder.repository), "release-1:refs/heads/main", "release-1"], work)


def _write_env(folder: Folder, facts: Facts) -> None:
    redis = f"REDIS_URL=redis://127.0.0.1:{facts.redis}/0" if facts.redis else "# REDIS_URL=redis://127.0.0.1:6379/0"
    text = f"""\
# ATİS: what differs between two installations.
SECRET_KEY={facts.secret}
ALLOWED_HOSTS=127.0.0.1,localhost

# sqlite:////folder/file or postgresql://user:password@host:port/database
DATABASE_URL=sqlite:///{quote(str(folder.database))}
{redis}

STATIC_ROOT={folder.static}
FRONTEND_ROOT={folder.frontend}
# yes: without nginx
SERVE_FILES={"no" if facts.nginx else "yes"}
MAINTENANCE_FLAG={folder.flag}
MAINTENANCE_KEY={facts.maintenance_key}
"""
    write_private(folder.env, text)


def _write_commands(folder: Folder) -> None:
    """The commands of an administrator of this installation, as litelift.toml names them."""
    python, app = shlex.quote(sys.executable), shlex.quote(str(folder.app))
    stack = f"PYTHONPATH={shlex.quote(str(ROOT))} exec {python} -m examples.atis.stack"
    finish = f"{python} manage.py collectstatic --no-input --verbosity 0\n{python} frontend/build.py ../frontend"
    commands = {
        "manage": f'cd {app}\nexec {python} manage.py "$@"',
        "stack": f'{stack} --folder {shlex.quote(str(folder.path))} "$@"',
        "update": f"cd {app}\ngit pull --quiet --ff-only\n{finish}",
        "build": f"cd {app}\n{finish}",
    }
    for name, text in commands.items():
        path = folder.bin / name
        path.write_text(f"#!/bin/sh\nset -e\n{text}\n", "utf-8")
        path.chmod(0o755)


def _run(command: list[str], folder: Path, **variables: str) -> str:
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**environment(), **nobody, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError as error:
        raise StackError(f"{error.filename} is missing. Debian, Ubuntu: apt-get install {error.filename}") from None
    if done.returncode:
        raise StackError(f"{shlex.join(command)} ended with status {done.returncode}:\n{done.stdout.rstrip()}")
    return done.stdout
