"""A backup that is encrypted is read with one of its keys alone, and what was changed in it is told."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from litelift.backup.encryption import decrypting, encrypting, identities, recipients
from litelift.errors import BackupDamaged, BackupKey, UsageError

pyrage = pytest.importorskip("pyrage", reason="pyrage: pip install 'litelift[backup]'")
KEY = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()
PIECE = 65536
"""age encrypts pieces of so many bytes, each by itself ("Payload" in age-encryption.org/v1)."""
CONTENTS = st.one_of(st.binary(max_size=300), st.builds(lambda n: bytes(range(256)) * n, st.integers(250, 800)))


def program(name: str) -> str:
    """A program, or the test is skipped with its name."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name}: there is no such program")
    return found


def ssh_key(path: Path, passphrase: str = "", kind: str = "ed25519") -> str:
    """Make an SSH key; its public half."""
    words = [program("ssh-keygen"), "-q", "-t", kind, "-N", passphrase, "-C", "somebody at home", "-f", str(path)]
    subprocess.run(words, check=True)
    return path.with_name(path.name + ".pub").read_text().strip()


def encrypted(content: bytes, keys: list[str], pieces: list[int]) -> bytes:
    """Encrypt what comes in pieces of these sizes, one after the other, over and over."""
    to = io.BytesIO()
    with encrypting(to, keys) as into:
        at = number = 0
        while at < len(content):
            size = pieces[number % len(pieces)]
            into.write(content[at : at + size])
            at, number = at + size, number + 1
    return to.getvalue()


def decrypted(data: bytes, keys: list[Any], size: int = -1) -> bytes:
    """Decrypt in pieces of a size."""
    with decrypting(io.BytesIO(data), keys, "x") as plain:
        return b"".join(iter(lambda: plain.read(size), b""))


@settings(max_examples=25)
@given(content=CONTENTS, pieces=st.lists(st.integers(1, 100_000), min_size=1, max_size=3), size=st.integers(1, 200_000))
@example(content=bytes(PIECE), pieces=[PIECE], size=PIECE)
@example(content=bytes(2 * PIECE), pieces=[PIECE + 1], size=PIECE - 1)
@example(content=b"", pieces=[1], size=1)
def test_whatever_is_encrypted_comes_out_as_it_was(content: bytes, pieces: list[int], size: int) -> None:
    data = encrypted(content, [str(KEY.to_public())], [max(piece, len(content) // 50) for piece in pieces])
    assert decrypted(data, [OTHER, KEY], max(size, len(content) // 50)) == content
    with pytest.raises(BackupKey):
        decrypted(data, [OTHER])


@settings(max_examples=60)
@given(content=CONTENTS, where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
@example(content=bytes(2 * PIECE), where=0.5, bit=0, cut=True)
@example(content=b"", where=0.999, bit=7, cut=False)
def test_whatever_is_changed_or_cut_off_is_told(content: bytes, where: float, bit: int, cut: bool) -> None:
    data = bytearray(encrypted(content, [str(KEY.to_public())], [PIECE]))
    at = int(where * len(data))
    if cut:
        del data[at:]
    else:
        data[at] ^= 1 << bit
    # What is changed in the name of the recipient makes it another's.
    with pytest.raises((BackupDamaged, BackupKey)):
        decrypted(bytes(data), [KEY])


def test_a_changed_header_is_damage_and_no_matter_of_keys() -> None:
    data = encrypted(b"x" * 100, [str(KEY.to_public())], [100])
    mac = data.index(b"\n--- ") + 10
    for bad in (data[:20], data[:mac], data[:mac] + bytes([data[mac] ^ 1]) + data[mac + 1 :], b"", b"PGDMP"):
        with pytest.raises(BackupDamaged):
            decrypted(bad, [KEY])


def test_who_reads_no_more_of_it_gets_his_error_and_nothing_goes_on() -> None:
    import threading

    data = encrypted(os.urandom(8 * PIECE), [str(KEY.to_public())], [PIECE])
    before = threading.active_count()
    with pytest.raises(KeyError), decrypting(io.BytesIO(data), [KEY], "x") as plain:
        plain.read(1)
        raise KeyError
    assert threading.active_count() == before


def test_each_of_several_recipients_reads_it(tmp_path: Path) -> None:
    public = ssh_key(tmp_path / "ssh")
    (tmp_path / "age.txt").write_text(f"# made yesterday\n{KEY}\n")
    (tmp_path / "people").write_text(f"# who may\n\n{public}\n{OTHER.to_public()}\n")
    keys = recipients([str(KEY.to_public()), "people"], tmp_path)
    assert keys == [str(KEY.to_public()), public, str(OTHER.to_public())]
    data = encrypted(b"grades", keys, [3])
    for one in ([tmp_path / "age.txt"], [tmp_path / "ssh"]):
        assert decrypted(data, identities(one)) == b"grades"
    assert decrypted(data, [OTHER]) == b"grades"


def test_ages_own_program_reads_ours_and_we_read_its(tmp_path: Path) -> None:
    age, public = program("age"), ssh_key(tmp_path / "ssh")
    (tmp_path / "age.txt").write_text(f"{KEY}\n")
    content = os.urandom(3 * PIECE)
    data = encrypted(content, [str(KEY.to_public()), public], [PIECE])
    (tmp_path / "ours.age").write_bytes(data)
    for key in ("age.txt", "ssh"):
        words = [age, "--decrypt", "--identity", str(tmp_path / key), str(tmp_path / "ours.age")]
        assert subprocess.check_output(words) == content
    words = [age, "--recipient", str(KEY.to_public()), "--recipient", public]
    theirs = subprocess.run(words, input=content, capture_output=True, check=True).stdout
    for key in ("age.txt", "ssh"):
        assert decrypted(theirs, identities([tmp_path / key])) == content


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        (b"", "hold no key"),
        (b"# nothing\n", "hold no key"),
        (b"hello\n", "holds no key that age knows"),
        (b"\xff\xfe\x00", "holds no key that age knows"),
        (b"AGE-SECRET-KEY-1" + b"Q" * 58, "holds no key that age knows"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "holds no key that age"),
        (b"age1" + b"q" * 58, "holds a public key"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@home\n", "holds a public key"),
        (b"age-encryption.org/v1\n-> scrypt x 18\n", "protected by a passphrase"),
    ],
)
def test_a_key_file_without_a_key_that_can_be_used_says_so(content: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=told) as caught:
        identities([path])
    assert caught.value.hint
    assert "SECRET-KEY-1Q" not in caught.value.message


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_an_ssh_key_with_a_passphrase_is_refused_by_that_name(kind: str, tmp_path: Path) -> None:
    ssh_key(tmp_path / "key", "a passphrase", kind)
    with pytest.raises(UsageError, match="protected by a passphrase"):
        identities([tmp_path / "key"])


@pytest.mark.parametrize(
    "words", [["age1nonsense"], ["ssh-ed25519 AAAA"], ["nowhere.txt"], ["empty"], ["binary"], ["ssh-dss AAAA"]]
)
def test_who_is_no_recipient_is_refused(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nobody\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError) as caught:
        recipients(words, tmp_path)
    assert caught.value.hint
