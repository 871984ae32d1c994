"""Which tool an archive_command is, by its words. Nothing of it is ever given to a shell."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from litelift.backup.wal.found import Tool
from litelift.redact import text as redact

_SECRET = re.compile(
    r"""(?P<name>[\w-]*(?:pass|secret|token|key|credential|pwd)[\w-]*=|--[\w-]*(?:pass|secret|token|key)[\w-]*\s+)"""
    r"""(?:"[^"]*"|'[^']*'|[^\s;&|]+)""",
    re.IGNORECASE,
)
_OPERATOR = re.compile(r"[();<>|&]+")
_NOTHING = {"true", ":", "exit"}
_WALG = re.compile(r"wal-g(?:-[\w.-]+)?")
_PGBACKREST = re.compile(r"--(?P<name>stanza|config|config-path|config-include-path|repo\d*-(?:path|type))")
"""What says where its repository is; nothing that names another program to run."""


@dataclass(frozen=True, slots=True)
class Archives:
    """What an archive_command does."""

    tool: Tool
    where: str = ""
    """As it is shown: the stanza, Barman's server, the folder or the address."""
    options: tuple[str, ...] = ()
    """The words with which the tool is to be asked for its configuration."""
    before: tuple[str, ...] = ()
    """The words before the tool that give it an environment: envdir and its folder."""
    name: str | None = None
    """The stanza, or Barman's server."""
    folder: Path | None = None
    """Where a plain command puts the segments, on the server's machine; relative to the data folder."""
    discards: bool = False
    """It does nothing, and says that it did."""
    streamed: bool = False
    """Not the server's archiver does it, but a program that receives the WAL over the replication protocol."""
    unclear: str = ""
    """Why nothing more can be known from its words."""


def shown(command: str) -> str:
    """The command without passwords and keys."""
    return _SECRET.sub(r"\g<name>***", redact(command))


def read_command(command: str) -> Archives:
    """What a command is, by its words."""
    try:
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.commenters, lexer.whitespace_split = "", True
        words = list(lexer)
    except ValueError:
        return Archives("command", unclear="its quotes do not end")
    names = [PurePosixPath(word).name for word in words]
    if "pgbackrest" in names:
        return _pgbackrest(words[names.index("pgbackrest") + 1 :])
    walg = next((index for index, name in enumerate(names) if _WALG.fullmatch(name)), None)
    if walg is not None:
        return _walg(words, walg)
    barman = next((index for index, name in enumerate(names) if name in ("barman", "barman-wal-archive")), None)
    if barman is not None:
        return _barman(names[barman], words[barman + 1 :])
    plain = [word for word in words if not _OPERATOR.fullmatch(word)]
    if not plain or set(plain) <= {*_NOTHING, "/bin/true", "/usr/bin/true", "0", "cd", "."}:
        return Archives("command", discards=True)
    return _plain(plain, names)


def _option(words: list[str], *names: str) -> str | None:
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else next(iter(words[index + 1 : index + 2]), None)
    return None


def _pgbackrest(words: list[str]) -> Archives:
    options = []
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if _PGBACKREST.fullmatch(name):
            options.append(f"{name}={value if equals else ''.join(words[index + 1 : index + 2])}")
    stanza = _option(words, "--stanza")
    where = f"stanza {stanza}" if stanza else ""
    return Archives("pgbackrest", where, tuple(option for option in options if "--stanza=" not in option), name=stanza)


def _walg(words: list[str], at: int) -> Archives:
    config = _option(words[at + 1 :], "--config")
    before: tuple[str, ...] = ()
    if at >= 2 and PurePosixPath(words[at - 2]).name == "envdir":
        before = ("envdir", words[at - 1])
    where = config or "".join(before[1:])
    return Archives("wal-g", where, ("--config", config) if config else (), before)


def _barman(program: str, words: list[str]) -> Archives:
    # barman-wal-archive [options] HOST SERVER %p; "ssh barman@HOST barman put-wal SERVER"; nothing where rsync is used.
    if program == "barman":
        after = words[words.index("put-wal") + 1 :] if "put-wal" in words else []
        server = next((word for word in after if not word.startswith("-")), None)
    else:
        path = words.index("%p") if "%p" in words else len(words)
        server = words[path - 1] if path >= 2 else None
    known = server if server and re.fullmatch(r"[\w.][\w.-]*", server) else None
    return Archives("barman", f"server {known}" if known else "", name=known)


def _plain(words: list[str], names: list[str]) -> Archives:
    """Of cp, gzip, rsync and the like: the folder, or the address, in which %f ends up."""
    target = next((word for word in reversed(words) if "%f" in word and word != "%f"), None)
    if target is None and names[0] in ("cp", "mv", "rsync", "install", "/bin/cp"):
        target = f"{words[-1]}/%f" if "%" not in words[-1] else None
    if target is None or re.search(r"[$`*?]", target):
        return Archives("command", unclear="its words do not say where the segments go")
    place = target[: target.index("%f")]
    remote = re.match(r"[a-z][a-z0-9+.-]+://|[^/\s]+:", place) or {"ssh", "scp", "sftp"} & set(names)
    if remote:
        barman = re.search(r"/(?P<server>[\w.-]+)/(?:incoming|streaming)/?$", place)
        if barman and "barman" in place:
            return Archives("barman", f"server {barman['server']}", name=barman["server"])
        return Archives("command", redact(place), unclear="the segments go to another machine")
    if not place.endswith("/"):
        return Archives("command", shown(place), unclear="it does not keep the segments' names")
    folder = Path(place.replace("%%", "%"))
    barman = re.search(r"/(?P<server>[\w.-]+)/incoming/?$", place)
    if barman and "barman" in place:
        return Archives("barman", f"server {barman['server']}", name=barman["server"])
    return Archives("command", str(folder), folder=folder)
