"""The contract, "what arrives": the type of each column, from its declared words and from what it really holds."""

# ruff: noqa: E501  (each source is SQL as one would type it)

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from contract import Case, Cases, ask, build, command, filled, type_of
from contract_columns import arrive, column, kept, many, proved

CASES = Cases()
case = CASES.add
ID = UUID("6f9619ff-8b86-d011-b42d-00cf4fc964ff")
INFINITY = math.inf


@CASES.each
def test_type(case: Case, database: str, tmp_path: Path) -> None:
    proved(case, database, tmp_path)


WORDS = {
    "bigint": "int | INTEGER(11) | BIGINT | INT8 | UNSIGNED BIG INT | INT UNSIGNED | integer unsigned zerofill | BIGINTEGER | LONG INTEGER | SERIAL | YEAR(4) | INT64",
    "smallint": "SMALLINT | INT2 | TINYINT | TINYINT(4) | SMALLINT(5)",
    "integer": "MEDIUMINT | MEDIUMINT(8)",
    "boolean": "BOOLEAN | bool | TINYINT(1) | tinyint( 1 ) | BIT | BIT(1)",
    "double precision": "REAL | DOUBLE | FLOAT | DOUBLE PRECISION | double unsigned | FLOAT(24) | DOUBLE(10,2) | FLOATING POINT | REAL(5)",
    "numeric": "NUMERIC | DECIMAL | NUMBER | MONEY | NUM | DECIMAL(10,-2) | DECIMAL(5,7) | DECIMAL(2000,2)",
    "numeric(10,2)": "DECIMAL(10,2) | numeric( 10 , 2 ) | NUMBER(10,2) | DEC(10,2) | FIXED(10,2)",
    "numeric(5,0)": "NUMERIC(5) | DECIMAL(5,0)",
    "character varying(7)": "VARCHAR(7) | CHAR(7) | NVARCHAR(7) | NCHAR(7) | CHARACTER(7) | VARYING CHARACTER(7) | NATIVE CHARACTER(7) | NATIONAL CHARACTER VARYING(7) | CHAR VARYING(7) | VARCHAR2(7) | BPCHAR(7)",
    "text": "TEXT | CLOB | text(200) | longvarchar | string | LONG VARCHAR | CHARACTER LARGE OBJECT | NTEXT | TINYTEXT(5) | VARCHAR | VARCHAR(0) | XML | MY TEXT",
    "bytea": "BLOB | BYTEA | VARBINARY(16) | BINARY(16) | LONGBLOB | BINARY LARGE OBJECT | LONG RAW | MYBLOB",
    "date": "DATE",
    "timestamp without time zone": "DATETIME | TIMESTAMP | DATETIME(6) | TIMESTAMP(3) | SMALLDATETIME | DATETIME2(7)",
    "time without time zone": "TIME | TIME(3)",
    "jsonb": "JSON | JSONB",
    "uuid": "UUID | GUID | UNIQUEIDENTIFIER",
}


@pytest.mark.parametrize("wanted", WORDS)
def test_a_declared_word_gives_its_type_even_to_an_empty_table(wanted: str, database: str, tmp_path: Path) -> None:
    each = WORDS[wanted].split(" | ")
    build(
        f"create table t(id integer primary key, {', '.join(f'c{at} {word}' for at, word in enumerate(each))});",
        tmp_path / "a",
    )
    status, said = command("migrate", str(tmp_path / "a"), database)
    assert status == 0, said
    query = "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 't'::regclass and attnum > 1 order by attnum"
    found = [row[0] for row in ask(database, query)]
    assert dict(zip(each, found, strict=True)) == dict.fromkeys(each, wanted)


# ------------------------------------------------------------------------------------------- whole numbers
case(
    "smallint_where_every_value_fits",
    column("smallint", -32768, 32767),
    type_of("t", "a", "smallint"),
    arrive(-32768, 32767),
)
case(
    "smallint_widens_to_bigint_where_one_does_not",
    column("smallint", 32768, 1),
    type_of("t", "a", "bigint"),
    arrive(32768, 1),
)
case(
    "mediumint_holds_four_bytes",
    column("mediumint", 2**31 - 1, -(2**31)),
    type_of("t", "a", "integer"),
    arrive(2**31 - 1, -(2**31)),
)
case("the_ends_of_eight_bytes", column("integer", 2**63 - 1, -(2**63)), arrive(2**63 - 1, -(2**63)))
case(
    "integers_and_reals_beyond_a_double_widen_to_numeric",
    column("integer", 2**53 + 1, 1.5, 3),
    type_of("t", "a", "numeric"),
    arrive(Decimal(2**53 + 1), Decimal("1.5"), Decimal(3)),
    exits=3,
    says=("t.a", "id=2"),
)
case(
    "whole_reals_in_an_integer_column_beyond_its_range_lose_nothing",
    column("integer", 2, 1e20),
    arrive(2.0, 1e20),
    exits=3,
)
case(
    "text_that_sqlite_makes_a_number_is_one",
    column("integer", "007", " 5 ", "1e3"),
    type_of("t", "a", "bigint"),
    arrive(7, 5, 1000),
)

# ------------------------------------------------------------------------------------------- reals and decimals
case(
    "infinities",
    column("real", INFINITY, -INFINITY, 1.5),
    type_of("t", "a", "double precision"),
    arrive(INFINITY, -INFINITY, 1.5),
)
case(
    "numbers_too_big_for_a_double_are_what_sqlite_made_of_them",
    column("real", "1e999", "-1e999"),
    arrive(INFINITY, -INFINITY),
)
case(
    "the_smallest_and_largest_doubles",
    column("double", 5e-324, 1.7976931348623157e308, -0.1),
    arrive(5e-324, 1.7976931348623157e308, -0.1),
)
case(
    "integers_in_a_real_column",
    column("real", 2**53, 3),
    type_of("t", "a", "double precision"),
    arrive(float(2**53), 3.0),
)
case(
    "numeric_keeps_what_sqlite_holds",
    column("numeric", "12.50", "1e3", 2**53 + 1, 1e308, 5e-324),
    type_of("t", "a", "numeric"),
    arrive(Decimal("12.5"), Decimal(1000), Decimal(2**53 + 1), Decimal("1e308"), Decimal("5e-324")),
)
case(
    "numeric_keeps_the_noise_of_a_double",
    column("numeric", 0.1 + 0.2),
    ("select a::text from t", ["0.30000000000000004"]),
)
case(
    "decimals_at_fifteen_digits",
    column("decimal(10,2)", 0.1 + 0.2, 4.35 * 100, 1e-17),
    type_of("t", "a", "numeric"),
    arrive(Decimal("0.30000000000000004"), Decimal("434.99999999999994"), Decimal("1e-17")),
)
case(
    "noise_alone_keeps_the_scale",
    column("decimal(10,2)", 0.1 + 0.2, 4.35 * 100, 5),
    type_of("t", "a", "numeric(10,2)"),
    arrive(Decimal("0.30"), Decimal("435.00"), Decimal("5.00")),
)
case(
    "a_third_decimal_widens_the_scale",
    column("decimal(10,2)", 0.125, 1.5),
    type_of("t", "a", "numeric"),
    arrive(Decimal("0.125"), Decimal("1.5")),
    says=("t.a", "id=1", "0.125"),
)
case(
    "more_digits_than_the_precision_are_kept",
    column("decimal(5,2)", 123456.5, 1.25),
    type_of("t", "a", "numeric"),
    arrive(Decimal("123456.5"), Decimal("1.25")),
    says=("t.a", "id=1"),
)
case(
    "an_integer_beyond_the_precision_is_kept",
    column("decimal(5,2)", 1000, 999),
    type_of("t", "a", "numeric"),
    arrive(Decimal(1000), Decimal(999)),
)
case(
    "rounding_never_reaches_the_precision",
    column("decimal(4,2)", 99.99, -99.99),
    type_of("t", "a", "numeric(4,2)"),
    arrive(Decimal("99.99"), Decimal("-99.99")),
)
case(
    "a_negative_scale_is_not_taken_for_a_positive_one",
    column("decimal(10,-2)", 1234.5),
    type_of("t", "a", "numeric"),
    arrive(Decimal("1234.5")),
)
case(
    "long_decimals_in_text_are_never_rounded",
    column("text", "1234567890123456789012345678.125", "99999999999999999999999999999.99"),
    type_of("t", "a", "numeric(40,3)"),
    arrive(Decimal("1234567890123456789012345678.125"), Decimal("99999999999999999999999999999.990")),
    plan='[tables.t.columns.a]\ntype = "numeric(40,3)"\n',
)
case(
    "long_decimals_that_a_scale_would_round_are_refused",
    column("text", "1234567890123456789012345678.1251"),
    exits=1,
    says=("t.a", "id=1"),
    plan='[tables.t.columns.a]\ntype = "numeric(40,3)"\n',
)
case(
    "infinity_in_a_decimal_column_is_kept",
    column("decimal(10,2)", 1.5, INFINITY),
    arrive(1.5, INFINITY),
    exits=3,
    says=("t.a", "id=2"),
)

# ------------------------------------------------------------------------------------------- booleans
case(
    "every_word_for_a_boolean",
    column("boolean", "t", "f", "TRUE", "False", 1, 0, None, "T", 1.0),
    type_of("t", "a", "boolean"),
    arrive(True, False, True, False, True, False, None, True, True),
)
case(
    "booleans_in_text_of_tinyint",
    column("tinyint(1)", "t", "f", 1),
    type_of("t", "a", "boolean"),
    arrive(True, False, True),
)
case(
    "tinyint1_without_a_value_is_boolean",
    column("tinyint(1)", None, None),
    type_of("t", "a", "boolean"),
    arrive(None, None),
)
case("tinyint1_beyond_a_byte", column("tinyint(1)", 70000, 1), type_of("t", "a", "bigint"), arrive(70000, 1))
case(
    "a_two_in_a_not_null_boolean_widens_it",
    column("boolean not null", 1, 0, 2),
    type_of("t", "a", "smallint"),
    arrive(1, 0, 2),
    says=("t.a", "id=3"),
)
case("a_half_in_a_boolean_loses_nothing", column("boolean", 1, 0.5), arrive(1.0, 0.5), exits=3)
case(
    "a_word_that_is_no_boolean_loses_nothing",
    column("boolean", "yes", 1),
    type_of("t", "a", "text"),
    arrive("yes", "1"),
    exits=3,
    says=("t.a", "id=1", "yes"),
)
case(
    "a_boolean_s_default_check_and_partial_index",
    "create table t(id integer primary key, a boolean not null default 1 check(a in (0,1)), b tinyint(1) default 0);"
    "create index live on t(id) where a = 1; insert into t values(1,0,1);",
    ("insert into t(id) values(2) returning a, b", [(True, False)]),
    ("select indexdef like '%WHERE a%' from pg_indexes where indexname = 'live'",),
)

# ------------------------------------------------------------------------------------------- text with a length
case(
    "lengths_are_counted_in_characters",
    column("varchar(5)", "ŞəkiŞ", "😀😀😀😀😀", "e\u0301e\u0301e"),
    type_of("t", "a", "character varying(5)"),
    arrive("ŞəkiŞ", "😀😀😀😀😀", "e\u0301e\u0301e"),
)
case(
    "a_combining_mark_is_a_character",
    column("varchar(2)", "e\u0301e"),
    type_of("t", "a", "text"),
    arrive("e\u0301e"),
    says=("t.a", "id=1"),
)
case(
    "char_is_neither_padded_nor_trimmed",
    column("char(5)", "ab", "ab   ", ""),
    type_of("t", "a", "character varying(5)"),
    arrive("ab", "ab   ", ""),
)
case("numbers_in_a_varchar_are_text", column("varchar(9)", 12, 1.5), arrive("12", "1.5"))

# ------------------------------------------------------------------------------------------- bytes
case(
    "a_blob_column_is_bytes_whatever_the_storage_class",
    column("blob", b"\x00\xff", "text ə", 5, 1.5, None),
    type_of("t", "a", "bytea"),
    arrive(b"\x00\xff", "text ə".encode(), b"5", b"1.5", None),
    says=("t.a", "bytes of its text"),
)
case(
    "php_writes_bytes_as_text",
    column("blob", 'O:8:"\x00*\x00x', "\x00"),
    type_of("t", "a", "bytea"),
    arrive(b'O:8:"\x00*\x00x', b"\x00"),
)
case(
    "bad_utf8_in_a_blob_column_is_nobody_s_business",
    "create table t(id integer primary key, a blob); insert into t values(1, cast(x'61ff00fe62' as text));",
    arrive(b"a\xff\x00\xfeb"),
)
case(
    "a_text_column_stays_text_and_foreign_bytes_are_kept_aside",
    column("text", "a", b"b", b"\xff\x00"),
    type_of("t", "a", "text"),
    arrive("a", "b", "\ufffd\ufffd"),
    kept(({"id": 3}, b"\xff\x00", "blob")),
    exits=3,
    says=("t.a", "id=3"),
)
case(
    "a_text_column_of_pictures_is_bytes",
    column("text", b"\xff\x00", b"\x89PNG"),
    type_of("t", "a", "bytea"),
    arrive(b"\xff\x00", b"\x89PNG"),
    exits=3,
    says="t.a",
)

# ------------------------------------------------------------------------------------------- no type, ANY, STRICT
case("untyped_reals", column("", 1.5, INFINITY), type_of("t", "a", "double precision"), arrive(1.5, INFINITY))
case("untyped_blobs", column("", b"\xff", b"a"), type_of("t", "a", "bytea"), arrive(b"\xff", b"a"))
case("untyped_without_values", column("", None), type_of("t", "a", "text"), arrive(None))
case(
    "untyped_integers_and_reals_are_mixed",
    column("", 1, 1.5, 1.0),
    type_of("t", "a", "text"),
    arrive("1", "1.5", "1.0"),
    says=("t.a", "1 integers, 2 reals"),
)
case(
    "untyped_bytes_among_text",
    column("", b"\xff", "a", 7),
    type_of("t", "a", "text"),
    arrive("\ufffd", "a", "7"),
    kept(({"id": 1}, b"\xff", "blob")),
    exits=3,
)
case(
    "untyped_infinity_among_big_integers",
    column("", 2**60, INFINITY),
    type_of("t", "a", "text"),
    arrive(str(2**60), "Infinity"),
)
case(
    "any_in_a_strict_table_converts_nothing",
    filled(
        "create table t(id integer primary key, a any, b any, c any) strict;",
        ("insert into t values(?,?,?,?)", [(1, "007", 1, b"x"), (2, "1.0", 2, b"\xff")]),
    ),
    type_of("t", "a", "text"),
    type_of("t", "b", "bigint"),
    type_of("t", "c", "bytea"),
    ("select a, b, c from t order by id", [("007", 1, b"x"), ("1.0", 2, b"\xff")]),
)
case(
    "a_word_of_numeric_affinity_holds_whole_and_broken_numbers",
    column("quantity", 1.0, 1.5),
    type_of("t", "a", "double precision"),
    arrive(1.0, 1.5),
)
case("a_point_is_no_integer", column("point", b"GP\x00\x01"), type_of("t", "a", "bytea"), arrive(b"GP\x00\x01"))

# ------------------------------------------------------------------------------------------- JSON
case(
    "json_scalars_in_every_storage_class",
    column("json", 5, 1.5, "null", None, "true", '"x"', "[1]", b'{"a":1}'),
    type_of("t", "a", "jsonb"),
    (
        "select a::text from t order by id",
        [("5",), ("1.5",), ("null",), (None,), ("true",), ('"x"',), ("[1]",), ('{"a": 1}',)],
    ),
)
case(
    "json_numbers_keep_their_digits",
    column("json", '{"a":1.10,"b":100000000000000000000000.10,"c":1E5}'),
    ("select a->>'a', a->>'b', a->>'c' from t", [("1.10", "100000000000000000000000.10", "100000")]),
)
case(
    "a_surrogate_pair_is_a_character",
    column("json", '["\\ud83d\\ude00"]'),
    type_of("t", "a", "jsonb"),
    ("select a->>0 from t", ["😀"]),
)

NOT_JSONB = {
    "a_nul_escape": '{"a":"\\u0000"}',
    "half_a_surrogate_pair": '["\\ud800"]',
    "a_key_twice": '{"a":1,"a":2}',
    "a_key_twice_deep_inside": '[{"b":{"a":1,"a":1}}]',
    "a_number_beyond_numeric": '{"a":1e999999}',
    "a_number_beyond_everything": '{"a":1e99999999999999999999}',
    "a_fraction_beyond_numeric": '{"a":1e-20000}',
    "a_zero_beyond_numeric": '{"a":0e2147483647}',
    "a_zero_with_too_many_decimals": '{"a":0e-99999}',
    "too_many_decimals": '{"a":0.' + "1" * 17000 + "}",
    "too_many_digits": '{"a":' + "1" * 131073 + "}",
    "more_levels_than_a_parser_takes": "[" * 50000 + "]" * 50000,
    "more_levels_than_some_parsers_take": "[" * 950 + "]" * 950,
    "nan": "[NaN]",
    "infinity": "-Infinity",
    "a_byte_order_mark": "\ufeff{}",
    "a_form_feed": "{}\x0c",
    "an_empty_text": "",
    "one_quote": "{'a':1}",
}
for name, text in NOT_JSONB.items():
    case(
        f"json_with_{name}_stays_text",
        column("json", text, "{}"),
        type_of("t", "a", "text"),
        arrive(text, "{}"),
        says=("t.a", "id=1"),
    )
case(
    "json_of_900_levels",
    column("json", "[" * 900 + "]" * 900),
    type_of("t", "a", "jsonb"),
    ("select length(a::text) from t", [1800]),
)
case(
    "json_with_a_raw_nul_is_text_and_kept_aside",
    column("json", '{"a":1}\x00', "{}"),
    type_of("t", "a", "text"),
    arrive('{"a":1}\ufffd', "{}"),
    kept(({"id": 1}, b'{"a":1}\x00', "text")),
    exits=3,
)
case(
    "json_with_bad_utf8_is_text_and_kept_aside",
    "create table t(id integer primary key, a json); insert into t values(1, cast(x'7b2261223a22ff227d' as text)), (2, '{}');",
    type_of("t", "a", "text"),
    arrive('{"a":"\ufffd"}', "{}"),
    kept(({"id": 1}, b'{"a":"\xff"}', "text")),
    exits=3,
)
case(
    "a_json_column_with_a_foreign_blob",
    column("json", b"\xff", "{}"),
    type_of("t", "a", "text"),
    arrive("\ufffd", "{}"),
    kept(({"id": 1}, b"\xff", "blob")),
    exits=3,
)
case("infinity_in_a_json_column", column("json", INFINITY), type_of("t", "a", "text"), arrive("Infinity"))

# ------------------------------------------------------------------------------------------- UUIDs
case(
    "every_form_of_a_uuid",
    column("uuid", str(ID), str(ID).upper(), ID.hex, ID.bytes, f"{{{ID}}}", ID.hex.encode(), f" {ID}\n"),
    type_of("t", "a", "uuid"),
    arrive(*[ID] * 7),
)
for name, text in {
    "hyphens_elsewhere": "6f96-19ff8b86-d011-b42d-00cf4fc964ff",
    "half_its_braces": f"{{{ID}",
    "a_prefix": f"urn:uuid:{ID}",
    "sixteen_characters": "abcdefghijklmnop",
    "nothing": "",
    "a_digit_too_many": f"{ID}0",
}.items():
    case(
        f"a_uuid_with_{name}_is_none",
        column("uuid", text, str(ID)),
        type_of("t", "a", "text"),
        arrive(text, str(ID)),
        says=("t.a", "id=1"),
    )
case(
    "uuids_refer_to_uuids_in_another_form",
    filled(
        "create table p(id uuid primary key); create table c(id integer primary key, p uuid references p(id)); create table d(id integer primary key, p char(36) references p);",
        ("insert into p values(?)", [(str(ID),), (UUID(int=5).bytes,)]),
        ("insert into c values(?,?)", [(1, str(ID)), (2, UUID(int=5).bytes), (3, None)]),
        ("insert into d values(?,?)", [(1, str(ID))]),
    ),
    type_of("d", "p", "uuid"),
    ("select p from c order by id", [(ID,), (UUID(int=5),), (None,)]),
    ("insert into d values(9, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')", "error"),
)
case(
    "a_uuid_key_with_another_word_is_text_and_so_are_those_that_refer_to_it",
    f"create table p(id uuid primary key); create table c(id integer primary key, p uuid references p(id)); insert into p values('{ID}'),('old'); insert into c values(1,'{ID}'),(2,'old');",
    type_of("p", "id", "text"),
    type_of("c", "p", "text"),
    ("select p from c order by id", [(str(ID),), ("old",)]),
    ("insert into c values(9,'none')", "error"),
)
case(
    "uuids_that_are_the_same_in_postgresql_are_told",
    f"create table t(id uuid primary key, n int); insert into t values('{ID}',1),('{str(ID).upper()}',2);",
    ("select n from t order by n", [1, 2]),
    exits=3,
    says=("t_pkey", str(ID)),
)
case(
    "few_misfits_do_not_bend_a_uuid_column",
    many("uuid", "update t set a = 'bad' where id = 3;", f"'{str(ID)[:24]}' || printf('%012d', i)"),
    type_of("t", "a", "text"),
    ("select a from t where id = 3", ["bad"]),
)
