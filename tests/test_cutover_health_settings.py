"""``[[health]]`` of a runbook: documented key by key; what is wrong is told with the way out; secrets stay outside."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic_core import PydanticUndefined

from health_app import check_of
from litelift.cutover.health import settings
from litelift.cutover.health.kinds import how_to_make
from litelift.cutover.health.secret import Secrets, read_secrets
from litelift.cutover.health.settings import Check
from litelift.cutover.health.settings_base import Password
from litelift.cutover.health.settings_http import HttpSettings, InSession
from litelift.cutover.read import read_runbook
from litelift.errors import HealthCheckUnusable, MissingPart, RunbookError

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "health-checks.md"
HEAD = '[source]\npath = "db.sqlite3"\n[target]\nkind = "embedded"\n'
"""Four lines that a file needs."""
KINDS: list[type[Check]] = [
    settings.HttpCheck,
    settings.PageCheck,
    settings.TcpCheck,
    settings.PostgresCheck,
    settings.RedisCheck,
    settings.LoginCheck,
    settings.CrudCheck,
    settings.CommandCheck,
]


def rows(section: str) -> dict[str, list[str]]:
    """The tables of a section: the cells of each row, by its key."""
    text = PAGE.read_text("utf-8")
    found = next(part for part in re.split(r"^## ", text, flags=re.MULTILINE) if part.startswith(section))
    cells = [re.split(r" \| ", line.strip("| ")) for line in found.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row for row in cells}


def named(kind: type[Check]) -> str:
    """The word for a kind in the file."""
    return str(get_args(kind.model_fields["kind"].annotation)[0])


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_every_key_is_documented_with_its_default(kind: type[Check]) -> None:
    name = named(kind)
    documented = rows("Every check")
    for base, section in ((Password, "Passwords"), (InSession, "What goes"), (HttpSettings, "What goes")):
        if issubclass(kind, base):
            documented |= rows(section)
    own = rows(f"`{name}`")
    for field, facts in kind.model_fields.items():
        key = facts.alias or field
        assert key in documented | own, key
        cell = (documented | own)[key][2].strip("`")
        default = facts.get_default(call_default_factory=True)
        if default is PydanticUndefined:
            assert cell == "needed", key
        elif default is None:
            assert cell == "none", key
        elif key in own or field not in ("when", "timeout"):
            assert cell == json.dumps(default), key
        elif default != Check.model_fields[field].get_default(call_default_factory=True):
            shown = json.dumps(default)
            assert f"`{name}`" in documented[key][3], key
            assert f"`{shown}`" in documented[key][3], key
    assert not set(own) - {facts.alias or field for field, facts in kind.model_fields.items()}


def test_every_check_of_the_documentation_is_read(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        path = tmp_path / "litelift.toml"
        path.write_text(HEAD + block, encoding="utf-8")
        assert read_runbook(path).health


def test_every_kind_can_be_made_and_says_what_it_asks() -> None:
    needed: dict[str, dict[str, Any]] = {
        "http": {"url": "http://host/"},
        "page": {"url": "http://host/", "present": ["x"]},
        "tcp": {"port": 1},
        "postgres": {"value": 1},
        "redis": {},
        "login": {"url": "http://host/", "user": "a", "password_env": "PW", "then": "http://host/x"},
        "crud": {"url": "http://host/", "create": {"a": 1}, "update": {"a": 2}},
        "command": {"command": ["x", "y"]},
    }
    assert set(needed) == {named(kind) for kind in KINDS}
    for kind, keys in needed.items():
        check = check_of(kind=kind, **keys)
        assert callable(how_to_make(check))
        assert len(check.asks) > 3


TCP = "[[health]]\nname='p'\nkind='tcp'\nport=1\n"
LOGIN = "[[health]]\nname='l'\nkind='login'\nurl='http://h/'\nuser='a'\n"
URL = "[[health]]\nname='a'\nkind='http'\nurl='http://h/'\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (
            LOGIN + "password = 's3cret'",
            10,
            'password_env = "NAME", or a file that only its owner reads, password_file',
        ),
        (LOGIN, 5, "where its password is"),
        (LOGIN + "password_env='A'\npassword_file='b'", 11, "not both"),
        (LOGIN + "password_env='A'\ntoken='x'", 11, 'token goes with mode = "json"'),
        (LOGIN + "password_env='A'\nmode='json'\nform='x'", 12, 'form goes with mode = "form"'),
        (LOGIN + "password_env='A'\nthen_present=['x']", 11, "which is missing"),
        ("[[health]]\nname='a'\nkind='http'\nurl='http://u:s3cret@h/'", 8, "an address with a password in it"),
        (
            "[[health]]\nname='a'\nkind='http'\nurl='h/health'",
            8,
            "expected an address that begins with http:// or https://",
        ),
        ("[[health]]\nname='a'\nkind='http'\nurl='http://[h/'", 8, "this one cannot be read"),
        ("[[health]]\nname='a'\nkind='http'\nurl='http://h:99999/'", 8, "this one cannot be read"),
        ("[[health]]\nname='a'\nkind='http'\nurl='http://h/a b'", 8, "no spaces"),
        (URL + "headers = { Authorization = 'Bearer s3cret' }", 9, "Authorization is a secret: name a variable"),
        (URL + 'headers = { X-A = "a\\nb" }', 9, "characters that a header cannot"),
        (URL + "headers = { 'X A' = 'b' }", 9, "'X A' is not a header's name"),
        (URL + "verify = false\nca = 'x'", 10, "nobody has to be trusted"),
        (URL + "body = 'x'", 9, 'method = "POST" does'),
        (URL + "method = 'HEAD'\npresent = ['x']", 9, "use GET"),
        (URL + "status = 99", 9, "at least 100"),
        (URL + "max_avrage_ms = 9", 9, "did you mean 'max_average_ms'?"),
        (URL + "session = 'x'", 9, "'x' is not the name of a check of kind login above this one"),
        (LOGIN + "password_env='A'\n" + URL + "session = 'll'", 15, "did you mean 'l'?"),
        (
            LOGIN + "password_env='A'\nwhen=['after']\n" + URL + "session = 'l'",
            16,
            "is made before the move, and the login",
        ),
        ("[[health]]\nname='c'\nkind='crud'\nurl='http://h/'\ncreate={a=1}\nitem='/x/{id}'", 10, "with {id} in it"),
        ("[[health]]\nname='c'\nkind='crud'\nurl='http://h/'\ncreate={}", 9, "create"),
        ("[[health]]\nname='q'\nkind='postgres'\nwhen=['before']", 8, "no login in PostgreSQL yet"),
        ("[[health]]\nname='q'\nkind='postgres'\npassword_env='A'", 8, "a password goes with a url"),
        ("[[health]]\nname='q'\nkind='postgres'\nurl='postgresql://u:s3cret@h/d'", 8, "does not belong in this file"),
        ("[[health]]\nname='q'\nkind='postgres'\nurl='host=h password=s3cret'", 8, "does not belong in this file"),
        ("[[health]]\nname='q'\nkind='postgres'\nurl='s3cret=='", 8, "neither a PostgreSQL URL"),
        ("[[health]]\nname='r'\nkind='redis'\nurl='redis://:s3cret@h'", 8, "password_file"),
        ("[[health]]\nname='r'\nkind='redis'\nurl='redis://h?password=s3cret'", 8, "does not belong in this file"),
        ("[[health]]\nname='r'\nkind='redis'\nurl='http://h'", 8, "redis:// or rediss:// or unix://"),
        ("[[health]]\nname='c'\nkind='command'\ncommand=' '", 8, "expected a command"),
        (TCP + "timeout = 0", 9, "more than 0"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_without_the_secret(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    path = tmp_path / "litelift.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    with pytest.raises(RunbookError) as caught:
        read_runbook(path)
    assert says in str(caught.value)
    assert caught.value.facts["line"] == line
    assert "s3cret" not in str(caught.value)


def login(**keys: Any) -> Check:
    """A login whose password is somewhere."""
    return check_of(kind="login", name="admin", url="http://h/", user="a", **keys)


def test_a_password_comes_from_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "word"
    path.write_text("s3cret wörd \r\n", encoding="utf-8")
    path.chmod(0o600)
    assert read_secrets([login(password_file="word")], tmp_path).passwords == {"admin": "s3cret wörd "}
    path.chmod(0o640)
    with pytest.raises(HealthCheckUnusable, match="others may read") as caught:
        read_secrets([login(password_file="word")], tmp_path)
    assert caught.value.hint == f"chmod 600 {path}"
    assert caught.value.exit_code == 2


def test_secrets_of_any_shape_are_hidden() -> None:
    secrets = Secrets()
    secrets.add("   ", "two  spaces", 'quo"te<&>', "x", "xyz", "long-" + "z" * 5000, short=True)
    secrets.add("12345", "eight-88")
    said = 'xyz two spaces quo\\"te<&> quo&quot;te&lt;&amp;&gt; quo%22te%3C%26%3E x 12345 eight-88 long-zzzz... box\n!'
    assert secrets.hide(said) == "*** *** *** *** *** *** 12345 *** ***... box !"


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "there is no file"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "is not text in UTF-8")],
)
def test_a_file_without_a_password_is_told(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "word").write_bytes(content)
        (tmp_path / "word").chmod(0o600)
    with pytest.raises(HealthCheckUnusable, match=says) as caught:
        read_secrets([login(password_file="word")], tmp_path)
    assert 'the health check "admin" cannot be made' in str(caught.value)


def test_a_variable_that_is_not_set_and_a_ca_that_is_not_there_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOBODYS_WORD", raising=False)
    with pytest.raises(HealthCheckUnusable, match="NOBODYS_WORD is not set"):
        read_secrets([login(password_env="NOBODYS_WORD")], tmp_path)
    monkeypatch.setenv("NOBODYS_WORD", "")
    with pytest.raises(HealthCheckUnusable, match="NOBODYS_WORD is empty"):
        read_secrets([check_of(kind="http", url="http://h/", headers_env={"X-A": "NOBODYS_WORD"})], tmp_path)
    with pytest.raises(HealthCheckUnusable, match=r"there is no file .*ca\.pem \(ca\)"):
        read_secrets([check_of(kind="http", url="https://h/", ca="ca.pem")], tmp_path)


def test_a_library_that_is_not_installed_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "litelift.cutover.health.redis", raising=False)
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(
        MissingPart, match='a health check of kind "redis" needs redis, which is not installed'
    ) as caught:
        how_to_make(check_of(kind="redis"))
    assert "litelift[cutover]" in caught.value.hint
