"""The watch through PgBouncer, whose sessions are the application's a moment later."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from broken import wait_for
from litelift.errors import TargetError
from litelift.monitor.advise.advise import advise
from litelift.monitor.baseline_take import count_rows
from litelift.monitor.run import look_at
from litelift.monitor.session import opened
from litelift.monitor.web.quarantine import batches, entries
from monitored import database_at

_STATE = """
    select string_agg(name || '=' || setting, ', ' order by name) from pg_catalog.pg_settings
    where source = 'session' and name <> 'application_name'
"""


@pytest.fixture
def pooler(database: str) -> Iterator[str]:
    """A pool with one session, by transaction."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer: apt-get install pgbouncer")
    given = conninfo_to_dict(database)
    # It refuses root, and has to reach the server's socket.
    owner = Path(str(given["host"])).stat().st_uid
    folder = Path(tempfile.mkdtemp(prefix="litelift-pool-"))
    os.chown(folder, owner, -1)
    server = f"host={given['host']} port={given.get('port', 5432)} user={given['user']}"
    folder.chmod(0o755)
    (folder / "pool.ini").write_text(
        f"[databases]\n{given['dbname']} = {server}\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = {folder}\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 1\n"
    )
    process = subprocess.Popen([program, "-q", folder / "pool.ini"], user=owner if os.geteuid() == 0 else None)
    try:
        wait_for(lambda: process.poll() is not None or (folder / ".s.PGSQL.6432").exists())
        yield f"postgresql://{given['user']}@/{given['dbname']}?host={folder}&port=6432"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder)


@pytest.mark.superuser
def test_what_is_set_for_a_look_through_a_pooler_is_not_left_to_the_application(
    pooler: str, database: str, tmp_path: Path
) -> None:
    of = database_at(pooler, tmp_path)
    with psycopg.connect(database, autocommit=True) as session:
        session.execute("create table lesson (id int)")
    with psycopg.connect(pooler, autocommit=True) as application:
        before = application.execute(_STATE).fetchone()
        findings = look_at(of).findings
        assert [one for one in findings if one.found in ("refused", "failed", "fault", "late")] == []
        assert findings[0].found == "up"
        assert count_rows(of) == {"public.lesson": 0}
        assert entries(of, None, None).total == 0
        assert list(batches(of, None)) == []
        with pytest.raises(TargetError, match="pooler"):
            advise(of)
        assert application.execute(_STATE).fetchone() == before
        application.execute("insert into lesson values (1)")


@pytest.mark.superuser
def test_a_look_through_a_pooler_writes_nothing_and_keeps_nobody_waiting(pooler: str, tmp_path: Path) -> None:
    with opened(database_at(pooler, tmp_path).logins) as connection:
        assert connection.execute("select current_setting('statement_timeout')").fetchone() == ("5s",)
        assert connection.execute("select current_setting('lock_timeout')").fetchone() == ("1s",)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("create table lesson (id int)")
        assert connection.execute("select count(*) from pg_stat_activity where state like 'idle in%'").fetchone() == (
            0,
        )
