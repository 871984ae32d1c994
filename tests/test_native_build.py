"""The compiled path is built where a compiler is, and left out without an error where none is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from command import litelift

ROOT = Path(__file__).parent.parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what is built, with nothing built in it."""
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    return tmp_path


def build(tree: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"],
        cwd=tree,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def built(tree: Path) -> list[Path]:
    return [path for path in (tree / "src" / "litelift").glob("_native.*") if path.suffix in (".so", ".pyd")]


def version(tree: Path, pure: str = "") -> str:
    ran = litelift("--version", PYTHONPATH=str(tree / "src"), LITELIFT_PURE=pure)
    assert ran.status == 0, ran.err
    return ran.out


def test_a_compiler_that_fails_leaves_the_compiled_path_out_without_an_error(tree: Path) -> None:
    done = build(tree, CC="false")
    assert done.returncode == 0, done.stderr
    assert built(tree) == []
    assert "pure Python" in version(tree)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no cc")
def test_a_compiler_builds_it_without_a_warning_and_the_environment_can_leave_it_unused(tree: Path) -> None:
    done = build(tree)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert len(built(tree)) == 1
    assert "compiled, SQLite" in version(tree)
    assert "pure Python" in version(tree, pure="1")
