"""Every command is documented: in its help, which fits 80 columns, and in the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from command import litelift
from litelift.cli.main import app

ROOT = Path(__file__).parent.parent


def _commands(command: Any, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found = {words: command}
    for name, inner in getattr(command, "commands", {}).items():
        found |= _commands(inner, (*words, name))
    return found


COMMANDS = _commands(typer.main.get_command(app))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "litelift")
def test_each_command_has_a_help_that_fits_80_columns(words: tuple[str, ...]) -> None:
    ran = litelift(*words, "--help")
    assert ran.status == 0
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "Usage:" in ran.out


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "litelift")
def test_each_command_and_option_says_what_it_does(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), parameter.name


@pytest.mark.parametrize("words", [words for words in COMMANDS if words], ids=" ".join)
def test_each_command_and_option_is_in_the_reference(words: tuple[str, ...]) -> None:
    reference = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    assert f"litelift {' '.join(words)}" in reference
    options = [option for parameter in COMMANDS[words].params for option in parameter.opts if option.startswith("--")]
    assert [option for option in options if option not in reference] == []


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [words[0] for words in COMMANDS if words and f"litelift {words[0]}" not in readme] == []


def test_the_version_is_told() -> None:
    assert litelift("--version").out.startswith("litelift 0.")
