from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litelift.errors import DdlError
from litelift.sqlite.ddl import KeyPart
from litelift.sqlite.ddl_index import IndexDefinition, parse_create_index
from litelift.sqlite.ddl_table import (
    ColumnDefinition,
    KeyDefinition,
    TableDefinition,
    parse_create_table,
)
from litelift.sqlite.lexer import quote_identifier, tokenize
from litelift.sqlite.schema import Check, ForeignKey
from litelift.sqlite.virtual import VirtualTableDefinition, has_external_content, parse_virtual_table


def column(sql: str) -> ColumnDefinition:
    return parse_create_table(f"create table t({sql})").columns[0]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a", ColumnDefinition("a")),
        ("a varchar(10, 2)", ColumnDefinition("a", "varchar(10, 2)")),
        ("a double unsigned", ColumnDefinition("a", "double unsigned")),
        ("a unsigned big int not null", ColumnDefinition("a", "unsigned big int", not_null=True)),
        ("a dec(-1,+2.5) null", ColumnDefinition("a", "dec(-1,+2.5)")),
        ('"a b" "my type"', ColumnDefinition("a b", '"my type"')),
        ("'a' 'int'", ColumnDefinition("a", "'int'")),
        ("key text desc", ColumnDefinition("key", "text desc")),
        ("a int /* x */ default /* y */ 5 -- z\n", ColumnDefinition("a", "int", default="5")),
        ("a default - 5", ColumnDefinition("a", default="- 5")),
        ("a default +.5e3 not null", ColumnDefinition("a", default="+.5e3", not_null=True)),
        ("a default ( /*x*/ datetime('now') /*y*/ )", ColumnDefinition("a", default="datetime('now')")),
        ("a default ((1)+(2))", ColumnDefinition("a", default="(1)+(2)")),
        ("a default current_Timestamp", ColumnDefinition("a", default="current_Timestamp")),
        ("a default TRUE", ColumnDefinition("a", default="TRUE")),
        ("a default null", ColumnDefinition("a", default="null")),
        ("a default x'00ff'", ColumnDefinition("a", default="x'00ff'")),
        ("a default 'it''s'", ColumnDefinition("a", default="'it''s'")),
        ("a default word", ColumnDefinition("a", default="'word'")),
        ('a default "it\'s"', ColumnDefinition("a", default="'it''s'")),
        ('a default "true"', ColumnDefinition("a", default="'true'")),
        ("a default 1 default 2", ColumnDefinition("a", default="2")),
        ("a collate rtrim collate [nocase]", ColumnDefinition("a", collation="nocase")),
        (
            "a int generated always as (b + 1) stored",
            ColumnDefinition("a", "int", False, None, None, "stored", "b + 1"),
        ),
        ("a as (b)", ColumnDefinition("a", generated="virtual", generated_sql="b")),
        ("a int as (b) virtual not null", ColumnDefinition("a", "int", True, None, None, "virtual", "b")),
        ("a int generated", ColumnDefinition("a", "int generated")),
        ("a int generated always", ColumnDefinition("a", "int")),
        ("a constraint x not null constraint y", ColumnDefinition("a", not_null=True)),
        ("a not null on conflict replace unique on conflict ignore", ColumnDefinition("a", not_null=True)),
    ],
)
def test_a_column_is_read_as_written(sql: str, expected: ColumnDefinition) -> None:
    assert column(sql) == expected


def test_every_constraint_keeps_its_name_and_its_sql() -> None:
    table = parse_create_table(
        """CREATE TABLE IF NOT EXISTS main."my ""table" ( -- the table
            id INTEGER CONSTRAINT pk PRIMARY KEY ASC ON CONFLICT ABORT AUTOINCREMENT,
            a TEXT CONSTRAINT u UNIQUE CONSTRAINT c CHECK (a <> ')' /* not this */),
            b CONSTRAINT f REFERENCES p ON DELETE SET NULL ON UPDATE NO ACTION MATCH FULL DEFERRABLE INITIALLY DEFERRED,
            d REFERENCES [p](x) NOT DEFERRABLE INITIALLY DEFERRED CHECK (d),
            CONSTRAINT u2 UNIQUE (a COLLATE nocase DESC, b) ON CONFLICT IGNORE
            CONSTRAINT c2 CHECK (a > 0 and (b)) ON CONFLICT FAIL
            CHECK (1)
            FOREIGN KEY (a, b) REFERENCES q ('x', "y") ON UPDATE CASCADE DEFERRABLE,
            CONSTRAINT unused, CHECK (2)
        ) -- the end"""
    )
    assert table.name == 'my "table'
    assert table.primary_key == KeyDefinition((KeyPart("id", "id"),), "pk", True)
    assert table.uniques == (
        KeyDefinition((KeyPart("a", "a"),), "u"),
        KeyDefinition((KeyPart("a", "a", "nocase", True), KeyPart("b", "b")), "u2"),
    )
    assert table.checks == (
        Check("a <> ')'", "c"),
        Check("d"),
        Check("a > 0 and (b)", "c2"),
        Check("1"),
        Check("2"),
    )
    assert table.foreign_keys == (
        ForeignKey(("b",), "p", (), "f", "SET NULL", "NO ACTION", True, True),
        ForeignKey(("d",), "p", ("x",)),
        ForeignKey(("a", "b"), "q", ("x", "y"), None, "NO ACTION", "CASCADE", True, False),
    )


@pytest.mark.parametrize(
    ("words", "without_rowid", "strict"),
    [
        ("", False, False),
        ("without rowid", True, False),
        ("STRICT", False, True),
        (", strict", False, True),
        ("strict, WITHOUT /* */ ROWID;", True, True),
    ],
)
def test_table_options_are_read(words: str, without_rowid: bool, strict: bool) -> None:
    table = parse_create_table(f"create temp table t(a int primary key){words}")
    assert (table.without_rowid, table.strict) == (without_rowid, strict)


def test_a_table_level_key_may_have_autoincrement_and_an_order() -> None:
    key = parse_create_table("create table t(id integer, primary key(id autoincrement))").primary_key
    assert key == KeyDefinition((KeyPart("id", "id"),), None, True)
    key = parse_create_table("create table t(a, b, constraint k primary key(b desc, 'a'))").primary_key
    assert key == KeyDefinition((KeyPart("b", "b", None, True), KeyPart("'a'", "a")), "k")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("create index i on t(a)", IndexDefinition("i", "t", (KeyPart("a", "a"),))),
        (
            "CREATE UNIQUE INDEX IF NOT EXISTS main.[i j] ON 't' "
            "(\"a\" DESC, b COLLATE 'nocase' ASC) WHERE a IS NOT NULL -- x",
            IndexDefinition(
                "i j", "t", (KeyPart('"a"', "a", None, True), KeyPart("b", "b", "nocase")), True, "a IS NOT NULL"
            ),
        ),
        (
            "create index i on t(lower(a) collate nocase desc, (a || ',') asc, -b) where (a in (1, 2)) and b;",
            IndexDefinition(
                "i",
                "t",
                (KeyPart("lower(a)", None, "nocase", True), KeyPart("(a || ',')"), KeyPart("-b")),
                where="(a in (1, 2)) and b",
            ),
        ),
        (
            "create index i on t(a = b collate nocase)",
            IndexDefinition("i", "t", (KeyPart("a = b collate nocase", None, "nocase"),)),
        ),
        ("create index i on t(1)", IndexDefinition("i", "t", (KeyPart("1"),))),
    ],
)
def test_an_index_is_read_with_its_expressions_and_condition(sql: str, expected: IndexDefinition) -> None:
    assert parse_create_index(sql) == expected


def test_a_virtual_table_is_read_with_its_arguments() -> None:
    sql = "CREATE VIRTUAL TABLE IF NOT EXISTS main.\"d\" USING fts5(a, b UNINDEXED, tokenize = \"x, 'y'\", content='')"
    table = parse_virtual_table(sql)
    assert table == VirtualTableDefinition("d", "fts5", ("a", "b UNINDEXED", "tokenize = \"x, 'y'\"", "content=''"))
    assert has_external_content(table)
    assert parse_virtual_table("create virtual table v using m") == VirtualTableDefinition("v", "m")
    assert parse_virtual_table("create virtual table v using m()") == VirtualTableDefinition("v", "m")
    assert not has_external_content(
        parse_virtual_table("create virtual table v using fts5(content, content_rowid='a')")
    )


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "create table",
        "create table t",
        "create table t as select 1",
        "create table t()",
        "create table t(a",
        "create table t(a,)",
        "create table t(a,,b)",
        "create table t(a) x",
        "create table t(a) without",
        "create table t(a) strict,",
        "create table t(a),",
        "create table t(a); select 1",
        "create table t(a int(10)",
        "create table t(a int(x))",
        "create table t(a int(10) unsigned)",
        "create table t(a check())",
        "create table t(a check(1)",
        "create table t(a check(1;2))",
        "create table t(a default)",
        "create table t(a default - x)",
        "create table t(a default (1) + 1)",
        "create table t(a references)",
        "create table t(a references p on delete)",
        "create table t(a references p on delete set)",
        "create table t(a references p on nothing cascade)",
        "create table t(a references p deferrable initially)",
        "create table t(a not)",
        "create table t(a primary)",
        "create table t(a not null on conflict never)",
        "create table t(a generated always as)",
        "create table t(a, primary key)",
        "create table t(a, primary key())",
        "create table t(a, foreign key(a))",
        "create table t(a, foreign key(a + 1) references p)",
        "create table t(a, check(a), b)",
        "create table t(select int)",
        "create table t(a 'open)",
        "create index i on t(a)",
        "create view t(a) as select 1",
    ],
)
def test_a_malformed_table_is_an_error_and_never_half_read(sql: str) -> None:
    with pytest.raises(DdlError):
        parse_create_table(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "create index i",
        "create index i on t",
        "create index i on t()",
        "create index i on t(a,)",
        "create index i on t(a",
        "create index i on t(a) where",
        "create index i on t(a) where (a",
        "create index i on t(a) where a)",
        "create index i on t(a) where a; b",
        "create index i on t(a autoincrement)",
        "create index i on t(a) x",
        "create table t(a)",
    ],
)
def test_a_malformed_index_is_an_error_and_never_half_read(sql: str) -> None:
    with pytest.raises(DdlError):
        parse_create_index(sql)


def test_an_error_says_what_was_expected_what_came_and_where() -> None:
    sql = "create table t(a int references p on delete explode)"
    with pytest.raises(
        DdlError, match="expected an action such as CASCADE; got explode at character 45 of: create table t"
    ):
        parse_create_table(sql)
    assert sql[44:].startswith("explode")


# --------------------------------------------------------------------- against SQLite itself

GAPS = st.sampled_from([" ", "\n", "\t ", " /* , ( ' */ ", ' -- ) "\n'])
LABELS = st.text("aZ əŞ\"'`[]-,()1", min_size=1, max_size=6).filter(lambda name: name.strip())
TYPES = st.sampled_from(["", "INTEGER", "varchar(10, 2)", "double unsigned", "unsigned big int", "text(-1)", "blöb"])
DEFAULTS = st.sampled_from([None, "5", "-5", "+ .5", "'x''y'", "x'00'", "NULL", "true", "current_time", "(1 + (2))"])
CHECKS = st.sampled_from(["1", "1 > (0)", "'),' <> ''", "1 in (1, 2)", "true /* x */ and 1"])
ACTIONS = st.sampled_from(["NO ACTION", "SET NULL", "SET DEFAULT", "CASCADE", "RESTRICT"])


@st.composite
def tables(draw: st.DrawFn) -> tuple[TableDefinition, str]:
    """A table, and a statement that makes it, in any case and with comments anywhere."""
    names = draw(st.lists(LABELS, min_size=1, max_size=4, unique_by=str.lower))
    label = st.one_of(st.none(), LABELS)
    columns: list[ColumnDefinition] = []
    checks: list[Check] = []
    keys: list[ForeignKey] = []
    uniques: list[KeyDefinition] = []
    words: list[str] = []

    def quote(name: str) -> str:
        forms = [quote_identifier(name), "`" + name.replace("`", "``") + "`", "'" + name.replace("'", "''") + "'"]
        return draw(st.sampled_from(forms if "]" in name else [*forms, f"[{name}]"]))

    def constraint(name: str | None, *rest: str) -> list[str]:
        return [*(("CONSTRAINT", quote(name)) if name is not None else ()), *rest]

    def foreign_key(own: tuple[str, ...], name: str | None) -> list[str]:
        deferred = draw(st.booleans())
        key = ForeignKey(own, draw(LABELS), (), name, draw(ACTIONS), draw(ACTIONS), deferred, deferred)
        keys.append(key)
        rest = ["REFERENCES", quote(key.parent), "ON DELETE", key.on_delete, "ON UPDATE", key.on_update]
        return [*rest, "DEFERRABLE INITIALLY DEFERRED"] if deferred else rest

    for name in names:
        column = ColumnDefinition(name, draw(TYPES), draw(st.booleans()), draw(DEFAULTS))
        words += [",", quote(name), column.type]
        if column.default is not None:
            words += ["DEFAULT", column.default]
            if column.default.startswith("("):
                column = ColumnDefinition(name, column.type, column.not_null, column.default[1:-1])
        if column.not_null:
            words += constraint(draw(label), "NOT NULL")
        if draw(st.booleans()):
            checks.append(Check(draw(CHECKS), draw(label)))
            words += constraint(checks[-1].name, "CHECK", f"({checks[-1].sql})")
        if draw(st.booleans()):
            own = draw(label)
            words += constraint(own, *foreign_key((name,), own))
        columns.append(column)
    key: KeyDefinition | None = None
    if draw(st.booleans()):
        key = KeyDefinition(tuple(KeyPart(name, name) for name in names), draw(label))
        words += [",", *constraint(key.name, "PRIMARY KEY", f"({','.join(map(quote, names))})")]
    if draw(st.booleans()):
        uniques.append(KeyDefinition((KeyPart(names[-1], names[-1]),), draw(label)))
        words += [",", *constraint(uniques[-1].name, "UNIQUE", f"({quote(names[-1])})")]
    if draw(st.booleans()):
        checks.append(Check(draw(CHECKS), draw(label)))
        words += [",", *constraint(checks[-1].name, "CHECK", f"({checks[-1].sql})")]
    if draw(st.booleans()):
        own = draw(label)
        words += [
            ",",
            *constraint(own, "FOREIGN KEY", f"({','.join(map(quote, names))})", *foreign_key(tuple(names), own)),
        ]
    without_rowid = key is not None and draw(st.booleans())
    table_name = draw(LABELS.filter(lambda name: not name.lower().startswith("sqlite_")))
    words = ["CREATE TABLE", quote(table_name), "(", *words[1:], ")", "WITHOUT ROWID" if without_rowid else ""]
    table = TableDefinition(table_name, tuple(columns), key, tuple(uniques), tuple(checks), tuple(keys), without_rowid)
    return table, "".join(word + draw(GAPS) for word in words)


def without_spelling(key: KeyDefinition | None) -> object:
    return key and (key.name, [part.column for part in key.parts])


@given(tables())
def test_a_table_that_sqlite_takes_is_read_back_whole(made: tuple[TableDefinition, str]) -> None:
    table, sql = made
    connection = sqlite3.connect(":memory:")
    connection.execute(sql)
    ((stored,),) = connection.execute("select sql from sqlite_master where type = 'table'").fetchall()
    told = connection.execute(
        'select name, type, "notnull", dflt_value from pragma_table_xinfo(?)', (table.name,)
    ).fetchall()
    keys = connection.execute(
        'select id, "from", "table", "to", on_delete, on_update from pragma_foreign_key_list(?) order by id desc, seq',
        (table.name,),
    ).fetchall()
    connection.close()
    for read in (parse_create_table(sql), parse_create_table(stored)):
        assert read.name == table.name
        assert read.columns == table.columns
        assert without_spelling(read.primary_key) == without_spelling(table.primary_key)
        assert [without_spelling(key) for key in read.uniques] == [without_spelling(key) for key in table.uniques]
        assert (read.checks, read.foreign_keys) == (table.checks, table.foreign_keys)
        assert read.without_rowid == table.without_rowid
        key_columns = (
            {part.column for part in read.primary_key.parts} if read.primary_key and read.without_rowid else set()
        )
        assert [
            (column.name, column.type, int(column.not_null or column.name in key_columns), column.default)
            for column in read.columns
        ] == told
        assert [
            (len(read.foreign_keys) - 1 - number, column, key.parent, None, key.on_delete, key.on_update)
            for number, key in enumerate(read.foreign_keys)
            for column in key.columns
        ] == keys


@given(tables(), st.data())
def test_a_statement_cut_short_is_refused_unless_sqlite_takes_it(
    made: tuple[TableDefinition, str], data: st.DataObject
) -> None:
    sql = made[1]
    tokens = tokenize(sql)
    cut = sql[: data.draw(st.sampled_from(tokens)).start]
    connection = sqlite3.connect(":memory:")
    try:
        parse_create_table(cut)
        connection.execute(cut)
    except DdlError:
        with pytest.raises(sqlite3.Error):
            connection.execute(cut or "incomplete")
    finally:
        connection.close()
