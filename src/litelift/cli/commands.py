"""The subcommands, each imported when it is asked for: importing all takes longer than many a command runs."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

# Each in the module of its name; a group has an ``app`` there, a command a function of its name.
_COMMANDS = {
    "demo": "Make an ATİS-sized database, move it, prove it.",
    "check": "Everything that can be known before a move, and a verdict.",
    "inspect": "What is in there, what will be hard, what is proposed.",
    "plan": "The proposal for a move as an editable file.",
    "migrate": "Move a database and prove that nothing was lost.",
    "verify": "Compare every row of both databases, by content.",
    "undo": "Remove what a move made in a target, and nothing else.",
    "cutover": "The evening of the move: one runbook, every step reversible.",
    "backup": "Backups that are restored before anyone needs them.",
    "monitor": "The watch: whether the moved system is well.",
    "report": "The completion report: Markdown, HTML, JSON.",
    "server": "Start, stop or look at the embedded PostgreSQL.",
}


class _Imported(Mapping[str, Any]):
    def __init__(self, modules: str, helps: Mapping[str, str]) -> None:
        self._modules, self._helps = modules, helps
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(self._modules + name, name, self._helps[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._helps)

    def __len__(self) -> int:
        return len(self._helps)


def _command(of: str, name: str, short_help: str) -> Any:
    module = _module(of)
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name, short_help=short_help)(getattr(module, name))
    made = typer.main.get_command(app)
    made.name, made.short_help = name, short_help
    return made


def _module(name: str) -> ModuleType:
    """Import a module. What is imported stays: looking through it for garbage takes a tenth of the time."""
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.enable()


class Commands(TyperGroup):
    """The command itself."""

    modules = "litelift.cli."
    """What the name of each one's module begins with."""
    helps: ClassVar[Mapping[str, str]] = _COMMANDS
    """What is said of each in the list of them."""

    def __init__(self, **words: Any) -> None:
        """See typer."""
        super().__init__(**words)
        self.commands: Any = _Imported(self.modules, self.helps)
