"""What WAL-G prints. No package brings it: its documents here are those that its source and its manual describe."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from litelift.backup.wal.asking import Asking, Unanswered
from litelift.backup.wal.command import read_command
from litelift.backup.wal.segments import gaps, name_of
from litelift.backup.wal.server import server_user
from litelift.backup.wal.walg import look, read_backups, read_timelines

SIZE = 16 << 20
IDENTIFIER = "7711492010411647538"

BACKUPS = [
    {
        "backup_name": "base_000000010000000000000006",
        "time": "2026-11-16T02:03:04Z",
        "wal_file_name": "000000010000000000000006",
        "start_time": "0001-01-01T00:00:00Z",
        "finish_time": "0001-01-01T00:00:00Z",
    },
    {
        "backup_name": "base_000000010000000000000009_D_000000010000000000000006",
        "modification_time": "2026-11-23T02:00:31.125Z",
        "creation_time": "2026-11-23T02:00:31Z",
        "wal_file_name": "000000010000000000000009",
        "storage_name": "default",
        "start_time": "2026-11-23T02:00:00.119Z",
        "finish_time": "2026-11-23T02:00:30.77123Z",
        "date_fmt": "%Y-%m-%dT%H:%M:%S.%fZ",
        "hostname": "school",
        "data_dir": "/var/lib/postgresql/16/main",
        "pg_version": 160004,
        "start_lsn": 150995112,
        "finish_lsn": 167772160,
        "is_permanent": False,
        "system_identifier": int(IDENTIFIER),
        "uncompressed_size": 23132912,
        "compressed_size": 3043447,
    },
    {
        "backup_name": "base_000000010000000000000007",
        "time": "2026-11-20T02:03:04Z",
        "wal_file_name": "000000010000000000000007",
        "system_identifier": 1,
    },
]

TIMELINES = [
    {
        "id": 1,
        "parent_id": 0,
        "switch_point_lsn": 0,
        "start_segment": "000000010000000000000006",
        "end_segment": "00000001000000000000000C",
        "segments_count": 5,
        "missing_segments": ["000000010000000000000008", "00000001000000000000000A"],
        "segment_range_size": 7,
        "status": "LOST_SEGMENTS",
    }
]


def test_the_backups_of_this_server_are_read_the_oldest_first() -> None:
    old, delta = read_backups(BACKUPS[::-1], IDENTIFIER)
    assert (old.name, old.kind, old.started) == ("base_000000010000000000000006", "full", None)
    assert old.stopped is not None
    assert old.stopped.isoformat() == "2026-11-16T02:03:04+00:00"
    assert (delta.kind, delta.bytes, delta.stored_bytes) == ("delta", 23132912, 3043447)
    assert delta.started is not None
    assert delta.stopped is not None
    assert (delta.stopped - delta.started).total_seconds() == pytest.approx(30.65223)
    assert delta.start_wal == "000000010000000000000009"


def test_the_gaps_are_those_that_wal_show_tells() -> None:
    found = read_timelines(TIMELINES, SIZE)
    assert len(found.whole) == 5
    assert found.newest is not None
    assert name_of(found.newest, SIZE) == "00000001000000000000000C"
    assert [gap.first for gap in gaps(found)] == TIMELINES[0]["missing_segments"]


@pytest.mark.parametrize("document", [None, [], {}, [1, "x"], [{"start_segment": 5}], [{"missing_segments": None}]])
def test_a_document_of_another_form_holds_nothing(document: object) -> None:
    assert read_timelines(document, SIZE).whole == set()
    assert all(not backup.good for backup in read_backups(document, IDENTIFIER))


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stand-in that prints the documents, and notes with what words it was called."""
    with tempfile.TemporaryDirectory(prefix="litelift-wal-g-") as place:
        folder = Path(place)
        (folder / "backup-list").write_text(json.dumps(BACKUPS))
        (folder / "wal-show").write_text(json.dumps(TIMELINES))
        script = f'#!/bin/sh\necho "$@" >>{folder}/words\ncat "{folder}/$1" 2>/dev/null || cat "{folder}/$3"\n'
        (folder / "wal-g").write_text(script)
        (folder / "envdir").write_text('#!/bin/sh\necho "envdir $1" >>"${0%/*}/words"\nshift\nexec "$@"\n')
        for name in ("wal-g", "envdir"):
            (folder / name).chmod(0o755)
        folder.chmod(0o777)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        yield folder


def test_it_is_asked_as_its_command_says(program: Path) -> None:
    nobody = 65534
    found = look(Asking(nobody), read_command("wal-g --config /etc/w.json wal-push %p"), IDENTIFIER, SIZE)
    assert len(found.backups or []) == 2
    look(Asking(nobody), read_command("envdir /etc/wal-g.d wal-g wal-push %p"), IDENTIFIER, SIZE)
    assert (program / "words").read_text().splitlines() == [
        "--config /etc/w.json backup-list --detail --json",
        "--config /etc/w.json wal-show --detailed-json --without-backups",
        "envdir /etc/wal-g.d",
        "backup-list --detail --json",
        "envdir /etc/wal-g.d",
        "wal-show --detailed-json --without-backups",
    ]


def test_a_storage_without_backups_is_known_by_its_silence(program: Path) -> None:
    (program / "backup-list").write_text("")
    found = look(Asking(65534), read_command("wal-g wal-push %p"), IDENTIFIER, SIZE)
    assert found.backups == []


def test_a_tool_that_never_answers_is_ended(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program / "wal-g").write_text("#!/bin/sh\nsleep 600 & sleep 600\n")
    with pytest.raises(Unanswered, match="no answer"):
        look(Asking(65534, deadline=0.0), read_command("wal-g wal-push %p"), IDENTIFIER, SIZE)


def test_the_servers_words_are_run_by_the_servers_user_and_never_by_root(program: Path, database: str) -> None:
    (program / "wal-g").write_text(f'#!/bin/sh\nid -u >"{program}/user"\n')
    with psycopg.connect(database) as connection:
        user = server_user(connection, None)
    assert user
    Asking(user).ask("wal-g")
    assert (program / "user").read_text().strip() == str(user)


def test_root_asks_nothing_where_the_servers_user_is_not_known(program: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("takes root")
    for user in (None, 0):
        with pytest.raises(Unanswered, match="runs as root"):
            Asking(user).ask("wal-g")
