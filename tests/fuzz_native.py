"""Reads and encodes broken databases for a while; `make sanitize` runs it under AddressSanitizer.

python tests/fuzz_native.py SECONDS [SEED]
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from litelift.compiled import KEY_BYTES, native
from litelift.postgres.types import TEXT
from litelift.wire.block import Blocks, Format
from litelift.wire.choose import codec_for
from test_native_codecs import TYPES, written
from test_native_reader import BROKEN, HANDED, STATEMENTS, broken

FORMATS: tuple[Format, ...] = ("text", "binary")
KEY = bytes(range(KEY_BYTES))
PLAINEST = [codec_for(TEXT)] * 20
KINDS = [kind for kind in (codec_for(pg).native for pg in TYPES) if kind is not None]


def fuzz(seconds: float, seed: int) -> tuple[int, int, int]:
    """Files, rows and errors met; whatever else goes wrong ends the process."""
    module = native()
    if module is None:
        raise SystemExit("the compiled path is not built")
    files = rows = errors = 0
    with tempfile.TemporaryDirectory() as folder:
        whole, path = Path(folder, "whole.sqlite"), Path(folder, "broken.sqlite")
        connection = sqlite3.connect(whole)
        connection.executescript(BROKEN)
        connection.close()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            path.write_bytes(broken(whole, seed + files))
            files += 1
            for statement, handed in (*((each, 0) for each in STATEMENTS), *HANDED):
                try:
                    reading = module.Connection(f"file:{path}?mode=ro".encode(), 0)
                    reader = module.Reader(reading, statement, (), handed)
                    module.Reader(reading, statement, (), handed).digest(KEY, ((0,), (0, 0)))
                    left = 2000
                    while left > 0 and (batch := reader.fetch(400, 1 << 20)) is not None:
                        left -= len(batch)
                        rows += len(batch)
                        blocks = Blocks(
                            [TEXT] * len(batch.row(0)), PLAINEST[: len(batch.row(0))], FORMATS[files % 2], module
                        )
                        blocks.write_rows(batch, 0, bytes)
                        pg = TYPES[(files + left) % len(TYPES)]
                        written(pg, batch, FORMATS[files % 2], True, False)
                        for column in range(len(batch.row(0))):
                            tally = module.Tally(tuple(module.Codec(*kind) for kind in KINDS), 40, 80, 100)
                            tally.add(batch, column, -1, True)
                            tally.take()
                            for kind in KINDS:
                                writer = module.Writer(1, files % 2 == 0)
                                if writer.encode(0, batch, column, module.Codec(*kind)) is not None:
                                    writer.block(len(batch))
                except (sqlite3.Error, MemoryError):
                    errors += 1
    return files, rows, errors


if __name__ == "__main__":
    start = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    done = fuzz(float(sys.argv[1]), start)
    print(f"{done[0]:,} broken files, {done[1]:,} rows, {done[2]:,} errors told (seed {start})")
