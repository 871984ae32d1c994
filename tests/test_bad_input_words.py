"""Bad words: status 2, one clear error with a way out, no password repeated, and nothing written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from broken import failed_as_document, one_clear_error, seen
from command import litelift
from litelift import errors, migrate
from litelift.postgres.connect import normalized
from litelift.postgres.login import where

SECRET = "Qx7-wOrd"


@pytest.fixture
def source(make_sqlite: Callable[..., Path]) -> Path:
    return make_sqlite("create table t(id integer primary key); insert into t values (1);")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--jbos", "2"], "no such option: --jbos"),
        (["--jobs", "0"], "invalid value for '--jobs' / '-j': "),
        (["--jobs", "many"], "invalid value for '--jobs' / '-j': "),
        (["--on-misfit", "panic"], "invalid value for '--on-misfit': 'panic' is not one of 'auto'"),
        (["--postgres", "15"], "invalid value for '--postgres': '15' is not one of '16', '18'"),
        (["--plan"], "--plan"),
        (["postgresql://u@h/d", "third"], "unexpected extra argument"),
    ],
)
def test_wrong_options_are_one_error_and_where_to_look(source: Path, words: list[str], said: str) -> None:
    before = seen(source)
    one_clear_error(litelift("migrate", source, *words), 2, said, "migrate --help")
    document = failed_as_document(litelift("migrate", source, "--json", *words), 2, "UsageError")
    assert said in document["message"]
    assert seen(source) == before


def test_a_missing_source_and_an_unknown_command_are_told() -> None:
    one_clear_error(litelift("migrate"), 2, "missing argument 'SRC'", "migrate --help")
    one_clear_error(litelift("migrat"), 2, "no such command 'migrat'", "--help")


def test_a_plan_that_is_not_there_is_told(source: Path) -> None:
    before = seen(source)
    ran = litelift("migrate", source, "--plan", source.with_name("plan.toml"))
    one_clear_error(ran, 2, f"there is no plan file {source.with_name('plan.toml')}", "litelift plan SRC -o plan.toml")
    assert seen(source) == before


def test_a_plan_that_is_wrong_is_told_with_its_line(source: Path) -> None:
    plan = source.with_name("plan.toml")
    plan.write_text('[defaults]\nschema = "x"\n\n[tables.tt]\nexclude = true\n')
    before = seen(source)
    one_clear_error(litelift("migrate", source, "--plan", plan), 2, f"{plan}:4:", "tt")
    assert seen(source) == before


@pytest.mark.parametrize(
    "target",
    [
        f"mysql://app:{SECRET}@db/app",
        f"postgresql://app:{SECRET}@db/app?colour=blue",
        f"host=db password={SECRET} colour=blue",
        f"host=db password='{SECRET}",
        f"postgresql://app:{SECRET}@db:port/app",
        f"postgresql://app:{SECRET}@db:99999/app",
        f"postgresql://app:12/{SECRET}@db/app",
        f"postgresql://app:x/{SECRET}@db/app",
        f"postgresql://app:x@{SECRET}@db/app",
        f"postgresql://app:%zz{SECRET}@db/app",
        f"{SECRET}",
        "",
        "   ",
    ],
)
def test_a_bad_target_is_refused_without_repeating_its_password(source: Path, target: str) -> None:
    before = seen(source)
    for words in ([], ["--verbose"], ["--json"]):
        ran = litelift("migrate", source, target, *words)
        assert ran.status == 2, ran
        assert SECRET not in ran.err + ran.out
    one_clear_error(litelift("migrate", source, target), 2, "the target")
    with pytest.raises(errors.UsageError) as caught:
        migrate(source, target)
    assert SECRET not in f"{caught.value} {caught.value.hint} {caught.value.facts}"
    assert seen(source) == before


def test_source_and_target_in_the_wrong_order_are_told_without_the_password(source: Path) -> None:
    ran = litelift("migrate", f"postgresql://app:{SECRET}@db/app", source)
    one_clear_error(ran, 2, "the source is a server's address", "The SQLite file comes first")
    ran = litelift("migrate", source, f"postgresql://app:{SECRET}@db/app", f"postgresql://app:{SECRET}@db/app")
    one_clear_error(ran, 2, "unexpected extra argument")
    for one in (ran, litelift("migrate", f"host=db password={SECRET}", source)):
        assert SECRET not in one.err + one.out


def test_an_empty_source_is_not_the_current_folder() -> None:
    one_clear_error(litelift("migrate", ""), 2, "the source is empty", "unset")


def test_a_password_in_a_url_that_is_right_is_not_shown_when_the_server_is_not_there(source: Path) -> None:
    before = seen(source)
    for word in (SECRET, f"x?{SECRET}", f"x#{SECRET}"):
        ran = litelift("migrate", source, f"postgresql://app:{word}@127.0.0.1:1/app", "--verbose")
        assert ran.status == 1
        assert "127.0.0.1:1/app" in ran.err
        assert SECRET not in ran.err + ran.out
    assert seen(source) == before


def test_where_a_target_is_never_holds_a_password() -> None:
    assert where(normalized(f"postgresql://app:{SECRET}@db:5433/app")) == "db:5433/app"
    assert SECRET not in where(normalized(f"host=db dbname='postgresql://app:{SECRET}@other/app'"))
    assert where(normalized("postgresql+psycopg2://app@db/app%40home")) == "db/app@home"


def test_output_that_cannot_be_written_is_an_error_and_no_traceback(source: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with full.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "litelift", "inspect", str(source)], stdout=out, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert "error: the output could not be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
