"""What the backup commands say to who meets them for the first time, and makes mistakes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import psycopg
import pytest

from backup_case import backup, fill, made
from backup_made import make_backup
from command import Ran, litelift
from hooking import at_terminal
from litelift.backup.store import Store
from test_backup_restore import dropping, name_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "the backups"


def proposal(ran: Ran) -> list[str]:
    """The words of the one command that a hint or a result proposes."""
    said = (ran.out + ran.err).partition("litelift backup ")[2].splitlines()[0]
    return shlex.split(said.partition(")")[0])


@pytest.mark.parametrize("words", [("drill",), ("restore",), ("list",), ("verify", "-b", "none")])
def test_a_proposed_command_is_about_what_this_one_was_about(database: str, folder: Path, words: tuple[str]) -> None:
    ran = backup(words[0], database, *words[1:], folder=folder)
    assert ran.status in (2, 3)
    command, *rest = proposal(ran)
    assert rest == [database, "--folder", str(folder)]
    again = litelift("backup", command, *rest, cwd=None, settings=None, only=None)
    assert again.status == (0 if command == "create" else 3), again.err


def test_a_proposed_command_has_no_password(folder: Path) -> None:
    ran = backup("list", "postgresql://app:very%20secret@127.0.0.1:1/app", folder=folder)
    assert "litelift backup create" in ran.out
    assert "secret" not in ran.out + ran.err


def test_the_way_back_is_about_the_same_database(database: str, folder: Path) -> None:
    fill(database)
    made(database, folder)
    live = name_of(database)
    ran = backup("restore", database, "--over", "--confirm", live, "--without-safety", folder=folder)
    assert ran.status == 0, ran.err
    kept = ran.out.partition("kept as ")[2].split()[0]
    made_beside = [kept]
    try:
        assert proposal(ran) == ["revert", database, "--folder", str(folder)]
        for word in ("restored", "before"):
            back = backup("revert", database, "--confirm", live, "--json", folder=folder)
            assert back.status == 0, back.err
            # Each is called what it is, also when the way back is taken back.
            made_beside.append(back.json["kept_name"])
            assert made_beside[-1].startswith(f"{live}_{word}_")
    finally:
        with dropping(database, *made_beside):
            pass


@pytest.mark.parametrize("answer", ["\x04", "\n", "another\n"])
@pytest.mark.parametrize("command", ["restore", "revert"])
def test_what_takes_the_live_ones_place_is_not_done_without_its_name(
    database: str, folder: Path, command: str, answer: str
) -> None:
    fill(database)
    made(database, folder)
    live = name_of(database)
    if command == "revert":
        assert backup("restore", database, "--over", "--confirm", live, folder=folder).status == 0
    words = ["--over"] if command == "restore" else []
    with psycopg.connect(database, autocommit=True) as connection:
        query = "select array_agg(datname::text order by oid) from pg_database where starts_with(datname, %s)"
        before = connection.execute(query, (live,)).fetchone()
        ran = at_terminal(answer, "backup", command, database, *words, "--folder", folder, "--json")
        after = connection.execute(query, (live,)).fetchone()
    assert before is not None and before == after
    with dropping(database, *(name for name in before[0] if name != live)):
        pass
    assert ran.status == 1
    document = json.loads(ran.out)
    assert (document["error"]["kind"], document["exit_code"]) == ("Declined", 1)
    assert live in ran.err


def test_a_name_that_begins_several_backups_is_not_called_missing(database: str, folder: Path) -> None:
    first, second = made(database, folder), made(database, folder)
    ran = backup("verify", "-b", name_of(database), "--json", folder=folder)
    assert (ran.status, ran.json["error"]["kind"]) == (2, "BackupAmbiguous")
    assert second["name"] in ran.json["error"]["hint"]
    assert backup("verify", "-b", first["name"], folder=folder).status == 0


@pytest.mark.parametrize("command", ["create", "list", "verify", "drill", "prune", "run", "schedule", "runbook"])
@pytest.mark.parametrize("word", ["app.sqlit", "lifelift.toml", "."])
def test_a_path_that_leads_to_nothing_is_not_taken_for_another(tmp_path: Path, command: str, word: str) -> None:
    """In a folder where there are backups of something else."""
    (tmp_path / "litelift-backups").mkdir()
    ran = litelift("backup", command, word, "--json", cwd=tmp_path)
    assert (ran.status, ran.json["error"]["kind"]) == (2, "UsageError"), ran.out
    assert "there is no file" in ran.err or f"{word} is a folder" in ran.err


def test_a_server_that_is_not_there_is_not_to_be_replaced_by_another(folder: Path) -> None:
    ran = backup("create", "postgresql://app@127.0.0.1:1/app", "--json", folder=folder)
    assert ran.json["error"]["kind"] == "TargetUnreachable"
    assert "embedded" not in ran.json["error"]["hint"]


@pytest.mark.parametrize("words", [("list",), ("prune", "--dry-run")])
def test_no_letter_of_a_long_name_is_left_out(folder: Path, words: tuple[str, ...]) -> None:
    name = make_backup(Store(folder), {"database.dump": 9}, project="x" * 60).name
    ran = backup(*words, folder=folder)
    lines = [line.split() for line in ran.out.splitlines()]
    column = [line[0] for line in lines if line and line[0] in name]
    assert "".join(column).startswith(name), ran.out


def test_a_compression_that_pg_dump_does_not_know_is_refused(database: str, folder: Path) -> None:
    """The embedded one's programs know no zstd."""
    ran = backup("create", database, "--compress", "zstd", "--json", folder=folder)
    assert (ran.status, ran.json["error"]["kind"]) == (2, "UsageError")
    assert "zstd" in ran.json["error"]["message"]
    assert backup("list", "--json", folder=folder).json["backups"] == []


def test_a_database_that_is_not_there_is_not_to_be_made_empty(database: str, folder: Path) -> None:
    ran = backup("create", database.replace(name_of(database), "mistyped"), "--json", folder=folder)
    assert (ran.status, ran.json["error"]["kind"]) == (1, "TargetUnreachable")
    assert "litelift backup restore" in ran.json["error"]["hint"]
    assert "CREATE DATABASE" not in ran.err


def test_the_table_of_what_goes_keeps_the_names_whole(database: str, folder: Path) -> None:
    name = made(database, folder)["name"]
    ran = backup("prune", "--dry-run", folder=folder)
    assert any(line.split()[:1] == [name] for line in ran.out.splitlines())
