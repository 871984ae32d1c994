"""Some mutations of a small database: each is a proved move of what SQLite reads, or a refusal (make corrupt: many)."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from corrupt.generated import make_small
from corrupt.judge import compared, damage, judge
from corrupt.mutations import KINDS, mutate
from litelift import migrate

EACH = int(os.environ.get("LITELIFT_MUTATIONS", "3"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_small(tmp_path_factory.mktemp("original") / "small.sqlite").read_bytes()


@pytest.mark.parametrize("number", range(EACH))
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_proved_or_refused(
    kind: str, number: int, original: bytes, tmp_path: Path, database: str
) -> None:
    path = tmp_path / "damaged.sqlite"
    path.write_bytes(mutate(original, kind, random.Random(f"{kind} {number}")))
    verdict = judge(path, database, "--jobs", str(1 + number % 2))
    assert verdict.faults == ()
    assert verdict.outcome in ("proved", "quarantine", "refused")


def test_every_kind_of_mutation_changes_the_file_and_the_same_dice_make_the_same(original: bytes) -> None:
    for kind in KINDS:
        made = {mutate(original, kind, random.Random(seed)) for seed in range(8)}
        assert len(made - {original}) > 2, kind
        assert mutate(original, kind, random.Random(3)) == mutate(original, kind, random.Random(3))


def test_the_judge_sees_what_differs_and_what_sqlite_calls_damaged(
    tmp_path: Path, database: str, make_sqlite: Callable[..., Path]
) -> None:
    path = make_small(tmp_path / "small.sqlite")
    result = migrate(path, database)
    assert compared(path, database, result) == []
    assert damage(path) == []
    with psycopg.connect(database) as connection:
        connection.execute("update people set name = 'another' where id = 7")
    assert any("people: row" in words for words in compared(path, database, result))
    with psycopg.connect(database) as connection:
        connection.execute("delete from words where rowid = 3")
    assert any("words: 40 rows became 39" in words for words in compared(path, database, result))
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("select rootpage from sqlite_schema where name = 'people_name'").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 1024)
        file.write(bytes(1024))
    assert damage(path) != []
