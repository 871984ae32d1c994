"""Compares a restored database with the manifest of its backup."""

from __future__ import annotations

from collections.abc import Sequence

from litelift.backup import catalogue
from litelift.backup.digest import contents, large_objects, tables
from litelift.backup.manifest import Manifest, TableContent
from litelift.backup.sequences import sequences, unlike
from litelift.backup.signs import OnSign, Sign, silent
from litelift.backup.snapshot import snapshot
from litelift.report.format import count

SHOWN = 6


def compare(
    dsn: str, manifest: Manifest, jobs: int, *, chosen: Sequence[str] = (), on_sign: OnSign = silent
) -> list[str]:
    """What differs between the database ``dsn`` and what the manifest says: in words, one for each; none is well.

    Every table's rows and content digest, every sequence, the large objects; that every index, constraint, view, right
    and whatever else there was is there. Where tables are ``chosen``, those alone. Raises psycopg.Error.
    """
    done = 0

    def on_table(table: str, rows: int) -> None:
        nonlocal done
        done += 1
        on_sign(Sign("compare", done, len(manifest.tables), "tables"))

    with snapshot(dsn) as (holding, name):
        listed = [table for table in tables(holding) if not chosen or table.words in chosen]
        found = {table.table: table for table in contents(dsn, name, listed, jobs, on_table)}
        stand = {sequence: state[0] for sequence, state in sequences(holding).items()}
        objects = large_objects(holding)
        catalogued = catalogue.objects(holding) if manifest.objects else {}
    differ = list(_tables(manifest, found))
    differ += [told for was in manifest.sequences if (told := unlike(was, stand.get(was.sequence)))]
    differ += catalogue.differences(manifest.objects, catalogued)
    if manifest.large_objects is not None or objects is not None:
        differ += _one("large objects", manifest.large_objects, objects)
    rows = sum(table.rows for table in found.values())
    if not differ:
        told = f"{count(len(found), 'table')}, {count(rows, 'row')}: every digest equal"
        on_sign(Sign("compare", len(found), len(found), "tables", told, finished=True))
    return differ


def _tables(manifest: Manifest, found: dict[str, TableContent]) -> list[str]:
    due = {table.table: table for table in manifest.tables}
    differ: list[str] = []
    for name in sorted(due.keys() | found.keys()):
        differ += _one(name, due.get(name), found.get(name))
    return differ


def _one(name: str, due: TableContent | None, got: TableContent | None) -> list[str]:
    if due is None or got is None:
        return [f"{name} {'is missing' if got is None else 'was not backed up, and is there'}"]
    if due.rows != got.rows:
        return [f"{name}: expected {count(due.rows, 'row')}; got {got.rows:,}"]
    if due.digest != got.digest:
        return [f"{name}: its {count(due.rows, 'row')} are others: expected {due.digest}; got {got.digest}"]
    return []


def summed_up(differ: list[str]) -> str:
    """Differences in one text."""
    more = f"; and {len(differ) - SHOWN} more" if len(differ) > SHOWN else ""
    return "; ".join(differ[:SHOWN]) + more
