"""Sessions that keep each other waiting, made for real."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg

from broken import wait_for
from monitored import database_at, found_by, only


def test_a_blocked_query_is_found_with_who_blocks_it(database: str, tmp_path: Path) -> None:
    of = database_at(database, tmp_path, '[monitor.limits]\n"blocked.longest" = { warning = 0.01, critical = 60 }\n')
    assert only(found_by("blocked", of)).state == "ok"
    with psycopg.connect(database) as holder, psycopg.connect(database) as waiter:
        holder.execute("create table t (a int)")
        holder.commit()
        holder.execute("lock t")
        thread = threading.Thread(target=lambda: waiter.execute("select * from t"))
        thread.start()
        wait_for(lambda: only(found_by("blocked", of)).state == "warning")
        finding = only(found_by("blocked", of))
        assert finding.facts["by"] == str(holder.info.backend_pid)
        assert finding.items[0]["query"] == "select * from t"
        holder.rollback()
        thread.join()
