"""The contract's page is so: every example in it is moved, and every question asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from contract import command
from contract_examples import PAGE, Example, Question, examples

EXAMPLES = examples(PAGE.read_text("utf-8"))


def applicable() -> Iterator[object]:
    """Each example with each server that it speaks of."""
    for example in EXAMPLES:
        for version in (16, 18):
            if "icu" not in example.needs and (version == 18 or "postgresql-18" not in example.needs):
                marks = pytest.mark.postgres(version)
                yield pytest.param(example, "database", marks=marks, id=f"{example.name} on {version}")
        if not example.needs & {"no-icu", "postgresql-18"}:
            yield pytest.param(example, "icu_database", id=f"{example.name} with ICU")


def answers(connection: psycopg.Connection[Any], question: Question) -> list[str]:
    """What the server says: a line for each row, or its error."""
    try:
        cursor = connection.execute(question.sql.encode())
    except psycopg.Error as error:
        return [f"ERROR: {error.diag.message_primary}"]
    while cursor.nextset():
        pass
    if cursor.description is None:
        return [""]
    return [" | ".join(map(_shown, row)) for row in cursor.fetchall()] or [""]


def _shown(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(("example", "fixture"), list(applicable()))
def test_the_example_is_so(example: Example, fixture: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place: str = request.getfixturevalue(fixture)
    source = tmp_path / "app.sqlite"
    connection = sqlite3.connect(source)
    connection.executescript(example.source)
    connection.commit()
    connection.close()
    words = ["migrate", str(source), place]
    if example.plan is not None:
        (tmp_path / "plan.toml").write_text(example.plan, encoding="utf-8")
        words += ["--plan", str(tmp_path / "plan.toml")]
    status, said = command(*words)
    assert status == example.exit, said
    with psycopg.connect(place, autocommit=True) as target:
        for question in example.questions:
            assert answers(target, question) == list(question.answer), question.sql
