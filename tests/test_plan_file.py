"""The plan file: what it says is read exactly, and what it says wrongly is told with its line and the right word."""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from litelift.errors import PlanFileError, UsageError
from litelift.plan.emit import ColumnProposal, TableProposal, emit_plan
from litelift.plan.file import Defaults, PlanFile, parse_type, read_plan
from litelift.plan.valuemap import ValueMap
from litelift.postgres.types import PgType
from litelift.sqlite.schema import Column, OtherObject, Schema, Table
from litelift.tomlfile.locate import key_lines

SCHEMA = Schema(
    tables=(
        Table("surveys", (Column("id"), Column("status"), Column("Title"))),
        Table("users", (Column("id"), Column("e-mail"))),
    ),
    others=(OtherObject("view", "open_surveys", None, ""), OtherObject("virtual table", "docs", None, "")),
)


@pytest.fixture
def plan(tmp_path: Path) -> Callable[[str], PlanFile]:
    """Read a plan from a text."""

    def read(text: str) -> PlanFile:
        path = tmp_path / "plan.toml"
        path.write_text(dedent(text), encoding="utf-8")
        return read_plan(path)

    return read


def refused(read: Callable[[str], PlanFile], text: str, schema: Schema | None = None) -> tuple[int, str]:
    """The line and message with which a text is refused."""
    with pytest.raises(PlanFileError) as caught:
        made = read(text)
        if schema is not None:
            made.check_against(schema)
    assert caught.value.exit_code == 2
    assert "plan.toml:" in str(caught.value)
    line = caught.value.facts["line"]
    assert isinstance(line, int)
    return line, str(caught.value)


def test_every_key_of_the_contract_is_read(plan: Callable[[str], PlanFile]) -> None:
    made = plan("""
        [defaults]
        identifiers = "lower"
        on_misfit = "widen"
        schema = "app"
        missing_tables = "skip"

        [tables.surveys]
        name = "questionnaires"
        where = "deleted_at is null"
        exclude = false

        [tables.migrations]
        bookkeeping = false

        [tables.surveys.columns.status]
        name = "state"
        type = "varchar(20)"
        values = { "aktiv" = "active", "qaralama" = "draft", "bağlı" = "closed" }
        unmapped = "keep"
        match = "casefold"
        locale = "az_AZ.UTF-8"
        enum = "survey_status"
        on_misfit = "quarantine"

        [tables.surveys.columns.secret]
        exclude = true
    """)
    assert made.defaults == Defaults(identifiers="lower", on_misfit="widen", schema="app", missing_tables="skip")
    assert made.table("SURVEYS").name == "questionnaires"
    assert made.table("surveys").where == "deleted_at is null"
    assert made.table("migrations").bookkeeping is False
    assert made.table("surveys").bookkeeping is None
    status = made.column("surveys", "Status")
    assert (status.name, status.enum, status.pg_type) == ("state", "survey_status", PgType("varchar", length=20))
    assert status.value_map == ValueMap(
        {"aktiv": "active", "qaralama": "draft", "bağlı": "closed"}, "keep", "casefold", "az"
    )
    assert made.column("surveys", "secret").exclude
    assert made.on_misfit("surveys", "status") == "quarantine"
    assert made.on_misfit("surveys", "title") == "widen"


def test_an_empty_file_decides_nothing(plan: Callable[[str], PlanFile]) -> None:
    made = plan("")
    assert made.model_dump() == PlanFile().model_dump()
    assert made.table("any").name is None
    assert made.value_map("any", "column") is None
    made.check_against(SCHEMA)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[tables.t]\nexlude = true", 2, "did you mean 'exclude'?"),
        ("[defaults]\n\n# here\nidentifers = 'lower'", 4, "did you mean 'identifiers'?"),
        ("[defaults]\nidentifiers = 'lowr'", 2, "did you mean 'lower'?"),
        ("[defaults]\nmissing_tables = 'ignore'", 2, "fail, create or skip"),
        ("[defaults]\nschema_name = 'x'", 2, "did you mean 'schema'?"),
        ("[defaults]\nschema = 'litelift'", 2, "own tables"),
        ("[defaults]\nschema = 'pg_x'", 2, "PostgreSQL itself"),
        ("[tabels.t]\nexclude = true", 1, "did you mean 'tables'?"),
        ("[surveys]\nexclude = true", 1, "[tables.surveys]"),
        ("[tables.t]\n[tables.t.status]\ntype = 'text'", 2, "[tables.t.columns.status]"),
        ("identifiers = 'lower'", 1, "[defaults]"),
        ("[tables.t]\nexclude = 'true'", 2, "expected true or false; got 'true'"),
        ("[tables.t]\nname = 3", 2, "expected text in quotes; got 3"),
        ("[tables.t]\nname = ''", 2, "expected a name"),
        (f"[tables.t]\nname = '{'ə' * 32}'", 2, "64 bytes"),
        ("[tables.t]\nwhere = ' '", 2, "condition"),
        ("[tables.t.columns.c]\nvalues = ['a']", 2, "expected a table"),
        ("[tables.t.columns.c]\nvalues = { a = 1 }", 2, "values.a: expected text in quotes; got 1"),
        ("[tables.t.columns.c]\nvalues.a = 'b'\nvalues.b = true", 3, "values.b"),
        ("[tables.t.columns.c]\nname = 'd'\nvalues = { a = \"\\u0000\" }", 3, "NUL"),
        ("[tables.t.columns.c]\nunmapped = 'kep'", 2, "did you mean 'keep'?"),
        ("[tables.t.columns.c]\nlocale = 'azeri'", 2, "not a locale"),
        ("[tables.t.columns.c]\nmatch = 'casefold'\nvalues = { A = 'x', a = 'y' }", 3, "without regard to case"),
        ("[tables.t.columns.c]\ntype = 'intger'", 2, "did you mean 'integer'?"),
        ("[tables.t.columns.c]\ntype = 'datetime'", 2, "did you mean 'timestamp'?"),
        ("[tables.t.columns.c]\ntype = 'text; drop table users'", 2, "unexpected ';'"),
        ("[tables.t.columns.c]\ntype = 'bigint'\nenum = 'e'", 3, "enum makes a type of its own"),
        ("[tables.t.columns]\nc = 'text'", 2, "expected a table"),
        ("tables = 1", 1, "expected a table"),
        ("[[tables]]\nname = 'x'", 1, "got an array"),
        ("[tables.t]\n\nname = 'x", 3, "not valid TOML"),
        ("[tables.t]\nname = 'x'\nname = 'y'", 3, "not valid TOML"),
        ("[tables.t", 1, "not valid TOML"),
        ("x = " + "[" * 5000, 1, "TOML"),
        ("x = " + "9" * 5000, 1, "TOML"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_right_word(
    plan: Callable[[str], PlanFile], text: str, line: int, says: str
) -> None:
    at, message = refused(plan, text)
    assert at == line
    assert says in message


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(plan: Callable[[str], PlanFile]) -> None:
    line, message = refused(plan, "[tables.t]\nexclud = true\nname = 1\n[defaults]\nschem = 'x'\n")
    assert line == 2
    assert [part.split(": ")[0].rsplit(":", 1)[1] for part in message.splitlines()] == ["2", "3", "5"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[tables.survey]\nexclude = true", 1, "no table 'survey'; did you mean 'surveys'?"),
        ("\n[tables.surveys.columns.statuss]\nname = 'x'", 2, "no column 'statuss'; did you mean 'status'?"),
        ("[tables.users.columns.'email']\nname = 'x'", 1, "did you mean 'e-mail'?"),
        ("[tables]\nsurveys = { columns = {\"stat\" = {name = 'x'}} }", 2, "did you mean 'status'?"),
        ("tables.surveys.exclude = true\ntables.SURVEYS.exclude = true", 2, "are one table"),
        ("[tables.surveys]\n[tables.surveys.columns]\nid.name = 'x'\nID.name = 'y'", 4, "are one column"),
        ("[tables.open_surveys]\nname = 'x'", 1, "is a view"),
        ("[tables.surveys]\nname = 'users'", 2, "'users' and 'surveys' would be one"),
        ("[tables.surveys.columns.TITLE]\nname = 'status'", 2, "'status' and 'Title' would be one"),
        ("[defaults]\nidentifiers='lower'\n[tables.surveys.columns.status]\nname = 'title'", 4, "would be one"),
    ],
)
def test_what_the_source_does_not_have_is_told_with_its_line(
    plan: Callable[[str], PlanFile], text: str, line: int, says: str
) -> None:
    at, message = refused(plan, text, SCHEMA)
    assert at == line
    assert says in message


@pytest.mark.parametrize(
    "text",
    [
        "[tables.SURVEYS.columns.TITLE]\nname = 'heading'",
        "[tables.surveys]\nname = 'users'\n[tables.users]\nname = 'surveys'",
        "[tables.surveys]\nname = 'users'\n[tables.users]\nexclude = true",
        "[tables.docs]\nexclude = true",
        "[tables.users.columns.'e-mail']\nname = 'email'",
    ],
)
def test_a_plan_that_fits_the_source_passes(plan: Callable[[str], PlanFile], text: str) -> None:
    plan(text).check_against(SCHEMA)


def test_a_missing_file_and_a_folder_are_errors_of_usage(tmp_path: Path) -> None:
    for path in (tmp_path / "nosuch.toml", tmp_path):
        with pytest.raises(UsageError) as caught:
            read_plan(path)
        assert caught.value.exit_code == 2
        assert str(path) in str(caught.value)


def test_a_file_from_windows_is_read_and_its_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(b"\xef\xbb\xbf[tables.t]\r\n\r\nexclude = true\r\n")
    assert read_plan(path).table("t").exclude
    path.write_bytes(b"\xef\xbb\xbf[tables.t]\r\n\r\nexclud = true\r\n")
    with pytest.raises(PlanFileError) as caught:
        read_plan(path)
    assert caught.value.facts["line"] == 3


def test_a_file_that_is_not_utf8_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(b"[tables.t]\nname = '\xff'\n")
    with pytest.raises(PlanFileError) as caught:
        read_plan(path)
    assert caught.value.facts["line"] == 2


def test_later_stages_can_name_a_line_of_the_plan(plan: Callable[[str], PlanFile]) -> None:
    made = plan("[tables.t]\n\n[tables.t.columns.C]\nname = 'x'\ntype = 'app.mood'\n")
    assert made.error(("tables", "T", "columns", "c", "type"), "no such type").facts["line"] == 5
    assert made.error(("tables", "T", "columns", "c", "enum"), "no such type").facts["line"] == 3
    assert made.error(("tables", "other"), "x").facts["line"] == 1


def test_the_locator_finds_keys_however_toml_writes_them() -> None:
    text = dedent("""\
        # a comment with [brackets] and "quotes
        top."dotted \\u0041" . 'key' = '''
        [not.a.header]
        '''
        [ a . "b.c" ]  # comment
        s = \"\"\"one "" [two]
        x = 1 ""\"\"\"
        list = [
          1,  # ]
          [2, "]"],
          { deep = { er = 1 } },
        ]
        d = 1979-05-27T07:32:00Z
        [[many]]
        k = 1
        [[many]]
        k = 2
        [many.sub]
        z = { }
        """)
    data = tomllib.loads(text)
    lines = key_lines(text)
    assert data["a"]["b.c"]["s"].endswith('""')
    assert lines[("top", "dotted A", "key")] == 2
    assert lines[("a", "b.c")] == 5
    assert lines[("a", "b.c", "s")] == 6
    assert ("a", "b.c", "x") not in lines
    assert lines[("a", "b.c", "list", 1, 1)] == 10
    assert lines[("a", "b.c", "list", 2, "deep", "er")] == 11
    assert lines[("a", "b.c", "d")] == 13
    assert lines[("many", 0, "k")] == 15
    assert lines[("many", 1, "k")] == 17
    assert lines[("many", 1, "sub", "z")] == 19


# ------------------------------------------------------------------------------------------------------- types

TYPES_AND_FORMAT = [
    ("text", "text"),
    ("VARCHAR(20)", "character varying(20)"),
    ("varchar", "character varying"),
    ("char", "character(1)"),
    ("bpchar", "bpchar"),
    ("national character varying (3)", "character varying(3)"),
    ("numeric(10,2)", "numeric(10,2)"),
    ("decimal(5)", "numeric(5,0)"),
    ("int", "integer"),
    ("int8", "bigint"),
    ("float(24)", "real"),
    ("float", "double precision"),
    ("double precision", "double precision"),
    ("timestamp(0) with time zone", "timestamp(0) with time zone"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz(3)", "timestamp(3) with time zone"),
    ("time(0)", "time(0) without time zone"),
    ("interval day to second(3)", "interval day to second(3)"),
    ("interval(2)", "interval(2)"),
    ("bit", "bit(1)"),
    ("bit varying(5)", "bit varying(5)"),
    ("text[]", "text[]"),
    ("varchar(20)[][3]", "character varying(20)[]"),
    ("timestamp(0)[]", "timestamp(0) without time zone[]"),
    ("integer ARRAY[4]", "integer[]"),
    ("pg_catalog.int4", "integer"),
    ("jsonb", "jsonb"),
    ('"char"', '"char"'),
    ('litelift_test."My ""Type"', 'litelift_test."My ""Type"'),
    ('litelift_test."My ""Type"[]', 'litelift_test."My ""Type"[]'),
    ("litelift_test.Order", 'litelift_test."order"'),
]


def test_a_type_means_to_the_server_what_the_words_mean(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create schema litelift_test")
        connection.execute('create type litelift_test."My ""Type" as enum (\'a\')')
        connection.execute('create domain litelift_test."order" as text')
        for number, (words, wanted) in enumerate(TYPES_AND_FORMAT):
            table = sql.Identifier(f"t{number}")
            connection.execute(sql.SQL("create table {} (c {})").format(table, parse_type(words).sql()))
            found = connection.execute(
                "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass"
                " and attnum = 1",
                (f"t{number}",),
            ).fetchone()
            assert found == (wanted,), words


@pytest.mark.parametrize(
    "words",
    [
        "",
        "()",
        "text; drop table x",
        "text) --",
        "text/**/",
        'text collate "C"',
        "text default 1",
        "text not null",
        "a.b.c",
        "setof text",
        "varchar(0)",
        "varchar(20000000)",
        "varchar(a)",
        "varchar(-1)",
        "varchar('x')",
        "numeric(2,3)",
        "numeric(1001)",
        "timestamp(7)",
        "int(11)",
        "interval year(2)",
        "integer unsigned",
        "text[",
        '"%s"',
        '""',
        '"a',
        "x" * 64,
        "int4%rowtype",
        "geometry(point,(select 1))",
    ],
)
def test_words_that_are_no_type_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_type(words)


def test_an_own_type_is_quoted_and_left_to_the_server() -> None:
    assert parse_type("app.Mood") == PgType("mood", "other", schema="app", written='"app"."mood"')
    assert parse_type("vector(3)") == PgType("vector", "other", written='"vector"(3)')
    assert parse_type("geometry(Point, 4326)").written == '"geometry"("point",4326)'


@given(st.text(alphabet=st.sampled_from(list("ab\"(),.[] 1%;'-/*\0\n$:{}ə")) | st.characters(), max_size=20))
def test_nothing_but_names_and_numbers_gets_through(words: str) -> None:
    try:
        found = parse_type(words)
    except ValueError:
        return
    outside: list[str] = []
    written = found.sql().as_string(None).replace('""', "")
    for position, part in enumerate(written.split('"')):
        if position % 2 == 0:
            outside.append(part)
    assert not set("".join(outside)) - set("abcdefghijklmnopqrstuvwxyz0123456789 _(),.[]")
    assert written.count('"') % 2 == 0
    assert "%" not in written
    assert "\0" not in written


# ------------------------------------------------------------------------------------------------------- emit


def test_a_proposal_that_is_only_suggested_is_written_out_but_not_in_force(plan: Callable[[str], PlanFile]) -> None:
    text = emit_plan(
        [
            TableProposal("surveys", 1234, "surveys"),
            ColumnProposal("surveys", "status", ["looks like an enum"], {"values": {"aktiv": "active"}}),
            ColumnProposal("surveys", "score", ["holds '', 'n/a'"], {"on_misfit": "quarantine"}, active=True),
            TableProposal("order", 1, "orders", note="renamed"),
        ],
        heading=["Made by a test"],
        defaults=Defaults(schema="app"),
    )
    assert text.startswith("# Made by a test\n")
    assert '# values = { "aktiv" = "active" }\n' in text
    assert "# 1,234 rows\n" in text
    made = plan(text)
    assert made.defaults.schema_name == "app"
    assert made.value_map("surveys", "status") is None
    assert made.on_misfit("surveys", "score") == "quarantine"
    assert made.table("order").name == "orders"
    freed = plan(text.replace("# values", "values"))
    assert freed.value_map("surveys", "status") == ValueMap({"aktiv": "active"})


def test_a_long_value_map_is_written_on_lines_of_its_own_and_reads_the_same(plan: Callable[[str], PlanFile]) -> None:
    values = {f"köhnə dəyər {n}": f"new value {n}" for n in range(12)}
    text = emit_plan([ColumnProposal("t", "c", (), {"values": values}, active=True)])
    assert max(map(len, text.splitlines())) < 100
    assert plan(text).column("t", "c").values == values


def test_what_a_plan_cannot_hold_is_commented_out_with_the_reason(plan: Callable[[str], PlanFile]) -> None:
    text = emit_plan(
        [
            TableProposal("t", 2, "ə" * 40),
            ColumnProposal("t", "c", (), {"values": {"a": "\0"}}, active=True),
            ColumnProposal("t", "d", (), {"values": {"a": "b"}}, active=True),
            ColumnProposal("t", "d", (), {"values": {"a": "c"}}, active=True),
            ColumnProposal("t", "e\udcff", (), {"name": "e"}, active=True),
            ColumnProposal("t", "f", (), {"values": {"f\udcff": "x"}}, active=True),
            TableProposal("u\udcff", 2, "u"),
        ]
    )
    made = plan(text)
    assert made.table("t").name is None
    assert made.column("t", "c").values is None
    assert made.column("t", "d").values == {"a": "b"}
    assert made.column("t", "f").values is None
    assert set(made.tables) == {"t"}
    assert "80 bytes" in text
    assert "that a TOML file cannot hold" in text


_hostile = st.text(
    alphabet=st.one_of(
        st.sampled_from(list("\"'\\\0\x1b\x7f\r\n\t\u0085\u2028\ufeff\u202e.#[]{}= ab")), st.characters()
    ),
    max_size=12,
) | st.text(alphabet=st.characters(categories=["Cs", "Ll"]), max_size=4)
_values = st.dictionaries(_hostile, _hostile, max_size=12)
_keys = st.fixed_dictionaries(
    {},
    optional={
        "name": _hostile,
        "type": _hostile,
        "values": _values,
        "enum": _hostile,
        "exclude": st.booleans(),
        "unmapped": st.sampled_from(["fail", "keep", "nonsense"]),
        "match": st.sampled_from(["exact", "casefold"]),
    },
)
_proposals = st.lists(
    st.builds(TableProposal, _hostile, st.integers(0, 10**9), _hostile, _hostile)
    | st.builds(ColumnProposal, _hostile, _hostile, st.lists(_hostile, max_size=3), _keys, st.booleans()),
    max_size=6,
)


@given(_proposals, st.lists(_hostile, max_size=3))
def test_whatever_the_names_and_values_are_the_file_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, proposals: list[TableProposal | ColumnProposal], heading: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "plan.toml"
    path.write_text(emit_plan(proposals, heading=heading), encoding="utf-8", newline="")
    made = read_plan(path)
    for proposal in proposals:
        if isinstance(proposal, ColumnProposal) and not any(
            "\ud800" <= c <= "\udfff" for c in proposal.table + proposal.column
        ):
            assert proposal.column in made.tables[proposal.table].columns


@given(
    _hostile,
    _hostile,
    st.dictionaries(
        st.text(max_size=9), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1
    ),
)
def test_a_value_map_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, table: str, column: str, values: dict[str, str]
) -> None:
    table, column = (name.encode("utf-8", "replace").decode() for name in (table, column))
    path = tmp_path_factory.getbasetemp() / "map.toml"
    text = emit_plan([ColumnProposal(table, column, (), {"values": values}, active=True)])
    path.write_text(text, encoding="utf-8", newline="")
    assert read_plan(path).tables[table].columns[column].values == values
    assert ("tables", table, "columns", column, "values") in key_lines(text)


def test_names_that_sqlite_allows_survive_the_way_there_and_back(
    make_sqlite: Callable[..., Path], plan: Callable[[str], PlanFile]
) -> None:
    names = ['a "b" c', "x.y", "sélect", "tab\there", "", "'); drop table users; --", "%s"]
    path = make_sqlite("".join(f'create table "{n.replace(chr(34), chr(34) * 2)}"(x);' for n in names))
    connection = sqlite3.connect(path)
    found = [row[0] for row in connection.execute("select name from sqlite_schema")]
    connection.close()
    schema = Schema(tuple(Table(name, (Column("x"),)) for name in found))
    made = plan(emit_plan([TableProposal(name, 0, name) for name in found]))
    made.check_against(schema)
    assert set(made.tables) == set(names)
