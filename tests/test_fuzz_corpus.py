"""Every input that fuzzing has kept holds its target's contract, and a broken contract is told with its input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fuzz
from fuzz.mutated import run

BROKEN = """
def one(data: bytes) -> None:
    assert b"(" not in data, "the contract is broken"

WORDS = (b"(",)
"""


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_every_kept_input_holds_the_contract_of_its_target(name: str) -> None:
    one, _ = fuzz.target(name)
    kept = fuzz.kept(name)
    assert kept
    for path in kept:
        try:
            one(path.read_bytes())
        except Exception as error:
            error.add_note(f"once more: make fuzz TARGET={name} INPUT={path}")
            raise


def test_every_target_states_its_contract() -> None:
    for name in fuzz.TARGETS:
        one, _ = fuzz.target(name)
        assert "Hold the contract" in (one.__doc__ or "")


def test_no_input_is_kept_for_a_target_that_is_not_there() -> None:
    folders = [folder.name for root in (fuzz.CORPUS, fuzz.MENDED) for folder in root.iterdir()]
    assert set(folders) <= set(fuzz.TARGETS)


def test_the_kept_inputs_stay_small() -> None:
    sizes = [path.stat().st_size for name in fuzz.TARGETS for path in fuzz.kept(name)]
    assert sum(sizes) < 500_000


def started(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    paths = [folder, fuzz.HERE.parent, Path(fuzz.HERE.parent.parent, "src")]
    return subprocess.run(
        [sys.executable, "-m", "fuzz.run", *map(str, words), "--engine", "hypothesis", "--work", str(folder / "work")],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_a_broken_contract_is_told_with_an_input_that_shows_it_again(tmp_path: Path) -> None:
    (tmp_path / "broken_target.py").write_text(BROKEN)
    done = started("--target", "broken_target", "--seconds", "300", "--jobs", "1", folder=tmp_path)
    assert (done.returncode, "the contract is broken" in done.stdout) == (1, True), done.stdout + done.stderr
    (crash,) = (tmp_path / "work/crashes/broken_target").iterdir()
    assert crash.read_bytes() == b"("
    assert f"make fuzz TARGET=broken_target INPUT={crash}" in done.stdout
    again = started("--target", "broken_target", "--input", crash, folder=tmp_path)
    assert again.returncode == 1 and "AssertionError: the contract is broken" in again.stderr
    crash.write_bytes(b"mended")
    assert started("--target", "broken_target", "--input", crash, folder=tmp_path).returncode == 0


def test_a_target_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = started("--target", "lexers", folder=tmp_path)
    assert done.returncode == 2 and "expected copied, database_yml, declared" in done.stderr


def test_without_atheris_a_contract_that_only_a_changed_input_breaks_is_found() -> None:
    def one(data: bytes) -> None:
        assert b"ab" not in data

    done, failed = run(one, (b"b",), [b"xxaxx"], 300.0, 1)
    assert done > 1 and b"ab" in failed
    done, failed = run(lambda data: None, (), [b"x"], 0.2, 1)
    assert done > 0 and failed == b""
