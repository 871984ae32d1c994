"""Fuzzing: bytes that nobody thought of, and for each reader of litelift's the contract that holds for them all.

``make fuzz`` runs the targets; ``tests/test_fuzz_corpus.py`` runs each over the inputs that were kept.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
TARGETS = tuple(sorted(path.stem for path in (HERE / "targets").glob("[a-z]*.py")))
CORPUS = HERE / "corpus"
"""For each target a folder of inputs that reach all that is known to be reachable."""
MENDED = HERE / "mended"
"""For each target a folder of the inputs that it once failed on."""

One = Callable[[bytes], None]


def words(listed: str) -> tuple[bytes, ...]:
    """The words of a target's inputs, set apart by spaces."""
    return tuple(word.encode() for word in listed.split())


def target(name: str) -> tuple[One, tuple[bytes, ...]]:
    """The function of a target of ``TARGETS``, or of any importable module; and the words that its inputs hold."""
    module = importlib.import_module(f"fuzz.targets.{name}" if name in TARGETS else name)
    return module.one, getattr(module, "WORDS", ())


def kept(name: str) -> list[Path]:
    """The kept inputs of a target."""
    return [path for folder in (CORPUS, MENDED) for path in sorted((folder / name).glob("*"))]
