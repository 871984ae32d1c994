"""What an exception of a file system means: a lost connection, which is tried again, or an error for a person."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from litelift.backup.cold.place import Place
from litelift.errors import (
    ColdStorageFailed,
    ColdStorageFull,
    ColdStorageGone,
    ColdStorageRefused,
    ColdStorageUnusable,
    LiteliftError,
)
from litelift.redact import text as redact

_LOST = {
    errno.EPIPE,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.ECONNREFUSED,
    errno.ENOTCONN,
    errno.ESHUTDOWN,
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.EHOSTDOWN,
    errno.ENETUNREACH,
    errno.ENETDOWN,
    errno.ENETRESET,
    errno.EBUSY,
    # What s3fs makes of a status 500.
    errno.EREMOTEIO,
}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ESTALE}
# Classes by package and name: whether a package is there is not asked only to tell its errors apart.
_LOST_KINDS = {
    "builtins.ConnectionError",
    "builtins.TimeoutError",
    "builtins.EOFError",
    "socket.gaierror",
    "asyncio.TimeoutError",
    "paramiko.SSHException",
    "paramiko.NoValidConnectionsError",
    "botocore.ConnectionError",
    "botocore.HTTPClientError",
    "botocore.IncompleteReadError",
    "botocore.ResponseStreamingError",
    "aiohttp.ClientError",
}
_REFUSED_KINDS = {
    "paramiko.AuthenticationException",
    "botocore.NoCredentialsError",
    "botocore.PartialCredentialsError",
    "botocore.CredentialRetrievalError",
    "botocore.TokenRetrievalError",
}
_UNUSABLE_KINDS = {"botocore.ProfileNotFound", "botocore.ParamValidationError", "botocore.UnknownEndpointError"}
_REFUSED_WORDS = re.compile(r"No authentication methods available|CERTIFICATE_VERIFY_FAILED", re.IGNORECASE)
_FULL_WORDS = re.compile(r"storage ?full|quota ?exceeded|insufficient ?storage|no space left", re.IGNORECASE)
_LOST_WORDS = re.compile(r"Socket is closed|Server connection dropped|SSH session not active|Garbage packet received")


def judged(place: Place, error: Exception) -> LiteliftError | None:
    """The error for a person; None where the connection was lost, or the server is busy."""
    for each in _chain(error):
        found = _judged(place, each)
        if found is not None or is_lost(each):
            return found
    return ColdStorageFailed(place=place, message=words(error))


def is_lost(error: BaseException) -> bool:
    """Whether an exception says that the connection is no more."""
    if isinstance(error, OSError) and error.errno is not None and error.errno in _LOST:
        return True
    return bool(_kinds(error) & _LOST_KINDS) or bool(_LOST_WORDS.search(str(error)))


def words(error: BaseException) -> str:
    """What an exception says, in one line and without secrets."""
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        said = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    else:
        said = str(error) or type(error).__name__
    if isinstance(error, EOFError | TimeoutError) and not str(error):
        said = "it ended" if isinstance(error, EOFError) else "no answer"
    return redact(" ".join(said.split()))[:500]


def _judged(place: Place, error: BaseException) -> LiteliftError | None:
    kinds, number, said = _kinds(error), getattr(error, "errno", None), words(error)
    if kinds & _REFUSED_KINDS or _REFUSED_WORDS.search(str(error)):
        return ColdStorageRefused(place=place, message=said)
    if kinds & _UNUSABLE_KINDS:
        return ColdStorageUnusable(place=place, message=said)
    if number in _FULL or _FULL_WORDS.search(str(error)):
        return ColdStorageFull(place=place, message=said)
    if isinstance(error, PermissionError) or number in _REFUSED:
        return ColdStorageRefused(place=place, message=said)
    if isinstance(error, FileNotFoundError | NotADirectoryError) or number in _GONE:
        return ColdStorageGone(place=place, message=said)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in seen:
        yield each
        seen.append(each)
        each = each.__cause__


def _kinds(error: BaseException) -> set[str]:
    return {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}
