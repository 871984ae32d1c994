"""Every predicate means the same on both sides: real SQLite and the real PostgreSQL, row by row, NULL included."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litelift.errors import Untranslatable
from litelift.plan.valuemap import ValueMap
from litelift.postgres import types
from litelift.translate import FUNCTIONS, ColumnContext, translate_expression, translate_predicate

VERSION = 160014

# name, declared in SQLite, PostgreSQL's type, the SQLite values, PostgreSQL's values for them where they differ.
STATUS = types.PgType("status", kind="enum", labels=("active", "draft", "closed"))
MOMENTS: list[object] = [f"202{i}-0{i + 1}-1{i} 0{i}:30:0{i}" for i in range(5)]
DAYS: list[object] = ["2020-01-31", "2020-02-29", "2021-12-31", "2019-06-15", "2024-01-01"]
UUIDS: list[object] = [f"0000000{i}-1111-2222-3333-44444444444{i}" for i in range(5)]
DOCUMENTS: list[object] = ['{"a":1,"b":"x"}', '{"a":"1"}', "[1,2,3]", '{"a":null,"c":true}', '{"a":{"b":[5]}}']
JSON_TEXTS: list[object] = ['{"a":1}', '{"a":false}', '{"a":2.5,"b":[]}', "{}", '{"a":"zz"}']
OLD: list[object] = ["aktiv", "qaralama", "bağlı", "aktiv", "qaralama"]
NEW: list[object] = ["active", "draft", "closed", "active", "draft"]
COLUMNS: list[tuple[str, str, types.PgType, list[object], list[object] | None]] = [
    ("n", "INTEGER", types.BIGINT, [0, 1, -3, 5, 7], None),
    ("m", "INT", types.INTEGER, [2, 0, 5, -1, 100], None),
    ("r", "REAL", types.DOUBLE, [0.5, -2.5, 3.0, 0.0, 1e6], None),
    ("d", "NUMERIC", types.NUMERIC, [1, 2.5, -7, 0, 3], None),
    ("s", "TEXT", types.TEXT, ["abc", "ABC", "", "a%_\\c", "Şəki 5"], None),
    ("Code", "VARCHAR(10)", types.TEXT, ["5", "x5", "a-b", " pad ", "1.5"], None),
    ("active", "BOOLEAN", types.BOOLEAN, [1, 0, 1, 0, 1], [True, False, True, False, True]),
    ("ts", "DATETIME", types.TIMESTAMP, MOMENTS, None),
    ("tz", "DATETIME", types.TIMESTAMPTZ, MOMENTS, None),
    ("day", "DATE", types.DATE, DAYS, None),
    ("at", "TIME", types.TIME, ["00:00:00", "12:30:00", "23:59:59", "06:00:00", "12:00:00"], None),
    ("u", "UUID", types.UUID, UUIDS, None),
    ("j", "JSON", types.JSONB, DOCUMENTS, None),
    ("jt", "TEXT", types.TEXT, JSON_TEXTS, None),
    ("b", "BLOB", types.BYTEA, [b"", b"\x00\xff", b"abc", b"\x01", b"zz"], None),
    ("st", "TEXT", STATUS, OLD, NEW),
    ("mt", "TEXT", types.TEXT, [*OLD[:4], "keep"], [*NEW[:4], "keep"]),
]
MAP = ValueMap({"aktiv": "active", "qaralama": "draft", "bağlı": "closed"}, unmapped="keep")
CONTEXTS = {
    name: ColumnContext(f"The {name}", type_, values=MAP if name in ("st", "mt") else None, declared=declared)
    for name, declared, type_, _, _ in COLUMNS
}


class Both:
    """The same rows on both sides."""

    def __init__(self, database: str) -> None:
        self.sqlite = sqlite3.connect(":memory:")
        self.postgres = psycopg.connect(database, autocommit=True)
        words = ", ".join(f'"{name}" {declared}' for name, declared, *_ in COLUMNS)
        self.sqlite.execute(f"create table t(id integer primary key, {words})")
        self.postgres.execute("create schema litelift")
        for statement in FUNCTIONS.values():
            self.postgres.execute(statement)
        self.postgres.execute("create type status as enum ('active', 'draft', 'closed')")
        # A zone far from UTC, for nothing may depend on the session's.
        self.postgres.execute("set time zone 'Asia/Baku'")
        words = ", ".join(f'"The {name}" {type_.sql().as_string()}' for name, _, type_, *_ in COLUMNS)
        self.postgres.execute(f"create table t(id bigint primary key, {words})")
        marks = ", ".join("?" for _ in COLUMNS)
        for number, row in enumerate(_rows()):
            source = [COLUMNS[c][3][i] if i is not None else None for c, i in enumerate(row)]
            target = [(COLUMNS[c][4] or COLUMNS[c][3])[i] if i is not None else None for c, i in enumerate(row)]
            target = [f"{v}+00" if COLUMNS[c][0] == "tz" and v else v for c, v in enumerate(target)]
            self.sqlite.execute(f"insert into t values ({number}, {marks})", source)
            self.postgres.execute(
                f"insert into t values ({number}, {marks.replace('?', '%s')})",
                target,
            )

    def predicate(self, sql: str) -> str:
        """Compare one predicate on all rows; returns its translation."""
        translated = translate_predicate(sql, CONTEXTS, VERSION)
        expected = self.sqlite.execute(
            f"select case when ({sql}) then 1 when not ({sql}) then 0 end from t order by id"
        ).fetchall()
        with self.postgres.transaction(force_rollback=True):
            got = self.postgres.execute(f"select {translated.sql} from t order by id").fetchall()
            assert [None if v is None else bool(v) for (v,) in expected] == [v for (v,) in got], translated.sql
            # It is IMMUTABLE, or an index would refuse it.
            self.postgres.execute(f"create index on t (id) where {translated.sql}")
            self.postgres.execute(f"alter table t add constraint c check ({translated.sql}) not valid")
        return translated.sql


def _rows() -> Iterator[Sequence[int | None]]:
    width = len(COLUMNS)
    yield [None] * width
    for i in range(5):
        yield [i] * width
    # Each column's values beside its neighbours' others, and NULLs in turn.
    for i, shift in itertools.product(range(5), (1, 2, 3)):
        yield [None if (c + i + shift) % 7 == 0 else (i + c * shift) % 5 for c in range(width)]


@pytest.fixture(scope="module")
def both(server: Callable[[str], str]) -> Iterator[Both]:
    name = "translate_predicate"
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute("drop database if exists translate_predicate with (force)")
        admin.execute("create database translate_predicate")
    made = Both(server(name))
    yield made
    made.postgres.close()
    made.sqlite.close()


PREDICATES = r"""
active = 1
active = 0
active <> 0
active != 1
active
not active
active = true
active is true
active is not true
active is 1
active is not 0
active in (0, 1)
active in (1)
active not in (0, 1, null)
active = '1'
active > 0
active >= n
active = 5
active + (n > 0) = 1
(n is not null) + (m is not null) + (s is not null) = 2
n == 5
n <> 5
n = '5'
n = 'abc'
n < 'abc'
n is 'abc'
n is not 'abc'
n is null
n isnull
n notnull
n not null
n is not null
n is 5
n is not m
n is not distinct from m
n is distinct from 5
n between 0 and 5
n not between 0 and 5
n between m and 5
n in (1, 5, 7)
n in (1, null)
n not in (1, '5')
n in ()
n not in ()
n in (m, 5)
n = m or s = 'abc' and not n > 3
not n = 5
not (n = 5 or m = 2)
n + m * 2 > 7
n / 2 = 2
n / m >= 0
n % m = 1
r / n > 0
r * 2 > 1
n % 2.5 = 1
-n < 0
- -n > 0
n - 1 - 1 = 3
abs(n) = 3
n & 4
n & 4 = 4
n | 1 > 1
~n < 0
n << 2 = 20
n >> 1 = -2
n || '' = '5'
length(n) = 2
n like '1%'
r = 0.5
r > 1
r < '1'
r = 3
d >= 2.5
d = '2.5'
d between 0 and 3
d + 1 > 3
round(r) = 3
round(r, 1) = 0.5
s = 'abc'
s <> ''
s != ''
s > 'B'
s <= 'abc'
s between 'A' and 'Z'
s in ('abc', '', 'x')
s = "abc"
"s" = 'abc'
[s] = `Code`
S = 'abc'
s is 'abc'
s is not 'abc'
s is null or s = ''
s = x'616263'
s like 'a%'
s like 'A%'
s like '%\%'
s like 'a\%%' escape '\'
s like 'a!%!_%' escape '!'
s like '_bc'
s not like '%b%'
s like '%ş%'
s like '%Ş%'
s like Code
s glob 'a*'
s glob '[A-C]*'
s glob '[^A-C]*'
s glob '*[]%]*'
s glob '?bc'
s not glob '*[0-9]*'
s glob '*.*'
s glob '[!a]*'
s glob '[a'
Code glob '[0-9]*'
Code glob '*[-5]'
glob('a*', s)
like('a%', s)
Code = 5
Code = 1.5
Code in (5, 'x5')
Code is 5
length(s) = 3
length(s)
length(s) > 2 and s like 'a%'
length(trim(s)) > 0
length(b) = 2
lower(s) = 'abc'
upper(s) = 'ABC'
upper(s) = s
trim(Code) = 'pad'
ltrim(Code) = 'pad '
rtrim(Code) = ' pad'
trim(s, 'ac') = 'b'
substr(s, 1, 1) = 'a'
substr(s, 2) = 'bc'
substr(s, -2) = 'bc'
substr(s, -2, 1) = 'b'
substr(s, -5, 3) = 'a'
substr(s, 0, 2) = 'a'
substr(s, 3, -2) = 'ab'
substr(s, n) = 'abc'
substr(s, n, m) = 'abc'
substr(s, n, -m) = 'abc'
substring(s, 2, 1) = 'b'
substr(b, 1, 1) = x'00'
instr(s, 'b') = 2
instr(s, '') = 1
instr(Code, '-') > 0
replace(s, 'b', '') = 'ac'
replace(s, '', 'x') = s
s || Code = 'abc5'
s || '-' || n = 'abc-0'
hex(s) = '616263'
hex(s) = '61255F5C63'
hex(b) = '00FF'
lower(hex(b)) = '00ff'
unicode(s) = 97
char(97) || 'bc' = s
printf('%d-%s', n, s) = '0-abc'
printf('%05d', n) = '-0003'
coalesce(n, 0) = 0
ifnull(s, '') = ''
nullif(n, 5) is null
nullif(s, '') is not null
coalesce(active, 0) = 1
coalesce(active, 0)
iif(n > 0, 'p', 'q') = 'p'
iif(n > 0, 1, 0)
case when n > 0 then 1 else 0 end
case when n > 0 then m end > 1
case n when 5 then 'five' when null then 'null' else 'other' end = 'other'
case active when 1 then n > 0 else m > 0 end
max(n, m) = 5
min(n, m, 3) < 0
max(s, Code) = 'abc'
typeof(n) = 'integer'
typeof(s) in ('text', 'null')
typeof(d) = 'real'
typeof(b) <> 'blob'
typeof(active) = 'integer'
typeof(ts) = 'text'
cast(r as integer) = -2
cast(n as text) = '5'
cast(r * 1e30 as integer) = 9223372036854775807
cast(r * 1e30 as integer) < -9223372036854775807
cast(n as real) / 2 = 2.5
cast(active as integer) = 1
cast(s as text) = 'abc'
ts > '2021-01-01 00:00:00'
ts = '2020-01-10 00:30:00'
ts <> ''
ts = ''
ts > ''
ts is null or ts <> 'never'
ts between '2020-06-01' and '2022-06-01'
ts < tz
ts = tz
tz > '2021-01-01 00:00:00'
tz = '2023-04-13 03:30:03'
tz <= '2023-04-13 03:30:03'
day > '2020-02-01'
day = '2020-02-29'
day in ('2020-02-29', '2019-06-15')
day >= '2020-02-29 12:00:00'
at > '12:00:00'
at between '06:00:00' and '12:00:00'
date(ts) = '2020-01-10'
date(tz) = '2023-04-13'
date(day, '+1 month') = '2020-03-02'
date(day, '+1 year') = '2021-03-01'
date(day, 'start of month') = '2020-02-01'
date(day, '+1 day', 'start of year') = '2020-01-01'
datetime(ts, '-90 minutes') > '2021'
time(ts) = '01:30:01'
strftime('%Y', ts) = '2021'
cast(strftime('%Y', day) as integer) >= 2020
strftime('%s', ts) > '1600000000'
strftime('%Y-%m-%dT%H:%M:%fZ', ts) = '2021-02-11T01:30:01.000Z'
strftime('%j', day) = '060'
strftime('%w', day) = '5'
julianday(day) > 2458900.5
julianday(tz) - julianday(ts) < 0.5
unixepoch(ts) > 1600000000
date(ts) < day
day >= date(tz)
datetime(n, 'unixepoch') = '1970-01-01 00:00:05'
date(s) is null
u = '00000001-1111-2222-3333-444444444441'
u <> ''
u in ('00000001-1111-2222-3333-444444444441', 'x')
s is null or json_valid(s)
jt is null or json_valid(jt)
j is null or json_valid(j)
json_extract(j, '$.a') = 1
json_extract(j, '$.a') = '1'
json_extract(j, '$.a') > 0
json_extract(j, '$.a') is null
json_extract(j, '$.a') is not null
json_extract(j, '$.a.b[0]') = 5
json_extract(j, '$[#-1]') = 3
json_extract(j, '$[1]') = 2
json_extract(j, '$.c')
json_extract(j, '$.c') = 1
json_extract(jt, '$.a') = 0
json_extract(jt, '$.a') < 2
json_extract(jt, '$.a') is 'zz'
j ->> '$.b' = 'x'
j ->> 'b' = 'x'
j -> 'a' is null
jt -> 'b' is not null
j -> 'a' ->> 'b' is not null
j ->> 'a' like '1%'
json_array_length(j) = 3
json_array_length(j, '$.a.b') = 1
json_array_length(jt) = 0
json_type(j) = 'array'
json_type(j, '$.a') = 'integer'
json_type(jt, '$.a') in ('real', 'true', 'false')
j <> '[]'
j = '[1,2,3]'
j <> ''
b = x'616263'
b <> x''
b > x'01'
b < 5
st in ('aktiv', 'qaralama')
st = 'aktiv'
st <> 'nosuch'
st = 'nosuch'
st is 'bağlı'
mt in ('aktiv', 'keep')
mt = 'qaralama' or mt is null
mt <> ''
case mt when 'aktiv' then 1 else 0 end
coalesce(st, 'aktiv') = 'aktiv'
1
0
1 = 1
null
null and 0
'abc'
'1abc'
s collate binary = 'abc'
s collate nocase = 'ABC'
'ABC' collate nocase = s
'abC' = s collate nocase
s collate binary = 'ABC' collate nocase
s collate nocase <> 'aBC'
s collate nocase < 'B'
s collate nocase is 'ABC'
s collate nocase = 'ŞƏKI 5'
s collate rtrim = 'abc   '
s = 'abc ' collate rtrim
s collate nocase in ('ABC', 'XYZ')
s in ('ABC' collate nocase)
s in ('ABC' collate nocase, 'q')
'ABC' in (s collate nocase, 'x')
'ABC' collate nocase in (s, 'x')
s between 'ABC' collate nocase and 'abd'
s between 'abc' and 'ABD' collate nocase
case s when 'ABC' collate nocase then 1 else 0 end
case s collate nocase when 'ABC' then 1 else 0 end
nullif(s collate nocase, 'ABC') is null
nullif(s, 'ABC' collate nocase) is null
cast(s collate nocase as text) = 'ABC'
+s collate nocase = 'ABC'
(s || '') collate nocase = 'ABC'
st collate nocase = 'AKTIV'
n collate nocase = 5
s collate nocase like 'ABC'
+s = 'abc'
+n = 5
n = 5 = 1
n < 3 = 1
n = m in (0, 1)
n is null = m is null
n & 1 + 1
s || 'x' like 'abc%'
not n is null
n > 9223372036854775807
n < 0x10
n = 1e0
s = '100%'
s = 'it''s'
s = 'a%_\c'
-- a comment
""".strip().splitlines()


@pytest.mark.parametrize("sql", [p for p in PREDICATES if not p.startswith("--")])
def test_a_predicate_gives_the_same_for_every_row(both: Both, sql: str) -> None:
    both.predicate(sql)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("active = 1", '"The active"'),
        ("not active", 'NOT "The active"'),
        ("st in ('aktiv', 'qaralama')", "\"The st\" IN ('active', 'draft')"),
        ("n between 0 and 100", '("The n" >= 0) AND ("The n" <= 100)'),
        ("s is null", '"The s" IS NULL'),
        ("Code = 5", "\"The Code\" = '5'"),
        ("length(s)", 'length("The s") <> 0'),
    ],
)
def test_the_sql_reads_as_a_person_would_write_it(sql: str, expected: str) -> None:
    assert translate_predicate(sql, CONTEXTS, VERSION).sql == expected


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("s regexp 'x'", "REGEXP"),
        ("nosuch(s)", "the function nosuch() is not known"),
        ("pg_sleep(10)", "the function pg_sleep() is not known"),
        ("n in (select 1)", "a subquery"),
        ("exists (select 1)", "a subquery"),
        ("(select 1)", "a subquery"),
        ("s || n * 2 = 0", "* on a text"),
        ("s collate az = 'x'", "only the application has the collation az"),
        ("(j ->> '$.a') collate nocase = 'x'", "JSON under the collation NOCASE"),
        ("max(s collate nocase, 'x') = 'x'", "under a collation"),
        ("s || '' collate nocase = 'ABC'", "a COLLATE inside"),
        ("nosuch = 1", "there is no column nosuch"),
        ("quote(s) = 'x'", "quote()"),
        ("s = ?", "a parameter"),
        ("(n, m) = (1, 2)", "a row value"),
        ("date('now') > day", "clock"),
        ("current_timestamp > ts", "clock"),
        ("random() > 0", "random()"),
        ("ts > 5", "a number is compared"),
        ("length(u) = 36", "the text of a"),
        ("length(mt) = 5", "the plan maps the values"),
        ("mt like 'a%'", "the plan maps the values"),
        ("st > 'a'", "the plan maps the values"),
        ("d / 2 = 1", "numeric is divided"),
        ("n = ", "got the end"),
        ("n = 'unterminated", "closing quote"),
        ("n = 5)", "unexpected"),
        ("s = 'a' 'b'", "unexpected"),
        ("count(*) > 1", "aggregate"),
        ("s = char(0)", "NUL"),
        ("datetime(ts, 'localtime') > ''", "localtime"),
        ("cast(s as real) = 1", "CAST"),
    ],
)
def test_what_cannot_be_said_the_same_is_refused_with_its_reason(sql: str, reason: str) -> None:
    with pytest.raises(Untranslatable) as error:
        translate_predicate(sql, CONTEXTS, VERSION)
    assert reason in str(error.value.facts["reason"])
    assert error.value.facts["sql"] == sql


def test_a_very_deep_expression_is_refused_and_a_very_long_one_is_not(both: Both) -> None:
    with pytest.raises(Untranslatable):
        translate_predicate("(" * 500 + "n" + ")" * 500, CONTEXTS, VERSION)
    both.predicate(" or ".join(f"n = {i}" for i in range(300)))


def test_hostile_names_stay_names(both: Both) -> None:
    name = 'a"; drop table t; --%s 😀'
    contexts = {"x": ColumnContext(name, types.BIGINT)}
    quoted = translate_predicate("X > 0", contexts, VERSION).sql
    got = both.postgres.execute(f'select {quoted} from (select 1 as "{name.replace(chr(34), chr(34) * 2)}") as q')
    assert got.fetchone() == (True,)


def test_json_valid_needs_a_function_before_postgresql_16(both: Both) -> None:
    old = translate_predicate("json_valid(s)", CONTEXTS, 150000)
    assert old.needs == {"json_valid"}
    new = translate_predicate("json_valid(s)", CONTEXTS, VERSION)
    assert not new.needs
    rows = both.postgres.execute(f"select {old.sql}, {new.sql} from t").fetchall()
    assert all(a == b for a, b in rows)


def test_a_column_with_collation_nocase_compares_without_ascii_case(both: Both) -> None:
    contexts = {"s": ColumnContext("The s", types.TEXT, collation="NOCASE")}
    for sql in ("s = 'aBc'", "s <> 'ABC'", "s in ('ABC', 'x')", "s < 'B'", "s = 'şƏKI 5'"):
        translated = translate_predicate(sql, contexts, VERSION).sql
        by_hand = sql.replace("s ", "s collate nocase ", 1)
        expected = [
            None if v is None else bool(v) for (v,) in both.sqlite.execute(f"select {by_hand} from t order by id")
        ]
        got = [v for (v,) in both.postgres.execute(f"select {translated} from t order by id")]
        assert got == expected, translated


INDEXED = [
    "lower(s)",
    "n + m",
    "coalesce(s, '')",
    "coalesce(n, 0)",
    "json_extract(j, '$.a')",
    "j ->> 'b'",
    "j -> 'b'",
    "date(ts)",
    "date(tz)",
    "datetime(tz)",
    "strftime('%Y-%m-%d %H:00:00', tz)",
    "strftime('%Y-%m-%d %H:00:00', s)",
    "strftime('%Y-%m', day)",
    "date(s)",
    "substr(s, 1, 3)",
    "s || '-' || n",
    "case when active then n end",
    "length(s)",
    "hex(s)",
    "julianday(ts)",
    "s collate binary",
    "'constant'",
    "ifnull(st, 'aktiv')",
    "max(n, m)",
    "unixepoch(tz)",
    "printf('%05d', n)",
]


@pytest.mark.parametrize("sql", INDEXED)
def test_an_index_takes_the_expression(both: Both, sql: str) -> None:
    translated = translate_expression(sql, CONTEXTS, VERSION)
    with both.postgres.transaction(force_rollback=True):
        both.postgres.execute(f"create index on t (({translated.sql}))")


def test_an_hour_of_a_text_column_is_the_same_text(both: Both) -> None:
    translated = translate_expression(
        "strftime('%Y-%m-%d %H:00:00', x)", {"x": ColumnContext("x", types.TEXT)}, VERSION
    )
    assert translated.needs == {"read_time"}
    for text in (
        "2022-05-01 10:00:01.123Z",
        "2022-05-01T10:00",
        "2022-05-01",
        "2022-05-01 10:00:00+04:30",
        "10:30",
        "nonsense",
        "2022-13-01",
        "2022-05-01 10:61",
        "",
    ):
        (expected,) = both.sqlite.execute("select strftime('%Y-%m-%d %H:00:00', ?)", (text,)).fetchone()
        row = both.postgres.execute(f"select {translated.sql} from (select %s::text as x) as q", (text,)).fetchone()
        assert row is not None
        assert row[0] == expected, text


GLOB = st.text(alphabet="abAB[]^-!*?.\\", max_size=7)


@settings(max_examples=300)
@given(pattern=GLOB, texts=st.lists(st.text(alphabet="abAB[]^-!*?.\\\n", max_size=5), min_size=1, max_size=8))
def test_every_glob_pattern_matches_the_same_texts(both: Both, pattern: str, texts: list[str]) -> None:
    quoted = pattern.replace("'", "''")
    sql = translate_predicate(f"s glob '{quoted}'", {"s": ColumnContext("s", types.TEXT)}, VERSION).sql
    expected = [bool(both.sqlite.execute("select ? glob ?", (t, pattern)).fetchone()[0]) for t in texts]
    got = _postgres_texts(both, sql, texts)
    assert got == expected, sql


@settings(max_examples=300)
@given(
    pattern=st.text(alphabet="abA%_\\!ş", max_size=6),
    texts=st.lists(st.text(alphabet="abAB%_\\!şŞ\n", max_size=5), min_size=1, max_size=8),
    escape=st.sampled_from(["", "\\", "!"]),
)
def test_every_like_pattern_matches_the_same_texts(both: Both, pattern: str, texts: list[str], escape: str) -> None:
    ending = f" escape '{escape}'" if escape else ""
    try:
        sql = translate_predicate(f"s like '{pattern}'{ending}", {"s": ColumnContext("s", types.TEXT)}, VERSION).sql
    except Untranslatable:
        assert escape
        assert pattern.endswith(escape)
        return
    source = f"select ? like '{pattern}'{ending}"
    expected = [bool(both.sqlite.execute(source, (t,)).fetchone()[0]) for t in texts]
    assert _postgres_texts(both, sql, texts) == expected, sql


def _postgres_texts(both: Both, sql: str, texts: list[str]) -> list[object]:
    with both.postgres.transaction(force_rollback=True):
        both.postgres.execute("create temp table texts(o int, s text)")
        with both.postgres.cursor() as cursor:
            cursor.executemany("insert into texts values (%s, %s)", list(enumerate(texts)))
        return [v for (v,) in both.postgres.execute(f"select {sql} from texts order by o")]


NAMES = [name for name, *_ in COLUMNS]
LITERALS = ["0", "1", "2", "-3", "5", "2.5", "1e6", "null", "true"]
LITERALS += ["'5'", "''", "'abc'", "'aktiv'", "'2021-06-01'", "x'616263'"]
leaf = st.sampled_from(NAMES + ["n", "m", "s", "active", "r"] * 2 + LITERALS)


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.sampled_from(
        ["=", "<>", "<", "<=", ">", ">=", "is", "is not", "and", "or", "+", "-", "*", "/", "%", "||", "&", "|", "like"]
    )
    return st.one_of(
        st.tuples(inner, binary, inner).map(lambda p: f"{p[0]} {p[1]} {p[2]}"),
        st.tuples(inner, binary, inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        inner.map(lambda p: f"not {p}"),
        inner.map(lambda p: f"- {p}"),
        st.tuples(inner, st.sampled_from(["is null", "notnull", "in (1, 5, 'abc')", "not in (0, null)"])).map(" ".join),
        st.tuples(st.sampled_from(["length", "abs", "typeof", "upper", "hex", "trim"]), inner).map(
            lambda p: f"{p[0]}({p[1]})"
        ),
        st.tuples(st.sampled_from(["coalesce", "max", "nullif", "instr"]), inner, inner).map(
            lambda p: f"{p[0]}({p[1]}, {p[2]})"
        ),
        st.tuples(inner, inner, inner).map(lambda p: f"case when {p[0]} then {p[1]} else {p[2]} end"),
        st.tuples(inner, inner, inner).map(lambda p: f"{p[0]} between {p[1]} and {p[2]}"),
    )


@settings(max_examples=800)
@given(sql=st.recursive(leaf, _grow, max_leaves=6))
def test_any_expression_is_either_refused_or_means_the_same(both: Both, sql: str) -> None:
    try:
        translate_predicate(sql, CONTEXTS, VERSION)
    except Untranslatable:
        return
    try:
        both.sqlite.execute(f"select {sql} from t").fetchall()
    except sqlite3.OperationalError:
        return
    both.predicate(sql)
