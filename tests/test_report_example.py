"""A school system's move, as large and as imperfect as a real one, in every form of the report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from litelift.report import render_html, render_markdown
from litelift.result import (
    Difference,
    MigrationResult,
    Notice,
    ObjectProof,
    Proof,
    Quarantined,
    SequenceProof,
    SourceInfo,
    Step,
    TableProof,
    TableResult,
    TargetInfo,
    Untranslated,
)

BEGAN = datetime(2025, 11, 21, 18, 4, 9, tzinfo=UTC)

FULL = {
    "survey_answers": 1_204_331,
    "attendance": 812_940,
    "grades": 402_118,
    "audit_log": 391_004,
    "survey_responses": 88_412,
    "notifications": 61_207,
    "students": 18_204,
    "enrolments": 17_996,
    "messages": 12_441,
    "guardians": 11_873,
    "files": 9_120,
    "users": 2_318,
    "lessons": 1_940,
    "teachers": 1_204,
    "classrooms": 311,
    "schools": 84,
    "regions": 12,
}


def example(**changes: Any) -> MigrationResult:
    """158 tables, 94 of them empty; 12 values and one row in quarantine, orphans, and two views not carried."""
    sizes = FULL | {f"lookup_{n:02}": 3 + n * 7 for n in range(47)} | {f"module_{n:02}_archive": 0 for n in range(94)}
    in_quarantine = {"students": 11, "grades": 1}
    tables, proofs, sequences = [], [], []
    for name, rows in sizes.items():
        lost = 1 if name == "messages" else 0
        filtered = 40_000 if name == "audit_log" else 0
        common: dict[str, Any] = {"quarantined_rows": lost, "quarantined_values": in_quarantine.get(name, 0)}
        tables.append(
            TableResult(
                source=name,
                target="public.people" if name == "guardians" else f"public.{name}",
                source_rows=rows,
                loaded=rows - lost,
                filtered_rows=filtered,
                seconds=rows / 300_000,
                **common,
            )
        )
        proofs.append(
            TableProof(source=name, target=name, source_rows=rows, target_rows=rows - lost, equal=True, **common)
        )
        sequences.append(
            SequenceProof(
                name=f"public.{name}_id_seq", table=name, column="id", next_value=rows + 1, expected=rows + 1, ok=True
            )
        )
    steps = [
        ("open", "Open the source", 0.0, 1.42, "integrity_check: ok; 1 snapshot, 4 readers"),
        ("census", "Look at every value", 1.42, 6.81, "3,034,000 rows, 41 columns contradict their declared type"),
        ("decide", "Decide types and names", 8.23, 0.09, ""),
        ("load", "Load", 8.4, 14.93, "4 jobs, 203,000 rows/s"),
        ("build", "Build keys and indexes", 23.4, 9.2, "158 primary keys, 201 indexes, 143 foreign keys"),
        ("prove", "Prove", 32.61, 8.75, ""),
        ("tell", "Write the report", 41.4, 0.031, ""),
    ]
    fields: dict[str, Any] = {
        "run_id": "20251121-180409-7f3a",
        "litelift_version": "0.1.0",
        "mode": "whole",
        "started": BEGAN,
        "finished": BEGAN + timedelta(seconds=41.5),
        "source": SourceInfo(
            path="/srv/atis/database/atis.sqlite",
            bytes=438_272_000,
            sqlite_version="3.45.1",
            encoding="UTF-8",
            journal_mode="wal",
            page_size=4096,
            tables=158,
            rows=sum(sizes.values()) + 40_000,
        ),
        "target": TargetInfo(
            display="postgresql://atis@db.example.org:5432/atis",
            host="db.example.org",
            port=5432,
            database="atis",
            user="atis",
            schema_name="public",
            server_version="16.4",
            bytes=611_450_880,
            icu=True,
        ),
        "steps": [
            Step(name=name, title=title, started=BEGAN + timedelta(seconds=at), seconds=seconds, detail=detail)
            for name, title, at, seconds, detail in steps
        ],
        "tables": tables,
        "notices": _notices(),
        "quarantined": _quarantined(),
        "quarantined_total": 13,
        "untranslated": [
            Untranslated(
                kind="view",
                name="student_summary",
                sql="CREATE VIEW student_summary AS\n"
                "  SELECT s.id, s.name,\n"
                "         group_concat(g.subject, ', ') FILTER (WHERE g.mark >= 9) AS best\n"
                "    FROM students s LEFT JOIN grades g ON g.student_id = s.id\n"
                "   GROUP BY s.id",
                reason="group by s.id with the bare column s.name: SQLite takes it from any row; PostgreSQL refuses it",
            ),
            Untranslated(
                kind="view",
                name="nearest_school",
                sql="CREATE VIEW nearest_school AS SELECT id, spellfix1_editdist(name, 'x') AS distance FROM schools",
                reason="the function spellfix1_editdist belongs to an extension of the application",
            ),
        ],
        "proof": Proof(
            tables=proofs,
            sequences=sequences,
            objects=[
                ObjectProof(kind="primary keys", expected=158, present=158),
                ObjectProof(kind="foreign keys", expected=143, present=143),
                ObjectProof(kind="unique constraints", expected=61, present=61),
                ObjectProof(kind="check constraints", expected=38, present=38),
                ObjectProof(kind="not null", expected=902, present=902),
                ObjectProof(kind="indexes", expected=201, present=201),
            ],
            seconds=8.75,
        ),
        "configuration": {
            "jobs": 4,
            "on_misfit": "auto",
            "identifiers": "preserve",
            "tables": {
                "audit_log": {"where": "created_at >= '2023-01-01'"},
                "guardians": {"name": "people"},
                "surveys": {"columns": {"status": {"values": {"aktiv": "active", "bağlı": "closed"}, "locale": "az"}}},
            },
        },
        "peak_memory_bytes": 187_400_000,
    }
    return MigrationResult(**(fields | changes))


def _notices() -> list[Notice]:
    notices = [
        Notice(
            level="attention",
            kind="not-valid",
            message='constraint "attendance_student_id_fkey" was added NOT VALID: 3 rows refer to nothing',
            table="attendance",
            column="student_id",
        ),
        Notice(
            level="attention",
            kind="collation",
            message="two names that NOCASE held to be equal differ in letters outside ASCII",
            table="users",
            column="username",
        ),
    ]
    notices += [
        Notice(
            level="attention",
            kind="orphan",
            message=f"points at students.id = {901 + n}, which is not there",
            table="attendance",
            column="student_id",
            key={"id": 40_118 + n},
        )
        for n in range(3)
    ]
    notices += [
        Notice(
            kind="type-contradicted",
            message="declared VARCHAR(50), and 14 values are longer (at most 83): text",
            table="schools",
            column=f"address_{n}",
        )
        for n in range(9)
    ]
    notices.append(Notice(kind="seconds-rounded", message="2 values had nine decimals", table="audit_log", column="at"))
    return notices


def _quarantined() -> list[Quarantined]:
    entries = [
        Quarantined(
            table="students",
            column="birth_date",
            key={"id": 1_204 + n * 17},
            original=original,
            storage_class="text",
            reason="not a date",
            stands_in=None,
        )
        for n, original in enumerate(
            ["31.02.2011", "0000-00-00", "unknown", "12/2010", "", "2009-13-01", "n/a", "???", "11 may", "201O-05-05"]
        )
    ]
    entries.append(
        Quarantined(
            table="students",
            column="name",
            key={"id": 17_002},
            original="4cc3a96c610041",
            storage_class="text",
            reason="a NUL character, which PostgreSQL cannot hold in text",
            stands_in="Léla\ufffdA",
        )
    )
    entries.append(
        Quarantined(
            table="grades",
            column="mark",
            key={"student_id": 8, "subject": "Riyaziyyat", "term": 2},
            original="9,5",
            storage_class="text",
            reason="not a number",
            stands_in=None,
        )
    )
    entries.append(
        Quarantined(
            table="messages",
            column=None,
            key={"id": "eight"},
            original='{"id": "eight", "body": "hello"}',
            storage_class="row",
            reason="the primary key is not an integer",
        )
    )
    return entries


def clean(**changes: Any) -> MigrationResult:
    """The same move of a database that gave no trouble: exit status 0."""
    whole = example()
    tables = [
        table.model_copy(update={"loaded": table.source_rows, "quarantined_rows": 0, "quarantined_values": 0})
        for table in whole.tables
    ]
    proofs = [
        proof.model_copy(update={"target_rows": proof.source_rows, "quarantined_rows": 0, "quarantined_values": 0})
        for proof in whole.proof.tables
    ]
    nothing: dict[str, Any] = {"quarantined": [], "quarantined_total": 0, "untranslated": []}
    return whole.model_copy(
        update=nothing
        | {
            "tables": tables,
            "proof": whole.proof.model_copy(update={"tables": proofs}),
            "notices": [notice for notice in whole.notices if notice.level == "info"],
        }
        | changes
    )


def failing() -> MigrationResult:
    """The same move with differences, a sequence behind and an index missing: exit status 1."""
    whole = example()
    proofs = [
        proof.model_copy(
            update={
                "equal": False,
                "total_differences": 812,
                "differences": [
                    Difference(
                        table="grades",
                        kind="changed",
                        key={"id": 77},
                        column="mark",
                        source="0.1",
                        target="0.10000000149011612",
                    ),
                    Difference(table="grades", kind="changed", key={"id": 78}, column="note", source=None, target=""),
                    Difference(table="grades", kind="missing", key={"id": 79}),
                    Difference(table="grades", kind="extra", key={"id": 402_119}),
                ],
            }
        )
        if proof.source == "grades"
        else proof
        for proof in whole.proof.tables
    ]
    sequences = [
        sequence.model_copy(update={"next_value": 1, "ok": False}) if sequence.table == "users" else sequence
        for sequence in whole.proof.sequences
    ]
    objects = [ObjectProof(kind="indexes", expected=201, present=200, missing=["grades_student_id_index"])]
    proof = whole.proof.model_copy(update={"tables": proofs, "sequences": sequences, "objects": objects})
    return whole.model_copy(update={"proof": proof})


SECTIONS = [
    "Summary",
    "Entity counts",
    "Sizes",
    "Source and target",
    "Method",
    "Timeline",
    "Proof results",
    "What was quarantined",
    "What was told",
    "What was not carried",
    "Configuration",
    "Next steps",
    "Signatures",
]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_form_has_the_section(section: str) -> None:
    assert f"</span>{section}</h2>" in render_html(example())
    assert f". {section}" in render_markdown(example())
