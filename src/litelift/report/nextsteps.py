"""What to do next, derived from what happened."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import PurePath
from urllib.parse import quote

from litelift.report.entities import Totals
from litelift.report.format import count, moment
from litelift.report.text import title
from litelift.report.verdict import attention_notices, quarantined_total
from litelift.result import MigrationResult, Notice, SequenceProof

KEEP_DAYS = 30
"""How long to keep the SQLite file: long enough for whatever runs once a month to have run once."""


@dataclass(frozen=True)
class Code:
    """Words to paste, and the language that they are in."""

    language: str
    text: str


@dataclass(frozen=True)
class NextStep:
    """One thing to do."""

    title: str
    text: str
    code: list[Code] = field(default_factory=list)


def next_steps(result: MigrationResult, sums: Totals, failed: bool) -> list[NextStep]:
    """What the technical lead has to do, in order."""
    return _after_failure(result, sums) if failed else _after_success(result, sums)


def _literal(text: str) -> str:
    """An SQL string; an E'' one where a backslash, or a control character, would change meaning or hide."""
    if "\\" not in text:
        return "'" + text.replace("'", "''") + "'"
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _command(*words: str) -> str:
    return shlex.join(words)


def _verify(result: MigrationResult) -> str:
    return _command("litelift", "verify", result.source.path, result.target.display)


def _migrate(result: MigrationResult) -> str:
    mode = ["--data-only"] if result.mode == "data-only" else []
    return _command("litelift", "migrate", result.source.path, result.target.display, *mode)


# --------------------------------------------------------------------- exit 1


def _after_failure(result: MigrationResult, sums: Totals) -> list[NextStep]:
    steps = [
        NextStep(
            "Leave the application on SQLite",
            "Do not switch it over. The SQLite file was only read, and is as it was; nothing is lost.",
        )
    ]
    if sums.differing:
        steps.append(
            NextStep(
                "Find out why the tables differ",
                f"{count(sums.differing, 'table does', 'tables do')} not agree; “Proof results” names the rows and "
                "both values. The usual reason is a program that wrote to PostgreSQL after the load, or a trigger "
                "there that changes what is written. Compare again once nothing writes:",
                [Code("sh", _verify(result))],
            )
        )
    if behind := [sequence for sequence in result.proof.sequences if not sequence.ok]:
        lines = [_setval(sequence, result.target.schema_name) for sequence in behind[:50]]
        if len(behind) > 50:
            lines.append(f"-- and {len(behind) - 50:,} more: see report.json")
        steps.append(
            NextStep(
                "Set the sequences",
                "Otherwise the application's next new row takes a key that is already used.",
                [Code("sql", "\n".join(lines))],
            )
        )
    if any(kind.missing for kind in result.proof.objects):
        steps.append(
            NextStep(
                "Put back the missing constraints and indexes",
                "“Proof results” names them. Until they are there, PostgreSQL does not keep the rules that SQLite "
                "kept.",
            )
        )
    room = (
        "into the application's schema, freshly made by its migrations"
        if result.mode == "data-only"
        else "into an empty database or schema"
    )
    steps.append(
        NextStep(
            "Move again",
            f"When the reason is known, move again {room}. If the same difference comes back, it is a bug in "
            "litelift: please report it with the table's CREATE statement and one of the rows named above.",
            [Code("sh", _migrate(result))],
        )
    )
    return steps


def _setval(sequence: SequenceProof, schema: str) -> str:
    name = sequence.name
    if '"' not in name:
        owner, dot, rest = name.partition(".")
        name = f"{_identifier(owner)}.{_identifier(rest)}" if dot and owner == schema else _identifier(name)
        if not dot or owner != schema:
            name = f"{_identifier(schema)}.{name}"
    return f"SELECT setval({_literal(name)}, {sequence.expected}, false);"


# --------------------------------------------------------------------- exit 0 and 3


def _after_success(result: MigrationResult, sums: Totals) -> list[NextStep]:
    steps = [
        NextStep(
            "Make sure that nothing was written to SQLite since",
            f"The move began on {moment(result.started)}. What the application wrote to the SQLite file after that "
            "is not in PostgreSQL. If it was running, stop it and compare; if anything differs, move again.",
            [Code("sh", _verify(result))],
        )
    ]
    if sums.uncompared:
        steps.append(
            NextStep(
                "Compare what was not compared",
                f"{count(sums.uncompared, 'table')} {'was' if sums.uncompared == 1 else 'were'} loaded, but not "
                "compared by content. The command above does it.",
            )
        )
    steps += open_points(result)
    if result.target.embedded:
        steps.append(_leave_embedded(result))
    steps += [_backup(result), _switch(result), _keep(result)]
    return steps


def open_points(result: MigrationResult) -> list[NextStep]:
    """What a move that is proved leaves to a person."""
    steps = _quarantine(result) + _not_valid(result) + _untranslated(result)
    told = [notice for notice in attention_notices(result) if not _is_not_valid(notice)]
    if told:
        kinds = sorted({title(notice.kind) for notice in told})
        steps.append(
            NextStep(
                "Decide on the notices that ask for attention",
                f"“What was told” lists {count(len(told), 'notice')} ({', '.join(kinds)}) to decide on: read each, "
                "and write down what was decided.",
            )
        )
    return steps


def _quarantine(result: MigrationResult) -> list[NextStep]:
    total = quarantined_total(result)
    if not total:
        return []
    run = _literal(result.run_id)
    return [
        NextStep(
            "Look through the quarantine",
            f"{count(total, 'value or row', 'values or rows')} could not stay as they were. Correct each in "
            "PostgreSQL, or accept what stands in its place; then the record can be emptied.",
            [
                Code(
                    "sql",
                    "-- how many, and where\n"
                    "SELECT table_name, column_name, reason, count(*)\n"
                    "  FROM litelift.quarantine\n"
                    f" WHERE run_id = {run}\n"
                    " GROUP BY 1, 2, 3 ORDER BY 4 DESC;\n\n"
                    "-- each one, with its key and its original bytes\n"
                    "SELECT table_name, column_name, row_key, storage_class,\n"
                    "       encode(original, 'escape') AS original, reason\n"
                    "  FROM litelift.quarantine\n"
                    f" WHERE run_id = {run}\n"
                    " ORDER BY table_name, column_name, row_key::text;",
                )
            ],
        )
    ]


_NOT_VALID = re.compile(r"not[\s_-]valid|orphan", re.IGNORECASE)
_CONSTRAINT = re.compile(r'(?:constraint|foreign key|check)\s+"((?:[^"]|"")+)"', re.IGNORECASE)


def _is_not_valid(notice: Notice) -> bool:
    return bool(_NOT_VALID.search(notice.kind) or _NOT_VALID.search(notice.message))


def _constraint(notice: Notice) -> str | None:
    """The constraint that a notice names: ``constraint "name"``, or ``name on table: ...``; else None."""
    if found := _CONSTRAINT.search(notice.message):
        return found[1].replace('""', '"')
    name, on, _ = notice.message.partition(f" on {notice.table}: ")
    return name if on and "NOT VALID" in notice.message else None


def _not_valid(result: MigrationResult) -> list[NextStep]:
    notices = [notice for notice in attention_notices(result) if _is_not_valid(notice)]
    if not notices:
        return []
    schema = result.target.schema_name
    targets = {table.source: table.target for table in result.tables}
    statements: dict[str, None] = {}
    for notice in notices:
        name = _constraint(notice)
        if name and notice.table:
            table = targets.get(notice.table, notice.table).removeprefix(f"{schema}.")
            statements[
                f"ALTER TABLE {_identifier(schema)}.{_identifier(table)} VALIDATE CONSTRAINT {_identifier(name)};"
            ] = None
    code = [
        Code(
            "sql",
            "-- writes the statement for every constraint that is not validated yet (in psql, \\gexec runs them)\n"
            "SELECT format('ALTER TABLE %s VALIDATE CONSTRAINT %I;', conrelid::regclass, conname)\n"
            "  FROM pg_constraint\n"
            " WHERE NOT convalidated\n"
            " ORDER BY conrelid::regclass::text, conname;",
        )
    ]
    if statements:
        shown = list(statements)[:50]
        rest = len(statements) - len(shown)
        code.insert(0, Code("sql", "\n".join([*shown, *([f"-- and {rest:,} more"] if rest else [])])))
    return [
        NextStep(
            "Mend the rows that break a constraint, then validate it",
            f"{count(len(notices), 'notice')} under “What was told” {'speaks' if len(notices) == 1 else 'speak'} of "
            "rows that already broke a rule in SQLite. PostgreSQL holds new rows to the rule already; once the old "
            "ones are mended, validate it.",
            code,
        )
    ]


def _untranslated(result: MigrationResult) -> list[NextStep]:
    if not result.untranslated:
        return []
    kinds: dict[str, int] = {}
    for item in result.untranslated:
        kinds[item.kind] = kinds.get(item.kind, 0) + 1
    counted = ", ".join(count(value, kind) for kind, value in sorted(kinds.items()))
    return [
        NextStep(
            "Write what was not carried by hand",
            f"{counted}: the SQL and the reason are under “What was not carried” and in the table "
            "litelift.untranslated.",
            [Code("sql", "SELECT kind, name, reason, sql FROM litelift.untranslated ORDER BY kind, name;")],
        )
    ]


def _leave_embedded(result: MigrationResult) -> NextStep:
    folder = f" in {result.target.embedded_folder}" if result.target.embedded_folder else ""
    return NextStep(
        "Decide where PostgreSQL is to live",
        f"This move went into the PostgreSQL that litelift started itself{folder}. That serves for a trial; for "
        "production, move into a server that the operating system starts, watches and updates.",
        [Code("sh", _command("litelift", "migrate", result.source.path) + " postgresql://USER@HOST/DATABASE")],
    )


def _backup(result: MigrationResult) -> NextStep:
    file = f"{result.target.database or 'database'}-{result.finished:%Y-%m-%d}.dump".replace("/", "_").lstrip("-")
    return NextStep(
        "Take a backup of PostgreSQL, and restore it somewhere",
        "Before the first user is let in. A backup that has not been restored yet is a hope. The second command "
        "names a fresh, empty database.",
        [
            Code(
                "sh",
                _command("pg_dump", "--format=custom", f"--file={file}", result.target.display)
                + "\n"
                + _command("pg_restore", "--exit-on-error", "--no-owner", "--dbname=restore_test", file),
            )
        ],
    )


_PLAIN = re.compile(r"[\w./:@+-]+", re.ASCII)


def _setting(text: str) -> str:
    return (
        text
        if _PLAIN.fullmatch(text)
        else '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'
    )


def _switch(result: MigrationResult) -> NextStep:
    target = result.target
    user, database = quote(target.user, safe=""), quote(target.database, safe="")
    if target.host.startswith("/"):
        url = f"postgresql://{user}@/{database}?host={quote(target.host, safe='/')}&port={target.port}"
    else:
        host = f"[{target.host}]" if ":" in target.host else target.host
        url = f"postgresql://{user}@{host}:{target.port}/{database}"
    lines = [
        "# one setting, as many frameworks read it",
        f"DATABASE_URL={_setting(url)}",
        "",
        "# or one by one, as Laravel reads them",
        "DB_CONNECTION=pgsql",
        f"DB_HOST={_setting(target.host)}",
        f"DB_PORT={target.port}",
        f"DB_DATABASE={_setting(target.database)}",
        f"DB_USERNAME={_setting(target.user)}",
    ]
    return NextStep(
        "Switch the application over",
        "Stop it, change its settings (.env), clear its configuration cache, start it, and try a read and a write. "
        "Take the password from where you keep secrets: litelift never writes one down.",
        [Code("ini", "\n".join(lines))],
    )


def _keep(result: MigrationResult) -> NextStep:
    path = result.source.path
    return NextStep(
        f"Keep the SQLite file, read-only, for {KEEP_DAYS} days",
        "With the application stopped, take the right to write away and note the checksum. It is the way back, and "
        "the evidence for this report.",
        [
            Code(
                "sh",
                f"{_command('chmod', 'a-w', '--', path)}\n"
                f"{_command('sha256sum', '--', path)} > {shlex.quote(PurePath(path).name + '.sha256')}",
            )
        ],
    )
