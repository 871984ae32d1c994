"""What no single key of a runbook shows: keys that contradict each other, and such as would do nothing or harm."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from litelift.cutover.configuration.words import BRACES, WORDS
from litelift.cutover.health.settings import CommandCheck, InSession, LoginCheck
from litelift.cutover.settings import Command, Environment, Runbook
from litelift.tomlfile.problems import Problem, did_you_mean

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def contradictions(runbook: Runbook) -> Iterator[Problem]:
    """Each contradiction, at the key to mend."""
    if not runbook.source.path.removeprefix("sqlite:///").strip():
        yield Problem(("source", "path"), "source.path: expected the path of the SQLite file; got nothing")
    if runbook.move.mode == "data-only" and not runbook.move.schema_commands:
        said = 'mode = "data-only" fills the tables that schema_commands make, and there are none'
        yield Problem(("move", "mode"), f"move.mode: {said}")
    if runbook.move.mode == "whole" and runbook.move.schema_commands:
        said = 'the tables are made by litelift where mode = "whole"; these commands are for mode = "data-only"'
        yield Problem(("move", "schema_commands"), f"move.schema_commands: {said}")
    if runbook.maintenance.on and not runbook.maintenance.off:
        yield Problem(("maintenance", "on"), "maintenance.on: nothing would open the application again: say off too")
    if runbook.services.stop and not runbook.services.start:
        yield Problem(("services", "stop"), "services.stop: nothing would start the application again: say start too")
    yield from _commands(runbook)
    yield from _health(runbook)
    yield from _environment(runbook.environment)


def _commands(runbook: Runbook) -> Iterator[Problem]:
    lists: dict[tuple[str, str], Sequence[Command]] = {
        ("move", "schema_commands"): runbook.move.schema_commands,
        ("maintenance", "on"): runbook.maintenance.on,
        ("maintenance", "off"): runbook.maintenance.off,
        ("services", "stop"): runbook.services.stop,
        ("services", "start"): runbook.services.start,
        ("code", "update"): runbook.code.update,
        ("code", "undo"): runbook.code.undo,
        ("backup", "commands"): runbook.backup.commands,
        ("monitor", "commands"): runbook.monitor.commands,
    }
    for keys, commands in lists.items():
        for at, command in enumerate(commands):
            if _is_empty(command):
                yield Problem((*keys, at), f"{'.'.join(keys)}: expected a command; got nothing")


def _is_empty(command: Command) -> bool:
    return not (command.strip() if isinstance(command, str) else command and command[0])


def _health(runbook: Runbook) -> Iterator[Problem]:
    seen: set[str] = set()
    logins: dict[str, LoginCheck] = {}
    for at, check in enumerate(runbook.health):
        if check.name in seen:
            yield Problem(("health", at, "name"), f"health.name: there are two checks {check.name!r}")
        seen.add(check.name)
        if not check.when:
            said = 'never; expected "before", "after" or both'
            yield Problem(("health", at, "when"), f"health.when: the check {check.name!r} would be made {said}")
        if isinstance(check, LoginCheck):
            logins[check.name] = check
        if isinstance(check, InSession) and check.session is not None:
            yield from _session(check, logins, ("health", at, "session"))
        if isinstance(check, CommandCheck) and _is_empty(check.command):
            yield Problem(("health", at, "command"), "health.command: expected a command; got nothing")


def _session(check: InSession, logins: Mapping[str, LoginCheck], keys: tuple[str | int, ...]) -> Iterator[Problem]:
    login = logins.get(check.session or "")
    if login is None:
        said = f"{check.session!r} is not the name of a check of kind login above this one"
        yield Problem(keys, f"health.session: {said}{did_you_mean(check.session or '', logins)}")
    elif missing := set(check.when) - set(login.when):
        said = f"{check.name!r} is made {missing.pop()} the move, and the login {login.name!r} is not"
        yield Problem(keys, f"health.session: {said}")


def _environment(files: Sequence[Environment]) -> Iterator[Problem]:
    seen: set[tuple[str, str | None]] = set()
    for at, file in enumerate(files):
        of = ("environment", at)
        if not file.file.strip():
            yield Problem((*of, "file"), "environment.file: expected the path of a file; got nothing")
        part = (file.file, file.section if file.kind == "database-yml" else None)
        if part in seen:
            where = f"section {part[1]!r} of {part[0]!r}" if part[1] else repr(part[0])
            yield Problem((*of, "file"), f"environment.file: {where} is here twice; put its keys into one table")
        seen.add(part)
        if not file.set and not file.remove:
            yield Problem(of, f"[[environment]] for {file.file!r} changes nothing: expected set or remove")
        if file.kind == "env" and "section" in file.model_fields_set:
            said = 'a file of kind "env" has no sections; is it kind = "database-yml"?'
            yield Problem((*of, "section"), f"environment.section: {said}")
        yield from _keys(file, of)


def _keys(file: Environment, of: tuple[str, int]) -> Iterator[Problem]:
    for key in file.remove:
        if key in file.set:
            yield Problem((*of, "remove"), f"environment.remove: {key!r} is set and removed")
    for key in (*file.set, *file.remove):
        if not _NAME.fullmatch(key):
            where = (*of, "set", key) if key in file.set else (*of, "remove")
            yield Problem(where, f"environment: {key!r} is not a name; expected letters, digits and underscores")
    for key, value in file.set.items():
        for word in BRACES.findall(value):
            near = get_close_matches(word, WORDS, 1)
            if word not in WORDS and near:
                said = f"{{{word}}} stands for nothing; did you mean {{{near[0]}}}?"
                yield Problem((*of, "set", key), f"environment.set.{key}: {said}")
