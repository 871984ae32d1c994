"""The demo's table language makes the DDL that Laravel's schema builder makes, as SQLite keeps it."""

from __future__ import annotations

import sqlite3

import pytest

from litelift.demo.blueprint import parse
from litelift.demo.catalogue import TABLES

SURVEYS = """
users 3
  id; name str
surveys 2
  id; uuid uuid unique; status enum[aktiv|bağlı]=aktiv index; is_open bool=1; settings json?; weight dec=1
  created_by >users; checked_by >users?; owner_id >users none; failed_at datetime=CURRENT_TIMESTAMP; timestamps
"""
LARAVEL = [
    'CREATE TABLE "surveys" ("id" integer not null primary key autoincrement, "uuid" varchar not null, '
    "\"status\" varchar check (\"status\" in ('aktiv', 'bağlı')) not null default 'aktiv', "
    '"is_open" tinyint(1) not null default \'1\', "settings" text, "weight" numeric not null default \'1\', '
    '"created_by" integer not null, "checked_by" integer, "owner_id" integer not null, '
    '"failed_at" datetime default CURRENT_TIMESTAMP not null, "created_at" datetime, "updated_at" datetime, '
    'foreign key("created_by") references "users"("id") on delete cascade, '
    'foreign key("checked_by") references "users"("id") on delete set null, '
    'foreign key("owner_id") references "users"("id"))',
    'CREATE UNIQUE INDEX "surveys_uuid_unique" on "surveys" ("uuid")',
    'CREATE INDEX "surveys_status_index" on "surveys" ("status")',
]


def test_a_table_is_written_as_laravel_writes_it() -> None:
    _, surveys = parse(SURVEYS)
    assert surveys.ddl == LARAVEL


def test_sqlite_keeps_the_ddl_as_it_is_written() -> None:
    connection = sqlite3.connect(":memory:")
    written = [statement for table in TABLES for statement in table.ddl]
    for statement in written:
        connection.execute(statement)
    kept = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'sqlite_sequence'")
    assert sorted(sql for (sql,) in kept) == sorted(written)


def test_a_pivot_has_a_composite_key_and_a_polymorphic_pair_an_index() -> None:
    (pivot,) = parse("taggables 1\n  tag_id int; morphs taggable Task|User; primary(tag_id, taggable_id)")
    assert pivot.ddl == [
        'CREATE TABLE "taggables" ("tag_id" integer not null, "taggable_type" varchar not null, '
        '"taggable_id" integer not null, primary key ("tag_id", "taggable_id"))',
        'CREATE INDEX "taggables_taggable_type_taggable_id_index" on "taggables" ("taggable_type", "taggable_id")',
    ]


@pytest.mark.parametrize("entry", ["name", "name words", "name str=", "name str ~", "name str uniqe", "unique()"])
def test_an_entry_that_is_not_in_the_language_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"expected an entry of the table language; got .* in users"):
        parse(f"users 1\n  id; {entry}")


def test_every_foreign_key_names_a_table_with_an_id() -> None:
    with_id = {table.name for table in TABLES if table.has_id}
    assert {column.parent for table in TABLES for column in table.columns if column.parent} <= with_id


def test_every_name_fits_postgresql() -> None:
    names = [name for table in TABLES for name in (table.name, *(index.name for index in table.indexes))]
    assert [name for name in names if len(name.encode()) > 63] == []
    assert len(names) == len(set(names))
