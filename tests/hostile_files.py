"""Files that somebody made to hurt whoever reads them, each by a function of its path; its name says what it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

Maker = Callable[[Path], None]
MOVED: dict[str, Maker] = {}
"""They arrive whole (exit 0 or 3)."""
REFUSED: dict[str, Maker] = {}
EITHER: dict[str, Maker] = {}
"""Which of the two is SQLite's version's business."""


def into(cases: dict[str, Maker]) -> Callable[[Maker], Maker]:
    def add(maker: Maker) -> Maker:
        cases[maker.__name__] = maker
        return maker

    return add


def script(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.executescript(statement)
        connection.commit()


def forge(path: Path, *rows: tuple[str, str, str, int, str | bytes | None], change: str = "") -> None:
    """Write rows into sqlite_schema behind SQLite's back; a root page below 0 is that of the table ``t``."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("create table if not exists t(a, b); insert into t values (1, 'one'), (2, 'two')")
        (root,) = connection.execute("select rootpage from sqlite_schema where name = 't'").fetchone()
        connection.execute("pragma writable_schema = on")
        for type_, name, table, page, sql in rows:
            text = sql.decode("utf-8", "surrogateescape") if isinstance(sql, bytes) else sql
            raw = None if text is None else text.encode("utf-8", "surrogateescape")
            connection.execute(
                "insert into sqlite_schema values (?, ?, ?, ?, cast(? as text))",
                (type_, name, table, root if page < 0 else page, raw),
            )
        if change:
            connection.execute(change)


def patch(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def page_of(path: Path, name: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("select rootpage from sqlite_schema where name = ?", (name,)).fetchone()
        return int(page)


# --------------------------------------------------------------------- names and values

NAMES = (
    'quo"te',
    "apo'strophe",
    "back`tick",
    "[bracket]",
    '"; drop table t; --',
    "'); drop table t; --",
    "%s %(name)s %d %%",
    "{} {0} {name}",
    "$1 :name @name ?1",
    "new\nline\r\ttab",
    "\x01\x1b[31m\x7f",
    "\u202egnp.exe",
    "\ufeffmark",
    "é",
    "e\u0301",
    "Case",
    "cAse2",
    "select",
    " ",
    ".",
    "..",
    "a.b.c",
    "\\",
    "\U0001f600",
    "x" * 10_000,
    "ə" * 100,
    "pg_catalog",
    "litelift",
)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@into(MOVED)
def tables_with_hostile_names(path: Path) -> None:
    script(path, *(f"create table {_quoted(name)}(id integer primary key, v)" for name in NAMES))
    script(path, *(f"insert into {_quoted(name)}(v) values ('x')" for name in NAMES))


@into(MOVED)
def columns_with_hostile_names(path: Path) -> None:
    names = [*NAMES, ""]
    script(
        path,
        f"create table t({', '.join(map(_quoted, names))})",
        f"insert into t values ({', '.join(str(n) for n in range(len(names)))})",
        *(f"create index {_quoted('i' + str(n) + name)} on t({_quoted(name)})" for n, name in enumerate(names)),
    )


@into(MOVED)
def values_of_every_kind_of_trouble(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table t(id integer primary key, v, w text, x blob)")
        values = [*NAMES, "", "\0", "a\0b", "\\.", "\\N", "\t\n\r\b", "NULL", "\ud7ff\ue000\uffff\U0010ffff"]
        connection.executemany("insert into t(v, w, x) values (?, ?, ?)", [(v, v, v.encode()) for v in values])
        for raw in (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"abc\x80", b"\xe2\x82"):
            connection.execute("insert into t(v, w, x) values (cast(? as text), cast(? as text), ?)", (raw, raw, raw))
        connection.execute("insert into t(v, w, x) values (9e999, -9e999, -0.0)")
        connection.execute("insert into t(v, w, x) values (-9223372036854775808, 9223372036854775807, 5e-324)")
        connection.commit()


# --------------------------------------------------------------------- sqlite_schema

for _name, _sql in {
    "sql_that_names_other_columns_than_its_rows_have": "create table f(x, y, z, a, b, c)",
    "sql_that_is_no_sql": "create table f(",
    "sql_that_is_empty": "",
    "sql_that_is_a_select": "select 1",
    "sql_of_ten_thousand_parentheses": f"create table f(a check ({'(' * 10_000}1{')' * 10_000}))",
    "sql_of_a_deep_default": f"create table f(a default ({'(' * 900}1{')' * 900}))",
    "sql_of_many_unbalanced_parentheses": f"create table f(a {'(' * 100_000}",
    "sql_of_a_megabyte": f"create table f(a /* {'x' * (1 << 20)} */)",
    "sql_of_many_comments": f"create table f(a {'/**/' * 250_000})",
    "sql_of_open_comments": f"create table f(a) {'/*' * 200_000}",
    "sql_of_dashes": f"create table f(a {'-- ' * 200_000}\n)",
    "sql_of_many_operators": f"create table f(a check (a {'+ a ' * 900}))",
    "sql_of_too_many_operators": f"create table f(a check (a {'or a ' * 100_000}))",
    "sql_of_many_negations": f"create table f(a check ({'not ' * 900} a))",
    "sql_of_many_words_in_a_type": f"create table f(a {'word ' * 100_000})",
    "sql_of_a_type_of_a_megabyte": f"create table f(a {'word' * 250_000})",
    "sql_of_thirty_thousand_columns": f"create table f({', '.join(f'c{n}' for n in range(30_000))})",
    "sql_of_two_columns_alike": "create table f(a, A)",
    "sql_of_a_generated_loop": "create table f(a as (b), b as (a), c)",
    "sql_of_a_table_without_rowid_that_has_one": "create table f(a primary key, b) without rowid",
    "sql_of_a_strict_table_of_no_types": "create table f(a nothing, b text) strict",
    "sql_with_an_unknown_function": "create table f(a, b default (edit('x')), check (writefile('x', a) > 0))",
    "sql_with_an_unknown_collation": "create table f(a collate evil unique, b)",
    "sql_with_a_subquery_in_a_check": "create table f(a check (a in (select a from f)))",
    "sql_of_another_name": "create table g(a, b)",
    "sql_create_table_as": "create table f as select 1",
    "sql_of_a_view_as_a_table": "create view f as select 1",
}.items():

    def _made(path: Path, sql: str = _sql) -> None:
        forge(path, ("table", "f", "f", -1, sql))

    EITHER[_name] = _made


def _forged(name: str, *rows: tuple[str, str, str, int, str | bytes | None], change: str = "") -> None:
    EITHER[name] = lambda path: forge(path, *rows, change=change)


_forged("two_tables_on_one_page", ("table", "f", "f", -1, "create table f(a, b)"))
_forged("a_table_on_page_0", ("table", "f", "f", 0, "create table f(a)"))
_forged("a_table_on_page_1", ("table", "f", "f", 1, "create table f(type, name, tbl_name, rootpage, sql)"))
_forged("a_table_beyond_the_end", ("table", "f", "f", 1 << 30, "create table f(a)"))
_forged("a_table_on_a_page_below_0", change="update sqlite_schema set rootpage = -7 where name = 't'")
_forged("a_root_page_that_is_text", change="update sqlite_schema set rootpage = 'two' where name = 't'")
_forged("tbl_name_of_another", change="update sqlite_schema set tbl_name = 'u' where name = 't'")
_forged("a_type_that_is_garbage", ("garbage", "f", "f", 0, "create table f(a)"))
_forged("a_type_that_is_null", change="update sqlite_schema set type = null")
_forged("a_name_that_is_null", change="update sqlite_schema set name = null")
_forged("a_name_that_is_a_blob", change="update sqlite_schema set name = x'ff00ff'")
_forged("sql_that_is_a_number", change="update sqlite_schema set sql = 7")
_forged("a_table_twice", ("table", "t", "t", -1, "create table t(a, b)"))
_forged("a_table_of_sqlite_s_own_name", ("table", "sqlite_evil", "sqlite_evil", -1, "create table sqlite_evil(a, b)"))
_forged(
    "sqlite_sequence_that_is_none",
    ("table", "sqlite_sequence", "sqlite_sequence", -1, "create table sqlite_sequence(a)"),
)
_forged("an_index_of_nothing", ("index", "i", "gone", -1, "create index i on gone(a)"))
_forged("an_index_on_its_table_s_page", ("index", "i", "t", -1, "create index i on t(a)"))
_forged("an_index_without_sql", ("index", "i", "t", -1, None))
_forged("a_view_of_itself", ("view", "v", "v", 0, "create view v as select * from v"))
_forged(
    "views_in_a_circle",
    ("view", "v", "v", 0, "create view v as select * from w"),
    ("view", "w", "w", 0, "create view w as select * from v"),
)
_forged("a_view_over_nothing", ("view", "v", "v", 0, "create view v as select * from gone"))
_forged(
    "views_that_call_what_they_may_not",
    ("view", "v", "v", 0, "create view v as select load_extension('/tmp/x.so')"),
    ("view", "w", "w", 0, "create view w as select writefile('/tmp/litelift-evil', 'x'), edit('x', 'sh')"),
    ("view", "x", "x", 0, "create view x as select fts3_tokenizer('x', x'0000000000000000')"),
)
_forged(
    "a_trigger_on_nothing", ("trigger", "g", "gone", 0, "create trigger g after insert on gone begin select 1; end")
)
_forged("a_trigger_without_an_end", ("trigger", "g", "t", 0, "create trigger g after insert on t begin select 1;"))
_forged("a_virtual_table_of_an_unknown_module", ("table", "f", "f", 0, "create virtual table f using evil(a, b)"))
_forged("a_virtual_table_of_a_pragma", ("table", "f", "f", 0, "create virtual table f using pragma_function_list"))
_forged("a_virtual_table_of_dbpage", ("table", "f", "f", 0, "create virtual table f using sqlite_dbpage"))
_forged("a_virtual_table_of_nothing", ("table", "f", "f", 0, "create virtual table"))
_forged("full_text_without_its_shadows", ("table", "f", "f", 0, "create virtual table f using fts5(a, b)"))
_forged("full_text_4_without_its_shadows", ("table", "f", "f", 0, "create virtual table f using fts4(a, b)"))
_forged("r_tree_without_its_shadows", ("table", "f", "f", 0, "create virtual table f using rtree(i, a, b)"))
_forged("full_text_of_itself", ("table", "f", "f", 0, "create virtual table f using fts5(a, content=f)"))
_forged(
    "full_text_of_a_view_of_it",
    ("table", "f", "f", 0, "create virtual table f using fts5(a, content=v)"),
    ("view", "v", "v", 0, "create view v as select rowid, a from f"),
)
_forged(
    "full_text_of_a_tokenizer_that_is_not_there",
    ("table", "f", "f", 0, "create virtual table f using fts5(a, tokenize='evil')"),
)
_forged("names_that_are_not_utf_8", ("table", "f", "f", -1, b'create table f("\xff\xfe\x80", b)'))
_forged("a_view_that_is_not_utf_8", ("view", "v", "v", 0, b"create view v as select '\xff\xfe' as \"\xc0\x80\" from t"))
_forged("a_nul_in_the_sql", ("table", "f", "f", -1, "create table f(a, b)\0; drop table t"))


# --------------------------------------------------------------------- what has no end

ENDLESS = "with recursive c(n) as (select 1 union all select n + 1 from c) select"


@into(MOVED)
def views_without_end(path: Path) -> None:
    script(
        path,
        "create table t(a); insert into t values (1)",
        f"create view counted as {ENDLESS} count(*) as n from c",
        f"create view streamed as {ENDLESS} n from c",
        f"create view grown as {ENDLESS} zeroblob(n) as z from c",
        f"create view later as {ENDLESS} n from c where n < 0",
        "create view after as select * from counted",
    )


@into(MOVED)
def a_view_of_a_large_product(path: Path) -> None:
    script(
        path,
        "create table t(a); with recursive c(n) as (select 1 union all select n + 1 from c limit 300)"
        " insert into t select n from c",
        "create view v as select count(*) as n from t a, t b, t c, t d, t e, t f where a.a + b.a + c.a = f.a * 7",
    )


@into(MOVED)
def triggers_without_end(path: Path) -> None:
    script(
        path,
        "create table t(id integer primary key, a); create table u(id integer primary key, a)",
        "insert into t values (1, 1); insert into u values (1, 1)",
        f"create trigger g after insert on t begin insert into u(a) {ENDLESS} n from c; end",
        f"create trigger h after update on t begin update u set a = ({ENDLESS} count(*) from c); end",
        "create trigger i after insert on u begin insert into t(a) values (new.a); end",
        "create trigger j after delete on t begin insert into u(a) select zeroblob(100000) from t, u; end",
    )


@into(EITHER)
def a_generated_column_that_is_a_bomb(path: Path) -> None:
    script(path, "create table t(a, b as (hex(zeroblob(a)))); insert into t(a) values (499999999)")


@into(EITHER)
def a_generated_column_of_printf(path: Path) -> None:
    script(path, "create table t(a, b as (printf('%*d', a, 1))); insert into t(a) values (300000000), (5)")


@into(EITHER)
def a_generated_column_that_is_quadratic(path: Path) -> None:
    script(
        path,
        "create table t(a, b as (length(replace(hex(zeroblob(a)), '00', hex(zeroblob(a / 100))))))",
        "with recursive c(n) as (select 1 union all select n + 1 from c limit 50) insert into t(a) select 10000 from c",
    )


@into(EITHER)
def checks_and_indexes_that_are_slow(path: Path) -> None:
    script(
        path,
        "create table t(a text, check (a not like '%a%a%a%a%a%a%a%a%a%b'), check (a not glob '*a*a*a*a*a*a*a*b'))",
        "create index i on t(instr(a, a || 'x'))",
    )
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany("insert into t values (?)", [("a" * 5000,)] * 20)
        connection.commit()


@into(MOVED)
def a_deep_pile_of_views(path: Path) -> None:
    script(
        path,
        "create table t(a); insert into t values (1)",
        "create view v0 as select a from t",
        *(f"create view v{n} as select x.a from v{n - 1} x, v{n - 1} y" for n in range(1, 11)),
    )


@into(MOVED)
def a_union_of_many(path: Path) -> None:
    script(path, "create table t(a)", f"create view v as select 1 as a {' union all select 1' * 400}")


# --------------------------------------------------------------------- pages


def _with_blob(path: Path, size: int = 30_000, page: int = 4096) -> int:
    """A table with a blob that overflows; the offset of its leaf page."""
    script(
        path,
        f"pragma page_size = {page}",
        "create table t(a integer primary key, b)",
        f"insert into t values (1, zeroblob({size}))",
    )
    return (page_of(path, "t") - 1) * page


def _overflow_pages(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("pragma page_count").fetchone()
        return list(range(page_of(path, "t") + 1, count + 1))


@into(REFUSED)
def an_overflow_chain_in_a_circle(path: Path) -> None:
    _with_blob(path)
    first = _overflow_pages(path)[0]
    patch(path, (first - 1) * 4096, first.to_bytes(4, "big"))


@into(REFUSED)
def a_record_that_claims_two_gigabytes(path: Path) -> None:
    leaf = _with_blob(path)
    with path.open("rb") as file:
        file.seek(leaf + 8)
        cell = int.from_bytes(file.read(2), "big")
    patch(path, leaf + cell, bytes([0x87, 0xFF, 0xFF]))


@into(REFUSED)
def a_page_of_pages_in_a_circle(path: Path) -> None:
    script(path, "create table t(a)", "insert into t values (zeroblob(3000))")
    page = page_of(path, "t")
    cells = b"".join((4096 - 5 * n).to_bytes(2, "big") for n in range(1, 300))
    body = b"".join(page.to_bytes(4, "big") + bytes([n % 100]) for n in range(299, 0, -1))
    head = (
        bytes([5, 0, 0])
        + (299).to_bytes(2, "big")
        + (4096 - 5 * 299).to_bytes(2, "big")
        + bytes([0])
        + page.to_bytes(4, "big")
    )
    patch(path, (page - 1) * 4096, head + cells)
    patch(path, page * 4096 - len(body), body)


@into(MOVED)
def a_freelist_of_a_million_pages(path: Path) -> None:
    """Sparse: only the trunks are written, each with 126 leaves (section 1.5)."""
    script(path, "pragma page_size = 512", "create table t(a)", "insert into t values (1)")
    first, trunks, leaves = path.stat().st_size // 512 + 1, 7_900, 124
    with path.open("r+b") as file:
        for trunk in range(trunks):
            page = first + trunk * (leaves + 1)
            after = page + leaves + 1 if trunk < trunks - 1 else 0
            words = [after, leaves, *range(page + 1, page + 1 + leaves)]
            file.seek((page - 1) * 512)
            file.write(b"".join(word.to_bytes(4, "big") for word in words))
        total = first + trunks * (leaves + 1) - 1
        file.truncate(total * 512)
        file.seek(28)
        file.write(total.to_bytes(4, "big") + first.to_bytes(4, "big") + (trunks * (leaves + 1)).to_bytes(4, "big"))


@into(REFUSED)
def a_page_count_of_gigabytes_of_nothing(path: Path) -> None:
    _with_blob(path)
    with path.open("r+b") as file:
        file.truncate(2 << 30)
    patch(path, 28, ((2 << 30) // 4096).to_bytes(4, "big"))


@into(REFUSED)
def a_page_count_beyond_the_end(path: Path) -> None:
    _with_blob(path)
    patch(path, 28, (1 << 30).to_bytes(4, "big"))


@into(REFUSED)
def a_page_count_that_is_too_small(path: Path) -> None:
    _with_blob(path)
    patch(path, 28, (2).to_bytes(4, "big"))


@into(REFUSED)
def a_text_encoding_of_7(path: Path) -> None:
    _with_blob(path)
    patch(path, 56, (7).to_bytes(4, "big"))


@into(MOVED)
def a_default_cache_of_all_memory(path: Path) -> None:
    _with_blob(path, 50_000_000)
    patch(path, 48, (0x7FFFFFFF).to_bytes(4, "big"))


@into(REFUSED)
def a_page_map_that_is_wrong(path: Path) -> None:
    script(path, "pragma auto_vacuum = full")
    _with_blob(path)
    # The second page maps each following one to what it is ("Pointer Map or Ptrmap Pages").
    patch(path, 4096, bytes([3, 0, 0, 0, 9]) * 5)


@into(EITHER)
def shadows_of_full_text_that_are_damaged(path: Path) -> None:
    script(
        path,
        "create virtual table f using fts5(a, b); create virtual table g using fts4(a, b)",
        "insert into f values ('one two', 'three'), ('four', 'five'); insert into g select * from f",
        "pragma writable_schema = on; update f_data set block = zeroblob(40000) where id > 9",
        "update f_content set c0 = x'ff00ff', c1 = null; delete from f_docsize",
        "update g_segdir set root = x'ffffffffff'",
        "insert or replace into f_config values ('version', 9e999)",
    )


@into(EITHER)
def shadows_of_an_r_tree_that_are_damaged(path: Path) -> None:
    script(
        path,
        "create virtual table r using rtree(id, x0, x1)",
        "insert into r values (1, 0, 1), (2, 3, 4)",
        "update r_node set data = x'ffffffff' || randomblob(100); insert into r_parent values (1, 1), (7, 7)",
    )


for _format in (1, 2, 3, 4):

    def _of_format(path: Path, number: int = _format) -> None:
        script(path, "create table t(a, b); create index i on t(a)", "insert into t values (1, 2), (3, 4)")
        patch(path, 44, number.to_bytes(4, "big"))

    MOVED[f"schema_format_{_format}"] = _of_format

for _size in (512, 1024, 65536):

    def _of_page_size(path: Path, size: int = _size) -> None:
        _with_blob(path, 200_000, size)

    MOVED[f"pages_of_{_size}_bytes"] = _of_page_size


@into(MOVED)
def bytes_reserved_on_each_page(path: Path) -> None:
    """As encryption and checksum extensions keep them: an empty database's header says how many (section 1.3.4)."""
    script(path, "create table x(a)", "drop table x", "vacuum")
    patch(path, 20, bytes([32]))
    # The first page's content area must end before them (section 1.6).
    patch(path, 105, (4096 - 32).to_bytes(2, "big"))
    script(path, "create table t(a integer primary key, b)", "insert into t values (1, zeroblob(30000))")


@into(MOVED)
def a_table_of_many_columns(path: Path) -> None:
    names = ", ".join(f"c{n}" for n in range(1500))
    script(path, f"create table t({names})", "insert into t(c0, c1499) values (1, 2)")


@into(MOVED)
def collations_of_the_application_s(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for name in ("evil", "nom e\u0301", '"; drop table t; --'):
            connection.create_collation(name, lambda a, b: (a > b) - (a < b))
            connection.execute(f"create table {_quoted('t' + name)}(a text collate {_quoted(name)} unique, b)")
            connection.execute(f"insert into {_quoted('t' + name)} values ('x', 1), ('y', 2)")
        connection.commit()
