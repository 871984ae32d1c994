"""Virtual tables after the move: searches find the same rows, triggers keep them in step, and the proof holds."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from command import litelift
from contract import ask, command
from litelift import LiteliftError, migrate, verify
from litelift.move import whole
from litelift.plan.vectors import LIMIT_BYTES, vector_bytes

WORDS = ["fox", "dog", "cat", "cow", "red", "blue", "quick", "slow", "jumps", "sleeps", "under", "house", "river"]


def rows_of(path: Path, query: str) -> list[tuple[object, ...]]:
    """What SQLite answers."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("module", ["fts3", "fts4", "fts5"])
def test_a_search_for_simple_words_finds_the_same_rows(
    module: str, database: str, make_sqlite: Callable[..., Path]
) -> None:
    chance = random.Random(5)
    texts = [(" ".join(chance.choices(WORDS, k=2)), " ".join(chance.choices(WORDS, k=8))) for _ in range(200)]
    path = make_sqlite(
        f"create virtual table docs using {module}(title, body)", [("insert into docs(title, body) values(?,?)", texts)]
    )
    migrate(path, database)
    for words in [*WORDS[:6], "red fox", "quick dog cat", "absent"]:
        ours = rows_of(path, f"select rowid from docs where docs match '{words}' order by 1")
        assert ours == ask(
            database, f"select rowid from docs where tsv @@ websearch_to_tsquery('simple', '{words}') order by 1"
        )
        assert ours or words == "absent"
    if module == "fts5":
        ours = rows_of(path, "select rowid from docs where docs match 'title: fox' order by 1")
        assert ours == ask(database, "select rowid from docs where tsv @@ to_tsquery('simple', 'fox:A') order by 1")


def test_the_porter_stemmer_finds_the_same_rows(database: str, make_sqlite: Callable[..., Path]) -> None:
    texts = [
        (f"the {word} here",) for word in ("running", "runs", "runner", "ponies", "pony", "relational", "caresses")
    ]
    path = make_sqlite(
        "create virtual table docs using fts5(body, tokenize='porter ascii')", [("insert into docs values(?)", texts)]
    )
    migrate(path, database)
    for word in ("run", "runs", "pony", "relate", "caress", "runner"):
        ours = rows_of(path, f"select rowid from docs where docs match '{word}' order by 1")
        query = f"select rowid from docs where tsv @@ websearch_to_tsquery('litelift.porter', '{word}') order by 1"
        assert ours == ask(database, query), word


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_a_range_finds_the_same_rows(dimensions: int, database: str, make_sqlite: Callable[..., Path]) -> None:
    chance = random.Random(7)
    edges = [f"{edge}{number}" for number in range(dimensions) for edge in ("least", "most")]

    def sides() -> list[float]:
        return [side for _ in range(dimensions) for side in sorted((chance.uniform(-90, 90), chance.uniform(-90, 90)))]

    rows = [(number, *sides()) for number in range(1, 301)]
    path = make_sqlite(
        f"create virtual table r using rtree(id, {', '.join(edges)})",
        [(f"insert into r values({', '.join('?' * len(rows[0]))})", rows)],
    )
    migrate(path, database)
    wanted = sides()
    within = " and ".join(
        f"most{number} >= {wanted[2 * number]} and least{number} <= {wanted[2 * number + 1]}"
        for number in range(dimensions)
    )
    ours = rows_of(path, f"select id from r where {within} order by id")
    assert ours and ours == ask(database, f"select id from r where {within} order by id")
    padded = [*wanted, 0.0, 0.0] if dimensions % 2 else wanted
    overlaps = " and ".join(
        f"{name} && box(point({a}, {c}), point({b}, {d}))"
        for name, (a, b, c, d) in zip(
            ("box", "box2", "box3"), [padded[at : at + 4] for at in range(0, len(padded), 4)], strict=False
        )
    )
    assert ours == ask(database, f"select id from r where {overlaps} order by id")


KEPT = """
create table art(id integer primary key, title text, body text, x real, y real);
insert into art values(1, 'red fox', 'b', 1, 2), (2, 'dog', null, 3, 4);
create virtual table docs using {module}(title, body);
insert into docs({rowid}, title, body) select id, title, body from art;
create virtual table spots using rtree(id, x0, x1, y0, y1);
insert into spots select id, x, x, y, y from art;
create trigger art_ai after insert on art begin
  insert into docs({rowid}, title, body) values(new.id, new.title, new.body);
  insert into spots values(new.id, new.x, new.x, new.y, new.y);
end;
create trigger art_ad after delete on art begin
  delete from docs where {rowid} = old.id;
  delete from spots where id = old.id;
end;
create trigger art_au after update of title, body on art begin
  update docs set title = new.title, body = new.body where {rowid} = old.id;
end;
create trigger art_moved after update of x, y on art begin
  update spots set x0 = new.x, x1 = new.x, y0 = new.y, y1 = new.y where id = old.id;
end;
create trigger art_tidy after delete on art begin insert into docs(docs) values('optimize'); end;
"""
CHANGES = [
    "insert into art values(3, 'fox and dog', 'x', 5, 6)",
    "update art set title = 'cat', x = 7 where id = 1",
    "insert into art(id, title, x, y) values(4, 'fox', 0.5, 0.25)",
    "delete from art where id = 2",
    "update art set body = 'the fox' where id = 3",
]


@pytest.mark.parametrize(("module", "rowid"), [("fts5", "rowid"), ("fts4", "docid"), ("fts3", "rowid")])
def test_triggers_keep_the_carried_tables_in_step_as_in_sqlite(
    module: str, rowid: str, database: str, make_sqlite: Callable[..., Path]
) -> None:
    path = make_sqlite(KEPT.format(module=module, rowid=rowid))
    status, said = command("migrate", str(path), database)
    assert status == 0, said
    assert "the trigger art_tidy only keeps a search index up to date" in said
    with closing(sqlite3.connect(path)) as connection, psycopg.connect(database) as target:
        for statement in CHANGES:
            connection.execute(statement)
            target.execute(statement)
        connection.commit()
    for query in ("select rowid, title, body from docs order by 1", "select * from spots order by 1"):
        ours = rows_of(path, query)
        assert ours == ask(database, query.replace("*", "id, x0, x1, y0, y1"))
        assert len(ours) == 3
    found = rows_of(path, "select rowid from docs where docs match 'fox' order by 1")
    assert found == [(3,), (4,)] == ask(database, "select rowid from docs where tsv @@ 'fox'::tsquery order by 1")
    assert ask(database, "select id from spots where box && box(point(6, 0), point(8, 9))") == [(1,)]


def test_a_text_that_no_tsvector_holds_arrives_without_one(database: str, make_sqlite: Callable[..., Path]) -> None:
    words = " ".join(f"word{number}" for number in range(150_000))
    path = make_sqlite(
        """create virtual table docs using fts5(a); create virtual table small using fts5(a);
        create table t(id integer primary key, a text); create virtual table f using fts5(a, content=t);
        insert into small values('fox');""",
        [("insert into docs values(?)", [(words,), ("fox",)]), ("insert into t(a) values(?)", [(words,)])],
    )
    assert len(words) > 1 << 20
    status, said = command("migrate", str(path), database)
    assert status == 3
    assert "more than a tsvector holds" in said
    assert ask(database, "select length(a) from docs order by 1") == [(3,), (len(words),)]
    assert ask(database, "select length(a) from f") == [(len(words),)]
    vectors = "select table_name::text from information_schema.columns where data_type = 'tsvector'"
    assert ask(database, vectors) == [("small",)]
    assert ask(database, "select count(*) from litelift.untranslated where kind = 'full-text search'") == [(2,)]


def test_a_long_text_of_ordinary_words_can_be_searched(database: str, make_sqlite: Callable[..., Path]) -> None:
    text = " ".join(random.Random(3).choices(WORDS, k=400_000)) + " zebra"
    path = make_sqlite("create virtual table docs using fts5(a)", [("insert into docs values(?)", [(text,)])])
    assert migrate(path, database).exit_code == 0
    assert ask(database, "select count(*) from docs where tsv @@ 'zebra'::tsquery") == [(1,)]


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"word{number}" for number in range(3000)),
        " ".join(chr(0x4E00 + number) for number in range(5000)),
        " ".join(f"a{number}-b{number}-c{number}" for number in range(2000)),
        " ".join(f"h{number}.com/p{number}" for number in range(2000)),
        " ".join(f"u{number}@h{number}.org" for number in range(2000)),
        " ".join(f"<t{number}> {number}.5e{number % 9} /p{number}/q_{number}" for number in range(2000)),
        "İ" * 2000 + " " + "ß ẞ " * 500,
        "fox " * 5000,
    ],
)
def test_the_size_that_is_foreseen_for_a_tsvector_is_never_too_small(text: str, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create temp table v(t tsvector); alter table v alter t set storage external")
        connection.execute("insert into v values(setweight(to_tsvector('simple', %s), 'A'))", (text,))
        row = connection.execute("select pg_column_size(t), length(t) from v").fetchone()
        assert row is not None
        # Beside the lexemes and their places, a tsvector has four bytes for each lexeme, and its head.
        assert row[0] - 4 * row[1] - 8 <= vector_bytes(text) < LIMIT_BYTES


def test_verify_finds_all_of_it_equal_and_what_was_changed(database: str, make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite(KEPT.format(module="fts5", rowid="rowid"))
    migrate(path, database)
    proof = verify(path, database)
    assert {table.source: table.equal for table in proof.tables} == {"art": True, "docs": True, "spots": True}
    ask(database, "update docs set title = 'other' where rowid = 2; update spots set x0 = 0 where id = 1 returning 1")
    differences = [(d.table, d.column, d.key) for table in verify(path, database).tables for d in table.differences]
    assert differences == [("docs", "title", {"rowid": 2}), ("spots", "x0", {"id": 1})]


def test_verify_without_the_journal_compares_them_too(database: str, make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite(KEPT.format(module="fts5", rowid="rowid"))
    migrate(path, database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("drop schema litelift cascade")
    proof = verify(path, database)
    assert proof.ok
    assert {table.source for table in proof.tables} == {"art", "docs", "spots"}


def test_a_move_with_several_workers_reads_them_in_ranges(database: str, make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite(
        "create virtual table docs using fts5(a); create virtual table r using rtree(id, x, y)",
        [
            ("insert into docs values(?)", [(f"text {number}",) for number in range(60_000)]),
            ("insert into r values(?,?,?)", [(number, number, number + 1) for number in range(60_000)]),
        ],
    )
    result = migrate(path, database, jobs=3)
    assert (result.exit_code, [table.loaded for table in result.tables]) == (0, [60_000, 60_000])


def test_a_move_that_fails_leaves_no_configuration_behind(
    database: str, make_sqlite: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_sqlite("create virtual table docs using fts5(a, tokenize=porter); insert into docs values('fox');")

    def fail(*_: object) -> None:
        raise LiteliftError(message="no")

    monkeypatch.setattr(whole, "prove_objects", fail)
    with pytest.raises(LiteliftError):
        migrate(path, database)
    assert ask(database, "select count(*) from pg_namespace where nspname = 'litelift'") == [(0,)]
    assert ask(database, "select count(*) from pg_class where relnamespace = 'public'::regnamespace") == [(0,)]
    monkeypatch.undo()
    assert migrate(path, database).exit_code == 0


def test_a_trigger_rounds_the_coordinates_of_an_rtree_as_sqlite_does(
    database: str, make_sqlite: Callable[..., Path]
) -> None:
    path = make_sqlite(
        """create table place(id integer primary key, lat real, lon real);
        create virtual table spots using rtree(id, x0, x1, y0, y1);
        insert into place values(1, 40.1, 49.7); insert into spots values(1, 40.1, 40.1, 49.7, 49.7);
        create trigger ai after insert on place begin
          insert into spots values(new.id, new.lat, new.lat, new.lon, new.lon); end;
        create trigger au after update of lat, lon on place begin
          update spots set x0 = new.lat, x1 = new.lat, y0 = new.lon - 0.1, y1 = new.lon + 0.1 where id = new.id; end;"""
    )
    result = migrate(path, database)
    assert (result.exit_code, result.untranslated) == (0, [])
    changes = "insert into place values(2, -1.1, 2.7), (3, null, 0.1), (4, 1e39, -1e-50)", "update place set lon = 0.3"
    rows = "select x0, x1, y0, y1 from spots order by id"
    with closing(sqlite3.connect(path)) as connection, psycopg.connect(database) as target:
        for change in changes:
            connection.execute(change)
            target.execute(change)
            assert target.execute(rows).fetchall() == connection.execute(rows).fetchall()


def test_inspect_and_plan_show_them_as_tables(make_sqlite: Callable[..., Path], tmp_path: Path, database: str) -> None:
    path = make_sqlite(KEPT.format(module="fts5", rowid="rowid"))
    ran = litelift("inspect", path, "--json")
    assert {table["name"]: table["rows"] for table in ran.json["tables"]} == {"art": 2, "docs": 2, "spots": 2}
    assert ran.json["untranslated"] == []
    assert any("docs MATCH 'fox'" in notice["message"] for notice in ran.json["notices"])
    plan = tmp_path / "plan.toml"
    assert litelift("plan", path, "-o", plan).status == 0
    assert migrate(path, database, plan=plan).exit_code == 0


def test_a_utf16_source_moves_the_same(database: str, make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite(
        """pragma encoding = 'UTF-16le'; create virtual table docs using fts5("Başlıq", tokenize=porter);
        insert into docs values('Məktəb foxes'); create virtual table r using rtree(id, x, y);"""
    )
    assert migrate(path, database).exit_code == 0
    assert ask(database, "select \"Başlıq\" from docs where tsv @@ websearch_to_tsquery('litelift.porter', 'fox')") == [
        ("Məktəb foxes",)
    ]
