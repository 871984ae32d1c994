"""The schedule: what is written for cron and systemd means what it should, and is taken out again exactly."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from command import litelift
from litelift.backup.schedule import systemd
from litelift.backup.schedule.cron import lines, replaced
from litelift.backup.schedule.daily import Daily, search_path
from litelift.backup.schedule.hours import local_times, machine_zone
from litelift.backup.schedule.quoting import for_cron
from litelift.backup.status import next_due, read_status, run_held, state
from litelift.errors import ScheduleRefused
from private_machine import private_machine, wait_for

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTILE = [
    "plain",
    'a school\'s "best" 100% $HOME `id` $(id) \\% \\\\ ;&|<>#!*?~{}[]',
    "%",
    "\\%\\%%",
    "'%'",
    "-n",
    " leading and trailing ",
    "Məktəb №1",
]
NEWS = 'url = "postgresql://app@localhost/app"\n'


def a_daily(file: str = "/srv/school/litelift.toml", at: str = "02:00") -> Daily:
    return Daily("school", file, (file,), at)


def project(folder: Path, more: str = "", name: str = "school") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "litelift.toml"
    file.write_text(f'[project]\nname = "{name}"\n[backup]\n{NEWS}{more}')
    return file


def as_cron_reads(command: str) -> str:
    """What cron hands to the shell: the loop of do_command.c in Debian's cron 3.0pl1."""
    out, escaped = "", False
    for character in command:
        out += character
        if escaped:
            if character == "%":
                out = out[:-2] + "%"
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "%":
            return out[:-1]
    return out


# --------------------------------------------------------------------- cron


@pytest.mark.parametrize("word", HOSTILE)
def test_cron_and_its_shell_hand_on_each_word_as_it_is(word: str) -> None:
    command = as_cron_reads(for_cron(["printf", "%s\\0", word, "end"]))
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True)
    assert done.stdout == f"{word}\0end\0".encode()


@pytest.mark.parametrize("word", ["a\nb", "a\rb", "a\x00b", "a\x1bb", "a\x7fb", "a\u2028b", "a\udcffb"])
def test_a_path_that_no_line_can_hold_is_refused(word: str) -> None:
    with pytest.raises(ScheduleRefused):
        a_daily(f"/srv/{word}/litelift.toml").command()


def test_a_command_that_is_too_long_for_cron_is_refused() -> None:
    with pytest.raises(ScheduleRefused, match="has room for 998"):
        lines(a_daily("/srv/" + "x" * 1000), NOW)


def test_where_the_zone_is_utc_there_is_one_plain_entry() -> None:
    for zone in (UTC, ZoneInfo("Etc/UTC"), ZoneInfo("Africa/Abidjan"), machine_zone(Path("/nonexistent"))):
        times = local_times("02:00", zone, NOW)
        assert (times.fields, times.certain) == (["0 2"], True)


def test_a_zone_without_summer_time_has_one_entry_at_its_local_time() -> None:
    times = local_times("02:00", ZoneInfo("Asia/Kolkata"), NOW)
    assert (times.fields, times.certain) == (["30 7"], True)
    assert local_times("22:15", ZoneInfo("Asia/Baku"), NOW).fields == ["15 2"]


def test_a_zone_with_summer_time_has_an_entry_for_each_local_time() -> None:
    times = local_times("02:00", ZoneInfo("Europe/Berlin"), NOW)
    assert (times.fields, times.certain) == (["0 3,4"], False)
    assert local_times("02:00", ZoneInfo("Australia/Lord_Howe"), NOW).fields == ["0 13", "30 12"]


def test_a_time_in_the_hour_that_comes_twice_is_looked_for_each_hour() -> None:
    # cron does not start the second 02:30 of the last Sunday of October.
    times = local_times("01:30", ZoneInfo("Europe/Berlin"), NOW)
    assert (times.fields, times.certain) == (["30 *"], False)


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC"]
)
@pytest.mark.parametrize("at", ["02:00", "01:00", "00:30", "23:45"])
def test_each_day_of_the_coming_years_has_an_entry_at_that_time_in_utc(zone: str, at: str) -> None:
    found = local_times(at, ZoneInfo(zone), NOW).fields
    met = set()
    for field in found:
        minute, hours = field.split()
        met |= {(hour, int(minute)) for hour in (range(24) if hours == "*" else map(int, hours.split(",")))}
    moment = next_due(at, NOW)
    for day in range(3 * 365):
        local = (moment + timedelta(days=day)).astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute) in met


@pytest.mark.parametrize(
    "table",
    [
        b"",
        b"# mine\n",
        b"A=\xff\xfe\n\n\t# x \r\n*/5 * * * * true %in # litelift-backup-00000000\n",
        b"0 2 * * * x\n" * 3,
    ],
)
def test_every_other_line_of_a_crontab_stays_byte_by_byte(table: bytes) -> None:
    daily, other = a_daily(), a_daily("/srv/other/litelift.toml")
    new = [f"{line}\n".encode() for line in lines(daily, NOW)]
    others = [f"{line}\n".encode() for line in lines(other, NOW)]
    there = replaced(table, daily, new)
    assert there == table + b"".join(new)
    assert replaced(there, daily, new) == there
    both = replaced(there, other, others)
    assert replaced(both, daily, []) == table + b"".join(others)
    assert replaced(replaced(both, daily, []), other, []) == table


def test_what_is_installed_again_stays_in_its_place() -> None:
    daily, later = a_daily(), a_daily(at="04:30")
    old, new = ([f"{line}\n".encode() for line in lines(each, NOW)] for each in (daily, later))
    table = replaced(b"# first\n", daily, old) + b"# last\n"
    assert replaced(table, later, new) == b"".join([b"# first\n", *new, b"# last\n"])


def test_the_path_of_a_scheduled_run_has_absolute_folders_alone(tmp_path: Path) -> None:
    assert search_path({"PATH": f".:/usr/bin::{tmp_path}:{tmp_path / 'gone'}:bin:/usr/bin"}) == f"/usr/bin:{tmp_path}"
    assert search_path({}) == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def test_the_real_crontab_gets_the_lines_and_loses_them_again() -> None:
    with private_machine("crontab") as machine:
        others = b"MAILTO=ops@example.org\n# \xc3\xbc \xff\n\n5 4 * * sun\techo 100\\%  # mine\n"
        machine.call("crontab", "-", given=others)
        file = project(machine.folder / "a 100% 'school'\\%")
        store = file.parent / "litelift-backups"
        words = ("backup", "schedule", file, "--cron")

        shown = machine.litelift(*words, "--dry-run")
        assert shown.status == 0 and machine.crontab() == others and not store.exists()
        asked = machine.litelift(*words)
        assert asked.status == 2 and "--yes" in asked.err and machine.crontab() == others

        # No cron runs in this test, unless one does on the machine.
        assert machine.litelift(*words, "--yes").status in (0, 3)
        table = machine.crontab()
        assert table.startswith(others)
        line = table.decode("utf-8", "replace").splitlines()[-1]
        assert line in shown.out
        command = (
            as_cron_reads(line.split(" ", 5)[5]).replace("/usr/bin/env", "printf '%s\\0'").replace(">/dev/null", "")
        )
        given = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True).stdout.decode().split("\0")
        assert given[-4:] == ["run", str(file), "--quiet", ""]
        assert state(store) == "never"
        due = read_status(store).next_due
        assert due is not None and (due.hour, due.minute) == (2, 0)

        project(file.parent, 'at = "04:30"\n')
        done = machine.litelift(*words, "--yes", "--json").json
        assert done["changed"] and len(done["installed"]) == len(done["removed"]) == 1
        assert machine.crontab() == table.replace(b"\n0 2 *", b"\n30 4 *").replace(b"at 02:00", b"at 04:30")
        again = machine.litelift(*words, "--json").json
        assert not again["changed"] and again["next_due"][11:16] == "04:30"
        assert machine.litelift("backup", "schedule", file, "--show", "--json").json["installed"].keys() == {"cron"}

        removed = machine.litelift("backup", "schedule", file, "--remove", "--yes")
        assert removed.status == 0 and machine.crontab() == others
        assert read_status(store).next_due is None


def test_a_crontab_that_may_not_be_changed_is_an_error_and_stays() -> None:
    with private_machine("crontab") as machine:
        file = project(machine.folder / "school")
        refusing = machine.folder / "bin"
        refusing.mkdir()
        crontab = shutil.which("crontab")
        (refusing / "crontab").write_text(f'#!/bin/sh\n[ "$1" = -l ] && exec {crontab} -l\necho no room >&2; exit 1\n')
        (refusing / "crontab").chmod(0o755)
        words = ("backup", "schedule", file, "--cron", "--yes")
        ran = machine.litelift(*words, PATH=f"{refusing}:{os.environ['PATH']}")
        assert ran.status == 1 and "could not be installed: no room" in ran.err
        assert b"no crontab for root" in machine.call("crontab", "-l").stderr
        assert read_status(file.parent / "litelift-backups").next_due is None


def test_where_cron_runs_there_is_nothing_left_to_do() -> None:
    with private_machine("crontab", "cron") as machine:
        file = project(machine.folder / "school")
        machine.start("cron", "-f")
        wait_for(lambda: machine.call("test", "-s", "/run/crond.pid").returncode == 0, "cron")
        ran = machine.litelift("backup", "schedule", file, "--cron", "--yes", "--json")
        assert (ran.status, ran.json["todo"]) == (0, [])
        # A table that nothing else is in goes as it came.
        assert machine.litelift("backup", "schedule", file, "--remove", "--yes").status == 0
        assert b"no crontab for root" in machine.call("crontab", "-l").stderr


# --------------------------------------------------------------------- systemd


def in_root(root: Path, *words: str | Path) -> tuple[int, str, str]:
    ran = litelift(
        "backup",
        "schedule",
        *words,
        settings={
            "litelift.backup.schedule.systemd:ROOT": str(root),
            "litelift.backup.schedule.systemd:RUNNING": str(root),
            "litelift.backup.schedule.cron:CRONTAB": "no crontab here",
        },
    )
    return ran.status, ran.out, ran.err


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system that does not run, with its units."""
    if os.geteuid() != 0:
        pytest.skip("units of the system are root's")
    if shutil.which("systemctl") is None or shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemctl, or no systemd-analyze")
    folder = tmp_path / "root"
    (folder / "etc/systemd/system").mkdir(parents=True)
    return folder


def test_the_units_are_what_systemd_takes_without_a_word(root: Path, tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        file = project(tmp_path / f"{number}{name}".replace("/", "-"), name=json.dumps(f"{number}{name}")[1:-1])
        status, _, err = in_root(root, file, "--yes")
        assert status == 0, err
    units = sorted((root / "etc/systemd/system").glob("litelift-backup-*.*"))
    assert len(units) == 2 * len(HOSTILE)
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    assert (verified.returncode, [line for line in verified.stderr.splitlines() if "litelift" in line]) == (0, [])


def test_systemd_hands_on_each_word_as_it_is(root: Path, tmp_path: Path) -> None:
    for name in HOSTILE:
        file = project(tmp_path / name.replace("/", "-"))
        assert in_root(root, file, "--yes")[0] == 0
        (unit,) = [path for path in (root / "etc/systemd/system").glob("*.service") if unit_is_of(path, file)]
        wants = root / "etc/systemd/system/timers.target.wants" / unit.with_suffix(".timer").name
        assert wants.is_symlink()
        assert in_root(root, file, "--remove", "--yes")[0] == 0
        assert not wants.is_symlink()
        assert [path.name for path in (root / "etc/systemd/system").rglob("litelift*")] == []


def unit_is_of(unit: Path, file: Path) -> bool:
    """Whether the unit's command names the file, read by the rules of systemd.syntax(7) and systemd.service(5)."""
    (line,) = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    words, rest = [], line.removeprefix("ExecStart=/usr/bin/env ")
    while rest:
        assert rest[0] == '"'
        word, at = "", 1
        while rest[at] != '"':
            if rest[at] in "\\%$":
                assert rest[at + 1] == rest[at] or (rest[at] == "\\" and rest[at + 1] == '"')
                at += 1
            word += rest[at]
            at += 1
        words.append(word)
        rest = rest[at + 1 :].lstrip(" ")
    return str(file) in words


def test_the_timer_is_due_at_that_time_in_utc(root: Path, tmp_path: Path) -> None:
    file = project(tmp_path / "school", 'at = "13:45"\n')
    assert in_root(root, file, "--yes")[0] == 0
    (timer,) = (root / "etc/systemd/system").glob("*.timer")
    text = timer.read_text()
    assert "Persistent=true\n" in text and "RandomizedDelaySec" not in text
    (calendar,) = [line.split("=", 1)[1] for line in text.splitlines() if line.startswith("OnCalendar=")]
    words = ["systemd-analyze", "calendar", "--iterations=2", calendar]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"}).stdout
    assert f"Normalized form: *-*-* 13:45:00 UTC" in said  # noqa: F541
    assert said.count(" 13:45:00 UTC") == 3


def test_a_project_of_another_name_has_the_units_of_the_same_file_replaced(root: Path, tmp_path: Path) -> None:
    file = project(tmp_path / "school")
    assert in_root(root, file, "--yes")[0] == 0
    others = root / "etc/systemd/system/other.timer"
    others.write_text("[Timer]\nOnCalendar=daily\n")
    project(tmp_path / "school", 'at = "03:00"\n', name="academy")
    assert in_root(root, file, "--yes")[0] == 0
    names = sorted(path.name.rpartition("-")[0] for path in (root / "etc/systemd/system").glob("litelift*"))
    assert names == ["litelift-backup-academy"] * 2
    wants = root / "etc/systemd/system/timers.target.wants"
    assert [path.name.rpartition("-")[0] for path in wants.iterdir()] == ["litelift-backup-academy"]
    assert in_root(root, file, "--remove", "--yes")[0] == 0
    assert [path.name for path in (root / "etc/systemd/system").glob("*.timer")] == ["other.timer"]


def test_units_that_systemctl_refuses_are_not_left(root: Path, tmp_path: Path) -> None:
    file = project(tmp_path / "school")
    # What it would link to is a folder that is not empty.
    (root / "etc/systemd/system/timers.target.wants").write_text("in the way")
    status, _, err = in_root(root, file, "--yes")
    assert status == 1 and "the schedule could not be installed: systemctl enable: " in err
    assert list((root / "etc/systemd/system").glob("litelift*")) == []


def test_a_user_is_told_how_the_timer_runs_without_a_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    monkeypatch.setattr(systemd, "LINGER", str(tmp_path))
    (said,) = systemd._lingering()
    assert said.endswith("loginctl enable-linger nobody")
    (tmp_path / "nobody").touch()
    assert systemd._lingering() == []
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    service, timer = systemd.Systemd().proposed(a_daily())
    assert Path(service.where).parent == Path(timer.where).parent == tmp_path / "systemd/user"
    assert "network-online" not in service.text and "HOME=" not in service.text


# --------------------------------------------------------------------- either


def test_variables_that_a_scheduled_run_would_miss_are_told(root: Path, tmp_path: Path) -> None:
    more = (
        'environment_file = "backup.env"\n[[backup.copy]]\nname = "cloud"\nurl = "s3://b/f"\n'
        'options_env = { key = "SCHOOL_KEY", secret = "SCHOOL_SECRET" }\n[backup.tell]\nwebhook_env = "SCHOOL_HOOK"\n'
    )
    file = project(tmp_path / "school", more)
    (file.parent / "backup.env").write_text("SCHOOL_KEY=k\n")
    status, out, _ = in_root(root, file, "--yes", "--json")
    assert status == 3
    told = [words.partition(" in its")[0] for words in json.loads(out)["todo"]]
    assert told == ["a scheduled run has no SCHOOL_HOOK", "a scheduled run has no SCHOOL_SECRET"]
    (file.parent / "backup.env").write_text("SCHOOL_KEY=k\nSCHOOL_HOOK=h\nSCHOOL_SECRET=s\n")
    assert in_root(root, file, "--yes", "--json")[0] == 0


def test_neither_of_them_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    ran = litelift(
        "backup",
        "schedule",
        project(tmp_path / "school"),
        "--yes",
        settings={
            "litelift.backup.schedule.systemd:RUNNING": str(tmp_path / "none"),
            "litelift.backup.schedule.cron:CRONTAB": "no crontab here",
        },
    )
    assert ran.status == 1 and "there is no running systemd and no crontab program here" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cron", "--systemd"], "choose one"),
        (["--remove", "--show"], "choose one"),
        (["postgresql://app:hush@db/app"], "a password in it cannot be scheduled"),
        (["host=db password=hush dbname=app"], "a password in it cannot be scheduled"),
    ],
)
def test_words_that_contradict_themselves_are_refused(tmp_path: Path, words: list[str], said: str) -> None:
    project(tmp_path)
    ran = litelift("backup", "schedule", *words, cwd=tmp_path)
    assert ran.status == 2 and said in ran.err and "hush" not in ran.err + ran.out


def test_the_schedule_is_not_changed_under_a_run(root: Path, tmp_path: Path) -> None:
    file = project(tmp_path / "school")
    store = tmp_path / "school/litelift-backups"
    store.mkdir()
    with run_held(store):
        status, _, err = in_root(root, file, "--yes")
    assert status == 1 and "another litelift works" in err
    assert list((root / "etc/systemd/system").glob("litelift*")) == []
