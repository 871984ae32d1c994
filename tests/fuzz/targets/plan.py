"""The plan file: any bytes are a plan, or a PlanFileError that names a line of the file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fuzz import words
from litelift.errors import PlanFileError
from litelift.plan.file import read_plan

WORDS = words("""
    [defaults] [tables.a] [tables.a.columns.b] [tables."a.b"] identifiers="preserve" identifiers="lower"
    on_misfit="auto" schema="public" missing_tables="fail" nocase="auto" name="x" where="a>1" exclude=true
    bookkeeping=false
    type="text" type="numeric(10,2)" type="varchar(3)" type="timestamp(0)" values={"a"="b"} unmapped="keep"
    match="casefold" locale="az" enum="e" 'x' '''x''' 1979-05-27T07:32:00Z 0x1F 1e9 inf nan true [] {} # = . , " \\u0000
    """)
_FILE = Path(tempfile.mkdtemp(prefix="litelift-fuzz-")) / "plan.toml"


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as a plan file.

    A PlanFileError names a line that there is, and says something; a plan is the same when it is read again, and every
    type in it was understood.
    """
    _FILE.write_bytes(data)
    try:
        plan = read_plan(_FILE)
    except PlanFileError as error:
        line = error.facts["line"]
        assert isinstance(line, int) and 1 <= line <= data.count(b"\n") + data.count(b"\r") + 1, line
        assert str(error.facts["message"]).strip()
        assert str(error)
        return
    assert read_plan(_FILE) == plan
    for name, table in plan.tables.items():
        assert plan.table(name) is table
        for column, decided in table.columns.items():
            assert (decided.type is None) == (decided.pg_type is None)
            assert (decided.values is None) == (plan.value_map(name, column) is None or decided.values is None)
            assert str(plan.error(("tables", name, "columns", column), "told"))
