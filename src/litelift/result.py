"""What a command returns: typed, documented, and the same in Python, in --json and in the report."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class Notice(BaseModel):
    """Something told. ``attention`` needs a person (exit 3); ``info`` is only said. ``key`` names a row."""

    level: Literal["info", "attention"] = "info"
    kind: str
    message: str
    table: str | None = None
    column: str | None = None
    key: dict[str, Any] | None = None


class Untranslated(BaseModel):
    """An object that was not carried: its SQL as SQLite has it, and why."""

    kind: str
    name: str
    sql: str
    reason: str


class Quarantined(BaseModel):
    """A value (or, where ``column`` is None, a whole row) kept aside. ``original`` is printable; blobs are hex."""

    table: str
    column: str | None
    key: dict[str, Any]
    original: str
    storage_class: str
    reason: str
    stands_in: str | None = None


class TableResult(BaseModel):
    """The accounting of one table: ``source_rows = loaded + quarantined_rows`` (+ ``filtered_rows`` of the file).

    ``form`` says by which path its rows were written for COPY, and in which format.
    """

    source: str
    target: str
    source_rows: int
    loaded: int
    quarantined_rows: int = 0
    quarantined_values: int = 0
    filtered_rows: int = 0
    replaced_rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    form: str = ""

    @property
    def balanced(self) -> bool:
        """Whether every source row is accounted for."""
        return self.source_rows == self.loaded + self.quarantined_rows


class Difference(BaseModel):
    """One difference: a changed value (``column`` named), or a row on one side only. None stands for NULL."""

    table: str
    kind: Literal["changed", "missing", "extra"]
    key: dict[str, Any]
    column: str | None = None
    source: str | None = None
    target: str | None = None


class TableProof(BaseModel):
    """One table compared by content. ``total_differences`` counts all; ``differences`` may hold fewer."""

    source: str
    target: str
    source_rows: int
    target_rows: int
    quarantined_rows: int = 0
    quarantined_values: int = 0
    equal: bool
    total_differences: int = 0
    differences: list[Difference] = Field(default_factory=list)
    seconds: float = 0.0


class SequenceProof(BaseModel):
    """A sequence: the next value that it gives, and the least that the data allows."""

    name: str
    table: str | None
    column: str | None
    next_value: int | None
    expected: int
    ok: bool


class ObjectProof(BaseModel):
    """Constraints or indexes of one kind: how many were due, how many are there, and which are missing."""

    kind: str
    expected: int
    present: int
    missing: list[str] = Field(default_factory=list)


class Proof(BaseModel):
    """The whole proof. ``ok`` says that no table differs, no sequence is behind, and no object is missing."""

    tables: list[TableProof] = Field(default_factory=list)
    sequences: list[SequenceProof] = Field(default_factory=list)
    objects: list[ObjectProof] = Field(default_factory=list)
    notices: list[Notice] = Field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return (
            all(t.equal for t in self.tables)
            and all(s.ok for s in self.sequences)
            and not any(o.missing for o in self.objects)
        )


class UndoneTable(BaseModel):
    """A table that a run made and that an undo removes.

    ``made_as`` is its name when it was made; ``moved`` counts the rows that the run loaded, ``present`` those that are
    there (None where they were not counted).
    """

    schema_name: str
    name: str
    made_as: str
    moved: int
    present: int | None = None
    bytes: int = 0

    @property
    def changed(self) -> bool:
        """Whether it holds more or fewer rows than were moved."""
        return self.present is not None and self.present != self.moved


class UndoResult(BaseModel):
    """What an undo removes, as it is told before, and whether it was ``removed``.

    ``dropped`` are tables that were gone already. The schema stays (``schema_goes`` is false) where the run did not
    make it, or where it holds something else (``schema_holds``). The ``quarantined`` values and rows go too.
    """

    run_id: str
    litelift_version: str
    source: str
    started: datetime
    finished: datetime | None
    state: Literal["unfinished", "half removed", "proved", "differs"]
    database: str
    schema_name: str
    schema_goes: bool
    schema_holds: list[str] = Field(default_factory=list)
    tables: list[UndoneTable] = Field(default_factory=list)
    views: list[str] = Field(default_factory=list)
    types: list[str] = Field(default_factory=list)
    functions: list[str] = Field(default_factory=list)
    dropped: list[str] = Field(default_factory=list)
    quarantined: int = 0
    removed: bool = False

    @property
    def finished_run(self) -> bool:
        """Whether the run had ended by itself, so that its tables may be in use."""
        return self.state in ("proved", "differs")

    @property
    def rows(self) -> int:
        """The rows that the run loaded."""
        return sum(table.moved for table in self.tables)

    @property
    def bytes(self) -> int:
        """What its tables and their indexes take on the server's disk."""
        return sum(table.bytes for table in self.tables)

    @property
    def exit_code(self) -> int:
        """0 removed, 1 not."""
        return 0 if self.removed else 1


class Step(BaseModel):
    """One step of the move, as the timeline shows it. ``seconds`` is wall time."""

    name: str
    title: str
    started: datetime
    seconds: float
    detail: str = ""


class SourceInfo(BaseModel):
    """The file that was moved. ``bytes`` includes its write-ahead log."""

    path: str
    bytes: int
    sqlite_version: str
    encoding: str
    journal_mode: str
    page_size: int
    tables: int
    rows: int


class TargetInfo(BaseModel):
    """Where it went. Never holds a password."""

    display: str
    host: str
    port: int
    database: str
    user: str
    schema_name: str
    server_version: str
    bytes: int
    embedded: bool = False
    embedded_folder: str | None = None
    icu: bool = False


class MigrationResult(BaseModel):
    """A whole move, from which every form of the report is made."""

    run_id: str
    litelift_version: str
    mode: Literal["whole", "data-only"]
    started: datetime
    finished: datetime
    source: SourceInfo
    target: TargetInfo
    steps: list[Step] = Field(default_factory=list)
    tables: list[TableResult] = Field(default_factory=list)
    notices: list[Notice] = Field(default_factory=list)
    quarantined: list[Quarantined] = Field(default_factory=list)
    quarantined_total: int = 0
    untranslated: list[Untranslated] = Field(default_factory=list)
    proof: Proof = Field(default_factory=Proof)
    configuration: dict[str, Any] = Field(default_factory=dict)
    peak_memory_bytes: int = 0

    @property
    def exit_code(self) -> int:
        """0 moved and proved; 3 also something for a person; 1 the proof found a difference."""
        found = {proof.source: proof.target_rows for proof in self.proof.tables}
        agreed = all(found.get(table.source, table.loaded) == table.loaded for table in self.tables)
        if not agreed or not self.proof.ok or not all(table.balanced for table in self.tables):
            return 1
        attention = any(notice.level == "attention" for notice in [*self.notices, *self.proof.notices])
        uncompared = any(table.source not in found for table in self.tables)
        return 3 if attention or uncompared or self.quarantined_total or self.untranslated else 0
