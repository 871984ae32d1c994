"""The runbook's file: any bytes are a runbook, or a RunbookError that names a line of the file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fuzz import words
from litelift.cutover.read import read_runbook
from litelift.errors import RunbookError

WORDS = words("""
    [project] [source] [target] [move] [maintenance] [services] [code] [[environment]] [[health]] [archive] [backup]
    [failure] path="x" kind="existing" kind="embedded" kind="container" kind="env" kind="database-yml" kind="http"
    kind="page" kind="tcp" kind="postgres" kind="redis" kind="login" kind="crud" kind="command" name="a" url="http://a/"
    url="redis://a/" admin="dbname=a" port=1 file=".env" set={A="{url}"} remove=["A"] section="p" mode="data-only"
    schema_commands=["x"] on=[["x"]] off=["x"] stop=[] start=[] status=[200] create={a=1} headers={a="b"} user="u"
    password_env="P" when=["after"] session="a" command="x" [] {} # = . , " \\u0000 nan 1e9 true 1979-05-27
    """)
_FILE = Path(tempfile.mkdtemp(prefix="litelift-fuzz-")) / "litelift.toml"


def one(data: bytes) -> None:
    """Hold the contract for ``data`` as a runbook.

    A RunbookError names a line that there is, and says something; a runbook is the same when it is read again, and
    knows the lines of its keys.
    """
    _FILE.write_bytes(data)
    try:
        runbook = read_runbook(_FILE)
    except RunbookError as error:
        line = error.facts["line"]
        assert isinstance(line, int) and 1 <= line <= data.count(b"\n") + data.count(b"\r") + 1, line
        assert str(error.facts["message"]).strip()
        return
    again = read_runbook(_FILE).model_dump()
    assert repr(again) == repr(runbook.model_dump())
    assert str(runbook.error(("source", "path"), "told"))
