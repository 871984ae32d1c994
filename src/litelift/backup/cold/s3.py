"""S3, and what speaks its protocol, through s3fs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from litelift.backup.cold.target import Objects, Stat

PROTOCOLS = ("s3", "s3a")
TIMEOUT = 60.0
"""Seconds without an answer, after which a connection is lost."""
SLOWEST = 10_000
"""Bytes a second that an upload makes at least: nothing else ends one whose server does not read on."""
_MD5 = re.compile("[0-9a-f]{32}")


def s3_options(options: Mapping[str, object]) -> dict[str, Any]:
    """What s3fs takes, of what ``[[backup.copy]]`` says: beside s3fs' own words there is ``region``.

    Nothing is tried again by s3fs: litelift does that, and tells it. Checksums of the newer kind are left out, for
    many servers that are not Amazon's do not know them, and litelift compares what was stored anyway.
    """
    made: dict[str, Any] = dict(options)
    region = made.pop("region", None)
    if region is not None:
        made["client_kwargs"] = {"region_name": region}
    made["use_listings_cache"] = False
    made["config_kwargs"] = {
        "retries": {"total_max_attempts": 1},
        "connect_timeout": min(20.0, TIMEOUT),
        "read_timeout": TIMEOUT,
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    return made


class S3(Objects):
    """A bucket, or a folder in one."""

    def __init__(self, fs: Any, root: str) -> None:
        """See `Target`."""
        super().__init__(fs, root)
        fs.retries = 1

    def put(self, path: str, data: bytes) -> None:
        """See `Objects`. In one request, whatever its size: then its entity tag is its MD5."""
        self.fs.pipe_file(path, data, chunksize=len(data) + 1, timeout=TIMEOUT + len(data) / SLOWEST)

    def stat(self, name: str) -> Stat | None:
        """See `Target`.

        The entity tag of an object that came in one PUT is the MD5 of its content, but not where it is encrypted with
        a key of KMS or the customer's ("Common Response Headers" in Amazon's S3 API Reference): then it is another
        number, equals no MD5, and the object is read back.
        """
        self.fs.invalidate_cache()
        try:
            found = self.fs.info(self.at(name), refresh=True)
        except FileNotFoundError:
            return None
        tag = str(found.get("ETag", "")).strip('"')
        return Stat(int(found["size"]), tag if _MD5.fullmatch(tag) else None)

    def close(self) -> None:
        """See `Target`."""
        with suppress(Exception):
            self.fs.close_session(self.fs.loop, self.fs._s3)
            self.fs._s3 = None
