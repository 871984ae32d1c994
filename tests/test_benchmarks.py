"""make bench: it measures, says what was lost, and holds litelift to its bounds."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest
from benchmarks.speed import losses, processes, tool_litelift
from benchmarks.speed.datasets import Dataset
from benchmarks.speed.ratios import ratios
from benchmarks.speed.results import Machine, Moved, Results
from benchmarks.speed.tool import DONE, FAILED, TOO_LONG, Run, Step, Tool, outcome

from broken import alive, wait_for

ROOT = Path(__file__).parent.parent
MACHINE = Machine(4, 16_000_000_000, "Linux", "3.11", "3.40", "16.0", {})


def run(tool: str, dataset: str, seconds: float, outcome: str = DONE, **steps: float) -> Run:
    told = tuple(Step(name, each, each / 2, 0.0) for name, each in steps.items())
    return Run(tool, dataset, outcome, seconds, seconds, 0.0, 100_000_000, 100_000_000, told)


def test_a_quick_bench_measures_the_tools_and_makes_the_page(tmp_path: Path) -> None:
    words = ["--quick", "--only", "litelift", "write_row", "floor", "tiny", "--folder", str(tmp_path / "bench")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", *words], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    results = Results.read(tmp_path / "bench" / "results.json")
    assert [dataset.name for dataset in results.datasets] == ["tiny-60"]
    assert {each.tool for each in results.runs} == set(results.tools) - {tool_litelift.APART}
    ours = tool_litelift.tools()[0].name
    assert set(results.tools) - {tool_litelift.APART} == {ours, "write_row", "floor"}
    for each in results.runs:
        assert (each.outcome, each.lost, each.trouble) == (DONE, (), ())
        load = each.step("load")
        assert load is not None
        assert 0 < load.seconds < each.seconds
        assert each.processor > 0
        assert each.largest > 0
    page = (tmp_path / "bench" / "benchmarks.md").read_text("utf-8")
    assert f"| {tool_litelift.tools()[0].title} | 1 |" in page
    assert str(tmp_path) not in page
    ElementTree.parse(tmp_path / "bench" / "images" / "benchmarks.svg")


def test_an_unknown_tool_is_wrong_words() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", "--only", "pglaoder"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "pglaoder" in done.stderr


def test_the_processor_time_and_memory_of_all_processes_of_a_tool_are_counted(tmp_path: Path) -> None:
    # Both hold theirs before either works.
    child = (
        "import os, pathlib, time; held = b'x' * 60_000_000; pathlib.Path(str(os.getpid())).touch()\n"
        "while len(os.listdir()) < 2: time.sleep(0.01)\n"
        "end = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    )
    parent = (
        f"import subprocess, sys; words = [sys.executable, '-c', {child!r}]\n"
        "for process in [subprocess.Popen(words), subprocess.Popen(words)]: process.wait()"
    )
    measured = processes.run([sys.executable, "-c", parent], tmp_path, 30)
    assert measured.status == 0
    assert 0.8 <= measured.processor < 3
    if Path("/proc/self/status").exists():
        assert measured.memory > 120_000_000
        assert 60_000_000 < measured.largest < 120_000_000
        client, _ = measured.between(measured.samples[0].at, measured.samples[-1].at)
        assert client == pytest.approx(measured.processor)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the system does not tell it")
def test_a_page_that_processes_share_counts_once(tmp_path: Path) -> None:
    forked = (
        "import os, time; held = b'x' * 80_000_000; children = [os.fork() for _ in range(2)]\n"
        "time.sleep(2)\n"
        "if all(children): [os.wait() for _ in children]"
    )
    measured = processes.run([sys.executable, "-c", forked], tmp_path, 30)
    assert measured.status == 0
    assert 80_000_000 < measured.memory < 160_000_000


def test_a_tool_that_calls_itself_done_and_lost_every_row_has_failed(tmp_path: Path) -> None:
    measured = processes.run([sys.executable, "-c", ""], tmp_path, 30)
    tool = Tool("a", "A", lambda dataset, url, ready: [])
    dataset = Dataset("t", "T", tmp_path / "t", tables=2, rows=1200)
    assert outcome(tool, dataset, measured, ["1,199 of 1,200 rows", "all 2 tables"]).outcome == DONE
    assert outcome(tool, dataset, measured, ["all 1,200 rows"]).outcome == FAILED


def test_a_tool_that_takes_too_long_is_stopped_with_its_children(tmp_path: Path) -> None:
    # A shell is there at once.
    child = "echo $$ > child; exec sleep 3600"
    measured = processes.run(["sh", "-c", f"sh -c '{child}'; true"], tmp_path, 2)
    assert measured.status is None
    number = int((tmp_path / "child").read_text())
    wait_for(lambda: not alive(number))


def test_lost_rows_keys_and_tables_are_named(tmp_path: Path, database: str) -> None:
    path = tmp_path / "app.sqlite"
    with sqlite3.connect(path) as source:
        source.executescript(
            "create table a(id integer primary key, name text unique); create table c(id integer primary key);"
            "create table B(id integer primary key, a integer references a);"
            "insert into a values (1, 'x'), (2, 'y'), (3, 'z'); insert into b values (1, 1);"
        )
    with psycopg.connect(database, autocommit=True) as target:
        target.execute("create table a(id bigint primary key, name text)")
        target.execute("insert into a values (1, 'x'), (2, 'y')")
        target.execute("create table b(id bigint, a bigint)")
        target.execute("insert into b values (1, 1)")
        target.execute("alter table b add foreign key (a) references a not valid")
    assert losses.lost(losses.source_holdings(path), losses.target_holdings(database)) == [
        "1 of 3 tables",
        "1 of 4 rows",
        "2 of 3 primary keys",
        "the index",
        "1 of 1 foreign keys not validated",
    ]


def test_nothing_lost_is_nothing_told() -> None:
    holdings = {"a": losses.Holding(3, Counter({"primary key": 1, "index": 2}))}
    assert losses.lost(holdings, holdings) == []


def test_the_promises_are_medians_held_against_their_bounds() -> None:
    results = Results(MACHINE, "litelift", {"litelift": "litelift, compiled", "litelift-pure": "litelift, pure Python"})
    results.datasets = [
        Moved("tpch-0.3", "TPC-H, scale 0.3", 8, 2_600_000, 1),
        Moved("tpch-1", "TPC-H, scale 1", 8, 8_660_000, 1),
        Moved("tiny-5000", "5,000 tiny tables", 5000, 50_000, 1),
    ]
    for seconds in (5.0, 6.0, 50.0):
        results.runs.append(run("litelift", "tpch-0.3", seconds, load=3.0, prove=2.0))
    results.runs += [
        run("litelift", "tpch-1", 19.0),
        run("litelift-pure", "tpch-0.3", 20.0),
        run("pgloader", "tpch-0.3", 12.0),
        run("floor", "tpch-0.3", 5.0, load=1.0),
        run("litelift", "tiny-5000", 30.0),
        run("pgloader", "tiny-5000", 300.0, TOO_LONG),
    ]
    assert [(each.number, round(each.value or 0, 3), each.holds) for each in ratios(results)] == [
        ("1", 0.5, True),
        ("1", 1.2, True),
        ("2", 3.0, False),
        ("2", 1.5, True),
        ("3", 0.667, False),
        ("4", 1.667, False),
        ("5", 1.0, True),
        ("5", 100.0, True),
        ("6", 0.951, True),
        ("6", 0.1, True),
    ]
