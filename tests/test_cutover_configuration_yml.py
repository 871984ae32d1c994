"""Rails' database.yml: the keys of one section change, and the template around them stays."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from litelift.cutover.configuration.database_yml import edited, restored, tags, values, written

RAILS = """\
# SQLite. Versions 3.8.0 and up are supported.
default: &default
  adapter: sqlite3
  pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>   # threads: {many}
  timeout: 5000

development:
  <<: *default
  database: storage/development.sqlite3
<% if ENV["EXTRA"] %>
extra: { adapter: sqlite3 }
<% end %>

production:
  <<: *default
  database: <%= ENV["DB: it"] || "storage/production.sqlite3" %>
  password: 'old''s'   # ours
  note: |
    two
    lines

# the end
test:
  <<: *default
"""
POSTGRES = {
    "adapter": "postgresql",
    "host": "127.0.0.1",
    "port": "5432",
    "database": "app",
    "username": "app",
    "password": "p#w: '1'",
}
SEVERAL = """\
production:
  primary: &primary
    adapter: sqlite3
    database: storage/production.sqlite3
  cache:
    <<: *primary
    database: storage/cache.sqlite3
"""


def by_ruby(text: str) -> dict[str, Any]:
    """What Rails would make of it: ERB, then Psych."""
    script = "print YAML.load(ERB.new($stdin.read).result, aliases: true).to_json"
    words = ["ruby", "-rerb", "-ryaml", "-rjson", "-e", script]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_only_the_lines_of_its_keys_change() -> None:
    made = edited(RAILS, "production", POSTGRES, ["note"])
    assert made == RAILS.replace(
        "  database: <%= ENV[\"DB: it\"] || \"storage/production.sqlite3\" %>\n  password: 'old''s'   # ours\n"
        "  note: |\n    two\n    lines\n",
        "  database: app\n  username: app\n  password: 'p#w: ''1'''   # ours\n"
        "  # note: |\n#     two\n#     lines\n  adapter: postgresql\n  host: '127.0.0.1'\n  port: 5432\n",
    )
    assert values(made, "production") == POSTGRES
    assert edited(made, "production", POSTGRES, ["note"]) == made
    assert tags(RAILS, "production", POSTGRES) == {"database": '<%= ENV["DB: it"] || "storage/production.sqlite3" %>'}


@pytest.mark.skipif(shutil.which("ruby") is None, reason="there is no ruby")
def test_ruby_reads_the_new_values_and_all_else_as_before() -> None:
    before, after = by_ruby(RAILS), by_ruby(edited(RAILS, "production", POSTGRES))
    assert after["production"] == {**before["production"], **POSTGRES, "port": 5432}
    assert {**after, "production": 0} == {**before, "production": 0}


@pytest.mark.skipif(shutil.which("ruby") is None, reason="there is no ruby")
def test_ruby_reads_every_value_back() -> None:
    hard = [
        "yes",
        "no",
        "~",
        "null",
        "1",
        "0x1f",
        "1e3",
        "12:30:00",
        "a: b",
        "a #b",
        " a ",
        "it's",
        '"',
        "\\",
        "*a",
        "&a",
    ]
    hard += [
        "",
        "{a}",
        "[a]",
        "%",
        "@a",
        "`a`",
        "şəki 😀",
        "a\nb",
        "\t",
        "\u2028",
        "\x85",
        "!!x",
        "- a",
        "=",
        "<<",
        "2026-01-01",
    ]
    text = "".join(f"k{at}:\n  v: {written('v', value)}\n" for at, value in enumerate(hard))
    assert [found["v"] for found in by_ruby(text).values()] == hard


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=12), min_size=6
    ),
    st.booleans(),
)
def test_values_are_read_back_exactly(found: list[str], windows: bool) -> None:
    new = {f"k{at}": value for at, value in enumerate(found) if "<%" not in value and "%>" not in value}
    text = SEVERAL.replace("\n", "\r\n") if windows else SEVERAL
    made = edited(text, "production.cache", new)
    read = YAML(typ="safe").load(made)["production"]["cache"]
    assert {key: read[key] for key in new} == new
    assert restored(made, text, "production.cache", new) == text


def test_one_of_several_databases_is_named_by_its_way() -> None:
    made = edited(SEVERAL, "production.primary", {"adapter": "postgresql", "url": "postgresql://u@h/d"})
    assert made == SEVERAL.replace("    adapter: sqlite3\n", "    adapter: postgresql\n    url: 'postgresql://u@h/d'\n")
    with pytest.raises(ValueError, match=r"production\.primary or production\.cache"):
        edited(SEVERAL, "production", {"adapter": "postgresql"})


@pytest.mark.parametrize(
    ("text", "section", "says"),
    [
        ("production: {adapter: x}\n", "production", "in braces"),
        ("a: &a\n  adapter: x\nproduction: *a\n", "production", "reference to another section"),
        ("a:\n  adapter: x\n", "production", "there is no section 'production'; there are: a"),
        ("production: x\n", "production", "no table"),
        ("- x\n", "production", "no table"),
        ("production:\n  adapter: [\n", "production", "not valid YAML in line"),
        ("production:\n  adapter: &x sqlite3\n  b: *x\n", "production", "others refer to"),
        ("a: &a\n  adapter: x\nproduction:\n  adapter: y\n  <<: *a\n", "production", "put << first"),
        ("production:\n  url: <%= ENV['DATABASE_URL'] %>\n", "production", "has a url, which Rails takes before"),
        ("a: &a\n  url: x\nproduction:\n  <<: *a\n", "production", "has a url"),
    ],
)
def test_what_cannot_be_changed_is_refused(text: str, section: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        edited(text, section, {"adapter": "postgresql", "host": "h"})


def test_what_comes_from_another_section_cannot_be_taken_out() -> None:
    with pytest.raises(ValueError, match="by <<"):
        edited(RAILS, "production", {}, ["timeout"])
    with pytest.raises(ValueError, match="template's tag"):
        edited(RAILS, "production", {"host": "<%= x %>"})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("production:\n", "production:\n  host: h\n"),
        ("a: b\nproduction:", "a: b\nproduction:\n  host: h"),
        ("production:\n  b:\n    - c\n    - d\n  e: f", "production:\n  b:\n    - c\n    - d\n  e: f\n  host: h"),
        ("a: &a x\nproduction:\n  b: *a\n# c\n", "a: &a x\nproduction:\n  b: *a\n  host: h\n# c\n"),
        ("production: # empty\ntest:\n  a: b\n", "production: # empty\n  host: h\ntest:\n  a: b\n"),
        ("production:\n  host:\n  b: c", "production:\n  host: h\n  b: c"),
        ("production:\n  host: # why\n", "production:\n  host: h # why\n"),
        ("\ufeffproduction:\n    b: c\n\n\n# x\n", "\ufeffproduction:\n    b: c\n    host: h\n\n\n# x\n"),
        ("production:\n  host: a\n  host: b\n", "production:\n  host: h\n  host: h\n"),
        (
            "production:\r\n  variables:\r\n    a: b\r\n  c: d\r\n",
            "production:\r\n  variables:\r\n    a: b\r\n  c: d\r\n  host: h\r\n",
        ),
    ],
)
def test_a_key_is_set_where_it_is_and_goes_back(before: str, after: str) -> None:
    assert edited(before, "production", {"host": "h"}) == after
    assert restored(after, before, "production", ["host"]) == before


def test_what_others_changed_meanwhile_stays() -> None:
    made = edited(RAILS, "production", POSTGRES, ["note"])
    theirs = made.replace("timeout: 5000", "timeout: 6000").replace(
        "port: 5432", "port: 6432\n  prepared_statements: false"
    )
    back = restored(theirs, RAILS, "production", [*POSTGRES, "note"])
    wanted = RAILS.replace("timeout: 5000", "timeout: 6000")
    assert back == wanted.replace("    lines\n", "    lines\n  prepared_statements: false\n")
