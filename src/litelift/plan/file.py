"""The plan file: what a person decided about a move, in TOML, checked to the last key before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from litelift.errors import PlanFileError
from litelift.plan.against import mismatches
from litelift.plan.names import SYSTEM_COLUMNS
from litelift.plan.typewords import is_built_in, parse_type
from litelift.plan.valuemap import ValueMap, fold
from litelift.postgres.types import PgType
from litelift.sqlite.schema import Schema
from litelift.tomlfile.problems import ascii_lower, combined, find, line_of, section_words
from litelift.tomlfile.read import Form, read

__all__ = ["ColumnPlan", "Defaults", "PlanFile", "TablePlan", "parse_type", "read_plan"]

OnMisfit = Literal["auto", "widen", "quarantine", "fail"]

_NAME_BYTES = 63  # NAMEDATALEN - 1: PostgreSQL would cut a longer name without an error.
_LOCALE = re.compile(r"([a-z]{2})(?:[-_][A-Za-z]{2,4})*(?:\.[A-Za-z0-9-]+)?")


def _name(name: str) -> str:
    if not name:
        raise ValueError("expected a name; got nothing between the quotes")
    if "\0" in name:
        raise ValueError("a name in PostgreSQL cannot hold a NUL character")
    if len(name.encode()) > _NAME_BYTES:
        raise ValueError(f"{name!r} has {len(name.encode())} bytes; a name in PostgreSQL has at most {_NAME_BYTES}")
    return name


def _schema_name(name: str) -> str:
    if name == "litelift":
        raise ValueError("the schema 'litelift' holds litelift's own tables; name another")
    if name.startswith("pg_") or name == "information_schema":
        raise ValueError(f"the schema {name!r} belongs to PostgreSQL itself; name another")
    return _name(name)


def _type_words(words: str) -> str:
    parse_type(words)
    return words


def _filter(words: str) -> str:
    if not words.strip() or "\0" in words:
        raise ValueError('expected a condition in SQLite\'s SQL, such as "deleted_at is null"')
    return words


def _locale(name: str) -> str:
    if not _LOCALE.fullmatch(name):
        raise ValueError(f"{name!r} is not a locale; expected a language of two letters, such as 'az', 'tr' or 'en'")
    return name


def _about(key: str, said: str) -> PydanticCustomError:
    """A finding of a whole section's validator that belongs to one of its keys."""
    return PydanticCustomError("about", "{said}", {"key": key, "said": said})


Name = Annotated[str, AfterValidator(_name)]


class _Section(BaseModel):
    # Strict: "true" is not true, and 1 is not "1". Frozen: what was checked stays what it was.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Defaults(_Section):
    """``[defaults]``: what holds where a table or column does not say otherwise."""

    identifiers: Literal["preserve", "lower"] = "preserve"
    on_misfit: OnMisfit = "auto"
    schema_name: Annotated[str, AfterValidator(_schema_name)] = Field(default="public", alias="schema")
    missing_tables: Literal["fail", "create", "skip"] = "fail"
    nocase: Literal["auto", "collation", "index"] = "auto"


def _column_name(name: str) -> str:
    if name in SYSTEM_COLUMNS:
        raise ValueError(f"{name!r} is one of PostgreSQL's own columns; name another")
    return name


class ColumnPlan(_Section):
    """``[tables.NAME.columns.COLUMN]``: what was decided about one column."""

    name: Annotated[Name, AfterValidator(_column_name)] | None = None
    type: Annotated[str, AfterValidator(_type_words)] | None = None
    values: dict[str, str] | None = None
    unmapped: Literal["fail", "keep", "quarantine"] = "fail"
    match: Literal["exact", "casefold"] = "exact"
    locale: Annotated[str, AfterValidator(_locale)] | None = None
    enum: Name | None = None
    exclude: bool = False
    on_misfit: OnMisfit | None = None

    _found_type: PgType | None = PrivateAttr(default=None)

    @property
    def pg_type(self) -> PgType | None:
        """The type that the plan asks for. ``kind`` is "other" where only the server knows it, and was not asked."""
        if self._found_type is not None:
            return self._found_type
        return parse_type(self.type) if self.type is not None else None

    @property
    def language(self) -> str | None:
        """The locale's language, in two letters ("az" of "az_AZ.UTF-8")."""
        return self.locale[:2] if self.locale else None

    @property
    def value_map(self) -> ValueMap | None:
        """The column's value map, if it has one."""
        if self.values is None:
            return None
        return ValueMap(dict(self.values), self.unmapped, self.match, self.language)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (
            self.enum is not None
            and self.pg_type is not None
            and self.pg_type.base not in ("text", "varchar", "bpchar")
        ):
            raise _about("enum", f"enum makes a type of its own; type = {self.type!r} beside it says something else")
        for new in (self.values or {}).values():
            if "\0" in new:
                raise _about("values", f"PostgreSQL's text cannot hold the NUL character of {new!r}")
        if self.match == "casefold":
            self._refuse_collisions()
        return self

    def _refuse_collisions(self) -> None:
        seen: dict[str, str] = {}
        for old, new in (self.values or {}).items():
            other = seen.setdefault(fold(old, self.language), old)
            if (self.values or {})[other] != new:
                said = f"{other!r} and {old!r} are one without regard to case, and have two new values"
                raise _about("values", said)


class TablePlan(_Section):
    """``[tables.NAME]``: what was decided about one table."""

    name: Name | None = None
    where: Annotated[str, AfterValidator(_filter)] | None = None
    exclude: bool = False
    bookkeeping: bool | None = None
    """Whether this is a migration tool's own table, whose rows in the target stay. None: known by its name."""
    columns: dict[str, ColumnPlan] = Field(default_factory=dict)

    def column(self, name: str) -> ColumnPlan:
        """What was decided about the column ``name`` (its name in SQLite); an empty ColumnPlan where nothing was."""
        return find(self.columns, name) or _UNDECIDED_COLUMN


_UNDECIDED_COLUMN = ColumnPlan()
_UNDECIDED_TABLE = TablePlan()


class PlanFile(_Section):
    """A whole plan. ``PlanFile()`` is the plan in which nothing was decided."""

    defaults: Defaults = Field(default_factory=Defaults)
    tables: dict[str, TablePlan] = Field(default_factory=dict)

    _path: Path | None = PrivateAttr(default=None)
    _lines: dict[tuple[str | int, ...], int] = PrivateAttr(default_factory=dict)
    _folded: dict[str, TablePlan] = PrivateAttr(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """The file that the plan was read from."""
        return self._path

    def table(self, name: str) -> TablePlan:
        """What was decided about the table ``name`` (its name in SQLite); an empty TablePlan where nothing was."""
        found = self.tables.get(name)
        if found is not None or not self.tables:
            return found or _UNDECIDED_TABLE
        if not self._folded:
            self._folded = {ascii_lower(written): section for written, section in reversed(self.tables.items())}
        return self._folded.get(ascii_lower(name), _UNDECIDED_TABLE)

    def column(self, table: str, column: str) -> ColumnPlan:
        """What was decided about ``column`` of ``table``, by their names in SQLite."""
        return self.table(table).column(column)

    def value_map(self, table: str, column: str) -> ValueMap | None:
        """The value map of ``column`` of ``table``, if it has one."""
        return self.column(table, column).value_map

    def on_misfit(self, table: str, column: str) -> OnMisfit:
        """What happens to values of ``column`` that do not fit: the column's own word, else the default's."""
        return self.column(table, column).on_misfit or self.defaults.on_misfit

    def error(self, keys: Iterable[str | int], message: str) -> PlanFileError:
        """An error to raise about the place that ``keys`` lead to: ("tables", "users", "columns", "id", "type").

        The names in it may be SQLite's, in another case than the file's. A key that is not in the file means the
        nearest table that is.
        """
        return PlanFileError(path=self._path or "plan", line=line_of(self._lines, tuple(keys)), message=message)

    def find_types(self, find: Callable[[PgType], PgType | None]) -> None:
        """Ask the server (``find``) what the types are that are not built in.

        Raises PlanFileError, with its line, for one that the server does not have.
        """
        for table, section in self.tables.items():
            for name, column in section.columns.items():
                asked = parse_type(column.type) if column.type is not None else None
                if asked is None or is_built_in(asked):
                    continue
                found = find(asked)
                if found is None:
                    keys = ("tables", table, "columns", name, "type")
                    raise self.error(keys, f"type = {column.type!r}: the target has no such type")
                column._found_type = found

    def check_against(self, schema: Schema) -> None:
        """Raise PlanFileError for every table and column that the plan names and ``schema`` does not have.

        SQLite's names are compared without regard to ASCII case, as SQLite compares them.
        """
        problems = sorted(mismatches(self, schema), key=lambda p: line_of(self._lines, p.keys))
        if problems:
            raise combined(PlanFileError, self._path or "plan", self._lines, problems)


def read_plan(path: Path) -> PlanFile:
    """The plan in the TOML file ``path``.

    Raises PlanFileError, with the line and the nearest right word, for anything in it that is not understood, and
    UsageError where there is no such file.
    """
    plan, lines = read(_FORM, path)
    plan._path = path
    plan._lines = lines
    return plan


def _elsewhere(model: type[BaseModel], keys: tuple[str | int, ...], got: object) -> str | None:
    if not isinstance(got, dict):
        return None
    if model is PlanFile:
        return f"a table is written {section_words(('tables', keys[-1]))}"
    if model is TablePlan:
        return f"a column is written {section_words((*keys[:-1], 'columns', keys[-1]))}"
    return None


_FORM = Form(
    PlanFile,
    "plan file",
    "Check the path, or make a plan with: litelift plan SRC -o plan.toml",
    PlanFileError,
    ((Defaults, "[defaults]"), (TablePlan, "[tables.NAME]"), (ColumnPlan, "[tables.NAME.columns.COLUMN]")),
    _elsewhere,
)
