"""Encrypts what is written and decrypts what is read, with age, piece by piece: age-encryption.org/v1."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from typing import IO, Any

from litelift.errors import BackupDamaged, BackupKey, MissingPart, UsageError

SUFFIX = ".age"
PIPE = 1 << 20


def recipients(words: Sequence[str], folder: Path) -> list[str]:
    """The recipients that the settings name: themselves, or in files (a line each, as ``age -R`` reads them).

    Args:
        words: "age1...", "ssh-ed25519 ...", "ssh-rsa ...", or a file's path relative to ``folder``.
        folder: the project's.

    Raises:
        UsageError: one of them is none.
    """
    found: list[str] = []
    for word in words:
        if word.startswith(("age1", "ssh-")):
            found.append(word.strip())
            continue
        path = folder / word
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            said = f"{word!r} is no recipient of age's, nor a file that holds some"
            hint = "A recipient looks like age1..., or is an SSH public key; age-keygen makes a pair."
            raise UsageError(message=said, hint=hint) from error
        found += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    for one in found:
        _recipient(one)
    if words and not found:
        raise UsageError(message="the files of recipients hold none", hint="Put one on each line: age1...")
    return list(dict.fromkeys(found))


@contextmanager
def encrypting(to: IO[bytes] | RawIOBase, keys: Sequence[str]) -> Iterator[IO[bytes]]:
    """What is written to the file that this gives is written to ``to``, encrypted for ``keys``.

    It is whole when the block has ended. Raises OSError where ``to`` cannot be written.
    """
    age = _age()
    those = [_recipient(key) for key in keys]
    writer = _Writer(to)
    try:
        with _piped(lambda source: age.encrypt_io(source, writer, those)) as into:
            yield into
    except OSError:
        # age's own error has no number in it: whether the disk is full.
        if writer.failed is not None:
            raise writer.failed from None
        raise


@contextmanager
def decrypting(source: IO[bytes], identities: Sequence[Any], name: str) -> Iterator[IO[bytes]]:
    """A file that gives what ``source`` holds, decrypted with one of ``identities``.

    What is read of it is authentic, but all only when the block has ended without an error.

    Raises:
        BackupKey: none of the identities fits.
        BackupDamaged: it was changed or cut off.
    """
    age = _age()
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with os.fdopen(writing, "wb", buffering=PIPE) as to:
                age.decrypt_io(source, to, list(identities))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        with os.fdopen(reading, "rb", buffering=PIPE) as file:
            yield file
            # What nobody read is read here, so that the end of it is looked at.
            while file.read(PIPE):
                pass
    finally:
        # It reads ``source``, which is the caller's to close.
        thread.join()
    if failed:
        raise _explained(failed[0], name) from failed[0]


def identities(paths: Sequence[Path]) -> list[Any]:
    """The keys in files of age's (``AGE-SECRET-KEY-1...``) or SSH's. Raises UsageError.

    One with a passphrase is not taken: whoever restores at night may not be asked for one.
    """
    age = _age()
    found: list[Any] = []
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError as error:
            said = f"the key file {path} cannot be read: {error.strerror}"
            raise UsageError(message=said, hint="Name the file of the secret key: --identity FILE") from error
        try:
            if b"PRIVATE KEY" in data:
                found.append(age.ssh.Identity.from_buffer(data))
            else:
                lines = [line.strip() for line in data.decode().splitlines()]
                found += [age.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
        except (age.IdentityError, ValueError) as error:
            raise _no_key(path, data, str(error)) from None
    if not found:
        raise UsageError(message="the key files hold no key", hint="Name the file of the secret key: --identity FILE")
    return found


def _no_key(path: Path, data: bytes, said: str) -> UsageError:
    if "must be decrypted" in said or "Encrypted" in said or data.startswith(b"age-encryption.org/"):
        hint = "Make a copy without one, for litelift cannot ask for it: ssh-keygen -p on a copy, or age -d."
        return UsageError(message=f"the key file {path} is protected by a passphrase", hint=hint)
    if data.lstrip().startswith((b"age1", b"ssh-")):
        hint = "It says who may read a backup; to read one takes the secret key that belongs to it."
        return UsageError(message=f"the key file {path} holds a public key", hint=hint)
    hint = "It is one that age-keygen makes (AGE-SECRET-KEY-1...), or an SSH key without a passphrase."
    return UsageError(message=f"the key file {path} holds no key that age knows", hint=hint)


class _Writer:
    """Writes, and keeps the error where it cannot."""

    def __init__(self, to: IO[bytes] | RawIOBase) -> None:
        self.to = to
        self.failed: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.to.write(data) or 0
        except OSError as error:
            self.failed = error
            raise

    def flush(self) -> None:
        self.to.flush()


@contextmanager
def _piped(work: Any) -> Iterator[IO[bytes]]:
    """A file whose content ``work`` reads in a thread of its own; its error is raised when the block ends."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def run() -> None:
        # Whatever happens the pipe is read to its end by nobody: the writer then gets EPIPE, not an endless wait.
        with os.fdopen(reading, "rb", buffering=PIPE) as source:
            try:
                work(source)
            except BaseException as error:
                failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        with os.fdopen(writing, "wb", buffering=PIPE) as into:
            yield into
    except BrokenPipeError:
        if not failed:
            raise
    finally:
        thread.join()
    if failed:
        raise failed[0] if isinstance(failed[0], OSError) else OSError(None, str(failed[0])) from failed[0]


def _recipient(word: str) -> Any:
    age = _age()
    try:
        return age.ssh.Recipient.from_str(word) if word.startswith("ssh-") else age.x25519.Recipient.from_str(word)
    except (age.RecipientError, ValueError):
        hint = "A recipient looks like age1..., or is an SSH public key; age-keygen makes a pair."
        raise UsageError(message=f"{word[:80]!r} is no recipient of age's", hint=hint) from None


def _explained(error: BaseException, name: str) -> BaseException:
    # age raises the same for a header that was changed as for one that is for others.
    undecrypted = type(error).__name__ == "DecryptError"
    if undecrypted and "No matching keys" in str(error):
        return BackupKey(name=name)
    if undecrypted or (isinstance(error, OSError) and error.errno is None):
        return BackupDamaged(name=name, message="its encryption says that it was changed or cut off")
    return error


def _age() -> Any:
    try:
        import pyrage
    except ImportError:
        hint = "Install it with: pip install 'litelift[backup]'"
        raise MissingPart(what="an encrypted backup", package="pyrage", hint=hint) from None
    return pyrage
