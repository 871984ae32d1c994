"""Copies on real servers, OpenSSH's and one that speaks the S3 protocol, through a network that breaks."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import forked
from backup_made import content, make_backup, write_settings
from chaos.proxy import BytesTrap, Proxy
from command import Ran, litelift
from litelift.backup.cold.copies import copies
from litelift.backup.cold.link import Link
from litelift.backup.cold.place import place_of
from litelift.backup.history import events
from litelift.backup.settings import Copy
from litelift.backup.store import Backup, Store, read_backup
from s3_server import S3Server, s3_server
from small_disk import small_disk
from ssh_server import Sshd, sshd

PART = 1 << 17
FILES = {"database.dump": 9 * PART + 1000, "small": 300}
BYTES = sum(FILES.values())
SECRET = "wJalrXUtnFEMI7MDENG"
AT_ONCE = {"litelift.backup.cold.link:WAITS": [0.0, 0.01, 0.02]}
FOR_EVER = float("inf")


@dataclass
class Remote:
    """A server behind a proxy, as a place for copies."""

    proxy: Proxy
    url: str
    options: dict[str, object]
    objects: Callable[[str], dict[str, bytes]]
    """Of a folder, past the proxy."""
    put: Callable[[str, bytes], None]
    """Write an object, past the proxy."""
    options_env: dict[str, object] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def copy(self) -> dict[str, object]:
        """As litelift.toml has it."""
        return {
            "name": "away",
            "url": self.url,
            "part_bytes": PART,
            "options": self.options,
            "options_env": self.options_env,
        }

    @property
    def words(self) -> list[str]:
        """As the command takes it."""
        found = ["--from", self.url]
        for key, value in self.options.items():
            found += ["--option", f"{key}={value}"]
        for key, value in self.options_env.items():
            found += ["--option-env", f"{key}={value}"]
        return found

    @property
    def whole_environment(self) -> dict[str, str]:
        """Of a command that uses it."""
        return {**os.environ, "COLUMNS": "80", **self.environment}

    def sent(self) -> int:
        """Bytes that clients have sent through the proxy."""
        return self.proxy.sides[0]


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="module")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("ssh") / "server") as server:
        yield server


@contextlib.contextmanager
def on_sftp(server: Sshd, folder: Path) -> Iterator[Remote]:
    with contextlib.closing(Proxy(server.port, postgres=False)) as proxy:
        folder.mkdir(exist_ok=True)
        options: dict[str, object] = {
            "key_filename": str(server.key),
            "known_hosts": str(server.known_hosts(proxy.port)),
        }
        yield Remote(
            proxy,
            f"sftp://{server.user}@127.0.0.1:{proxy.port}{folder}",
            options,
            lambda name: content(folder / name) if (folder / name).is_dir() else {},
            lambda name, data: void((folder / name).write_bytes(data)),
        )


BUCKETS = itertools.count()


@contextlib.contextmanager
def on_s3(server: S3Server) -> Iterator[Remote]:
    bucket, client = f"cold-{next(BUCKETS)}", server.client()
    client.create_bucket(Bucket=bucket)

    def objects(name: str) -> dict[str, bytes]:
        start = f"copies/{name}/"
        listed = client.list_objects_v2(Bucket=bucket, Prefix=start).get("Contents", [])
        keys = [entry["Key"] for entry in listed]
        return {key.removeprefix(start): client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    with contextlib.closing(Proxy(server.port, postgres=False)) as proxy:
        yield Remote(
            proxy,
            f"s3://{bucket}/copies",
            {"endpoint_url": f"http://127.0.0.1:{proxy.port}", "key": "AKIAEXAMPLE"},
            objects,
            lambda name, data: void(client.put_object(Bucket=bucket, Key=f"copies/{name}", Body=data)),
            {"secret": "COLD_SECRET"},
            {"COLD_SECRET": SECRET, "AWS_EC2_METADATA_DISABLED": "true"},
        )


@pytest.fixture(params=["sftp", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remote]:
    if request.param == "sftp":
        with on_sftp(request.getfixturevalue("openssh"), tmp_path / "away") as made:
            yield made
    else:
        with on_s3(request.getfixturevalue("moto")) as made:
            yield made


@pytest.fixture
def backup(tmp_path: Path) -> Backup:
    return make_backup(Store(tmp_path / "backups"), FILES)


def void(value: object) -> None:
    assert value is not None


def run(tmp_path: Path, remote: Remote, *words: str | Path) -> Ran:
    file = write_settings(tmp_path, remote.copy)
    return litelift(
        "backup", "copy", file, *words, "--json", cwd=tmp_path, settings=AT_ONCE, only=remote.whole_environment
    )


def listed(remote: Remote) -> dict[str, bool]:
    """What lies there, and whether it is good."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in remote.environment.items():
            patch.setenv(name, value)
        with Link(place_of(Copy.model_validate(remote.copy))) as link:
            return {copy.name: copy.good for copy in copies(link)}


def is_whole(remote: Remote, backup: Backup) -> bool:
    """Whether the pieces there make the files of the backup, and the index says so."""
    there = remote.objects(backup.name)
    if "copy.json" not in there:
        return False
    index = json.loads(there.pop("copy.json"))
    joined = {}
    for file in index["files"]:
        data = b"".join(there.pop(piece["name"]) for piece in file["pieces"])
        assert hashlib.sha256(data).hexdigest() == file["sha256"]
        joined[file["name"]] = data
    return joined == content(backup.folder) and not there


def test_an_upload_that_is_cut_in_the_middle_goes_on_over_a_new_connection_and_every_checksum_is_equal(
    tmp_path: Path, remote: Remote, backup: Backup
) -> None:
    remote.proxy.bytes_trap = BytesTrap(BYTES // 2, False, "rst", side=0)
    ran = run(tmp_path, remote)
    assert (ran.status, remote.proxy.sprung.is_set()) == (0, True), ran.err
    done = ran.json["places"][0]["backups"][0]
    # Once aiohttp makes a lost connection anew by itself.
    assert done["losses"] == 1 or remote.url.startswith("s3")
    assert done["sent"] + done["found"] == 12
    # S3's entity tags say what it stores; over SFTP every piece is read back.
    by = "server" if remote.url.startswith("s3") else "read"
    assert done["confirmed"][by] == 12
    assert (remote.proxy.sides[1] > BYTES) == (by == "read")
    assert is_whole(remote, backup)
    # What was there was not sent again: at most the piece that was under way.
    assert remote.sent() < BYTES + 2 * PART
    assert set(read_backup(backup.folder).standing.copies) == {"away"}


def test_an_upload_whose_connection_stays_cut_fails_and_the_same_command_sends_only_the_rest(
    tmp_path: Path, remote: Remote, backup: Backup
) -> None:
    before = content(backup.folder)
    remote.proxy.bytes_trap = BytesTrap(BYTES // 2, False, "fin", down=FOR_EVER, side=0)
    ran = run(tmp_path, remote)
    assert (ran.status, ran.json["error"]["kind"]) == (1, "ColdStorageLost"), ran.err
    assert "same command" in ran.json["error"]["hint"]
    assert not is_whole(remote, backup)
    assert read_backup(backup.folder).standing.copies == {}
    assert [(event.what, event.ok) for event in events(tmp_path / "backups")] == [("copy", False)]
    arrived = sum(map(len, remote.objects(backup.name).values()))
    assert PART <= arrived < BYTES

    remote.proxy.heal()
    assert listed(remote) == {backup.name: False}
    remote.proxy.sides[0] = 0
    ran = run(tmp_path, remote)
    assert ran.status == 0, ran.err
    done = ran.json["places"][0]["backups"][0]
    assert done["found"] >= 3
    # Reading back asks for blocks of 32 kB with some bytes each.
    assert remote.sent() < BYTES - arrived + 2 * PART
    assert is_whole(remote, backup)
    assert content(backup.folder) == before
    assert [event.ok for event in events(tmp_path / "backups")] == [False, True]


def test_an_upload_that_is_killed_in_the_middle_of_a_piece_is_gone_on_with(
    tmp_path: Path, remote: Remote, backup: Backup
) -> None:
    remote.proxy.bytes_trap = BytesTrap(BYTES // 2, False, "freeze", side=0)
    file = write_settings(tmp_path, remote.copy)
    process = forked.fork(["backup", "copy", file], cwd=tmp_path, environment=remote.whole_environment)
    assert remote.proxy.sprung.wait(120)
    process.kill()
    process.communicate()
    assert process.wait() == -signal.SIGKILL
    remote.proxy.cut(one=None, how="rst")
    remote.proxy.heal()
    assert listed(remote) == {backup.name: False}

    remote.proxy.sides[0] = 0
    ran = run(tmp_path, remote)
    assert ran.status == 0, ran.err
    assert ran.json["places"][0]["backups"][0]["found"] >= 3
    assert remote.sent() < BYTES // 2 + 3 * PART
    assert is_whole(remote, backup)


def test_a_server_that_falls_silent_is_a_lost_connection(tmp_path: Path, remote: Remote, backup: Backup) -> None:
    remote.proxy.bytes_trap = BytesTrap(BYTES // 2, False, "freeze", side=0)
    impatient = {**AT_ONCE, "litelift.backup.cold.sftp:TIMEOUT": 1.0, "litelift.backup.cold.s3:TIMEOUT": 1.0}
    file = write_settings(tmp_path, remote.copy)
    ran = litelift("backup", "copy", file, "--json", cwd=tmp_path, settings=impatient, only=remote.whole_environment)
    assert (ran.status, ran.json["error"]["kind"]) == (1, "ColdStorageLost"), ran.err
    remote.proxy.heal()


def test_a_copy_comes_back_with_nothing_but_its_url_and_the_credentials(
    tmp_path: Path, remote: Remote, backup: Backup
) -> None:
    assert run(tmp_path, remote).status == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    remote.proxy.bytes_trap = BytesTrap(remote.proxy.sides[1] + BYTES // 2, False, "rst", side=1)
    words = ["backup", "copy", *remote.words, "--fetch", backup.name[:6], "--folder", str(elsewhere / "back"), "--json"]
    ran = litelift(*words, cwd=elsewhere, settings=AT_ONCE, only=remote.whole_environment)
    assert (ran.status, remote.proxy.sprung.is_set()) == (0, True), ran.err
    assert ran.json["name"] == backup.name
    found = Store(elsewhere / "back").backups()
    assert [(one.name, one.good, one.manifest) for one in found] == [(backup.name, True, backup.manifest)]
    assert content(found[0].folder) == content(backup.folder)


def test_a_piece_that_was_changed_there_is_found_and_mended(tmp_path: Path, remote: Remote, backup: Backup) -> None:
    assert run(tmp_path, remote).status == 0
    there = remote.objects(backup.name)
    piece = "database.dump.0004"
    remote.put(f"{backup.name}/{piece}", bytes(len(there[piece])))
    ran = run(tmp_path, remote, "--verify")
    assert (ran.status, ran.json["error"]["kind"]) == (1, "CopyDamaged"), ran.err
    assert piece in ran.json["error"]["message"]
    assert listed(remote) == {backup.name: False}
    ran = run(tmp_path, remote, "--backup", backup.name)
    assert ran.status == 0, ran.err
    assert ran.json["places"][0]["backups"][0]["sent"] == 1
    assert is_whole(remote, backup)
    assert listed(remote) == {backup.name: True}


def test_an_unknown_host_key_is_refused_before_anything_is_sent(tmp_path: Path, openssh: Sshd, backup: Backup) -> None:
    with on_sftp(openssh, tmp_path / "away") as remote:
        remote.options["known_hosts"] = str(tmp_path / "none")
        ran = run(tmp_path, remote)
        assert (ran.status, ran.json["error"]["kind"]) == (1, "HostKeyRefused")
        assert "is not known" in ran.json["error"]["message"] and "SHA256:" in ran.json["error"]["message"]
        assert f"ssh-keyscan -p {remote.proxy.port} 127.0.0.1" in ran.json["error"]["hint"]
        remote.options["known_hosts"] = str(openssh.known_hosts(remote.proxy.port, "other_host_key.pub"))
        ran = run(tmp_path, remote)
        assert (ran.status, ran.json["error"]["kind"]) == (1, "HostKeyRefused")
        assert "another key" in ran.json["error"]["message"]
        assert not list((tmp_path / "away").iterdir())


def test_what_ssh_config_says_of_a_host_opens_it_too(tmp_path: Path, openssh: Sshd, backup: Backup) -> None:
    with on_sftp(openssh, tmp_path / "away") as remote:
        said = {
            "HostName": "127.0.0.1",
            "Port": remote.proxy.port,
            "User": openssh.user,
            "IdentityFile": openssh.key,
            "UserKnownHostsFile": openssh.known_hosts(remote.proxy.port),
        }
        (tmp_path / ".ssh").mkdir()
        lines = ["Host cold", *(f"  {key} {value}" for key, value in said.items())]
        (tmp_path / ".ssh" / "config").write_text("\n".join(lines) + "\n")
        remote.url, remote.options = f"sftp://cold{tmp_path}/away", {}
        remote.environment = {"HOME": str(tmp_path)}
        ran = run(tmp_path, remote)
        assert ran.status == 0, ran.err
        assert is_whole(remote, backup)


def test_wrong_credentials_are_one_clear_error(tmp_path: Path, openssh: Sshd, moto: S3Server, backup: Backup) -> None:
    with on_sftp(openssh, tmp_path / "away") as remote:
        remote.options |= {"key_filename": str(openssh.folder / "other_key"), "allow_agent": False}
        ran = run(tmp_path, remote)
        assert (ran.status, ran.json["error"]["kind"]) == (1, "ColdStorageRefused"), ran.err
    with on_s3(moto) as remote:
        moto.look_at_keys(True)
        try:
            ran = run(tmp_path, remote)
        finally:
            moto.look_at_keys(False)
        assert (ran.status, ran.json["error"]["kind"]) == (1, "ColdStorageRefused"), ran.err
        assert SECRET not in ran.out + ran.err
        assert SECRET not in (tmp_path / "backups" / "history.jsonl").read_text()


def test_a_bucket_or_folder_that_is_gone_is_one_clear_error(tmp_path: Path, remote: Remote, backup: Backup) -> None:
    remote.url = remote.url.replace("/away", "/gone").replace("cold-", "gone-")
    ran = run(tmp_path, remote)
    assert (ran.status, ran.json["error"]["kind"]) == (1, "ColdStorageGone"), ran.err


def test_a_full_disk_of_the_sftp_server_leaves_no_copy_and_the_older_one_as_it_was(
    tmp_path: Path, openssh: Sshd
) -> None:
    store = Store(tmp_path / "backups")
    older = make_backup(store, {"database.dump": 3 * PART})
    with small_disk(1) as disk, on_sftp(openssh, disk / "away") as remote:
        assert run(tmp_path, remote).status == 0
        large = make_backup(store, FILES, seed=8)
        ran = run(tmp_path, remote)
        assert (ran.status, ran.json["error"]["kind"]) == (1, "ColdStorageFull"), ran.err
        assert listed(remote) == {older.name: True, large.name: False}
        assert is_whole(remote, older)
