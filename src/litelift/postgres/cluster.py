"""Makes a data folder, and starts a server in it that listens on a Unix socket alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote

from litelift.postgres.data_folder import START_SECONDS
from litelift.postgres.programs import ProgramFailed, Programs
from litelift.postgres.socket_folder import PORT, socket_folder


def make_cluster(data: Path, tools: Programs, *words: str) -> None:
    """Make a cluster in the new folder ``data``, in UTF-8; ``words`` are more of initdb's.

    Raises ProgramFailed.
    """
    data.mkdir(mode=0o700)
    tools.own(data)
    said = ["--username=postgres", "--auth=trust", "--encoding=UTF8", *words]
    try:
        tools.run("initdb", *said, "--locale=C.UTF-8", data=data, seconds=START_SECONDS)
    except ProgramFailed as error:
        if "locale" not in str(error):
            raise
        tools.run("initdb", *said, "--no-locale", data=data, seconds=START_SECONDS)


def start_cluster(data: Path, tools: Programs, settings: Mapping[str, str]) -> None:
    """Start the server of ``data`` with these settings, and wait until it answers; its log is beside its files.

    Raises ProgramFailed.
    """
    options = ["-h", "", "-k", str(socket_folder(data, tools)), "-p", str(PORT)]
    options += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    # pg_ctl hands its options to a shell.
    words = ["start", "-w", "-t", f"{START_SECONDS:.0f}", "-l", "log", "-o", " ".join(map(quote, options))]
    tools.run("pg_ctl", *words, data=data, seconds=START_SECONDS + 30)
