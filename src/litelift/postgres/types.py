"""PostgreSQL's types as litelift names them: one frozen value for each column type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psycopg import sql

# pg_type.typname -> the words that format_type() prints (section 8 of the PostgreSQL manual, "Data Types").
DISPLAY = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "bool": "boolean",
    "float4": "real",
    "float8": "double precision",
    "varchar": "character varying",
    "bpchar": "character",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "bit": "bit",
    "varbit": "bit varying",
}

# Other words that people write in a plan file.
_SYNONYMS = {
    "int": "int4",
    "decimal": "numeric",
    "char": "bpchar",
    "nchar": "bpchar",
    "float": "float8",
    "string": "text",
}


@dataclass(frozen=True, slots=True)
class PgType:
    """A column's type.

    ``base`` is pg_type.typname of the type itself, or of a domain's base type. ``length`` is in characters (varchar,
    bpchar); ``precision`` is in digits (numeric) or decimals of a second (time types). For enums ``labels`` holds the
    labels in order; for arrays ``element`` is the element's typname. ``domain`` is the domain's name as SQL, if the
    column has one.
    """

    base: str
    kind: Literal["base", "enum", "array", "other"] = "base"
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    schema: str | None = None
    labels: tuple[str, ...] = ()
    element: str | None = None
    domain: str | None = None
    written: str | None = None

    @property
    def display(self) -> str:
        """The type in words, as format_type() prints it."""
        if self.domain or self.written:
            return self.domain or self.written or ""
        words = DISPLAY.get(self.base, self.base)
        if self.length is not None:
            return f"{words}({self.length})"
        if self.base == "numeric" and self.precision is not None:
            return f"numeric({self.precision},{self.scale or 0})"
        if self.precision is not None and words.startswith("time"):
            first, _, rest = words.partition(" ")
            return f"{first}({self.precision}) {rest}".strip()
        return words

    def sql(self) -> sql.Composable:
        """The type as SQL for a column definition or a cast."""
        if self.domain or self.written:
            # Both come from format_type() or were checked by the server when the plan was read.
            return sql.SQL(self.domain or self.written or "")
        if self.kind == "enum":
            return sql.Identifier(self.schema, self.base) if self.schema else sql.Identifier(self.base)
        return sql.SQL(self.display)


BIGINT = PgType("int8")
INTEGER = PgType("int4")
SMALLINT = PgType("int2")
BOOLEAN = PgType("bool")
DOUBLE = PgType("float8")
NUMERIC = PgType("numeric")
TEXT = PgType("text")
BYTEA = PgType("bytea")
DATE = PgType("date")
TIMESTAMP = PgType("timestamp")
TIMESTAMPTZ = PgType("timestamptz")
TIME = PgType("time")
JSONB = PgType("jsonb")
UUID = PgType("uuid")


def typname(words: str) -> str:
    """pg_type.typname for a type's words, lower-cased ("double precision" -> "float8")."""
    words = " ".join(words.lower().split())
    for name, display in DISPLAY.items():
        if words == display:
            return name
    return _SYNONYMS.get(words, words)
