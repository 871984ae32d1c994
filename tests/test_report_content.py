"""What the report says: verdicts, numbers, next steps, and never a password."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litelift.redact import text as redacted
from litelift.report import format as human
from litelift.report import render_html, render_json, render_markdown
from litelift.report.entities import entities, totals
from litelift.report.nextsteps import next_steps
from litelift.report.redact import tree
from litelift.report.verdict import verdict
from litelift.report.view import report
from litelift.result import MigrationResult, Notice, Proof, Quarantined
from test_report_example import clean, example, failing

FORMS = [render_html, render_markdown, render_json]


def judge(result: MigrationResult) -> tuple[str, str]:
    judged = verdict(result, totals(result, entities(result)))
    return judged.status, judged.sentence


def steps_of(result: MigrationResult) -> dict[str, str]:
    return {step.title: "\n".join(code.text for code in step.code) for step in report(result).next_steps}


def test_a_clean_move_is_called_proved_with_its_numbers() -> None:
    assert clean().exit_code == 0
    status, sentence = judge(clean())
    assert status == "good"
    assert sentence.startswith(
        "The move is complete and proved: all 3,043,223 rows of 158 tables are in PostgreSQL 16.4"
    )
    assert "nothing differs" in sentence


def test_a_move_that_needs_a_person_says_what_for() -> None:
    assert example().exit_code == 3
    status, sentence = judge(example())
    assert status == "attention"
    assert "3,043,222 of 3,043,223 rows" in sentence
    assert "13 entries in quarantine, 5 notices that ask for attention and 2 objects that were not carried" in sentence


def test_a_failed_proof_says_what_is_wrong_and_to_stay_on_sqlite() -> None:
    assert failing().exit_code == 1
    status, sentence = judge(failing())
    assert status == "failed"
    assert "812 differences in 1 table, 1 sequence behind the data and 1 missing constraint or index" in sentence
    assert "should stay on SQLite" in sentence


def test_a_move_without_a_proof_is_never_called_proved() -> None:
    status, sentence = judge(clean(proof=Proof()))
    assert status == "attention"
    assert "not wholly proved" in sentence
    assert "none of them was compared" in sentence


def test_one_table_left_out_of_the_proof_is_told() -> None:
    whole = clean()
    proof = whole.proof.model_copy(update={"tables": whole.proof.tables[1:]})
    status, sentence = judge(clean(proof=proof))
    assert (status, "1 table of them not compared" in sentence) == ("attention", True)
    assert "Compare what was not compared" in steps_of(clean(proof=proof))


def test_counts_that_contradict_each_other_fail_the_report_whatever_the_flags_say() -> None:
    whole = clean()
    wrong = whole.proof.tables[0].model_copy(update={"target_rows": whole.proof.tables[0].target_rows - 1})
    result = clean(proof=whole.proof.model_copy(update={"tables": [wrong, *whole.proof.tables[1:]]}))
    assert result.exit_code == 1
    assert judge(result)[0] == "failed"
    assert "loaded 1,204,331, found 1,204,330" in render_markdown(result)


def test_a_table_with_rows_unaccounted_for_comes_first_with_the_number() -> None:
    whole = clean()
    short = whole.tables[-100].model_copy(update={"source_rows": 9, "loaded": 7})
    result = clean(tables=[*whole.tables[:-100], short, *whole.tables[-99:]])
    first = entities(result)[0]
    assert (first.source, first.mark) == (short.source, "differs")
    assert first.why.startswith("2 rows unaccounted for")


@pytest.mark.parametrize("render", FORMS)
def test_every_table_is_named_in_every_form(render: Any) -> None:
    rendered = render(example()).replace("<wbr>", "")
    missing = [table.source for table in example().tables if table.source not in rendered]
    assert missing == []


def test_tables_are_sorted_by_rows_and_empty_ones_come_folded() -> None:
    view = report(example())
    counts = [row.in_file for row in view.tables.items]
    assert counts == sorted(counts, reverse=True)
    assert (view.tables.total, view.empty_tables.total) == (64, 94)


def test_an_empty_table_that_differs_is_not_folded_away() -> None:
    whole = clean()
    wrong = whole.proof.tables[-1].model_copy(update={"target_rows": 2, "equal": False, "total_differences": 2})
    view = report(clean(proof=whole.proof.model_copy(update={"tables": [*whole.proof.tables[:-1], wrong]})))
    assert view.tables.items[0].source == wrong.source


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_both_values_of_a_difference_are_shown(render: Any) -> None:
    rendered = render(failing())
    assert "0.10000000149011612" in rendered
    assert "and 808 more" in rendered


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_a_list_is_cut_at_200_and_says_where_the_rest_is(render: Any) -> None:
    entries = [
        Quarantined(table="t", column="c", key={"id": n}, original=f"v{n}v", storage_class="text", reason="no")
        for n in range(500)
    ]
    rendered = render(example(quarantined=entries, quarantined_total=500))
    assert "v199v" in rendered
    assert "v200v" not in rendered
    assert "and 300 more (all in report.json)" in rendered
    rendered = render(example(quarantined=entries, quarantined_total=9000))
    assert "and 8,800 more (500 of the 9,000 in report.json; all in the table litelift.quarantine)" in rendered


def test_next_steps_after_a_success_end_with_backup_switch_and_keeping_the_file() -> None:
    titles = list(steps_of(clean()))
    assert titles[0] == "Make sure that nothing was written to SQLite since"
    assert titles[1:] == [
        "Take a backup of PostgreSQL, and restore it somewhere",
        "Switch the application over",
        "Keep the SQLite file, read-only, for 30 days",
    ]


def test_next_steps_name_quarantine_validation_and_views_with_their_sql() -> None:
    steps = steps_of(example())
    assert "run_id = '20251121-180409-7f3a'" in steps["Look through the quarantine"]
    assert (
        'ALTER TABLE "public"."attendance" VALIDATE CONSTRAINT "attendance_student_id_fkey";'
        in steps["Mend the rows that break a constraint, then validate it"]
    )
    assert "litelift.untranslated" in steps["Write what was not carried by hand"]
    assert "Decide on the notices that ask for attention" in steps


def test_a_constraint_is_found_in_a_notice_that_names_its_table() -> None:
    notice = Notice(
        level="attention",
        kind="constraint-not-valid",
        table='odd "table"',
        message='odd fk on odd "table": 3 rows refer to nothing; it is NOT VALID now, and holds for new rows',
    )
    step = steps_of(clean(notices=[notice]))["Mend the rows that break a constraint, then validate it"]
    assert 'ALTER TABLE "public"."odd ""table""" VALIDATE CONSTRAINT "odd fk";' in step


def test_next_steps_after_a_failure_do_not_switch_and_set_the_sequence() -> None:
    steps = steps_of(failing())
    assert next(iter(steps)) == "Leave the application on SQLite"
    assert "Switch the application over" not in steps
    assert steps["Set the sequences"] == """SELECT setval('"public"."users_id_seq"', 2319, false);"""
    assert steps["Move again"] == (
        "litelift migrate /srv/atis/database/atis.sqlite postgresql://atis@db.example.org:5432/atis"
    )


def test_hostile_names_stay_one_word_of_the_shell_and_one_string_of_sql() -> None:
    source = example().source.model_copy(update={"path": "/srv/a'b; rm -rf ~/$(id).db"})
    steps = steps_of(example(source=source, run_id="x'; drop table t; --"))
    assert """'/srv/a'"'"'b; rm -rf ~/$(id).db'""" in steps["Keep the SQLite file, read-only, for 30 days"]
    assert "run_id = 'x''; drop table t; --'" in steps["Look through the quarantine"]


def test_the_sql_of_the_next_steps_runs(database: str) -> None:
    import psycopg

    notice = Notice(level="attention", kind="not-valid", table="c", message='constraint "c fk" was added NOT VALID')
    result = example(notices=[notice])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create schema litelift")
        connection.execute(
            "create table litelift.quarantine (run_id text, table_name text, column_name text, row_key jsonb,"
            " original bytea, storage_class text, reason text, at timestamptz)"
        )
        connection.execute(
            "create table litelift.untranslated (run_id text, kind text, name text, sql text, reason text)"
        )
        connection.execute("create table p (id int primary key); create table c (id int)")
        connection.execute('alter table c add constraint "c fk" foreign key (id) references p not valid')
        connection.execute("create table users (id serial primary key)")
        for step in next_steps(result, totals(result, entities(result)), failed=False):
            for code in step.code:
                if code.language == "sql":
                    connection.execute(code.text.encode())
        left = connection.execute("select count(*) from pg_constraint where not convalidated").fetchone()
        assert left == (0,)
        connection.execute(steps_of(failing())["Set the sequences"].encode())
        assert connection.execute("select nextval('users_id_seq')").fetchone() == (2319,)


@pytest.mark.parametrize("render", FORMS)
def test_no_password_is_anywhere(render: Any) -> None:
    secret = "s3cr3t@/x"
    url = f"postgresql://atis:{secret}@db:5432/atis"
    result = example(
        target=example().target.model_copy(update={"display": url}),
        configuration={
            "target": url,
            "conninfo": f"host=db password='{secret}' user=atis",
            "password": secret,
            "nested": {"DB_PASSWORD": secret, "list": [url], "api_token": secret},
        },
        notices=[Notice(kind="k", message=f"connected to {url}")],
        steps=[step.model_copy(update={"detail": url}) for step in example().steps],
    )
    rendered = render(result)
    assert "s3cr3t" not in rendered
    assert "postgresql://atis:***@db:5432/atis" in rendered.replace("\\", "").replace("&#58;", ":")


def test_a_plans_words_are_not_taken_for_secrets() -> None:
    plan = {"tables": {"users": {"columns": {"password": {"type": "text"}, "kind": {"values": {"token": "jeton"}}}}}}
    assert tree(plan) == plan
    assert (
        redacted("server 16.4 at http://db:5432/x, compass=north") == "server 16.4 at http://db:5432/x, compass=north"
    )


def test_a_password_is_hidden_whole_where_it_is_not_quoted() -> None:
    for word in ("ab'cd", 'ab"cd', "ab\\ cd", "ab&cd", "'ab\\' cd'", "ab\\\\cd"):
        told = redacted(f"cannot reach password={word} host=db")
        assert told == "cannot reach password=*** host=db"


def test_data_values_stay_exact() -> None:
    entry = Quarantined(
        table="t", column="c", key={}, original="password=hunter2", storage_class="text", reason="no", stands_in=None
    )
    assert "password=hunter2" in render_json(example(quarantined=[entry], quarantined_total=1))


def test_data_only_is_described_as_such() -> None:
    words = render_markdown(example(mode="data-only"))
    assert "application's own migrations made the PostgreSQL schema" in words
    assert "--data-only" in render_markdown(failing().model_copy(update={"mode": "data-only"}))
    assert "application's own migrations" not in render_markdown(example())


def test_an_embedded_server_is_told_apart() -> None:
    target = example().target.model_copy(
        update={"embedded": True, "embedded_folder": "/srv/atis/pg", "host": "/srv/run"}
    )
    steps = steps_of(example(target=target))
    assert "Decide where PostgreSQL is to live" in steps
    assert 'DATABASE_URL="postgresql://atis@/atis?host=/srv/run&port=5432"' in steps["Switch the application over"]


def test_a_result_without_anything_renders_in_every_form() -> None:
    empty = example(
        steps=[],
        tables=[],
        notices=[],
        quarantined=[],
        quarantined_total=0,
        untranslated=[],
        proof=Proof(),
        configuration={},
    )
    for render in FORMS:
        assert render(empty)
    assert json.loads(render_json(empty))["exit_code"] == 0


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_300_000, "1.3 MB"),
        (999_949, "1.0 MB"),
        (99_950_000, "100 MB"),
        (438_272_000, "438 MB"),
        (999_600_000, "1.0 GB"),
        (7_000 * 10**15, "7,000 PB"),
    ],
)
def test_sizes_are_human(value: int, words: str) -> None:
    assert human.size(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 ms"),
        (0.34, "340 ms"),
        (0.9996, "1.0 s"),
        (12.44, "12.4 s"),
        (59.96, "1 min 00 s"),
        (185.2, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7440, "2 h 04 min"),
        (-1.0, "0 ms"),
    ],
)
def test_durations_are_human(seconds: float, words: str) -> None:
    assert human.duration(seconds) == words
