"""CREATE TABLE: columns and constraints, for what SQLite's pragmas do not tell.

The grammar is that of SQLite's parse.y, with what it lets pass: table constraints without commas between them, string
literals as names, columns without a type, a CONSTRAINT name that names nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from litelift.sqlite.ddl import KeyPart, TokenReader, read_key_parts
from litelift.sqlite.lexer import Kind, quote_string, unquote_identifier
from litelift.sqlite.schema import Check, ConflictClause, ForeignKey


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """One column as written. ``type`` keeps its words and numbers; ``default`` is SQL that means the same by itself.

    SQLite takes a bare or double-quoted word after DEFAULT for text, so that ``DEFAULT abc`` is ``'abc'`` here; TRUE,
    FALSE, NULL and the CURRENT_ words stay.
    """

    name: str
    type: str = ""
    not_null: bool = False
    default: str | None = None
    collation: str | None = None
    generated: Literal["stored", "virtual"] | None = None
    generated_sql: str | None = None


@dataclass(frozen=True, slots=True)
class KeyDefinition:
    """A PRIMARY KEY or UNIQUE constraint, of a column or of the table."""

    parts: tuple[KeyPart, ...]
    name: str | None = None
    autoincrement: bool = False


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A CREATE TABLE statement. A foreign key's ``parent_columns`` are () where the statement leaves them out."""

    name: str
    columns: tuple[ColumnDefinition, ...]
    primary_key: KeyDefinition | None = None
    uniques: tuple[KeyDefinition, ...] = ()
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    without_rowid: bool = False
    strict: bool = False
    conflicts: tuple[ConflictClause, ...] = ()


def parse_create_table(sql: str) -> TableDefinition:
    """Parse CREATE TABLE. Raises DdlError; CREATE TABLE AS SELECT is one, for sqlite_schema never holds it."""
    return _TableParser(TokenReader(sql)).parse()


_CONSTRAINT_WORDS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")
_CONFLICT_WORDS = ("ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE")
# These are names to the grammar elsewhere, but no part of a type (they are JOIN_KW and INDEXED in parse.y, not ID).
_NOT_IN_TYPES = frozenset(["CROSS", "FULL", "INDEXED", "INNER", "LEFT", "NATURAL", "OUTER", "RIGHT"])
_CONSTANT_WORDS = frozenset(["TRUE", "FALSE", "NULL", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"])
_LITERALS = (Kind.STRING, Kind.NUMBER, Kind.BLOB)


class _TableParser:
    def __init__(self, reader: TokenReader) -> None:
        self.reader = reader
        self.constraint_name: str | None = None
        self.primary_key: KeyDefinition | None = None
        self.uniques: list[KeyDefinition] = []
        self.checks: list[Check] = []
        self.foreign_keys: list[ForeignKey] = []
        self.conflicts: list[ConflictClause] = []

    def parse(self) -> TableDefinition:
        reader = self.reader
        reader.expect_words("CREATE")
        reader.accept_one_of("TEMP", "TEMPORARY")
        reader.expect_words("TABLE")
        reader.accept_words("IF", "NOT", "EXISTS")
        name = reader.qualified_name()
        reader.expect_operator("(")
        columns = [self._column()]
        in_constraints = False
        while reader.accept_operator(","):
            if self._at_constraint():
                in_constraints = True
                break
            columns.append(self._column())
        if in_constraints:
            self._table_constraints()
        reader.expect_operator(")")
        without_rowid, strict = self._options()
        reader.finish()
        return TableDefinition(
            name,
            tuple(columns),
            self.primary_key,
            tuple(self.uniques),
            tuple(self.checks),
            tuple(self.foreign_keys),
            without_rowid,
            strict,
            tuple(self.conflicts),
        )

    def _options(self) -> tuple[bool, bool]:
        without_rowid = strict = False
        if self.reader.peek() is None or self.reader.at_operator(";"):
            return without_rowid, strict
        # The grammar's list of options may begin with a comma, for it may be empty before it.
        self.reader.accept_operator(",")
        while True:
            if self.reader.accept_words("WITHOUT", "ROWID"):
                without_rowid = True
            elif self.reader.accept_words("STRICT"):
                strict = True
            else:
                raise self.reader.error("WITHOUT ROWID or STRICT")
            if not self.reader.accept_operator(","):
                return without_rowid, strict

    # ----------------------------------------------------------------- columns

    def _column(self) -> ColumnDefinition:
        self.constraint_name = None
        column = ColumnDefinition(self.reader.name(), self._type())
        while (constrained := self._column_constraint(column)) is not None:
            column = constrained
        return column

    def _type(self) -> str:
        reader = self.reader
        first = reader.place
        while (token := reader.peek()) is not None and token.is_name and token.keyword not in _NOT_IN_TYPES:
            reader.place += 1
        last = reader.place
        # SQLite's parser takes GENERATED ALWAYS for the end of the type, too; sqlite3AddColumn cuts them off.
        if [token.keyword for token in reader.tokens[max(first, last - 2) : last]] == ["GENERATED", "ALWAYS"]:
            last -= 2
        elif last > first and reader.accept_operator("("):
            self._signed_number()
            if reader.accept_operator(","):
                self._signed_number()
            reader.expect_operator(")")
            last = reader.place
        return reader.slice(first, last) if last > first else ""

    def _signed_number(self) -> None:
        if not self.reader.accept_operator("-"):
            self.reader.accept_operator("+")
        token = self.reader.peek()
        if token is None or token.kind is not Kind.NUMBER:
            raise self.reader.error("a number")
        self.reader.place += 1

    def _column_constraint(self, column: ColumnDefinition) -> ColumnDefinition | None:
        """The column with the next constraint added, or None where no constraint follows."""
        reader = self.reader
        if reader.accept_words("CONSTRAINT"):
            self.constraint_name = reader.name()
            return column
        if self._deferral():
            return column
        own_part = (KeyPart(column.name, column.name),)
        first = reader.place
        word = reader.accept_one_of(
            "DEFAULT", "NULL", "NOT", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "COLLATE", "GENERATED", "AS"
        )
        if word is None:
            return None
        name = self._take_name()
        if word == "COLLATE":
            return replace(column, collation=reader.name())
        if word == "DEFAULT":
            return replace(column, default=self._default())
        if word == "GENERATED":
            reader.expect_words("ALWAYS", "AS")
            return self._generated(column)
        if word == "AS":
            return self._generated(column)
        if word == "NOT":
            reader.expect_words("NULL")
            self._conflict(first, column.name)
            return replace(column, not_null=True)
        if word == "PRIMARY":
            reader.expect_words("KEY")
            descending = reader.accept_one_of("ASC", "DESC") == "DESC"
            self._conflict(first, column.name)
            part = replace(own_part[0], descending=descending)
            self.primary_key = KeyDefinition((part,), name, reader.accept_words("AUTOINCREMENT"))
        elif word == "UNIQUE":
            self._conflict(first, column.name)
            self.uniques.append(KeyDefinition(own_part, name))
        elif word == "CHECK":
            self.checks.append(Check(reader.parenthesised(), name))
        elif word == "REFERENCES":
            self._references((column.name,), name)
        else:
            self._conflict(None)
        return column

    def _default(self) -> str:
        reader = self.reader
        if reader.at_operator("("):
            return reader.parenthesised()
        first = reader.place
        signed = reader.accept_operator("-") or reader.accept_operator("+")
        token = reader.take()
        if token.kind in _LITERALS or token.keyword in _CONSTANT_WORDS:
            return reader.slice(first, reader.place)
        if signed or not token.is_name:
            reader.place -= 1
            raise reader.error("a value after DEFAULT")
        return quote_string(unquote_identifier(token.text))

    def _generated(self, column: ColumnDefinition) -> ColumnDefinition:
        sql = self.reader.parenthesised()
        stored = self.reader.accept_one_of("STORED", "VIRTUAL") == "STORED"
        return replace(column, generated="stored" if stored else "virtual", generated_sql=sql)

    # ----------------------------------------------------------------- constraints of the table

    def _at_constraint(self) -> bool:
        token = self.reader.peek()
        return token is not None and token.keyword in _CONSTRAINT_WORDS

    def _table_constraints(self) -> None:
        self.constraint_name = None
        while True:
            if not self._at_constraint():
                raise self.reader.error("a table constraint")
            self._table_constraint()
            if self.reader.accept_operator(","):
                self.constraint_name = None
            elif not self._at_constraint():
                return

    def _table_constraint(self) -> None:
        reader = self.reader
        first = reader.place
        word = reader.take().keyword
        if word == "CONSTRAINT":
            self.constraint_name = reader.name()
            return
        name = self._take_name()
        if word == "PRIMARY":
            reader.expect_words("KEY")
            parts, autoincrement = read_key_parts(reader)
            self.primary_key = KeyDefinition(parts, name, autoincrement)
            self._conflict(first)
        elif word == "UNIQUE":
            self.uniques.append(KeyDefinition(read_key_parts(reader)[0], name))
            self._conflict(first)
        elif word == "CHECK":
            self.checks.append(Check(reader.parenthesised(), name))
            self._conflict(first)
        else:
            reader.expect_words("KEY")
            columns = self._column_names()
            reader.expect_words("REFERENCES")
            self._references(columns, name)
            self._deferral()

    def _take_name(self) -> str | None:
        name, self.constraint_name = self.constraint_name, None
        return name

    def _conflict(self, first: int | None, column: str = "") -> None:
        """Read ON CONFLICT; ``first`` is the constraint's first token (None where the clause has no effect)."""
        if not self.reader.accept_words("ON", "CONFLICT"):
            return
        algorithm = self.reader.accept_one_of(*_CONFLICT_WORDS)
        if algorithm is None:
            raise self.reader.error("a word such as ABORT")
        if first is None:
            return
        words = f"{column} {self.reader.slice(first, self.reader.place)}".strip()
        self.conflicts.append(ConflictClause(algorithm, words))

    def _column_names(self) -> tuple[str, ...]:
        place = self.reader.place
        names: list[str] = []
        for part in read_key_parts(self.reader)[0]:
            if part.column is None:
                self.reader.place = place
                raise self.reader.error("names of columns")
            names.append(part.column)
        return tuple(names)

    def _references(self, columns: tuple[str, ...], name: str | None) -> None:
        reader = self.reader
        parent = reader.name()
        parent_columns = self._column_names() if reader.at_operator("(") else ()
        actions = {"DELETE": "NO ACTION", "UPDATE": "NO ACTION"}
        while True:
            if reader.accept_words("MATCH"):
                reader.name()
            elif reader.accept_words("ON"):
                event = reader.accept_one_of("DELETE", "UPDATE", "INSERT")
                if event is None:
                    raise reader.error("DELETE or UPDATE")
                actions[event] = self._action()
            else:
                break
        self.foreign_keys.append(
            ForeignKey(columns, parent, parent_columns, name, actions["DELETE"], actions["UPDATE"])
        )

    def _action(self) -> str:
        for words in (("SET", "NULL"), ("SET", "DEFAULT"), ("NO", "ACTION"), ("CASCADE",), ("RESTRICT",)):
            if self.reader.accept_words(*words):
                return " ".join(words)
        raise self.reader.error("an action such as CASCADE")

    def _deferral(self) -> bool:
        """Step over [NOT] DEFERRABLE ...; it tells of the foreign key before it, even one of an earlier column."""
        reader = self.reader
        negated = reader.accept_words("NOT", "DEFERRABLE")
        if not negated and not reader.accept_words("DEFERRABLE"):
            return False
        deferred = False
        if reader.accept_words("INITIALLY"):
            when = reader.accept_one_of("DEFERRED", "IMMEDIATE")
            if when is None:
                raise reader.error("DEFERRED or IMMEDIATE")
            deferred = when == "DEFERRED"
        if self.foreign_keys:
            last = self.foreign_keys[-1]
            self.foreign_keys[-1] = replace(last, deferrable=not negated, initially_deferred=deferred and not negated)
        return True
