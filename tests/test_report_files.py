"""The three files: whole or not at all, readable, and the same result when read back."""

from __future__ import annotations

import json
import os
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from litelift.errors import RunNotFound
from litelift.report import read_report, render_html, render_json, render_markdown, write_report
from litelift.result import MigrationResult, Notice, Quarantined
from test_report_example import clean, example, failing


@pytest.mark.parametrize("result", [example(), clean(), failing()])
def test_what_is_written_reads_back_the_same(tmp_path: Path, result: MigrationResult) -> None:
    write_report(result, tmp_path / "new" / "folder")
    assert read_report(tmp_path / "new" / "folder") == result
    assert read_report(tmp_path / "new" / "folder" / "report.json") == result


def test_the_three_files_are_returned_and_hold_the_three_forms(tmp_path: Path) -> None:
    paths = write_report(example(), tmp_path)
    assert paths == [tmp_path / name for name in ("report.md", "report.html", "report.json")]
    forms = [render_markdown(example()), render_html(example()), render_json(example())]
    assert [path.read_text(encoding="utf-8") for path in paths] == forms
    assert sorted(tmp_path.iterdir()) == sorted(paths)


@pytest.mark.parametrize(
    ("source", "umask", "mode"),
    [(0o644, 0o022, 0o644), (0o600, 0o022, 0o600), (0o640, 0o022, 0o640), (0o666, 0o077, 0o600), (None, 0, 0o600)],
)
def test_a_report_is_no_more_readable_than_its_source_from_the_first_byte(
    source: int | None, umask: int, mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "app.sqlite"
    if source is not None:
        file.touch()
        file.chmod(source)
    result = clean()
    result = result.model_copy(update={"source": result.source.model_copy(update={"path": str(file)})})
    seen: list[int] = []
    sync = os.fsync

    def look(handle: int) -> None:
        facts = os.fstat(handle)
        if stat.S_ISREG(facts.st_mode):
            seen.append(facts.st_mode & 0o777)
        sync(handle)

    monkeypatch.setattr(os, "fsync", look)
    before = os.umask(umask)
    try:
        paths = write_report(result, tmp_path / "report")
    finally:
        os.umask(before)
    assert seen == [path.stat().st_mode & 0o777 for path in paths] == [mode] * 3


def test_bytes_that_are_not_utf8_and_python_values_survive_the_json(tmp_path: Path) -> None:
    odd = Quarantined(
        table="t\udcff",
        column="c",
        key={"b": b"\xff\x00", "d": Decimal("1.10"), "f": float("inf"), "s": "\udc80"},
        original="\udcfe",
        storage_class="text",
        reason="no",
    )
    write_report(example(quarantined=[odd], quarantined_total=1), tmp_path)
    back = read_report(tmp_path).quarantined[0]
    assert (back.table, back.original) == ("t\udcff", "\udcfe")
    assert back.key == {"b": "\\xff00", "d": "1.10", "f": "inf", "s": "\udc80"}


def test_the_json_says_exit_status_and_verdict_for_programs() -> None:
    head = json.loads(render_json(failing()))
    assert (head["format"], head["exit_code"], head["status"]) == (1, 1, "failed")
    assert head["verdict"].startswith("The move is not proved")


def test_a_failing_disk_leaves_the_old_report_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = write_report(clean(), tmp_path)
    before = [path.read_bytes() for path in old]

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(failing(), tmp_path)
    assert [path.read_bytes() for path in old] == before
    assert sorted(tmp_path.iterdir()) == sorted(old)


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []
    replace = os.replace

    def watched(source: Any, target: Any, **rest: Any) -> None:
        assert not Path(target).exists()
        assert Path(source).parent == Path(target).parent
        seen.append((Path(target).name, Path(source).stat().st_size))
        replace(source, target, **rest)

    monkeypatch.setattr(os, "replace", watched)
    paths = write_report(example(), tmp_path)
    assert seen == [(path.name, path.stat().st_size) for path in paths]


def test_a_result_that_cannot_be_rendered_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: MigrationResult) -> str:
        raise RuntimeError

    monkeypatch.setattr("litelift.report.files.render_json", broken)
    with pytest.raises(RuntimeError):
        write_report(example(), tmp_path / "report")
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"exit_code": 0}', "\x00"])
def test_what_is_no_report_is_refused_by_name(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunNotFound, match="holds no report") as caught:
        read_report(tmp_path)
    assert caught.value.exit_code == 2


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunNotFound):
        read_report(tmp_path / "report.json")


def test_a_report_read_back_renders_the_same(tmp_path: Path) -> None:
    result = example(notices=[Notice(kind="k", message="m\udcff")])
    write_report(result, tmp_path)
    back = read_report(tmp_path)
    assert render_html(back) == render_html(result)
    assert render_markdown(back) == render_markdown(result)
