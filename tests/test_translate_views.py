"""A view gives the same rows on both sides: real SQLite and the real PostgreSQL, each row compared."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from litelift.errors import Untranslatable
from litelift.plan.valuemap import ValueMap
from litelift.postgres import types
from litelift.translate import FUNCTIONS, ColumnContext
from litelift.translate.relation import Relation
from litelift.translate.views import TranslatedView, order_views, translate_view

VERSION = 160014

# table -> (column, declared in SQLite, PostgreSQL's type)
TABLES: dict[str, list[tuple[str, str, types.PgType]]] = {
    "person": [
        ("id", "INTEGER PRIMARY KEY", types.BIGINT),
        ("name", "TEXT", types.TEXT),
        ("City", "VARCHAR(20)", types.PgType("varchar", length=20)),
        ("dept_id", "INT", types.INTEGER),
        ("active", "BOOLEAN", types.BOOLEAN),
        ("score", "REAL", types.DOUBLE),
        ("price", "NUMERIC", types.NUMERIC),
        ("born", "DATE", types.DATE),
        ("seen", "DATETIME", types.TIMESTAMP),
        ("at", "TEXT", types.TEXT),
        ("nick", "TEXT COLLATE NOCASE", types.TEXT),
        ("raw", "BLOB", types.BYTEA),
        ("doc", "TEXT", types.TEXT),
    ],
    "dept": [
        ("id", "INTEGER PRIMARY KEY", types.BIGINT),
        ("title", "TEXT", types.TEXT),
        ("parent_id", "INTEGER", types.BIGINT),
        ("budget", "INTEGER", types.BIGINT),
    ],
    "tag": [("person_id", "INTEGER", types.BIGINT), ("tag", "TEXT", types.TEXT), ("weight", "INT", types.BIGINT)],
    "dept_code": [("code", "TEXT", types.TEXT), ("title", "TEXT", types.TEXT)],
}
ROWS: dict[str, list[tuple[object, ...]]] = {
    "person": [
        (
            1,
            "Ayşə",
            "Bakı",
            1,
            1,
            1.5,
            10,
            "1990-01-31",
            "2024-02-03 04:05:06",
            "2024-02-03 04:05:06",
            "AY",
            b"\x01",
            '{"a":{"b":[1,"x"]},"c":true}',
        ),
        (2, "Bob", "Bakı", 1, 0, -2.5, 2.5, "1985-12-01", "2024-03-01 00:00:00", "2024-03-01", "bob", b"", '{"a":"7"}'),
        (3, "carl", "Gəncə", 2, 1, None, 7, None, None, None, "Bob", None, None),
        (4, "Dan", None, 2, None, 3.25, None, "2000-02-29", "2023-12-31 23:59:59", "bad", None, b"abc", "[]"),
        (5, "eve", "Şəki", None, 0, 0.0, 3, "1990-01-31", "2024-02-03 04:05:06", "12:30", "EVE", b"z", '{"a":null}'),
        (
            6,
            None,
            "Bakı",
            3,
            1,
            1e6,
            -4,
            "1999-09-09",
            "2022-02-02 02:02:02",
            "2024-02-03T04:05:06Z",
            "eve",
            None,
            '{"a":3}',
        ),
        (7, "Bob", "", 9, 1, 2.5, 0.75, "1970-01-01", None, "", "", b"q", '{"a":[]}'),
    ],
    "dept": [(1, "IT", None, 100), (2, "HR", 1, 50), (3, "Ops", 1, None), (4, "QA", 3, 7)],
    "tag": [(1, "x", 5), (1, "y", 3), (2, "x", None), (3, "z", 5), (5, "x", 1), (1, "x", 5), (8, "w", 2)],
    "dept_code": [("a", "IT"), ("b", "HR"), ("c", "IT")],
}
KEYS = {"dept_code": ("code",)}
RELATIONS = {
    table: Relation(
        "public",
        f"The {table}",
        {
            name: ColumnContext(
                f"{name}_", type_, declared=words.split(" ")[0], collation="NOCASE" if "NOCASE" in words else "BINARY"
            )
            for name, words, type_ in columns
        },
        rowid="id" if columns[0][0] == "id" else None,
        primary_key=KEYS.get(table, ()),
    )
    for table, columns in TABLES.items()
}


def value_of(value: object) -> object:
    """A value of either side as one that can be compared."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime | date | time):
        return str(value)
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return float(f"{value:.10g}") if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return float(value)
    return value


def as_words(value: object) -> object:
    """The same for what is JSON, or came out of it: PostgreSQL has text or jsonb for every kind of value."""
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, dict | list):
        value = json.dumps(value)
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.dumps(json.loads(value, parse_int=float), sort_keys=True)
    return value


class Both:
    """The same tables and rows on both sides."""

    def __init__(self, database: str) -> None:
        self.sqlite = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
        self.postgres = psycopg.connect(database, autocommit=True)
        # A zone far from UTC, and an order of texts other than by bytes: nothing may depend on them.
        self.postgres.execute("set time zone 'Asia/Baku'")
        self.postgres.execute("create schema litelift")
        for statement in FUNCTIONS.values():
            self.postgres.execute(statement)
        for table, columns in TABLES.items():
            key = f", primary key ({KEYS[table][0]})" if table in KEYS else ""
            self.sqlite.execute(f"create table {table} ({', '.join(f'{n} {words}' for n, words, _ in columns)}{key})")
            words = [
                f'"{n}_" {t.sql().as_string()}{" primary key" if n == "id" or (n,) == KEYS.get(table) else ""}'
                for n, _, t in columns
            ]
            self.postgres.execute(f'create table "The {table}" ({", ".join(words)})')
            self.fill(table, ROWS[table])

    def fill(self, table: str, rows: list[tuple[object, ...]]) -> None:
        """Put these rows in the place of what the table holds."""
        columns = TABLES[table]
        self.sqlite.execute(f"delete from {table}")
        self.postgres.execute(f'truncate "The {table}"')
        if not rows:
            return
        marks = ", ".join("?" for _ in columns)
        self.sqlite.executemany(f"insert into {table} values ({marks})", rows)
        target = [
            tuple(
                bool(v) if t == types.BOOLEAN and v is not None else v for v, (_, _, t) in zip(r, columns, strict=True)
            )
            for r in rows
        ]
        self.postgres.cursor().executemany(f'insert into "The {table}" values ({marks.replace("?", "%s")})', target)

    def view(
        self, select: str, ordered: bool = False, columns: str = "", shown: Callable[[object], object] = value_of
    ) -> TranslatedView:
        """Make the view on both sides, compare its rows and the names and types of its columns."""
        words = f"CREATE VIEW v{columns} AS {select}"
        translated = translate_view(words, RELATIONS, VERSION)
        self.sqlite.execute("drop view if exists v")
        self.sqlite.execute(words)
        cursor = self.sqlite.execute("select * from v")
        expected = [tuple(shown(value) for value in row) for row in cursor]
        with self.postgres.transaction(force_rollback=True):
            make(self.postgres, "v", translated)
            found = self.postgres.execute("select * from v")
            got = [tuple(shown(value) for value in row) for row in found]
            made = self.postgres.execute(
                "select attname, format_type(atttypid, atttypmod) from pg_attribute"
                " where attrelid = 'v'::regclass and attnum > 0 order by attnum"
            ).fetchall()
        assert list(translated.columns) == [column[0] for column in cursor.description]
        assert made == [(context.target, context.type.display) for context in translated.columns.values()]
        if ordered:
            assert got == expected, translated.sql
        else:
            assert Counter(got) == Counter(expected), translated.sql
        return translated


def make(target: psycopg.Connection[Any], name: str, view: TranslatedView) -> None:
    """CREATE VIEW, as it is to be wired."""
    target.execute(
        sql.SQL("create view {} ({}) as {}").format(
            sql.Identifier(name),
            sql.SQL(", ").join(sql.Identifier(context.target) for context in view.columns.values()),
            sql.SQL(view.sql),
        )
    )


@pytest.fixture(scope="module")
def both(server: Callable[[str], str]) -> Iterator[Both]:
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute("drop database if exists translate_views with (force)")
        admin.execute("create database translate_views")
    made = Both(server("translate_views"))
    yield made
    made.postgres.close()
    made.sqlite.close()


SELECTS = r"""
select * from person
select p.*, d.title from person p, dept d where p.dept_id = d.id
select id, name, city from person where active
select id as "The ID", name n, 'x' lit, 1 one, 1.5 onehalf, null nil, x'01ff' as blob from person
select 1 + 1, 'a' || 'b', count(*), max(id) from person
select name || '-' || id, name || null, id || '' from person
select id, "no such column" as text from person
select rowid, _rowid_, p.oid from person p
select distinct city from person
select distinct active, dept_id is null as lonely from person
select all name from person
select id / 2, id % 2, id * 1.5, score / 2, price / 2, price / 4, id / 0, 7 / 2, -7 / 2, price * 2 from person
select name + 1, name + ' ' + city, at + 0, born + 1 from person
select round(score), round(score, 1), round(price / 3, 2), abs(score) from person
select id from person where name like 'b%' or city like '%KI%'
select id from person where name is null or name is not 'Bob'
select ifnull(name, 'nobody'), coalesce(city, name, 'x'), iif(active, 'yes', 'no'), nullif(name, 'Bob') from person
select max(id, dept_id), min(score, 1.0), max(name, city) from person
select case when active then 'a' when score > 1 then 'b' else 'c' end as k, case dept_id when 1 then 10 end from person
select cast(score as integer), cast(id as text), cast(at as integer), cast(price as real) from person
select substr(name, 2), substr(name, -2, 1), instr(name, 'b'), length(name), upper(name), hex(raw) from person
select printf('%05d %s', id, name), typeof(name), typeof(id), typeof(null) from person
select strftime('%Y-%m', seen) m, date(seen), time(seen), datetime(seen, '+1 day'), date(born) from person
select date(at), datetime(at), strftime('%d.%m.%Y', at), julianday(at), date(born, 'start of month') from person
select julianday(seen) - julianday(born) as days from person
select id from person where seen between datetime('2024-01-01') and datetime('2024-12-31')
select id from person where born < '1990-06-01' and at > '2024'
select count(*), count(name), count(distinct name), count(distinct active), count(active) from person
select sum(active), total(active), avg(active), max(active), min(active) from person
select sum(id), sum(score), sum(price), total(dept_id), avg(id), avg(score), avg(price) from person
select sum(id), total(id), avg(id), max(id), min(name), count(*), group_concat(name) from person where 0
select max(1), min('x'), sum(2), max(null) from person where id > 100
select sum(name), sum(at), avg(city) from person
select min(name), max(name), min(city), max(born), min(seen), max(price), min(score) from person
select city, count(*) n, sum(active) live from person group by city
select dept_id, avg(score) from person group by dept_id having count(*) > 1
select dept_id d, count(*) c from person group by d having c > 1
select upper(city) u, count(*) from person group by u
select upper(city), count(*) from person group by 1
select strftime('%Y', seen) y, count(*) from person group by strftime('%Y', seen)
select id / 2 as half, id / 2 + 1, count(*) from person group by id / 2
select d.title, d.budget, count(p.id) from dept d left join person p on p.dept_id = d.id group by d.id
select d.title, count(*) from person p join dept d on d.id = p.dept_id group by p.dept_id
select d.title, d.id, count(*) from person p left join dept d on d.id = p.dept_id group by p.dept_id
select i.title, count(u.id) as n, ifnull(sum(u.active), 0) as live from dept i left join person u on u.dept_id=i.id group by i.id
select title, count(*) from dept_code group by code
select name, max(score) from person
select dept_id, name, max(score) from person group by dept_id
select dept_id, name, min(id), count(*) from person group by dept_id
select name, city, min(born) from person where id <> 5
select count(*) filter (where active), sum(id) filter (where city is not null) from person
select group_concat(name), group_concat(name, '; '), group_concat(id) from person
select dept_id, group_concat(tag, '/') from person p join tag t on t.person_id = p.id group by p.dept_id having count(*) < 2
select group_concat(distinct city) from person where id = 1
select person_id, group_concat(tag) from tag group by person_id having count(*) = 1
select exists (select 1 from tag where person_id = p.id) e, not exists (select 1 from tag t where t.person_id = p.id) from person p
select id, (select title from dept where dept.id = person.dept_id) as title from person
select id, (select count(*) from tag where person_id = person.id) + 1 as n from person
select id, (select max(weight) from tag t where t.person_id = p.id) from person p
select id, (select name from person q where q.id > p.id order by q.id desc limit 1) from person p
select id, (select name from person) from person
select id from person where dept_id in (select id from dept where budget > 20)
select id from person where dept_id not in (select id from dept where budget > 20)
select id from person where id in (select person_id from tag) or name in ('eve', 'Dan')
select id from person where active in (select id from dept)
select id from person where 'x' in (select tag from tag where person_id = person.id)
select id from person where score > (select avg(score) from person)
select id from person where id in tag_people
select * from (select id, name as n from person where id > 2) where n is not null
select x.n + 1, x.up from (select count(*) as n, upper(city) up from person group by up) as x
select s.a, s.a = 1, s.m from (select active a, strftime('%m', seen) as m from person) s where m >= '02'
select * from (select * from (select id, active as state from person))
select a.id, b.id from dept a join dept b on a.parent_id = b.id
select a.id, b.id from dept a left outer join dept b on a.parent_id = b.id and b.budget > 60
select a.id, b.id, c.id from dept a, dept b left join dept c on c.parent_id = b.id where a.id = b.parent_id
select * from dept cross join dept_code
select * from dept natural join dept_code
select * from dept join dept_code using (title)
select title, code from dept left join dept_code using (title)
select count(title) from dept join dept_code using (title)
select p.id, d.title from (person p join dept d on d.id = p.dept_id) left join tag t on t.person_id = p.id
select p.id, d.id, t.tag from person p left join (dept d join tag t on t.weight = d.id) on p.dept_id = d.id
select id from person union select id from dept
select id from person union all select id from dept
select id, 'p' as kind from person except select id, 'p' from dept
select id from person intersect select id from dept
select id from dept union all select id from dept intersect select id from person where id < 3
select id from person except select 1 union all select 1
select name, active from person union all select title, null from dept
select score from person union select id from dept
select active from person union all select budget from dept
select city from person union select tag from tag order by 1
select 1 as a union all select 2 union all select null
values (1, 'a'), (2, null), (null, 'c')
select * from (values (1, 2.5), (3, null)) where column1 > 1
with d as (select * from dept where budget is not null) select d.title, p.name from d join person p on p.dept_id = d.id
with a(x) as (select id from person), b as (select x + 1 as y from a) select * from b where y > 3
with b as (select * from a), a as (select id from dept) select * from b, a where a.id = b.id
with recursive c(n) as (select 1 union all select n + 1 from c where n < 10) select n, n * n as square from c
with recursive t(id, path, depth) as (select id, title, 0 from dept where parent_id is null union all select d.id, t.path || '/' || d.title, t.depth + 1 from dept d join t on d.parent_id = t.id) select * from t
with recursive up(id) as (values (4) union select parent_id from dept, up where dept.id = up.id) select id from up where id is not null
with recursive c(n, r) as (select 1, 1 union all select n + 1, r * 0.5 from c where n < 4) select * from c
select id, row_number() over (order by score desc, id) as rn, rank() over (order by city), dense_rank() over (order by city) from person
select id, sum(id) over (partition by dept_id order by id), sum(active) over (order by id rows between 1 preceding and current row) from person
select id, lag(name) over (order by id), lead(id, 2, 0) over (order by id), first_value(name) over w, last_value(id) over w from person window w as (order by id)
select id, ntile(3) over (order by id), percent_rank() over (order by id), cume_dist() over (order by city, id) from person
select id, avg(score) over (order by id rows 2 preceding), count(*) over (partition by active), max(name) over (order by id) from person
select dept_id, count(*) as n, sum(count(*)) over (order by dept_id) as running from person group by dept_id
select id, nth_value(name, 2) over (order by id groups between unbounded preceding and unbounded following exclude ties) from person
select id, nick from person where nick = 'BOB'
select id from person where name = 'bob' collate nocase
select id from person where json_extract(doc, '$.a') = 3 or json_extract(doc, '$.a.b[0]') = 1
select p.id from person p join tag t on t.tag = json_extract(p.doc, '$.a.b[1]')
select max(score) - min(score) as spread, count(*) * 2 from person
select dept_id from person group by dept_id having max(active)
select id from person where not active
select id from person where (select active from person q where q.id = person.id)
select a.id from person a where exists (select 1 from person b where b.dept_id = a.dept_id group by b.dept_id having count(*) > 1)
select p.city as c, (select count(*) from person q where q.city = p.city) from person p group by p.city
select main.person.id from main.person not indexed where person.id > 3
select count(*) from person, dept
select id as name, name as id from person
select id, id, id + 1, id + 1 from person
select tag, sum(weight) * 1.0 / count(*) from tag group by tag
select id, iif(score > 1, score, 0), coalesce(active, 0), coalesce(score, id) from person
select unicode(name), replace(name, 'b', 'c'), trim(name), ltrim(name, 'B'), concat(name, id, null) from person where id = 2
select group_concat(name, ', ' ) filter (where active) from person
select sum(case when active then 1 else 0 end), sum(active = 1), sum(score > 1), count(case when city = 'Bakı' then 1 end) from person
select max(date(seen)), date(max(seen)), min(strftime('%Y', born)), max(upper(name)) from person
select date(seen) as day, count(*) from person group by day
select strftime('%Y-%m', seen) as month, sum(price) as total from person where seen is not null group by month having total > 0
select active, dept_id, count(*), sum(score) from person group by active, dept_id
select active = 1 as on_, count(*) from person group by active = 1
select not active as off_, count(*) from person group by not active
select case when score > 1 then 'high' else 'low' end as level, count(*), avg(score) from person group by level
select case when score > 1 then 'high' else 'low' end || '!', count(*) from person group by case when score > 1 then 'high' else 'low' end
select coalesce(city, 'none') c, count(distinct dept_id) from person group by coalesce(city, 'none')
select d.title, (select count(*) from person p where p.dept_id = d.id) as n, (select sum(score) from person p where p.dept_id = d.id and active) from dept d
select d.id, d.title, (select group_concat(name) from person where dept_id = d.id) from dept d
select id from person p where score = (select max(score) from person q where q.dept_id = p.dept_id)
select id from person where id = (select id from dept union select 9 order by 1 desc limit 1)
select t.tag, p.name, d.title from tag t join person p on p.id = t.person_id left join dept d on d.id = p.dept_id
select p.id from person p where p.id in (select p.person_id from tag p where p.tag in (select tag from tag p where p.weight = 3))
select (select d.title from dept d where d.id = x.dept_id) t, x.n from (select dept_id, count(*) n from person group by dept_id) x
select * from (with q as (select id from dept) select id + 1 as next from q) where next > 2
select p.name, t.n from person p join (select person_id, count(*) as n from tag group by person_id) t on t.person_id = p.id
select p.name, count(t.tag), sum(t.weight) from person p left join tag t on t.person_id = p.id group by p.id, p.name
select p.name, p.city, p.active, p.born, count(*) from person p join tag t on t.person_id = p.id group by p.id
select p.name, d.title from person p inner join dept d on p.dept_id = d.id and p.active
select p.name from person p join dept d on p.dept_id = d.id where d.title between 'A' and 'JZ'
select name from person where city in ('Bakı', 'Şəki', null) or score in (1.5, 3.25)
select a.name, b.name from person a, person b where a.city = b.city and a.id < b.id
select dept_id, min(score), max(score), sum(score) / count(*) from person group by dept_id
select id, score > 1 as high, score is null, active is true, active is not false from person
select id, active + 1, active * 2, -active, active || '' from person
select id from person where active = 0 or active <> 1
select id, dept_id = 1 and active from person
select id, cast(active as text), cast(active as integer), typeof(active) from person
select avg(n) from (select count(*) as n from person group by dept_id)
select sum(n), max(m) from (select count(*) as n, max(active) as m from person group by dept_id)
select total(price), total(price) > 10, round(avg(score), 2), round(sum(price) * 1.0, 1) from person
select dept_id, count(*) from person group by dept_id having count(*) = (select max(c) from (select count(*) c from person group by dept_id))
select id from dept d where not exists (select * from person p where p.dept_id = d.id)
select 'total' as label, count(*) as n from person union all select title, budget from dept where budget is not null
select city from person where city is not null except select 'Bakı' intersect select city from person
select distinct d.title from dept d join person p on p.dept_id = d.id order by d.title
select name, born from person union select title, null from dept order by born, name
select id, sum(score) over () / 2, count(*) over (order by score) from person
select * from (select id, row_number() over (partition by city order by id) as r from person) where r = 1
select dept_id, max(id) as latest, name from person group by dept_id
select city, group_concat(name) from person group by city having count(*) = 1
select length(raw), hex(raw), raw = x'01', raw is null from person
select quantity.v from (select weight as v from tag) as quantity where quantity.v is not null
select "person"."name", [person].[city], `person`.`id` from "person"
select'a'from person where id=1
select 5 as five, -1 as minus, 1e3 as big, 'it''s' as s, 9223372036854775807 as most
select count(*) from (select 1 from person limit 2)
select max(x) from (select id as x from person union all select -1)
select name from person where name glob 'B*' or name like '_ve'
select min(id, 3) + max(dept_id, 1) from person
select id from person where dept_id is (select parent_id from dept where id = 2)
select price || '', score || ' points', cast(score as text), score / 3 || '', score * 1e20 || '', score / 1e9 || '' from person
select printf('%.2f', score), printf('%.1f%% of %s', price, name), printf('%.0f', id) from person where price is not null
select sum(price) / count(*), sum(price) / 2, sum(id) / count(*) from person
select dept_id, sum(price) / 3 from person where id in (1, 3, 6) group by dept_id
select group_concat(score), group_concat(price) from person where id < 4
select substr(name,1,1) as initial, count(*) from person group by substr(name,1,1) order by count(*) desc
select p.id, (select count(*) from (select 1 from tag where person_id = p.id)) from person p
select case when count(*) = 0 then 'none' else 'some' end from person
select group_concat(name, '') over (order by id) from person
select id, '' as x from person union all select id, name from person
select sum(id) filter (where name is not null) over (partition by active) from person
select 1 where exists (select 1 from person)
select * from person where id = (select max(person_id) from tag)
select printf('%s (%d)', name, id), printf('%5.1f', score) from person
select id in (1,2,3), name in ('a') from person
select exists(select 1 from person where active) as any_active
select lower(name) = 'bob' from person
select count(*) over (partition by strftime('%Y', seen)) from person
select d.*, p.* from dept d left join person p on p.dept_id=d.id
select ifnull((select title from dept d where d.id = p.dept_id), 'none') from person p
select ifnull((select sum(weight) from tag where person_id = p.id), 0) * 1.0 / 3 from person p
select date(born), date(born, '+1 year'), strftime('%d/%m/%Y', born) from person
select total(weight) from tag group by tag order by 1
select iif(sum(active) > 2, 'many', 'few') from person
select replace(city, 'a', ''), nullif(city, '') from person
select name from person where length(trim(name)) > 0 and not (name like '%o%')
select round(avg(score), 1) || '%' from person
select round(100.0 * sum(active) / count(*), 1) as pct from person
select sum(price * id) from person
select cast(sum(price) as int), cast(avg(price) as integer) from person
select id, rank() over w as r from person window w as (partition by dept_id order by score desc)
select count(distinct dept_id || city) from person
select p.name from tag t, person p where t.person_id = p.id group by p.id having sum(t.weight) = max(t.weight)
select dept_id, count(*) from person where active group by 1 order by 2 desc, 1
select seen > born from person
select born = date(seen) from person
select min(born), max(seen), min(at) from person where at <> ''
select sum(julianday(seen) - julianday(born)) from person
select max(julianday(seen)) from person
select hex(name), abs(price), sign(score) from person
select nullif(dept_id, 1), ifnull(nullif(name, ''), 'x') from person
select upper(substr(name, 1, 1)) || lower(substr(name, 2)) from person
select id, name from person where id between 2 and 4 order by name collate nocase desc
select distinct on_ from (select active on_ from person)
select typeof(score), typeof(price), typeof(born) from person
select count(*) from person natural join tag
select sum(length(name)) from person
select id, group_concat(tag) from (select p.id, t.tag from person p join tag t on t.person_id = p.id order by t.tag) group by id
select printf('%s (%d)', name, id), printf('%5.1f|%-6s|%4d', score, name, id) from person
select id from person where json_extract(doc, '$.a') is not null and json_extract(doc, '$.a') notnull
select id from person where json_extract(doc, '$.a') is null or json_extract(doc, '$.a') isnull
select cast(at as real), cast(at as numeric), cast(name as integer), cast(json_extract(doc, '$.a') as integer) from person where id in (2, 6, 7)
select sum(json_extract(doc, '$.a')) from person where id in (2, 6)
select ifnull(json_extract(doc, '$.a.b[1]'), 'none') from person where id < 3
select (score * 1e20) || '', (score / 1e9) || '', (score * 1e15) || '' from person
select id, price / 2 * price, price / 2 || '', (price / 3) / 2 from person
select max(null), case null when count(*) = 0 then 'none' else 'some' end from person
select case null when count(*) = 0 then 'none' else 'some' end from person
select ceil(score), floor(score), trunc(price), sqrt(score), ceil(id) from person
select p.id, q.id from person p left join person q on q.id = p.id + 1 and q.active where q.id is not null or p.id > 5
"""  # noqa: E501
OUTER_JOINS = r"""
select d.title, c.code from dept d right join dept_code c on c.title = d.title
select p.id, d.title from person p full join dept d on d.id = p.dept_id
select id, title, code from dept full join dept_code using (title)
select title from dept natural full join dept_code
select * from dept right join dept_code using (title)
"""
NOT_IN_OLD = {" concat(": (3, 44)}
# Built-in mathematical functions are left out of some builds.
HAS_MATH = bool(
    sqlite3.connect(":memory:").execute("select count(*) from pragma_function_list where name = 'sqrt'").fetchone()[0]
)


def _known(select: str) -> bool:
    """Whether this SQLite has every function of it."""
    old = any(words in select and sqlite3.sqlite_version_info < since for words, since in NOT_IN_OLD.items())
    return not old and (HAS_MATH or "sqrt(" not in select)


@pytest.mark.parametrize("select", [select for select in SELECTS.strip().splitlines() if _known(select)])
def test_a_view_gives_the_same_rows(both: Both, select: str) -> None:
    if "tag_people" in select:
        select = "with tag_people as (select person_id from tag) " + select
    both.view(select)


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 39), reason="this SQLite has no RIGHT and FULL JOIN")
@pytest.mark.parametrize("select", OUTER_JOINS.strip().splitlines())
def test_right_and_full_joins_give_the_same_rows(both: Both, select: str) -> None:
    both.view(select)


JSON = r"""
select json_extract(doc, '$.a.b[1]') x, json_extract(doc, '$.c'), json_extract(doc, '$.a') from person
select json_extract(doc, '$.' || case id when 1 then 'c' else 'a' end) from person
select doc ->> '$.c', doc ->> 'a' from person where id in (1, 2, 6)
select p.id, e.key, e.value, e.type, e.atom from person p, json_each(p.doc) e where p.id in (1, 2, 6)
select p.id, value from person p join json_each(p.doc, '$.a.b') where p.id = 1 and value = 'x'
select p.id from person p where exists (select 1 from json_each(p.doc, '$.a.b') where json_each.value = 1) and p.id = 1
select x from (select json_extract(doc, '$.a') as x from person) where x = '7'
select id, json_object('id', id, 'n', name, 's', score), json_array(active, 'x', null, doc) from person
select json_group_array(json_object('t', title, 'b', budget)) from dept
select json_group_array(id) as ids, json_group_array(name) names, json_group_array(active) from person
select dept_id, json_group_object(name, score) as scores from person where name is not null group by dept_id
"""


@pytest.mark.parametrize("select", JSON.strip().splitlines())
def test_what_json_functions_give_is_the_same_as_text(both: Both, select: str) -> None:
    both.view(select, shown=as_words)


REALISTIC = r"""
select d.title, count(p.id) as n, coalesce(sum(p.price),0) as total, round(avg(p.score),2) as mean from dept d left join person p on p.dept_id = d.id group by d.id
select p.*, d.title as dept_title from person p left join dept d on d.id = p.dept_id
select id, name, case when score >= 2 then 'high' when score >= 0 then 'mid' else 'low' end as band from person
select strftime('%Y-%m', seen) as month, count(*) as n, sum(price) as revenue from person where seen is not null group by strftime('%Y-%m', seen)
select strftime('%Y', born) as y, count(*) from person group by y having count(*) > 1
with recursive tree(id, title, depth, path) as (select id, title, 0, title from dept where parent_id is null union all select d.id, d.title, t.depth + 1, t.path || '/' || d.title from dept d join tree t on d.parent_id = t.id) select * from tree
with recursive cnt(x) as (select 1 union all select x+1 from cnt where x < 12) select x, (select count(*) from person where cast(strftime('%m', seen) as int) = x) as n from cnt
select *, row_number() over (partition by dept_id order by score desc, id) as rn from person where dept_id is not null
select * from (select id, name, rank() over (order by price desc) as r from person) where r <= 3
select id, price, sum(price) over (order by id rows between unbounded preceding and current row) as running from person
select id, price - lag(price) over (order by id) as delta from person
select id, 100.0 * price / sum(price) over () as pct from person
select id, name from person where id in (select person_id from tag group by person_id having count(*) >= 2)
select id, name || ' <' || coalesce(nick, '-') || '>' as label from person
select id, coalesce(nullif(trim(name), ''), 'n/a') as label from person
select a.id as a, b.id as b from person a join person b on a.city = b.city and a.id < b.id
select id, julianday('2024-06-01') - julianday(born) as days from person
select id, cast((julianday('2024-06-01') - julianday(born)) / 365.25 as integer) as age from person
select id, date(seen, 'start of month') as m, date(seen, '-1 day') as y, time(seen) as t from person
select 'person' as kind, id, name as label from person union all select 'dept', id, title from dept
select city, sum(case when active then 1 else 0 end) as on_, sum(case when not active then 1 else 0 end) as off_ from person group by city
select dept_id, sum(active = 1) as a, sum(score > 0) as b, total(price) as c from person group by dept_id
select dept_id, count(*) filter (where active) as a, max(score) filter (where price > 2) as b from person group by dept_id
select id, exists(select 1 from tag t where t.person_id = p.id and t.weight > 3) as heavy from person p
select p.id from person p where not exists (select 1 from tag t where t.person_id = p.id)
select d.id, d.title, d.budget * 1.0 / (select sum(budget) from dept) as share from dept d
select d.id, (select name from person p where p.dept_id = d.id order by p.score desc limit 1) as best from dept d
select id, iif(active, 'yes', 'no') as on_, ifnull(city, '?') as city from person
select id, printf('%08.2f|%5.1f|%,d|%,d', price, score, id * 123456, -id) from person
select id, substr(name, 1, 1) as initial, upper(name), length(name), instr(name, 'b') from person
select distinct city, dept_id from person where city is not null
select city, count(*) as n from person group by city order by n desc, city limit 3
select id, abs(score), round(score), round(score, 1), max(score, 0), min(price, 3) from person
select id, (id % 2 = 0) as even, id / 2 as half, id * 1.5 as x, -id as neg, id << 2 as sh, id & 3 as b from person
select t.tag, count(distinct t.person_id) as people, avg(t.weight) as w, min(t.weight), max(t.weight) from tag t group by t.tag
select p.id, t.weight from person p inner join tag t on p.id = t.person_id and t.weight is not null order by t.weight desc, p.id
select id, seen, datetime(seen, '+1 hour', '+30 minutes') as later, strftime('%s', seen) as epoch, unixepoch(seen) from person
select case cast(strftime('%m', seen) as integer) when 1 then 'Jan' when 2 then 'Feb' else 'other' end as m from person
select id, name from person where name like 'b%' or city like '%k%' escape '\'
select id, first_value(name) over (partition by city order by id) as f, last_value(id) over (partition by city order by id rows between unbounded preceding and unbounded following) as l from person
select id, ntile(3) over (order by id) as t, dense_rank() over (order by city) as dr, percent_rank() over (order by id) as pr from person
select id, coalesce(price, 0) + coalesce(score, 0) as s, price * score as m, price / 4 as q from person
select id, hex(raw), length(raw), typeof(raw) from person
select id, replace(lower(name), ' ', '-') as slug, ltrim(city, 'B') as l, rtrim(name) from person
with t as (select dept_id, avg(score) as m from person group by dept_id), d2 as (select id, title from dept) select d2.title, t.m from t join d2 on d2.id = t.dept_id where t.m > 0
select x.dept_id, x.n, y.n as tags from (select dept_id, count(*) n from person group by dept_id) x left join (select p.dept_id, count(*) n from tag t join person p on p.id = t.person_id group by p.dept_id) y using (dept_id)
select id from person except select person_id from tag
select person_id from tag intersect select id from person order by 1
select id, name, active and score > 0 as good, active is not 0 as maybe, not active as off_ from person
select max(id) as last, min(seen) as first, count(nick) as nicks from person
select min(score), name from person
select dept_id, name, max(price) from person group by dept_id
select id, (dept_id, id) > (1, 1) from person
select id, cast(price as text), cast(id as text) || 'x', cast(score as integer), cast('12abc' as integer) from person
select * from person where dept_id is 1 and active is true
select id, ifnull(active, 0) from person
select id, name glob 'B*' from person
select upper(hex(raw)) from person
select total(score), sum(score), avg(score) from person where 0
select id, strftime('%d.%m.%Y %H:%M', seen) from person
select p.name, sum(t.weight) as w from person p left join tag t on t.person_id = p.id group by p.name having w > 1
select sum(weight) as w, tag from tag group by tag having sum(weight) > (select avg(weight) from tag)
select id, score is null as a, score notnull as b, score between 0 and 2 as c, id not in (1,2) as d from person
select lower(name) as k, count(*) c from person group by lower(name) having c > 1
select id, date(at) from person where at like '2024-%'
select id, at from person where date(at) >= date('2024-01-01') and at < '2025'
select julianday(seen) from person
select id, time(seen, '+90 minutes') from person
select id, trim(replace(name, 'b', '')) || substr('000' || id, -3) from person
"""  # noqa: E501


@pytest.mark.parametrize("select", REALISTIC.strip().splitlines())
def test_a_view_as_applications_write_it_gives_the_same_rows(both: Both, select: str) -> None:
    both.view(select)


ROWS_AND_LIMITS = """
select id from person where (id, name) = (2, 'Bob') or (id, name) in ((4, 'Dan'), (5, 'no'))
select id, (dept_id, id) > (1, 1), (dept_id, id) <= (2, 4), (city, name) <> ('', 'Bob'), (dept_id, active) is (1, 1) from person
select id from person where (id, dept_id) not in (select person_id, weight from tag where weight is not null)
select t.person_id from tag t where (t.person_id, t.weight) in (select p.id, d.id from person p, dept d)
select id from person where (id, 'x') in (select person_id, tag from tag)
select id, name from person where (dept_id, active) in (select id, 1 from dept)
select id from person order by id limit (select count(*) from dept)
select id from person order by id limit (select count(*) from dept) - 9
select id from person order by id limit 3 offset (select min(id) from dept)
"""  # noqa: E501


@pytest.mark.parametrize("select", ROWS_AND_LIMITS.strip().splitlines())
def test_row_values_and_limits_that_are_computed_are_the_same(both: Both, select: str) -> None:
    both.view(select)


@pytest.mark.parametrize("text", ["4.0", "1e0", " 4", "0x10", "4abc"])
def test_a_text_that_is_calculated_with_is_the_number_that_sqlite_takes_it_for(both: Both, text: str) -> None:
    both.view(f"select id / '{text}', id + '{text}', id * '1000000000.0' / 7 from person where id > 0")


ORDERED = r"""
select name, id from person order by name, id
select name, id from person order by name desc, id
select name, score from person order by score nulls last, id
select name, score from person order by 2 desc limit 3
select name as n from person order by n, id limit 4 offset 1
select name, -id as name2 from person order by -id
select id from person limit 3
select id from person limit 2, 3
select id, city from person order by city limit 5
select distinct city from person order by city desc
select distinct name, city from person order by 2, 1 limit 3
select id, nick from person order by nick, id
select id, name from person order by name collate nocase, id
select title from dept union select tag from tag order by title desc limit 3
select dept_id, count(*) n from person group by dept_id order by n desc, dept_id
select dept_id from person group by dept_id order by max(score) desc, dept_id limit 2
select * from (select id from person order by score desc, id) limit 2
select id from person order by active desc, id
select id from person order by born, seen desc, id
select count(*) from person limit 1
"""


@pytest.mark.parametrize("select", ORDERED.strip().splitlines())
def test_an_ordered_view_gives_them_in_the_same_order(both: Both, select: str) -> None:
    both.view(select, ordered=True)


REFUSED = {
    "select name, count(*) from person": "arbitrary row",
    "select name, city, count(*) from person group by city": "arbitrary row",
    "select name, min(id), max(id) from person": "arbitrary row",
    "select tag from tag limit 2": "arbitrary rows",
    "select count(*) from person group by city limit 1": "arbitrary groups",
    "select nick, count(*) from person group by nick": "NOCASE",
    "select distinct nick from person": "NOCASE",
    "select max(nick) from person": "NOCASE",
    "select nick from person union select name from person": "NOCASE",
    "select case when active then name else id end from person": "gives",
    "select name from person union select id from dept": "gives",
    "select coalesce(name, 0) from person": "gives",
    "select * from nowhere": "nowhere, which is not there",
    "select nothing_like_it from person": "no such column",
    "select rowid from tag": "rowid",
    "select key from json_tree('[1]')": "json_tree",
    "select date(seen, 'localtime') from person": "localtime",
    "select id from person where (id, name) = 1": "row value",
    "select id from person where (id, name) in (select person_id, weight from tag)": "a text is compared",
    "select id from person order by id limit (select score from person)": "LIMIT",
    "select p.id from person p full join dept d on d.id > p.dept_id": "FULL JOIN",
    "with recursive c(n) as (select 1 union all select n + 1 from c limit 5) select n from c": "LIMIT",
    "select id from temp.person": "the database temp",
    "select max(raw) from person": "before PostgreSQL 18",
    "select a.id from (person a join dept b) as x": "joins in parentheses",
    "select id from person order by id, name,": "expected",
    "select name regexp 'x' from person": "REGEXP",
    "select id from person where name match 'x'": "MATCH",
    "select unknown_function(id) from person": "unknown_function",
    "select city from person group by 'x'": "literal",
    "select id, (select max(id) from tag where person_id = person.id) from person": "of the SELECT around it",
    "select id, (select distinct weight from tag where person_id = person.id) from person": "arbitrary rows",
}


@pytest.mark.parametrize("select", REFUSED)
def test_what_has_no_equal_is_refused_with_the_reason(select: str) -> None:
    with pytest.raises(Untranslatable) as raised:
        translate_view(f"CREATE VIEW v AS {select}", RELATIONS, VERSION)
    assert REFUSED[select] in str(raised.value.facts["reason"])
    assert raised.value.facts["sql"] == f"CREATE VIEW v AS {select}"


def test_the_columns_have_the_names_that_sqlite_gives(both: Both) -> None:
    names = both.view('select ID, "p".CITY, id+1, count(*) over () , \'x\' "a""b", NAME as Name from person p').columns
    assert list(names) == ["id", "City", "id+1", "count(*) over ()", 'a"b', "Name"]
    assert list(both.view("select id, name from person", columns="(a, [b c])").columns) == ["a", "b c"]


def test_the_names_of_columns_can_be_chosen() -> None:
    view = translate_view("create view v as select id, City from person", RELATIONS, VERSION, str.lower)
    assert [(name, context.target) for name, context in view.columns.items()] == [("id", "id"), ("City", "city")]


def test_a_name_that_postgresql_would_cut_is_made_unique(both: Both) -> None:
    long = "ə" * 40
    view = both.view(f"select id as {long}1, name as {long}2 from person")
    targets = [context.target for context in view.columns.values()]
    assert len(set(targets)) == 2 and all(len(target.encode()) <= 63 for target in targets)


def test_hostile_names_stay_names(both: Both) -> None:
    name = 'a"; drop table "The person"; --%s'
    quoted = '"' + name.replace('"', '""') + '"'
    both.view(f"select {quoted}.id as {quoted} from person as {quoted} where {quoted}.name = 'it''s \\ %'")
    assert both.view(f"with {quoted}({quoted}) as (select id from person) select {quoted} from {quoted}")


def test_a_view_on_views_knows_their_types(both: Both) -> None:
    first = "CREATE VIEW one AS SELECT id, active AS live, score / 3 AS part, count(*) OVER () AS n, name FROM person"
    second = "CREATE VIEW two AS SELECT sum(live), live = 1, max(part), total(n), id / 2 FROM One WHERE live OR n > 3"
    one = translate_view(first, RELATIONS, VERSION)
    relations = {**RELATIONS, "one": one.relation("public", "first one")}
    two = translate_view(second.replace("live = 1, ", "").replace("id / 2", "max(id) / 2"), relations, VERSION)
    assert one.depends_on == {"person"} and two.depends_on == {"one"}
    assert one.inexact == {"part"} and two.inexact == {"max(part)", "total(n)"}
    both.sqlite.execute(first)
    expected = both.sqlite.execute("select sum(live), max(part), total(n), max(id) / 2 from one where live or n > 3")
    with both.postgres.transaction(force_rollback=True):
        make(both.postgres, "first one", one)
        make(both.postgres, "two", two)
        (row,) = both.postgres.execute("select * from two").fetchall()
    assert tuple(map(value_of, row)) == tuple(map(value_of, expected.fetchone()))
    both.sqlite.execute("drop view one")


def test_an_expression_of_a_view_has_no_affinity(both: Both) -> None:
    # In SQLite 5 = '5' is false unless a column gives the text its affinity.
    both.view("select id from (select id + 0 as n, id from person) where n = '5'")
    both.view("select id from (select id as n, id from person) where n = '5'")


def test_mapped_values_and_enums_are_compared_by_their_old_words() -> None:
    status = types.PgType("status", kind="enum", labels=("active", "draft"))
    values = ValueMap({"aktiv": "active", "qaralama": "draft"})
    column = ColumnContext("status", status, values, declared="TEXT")
    relations = {"t": Relation("public", "t", {"status": column})}
    view = translate_view("create view v as select status from t where status = 'aktiv'", relations, VERSION)
    assert view.sql == 'SELECT "t"."status" FROM "public"."t" AS "t" WHERE "t"."status" = \'active\''
    assert view.columns["status"].values == values and view.columns["status"].type == status
    with pytest.raises(Untranslatable, match="maps the values"):
        translate_view("create view v as select upper(status) from t", relations, VERSION)


def test_our_own_functions_and_the_clock_are_told() -> None:
    view = translate_view("create view v as select date(at) from person", RELATIONS, VERSION)
    assert view.needs == {"read_time"} and not view.volatile
    assert translate_view("create view v as select date('now') d from person", RELATIONS, VERSION).volatile
    assert translate_view("create view v as select random() from person", RELATIONS, VERSION).volatile


def test_views_come_after_those_they_read() -> None:
    views = {
        "b_first": "create view b_first as select * from A_second where v > 1",
        "a_second": "create view a_second as select id, v from t",
        "deep": "create view deep as select (select max(id) from b_first) from t where exists (select 1 from a_second)",
        "common": "create view common as with t as (select 1 as x), u as (select * from deep) select * from t, u",
    }
    found = order_views(views, frozenset({"T"}))
    assert found.views == ("a_second", "b_first", "deep", "common") and not found.refused


def test_views_in_a_circle_and_on_what_is_missing_are_told() -> None:
    views = {
        "good": "create view good as select 1",
        "x": "create view x as select * from y",
        "y": "create view y as select * from z",
        "z": "create view z as select * from x",
        "on_x": "create view on_x as select * from x",
        "lost": "create view lost as select * from nowhere",
        "on_lost": "create view on_lost as select * from lost, good",
        "broken": "create view broken as selekt 1",
    }
    found = order_views(views, frozenset())
    assert found.views == ("good",)
    assert all(found.refused[name].startswith("it reads itself, by way of") for name in "xyz")
    assert found.refused["on_x"] == "it reads x, which is not carried"
    assert found.refused["lost"] == "it reads nowhere, which is not there"
    assert found.refused["on_lost"] == "it reads lost, which is not carried"
    assert "selekt" in found.refused["broken"]


# ---------------------------------------------------------------------- random rows

NUMBERS = st.none() | st.integers(-5, 5)
WORDS = st.none() | st.sampled_from(["", "a", "A", "b", "ab", "Ə", "1", "-2x"])
PEOPLE = st.lists(
    st.tuples(
        WORDS,
        WORDS,
        NUMBERS,
        st.none() | st.integers(0, 1),
        st.none() | st.integers(-20, 20).map(lambda n: n / 4),
        st.none() | st.integers(-5, 5) | st.integers(-20, 20).map(lambda n: n / 4),
    ),
    max_size=8,
)
DEPTS = st.lists(st.tuples(WORDS, NUMBERS, NUMBERS), max_size=5)
TAGS = st.lists(st.tuples(NUMBERS, WORDS, NUMBERS), max_size=8)
RANDOM = r"""
select count(*), count(name), count(distinct city), sum(active), total(score), avg(dept_id), max(name), min(score) from person
select dept_id, count(*), sum(active), avg(score), sum(price), max(active), min(city) from person group by dept_id
select city, active, sum(dept_id), count(distinct name), total(active) from person group by city, active having count(*) > 1
select dept_id, sum(price) / count(*), sum(dept_id) / 2, avg(price) > 0 from person group by dept_id
select name || '-' || dept_id, dept_id / 2, dept_id % 3, score / dept_id, price / dept_id, price || '' from person
select p.name, d.title from person p join dept d on d.id = p.dept_id
select p.name, d.title, t.tag from person p left join dept d on d.id = p.dept_id left join tag t on t.person_id = p.id
select d.title, count(p.id), sum(p.active) from dept d left join person p on p.dept_id = d.id group by d.id
select distinct name, active from person
select name from person union select title from dept
select name, dept_id from person except select title, parent_id from dept
select dept_id from person intersect select id from dept
select id from person where dept_id not in (select budget from dept)
select id from person p where exists (select 1 from dept d where d.id = p.dept_id and d.budget > 0)
select id from person where score > (select avg(score) from person)
select id, (select max(weight) from tag where person_id = person.id) from person
select id, row_number() over (order by name, id), sum(dept_id) over (partition by active order by id) from person
select id, lag(score) over (order by id), rank() over (order by city desc) from person
select id from person where name like 'a%' or active is not 1
select name + 1, city + name, sum(name) over (order by id) from person
select case when active then score when dept_id > 0 then dept_id end from person
"""  # noqa: E501


@settings(max_examples=60)
@given(people=PEOPLE, depts=DEPTS, tags=TAGS)
def test_random_rows_are_aggregated_and_joined_alike(
    both: Both,
    people: list[tuple[object, ...]],
    depts: list[tuple[object, ...]],
    tags: list[tuple[object, ...]],
) -> None:
    rest = (None,) * 6
    try:
        both.fill(
            "person",
            [
                (number + 1, name, city, dept, active, score, price, None, None, *rest[:4])
                for number, (name, city, dept, active, score, price) in enumerate(people)
            ],
        )
        both.fill("dept", [(number - 2, *row) for number, row in enumerate(depts)])
        both.fill("tag", tags)
        for select in RANDOM.strip().splitlines():
            both.view(select)
    finally:
        for table, rows in ROWS.items():
            both.fill(table, rows)
