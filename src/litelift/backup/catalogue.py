"""All that is in a database, by kind: what has to be there again when it is restored."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from litelift.backup.catalogue_queries import questions
from litelift.backup.catalogue_rights import DEFAULTS, OWNERS, RIGHTS
from litelift.postgres.connect import Connection

OWNER, RIGHT = "owner", "right"
RIGHTS_KINDS = (OWNER, RIGHT)
"""The kinds that hold whose an object is, and who may do what with it."""
_NAMED = re.compile(r'(?:"(?:[^"]|"")*"|[^":]|:(?! ))*')
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def objects(connection: Connection) -> dict[str, list[str]]:
    """All that is in the database, by kind: a line for each object, sorted, with what is to be compared of it.

    Objects of the system and of extensions are left out, but not the rights on them that were changed. A line is the
    same for every version of PostgreSQL from 12 to 18: definitions, which each version words anew, are not in it; the
    text of a function is, as a digest. Names are quoted where they have anything but small letters, digits and _.
    """
    with connection.transaction():
        # What a type or a function is called must not hang on the search path.
        (path,) = connection.execute("select current_setting('search_path')").fetchone() or ("",)
        connection.execute("select set_config('search_path', 'pg_catalog', true)")
        found = {
            kind: [_line(kind, *row) for row in connection.execute(question).fetchall()]
            for kind, question in questions(connection.info.server_version).items()
        }
        found[OWNER] = [
            f"{kind} {_name(kind, schema, name, args)}: {_quoted(owner)}"
            for kind, schema, name, args, owner in connection.execute(OWNERS).fetchall()
        ]
        found[RIGHT] = [
            f"{kind} {_name(kind, schema, name, args)}: {_right(*line)}"
            for question in (RIGHTS, DEFAULTS)
            for kind, schema, name, args, lines in connection.execute(question).fetchall()
            for line in lines
        ]
        connection.execute("select set_config('search_path', %s, true)", (path,))
    return {kind: sorted(lines) for kind, lines in found.items() if lines}


def differences(before: dict[str, list[str]], after: dict[str, list[str]], *, rights: bool = True) -> list[str]:
    """How the objects after a restore are not those before, a line for each.

    Args:
        rights: False leaves out whose the objects are, and who may do what with them.
    """
    said = []
    for kind in [*before, *(kind for kind in after if kind not in before)]:
        if kind in RIGHTS_KINDS and not rights:
            continue
        was, now = Counter(before.get(kind, ())), Counter(after.get(kind, ()))
        missing, more = list((was - now).elements()), list((now - was).elements())
        changed = {_identity(line): line for line in more}
        for line in missing:
            other = changed.get(_identity(line)) if kind != RIGHT else None
            if other in more:
                more.remove(other)
                is_now = other.removeprefix(_identity(line)).removeprefix(": ") or "plain"
                was_then = line.removeprefix(_identity(line)).removeprefix(": ") or "plain"
                said.append(f"{kind} {_identity(line)} is {is_now}, and was {was_then}")
            else:
                said.append(f"{kind} {line} is missing")
        said += [f"{kind} {line} is new" for line in more]
    return said


def _identity(line: str) -> str:
    found = _NAMED.match(line)
    return found[0] if found else line


def _line(
    kind: str,
    schema: str | None,
    name: str,
    args: str | None,
    on_schema: str | None,
    on: str | None,
    details: str | None,
) -> str:
    line = _name(kind, schema, name, args)
    if on is not None:
        line += f" on {_name('', on_schema, on, None)}"
    return f"{line}: {details}" if details else line


def _name(kind: str, schema: str | None, name: str, args: str | None) -> str:
    named = _quoted(name) if schema is None else f"{_quoted(schema)}.{_quoted(name)}"
    if args is None:
        return named
    return f"{named}.{_quoted(args)}" if "column" in kind or kind == "default" else f"{named}({args})"


@lru_cache(maxsize=4096)
def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _right(grantee: str | None, privileges: str, other: str | None) -> str:
    who = "PUBLIC" if grantee is None else _quoted(grantee)
    return f"{who} {privileges}" + (f" by {_quoted(other)}" if other is not None else "")
