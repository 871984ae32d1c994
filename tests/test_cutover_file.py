"""The runbook's file: what it says is read exactly; what it says wrongly is told with its line and the right word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from broken import one_clear_error
from command import litelift
from litelift.cutover.documented import documented
from litelift.cutover.read import read_runbook
from litelift.cutover.settings import ContainerTarget, Runbook
from litelift.errors import RunbookError, UsageError
from litelift.tomlfile.shape import sections
from runbook_reference import PAGE, page

HEAD = '[source]\npath = "db.sqlite3"\n[target]\nkind = "embedded"\n'
"""Four lines that a file needs."""


@pytest.fixture
def runbook(tmp_path: Path) -> Callable[[str], Runbook]:
    """Read a runbook from a text."""

    def read(text: str) -> Runbook:
        path = tmp_path / "litelift.toml"
        path.write_text(dedent(text), encoding="utf-8")
        return read_runbook(path)

    return read


def refused(read: Callable[[str], Runbook], text: str) -> tuple[int, str]:
    """The line and message with which a text is refused."""
    with pytest.raises(RunbookError) as caught:
        read(text)
    assert caught.value.exit_code == 2
    assert "litelift cutover init" in caught.value.hint
    assert "litelift.toml:" in str(caught.value)
    line = caught.value.facts["line"]
    assert isinstance(line, int)
    return line, str(caught.value)


def test_a_runbook_is_read_with_its_place(runbook: Callable[[str], Runbook], tmp_path: Path) -> None:
    made = runbook("""
        [project]
        name = "atis"
        folder = "app"
        [source]
        path = "sqlite:///db.sqlite3"
        [target]
        kind = "container"
        port = 5433
        [move]
        mode = "data-only"
        schema_commands = ["python manage.py migrate", ["python", "manage.py", "check"]]
        [[environment]]
        file = ".env"
        set = { DATABASE_URL = "{url}", NOTE = "{anything} and ${PORT}" }
        [[environment]]
        file = "config/database.yml"
        kind = "database-yml"
        set.adapter = "postgresql"
        [[health]]
        name = "port"
        kind = "tcp"
        port = 8000
    """)
    assert isinstance(made.target, ContainerTarget)
    assert made.target.port == 5433
    assert made.source_path == (tmp_path / "app" / "db.sqlite3").resolve()
    assert made.path == (tmp_path / "litelift.toml").resolve()
    assert made.move.schema_commands[1] == ["python", "manage.py", "check"]
    assert [file.set for file in made.environment][1] == {"adapter": "postgresql"}
    assert made.error(("environment", 1, "file"), "x").facts["line"] == 17


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "there is no table [source] in the file's top level, and it is needed"),
        ("[source]\n[target]\nkind = 'embedded'", 1, "there is no key 'path' in [source]"),
        ("[source]\npath = 'x'\n\n[target]\nversion = 16", 4, "there is no key 'kind' in [target]"),
        ("[source]\npath = 'x'\n[target]\nkind = 'contaner'", 4, "did you mean 'container'?"),
        ("[source]\npath = ' '\n[target]\nkind = 'embedded'", 2, "expected the path of the SQLite file"),
        ("[source]\npath = 'x'\n[target]\nkind = 'existing'", 3, "either admin"),
        (
            HEAD + "image = 'x'",
            5,
            'belongs under [target] with kind = "container"',
        ),
        (HEAD + "[code]\nservice = 'x'", 6, 'it belongs under [target] with kind = "container"'),
        (HEAD + "[code]\nrole = 'x'", 6, "it belongs under [target]"),
        (HEAD + "verson = 18", 5, "did you mean 'version'?"),
        (HEAD + "version = 17", 5, "expected 16 or 18"),
        (HEAD + "[helth]\nname = 'x'", 5, "did you mean 'health'?"),
        (HEAD + "[servces]\nstart = []", 5, "did you mean 'services'?"),
        (HEAD + "after_switch = 'stop'\n", 5, "it belongs under [failure]"),
        (HEAD + "[failure]\nafter_switch = 'stopp'", 6, "did you mean 'stop'?"),
        (HEAD + "[project]\ncommand_timeout = '9'", 6, "expected a number; got '9'"),
        (HEAD + "[project]\ncommand_timeout = 0", 6, "expected more than 0; got 0"),
        (HEAD + "[archive]\nkeep_days = 0.5", 6, "expected a whole number"),
        (HEAD + "[maintenance]\non = 'php artisan down'", 6, "expected an array"),
        (
            HEAD + "[maintenance]\non = [\n  'a',\n  3,\n]\noff = ['b']",
            8,
            "text in quotes or an array, such as [ ... ]; got 3",
        ),
        (HEAD + "[maintenance]\non = [\n  'a',\n  ['b', 4],\n]", 8, "maintenance.on: expected text in quotes; got 4"),
        (HEAD + "[maintenance]\nheaders = { a = 1 }", 6, "maintenance.headers.a: expected text in quotes"),
        (
            HEAD + "[[health]]\nname='a'\nkind='tcp'\nport=1\n[[health]]\nname='b'\nkind='tcp'\nport=2\nhots='x'",
            13,
            "'host'?",
        ),
        (
            HEAD + "[[health]]\nname='a'\nkind='tcp'\nport=1\n[[health]]\nname='b'\nkind='tpc'",
            11,
            "did you mean 'tcp'?",
        ),
        (
            HEAD + "[[health]]\nname='a'\nkind='tcp'\nport=1\n[[health]]\nname='b'\nkind='tcp'",
            9,
            "no key 'port' in [[health]]",
        ),
        (
            HEAD + "[[health]]\nname='a'\nkind='tcp'\nport=1\n[[health]]\nname='a'\nkind='tcp'\nport=1",
            10,
            "two checks 'a'",
        ),
        (HEAD + "[[health]]\nname='a'\nkind='tcp'\nport=1\nwhen=[]", 9, "never"),
        (
            HEAD + "[[environment]]\nfile='a'\nset={A='1'}\n[[environment]]\nfile='b'\nseet={A='1'}",
            10,
            "did you mean 'set'?",
        ),
        (HEAD + "[[environment]]\nfile='a'", 5, "changes nothing"),
        (HEAD + "[[environment]]\nfile='a'\nset={A='1'}\nremove=['A']", 8, "set and removed"),
        (HEAD + "[[environment]]\nfile='a'\nset={'A B'='1'}", 7, "not a name"),
        (HEAD + "[[environment]]\nfile='a'\n[environment.set]\nA='{pasword}'", 8, "did you mean {password}?"),
        (HEAD + "[[environment]]\nfile='a'\nsection='x'\nset={A='1'}", 7, "database-yml"),
        (HEAD + "[[environment]]\nfile='a'\nset={A='1'}\n[[environment]]\nfile='a'\nset={B='1'}", 9, "twice"),
        (HEAD + "[move]\nmode = 'data-only'", 6, "schema_commands"),
        (HEAD + "[move]\nschema_commands = ['x']", 6, "data-only"),
        (HEAD + "[maintenance]\non = ['x']", 6, "say off too"),
        (HEAD + "[services]\nstop = ['x']", 6, "say start too"),
        (HEAD + "[code]\nupdate = ['git pull',\n'']", 7, "expected a command"),
        (HEAD + "[code]\nupdate = [[]]", 6, "expected a command"),
        (HEAD + "[source]\npath = 'y'", 5, "not valid TOML"),
        (HEAD + "x = ", 5, "not valid TOML"),
        ("x = " + "[" * 5000, 1, "TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_the_right_word(
    runbook: Callable[[str], Runbook], text: str, line: int, says: str
) -> None:
    found, message = refused(runbook, text)
    assert says in message
    assert found == line


def test_all_that_is_wrong_is_told_at_once(runbook: Callable[[str], Runbook]) -> None:
    _, message = refused(runbook, HEAD + "verson = 16\n[move]\nmod = 'whole'\n[[health]]\nkind = 'tcp'\nport = 'x'")
    assert [part.split("litelift.toml:")[1].split(":")[0] for part in message.splitlines()] == ["5", "7", "8", "10"]


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "litelift.toml"
    path.write_bytes(HEAD.encode() + "[project]\nname = 'Bakı'".encode("utf-16-le"))
    with pytest.raises(RunbookError):
        read_runbook(path)
    path.write_bytes(HEAD.encode() + "[project]\nname = 'Şəki'".encode("iso8859-9", "replace"))
    with pytest.raises(RunbookError, match="6: the file is not UTF-8 here"):
        read_runbook(path)


def test_windows_line_ends_and_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "litelift.toml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode())
    assert read_runbook(path).source.path == "db.sqlite3"


def test_a_file_that_is_not_there_is_told_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no runbook") as caught:
        read_runbook(tmp_path / "litelift.toml")
    assert "litelift cutover init" in caught.value.hint
    with pytest.raises(UsageError, match="cannot be read: it is a folder") as caught:
        read_runbook(tmp_path)
    assert caught.value.hint == "Name the file in it."


def test_a_mistyped_command_is_not_taken_for_a_runbook() -> None:
    one_clear_error(litelift("cutover", "chek", "litelift.toml"), 2, "did you mean check?")
    one_clear_error(litelift("cutover", "statsu"), 2, "did you mean status?")
    one_clear_error(litelift("cutover", "check.toml"), 2, "there is no runbook check.toml")


def test_every_table_and_key_is_in_the_reference_as_it_is() -> None:
    assert PAGE.read_text("utf-8") == page(), "make it anew: python tests/runbook_reference.py"
    for model, header in sections(Runbook):
        for name, field in model.model_fields.items():
            key = field.alias or name
            assert key == "kind" or key in documented(model), f"{header} {key} has no docstring"
