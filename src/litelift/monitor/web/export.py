"""The quarantine as a file: JSON, exact, and CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence

from litelift.monitor.web.quarantine import Kept

COLUMNS = (
    "run_id",
    "table",
    "column",
    "row_key",
    "storage_class",
    "reason",
    "stands_in",
    "original",
    "original_hex",
    "original_bytes",
    "at",
    "seen_at",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the first, as wide as a Chinese character: some spreadsheets take them for the same."""


def as_json(batches: Iterable[Sequence[Kept]]) -> Iterator[bytes]:
    """An array of objects; ``original`` is null where it is no text, ``original_hex`` always the bytes."""
    yield b"["
    before = "\n"
    for batch in batches:
        for kept in batch:
            yield (before + json.dumps(_document(kept), ensure_ascii=False)).encode("utf-8", "replace")
            before = ",\n"
    yield b"\n]\n"


def as_csv(batches: Iterable[Sequence[Kept]]) -> Iterator[bytes]:
    """Lines as RFC 4180 has them, in UTF-8 with the mark that spreadsheets want, to know that it is.

    A text that they would take for a formula has an apostrophe before it (OWASP, "CSV Injection"); ``original_hex``
    has the bytes as they are.
    """
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(COLUMNS)
    yield b"\xef\xbb\xbf" + held.getvalue().encode()
    for batch in batches:
        for kept in batch:
            held.seek(0)
            held.truncate()
            writer.writerow([_cell(value) for value in _document(kept).values()])
            yield held.getvalue().encode("utf-8", "replace")


def _document(kept: Kept) -> dict[str, object]:
    return {
        "run_id": kept.run_id,
        "table": kept.table_name,
        "column": kept.column_name,
        "row_key": kept.row_key,
        "storage_class": kept.storage_class,
        "reason": kept.reason,
        "stands_in": kept.stands_in,
        "original": _text(kept),
        "original_hex": kept.original.hex(),
        "original_bytes": kept.size,
        "at": kept.at.isoformat(),
        "seen_at": kept.seen_at.isoformat() if kept.seen_at is not None else None,
    }


def _text(kept: Kept) -> str | None:
    """The original as text; None where it is none, or not all of it is here."""
    if kept.storage_class == "blob" or kept.size > len(kept.original):
        return None
    try:
        return kept.original.decode()
    except UnicodeDecodeError:
        return None


def _cell(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
