"""What the server counts of the application's work: transactions, deadlocks, sorts on the disk, reads from memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.counted import counted_since
from litelift.monitor.finding import Finding, Limit
from litelift.monitor.look import Look
from litelift.monitor.window import DAY, Window, window

HOUR = timedelta(hours=1)
_LEAST_ROLLBACKS = 100
"""In the window: fewer are a person's, or a test's."""
_LEAST_READS = 100e6
"""Bytes: an hour after its start every server has read its tables once, and a small database is in memory then."""


def _transactions(look: Look) -> Iterator[Finding]:
    row = _row(look)
    found = _window(look, HOUR, commits_since_reset=row.xact_commit, rollbacks_since_reset=row.xact_rollback)
    rollbacks, commits = found.grown["rollbacks_since_reset"], found.grown["commits_since_reset"]
    share = 100 * rollbacks / max(rollbacks + commits, 1)
    normal = look.baseline.measures.get("transactions.rollback_percent") if look.baseline else None
    # Some frameworks end each request that only reads with a rollback: what has always been so is no trouble.
    usual = rollbacks < _LEAST_ROLLBACKS or (normal is not None and share <= 1.5 * normal)
    yield look.finding(
        "ok" if usual else look.limit("rollback_percent").state(share),
        "counted" if found.seconds else "counted-ever",
        "see-log",
        rate=(rollbacks + commits) / max(found.seconds, 1),
        share=share,
        since=found.moment,
        measures=[
            look.measure("commits", row.xact_commit, counter=True),
            look.measure("rollbacks", row.xact_rollback, counter=True),
            look.measure("rollback_percent", share, "percent"),
            look.measure("commits_since_reset", row.xact_commit),
            look.measure("rollbacks_since_reset", row.xact_rollback),
        ],
    )


def _deadlocks(look: Look) -> Iterator[Finding]:
    row = _row(look)
    found = _window(look, DAY, since_reset=row.deadlocks)
    a_day = found.a_day("since_reset")
    yield look.finding(
        look.limit("a_day").state(a_day),
        "some" if found.grown["since_reset"] >= 1 else "none",
        "mend",
        n=round(found.grown["since_reset"]),
        since=found.moment,
        measures=[look.measure("a_day", a_day), look.measure("since_reset", row.deadlocks)],
    )


def _temp_files(look: Look) -> Iterator[Finding]:
    row = _row(look)
    found = _window(look, DAY, since_reset=row.temp_bytes, files_since_reset=row.temp_files)
    a_day = found.a_day("since_reset")
    yield look.finding(
        look.limit("a_day").state(a_day) if found.everyday else "ok",
        "some" if found.grown["files_since_reset"] >= 1 else "none",
        "more-memory",
        n=round(found.grown["files_since_reset"]),
        bytes=found.grown["since_reset"],
        since=found.moment,
        work_mem=row.work_mem,
        more=row.more_work_mem,
        database=row.datname,
        measures=[
            look.measure("a_day", a_day, "bytes"),
            look.measure("since_reset", row.temp_bytes, "bytes"),
            look.measure("files_since_reset", row.temp_files),
        ],
    )


def _cache(look: Look) -> Iterator[Finding]:
    row = _row(look)
    counted = {"hits_since_reset": row.blks_hit, "reads_since_reset": row.blks_read}
    day, now = _window(look, DAY, **counted), _window(look, HOUR / 6, **counted)
    share, read = _hits(day), day.grown["reads_since_reset"] * row.block
    measures = [look.measure(name, value) for name, value in counted.items()]
    if (of_now := _hits(now)) is not None:
        measures.append(look.measure("hit_percent", of_now, "percent"))
    if share is None:
        yield look.ok("nothing-read", measures=measures)
        return
    measures.append(look.measure("day_percent", share, "percent"))
    # Where little was read the ratio says nothing: each block has to be read once.
    yield look.finding(
        look.limit("day_percent").state(share) if day.everyday and read >= _LEAST_READS else "ok",
        "from-memory",
        "more-memory",
        share=share,
        read=read,
        since=day.moment,
        shared_buffers=row.shared_buffers,
        measures=measures,
    )


def _hits(of: Window) -> float | None:
    hits, reads = of.grown["hits_since_reset"], of.grown["reads_since_reset"]
    return 100 * hits / (hits + reads) if hits + reads else None


def _row(look: Look) -> Any:
    return look.row("""
        select *, current_setting('block_size')::int as block, current_setting('work_mem') as work_mem,
               2 * greatest(pg_size_bytes(current_setting('work_mem')) >> 20, 32) || 'MB' as more_work_mem,
               current_setting('shared_buffers') as shared_buffers
        from pg_stat_database where datname = current_database()
    """)


def _window(look: Look, span: timedelta, **counted: int) -> Window:
    assert look.connection is not None
    numbers = {name: float(value) for name, value in counted.items()}
    return window(look, numbers, span, counted_since(look.connection))


CHECKS = (
    Check("transactions", "activity", _transactions, limits={"rollback_percent": Limit(50)}),
    Check("deadlocks", "activity", _deadlocks, every=SOMETIMES, limits={"a_day": Limit(1, 100)}),
    Check("temp-files", "activity", _temp_files, every=SOMETIMES, limits={"a_day": Limit(5e9)}),
    Check("cache", "activity", _cache, every=SOMETIMES, limits={"day_percent": Limit(90, below=True)}),
)
