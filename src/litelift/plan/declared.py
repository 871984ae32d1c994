"""What a declared type means: the family that its words belong to.

SQLite takes any words as a type and derives only an affinity from them ("Datatypes In SQLite", section 3.1); people
write what they know from other databases. A family is what they meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from litelift.sqlite.schema import Affinity, affinity_of

Family = Literal[
    "none",
    "boolean",
    "flag",
    "smallint",
    "tinyint",
    "mediumint",
    "integer",
    "real",
    "decimal",
    "varchar",
    "text",
    "bytes",
    "date",
    "timestamp",
    "time",
    "json",
    "uuid",
]

_WORDS: dict[str, Family] = {
    "any": "none",
    "boolean": "boolean",
    "bool": "boolean",
    "json": "json",
    "jsonb": "json",
    "uuid": "uuid",
    "guid": "uuid",
    "uniqueidentifier": "uuid",
    "date": "date",
    "datetime": "timestamp",
    "datetime2": "timestamp",
    "smalldatetime": "timestamp",
    "datetimeoffset": "timestamp",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
    "timestamp with time zone": "timestamp",
    "timestamp without time zone": "timestamp",
    "datetime with time zone": "timestamp",
    "time": "time",
    "time without time zone": "time",
    "real": "real",
    "double": "real",
    "double precision": "real",
    "float": "real",
    "floating point": "real",
    "float4": "real",
    "float8": "real",
    "decimal": "decimal",
    "dec": "decimal",
    "numeric": "decimal",
    "num": "decimal",
    "fixed": "decimal",
    "smallmoney": "decimal",
    "number": "decimal",
    "money": "decimal",
    "currency": "decimal",
    "char": "varchar",
    "bpchar": "varchar",
    "char varying": "varchar",
    "national character": "varchar",
    "national char": "varchar",
    "national varchar": "varchar",
    "varchar": "varchar",
    "varchar2": "varchar",
    "nvarchar": "varchar",
    "nvarchar2": "varchar",
    "nchar": "varchar",
    "character": "varchar",
    "native character": "varchar",
    "varying character": "varchar",
    "character varying": "varchar",
    "national character varying": "varchar",
    "text": "text",
    "clob": "text",
    "nclob": "text",
    "ntext": "text",
    "tinytext": "text",
    "mediumtext": "text",
    "longtext": "text",
    "longvarchar": "text",
    "string": "text",
    "citext": "text",
    "xml": "text",
    "enum": "text",
    "set": "text",
    "blob": "bytes",
    "tinyblob": "bytes",
    "mediumblob": "bytes",
    "longblob": "bytes",
    "binary": "bytes",
    "varbinary": "bytes",
    "longvarbinary": "bytes",
    "bytea": "bytes",
    "image": "bytes",
    "raw": "bytes",
    "long raw": "bytes",
    "binary large object": "bytes",
    "smallint": "smallint",
    "int2": "smallint",
    "tinyint": "tinyint",
    "int1": "tinyint",
    "mediumint": "mediumint",
    "int3": "mediumint",
    "int": "integer",
    "int4": "integer",
    "int8": "integer",
    "int16": "integer",
    "int32": "integer",
    "int64": "integer",
    "integer": "integer",
    "bigint": "integer",
    "big int": "integer",
    "long": "integer",
    "serial": "integer",
    "smallserial": "integer",
    "bigserial": "integer",
    "year": "integer",
    "point": "none",
    "multipoint": "none",
    "interval": "none",
}
# What a word that is not listed means, by the rules of its affinity; NUMERIC affinity means nothing in particular.
_AFFINITIES: dict[Affinity, Family] = {
    Affinity.INTEGER: "integer",
    Affinity.TEXT: "text",
    Affinity.BLOB: "bytes",
    Affinity.REAL: "real",
    Affinity.NUMERIC: "none",
}
_TYPE = re.compile(r"([^()]*+)(?:\(([^()]*+)\))?([^()]*+)")
_MOST_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared type: its family, and its arguments (characters; or digits and decimals)."""

    family: Family
    arguments: tuple[int, ...] = ()


def read_declared(words: str) -> Declared:
    """The family of a declared type, in any case and with any arguments ("double unsigned", "varchar(10)")."""
    found = _TYPE.fullmatch(words)
    if not found:
        return Declared("none")
    head = " ".join(f"{found[1]} {found[3]}".lower().split())
    for extra in ("unsigned", "signed", "zerofill", "identity", "auto_increment"):
        head = " ".join(word for word in head.split() if word != extra) or head
    arguments = tuple(int(part[:_MOST_DIGITS]) for part in re.findall(r"(?<![\w.])-?\d+(?![\w.])", found[2] or ""))
    family = _WORDS.get(head) or (_AFFINITIES[affinity_of(head)] if head else "none")
    if (family == "tinyint" and arguments == (1,)) or (head == "bit" and arguments in ((), (1,))):
        return Declared("flag")
    return Declared(family, arguments)
