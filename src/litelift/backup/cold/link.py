"""Keeps a connection to a place: what is lost is made anew, and what was under way done again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from difflib import get_close_matches
from types import TracebackType
from typing import Any, Self, TypeVar

from litelift.backup.cold import s3
from litelift.backup.cold.place import PATHS, Place
from litelift.backup.cold.target import Files, Objects, Paths, Target
from litelift.backup.cold.trouble import judged, words
from litelift.backup.signs import OnSign, Sign, silent
from litelift.errors import ColdStorageLost, ColdStorageUnusable, LiteliftError, MissingPart

WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each new attempt."""
OBJECT_STORES = ("gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "r2", "swift", "tos", "obs")
SFTP = ("sftp", "ssh")
_EXTRAS = {**dict.fromkeys(s3.PROTOCOLS, ("s3", "s3fs")), **dict.fromkeys(SFTP, ("sftp", "paramiko"))}

T = TypeVar("T")


class Link:
    """A connection to ``place``, made when it is first used."""

    def __init__(self, place: Place, on_sign: OnSign = silent) -> None:
        """``on_sign`` hears of each loss."""
        self.place, self.on_sign = place, on_sign
        self.losses = 0
        self._target: Target | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the connection."""
        self.close()

    def close(self) -> None:
        """End the connection; the next use makes another."""
        if self._target is not None:
            with contextlib.suppress(Exception):
                self._target.close()
            self._target = None

    def run(self, work: Callable[[Target], T]) -> T:
        """Do ``work``, which may be done again from its beginning.

        Raises ColdStorageLost where the connection did not come back, and the other errors of cold storage.
        """
        for wait in (*WAITS, None):
            try:
                if self._target is None:
                    self._target = open_target(self.place)
                return work(self._target)
            except LiteliftError:
                raise
            except Exception as error:
                found = judged(self.place, error)
                self.close()
                if found is not None:
                    raise found from error
                said = words(error)
                if wait is None:
                    raise ColdStorageLost(place=self.place, times=len(WAITS), message=said) from error
                self.losses += 1
                self.on_sign(Sign("copy", message=f"{self.place.name}: connection lost ({said}); again in {wait:g} s"))
                time.sleep(wait)
        raise AssertionError


def open_target(place: Place) -> Target:
    """Connect, and see that the place is there.

    Raises:
        MissingPart: a package is not installed. ColdStorageUnusable: no such protocol, or options that it does not
            take. HostKeyRefused. Whatever the file system raises.
    """
    try:
        import fsspec
    except ImportError:
        raise MissingPart(
            what="copying backups", package="fsspec", hint="Install it with: pip install 'litelift[backup]'"
        ) from None
    protocol = place.protocol
    try:
        target = _connected(fsspec, place, protocol)
    except ImportError as error:
        extra, package = _EXTRAS.get(protocol, ("", "a package"))
        hint = f"Install it with: pip install 'litelift[{extra}]'" if extra else str(error)
        raise MissingPart(what=f"{protocol}://", package=package, hint=hint) from None
    except (TypeError, KeyError) as error:
        # What a file system is given and does not know.
        raise ColdStorageUnusable(place=place, message=words(error)) from error
    try:
        target.check()
    except BaseException:
        with contextlib.suppress(Exception):
            target.close()
        raise
    return target


def _connected(fsspec: Any, place: Place, protocol: str) -> Target:
    if protocol in SFTP:
        from litelift.backup.cold import sftp

        return sftp.Sftp(*sftp.connected(place.url, place.options))
    try:
        fsspec.get_filesystem_class(protocol)
    except ValueError:
        near = get_close_matches(protocol, sorted(fsspec.available_protocols()), 1)
        said = f"there is no protocol {protocol}" + (f" (did you mean {near[0]}?)" if near else "")
        raise ColdStorageUnusable(place=place, message=said) from None
    of_s3 = protocol in s3.PROTOCOLS
    options = s3.s3_options(place.options) if of_s3 else place.options
    fs, root = fsspec.core.url_to_fs(place.full_url, **options, skip_instance_cache=True)
    if of_s3:
        return s3.S3(fs, root)
    if protocol in PATHS:
        return Paths(fs, root)
    return Objects(fs, root) if protocol in OBJECT_STORES else Files(fs, root)
