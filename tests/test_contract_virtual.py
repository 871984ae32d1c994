"""Virtual tables: full-text tables and R*Trees arrive with their rows and can be searched; the rest is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from contract import Case, Cases, filled, hold, type_of

cases = Cases()
case = cases.add

NO_SHADOWS = "select count(*) = 0 from pg_tables where schemaname = 'public' and tablename like '{}\\_%'"
TEXTS = [(1, "Red fox", "The quick brown fox jumps"), (2, "dog", "a lazy dog sleeps"), (7, "Foxes", None)]

# ------------------------------------------------------------------ full-text tables with their own text

case(
    "fts5",
    filled(
        "create virtual table docs using fts5(title, body)",
        ("insert into docs(rowid, title, body) values (?,?,?)", TEXTS),
    ),
    ("select rowid, title, body from docs order by rowid", TEXTS),
    (NO_SHADOWS.format("docs"),),
    ("select rowid from docs where tsv @@ websearch_to_tsquery('simple', 'fox')", [1]),
    ("select rowid from docs where tsv @@ to_tsquery('simple', 'fox:A')", [1]),
    ("select rowid from docs where tsv @@ to_tsquery('simple', 'jumps:A')", []),
    ("select rowid from docs where tsv @@ to_tsquery('simple', 'jumps:B')", [1]),
    ("insert into docs(title) values('x') returning rowid", [8]),
    ("select indexdef like '%USING gin (tsv)' from pg_indexes where indexname = 'docs_tsv_idx'",),
    says=("docs MATCH 'fox' is here tsv @@ websearch_to_tsquery('simple', 'fox')", "SQLite finds café by cafe too"),
)
for module in ("fts3", "fts4"):
    case(
        f"{module}_with_docid",
        filled(
            f"create virtual table docs using {module}(title, body)",
            ("insert into docs(docid, title, body) values (?,?,?)", TEXTS),
        ),
        ("select rowid, title, body from docs order by rowid", TEXTS),
        (NO_SHADOWS.format("docs"),),
        ("select rowid from docs where tsv @@ websearch_to_tsquery('simple', 'LAZY dog')", [2]),
    )
case(
    "every_storage_class_in_a_full_text_table",
    filled(
        "create virtual table docs using fts5(v)",
        (
            "insert into docs values (?)",
            [(5,), (2.5,), (None,), (b"bytes",), ("text",), (b"\xff\xfe",), ("a\0b",), ("",)],
        ),
    ),
    ("select v from docs order by rowid", ["5", "2.5", None, "bytes", "text", "\ufffd\ufffd", "a\ufffdb", ""]),
    ("select original from litelift.quarantine order by row_key->>'rowid'", [b"\xff\xfe", b"a\0b"]),
    exits=3,
)
case(
    "columns_that_are_not_indexed",
    """create virtual table a using fts5(title, note unindexed); insert into a values('fox', 'dog');
    create virtual table b using fts4(title, note, notindexed=note); insert into b values('fox', 'dog');
    create virtual table c using fts4(x, y, notindexed='x', notindexed="y"); insert into c values('fox', 'dog');""",
    ("select title, note from a", [("fox", "dog")]),
    ("select count(*) from a where tsv @@ 'dog'::tsquery", [0]),
    ("select count(*) from a where tsv @@ 'fox'::tsquery", [1]),
    ("select count(*) from b where tsv @@ 'dog'::tsquery", [0]),
    ("select count(*) from b where tsv @@ 'fox'::tsquery", [1]),
    ("select x, y from c", [("fox", "dog")]),
    exits=3,
    says="no column of text is left to search in",
)
case(
    "a_column_that_is_not_indexed_has_the_type_of_its_values",
    """create virtual table docs using fts5(body, ref unindexed, at unindexed);
    insert into docs values('fox', 5, 1.5), ('dog', 7, 2.5);""",
    type_of("docs", "ref", "bigint"),
    type_of("docs", "at", "double precision"),
    type_of("docs", "body", "text"),
    ("select body from docs where ref = 7 and at = 2.5", ["dog"]),
)
case(
    "more_than_four_columns_have_no_weights",
    "create virtual table docs using fts5(a, b, c, d, e); insert into docs values('one', 'two', null, 'four', 'five');",
    ("select tsv::text from docs", ["'five':4 'four':3 'one':1 'two':2"]),
)
case(
    "the_porter_tokenizer",
    """create virtual table d using fts5(a, tokenize = 'porter unicode61'); insert into d values('the running foxes');
    create virtual table e using fts4(a, tokenize=porter); insert into e values('the running foxes');
    create virtual table f using fts3(a, tokenize porter); insert into f values('the running foxes');""",
    ("select count(*) from d where tsv @@ websearch_to_tsquery('litelift.porter', 'runs fox')", [1]),
    ("select count(*) from e where tsv @@ websearch_to_tsquery('litelift.porter', 'runs fox')", [1]),
    # Porter's has no stop words.
    ("select count(*) from f where tsv @@ websearch_to_tsquery('litelift.porter', 'the')", [1]),
)
case(
    "other_tokenizers_are_told",
    """create virtual table a using fts5(x, tokenize='trigram'); create virtual table b using fts5(x, tokenize="ascii");
    create virtual table c using fts5(x, tokenize="unicode61 remove_diacritics 0 tokenchars '-_'");""",
    ("select count(*) = 0 from a",),
    says=("pg_trgm", "the case of ASCII letters only", "not the tokenizer's options'"),
)
case(
    "hostile_names_in_a_full_text_table",
    """create virtual table "do""cs'; drop table x --" using fts5("ti""tle", "Select", "a=b", "%s", 'tsv', "ünï cödé");
    insert into "do""cs'; drop table x --" values('1', '2', '3', '4', 'fox', '6');""",
    (
        """select rowid, "ti""tle", "Select", "a=b", "%s", tsv, "ünï cödé" from "do""cs'; drop table x --" """,
        [(1, "1", "2", "3", "4", "fox", "6")],
    ),
    (
        """select count(*) from information_schema.columns where table_schema = 'public' and data_type = 'tsvector'
        and column_name like 'tsv\\_%'""",
        [1],
    ),
)
case(
    "a_column_called_rowid_and_a_language",
    """create virtual table d using fts4(rowid, body, languageid=lid);
    insert into d(docid, rowid, body, lid) values(5, 'text', 'fox', 3);""",
    ("select docid, rowid, body, lid from d", [(5, "text", "fox", 3)]),
    says="lid is a column like another",
)
case(
    "the_plan_file_of_a_full_text_table",
    """create virtual table d using fts5(a, b, c); insert into d values('fox', 'cat', 'x'), ('dog', 'cow', 'y');
    create virtual table e using fts5(a);""",
    ('select rowid, "A", c from docs', [(1, "fox", "x")]),
    ("select count(*) from docs where tsv @@ 'fox'::tsquery", [1]),
    ("select to_regclass('e') is null",),
    plan="""[tables.d]
name = "docs"
where = "d match 'fox'"
[tables.d.columns.a]
name = "A"
[tables.d.columns.b]
exclude = true
[tables.e]
exclude = true
""",
)
case(
    "views_read_full_text_tables",
    """create virtual table d using fts5(a, b); insert into d values('fox', 'cat'), ('dog', 'cow');
    create table t(id integer primary key, a text); insert into t values(1, 'fox');
    create view v as select * from d; create view w as select rowid as n, a from d where rowid > 1;
    create view x as select * from t natural join d;""",
    ("select * from v order by 1", [("dog", "cow"), ("fox", "cat")]),
    ("select * from w", [(2, "dog")]),
    ("select * from x", [(1, "fox", "cat")]),
)

# ------------------------------------------------------------------ external content

ARTICLES = """
create table art(id integer primary key, title text not null, body varchar(400), n int, born date);
insert into art values(1, 'Red fox', 'quick', 3, '2020-01-01'), (2, 'dog', 'The foxes', 4, null),
  (9, 'x', null, 5, null);
"""
SYNC = """
create trigger art_ai after insert on art begin
  insert into art_fts(rowid, title, body) values (new.id, new.title, new.body); end;
create trigger art_ad after delete on art begin
  insert into art_fts(art_fts, rowid, title, body) values('delete', old.id, old.title, old.body); end;
create trigger art_au after update on art begin
  insert into art_fts(art_fts, rowid, title, body) values('delete', old.id, old.title, old.body);
  insert into art_fts(rowid, title, body) values (new.id, new.title, new.body); end;
"""
EXTERNAL = ARTICLES + "create virtual table art_fts using fts5(title, body, content='art', content_rowid='id');" + SYNC
FOUND = "select rowid from art_fts where tsv @@ websearch_to_tsquery('simple', 'fox') order by rowid"
USES_INDEX = """
    create temp table explained(line text);
    do $$ declare r record; begin
        set local enable_seqscan = off;
        for r in execute 'explain {}' loop insert into explained values(r."QUERY PLAN"); end loop;
    end $$;
    select bool_or(line like '%Index Scan%{}%') from explained
"""
case(
    "external_content_is_a_view",
    EXTERNAL,
    (
        "select rowid, title, body from art_fts order by rowid",
        [(1, "Red fox", "quick"), (2, "dog", "The foxes"), (9, "x", None)],
    ),
    ("select relkind from pg_class where oid = 'art_fts'::regclass", ["v"]),
    (FOUND, [1]),
    ("select rowid from art_fts where tsv @@ to_tsquery('simple', 'foxes:B')", [2]),
    ("insert into art(title) values('one more fox');" + FOUND, [1, 10]),
    ("update art set title = 'cat' where id = 1; delete from art where id = 10;" + FOUND, []),
    (
        USES_INDEX.format(
            "select rowid from art_fts where tsv @@ websearch_to_tsquery(''simple'', ''fox'')", "art_fts_tsv_idx"
        ),
    ),
    (NO_SHADOWS.format("art"),),
    says=("the trigger art_ai only keeps a search index up to date", "art_fts is a view of art", "1 of 1 views"),
)
case(
    "a_trigger_that_keeps_an_index_among_other_things",
    ARTICLES
    + """create virtual table art_fts using fts5(title, content='art', content_rowid='id');
    create virtual table own using fts5(title); create table log(x);
    create trigger g after insert on art begin
      insert into art_fts(rowid, title) values(new.id, new.title); insert into log values('it''s; ' || new.title);
      insert into own values(new.title); insert into own(own) values('optimize');
    end;""",
    ("insert into art(title) values('new'); select x from log", ["it's; new"]),
    ("select title from own", ["new"]),
    ("select count(*) = 4 from art",),
    says="the trigger g: 2 of its statements only keep a search index up to date",
)
case(
    "external_content_of_fts4_with_porter",
    ARTICLES + "create virtual table art_fts using fts4(content='art', title, n, tokenize=porter);",
    ("select rowid, title, n from art_fts order by rowid", [(1, "Red fox", 3), (2, "dog", 4), (9, "x", 5)]),
    ("select rowid from art_fts where tsv @@ websearch_to_tsquery('litelift.porter', 'foxes')", [1]),
    ("select rowid from art_fts where tsv @@ websearch_to_tsquery('litelift.porter', '4')", [2]),
)
case(
    "external_content_with_a_type_that_has_no_text",
    ARTICLES + "create virtual table art_fts using fts5(title, born, content=art, content_rowid=id);",
    ("select rowid, born::text from art_fts order by rowid", [(1, "2020-01-01"), (2, None), (9, None)]),
    (FOUND, [1]),
    exits=3,
    says="its index leaves out born",
)
case(
    "external_content_without_a_rowid_that_is_carried",
    "create table t(a text, b text); insert into t values('fox', 'x');create virtual table f using fts5(a, content=t)",
    ("select a from f where tsv @@ 'fox'::tsquery", ["fox"]),
    says="it has no rowid",
)
case(
    "external_content_by_another_column",
    """create table t(k text primary key, n integer not null, a text) without rowid;
    insert into t values('x', 5, 'fox');
    create virtual table f using fts5(a, content=t, content_rowid=n);""",
    ("select rowid, a from f where tsv @@ 'fox'::tsquery", [(5, "fox")]),
)
case(
    "external_content_of_a_view",
    ARTICLES
    + """create view v as select id, title as name from art where n < 5;
    create virtual table f using fts5(name, content=v, content_rowid=id);
    insert into f(f) values('rebuild');""",
    ("select rowid, name from f order by 1", [(1, "Red fox"), (2, "dog")]),
    ("select rowid from f where tsv @@ 'fox'::tsquery", [1]),
    says="no index of its own",
)
case(
    "views_read_external_content",
    EXTERNAL + "create view v as select * from art_fts; create view w as select rowid, title from art_fts;",
    ("select * from v where title = 'dog'", [("dog", "The foxes")]),
    ("select * from w where rowid = 2", [(2, "dog")]),
)
case(
    "external_content_with_a_filter",
    EXTERNAL,
    ("select rowid from art_fts order by 1", [2, 9]),
    plan='[tables.art]\nwhere = "n > 3"\n',
)
for name, plan in (
    ("table", "[tables.art]\nexclude = true\n"),
    ("column", "[tables.art.columns.body]\nexclude = true\n"),
):
    case(
        f"external_content_whose_{name}_is_left_out",
        EXTERNAL,
        ("select to_regclass('art_fts') is null",),
        exits=3,
        says="virtual table art_fts",
        plan=plan,
    )
case(
    "external_content_that_is_gone",
    EXTERNAL.replace(SYNC, "") + "drop table art; create table t(id integer primary key);",
    ("select count(*) = 0 from t",),
    ("select to_regclass('art_fts') is null",),
    exits=3,
    says="its text is that of art, which is not carried",
)
case(
    "an_excluded_full_text_table_is_not_told",
    EXTERNAL,
    ("select to_regclass('art_fts') is null",),
    plan="[tables.art_fts]\nexclude = true\n",
)

# ------------------------------------------------------------------ what stays behind

case(
    "contentless_tables_are_told_with_what_to_do",
    """create table t(id integer primary key); create virtual table a using fts5(x, content='');
    insert into a(rowid, x) values(1, 'fox'); create virtual table b using fts4(x, content="");
    create trigger g after insert on t begin insert into a(rowid, x) values(new.id, 'x'); end;""",
    ("select to_regclass('a') is null and to_regclass('b') is null",),
    ("select count(*) from litelift.untranslated where reason like '%GENERATED ALWAYS AS (to_tsvector%'", [2]),
    exits=3,
    says="the trigger g only keeps a search index up to date",
)
case(
    "words_of_a_full_text_table_are_told",
    """create virtual table docs using fts5(x); insert into docs values('fox dog');
    create virtual table words using fts5vocab(docs, row);""",
    ("select count(*) = 1 from docs",),
    exits=3,
    says=("ts_stat()", "its 2 rows stay in the source"),
)


def damaged(*statements: str) -> Callable[[Path], None]:
    """A source whose schema or shadow tables are changed behind SQLite's back."""

    def make(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(
                """create table t(id integer primary key); insert into t values(1);
                create virtual table docs using fts5(a); insert into docs values('fox');
                create virtual table spots using rtree(id, x0, x1); insert into spots values(1, 2, 3);
                create virtual table packed using fts4(a);
                pragma writable_schema = on;"""
            )
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return make


for name, says, statement in (
    (
        "docs",
        "no such module: absent",
        "update sqlite_master set sql = replace(sql, 'fts5', 'absent') where name = 'docs'",
    ),
    (
        "spots",
        "no such module: geopoly",
        "update sqlite_master set sql = replace(sql, 'rtree(id, x0, x1)', 'geopoly(x)') where name = 'spots'",
    ),
    ("spots", "undersize RTree blobs", "update spots_node set data = x'0000'"),
    ("spots", "Wrong number of entries in %_rowid", "insert into spots_rowid values(2, 1)"),
    (
        "packed",
        "its rows cannot be read here",
        "update sqlite_master set sql = replace(sql, '(a)', '(a, uncompress=u, compress=c)') where name = 'packed'",
    ),
    ("docs", "its rows cannot be read here", "drop table docs_content"),
):
    case(
        f"unreadable_{name}_{says}",
        damaged(statement),
        ("select count(*) = 1 from t",),
        (f"select to_regclass('{name}') is null",),
        exits=3,
        says=(f"virtual table {name}", says),
    )

# ------------------------------------------------------------------ R*Trees

SPOTS = [(1, 1.0, 2.0, 3.0, 4.0), (2, 5.5, 6.0, 7.0, 8.0), (5, -1.0, -0.5, 2.0, 3.5)]
case(
    "rtree",
    filled(
        "create virtual table spots using rtree(id, minx, maxx, miny, maxy)",
        ("insert into spots values (?,?,?,?,?)", SPOTS),
    ),
    ("select id, minx, maxx, miny, maxy from spots order by id", SPOTS),
    ("select id from spots where minx > 4", [2]),
    (NO_SHADOWS.format("spots"),),
    ("select id from spots where box && box(point(1.5, 3.5), point(9, 9)) order by id", [1, 2]),
    ("insert into spots(minx, maxx, miny, maxy) values(0, 0, 0, 0) returning id", [6]),
    ("insert into spots values(9, 2, 1, 0, 0)", "error"),
    (USES_INDEX.format("select id from spots where box && box(point(1, 3), point(9, 9))", "spots_box_idx"),),
    says="box && box(point(..,..), point(..,..))",
)
BOXES = {
    1: ["(1,0),(0,0)"],
    2: ["(1,3),(0,2)"],
    3: ["(1,3),(0,2)", "(5,0),(4,0)"],
    4: ["(1,3),(0,2)", "(5,7),(4,6)"],
    5: ["(1,3),(0,2)", "(5,7),(4,6)", "(9,0),(8,0)"],
}
for size, texts in BOXES.items():
    edges = [f"{edge}{number}" for number in range(size) for edge in ("least", "most")]
    boxes = ", ".join(["box", "box2", "box3"][: len(texts)])
    for module in ("rtree", "rtree_i32"):
        case(
            f"{module}_of_{size}_dimensions",
            filled(
                f"create virtual table r using {module}(id, {', '.join(edges)})",
                (f"insert into r values ({', '.join('?' * (2 * size + 1))})", [(1, *range(2 * size))]),
            ),
            (f"select {', '.join(edges)} from r", [tuple(range(2 * size))]),
            (f"select {boxes.replace(',', '::text,')}::text from r", [tuple(texts)]),
            (f"select count(*) = {size} from pg_constraint where contype = 'c' and conrelid = 'r'::regclass",),
            (f"select indexdef like '%USING gist ({boxes})' from pg_indexes where indexname = 'r_box_idx'",),
        )
case(
    "coordinates_are_exactly_those_of_32_bits",
    "create virtual table r using rtree(id, a, b); insert into r values(1, 0.1, 0.2), (2, -1e30, 1e999);",
    (
        "select a, b from r order by id",
        [(0.09999998658895493, 0.20000000298023224), (-1.0000000150474662e30, float("inf"))],
    ),
)
case(
    "auxiliary_columns_and_hostile_names",
    """create virtual table "r'%s" using rtree("i d", "min""x", "box", +label text, +anything, +"oid");
    insert into "r'%s" values(1, 2, 3, 'x', x'00ff', 5);""",
    ("""select "i d", "min""x", box, label, anything, oid from "r'%s" """, [(1, 2.0, 3.0, "x", b"\x00\xff", 5)]),
    ("select count(*) from information_schema.columns where data_type = 'box' and column_name like 'box\\_%'", [1]),
)
case(
    "a_plan_that_leaves_out_a_coordinate",
    "create virtual table r using rtree(id, a, b); insert into r values(1, 2, 3);",
    ("select id, a from r", [(1, 2.0)]),
    exits=3,
    says="its box and its index need b",
    plan="[tables.r.columns.b]\nexclude = true\n",
)

# ------------------------------------------------------------------ --data-only

case(
    "the_text_of_a_table_whose_tokenizer_is_not_here_arrives",
    damaged("update sqlite_master set sql = replace(sql, '(a)', '(a, tokenize=mine)') where name = 'docs'"),
    ("select id, c0 from docs_content", [(1, "fox")]),
    ("select to_regclass('docs_data') is null and to_regclass('docs_idx') is null",),
    exits=3,
    says=("no such tokenizer: mine", "its text arrives in the table docs_content"),
)
case(
    "data_only_needs_no_place_for_the_text_of_an_index",
    damaged("update sqlite_master set sql = replace(sql, '(a)', '(a, tokenize=mine)') where name = 'docs'"),
    ("select count(*) = 1 from t",),
    args="--data-only",
    says="the shadow table docs_content stays behind",
    target="create table t(id bigint primary key);",
)
PLAIN = "create virtual table docs using fts5(title, body); insert into docs values('fox', 'x'), ('dog', null);"
case(
    "data_only_fills_a_table_of_that_name",
    PLAIN,
    ("select id, title, body from docs order by id", [(1, "fox", "x"), (2, "dog", None)]),
    ("select id from docs where tsv @@ 'fox'::tsquery", [1]),
    args="--data-only",
    target="""create table docs(id bigint primary key, title text, body text,
        tsv tsvector generated always as (to_tsvector('simple', coalesce(title, ''))) stored);""",
)
case(
    "data_only_fills_a_table_without_the_rowid",
    PLAIN,
    ("select title, body from docs order by title", [("dog", None), ("fox", "x")]),
    args="--data-only",
    says="docs.rowid has no place in the target",
    target="create table docs(title text, body text, tsv tsvector not null default '');",
)
case(
    "data_only_leaves_virtual_tables_behind",
    PLAIN + EXTERNAL + "create virtual table r using rtree(id, a, b); insert into r values(1, 2, 3);",
    ("select count(*) = 3 from art",),
    args="--data-only",
    says=(
        "the virtual table docs stays behind",
        "the virtual table r stays behind",
        "the virtual table art_fts stays behind",
    ),
    target="create table art(id bigint primary key, title text, body text, n int, born date, tsv tsvector);",
)
case(
    "data_only_leaves_an_index_of_another_shape",
    PLAIN + "create table t(id integer primary key);",
    ("select count(*) = 0 from docs",),
    args="--data-only",
    says="the virtual table docs stays behind",
    target="create table t(id bigint primary key); create table docs(id bigint primary key, tsv tsvector not null);",
)
case(
    "data_only_makes_missing_tables_where_the_plan_says_so",
    PLAIN + "create table t(id integer primary key);",
    ("select rowid from docs where tsv @@ 'fox'::tsquery", [1]),
    args="--data-only",
    target="create table t(id bigint primary key);",
    plan='[defaults]\nmissing_tables = "create"\n',
)
case(
    "data_only_fills_an_rtree",
    "create virtual table r using rtree(id, a, b); insert into r values(1, 2, 3);",
    ("select id, a, b from r", [(1, 2.0, 3.0)]),
    args="--data-only",
    target="create table r(id int primary key, a real, b double precision);",
)

EVERYWHERE = (
    "fts5",
    "fts4_with_docid",
    "the_porter_tokenizer",
    "external_content_is_a_view",
    "rtree",
    "rtree_of_5_dimensions",
)


@cases.each
def test_virtual_tables(case: Case, database: str, tmp_path: Path) -> None:
    hold(case, database, tmp_path)


@pytest.mark.postgres(18)
@pytest.mark.parametrize(
    "name", [*EVERYWHERE, "external_content_of_fts4_with_porter", "data_only_fills_a_table_of_that_name"]
)
def test_virtual_tables_on_postgresql_18(name: str, database: str, tmp_path: Path) -> None:
    hold(cases[name], database, tmp_path)


@pytest.mark.parametrize("name", EVERYWHERE)
def test_virtual_tables_on_the_machines_own_server(name: str, icu_database: str, tmp_path: Path) -> None:
    hold(cases[name], icu_database, tmp_path)
