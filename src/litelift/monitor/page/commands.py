"""What of a text is to be typed: words that say what to do hold commands and SQL, which a person wants to copy."""

from __future__ import annotations

import re

_QUOTED = r"(?>\"(?:[^\"]|\"\")*+\"|'(?:[^']|'')*+')"
_KEYWORDS = (
    "select|with|alter|create|drop|grant|revoke|vacuum|analyze|reindex|cluster|refresh|update|delete|insert|set|reset|"
    "checkpoint|comment|show|explain|truncate|copy|commit|rollback"
)
# A sentence that begins with one of them has a capital letter and small ones.
_SQL = rf"(?:{_KEYWORDS}|{_KEYWORDS.upper()})\b"
_PROGRAMS = (
    r"(?:sudo )?(?:docker|podman|systemctl|journalctl|psql|vacuumdb|reindexdb|redis-cli|curl|df|du|ls|lsof|ss|ps|kill|"
    r"crontab|pgbackrest|barman|wal-g|su|smartctl|openssl|certbot|nginx|dmesg|top(?= -)|mount -|"
    r"pg_(?:dump|restore|ctl|ctlcluster|lsclusters|isready|basebackup|receivewal|amcheck|checksums|verifybackup))(?= )"
)
_PROSE = (
    r"(?:says|tells|shows|lists|makes|and|or|then|where|which|that|for|as|on|in|is|are|with|to|from|if|but|it|its|of|what|"
    r"how|why|there|here|once|again|after|before|has|will|does)(?![\w-])"
)
_WORD = rf"(?:{_QUOTED}|(?!{_PROSE})(?:{_QUOTED}|[^\s\"';,()])*(?:{_QUOTED}|[^\s\"';,.:()?!]))"
_OPTION = r"-{1,2}[a-z]\S*(?<![;,.:)])"
_NOT_PLAIN = r"(?=[^\s;,()]*(?:[/._-]\w|[\d\"'/]))"
# Two plain words at most, then options and what is no plain word: a file, a URL, a name with a number in it.
_LITELIFT = rf"litelift(?: [a-z]+){{1,2}}+(?: {_OPTION}(?: {_WORD})?| {_NOT_PLAIN}{_WORD})*"
_COMMAND = re.compile(
    # SQL where a sentence gives it: at the beginning, after a colon, or after other SQL; to its semicolon.
    rf"(?:^|(?<=[:;] ))(?P<sql>{_SQL}(?:{_QUOTED}|(?!: )[^;\"'])*;)"
    # A program with words that may be its own, to where the sentence goes on.
    rf"|(?:^|(?<=[ (]))(?P<program>{_PROGRAMS}(?: {_WORD})+|{_LITELIFT})"
)


def commands(text: str) -> list[str]:
    """The commands in an English text, in their order."""
    return [match[match.lastgroup or 0] for match in _COMMAND.finditer(text)]


def pieces(text: str, typed: list[str]) -> list[tuple[bool, str]]:
    """The text, in whatever language, as runs of ``(is a command, characters)``.

    Args:
        text: in which the commands are.
        typed: the `commands` of the same text in English: a command has no language.
    """
    if not typed:
        return [(False, text)] if text else []
    pattern = "|".join(re.escape(one) for one in sorted(typed, key=len, reverse=True))
    parts = re.split(f"({pattern})", text)
    return [(number % 2 == 1, part) for number, part in enumerate(parts) if part]
