"""The schedule under a real cron, with a real syslog daemon."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from litelift.backup.status import read_status, state
from private_machine import private_machine, source, wait_for


def test_cron_itself_makes_the_scheduled_backup_and_the_system_log_has_its_begin_and_end(database: str) -> None:
    """Slow: it waits for cron's next minute, for up to 80 s.

    The zone has summer time: the entry has two local times, and the run looks which one it is.
    """
    with private_machine("cron", "crontab", "busybox", zone="Europe/Berlin") as machine:
        others = f"PYTHONPATH={source()}\n# nobody's\n17 3 * * 1 true % a\n".encode()
        assert machine.call("crontab", "-", given=others).returncode == 0
        machine.start_syslog()
        project = machine.folder / "a school's 100% $HOME"
        project.mkdir()
        store = project / "litelift-backups"
        due, cron = datetime.now(UTC), False
        while True:
            if datetime.now(UTC) >= due:
                # Also again, where a loaded machine took until then to install it.
                due = (datetime.now(UTC) + timedelta(seconds=75)).replace(second=0, microsecond=0)
                toml = (
                    f'[project]\nname = "school"\n[backup]\nurl = "{database}"\nat = "{due:%H:%M}"\ndrill_every = 0\n'
                )
                (project / "litelift.toml").write_text(toml)
                ran = machine.litelift("backup", "schedule", project / "litelift.toml", "--cron", "--yes")
                # 3 where no cron is seen to run, as there is none yet.
                assert ran.status in (0, 3), ran.err
            if not cron:
                # Now: it does not see what is changed in the second in which it starts.
                machine.start("cron", "-f", "-L", "5")
                cron = True
            if datetime.now(UTC) < due:
                break
        local = due + timedelta(hours=1), due + timedelta(hours=2)
        # From 01:00 to 02:00 in UTC is the hour that comes twice in Berlin: cron would not start it the second time.
        hours = "*" if due.hour == 1 else ",".join(map(str, sorted({moment.hour for moment in local})))
        assert f"\n{due.minute} {hours} * * * /usr/bin/env" in machine.crontab().decode()

        wait_for(lambda: state(store) in ("ok", "failed"), "a backup that cron makes", 180)
        status = read_status(store)
        assert status.last is not None and status.last.ok, status.last
        assert due <= status.last.began < due + timedelta(minutes=10)
        assert status.last.backup is not None and (store / status.last.backup / "manifest.json").is_file()

        wait_for(lambda: "ended:" in machine.log.read_text(), "the last line in the log")
        log = machine.log.read_text()
        assert re.search(r"cron\.info CRON\[\d+\]: \(root\) CMD .*litelift backup run '", log), log
        pid = status.last.process
        assert f" daemon.info litelift-backup[{pid}]: begun: backup of school into {store}" in log
        ended = f" daemon.info litelift-backup[{pid}]: ended: backup of school into {store}: {status.last.message}"
        assert ended in log
        assert log.count("litelift-backup[") == 2

        assert machine.litelift("backup", "schedule", project / "litelift.toml", "--remove", "--yes").status == 0
        assert machine.crontab() == others


def test_a_backup_by_hand_is_in_the_system_log_and_so_is_one_that_failed(database: str) -> None:
    with private_machine("busybox") as machine:
        machine.start_syslog()
        store = machine.folder / "backups"
        made = machine.litelift("backup", "create", database, "--folder", store)
        assert made.status == 0, made.err
        failed = machine.litelift("backup", "create", database.replace("?", "_gone?"), "--folder", store)
        assert failed.status == 1
        wait_for(lambda: "failed:" in machine.log.read_text(), "the last line in the log")
        log = machine.log.read_text()
        line = rf"litelift-backup\[\d+\]: made: manual backup of \w+ into {re.escape(str(store))}: \w+-"
        assert re.search(rf" daemon\.info {line}", log), log
        line = r"litelift-backup\[\d+\]: failed: manual backup of \w+_gone into "
        assert re.search(rf" daemon\.err {line}", log), log
        assert log.count("litelift-backup[") == 2
