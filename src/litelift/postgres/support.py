"""What a move may need in litelift's own schema beside functions: collations and text search configurations."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable

from psycopg import sql

from litelift.postgres.connect import Connection

COLLATIONS = {"C": sql.SQL('collate "C"'), "nocase": sql.SQL("collate litelift.nocase")}
"""The clause of each collation that a plan's column may have."""

# One statement for each, with nothing of the source in it. Not "create ... if not exists": few of them know it.
_STATEMENTS: dict[str, tuple[str, ...]] = {
    # SQLite's tokenizer "porter" knows no stop words ("SQLite FTS5 Extension", section 4.3.3).
    "porter": (
        "create text search dictionary litelift.porter (template = pg_catalog.snowball, language = porter)",
        "create text search configuration litelift.porter (copy = pg_catalog.simple)",
        "alter text search configuration litelift.porter alter mapping for"
        " asciiword, asciihword, hword_asciipart, word, hword, hword_part with litelift.porter",
    ),
}
_PRESENT = """
    select from pg_ts_config c join pg_namespace n on n.oid = c.cfgnamespace
    where n.nspname = 'litelift' and c.cfgname = %(name)s
    union all
    select from pg_collation c join pg_namespace n on n.oid = c.collnamespace
    where n.nspname = 'litelift' and c.collname = %(name)s
"""

_RULES_VERSION = 160000
"""CREATE COLLATION has RULES from PostgreSQL 16 on."""


def _nocase(version: int) -> str:
    """The collation that is nearest to SQLite's NOCASE.

    Its rules make A to Z equal to a to z ("ICU Tailoring Rules", section 24.2.3.4 of the PostgreSQL manual). What is
    canonically equivalent is equal too, so that letters with accents are put apart again, one by one. Before PostgreSQL
    16 there are no rules, and the second level of comparison passes over the case of every letter.
    """
    if version < _RULES_VERSION:
        return "create collation litelift.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    rules = [f"&{letter}={letter.upper()}" for letter in string.ascii_lowercase]
    for code in range(0x80, 0x3000):
        parts = unicodedata.normalize("NFD", chr(code))
        if parts[1:] and parts[0] in string.ascii_uppercase and unicodedata.is_normalized("NFC", chr(code)):
            lower = unicodedata.normalize("NFC", parts[0].lower() + parts[1:])
            rules.append(f"&{lower}<<<{chr(code)}")
    return (
        "create collation litelift.nocase (provider = icu, locale = 'und', deterministic = false, "
        f"rules = '{''.join(rules)}')"
    )


def make_support(connection: Connection, names: Iterable[str]) -> None:
    """Make what is named and not there yet."""
    for name in sorted(names):
        if connection.execute(_PRESENT, {"name": name}).fetchone() is None:
            statements = (_nocase(connection.info.server_version),) if name == "nocase" else _STATEMENTS[name]
            for statement in statements:
                connection.execute(statement)
