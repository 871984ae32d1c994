"""litelift demo: the real counts on both sides, the plan's values mapped, every blemish kept aside or told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from command import Ran, litelift
from litelift.demo import COUNTS
from litelift.postgres import embedded

SOURCE = Path("demo/atis-small.sqlite")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Ran]]:
    folder = tmp_path_factory.mktemp("demo")
    yield folder, litelift("demo", cwd=folder)
    embedded.stop(embedded.folder_for(folder / SOURCE))


@pytest.fixture
def connection(demo: tuple[Path, Ran]) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    url = litelift("server", "status", SOURCE, "--json", cwd=demo[0]).json["url"]
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def test_the_demo_is_moved_and_proved_with_the_counts_on_both_sides(demo: tuple[Path, Ran]) -> None:
    assert demo[1].status == 3
    lines = [line.split() for line in demo[1].out.splitlines()]
    for table, count in COUNTS.items():
        assert [table, f"{count:,}", f"{count:,}"] in [words[:3] for words in lines], table
    report = json.loads((demo[0] / f"{SOURCE}.litelift" / "report.json").read_text())
    assert (len(report["tables"]), report["exit_code"]) == (158, 3)
    assert all(table["equal"] for table in report["proof"]["tables"])


def test_the_target_holds_what_the_demo_says(
    demo: tuple[Path, Ran], connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    for table, count in COUNTS.items():
        found = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
        assert found == (count,), table
    statuses = {row[0] for row in connection.execute("select distinct status::text from surveys").fetchall()}
    assert statuses <= {"active", "draft", "closed", "archived"}
    [tables] = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() or (None,)
    assert tables == 158


def test_a_second_demo_takes_the_place_of_the_first(demo: tuple[Path, Ran]) -> None:
    again = litelift("demo", cwd=demo[0])
    assert (again.status, "Removed the server of the demo" in again.out) == (3, True)
