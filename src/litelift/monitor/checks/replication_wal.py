"""How much WAL is written and kept, and whether it is archived."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litelift.errors import TargetError
from litelift.monitor.check import SOMETIMES, Check
from litelift.monitor.checks.backups_kept import words_of
from litelift.monitor.finding import Finding, Limit, Measure, State
from litelift.monitor.look import Look

_SETTINGS = """
    select name, setting::float8 * case unit when 'MB' then 1048576 when 'kB' then 1024 when '8kB' then 8192
                                             when '16MB' then 16777216 else 1 end as bytes
    from pg_settings where name in ('max_wal_size', 'wal_keep_size', 'wal_keep_segments')
"""
_WRITTEN = """
    select pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
                           '0/0')::float8 as bytes,
           has_function_privilege('pg_ls_waldir()', 'execute') as seen
"""
_KEPT = "select coalesce(sum(size), 0)::float8 as bytes from pg_ls_waldir()"


def _wal(look: Look) -> Iterator[Finding]:
    settings = {one.name: one.bytes for one in look.rows(_SETTINGS)}
    written = look.row(_WRITTEN)
    measures: list[Measure] = []
    if written.bytes is not None:
        measures.append(look.measure("written", written.bytes, "bytes", counter=True))
    rate = look.past.value("wal.written", look.now)
    facts: dict[str, Any] = {"rate": rate[1] if rate else None}
    if not written.seen:
        # How fast it grows is known to everybody, so the check is not blind.
        yield look.ok("rate" if rate else "unseen", measures=measures, **facts)
        return
    size = look.row(_KEPT).bytes
    segments = settings.get("wal_keep_segments", 0.0) * 16777216
    meant = settings["max_wal_size"] + settings.get("wal_keep_size", 0.0) + segments
    share = 100 * size / max(meant, 1)
    measures += [look.measure("bytes", size, "bytes"), look.measure("used_percent", share, "percent")]
    state = look.limit("used_percent").state(share)
    found = "kept" if state != "ok" else "known" if rate else "size"
    yield look.finding(state, found, "see", measures=measures, size=size, meant=meant, share=share, **facts)


_GRAVITY: tuple[str, ...] = ("failing", "no-command", "slot", "behind", "discarded")


def _archiving(look: Look) -> Iterator[Finding]:
    from litelift.backup.wal import wal_archiving

    assert look.connection is not None
    try:
        # What lies in the archive is the backups' to look at: its tool may take a minute to say.
        found = wal_archiving(look.connection, local=False)
    except TargetError as error:
        yield look.finding("unknown", "failed", "failed", message=error.message, hint=error.hint)
        return
    archiver = found.archiver
    measures = [
        look.measure("archived", archiver.archived, counter=True),
        look.measure("failures", archiver.failed, counter=True),
    ]
    if archiver.waiting is not None:
        measures.append(look.measure("waiting", archiver.waiting))
    facts: dict[str, Any] = {
        "words": words_of(look),
        "segment": archiver.last_failed,
        "last": archiver.last_archived_at.timestamp() if archiver.last_archived_at else None,
        "failed": archiver.last_failed_at.timestamp() if archiver.last_failed_at else None,
        "waiting": archiver.waiting,
        "age": found.newest_wal_age,
    }
    problems = sorted((one for one in found.problems if one.code in _GRAVITY), key=lambda one: _GRAVITY.index(one.code))
    if problems:
        first = min(problems, key=lambda one: one.level != "failed")
        state: State = "critical" if first.level == "failed" else "warning"
        code = "never" if first.code == "failing" and archiver.last_archived_at is None else first.code
        yield look.finding(state, code, first.code, measures=measures, **facts)
    elif found.state == "off":
        yield look.ok("off", measures=measures)
    elif archiver.last_archived_at is None:
        yield look.ok("streamed" if found.streams else "none-yet", measures=measures)
    else:
        yield look.ok("archived", measures=measures, **facts)


CHECKS = (
    Check(
        "wal",
        "replication",
        _wal,
        every=SOMETIMES,
        limits={"used_percent": Limit(200, 1000)},
    ),
    Check("archiving", "replication", _archiving, every=SOMETIMES),
)
