"""Cases of the contract: a SQLite source, a command, and what PostgreSQL then answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from litelift.cli.main import app
from plain_role import ROLE

Check = tuple[str] | tuple[str, object]
"""(SQL,): a single true. (SQL, rows): those rows, in order. (SQL, "error"): the server refuses it."""


@dataclass(frozen=True)
class Case:
    """One promise. ``source`` is a script, or a function that makes the file; ``target`` is SQL that runs before."""

    name: str
    source: str | Callable[[Path], None]
    checks: tuple[Check, ...]
    exits: tuple[int, ...] = (0,)
    says: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    plan: str | None = None
    target: str | None = None


class Cases(dict[str, Case]):
    """The promises of one group, by name."""

    def add(self, name: str, source: str | Callable[[Path], None], *checks: Check, **more: Any) -> None:
        """Add one."""
        assert name not in self, name
        more = {
            key: (value,) if key in ("says", "args") and isinstance(value, str) else value
            for key, value in more.items()
        }
        if isinstance(more.get("exits"), int):
            more["exits"] = (more["exits"],)
        self[name] = Case(name, source, checks, **more)

    @property
    def each(self) -> pytest.MarkDecorator:
        """The parametrization over all of them."""
        return pytest.mark.parametrize("case", self.values(), ids=lambda case: case.name)


def build(source: str | Callable[[Path], None], path: Path) -> None:
    """Make the SQLite file."""
    if callable(source):
        source(path)
        return
    connection = sqlite3.connect(path)
    connection.executescript(source)
    connection.commit()
    connection.close()


def filled(
    statements: str, *inserts: tuple[str, Sequence[Sequence[object]]], after: str = ""
) -> Callable[[Path], None]:
    """A source that needs Python's values; ``after`` is a script that runs last."""

    def make(path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.executescript(statements)
        for statement, rows in inserts:
            connection.executemany(statement, rows)
        connection.commit()
        connection.executescript(after)
        connection.commit()
        connection.close()

    return make


def command(*words: str) -> tuple[int, str]:
    """Run litelift with these words: its exit status and everything that it said."""
    done = CliRunner().invoke(app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    try:
        said = done.stdout + done.stderr
    except ValueError:
        said = done.stdout
    return done.exit_code, said


def ask(database: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of the last statement, in a session of its own."""
    with psycopg.connect(database, autocommit=True) as connection:
        cursor = connection.execute(query)
        while cursor.nextset():
            pass
        return list(cursor.fetchall()) if cursor.description else []


def hold(case: Case, database: str, folder: Path) -> None:
    """Run the case and check everything that it promises."""
    if ROLE == "schema" and any(words in str(case) for words in ("create schema", "schema=", "schema =", "temp table")):
        pytest.skip("the role has its one schema, and no temporary tables")
    source = folder / "app.sqlite"
    build(case.source, source)
    if case.target:
        ask(database, case.target)
    words = ["migrate", str(source), database, *case.args]
    if case.plan is not None:
        (folder / "plan.toml").write_text(case.plan, encoding="utf-8")
        words += ["--plan", str(folder / "plan.toml")]
    status, said = command(*words)
    assert status in case.exits, said
    for wanted in case.says:
        assert wanted.lower() in said.lower(), said
    for check in case.checks:
        if len(check) == 2 and check[1] == "error":
            with pytest.raises(psycopg.Error):
                ask(database, check[0])
            continue
        rows = ask(database, check[0])
        wanted_rows = [(True,)] if len(check) == 1 else [r if isinstance(r, tuple) else (r,) for r in check[1]]  # type: ignore[attr-defined]
        assert rows == wanted_rows, f"{check[0]}\n{said}"
        kinds = [[isinstance(value, bool) for value in row] for row in rows]
        assert kinds == [[isinstance(value, bool) for value in row] for row in wanted_rows], check[0]


def type_of(table: str, column: str, wanted: str) -> Check:
    """That a column has this type."""
    name = '"' + table.replace('"', '""').replace("'", "''") + '"'
    plain = column.replace("'", "''")
    query = f"""
        select format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = '{name}'::regclass and attname = '{plain}'
    """
    return query, [(wanted,)]


EMPTY: Check = ("select count(*) = 0 from pg_class where relnamespace = 'public'::regnamespace",)
"""That the schema public holds nothing."""
