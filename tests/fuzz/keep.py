"""Makes the kept corpus: the fewest and smallest inputs that reach all that is known to be reachable.

python -m fuzz.keep [--samples FOLDER] [--work build/fuzz] [--most 24000] [TARGET ...]
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fuzz
from fuzz.run import LONGEST

_KINDS = {"table": ("table", "lexer"), "index": ("index", "lexer"), "view": ("view", "lexer"), "trigger": ("trigger",)}


def sample_sql(folder: Path) -> Iterator[tuple[str, str]]:
    """The kind and the SQL of everything in the sample databases of a folder."""
    import zstandard

    for path in sorted(folder.glob("*.sqlite*")):
        with tempfile.NamedTemporaryFile(suffix=".sqlite") as copy:
            raw = path.read_bytes()
            packed = path.suffix == ".zst"
            copy.write(zstandard.ZstdDecompressor().decompressobj().decompress(raw) if packed else raw)
            copy.flush()
            connection = sqlite3.connect(copy.name)
            try:
                yield from connection.execute("select type, sql from sqlite_master where sql is not null").fetchall()
            finally:
                connection.close()


def seeds(name: str, samples: Path | None) -> Iterator[bytes]:
    """Inputs that a person would think of: the samples' DDL, and the words of the target."""
    yield from fuzz.target(name)[1]
    for kind, sql in sample_sql(samples) if samples is not None else ():
        if name in _KINDS[kind] and len(sql.encode()) <= LONGEST:
            # The index target's table is t(a, b, ...).
            yield sql.encode()


def smallest(name: str, folders: list[Path], most: int) -> list[Path]:
    """The inputs of the folders that reach something that no smaller one does, up to so many bytes."""
    merged = Path(tempfile.mkdtemp(prefix="litelift-merge-"))
    words = [sys.executable, "-m", "fuzz.guided", name, "-merge=1", "-timeout=25", f"-max_len={LONGEST}", str(merged)]
    subprocess.run([*words, *map(str, folders)], check=True, capture_output=True)
    kept, size = [], 0
    for path in sorted(merged.iterdir(), key=lambda path: path.stat().st_size):
        size += path.stat().st_size
        if size > most:
            break
        kept.append(path)
    return kept


def main() -> int:
    """Read the words of the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--most", type=int, default=24_000, help="bytes for each target")
    parser.add_argument("--seeds-only", action="store_true", help="put the seeds among what was found, and stop")
    parser.add_argument("targets", nargs="*", default=list(fuzz.TARGETS))
    given = parser.parse_args()
    for name in given.targets or fuzz.TARGETS:
        found, corpus = given.work / "found" / name, fuzz.CORPUS / name
        found.mkdir(parents=True, exist_ok=True)
        for data in seeds(name, given.samples):
            (found / hashlib.sha1(data).hexdigest()).write_bytes(data)
        if given.seeds_only:
            continue
        folders = [folder for folder in (corpus, found) if folder.is_dir()]
        kept = {path.name: path.read_bytes() for path in smallest(name, folders, given.most)}
        shutil.rmtree(corpus, ignore_errors=True)
        corpus.mkdir(parents=True)
        for data in kept.values():
            (corpus / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)
        print(f"{name}: {len(kept)} inputs, {sum(map(len, kept.values())):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
