"""The table of what arrives: it counts what there is, and finds missing whatever is missing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from benchmarks.fidelity import samples, source, tools
from benchmarks.fidelity.outcome import Outcome, Tally
from benchmarks.fidelity.page import Sample, cell, render
from benchmarks.fidelity.target import look
from benchmarks.fidelity.told import LiteliftTold, PgloaderTold

ROOT = Path(__file__).parent.parent
Url = Callable[[str], str]

SHOP = """
    create table parent (
        id integer primary key, code text not null unique, name text collate nocase, kind text default 'x',
        made text default current_timestamp, check (length(code) > 1 /* , check (id > 0) */)
    );
    create table child (
        id integer primary key, parent_id integer not null references parent (id) on delete cascade,
        n integer constraint positive check (n > 0), twice integer generated always as (n * 2) stored,
        "check" text default ') check (1)'
    );
    create table pair (a integer, b text, primary key (a, b)) without rowid;
    create table log (what text);
    create index child_n on child (n);
    create unique index parent_kind on parent (kind) where kind <> 'x';
    create index parent_lower on parent (lower(code));
    create view big as select id, n from child where n > 1;
    create trigger pair_log after insert on pair begin insert into log (what) values ('pair'); end;
    create virtual table notes using fts5 (title, body);
    create trigger shadowed after insert on notes_config begin delete from log; end;
    insert into parent (code, name, kind) values ('aa', 'A', 'k'), ('bb', 'B', 'x');
    insert into child (parent_id, n) values (1, 1), (1, 2), (2, 3);
    insert into pair values (1, 'x');
    insert into notes values ('one', 'first'), ('two', 'second');
"""
WERE: dict[source.Kind, int] = {
    "table": 5,
    "index": 8,
    "foreign key": 1,
    "check": 2,
    "not null": 4,
    "default": 3,
    "generated column": 1,
    "collation": 1,
    "view": 1,
    "trigger": 1,
}


def make(path: Path, script: str) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path


def move(url: Url, folder: Path, script: str, tool: Callable[..., Outcome] = tools.litelift) -> tuple[Outcome, str]:
    """The outcome of a tool's move into a database of its own, and that database's URL."""
    path = make(folder / "source.sqlite", script)
    name = f"fidelity_{os.getpid()}_{abs(hash((str(folder), tool.__name__)))}"
    target = tools.fresh_database(url("postgres"), name)
    place = folder / tool.__name__
    place.mkdir()
    return tool(path, source.read(path), target, place, 120), target


@pytest.fixture(scope="module")
def shop(server: Url, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, str]:
    return move(server, tmp_path_factory.mktemp("shop"), SHOP)


def again(outcome: Outcome, target: str, statement: str) -> Outcome:
    """What the counting says after a statement, which is then taken back."""
    with psycopg.connect(target) as connection:
        connection.execute(statement.encode())
        arrived = look(connection, outcome.database)
        connection.rollback()
    return replace(outcome, arrived=arrived)


# --------------------------------------------------------------------- the source


def test_every_object_of_the_source_is_counted(tmp_path: Path) -> None:
    database = source.read(make(tmp_path / "a.sqlite", SHOP))
    assert Counter(item.kind for item in database.items) == WERE
    assert database.rows == {"parent": 2, "child": 3, "pair": 1, "log": 1, "notes": 2}
    assert sorted(item.name for item in database.items if item.kind == "index") == [
        "child_n",
        "parent_kind",
        "parent_lower",
        "primary key child(id)",
        "primary key pair(a, b)",
        "primary key parent(id)",
        "text search of notes",
        "unique parent(code)",
    ]
    checks = [(item.given, item.columns) for item in database.items if item.kind == "check"]
    assert checks == [("", ("code",)), ("positive", ("n",))]


def test_the_content_table_of_a_full_text_table_is_the_applications(tmp_path: Path) -> None:
    script = """
        create table docs_content (id integer primary key, body text);
        create virtual table docs using fts5 (body, content=docs_content, content_rowid=id);
        create virtual table boxes using rtree (id, x0, x1);
    """
    database = source.read(make(tmp_path / "a.sqlite", script))
    assert list(database.rows) == ["docs_content", "docs", "boxes"]
    assert [item.method for item in database.items if item.kind == "index"] == ["plain", "text search", "space"]


def test_a_foreign_key_that_is_there_twice_counts_twice(tmp_path: Path) -> None:
    script = """
        create table parent (id integer primary key);
        create table child (p integer references parent references parent (id) on update cascade);
    """
    keys = [item for item in source.read(make(tmp_path / "a.sqlite", script)).items if item.kind == "foreign key"]
    assert [key.parent_columns for key in keys] == [("id",), ("id",)]
    assert {key.actions for key in keys} == {("NO ACTION", "NO ACTION"), ("NO ACTION", "CASCADE")}


# --------------------------------------------------------------------- after a move by litelift


def test_what_litelift_moves_arrived_or_is_told(shop: tuple[Outcome, str]) -> None:
    outcome, _ = shop
    assert outcome.status in (0, 3), outcome.failed
    assert outcome.lost() == {}
    exact: tuple[source.Kind, ...] = ("foreign key", "check", "not null", "default", "view", "trigger")
    for kind in exact:
        assert outcome.tally(kind) == Tally(WERE[kind], WERE[kind], 0, 0), kind
    others: tuple[source.Kind, ...] = ("table", "index", "generated column", "collation")
    for kind in others:
        tally = outcome.tally(kind)
        assert tally.were == WERE[kind]
        assert (
            tally.arrived + sum(reason is not None for item, reason in outcome.left if item.kind == kind) == tally.were
        )
    left = {item.name for item, _ in outcome.left}
    assert left <= {"notes", "text search of notes", "child.twice", "parent.name"}
    assert outcome.rows().were == 9
    assert outcome.rows().lost == 0


@pytest.mark.parametrize(
    ("statement", "kind", "name"),
    [
        ("drop index child_n", "index", "child_n"),
        ("drop index child_n; create index child_n on child (parent_id)", "index", "child_n"),
        ("drop index child_n; create unique index child_n on child (n)", "index", "child_n"),
        ("drop index parent_kind; create unique index parent_kind on parent (kind)", "index", "parent_kind"),
        ("drop index parent_lower", "index", "parent_lower"),
        ("alter table parent drop constraint parent_code_key", "index", "unique parent(code)"),
        ("alter table pair drop constraint pair_pkey", "index", "primary key pair(a, b)"),
        ("alter table child drop constraint child_parent_id_fkey", "foreign key", "child(parent_id) to parent"),
        (
            "alter table child drop constraint child_parent_id_fkey, add foreign key (parent_id) references parent",
            "foreign key",
            "child(parent_id) to parent",
        ),
        ("alter table child drop constraint positive", "check", "positive"),
        ("alter table parent drop constraint parent_check", "check", "parent: length ( code ) > 1"),
        ("alter table child alter parent_id drop not null", "not null", "child.parent_id"),
        ("alter table parent alter kind drop default", "default", "parent.kind"),
        ("alter table parent alter made set default 'current_timestamp'", "default", "parent.made"),
        ("drop view big", "view", "big"),
        ("create or replace view big as select id, n from child", "view", "big"),
        ("drop trigger pair_log on pair", "trigger", "pair_log"),
        ("alter table pair disable trigger pair_log", "trigger", "pair_log"),
        ("drop table log cascade", "table", "log"),
        ("delete from log", "rows", "1 of log"),
        ("insert into parent (code) values ('cc')", "rows too many", "1 in parent"),
    ],
)
def test_what_is_taken_from_the_target_is_lost_silently(
    shop: tuple[Outcome, str], statement: str, kind: str, name: str
) -> None:
    lost = again(*shop, statement).lost()
    assert lost.pop(kind) == [name]
    # The rows go with their table.
    assert lost == ({"rows": ["1 of log"]} if kind == "table" else {})


def test_an_index_stands_for_one_of_the_source_only(tmp_path: Path, server: Url) -> None:
    script = "create table t (a integer); create index one on t (a); create index two on t (a);"
    outcome, target = move(server, tmp_path, script)
    assert outcome.tally("index") == Tally(2, 2, 0, 0)
    assert again(outcome, target, "drop index one").lost() == {"index": ["one"]}


def test_a_constraint_that_is_not_valid_arrived_and_must_be_told(tmp_path: Path, server: Url) -> None:
    script = """
        create table parent (id integer primary key);
        create table child (parent_id integer references parent, n integer check (n > 0), m integer check (m > 0));
        pragma ignore_check_constraints = on;
        insert into child values (1, 0, 1);
    """
    outcome, target = move(server, tmp_path, script)
    assert outcome.tally("foreign key") == Tally(1, 1, 1, 0)
    assert outcome.tally("check") == Tally(2, 2, 1, 0)
    assert outcome.lost() == {}
    with psycopg.connect(target) as connection:
        query = (
            "select conname from pg_constraint where conrelid = 'child'::regclass and contype = 'c' and conkey = '{3}'"
        )
        ((name,),) = connection.execute(query).fetchall()
    statement = f"alter table child drop constraint {name}, add constraint {name} check (m > 0) not valid"
    assert again(outcome, target, statement).lost() == {"not valid": ["child: m > 0"]}


def test_a_row_in_quarantine_is_told(tmp_path: Path, server: Url) -> None:
    script = "create table t (id integer primary key, v text not null); insert into t values (1, 'a'), (2, 'b');"
    outcome, target = move(server, tmp_path, script)
    assert outcome.rows() == Tally(2, 2, 0, 0)
    gone = again(outcome, target, "delete from t where id = 2")
    assert gone.rows() == Tally(2, 1, 0, 1)
    assert isinstance(gone.told, LiteliftTold)
    told = replace(gone.told, aside=Counter({"t": 1}))
    assert replace(gone, told=told).rows() == Tally(2, 1, 1, 0)


def test_a_move_that_fails_is_counted_as_told(tmp_path: Path, server: Url) -> None:
    path = make(tmp_path / "source.sqlite", "create table t (a); insert into t values (1);")
    database = source.read(path)
    path.write_bytes(b"no database")
    target = tools.fresh_database(server("postgres"), f"fidelity_{os.getpid()}_failed")
    outcome = tools.litelift(path, database, target, tmp_path, 120)
    assert outcome.status == 1
    assert outcome.failed
    assert outcome.tally("table") == Tally(1, 0, 1, 0)
    assert outcome.rows() == Tally(1, 0, 1, 0)


def test_a_program_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    ran = tools.run([sys.executable, "-c", "print('begun', flush=True); import time; time.sleep(3600)"], tmp_path, 0.5)
    assert ran.status is None
    assert PgloaderTold.read(ran.output, ran.status).failed == "it took too long"


# --------------------------------------------------------------------- a target made by hand

COMPUTED = """
    create virtual table notes using fts5 (title);
    create virtual table boxes using rtree (id, x0, x1);
    create table t (n integer, twice integer generated always as (n * 2), name text collate nocase unique);
"""
BY_HAND = """
    create table notes (title text, words tsvector generated always as (to_tsvector('simple', title)) stored);
    create index words on notes using gin (words);
    create table "BOXES" (id bigint, x0 real, x1 real);
    create index space on "BOXES" using gist (box(point(x0, x0), point(x1, x1)));
    create table t (n bigint, twice bigint generated always as (n * 2) stored, name text);
    create unique index folded on t (lower(name));
"""


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        ("select", {}),
        ("drop index words", {"index": ["text search of notes"]}),
        (
            "drop index words; create index words on notes using gin ((array[title]))",
            {"index": ["text search of notes"]},
        ),
        (
            """
            drop table notes;
            create table articles (title text);
            create index words on articles using gin (to_tsvector('simple', title));
            create view notes as select title from articles
            """,
            {},
        ),
        (
            "drop table notes; create view notes as select ''::text as title where false",
            {"index": ["text search of notes"]},
        ),
        ('drop index space; create index space on "BOXES" (x0)', {"index": ["space of boxes"]}),
        ("alter table t alter twice drop expression", {"generated column": ["t.twice"]}),
        ("drop index folded; create unique index folded on t (lower(n::text))", {"index": ["unique t(name)"]}),
        ("alter table t rename name to other", {"index": ["unique t(name)"]}),
    ],
)
def test_what_the_server_computes_is_looked_for(
    tmp_path: Path, database: str, statement: str, lost: dict[str, list[str]]
) -> None:
    held = source.read(make(tmp_path / "a.sqlite", COMPUTED))
    with psycopg.connect(database) as connection:
        connection.execute((BY_HAND + statement).encode())
        outcome = Outcome("by hand", 0, 0, held, look(connection, held), LiteliftTold())
    # Plain text folds nothing.
    assert outcome.lost() == lost | {"collation": ["t.name"]}


# --------------------------------------------------------------------- pgloader beside it

SUMMARY = """
             table name     errors       rows      bytes      total time
-----------------------  ---------  ---------  ---------  --------------
         Create Indexes          1         44                     0.192s
         "Order Details"         2          1   179.7 kB          0.132s
                   good          0          1   179.7 kB          0.132s
"""


def test_what_pgloader_says_of_an_object_is_told() -> None:
    output = f"""2026-01-01T00:00:00.016000Z LOG pgloader version "3"
2026-01-01T00:00:00.016000Z ERROR PostgreSQL Database error 23505: could not create unique index "idx_17134_by_name"
DETAIL: Key (name)=() is duplicated.
2026-01-01T00:00:00.016000Z ERROR no FOREIGN KEY
QUERY: ALTER TABLE child ADD FOREIGN KEY(parent_id) REFERENCES parent(id)
2026-01-01T00:00:00.016000Z LOG report summary reset{SUMMARY}"""
    told = PgloaderTold.read(output, 0)
    assert not told.failed
    assert told.tells(source.Item("index", "t", ("name",), "by_name"))
    assert told.tells(source.Item("foreign key", "child", ("parent_id",), parent="parent"))
    assert told.tells(source.Item("index", "t", ("name",), "name_by")) is None
    assert told.tells(source.Item("foreign key", "child", ("other",), parent="parent")) is None
    assert told.tells(source.Item("view", "child_view", given="child_view")) is None
    assert told.rows("Order Details", 2) == 2
    assert told.rows("good", 2) == 0


@pytest.mark.parametrize(
    ("output", "status", "reason"),
    [
        ("2026-01-01T00:00:00.01Z ERROR cause\n2026-01-01T00:00:00.01Z FATAL Failed, see above.\n", 0, "cause"),
        ('2026-01-01T00:00:00.01Z LOG pgloader version "3"\nKABOOM!\nwhat', 1, "KABOOM! what"),
        ("FATAL: no monitor\n\nno folder\n", 1, "no monitor no folder"),
        ("", 1, "exit status 1"),
    ],
)
def test_a_pgloader_that_gives_up_has_told_everything(output: str, status: int, reason: str) -> None:
    told = PgloaderTold.read(output, status)
    assert told.failed == reason
    assert told.tells(source.Item("view", "v", given="v")) == reason
    assert told.rows("t", 7) == 7


@pytest.mark.skipif(shutil.which("pgloader") is None, reason="pgloader is not installed")
def test_pgloaders_moves_are_counted_alike(tmp_path: Path, server: Url) -> None:
    script = """
        create table Parent (Id integer primary key, Code text not null);
        create table child (id integer primary key, parent_id integer references Parent (Id));
        create index by_code on Parent (Code);
        create view v as select * from child;
        insert into Parent values (1, 'a');
        insert into child values (1, 1), (2, 7);
    """
    outcome, _ = move(server, tmp_path, script, tools.pgloader)
    assert outcome.status == 0
    assert outcome.tally("table") == Tally(2, 2, 0, 0)
    assert outcome.rows() == Tally(3, 3, 0, 0)
    assert outcome.tally("index") == Tally(3, 3, 0, 0)
    assert outcome.tally("foreign key") == Tally(1, 0, 1, 0)
    assert outcome.tally("view") == Tally(1, 0, 0, 1)
    assert outcome.lost()["view"] == ["v"]


# --------------------------------------------------------------------- samples, page, command


def test_packed_samples_are_unpacked(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    plain = make(tmp_path / "a.db", "create table t (a)")
    packed = tmp_path / "b.sqlite.zst"
    packed.write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    (tmp_path / "SOURCES.md").write_text(
        "| name | repository @ commit | path | licence |\n|---|---|---|---|\n| b | o/r @ abc | x.db | MIT |\n"
    )
    assert [samples.name(path) for path in samples.find(tmp_path)] == ["a", "b"]
    samples.unpack(packed, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == plain.read_bytes()
    assert samples.origins(tmp_path) == {"b": samples.Origin("[o/r](https://github.com/o/r/tree/abc): `x.db`", "MIT")}


def test_the_page_marks_what_was_lost(shop: tuple[Outcome, str]) -> None:
    outcome = again(*shop, "drop view big")
    page = render([Sample("shop", None, (outcome,))], "versions")
    assert "- shop: views `big`\n" in page
    assert "| **lost silently** | **1 object** |" in page
    assert "litelift carries 1 of 2 (50 %): 0 of 1 views, 1 of 1 triggers." in page
    assert cell(Tally(3, 1, 1, 1)) == "**1/3** (1 told)"
    assert cell(Tally(3, 2, 1, 0)) == "2/3 (1 told)"
    assert cell(Tally()) == "-"


def test_the_command_makes_the_page_without_this_machines_paths(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    make(folder / "app.sqlite", "create table t (a integer primary key); create view v as select a from t;")
    words = [sys.executable, "-m", "benchmarks.fidelity", str(folder), "--output", str(tmp_path / "page.md")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PATH": ""}, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.md").read_text("utf-8")
    assert "| app | litelift | 0 | 1/1 |" in page
    assert "pgloader was not installed" in page
    assert str(tmp_path) not in page
    assert "/tmp" not in page


def test_the_command_says_that_the_folder_is_missing(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "benchmarks.fidelity", str(tmp_path / "nowhere")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"error: there is no folder {tmp_path / 'nowhere'}\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_says_that_the_folder_is_missing() -> None:
    words = ["make", "samples", "SAMPLES=/nowhere"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'make fidelity SAMPLES=folder: there is no folder "/nowhere"' in done.stderr
