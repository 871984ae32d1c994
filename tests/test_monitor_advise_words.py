"""What a statement's words say about the indexes that it could use."""

from __future__ import annotations

import pytest

from litelift.monitor.advise.candidates import NotUnderstood, read
from litelift.monitor.advise.tables import Column, Table


def _table(oid: int, schema: str, name: str, *columns: str) -> Table:
    table = Table(oid, schema, name, False, True, 100_000, 10**7, True)
    table.columns = {one: Column(oid, one, -0.1, 0.0, 8, 8, True) for one in columns}
    return table


GRADES = _table(1, "public", "grades", "id", "student_id", "year", "mark", "At")
STUDENTS = _table(2, "public", "students", "id", "name", "email", "school_id")
TABLES = {"grades": GRADES, "students": STUDENTS}


def _resolve(schema: str | None, name: str) -> Table | None:
    return TABLES.get(name) if schema in (None, "public") else None


def _found(query: str) -> set[str]:
    return {index.words.removeprefix("public.") for index in read(query, _resolve).candidates}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("select * from grades where student_id = $1", {"grades (student_id)"}),
        ("select * from public.grades g where $1 = g.student_id", {"grades (student_id)"}),
        ('SELECT "grades"."id" FROM "grades" WHERE "grades"."At" > $1', {"grades (At)"}),
        ("select * from grades where year in ($1, $2)", {"grades (year)"}),
        ("select * from grades where year = any($1)", {"grades (year)"}),
        ("select * from students where upper(name::text) = upper($1)", {"students (upper(name::text))"}),
        ("delete from grades where student_id = $1", {"grades (student_id)"}),
        (
            "update grades set mark = $1 from students s where s.id = student_id",
            {"grades (student_id)", "students (id)"},
        ),
        (
            "select * from grades where student_id = $1 and year between $2 and $3",
            {"grades (student_id)", "grades (year)", "grades (student_id, year)"},
        ),
        (
            "select * from grades where student_id = $1 order by year desc, mark limit $2",
            {"grades (student_id)", "grades (student_id, year DESC, mark)", "grades (year DESC, mark)"},
        ),
        ("select * from grades order by year desc, mark desc limit 5", {"grades (year, mark)"}),
        (
            "select * from students s left join grades g on g.student_id = s.id where s.email = $1",
            {
                "grades (student_id)",
                "students (id)",
                "students (email)",
                "students (id, email)",
                "students (email, id)",
            },
        ),
        (
            "select name from students s where exists (select from grades g where g.student_id = s.id)",
            {"grades (student_id)"},
        ),
        ("with x as (select * from grades where mark = $1) select * from x where year = $2", {"grades (mark)"}),
        (
            "select 1 from grades where mark = $1 union all select 1 from grades where year = $2",
            {"grades (mark)", "grades (year)"},
        ),
    ],
)
def test_what_is_searched_by_is_a_candidate(query: str, wanted: set[str]) -> None:
    assert _found(query) == wanted


@pytest.mark.parametrize(
    "query",
    [
        "select * from grades where year = $1 or mark = $2",
        "select * from grades where year <> $1",
        "select * from grades where not (year = $1)",
        "select * from grades where year + $1 = $2",
        "select * from grades where year = mark",
        "select * from students where name like $1",
        "select * from students where name ilike $1",
        "select * from grades where year is null",
        "select year, count(*) from grades group by year order by year limit 5",
        "select distinct year from grades order by year limit 5",
        "select * from grades order by year",
        "select * from grades order by year nulls first limit 5",
        "select * from grades, students where id = $1",
        "select * from elsewhere where year = $1",
        "select * from grades where nothing = $1",
    ],
)
def test_what_an_ordinary_index_does_not_find_is_none(query: str) -> None:
    assert _found(query) == set()


def test_a_column_that_does_not_belong_in_an_index_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Column(1, "mark", -1.0, 0.0, 900, -1, True)
    unsortable = Column(1, "year", -1.0, 0.0, 8, -1, False)
    monkeypatch.setattr(GRADES, "columns", {"mark": long, "year": unsortable})
    assert _found("select * from grades where mark = $1 and year = $2") == set()


@pytest.mark.parametrize("query", ["selec * frm", "select 1; select 2", "vacuum grades", "", "select " + "(" * 5000])
def test_what_is_no_query_is_not_understood(query: str) -> None:
    with pytest.raises(NotUnderstood):
        read(query, _resolve)


def test_tables_elsewhere_and_functions_by_their_schema_are_known_for_what_they_are() -> None:
    assert read("select * from other.grades", _resolve).foreign
    assert read("select app.lower(name) from students", _resolve).foreign
    assert not read("select lower(name) from students", _resolve).foreign
    assert "mine" in read("select * from grades where mark = mine($1)", _resolve).functions
