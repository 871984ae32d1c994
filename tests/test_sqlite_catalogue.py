from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from operator import methodcaller
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litelift.errors import DdlError
from litelift.sqlite.catalogue import read_catalogue
from litelift.sqlite.lexer import quote_identifier, tokenize
from litelift.sqlite.schema import (
    Affinity,
    Check,
    Column,
    ForeignKey,
    Index,
    IndexPart,
    OtherObject,
    Schema,
    Table,
    affinity_of,
)
from litelift.sqlite.virtual import VirtualTableDefinition


def catalogue(script: str) -> Schema:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(script)
        return read_catalogue(connection)


def table(script: str, name: str = "t") -> Table:
    return catalogue(script).table(name)


NASTY = [
    "create table t(a int, b text, primary key(a, b) unique(b) check(a > 0) foreign key(b) references t(a))",
    "create table t(a, constraint unused, constraint x unique(a) constraint y check(a), constraint z)",
    "create table 't'('a' 'int', \"b c\" \"varchar\"(10), [d] text)",
    "create table t(a varchar(10, 2), b double unsigned, c unsigned big int, d dec(-1, +2))",
    "create table t(a,b,c)",
    "create table t(a int -- first, (not) the last\n, b /* ) */ text /* , c int */) -- the end",
    "create table t(a text default 'x,)y', b default (1 + (2)), c default -5, d default +.5, e default x'00')",
    'create table t(a default word, b default "quoted", c default true, d default null, e default CURRENT_date)',
    "create table t(id integer primary key autoincrement not null on conflict fail, a text unique on conflict ignore)",
    "create table t(id integer constraint k primary key desc, a)",
    "create table t(id integer, a, primary key(id desc))",
    "create table t(id INT primary key, a)",
    "create table t(id integer, primary key(id autoincrement))",
    "create table t(a text collate nocase primary key, b text collate rtrim unique) without rowid",
    "create table t(a int primary key, b any, c text not null) strict, without rowid",
    "create table t(a int, b int generated always as (a + 1) stored, c as (a || ')') virtual, d int as (a))",
    "create table t(a int generated, b int generated always, c text)",
    "create table t(a references p, b references p(x) on delete set null on update cascade match full, c)",
    "create table t(a references p not null deferrable initially deferred, b not deferrable initially deferred)",
    "create table t(a, b, foreign key(a, b) references p deferrable initially deferred, foreign key(b) references t)",
    "create table t(key text, desc int, action, row, temp blob, [select] int, `check` int)",
    "create table t(a text check (a in ('(', ')', ',')) check (length(a) < 10), check (a <> ''))",
    "create table t(rowid, _rowid_, oid)",
    'create table "t t"("a""b" int, `c``d` int, "e]f" int, "%s" int, "ə" text)',
    "create table t(a);alter table t add b text default 'x' references p;alter table t add column c check(c > 1)",
    "create table t(a, check(a) /* x */) ;alter table t add column b int not null default 5",
    "create table t(a -- first\n);alter table t add column b generated always as (a) virtual",
    "create table t(a int, b int, c int);alter table t drop column b;alter table t rename column c to 'd e'",
    "create table t(a, b);alter table t rename to 'new \"name'",
    "create table if not exists t as select 1 as a, 'x' as \"b c\", 2.5 as 'd'",
    "create table t(a, b);create unique index i on t(a desc, b collate nocase) where a > 0 -- c",
    "create table t(a, b);create index if not exists 'i i' on 't'(lower(a) collate rtrim desc, (a+b), a||b, \"b\")",
    "create table t(a, b, unique(a, b), unique(b collate nocase), unique(b), constraint n unique(b, a desc))",
    "create table t(a, unique(a), unique(a), primary key(a))",
    "\ufeffcreate\ttable\ft\r(\na\n)",
    "create table t(a int check(a>0)/**/,/**/b/**/int/**/)/* open",
    "create table t(a int on_delete, b text null, c int null on conflict ignore)",
]


def agrees_with_pragmas(connection: sqlite3.Connection) -> None:
    """Compare the whole catalogue with what the pragmas say of each table."""
    about_columns = 'select name, type, "notnull", dflt_value, pk, hidden from pragma_table_xinfo(?)'
    schema = read_catalogue(connection)
    for found in schema.tables:
        told = connection.execute(about_columns, (found.name,)).fetchall()
        assert [(column.name, column.declared) for column in found.columns] == [row[:2] for row in told]
        for column, row in zip(found.columns, told, strict=True):
            assert column.not_null or not row[2]
            assert (column.generated is not None) == (row[5] in (2, 3))
            if row[3] is None or row[5]:
                assert column.default is None
            else:
                same = "select quote({}), typeof({})"
                written = column.default
                assert written is not None
                stored = row[3] if row[3] not in ("word", '"quoted"') else "'" + row[3].strip('"') + "'"
                assert (
                    connection.execute(same.format(written, written)).fetchone()
                    == connection.execute(same.format(stored, stored)).fetchone()
                )
        assert list(found.primary_key) == [row[0] for row in sorted(told, key=lambda row: int(row[4])) if row[4]]
        listed = connection.execute(
            'select name, "unique", origin, partial from pragma_index_list(?)', (found.name,)
        ).fetchall()
        assert sorted((index.unique, index.origin, index.where is not None) for index in found.indexes) == sorted(
            (bool(row[1]), row[2], bool(row[3])) for row in listed if row[2] != "pk"
        )
        keys = connection.execute(
            'select id, "from", on_update, on_delete from pragma_foreign_key_list(?) order by id desc, seq',
            (found.name,),
        ).fetchall()
        assert [row[1:] for row in keys] == [
            (name, key.on_update, key.on_delete) for key in found.foreign_keys for name in key.columns
        ]
        if found.rowid_alias is not None and found.rowid is not None:
            plan = f"explain query plan select 1 from {quote_identifier(found.name)} where "
            detail = connection.execute(f"{plan}{quote_identifier(found.rowid_alias)} = 1").fetchone()[3]
            assert "INTEGER PRIMARY KEY (rowid=?)" in detail


@pytest.mark.parametrize("script", NASTY)
def test_every_form_that_sqlite_takes_is_read_and_agrees_with_its_pragmas(script: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(script)
        agrees_with_pragmas(connection)


@settings(max_examples=300)
@given(st.sampled_from([script for script in NASTY if ";" not in script]), st.data())
def test_a_statement_changed_at_random_is_read_whenever_sqlite_takes_it(script: str, data: st.DataObject) -> None:
    words = [token.text for token in tokenize(script)]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(3, len(words) - 1))
        other = data.draw(st.integers(3, len(words) - 1))
        change = data.draw(st.sampled_from(["drop", "copy", "swap"]))
        if change == "drop" and len(words) > 6:
            del words[place]
        elif change == "copy":
            words.insert(other, words[place])
        else:
            words[place], words[other] = words[other], words[place]
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.executescript(" ".join(words))
        except sqlite3.Error:
            return
        for found in read_catalogue(connection).tables:
            count = connection.execute("select count(*) from pragma_table_xinfo(?)", (found.name,)).fetchone()[0]
            assert len(found.columns) == count


def test_a_whole_table_arrives_as_plain_data() -> None:
    sql = (
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NoCase NOT NULL DEFAULT 'x', "
        "total REAL AS (id * 2) STORED, CONSTRAINT c CHECK (id > 0), CONSTRAINT u UNIQUE (name))"
    )
    index = "CREATE INDEX i ON t(lower(name) DESC, id) WHERE id > 5"
    schema = catalogue(f"{sql};{index};insert into t(name) values ('a'), ('b'); delete from t")
    assert schema == Schema(
        (
            Table(
                "t",
                (
                    Column("id", "INTEGER", Affinity.INTEGER, True),
                    Column("name", "TEXT", Affinity.TEXT, True, "'x'", "NOCASE"),
                    Column("total", "REAL", Affinity.REAL, generated="stored", generated_sql="id * 2"),
                ),
                ("id",),
                None,
                "rowid",
                "id",
                True,
                checks=(Check("id > 0", "c"),),
                indexes=(
                    Index("u", "t", (IndexPart("name", collation="NOCASE"),), True, "u"),
                    Index(
                        "i", "t", (IndexPart(None, "lower(name)", True), IndexPart("id")), False, "c", "id > 5", index
                    ),
                ),
                sql=sql,
            ),
        ),
        (),
        {"t": 2},
        "UTF-8",
    )


@pytest.mark.parametrize(
    ("sql", "alias"),
    [
        ("create table t(id INTEGER PRIMARY KEY)", "id"),
        ('create table t(id "integer" primary key)', "id"),
        ("create table t(id integer primary key asc unique)", "id"),
        ("create table t(a, id integer, primary key(id desc))", "id"),
        ("create table t(id integer primary key desc)", None),
        ("create table t(id int primary key)", None),
        ("create table t(id integer, b, primary key(id, b))", None),
        ("create table t(id integer primary key) without rowid", None),
        ("create table t(id integer)", None),
    ],
)
def test_only_an_integer_primary_key_is_the_rowid(sql: str, alias: str | None) -> None:
    assert table(sql).rowid_alias == alias


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("create table t(a)", "rowid"),
        ("create table t(RowId text, a)", "_rowid_"),
        ("create table t(rowid, oid)", "_rowid_"),
        ("create table t(rowid, _ROWID_)", "oid"),
        ("create table t(rowid, _rowid_, oid)", None),
        ("create table t(a primary key) without rowid", None),
    ],
)
def test_the_word_for_the_rowid_is_one_that_no_column_hides(sql: str, word: str | None) -> None:
    assert table(sql).rowid == word


def test_not_null_is_what_sqlite_enforces() -> None:
    def not_null(sql: str) -> list[bool]:
        return [column.not_null for column in table(sql).columns]

    assert not_null("create table t(id integer primary key, a not null, b)") == [True, True, False]
    assert not_null("create table t(a text, b text, c, primary key(a, b)) without rowid") == [True, True, False]
    assert not_null("create table t(a text primary key, b)") == [False, False]
    assert not_null("create table t(a text primary key, b text) strict") == [True, False]


@pytest.mark.parametrize(
    ("declared", "affinity"),
    [
        ("INT", Affinity.INTEGER),
        ("UNSIGNED BIG INT", Affinity.INTEGER),
        ("FLOATING POINT", Affinity.INTEGER),
        ("CHARINT", Affinity.INTEGER),
        ("NVARCHAR(100)", Affinity.TEXT),
        ("longClob", Affinity.TEXT),
        ("TEXTBLOB", Affinity.TEXT),
        ("", Affinity.BLOB),
        ("BLOBREAL", Affinity.BLOB),
        ("DOUBLE PRECISION", Affinity.REAL),
        ("float", Affinity.REAL),
        ("DECIMAL(10,5)", Affinity.NUMERIC),
        ("STRING", Affinity.NUMERIC),
        ("any", Affinity.NUMERIC),
        ("ınt", Affinity.NUMERIC),
    ],
)
def test_affinity_follows_the_declared_type_as_sqlite_has_it(declared: str, affinity: Affinity) -> None:
    assert affinity_of(declared) == affinity
    stored = {
        Affinity.INTEGER: "1",
        Affinity.NUMERIC: "1",
        Affinity.REAL: "1.0",
        Affinity.TEXT: "'1'",
        Affinity.BLOB: "'1'",
    }
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"create table t(a {declared})")
        connection.execute("insert into t values ('1')")
        assert connection.execute("select quote(a) from t").fetchone()[0] == stored[affinity]


def test_any_keeps_values_as_they_are_in_a_strict_table_alone() -> None:
    assert table("create table t(a any) strict").columns[0].affinity == Affinity.BLOB
    assert table("create table t(a any)").columns[0].affinity == Affinity.NUMERIC


def test_foreign_keys_come_in_order_with_their_parents_spelled_as_the_parents_spell_themselves() -> None:
    schema = catalogue(
        """create table "Pupil"(Id integer primary key, "Code" text unique, a, b);
        create table pair(x, y, z, primary key(y, x));
        create table nokey(x);
        create table t(k primary key, a references PUPIL,
          b constraint f references pupil(CODE) on delete cascade deferrable,
          c references missing, d references missing(Q), e references nokey, g references pair, h references T,
          foreign key(a, b) references Pair on update set default)"""
    )
    assert schema.table("t").foreign_keys == (
        ForeignKey(("a",), "Pupil", ("Id",)),
        ForeignKey(("b",), "Pupil", ("Code",), "f", "CASCADE", deferrable=True),
        ForeignKey(("c",), "missing", ()),
        ForeignKey(("d",), "missing", ("Q",)),
        ForeignKey(("e",), "nokey", ()),
        ForeignKey(("g",), "pair", ()),
        ForeignKey(("h",), "t", ("k",)),
        ForeignKey(("a", "b"), "pair", ("y", "x"), on_update="SET DEFAULT"),
    )


def test_unique_constraints_keep_their_names_and_have_none_where_they_have_none() -> None:
    found = table(
        "create table t(a constraint one unique, b unique, c, unique(c collate nocase), "
        "constraint two unique(c), constraint three unique(c, a desc), constraint k primary key(b, a))"
    )
    assert [(index.name, index.origin, index.unique) for index in found.indexes] == [
        ("one", "u", True),
        (None, "u", True),
        (None, "u", True),
        ("two", "u", True),
        ("three", "u", True),
    ]
    assert found.indexes[2].parts == (IndexPart("c", collation="NOCASE"),)
    assert found.indexes[4].parts == (IndexPart("c"), IndexPart("a", descending=True))
    assert (found.primary_key, found.primary_key_name) == (("b", "a"), "k")


def test_a_collation_of_the_column_is_that_of_its_indexes_unless_they_say_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "app.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.create_collation("de_DE", lambda one, other: (one > other) - (one < other))
        connection.executescript(
            "create table t(a collate nocase, b collate 'de_DE', unique(b));"
            "create index i on t(a, a collate binary, b, a || 'x' collate rtrim, (a || 'x') collate rtrim)"
        )
    with closing(sqlite3.connect(path)) as connection:
        found = read_catalogue(connection).table("t")
    assert [column.collation for column in found.columns] == ["NOCASE", "de_DE"]
    unique, index = found.indexes
    assert [part.collation for part in unique.parts] == ["de_DE"]
    assert [part.collation for part in index.parts] == ["NOCASE", "BINARY", "de_DE", "BINARY", "RTRIM"]
    assert [part.expression for part in index.parts] == [None, None, None, "a || 'x' collate rtrim", "(a || 'x')"]


def test_sequences_take_the_largest_number_under_the_table_s_own_name() -> None:
    script = """create table "Pupils"(id integer primary key autoincrement);
        create table u(id integer primary key autoincrement);
        create table v(id integer primary key autoincrement); create table w(id integer primary key);
        insert into sqlite_sequence values ('Pupils', 5), ('pUPILS', '12'), ('Pupils', null), ('gone', 9),
          (null, 3), ('u', -4), (x'75', 99), ('v', null)"""
    assert catalogue(script).sequences == {"Pupils": 12, "u": -4}
    assert catalogue("create table t(id integer primary key)").sequences == {}


def test_views_triggers_and_shadows_come_as_others_and_readable_virtual_tables_as_tables() -> None:
    schema = catalogue(
        """create table t(a, b); create view v as select a from t;
        create trigger g after insert on t begin select 1; end;
        create virtual table docs using fts5(a);
        create virtual table old using fts4(a); create virtual table r using rtree(i, x, y);
        create virtual table words using fts5vocab(docs, row); create virtual table bare using fts5(a, content='');
        create table docs_notes(a); create table r_node_backup(nodeno)"""
    )
    assert [found.name for found in schema.tables] == ["t", "docs", "old", "r", "docs_notes", "r_node_backup"]
    assert OtherObject("view", "v", None, "CREATE VIEW v as select a from t") in schema.others
    assert [other.name for other in schema.others if other.kind == "virtual table"] == ["words", "bare"]
    docs = schema.table("docs")
    assert docs.virtual == VirtualTableDefinition("docs", "fts5", ("a",))
    assert [column.name for column in docs.columns] == ["rowid", "a"]
    assert (docs.primary_key, docs.rowid_alias, docs.hidden) == (("rowid",), "rowid", ("rowid",))
    assert [(o.name, o.table) for o in schema.others if o.kind == "trigger"] == [("g", "t")]
    assert {(o.name, o.table) for o in schema.others if o.kind == "shadow table"} == {
        *((f"docs_{suffix}", "docs") for suffix in ("data", "idx", "content", "docsize", "config")),
        *((f"old_{suffix}", "old") for suffix in ("content", "segments", "segdir", "docsize", "stat")),
        *((f"bare_{suffix}", "bare") for suffix in ("data", "idx", "docsize", "config")),
        *((f"r_{suffix}", "r") for suffix in ("node", "rowid", "parent")),
    }


@pytest.mark.parametrize("option", ["content='docs_content', content_rowid='id'", "Content = ''"])
def test_a_table_of_the_application_is_no_shadow_though_it_is_named_like_one(option: str) -> None:
    schema = catalogue(
        f"create table docs_content(id integer primary key, body);create virtual table docs using fts5(body, {option})"
    )
    assert [found.name for found in schema.tables] == ["docs_content"]


def test_a_virtual_table_without_its_module_is_listed_with_its_shadows(make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite(
        """create table t(a); create virtual table docs using fts5(a); create virtual table r using rtree(i, x, y);
        pragma writable_schema = on;
        update sqlite_master set sql = replace(sql, 'fts5', 'absent') where name = 'docs';
        update sqlite_master set sql = replace(sql, 'rtree', 'absent(1) -- ') where name = 'r'"""
    )
    with closing(sqlite3.connect(path)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="no such module"):
            connection.execute("select * from docs")
        schema = read_catalogue(connection)
    kinds = {other.name: other.kind for other in schema.others}
    assert (kinds["docs"], kinds["r"]) == ("virtual table", "virtual table")
    assert {"t", "docs_data"} <= {found.name for found in schema.tables}


def test_the_catalogue_does_not_depend_on_the_callers_factories_or_the_encoding(
    make_sqlite: Callable[..., Path],
) -> None:
    script = 'create table "Şagird %s"("ad """ text, b references \'Şagird %s\');create index "i\'" on "Şagird %s"(b)'
    path = make_sqlite(f"pragma encoding = 'UTF-16le'; {script}")
    plain = make_sqlite(script, name="plain.sqlite")
    with closing(sqlite3.connect(path)) as connection, closing(sqlite3.connect(plain)) as other:
        connection.text_factory = methodcaller("decode", "utf-8", "surrogateescape")
        connection.row_factory = sqlite3.Row
        wide, narrow = read_catalogue(connection), read_catalogue(other)
    assert (wide.encoding, narrow.encoding) == ("UTF-16le", "UTF-8")
    assert (wide.tables, wide.others) == (narrow.tables, narrow.others)


def test_names_that_are_not_utf8_are_read_too(make_sqlite: Callable[..., Path]) -> None:
    path = make_sqlite("create table abcJ(xyzJ int default 'J', unique(xyzJ)); create index ndxJ on abcJ(xyzJ)")
    path.write_bytes(path.read_bytes().replace(b"J", b"\xff"))
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = methodcaller("decode", "utf-8", "surrogateescape")
        (found,) = read_catalogue(connection).tables
    assert (found.name, found.columns[0].name, found.columns[0].default) == ("abc\udcff", "xyz\udcff", "'\udcff'")
    assert [index.name for index in found.indexes] == [None, "ndx\udcff"]


def test_a_temporary_table_of_the_same_name_hides_nothing() -> None:
    found = table("create table t(a int unique, b references p); create temp table t(x, y, z)")
    assert [column.name for column in found.columns] == ["a", "b"]
    assert (len(found.indexes), len(found.foreign_keys)) == (1, 1)


def test_a_table_that_cannot_be_read_is_an_error_that_names_it(
    make_sqlite: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(make_sqlite("create table pupils(a int)"))) as connection:
        monkeypatch.setattr("litelift.sqlite.ddl_table._CONSTRAINT_WORDS", ())
        connection.execute("create table marks(a, check(a))")
        with pytest.raises(DdlError, match="table marks: expected"):
            read_catalogue(connection)


def test_an_old_sqlite_without_table_list_finds_the_same_shadows(monkeypatch: pytest.MonkeyPatch) -> None:
    script = """create virtual table d using fts5(a); create virtual table o using fts4(a);
        create virtual table r using rtree(i, x, y)"""
    today = catalogue(script)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    assert catalogue(script) == today
