"""Targets and their passwords: libpq's strings are taken or refused, and no password is in what litelift writes."""

from __future__ import annotations

from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from fuzz import words
from fuzz.drawn import Drawn
from litelift.errors import UsageError
from litelift.postgres.connect import normalized
from litelift.postgres.login import where
from litelift.redact import text as hidden
from litelift.report.redact import tree

WORDS = words("""
    postgresql:// postgres:// postgresql+psycopg2:// user:pass@host:5432/db ?sslmode=require &password= host= port=5432
    dbname= user= password= passfile= ' " \\ \\' %40 %2F @ : / ? # [::1] /run/postgresql service=x options=-c
    """)
_FORMS = 6


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as a target with a password, in one of the ways to write it, or as any target.

    ``normalized`` returns what libpq reads or raises UsageError; neither the error, nor ``where``, nor the redacted
    words hold the password.
    """
    drawn = Drawn(data)
    form = drawn.below(_FORMS + 1)
    if form == _FORMS:
        _any(drawn.rest().decode("utf-8", "replace"))
        return
    user, host, database = (_word(drawn) for _ in range(3))
    # It must not be part of anything else that may be shown.
    start, rest = (raw.decode("utf-8", "ignore").replace("\0", "") for raw in (drawn.take(2), drawn.rest()))
    password = f"{start}Zq{rest}7x"
    words = _written(form, user, password, host, database)
    shown = [hidden(f"cannot reach {words} today"), str(tree({"target": words, "password": password}))]
    try:
        dsn = normalized(words)
        shown.append(where(dsn))
    except UsageError as error:
        shown.append(f"{error} {error.hint}")
    for text in shown:
        assert "Zq" not in text and "7x" not in text, f"{words!r} is told as {text!r}"


def _any(words: str) -> None:
    try:
        dsn = normalized(words)
    except UsageError:
        return
    assert conninfo_to_dict(normalized(dsn)) == conninfo_to_dict(dsn)
    assert isinstance(where(dsn), str)
    assert hidden(hidden(words)) == hidden(words)


def _word(drawn: Drawn) -> str:
    letters = "abcdefghij.-_k"
    return "h" + "".join(letters[byte % len(letters)] for byte in drawn.take(drawn.below(8)))


def _written(form: int, user: str, password: str, host: str, database: str) -> str:
    """The target with its password as libpq wants it ("Connection Strings", section 34.1.1), by six ways."""
    keyword = "'" + password.replace("\\", "\\\\").replace("'", "\\'") + "'"
    bare = "".join(f"\\{mark}" if mark in "\\'" or mark.isspace() else mark for mark in password)
    match form:
        case 0:
            return f"postgresql://{user}:{quote(password, safe='')}@{host}:5432/{database}"
        case 1:
            return f"postgresql://{user}@{host}/{database}?password={quote(password, safe='')}"
        case 2:
            return f"host={host} user={user} password={keyword} dbname={database}"
        case 3:
            return f"host={host} password = {keyword} user={user}"
        case 4:
            return f"password={bare} host={host} dbname={database}"
    # As it is, which is wrong where it holds marks of its own: it has no space then, for a URL ends there.
    raw = "".join(mark for mark in password if not mark.isspace() and mark.isprintable())
    return f"postgres://{user}:{raw}@{host}/{database}"
