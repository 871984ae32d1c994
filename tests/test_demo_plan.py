"""The demo's plan file: TOML that names what is in the demo, and every value of the columns that it maps."""

from __future__ import annotations

import sqlite3
import tomllib
from pathlib import Path
from typing import Any

import pytest

from litelift.demo import DEMO_PLAN, make_demo, write_demo_plan
from litelift.demo.catalogue import TABLES
from litelift.plan.file import read_plan
from litelift.plan.valuemap import ValueMap

PLAN: dict[str, Any] = tomllib.loads(DEMO_PLAN)
RULES: list[tuple[str, str, dict[str, Any]]] = [
    (table, column, rule) for table, entry in PLAN["tables"].items() for column, rule in entry["columns"].items()
]
MAPPED = [rule for rule in RULES if "values" in rule[2]]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("demo") / "atis.sqlite").path


def value_map(rule: dict[str, Any]) -> ValueMap:
    return ValueMap(rule["values"], match=rule.get("match", "exact"), locale=rule.get("locale"))


def test_the_plan_beside_the_database_is_the_demo_plan(path: Path) -> None:
    assert path.with_name("atis.plan.toml").read_text(encoding="utf-8") == DEMO_PLAN


def test_litelift_reads_the_plan_as_it_reads_any(path: Path) -> None:
    plan = read_plan(path.with_name("atis.plan.toml"))
    assert {(table, column) for table, entry in plan.tables.items() for column in entry.columns} == {
        (table, column) for table, column, _ in RULES
    }


def test_a_plan_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    assert write_demo_plan(file) == file
    file.write_text("mine")
    with pytest.raises(FileExistsError):
        write_demo_plan(file)
    assert file.read_text() == "mine"


@pytest.mark.parametrize(("table", "column", "rule"), RULES)
def test_the_plan_names_columns_that_exist(table: str, column: str, rule: dict[str, Any], path: Path) -> None:
    names = [row[1] for row in sqlite3.connect(path).execute(f'PRAGMA table_info("{table}")')]
    assert column in names
    assert rule.keys() <= {"name", "type", "values", "unmapped", "match", "locale", "enum"}


@pytest.mark.parametrize(("table", "column", "rule"), MAPPED)
def test_every_value_of_a_mapped_column_is_named(table: str, column: str, rule: dict[str, Any], path: Path) -> None:
    mapping = value_map(rule)
    query = f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'
    values = [value for (value,) in sqlite3.connect(path).execute(query)]
    assert len(values) >= 2
    assert [value for value in values if mapping.get(value) is None] == []


@pytest.mark.parametrize(("table", "column", "rule"), MAPPED)
def test_the_default_and_the_check_of_a_mapped_column_are_named(table: str, column: str, rule: dict[str, Any]) -> None:
    mapping = value_map(rule)
    (spec,) = (spec for entry in TABLES if entry.name == table for spec in entry.columns if spec.name == column)
    words = [*spec.values, *([spec.default] if spec.default else [])]
    assert words
    assert [word for word in words if mapping.get(word) is None] == []


def test_one_mapped_column_is_spelled_in_mixed_case_and_one_becomes_an_enum(path: Path) -> None:
    spelled = {value for (value,) in sqlite3.connect(path).execute("SELECT employment_status FROM teacher_profiles")}
    assert {"AKTİV", "Aktiv", "aktiv", "İŞDƏN ÇIXIB"} <= spelled
    assert [rule["locale"] for _, _, rule in MAPPED if rule.get("match") == "casefold"] == ["az"]
    assert [rule["enum"] for _, _, rule in MAPPED if "enum" in rule] == ["survey_status"]
