"""A .env file: its keys get new values that every reader reads back, and not another byte changes."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotenv_readers import READERS, Reader, python_dotenv
from litelift.cutover.configuration.dotenv import edited, restored, values, written

LARAVEL = """\
APP_NAME="My app"   # shown in the title
APP_KEY=base64:abc=

# The database
DB_CONNECTION=sqlite
# DB_HOST=127.0.0.1
# DB_PORT=3306
#DB_DATABASE=laravel
export DB_OLD='x'
MULTI="one
DB_CONNECTION=in a value
two"

MAIL_PASSWORD=null
"""
POSTGRES = {"DB_CONNECTION": "pgsql", "DB_HOST": "127.0.0.1", "DB_PORT": "5432", "DB_PASSWORD": "a#b $c"}

HARD = st.text(st.sampled_from(list("ab1'\"\\$#{} =`\n\t;&!%é\u2028\u00a0😀~:null")), max_size=8) | st.lists(
    st.sampled_from(["${", "}", '="', "\\n", " #", "'", "a", "\\", "export "]), max_size=6
).map("".join)


def test_only_the_lines_of_its_keys_change() -> None:
    assert edited(LARAVEL, POSTGRES, ["DB_OLD"]) == (
        LARAVEL.replace("DB_CONNECTION=sqlite", "DB_CONNECTION=pgsql")
        .replace("# DB_HOST=127.0.0.1", "DB_HOST=127.0.0.1")
        .replace("# DB_PORT=3306", "DB_PORT=5432\nDB_PASSWORD='a#b $c'")
        .replace("export DB_OLD='x'", "# export DB_OLD='x'")
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "K=v w\n"),
        ("A=1", "A=1\nK=v w"),
        ("A=1\r\n", "A=1\r\nK=v w\r\n"),
        ("\ufeffK=1\r\nA=2", "\ufeffK=v w\r\nA=2"),
        ("K=", "K=v w"),
        ("K= # why", "K= v w # why"),
        ("K=#why", "K=v w #why"),
        ("K=1 # why", "K=v w # why"),
        ("  K = 1", "  K = v w"),
        ("K=1\nA=2\nK=3\n", "K=v w\nA=2\nK=v w\n"),
        ("K='1\n2'\nA=2\n", "K='v w'\nA=2\n"),
        ("K='1' # it's\n", "K='v w' # it's\n"),
        ("K='1\nA=2\n", "K='v w'\nA=2\n"),
        ("#K=0\nK=1\n", "#K=0\nK=v w\n"),
        ("## export K=0\n", "export K=v w\n"),
        ("export A=1\n", "export A=1\nexport K=v w\n"),
        ("# K='0\n# 1'\nA=1\n", "# K='0\n# 1'\nA=1\nK=v w\n"),
        ("KK=1\nXK=2", "KK=1\nXK=2\nK=v w"),
    ],
)
def test_a_key_is_set_where_it_is(before: str, after: str) -> None:
    after = after.replace("K=v w", 'K="v w"').replace("K = v w", 'K = "v w"').replace("K= v w", 'K= "v w"')
    assert edited(before, {"K": "v w"}) == after


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_reads_every_value_back(reader: Reader) -> None:
    hard = [
        "",
        " ",
        "it's",
        'a"b',
        "a#b",
        "a #b",
        "a\\b",
        "$HOME",
        "a$b{c}",
        "şəki 😀",
        "a\nb",
        "x=y",
        "\u2028'",
        "`a`",
    ]
    hard += [
        "p@ss:w/rd%25",
        "a'b$c",
        "null",
        "#a",
        "\\d+",
        "{url}",
        "a\tb",
        "postgresql://u:p%40@[::1]:5432/d?sslmode=x",
    ]
    texts = [f"A=1\nK={written(value, like)} # it's \"here\nB=2\n" for value in hard for like in ("", "'", '"')]
    texts += [edited(LARAVEL, {"DB_CONNECTION": value}) for value in hard]
    wanted = [{"A": "1", "K": value, "B": "2"} for value in hard for _ in range(3)]
    found = reader(texts)
    assert found[: len(wanted)] == wanted
    assert [read and read["DB_CONNECTION"] for read in found[len(wanted) :]] == hard


@given(HARD, st.sampled_from(["", "'", '"']))
def test_a_value_is_read_back_exactly_or_refused(value: str, like: str) -> None:
    try:
        text = f"A=1\nK={written(value, like)} # it's \"here\nB=2\n"
    except ValueError as error:
        assert not value or value not in str(error) or len(value) < 4
        return
    assert python_dotenv([text]) == [{"A": "1", "K": value, "B": "2"}]
    assert values(text) == {"A": "1", "K": value, "B": "2"}


@pytest.mark.parametrize("value", ["a\0b", "a\rb", "it's \"", "it's \\", "a${B}c", "a\\\\b'", "\ud800"])
def test_a_value_that_a_reader_would_read_otherwise_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(ValueError, match=r"^K: ") as caught:
        edited("K=1\n", {"K": value})
    assert value not in str(caught.value)


OURS = ["# K=0", "#L=0", "A=1", "K=1", "export L='2' # x", "K='a\nb'"]
OTHERS = ["", "# a comment", 'B="it\'s"', 'C="x\ny"', " D = e f", "KK=1", "# M = 3"]


@given(st.lists(st.sampled_from(OURS + OTHERS), max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans(), HARD)
def test_every_other_byte_stays_and_all_comes_back(lines: list[str], end: str, whole: bool, value: str) -> None:
    bom = "\ufeff" * (not whole)
    lines = ["Z=0", *lines]
    text = bom + end.join(line.replace("\n", end) for line in lines) + end * (whole or len(lines) == 1)
    try:
        written(value)
    except ValueError:
        return
    new = {"K": value, "L": "5432"}
    made = edited(text, new, ["A"])
    read = python_dotenv([made.removeprefix("\ufeff")])[0]
    assert read is not None
    assert (read["K"], read["L"], "A" in read) == (value, "5432", False)
    assert made.startswith(bom)
    ours = re.compile(r"(?:#+ ?)?(?:export )?[KLA]=")
    stayed = [line for line in made.removeprefix(bom).split(end) if not ours.match(line)]
    others = [part for line in lines if line not in OURS for part in line.split("\n")]
    assert [line for line in stayed if line] == [line for line in others if line]
    assert edited(made, new, ["A"]) == made
    back = restored(made, text, ["K", "L", "A"])
    assert back == text


def test_a_quote_that_is_not_closed_is_told_where_new_quotes_would_close_it() -> None:
    assert edited('A="it\nK=1\n', {"K": "b"}) == 'A="it\nK=b\n'
    with pytest.raises(ValueError, match="a quote that is not closed"):
        edited('A="it\nK=1\n', {"K": "#"})


def test_what_others_changed_meanwhile_stays() -> None:
    made = edited(LARAVEL, POSTGRES, ["DB_OLD"])
    theirs = made.replace("APP_NAME=", "NEW=1\nAPP_NAME=").replace("DB_PORT=5432", "DB_PORT=6432") + "LATE=2\n"
    back = restored(theirs, LARAVEL, [*POSTGRES, "DB_OLD"])
    assert back == LARAVEL.replace("APP_NAME=", "NEW=1\nAPP_NAME=") + "LATE=2\n"


def test_a_key_that_was_taken_out_comes_back_in_the_place_of_its_own_comment() -> None:
    old = "# A=1\nA=1 # x\nA='1\n2'\nB=1\n"
    made = edited(old, {"B": "2"}, ["A"])
    assert made == "# A=1\n# A=1 # x\n# A='1\n# 2'\nB=2\n"
    assert restored(made + "C=3\n", old, ["A", "B"]) == old + "C=3\n"


def test_a_key_that_somebody_removed_meanwhile_comes_back() -> None:
    made = edited("A=1\nK=old\nB=2\n", {"K": "new"})
    assert restored(made.replace("K=new\n", ""), "A=1\nK=old\nB=2\n", ["K"]) == "A=1\nK=old\nB=2\n"


def test_bytes_that_are_not_utf_8_stay_as_they_are() -> None:
    raw = b"NAME=\xfe\xff\nK=1\n"
    text = raw.decode("utf-8", "surrogateescape")
    assert os.fsencode(edited(text, {"K": "2"})) == b"NAME=\xfe\xff\nK=2\n"
