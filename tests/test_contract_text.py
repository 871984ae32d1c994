"""The contract, "what arrives": text of every kind, and what PostgreSQL cannot hold of it."""

# ruff: noqa: E501  (each source is SQL as one would type it)

from __future__ import annotations

from pathlib import Path

from contract import Case, Cases, filled, type_of
from contract_columns import arrive, column, encoded, kept, proved

CASES = Cases()
case = CASES.add


@CASES.each
def test_text(case: Case, database: str, tmp_path: Path) -> None:
    proved(case, database, tmp_path)


case(
    "azerbaijani_and_others",
    column("text", "Gəncə İsmayıllı ŞƏKİ ı", "أهلاً", "日本語", "Ω≈ç√"),
    arrive("Gəncə İsmayıllı ŞƏKİ ı", "أهلاً", "日本語", "Ω≈ç√"),
)
case("composed_and_decomposed_stay_different", column("text unique", "é", "e\u0301"), arrive("é", "e\u0301"))
case("emoji_of_several_characters", column("text", "👩‍👩‍👧", "🇦🇿", "\U0010ffff"), arrive("👩‍👩‍👧", "🇦🇿", "\U0010ffff"))
case(
    "the_replacement_character_itself_is_no_damage",
    column("text", "\ufffd", "\ufeffbom", "\uffff", "\ue000", "\u2028\x85"),
    arrive("\ufffd", "\ufeffbom", "\uffff", "\ue000", "\u2028\x85"),
    kept(),
)
case(
    "every_control_character_but_nul",
    column("text", "".join(map(chr, range(1, 32))) + "\x7f"),
    arrive("".join(map(chr, range(1, 32))) + "\x7f"),
)
case(
    "backslashes_and_ends_of_copy",
    column("text", "\\.", "\\", "a\\", "\\N", "\\\\.\n\\.\n", "\\x41", "\\t\t"),
    arrive("\\.", "\\", "a\\", "\\N", "\\\\.\n\\.\n", "\\x41", "\\t\t"),
)
case(
    "a_table_of_one_column_of_odd_text",
    filled(
        "create table t(a text);",
        ("insert into t values(?)", [("\\.",), ("",), (None,), ("\\N",), ("x\n\\.\ny",), ("\r\n",)]),
    ),
    ("select a from t", [("\\.",), ("",), (None,), ("\\N",), ("x\n\\.\ny",), ("\r\n",)]),
)
case("empty_text_is_not_null", column("text not null", "", "NULL", "null"), arrive("", "NULL", "null"))
case("spaces_stay", column("text", " a ", "\t", "a\n"), arrive(" a ", "\t", "a\n"))

# ------------------------------------------------------------------------------------------- what cannot be held
case(
    "nuls_are_kept_aside",
    column("text", "ab\x00cd", "\x00", "ok", "\x00\x00x"),
    arrive("ab\ufffdcd", "\ufffd", "ok", "\ufffd\ufffdx"),
    kept(({"id": 1}, b"ab\x00cd", "text"), ({"id": 2}, b"\x00", "text"), ({"id": 4}, b"\x00\x00x", "text")),
    exits=3,
    says=("t.a", "id=1", "id=4"),
)
BAD_UTF8 = {"c3": 1, "eda080": 3, "f4908080": 4, "c080": 2, "61ff00fe62": 3, "e0a0": 1}
case(
    "bad_utf8_of_every_kind_is_kept_aside",
    "create table t(id integer primary key, a text);"
    + "".join(f"insert into t(a) values(cast(x'{text}' as text));" for text in BAD_UTF8),
    ("select length(a) - length(replace(a, '\ufffd', '')) from t order by id", list(BAD_UTF8.values())),
    kept(*[({"id": at}, bytes.fromhex(text), "text") for at, text in enumerate(BAD_UTF8, 1)]),
    exits=3,
    says="t.a",
)
case(
    "a_nul_counts_in_a_varchar",
    column("varchar(3)", "a\x00b", "abc"),
    type_of("t", "a", "character varying(3)"),
    arrive("a\ufffdb", "abc"),
    exits=3,
)
case(
    "a_varchar_that_a_nul_makes_too_long",
    column("varchar(2)", "a\x00b", "ab"),
    type_of("t", "a", "text"),
    arrive("a\ufffdb", "ab"),
    exits=3,
)
case(
    "a_nul_in_a_key_and_in_those_that_refer_to_it",
    filled(
        "create table t(k text primary key, v int); create table c(id integer primary key, k text references t(k));",
        ("insert into t values(?,?)", [("a\x00b", 1), ("ok", 2)]),
        ("insert into c values(?,?)", [(1, "a\x00b"), (2, "ok")]),
    ),
    ("select c.id, t.v from c join t using (k) order by 1", [(1, 1), (2, 2)]),
    kept(({"id": 1}, b"a\x00b", "text"), ({"k": "a\ufffdb"}, b"a\x00b", "text")),
    ("insert into c values(9,'none')", "error"),
    exits=3,
    says=("t.k", "c.k"),
)
case(
    "keys_that_the_replacement_makes_alike_are_told",
    "create table t(k text primary key, v int) without rowid; insert into t values(cast(x'61ff' as text),1),(cast(x'61fe' as text),2);",
    ("select v from t order by v", [1, 2]),
    ("select original from litelift.quarantine order by original", [(b"a\xfe",), (b"a\xff",)]),
    exits=3,
    says=("t_pkey", "t.k"),
)
case(
    "bad_text_where_a_number_was_declared",
    "create table t(id integer primary key, a integer); insert into t values(1, cast(x'ff' as text)), (2, 5);",
    type_of("t", "a", "text"),
    arrive("\ufffd", "5"),
    kept(({"id": 1}, b"\xff", "text")),
    exits=3,
)
case(
    "bad_text_without_any_key_and_without_a_name_for_the_rowid",
    filled(
        "create table t(rowid text, _rowid_ text, oid text);",
        ("insert into t values(?,?,?)", [("a\x00", "x", "y"), ("a\x00", "x", "y"), ("b", "c", "d")]),
    ),
    ("select rowid from t order by 1 desc", ["b", "a\ufffd", "a\ufffd"]),
    ("select original from litelift.quarantine", [(b"a\x00",), (b"a\x00",)]),
    exits=3,
)

# ------------------------------------------------------------------------------------------- UTF-16
for encoding in ("UTF-16le", "UTF-16be"):
    case(
        f"a_{encoding.lower().replace('-', '')}_database_reads_the_same",
        encoded(
            encoding,
            "create table t(k text primary key, v text, b blob); create table c(id integer primary key, k text references t(k));",
            (
                "insert into t values(?,?,?)",
                [("Əl😀", "a\x00b", b"\xff"), ("\ufeffbom", "\ufffd\ue000", None), ("nul\x00key", "x", b"")],
            ),
            ("insert into t values('text', '', ?)", [("text ə",)]),
            ("insert into c values(?,?)", [(1, "Əl😀"), (2, "nul\x00key")]),
        ),
        (
            "select k, v from t order by b nulls first",
            [("\ufeffbom", "\ufffd\ue000"), ("nul\ufffdkey", "x"), ("text", ""), ("Əl😀", "a\ufffdb")],
        ),
        ("select b from t where k = 'text'", [("text ə".encode(),)]),
        ("select c.id from c join t using (k) order by 1", [1, 2]),
        (
            "select count(*)::int from litelift.quarantine where original in ('a\\000b'::bytea, 'nul\\000key'::bytea)",
            [3],
        ),
        exits=3,
        says=("t.v", "t.k", "c.k"),
    )

# ------------------------------------------------------------------------------------------- big values
case(
    "a_value_of_sixty_megabytes",
    filled(
        "create table t(id integer primary key, a text, b blob);",
        ("insert into t values(?,?,?)", [(1, "ə" * 30_000_000, b"\xab\x00" * 500_000), (2, "\\\n" * 500_000, b"\\")]),
    ),
    (
        "select octet_length(a), octet_length(b), left(a, 1) from t order by id",
        [(60_000_000, 1_000_000, "ə"), (1_000_000, 1, "\\")],
    ),
)
case(
    "a_big_text_with_nuls_is_kept_aside_whole",
    column("text", "ab\x00" * 400_000),
    ("select length(a), length(original) from t, litelift.quarantine", [(1_200_000, 1_200_000)]),
    exits=3,
    says=("t.a", "id=1"),
)
