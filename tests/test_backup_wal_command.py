"""The words of an archive_command say which tool archives, and where to."""

from __future__ import annotations

import pytest

from litelift.backup.wal.command import read_command, shown

PLAIN = [
    ("cp %p /mnt/wal/%f", "/mnt/wal"),
    ("test ! -f /mnt/wal/%f && cp %p /mnt/wal/%f", "/mnt/wal"),
    ("cp -i %p /mnt/wal/%f </dev/null", "/mnt/wal"),
    ('test ! -f "/mnt/back up/%f" && cp "%p" "/mnt/back up/%f"', "/mnt/back up"),
    ("gzip < %p > /mnt/wal/%f.gz", "/mnt/wal"),
    ("gzip -c %p>/mnt/wal/%f.gz.part&&mv /mnt/wal/%f.gz.part /mnt/wal/%f.gz", "/mnt/wal"),
    ("rsync -a %p /mnt/wal/", "/mnt/wal"),
    ("/usr/bin/cp %p /mnt/wal", "/mnt/wal"),
    ("cp %p ../wal/%f", "../wal"),
    ("cp %p /mnt/100%%/%f", "/mnt/100%"),
]


@pytest.mark.parametrize(("command", "folder"), PLAIN, ids=[command for command, _ in PLAIN])
def test_the_folder_of_a_plain_command_is_found(command: str, folder: str) -> None:
    found = read_command(command)
    assert found.tool == "command"
    assert str(found.folder) == folder


ELSEWHERE = [
    "rsync -a %p backup@vault:/srv/wal/%f",
    "scp %p vault:/srv/wal/%f",
    "ssh vault 'cat > /srv/wal/%f' < %p",
    "aws s3 cp %p s3://bucket/wal/%f",
    "cp %p $ARCHIVE/%f",
    "cp %p /mnt/`hostname`/%f",
    "/usr/local/bin/archive.sh %p %f",
    "cp %p '/mnt/wal/%f",
    "cp %p /mnt/wal/wal-%f",
]


@pytest.mark.parametrize("command", ELSEWHERE)
def test_a_command_that_goes_elsewhere_is_taken_for_no_folder(command: str) -> None:
    found = read_command(command)
    assert found.tool == "command"
    assert found.folder is None
    assert found.unclear


@pytest.mark.parametrize("command", ["/bin/true", "true", ":", "exit 0", "cd .", "(true)"])
def test_a_command_that_does_nothing_is_seen(command: str) -> None:
    assert read_command(command).discards


def test_pgbackrest_is_asked_with_its_stanza_and_the_options_that_say_where_its_repository_is() -> None:
    found = read_command(
        "pgbackrest --config=/etc/a.conf --cmd-ssh=/tmp/evil --stanza school --repo2-path /srv/b archive-push %p"
    )
    assert (found.tool, found.name, found.where) == ("pgbackrest", "school", "stanza school")
    assert found.options == ("--config=/etc/a.conf", "--repo2-path=/srv/b")


BARMAN = [
    ("barman-wal-archive vault school %p", "school"),
    ("/usr/bin/barman-wal-archive --user barman vault school %p", "school"),
    ("ssh barman@vault barman put-wal school < %p", "school"),
    ("rsync -a %p barman@vault:/var/lib/barman/school/incoming/%f", "school"),
    ("test ! -f /var/lib/barman/school/incoming/%f && cp %p /var/lib/barman/school/incoming/%f", "school"),
    ("barman-wal-archive vault '--config=/tmp/evil' %p", None),
]


@pytest.mark.parametrize(("command", "server"), BARMAN, ids=[command for command, _ in BARMAN])
def test_barman_is_known_with_its_server(command: str, server: str | None) -> None:
    found = read_command(command)
    assert (found.tool, found.name) == ("barman", server)


def test_wal_g_is_asked_with_the_configuration_that_its_command_names() -> None:
    found = read_command("/usr/local/bin/wal-g --config /etc/wal-g.json wal-push %p")
    assert (found.tool, found.options, found.before) == ("wal-g", ("--config", "/etc/wal-g.json"), ())
    found = read_command("envdir /etc/wal-g.d/env wal-g wal-push %p")
    assert (found.tool, found.options, found.before) == ("wal-g", (), ("envdir", "/etc/wal-g.d/env"))


def test_a_secret_in_a_command_is_not_shown() -> None:
    command = (
        "AWS_SECRET_ACCESS_KEY=pearl1 pgbackrest --repo1-cipher-pass='pearl 2' --repo1-s3-key-secret pearl3"
        " --pg1-host=x archive-push %p && curl https://u:pearl4@vault/ -o /dev/null"
    )
    assert "pearl" not in shown(command)
    assert "--pg1-host=x archive-push %p" in shown(command)
