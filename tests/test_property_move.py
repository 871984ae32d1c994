"""Any database moves: generated, moved, proved, and compared again by a second path that knows nothing of litelift's.

``LITELIFT_EXAMPLES`` says how many databases (320), ``LITELIFT_SEED`` which; ``make property`` is the longer run.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from psycopg import sql

import litelift
import property_summary
from generated_databases import Generated, databases
from litelift.plan.file import Defaults
from second_path import Comparison, open_target
from second_path_schema import compare_schema

SHARDS = 8
EXAMPLES = int(os.environ.get("LITELIFT_EXAMPLES") or 320)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def target(server: Callable[[str], str]) -> Iterator[str]:
    """A database that all examples share, each in a schema of its own."""
    name = f"property{os.getpid()}"
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        admin.execute(sql.SQL("alter database {} set synchronous_commit = off").format(sql.Identifier(name)))
    yield server(name)
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def differences(generated: Generated, url: str, folder: Path) -> list[str]:
    """Move one database, and say all that differs; nothing of it stays."""
    number = next(_numbers)
    path, schema = folder / f"{number}.sqlite", f"example {number}"
    generated.build(path)
    plan = litelift.PlanFile(defaults=Defaults(schema=schema, on_misfit=generated.on_misfit))
    target = open_target(url)
    try:
        result = litelift.migrate(path, url, plan=plan, jobs=1)
        if result.exit_code not in (0, 3):
            return [f"exit {result.exit_code}: {result.proof}"]
        comparison = Comparison(path, target, schema, result)
        try:
            comparison.rows()
            if not comparison.wrong:
                compare_schema(comparison)
        finally:
            comparison.source.close()
        return comparison.wrong
    finally:
        target.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))
        target.execute("drop schema if exists litelift cascade")
        target.close()
        path.unlink()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_any_database_moves_and_a_second_comparison_agrees(
    shard: int, target: str, record_property: Callable[[str, object], None]
) -> None:
    first = int(os.environ["LITELIFT_SEED"])
    print(f"hypothesis seed {first} + {shard}; LITELIFT_SEED={first} LITELIFT_EXAMPLES={EXAMPLES} repeats it")
    ran = 0

    with tempfile.TemporaryDirectory() as folder:

        @seed(first + shard)
        @settings(
            max_examples=-(-EXAMPLES // SHARDS),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            phases=[Phase.generate, Phase.shrink],
        )
        @given(databases())
        def moves(generated: Generated) -> None:
            nonlocal ran
            ran += 1
            note(generated.script())
            assert differences(generated, target, Path(folder)) == []

        try:
            moves()
        finally:
            record_property(property_summary.EXAMPLES, ran)
