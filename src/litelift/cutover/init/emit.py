"""Writes the proposed runbook: every key with what it is for; one that is left out stands there as a comment."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from litelift.cutover.documented import documented, heading
from litelift.cutover.settings import Runbook
from litelift.tomlfile.shape import sections
from litelift.tomlfile.write import comments, key_text, pair, string

Notes = Mapping[tuple[str, str], str]
_WIDTH = 100
_EXAMPLES = {
    "[[environment]]": ["[[environment]]", 'file = ".env"', 'set = { DATABASE_URL = "{url}" }'],
    "[[backup.copy]]": ["[[backup.copy]]", 'name = "cold"', 'url = "sftp://backup@host.example.org/srv/backups"'],
    "[[health]]": ["[[health]]", 'name = "front page"', 'kind = "http"', 'url = "https://app.example.org/"'],
    "[[monitor.redis]]": ["[[monitor.redis]]", 'name = "cache"', 'url = "redis://127.0.0.1:6379/0"'],
}


def emit(values: Mapping[str, Any], notes: Notes, todo: Sequence[str] = ()) -> str:
    """The file.

    Args:
        values: as the file has them: {"project": {"name": ...}, "environment": [{...}], ...}.
        notes: what is said of a key of a table beside what the key is for.
        todo: what only a person can do; it stands at the top.
    """
    name = str(values["project"]["name"])
    lines = comments(
        [
            f"The runbook of {name}: from SQLite to PostgreSQL. Look at every line, then try it:",
            "    litelift cutover check FILE, litelift cutover FILE --dry-run, litelift cutover FILE --rehearse",
            "A key with a # right before it shows what holds as long as it is left out.",
        ]
    )
    if todo:
        lines += ["#", "# Still to be done by you:", *(line for item in todo for line in _wrapped(f"- {item}"))]
    models = {header.split()[0]: model for model, header in sections(Runbook)}
    for table in Runbook.model_fields:
        if f"[[{table}]]" in models:
            lines += _list(table, f"[[{table}]]", values.get(table, []), notes)
        else:
            held = values.get(table, {})
            lines += _table(f"[{table}]", table, _model(f"[{table}]", held), held, notes)
    return "\n".join(lines) + "\n"


def _table(header: str, table: str, model: type[BaseModel], held: Mapping[str, Any], notes: Notes) -> Iterator[str]:
    yield ""
    yield from _wrapped(_titled(header, heading(model)))
    yield header
    documents = documented(model)
    inside = {written: inner for inner, written in sections(model, table) if written.count(".") == table.count(".") + 1}
    for name, field in model.model_fields.items():
        key = field.alias or name
        if f"[{table}.{key}]" in inside or f"[[{table}.{key}]]" in inside:
            continue
        yield from _wrapped(documents.get(key, "") or _kinds(header, key))
        yield from _wrapped(notes.get((table, key), ""))
        if key in held:
            yield from pair(key, held[key])
        else:
            default = field.get_default(call_default_factory=True)
            shown = _nothing(field.annotation) if default in (None, PydanticUndefined) else _plain(default)
            yield from (f"#{line}" for line in pair(key, shown))
    for written, inner in inside.items():
        if written.startswith("[["):
            yield ""
            # Not as a key that holds where it is left out: there is none of these then.
            yield from _wrapped(f"{_titled(written, heading(inner))} For instance:")
            yield from (f"#     {line}" for line in _EXAMPLES[written])
        else:
            key = written.strip("[]").rpartition(".")[2]
            yield from _table(written, f"{table}.{key}", inner, held.get(key, {}), notes)


def _list(table: str, header: str, entries: Sequence[Mapping[str, Any]], notes: Notes) -> Iterator[str]:
    """The tables of a list; of keys that are left out, the reference tells."""
    yield ""
    models = [model for model, written in sections(Runbook) if written.split()[0] == header]
    if len(models) == 1:
        yield from _wrapped(_titled(header, heading(models[0])))
    else:
        yield from comments([f"{header}: one table for each check. The kinds are:"])
        for model in models:
            yield from _wrapped(heading(model).split("\n")[0].replace("``", ""), "    ")
    if not entries:
        yield from (f"#{line}" for line in _EXAMPLES[header])
    told: set[str] = set()
    for number, held in enumerate(entries):
        model = _model(header, held)
        if number:
            yield ""
        yield header
        for key, value in held.items():
            for words in (documented(model).get(key, ""), notes.get((table, key), "")):
                if words not in told:
                    yield from _wrapped(words)
                told.add(words)
            if isinstance(value, Mapping):
                # TOML 1.0 keeps an inline table on one line; dotted keys say the same on many.
                yield from (f"{key_text(key)}.{key_text(inner)} = {string(str(v))}" for inner, v in value.items())
            else:
                yield from pair(key, value)


def _model(header: str, held: Mapping[str, Any]) -> type[BaseModel]:
    """The model of a table, by its kind where it has several."""
    found = [(model, written) for model, written in sections(Runbook) if written.split()[0] == header]
    if len(found) == 1:
        return found[0][0]
    return next(model for model, written in found if written.endswith(f'"{held["kind"]}"'))


def _kinds(header: str, key: str) -> str:
    """For the key that says which of several tables this is."""
    found = [written.split(" = ")[1] for _, written in sections(Runbook) if written.startswith(f"{header} with {key} ")]
    return f"One of {', '.join(found)}." if found else ""


def _titled(header: str, text: str) -> str:
    """A docstring as the file has it."""
    plain = text.replace("``", "`")
    return f"{header}: {plain.split(': ', 1)[1]}" if plain.startswith("`[") and ": " in plain else plain


def _wrapped(text: str, indent: str = "") -> Iterator[str]:
    plain = text.replace("``", "`").replace("None:", "Left out:")
    for paragraph in plain.split("\n\n") if plain else []:
        later = indent + ("  " if paragraph.startswith("- ") else "")
        yield from comments(
            textwrap.wrap(
                " ".join(paragraph.split()),
                _WIDTH,
                initial_indent=indent,
                subsequent_indent=later,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )


def _nothing(annotation: Any) -> Any:
    """What stands for a key that has no default: nothing, of its type."""
    kinds = [annotation, *get_args(annotation)]
    if any(
        kind in (int, float) or (get_origin(kind) is not None and set(get_args(kind)) & {int, float}) for kind in kinds
    ):
        return 1
    return ""


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
